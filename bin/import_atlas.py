#!/usr/bin/env python3
"""Counts of any layout, with their annotations, as an h5ad that the pipeline reads."""

import csv
import sys
from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, annotations_option, cells_option, gene_column_option, layer_option


@click.command(
    epilog="""\b
Examples:
  A table of Smart-seq2 counts and a table of labels:
    import_atlas.py Lung-counts.csv.gz --annotations annotations_facs.csv --gtf genes.gtf \\
      --protocol smartseq2 --genome GRCm38 --levels 'all;cell_ontology_class' --output lung_facs.h5ad
  Two 10x folders as one atlas:
    import_atlas.py 10X_P7_8=Lung-10X_P7_8 10X_P7_9=Lung-10X_P7_9 --annotations annotations_droplet.csv \\
      --genome GRCm38 --output lung_droplet.h5ad
  The lung's cells of a large h5ad:
    import_atlas.py --layer raw --cells "tissue == 'lung'" --output lung.h5ad atlas.h5ad"""
)
@click.argument("counts", nargs=-1, required=True)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="h5ad to write.")
@annotations_option
@layer_option
@gene_column_option
@cells_option
@click.option("--gtf", type=EXISTING, help="Annotation, whose genes say which side of a table has genes: GTF or GFF3.")
@click.option("--genes_in", type=click.Choice(["rows", "columns"]), help="Which side of a table has genes; see --gtf.")
@click.option("--protocol", type=click.Choice(["10x", "smartseq2"]), help="For the row of the sheet.")
@click.option("--genome", help="For the row of the sheet.")
@click.option("--levels", default="all", show_default=True, help="For the row of the sheet.")
@reports_problems
def main(counts, output, annotations, layer, gene_column, cells, gtf, genes_in, protocol, genome, levels):
    """Write COUNTS as one h5ad, and print its row for the sheet of atlases.

    COUNTS are files or folders of raw counts: tables (CSV, TSV), 10x folders, 10x HDF5 files, loom, zarr, h5mu and h5ad,
    each as PATH or NAME=PATH. With a name, cells are called NAME_BARCODE. Several need names, and the same genes.
    """
    from scxpresso.expression.atlas import AtlasColumns
    from scxpresso.expression.importing import Source, gene_side, import_atlas
    from scxpresso.genome.gene_models import read_annotation

    sources = [Source.parse(text) for text in counts]
    if missing := [str(source.path) for source in sources if not source.path.exists()]:
        raise click.UsageError(f"no file or folder {missing[0]!r}")
    genes = {one.gene_id: one.gene_name for one in read_annotation(gtf)} if gtf else {}
    columns = AtlasColumns(layer or None, gene_column or None, annotations, cells or None)
    made = import_atlas(sources, output, columns, gene_side(genes_in, list(genes), list(genes.values())), log)
    log(f"{output}: {made.cells:,} cells, {made.genes:,} genes")
    if made.levels:
        log(f"columns that may be levels: {', '.join(f'{name} ({n:,} labels)' for name, n in made.levels.items())}")
    if protocol is None and all(kind.startswith("10x") for kind in made.kinds):
        protocol = "10x"
    row = {
        "atlas": output.stem,
        "counts": output,
        "protocol": protocol or "?",
        "genome": genome or "?",
        "levels": levels,
    }
    if "?" in row.values():
        log("fill in what is '?' in the row")
    writer = csv.DictWriter(sys.stdout, row, lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)


if __name__ == "__main__":
    main()

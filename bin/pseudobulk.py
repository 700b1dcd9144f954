#!/usr/bin/env python3
"""Expression of every cell population of an atlas."""

from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import (
    EXISTING,
    annotations_option,
    cells_option,
    gene_column_option,
    genes_option,
    layer_option,
    library_column_option,
    outdir_option,
    seed_option,
)


@click.command(
    epilog="Example: pseudobulk.py --counts atlas.h5ad --protocol 10x --levels 'all;cell_type' --genes genes.tsv"
)
@click.option(
    "--counts",
    required=True,
    type=EXISTING,
    help="Raw counts: h5ad, h5mu, zarr, loom or 10x; for bulk also a table.",
)
@click.option(
    "--protocol", required=True, type=click.Choice(["10x", "smartseq2", "bulk"]), help="How the atlas was sequenced."
)
@click.option("--levels", default="all", show_default=True, help="Columns of obs, coarse to fine, joined by ';'.")
@genes_option
@click.option("--floor", default=-4.0, show_default=True, help="log10 expression of a gene not detected in any cell.")
@layer_option
@gene_column_option
@click.option(
    "--min_cells", default=10, show_default=True, help="Cells that a population needs; smaller ones are excluded."
)
@click.option("--aggregation", default="mean", show_default=True, type=click.Choice(["mean", "median"]))
@click.option("--pseudocount", default=0.0, show_default=True, help="Added before log10; 0 uses the floor instead.")
@annotations_option
@cells_option
@library_column_option
@click.option("--donor_column", help="Column of obs with each cell's donor; by default donor_id, if it is there.")
@click.option(
    "--parents",
    default="unique",
    show_default=True,
    type=click.Choice(["unique", "majority"]),
    help="unique: a population lies in one of the level before it; majority: most of its cells decide.",
)
@click.option("--exclude", help="Populations to exclude, joined by ';'.")
@seed_option("Seed of the random halves behind the noise ceiling.")
@outdir_option("<level>.tsv.gz and <level>.populations.tsv of each level, and tables of what was dropped")
@reports_problems
def main(
    genes,
    outdir,
    counts,
    layer,
    gene_column,
    annotations,
    cells,
    levels,
    library_column,
    donor_column,
    exclude,
    **options,
):
    """Write log10 mean normalised expression (genes × populations) and the noise ceiling of each population.

    Of single cells, also the fraction of cells in which each gene is detected, and its dispersion (log10).
    """
    import pandas as pd

    from scxpresso.expression.atlas import AtlasColumns
    from scxpresso.expression.pseudobulk import PseudobulkOptions, pseudobulk
    from scxpresso.memory import keep_large_blocks
    from scxpresso.store import read_table, write_table

    keep_large_blocks()
    settings = PseudobulkOptions(
        levels=tuple(levels.split(";")),
        library_column=library_column or None,
        exclude=exclude or None,
        donor_column=donor_column or None,
        **options,
    )
    columns = AtlasColumns(layer or None, gene_column or None, annotations, cells or None)
    expression, unused = pseudobulk(counts, columns, read_table(genes), settings, log)
    outdir = Path(outdir)
    for level, found in expression.items():
        write_table(outdir / f"{level}.tsv.gz", found.values.reset_index())
        write_table(outdir / f"{level}.populations.tsv", found.populations)
        for target, values in found.further.items():
            write_table(outdir / target / f"{level}.tsv.gz", values.reset_index())
        log(f"level {level}: {found.values.shape[1]} populations of {found.values.shape[0]:,} genes")
        for row in found.dropped.itertuples():
            log(f"level {level}: excluded {row.population!r}, {row.cells:,} cells: {row.reason}")
    write_table(outdir / "dropped_populations.tsv", pd.concat([found.dropped for found in expression.values()]))
    write_table(outdir / "dropped_genes.tsv", unused)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Select the genes to saturate, in chunks, one per task."""

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
    epilog="Example: select_genes.py --genes genes.tsv --select 'hvg:2000,CACNA1I' --counts atlas.h5ad --outdir chunks"
)
@genes_option
@click.option("--select", help="Gene ids or names, hvg:<number> (highly variable genes), or all; joined by commas.")
@click.option(
    "--list",
    "listed",
    type=EXISTING,
    help="File of gene ids or names, one per line; lines that start with # are comments.",
)
@click.option("--counts", type=EXISTING, help="Raw counts: h5ad, h5mu, zarr, loom or 10x; for hvg:<number>.")
@layer_option
@gene_column_option
@annotations_option
@cells_option
@library_column_option
@click.option("--genes_per_chunk", default=50, show_default=True, type=click.IntRange(1), help="Genes per file.")
@seed_option("Seed of the sample of 20,000 cells that hvg uses.")
@outdir_option("<n>.txt: gene ids, one per line", default="chunks")
@reports_problems
def main(
    genes, select, listed, counts, layer, gene_column, annotations, cells, library_column, genes_per_chunk, seed, outdir
):
    """Write the ids of the selected genes, in the order of genes.tsv, to one file per chunk.

    Selections add up. Highly variable genes are selected with scanpy (default flavour, log1p of counts per 10,000) among the
    genes with features, on a random sample of at most 20,000 cells.
    """
    from scxpresso.expression.atlas import Atlas, AtlasColumns
    from scxpresso.expression.highly_variable import highly_variable_genes
    from scxpresso.saturation.selection import read_gene_list, select_genes
    from scxpresso.store import atomic_write, read_table

    table = read_table(genes)
    columns = AtlasColumns(layer or None, gene_column or None, annotations, cells or None)

    def variable(number: int) -> list[str]:
        with Atlas(counts, columns) as atlas:
            return highly_variable_genes(atlas, table, number, seed, log, library_column or None)

    chosen = select_genes(table, select, read_gene_list(listed) if listed else [], variable if counts else None)
    chunks = [chosen[start : start + genes_per_chunk] for start in range(0, len(chosen), genes_per_chunk)]
    for number, chunk in enumerate(chunks, start=1):
        with atomic_write(Path(outdir) / f"{number}.txt") as partial:
            partial.write_text("".join(f"{gene}\n" for gene in chunk), encoding="utf-8")
    log(f"{len(chosen):,} genes in {len(chunks):,} chunks")


if __name__ == "__main__":
    main()

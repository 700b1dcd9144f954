#!/usr/bin/env python3
"""The genes to saturate, in chunks of a task each."""

from pathlib import Path

import click

from scxpresso.console import log, reports_problems


@click.command(
    epilog="Example: select_genes.py --genes genes.tsv --select 'hvg:2000,CACNA1I' --counts atlas.h5ad --outdir chunks"
)
@click.option("--genes", required=True, type=click.Path(exists=True), help="genes.tsv of the genome.")
@click.option("--select", help="Gene ids or names, hvg:<number> (highly variable genes), all; joined by commas.")
@click.option(
    "--list", "listed", type=click.Path(exists=True), help="File of gene ids or names, one a line; # comments."
)
@click.option("--counts", type=click.Path(exists=True), help="h5ad of raw counts, for hvg.")
@click.option("--layer", help="Layer that holds the raw counts, or 'raw'; X by default.")
@click.option("--gene_column", help="Column of var with gene ids or symbols; its index by default.")
@click.option("--library_column", help="Column of obs with the library of each cell; the sum of its genes by default.")
@click.option("--genes_per_chunk", default=50, show_default=True, type=click.IntRange(1), help="Genes of a file.")
@click.option("--seed", default=1, show_default=True, help="Of the 20,000 cells that hvg looks at.")
@click.option("--outdir", default="chunks", show_default=True, help="Gets <n>.txt: gene ids, one a line.")
@reports_problems
def main(genes, select, listed, counts, layer, gene_column, library_column, genes_per_chunk, seed, outdir):
    """Write the ids of the selected genes, in the order of genes.tsv, to files of a chunk each.

    Selections add up. Highly variable genes are scanpy's (default flavour, log1p of counts per 10,000) among the genes with
    features, over a random sample of at most 20,000 cells.
    """
    from scxpresso.expression.atlas import Atlas
    from scxpresso.expression.highly_variable import highly_variable_genes
    from scxpresso.saturation.selection import read_gene_list, select_genes
    from scxpresso.store import atomic_write, read_table

    table = read_table(genes)

    def variable(number: int) -> list[str]:
        with Atlas(counts, layer or None, gene_column or None) as atlas:
            return highly_variable_genes(atlas, table, number, seed, log, library_column or None)

    chosen = select_genes(table, select, read_gene_list(listed) if listed else [], variable if counts else None)
    chunks = [chosen[start : start + genes_per_chunk] for start in range(0, len(chosen), genes_per_chunk)]
    for number, chunk in enumerate(chunks, start=1):
        with atomic_write(Path(outdir) / f"{number}.txt") as partial:
            partial.write_text("".join(f"{gene}\n" for gene in chunk), encoding="utf-8")
    log(f"{len(chosen):,} genes in {len(chunks):,} chunks")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Known motifs where a model finds sequence important."""

import os

import click

from scxpresso.console import log, reports_problems


@click.command(
    epilog="Example: match_motifs.py --effects effects.h5 --genes genes.tsv --motifs motifs.meme --output motifs.tsv "
    "--seqlets seqlets.tsv.gz"
)
@click.option("--effects", required=True, type=click.Path(exists=True), help="effects.h5 of a model.")
@click.option("--genes", required=True, type=click.Path(exists=True), help="genes.tsv of the genome.")
@click.option("--motifs", required=True, type=click.Path(exists=True), help="Motifs: MEME (minimal) or JASPAR format.")
@click.option(
    "--p_value",
    default=1e-4,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Of a hit, for a placement on one strand.",
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="CPU threads.")
@click.option("--output", default="motifs.tsv", show_default=True, help="Importance of each motif by population.")
@click.option(
    "--seqlets", default="seqlets.tsv.gz", show_default=True, help="Important stretches, with their best motif."
)
@reports_problems
def main(effects, genes, motifs, p_value, threads, output, seqlets):
    """Test each motif's hits for importance, and match the stretches that matter most of each gene's window to motifs.

    Importance of a base: by how much it raises log10 expression over the mean of the other three. Positions are 1-based.
    """
    os.environ["NUMBA_NUM_THREADS"] = str(threads)  # which numba reads when it is imported

    from scxpresso.motifs.matching import match_motifs
    from scxpresso.motifs.matrices import read_motifs
    from scxpresso.store import read_table, write_table

    known = read_motifs(motifs)
    log(f"{len(known):,} motifs")
    table = match_motifs(effects, read_table(genes), known, p_value, seqlets, log)
    write_table(output, table)
    log(f"{int((table['q_value'] <= 0.05).sum()):,} of {len(table):,} motifs × populations with q ≤ 0.05")


if __name__ == "__main__":
    main()

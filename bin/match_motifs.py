#!/usr/bin/env python3
"""Known motifs in sequence that a model finds important."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, genes_option, motifs_option, p_value_option, threads_option


@click.command(
    epilog="Example: match_motifs.py --effects effects.h5 --genes genes.tsv --motifs motifs.meme --output motifs.tsv "
    "--seqlets seqlets.tsv.gz"
)
@click.option("--effects", required=True, type=EXISTING, help="effects.h5 of a model.")
@genes_option
@motifs_option
@p_value_option
@threads_option
@click.option(
    "--output", default="motifs.tsv", show_default=True, help="Output table: importance of each motif by population."
)
@click.option(
    "--seqlets", default="seqlets.tsv.gz", show_default=True, help="Output table: seqlets with their best motif."
)
@reports_problems
def main(effects, genes, motifs, p_value, threads, output, seqlets):
    """Test whether the hits of each motif are important, and match the seqlets of each gene's window to motifs.

    The importance of a base is how much it raises log10 expression over the mean of the other three. Positions are 1-based.
    """
    from scxpresso.motifs.matching import match_motifs
    from scxpresso.motifs.matrices import read_motifs
    from scxpresso.store import read_table, write_table

    known = read_motifs(motifs)
    log(f"{len(known):,} motifs, {threads} threads")
    table = match_motifs(effects, read_table(genes), known, p_value, seqlets, log)
    write_table(output, table)
    log(f"{int((table['q_value'] <= 0.05).sum()):,} of {len(table):,} motifs × populations with q ≤ 0.05")


if __name__ == "__main__":
    main()

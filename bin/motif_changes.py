#!/usr/bin/env python3
"""Known motifs that scored variants change."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, features_option, genes_option, motifs_option, p_value_option, threads_option


@click.command(
    epilog="Example: motif_changes.py --scores scores.tsv.gz --features features.h5 --genes genes.tsv "
    "--motifs motifs.meme --output changes.tsv.gz"
)
@click.option("--scores", required=True, type=EXISTING, help="Table of scores of a model, as join_scores.py writes it.")
@features_option
@genes_option
@motifs_option
@p_value_option
@threads_option
@click.option(
    "--output", default="changes.tsv.gz", show_default=True, help="Output table: motifs that variants change."
)
@reports_problems
def main(scores, features, genes, motifs, p_value, threads, output):
    """Compare each motif's best score (bits) at the reference and at the alternative allele, on both strands.

    A motif is listed if it is a hit in one of the two and if the scores differ. Positions are 1-based.
    """
    from scxpresso.genome.feature_store import Features
    from scxpresso.motifs.changes import write_motif_changes
    from scxpresso.motifs.matrices import read_motifs
    from scxpresso.store import read_table

    log(f"{threads} threads")
    write_motif_changes(scores, Features(features), read_table(genes), read_motifs(motifs), p_value, output, log)


if __name__ == "__main__":
    main()

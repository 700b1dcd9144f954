#!/usr/bin/env python3
"""What scored variants do to known motifs."""

import os

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, features_option, genes_option, motifs_option, p_value_option, threads_option


@click.command(
    epilog="Example: motif_changes.py --scores scores.tsv.gz --features features.h5 --genes genes.tsv "
    "--motifs motifs.meme --output changes.tsv.gz"
)
@click.option("--scores", required=True, type=EXISTING, help="Scored variants of a model.")
@features_option
@genes_option
@motifs_option
@p_value_option
@threads_option
@click.option("--output", default="changes.tsv.gz", show_default=True, help="Motifs that variants change.")
@reports_problems
def main(scores, features, genes, motifs, p_value, threads, output):
    """Compare REF and ALT by each motif's best score (bits) over the placements at a variant, on both strands.

    Motifs are written that are a hit in one of the two and score differently in the other. Positions are 1-based.
    """
    os.environ["NUMBA_NUM_THREADS"] = str(threads)  # which numba reads when it is imported

    from scxpresso.genome.feature_store import Features
    from scxpresso.motifs.changes import write_motif_changes
    from scxpresso.motifs.matrices import read_motifs
    from scxpresso.store import read_table

    write_motif_changes(scores, Features(features), read_table(genes), read_motifs(motifs), p_value, output, log)


if __name__ == "__main__":
    main()

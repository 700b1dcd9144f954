#!/usr/bin/env python3
"""What scored variants do to known motifs."""

import os

import click

from scxpresso.console import log, reports_problems


@click.command(
    epilog="Example: motif_changes.py --scores scores.tsv.gz --features features.h5 --genes genes.tsv "
    "--motifs motifs.meme --output changes.tsv.gz"
)
@click.option("--scores", required=True, type=click.Path(exists=True), help="Scored variants of a model.")
@click.option("--features", required=True, type=click.Path(exists=True), help="features.h5 of the genome.")
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
@click.option("--output", default="changes.tsv.gz", show_default=True, help="Motifs that variants change.")
@reports_problems
def main(scores, features, genes, motifs, p_value, threads, output):
    """Compare each motif's best score (bits) over the placements at a variant between REF and ALT, on both strands.

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

#!/usr/bin/env python3
"""Motifs that the networks of a model have learned."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, features_option, model_option, threads_option


@click.command(
    epilog="Example: learned_motifs.py --model results/models/atlas/cell_type/grammar --features features.h5 "
    "--motifs JASPAR.meme --output motifs.tsv --meme motifs.meme"
)
@model_option
@features_option
@click.option("--motifs", type=EXISTING, help="Known motifs to compare them with: MEME (minimal) or JASPAR format.")
@threads_option
@click.option("--output", default="motifs.tsv", show_default=True, help="Weight of each motif by population.")
@click.option("--meme", default="motifs.meme", show_default=True, help="The motifs in MEME's minimal format.")
@reports_problems
def main(model, features, motifs, threads, output, meme):
    """Merge the motifs of all folds and replicates that are the same, and compare them with known ones.

    Weights are in log10 expression: what a full match adds. There are no motifs in models whose networks learn none.
    """
    import torch

    from scxpresso.genome.feature_store import Features
    from scxpresso.motifs.learned import learned_motifs, read_learned
    from scxpresso.motifs.matrices import read_motifs, write_meme
    from scxpresso.motifs.scanning import composition, count_bases
    from scxpresso.networks.model import Model
    from scxpresso.store import write_table

    torch.set_num_threads(threads)
    trained, genome = Model(model), Features(features)
    background = composition(count_bases(genome.codes))
    known = read_motifs(motifs) if motifs else []
    learned = read_learned(trained, genome)
    merged, table = learned_motifs(learned, trained.populations, background, known)
    write_table(output, table)
    write_meme(meme, merged, background)
    log(f"{len(learned.network):,} motifs of {learned.networks} networks, of which {len(merged):,} differ")


if __name__ == "__main__":
    main()

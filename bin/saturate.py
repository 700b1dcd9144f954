#!/usr/bin/env python3
"""Effects of every substitution in the promoter windows of some genes, by a trained model."""

import click

from scxpresso.console import log, progress, reports_problems
from scxpresso.options import (
    device_option,
    engine_option,
    features_option,
    genes_option,
    model_option,
    outdir_option,
    threads_option,
)


@click.command(
    epilog="Example: saturate.py --model models/atlas/level/scxpresso --features features.h5 --genes genes.tsv "
    "--chunk chunks/1.txt"
)
@model_option
@features_option
@genes_option
@click.option("--chunk", required=True, type=click.Path(exists=True, dir_okay=False), help="Gene ids, one per line.")
@device_option
@engine_option
@threads_option
@outdir_option("effects.h5 and profiles.tsv.gz")
@reports_problems
def main(model, features, genes, chunk, device, engine, threads, outdir):
    """Predict the effect of every substitution, in log10 expression, by the networks for which the gene was held out.

    effects.h5 holds the effects of all substitutions, as means over the networks. profiles.tsv.gz holds the substitution
    with the largest absolute effect at each position. A gene absent from training is predicted by the networks of all
    folds.
    """
    import torch

    torch.set_num_threads(threads)

    from scxpresso.genome.feature_store import Features
    from scxpresso.networks.model import Model
    from scxpresso.networks.prediction import resolve_device
    from scxpresso.saturation.saturate import read_chunk, saturate
    from scxpresso.store import read_table

    chosen = resolve_device(device)
    log(f"device {chosen} (--device {device}), {threads} threads")
    wanted, trained = read_chunk(chunk), Model(model)
    unknown = sum(trained.fold_of(gene) is None for gene in wanted)
    if unknown:
        log(f"{unknown:,} genes absent from training: predicted by the networks of all folds")
    with progress(len(wanted), "saturating") as step:
        saturate(trained, Features(features), read_table(genes), wanted, chosen, engine, outdir, step)
    log(f"{len(wanted):,} genes, {len(trained.populations):,} populations")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Effects of substitutions in shuffled windows of many genes, which variants are compared with."""

import click

from scxpresso.console import log, progress, reports_problems
from scxpresso.options import device_option, engine_option, features_option, model_option, threads_option


@click.command(
    epilog="Example: pool_effects.py --model models/atlas/level/scxpresso --features features.h5 "
    "--output pooled_effects.h5"
)
@model_option
@features_option
@device_option
@engine_option
@threads_option
@click.option("--output", required=True, type=click.Path(), help="Gets histograms of absolute effects (HDF5).")
@reports_problems
def main(model, features, device, engine, threads, output):
    """Pool the effects of every substitution in shuffled windows of 200 genes, by distance to the TSS and population.

    Each gene is predicted by the networks for which it was held out. Genes and shuffled windows are the same in every run.
    """
    import torch

    torch.set_num_threads(threads)

    from scxpresso.genome.feature_store import Features
    from scxpresso.networks.model import Model
    from scxpresso.networks.prediction import resolve_device
    from scxpresso.variants.pooled import pool_effects, sample_genes
    from scxpresso.variants.pooled_origin import record_origin

    chosen = resolve_device(device)
    log(f"device {chosen} (--device {device}), {threads} threads")
    trained, windows = Model(model), Features(features)
    genes = sample_genes(trained, windows.gene_id)
    with progress(len(genes), "pooling") as step:
        pooled = pool_effects(trained, windows, genes, chosen, engine, step)
    pooled.write(output)
    record_origin(output, model)
    substitutions = int(pooled.effect.counts[:, 0].sum())
    log(f"{substitutions:,} substitutions of {len(genes):,} genes, {len(trained.populations):,} populations")


if __name__ == "__main__":
    main()

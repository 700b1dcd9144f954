#!/usr/bin/env python3
"""Train all replicates of one or several folds of a model."""

from pathlib import Path

import click

from scxpresso.console import log, progress, reports_problems
from scxpresso.networks.registry import FEATURES, INPUTS, NETWORKS, TASKS
from scxpresso.options import (
    device_option,
    dispersion_option,
    engine_option,
    expression_option,
    features_option,
    folds_option,
    fraction_option,
    outdir_option,
    seed_option,
    threads_option,
)


class Numbers(click.ParamType):
    """Whole numbers from 1, joined by commas; none twice."""

    name = "numbers"

    def convert(self, value, param, ctx):
        numbers = [int(word) if word.isdecimal() else 0 for word in value.split(",")]
        if min(numbers) < 1 or len(set(numbers)) < len(numbers):
            self.fail(f"{value!r} is not a list of different whole numbers from 1, like 1,2,3", param, ctx)
        return numbers


@click.command(
    epilog="Example: train_fold.py --features features.h5 --expression cell_type.tsv.gz --folds folds.tsv --fold 1"
)
@features_option
@expression_option
@fraction_option
@dispersion_option
@folds_option
@click.option("--fold", required=True, type=Numbers(), help="Folds to hold out, one after the other; joined by commas.")
@click.option(
    "--network", default="scxpresso", show_default=True, type=click.Choice(list(NETWORKS)), help="Architecture."
)
@click.option("--recipe", "name", default="", help="Name of the recipe; by default that of the network.")
@click.option("--inputs", default="both", show_default=True, type=click.Choice(INPUTS), help="What the network reads.")
@click.option(
    "--annotation_features",
    default="extended",
    show_default=True,
    type=click.Choice(FEATURES),
    help="extended: if features.h5 has them and the network reads them. xpresso: half_life, and GC content.",
)
@click.option(
    "--tasks",
    default="multi",
    show_default=True,
    type=click.Choice(TASKS),
    help="multi: one network for all populations; single: one per population.",
)
@click.option("--replicates", default=5, show_default=True, type=click.IntRange(1), help="Networks per fold.")
@click.option("--epochs", default=40, show_default=True, type=click.IntRange(1), help="Passes over the training genes.")
@click.option("--batch_size", default=128, show_default=True, type=click.IntRange(1), help="Genes per training step.")
@click.option(
    "--learning_rate",
    default=5e-4,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Learning rate of Adam.",
)
@click.option(
    "--validation_genes",
    default=1000,
    show_default=True,
    type=click.IntRange(2),
    help="Training genes that choose the best epoch; at most a tenth of them.",
)
@seed_option("The same inputs and seed give the same weights.")
@device_option
@engine_option
@threads_option
@outdir_option("fold_<k>/replicate_<r>.safetensors and history.tsv")
@reports_problems
def main(features, expression, fraction, dispersion, folds, fold, device, engine, threads, outdir, **recipe):
    """Train all replicates of each fold; keep the weights of each replicate's best validation epoch."""
    import torch

    from scxpresso.expression.targets import read_further, with_further
    from scxpresso.genome.feature_store import Features
    from scxpresso.networks.prediction import resolve_device
    from scxpresso.networks.weights import NetworkMetadata, save_network
    from scxpresso.store import read_expression, read_folds, write_table
    from scxpresso.training.data import Recipe, training_data
    from scxpresso.training.train import label, train_folds

    torch.set_num_threads(threads)
    chosen = resolve_device(device)
    log(f"device {chosen} (--device {device}), {threads} threads")

    recipe = Recipe(**recipe)
    genome, observed = Features(features), read_expression(expression)
    observed = with_further(observed, read_further(fraction=fraction, dispersion=dispersion))
    data = training_data(genome, observed, read_folds(folds), fold, recipe)
    for held_out, genes in data.splits.items():
        log(f"fold {held_out}: {len(genes.train):,} genes train, {len(genes.validation):,} validate")
    populations = len(data.populations) if recipe.tasks == "single" else 1
    with progress(len(fold) * recipe.replicates * populations * recipe.epochs, "training") as step:
        trained = train_folds(
            data,
            recipe,
            chosen,
            engine,
            lambda row: step(
                f"{label(row['fold'], row['replicate'], row['population'])} epoch {row['epoch']}: "
                f"train {row['train_loss']:.4f}, validation {row['validation_loss']:.4f}"
            ),
        )

    metadata = NetworkMetadata(
        recipe.network,
        recipe.inputs,
        genome.upstream,
        genome.downstream,
        tuple(observed.columns),
        data.annotation_features,
        recipe.tasks,
        recipe.name or recipe.network,
    )
    for held_out, result in trained.items():
        folder = Path(outdir) / f"fold_{held_out}"
        for replicate, population in result.collapsed:
            log(f"WARNING {label(held_out, replicate, population)} predicts a constant, after every attempt")
        for replicate, network in enumerate(result.networks, start=1):
            save_network(folder / f"replicate_{replicate}.safetensors", network, metadata)
        write_table(folder / "history.tsv", result.history_table)


if __name__ == "__main__":
    main()

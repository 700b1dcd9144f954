#!/usr/bin/env python3
"""All replicates of one fold of a model."""

from pathlib import Path

import click

from scxpresso.console import log, progress, reports_problems


@click.command(
    epilog="Example: train_fold.py --features features.h5 --expression cell_type.tsv.gz --folds folds.tsv --fold 1"
)
@click.option("--features", required=True, type=click.Path(exists=True), help="features.h5 of the genome.")
@click.option("--expression", required=True, type=click.Path(exists=True), help="<level>.tsv.gz of the atlas.")
@click.option("--folds", required=True, type=click.Path(exists=True), help="folds.tsv of the genome.")
@click.option("--fold", required=True, type=click.IntRange(1), help="The fold that is held out.")
@click.option("--network", default="scxpresso", show_default=True, help="Architecture.")
@click.option("--inputs", default="both", show_default=True, type=click.Choice(["both", "sequence", "half_life"]))
@click.option("--replicates", default=5, show_default=True, type=click.IntRange(1), help="Networks of the fold.")
@click.option("--epochs", default=40, show_default=True, type=click.IntRange(1))
@click.option("--batch_size", default=128, show_default=True, type=click.IntRange(1), help="Genes a step.")
@click.option("--learning_rate", default=5e-4, show_default=True, type=click.FloatRange(0, min_open=True))
@click.option("--validation_genes", default=1000, show_default=True, type=click.IntRange(1), help="At most a tenth.")
@click.option("--seed", default=1, show_default=True, help="The same inputs and seed give the same weights.")
@click.option("--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "cuda"]))
@click.option(
    "--engine", default="auto", show_default=True, type=click.Choice(["auto", "plain"]), help="plain: PyTorch only."
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="CPU threads.")
@click.option("--outdir", default=".", show_default=True, help="Gets replicate_<r>.safetensors and history.tsv.")
@reports_problems
def main(features, expression, folds, fold, device, engine, threads, outdir, **recipe):
    """Train every replicate of a fold and keep the weights of each one's best validation epoch."""
    import torch

    from scxpresso.prediction import About, resolve_device, save_network
    from scxpresso.store import Features, read_expression, read_folds, write_table
    from scxpresso.training import Recipe, fold_data, train_fold

    torch.set_num_threads(threads)
    chosen = resolve_device(device)
    log(f"device {chosen} (asked for: {device}), {threads} threads")

    recipe = Recipe(**recipe)
    genome, observed = Features(features), read_expression(expression)
    data = fold_data(genome, observed, read_folds(folds), fold, recipe)
    log(f"fold {fold}: {len(data.train):,} genes train, {len(data.validation):,} validate")
    with progress(recipe.replicates * recipe.epochs, f"fold {fold}") as step:
        trained = train_fold(
            data,
            recipe,
            fold,
            chosen,
            engine,
            lambda row: step(
                "fold {fold} replicate {replicate} epoch {epoch}: "
                "train {train_loss:.4f}, validation {validation_loss:.4f}".format(**row)
            ),
        )
    for replicate in trained.collapsed:
        log(f"WARNING fold {fold} replicate {replicate} predicts a constant, after every attempt")

    about = About(recipe.network, recipe.inputs, genome.upstream, genome.downstream, tuple(observed.columns))
    for replicate, network in enumerate(trained.networks, start=1):
        save_network(Path(outdir) / f"replicate_{replicate}.safetensors", network, about)
    write_table(Path(outdir) / "history.tsv", trained.history_table)


if __name__ == "__main__":
    main()

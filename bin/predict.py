#!/usr/bin/env python3
"""Expression of new sequences by a trained model."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import (
    device_option,
    model_option,
    threads_option,
)


@click.command(
    epilog="Examples: predict.py --model results/models/atlas/level/recipe --windows promoters.fa; predict.py --model … "
    "--features other_assembly/features.h5"
)
@model_option
@click.option(
    "--windows",
    type=click.Path(exists=True, dir_okay=False),
    help="FASTA of promoter windows, all of the same length.",
)
@click.option(
    "--upstream", type=click.IntRange(0), help="Bases of each window before the TSS; by default those of the model."
)
@click.option(
    "--downstream", type=click.IntRange(1), help="Bases of each window from the TSS on; by default those of the model."
)
@click.option(
    "--features",
    type=click.Path(exists=True, dir_okay=False),
    help="features.h5, as extract_features.py writes it. Without --windows, its genes are predicted. With --windows, it has "
    "the annotation features of records named after its genes.",
)
@device_option
@threads_option
@click.option(
    "--output", default="predictions.tsv.gz", show_default=True, help="Output table: predictions in log10 units."
)
@reports_problems
def main(model, windows, upstream, downstream, features, device, threads, output):
    """Predict every population's expression of new sequences.

    Windows are on the gene's own strand; if they are longer than the model's window, only that part is read. A sequence
    named after a gene of the model is predicted by the networks for which this gene was held out. Any other sequence is
    predicted by the networks of all folds.
    """
    import torch

    from scxpresso.genome.feature_store import Features
    from scxpresso.networks.model import Model
    from scxpresso.networks.new_sequences import Sequences, predict_sequences
    from scxpresso.networks.prediction import resolve_device
    from scxpresso.store import write_table

    if not (windows or features):
        raise click.UsageError("give --windows, --features or both")
    torch.set_num_threads(threads)
    chosen = resolve_device(device)
    log(f"device {chosen} (--device {device}), {threads} threads")
    trained, genome = Model(model), Features(features) if features else None
    bases = (
        trained.upstream if upstream is None else upstream,
        trained.downstream if downstream is None else downstream,
    )
    sequences = (
        Sequences.of_windows(windows, genome, trained, bases) if windows else Sequences.of_genes(genome, trained)
    )
    table = predict_sequences(trained, sequences, chosen)
    write_table(output, table)
    held_out = (table["fold"] != "").sum() // len(trained.populations)
    log(
        f"{len(sequences.names):,} sequences predicted, {held_out:,} of them by the networks for which their gene was held out"
    )


if __name__ == "__main__":
    main()

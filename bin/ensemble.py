#!/usr/bin/env python3
"""Out-of-fold predictions of a model, and the description with which it can be used elsewhere."""

from dataclasses import asdict, replace
from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import (
    dispersion_option,
    expression_option,
    features_option,
    folds_option,
    fraction_option,
    populations_option,
    threads_option,
)


@click.command(
    epilog="Example: ensemble.py --model model.json --features features.h5 … --predictions predictions.tsv.gz fold_*"
)
@click.argument("fold_dirs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False))
@features_option
@expression_option
@fraction_option
@dispersion_option
@populations_option
@folds_option
@click.option("--atlas", required=True, help="Name of the atlas.")
@click.option("--level", required=True, help="Level of the atlas.")
@click.option("--recipe", default="", help="Name of the recipe; by default that of the weights.")
@click.option("--genome", required=True, help="Name of the genome.")
@click.option("--ensemble", default="mean", show_default=True, type=click.Choice(["mean", "best"]))
@threads_option
@click.option("--predictions", default="predictions.tsv.gz", show_default=True)
@click.option(
    "--further", default=".", show_default=True, help="Folder of <target>.tsv.gz, with --fraction and --dispersion."
)
@click.option("--model", default="model.json", show_default=True)
@reports_problems
def main(
    fold_dirs,
    features,
    expression,
    fraction,
    dispersion,
    populations,
    folds,
    threads,
    predictions,
    further,
    model,
    **names,
):
    """Predict every gene by the networks for which it was held out: mean and standard deviation over the replicates.

    `--ensemble best` uses only the replicate with the lowest validation loss of each fold (Xpresso's recipe).
    """
    import numpy as np
    import torch

    from scxpresso.expression.targets import MEAN, read_further, with_further
    from scxpresso.genome.feature_store import Features
    from scxpresso.store import (
        fold_of,
        prediction_table,
        read_expression,
        read_folds,
        read_table,
        write_json,
        write_table,
    )
    from scxpresso.training.ensemble import describe_model, predict_held_out, read_fold_dirs

    torch.set_num_threads(threads)
    genome, observed = Features(features), read_expression(expression)
    fold_of_gene = read_folds(folds)
    fold = fold_of(fold_of_gene, observed.index)
    trained = read_fold_dirs([Path(path) for path in fold_dirs], names["ensemble"])
    others = read_further(fraction=fraction, dispersion=dispersion)
    outputs = predict_held_out(trained, genome, with_further(observed, others), fold)
    outputs, *of_others = np.split(outputs, 1 + len(others), axis=2)
    write_table(predictions, prediction_table(observed, fold, outputs))
    for (name, values), predicted in zip(others.items(), of_others, strict=True):
        write_table(Path(further) / f"{name}.tsv.gz", prediction_table(values, fold, predicted))
    parents = read_table(populations, index="population")["parent"]
    description = describe_model(trained, observed, outputs, fold_of_gene, parents, [MEAN, *others], **names)
    digest = genome.gene_features_digest(description.annotation_features)
    write_json(model, asdict(replace(description, gene_features=digest)))
    log(f"{len(observed):,} genes predicted by {sum(len(part.used) for part in trained)} networks")


if __name__ == "__main__":
    main()

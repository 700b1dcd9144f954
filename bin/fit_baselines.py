#!/usr/bin/env python3
"""Out-of-fold predictions of the baselines that a network should outperform."""

from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import expression_option, features_option, folds_option, outdir_option, threads_option


@click.command(
    epilog="Example: fit_baselines.py --features features.h5 --expression cell_type.tsv.gz --folds folds.tsv"
)
@features_option
@expression_option
@folds_option
@threads_option
@outdir_option("<baseline>.tsv.gz: mean, half_life, gc_cpg, kmer")
@reports_problems
def main(features, expression, folds, threads, outdir):
    """Predict every gene by four baselines.

    mean: the mean of the training genes. half_life: ridge regression on half-life features. gc_cpg: ridge
    regression on GC and CpG content of three regions around the TSS. kmer: ridge regression on half-life features and
    4-mer counts.
    """
    from scxpresso.evaluation.baselines import predict_held_out
    from scxpresso.genome.feature_store import Features
    from scxpresso.store import BASELINES, fold_of, prediction_table, read_expression, read_folds, write_table

    log(f"{threads} threads")
    genome = Features(features)
    observed = read_expression(expression)
    fold = fold_of(read_folds(folds), observed.index)
    for baseline in BASELINES:
        predicted = predict_held_out(baseline, genome, observed, fold)
        write_table(Path(outdir) / f"{baseline}.tsv.gz", prediction_table(observed, fold, predicted[None]))
        log(f"{baseline}: {len(observed):,} genes predicted out of fold")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Predictions of another model, in the format of ours."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, expression_option, folds_option, genes_option


@click.command(
    epilog="Example: import_predictions.py --predictions enformer.tsv --genes genes.tsv --expression cell_type.tsv.gz "
    "--folds folds.tsv --output enformer.tsv.gz"
)
@click.option(
    "--predictions", required=True, type=EXISTING, help="Genes × populations of the other model: TSV, CSV or h5ad."
)
@click.option("--layer", help="Layer of an h5ad that holds the predictions, or X.")
@click.option(
    "--missing_genes",
    default="error",
    show_default=True,
    type=click.Choice(["error", "mean"]),
    help="What to do about genes without a prediction; mean: predict the mean of the training genes.",
)
@genes_option
@expression_option
@folds_option
@click.option(
    "--output", required=True, type=click.Path(), help="Output table (TSV): predictions, as ensemble.py writes."
)
@reports_problems
def main(predictions, layer, missing_genes, genes, expression, folds, output):
    """Put another model's predictions on the genes, folds and units of ours.

    Values of a fold are shifted and scaled, in each population, so that the training genes have the mean and standard
    deviation of their observed expression. Correlations over the genes of a fold stay as they are.
    """
    from scxpresso.evaluation.external_predictions import check_missing, on_genes, on_scale, read_external_predictions
    from scxpresso.store import fold_of, prediction_table, read_expression, read_folds, read_table, write_table

    observed = read_expression(expression)
    table = read_external_predictions(predictions, layer, list(observed.columns))
    table = on_genes(table, read_table(genes), observed.index)
    if missing_genes == "error":
        check_missing(predictions, table)
    fold = fold_of(read_folds(folds), observed.index)
    write_table(output, prediction_table(observed, fold, on_scale(table, observed, fold)[None]))
    log(
        f"{len(observed):,} genes, {int(table.isna().any(axis=1).sum()):,} of them without a prediction in some population"
    )


if __name__ == "__main__":
    main()

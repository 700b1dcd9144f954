"""leakage.tsv: how much better a model scores on folds that let related genes leak from training to held-out genes."""

from collections.abc import Iterator, Sequence

import numpy as np

from scxpresso.evaluation.comparisons import UNPAIRED
from scxpresso.evaluation.fold_methods import RecipeFolds
from scxpresso.evaluation.predictions import Predictions
from scxpresso.metrics import rank_sum_greater

LEAKAGE_COLUMNS = [
    "atlas", "level", "recipe", "network", "fold_method", "other_recipe", "other_fold_method", "metric", "value",
    "other_value", "delta", "p_value", "test", "n_folds", "other_n_folds",
]  # fmt: skip
METRICS = ["pearson", "specificity"]


def leakage_rows(
    models: Sequence[Predictions], metrics: Sequence[dict[str, np.ndarray]], folds: dict[str, RecipeFolds]
) -> Iterator[dict]:
    """Yield rows of leakage.tsv: each pair of models and baselines of a level that differ in the fold method alone.

    The baseline `mean` has none: a constant scores 0, whatever the folds.

    Parameters
    ----------
    metrics: of each model, one value per fold (see evaluation.fold_metrics).
    folds: fold method of each recipe.
    """
    measured = [
        (model, mine)
        for model, mine in zip(models, metrics, strict=True)
        if model.recipe in folds and model.network != "mean"
    ]
    for model, mine in measured:
        for other, theirs in measured:
            one, two = folds[model.recipe], folds[other.recipe]
            if other.level is model.level and one.easier_than(two):
                about = {**model.columns, "fold_method": one.method}
                about |= {"other_recipe": other.recipe, "other_fold_method": two.method}
                for metric in METRICS:
                    yield {**about, "metric": metric, **_tested(mine[metric], theirs[metric])}


def _tested(mine: np.ndarray, theirs: np.ndarray) -> dict:
    """Compare values over folds that are not the same: means, their difference and the rank sum test."""
    mine, theirs = mine[np.isfinite(mine)], theirs[np.isfinite(theirs)]
    value, other = (values.mean() if len(values) else np.nan for values in (mine, theirs))
    return {
        "value": value,
        "other_value": other,
        "delta": value - other,
        "p_value": rank_sum_greater(mine, theirs),
        "test": UNPAIRED,
        "n_folds": len(mine),
        "other_n_folds": len(theirs),
    }

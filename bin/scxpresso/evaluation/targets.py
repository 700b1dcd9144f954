"""targets.tsv: what is predicted of a population besides expression, and what that gains for genes that are hardly detected."""

from collections.abc import Iterator, Sequence

import numpy as np

from scxpresso.evaluation.fold_methods import RecipeFolds
from scxpresso.evaluation.predictions import Predictions
from scxpresso.expression.targets import FRACTION, MEAN
from scxpresso.metrics import pearson, wilcoxon_greater

TARGET_COLUMNS = [
    "atlas", "level", "recipe", "network", "population", "target", "gene_set", "n_genes", "median_pearson", "other_recipe",
    "other_median_pearson", "delta", "p_value", "n_folds",
]  # fmt: skip
HARDLY = 0.05  # share of a population's cells; genes detected in fewer, but in one at least, are hardly detected
GENE_SETS = ALL_GENES, HARDLY_DETECTED = "all", "hardly_detected"

Scores = dict[
    tuple[str, str, str], tuple[int, np.ndarray]
]  # population, target, gene_set: its number, Pearson per fold


def target_rows(models: Sequence[Predictions], folds: dict[str, RecipeFolds]) -> Iterator[dict]:
    """Yield rows of targets.tsv: Pearson over genes of each population, target and set of genes, median over folds.

    A model with further targets is compared, fold by fold, with the one that has the same settings but for these.
    Without such a model, there are no rows.

    Parameters
    ----------
    folds: fold method and settings of each recipe.
    """
    levels = {id(model.level) for model in models if model.further}
    scored = [(model, target_scores(model)) for model in models if id(model.level) in levels]
    for model, mine in scored:
        other, theirs = next(
            ((other, theirs) for other, theirs in scored if model.further and _differ(model, other, folds)),
            (None, {}),
        )
        for key, (n_genes, by_fold) in mine.items():
            about = dict(zip(("population", "target", "gene_set"), key, strict=True)) | {"n_genes": n_genes}
            yield {**model.columns, **about, **_compared(by_fold, other, theirs.get(key))}


def _differ(model: Predictions, other: Predictions, folds: dict[str, RecipeFolds]) -> bool:
    """Return whether two models of a level differ in further targets alone, which the first has."""
    known = model.level is other.level and not other.further and {model.recipe, other.recipe} <= set(folds)
    return known and folds[model.recipe].of_the_mean == folds[other.recipe]


def target_scores(model: Predictions) -> Scores:
    """Correlate a model's predictions of each target with what was observed, per population, set of genes and fold.

    Genes whose target is not known (NaN) count for nothing.
    """
    genes = model.predicted.index
    fold = model.fold.loc[genes].to_numpy()
    targets = [(MEAN, model.level.observed, model.predicted)]
    targets += [(target, model.level.further[target], predicted) for target, predicted in model.further.items()]
    scores = {}
    for population in model.level.labels:
        shares = model.level.further[FRACTION].loc[genes, population].to_numpy()
        subsets = {ALL_GENES: np.ones(len(genes), dtype=bool), HARDLY_DETECTED: (shares > 0) & (shares < HARDLY)}
        for target, observed, predicted in targets:
            x, y = (values.loc[genes, population].to_numpy() for values in (observed, predicted))
            for name, chosen in subsets.items():
                known = chosen & np.isfinite(x)
                scores[population, target, name] = int(known.sum()), _by_fold(x, y, fold, known)
    return scores


def _by_fold(observed: np.ndarray, predicted: np.ndarray, fold: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return Pearson over the chosen genes of each fold; NaN where it is not defined."""
    tests = [chosen & (fold == number) for number in np.unique(fold)]
    return np.array([pearson(observed[test], predicted[test]) if test.sum() > 1 else np.nan for test in tests])


def _compared(mine: np.ndarray, other: Predictions | None, theirs: tuple[int, np.ndarray] | None) -> dict:
    """Return the columns of targets.tsv from median_pearson on; those of the other model are empty where there is none."""
    if other is None or theirs is None:
        known = mine[np.isfinite(mine)]
        empty = dict.fromkeys(("other_median_pearson", "delta", "p_value"), np.nan)
        return {"median_pearson": _median(known), "other_recipe": "", **empty, "n_folds": len(known)}
    both = np.isfinite(mine) & np.isfinite(theirs[1])
    mine, others = mine[both], theirs[1][both]
    return {
        "median_pearson": _median(mine),
        "other_recipe": other.recipe,
        "other_median_pearson": _median(others),
        "delta": _median(mine) - _median(others),
        "p_value": wilcoxon_greater(mine, others),
        "n_folds": len(mine),
    }


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else np.nan

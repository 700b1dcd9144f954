"""Tables that say how well models and baselines predict, on the folds' held-out genes (paper 2.6, 3.2, 3.3)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.evaluation.agreement import AGREEMENT_COLUMNS, agreement_rows
from scxpresso.evaluation.comparisons import COMPARISON_COLUMNS, comparison_rows
from scxpresso.evaluation.distributions import (
    DISTRIBUTION_COLUMNS,
    HISTOGRAM_COLUMNS,
    distribution_rows,
    histogram_rows,
)
from scxpresso.evaluation.fold_methods import read_recipe_folds
from scxpresso.evaluation.leakage import LEAKAGE_COLUMNS, leakage_rows
from scxpresso.evaluation.levels import Level
from scxpresso.evaluation.predictions import (
    INTERVAL_SCORE_COLUMNS,
    ModelKey,
    Predictions,
    paired_models,
    read_predictions,
)
from scxpresso.evaluation.targets import TARGET_COLUMNS, target_rows
from scxpresso.evaluation.ways import POPULATION_SCORE_COLUMNS, population_rows
from scxpresso.manifest import read_manifest
from scxpresso.metrics import pearson, spearman, specificity
from scxpresso.store import read_table

GENE_SCORE_COLUMNS = ["atlas", "level", "recipe", "network", "gene_id", "gene_name", "variance", "pearson"]
SUMMARY_COLUMNS = ["atlas", "level", "recipe", "network", "metric", "value", "sd", "n_folds"]


def evaluate(manifest: Path) -> dict[str, pd.DataFrame]:
    """Evaluate the predictions of a manifest: the tables of evaluation/ by name."""
    content, root = read_manifest(manifest), manifest.parent
    names = pd.concat([read_table(root / genome["genes"]) for genome in content["genomes"]])
    gene_name = dict(zip(names["gene_id"], names["gene_name"], strict=True))
    level_of = read_levels(content, root)
    levels = list(level_of.values())
    models = [read_predictions(entry, level_of, root) for entry in content["predictions"]]
    metrics = [fold_metrics(model) for model in models]
    populations = _table((row for model in models for row in population_rows(model, levels)), POPULATION_SCORE_COLUMNS)
    paired, folds = paired_models(models), read_recipe_folds(content)
    return {
        "populations": populations,
        "genes": _table((row for model in models for row in gene_rows(model, gene_name)), GENE_SCORE_COLUMNS),
        "summary": _table(summaries(models, metrics, paired), SUMMARY_COLUMNS),
        "comparisons": _table(comparison_rows(populations, models, paired, levels, folds), COMPARISON_COLUMNS),
        "leakage": _table(leakage_rows(models, metrics, folds), LEAKAGE_COLUMNS),
        "intervals": _table(
            ((*model.columns.values(), *row) for model in models for row in model.intervals), INTERVAL_SCORE_COLUMNS
        ),
        "targets": _table(target_rows(models, folds), TARGET_COLUMNS),
        "agreement": _table(agreement_rows(levels), AGREEMENT_COLUMNS),
        "distributions": _table((row for level in levels for row in distribution_rows(level)), DISTRIBUTION_COLUMNS),
        "histograms": _table((row for level in levels for row in histogram_rows(level)), HISTOGRAM_COLUMNS),
    }


def _table(rows: Iterator[dict] | Iterator[tuple], columns: list[str]) -> pd.DataFrame:
    """Make a table of rows, which has its columns even without a row."""
    return pd.DataFrame(rows, columns=columns)


def read_levels(content: dict, root: Path) -> dict[tuple[str, str], Level]:
    """Read every level of every atlas of a manifest, by atlas and level."""
    synonyms: dict[tuple[str, str], dict[str, str]] = {}
    for one in content.get("populations", []):
        synonyms.setdefault((one["atlas"], one["level"]), {})[one["population"]] = one["name"]
    levels = {}
    for atlas in content["atlases"]:
        for name in atlas["levels"]:
            folder, key = root / atlas["path"], (atlas["atlas"], name)
            levels[key] = Level(
                *key,
                genome=atlas["genome"],
                folder=folder,
                populations=read_table(folder / f"{name}.populations.tsv"),
                protocol=atlas.get("protocol", ""),
                tissue=atlas.get("tissue", ""),
                synonyms=synonyms.get(key, {}),
            )
    return levels


def gene_rows(model: Predictions, gene_name: dict[str, str]) -> Iterator[dict]:
    """Yield rows of genes.tsv of a model: each gene's variance and Pearson across the populations of its level (Figure 4C)."""
    observed = model.level.observed.loc[model.predicted.index].to_numpy()
    if observed.shape[1] < 2:
        return
    r = pearson(observed.T, model.predicted.to_numpy().T)
    for gene, variance, value in zip(model.predicted.index, observed.var(axis=1), r, strict=True):
        names = {"gene_id": gene, "gene_name": gene_name.get(gene, gene)}
        yield {**model.columns, **names, "variance": variance, "pearson": value}


def fold_metrics(model: Predictions) -> dict[str, np.ndarray]:
    """Compute each metric as one value per fold: means over populations of Pearson and Spearman, and specificity."""
    observed = model.level.observed.loc[model.predicted.index].to_numpy()
    predicted, fold = model.predicted.to_numpy(), model.fold.loc[model.predicted.index].to_numpy()
    tests = [fold == number for number in np.unique(fold)]
    return {
        "pearson": np.array([_mean_known(pearson(observed[test], predicted[test])) for test in tests]),
        "spearman": np.array([_mean_known(spearman(observed[test], predicted[test])) for test in tests]),
        "specificity": np.array([specificity(observed[test], predicted[test]) for test in tests]),
    }


def _mean_known(values: np.ndarray) -> float:
    """Average all values that are not NaN; NaN if there are none."""
    known = values[np.isfinite(values)]
    return known.mean() if len(known) else np.nan


def summary_rows(model: Predictions, metrics: dict[str, np.ndarray], others: dict[str, dict]) -> Iterator[dict]:
    """Yield rows of summary.tsv of a model: mean and deviation over folds of its metrics, and of its differences to others.

    Parameters
    ----------
    metrics: of the model, one value per fold.
    others: metrics of the other models and baselines of the level with the same folds, by recipe. `pearson_minus_kmer`
        is how much better a network's Pearson correlation is than that of the baseline `kmer`, fold by fold.
    """
    values = dict(metrics)
    if not model.is_baseline:
        values |= {
            f"{metric}_minus_{other}": metrics[metric] - theirs[metric]
            for other, theirs in others.items()
            for metric in ("pearson", "specificity")
        }
    for metric, by_fold in values.items():
        known = by_fold[np.isfinite(by_fold)]
        if len(known):
            spread = known.std(ddof=1) if len(known) > 1 else np.nan
            yield {**model.columns, "metric": metric, "value": known.mean(), "sd": spread, "n_folds": len(known)}
    # Measured on all genes at once, so it has no spread over folds.
    ceiling = {"metric": "ceiling", "value": model.level.noise_ceiling, "sd": np.nan}
    yield {**model.columns, **ceiling, "n_folds": len(metrics["pearson"])}


def summaries(
    models: list[Predictions], metrics: list[dict[str, np.ndarray]], paired: set[tuple[ModelKey, ModelKey]]
) -> Iterator[dict]:
    """Yield rows of summary.tsv: each model and baseline, and its difference to the others of its level in `paired`.

    metrics: of each model, one value per fold (see fold_metrics).
    """
    for model, mine in zip(models, metrics, strict=True):
        others = {
            other.recipe: theirs
            for other, theirs in zip(models, metrics, strict=True)
            if other.level is model.level and other.recipe != model.recipe and (model.key, other.key) in paired
        }
        yield from summary_rows(model, mine, others)

"""Tables that say how well models and baselines predict, on the folds' held-out genes (paper 2.6, 3.2, 3.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.evaluation.levels import Level
from scxpresso.intervals import COVERAGES, INTERVAL_COLUMNS
from scxpresso.manifest import read_manifest
from scxpresso.metrics import pearson, spearman, specificity, wilcoxon_greater
from scxpresso.store import BASELINES, EXTERNAL, read_table

MODEL = ["model_atlas", "model_level", "recipe"]  # what names a model or baseline in PAIR_COLUMNS
PAIR_COLUMNS = [*MODEL, "network", "model_population", "target_atlas", "target_level", "target_population"]
POPULATION_SCORE_COLUMNS = [*PAIR_COLUMNS, "fold", "n_genes", "pearson", "spearman"]
GENE_SCORE_COLUMNS = ["atlas", "level", "recipe", "network", "gene_id", "gene_name", "variance", "pearson"]
SUMMARY_COLUMNS = ["atlas", "level", "recipe", "network", "metric", "value", "sd", "n_folds"]
COMPARISON_COLUMNS = [
    "kind", "target_atlas", "target_level", "target_population", "model_atlas", "model_level", "model_population",
    "recipe", "network", "other_atlas", "other_level", "other_population", "other_recipe", "other_network",
    "median_pearson", "other_median_pearson", "delta", "p_value", "n_folds",
]  # fmt: skip

INTERVAL_SCORE_COLUMNS = [
    "atlas", "level", "recipe", "network", "population", "coverage", "n_genes", "covered", "median_width",
]  # fmt: skip

ModelKey = tuple[str, str, str]  # atlas, level, recipe


@dataclass
class Predictions:
    """Out-of-fold predictions of a model or baseline (genes × populations, log10) and the fold of each gene.

    intervals: INTERVAL_SCORE_COLUMNS after those that name the model; no rows for tables of version 0.1.
    """

    level: Level
    recipe: str
    network: str
    predicted: pd.DataFrame
    fold: pd.Series
    intervals: list[tuple]

    @property
    def key(self) -> ModelKey:
        """What names the model in a run."""
        return self.level.atlas, self.level.level, self.recipe

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a table that name the model."""
        return {**self.level.key, "recipe": self.recipe, "network": self.network}

    @property
    def is_baseline(self) -> bool:
        """Whether it is none of the networks."""
        return self.network in BASELINES


def evaluate(manifest: Path) -> dict[str, pd.DataFrame]:
    """Evaluate the predictions of a manifest: tables populations, genes, summary and comparisons."""
    content, root = read_manifest(manifest), manifest.parent
    names = pd.concat([read_table(root / genome["genes"]) for genome in content["genomes"]])
    gene_name = dict(zip(names["gene_id"], names["gene_name"], strict=True))
    levels = read_levels(content, root)
    models = [read_predictions(entry, levels, root) for entry in content["predictions"]]
    scores = (row for model in models for row in population_rows(model, list(levels.values())))
    populations = pd.DataFrame(scores, columns=POPULATION_SCORE_COLUMNS)
    genes = [row for model in models for row in gene_rows(model, gene_name)]
    paired = paired_models(models)
    return {
        "populations": populations,
        "genes": pd.DataFrame(genes, columns=GENE_SCORE_COLUMNS),
        "summary": pd.DataFrame(summaries(models, paired), columns=SUMMARY_COLUMNS),
        "comparisons": pd.DataFrame(comparison_rows(populations, paired), columns=COMPARISON_COLUMNS),
        "intervals": pd.DataFrame(
            [(*model.columns.values(), *row) for model in models for row in model.intervals],
            columns=INTERVAL_SCORE_COLUMNS,
        ),
    }


def read_levels(content: dict, root: Path) -> dict[tuple[str, str], Level]:
    """Read every level of every atlas of a manifest, by atlas and level."""
    levels = {}
    for atlas in content["atlases"]:
        for name in atlas["levels"]:
            folder = root / atlas["path"]
            populations = read_table(folder / f"{name}.populations.tsv")
            levels[atlas["atlas"], name] = Level(atlas["atlas"], name, atlas["genome"], folder, populations)
    return levels


def read_predictions(entry: dict, levels: dict[tuple[str, str], Level], root: Path) -> Predictions:
    """Read a table of predictions as genes × populations, in the order of its level."""
    level = levels[entry["atlas"], entry["level"]]
    table = read_table(root / entry["path"])
    predicted = table.pivot(index="gene_id", columns="population", values="predicted")
    fold = table.drop_duplicates("gene_id").set_index("gene_id")["fold"]
    predicted = predicted[list(level.observed.columns)]
    return Predictions(level, entry["recipe"], entry["network"], predicted, fold, list(interval_rows(table)))


def interval_rows(table: pd.DataFrame) -> Iterator[tuple]:
    """Yield how often observed values lie in the intervals of a table of predictions: population, coverage and the rest.

    Genes without an interval, because too few others say how wide it is, count for nothing.
    """
    for coverage in COVERAGES if set(INTERVAL_COLUMNS).issubset(table) else ():
        for population, rows in table.groupby("population", sort=False):
            lower, upper = rows[f"lower_{coverage}"], rows[f"upper_{coverage}"]
            known = lower.notna() & upper.notna()
            inside = rows["observed"].between(lower, upper)[known]
            width = (upper - lower)[known].median()
            yield population, coverage / 100, int(known.sum()), inside.mean() if len(inside) else np.nan, width


def paired_models(models: list[Predictions]) -> set[tuple[ModelKey, ModelKey]]:
    """Find the pairs of models, in both orders, that may be compared fold by fold: their genes have the same folds."""
    distinct: list[pd.Series] = []  # few, however many models there are
    number = []
    for model in models:
        found = next((place for place, fold in enumerate(distinct) if fold.equals(model.fold)), len(distinct))
        distinct += [model.fold] if found == len(distinct) else []
        number.append(found)
    same = np.array([[same_folds(one, other) for other in distinct] for one in distinct])
    numbered = list(zip(models, number, strict=True))
    return {(one.key, other.key) for one, first in numbered for other, second in numbered if same[first, second]}


def same_folds(one: pd.Series, other: pd.Series) -> bool:
    """Return whether every gene that both have (fold by gene_id) has the same fold in both."""
    genes = one.index.intersection(other.index)
    return bool((one.loc[genes].to_numpy() == other.loc[genes].to_numpy()).all())


def targets(model: Predictions, levels: Sequence[Level]) -> Iterator[tuple[str, Level, str]]:
    """Yield the populations that a model predicts: (model population, target level, target population).

    Its own populations; the other populations of its level; finer populations of its atlas, by their ancestor; and the
    populations of the same name at the same level of another atlas of the genome.
    """
    level = model.level
    own = level.labels
    yield from ((population, level, target) for population in own for target in own)
    for other in levels:
        if other is level or other.genome != level.genome:
            continue
        if other.atlas == level.atlas:
            finer = ((ancestor(other, target, level, levels), target) for target in other.labels)
            yield from ((population, other, target) for population, target in finer if population)
        elif other.level == level.level:
            theirs = set(other.labels)
            yield from ((population, other, population) for population in own if population in theirs)


def ancestor(fine: Level, population: str, coarse: Level, levels: Sequence[Level]) -> str | None:
    """Find the population of a coarser level of the atlas that holds a population, by its chain of parents."""
    chain = [level for level in levels if level.atlas == fine.atlas]
    position, goal = chain.index(fine), chain.index(coarse)
    if goal >= position:
        return None
    while position > goal and population:
        population = chain[position].parents.get(population, "")
        position -= 1
    return population or None


def population_rows(model: Predictions, levels: Sequence[Level]) -> Iterator[dict]:
    """Yield rows of populations.tsv of a model; baselines predict only their own populations."""
    pairs = [
        pair
        for pair in targets(model, levels)
        if not model.is_baseline or (pair[0] == pair[2] and pair[1] is model.level)
    ]
    for target_level in levels:
        predicts = [(population, target) for population, level, target in pairs if level is target_level]
        if not predicts:
            continue
        genes = model.predicted.index.intersection(target_level.observed.index)
        predicted = model.predicted.loc[genes, [population for population, _ in predicts]].to_numpy()
        observed = target_level.observed.loc[genes, [target for _, target in predicts]].to_numpy()
        fold = model.fold.loc[genes].to_numpy()
        for number in np.unique(fold):
            test = fold == number
            r, rho = pearson(observed[test], predicted[test]), spearman(observed[test], predicted[test])
            for column, (population, target) in enumerate(predicts):
                yield {
                    "model_atlas": model.level.atlas,
                    "model_level": model.level.level,
                    "recipe": model.recipe,
                    "network": model.network,
                    "model_population": population,
                    "target_atlas": target_level.atlas,
                    "target_level": target_level.level,
                    "target_population": target,
                    "fold": number,
                    "n_genes": int(test.sum()),
                    "pearson": r[column],
                    "spearman": rho[column],
                }


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


def summaries(models: list[Predictions], paired: set[tuple[ModelKey, ModelKey]]) -> Iterator[dict]:
    """Yield rows of summary.tsv: each model and baseline, and its difference to the others of its level in `paired`."""
    metrics = [fold_metrics(model) for model in models]
    for model, mine in zip(models, metrics, strict=True):
        others = {
            other.recipe: theirs
            for other, theirs in zip(models, metrics, strict=True)
            if other.level is model.level and other.recipe != model.recipe and (model.key, other.key) in paired
        }
        yield from summary_rows(model, mine, others)


def comparison_rows(populations: pd.DataFrame, paired: set[tuple[ModelKey, ModelKey]]) -> Iterator[dict]:
    """Yield rows of comparisons.tsv: for each population its own model against every other way to predict it, fold by fold.

    kind: `baseline` (for the same population), `recipe` (another recipe), `external` (one of the two is another model's
    predictions), `level` (a coarser level's parent), `population` (another of the level), `atlas` (the same population of
    another atlas). delta is the difference of
    medians over folds; p_value that of a one-sided Wilcoxon signed-rank test that the own model is better.

    Parameters
    ----------
    populations: populations.tsv.
    paired: the pairs of models whose folds are the same (see paired_models); others have no row.
    """
    target = ["target_atlas", "target_level", "target_population"]
    by_fold = populations.set_index([*PAIR_COLUMNS, "fold"])["pearson"].unstack("fold").dropna(how="all")
    ways = by_fold.index.to_frame(index=False)
    models = list(ways[MODEL].itertuples(index=False, name=None))
    own = (ways[["model_atlas", "model_level", "model_population"]].to_numpy() == ways[target].to_numpy()).all(axis=1)
    for _, rows in ways.groupby(target, sort=True).groups.items():
        for first in (row for row in rows if own[row]):
            for second in (row for row in rows if row != first and (models[first], models[row]) in paired):
                kind = _kind(ways.loc[first], ways.loc[second])
                if kind:
                    yield _comparison(kind, ways.loc[first], ways.loc[second], by_fold.iloc[[first, second]].to_numpy())


def _kind(model: pd.Series, other: pd.Series) -> str | None:
    """Return in what the other prediction differs; None if in more than one thing, or if the model is a baseline."""
    if model["network"] in BASELINES:
        return None
    columns = {"atlas": "model_atlas", "level": "model_level", "population": "model_population", "recipe": "recipe"}
    different = [name for name, column in columns.items() if model[column] != other[column]]
    if different == ["recipe"]:
        if other["network"] in BASELINES:
            return "baseline"
        return EXTERNAL if EXTERNAL in (model["network"], other["network"]) else "recipe"
    if different in (["level"], ["level", "population"]):
        return "level"
    return different[0] if different in (["population"], ["atlas"]) else None


def _comparison(kind: str, model: pd.Series, other: pd.Series, by_fold: np.ndarray) -> dict:
    by_fold = by_fold[:, np.isfinite(by_fold).all(axis=0)]
    median, other_median = np.median(by_fold, axis=1) if by_fold.size else (np.nan, np.nan)
    return {
        "kind": kind,
        **{name: model[name] for name in PAIR_COLUMNS},
        **{f"other_{name}": other[f"model_{name}"] for name in ("atlas", "level", "population")},
        **{f"other_{name}": other[name] for name in ("recipe", "network")},
        "median_pearson": median,
        "other_median_pearson": other_median,
        "delta": median - other_median,
        "p_value": wilcoxon_greater(*by_fold),
        "n_folds": by_fold.shape[1],
    }

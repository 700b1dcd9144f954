"""comparisons.tsv: each population's own model beside every other way to predict it, with tests over folds (paper 2.6)."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import pandas as pd

from scxpresso.evaluation.agreement import tissue_pairs
from scxpresso.evaluation.fold_methods import RecipeFolds
from scxpresso.evaluation.levels import Level, bulk_of_tissue
from scxpresso.evaluation.predictions import ModelKey, Predictions
from scxpresso.evaluation.ways import MODEL, PAIR_COLUMNS
from scxpresso.metrics import pearson, rank_sum_greater, wilcoxon_greater
from scxpresso.store import BASELINES, EXTERNAL

COMPARISON_COLUMNS = [
    "kind", "target_atlas", "target_level", "target_population", "model_atlas", "model_level", "model_population",
    "recipe", "network", "other_atlas", "other_level", "other_population", "other_recipe", "other_network",
    "observed_pearson", "median_pearson", "other_median_pearson", "delta", "p_value", "test", "n_folds", "other_n_folds",
    "n_genes",
]  # fmt: skip
NEW_COMPARISON_COLUMNS = ["observed_pearson", "test", "other_n_folds", "n_genes"]  # earlier tables lack some

PAIRED, UNPAIRED = "wilcoxon_signed_rank", "mann_whitney_u"
# Kinds in which another population predicts; the expression of both can be correlated.
OF_ANOTHER_POPULATION = ["level", "ancestor", "transfer", "population", "atlas", "tissue", "protocol"]

PopulationKey = tuple[str, str, str]  # atlas, level, population
GeneSet = tuple[ModelKey, tuple[str, str]]  # a model, and the atlas and level that it predicts


def comparison_rows(
    populations: pd.DataFrame,
    models: Sequence[Predictions],
    paired: set[tuple[ModelKey, ModelKey]],
    levels: Sequence[Level],
    folds: dict[str, RecipeFolds],
) -> Iterator[dict]:
    """Yield rows of comparisons.tsv: for each population its own model against every other way to predict it.

    kind: `baseline` (for the same population), `recipe` (another recipe), `external` (one of the two is another model's
    predictions), `folds` (a recipe that differs in the fold method alone), `level` (a coarser level's parent), `population`
    (another of the level), `atlas` (the same population of another atlas), `tissue` (bulk of the tissue).

    In three kinds, other things are compared. `ancestor`: the model of an ancestor, beside that of a coarser one.
    `transfer`: that of another population, atlas or bulk, beside that of the coarsest ancestor (Figure 3B). `protocol`: the
    own models of a population in two atlases of its tissue, or in bulk, each on its own data (Figures S6, S7).

    delta is the difference of medians over folds; p_value that of a one-sided test that the first model is better: Wilcoxon's
    signed-rank test over shared folds, of kind `folds` the rank sum test. Where the two differ in genes, both are correlated
    over the genes that they share: other genes are not as easy to predict.

    Parameters
    ----------
    populations: populations.tsv.
    models: whose scores it has.
    paired: the pairs of models whose folds are the same (see predictions.paired_models); of others, only those of kind
        `folds` have rows.
    folds: fold method of each recipe.
    """
    by_fold = populations.set_index([*PAIR_COLUMNS, "fold"])["pearson"].unstack("fold").dropna(how="all")
    ways = by_fold.index.to_frame(index=False).to_dict("records")
    values = by_fold.to_numpy()
    level_of = {(level.atlas, level.level): level for level in levels}
    correlation = observed_correlations(level_of)
    shared = SharedGenes(models, level_of, list(by_fold.columns))
    by_target: dict[PopulationKey, list[int]] = {}
    for number, way in enumerate(ways):
        by_target.setdefault(_target(way), []).append(number)
    for target in sorted(by_target):
        for first, second in _pairs(by_target[target], ways, list(level_of)):
            model, other = ways[first], ways[second]
            same_folds = (_model(model), _model(other)) in paired
            kind = _kind(model, other, level_of) if same_folds else _folds_kind(model, other, folds)
            if kind:
                resemblance = correlation(target, _source(other)) if kind in OF_ANOTHER_POPULATION else np.nan
                tested = _tested(*shared.values(ways, values, first, second), same_folds)
                yield {
                    **_named(kind, model, other),
                    "observed_pearson": resemblance,
                    **tested,
                    **shared.number(model, other),
                }
    for first, second in _protocol_pairs(by_target, ways, levels):
        model, other = ways[first], ways[second]
        if (_model(model), _model(other)) in paired:
            resemblance = correlation(_source(model), _source(other))
            tested = _tested(*shared.values(ways, values, first, second), paired=True)
            yield {
                **_named("protocol", model, other),
                "observed_pearson": resemblance,
                **tested,
                **shared.number(model, other),
            }


class SharedGenes:
    """Correlations of two ways to predict over the genes that both have, where each has genes that the other lacks.

    Parameters
    ----------
    levels: by atlas and level.
    folds: numbers of the folds, in the order of the values.
    """

    def __init__(self, models: Sequence[Predictions], levels: dict[tuple[str, str], Level], folds: list[int]):
        self._models = {model.key: model for model in models}
        self._levels = levels
        self._folds = folds
        self._genes: dict[tuple[GeneSet, GeneSet], pd.Index] = {}
        self._scores: dict[tuple[int, GeneSet], np.ndarray] = {}

    def genes(self, one: GeneSet, other: GeneSet) -> pd.Index:
        """Return the genes of which both sides have a prediction and an observation, in the order of the first."""
        if (one, other) not in self._genes:
            sides = [self._models[one[0]].predicted.index.intersection(self._levels[one[1]].observed.index)]
            sides += [self.genes(other, other)] if one != other else []
            self._genes[one, other] = sides[0] if len(sides) < 2 else sides[0].intersection(sides[1])
        return self._genes[one, other]

    def number(self, model: dict, other: dict) -> dict[str, int]:
        """Return the column n_genes of a pair of ways."""
        return {"n_genes": len(self.genes(_gene_set(model), _gene_set(other)))}

    def values(self, ways: list[dict], values: np.ndarray, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the correlations of two ways, one per fold: those in `values` (ways × folds) if both have the same genes."""
        sides = [(first, _gene_set(ways[second])), (second, _gene_set(ways[first]))]
        one, two = (self._over(ways[number], values[number], number, other) for number, other in sides)
        return one, two

    def _over(self, way: dict, values: np.ndarray, number: int, other: GeneSet) -> np.ndarray:
        """Return the correlations of a way over the genes that the other side has, too."""
        mine = _gene_set(way)
        genes = self.genes(mine, other)
        if len(genes) == len(self.genes(mine, mine)):
            return values
        if (number, other) not in self._scores:
            model, level = self._models[mine[0]], self._levels[mine[1]]
            predicted = model.predicted.loc[genes, [way["model_population"]]].to_numpy()
            observed = level.observed.loc[genes, [way["target_population"]]].to_numpy()
            fold = model.fold.loc[genes].to_numpy()
            tests = [fold == one for one in self._folds]
            scores = [pearson(observed[test], predicted[test])[0] if test.any() else np.nan for test in tests]
            self._scores[number, other] = np.array(scores)
        return self._scores[number, other]


def _protocol_pairs(
    by_target: dict[PopulationKey, list[int]], ways: list[dict], levels: Sequence[Level]
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of own models, of one recipe, of the populations that two atlases of a tissue share, in both orders.

    by_target: numbers of the ways to predict a population.
    """
    own = {
        target: {ways[number]["recipe"]: number for number in numbers if _is_own(ways[number])}
        for target, numbers in by_target.items()
    }
    for one, population, other, theirs in tissue_pairs(levels):
        mine = own.get((one.atlas, one.level, population), {})
        others = own.get((other.atlas, other.level, theirs), {})
        for recipe in (recipe for recipe in mine if recipe in others):
            if ways[mine[recipe]]["network"] not in BASELINES:
                yield from ((mine[recipe], others[recipe]), (others[recipe], mine[recipe]))


def _pairs(numbers: list[int], ways: list[dict], levels: list[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of ways to predict a target that may be compared: own and other models; others and ancestors.

    numbers: of the target's ways in `ways`. levels: atlas and level, coarse before fine in an atlas.
    """
    yield from ((first, second) for first in numbers if _is_own(ways[first]) for second in numbers if first != second)
    ancestors = [number for number in numbers if _is_ancestor(ways[number])]
    position = {number: levels.index(_source(ways[number])[:2]) for number in ancestors}
    for first in ancestors:
        for second in ancestors:
            if ways[first]["recipe"] == ways[second]["recipe"] and position[first] > position[second]:
                yield first, second
    coarsest: dict[str, int] = {}
    for number in sorted(ancestors, key=lambda number: position[number]):
        coarsest.setdefault(ways[number]["recipe"], number)
    for first in numbers:
        recipe = ways[first]["recipe"]
        if recipe in coarsest and not _is_own(ways[first]) and first not in ancestors:
            yield first, coarsest[recipe]


def observed_correlations(levels: dict[tuple[str, str], Level]) -> Callable[[PopulationKey, PopulationKey], float]:
    """Make a function that correlates the observed expression of two populations over the genes that both have (Pearson).

    levels: by atlas and level.
    """

    @cache
    def correlation(one: PopulationKey, other: PopulationKey) -> float:
        mine, theirs = (levels[key[:2]].observed[key[2]] for key in (one, other))
        genes = mine.index.intersection(theirs.index)
        return float(pearson(mine.loc[genes].to_numpy()[:, None], theirs.loc[genes].to_numpy()[:, None])[0])

    return correlation


def _model(way: dict) -> ModelKey:
    return way[MODEL[0]], way[MODEL[1]], way[MODEL[2]]


def _gene_set(way: dict) -> GeneSet:
    """Return what decides of which genes a way has correlations."""
    return _model(way), _target(way)[:2]


def _source(way: dict) -> PopulationKey:
    return way["model_atlas"], way["model_level"], way["model_population"]


def _target(way: dict) -> PopulationKey:
    return way["target_atlas"], way["target_level"], way["target_population"]


def _is_own(way: dict) -> bool:
    """Return whether a model predicts the population on which it was trained."""
    return _source(way) == _target(way)


def _is_ancestor(way: dict) -> bool:
    """Return whether the prediction is that of a coarser level of the target's atlas; there are none of finer levels."""
    return way["model_atlas"] == way["target_atlas"] and way["model_level"] != way["target_level"]


def _kind(model: dict, other: dict, levels: dict[tuple[str, str], Level]) -> str | None:
    """Return in what the other prediction differs; None if in more than one thing, or if the model is a baseline."""
    if model["network"] in BASELINES:
        return None
    if not _is_own(model):
        return "ancestor" if _is_ancestor(model) else "transfer"
    if model["recipe"] != other["recipe"]:
        if _source(model) != _source(other):
            return None
        if other["network"] in BASELINES:
            return "baseline"
        return EXTERNAL if EXTERNAL in (model["network"], other["network"]) else "recipe"
    if model["model_atlas"] != other["model_atlas"]:
        bulk = levels[other["model_atlas"], other["model_level"]]
        return "tissue" if bulk_of_tissue(bulk, levels[model["target_atlas"], model["target_level"]]) else "atlas"
    return "level" if model["model_level"] != other["model_level"] else "population"


def _folds_kind(model: dict, other: dict, folds: dict[str, RecipeFolds]) -> str | None:
    """Return `folds` if the other model differs in the fold method alone, and the own model has the easier folds."""
    one, two = folds.get(model["recipe"]), folds.get(other["recipe"])
    networks = model["network"] not in BASELINES and _is_own(model) and _is_own(other)
    return "folds" if networks and one and two and one.easier_than(two) else None


def _named(kind: str, model: dict, other: dict) -> dict:
    return {
        "kind": kind,
        **{name: model[name] for name in PAIR_COLUMNS},
        **{f"other_{name}": other[f"model_{name}"] for name in ("atlas", "level", "population")},
        **{f"other_{name}": other[name] for name in ("recipe", "network")},
    }


def _tested(mine: np.ndarray, theirs: np.ndarray, paired: bool) -> dict:
    """Compare the values of two models over folds (NaN: not defined there): medians, their difference and a test."""
    if paired:
        both = np.isfinite(mine) & np.isfinite(theirs)
        mine, theirs = mine[both], theirs[both]
    else:
        mine, theirs = mine[np.isfinite(mine)], theirs[np.isfinite(theirs)]
    median, other_median = (np.median(values) if len(values) else np.nan for values in (mine, theirs))
    return {
        "median_pearson": median,
        "other_median_pearson": other_median,
        "delta": median - other_median,
        "p_value": wilcoxon_greater(mine, theirs) if paired else rank_sum_greater(mine, theirs),
        "test": PAIRED if paired else UNPAIRED,
        "n_folds": len(mine),
        "other_n_folds": len(theirs),
    }

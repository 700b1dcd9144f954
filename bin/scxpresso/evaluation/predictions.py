"""Out-of-fold predictions of models and baselines: read, and matched where they have the same folds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.evaluation.levels import Level
from scxpresso.expression.targets import FURTHER
from scxpresso.intervals import COVERAGES, INTERVAL_COLUMNS
from scxpresso.store import BASELINES, read_table

INTERVAL_SCORE_COLUMNS = [
    "atlas", "level", "recipe", "network", "population", "coverage", "n_genes", "covered", "median_width",
]  # fmt: skip

ModelKey = tuple[str, str, str]  # atlas, level, recipe


@dataclass
class Predictions:
    """Out-of-fold predictions of a model or baseline (genes × populations, log10) and the fold of each gene.

    intervals: INTERVAL_SCORE_COLUMNS after those that name the model; no rows for tables of version 0.1. further: predictions
    of further targets, genes × populations each.
    """

    level: Level
    recipe: str
    network: str
    predicted: pd.DataFrame
    fold: pd.Series
    intervals: list[tuple]
    further: dict[str, pd.DataFrame] = field(default_factory=dict)

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


def read_predictions(entry: dict, levels: dict[tuple[str, str], Level], root: Path) -> Predictions:
    """Read a table of predictions as genes × populations, in the order of its level."""
    level = levels[entry["atlas"], entry["level"]]
    table = read_table(root / entry["path"])
    fold = table.drop_duplicates("gene_id").set_index("gene_id")["fold"]
    further = {target: _predicted(read_table(root / entry[target]), level) for target in FURTHER if target in entry}
    intervals = list(interval_rows(table))
    return Predictions(level, entry["recipe"], entry["network"], _predicted(table, level), fold, intervals, further)


def _predicted(table: pd.DataFrame, level: Level) -> pd.DataFrame:
    predicted = table.pivot(index="gene_id", columns="population", values="predicted")
    return predicted[list(level.observed.columns)]


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

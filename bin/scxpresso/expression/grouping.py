"""The cells of an atlas in their populations, and these in random halves for the noise ceiling."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scxpresso.expression.labels import excluded_labels
from scxpresso.problems import InputError, Problem, preview

WHOLE = "all"  # the level that is the whole dataset, and its only population
EXCLUDED = "named in the column exclude"
HALVINGS = 10  # random halvings of each population's cells for its noise ceiling


@dataclass
class Grouping:
    """A level's populations: labels, and for each cell its population's number (−1: no label, or left out)."""

    level: str
    labels: list[str]
    of_cell: np.ndarray
    dropped: list[dict]

    @property
    def cells(self) -> np.ndarray:
        return np.bincount(self.of_cell[self.of_cell >= 0], minlength=len(self.labels))


def group_cells(obs: pd.DataFrame, level: str, min_cells: int, exclude: Collection[str] = ()) -> Grouping:
    """Populations of a level with at least `min_cells` cells, in sorted order; the rest with the reason.

    exclude: labels of populations to leave out; their cells remain in the other levels, unless these have the label too.
    """
    if level == WHOLE:
        return Grouping(level, [WHOLE], np.zeros(len(obs), dtype=np.int32), [])
    labels = labels_of(obs, level)
    count = labels.value_counts()
    kept, dropped = [], []
    for label in sorted(count.index):
        reason = EXCLUDED if label in exclude else f"fewer than {min_cells} cells" if count[label] < min_cells else ""
        kept += [] if reason else [label]
        if reason:
            dropped.append({"level": level, "population": label, "cells": count[label], "reason": reason})
    if labels.isna().any():
        dropped.append({"level": level, "population": "", "cells": int(labels.isna().sum()), "reason": "no label"})
    number = {label: index for index, label in enumerate(kept)}
    return Grouping(level, kept, labels.map(number).fillna(-1).to_numpy(dtype=np.int32), dropped)


def group_levels(obs: pd.DataFrame, levels: Iterable[str], min_cells: int, exclude: str | None) -> list[Grouping]:
    """group_cells of each level. exclude: the sheet's column, of all of them."""
    levels = list(levels)
    labels = excluded_populations(obs, levels, exclude)
    return [group_cells(obs, level, min_cells, labels) for level in levels]


def labels_of(obs: pd.DataFrame, level: str) -> pd.Series:
    """The label of each cell as text; missing where it has none. Raises InputError where obs has no such column."""
    if level not in obs:
        raise InputError(Problem("column levels", f"no column {level!r} in obs", f"one of {preview(obs.columns, 20)}"))
    column = obs[level]
    return column.astype(str).where(column.notna() & (column.astype(str) != ""))


def excluded_populations(obs: pd.DataFrame, levels: Iterable[str], text: str | None) -> list[str]:
    """The labels that the sheet's column `exclude` names, of any level; see labels.excluded_labels."""
    if not text:
        return []
    known = {label for level in levels if level != WHOLE for label in labels_of(obs, level).dropna().unique()}
    return excluded_labels(text, known)


def parents(fine: Grouping, coarse: Grouping | None) -> list[str]:
    """For each population the one of the coarser level that holds most of its cells; '' at the coarsest level."""
    if coarse is None:
        return [""] * len(fine.labels)
    both = (fine.of_cell >= 0) & (coarse.of_cell >= 0)
    shape = (len(fine.labels), len(coarse.labels))
    shared = np.zeros(shape, dtype=int)
    np.add.at(shared, (fine.of_cell[both], coarse.of_cell[both]), 1)
    return [coarse.labels[row.argmax()] if row.any() else "" for row in shared]


def halves(grouping: Grouping, seed: int) -> np.ndarray:
    """Bit r of a cell's value (uint16) says in which half of its population it is in halving r; halves differ by ≤ 1 cell."""
    bits = np.zeros(len(grouping.of_cell), dtype=np.uint16)
    for halving in range(HALVINGS):
        order = np.random.default_rng([seed, halving]).permutation(len(bits))
        shuffled = pd.Series(grouping.of_cell[order])
        odd = shuffled.groupby(shuffled).cumcount().to_numpy() % 2
        bits[order] |= (odd << halving).astype(np.uint16)
    return bits

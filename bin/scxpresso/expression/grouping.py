"""Group the cells of an atlas into populations, and these into random halves for the noise ceiling."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scxpresso.expression.labels import excluded_labels, suspicious_labels
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

UNIQUE, MAJORITY = "unique", "majority"  # values of the column parents
WHOLE = "all"  # the level that is the whole dataset, and its only population
EXCLUDED = "named in the column exclude"
HALVINGS = 10  # random halvings of each population's cells for its noise ceiling
DONORS = "donor_id"  # column of obs with each cell's donor, in CELLxGENE's schema
POOLED = "pooled"  # in that schema, the cells of several donors together


@dataclass
class Grouping:
    """Populations of a level.

    labels: of the populations. of_cell: for each cell the index of its population; −1 if it has no label, or if its
    population is excluded. dropped: level, population, cells and reason of each excluded population.
    """

    level: str
    labels: list[str]
    of_cell: np.ndarray
    dropped: list[dict]

    @property
    def cells(self) -> np.ndarray:
        """Number of cells of each population."""
        return np.bincount(self.of_cell[self.of_cell >= 0], minlength=len(self.labels))


def group_cells(obs: pd.DataFrame, level: str, min_cells: int, exclude: Collection[str] = ()) -> Grouping:
    """Group cells by their label at a level; exclude populations of fewer than `min_cells` cells.

    Parameters
    ----------
    exclude: labels of populations to exclude. Their cells remain in other levels, unless these have the label, too.
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
    """Group cells at each level. exclude: the cell of the sheet's column, for all levels."""
    levels = list(levels)
    labels = excluded_populations(obs, levels, exclude)
    return [group_cells(obs, level, min_cells, labels) for level in levels]


def labels_of(obs: pd.DataFrame, level: str) -> pd.Series:
    """Return the label of each cell as text; missing if it has none.

    Raises
    ------
    InputError, if obs has no such column.
    """
    if level not in obs:
        raise InputError(Problem("column levels", f"no column {level!r} in obs", f"one of {preview(obs.columns, 20)}"))
    column = obs[level]
    return column.astype(str).where(column.notna() & (column.astype(str) != ""))


def excluded_populations(obs: pd.DataFrame, levels: Iterable[str], text: str | None) -> list[str]:
    """List the labels of any level that the sheet's column `exclude` names; see labels.excluded_labels."""
    if not text:
        return []
    known = {label for level in levels if level != WHOLE for label in labels_of(obs, level).dropna().unique()}
    return excluded_labels(text, known)


def parents(fine: Grouping, coarse: Grouping | None) -> list[str]:
    """Find the parent of each population: the one at the coarser level with most of its cells; '' if there is none."""
    if coarse is None:
        return [""] * len(fine.labels)
    return [coarse.labels[row.argmax()] if row.any() else "" for row in _shared_cells(fine, coarse)]


def several_parents(fine: Grouping, coarse: Grouping) -> dict[str, dict[str, int]]:
    """Find the populations that have cells in several of the coarser level: their cells in each, by label."""
    return {
        label: {coarse.labels[number]: int(row[number]) for number in np.flatnonzero(row)}
        for label, row in zip(fine.labels, _shared_cells(fine, coarse), strict=True)
        if np.count_nonzero(row) > 1
    }


def describe_several_parents(fine: Grouping, coarse: Grouping) -> str:
    """Describe the populations that have cells in several of the coarser level; '' if there are none."""
    mixed = several_parents(fine, coarse)
    listed = [f"{label} ({', '.join(f'{name}: {n:,}' for name, n in cells.items())})" for label, cells in mixed.items()]
    found = f"populations of {fine.level!r} with cells in several of {coarse.level!r}: {preview(listed, 10)}"
    return found if mixed else ""


def several_parents_problem(where: str, described: str) -> Problem:
    """Make the problem of `describe_several_parents`."""
    return Problem(
        where, described, "levels from coarse to fine, each population in one of the level before it",
        "correct the labels or the order; or write majority into the column parents (--parents of pseudobulk.py): most "
        "cells then decide",
    )  # fmt: skip


def _shared_cells(fine: Grouping, coarse: Grouping) -> np.ndarray:
    """Count the cells that populations of two levels share: fine × coarse."""
    both = (fine.of_cell >= 0) & (coarse.of_cell >= 0)
    shared = np.zeros((len(fine.labels), len(coarse.labels)), dtype=int)
    np.add.at(shared, (fine.of_cell[both], coarse.of_cell[both]), 1)
    return shared


def donors_of(obs: pd.DataFrame, column: str | None) -> pd.Series | None:
    """Return the donor of each cell as text, missing if unknown or pooled; None if obs has no donors.

    Parameters
    ----------
    column: of obs (the sheet's donor_column); None for `donor_id`, if it is there.

    Raises
    ------
    InputError, if obs has no such column.
    """
    if column is None and DONORS not in obs:
        return None
    if column is not None and column not in obs:
        fix = did_you_mean(column, map(str, obs.columns)) or "name a column that is there, or leave the cell empty"
        expected = f"one of {preview(obs.columns, 20)}" if obs.shape[1] else "an empty cell: obs has no columns"
        raise InputError(Problem("column donor_column", f"no column {column!r} in obs", expected, fix))
    donors = labels_of(obs, column or DONORS)
    return donors.where(~donors.isin([*suspicious_labels(donors.dropna().unique()), POOLED]))


def with_donors(grouping: Grouping, donors: pd.Series) -> tuple[Grouping, np.ndarray]:
    """Restrict a grouping to cells of known donors, in populations of at least two donors.

    Returns
    -------
    The grouping, in which other cells have no population, and the number of donors of each population.
    """
    known = (grouping.of_cell >= 0) & donors.notna().to_numpy()
    pairs = pd.DataFrame({"population": grouping.of_cell[known], "donor": donors.to_numpy()[known]}).drop_duplicates()
    number = np.bincount(pairs["population"], minlength=len(grouping.labels))
    of_cell = np.where(known & (number >= 2)[grouping.of_cell], grouping.of_cell, -1).astype(np.int32)
    return Grouping(grouping.level, grouping.labels, of_cell, []), number


def donor_halves(grouping: Grouping, donors: pd.Series, seed: int) -> np.ndarray:
    """Split the donors of each population at random into halves that differ by at most one donor, HALVINGS times.

    Returns
    -------
    One uint16 per cell, as from `halves`: cells of one donor and population share their half.
    """
    inside = np.flatnonzero(grouping.of_cell >= 0)
    donor, names = pd.factorize(donors.iloc[inside], sort=True)
    pairs, pair_of_cell = np.unique(grouping.of_cell[inside].astype(np.int64) * len(names) + donor, return_inverse=True)
    population = (pairs // max(len(names), 1)).astype(np.int32)
    bits = np.zeros(len(grouping.of_cell), dtype=np.uint16)
    bits[inside] = halves(Grouping(grouping.level, grouping.labels, population, []), seed)[pair_of_cell]
    return bits


def halves(grouping: Grouping, seed: int) -> np.ndarray:
    """Split each population at random into halves that differ by at most one cell, HALVINGS times.

    Returns
    -------
    One uint16 per cell, whose bit r is the half of the cell in halving r.
    """
    bits = np.zeros(len(grouping.of_cell), dtype=np.uint16)
    for halving in range(HALVINGS):
        order = np.random.default_rng([seed, halving]).permutation(len(bits))
        shuffled = pd.Series(grouping.of_cell[order])
        odd = shuffled.groupby(shuffled).cumcount().to_numpy() % 2
        bits[order] |= (odd << halving).astype(np.uint16)
    return bits

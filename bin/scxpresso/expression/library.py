"""The library size of a cell, by which its counts are divided: the sum over its genes, or a column of obs."""

import re

import numpy as np
import pandas as pd

from scxpresso.expression.annotations import as_numbers
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

# Columns in which programs write the total of a cell (scanpy, Seurat, others), in lower case without punctuation.
TOTALS = {"totalcounts", "ncountrna", "ncounts", "ncount", "numi", "numis", "totalumi", "totalumis", "rawsum"}
MIN_RATIO_OF_FAULT = 1.15  # of a cell's total in obs to its sum in the matrix: genes are missing
MIN_RATIO_OF_NOTE = 1.02  # the same for a note: ambient RNA or rare genes may have been removed
MIN_SHARE_OF_CELLS = 0.1  # that exceed a ratio


def totals_beyond(obs: pd.DataFrame, sums: np.ndarray) -> tuple[Problem | None, list[str]]:
    """Compare totals in obs with the sums of the matrix. A total clearly above the sum shows that genes are missing.

    Parameters
    ----------
    obs: of some cells.
    sums: of all features in each of these cells.

    Returns
    -------
    The problem, if a tenth of the cells has clearly larger totals, and notes on smaller differences.
    """
    notes = []
    for name in [name for name in obs if re.sub(r"[^a-z]", "", str(name).lower()) in TOTALS]:
        total = pd.to_numeric(obs[name], errors="coerce").to_numpy(dtype=np.float64)
        known = np.isfinite(total) & (sums > 0)
        ratio = total[known] / sums[known]
        for times in (MIN_RATIO_OF_FAULT, MIN_RATIO_OF_NOTE):
            if np.count_nonzero(ratio > times) > MIN_SHARE_OF_CELLS * len(ratio):
                text = f"obs has larger totals than the matrix: {name!r} is {np.median(ratio[ratio > times]):.3g} times the sum"
                text += f" of the matrix in {np.mean(ratio > times):.0%} of the cells"
                if times == MIN_RATIO_OF_NOTE:
                    notes.append(f"{text}; counts are divided by the sum (see library_column)")
                    break
                fix = (
                    "give the matrix of all genes (are these the highly variable ones, or a part of the molecules?); or write "
                    f"{name!r} into the column library_column, to divide by it; or remove it from obs if it counts other things"
                )
                return Problem("counts", text, "counts of all genes, whose sum is a cell's library", fix), []
    return None, notes


def library_from_obs(obs: pd.DataFrame, column: str) -> np.ndarray:
    """Read the library size of each cell from `column` of obs (the sheet's library_column).

    Raises
    ------
    InputError, if there is no such column, or if its values cannot be library sizes.
    """
    where = "column library_column"
    if column not in obs:
        fix = did_you_mean(column, map(str, obs.columns)) or "name a column that is there, or leave the cell empty"
        raise InputError(Problem(where, f"no column {column!r} in obs", f"one of {preview(obs.columns, 20)}", fix))
    numbers = as_numbers(obs[column])
    library = np.full(len(obs), np.nan) if numbers is None else numbers.to_numpy()
    if (bad := ~(np.isfinite(library) & (library >= 0))).any():
        cell = np.flatnonzero(bad)[0]
        found = f"{preview([obs[column].iloc[cell]])} in {column!r} of cell {str(obs.index[cell])!r}"
        fix = "name a column that has each cell's total of raw counts, or leave the cell empty"
        raise InputError(Problem(where, found, "the total of the raw counts of each cell, 0 or more", fix))
    return library


def check_library(column: str, library: np.ndarray, sizes: np.ndarray, cells: np.ndarray) -> None:
    """Check that no cell's library is smaller than the sum of its genes.

    Parameters
    ----------
    library, sizes: library size and sum over genes of each cell.
    cells: their names.

    Raises
    ------
    InputError, if a library is smaller.
    """
    less = library < 0.99 * sizes
    if less.any():
        cell = np.flatnonzero(less)[0]
        found = (
            f"{column!r} is {library[cell]:,.6g} for cell {str(cells[cell])!r}, whose genes sum to {sizes[cell]:,.6g}"
        )
        raise InputError(
            Problem(
                "column library_column", f"{found} ({less.sum():,} such cells)", "totals of raw counts, of all genes",
                "name a column of totals that are neither normalised nor log-transformed, or leave the cell empty",
            )
        )  # fmt: skip

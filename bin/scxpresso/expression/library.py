"""The library of a cell, by which its counts are divided: the sum of its genes, or what a column of obs says."""

import re

import numpy as np
import pandas as pd

from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

# Columns in which programs write the total of a cell (scanpy, Seurat, others), without case and punctuation.
TOTALS = {"totalcounts", "ncountrna", "ncounts", "ncount", "numi", "numis", "totalumi", "totalumis", "rawsum"}
MIN_RATIO_OF_FAULT = 1.15  # times the sum of the features that are there: genes are missing
MIN_RATIO_OF_NOTE = 1.02  # the same, for a note: ambient RNA or rare genes may have been removed
MIN_SHARE_OF_CELLS = 0.1  # share of cells


def totals_beyond(obs: pd.DataFrame, sums: np.ndarray) -> tuple[Problem | None, list[str]]:
    """What is wrong where obs has larger totals than the matrix, and notes of smaller differences.

    obs: of some cells. sums: of all features of these. A total clearly above the sum in a tenth of the cells says that the
    matrix lacks genes.
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
    """The library of each cell that obs has in `column` (the sheet's library_column). Raises InputError where it is none."""
    where = "column library_column"
    if column not in obs:
        fix = did_you_mean(column, map(str, obs.columns)) or "name a column that is there, or leave the cell empty"
        raise InputError(Problem(where, f"no column {column!r} in obs", f"one of {preview(obs.columns, 20)}", fix))
    numeric = pd.api.types.is_numeric_dtype(obs[column]) and not pd.api.types.is_bool_dtype(obs[column])
    library = obs[column].to_numpy(dtype=np.float64, na_value=np.nan) if numeric else np.full(len(obs), np.nan)
    if (bad := ~(np.isfinite(library) & (library >= 0))).any():
        cell = np.flatnonzero(bad)[0]
        found = f"{preview([obs[column].iloc[cell]])} in {column!r} of cell {str(obs.index[cell])!r}"
        fix = "name a column that has each cell's total of raw counts, or leave the cell empty"
        raise InputError(Problem(where, found, "the total of the raw counts of each cell, 0 or more", fix))
    return library


def check_library(column: str, library: np.ndarray, sizes: np.ndarray, cells: np.ndarray) -> None:
    """Raise InputError where a cell's library is smaller than the sum of its genes. sizes: these sums. cells: names."""
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

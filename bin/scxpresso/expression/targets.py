"""Targets of training: expression, and what else the same counts say of each gene and population (paper, Discussion)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import read_expression

MEAN = "mean"  # log10 mean expression
FRACTION = "fraction"  # share of a population's cells in which a gene is detected
DISPERSION = "dispersion"  # log10 of the negative binomial's
FURTHER = (FRACTION, DISPERSION)  # in this order, wherever a recipe or model has several

MIN_DETECTED = 10  # cells of a population with a gene, without which its dispersion is not known
MIN_DISPERSION, MAX_DISPERSION = 0.01, 100.0  # moments of few counts give smaller, larger and negative ones


def further_targets(targets: str) -> list[str]:
    """List the targets of a recipe besides the mean."""
    return [one for one in targets.split("+") if one != MEAN]


def read_further(**paths: str | None) -> dict[str, pd.DataFrame]:
    """Read the tables of further targets that are given, by target."""
    given = {target: paths[target] for target in FURTHER}
    return {target: read_expression(path) for target, path in given.items() if path}


def with_further(observed: pd.DataFrame, further: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Append further targets to expression, as outputs of further populations.

    Parameters
    ----------
    observed: genes × populations, log10. further: of each target, the same genes and populations; NaN where not known.

    Returns
    -------
    genes × (targets × populations): the mean of each population, then each further target of each population.

    Raises
    ------
    InputError, if genes or populations differ.
    """
    for target, values in further.items():
        if not (observed.index.equals(values.index) and observed.columns.equals(values.columns)):
            others = preview(observed.columns.symmetric_difference(values.columns), 3)
            found = f"other populations ({others})" if others else "other genes, or another order"
            expected = "genes and populations of --expression"
            raise InputError(Problem(f"--{target}", found, expected, "take the same level"))
    return pd.concat([observed, *(values.add_prefix(f"{target}: ") for target, values in further.items())], axis=1)


def dispersion(
    total: np.ndarray, squares: np.ndarray, detected: np.ndarray, cells: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Estimate dispersions of the negative binomial by moments.

    Counts *n* of a gene are scaled to *u* = *c n*, with *c* of each cell. If *n* has variance μ + αμ², *u* has the variance
    *c m* + α*m*² around the mean *m* of the population, so that α = (variance of *u* − *m* × mean of *c*) / *m*².

    Parameters
    ----------
    total, squares: sums of *u* and *u*² over the cells of a population, populations × genes.
    detected: number of cells with the gene, populations × genes.
    cells, scale: number of cells and mean of *c* of each population.

    Returns
    -------
    log10 α, genes × populations, within log10 of MIN_DISPERSION and MAX_DISPERSION; NaN for genes that fewer than
    MIN_DETECTED cells have.
    """
    cells, known = cells[:, None], detected >= MIN_DETECTED
    mean = np.where(known, total / np.maximum(cells, 1), 1)
    variance = (squares - cells * mean**2) / np.maximum(cells - 1, 1)
    alpha = (variance - mean * scale[:, None]) / mean**2
    return np.where(known, np.log10(np.clip(alpha, MIN_DISPERSION, MAX_DISPERSION)), np.nan).T

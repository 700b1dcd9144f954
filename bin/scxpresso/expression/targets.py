"""Targets of training: expression, and what else the same counts say of each gene and population (paper, Discussion)."""

import pandas as pd

from scxpresso.problems import InputError, Problem, preview

MEAN = "mean"  # log10 mean expression
FRACTION = "fraction"  # share of a population's cells in which a gene is detected


def further_targets(targets: str) -> list[str]:
    """List the targets of a recipe besides the mean."""
    return [one for one in targets.split("+") if one != MEAN]


def with_fraction(observed: pd.DataFrame, fraction: pd.DataFrame) -> pd.DataFrame:
    """Append the fractions of cells to expression, as outputs of further populations.

    Parameters
    ----------
    observed: genes × populations, log10. fraction: the same genes and populations, 0 to 1.

    Returns
    -------
    genes × (2 × populations): the mean of each population, then its fraction.

    Raises
    ------
    InputError, if genes or populations differ.
    """
    if not (observed.index.equals(fraction.index) and observed.columns.equals(fraction.columns)):
        others = preview(observed.columns.symmetric_difference(fraction.columns), 3)
        found = f"other populations ({others})" if others else "other genes, or another order"
        raise InputError(Problem("--fraction", found, "genes and populations of --expression", "take the same level"))
    return pd.concat([observed, fraction.add_prefix(f"{FRACTION}: ")], axis=1)

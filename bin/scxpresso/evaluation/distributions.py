"""How expression is distributed over genes: one mode in bulk, two in pseudobulk (paper 3.1)."""

from collections.abc import Iterator

import numpy as np

from scxpresso.evaluation.levels import Level

DISTRIBUTION_COLUMNS = ["atlas", "level", "population", "n_genes", "mean", "sd", "share_at_floor", "bimodality"]
HISTOGRAM_COLUMNS = ["atlas", "level", "population", "lower", "upper", "n_genes"]
BIN = 0.25  # log10 units; bins start at multiples of it, so that all histograms have the same


def bimodality(values: np.ndarray) -> float:
    """Compute Sarle's bimodality coefficient: 1/3 for a normal distribution, 5/9 for a uniform one, at most 1.

    Values above 5/9 suggest two modes (Pfister et al. 2013). NaN for fewer than 4 values, or if all are equal.
    """
    from scipy.stats import kurtosis, skew  # slow to import, and the report needs only the columns

    n = len(values)
    if n < 4 or np.ptp(values) == 0:
        return float("nan")
    excess = kurtosis(values, bias=False)
    return float((skew(values, bias=False) ** 2 + 1) / (excess + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def share_at_floor(values: np.ndarray, undetected: int) -> float:
    """Return the share of genes at the floor: the lowest value that at least as many genes have as were not detected.

    A detected gene may be below the floor; and with medians over bulk samples, one may be at the floor.
    """
    if not undetected:
        return 0.0
    _, times = np.unique(values, return_counts=True)
    return float(times[times >= min(undetected, times.max())][0] / len(values))


def distribution_rows(level: Level) -> Iterator[dict]:
    """Yield rows of distributions.tsv: one per population of the level.

    share_at_floor is the share of genes at the value of those that were not detected; 0 if all were.
    """
    detected = dict(zip(level.labels, level.populations["genes_detected"], strict=True))
    for population, column in level.observed.items():
        values = column.to_numpy()
        yield {
            **level.key,
            "population": population,
            "n_genes": len(values),
            "mean": values.mean(),
            "sd": values.std(ddof=1),
            "share_at_floor": share_at_floor(values, len(values) - detected[population]),
            "bimodality": bimodality(values),
        }


def histogram_rows(level: Level) -> Iterator[dict]:
    """Yield rows of histograms.tsv: genes per bin of expression, from a population's lowest bin to its highest."""
    for population, column in level.observed.items():
        number = np.floor(column.to_numpy() / BIN).astype(int)
        lowest = number.min()
        for offset, genes in enumerate(np.bincount(number - lowest)):
            lower = (lowest + offset) * BIN
            yield {**level.key, "population": population, "lower": lower, "upper": lower + BIN, "n_genes": genes}

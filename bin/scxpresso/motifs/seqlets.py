"""Seqlets: short stretches of a gene's window that a model finds important."""

from dataclasses import dataclass

import numpy as np

SMOOTHED = 5  # positions whose mean |importance| is compared
PERCENTILE = 99  # of the gene's positions in that population …
FLOOR = 0.001  # … and at least this much (log10 expression)
GAP = 3  # positions below the threshold that do not part a seqlet
MARGIN = 3  # positions added on either side


@dataclass(frozen=True)
class Seqlets:
    """The seqlets of one gene, sorted by population, then start. start, end: indices in the window, half-open."""

    population: np.ndarray
    start: np.ndarray
    end: np.ndarray
    importance: np.ndarray


def substitution_sums(effects: np.ndarray, unambiguous: np.ndarray) -> np.ndarray:
    """Return minus the sum of each position's three effects (window × populations, float64); 0 at ambiguous bases.

    effects: window × alternatives × populations (log10 expression). A third of it is the position's importance: how much
    the base there raises expression over the mean of the other three. Effects are multiples of 2^-20, so sums are exact.
    """
    return np.where(unambiguous[:, None], -effects.sum(axis=1, dtype=np.float64), 0)


def sliding_sums(values: np.ndarray, width: int) -> np.ndarray:
    """Sum over each `width` neighbouring positions: positions × … → (positions − width + 1) × …"""
    total = np.concatenate([np.zeros_like(values[:1]), values.cumsum(axis=0)])
    return total[width:] - total[:-width]


def find_seqlets(sums: np.ndarray, unambiguous: np.ndarray) -> Seqlets:
    """Find runs of positions whose smoothed |importance| exceeds the threshold, merged over small gaps and a little extended.

    sums: as substitution_sums gives them. Runs of raising and of lowering positions are seqlets of their own. The
    importance of a seqlet is summed over its positions.
    """
    length = len(sums)
    padded = np.pad(sums, ((SMOOTHED // 2, SMOOTHED // 2), (0, 0)))
    smooth = sliding_sums(padded, SMOOTHED) / (3 * SMOOTHED)
    found = []
    for population in range(sums.shape[1] if unambiguous.any() else 0):
        here = smooth[:, population]
        threshold = np.percentile(np.abs(here[unambiguous]), PERCENTILE)
        for sign in (1, -1):
            places = np.flatnonzero((sign * here > threshold) & (sign * here >= FLOOR))
            if len(places) == 0:
                continue
            parted = np.flatnonzero(np.diff(places) > GAP + 1)
            first = np.maximum(places[np.append(0, parted + 1)] - MARGIN, 0)
            last = np.minimum(places[np.append(parted, len(places) - 1)] + MARGIN + 1, length)
            found.append(np.stack([np.full(len(first), population), first, last]))
    runs = np.concatenate(found, axis=1) if found else np.empty((3, 0), dtype=np.int64)
    populations, start, end = runs[:, np.lexsort(runs[::-1])]
    total = np.concatenate([np.zeros((1, sums.shape[1])), sums.cumsum(axis=0)])
    return Seqlets(populations, start, end, (total[end, populations] - total[start, populations]) / 3)

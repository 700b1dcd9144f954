"""Motifs compared with known ones: how probable an alignment as good with a known motif is by chance.

As Tomtom does (Gupta et al. 2007), but for the score of two aligned positions: the product of their probabilities less 1/4,
summed over the bases, which is about 0 where either says little. The columns of all known motifs, on both strands, are what
chance draws from. As scores are whole numbers, their distribution over so many random columns is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from scxpresso.motifs.matrices import Motif

PER_UNIT = 200  # scores are whole numbers of 1/200
MIN_OVERLAP = 4  # positions of an alignment, where both motifs have as many


@dataclass(frozen=True)
class KnownMatch:
    """The known motif that a motif is most like, its p-value, corrected for alignments, and q-value over all pairs."""

    known: Motif
    p_value: float
    q_value: float


def best_known(motifs: Sequence[np.ndarray], known: Sequence[Motif]) -> list[KnownMatch]:
    """Find the known motif that each motif is most like.

    Parameters
    ----------
    motifs: probabilities, width × A, C, G, T each.
    known: at least one.
    """
    columns = np.concatenate([motif.counts / motif.counts.sum(axis=1, keepdims=True) for motif in known])
    widths = np.array([len(motif.counts) for motif in known])
    p_values = np.array([_p_values(motif, columns, widths) for motif in motifs]).reshape(len(motifs), len(known))
    q_values = false_discovery_control(p_values.ravel()).reshape(p_values.shape) if p_values.size else p_values
    return [
        KnownMatch(known[at], float(p[at]), float(q[at]))
        for p, q, at in zip(p_values, q_values, p_values.argmin(axis=1), strict=True)
    ]


def _p_values(motif: np.ndarray, columns: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """P-value of a motif's best alignment with each known motif.

    columns: of all known motifs, one after the other (positions × 4). widths: of each of them.
    """
    strands = [_Aligned(motif, columns), _Aligned(motif[::-1, ::-1], columns)]
    starts = np.cumsum(widths) - widths
    found = np.empty(len(widths))
    for width in np.unique(widths):
        members = widths == width
        best, tried = zip(*(strand.best(starts[members], width) for strand in strands), strict=True)
        smallest = np.minimum(np.minimum(*best), 1 - 1e-16)
        found[members] = -np.expm1(sum(tried) * np.log1p(-smallest))
    return found


class _Aligned:
    """A motif on one strand, its scores with the columns of known motifs, and how they are distributed."""

    def __init__(self, motif: np.ndarray, columns: np.ndarray):
        both = np.concatenate([columns, columns[:, ::-1]]) - 0.25
        scores = np.rint(PER_UNIT * (motif - 0.25) @ both.T).astype(np.int64)
        self.lowest = scores.min(axis=1)
        self.scores = scores[:, : len(columns)]
        self.density = [np.bincount(row - row.min()) / len(row) for row in scores]
        self._tails: dict[tuple[int, int], np.ndarray] = {}

    def best(self, starts: np.ndarray, other: int) -> tuple[np.ndarray, int]:
        """Give the smallest p-value over alignments with each of some known motifs, and the number of alignments.

        starts: numbers of their first columns. other: their width.
        """
        width = len(self.scores)
        overlap = min(MIN_OVERLAP, width, other)
        shifts = range(overlap - other, width - overlap + 1)
        smallest = np.ones(len(starts))
        for shift in shifts:
            first, last = max(0, shift), min(width, shift + other)
            total = sum(self.scores[at, starts + at - shift] for at in range(first, last))
            smallest = np.minimum(smallest, self._tail(first, last)[total - self.lowest[first:last].sum()])
        return smallest, len(shifts)

    def _tail(self, first: int, last: int) -> np.ndarray:
        """Probability of each score from the lowest on, or a higher one, of the positions from `first` to `last`."""
        if (first, last) not in self._tails:
            density = np.ones(1)
            for at in range(first, last):
                density = np.convolve(density, self.density[at])
            self._tails[first, last] = np.minimum(np.cumsum(density[::-1])[::-1], 1)
        return self._tails[first, last]

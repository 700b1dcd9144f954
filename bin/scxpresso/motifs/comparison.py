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
    centred = [shares(motif.counts) - 0.25 for motif in known]
    columns = np.concatenate(centred)
    columns = np.concatenate([columns, columns[:, ::-1]])
    p_values = np.array([_p_values(motif - 0.25, centred, columns) for motif in motifs]).reshape(
        len(motifs), len(known)
    )
    q_values = false_discovery_control(p_values.ravel()).reshape(p_values.shape) if p_values.size else p_values
    return [
        KnownMatch(known[at], float(p[at]), float(q[at]))
        for p, q, at in zip(p_values, q_values, p_values.argmin(axis=1), strict=True)
    ]


def shares(counts: np.ndarray) -> np.ndarray:
    """Turn counts into probabilities: width × 4."""
    return counts / counts.sum(axis=1, keepdims=True)


def _p_values(motif: np.ndarray, known: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
    """P-value of a motif's best alignment with each known motif, all of them less 1/4."""
    strands = [_Aligned(motif, columns), _Aligned(motif[::-1, ::-1], columns)]
    found = np.empty(len(known))
    for width in {len(one) for one in known}:
        members = [number for number, one in enumerate(known) if len(one) == width]
        stacked = np.stack([known[number] for number in members])
        best, tried = zip(*(strand.best(stacked) for strand in strands), strict=True)
        found[members] = -np.expm1(sum(tried) * np.log1p(-np.minimum(np.minimum(*best), 1 - 1e-16)))
    return found


class _Aligned:
    """A motif on one strand, and how the scores of its stretches are distributed over random columns."""

    def __init__(self, motif: np.ndarray, columns: np.ndarray):
        self.motif = motif
        scores = _whole(motif @ columns.T)
        self.density = [np.bincount(row - row.min()) / len(row) for row in scores]
        self.lowest = scores.min(axis=1)
        self._tails: dict[tuple[int, int], np.ndarray] = {}

    def best(self, known: np.ndarray) -> tuple[np.ndarray, int]:
        """Give the smallest p-value over alignments with each of known motifs of one width, and the number of alignments."""
        width, other = len(self.motif), known.shape[1]
        overlap = min(MIN_OVERLAP, width, other)
        scores = _whole(np.einsum("ib,kjb->kij", self.motif, known))
        starts = range(overlap - other, width - overlap + 1)
        smallest = np.ones(len(known))
        for start in starts:
            first, last = max(0, start), min(width, start + other)
            total = sum(scores[:, at, at - start] for at in range(first, last))
            tail = self._tail(first, last)
            smallest = np.minimum(smallest, tail[total - self.lowest[first:last].sum()])
        return smallest, len(starts)

    def _tail(self, first: int, last: int) -> np.ndarray:
        """Probability of each score from the lowest on, or a higher one, of the positions from `first` to `last`."""
        if (first, last) not in self._tails:
            density = np.ones(1)
            for at in range(first, last):
                density = np.convolve(density, self.density[at])
            self._tails[first, last] = np.minimum(np.cumsum(density[::-1])[::-1], 1)
        return self._tails[first, last]


def _whole(scores: np.ndarray) -> np.ndarray:
    return np.rint(PER_UNIT * scores).astype(np.int64)

"""What the smooth part of the grammar network reads of a promoter: k-mers in regions, GC and CpG content in nested windows.

All of it follows from counts, so that what a substitution changes is computed exactly, from the few counts that it moves.
"""

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scxpresso.compiled import njit
from scxpresso.genome.sequence import BASE_OF_CODE, CHANNELS, region, reverse_complement_numbers
from scxpresso.networks.counted_kmers import COUNTED_KMERS, N_COUNTS

# k, from, to: a k-mer and its reverse complement are counted as one. Those around the promoter, and those far from it.
NEAR_KMERS = [(6, -1000, 0), (6, 0, 500)]
FAR_KMERS = [(4, -7000, -3000), (4, -3000, -1000), (4, 500, 3500)]
UNSTRANDED_KMERS = NEAR_KMERS + FAR_KMERS
REACHES = (50, 100, 200, 400, 800, 1600, 3000, 7000)  # bases of the windows, each upstream and downstream of the TSS
WINDOWS = [window for reach in REACHES for window in ((-reach, 0), (0, reach))]
EDGES = sorted({edge for window in WINDOWS for edge in window})
N_WINDOWS = 2 * len(WINDOWS)  # features: GC content, and the square root of CpG content
C, G = CHANNELS.index("C"), CHANNELS.index("G")


@cache
def unstranded(k: int) -> np.ndarray:
    """Number each k-mer (A, C, T, G; the first base counts most) so that a k-mer and its reverse complement share a number."""
    return np.unique(np.minimum(np.arange(4**k), reverse_complement_numbers(k)), return_inverse=True)[1]


UNSTRANDED_COLUMNS = [int(unstranded(k).max()) + 1 for k, _, _ in UNSTRANDED_KMERS]  # number of each region
N_NEAR = sum(UNSTRANDED_COLUMNS[: len(NEAR_KMERS)])
BLOCKS = [N_COUNTS, N_NEAR, *UNSTRANDED_COLUMNS[len(NEAR_KMERS) :]]  # columns of k-mers that are read as one
NEAR_BLOCK = 1  # the place of NEAR_KMERS among them
N_KMERS = sum(BLOCKS)


class PromoterComposition(NamedTuple):
    """Composition of promoters.

    kmers: genes × N_KMERS, square roots of counts: of COUNTED_KMERS (N_COUNTS columns), then of UNSTRANDED_KMERS.
    windows: genes × N_WINDOWS, the GC content of each of WINDOWS (of its unambiguous bases), then the square root of CpG
    dinucleotides per unambiguous base.
    """

    kmers: Tensor
    windows: Tensor

    def to(self, device: torch.device) -> "PromoterComposition":
        """Return the same on a device."""
        return PromoterComposition(self.kmers.to(device), self.windows.to(device))

    def of(self, rows: Tensor) -> "PromoterComposition":
        """Return that of some genes."""
        return PromoterComposition(self.kmers[rows], self.windows[rows])


def promoter_composition(codes: np.ndarray, upstream: int) -> PromoterComposition:
    """Compute the composition of promoters: the same for every fold and replicate.

    Parameters
    ----------
    codes: genes × window, uint8; bases that it lacks count as ambiguous.
    upstream: bases of the codes before the TSS.
    """
    kmers = [counts(region(codes, upstream, start, end), k, np.arange(4**k)) for k, start, end in COUNTED_KMERS]
    kmers += [unstranded_counts(region(codes, upstream, start, end), k) for k, start, end in UNSTRANDED_KMERS]
    return PromoterComposition(
        torch.from_numpy(np.sqrt(np.hstack(kmers), dtype=np.float32)),
        torch.from_numpy(window_features(*window_counts(codes, upstream))),
    )


def unstranded_counts(codes: np.ndarray, k: int) -> np.ndarray:
    """Count the unambiguous k-mers of each row, each together with its reverse complement: genes × pairs (int32)."""
    return counts(codes, k, unstranded(k))


def counts(codes: np.ndarray, k: int, column: np.ndarray) -> np.ndarray:
    """Count the unambiguous k-mers of each row, each in its column: genes × columns (int32)."""
    found = np.zeros((len(codes), column.max() + 1), dtype=np.int32)
    _count(codes, k, column, found)
    return found


@njit()
def _count(codes: np.ndarray, k: int, column: np.ndarray, found: np.ndarray) -> None:
    """Add the k-mers of each row to `found` (genes × columns). column: of each k-mer."""
    for gene in range(len(codes)):
        number, known = 0, 0  # of the k-mer that ends at a base, and of the unambiguous bases up to there
        for place in range(codes.shape[1]):
            base = BASE_OF_CODE[codes[gene, place]]
            known = known + 1 if base < 4 else 0
            number = ((number << 2) | (base & 3)) & (len(column) - 1)
            if known >= k:
                found[gene, column[number]] += 1


def window_counts(codes: np.ndarray, upstream: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count G and C, CpG dinucleotides, and unambiguous bases in each of WINDOWS: three times genes × windows."""
    reach = max(REACHES)
    bases = BASE_OF_CODE[region(codes, upstream, -reach, reach)]
    strong = (bases == C) | (bases == G)
    # A dinucleotide belongs to a window that holds both of its bases; it is marked at the second.
    cpg = np.zeros_like(strong)
    cpg[:, 1:] = (bases[:, :-1] == C) & (bases[:, 1:] == G)
    totals = []
    for marks, across in ((strong, 0), (cpg, 1), (bases < 4, 0)):
        parts = [np.count_nonzero(marks[:, reach + start : reach + end], axis=1) for start, end in pairwise(EDGES)]
        sums = dict(zip(EDGES, np.cumsum([np.zeros_like(parts[0]), *parts], axis=0, dtype=np.int32), strict=True))
        counts = [sums[end] - sums[start] - np.int32(across) * marks[:, reach + start] for start, end in WINDOWS]
        totals.append(np.stack(counts, axis=1))
    gc, pairs, unambiguous = totals
    return gc, pairs, unambiguous


def window_features(gc: np.ndarray, cpg: np.ndarray, unambiguous: np.ndarray) -> np.ndarray:
    """Turn counts in windows (genes × windows) into features (genes × N_WINDOWS, float32); 0 where no base is known."""
    bases = np.maximum(unambiguous, 1)
    return np.hstack([gc / bases, np.sqrt(cpg / bases)]).astype(np.float32)

"""Which counts of k-mers a substitution changes."""

from typing import NamedTuple

import numpy as np

from scxpresso.compiled import njit
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE

ALTERNATIVE_CHANNELS = BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int64)


class CountedRegions(NamedTuple):
    """Regions in which k-mers are counted.

    regions: rows of k, from, to (bases), and where the region's k-mers begin in column_of. column_of: column of each k-mer.
    """

    regions: np.ndarray
    column_of: np.ndarray

    @classmethod
    def of(cls, first: int, counted: list[tuple[int, int, int]], columns: list[np.ndarray]) -> "CountedRegions":
        """Make them of k, from, to (relative to the TSS) and the columns of the k-mers of each region.

        first: the base from which `regions` counts, relative to the TSS.
        """
        begins = np.cumsum([0, *(len(part) for part in columns[:-1])])
        rows = [(k, start - first, end - first, begin) for (k, start, end), begin in zip(counted, begins, strict=True)]
        return cls(np.array(rows), np.concatenate(columns))

    @property
    def max_changed(self) -> int:
        """Columns of counts that a substitution may change, at most."""
        return int(sum(2 * k for k in self.regions[:, 0]))


def strand_columns(counted: list[tuple[int, int, int]]) -> list[np.ndarray]:
    """Give k-mers a column each, region after region."""
    begins = np.cumsum([0, *(4**k for k, _, _ in counted)])
    return [begin + np.arange(4**k) for begin, (k, _, _) in zip(begins, counted, strict=False)]


@njit()
def kmer_with(bases: np.ndarray, begin: int, k: int, place: int, base: int) -> int:
    """Number the k-mer at `begin` with `base` at `place`, as kmer_numbers does; −1 if it is ambiguous."""
    number = 0
    for index in range(begin, begin + k):
        here = base if index == place else bases[index]
        if here > 3:
            return -1
        number = number * 4 + here
    return number


@njit()
def count_changes(
    bases: np.ndarray, place: int, base: int, counted: CountedRegions, columns: np.ndarray, steps: np.ndarray
) -> int:
    """Find which counts change, and by how much, if `base` is put at `place`; return how many were written."""
    found = 0
    for number in range(len(counted.regions)):
        k, start, end, first = counted.regions[number]
        for begin in range(max(place - k + 1, start), min(place, end - k) + 1):
            for sign in (-1, 1):
                kmer = kmer_with(bases, begin, k, place, np.int64(bases[place]) if sign < 0 else base)
                if kmer < 0:
                    continue
                column, at = counted.column_of[first + kmer], 0
                while at < found and columns[at] != column:
                    at += 1
                if at == found:
                    columns[at], steps[at] = column, 0
                    found += 1
                steps[at] += sign
    return found

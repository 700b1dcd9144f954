"""Which counts of k-mers a substitution changes."""

import numpy as np

from scxpresso.compiled import njit
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.networks.hybrid import COUNTED_KMERS, K_BEFORE, START

FIRST = START - K_BEFORE  # the first base read, relative to the TSS; bases and regions count from it here
# k, from, to (bases), and the column of the first k-mer.
REGIONS = np.array(
    [
        (k, start - FIRST, end - FIRST, sum(4**other for other, _, _ in COUNTED_KMERS[:number]))
        for number, (k, start, end) in enumerate(COUNTED_KMERS)
    ]
)
ALTERNATIVE_CHANNELS = BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int64)
MAX_CHANGED = sum(2 * k for k in REGIONS[:, 0])  # columns of counts that a substitution may change


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
def count_changes(bases: np.ndarray, place: int, base: int, columns: np.ndarray, steps: np.ndarray) -> int:
    """Find which counts change, and by how much, if `base` is put at `place`; return how many were written."""
    found = 0
    for number in range(len(REGIONS)):
        k, start, end, column = REGIONS[number]
        for begin in range(max(place - k + 1, start), min(place, end - k) + 1):
            for sign in (-1, 1):
                kmer = kmer_with(bases, begin, k, place, np.int64(bases[place]) if sign < 0 else base)
                if kmer < 0:
                    continue
                at = 0
                while at < found and columns[at] != column + kmer:
                    at += 1
                if at == found:
                    columns[at], steps[at] = column + kmer, 0
                    found += 1
                steps[at] += sign
    return found

"""Promoter composition: against counting by hand, at the ends of a window, and with ambiguous bases."""

import numpy as np
import pytest
import torch

from scxpresso.genome.sequence import N_CODE, decode, encode, kmer_counts, reverse_complement
from scxpresso.networks.counted_kmers import COUNTED_KMERS, N_COUNTS
from scxpresso.networks.promoter_composition import (
    N_KMERS,
    N_WINDOWS,
    UNSTRANDED_KMERS,
    WINDOWS,
    counts,
    promoter_composition,
    unstranded,
    unstranded_counts,
)


def random_codes(genes: int, length: int) -> np.ndarray:
    return np.random.default_rng(1).choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=(genes, length))


def content(bases: str) -> tuple[float, float]:
    """GC content, and the square root of CpG dinucleotides per base, of a window as a string."""
    known = sum(bases.count(base) for base in "ACGT")
    gc = bases.count("G") + bases.count("C")
    return gc / max(known, 1), (bases.count("CG") / max(known, 1)) ** 0.5


def test_windows_are_what_strings_give():
    upstream = 7200
    codes = random_codes(3, 14_500)
    codes[1, 7100:7300] = N_CODE  # around the TSS: the innermost windows know nothing
    windows = promoter_composition(codes, upstream).windows.numpy()
    assert windows.shape == (3, N_WINDOWS)
    for gene in range(3):
        bases = decode(codes[gene])
        expected = [content(bases[upstream + start : upstream + end]) for start, end in WINDOWS]
        np.testing.assert_allclose(windows[gene], np.array(expected).T.ravel(), rtol=1e-6)
    assert windows[1, 0] == 0


def test_bases_that_a_window_lacks_count_for_nothing():
    codes, upstream = random_codes(2, 300), 100
    padded = np.pad(codes, ((0, 0), (7900, 7800)), constant_values=N_CODE)
    for short, long in zip(promoter_composition(codes, upstream), promoter_composition(padded, 8000), strict=True):
        torch.testing.assert_close(short, long)


def test_kmers_are_roots_of_counts_in_their_regions():
    codes, upstream = random_codes(4, 11_000), 7200
    kmers = promoter_composition(codes, upstream).kmers.numpy()
    assert kmers.shape == (4, N_KMERS)
    totals = np.square(kmers).sum(axis=1).round()
    regions = [*COUNTED_KMERS, *UNSTRANDED_KMERS]
    np.testing.assert_array_equal(totals, sum(end - start - k + 1 for k, start, end in regions))
    far = codes.copy()
    far[:, : upstream - 7000] = 1  # upstream of every region
    np.testing.assert_array_equal(promoter_composition(far, upstream).kmers.numpy(), kmers)


@pytest.mark.parametrize("k", [3, 4])
def test_kmers_are_counted_as_elsewhere_and_none_across_an_uncertain_base(k):
    codes = random_codes(5, 60)
    codes[1, 20], codes[2], codes[3, [0, 59]] = N_CODE, N_CODE, N_CODE
    np.testing.assert_array_equal(counts(codes, k, np.arange(4**k)), kmer_counts(codes, k))
    assert counts(codes[:, : k - 1], k, np.arange(4**k)).sum() == 0


def test_a_kmer_and_its_reverse_complement_are_one():
    codes = random_codes(2, 200)
    pairs = unstranded_counts(codes, 6)
    np.testing.assert_array_equal(pairs, unstranded_counts(reverse_complement(codes), 6))
    assert pairs.shape == (2, (4**6 + 4**3) // 2)  # 64 palindromes
    assert pairs.sum() == 2 * 195
    np.testing.assert_array_equal(unstranded_counts(encode("ACGT")[None], 2)[0][unstranded(2)[[1, 14, 7]]], [2, 2, 1])


@pytest.mark.parametrize("alternative", [1, 2, 4, 8])
def test_substitutions_between_two_bounds_of_windows_are_few(alternative):
    """What makes saturation quick: windows change by the bounds that a base lies between, and by the GC and CpG it moves."""
    codes, upstream = random_codes(1, 6400), 3200
    positions = np.arange(upstream + 400, upstream + 800)  # between two bounds
    mutants = np.repeat(codes, len(positions), axis=0)
    mutants[np.arange(len(positions)), positions] = alternative
    windows = promoter_composition(mutants, upstream).windows
    assert len(torch.unique(windows, dim=0)) <= 9 + 3  # the base at a bound may make a CpG of one window only
    columns = (windows != promoter_composition(codes, upstream).windows).any(dim=0).numpy()
    touched = [WINDOWS[column % len(WINDOWS)] for column in np.flatnonzero(columns)]
    assert {end for _, end in touched} <= {800, 1600, 3000, 7000}


def test_number_of_kmers():
    assert N_COUNTS + 2 * 2080 + 3 * 136 == N_KMERS

"""Which k-mers around the TSS say something of expression: a screen, then a multi-task lasso, chosen on inner folds.

A k-mer and its reverse complement are one word. A word is present in a gene or not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from scxpresso.genome.sequence import kmer_numbers, region, reverse_complement_numbers, unpack_kmers

LENGTHS = (6, 7, 8)
REGIONS = (
    (-1000, 500),
    (-700, 100),
    (-300, 100),
)  # relative to the TSS; the one that predicts inner folds best is taken
INNER_FOLDS = 3
SCREENED = 150  # words per component
MIN_GENES = 8  # in which a word is present
PENALTIES = np.geomspace(1, 0.05, 14)  # of the lasso, in units of the smallest that leaves no word
MAX_ITERATIONS = 300  # of coordinate descent, per penalty
TOLERANCE = 1e-3
RIDGE = 5.0  # of the refit, which undoes the lasso's shrinkage: as if so many genes had shown no effect


@dataclass(frozen=True)
class Words:
    """Words that predict expression.

    region: where they are sought. words: bases of each (0–3 by channel), the most important first. error: squared error on
    inner folds, relative to that of the mean; at least 1 where there are no words.
    """

    region: tuple[int, int]
    words: list[np.ndarray]
    error: float


def word_presence(codes: np.ndarray, k: int) -> scipy.sparse.csr_matrix:
    """Say which words each gene has: genes × 4^k; a word is the smaller number of a k-mer and its reverse complement."""
    numbers, unambiguous = kmer_numbers(codes, k)
    word = np.minimum(np.arange(4**k), reverse_complement_numbers(k))
    gene = np.broadcast_to(np.arange(len(codes))[:, None], numbers.shape)[unambiguous]
    column = word[numbers[unambiguous]]
    present = scipy.sparse.csr_matrix((np.ones(len(gene), np.float32), (gene, column)), shape=(len(codes), 4**k))
    present.sum_duplicates()
    present.data[:] = 1
    return present


def find_words(codes: np.ndarray, upstream: int, target: np.ndarray, seed: int) -> Words:
    """Choose region, penalty and words.

    Parameters
    ----------
    codes: genes × window (uint8), `upstream` bases of it before the TSS.
    target: genes × components of expression.
    """
    inner = np.random.default_rng(seed).permutation(len(codes)) % INNER_FOLDS
    best: tuple[float, int, tuple[int, int], scipy.sparse.csr_matrix] | None = None
    for bounds in REGIONS:
        part = region(codes, upstream, *bounds)
        present = scipy.sparse.hstack([word_presence(part, k) for k in LENGTHS], format="csr")
        errors = _inner_errors(present, target, inner)
        if best is None or errors.min() < best[0]:
            best = float(errors.min()), int(errors.argmin()), bounds, present
    assert best
    error, penalty, bounds, present = best
    if error >= 1:
        return Words(bounds, [], error)
    chosen, weights = list(_path(present, target, penalty))[-1]
    spread = np.sqrt(_variance(present[:, chosen]))
    importance = np.abs(weights).sum(axis=1) * spread
    return Words(bounds, [_bases(number) for number in chosen[np.argsort(-importance, kind="stable")]], error)


def _bases(column: int) -> np.ndarray:
    """Give the bases of a column of the stacked words."""
    for k in LENGTHS:
        if column < 4**k:
            return unpack_kmers(np.array([column]), k, 2)[0]
        column -= 4**k
    raise IndexError(column)


def _inner_errors(present: scipy.sparse.csr_matrix, target: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Squared error of each penalty on inner folds, relative to that of the mean."""
    errors, base = np.zeros(len(PENALTIES)), 0.0
    for fold in range(INNER_FOLDS):
        train, test = inner != fold, inner == fold
        mean = target[train].mean(axis=0)
        base += ((target[test] - mean) ** 2).sum()
        train_words, test_words = present[train], present[test].tocsc()
        for number, (chosen, weights) in enumerate(_path(train_words, target[train], len(PENALTIES) - 1)):
            centre = np.asarray(train_words[:, chosen].mean(axis=0))
            predicted = mean + (test_words[:, chosen].toarray() - centre) @ weights
            errors[number] += ((target[test] - predicted) ** 2).sum()
    return errors / base


def _path(present: scipy.sparse.csr_matrix, target: np.ndarray, last: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns chosen at each penalty up to the `last`, and their weights by ridge regression (columns × components)."""
    from sklearn.linear_model import MultiTaskLasso  # slow to import, and only fitting needs it

    screened = _screened(present, target)
    words = present[:, screened].toarray().astype(np.float64)
    mean, sd = words.mean(axis=0), words.std(axis=0)
    words = (words - mean) / sd
    centred = target - target.mean(axis=0)
    largest = np.sqrt(((words.T @ centred) ** 2).sum(axis=1)).max(initial=1e-12) / len(words)
    lasso = MultiTaskLasso(warm_start=True, fit_intercept=False, tol=TOLERANCE, max_iter=MAX_ITERATIONS)
    for penalty in PENALTIES[: last + 1]:
        lasso.alpha = penalty * largest
        chosen = np.flatnonzero(np.abs(lasso.fit(words, centred).coef_).max(axis=0) > 0)
        kept = words[:, chosen]
        weights = np.linalg.solve(kept.T @ kept + RIDGE * np.eye(len(chosen)), kept.T @ centred)
        yield screened[chosen], weights / sd[chosen, None]


def _variance(present: scipy.sparse.csr_matrix) -> np.ndarray:
    """Variance of each column of 0 and 1."""
    share = np.asarray(present.mean(axis=0))[0]
    return np.maximum(share * (1 - share), 0)


def _screened(present: scipy.sparse.csr_matrix, target: np.ndarray) -> np.ndarray:
    """Columns most associated with any component, sorted."""
    sd = np.sqrt(_variance(present))
    genes = np.asarray(present.sum(axis=0))[0]
    usable = np.flatnonzero((genes >= MIN_GENES) & (sd > 0))
    scaled = (target - target.mean(axis=0)) / np.maximum(target.std(axis=0), 1e-9)
    association = np.abs(np.asarray(present.T @ scaled)[usable]) / sd[usable, None]
    number = min(SCREENED, len(usable))
    return np.unique(usable[np.argsort(-association, axis=0, kind="stable")[:number]])

"""Which k-mers around the TSS say something of expression: a screen, then a multi-task lasso, chosen on inner folds.

A k-mer and its reverse complement are one word. A word is present in a gene or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from scxpresso.compiled import njit
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


def word_presence(codes: np.ndarray, k: int) -> scipy.sparse.csc_matrix:
    """Say which words each gene has: genes × 4^k; a word is the smaller number of a k-mer and its reverse complement."""
    numbers, unambiguous = kmer_numbers(codes, k)
    word = np.minimum(np.arange(4**k), reverse_complement_numbers(k)).astype(np.int32)
    genes, start = _genes_of_words(word[numbers], unambiguous, 4**k)
    present = np.ones(len(genes), np.float32)
    return scipy.sparse.csc_matrix((present, genes, start), shape=(len(codes), 4**k))


@njit()
def _genes_of_words(words: np.ndarray, known: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """List the genes of each word, each once: all lists in a row, and where each starts.

    words: genes × positions. known: likewise, whether a word has no ambiguous base.
    """
    last = np.full(number, -1, np.int32)  # gene that a word was seen in
    start = np.zeros(number + 1, np.int32)
    for gene in range(len(words)):
        for word, here in zip(words[gene], known[gene]):  # noqa: B905 (numba)
            if here and last[word] != gene:
                last[word] = gene
                start[word + 1] += 1
    for word in range(number):
        start[word + 1] += start[word]
    end, genes = start[:-1].copy(), np.empty(start[-1], np.int32)
    last[:] = -1
    for gene in range(len(words)):
        for word, here in zip(words[gene], known[gene]):  # noqa: B905 (numba)
            if here and last[word] != gene:
                last[word] = gene
                genes[end[word]] = gene
                end[word] += 1
    return genes, start


def find_words(codes: np.ndarray, upstream: int, targets: Sequence[np.ndarray], seed: int) -> list[Words]:
    """Choose region, penalty and words for each target.

    Parameters
    ----------
    codes: genes × window (uint8), `upstream` bases of it before the TSS.
    targets: genes × components of expression, each.
    """
    inner = np.random.default_rng(seed).permutation(len(codes)) % INNER_FOLDS
    every = np.full(len(codes), True)
    found: list[list[Words]] = [[] for _ in targets]  # of each region
    for bounds in REGIONS:
        part = region(codes, upstream, *bounds)
        present = scipy.sparse.hstack([word_presence(part, k) for k in LENGTHS], format="csc")
        for target, words in zip(targets, found, strict=True):
            columns, *of_folds = _screened(present, target, [every, *(inner != fold for fold in range(INNER_FOLDS))])
            errors = _inner_errors([present[:, those] for those in of_folds], target, inner)
            error, penalty = float(errors.min()), int(errors.argmin())
            if error < min([1.0, *(one.error for one in words)]):
                chosen = _most_important(present[:, columns].toarray(), target, penalty)
                words.append(Words(bounds, [_bases(number) for number in columns[chosen]], error))
    return [words[-1] if words else Words(REGIONS[0], [], 1.0) for words in found]


def _most_important(words: np.ndarray, target: np.ndarray, penalty: int) -> np.ndarray:
    """Columns of words (genes × words) that are chosen at a penalty, the most important first."""
    chosen, weights = list(_path(words, target, penalty))[-1]
    importance = np.abs(weights).sum(axis=1) * words[:, chosen].std(axis=0)
    return chosen[np.argsort(-importance, kind="stable")]


def _bases(column: int) -> np.ndarray:
    """Give the bases of a column of the stacked words."""
    for k in LENGTHS:
        if column < 4**k:
            return unpack_kmers(np.array([column]), k, 2)[0]
        column -= 4**k
    raise IndexError(column)


def _inner_errors(words: list[scipy.sparse.csc_matrix], target: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Squared error of each penalty on inner folds, relative to that of the mean.

    words: for each inner fold, genes × words, those that its training genes choose from. inner: fold of each gene.
    """
    errors, base = np.zeros(len(PENALTIES)), 0.0
    for fold, screened in enumerate(words):
        train, test, present = inner != fold, inner == fold, screened.toarray()
        mean, observed = target[train].mean(axis=0), target[test]
        centred = present[test] - present[train].mean(axis=0)
        base += ((observed - mean) ** 2).sum()
        for number, (chosen, weights) in enumerate(_path(present[train], target[train], len(PENALTIES) - 1)):
            errors[number] += ((observed - mean - centred[:, chosen] @ weights) ** 2).sum()
    return errors / base


def _path(present: np.ndarray, target: np.ndarray, last: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Words (columns of genes × words) chosen at each penalty up to the `last`, and weights by ridge regression.

    Weights: chosen words × components.
    """
    from sklearn.linear_model import MultiTaskLasso  # slow to import, and only fitting needs it

    if not present.shape[1]:  # no word is in enough genes
        yield from [(np.zeros(0, dtype=np.intp), np.zeros((0, target.shape[1])))] * (last + 1)
        return
    words = present.astype(np.float64)
    mean, sd = words.mean(axis=0), words.std(axis=0)
    words = np.asfortranarray((words - mean) / sd)
    centred = np.asfortranarray(target - target.mean(axis=0))
    gram, moment = words.T @ words, words.T @ centred
    largest = np.sqrt((moment**2).sum(axis=1)).max(initial=1e-12) / len(words)
    lasso = MultiTaskLasso(warm_start=True, fit_intercept=False, copy_X=False, tol=TOLERANCE, max_iter=MAX_ITERATIONS)
    for penalty in PENALTIES[: last + 1]:
        lasso.alpha = penalty * largest
        chosen = np.flatnonzero(np.abs(lasso.fit(words, centred).coef_).max(axis=0) > 0)
        weights = np.linalg.solve(gram[np.ix_(chosen, chosen)] + RIDGE * np.eye(len(chosen)), moment[chosen])
        yield chosen, weights / sd[chosen, None]


def _screened(present: scipy.sparse.csc_matrix, target: np.ndarray, subsets: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Words (sorted columns of genes × words) most associated with any component, among each subset of the genes.

    subsets: of the genes each, whether it is one.
    """
    words = present.T
    genes = words @ np.stack(subsets, axis=1).astype(np.float64)
    chosen = []
    for subset, with_word in zip(subsets, genes.T, strict=True):
        share = with_word / subset.sum()
        usable = np.flatnonzero((with_word >= MIN_GENES) & (share < 1))
        own = target[subset]
        scaled = subset[:, None] * (target - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1e-9)
        sd = np.sqrt(share * (1 - share))
        association = np.abs((words @ scaled)[usable]) / sd[usable, None]
        number = min(SCREENED, len(usable))
        chosen.append(np.unique(usable[np.argsort(-association, axis=0, kind="stable")[:number]]))
    return chosen

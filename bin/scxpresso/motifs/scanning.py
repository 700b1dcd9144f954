"""Motifs in sequence: scores in bits against the base composition, their exact p-values, and a fast scan of both strands.

The score of a placement is the sum over its positions of log2(p / b), rounded to 0.01 bits: p is the motif's probability of
the base, (count + 0.1 b) / (sites + 0.1) as in FIMO, and b that of the background. As scores are whole numbers of 0.01 bits,
their distribution over random sequence of the background's composition is exact. (memelite, a fast FIMO, knows only a
background of equal bases: in the AT-rich genome of *Plasmodium* its p-values are wrong by orders of magnitude.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scxpresso.compiled import njit, prange
from scxpresso.genome.sequence import encode
from scxpresso.motifs.matrices import Motif
from scxpresso.problems import preview

BASES = "ACGT"
AMBIGUOUS = 4
PSEUDOCOUNT = 0.1
PER_BIT = 100
NONE = np.iinfo(np.int32).min  # score where every placement has an ambiguous base
UNREACHABLE = np.iinfo(np.int32).max

# Number of each code's base in the order A, C, G, T; AMBIGUOUS for every other code.
_NUMBER = np.full(16, AMBIGUOUS, dtype=np.uint8)
_NUMBER[encode(BASES)] = range(4)

# Scores are looked up for this many positions at once.
BLOCK = 6


def base_numbers(codes: np.ndarray) -> np.ndarray:
    """Convert codes (see sequence.py) to numbers: A 0, C 1, G 2, T 3, AMBIGUOUS elsewhere (uint8, any shape)."""
    return _NUMBER[codes]


def composition(base_counts: np.ndarray) -> np.ndarray:
    """Return background probabilities of A, C, G, T from their counts, over both strands: A as T, C as G."""
    counts = np.asarray(base_counts, dtype=np.float64) + 1  # no base is impossible
    return (counts + counts[::-1]) / (2 * counts.sum())


def count_bases(codes: np.ndarray) -> np.ndarray:
    """Count A, C, G and T; ambiguous bases do not count."""
    return np.array([np.count_nonzero(codes == code) for code in encode(BASES)])


def score_matrix(counts: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Turn a motif's counts into scores in 0.01 bits (int64, width × A, C, G, T)."""
    sites = counts.sum(axis=1, keepdims=True)
    probability = (counts + PSEUDOCOUNT * background) / (sites + PSEUDOCOUNT)
    return np.rint(PER_BIT * np.log2(probability / background)).astype(np.int64)


def score_tail(scores: np.ndarray, background: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the lowest score, and for each score from it on the probability of that or a higher one in random sequence."""
    density = np.ones(1)
    for row in scores:
        steps = row - row.min()
        longer = np.zeros(len(density) + steps.max())
        for step, probability in zip(steps, background, strict=True):
            longer[step : step + len(density)] += probability * density
        density = longer
    return int(scores.min(axis=1).sum()), np.minimum(np.cumsum(density[::-1])[::-1], 1)


@dataclass(frozen=True)
class Hits:
    """Placements of motifs in a sequence, sorted by motif, then start.

    motif: number of each one's motif. start: index of its first base. reverse: whether the motif lies on the other strand.
    score: in 0.01 bits.
    """

    motif: np.ndarray
    start: np.ndarray
    reverse: np.ndarray
    score: np.ndarray


class Scanner:
    """Motifs ready to be looked for.

    motifs: at least one. background: probabilities of A, C, G, T. p_value: largest of a hit, for a placement on one strand.
    """

    def __init__(self, motifs: Sequence[Motif], background: np.ndarray, p_value: float):
        self.motifs, self.p_value = list(motifs), p_value
        self.width = np.array([len(motif.counts) for motif in motifs], dtype=np.int64)
        matrices = [score_matrix(motif.counts, background) for motif in motifs]
        tails = [score_tail(matrix, background) for matrix in matrices]
        self._lowest = np.array([lowest for lowest, _ in tails])
        self._first = np.cumsum([0] + [len(tail) for _, tail in tails])
        self._tail = np.concatenate([tail for _, tail in tails])
        passing = [(tail <= p_value).argmax() if tail[-1] <= p_value else None for _, tail in tails]
        self.threshold = np.array(
            [UNREACHABLE if at is None else low + at for at, low in zip(passing, self._lowest, strict=True)],
            dtype=np.int32,
        )
        strands = [strand for matrix in matrices for strand in (matrix, matrix[::-1, ::-1])]
        blocks = [_block_tables(strand) for strand in strands]
        self._tables = np.concatenate([tables for tables, _ in blocks])
        self._rest = np.concatenate([rest for _, rest in blocks])
        self._blocks = np.cumsum([0] + [len(rest) for _, rest in blocks])

    def unreachable(self) -> list[Motif]:
        """List the motifs too short or too vague for the threshold: none of their placements is a hit."""
        return [motif for motif, score in zip(self.motifs, self.threshold, strict=True) if score == UNREACHABLE]

    def log_unreachable(self, log: Callable[[str], None]) -> None:
        """Log which motifs can have no hit, if any."""
        if unreachable := [motif.motif for motif in self.unreachable()]:
            log(
                f"WARNING motifs {preview(unreachable)}: not even their best match has p ≤ {self.p_value:g}, so they have no hits"
            )

    def p_values(self, motif: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Return the probability of a score or a higher one, for a placement on one strand in random sequence; NaN for NONE."""
        known = score != NONE
        place = np.where(known, score - self._lowest[motif], 0)
        return np.where(known, self._tail[self._first[motif] + place], np.nan)

    def hits(self, codes: np.ndarray) -> Hits:
        """Find the hits of every motif in a sequence (codes); of overlapping hits of one motif the best stays.

        A placement counts once, on the strand where it scores higher (the sequence's own if equal); one with an ambiguous
        base is none.
        """
        word, unambiguous = _words(base_numbers(codes))
        count = np.zeros(len(self.motifs), dtype=np.int64)
        room = 256
        while True:
            start = np.empty((len(count), room), dtype=np.int32)
            score, reverse = np.empty_like(start), np.empty(start.shape, dtype=np.bool_)
            _scan(
                word, unambiguous, self._tables, self._rest, self._blocks, self.width, self.threshold,
                count, start, score, reverse,
            )  # fmt: skip
            if count.max() <= room:
                break
            room = int(count.max())
        used = np.arange(room) < count[:, None]
        motif, start, score, reverse = np.nonzero(used)[0], start[used], score[used], reverse[used]
        order = np.lexsort((start, -score, motif))
        kept = order[_apart(motif[order], start[order], self.width, len(codes))]
        kept.sort()  # as scanned: by motif, then start
        return Hits(motif[kept], start[kept], reverse[kept], score[kept])

    def best_over(self, alleles: Sequence[np.ndarray], flank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find each motif's best placement over each allele, whatever its score.

        Placements overlap the allele or, where it is empty, span the junction. Of equal ones the first counts, on its own
        strand before the other.

        Parameters
        ----------
        alleles: base numbers of each allele with `flank` bases on either side.
        flank: at least the widest motif's width − 1.

        Returns
        -------
        Score (NONE where every placement has an ambiguous base), start (index in the allele's sequence) and reverse, each
        alleles × motifs.
        """
        end = np.cumsum([len(allele) for allele in alleles])
        word, unambiguous = _words(np.concatenate(alleles))
        score = np.empty((len(alleles), len(self.motifs)), dtype=np.int32)
        start, reverse = np.zeros_like(score), np.zeros(score.shape, dtype=np.bool_)
        _best_over(
            word, unambiguous, self._tables, self._rest, self._blocks, self.width, flank, end, score, start, reverse
        )
        return score, start, reverse


def _block_tables(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate scores of each BLOCK positions for every k-mer of that length, and the most that later blocks can add."""
    count = -(-len(matrix) // BLOCK)
    padded = np.zeros((count * BLOCK, 4), dtype=np.int64)
    padded[: len(matrix)] = matrix
    word = np.arange(4**BLOCK)
    digits = (word[:, None] // 4 ** np.arange(BLOCK)[::-1]) % 4
    tables = padded.reshape(count, BLOCK, 4)[:, np.arange(BLOCK), digits].sum(axis=2)
    most = padded.max(axis=1).reshape(count, BLOCK).sum(axis=1)
    return tables.astype(np.int16), (most[::-1].cumsum()[::-1] - most).astype(np.int32)


@njit()
def _words(bases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the k-mer of BLOCK bases from each position on (ambiguous ones as A), and how many unambiguous ones follow."""
    length = len(bases)
    word, unambiguous = np.zeros(length, dtype=np.uint16), np.zeros(length, dtype=np.int32)
    number, run = 0, 0
    for position in range(length - 1, -1, -1):
        base = bases[position]
        run = run + 1 if base < 4 else 0
        number = (number >> 2) + ((base if base < 4 else 0) << (2 * BLOCK - 2))
        word[position], unambiguous[position] = number, run
    return word, unambiguous


@njit()
def _score(
    word: np.ndarray, position: int, tables: np.ndarray, rest: np.ndarray, first: int, last: int, least: int
) -> int:
    """Score of a placement from blocks `first` to `last`; NONE as soon as it cannot reach `least`."""
    total = 0
    for block in range(first, last):
        total += tables[block, word[position + BLOCK * (block - first)]]
        if total + rest[block] < least:
            return NONE
    return total


@njit(parallel=True)
def _scan(
    word: np.ndarray,
    unambiguous: np.ndarray,
    tables: np.ndarray,
    rest: np.ndarray,
    blocks: np.ndarray,
    width: np.ndarray,
    threshold: np.ndarray,
    count: np.ndarray,
    start: np.ndarray,
    score: np.ndarray,
    reverse: np.ndarray,
) -> None:
    """Find placements that reach the threshold on either strand; all are counted, even if there is no room to store them."""
    for motif in prange(len(width)):
        found, room, least = 0, start.shape[1], threshold[motif]
        own, other, after = blocks[2 * motif], blocks[2 * motif + 1], blocks[2 * motif + 2]
        own_table, own_least = tables[own], np.int64(least) - rest[own]
        other_table, other_least = tables[other], np.int64(least) - rest[other]
        for position in range(len(word) - width[motif] + 1 if least != UNREACHABLE else 0):
            here = word[position]
            # Nearly all placements fail by their first block.
            if (own_table[here] < own_least and other_table[here] < other_least) or unambiguous[position] < width[
                motif
            ]:
                continue
            best = _score(word, position, tables, rest, own, other, least)
            turned = _score(word, position, tables, rest, other, after, least)
            if max(best, turned) >= least:
                if found < room:
                    start[motif, found], score[motif, found] = position, max(best, turned)
                    reverse[motif, found] = turned > best
                found += 1
        count[motif] = found


@njit()
def _apart(motif: np.ndarray, start: np.ndarray, width: np.ndarray, length: int) -> np.ndarray:
    """Which hits (of each motif the best first) stay when none may overlap a better one of its motif."""
    kept = np.zeros(len(motif), dtype=np.bool_)
    taken = np.full(length, -1, dtype=np.int64)  # the motif whose hit covers a position
    for hit in range(len(motif)):
        first, last = start[hit], start[hit] + width[motif[hit]] - 1
        # Hits of one motif are as wide as each other: whichever covers this one covers one of its ends.
        if taken[first] != motif[hit] and taken[last] != motif[hit]:
            taken[first : last + 1] = motif[hit]
            kept[hit] = True
    return kept


@njit(parallel=True)
def _best_over(
    word: np.ndarray,
    unambiguous: np.ndarray,
    tables: np.ndarray,
    rest: np.ndarray,
    blocks: np.ndarray,
    width: np.ndarray,
    flank: int,
    end: np.ndarray,
    score: np.ndarray,
    start: np.ndarray,
    reverse: np.ndarray,
) -> None:
    for motif in prange(len(width)):  # outside, so that its tables stay in the cache
        begin = 0
        for allele in range(len(end)):
            best = np.int64(NONE)
            last = min(end[allele] - flank, end[allele] - width[motif] + 1)
            for position in range(begin + flank - width[motif] + 1, last):
                if unambiguous[position] < width[motif]:
                    continue
                for side in range(2):
                    first = 2 * motif + side
                    total = _score(word, position, tables, rest, blocks[first], blocks[first + 1], best + 1)
                    if total > best:
                        best = total
                        start[allele, motif], reverse[allele, motif] = position - begin, side == 1
            score[allele, motif] = best
            begin = end[allele]

"""Known motifs in sequence that a model finds important, over all genes and in every population."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import erfc
from scipy.stats import false_discovery_control

from scxpresso.compiled import njit, prange
from scxpresso.genome.sequence import BASE_OF_CODE, N_CODE, decode
from scxpresso.motifs.matrices import Motif
from scxpresso.motifs.scanning import Hits, Scanner, composition, count_bases
from scxpresso.motifs.seqlets import Seqlets, find_seqlets, sliding_sums, substitution_sums
from scxpresso.problems import InputError, Problem, preview
from scxpresso.saturation.effects_store import Effects
from scxpresso.store import growing_table

BIN = 500  # bases of tss_distance within which a hit is compared

MOTIF_COLUMNS = [
    "population", "motif", "motif_name", "hits", "genes", "importance", "background_importance", "difference",
    "direction", "p_value", "q_value", "seqlets_matched",
]  # fmt: skip
SEQLET_COLUMNS = [
    "gene_id", "gene_name", "chrom", "start", "end", "strand", "tss_distance", "population", "importance", "sequence",
    "motif", "motif_name", "p_value",
]  # fmt: skip


class Tally:
    """What the hits of every motif add up to, motifs × populations; memory does not grow with genes."""

    def __init__(self, motifs: int, populations: int):
        self.hits, self.genes = np.zeros(motifs, dtype=np.int64), np.zeros(motifs, dtype=np.int64)
        self.importance, self.background = np.zeros((2, motifs, populations))
        self.shift, self.variance = np.zeros((2, motifs, populations))
        self.seqlets = np.zeros((motifs, populations), dtype=np.int64)

    def add(self, scanner: Scanner, hits: Hits, sums: np.ndarray, counted: np.ndarray, upstream: int) -> None:
        """Compare a gene's hits with all stretches of their width in the same bin of BIN bases (of tss_distance).

        A stretch's importance is summed over its positions. If a hit lay anywhere in its bin with the same chance, its rank
        among the stretches there would be uniform, with mean ½ and a variance that ties lessen: `shift` adds up rank − ½.

        Parameters
        ----------
        sums: importance × 3 of each position (window × populations).
        counted: of each position, whether stretches with it count: its base is unambiguous and the network reads it.
        """
        bins = (np.arange(len(sums)) - upstream) // BIN
        for width in np.unique(scanner.width[hits.motif]):
            of_width = scanner.width[hits.motif] == width
            motif, start = hits.motif[of_width], hits.start[of_width]
            stretches = sliding_sums(sums, width)
            complete = sliding_sums(counted.astype(np.int64), width) == width
            edges = np.searchsorted(bins[: len(stretches)], np.arange(bins[0], bins[-1] + 2))
            order = np.argsort(start, kind="stable")
            motif, start = motif[order], start[order]
            rank, mean, variance = np.empty((3, len(start), sums.shape[1]))
            _compare(np.ascontiguousarray(stretches.T), complete, edges, start, rank, mean, variance)
            np.add.at(self.importance, motif, stretches[start] / 3)
            np.add.at(self.background, motif, mean / 3)
            np.add.at(self.shift, motif, rank - 0.5)
            np.add.at(self.variance, motif, variance)
        self.hits += np.bincount(hits.motif, minlength=len(self.hits))
        self.genes[np.unique(hits.motif)] += 1

    def table(self, motifs: list[Motif], populations: list[str]) -> pd.DataFrame:
        """Make MOTIF_COLUMNS, one row per population and motif.

        p is that of the summed shift (two-sided, normal), q over all rows. Means, p and q are NaN and the direction is empty
        for a motif without hits; the direction is empty too where the mean and the ranks of the hits are discordant.
        """
        count = np.where(self.hits > 0, self.hits, np.nan)[:, None]
        difference = (self.importance - self.background) / count
        with np.errstate(invalid="ignore", divide="ignore"):
            p = np.where(self.variance > 0, erfc(np.abs(self.shift) / np.sqrt(2 * self.variance)), 1.0)
        p[self.hits == 0] = np.nan
        q = np.full_like(p, np.nan)
        if np.isfinite(p).any():
            q[np.isfinite(p)] = false_discovery_control(p[np.isfinite(p)])
        concordant = np.where(np.sign(difference) == np.sign(self.shift), np.sign(difference), 0)
        direction = np.select([concordant > 0, concordant < 0], ["raises", "lowers"], "")
        many = len(populations)
        columns = [
            np.repeat(populations, len(motifs)),
            [motif.motif for motif in motifs] * many,
            [motif.name for motif in motifs] * many,
            np.tile(self.hits, many),
            np.tile(self.genes, many),
            *((values / count).T.ravel() for values in (self.importance, self.background)),
            *(values.T.ravel() for values in (difference, direction, p, q, self.seqlets)),
        ]
        return pd.DataFrame(dict(zip(MOTIF_COLUMNS, columns, strict=True)))


@njit(parallel=True)
def _compare(
    stretches: np.ndarray,
    complete: np.ndarray,
    edges: np.ndarray,
    start: np.ndarray,
    rank: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
) -> None:
    """Fill in each hit's mid-rank (0 to 1) among the complete stretches of its bin, their mean, and the ranks' variance.

    stretches: populations × starts. edges: where bins begin and end. start: of each hit, sorted.
    """
    populations = len(stretches)
    for cell in prange(populations * (len(edges) - 1)):
        population, here = cell % populations, cell // populations
        low, high = edges[here], edges[here + 1]
        first, last = np.searchsorted(start, low), np.searchsorted(start, high)
        if first == last:
            continue
        values = np.sort(stretches[population, low:high][complete[low:high]])
        count = len(values)
        ties, run = 0.0, 1
        for place in range(1, count + 1):
            if place < count and values[place] == values[place - 1]:
                run += 1
            else:
                ties += float(run) ** 3 - run
                run = 1
        middle = values.mean()
        spread = (float(count) ** 2 - 1 - ties / count) / (12 * float(count) ** 2)
        for hit in range(first, last):
            value = stretches[population, start[hit]]
            below = np.searchsorted(values, value)
            upto = np.searchsorted(values, value, side="right")
            rank[hit, population] = (below + upto) / (2 * count)
            mean[hit, population] = middle
            variance[hit, population] = spread


def best_hits(scanner: Scanner, hits: Hits, p_values: np.ndarray, seqlets: Seqlets) -> np.ndarray:
    """Find for each seqlet the hit with the smallest p-value that is at least half inside it; −1 if there is none."""
    width = scanner.width[hits.motif]
    best = np.full(len(seqlets.start), -1)
    for number in range(len(best) if len(width) else 0):
        first = np.maximum(hits.start, seqlets.start[number])
        shared = np.minimum(hits.start + width, seqlets.end[number]) - first
        p = np.where(2 * shared >= width, p_values, np.inf)
        if np.isfinite(p).any():
            best[number] = np.argmin(p)
    return best


def match_motifs(
    effects: str | Path,
    genes: pd.DataFrame,
    motifs: list[Motif],
    p_value: float,
    seqlets: str | Path,
    log: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Make motifs.tsv (see Tally.table), and write seqlets.tsv.gz (SEQLET_COLUMNS), one gene in memory at a time.

    The background of scores is the base composition of all windows. Hits, and the stretches that they are compared with,
    lie in what the network reads: beyond it every effect is 0.

    Parameters
    ----------
    effects: effects.h5 of a model.
    genes: genes.tsv.
    p_value: largest p-value of a hit, for a placement on one strand.
    seqlets: the table to write.

    Raises
    ------
    InputError: for files of another kind or genome.
    """
    about = genes.set_index("gene_id")
    with Effects(effects) as stored, growing_table(seqlets, SEQLET_COLUMNS) as append:
        missing = [gene for gene in stored.gene_id if gene not in about.index]
        if missing:
            raise InputError(
                Problem("genes.tsv", f"no {preview(missing)}", "every gene of effects.h5: the same genome")
            )
        populations, upstream = stored.populations, stored.upstream
        counts = np.sum([count_bases(stored.codes[row]) for row in range(len(stored.gene_id))], axis=0)
        scanner = Scanner(motifs, composition(counts), p_value)
        scanner.log_unreachable(log)
        tally, is_read = Tally(len(motifs), len(populations)), stored.is_read()
        for row, gene in enumerate(stored.gene_id):
            window = stored.codes[row]
            unambiguous = BASE_OF_CODE[window] < 4
            sums = substitution_sums(stored.effects(gene), unambiguous)
            hits = scanner.hits(np.where(is_read, window, N_CODE))
            tally.add(scanner, hits, sums, unambiguous & is_read, upstream)
            found = find_seqlets(sums, unambiguous)
            p_values = scanner.p_values(hits.motif, hits.score)
            best = best_hits(scanner, hits, p_values, found)
            matched = best >= 0
            np.add.at(tally.seqlets, (hits.motif[best[matched]], found.population[matched]), 1)
            append(
                _seqlet_table(about.loc[gene], gene, window, upstream, populations, found, motifs, hits, p_values, best)
            )
    return tally.table(motifs, populations)


def _seqlet_table(
    about: pd.Series,
    gene: str,
    window: np.ndarray,
    upstream: int,
    populations: list[str],
    found: Seqlets,
    motifs: list[Motif],
    hits: Hits,
    p_values: np.ndarray,
    best: np.ndarray,
) -> pd.DataFrame:
    """Make SEQLET_COLUMNS of a gene. tss_distance is that of the middle base (of two, the upstream one)."""
    sign = 1 if about["strand"] == "+" else -1
    ends = np.stack([found.start, found.end - 1]) - upstream
    positions = np.sort(int(about["tss"]) + sign * ends, axis=0)
    of_hit = [motifs[hits.motif[hit]] if hit >= 0 else None for hit in best]
    columns = [
        gene, about["gene_name"], about["chrom"], positions[0], positions[1], about["strand"],
        ends.sum(axis=0) // 2, [populations[number] for number in found.population], found.importance,
        [decode(window[start:end]) for start, end in zip(found.start, found.end, strict=True)],
        [motif.motif if motif else "" for motif in of_hit], [motif.name if motif else "" for motif in of_hit],
        [p_values[hit] if hit >= 0 else np.nan for hit in best],
    ]  # fmt: skip
    return pd.DataFrame(dict(zip(SEQLET_COLUMNS, columns, strict=True)))

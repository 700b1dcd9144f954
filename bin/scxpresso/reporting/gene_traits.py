"""Traits of genes by which the report splits the errors of predictions: length, promoter composition, nearest gene."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from scxpresso.genome.sequence import BASE_OF_CODE, encode, kmer_counts, reverse_complement_numbers
from scxpresso.reporting.data import Run, file_of, load

LENGTHS = ["orf_length", "utr5_length", "utr3_length", "intron_length"]  # which sum to that of the transcript
PROMOTER = (-1000, 500)  # bases from the TSS
ISLAND = 200  # bases of the window of a CpG island (Gardiner-Garden and Frommer 1987)
MIN_GC, MIN_CPG = 0.5, 0.6  # of that window: GC content, and observed CpGs over those expected from C and G
K = 5  # of the k-mers by which promoters are compared
AT_ONCE = 1000  # genes per block


class GeneTraits:
    """Traits of the genes of a genome, as far as the run's files have them."""

    def __init__(self, run: Run, genome: str):
        entry = next((one for one in run.manifest["genomes"] if one["genome"] == genome), None)
        self._genes = load(run.folder / entry["genes"], ["gene_id"], LENGTHS) if entry else pd.DataFrame()
        self._features = file_of(run, entry, "features") if entry else None
        self._promoters: tuple[pd.Index, np.ndarray] | None = None
        self._words: np.ndarray | None = None

    def length(self) -> pd.Series | None:
        """Length of each gene's transcript on the genome, in bases; None if it is not known."""
        if not set(LENGTHS) <= set(self._genes):
            return None
        return self._genes.set_index("gene_id")[LENGTHS].sum(axis=1)

    def promoters(self) -> tuple[pd.Index, np.ndarray] | None:
        """Gene ids, and codes of their promoters (genes × bases); None without features.h5."""
        if self._promoters is None and self._features:
            self._promoters = read_promoters(self._features)
        return self._promoters

    def words(self) -> tuple[pd.Index, np.ndarray] | None:
        """Gene ids, and word_profiles of their promoters; None without features.h5."""
        if (found := self.promoters()) is None:
            return None
        if self._words is None:
            self._words = word_profiles(found[1])
        return found[0], self._words

    def gc_content(self) -> pd.Series | None:
        """Share of G and C in each promoter; None if it is not known."""
        if (found := self.promoters()) is None:
            return None
        genes, codes = found
        return pd.Series(gc_share(codes), index=genes)

    def has_island(self) -> pd.Series | None:
        """Whether each promoter has a CpG island; None if it is not known."""
        if (found := self.promoters()) is None:
            return None
        genes, codes = found
        return pd.Series(cpg_islands(codes), index=genes)


def read_promoters(path: Path) -> tuple[pd.Index, np.ndarray]:
    """Read gene ids and the codes of PROMOTER from features.h5, as far as its window reaches."""
    with h5py.File(path) as file:
        upstream = int(file.attrs["upstream"])
        first, last = max(upstream + PROMOTER[0], 0), max(upstream + PROMOTER[1], 0)
        return pd.Index(file["gene_id"].asstr()[:]), file["codes"][:, first:last]


def gc_share(codes: np.ndarray) -> np.ndarray:
    """Compute the share of G and C among the unambiguous bases of each row; NaN where there are none."""
    c, g = encode("CG")
    known = (BASE_OF_CODE[codes] < 4).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return ((codes == c) | (codes == g)).sum(axis=1) / known


def cpg_islands(codes: np.ndarray) -> np.ndarray:
    """Find the rows (genes × bases) with a CpG island: a window of ISLAND bases with MIN_GC and MIN_CPG."""
    base_c, base_g = encode("CG")
    c, g = codes == base_c, codes == base_g
    cpg = np.zeros(codes.shape, dtype=bool)
    cpg[:, :-1] = c[:, :-1] & g[:, 1:]
    n_c, n_g, n_cpg = (in_windows(one) for one in (c, g, cpg))
    dense = (n_c + n_g) >= MIN_GC * ISLAND
    return (dense & (n_cpg * ISLAND >= MIN_CPG * n_c * n_g) & (n_cpg > 0)).any(axis=1)


def in_windows(mask: np.ndarray) -> np.ndarray:
    """Count the true values in every window of ISLAND columns."""
    sums = np.cumsum(mask, axis=1, dtype=np.int32)
    return sums[:, ISLAND - 1 :] - np.pad(sums, ((0, 0), (1, 0)))[:, : max(sums.shape[1] - ISLAND + 1, 0)]


def word_profiles(codes: np.ndarray) -> np.ndarray:
    """Describe each promoter by its K-mers: counts on both strands less their mean over genes, of length 1 (genes × K-mers)."""
    blocks = [words_of(codes[first : first + AT_ONCE]) for first in range(0, len(codes), AT_ONCE)]
    words = np.concatenate(blocks) if blocks else words_of(codes)
    words -= words.mean(axis=0)
    norms = np.linalg.norm(words, axis=1, keepdims=True)
    return words / np.where(norms > 0, norms, 1)


def nearest_similarity(words: np.ndarray, fold: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Compare promoters with those of other folds, on which the networks of their own fold were trained.

    Parameters
    ----------
    words: word_profiles of the genes. fold: of each gene. asked: rows of the genes to compare.

    Returns
    -------
    The largest similarity (cosine) of each asked gene to a gene of another fold. A random pair has about 0, copies 1.
    """
    found = [
        np.where(fold[rows][:, None] == fold, -1, words[rows] @ words.T).max(axis=1)
        for rows in np.array_split(asked, -(-len(asked) // AT_ONCE) or 1)
    ]
    return np.concatenate(found)


def words_of(codes: np.ndarray) -> np.ndarray:
    """Count the K-mers of each row on both strands: genes × K-mers, each once with its reverse complement (float32)."""
    counts, partner = kmer_counts(codes, K), reverse_complement_numbers(K)
    return (counts + counts[:, partner])[:, np.arange(4**K) <= partner].astype(np.float32)

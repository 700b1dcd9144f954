"""The genes in whose windows positions of a contig lie."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scxpresso.genome.sequence import window_bounds


@dataclass(frozen=True)
class Windows:
    """Windows of one contig's genes, all of one length, sorted by where they start.

    genes: row of each gene in genes.tsv. start: 0-based, on the contig, sorted. length: bases of each.
    """

    genes: np.ndarray
    start: np.ndarray
    length: int

    @classmethod
    def of(cls, genes: pd.DataFrame, upstream: int, downstream: int) -> "Windows":
        """Of the genes of one contig: rows of genes.tsv with their index in it."""
        starts = [
            window_bounds(tss, strand, upstream, downstream)[0]
            for tss, strand in zip(genes["tss"].tolist(), genes["strand"], strict=True)
        ]
        order = np.argsort(starts, kind="stable")
        start = np.array(starts, dtype=np.int64)[order]
        return cls(genes.index.to_numpy(dtype=np.int64)[order], start, upstream + downstream)

    def around(self, start: np.ndarray, end: np.ndarray) -> list[list[int]]:
        """Genes whose window holds any of the bases start … end (0-based, half-open) of each variant.

        Where both are equal, which is an insertion before that base, the window has to hold the bases on either side.
        """
        first = np.searchsorted(self.start, start - self.length, side="right")
        last = np.searchsorted(self.start, end, side="left")
        return [self.genes[low:high].tolist() for low, high in zip(first.tolist(), last.tolist(), strict=True)]

"""Search for the genes in whose windows positions of a contig lie."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.genome.sequence import window_bounds
from scxpresso.identifiers import GeneNames, match_contigs
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import read_table
from scxpresso.text import shown


@dataclass(frozen=True)
class Windows:
    """Windows of the genes on one contig, all of the same length, sorted by their start.

    genes: row of each gene in genes.tsv. start: 0-based, on the contig. length: bases.
    """

    genes: np.ndarray
    start: np.ndarray
    length: int

    @classmethod
    def of(cls, genes: pd.DataFrame, upstream: int, downstream: int) -> "Windows":
        """Sort the windows of the genes on one contig. genes: rows of genes.tsv, with their index in it."""
        starts = [
            window_bounds(tss, strand, upstream, downstream)[0]
            for tss, strand in zip(genes["tss"].tolist(), genes["strand"], strict=True)
        ]
        order = np.argsort(starts, kind="stable")
        start = np.array(starts, dtype=np.int64)[order]
        return cls(genes.index.to_numpy(dtype=np.int64)[order], start, upstream + downstream)

    def around(self, start: np.ndarray, end: np.ndarray) -> list[list[int]]:
        """Find for each variant the genes whose window contains any of its bases, start … end (0-based, half-open).

        For an insertion, whose start and end are equal, the window must contain the bases on both sides.
        """
        first = np.searchsorted(self.start, start - self.length, side="right")
        last = np.searchsorted(self.start, end, side="left")
        return [self.genes[low:high].tolist() for low, high in zip(first.tolist(), last.tolist(), strict=True)]


class Reach:
    """Whether alleles lie in the window of any gene, by the contig's name in the file of variants.

    contig_of: gives the contig of the FASTA; None where there is none, or where it is not known yet.
    """

    def __init__(self, windows: Callable[[str], Windows], contig_of: Callable[[str], str | None]):
        self._windows, self._contig_of = windows, contig_of
        self._on_contig: dict[str, tuple[list[int], int] | None] = {}

    def __call__(self, chrom: str, start: int, end: int) -> bool:
        """Tell whether a window has any base from `start` to `end` (0-based, half-open); True on an unknown contig."""
        if chrom not in self._on_contig:
            contig = self._contig_of(chrom)
            windows = None if contig is None else self._windows(contig)
            self._on_contig[chrom] = None if windows is None else (windows.start.tolist(), windows.length)
        known = self._on_contig[chrom]
        if known is None:
            return True
        starts, length = known
        last = bisect_left(starts, end) - 1
        return last >= 0 and starts[last] + length > start


class GeneIndex:
    """genes.tsv: the genes' windows by contig of the FASTA, and their names."""

    def __init__(self, path: str | Path, contigs: list[str], upstream: int, downstream: int):
        columns = ["gene_id", "gene_name", "chrom", "strand", "tss"]
        table = read_table(path, columns=columns).sort_values("gene_id", ignore_index=True)
        self.gene_id: list[str] = table["gene_id"].tolist()
        self.chrom: list[str] = table["chrom"].tolist()
        self.strand: list[str] = table["strand"].tolist()
        self.tss: list[int] = table["tss"].tolist()
        self.upstream, self.downstream = upstream, downstream
        self._called = GeneNames(self.gene_id, table["gene_name"])
        self._row = {gene: row for row, gene in enumerate(self.gene_id)}
        on_contig = match_contigs(table["chrom"].unique(), contigs)
        if len(table) and not on_contig:
            raise InputError(
                Problem(
                    shown(Path(path).name),
                    f"genes on the contigs {preview(table['chrom'].unique())}, the FASTA has {preview(contigs)}",
                    "genes on contigs of the FASTA",
                    "use genes.tsv and the FASTA of the same genome",
                )
            )
        self._none = Windows.of(table[:0], upstream, downstream)
        self._windows = {
            on_contig[chrom]: Windows.of(genes, upstream, downstream)
            for chrom, genes in table.groupby("chrom")
            if chrom in on_contig
        }

    def windows(self, contig: str) -> Windows:
        """Return the windows on a contig, by its name in the FASTA."""
        return self._windows.get(contig, self._none)

    def row(self, name: str) -> int | None:
        """Find the row of a gene by its id or name, with or without a version; None if there is none."""
        return self._row.get(self._called.gene(name))

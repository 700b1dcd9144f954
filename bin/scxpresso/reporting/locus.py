"""Loci: transcripts and cCREs around the TSS of a gene, in bases from the TSS on its own strand."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pybedtools import BedTool
from pybedtools.helpers import BEDToolsError

from scxpresso.files import open_text
from scxpresso.identifiers import bare_contig
from scxpresso.problems import InputError, Problem
from scxpresso.reporting.data import Run, file_of, load
from scxpresso.reporting.gene_figures import ShownGenes
from scxpresso.text import shown

PLACES = ["gene_id", "chrom", "strand", "tss"]
N_BOXES = 300  # transcripts, and cCREs, drawn per locus; those nearest to the TSS


class Loci:
    """The loci on the page; each is stored once, and referred to by number."""

    def __init__(self, run: Run, names: ShownGenes):
        self._names = names
        self._run = run
        self._entries = {entry["genome"]: entry for entry in run.manifest["genomes"]}
        self._places: dict[str, dict[str, dict]] = {}
        self._numbers: dict[tuple[str, str, int, int], int] = {}

    def number(self, genome: str, gene: str, start: int, end: int) -> int | None:
        """Return the number of a gene's locus from `start` to `end` (bases from the TSS); None if its position is unknown."""
        if gene not in self._genes(genome):
            return None
        return self._numbers.setdefault((genome, gene, start, end), len(self._numbers))

    def listed(self) -> list[dict]:
        """Describe the loci by number: their positions and features."""
        made = {}
        for genome in {key[0] for key in self._numbers}:
            keys = [key for key in self._numbers if key[0] == genome]
            places = [self._genes(genome)[gene] for _, gene, _, _ in keys]
            loci = [Locus(place, *key[2:]) for place, key in zip(places, keys, strict=True)]
            entry = self._entries[genome]
            transcripts = overlapping(file_of(self._run, entry, "transcripts"), 12, loci)
            ccres = overlapping(file_of(self._run, entry, "ccres"), 3, loci)
            for number, (key, place, locus) in enumerate(zip(keys, places, loci, strict=True)):
                inside = [locus.nearest(features[number]) for features in (transcripts, ccres)]
                made[key] = {
                    "gene": self._names.number(genome, [key[1]])[0],
                    **place,
                    "start": key[2],
                    "end": key[3],
                    "transcripts": [self._transcript(genome, locus, fields) for fields in inside[0]],
                    "ccres": [[*locus.distances(fields), "".join(fields[3:4])] for fields in inside[1]],
                }
        return [made[key] for key in self._numbers]

    def _genes(self, genome: str) -> dict[str, dict]:
        """Read chrom, strand and TSS of every gene of a genome; none if the genome is not in the run."""
        if genome not in self._places:
            entry = self._entries.get(genome)
            places = load(self._run.folder / entry["genes"], PLACES).set_index("gene_id") if entry else pd.DataFrame()
            self._places[genome] = places.to_dict("index")
        return self._places[genome]

    def _transcript(self, genome: str, locus: "Locus", fields: list[str]) -> dict:
        """Convert a line of BED12 to boxes: all exons, and their coding parts."""
        first, coding_first, coding_last = (int(fields[i]) for i in (1, 6, 7))
        sizes, starts = ([int(number) for number in fields[i].rstrip(",").split(",")] for i in (10, 11))
        exons = [(first + start, first + start + size) for start, size in zip(starts, sizes, strict=True)]
        coding = [(max(start, coding_first), min(end, coding_last)) for start, end in exons]
        return {
            "gene": self._names.number(genome, [fields[3]])[0],
            "same_strand": fields[5] == locus.strand,
            "span": locus.distances(fields),
            "exons": [locus.between(*exon) for exon in exons],
            "coding": [locus.between(start, end) for start, end in coding if start < end],
        }


class Locus:
    """An interval from `start` to `end` bases from a TSS, on the gene's strand."""

    def __init__(self, place: dict, start: int, end: int):
        self.chrom, self.strand, self.tss = place["chrom"], place["strand"], int(place["tss"])
        self.start, self.end = start, end

    @property
    def span(self) -> tuple[int, int]:
        """The interval on the contig, 0-based and half-open, as in BED; it starts at 0 at the earliest."""
        low, high = (self.start, self.end) if self.strand == "+" else (-self.end, -self.start)
        return max(self.tss + low - 1, 0), max(self.tss + high, 0)

    def between(self, first: int, last: int) -> list[int]:
        """Convert a half-open, 0-based interval to the distances of its ends from the TSS (inclusive), the smaller one first."""
        low, high = first + 1 - self.tss, last - self.tss
        return [low, high] if self.strand == "+" else [-high, -low]

    def distances(self, fields: list[str]) -> list[int]:
        """Convert the interval of a BED line, as `between` does."""
        return self.between(int(fields[1]), int(fields[2]))

    def nearest(self, features: list[list[str]]) -> list[list[str]]:
        """Choose the N_BOXES features (BED lines) nearest to the TSS, the nearest first."""

        def order(fields: list[str]) -> tuple[int, int, list[str]]:
            low, high = self.distances(fields)
            return max(low, -high, 0), low, fields

        return sorted(features, key=order)[:N_BOXES]


def overlapping(path: Path | None, columns: int, loci: Sequence[Locus]) -> list[list[list[str]]]:
    """Find the features of a BED file that overlap each interval, as lists of fields; none without a file.

    Contigs may be named with or without `chr`. Raises InputError if bedtools cannot read the file, or if it has fewer
    columns.
    """
    found: list[list[list[str]]] = [[] for _ in loci]
    if path is None:
        return found
    names = defaultdict(set)  # names of each contig in the file
    with open_text(path) as lines:
        for name in {line.partition("\t")[0] for line in lines}:
            names[bare_contig(name)].add(name)
    rows = [
        (name, *locus.span, number)
        for number, locus in enumerate(loci)
        for name in sorted(names[bare_contig(locus.chrom)])
    ]
    expected = f"a BED: {columns} columns or more, the same number in each line, separated by tabs"
    try:
        # Read as text: pybedtools mistakes a row for SAM if the contig is a number.
        pairs = Path(BedTool(rows).intersect(str(path), wa=True, wb=True).fn).read_text() if rows else ""
        for pair in pairs.splitlines():
            _, _, _, number, *fields = pair.split("\t")
            if len(fields) < columns:
                raise InputError(Problem(str(path), f"{len(fields)} columns", expected))
            found[int(number)].append(fields)
    except BEDToolsError as error:
        raise InputError(
            Problem(str(path), f"bedtools cannot read it ({shown(error.msg.strip())})", expected)
        ) from None
    return found

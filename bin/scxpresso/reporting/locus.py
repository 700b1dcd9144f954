"""What lies around a gene's TSS: transcripts and cCREs, in bases from the TSS on the gene's own strand."""

from collections.abc import Iterator
from pathlib import Path

from scxpresso.files import open_text
from scxpresso.identifiers import bare_contig
from scxpresso.problems import InputError, Problem
from scxpresso.reporting.data import Run, file_of, load
from scxpresso.reporting.gene_figures import GeneNames

PLACES = ["gene_id", "chrom", "strand", "tss"]
BOXES = 300  # transcripts, and cCREs, drawn around a gene; those nearest to its TSS
NO_BED = ("track", "browser", "#")  # how lines of a BED start that are no features


class Loci:
    """The stretches of genome that the page shows, each stored once and pointed to by number."""

    def __init__(self, run: Run, names: GeneNames):
        self._names = names
        self._run = run
        self._entries = {entry["genome"]: entry for entry in run.manifest["genomes"]}
        self._places = {}
        self._numbers = {}

    def number(self, genome: str, gene: str, start: int, end: int) -> int | None:
        """The number of the stretch from `start` to `end` (bases from the TSS) of a gene; None where its place is unknown."""
        if gene not in self._genes(genome):
            return None
        return self._numbers.setdefault((genome, gene, start, end), len(self._numbers))

    def listed(self) -> list[dict]:
        """The stretches by number: where they are, and what is in them."""
        made = {}
        for genome in {key[0] for key in self._numbers}:
            wanted = {key: self._genes(genome)[key[1]] for key in self._numbers if key[0] == genome}
            contigs = {place["chrom"] for place in wanted.values()}
            entry = self._entries[genome]
            transcripts = sorted_by_contig(file_of(self._run, entry, "transcripts"), 12, contigs)
            ccres = sorted_by_contig(file_of(self._run, entry, "ccres"), 3, contigs)
            for key, place in wanted.items():
                stretch = Stretch(place, *key[2:])
                made[key] = {
                    "gene": self._names.number(genome, [key[1]])[0],
                    **place,
                    "start": key[2],
                    "end": key[3],
                    "transcripts": [self._transcript(genome, stretch, fields) for fields in stretch.holds(transcripts)],
                    "ccres": [[*stretch.distances(fields), "".join(fields[3:4])] for fields in stretch.holds(ccres)],
                }
        return [made[key] for key in self._numbers]

    def _genes(self, genome: str) -> dict:
        """chrom, strand and TSS of every gene of a genome; none for a genome that the run does not know."""
        if genome not in self._places:
            entry = self._entries.get(genome)
            table = load(self._run.folder / entry["genes"], PLACES).set_index("gene_id") if entry else None
            self._places[genome] = table.to_dict("index") if entry else {}
        return self._places[genome]

    def _transcript(self, genome: str, stretch: "Stretch", fields: list[str]) -> dict:
        """A line of BED12 as boxes: all exons, and the coding parts of them."""
        first, coding_first, coding_last = (int(fields[i]) for i in (1, 6, 7))
        sizes, starts = ([int(number) for number in fields[i].rstrip(",").split(",")] for i in (10, 11))
        exons = [(first + start, first + start + size) for start, size in zip(starts, sizes, strict=True)]
        coding = [(max(start, coding_first), min(end, coding_last)) for start, end in exons]
        return {
            "gene": self._names.number(genome, [fields[3]])[0],
            "same_strand": fields[5] == stretch.strand,
            "span": stretch.distances(fields),
            "exons": [stretch.between(*exon) for exon in exons],
            "coding": [stretch.between(start, end) for start, end in coding if start < end],
        }


class Stretch:
    """From `start` to `end` bases from a TSS, and features of BED in it."""

    def __init__(self, place: dict, start: int, end: int):
        self.chrom, self.strand, self.tss = place["chrom"], place["strand"], int(place["tss"])
        self.start, self.end = start, end

    def between(self, first: int, last: int) -> list[int]:
        """First and last base of a half-open, 0-based interval as distances from the TSS, the smaller one first."""
        low, high = first + 1 - self.tss, last - self.tss
        return [low, high] if self.strand == "+" else [-high, -low]

    def distances(self, fields: list[str]) -> list[int]:
        """The same of a line of BED."""
        return self.between(int(fields[1]), int(fields[2]))

    def holds(self, features: dict[str, list]) -> list[list[str]]:
        """Features that overlap it, by their distance from the TSS: the nearest BOXES of them."""
        inside = []
        for fields in features.get(self.chrom, ()):
            low, high = self.distances(fields)
            if low <= self.end and high >= self.start:
                inside.append((max(low, -high, 0), low, fields))
        return [fields for *_, fields in sorted(inside, key=lambda one: one[:2])[:BOXES]]


def sorted_by_contig(path: Path | None, columns: int, contigs: set[str]) -> dict[str, list]:
    """contig -> the lines of a BED on it, with or without `chr`, as lists of fields; nothing where there is no file."""
    found = {contig: [] for contig in contigs}
    name_of = {bare_contig(contig): contig for contig in contigs}
    if path is not None:
        for fields in bed_lines(path, columns):
            if contig := name_of.get(bare_contig(fields[0])):
                found[contig].append(fields)
    return found


def bed_lines(path: Path, columns: int) -> Iterator[list[str]]:
    """Lines of a BED, plain or gzipped, as lists of fields. Raises InputError for a line without `columns` of them."""
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith(NO_BED):
                continue
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) < columns or not (fields[1].isdecimal() and fields[2].isdecimal()):
                expected = (
                    f"a line of BED: {columns} columns or more, separated by tabs, positions in the second and third"
                )
                raise InputError(Problem(f"{path} line {number:,}", repr(line.strip()[:80]), expected))
            yield fields

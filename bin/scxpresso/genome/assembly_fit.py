"""Whether an annotation fits the assembly: how many of its coding regions start with ATG and end in a stop codon.

Contig lengths do not show this: another assembly may have contigs of the same lengths, and positions that are one base
off still lie on the contig. In random sequence, one coding region in 700 would start and end like that.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from Bio.Seq import reverse_complement

from scxpresso.genome.annotation import STOP_CODONS
from scxpresso.genome.sequence import read_fasta
from scxpresso.genome.transcript import OTHER_STRAND, Span, Transcript, first_bases, merged

# An annotation fits if at least this share of its coding regions starts with ATG and ends in a stop codon.
MIN_COMPLETE = 0.5
MIN_ONE_END = 0.8  # share of coding regions that are correct at the same one end; more than one strand can have
MIN_OPEN = 0.8  # share of coding regions without an internal stop codon, if the others are partial gene models
MIN_SHIFTED = 0.05  # share of coding regions that the same correction completes
MIN_REGIONS = 10  # coding regions that an annotation needs to be judged, if most have annotated start or stop codons
MIN_BARE_REGIONS = 200  # the same without annotated codons: the coding regions of a few genes may be placeholders
MIN_CONTIG_REGIONS = 20  # coding regions that a contig needs to be judged by itself
MIN_CODONS = 100  # codons of a coding region that would have an internal stop codon by chance
INCOMPLETE = {"cds_start_NF", "cds_end_NF", "mRNA_start_NF", "mRNA_end_NF"}  # Ensembl's tags of partial coding regions


@dataclass(frozen=True)
class Correction:
    """A systematic error of an annotation. start, end: bases to add to the positions of every line to correct it."""

    cause: str
    remedy: str
    start: int = 0
    end: int = 0
    other_strand: bool = False


CORRECTIONS = [
    Correction("starts are one base too low, as 0-based ones are (BED)", "add 1 to every start", 1, 0),
    Correction("positions are one base too low, as 0-based ones are", "add 1 to every start and end", 1, 1),
    Correction("ends are one base too high, as those of half-open spans are", "subtract 1 from every end", 0, -1),
    Correction("starts are one base too high", "subtract 1 from every start", -1, 0),
    Correction("positions are one base too high", "subtract 1 from every start and end", -1, -1),
    Correction("ends are one base too low", "add 1 to every end", 0, 1),
    Correction("genes are on the wrong strand", "write the other strand into column 7", other_strand=True),
]


@dataclass
class Fit:
    """Numbers of coding regions of an annotation, or of one of its contigs.

    regions: that can be judged. marked: whose start or stop codon is annotated. starts: that start with ATG. stops: that
    end in a stop codon. complete: both. long: complete, or with at least MIN_CODONS codons. open: of the long ones, those
    without an internal stop codon. corrected: not complete, but would be after a correction (on the other strand: correct
    at one end at least), by its index in CORRECTIONS. partial: excluded, as they are annotated as incomplete.
    """

    regions: int = 0
    marked: int = 0
    starts: int = 0
    stops: int = 0
    complete: int = 0
    long: int = 0
    open: int = 0
    partial: int = 0
    corrected: Counter = field(default_factory=Counter)

    @property
    def fits(self) -> bool:
        """Whether most coding regions are complete, correct at one end, or open to their end (partial gene models).

        In another assembly, or on the wrong strand, both ends are random.
        """
        one_end = max(self.starts, self.stops) >= MIN_ONE_END * self.regions and not self.correction
        return one_end or self.complete >= MIN_COMPLETE * self.regions or self.open >= MIN_OPEN * self.long > 0

    @property
    def enough(self) -> bool:
        """Whether there are enough coding regions to tell that the annotation is of another assembly."""
        return self.regions >= (MIN_REGIONS if self.marked * 2 >= self.regions else MIN_BARE_REGIONS)

    @property
    def correction(self) -> Correction | None:
        """The correction that completes most of the other coding regions, and MIN_SHIFTED of all; None if there is none."""
        place, times = max(self.corrected.items(), key=lambda item: item[1], default=(0, 0))
        enough = times >= max(MIN_REGIONS / 2, MIN_SHIFTED * self.regions, (self.regions - self.complete) / 2)
        return CORRECTIONS[place] if enough else None

    def summary(self) -> str:
        """Summarise: `57 of 60 coding regions start with ATG and end in a stop codon`."""
        return f"{self.complete:,} of {self.regions:,} coding regions start with ATG and end in a stop codon"

    def add(self, contig: str, transcript: Transcript) -> None:
        """Count a transcript's coding region. contig: sequence of its contig."""
        if transcript.tags & INCOMPLETE or transcript.phase:
            self.partial += 1
            return
        first, stops = _ends(contig, transcript)
        if not first.strip("ACGT") == "" == "".join(stops).strip("ACGT"):
            return  # an ambiguous base
        start, stop = first == "ATG", bool(STOP_CODONS & set(stops))
        self.regions += 1
        self.marked += bool(transcript.start_codon or transcript.stop_codon)
        self.starts += start
        self.stops += stop
        self.complete += start and stop
        if start and stop:
            self.long += 1
            self.open += 1
            return
        bases = _spliced(contig, transcript.cds, transcript.strand)
        if len(bases) >= 3 * MIN_CODONS:
            self.long += 1
            self.open += not any(bases[at : at + 3] in STOP_CODONS for at in range(0, len(bases) - 5, 3))
        for place, correction in enumerate(CORRECTIONS):
            first, stops = _ends(contig, _corrected(transcript, correction))
            ends = [first == "ATG", bool(STOP_CODONS & set(stops))]
            # On the wrong strand, a coding region seems to start twice and may be split: one correct end suffices.
            self.corrected[place] += not (start or stop) and any(ends) if correction.other_strand else all(ends)


def measure_fit(fasta: str, transcripts: Iterable[Transcript], name_of: dict[str, str]) -> tuple[Fit, dict[str, Fit]]:
    """Measure the fit of an annotation, and of each of its contigs.

    Parameters
    ----------
    name_of: name of a contig in the annotation → its name in the FASTA.
    """
    on: dict[str, list[Transcript]] = {}
    for transcript in transcripts:
        on.setdefault(name_of[transcript.chrom], []).append(transcript)
    total, by_contig = Fit(), {}
    for name, sequence in read_fasta(fasta):
        if name in on:
            by_contig[name] = fit = Fit()
            for transcript in on[name]:
                fit.add(sequence, transcript)
            total = _sum([total, fit])
    return total, by_contig


def contigs_that_do_not_fit(by_contig: dict[str, Fit]) -> list[str]:
    """List the contigs that do not fit, of those with at least MIN_CONTIG_REGIONS coding regions."""
    return [name for name, fit in by_contig.items() if fit.regions >= MIN_CONTIG_REGIONS and not fit.fits]


def _sum(fits: Collection[Fit]) -> Fit:
    names = ("regions", "marked", "starts", "stops", "complete", "long", "open", "partial")
    counts = {name: sum(getattr(fit, name) for fit in fits) for name in names}
    return Fit(**counts, corrected=sum((fit.corrected for fit in fits), Counter()))


def _corrected(transcript: Transcript, correction: Correction) -> Transcript:
    strand = OTHER_STRAND[transcript.strand] if correction.other_strand else transcript.strand

    def moved(spans: list[Span]) -> list[Span]:
        return [(start + correction.start, end + correction.end) for start, end in spans]

    return replace(transcript, strand=strand, cds=moved(transcript.cds), exons=moved(transcript.exons))


def _ends(contig: str, transcript: Transcript) -> tuple[str, list[str]]:
    """Return the first codon, and those that may be the stop codon: the last one (GFF3), and the next one (GTF)."""
    cds, strand = merged(transcript.cds), transcript.strand
    codons = [(cds, strand), (cds, OTHER_STRAND[strand]), (_after(transcript, cds), strand)]
    first, *stops = (_spliced(contig, first_bases(spans, along, 3), strand) for spans, along in codons)
    return first, stops


def _after(transcript: Transcript, cds: list[Span]) -> list[Span]:
    """Return the spans transcribed after the coding region, and the next three bases of the genome."""
    if transcript.strand == "+":
        last = cds[-1][1]
        spans = [(max(start, last + 1), end) for start, end in merged(transcript.exons) if end > last]
        end = spans[-1][1] if spans else last
        return [*spans, (end + 1, end + 3)]
    first = cds[0][0]
    spans = [(start, min(end, first - 1)) for start, end in merged(transcript.exons) if start < first]
    start = spans[0][0] if spans else first
    return [(start - 3, start - 1), *spans]


def _spliced(contig: str, spans: Iterable[Span], strand: str) -> str:
    bases = "".join(contig[max(start - 1, 0) : max(end, 0)] for start, end in sorted(spans)).upper()
    bases = bases.replace("U", "T")
    return bases if strand == "+" else reverse_complement(bases)

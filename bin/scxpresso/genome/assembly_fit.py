"""Whether an annotation fits the sequence: how many of its coding regions start with ATG and end in a stop codon.

Contig lengths cannot tell this: another assembly may have contigs of the same lengths, and positions that are one base off
are on the contig too. Of random sequence, one coding region in 700 would do.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from Bio.Seq import reverse_complement

from scxpresso.genome.annotation import STOP_CODONS
from scxpresso.genome.sequence import read_fasta
from scxpresso.genome.transcript import OTHER_STRAND, Span, Transcript, first_bases, merged

# Share of coding regions that start with ATG and end in a stop codon below which an annotation does not fit.
MIN_COMPLETE = 0.5
MIN_ONE_END = 0.8  # share of coding regions that are right at one and the same end: more than those of a strand
MIN_OPEN = 0.8  # share of coding regions without a stop codon within, from which on the others are partial gene models
MIN_SHIFTED = 0.05  # share of coding regions that one and the same correction completes
MIN_REGIONS = 10  # coding regions of an annotation that can be judged, most of them with annotated start or stop codons
MIN_BARE_REGIONS = 200  # where codons are not annotated: coding regions of a few genes may be placeholders without them
MIN_CONTIG_REGIONS = 20  # coding regions of a contig that is judged by itself
MIN_CODONS = 100  # of a coding region that by chance has a stop codon within
INCOMPLETE = {"cds_start_NF", "cds_end_NF", "mRNA_start_NF", "mRNA_end_NF"}  # Ensembl's tags of partial coding regions


@dataclass(frozen=True)
class Correction:
    """A systematic fault of an annotation. start, end: bases to add to the positions of every line to undo it."""

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
    """Coding regions of an annotation, or of one of its contigs, in numbers.

    regions: that can be judged. marked: whose start or stop codon the annotation lists. starts, stops: that start with ATG,
    that end in a stop codon. complete: both. long: complete, or of at least MIN_CODONS. open: of these, without a stop codon
    within. corrected: those that are not complete, but would be after a correction (on the other strand: right at one end at
    least), by its place in CORRECTIONS. partial: left out, as the annotation calls them incomplete.
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
        """Whether most coding regions are complete, or right at one end, or read through to their end (partial gene models).

        In another assembly and on the wrong strand both ends are random.
        """
        one_end = max(self.starts, self.stops) >= MIN_ONE_END * self.regions and not self.correction
        return one_end or self.complete >= MIN_COMPLETE * self.regions or self.open >= MIN_OPEN * self.long > 0

    @property
    def enough(self) -> bool:
        """Whether the coding regions are enough to tell that the annotation is of another assembly."""
        return self.regions >= (MIN_REGIONS if self.marked * 2 >= self.regions else MIN_BARE_REGIONS)

    @property
    def correction(self) -> Correction | None:
        """What would complete most of the coding regions that are not, and MIN_SHIFTED of all; None where nothing would."""
        place, times = max(self.corrected.items(), key=lambda item: item[1], default=(0, 0))
        enough = times >= max(MIN_REGIONS / 2, MIN_SHIFTED * self.regions, (self.regions - self.complete) / 2)
        return CORRECTIONS[place] if enough else None

    def summary(self) -> str:
        """For a note or a message: `57 of 60 coding regions start with ATG and end in a stop codon`."""
        return f"{self.complete:,} of {self.regions:,} coding regions start with ATG and end in a stop codon"

    def add(self, contig: str, transcript: Transcript) -> None:
        """Count a transcript's coding region. contig: the letters of its contig."""
        if transcript.tags & INCOMPLETE or transcript.phase:
            self.partial += 1
            return
        first, stops = _ends(contig, transcript)
        if not first.strip("ACGT") == "" == "".join(stops).strip("ACGT"):
            return  # not known here: N, or other letters of several bases
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
        letters = _spliced(contig, transcript.cds, transcript.strand)
        if len(letters) >= 3 * MIN_CODONS:
            self.long += 1
            self.open += not any(letters[at : at + 3] in STOP_CODONS for at in range(0, len(letters) - 5, 3))
        for place, correction in enumerate(CORRECTIONS):
            first, stops = _ends(contig, _corrected(transcript, correction))
            ends = [first == "ATG", bool(STOP_CODONS & set(stops))]
            # On the wrong strand a coding region seems to start twice, and may be cut into several: one end has to do.
            self.corrected[place] += not (start or stop) and any(ends) if correction.other_strand else all(ends)


def measure_fit(fasta: str, transcripts: Iterable[Transcript], name_of: dict[str, str]) -> tuple[Fit, dict[str, Fit]]:
    """The fit of an annotation, and of each of its contigs. name_of: the annotation's contig → the FASTA's."""
    on: dict[str, list[Transcript]] = {}
    for transcript in transcripts:
        on.setdefault(name_of[transcript.chrom], []).append(transcript)
    total, by_contig = Fit(), {}
    for name, letters in read_fasta(fasta):
        if name in on:
            by_contig[name] = fit = Fit()
            for transcript in on[name]:
                fit.add(letters, transcript)
            total = _sum([total, fit])
    return total, by_contig


def contigs_that_do_not_fit(by_contig: dict[str, Fit]) -> list[str]:
    """Contigs of at least MIN_CONTIG_REGIONS coding regions that do not fit."""
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
    """The first codon, and the codons that may be the stop codon: the last one (GFF3), and the next one behind it (GTF)."""
    cds, strand = merged(transcript.cds), transcript.strand
    codons = [(cds, strand), (cds, OTHER_STRAND[strand]), (_behind(transcript, cds), strand)]
    first, *stops = (_spliced(contig, first_bases(spans, along, 3), strand) for spans, along in codons)
    return first, stops


def _behind(transcript: Transcript, cds: list[Span]) -> list[Span]:
    """What is transcribed behind the coding region, and the next bases of the genome where that is too short."""
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
    letters = "".join(contig[max(start - 1, 0) : max(end, 0)] for start, end in sorted(spans)).upper()
    letters = letters.replace("U", "T")
    return letters if strand == "+" else reverse_complement(letters)

"""One transcript as an annotation lists it: where its exons and its coding region lie."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scxpresso.genome.contigs import Contig

Span = tuple[int, int]  # 1-based, both ends included, as in GTF


@dataclass
class Transcript:
    """One transcript at one place of the genome.

    tags: tags and notes of the annotation. frames: bases before the first whole codon, by the first base of a CDS. copy:
    number of the extra copy that a lift-over found, 0 for the gene itself. versions: whether it is merged from several
    versions of its id, whose exons or coding regions overlap.
    """

    transcript_id: str
    gene_id: str
    gene_name: str
    chrom: str
    strand: str
    biotype: str = ""
    tags: frozenset[str] = frozenset()
    exons: list[Span] = field(default_factory=list)
    cds: list[Span] = field(default_factory=list)
    start_codon: list[Span] = field(default_factory=list)
    stop_codon: list[Span] = field(default_factory=list)
    frames: dict[int, int] = field(default_factory=dict)
    contig: Contig = field(default_factory=Contig)
    trans_spliced: bool = False
    copy: int = 0
    versions: bool = False

    @property
    def span(self) -> Span:
        """First and last base."""
        spans = self.exons or self.cds
        return min(start for start, _ in spans), max(end for _, end in spans)

    @property
    def tss(self) -> int:
        """First transcribed base."""
        return self.span[0] if self.strand == "+" else self.span[1]

    @property
    def phase(self) -> int:
        """Bases before the first whole codon of the coding region; 0 unless its start is missing."""
        forward = self.strand == "+"
        first = min(start for start, _ in self.cds) if forward else max(end for _, end in self.cds)
        return self.frames.get(first, 0)

    @property
    def orf_length(self) -> int:
        """Coding bases."""
        return sum(end - start + 1 for start, end in self.cds)


OTHER_STRAND = {"+": "-", "-": "+"}


def first_bases(spans: Iterable[Span], strand: str, number: int) -> list[Span]:
    """Return the first bases of spans, read along a strand; they may lie in several spans."""
    found: list[Span] = []
    for start, end in sorted(spans, reverse=strand == "-"):
        length = min(number, end - start + 1)
        found.append((start, start + length - 1) if strand == "+" else (end - length + 1, end))
        number -= length
        if not number:
            break
    return sorted(found)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Merge spans that overlap or touch, and sort them."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined

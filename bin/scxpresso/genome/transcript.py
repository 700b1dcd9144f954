"""One transcript as an annotation lists it: where its exons and its coding region lie."""

from dataclasses import dataclass, field

Span = tuple[int, int]  # 1-based, both ends included, as in GTF


@dataclass
class Transcript:
    """Parts of one transcript, as the annotation lists them."""

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
    frames: dict[int, int] = field(default_factory=dict)  # bases before the first whole codon, by a CDS's first base

    def add(self, part: str, span: Span, frame: str) -> None:
        {"exon": self.exons, "CDS": self.cds, "start_codon": self.start_codon, "stop_codon": self.stop_codon}[
            part
        ].append(span)
        if part == "CDS" and frame in ("1", "2"):
            self.frames[span[0] if self.strand == "+" else span[1]] = int(frame)

    @property
    def span(self) -> Span:
        spans = self.exons or self.cds
        return min(start for start, _ in spans), max(end for _, end in spans)

    @property
    def tss(self) -> int:
        """First transcribed base."""
        return self.span[0] if self.strand == "+" else self.span[1]

    @property
    def orf_length(self) -> int:
        return sum(end - start + 1 for start, end in self.cds)

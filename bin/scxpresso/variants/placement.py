"""The position of an allele in a repeat: one per gene, however the file writes it.

Windows are built around the TSS, which stays the same base. An insertion or deletion upstream of it moves the bases further
upstream; one downstream of it moves those further downstream. On one side of the TSS, all positions give the same window. Of
these, the one farthest from the TSS is that of the first base that really changes.
"""

from typing import NamedTuple

from scxpresso.variants.alleles import anchored, rotated


class Sliding(NamedTuple):
    """An insertion or deletion: `ref` at `start` (0-based, on the contig), or `alt` inserted before it; one is empty.

    left, right: by how many bases it can move.
    """

    start: int
    ref: str
    alt: str
    left: int
    right: int


class Placed(NamedTuple):
    """pos (1-based), ref, alt: as in a VCF, on the + strand. slid: bases to the right of the position in the file."""

    pos: int
    ref: str
    alt: str
    slid: int


def best_start(first: int, last: int, length: int) -> int:
    """Choose the start of an allele that replaces `length` bases, between `first` and `last`.

    All are relative to the TSS, on the gene's strand. The allele is placed upstream of the TSS if possible, else downstream,
    else across it as far upstream as possible, so that the new TSS is the base nearest to the old one.
    """
    return last if first + length > 0 and last > 0 else first


def placed_for(allele: Sliding, sequence: str, tss: int, strand: str, upstream: int, downstream: int) -> Placed | None:
    """Place an allele for a gene; None if that is outside the gene's window.

    sequence: the contig. tss: 1-based. An insertion is inside if the bases on both sides of it are.
    """
    length = len(allele.ref)

    def relative(start: int) -> int:
        """Convert a start on the contig to one relative to the TSS, on the gene's strand."""
        return start - (tss - 1) if strand == "+" else tss - start - length

    def on_contig(start: int) -> int:
        return start + (tss - 1) if strand == "+" else tss - start - length

    ends = relative(allele.start - allele.left), relative(allele.start + allele.right)
    start = best_start(min(ends), max(ends), length)
    inside = -upstream < start + length and start < downstream if length else -upstream < start < downstream
    if not inside:
        return None
    place = on_contig(start)
    slid = place - allele.start
    return Placed(*anchored(sequence, place, rotated(allele.ref, slid), rotated(allele.alt, slid)), slid)

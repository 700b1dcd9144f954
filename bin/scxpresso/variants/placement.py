"""Where a gene sees an allele that may slide in a repeat: one place, however the file wrote it.

Windows are built around the TSS, which stays the base that it is. An insertion or deletion before it moves the bases further
upstream, one behind it those further downstream. So the side decides what the window becomes, and on a side, all places make
the same window; of these, the one farthest from the TSS names the first base that really changes.
"""

from typing import NamedTuple

from scxpresso.variants.alleles import anchored, rotated


class Sliding(NamedTuple):
    """An insertion or deletion: `ref` at `start` (0-based, on the contig), or `alt` inserted before it; one is empty.

    left, right: by how many bases it may move.
    """

    start: int
    ref: str
    alt: str
    left: int
    right: int


class Placed(NamedTuple):
    """pos (1-based), ref, alt: as a VCF writes it, on the + strand. slid: from the file's place, to the right."""

    pos: int
    ref: str
    alt: str
    slid: int


def best_start(first: int, last: int, length: int) -> int:
    """Choose where an allele that replaces `length` bases begins, of the places from `first` to `last`.

    All are relative to the TSS, on the gene's strand. Upstream of the TSS if it can be, else downstream, else over it as far
    upstream as possible, which leaves the base nearest to the old TSS as the new one.
    """
    return last if first + length > 0 and last > 0 else first


def placed_for(allele: Sliding, sequence: str, tss: int, strand: str, upstream: int, downstream: int) -> Placed | None:
    """Place an allele where a gene sees it; None if that is outside of the gene's window.

    sequence: of the contig. tss: 1-based. An insertion is inside where the bases on either side of it are.
    """
    length = len(allele.ref)

    def relative(start: int) -> int:
        """Turn a start on the contig into one relative to the TSS, on the gene's strand."""
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

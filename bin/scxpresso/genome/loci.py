"""From the lines of one transcript id to transcripts: one for each contig, strand and locus where the id is listed.

Exons that are not listed are derived from the other lines: docs/science.md, "Genes".
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from scxpresso.genome.annotation_lines import Line
from scxpresso.genome.transcript import Span, Transcript, merged

MAX_FRAMESHIFT = 2  # bases that two coding pieces share where a ribosome slips back
MAX_STRAY = 10  # bases by which exons and coding regions of careless annotations differ


class Pieces:
    """Lines of a transcript on one strand of a contig: spans by part, and the frames of its coding pieces.

    versions: whether exons or coding pieces overlap, as those of a single transcript do not.
    """

    def __init__(self, spans: dict[str, list[Span]] | None = None, frames: dict[int, int] | None = None):
        self.spans = defaultdict(list, spans or {})
        self.frames = frames or {}
        self.versions = False

    def add(self, line: Line) -> None:
        """Add a line of the transcript."""
        self.spans[line.part].append((line.start, line.end))
        if line.part == "CDS" and line.frame in ("1", "2"):
            self.frames[line.start if line.strand == "+" else line.end] = int(line.frame)

    def join(self, other: "Pieces") -> None:
        """Add the pieces of another record."""
        for part, spans in other.spans.items():
            self.spans[part] += spans
        self.frames |= other.frames

    def deduplicate(self) -> None:
        """Sort the spans, drop repeated ones, and merge those of several versions of an id."""
        for part, spans in self.spans.items():
            self.spans[part] = sorted(set(spans))
        for part in ("exon", "CDS"):
            if overlap(self.spans[part]):
                self.versions = True
                self.spans[part] = merged(self.spans[part])


def overlap(spans: list[Span]) -> bool:
    """Whether sorted spans overlap by more than a frameshift."""
    return any(later[0] <= earlier[1] - MAX_FRAMESHIFT for earlier, later in pairwise(spans))


Place = tuple[str, str]  # contig, strand


class TranscriptRecord:
    """Everything listed for one transcript id: its pieces by contig and strand, and the lines of the transcript itself."""

    def __init__(self) -> None:
        self.pieces: defaultdict[Place, Pieces] = defaultdict(Pieces)
        self.lines: defaultdict[Place, list[Span]] = defaultdict(list)


def transcripts_at_places(record: TranscriptRecord, describe: Callable[[Place], dict]) -> Iterator[Transcript]:
    """Yield one transcript for each contig, strand and locus where an id is listed.

    If start codons are listed at some of its places only, the other places hold parts of a trans-spliced transcript and
    are dropped.

    Parameters
    ----------
    describe: gives the attributes of the transcript at a place, as Transcript has them.
    """
    found = []
    _give_strands(record)
    for (chrom, strand), pieces in record.pieces.items():
        lines = merged(record.lines.get((chrom, strand), ()))
        pieces.deduplicate()
        exons = _exons(pieces)
        for locus, spans in _loci(pieces, exons, lines, strand):
            if spans:
                found.append(
                    Transcript(
                        chrom=chrom,
                        strand=strand,
                        exons=spans if pieces.spans["exon"] else _to_the_ends(spans, lines),
                        cds=locus.spans["CDS"],
                        start_codon=locus.spans["start_codon"],
                        stop_codon=locus.spans["stop_codon"],
                        frames=locus.frames,
                        versions=pieces.versions,
                        **describe((chrom, strand)),
                    )
                )
    started = {transcript.chrom for transcript in found if transcript.start_codon}
    return (t for t in found if t.start_codon or t.chrom not in started)


def _give_strands(record: TranscriptRecord) -> None:
    """Put parts without a strand (StringTie's exons) on the strand of the other parts, if these have a single one."""
    for chrom, strand in [place for place in record.pieces if place[1] not in "+-"]:
        stranded = [place for place in record.pieces if place[0] == chrom and place[1] in "+-"]
        if len(stranded) == 1:
            record.pieces[stranded[0]].join(record.pieces.pop((chrom, strand)))
            record.lines[stranded[0]] += record.lines.pop((chrom, strand), [])


def _exons(pieces: Pieces) -> list[Span]:
    """Return the exons, with coding bases outside of them; without exon lines, everything that is coding or UTR."""
    exons, coding = pieces.spans["exon"], pieces.spans["CDS"]
    if not exons:
        return merged(span for spans in pieces.spans.values() for span in spans)
    outside = coding and (coding[0][0] < exons[0][0] or coding[-1][1] > max(end for _, end in exons))
    return merged(exons + coding) if outside else exons


def _to_the_ends(exons: list[Span], lines: list[Span]) -> list[Span]:
    """Extend exons that are not listed to the ends of the transcript's own line."""
    start, end = exons[0][0], exons[-1][1]
    for line in lines:
        if line[0] <= start and end <= line[1]:
            exons = [(line[0], exons[0][1]), *exons[1:]]
            exons = [*exons[:-1], (exons[-1][0], line[1])]
    return exons


def _loci(pieces: Pieces, exons: list[Span], lines: list[Span], strand: str) -> Iterator[tuple[Pieces, list[Span]]]:
    """Yield pieces and exons of each locus, from left to right."""
    # If lines of the transcript itself span all of its exons, each of these lines is a locus.
    on_lines = bool(lines) and all(any(start <= s and e <= end for start, end in lines) for s, e in exons)
    breaks = [] if on_lines else _breaks(pieces, exons, strand)
    cuts = breaks or [start for start, _ in lines[1:]]
    if not cuts:
        yield pieces, exons
        return
    for number in range(len(cuts) + 1):

        def here(spans: Iterable[Span], number: int = number) -> list[Span]:
            return [span for span in spans if bisect_right(cuts, span[0]) == number]

        frames = {first: frame for first, frame in pieces.frames.items() if bisect_right(cuts, first) == number}
        yield Pieces({part: here(spans) for part, spans in pieces.spans.items()}, frames), here(exons)


def _breaks(pieces: Pieces, exons: list[Span], strand: str) -> list[int]:
    """Find where the exons of the next locus start, by the coding region.

    A coding region is contiguous: no untranslated exon lies within it, and it starts and stops once.
    """
    coding = pieces.spans["CDS"]
    if len(coding) < 2 or pieces.versions:
        return []
    starts = [start for start, _ in exons]
    cuts = []
    for earlier, later in pairwise(coding):
        near = exons[bisect_right(starts, earlier[0]) - 1 : bisect_right(starts, later[0])]
        untranslated = (
            sum(end - start + 1 for start, end in near[1:-1]) + near[0][1] - earlier[1] + later[0] - near[-1][0]
        )
        if len(near) > 1 and (untranslated > MAX_STRAY or _codon_between(pieces, earlier, later, strand)):
            cuts.append(max(pairwise(near), key=lambda pair: pair[1][0] - pair[0][1])[1][0])  # after the widest gap
    return cuts


def _codon_between(pieces: Pieces, earlier: Span, later: Span, strand: str) -> bool:
    """Whether a coding region stops after one of two coding pieces, or starts with the other."""
    if strand == "-":
        starts, stops = earlier, (earlier[1] + 1, later[1])
    else:
        starts, stops = later, (earlier[0], later[0] - 1)
    return any(
        end - start == 2 and first <= start and end <= last
        for part, (first, last) in (("start_codon", starts), ("stop_codon", stops))
        for start, end in pieces.spans[part]
    )

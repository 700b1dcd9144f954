"""The transcripts that represent the genes as BED12, for genome browsers and the report's figures."""

from collections.abc import Iterable
from pathlib import Path

from scxpresso.genome.transcript import Transcript
from scxpresso.store import atomic_write


def bed_line(transcript: Transcript) -> str:
    """Format a transcript as a line of BED12: blocks are its exons, thick is from its first to its last coding base."""
    exons = sorted(transcript.exons or transcript.cds)
    start, end = transcript.span
    thick_start, thick_end = min(s for s, _ in transcript.cds), max(e for _, e in transcript.cds)
    sizes = ",".join(str(last - first + 1) for first, last in exons)
    starts = ",".join(str(first - start) for first, _ in exons)
    columns = [
        transcript.chrom, start - 1, end, transcript.gene_id, 0, transcript.strand, thick_start - 1, thick_end, "0",
        len(exons), sizes, starts,
    ]  # fmt: skip
    return "\t".join(map(str, columns))


def write_bed(path: str | Path, transcripts: Iterable[Transcript]) -> None:
    """Write one line per transcript, named after its gene, in genome order (0-based, half-open, as BED is)."""
    ordered = sorted(transcripts, key=lambda transcript: (transcript.chrom, transcript.span, transcript.gene_id))
    with atomic_write(path) as partial:
        partial.write_text("".join(f"{bed_line(transcript)}\n" for transcript in ordered), encoding="utf-8")

"""The transcripts of an annotation in any format, with the contigs that they lie on."""

from collections.abc import Callable, Iterable, Iterator

from scxpresso.genome.annotation_lines import Line, feature_lines, gff3_attributes, is_gff3
from scxpresso.genome.contigs import Region, describe_contigs
from scxpresso.genome.gff3 import gff3_transcripts
from scxpresso.genome.gtf import gtf_transcripts
from scxpresso.genome.transcript import Transcript
from scxpresso.problems import InputError, Problem

LANDMARKS = {"region", "chromosome", "supercontig", "scaffold", "contig", "plasmid"}  # features that are a whole contig


def read_annotation(path: str) -> list[Transcript]:
    """Read every transcript of a GTF or GFF3, plain or gzipped, at every place where it is listed.

    Raises
    ------
    InputError, for a line that is neither; for a line whose start is after its end, except on organelles and over the
    origin of circular contigs; and for an exon or coding region without a transcript.
    """
    regions: dict[str, Region] = {}
    backward: list[Line] = []
    lines = _forward(feature_lines(path), regions, backward)
    read: Callable[[Iterable[Line]], Iterator[Transcript]] = gff3_transcripts if is_gff3(path) else gtf_transcripts
    transcripts = list(read(lines))
    contigs = describe_contigs(
        {transcript.chrom for transcript in transcripts} | {line.chrom for line in backward}, regions
    )
    for line in backward:
        if not (contigs[line.chrom].excluded or contigs[line.chrom].circular):
            raise InputError(
                Problem(
                    f"the annotation, line {line.number}",
                    f"{line.part} of {line.chrom} from {line.start:,} to {line.end:,}",
                    "a start that is not after the end",
                    "swap the two: the strand says in which direction it is read",
                )
            )
    for transcript in transcripts:
        transcript.contig = contigs[transcript.chrom]
    return transcripts


def _forward(lines: Iterable[Line], regions: dict[str, Region], backward: list[Line]) -> Iterator[Line]:
    """Yield lines whose start is not after their end.

    Over the origin of a circular contig, ends are counted beyond its length, as in GFF3.

    Parameters
    ----------
    regions: filled with the descriptions of whole contigs.
    backward: filled with the lines that end before they start.
    """
    for line in lines:
        if line.part in LANDMARKS and line.start == 1 and "=" in line.attributes:
            known = regions.get(line.chrom)
            if not known or known.length < line.end:
                regions[line.chrom] = Region(line.end, gff3_attributes(line.attributes))
        if line.start > line.end:
            backward.append(line)
            if line.chrom not in regions or not regions[line.chrom].circular:
                continue
            line = line._replace(end=line.end + regions[line.chrom].circular)
        yield line

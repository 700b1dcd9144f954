"""What preflight says of genes that an annotation lists at several places, or at none that counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from scxpresso.checks.findings import Findings, Row
from scxpresso.genome.annotation import COPY_ELSEWHERE, ORIGIN, TRANS_SPLICED, exclusion_reason
from scxpresso.genome.transcript import Transcript, merged
from scxpresso.problems import preview


def note_places(
    row: Row, transcripts: Iterable[Transcript], chosen: list[Transcript], dropped: dict[str, str], findings: Findings
) -> None:
    """Notes of genes at several places, of joined versions of a transcript, and of genes that are excluded for where they are."""
    several = genes_at_several_places(transcripts)
    if several:
        findings.note(
            row.genome,
            f"{len(several):,} genes are listed at several places, of which one is taken: {preview(several)}",
        )
    joined = [transcript.transcript_id for transcript in chosen if transcript.versions]
    if joined:
        findings.note(
            row.genome,
            f"{len(joined):,} transcripts list exons or coding regions that overlap (several versions of one id?) and are "
            f"joined: {preview(joined)}",
        )
    for reason, times in Counter(dropped.values()).items():
        if reason in (ORIGIN, COPY_ELSEWHERE, TRANS_SPLICED):
            genes = [gene for gene, why in dropped.items() if why == reason]
            findings.note(row.genome, f"{times:,} genes are excluded, {reason}: {preview(genes)}")


def genes_at_several_places(transcripts: Iterable[Transcript]) -> list[str]:
    """Genes whose coding transcripts lie on several contigs or strands, or apart on one."""
    spans: dict[str, dict] = defaultdict(lambda: defaultdict(list))
    for transcript in transcripts:
        if exclusion_reason(transcript) is None:
            spans[transcript.gene_id][transcript.chrom, transcript.strand].append(transcript.span)
    return [
        gene for gene, places in spans.items() if len(places) > 1 or any(len(merged(s)) > 1 for s in places.values())
    ]

"""Genes of an annotation: the transcript that represents each, its TSS and its half-life features (paper 2.5)."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import pandas as pd

from scxpresso.genome.contigs import COPY
from scxpresso.genome.transcript import OTHER_STRAND, Span, Transcript, first_bases
from scxpresso.identifiers import match_contigs
from scxpresso.spike_ins import spike_in_kind
from scxpresso.text import spaced

HALF_LIFE = ["orf_length", "utr5_length", "utr3_length", "intron_length", "exon_junction_density"]
GENE_COLUMNS = ["gene_id", "gene_name", "transcript_id", "chrom", "strand", "tss", *HALF_LIFE, "padded_bases"]
IDENTITY = GENE_COLUMNS[: GENE_COLUMNS.index(HALF_LIFE[0])]
CANONICAL_TAGS = ["MANE Select", "Ensembl canonical", "RefSeq Select", "APPRIS principal"]  # the better one first
TRANS_SPLICED = "trans-spliced"
ORIGIN = "over the origin of a circular contig"
COPY_ELSEWHERE = "a copy on an ALT contig, patch, haplotype or scaffold of a gene of this name"
STOP_CODONS = {"TAA", "TAG", "TGA"}
NONE_LISTED: Mapping[str, int] = MappingProxyType({})


def _subtract(spans: list[Span], cut: list[Span]) -> list[Span]:
    """Remove the bases of `cut` from spans."""
    for cut_start, cut_end in cut:
        spans = [
            piece
            for start, end in spans
            for piece in ((start, min(end, cut_start - 1)), (max(start, cut_end + 1), end))
            if piece[0] <= piece[1]
        ]
        spans = sorted(set(spans))
    return spans


def trim_stop_codon(transcript: Transcript, contig: str | None, gff3: bool) -> None:
    """Remove the stop codon from the coding region, as GTF does: it belongs to the 3′ side.

    An annotated stop codon is removed wherever it overlaps the CDS. GFF3 counts it as coding and rarely lists it: there
    the last codon is removed if it is a stop codon in the sequence.

    Parameters
    ----------
    transcript: changed in place.
    contig: sequence of its contig; None if it is not known.
    gff3: whether the annotation is a GFF3.
    """
    cut = transcript.stop_codon
    if not cut and gff3 and contig is not None:
        last = first_bases(transcript.cds, OTHER_STRAND[transcript.strand], 3)  # the last codon
        bases = "".join(contig[start - 1 : end] for start, end in last).upper()
        if transcript.strand == "-":
            bases = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
        cut = last if bases in STOP_CODONS else []
    trimmed = _subtract(transcript.cds, cut)
    transcript.cds = trimmed or transcript.cds


def half_life_features(transcript: Transcript) -> dict[str, float]:
    """Compute the five half-life features, in bases and exons per 1,000 coding bases (paper 2.5.2).

    UTR lengths are genomic spans that include introns, as the authors computed them. The 5′UTR extends from the first
    base of the transcript to the start codon (to the first coding base if none is annotated), the 3′UTR from the last
    coding base to the end of the transcript.
    """
    start, end = transcript.span
    coding_start, coding_end = min(s for s, _ in transcript.cds), max(e for _, e in transcript.cds)
    codon = transcript.start_codon or transcript.cds
    if transcript.strand == "+":
        utr5, utr3 = min(s for s, _ in codon) - start, end - coding_end
    else:
        utr5, utr3 = end - max(e for _, e in codon), coding_start - start
    orf = transcript.orf_length
    return {
        "orf_length": orf,
        "utr5_length": utr5,
        "utr3_length": utr3,
        "intron_length": max(end - start + 1 - orf - utr5 - utr3, 0),
        "exon_junction_density": len(transcript.exons or transcript.cds) / orf * 1000,
    }


def log_half_life(half_life: np.ndarray) -> np.ndarray:
    """Take log10(x + 0.1), before features are z-scaled on training genes (paper 2.5.2)."""
    return np.log10(np.asarray(half_life, dtype=np.float64) + 0.1)


@cache
def _tag_rank(text: str) -> int:
    """Rank a tag or note by its place in CANONICAL_TAGS; any other text comes after the last.

    Spaces, hyphens, underscores and case are ignored, and so is any text that follows (`appris_principal_1`).
    """
    words = [spaced(item) for item in re.split(r"[;|,]", text)]
    for rank, tag in enumerate(CANONICAL_TAGS):
        if any(re.match(rf"{tag.lower()}\b", word) for word in words):
            return rank
    return len(CANONICAL_TAGS)


def canonical_tag(transcript: Transcript) -> int:
    """Rank a transcript by its best tag, as _tag_rank does."""
    return min(map(_tag_rank, transcript.tags), default=len(CANONICAL_TAGS))


def exclusion_reason(transcript: Transcript) -> str | None:
    """Say why this transcript cannot represent a gene; None if it can (the paper's reasons: 2.5.1)."""
    names = (transcript.gene_id, transcript.gene_name, transcript.chrom)
    if spike_in := next(filter(None, map(spike_in_kind, names)), None):
        return spike_in
    if any("transgene" in name.lower() for name in names):
        return "transgene"
    if not transcript.cds:
        return "no coding region"
    if transcript.biotype == "pseudogene":  # GenBank lists the remains of a coding region as CDS
        return "pseudogene"
    if transcript.strand not in ("+", "-"):
        return "no strand"
    if transcript.contig.excluded:
        return transcript.contig.excluded
    if transcript.trans_spliced:
        return TRANS_SPLICED
    end, length = transcript.span[1], transcript.contig.circular
    if length and (end > length or (transcript.span[0] == 1 and end == length)):
        return ORIGIN
    return None


def select_transcripts(
    transcripts: list[Transcript], canonical: Mapping[str, int] = NONE_LISTED, contigs: Collection[str] | None = None
) -> tuple[list[Transcript], dict[str, str]]:
    """Choose one transcript per gene.

    Parameters
    ----------
    canonical: rank of each listed transcript (canonical.CanonicalList).
    contigs: names of the FASTA's contigs. A transcript elsewhere is chosen only if the gene has no other.

    Returns
    -------
    The transcripts, sorted by gene id, and the reason for each gene that has none.
    """
    kept: dict[str, list[Transcript]] = defaultdict(list)
    reasons: dict[str, Counter] = defaultdict(Counter)
    for transcript in transcripts:
        reason = exclusion_reason(transcript)
        if reason:
            reasons[transcript.gene_id][reason] += 1
        else:
            kept[transcript.gene_id].append(transcript)
    rank = _ranking(kept, canonical, contigs)
    chosen = [min(kept[gene], key=rank) for gene in sorted(kept)]
    # The reason for a coding transcript, such as its chromosome, is more informative than "no coding region".
    dropped = {
        gene: min(reasons[gene], key=lambda reason: (reason == "no coding region", reason))
        for gene in sorted(reasons.keys() - kept.keys())
    }
    chosen, copies = _without_copies(chosen, contigs)
    return chosen, dropped | dict.fromkeys(copies, COPY_ELSEWHERE)


def _ranking(
    kept: dict[str, list[Transcript]], canonical: Mapping[str, int], contigs: Collection[str] | None
) -> Callable[[Transcript], tuple]:
    """Make the key by which the transcripts of a gene are ranked; the smallest is the best.

    Contigs of the FASTA come first, then chromosomes before their copies, the canonical list, tags, the contig with more
    genes, the longest coding region and the id.
    """
    genes_on = Counter(chrom for gene in kept.values() for chrom in {transcript.chrom for transcript in gene})
    there = genes_on.keys() if contigs is None else match_contigs(genes_on, contigs).keys()

    def rank(transcript: Transcript) -> tuple:
        return (
            transcript.chrom not in there,
            transcript.contig.level,
            canonical.get(transcript.transcript_id, math.inf),
            canonical_tag(transcript),
            transcript.copy,
            -genes_on[transcript.chrom],
            -transcript.orf_length,
            transcript.transcript_id,
            transcript.chrom,
            transcript.span,
        )

    return rank


def _without_copies(chosen: list[Transcript], contigs: Collection[str] | None) -> tuple[list[Transcript], list[str]]:
    """Remove second copies of genes.

    A gene on an ALT contig, patch or haplotype is a copy if a gene on a better contig has its name. A gene on a scaffold
    is a copy if, in addition, its id says so, as RefSeq's do (`HLA-A_1`, `HLA-A-2`).

    Returns
    -------
    The other transcripts, and the ids of the copies.
    """
    there = {transcript.chrom for transcript in chosen}
    if contigs is not None:
        there = set(match_contigs(there, contigs))
    best: dict[str, int] = {}
    for transcript in chosen:
        if transcript.chrom in there:
            level = transcript.contig.level
            best[transcript.gene_name] = min(level, best.get(transcript.gene_name, level))

    def is_copy(transcript: Transcript) -> bool:
        name, level = transcript.gene_name, transcript.contig.level
        numbered = transcript.gene_id.startswith(name) and re.fullmatch(r"[-_]\d+", transcript.gene_id[len(name) :])
        return bool(name) and level > best.get(name, level) and (level == COPY or bool(numbered))

    copies = {transcript.gene_id for transcript in chosen if is_copy(transcript)}
    return [transcript for transcript in chosen if transcript.gene_id not in copies], sorted(copies)


def gene_table(rows: list[dict]) -> pd.DataFrame:
    """Make genes.tsv: one row per gene, sorted by gene_id; GENE_COLUMNS, then further columns (extended features)."""
    more = [column for column in (rows[0] if rows else ()) if column not in GENE_COLUMNS]
    return pd.DataFrame(rows, columns=GENE_COLUMNS + more).sort_values("gene_id", ignore_index=True)

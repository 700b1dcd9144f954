"""Annotation features beyond half-life: codons, base composition, 3-mers after the TES, and neighbouring genes.

The hybrid network reads them (docs/science.md). A feature that a gene lacks (the GC content of a UTR that is not
annotated) is NaN here and empty in genes.tsv; a network reads the mean of the training genes.
"""

from collections.abc import Collection
from itertools import product

import numpy as np

from scxpresso.genome.sequence import (
    BASE_OF_CODE,
    CHANNELS,
    N_CODE,
    encode,
    kmer_counts,
    reverse_complement,
    window_codes,
)
from scxpresso.genome.transcript import Span, Transcript

CODONS = ["".join(bases) for bases in product("ACGT", repeat=3)]
XPRESSO_GC = ["gc_utr5", "gc_orf", "gc_utr3"]  # which Xpresso reads beside the half-life features (paper 2.1)
GC = ["gc_orf", "gc_codon1", "gc_codon2", "gc_codon3", "gc_utr5", "gc_utr3", "gc_transcript", "gc_surroundings"]
NEIGHBOURS = [
    "upstream_gap", "upstream_same_strand", "downstream_gap", "downstream_same_strand", "contig_end_distance",
    "genes_within_10kb", "genes_within_50kb",
]  # fmt: skip
# 3-mers downstream of the transcription end site (TES), in the order of kmer_counts.
TES_KMERS = [f"tes_{''.join(bases)}" for bases in product(CHANNELS, repeat=3)]
EXTENDED = [*(f"codon_{codon}" for codon in CODONS), *GC, *TES_KMERS, *NEIGHBOURS]
# Distances and numbers of genes range over orders of magnitude: networks read log10(x + 1) of them.
LOGARITHMIC = [EXTENDED.index(name) for name in NEIGHBOURS if not name.endswith("_same_strand")]

FLANK = 10_000  # bases on either side of the TSS
TES_FLANK = 500  # bases downstream of the TES
_CODON_NUMBER = [np.dot([CHANNELS.index(base) for base in codon], [16, 4, 1]) for codon in CODONS]


def extended_features(transcript: Transcript, contig: str, neighbours: dict[str, float]) -> dict[str, float]:
    """Compute the EXTENDED features of a transcript: shares of codons, of G and C, and of 3-mers (0 … 1).

    Codons with an ambiguous base are not counted.

    Parameters
    ----------
    contig: sequence of its contig, in upper or lower case.
    neighbours: its NEIGHBOURS, which `neighbourhood` gives; they are added.
    """
    coding = spliced(contig, transcript.cds, transcript.strand)[transcript.phase :]
    bases = BASE_OF_CODE[coding[: len(coding) // 3 * 3]].reshape(-1, 3).astype(int)
    counts = np.bincount(bases[(bases < 4).all(axis=1)] @ [16, 4, 1], minlength=64)[_CODON_NUMBER]
    shares = counts / max(counts.sum(), 1)
    before, after = utrs(transcript)
    start, end = transcript.span
    near = contig[max(transcript.tss - 1 - FLANK, 0) : transcript.tss + FLANK]
    content = [
        gc_content(coding),
        *(gc_content(coding[place::3]) for place in range(3)),
        gc_content(spliced(contig, before, transcript.strand)),
        gc_content(spliced(contig, after, transcript.strand)),
        gc_content(_codes(contig[start - 1 : end])),
        gc_content(_codes(near)),
    ]
    last = end if transcript.strand == "+" else start
    after_tes = kmer_counts(window_codes(contig, last, transcript.strand, 0, TES_FLANK + 1)[0][None, 1:], 3)[0]
    ends = after_tes / max(after_tes.sum(), 1)
    return dict(zip(EXTENDED, [*shares, *content, *ends], strict=False)) | neighbours


def gc_content(codes: np.ndarray) -> float:
    """Compute the share of G and C among the unambiguous bases of codes; NaN if there are none."""
    a, c, t, g = np.bincount(codes, minlength=9)[[1, 2, 4, 8]]
    return (c + g) / (a + c + t + g) if a + c + t + g else np.nan


def utrs(transcript: Transcript) -> tuple[list[Span], list[Span]]:
    """Return the exonic spans before and after the coding region, in the direction of transcription."""
    first, last = min(start for start, _ in transcript.cds), max(end for _, end in transcript.cds)
    left = [(start, min(end, first - 1)) for start, end in transcript.exons if start < first]
    right = [(max(start, last + 1), end) for start, end in transcript.exons if end > last]
    return (left, right) if transcript.strand == "+" else (right, left)


def _codes(sequence: str) -> np.ndarray:
    """Encode a sequence; characters that are not nucleotides become N."""
    return encode(sequence) & N_CODE


def spliced(contig: str, spans: list[Span], strand: str) -> np.ndarray:
    """Encode the spliced sequence of spans, on the strand; characters that are not nucleotides become N."""
    codes = _codes("".join(contig[start - 1 : end] for start, end in sorted(spans)))
    return codes if strand == "+" else reverse_complement(codes)


def neighbourhood(transcripts: Collection[Transcript], length: int) -> dict[str, dict[str, float]]:
    """Compute the NEIGHBOURS of each gene of a contig, in bases and numbers of genes.

    The gap on either side extends to the nearest gene that does not overlap, on either strand, or to the contig's end,
    which counts as a gene of the same strand. Genes are counted by the middle of their transcript, including the gene
    itself.

    Parameters
    ----------
    transcripts: one per gene.
    length: of the contig, in bases.
    """
    by_start = sorted(transcripts, key=lambda transcript: transcript.span[0])
    by_end = sorted(transcripts, key=lambda transcript: transcript.span[1])
    starts = np.array([transcript.span[0] for transcript in by_start])
    ends = np.array([transcript.span[1] for transcript in by_end])
    middles = np.sort([sum(transcript.span) / 2 for transcript in transcripts])
    found = {}
    for transcript in transcripts:
        start, end = transcript.span
        before, after = np.searchsorted(ends, start) - 1, np.searchsorted(starts, end, side="right")
        left = (start - 1 - ends[before], by_end[before].strand) if before >= 0 else (start - 1, transcript.strand)
        right = (
            (starts[after] - end - 1, by_start[after].strand)
            if after < len(starts)
            else (length - end, transcript.strand)
        )
        sides = [left, right] if transcript.strand == "+" else [right, left]
        middle = (start + end) / 2
        near = [np.diff(np.searchsorted(middles, [middle - reach, middle + reach]))[0] for reach in (10_000, 50_000)]
        values = [value for gap, strand in sides for value in (max(gap, 0), strand == transcript.strand)]
        values += [max(min(start - 1, length - end), 0), *near]
        found[transcript.gene_id] = dict(zip(NEIGHBOURS, map(float, values), strict=True))
    return found


def transform_extended(extended: np.ndarray) -> np.ndarray:
    """Transform raw extended features (genes × EXTENDED) as networks read them, before scaling; NaN stays NaN."""
    read = np.array(extended, dtype=np.float64)
    read[:, LOGARITHMIC] = np.log10(read[:, LOGARITHMIC] + 1)
    return read

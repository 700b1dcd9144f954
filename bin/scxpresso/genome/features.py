"""From genome and annotation to the input of models: the promoter window and the annotation features of each gene."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scxpresso.genome.annotation import (
    IDENTITY,
    gene_table,
    half_life_features,
    log_half_life,
    select_transcripts,
    trim_stop_codon,
)
from scxpresso.genome.annotation_lines import is_gff3
from scxpresso.genome.assembly_fit import MIN_REGIONS, Fit
from scxpresso.genome.canonical import read_canonical
from scxpresso.genome.extended import extended_features, neighbourhood
from scxpresso.genome.gene_models import read_annotation
from scxpresso.genome.sequence import N_CODE, read_fasta, window_codes
from scxpresso.genome.transcript import Transcript
from scxpresso.genome.transcript_features import transcript_features
from scxpresso.identifiers import match_contigs
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import DROPPED_GENE_COLUMNS


@dataclass
class GenomeFeatures:
    """Everything that is extracted from a genome.

    genes: genes.tsv. codes: genes × window (uint8). dropped: gene, reason. transcripts: one per gene.
    transcript_features: genes × TRANSCRIPT (transcript_features.py), raw; None unless extended features are extracted.
    """

    genes: pd.DataFrame
    codes: np.ndarray
    dropped: pd.DataFrame
    transcripts: list[Transcript]
    transcript_features: np.ndarray | None


def extract_features(
    fasta: str,
    gtf: str,
    canonical: str | None,
    upstream: int,
    downstream: int,
    extended: bool = False,
    log: Callable[[str], None] = lambda message: None,
) -> GenomeFeatures:
    """Extract window and annotation features of every gene that the paper keeps (2.5), one contig in memory at a time.

    Contig names are matched with and without `chr`. Genes whose contig is not in the FASTA are dropped.

    Parameters
    ----------
    canonical: file of canonical transcripts (canonical.py).
    upstream, downstream: bases of the window.
    extended: whether to add the features of extended.py and transcript_features.py.

    Raises
    ------
    InputError, for an annotation or FASTA that cannot be read, or if no gene is kept.
    """
    gff3 = is_gff3(gtf)
    names = contig_names(fasta)
    transcripts = read_annotation(gtf)
    listed = read_canonical(canonical, transcripts).rank if canonical else {}
    if canonical and not listed:
        log("WARNING the canonical list names no transcript of the annotation")
    chosen, reasons = select_transcripts(transcripts, listed, names)
    log(f"{len(chosen):,} genes with a coding region, {len(reasons):,} dropped")

    by_contig = defaultdict(list)
    for transcript in chosen:
        by_contig[transcript.chrom].append(transcript)
    annotated = {name: chrom for chrom, name in match_contigs(by_contig, names).items()}

    codes = {}
    of_transcript = {}  # features of the spliced transcript of each gene
    rows = []
    fit = Fit()
    for name, contig in read_fasta(fasta):
        here = by_contig[annotated[name]] if name in annotated else []
        neighbours = neighbourhood(here, len(contig)) if extended else {}
        for transcript in here:
            fit.add(contig, transcript)
            trim_stop_codon(transcript, contig, gff3)
            window, padded = window_codes(contig, transcript.tss, transcript.strand, upstream, downstream)
            codes[transcript.gene_id] = window
            row = {column: getattr(transcript, column) for column in IDENTITY}
            row |= half_life_features(transcript) | {"padded_bases": padded}
            if extended:
                row |= extended_features(transcript, contig, neighbours[transcript.gene_id])
                of_transcript[transcript.gene_id] = transcript_features(transcript, contig)
            rows.append(row)
    if not rows:
        raise InputError(_no_genes(chosen, reasons, names))
    genes = gene_table(rows)
    judged = fit.regions < MIN_REGIONS or (fit.fits and not fit.correction)
    log(fit.summary() if judged else f"WARNING the annotation does not fit the assembly: {fit.summary()}")

    reasons |= {t.gene_id: "contig not in the FASTA" for t in chosen if t.gene_id not in codes}
    kept = [t for t in chosen if t.gene_id in codes]
    dropped = pd.DataFrame(sorted(reasons.items()), columns=DROPPED_GENE_COLUMNS)
    matrix = np.full((len(genes), upstream + downstream), N_CODE, dtype=np.uint8)
    for number, gene in enumerate(genes["gene_id"]):
        matrix[number] = codes.pop(gene)
    features = np.stack([of_transcript.pop(gene) for gene in genes["gene_id"]]) if extended else None
    return GenomeFeatures(genes, matrix, dropped, kept, features)


def _no_genes(chosen: list[Transcript], reasons: dict[str, str], contigs: list[str]) -> Problem:
    """Say why no gene of an annotation is kept. reasons: of the genes without a usable transcript."""
    if chosen:
        others = sorted({transcript.chrom for transcript in chosen})
        found = f"genes only on {preview(others)}, which the FASTA lacks: it has {preview(contigs)}"
        return Problem("the annotation", found, "genes on the FASTA's contigs", "take both files from one source")
    listed = ", ".join(f"{reason}: {times:,}" for reason, times in Counter(reasons.values()).most_common())
    fix = "take the full annotation, not one with exons or genes only"
    return Problem("the annotation", f"no gene with a coding region ({listed or 'no genes'})", "lines of type CDS", fix)


def contig_names(fasta: str) -> list[str]:
    """List the contigs of a FASTA, in its order."""
    return [name for name, _ in read_fasta(fasta)]


def scaled_half_life(half_life: np.ndarray) -> np.ndarray:
    """Take log10(x + 0.1) and z-scale it over all genes; a constant feature becomes 0."""
    mean, sd = mean_and_sd(log_half_life(half_life))
    return (log_half_life(half_life) - mean) / sd


def mean_and_sd(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and standard deviation (n) of each column in double precision, ignoring NaN.

    The deviation of a constant column is 1, so that nothing is divided by 0; the mean of a column of NaN is 0.
    """
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    # Sums of float32 would make a constant column look variable.
    mean = np.where(known, values, 0).sum(axis=0, dtype=np.float64) / count
    sd = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0, dtype=np.float64) / count)
    return mean, np.where(sd > 1e-9, sd, 1.0)

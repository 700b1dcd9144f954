"""From genome and annotation to what a model reads of each gene: promoter codes and half-life features."""

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
from scxpresso.identifiers import match_contigs
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import DROPPED_GENE_COLUMNS


@dataclass
class GenomeFeatures:
    """genes: genes.tsv. codes: genes × window (uint8). dropped: gene, reason. transcripts: one of each gene."""

    genes: pd.DataFrame
    codes: np.ndarray
    dropped: pd.DataFrame
    transcripts: list[Transcript]


def extract_features(
    fasta: str,
    gtf: str,
    canonical: str | None,
    upstream: int,
    downstream: int,
    extended: bool = False,
    log: Callable[[str], None] = lambda message: None,
) -> GenomeFeatures:
    """Windows and half-life features of every gene that the paper keeps (2.5), one contig in memory at a time.

    canonical: a list of transcripts (canonical.py). extended: with the features of extended.py. Lengths in bases. Genes whose
    contig the FASTA lacks are dropped with that reason; contig names are matched with and without `chr`. Raises InputError for
    an annotation or FASTA that cannot be read, or that has no such gene.
    """
    gff3 = is_gff3(gtf)
    names = contig_names(fasta)
    transcripts = read_annotation(gtf)
    listed = read_canonical(canonical, transcripts).place if canonical else {}
    if canonical and not listed:
        log("WARNING the canonical list names no transcript of the annotation")
    chosen, reasons = select_transcripts(transcripts, listed, names)
    log(f"{len(chosen):,} genes with a coding region, {len(reasons):,} dropped")

    by_contig = defaultdict(list)
    for transcript in chosen:
        by_contig[transcript.chrom].append(transcript)
    contigs = {name: bare for bare, name in match_contigs(by_contig, names).items()}

    codes = {}
    rows = []
    fit = Fit()
    for name, letters in read_fasta(fasta):
        here = by_contig[contigs[name]] if name in contigs else []
        neighbours = neighbourhood(here, len(letters)) if extended else {}
        for transcript in here:
            fit.add(letters, transcript)
            trim_stop_codon(transcript, letters, gff3)
            window, padded = window_codes(letters, transcript.tss, transcript.strand, upstream, downstream)
            codes[transcript.gene_id] = window
            row = {column: getattr(transcript, column) for column in IDENTITY}
            row |= half_life_features(transcript) | {"padded_bases": padded}
            if extended:
                row |= extended_features(transcript, letters, neighbours[transcript.gene_id])
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
    return GenomeFeatures(genes, matrix, dropped, kept)


def _no_genes(chosen: list[Transcript], reasons: dict[str, str], contigs: list[str]) -> Problem:
    """What is wrong with an annotation of which no gene is kept. reasons: of the genes without a transcript that counts."""
    if chosen:
        others = sorted({transcript.chrom for transcript in chosen})
        found = f"genes on {preview(others)} alone, which the FASTA lacks: it has {preview(contigs)}"
        return Problem("the annotation", found, "genes on the FASTA's contigs", "take both files of one source")
    listed = ", ".join(f"{reason}: {times:,}" for reason, times in Counter(reasons.values()).most_common())
    fix = "take the full annotation, not one of exons or genes only"
    return Problem("the annotation", f"no gene with a coding region ({listed or 'no genes'})", "lines of type CDS", fix)


def contig_names(fasta: str) -> list[str]:
    """Names of a FASTA's contigs, in its order."""
    return [name for name, _ in read_fasta(fasta)]


def scaled_half_life(half_life: np.ndarray) -> np.ndarray:
    """log10(x + 0.1), z-scaled over all genes; a constant feature becomes 0."""
    mean, sd = mean_and_sd(log_half_life(half_life))
    return (log_half_life(half_life) - mean) / sd


def mean_and_sd(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and (population) deviation of each column's known values.

    A constant column gets deviation 1, so that nothing divides by 0; one that is NaN throughout gets mean 0 too.
    """
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    sd = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / count)
    return mean, np.where(sd > 1e-9, sd, 1.0)

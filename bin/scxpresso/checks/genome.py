"""Checks of a genome: its FASTA, annotation and other files, and of these against each other."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from scxpresso.checks.assembly_fit import check_fit
from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.checks.places import note_places
from scxpresso.damage import looks_like, start_of
from scxpresso.files import open_text
from scxpresso.genome.annotation import CANONICAL_TAGS, canonical_tag, select_transcripts
from scxpresso.genome.canonical import CanonicalList, read_canonical
from scxpresso.genome.folds import LOCUS, fold_of_genes, groups_of_genes
from scxpresso.genome.gene_models import read_annotation
from scxpresso.genome.sequence import CHARACTER_CODES, INVALID, read_fasta, window_bounds
from scxpresso.genome.transcript import Transcript
from scxpresso.identifiers import match_contigs, without_version
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import plural, shown

MIN_HELD_OUT_GENES = 20  # of an atlas in a fold; a correlation over fewer has a standard error of 0.2 or more
NUCLEOTIDES = bytes(np.flatnonzero(CHARACTER_CODES != INVALID).astype(np.uint8))


def check_genome(row: Row, params: dict, findings: Findings) -> list[Transcript]:
    """Return the transcripts whose features models will read, one per gene; none if that cannot be known."""
    contigs, chosen = {}, []
    if "fasta" in row.paths:
        with reading(row, "fasta", "a FASTA of nucleotides, plain, gzipped or bgzipped", findings):
            contigs = check_fasta(row, findings)
    if "gtf" in row.paths:
        with reading(row, "gtf", "a GTF or GFF3, plain or gzipped", findings):
            chosen = check_annotation(row, contigs, findings)
    if "ccres" in row.paths:
        with reading(row, "ccres", "a BED file, plain or gzipped", findings):
            check_bed(row.paths["ccres"])
    if chosen and contigs:
        before = len(findings.problems)
        chosen = check_contigs(row, chosen, contigs, params, findings)
        if len(findings.problems) == before:  # else its message says the same
            check_fit(row, chosen, contigs, findings)
    return chosen


def check_fasta(row: Row, findings: Findings) -> dict[str, int]:
    """Read the length of each contig in one pass; none if the file is not a FASTA of nucleotides."""
    path, where = row.paths["fasta"], row.file("fasta")
    if not start_of(path).startswith(b">"):
        findings.problem(where, looks_like(path), "a FASTA, which starts with '>'", "check which file this is")
        return {}
    pysam.set_verbosity(0)  # what htslib says of a damaged file, `damage` says better
    length: dict[str, int] = {}
    repeated, strange = [], {}
    for name, bases in read_fasta(str(path)):
        if name in length:
            repeated.append(name)
        length[name] = len(bases)
        if others := bases.encode("latin-1", "replace").translate(None, NUCLEOTIDES):
            strange[name] = chr(others[0])
    if repeated:
        fix = "keep one of each (were two files joined?)"
        findings.problem(where, f"contigs of the same name: {preview(repeated)}", "each name once", fix)
    if strange:
        found = f"{preview(sorted(set(strange.values())))} among the characters of {preview(strange)}"
        fix = "take the genome's FASTA, not that of its proteins; download it again if it is the genome's"
        findings.problem(where, found, "IUPAC nucleotide codes", fix)
    return {} if strange else length


def check_annotation(row: Row, contigs: Collection[str], findings: Findings) -> list[Transcript]:
    """Choose one transcript per gene with a coding region. contigs: those of the FASTA, empty if unknown."""
    transcripts = read_annotation(str(row.paths["gtf"]))
    canonical = CanonicalList()
    if "canonical" in row.paths:
        with reading(row, "canonical", "a list of transcript ids, plain or gzipped", findings):
            canonical = check_canonical(row, transcripts, findings)
    chosen, dropped = select_transcripts(transcripts, canonical.rank, contigs or None)
    if not chosen:
        reasons = ", ".join(f"{reason}: {times:,}" for reason, times in Counter(dropped.values()).most_common())
        findings.problem(
            row.file("gtf"), f"no gene with a coding region among {len(dropped):,} ({reasons})",
            "lines of type CDS with gene_id and transcript_id",
            "take the full annotation, not one of exons or genes only",
        )  # fmt: skip
        return []
    ways = Counter(reason_of_choice(transcript, canonical) for transcript in chosen)
    listed = ", ".join(f"{way} ({times:,})" for way, times in ways.most_common())
    findings.note(row.genome, f"{len(chosen):,} genes with a coding region; the transcript of each is {listed}")
    note_places(row, transcripts, chosen, dropped, findings)
    return chosen


def reason_of_choice(transcript: Transcript, canonical: CanonicalList) -> str:
    """Why this transcript stands for its gene, as annotation.select_transcripts chose it."""
    if transcript.transcript_id in canonical.rank:
        return "in the canonical list"
    tag = canonical_tag(transcript)
    return f"tagged {CANONICAL_TAGS[tag]}" if tag < len(CANONICAL_TAGS) else "the one of the longest coding region"


def check_canonical(row: Row, transcripts: list[Transcript], findings: Findings) -> CanonicalList:
    """Read the listed transcripts, of which the annotation must have some; note how a list of several per gene is read."""
    listed = read_canonical(str(row.paths["canonical"]), transcripts)
    marks = f"column{'s' if len(listed.marks) > 1 else ''} {preview(listed.marks)}"
    if not listed.rank:
        known = sorted({without_version(transcript.transcript_id) for transcript in transcripts})
        found = f"no transcript of the annotation: it has {preview(sorted(listed.unknown))}, the annotation {preview(known)}"
        findings.problem(
            row.file("canonical"), f"the {marks} marks no transcript" if listed.marks and not listed.unknown else found,
            "ids of transcripts of the annotation", "take the list of the same source and species, or leave it out",
        )  # fmt: skip
        return listed
    if listed.marks:
        findings.note(row.genome, f"of the canonical list, the rows are taken that its {marks} marks")
    if listed.unknown:
        message = f"what is in the canonical list, but no transcript of the annotation: {preview(listed.unknown)}"
        findings.note(row.genome, message)
    if several := listed.repeated(transcripts):
        gene, names = next(iter(several.items()))
        message = (
            f"the canonical list has several transcripts of {len(several):,} genes, such as {preview(names)} of {gene}"
        )
        findings.note(
            row.genome, f"{message}: the annotation's tags, then the longest coding region, decide among them"
        )
    if listed.unread:
        findings.note(row.genome, f"columns of the canonical list that are not read: {preview(listed.unread)}")
    return listed


def check_bed(path: Path) -> None:
    """Raise InputError for a line that is no BED, or has another number of columns than the first: bedtools reads none."""
    columns = 0
    with open_text(str(path)) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith(("#", "track", "browser")):
                continue
            fields = line.rstrip("\r\n").split("\t")
            columns = columns or len(fields)
            is_bed = len(fields) >= 3 and fields[1].isdecimal() and fields[2].isdecimal()
            if not is_bed or int(fields[1]) > int(fields[2]):
                found, expected = repr(line.strip()[:60]), "contig, start and end with tabs between them (BED)"
                raise InputError(Problem(f"line {number}", found, expected, "fix or remove the line"))
            if len(fields) != columns:
                expected = f"{columns}, as the first line has"
                raise InputError(
                    Problem(f"line {number}", f"{len(fields)} columns", expected, "fix or remove the line")
                )


def check_contigs(
    row: Row, chosen: list[Transcript], contigs: dict[str, int], params: dict, findings: Findings
) -> list[Transcript]:
    """Return the transcripts on contigs of the FASTA, whatever either file calls them; all if most are on none."""
    genes_on = Counter(transcript.chrom for transcript in chosen)
    name_of = match_contigs(genes_on, contigs)
    lost = {name: genes_on[name] for name in sorted(genes_on.keys() - name_of)}
    homeless = sum(lost.values())
    if homeless * 2 > len(chosen):
        findings.problem(
            row.at("gtf"), f"{homeless:,} of {len(chosen):,} genes are on contigs that the FASTA lacks: the annotation "
            f"has {preview(lost)}, the FASTA {preview(contigs)}",
            "an annotation of the FASTA's contigs (with or without 'chr')",
            "take both files of one assembly and one source (Ensembl, GENCODE, UCSC, GenBank)",
        )  # fmt: skip
        return chosen
    renamed = [f"{shown(name)} is {shown(name_of[name])}" for name in sorted(name_of) if name != name_of[name]]
    if renamed:
        pairs = ", ".join(renamed[:5]) + (", …" if len(renamed) > 5 else "")
        findings.note(row.genome, f"{len(renamed)} contigs have other names in FASTA and annotation: {pairs}")
    if lost:
        findings.note(row.genome, f"{homeless:,} genes are excluded: the FASTA lacks their contigs {preview(lost)}")
    kept = [transcript for transcript in chosen if transcript.chrom in name_of]
    check_positions(row, kept, {name: contigs[other] for name, other in name_of.items()}, params, findings)
    return kept


def check_positions(
    row: Row, chosen: list[Transcript], length: dict[str, int], params: dict, findings: Findings
) -> None:
    """Every TSS on its contig (by the annotation's name); windows that reach over a contig's end are counted."""
    beyond = [
        f"{transcript.gene_id} at {transcript.tss:,} of {transcript.chrom} ({length[transcript.chrom]:,} bases)"
        for transcript in chosen
        if transcript.tss > length[transcript.chrom]
    ]
    if beyond:
        findings.problem(
            row.at("gtf"), f"genes that start beyond the end of their contig: {preview(beyond)}",
            "positions on the contigs of the FASTA", "take FASTA and annotation of one assembly: these are of two",
        )  # fmt: skip
        return
    padded = 0
    for transcript in chosen:
        start, end = window_bounds(transcript.tss, transcript.strand, params["upstream"], params["downstream"])
        padded += start < 0 or end > length[transcript.chrom]
    if padded:
        findings.note(row.genome, f"{padded:,} windows reach over the end of a contig: they are padded with N and kept")


def check_folds(row: Row, chosen: list[Transcript], params: dict, findings: Findings) -> pd.Series | None:
    """Check that there are at least as many separable groups of genes as folds, as far as that is known without sequence.

    Returns
    -------
    The fold of each gene_id; None if it depends on the sequence (fold method `family`), or if there are too few groups.
    """
    by_contig = params["fold_method"] == "chromosome"
    loci = pd.DataFrame([(one.gene_id, one.chrom, one.strand, *one.span) for one in chosen], columns=LOCUS)
    loci = loci.sort_values("gene_id", ignore_index=True)
    groups = groups_of_genes(loci, params["fold_method"])
    if len(groups) < params["folds"]:
        findings.problem(
            f"--folds {params['folds']} --fold_method {params['fold_method']}",
            f"{row.genome} has only {len(groups)} {'contigs with genes' if by_contig else 'genes'}",
            f"at least {params['folds']}", "use fewer folds" + (", or --fold_method random" if by_contig else ""),
        )  # fmt: skip
        return None
    if params["fold_method"] == "family":
        return None
    return pd.Series(fold_of_genes(groups, params["folds"], params["seed"]), index=loci["gene_id"])


def check_held_out(row: Row, fold: pd.Series, method: str, folds: int, findings: Findings) -> None:
    """Check that each fold holds out genes of an atlas, and note folds that hold out few.

    fold: of each gene of the genome, as check_folds gives it.
    """
    held_out = fold.reindex(row.genes).value_counts().reindex(range(1, folds + 1), fill_value=0)
    where, fewer = f"--folds {folds} --fold_method {method}", "use fewer folds"
    fewer += ", or --fold_method random" if method == "chromosome" else ""
    if empty := list(held_out.index[held_out == 0]):
        findings.problem(
            where, f"{plural(len(empty), 'fold')} without a gene of {row.atlas}: {preview(empty)}",
            "at least one gene of the atlas in each fold", fewer,
        )  # fmt: skip
    elif len(few := held_out[held_out < MIN_HELD_OUT_GENES]):
        sizes = ", ".join(f"{number}: {genes}" for number, genes in few.items())
        findings.note(
            row.atlas,
            f"{where}: {plural(len(few), 'fold')} with fewer than {MIN_HELD_OUT_GENES} genes (fold: genes; {sizes}); "
            f"their correlations are noisy, and count in means and tests as much as those of large folds: {fewer}",
        )

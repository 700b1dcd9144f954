"""From the lines of an annotation to its transcripts."""

import re
from collections.abc import Iterator

from scxpresso.genome.annotation_lines import PARTS, first, gff3_attributes, gtf_attributes, is_gff3, records
from scxpresso.genome.transcript import Span, Transcript
from scxpresso.problems import InputError, Problem


def _read_gtf(path: str) -> Iterator[tuple[str, dict, str, str, str, Span, str]]:
    for number, (chrom, _, part, start, end, _, strand, frame, text) in records(path):
        if part not in PARTS:
            continue
        attributes = gtf_attributes(text)
        gene_id, transcript_id = first(attributes, "gene_id"), first(attributes, "transcript_id")
        if not (gene_id and transcript_id):
            raise InputError(
                Problem(f"the GTF, line {number}", f"{part} without gene_id or transcript_id", "both attributes")
            )
        about = {
            "gene_id": gene_id,
            "gene_name": first(attributes, "gene_name", "gene"),
            "biotype": first(attributes, "gene_biotype", "gene_type"),
            "tags": frozenset(attributes.get("tag", ())),
        }
        yield transcript_id, about, part, chrom, strand, (int(start), int(end)), frame


def _read_gff3(path: str) -> Iterator[tuple[str, dict, str, str, str, Span, str]]:
    """As _read_gtf: GFF3 names the gene through the parents of a part, and its CDS holds the stop codon."""
    parents: dict[str, dict[str, list[str]]] = {}
    parts = []
    for _, (chrom, _, part, start, end, _, strand, frame, text) in records(path):
        attributes = gff3_attributes(text)
        if part in PARTS:
            parts.append((attributes.get("Parent", []), part, chrom, strand, (int(start), int(end)), frame))
        elif "ID" in attributes:
            parents[attributes["ID"][0]] = attributes
    for owners, part, chrom, strand, span, frame in parts:
        for owner in owners:
            transcript = parents.get(owner, {})
            gene_key = first(transcript, "Parent") or owner
            gene = parents.get(gene_key, {})
            about = {
                "gene_id": first(gene, "gene_id") or re.sub(r"^gene[:-]", "", gene_key),
                "gene_name": first(gene, "Name", "gene_name", "gene") or first(transcript, "gene_name"),
                "biotype": first(gene, "gene_biotype", "gene_type", "biotype"),
                "tags": frozenset(transcript.get("tag", ())),
            }
            transcript_id = first(transcript, "transcript_id") or re.sub(r"^(transcript|rna)[:-]", "", owner)
            yield transcript_id, about, part, chrom, strand, span, frame


def read_annotation(path: str) -> list[Transcript]:
    """Every transcript of a GTF or GFF3, plain or gzipped. Raises InputError for a line that is neither."""
    transcripts: dict[tuple[str, str, str], Transcript] = {}
    for transcript_id, about, part, chrom, strand, span, frame in (_read_gff3 if is_gff3(path) else _read_gtf)(path):
        # The contig and the gene are part of the key: pseudoautosomal transcripts have one id on two chromosomes.
        key = (transcript_id, about["gene_id"], chrom)
        if key not in transcripts:
            transcripts[key] = Transcript(transcript_id, chrom=chrom, strand=strand, **about)
        transcripts[key].add(part, span, frame)
        transcripts[key].tags |= about["tags"]
    return list(transcripts.values())

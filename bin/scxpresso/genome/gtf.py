"""Transcripts of a GTF, which names transcript and gene on every line."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from scxpresso.genome.annotation_lines import PARTS, TRANS_SPLICED, Line, copy_number, first, gtf_attributes
from scxpresso.genome.loci import Place, TranscriptRecord, transcripts_at_places
from scxpresso.genome.transcript import Span, Transcript
from scxpresso.problems import InputError, Problem

_TRANSCRIPT = re.compile(r'transcript_id(?<!\wtranscript_id)\s+(?:"([^"]*)"|([^";\s]+))')
_GENE = re.compile(r'gene_id(?<!\wgene_id)\s+(?:"([^"]*)"|([^";\s]+))')
_TAGS = re.compile(r'\b(?:tag|note)\s+(?:"([^"]*)"|([^";\s]+))', re.IGNORECASE)
_OWN_LINES = {"transcript", "mRNA"}


def _value(pattern: re.Pattern, text: str) -> str:
    found = pattern.search(text)
    return (found[1] or found[2] or "") if found else ""


def _everywhere(attributes: dict) -> Callable[[Place], dict]:
    return lambda place: attributes


def gtf_transcripts(lines: Iterable[Line]) -> Iterator[Transcript]:
    """Every transcript, at each of its places. Raises InputError for an exon or coding region without its two ids."""
    records: defaultdict[tuple[str, str], TranscriptRecord] = defaultdict(TranscriptRecord)
    told: dict[tuple[str, str], str] = {}  # column 9 of the first line of each
    genes: dict[str, str] = {}
    tags: defaultdict[str, set[str]] = defaultdict(set)
    own: defaultdict[str, defaultdict[Place, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        text, place = line.attributes, (line.chrom, line.strand)
        if line.part in PARTS:
            key = (_value(_TRANSCRIPT, text), _value(_GENE, text))
            if not all(key):
                if line.part == "UTR":
                    continue
                raise InputError(
                    Problem(
                        f"the GTF, line {line.number}",
                        f"{line.part} without gene_id or transcript_id",
                        "both attributes",
                    )
                )
            pieces = records[key].pieces[place]
            told.setdefault(key, text)
            again = line.part in pieces.spans  # with the tags of the line before
            pieces.add(line)
            if again:
                continue
        elif line.part in _OWN_LINES:
            # AUGUSTUS writes nothing but the id there.
            key = (_value(_TRANSCRIPT, text) or text.strip(), "")
            own[key[0]][place].append((line.start, line.end))
        else:
            if line.part == "gene":
                genes.setdefault(_value(_GENE, text), text)
            continue
        if any(word in text for word in ("tag", "Tag", "note", "Note")):
            tags[key[0]].update(quoted or bare for quoted, bare in _TAGS.findall(text))
    for transcript_id, gene_id in list(told):  # what was read makes room for what is made of it
        record, text = records.pop((transcript_id, gene_id)), told.pop((transcript_id, gene_id))
        record.lines = own[transcript_id]
        told_of = gtf_attributes(text)
        gene = gtf_attributes(genes[gene_id]) if gene_id in genes else {}
        about = {
            "transcript_id": transcript_id,
            "gene_id": gene_id,
            "gene_name": first(told_of, "gene_name", "gene") or first(gene, "gene_name", "gene"),
            "biotype": first(told_of, "gene_biotype", "gene_type") or first(gene, "gene_biotype", "gene_type"),
            "tags": frozenset(tags[transcript_id]),
            "trans_spliced": bool(TRANS_SPLICED.search(text)),
            "copy": copy_number(told_of),
        }
        yield from transcripts_at_places(record, _everywhere(about))

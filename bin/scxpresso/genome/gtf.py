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


def _everywhere(description: dict) -> Callable[[Place], dict]:
    """Make a function that describes a transcript alike at every place."""
    return lambda place: description


def gtf_transcripts(lines: Iterable[Line]) -> Iterator[Transcript]:
    """Yield every transcript, at each of its places.

    Raises
    ------
    InputError, for an exon or coding region without gene_id or transcript_id.
    """
    records: defaultdict[tuple[str, str], TranscriptRecord] = defaultdict(TranscriptRecord)
    first_attributes: dict[tuple[str, str], str] = {}  # column 9 of the first line of each
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
            first_attributes.setdefault(key, text)
            again = line.part in pieces.spans  # with the tags of the line before
            pieces.add(line)
            if again:
                continue
        elif line.part in _OWN_LINES:
            # AUGUSTUS writes the bare id there.
            key = (_value(_TRANSCRIPT, text) or text.strip(), "")
            own[key[0]][place].append((line.start, line.end))
        else:
            if line.part == "gene":
                genes.setdefault(_value(_GENE, text), text)
            continue
        if any(word in text for word in ("tag", "Tag", "note", "Note")):
            tags[key[0]].update(quoted or bare for quoted, bare in _TAGS.findall(text))
    for transcript_id, gene_id in list(first_attributes):  # freed while the transcripts are made
        record, text = records.pop((transcript_id, gene_id)), first_attributes.pop((transcript_id, gene_id))
        record.lines = own[transcript_id]
        attributes = gtf_attributes(text)
        gene = gtf_attributes(genes[gene_id]) if gene_id in genes else {}
        description = {
            "transcript_id": transcript_id,
            "gene_id": gene_id,
            "gene_name": first(attributes, "gene_name", "gene") or first(gene, "gene_name", "gene"),
            "biotype": first(attributes, "gene_biotype", "gene_type") or first(gene, "gene_biotype", "gene_type"),
            "tags": frozenset(tags[transcript_id]),
            "trans_spliced": bool(TRANS_SPLICED.search(text)),
            "copy": copy_number(attributes),
        }
        yield from transcripts_at_places(record, _everywhere(description))

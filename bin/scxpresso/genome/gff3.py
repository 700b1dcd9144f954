"""Transcripts of a GFF3, which names transcript and gene through the parents of each part."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import unquote

from scxpresso.genome.annotation_lines import PARTS, TRANS_SPLICED, Line, copy_number, first, gff3_attributes
from scxpresso.genome.loci import Pieces, Place, TranscriptRecord, overlap, transcripts_at_places
from scxpresso.genome.transcript import Transcript
from scxpresso.problems import InputError, Problem

PROTEINS = {"protein", "polypeptide"}
GENE_OF = ["geneID", "gene_id", "locus_tag", "locus", "gene"]  # attributes that name the gene, where no line does

_PARENT = re.compile(r"(?:^|;)\s*Parent\s*=\s*([^;]*)")
_ID = re.compile(r"(?:^|;)\s*ID\s*=\s*([^;]*)")
_TRANSCRIPT = re.compile(r"(?:^|;)\s*transcript_id\s*=\s*([^;]*)")


def gff3_transcripts(lines: Iterable[Line]) -> Iterator[Transcript]:
    """Yield every transcript, at each of its places.

    Raises
    ------
    InputError, for an exon or coding region without a transcript.
    """
    gff3 = _Gff3()
    for line in lines:
        gff3.add(line)
    gff3.assign_orphans()
    for name, record in gff3.records():
        for line in gff3.nodes.get(name, []):
            record.lines[line.chrom, line.strand].append((line.start, line.end))
        yield from transcripts_at_places(record, partial(gff3.describe, name))


class _Gff3:
    """Lines of a GFF3.

    nodes: lines that are not parts, by id. pieces: parts, by what their lines say of their parents. first_attributes:
    column 9 of the first part of each. orphans: gene → first line of a part that names no transcript. nameless: the
    first exon and the first coding region that name neither transcript nor gene.
    """

    def __init__(self) -> None:
        self.nodes: defaultdict[str, list[Line]] = defaultdict(list)
        self.pieces: defaultdict[str, defaultdict[Place, Pieces]] = defaultdict(lambda: defaultdict(Pieces))
        self.first_attributes: dict[str, str] = {}
        self.orphans: dict[str, int] = {}
        self.nameless: dict[str, Line] = {}

    def add(self, line: Line) -> None:
        """Add a line to the nodes or to the pieces."""
        if line.part not in PARTS:
            if name := _ID.search(line.attributes) or _TRANSCRIPT.search(line.attributes):
                self.nodes[unquote(name[1].strip(' "'))].append(line)
        elif parents := self._parents(line):
            self.pieces[parents][line.chrom, line.strand].add(line)
            self.first_attributes.setdefault(parents, line.attributes)

    def _parents(self, line: Line) -> str:
        """Return what a part says of its parents: these, its transcript, its gene, or its own id; '' if nothing."""
        for pattern in (_PARENT, _TRANSCRIPT):
            if (found := pattern.search(line.attributes)) and found[1].strip(' ,"'):
                return found[1]
        attributes = gff3_attributes(line.attributes)
        if gene := first(attributes, *GENE_OF):
            self.orphans.setdefault(gene, line.number)
            return gene
        name = first(attributes, "ID") if line.part == "CDS" else ""
        if line.part == "CDS" and not name:
            raise _without_parent(line)
        if line.part in ("exon", "CDS"):
            self.nameless.setdefault(line.part, line)
        return name

    # --- parts that name no transcript ---

    def assign_orphans(self) -> None:
        """Assign parts that name only their gene to its transcript.

        Raises
        ------
        InputError, if they may belong to several transcripts.
        """
        # Coding regions of viruses and bacteria may lack a gene; if exons do so as well, something is missing.
        if "CDS" in self.nameless and "exon" in self.nameless:
            raise _without_parent(self.nameless["CDS"])
        transcripts = self._transcripts_by_gene() if self.orphans else {}
        for gene, number in self.orphans.items():
            known = transcripts.get(gene, set())
            coding = any(self._is_coding(parents) for parents in [gene, *known])
            if coding and (len(known) > 1 or (not known and self._overlaps(gene))):
                found = f"exons or coding regions of {gene} without a parent, and nothing to tell its transcripts apart"
                raise _refusal(number, found, "write the annotation with the parent of each part (gffread, AGAT)")
            for name in known if len(known) == 1 else ():
                for place, pieces in self.pieces.pop(gene).items():
                    self.pieces[name][place].join(pieces)
                self.first_attributes.setdefault(name, self.first_attributes[gene])

    def _is_coding(self, parents: str) -> bool:
        return any(pieces.spans["CDS"] for pieces in self.pieces.get(parents, {}).values())

    def _overlaps(self, parents: str) -> bool:
        pieces = self.pieces[parents].values()
        return any(overlap(sorted(set(found.spans[part]))) for found in pieces for part in ("exon", "CDS"))

    def _transcripts_by_gene(self) -> dict[str, set[str]]:
        """Map each gene to its transcripts, by the attributes of transcripts and parts."""
        found = defaultdict(set)
        for name, lines in self.nodes.items():
            for line in lines:
                if re.search("RNA|transcript", line.part) and "gene" not in line.part.lower():
                    found[first(gff3_attributes(line.attributes), *GENE_OF)].add(name)
        for parents, text in self.first_attributes.items():
            if parents not in self.orphans:
                found[first(gff3_attributes(text), *GENE_OF)].update(self._transcripts_of(parents))
        return found

    # --- parents ---

    def records(self) -> Iterator[tuple[str, TranscriptRecord]]:
        """Yield each transcript with the parts that belong to it."""
        records: defaultdict[str, TranscriptRecord] = defaultdict(TranscriptRecord)
        first_attributes = self.first_attributes
        self.first_attributes = {}
        for parents in list(self.pieces):  # freed while the records grow
            places = self.pieces.pop(parents)
            for name in self._transcripts_of(parents):
                self.first_attributes.setdefault(name, first_attributes[parents])
                for place, found in places.items():
                    records[name].pieces[place].join(found)
        self._share_parts_of_genes(records)
        for name in list(records):
            yield name, records.pop(name)

    def _transcripts_of(self, parents: str) -> list[str]:
        """List the transcripts of parents, of a protein its transcript; drop ids without a line if others have one."""
        found = []
        for name in (unquote(parent.strip(' "')) for parent in parents.split(",")):
            if self._is_protein(name):
                attributes = self._attributes(name)
                found += attributes.get("Derives_from") or attributes.get("Parent") or []
            elif name:
                found.append(name)
        found = list(dict.fromkeys(found))
        return [name for name in found if name in self.nodes] or found

    def _share_parts_of_genes(self, records: dict[str, TranscriptRecord]) -> None:
        """Give parts that are listed with a gene to those of its transcripts that lack them."""
        children = defaultdict(list)
        for name in records:
            for parent in self._attributes(name).get("Parent", []):
                if parent != name:  # yeast's genes and transcripts have the same ids
                    children[parent].append(name)
        for gene in [name for name in records if name in children]:
            for place, found in records.pop(gene).pieces.items():
                for child in children[gene]:
                    if child in records and place in records[child].pieces:
                        pieces = records[child].pieces[place]
                        lacking = {part: spans for part, spans in found.spans.items() if not pieces.spans[part]}
                        pieces.join(Pieces(lacking, found.frames if "CDS" in lacking else {}))

    # --- attributes ---

    def _lines(self, name: str, place: Place | None = None, gene: bool = False) -> list[Line]:
        """Return the lines with this id; of several, those at a place, and those that are genes or are not."""
        lines = self.nodes.get(name, [])
        lines = [line for line in lines if (line.chrom, line.strand) == place] or lines
        return [line for line in lines if _is_gene(line) == gene] or lines

    def _attributes(self, name: str, place: Place | None = None, gene: bool = False) -> dict[str, list[str]]:
        return next((gff3_attributes(line.attributes) for line in self._lines(name, place, gene)), {})

    def _is_protein(self, name: str) -> bool:
        return any(
            line.part.lower() in PROTEINS
            or ("Derives_from=" in line.attributes and not re.search("RNA|transcript|gene", line.part))
            for line in self.nodes.get(name, [])
        )

    def describe(self, name: str, place: Place) -> dict:
        """Return ids, name, biotype and tags of a transcript, as Transcript has them."""
        transcript, part = self._attributes(name, place), gff3_attributes(self.first_attributes[name])
        parent = first(transcript, "Parent")
        key = parent or (name if any(map(_is_gene, self.nodes.get(name, []))) else "")
        lines = self._lines(key, place, gene=True)
        gene = self._attributes(key, place, gene=True)
        gene_name = first(gene, "Name", "gene_name", "gene") or first(transcript, "gene_name")
        biotype = first(gene, "gene_biotype", "gene_type", "biotype")
        if lines:
            gene_id = first(gene, "gene_id") or _bare(key)
            biotype = biotype or ("pseudogene" if lines[0].part == "pseudogene" else "")
        else:
            of_attributes = first(transcript, *GENE_OF) or first(part, *GENE_OF)
            gene_id = (
                (first(transcript, "geneID", "gene_id") or _bare(parent)) if parent else of_attributes or _bare(name)
            )
            gene_name = gene_name or first(part, "gene_name") or first(transcript, "gene") or first(part, "gene")
            gene_name = gene_name or (first(transcript, "Name") if gene_id == _bare(name) else "")
            biotype = first(transcript, "gene_biotype", "gene_type")
        texts = [self.first_attributes[name], *(line.attributes for line in [*self._lines(name, place), *lines])]
        return {
            "transcript_id": first(transcript, "transcript_id") or re.sub(r"^(transcript|rna)[:-]", "", name),
            "gene_id": gene_id,
            "gene_name": gene_name,
            "biotype": biotype,
            "tags": frozenset(value for key in ("tag", "Tag", "note", "Note") for value in transcript.get(key, ())),
            "trans_spliced": any(map(TRANS_SPLICED.search, texts)),
            "copy": copy_number(transcript, gene),
        }


def _is_gene(line: Line) -> bool:
    return "gene" in line.part.lower() and "Parent=" not in line.attributes


def _bare(name: str) -> str:
    return re.sub(r"^gene[:-]", "", name)


def _without_parent(line: Line) -> InputError:
    found = f"CDS without a parent: {line.attributes.strip()[:60]!r}"
    return _refusal(line.number, found, "take the full annotation in one format (was a GTF joined to a GFF3?)")


def _refusal(number: int, found: str, fix: str) -> InputError:
    return InputError(Problem(f"the GFF3, line {number}", found, "Parent=, or transcript_id=, on exons and CDS", fix))

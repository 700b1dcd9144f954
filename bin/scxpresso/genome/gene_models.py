"""From the lines of an annotation to its transcripts, each at one place of the genome.

GTF names transcript and gene on every line. GFF3 names them through parents, and its CDS holds the stop codon. What either
leaves out (exons, genes) is worked out from what it has: docs/science.md, "Genes".
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote

from scxpresso.genome.annotation_lines import (
    PARTS,
    Line,
    feature_lines,
    first,
    gff3_attributes,
    gtf_attributes,
    is_gff3,
)
from scxpresso.genome.contigs import Region, describe_contigs
from scxpresso.genome.transcript import Span, Transcript, merged
from scxpresso.problems import InputError, Problem

LANDMARKS = {"region", "chromosome", "supercontig", "scaffold", "contig"}  # lines of a whole contig
PROTEINS = {"protein", "polypeptide"}
GENE_OF = ["geneID", "gene_id", "locus_tag", "locus", "gene"]  # attributes that name the gene, where no line does
MAX_STRAY = 10  # bases: exons and coding regions of careless annotations differ by a few

_TRANS_SPLICED = re.compile(r"exception[ =]\"?trans.splicing|(^|;)\s*trans_splicing\b", re.IGNORECASE)


class Pieces:
    """Lines of a transcript on one strand of a contig: spans by part, and the frames of its coding pieces."""

    def __init__(self, spans: dict[str, list[Span]] | None = None, frames: dict[int, int] | None = None):
        self.spans = defaultdict(list, spans or {})
        self.frames = frames or {}

    def add(self, line: Line) -> None:
        self.spans[line.part].append((line.start, line.end))
        if line.part == "CDS" and line.frame in ("1", "2"):
            self.frames[line.start if line.strand == "+" else line.end] = int(line.frame)

    def join(self, other: "Pieces") -> None:
        for part, spans in other.spans.items():
            self.spans[part] += spans
        self.frames |= other.frames

    def once(self) -> None:
        """Sort the spans; a line that is listed twice counts once."""
        for part, spans in self.spans.items():
            self.spans[part] = sorted(set(spans))


Place = tuple[str, str]  # contig, strand


class Owner:
    """What belongs to one id of a transcript: pieces by contig and strand, and the lines of the transcript itself."""

    def __init__(self) -> None:
        self.pieces: defaultdict[Place, Pieces] = defaultdict(Pieces)
        self.lines: defaultdict[Place, list[Span]] = defaultdict(list)


def read_annotation(path: str) -> list[Transcript]:
    """Every transcript of a GTF or GFF3, plain or gzipped, at every place where it is listed.

    Raises InputError for a line that is neither; for one whose start is after its end, but on organelles and over the origin
    of circular contigs; and for an exon or coding region whose transcript nothing tells.
    """
    regions: dict[str, Region] = {}
    backward: list[Line] = []
    lines = _forward(feature_lines(path), regions, backward)
    transcripts = list((_gff3_transcripts if is_gff3(path) else _gtf_transcripts)(lines))
    contigs = describe_contigs({found.chrom for found in [*transcripts, *backward]}, regions)
    for line in backward:
        if not (contigs[line.chrom].left_out or contigs[line.chrom].circular):
            raise InputError(
                Problem(
                    f"the annotation, line {line.number}",
                    f"{line.part} of {line.chrom} from {line.start:,} to {line.end:,}",
                    "a start that is not after the end",
                    "swap the two: the strand says in which direction it is read",
                )
            )
    for transcript in transcripts:
        transcript.contig = contigs[transcript.chrom]
    return transcripts


def _forward(lines: Iterable[Line], regions: dict[str, Region], backward: list[Line]) -> Iterator[Line]:
    """The same lines; what they say of whole contigs goes into `regions`, those that end before they start into `backward`.

    Over the origin of a circular contig, ends are counted on beyond its length, as GFF3 does.
    """
    for line in lines:
        if line.part in LANDMARKS and line.start == 1 and "=" in line.attributes:
            known = regions.get(line.chrom)
            if not known or known.length < line.end:
                regions[line.chrom] = Region(line.end, gff3_attributes(line.attributes))
        if line.start > line.end:
            backward.append(line)
            if line.chrom not in regions or not regions[line.chrom].circular:
                continue
            line = line._replace(end=line.end + regions[line.chrom].circular)
        yield line


# --- GTF ---

_GTF_TRANSCRIPT = re.compile(r'transcript_id(?<!\wtranscript_id)\s+(?:"([^"]*)"|([^";\s]+))')
_GTF_GENE = re.compile(r'gene_id(?<!\wgene_id)\s+(?:"([^"]*)"|([^";\s]+))')
_GTF_TAGS = re.compile(r'\b(?:tag|note)\s+"([^"]*)"', re.IGNORECASE)
_GTF_TRANSCRIPT_LINES = {"transcript", "mRNA"}


def _value(pattern: re.Pattern, text: str) -> str:
    found = pattern.search(text)
    return (found[1] or found[2] or "") if found else ""


def _gtf_transcripts(lines: Iterable[Line]) -> Iterator[Transcript]:
    owners: defaultdict[tuple[str, str], Owner] = defaultdict(Owner)
    told: dict[tuple[str, str], str] = {}  # column 9 of the first line of each
    genes: dict[str, str] = {}
    tags: defaultdict[str, set[str]] = defaultdict(set)
    own: defaultdict[str, defaultdict[Place, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        text, place = line.attributes, (line.chrom, line.strand)
        if line.part in PARTS:
            key = (_value(_GTF_TRANSCRIPT, text), _value(_GTF_GENE, text))
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
            pieces = owners[key].pieces[place]
            told.setdefault(key, text)
            again = line.part in pieces.spans  # with the tags of the line before
            pieces.add(line)
            if again:
                continue
        elif line.part in _GTF_TRANSCRIPT_LINES:
            # AUGUSTUS writes nothing but the id there.
            key = (_value(_GTF_TRANSCRIPT, text) or text.strip(), "")
            own[key[0]][place].append((line.start, line.end))
        else:
            if line.part == "gene":
                genes.setdefault(_value(_GTF_GENE, text), text)
            continue
        if "tag" in text or "note" in text:
            tags[key[0]].update(_GTF_TAGS.findall(text))
    for transcript_id, gene_id in list(told):  # what was read makes room for what is made of it
        owner, text = owners.pop((transcript_id, gene_id)), told.pop((transcript_id, gene_id))
        owner.lines = own[transcript_id]
        about = gtf_attributes(text)
        gene = gtf_attributes(genes[gene_id]) if gene_id in genes else {}
        yield from _at_its_places(
            owner,
            transcript_id=transcript_id,
            gene_id=gene_id,
            gene_name=first(about, "gene_name", "gene") or first(gene, "gene_name", "gene"),
            biotype=first(about, "gene_biotype", "gene_type") or first(gene, "gene_biotype", "gene_type"),
            tags=frozenset(tags[transcript_id]),
            trans_spliced=bool(_TRANS_SPLICED.search(text)),
        )


# --- GFF3 ---

_GFF3_PARENT = re.compile(r"(?:^|;)\s*Parent\s*=\s*([^;]*)")
_GFF3_ID = re.compile(r"(?:^|;)\s*ID\s*=\s*([^;]*)")
_GFF3_TRANSCRIPT = re.compile(r"(?:^|;)\s*transcript_id\s*=\s*([^;]*)")


class _Gff3:
    """The lines of a GFF3 with an id, by id; what its parts say of their parents; the owners of its parts."""

    def __init__(self) -> None:
        self.nodes: defaultdict[str, list[Line]] = defaultdict(list)
        self.told: dict[str, str] = {}  # owner → column 9 of its first part
        self.owners: defaultdict[str, Owner] = defaultdict(Owner)

    def attributes(self, name: str, place: Place | None = None) -> dict[str, list[str]]:
        """Of the line with this id (the one on this contig and strand, where there are several)."""
        lines = self.nodes.get(name, [])
        here = [line for line in lines if (line.chrom, line.strand) == place] or lines
        return gff3_attributes(here[0].attributes) if here else {}

    def is_protein(self, name: str) -> bool:
        return any(
            line.part.lower() in PROTEINS
            or ("Derives_from=" in line.attributes and not re.search("RNA|transcript|gene", line.part))
            for line in self.nodes.get(name, [])
        )

    def is_gene(self, name: str) -> bool:
        return any(
            "gene" in line.part.lower() and "Parent=" not in line.attributes for line in self.nodes.get(name, [])
        )

    def transcripts_of(self, parents: Iterable[str]) -> list[str]:
        """What the parents of a part stand for: a protein for its transcript; one without a line, beside one with, for none."""
        found = []
        for parent in parents:
            if self.is_protein(parent):
                attributes = self.attributes(parent)
                found += attributes.get("Derives_from") or attributes.get("Parent") or []
            else:
                found.append(parent)
        found = list(dict.fromkeys(found))
        return [name for name in found if name in self.nodes] or found


def _gff3_transcripts(lines: Iterable[Line]) -> Iterator[Transcript]:
    gff3 = _Gff3()
    pieces: defaultdict[str, defaultdict[Place, Pieces]] = defaultdict(lambda: defaultdict(Pieces))
    orphans: dict[str, int] = {}  # gene → the first line that names no transcript
    for line in lines:
        if line.part in PARTS:
            if parents := _parents(line, orphans):
                pieces[parents][line.chrom, line.strand].add(line)
                gff3.told.setdefault(parents, line.attributes)
        elif name := _GFF3_ID.search(line.attributes) or _GFF3_TRANSCRIPT.search(line.attributes):
            gff3.nodes[unquote(name[1].strip())].append(line)
    _check_orphans(pieces, orphans)
    told = gff3.told
    gff3.told = {}
    for parents in list(pieces):
        places = pieces.pop(parents)
        for name in gff3.transcripts_of(unquote(parent.strip()) for parent in parents.split(",")):
            gff3.told.setdefault(name, told[parents])
            for place, found in places.items():
                gff3.owners[name].pieces[place].join(found)
    _hand_down(gff3)
    for name in list(gff3.owners):
        owner = gff3.owners.pop(name)
        for line in gff3.nodes.get(name, []):
            owner.lines[line.chrom, line.strand].append((line.start, line.end))
        for place, found in owner.pieces.items():
            alone = Owner()
            alone.pieces[place], alone.lines[place] = found, owner.lines[place]
            yield from _at_its_places(alone, **_gff3_about(gff3, name, place))


def _parents(line: Line, orphans: dict[str, int]) -> str:
    """Parents of a part as its line writes them; its transcript, gene or own id where it has none; '' where nothing tells."""
    for pattern in (_GFF3_PARENT, _GFF3_TRANSCRIPT):
        if (found := pattern.search(line.attributes)) and found[1].strip():
            return found[1]
    attributes = gff3_attributes(line.attributes)
    if gene := first(attributes, *GENE_OF):
        orphans.setdefault(gene, line.number)
        return gene
    if line.part == "CDS":
        if name := first(attributes, "ID"):
            return name
        raise InputError(
            Problem(
                f"the GFF3, line {line.number}",
                f"CDS without a parent: {line.attributes.strip()[:60]!r}",
                "Parent=, or one of transcript_id=, gene_id=, locus_tag=, ID=",
                "take the full annotation in one format (was a GTF joined to a GFF3?)",
            )
        )
    return ""


def _check_orphans(pieces: dict[str, dict[Place, Pieces]], orphans: dict[str, int]) -> None:
    """Coding regions that name only their gene are one transcript; where they overlap, they are of several."""
    for gene, number in orphans.items():
        for found in pieces[gene].values():
            spans = sorted(set(found.spans["CDS"]))
            if any(later[0] <= earlier[1] - 3 for earlier, later in pairwise(spans)):
                raise InputError(
                    Problem(
                        f"the GFF3, line {number}",
                        f"coding regions of {gene} that overlap, and nothing that tells its transcripts apart",
                        "Parent= or transcript_id= on lines of exons and CDS",
                        "write the annotation with its transcripts (agat_convert_sp_gxf2gxf.pl, gffread)",
                    )
                )


def _hand_down(gff3: _Gff3) -> None:
    """Parts that are listed with a gene go to its transcripts that lack them, where it has transcripts with parts."""
    children = defaultdict(list)
    for name in gff3.owners:
        for parent in gff3.attributes(name).get("Parent", []):
            children[parent].append(name)
    for gene in [name for name in gff3.owners if name in children]:
        listed = gff3.owners.pop(gene)
        for place, found in listed.pieces.items():
            for child in children[gene]:
                pieces = gff3.owners[child].pieces
                if place in pieces:
                    lacking = {part: spans for part, spans in found.spans.items() if not pieces[place].spans[part]}
                    pieces[place].join(Pieces(lacking, found.frames if "CDS" in lacking else {}))


def _gff3_about(gff3: _Gff3, name: str, place: Place) -> dict:
    """Ids, name, kind and tags of a transcript."""
    transcript, part = gff3.attributes(name, place), gff3_attributes(gff3.told[name])
    parent = first(transcript, "Parent")
    gene_key = parent or (name if gff3.is_gene(name) else "")
    gene = gff3.attributes(gene_key, place)
    if gene_key in gff3.nodes:
        gene_id = first(gene, "gene_id") or _bare_gene(gene_key)
    elif parent:
        gene_id = first(transcript, "geneID", "gene_id") or _bare_gene(parent)
    else:
        gene_id = first(transcript, *GENE_OF) or first(part, *GENE_OF) or _bare_gene(name)
    names = first(gene, "Name", "gene_name", "gene") or first(transcript, "gene_name")
    biotype = first(gene, "gene_biotype", "gene_type", "biotype")
    if not gene:
        names = names or first(part, "gene_name") or first(transcript, "gene") or first(part, "gene")
        if gene_id == _bare_gene(name):
            names = names or first(transcript, "Name")
        biotype = first(transcript, "gene_biotype", "gene_type")
    elif not biotype and any(line.part == "pseudogene" for line in gff3.nodes[gene_key]):
        biotype = "pseudogene"
    texts = [gff3.told[name], *(line.attributes for key in (name, gene_key) for line in gff3.nodes.get(key, []))]
    copies = first(transcript, "extra_copy_number") or first(gene, "extra_copy_number")
    return {
        "transcript_id": first(transcript, "transcript_id") or re.sub(r"^(transcript|rna)[:-]", "", name),
        "gene_id": gene_id,
        "gene_name": names,
        "biotype": biotype,
        "tags": frozenset(value for key in ("tag", "Tag", "note", "Note") for value in transcript.get(key, ())),
        "trans_spliced": any(map(_TRANS_SPLICED.search, texts)),
        "copy": int(copies) if copies.isdecimal() else 0,
    }


def _bare_gene(name: str) -> str:
    return re.sub(r"^gene[:-]", "", name)


# --- places ---


def _at_its_places(owner: Owner, **about) -> Iterator[Transcript]:
    """One transcript for each contig, strand and locus where an id is listed.

    Where start codons are listed at some of its places only, the others are parts without a start of their own (of a
    trans-spliced transcript), and are left out.
    """
    found = []
    for (chrom, strand), pieces in owner.pieces.items():
        lines = merged(owner.lines.get((chrom, strand), ()))
        pieces.once()
        exons = _exons(pieces)
        for locus, spans in _loci(pieces, exons, lines, strand):
            if spans:
                found.append(
                    Transcript(
                        chrom=chrom,
                        strand=strand,
                        exons=spans if pieces.spans["exon"] else _to_the_ends(spans, lines),
                        cds=locus.spans["CDS"],
                        start_codon=locus.spans["start_codon"],
                        stop_codon=locus.spans["stop_codon"],
                        frames=locus.frames,
                        **about,
                    )
                )
    started = {transcript.chrom for transcript in found if transcript.start_codon}
    return (t for t in found if t.start_codon or t.chrom not in started)


def _exons(pieces: Pieces) -> list[Span]:
    """Exon lines, with coding bases outside of them; without such lines, all that is coding or UTR."""
    exons, coding = pieces.spans["exon"], pieces.spans["CDS"]
    if not exons:
        return merged(span for spans in pieces.spans.values() for span in spans)
    outside = coding and (coding[0][0] < exons[0][0] or coding[-1][1] > max(end for _, end in exons))
    return merged(exons + coding) if outside else exons


def _to_the_ends(exons: list[Span], lines: list[Span]) -> list[Span]:
    """Exons that no line lists, out to the ends of the transcript's own line."""
    start, end = exons[0][0], exons[-1][1]
    for line in lines:
        if line[0] <= start and end <= line[1]:
            exons = [(line[0], exons[0][1]), *exons[1:]]
            exons = [*exons[:-1], (exons[-1][0], line[1])]
    return exons


def _loci(pieces: Pieces, exons: list[Span], lines: list[Span], strand: str) -> Iterator[tuple[Pieces, list[Span]]]:
    """Pieces and exons of each locus, from left to right."""
    cuts = [start for start, _ in lines[1:]] or _breaks(pieces, exons, strand)
    if not cuts:
        yield pieces, exons
        return
    for number in range(len(cuts) + 1):

        def here(spans: Iterable[Span], number=number) -> list[Span]:
            return [span for span in spans if bisect_right(cuts, span[0]) == number]

        frames = {first: frame for first, frame in pieces.frames.items() if bisect_right(cuts, first) == number}
        yield Pieces({part: here(spans) for part, spans in pieces.spans.items()}, frames), here(exons)


def _breaks(pieces: Pieces, exons: list[Span], strand: str) -> list[int]:
    """Where the exons of the next locus start, as far as the coding region tells.

    A coding region is whole: no untranslated exon lies within it, and it starts and stops once.
    """
    coding = pieces.spans["CDS"]
    if len(coding) < 2 or any(later[0] <= earlier[1] for earlier, later in pairwise(exons)):
        return []
    starts = [start for start, _ in exons]
    cuts = []
    for earlier, later in pairwise(coding):
        near = exons[bisect_right(starts, earlier[0]) - 1 : bisect_right(starts, later[0])]
        untranslated = (
            sum(end - start + 1 for start, end in near[1:-1]) + near[0][1] - earlier[1] + later[0] - near[-1][0]
        )
        if len(near) > 1 and (untranslated > MAX_STRAY or _codon_between(pieces, earlier, later, strand)):
            cuts.append(max(pairwise(near), key=lambda pair: pair[1][0] - pair[0][1])[1][0])  # after the widest gap
    return cuts


def _codon_between(pieces: Pieces, earlier: Span, later: Span, strand: str) -> bool:
    """Whether a coding region stops after one of two coding pieces, or starts with the other."""
    if strand == "-":
        starts, stops = earlier, (earlier[1] + 1, later[1])
    else:
        starts, stops = later, (earlier[0], later[0] - 1)
    return any(
        end - start == 2 and first <= start and end <= last
        for part, (first, last) in (("start_codon", starts), ("stop_codon", stops))
        for start, end in pieces.spans[part]
    )

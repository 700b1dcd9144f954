"""Names that two files spell differently: contigs with and without `chr`, gene ids with and without a version."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

_VERSION = re.compile(r"\.\d+$")


def without_version(identifier: str) -> str:
    """`ENSG00000100346.17` → `ENSG00000100346`."""
    return _VERSION.sub("", identifier)


def bare_contig(name: str) -> str:
    """A contig's name without `chr`, and MT for every spelling of the mitochondrion: `chr1` → `1`, `chrM` → `MT`."""
    bare = re.sub(r"^chr", "", name, flags=re.IGNORECASE).upper()
    return "MT" if bare in {"M", "MT", "MTDNA", "MITO", "MITOCHONDRION", "MITOCHONDRION_GENOME"} else bare


def _unique_by(names: Iterable[str], key) -> dict[str, str]:
    """key(name) → name, where only one name has that key."""
    names = list(names)
    count = Counter(map(key, names))
    return {key(name): name for name in names if count[key(name)] == 1}


def match_contigs(annotated: Iterable[str], fasta: Iterable[str]) -> dict[str, str]:
    """Annotation's contig name → FASTA's, by exact name, else by name without `chr` where that is unambiguous."""
    annotated, fasta = set(annotated), set(fasta)
    matched = {name: name for name in annotated & fasta}
    rest = _unique_by(fasta - annotated, bare_contig)
    for bare, name in _unique_by(annotated - fasta, bare_contig).items():
        if bare in rest:
            matched[name] = rest[bare]
    return matched


def genes_by_any_name(gene_ids: Iterable[str], gene_names: Iterable[str]) -> dict[str, str]:
    """Whatever a gene may be called → its id: its id, its id without version, its name; the last two where only one has it.

    `gene_names` runs parallel to `gene_ids`.
    """
    name_of = dict(zip(gene_ids, gene_names, strict=True))
    return _unique_by(name_of, name_of.get) | _unique_by(name_of, without_version) | {gene: gene for gene in name_of}


@dataclass(frozen=True)
class GeneMatch:
    """Where the genes of an atlas are in an annotation.

    gene_of: atlas id → gene_id. unused: atlas id → why it has no gene. by: how many matched by id, version-free id, name.
    """

    gene_of: dict[str, str]
    unused: dict[str, str]
    by: dict[str, int]


def match_genes(atlas_ids: Iterable[str], gene_ids: Iterable[str], gene_names: Iterable[str]) -> GeneMatch:
    """Match an atlas' gene ids to an annotation's: the same id first, then without version suffix, then by gene name.

    A later way only sees what an earlier one left, and only names that are unique on both sides, so that isoform ids that
    look like versions (`PF3D7_0102700.1`) keep their own gene. `gene_names` runs parallel to `gene_ids`.
    """
    count = Counter(atlas_ids)
    unused = {name: "the id is in the atlas more than once" for name, times in count.items() if times > 1}
    open_ids = {name for name, times in count.items() if times == 1}
    name_of = dict(zip(gene_ids, gene_names, strict=True))
    free = set(name_of)
    gene_of: dict[str, str] = {}
    by = {}
    ways = [
        ("gene id", lambda name: name, lambda gene: gene),
        ("gene id without version", without_version, without_version),
        ("gene name", lambda name: name, lambda gene: name_of[gene]),
    ]
    for way, atlas_key, gene_key in ways:
        genes = _unique_by((gene for gene in free if gene_key(gene)), gene_key)
        found = {name: genes[key] for key, name in _unique_by(open_ids, atlas_key).items() if key in genes}
        gene_of |= found
        by[way] = len(found)
        open_ids -= found.keys()
        free -= set(found.values())
    unused |= {name: "not a gene with features in the annotation" for name in open_ids}
    return GeneMatch(gene_of, unused, by)

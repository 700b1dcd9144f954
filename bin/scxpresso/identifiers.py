"""Match names that two files spell differently: contigs with and without `chr`, gene ids with and without a version."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

# Accessions that come with a version: Ensembl's stable ids (of mouse strains too), Havana's, RefSeq's, UCSC's genes.
_ACCESSION = r"(?:ENS|OTT)[A-Z]*\d+|MGP_[A-Za-z0-9]+_[A-Z]\d+|[ANWXY][CGMPRTW]_\d+|uc\d{3}[a-z]{3}"
_VERSIONED = re.compile(rf"({_ACCESSION})\.\d+(?:_\d+)?")  # GENCODE's lift-overs are `ENSG00000223972.5_2`
OTHER_NUMBER = (
    "the annotation has it with another number after the last dot, or with none, which is not a version in such ids"
)
_NUMBERED = re.compile(r"\.\d+$")

GENE_COLUMNS = ("gene", "gene_id", "gene_name")  # of tables of variants; the first that has a value counts


def without_version(identifier: str) -> str:
    """Remove the version of an accession: `ENSG00000100346.17` → `ENSG00000100346`; other ids stay as they are.

    The number after the last dot may also count genes (`MSTRG.12`, `evm.TU.Chr1.7`, `Y74C9A.3`) or isoforms
    (`AT1G01010.2`, `PF3D7_0102700.1`). `GeneNames`, `match_genes` and `match_ids` do not use ids without version if two ids
    of an annotation differ only in the version.
    """
    found = _VERSIONED.fullmatch(identifier)
    return found[1] if found else identifier


def isoform_stem(identifier: str) -> str:
    """Return the common part of the isoform ids of a locus: `PF3D7_0102700.1` → `PF3D7_0102700`.

    Serial numbers look the same: only ids whose loci overlap are isoforms (genome.folds).
    """
    return _NUMBERED.sub("", identifier)


def bare_contig(name: str) -> str:
    """Remove `chr` from a contig's name, and spell the mitochondrion MT: `chr1` → `1`, `chrM` → `MT`."""
    bare = re.sub(r"^chr", "", name, flags=re.IGNORECASE).upper()
    return "MT" if bare in {"M", "MT", "MTDNA", "MITO", "MITOCHONDRION", "MITOCHONDRION_GENOME"} else bare


def _unique_by(names: Iterable[str], key: Callable[[str], str]) -> dict[str, str]:
    """Map key(name) → name, for keys that only one name has."""
    names = list(names)
    count = Counter(map(key, names))
    return {key(name): name for name in names if count[key(name)] == 1}


def match_contigs(annotated: Iterable[str], fasta: Iterable[str]) -> dict[str, str]:
    """Map contigs of an annotation to those of a FASTA, by name, else by the name without `chr` if it is unambiguous."""
    annotated, fasta = set(annotated), set(fasta)
    matched = {name: name for name in annotated & fasta}
    rest = _unique_by(fasta - annotated, bare_contig)
    for bare, name in _unique_by(annotated - fasta, bare_contig).items():
        if bare in rest:
            matched[name] = rest[bare]
    return matched


def match_ids(words: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Map words to known ids: to the same id, else to the one that differs only in the version."""
    known = set(known)
    by_version = _unique_by(known, without_version)
    found = {word: word if word in known else by_version.get(without_version(word)) for word in words}
    return {word: identifier for word, identifier in found.items() if identifier is not None}


class GeneNames:
    """Look up genes of an annotation by id, or by id without version or name if only one gene has it.

    `gene_names` is parallel to `gene_ids`.
    """

    def __init__(self, gene_ids: Iterable[str], gene_names: Iterable[str]):
        name_of = dict(zip(gene_ids, gene_names, strict=True))
        self._ids = set(name_of)
        self._by_version = _unique_by(name_of, without_version)
        self._by_name = _unique_by((gene for gene in name_of if name_of[gene]), name_of.__getitem__)

    def gene(self, word: str) -> str | None:
        """Return the id of the gene with this id or name; None if there is none, or several."""
        if word in self._ids:
            return word
        return self._by_version.get(without_version(word)) or self._by_name.get(word)


@dataclass(frozen=True)
class GeneMatch:
    """The genes of an atlas matched to those of an annotation.

    gene_of: atlas id → gene_id. unused: atlas id → why it has no gene. by: numbers matched by id, id without version, name.
    """

    gene_of: dict[str, str]
    unused: dict[str, str]
    by: dict[str, int]


def match_genes(atlas_ids: Iterable[str], gene_ids: Iterable[str], gene_names: Iterable[str]) -> GeneMatch:
    """Match gene ids of an atlas to those of an annotation: by id, then by id without version, then by gene name.

    Each way matches only ids that the previous ones left, and only names that are unique among all ids of either side.

    Parameters
    ----------
    gene_ids, gene_names: of the annotation, in parallel.
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
        genes = _unique_by((gene for gene in name_of if gene_key(gene)), gene_key)
        names = _unique_by(count, atlas_key)
        found = {name: genes[key] for key, name in names.items() if name in open_ids and genes.get(key) in free}
        gene_of |= found
        by[way] = len(found)
        open_ids -= found.keys()
        free -= set(found.values())
    return GeneMatch(gene_of, unused | _reasons(open_ids, name_of), by)


def _reasons(atlas_ids: set[str], name_of: dict[str, str]) -> dict[str, str]:
    """Say why each of these ids of an atlas has no gene. name_of: gene_id → gene name."""
    versions, names = Counter(map(without_version, name_of)), Counter(filter(None, name_of.values()))
    stems = set(map(isoform_stem, name_of))

    def reason(name: str) -> str:
        times = versions[without_version(name)] or names[name]
        if times > 1:
            return "several genes of the annotation have this id or name"
        if times:
            return "another id of the atlas is this gene, or differs only in the version"
        if isoform_stem(name) in stems:
            return OTHER_NUMBER
        return "not a gene with features in the annotation"

    return {name: reason(name) for name in atlas_ids}

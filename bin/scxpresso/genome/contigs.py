"""What a contig is: a chromosome, a scaffold or a copy of a part of one; nuclear or of an organelle; linear or circular.

The annotation's own description (`region` lines of RefSeq and GenBank) takes precedence over accessions, and these over
names.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

MITOCHONDRION, PLASTID, CHROMOSOME_Y = "mitochondrion", "plastid", "chromosome Y"
PRIMARY, UNPLACED, COPY = range(3)


@dataclass(frozen=True)
class Contig:
    """What is known of a contig.

    excluded: why its genes are excluded; '' if they are kept. level: PRIMARY, UNPLACED or COPY (ALT, patch, haplotype).
    circular: length in bases of a circular contig, else 0.
    """

    excluded: str = ""
    level: int = PRIMARY
    circular: int = 0


class Region(NamedTuple):
    """An annotation's description of a whole contig: its length in bases and the attributes of its line."""

    length: int
    attributes: Mapping[str, list[str]]

    def get(self, *names: str) -> str:
        """Return the first of these attributes that is present, in lower case."""
        return next((self.attributes[name][0].lower() for name in names if name in self.attributes), "")

    @property
    def circular(self) -> int:
        """Length of a circular contig, in bases; 0 for a linear one."""
        return self.length if self.get("Is_circular") == "true" else 0


UNKNOWN = Region(0, {})
GENOMES = {
    "mitochondrion": MITOCHONDRION,
    "kinetoplast": MITOCHONDRION,
    **dict.fromkeys(["plastid", "chloroplast", "apicoplast", "chromoplast", "leucoplast", "cyanelle"], PLASTID),
}

# RefSeq and GenBank accessions, without version, of genomes whose annotations may not describe their contigs.
_LISTED = {
    # Human, mouse, rat, zebrafish, fruit fly, worm, yeast, thale cress, pig, cow, dog, chicken, macaque, chimpanzee, rice, maize,
    # malaria parasite.
    MITOCHONDRION: """
        NC_012920 NC_001807 J01415 NC_005089 AY172335 NC_001665 AY172581 NC_002333 AC024175 NC_024511 NC_001709 KJ947872
        NC_001328 X54252 NC_001224 KP263414 NC_037304 NC_001284 BK010421 NC_000845 NC_006853 NC_002008 NC_001323 NC_040902
        NC_053523 NC_005943 NC_001643 NC_011033 NC_007982 M76611""",
    # Thale cress, rice, maize, tomato, wheat.
    PLASTID: "NC_000932 AP000423 NC_001320 NC_001666 NC_007898 NC_002762",
    # Human (GRCh, T2T), mouse, rat, fruit fly, pig, macaque, chimpanzee.
    CHROMOSOME_Y: """
        NC_000024 CM000686 NC_060948 CP086569 NC_000087 CM001014 NC_024475 CM002824 NC_051357 NC_024512 CP007106 NC_010462
        NC_027914 NC_006492""",
}
ACCESSIONS = {accession: kind for kind, listed in _LISTED.items() for accession in listed.split()}

# Names in lower case, without `chr` and the like.
_NAMES = [
    (MITOCHONDRION, re.compile(r"m|mt|mit|mt_genome|mitogenome|mito([_.-].*)?|(.*[_.-])?mt.?dna|.*mitochondri.*|.*_mit(_v\d+)?")),
    (PLASTID, re.compile(r"c|cp|pt|pltd|chloro|cp[_-]?dna|pt[_-]?dna|api|.*(chloroplast|plastid|apicoplast).*|.*_api([_.].*)?")),
    (CHROMOSOME_Y, re.compile(r"y(het)?([_.].*)?")),
]  # fmt: skip
_PREFIX = re.compile(r"^(chromosome|chrom|chr)[ _.-]?", re.IGNORECASE)
# UCSC's and Ensembl's names of alternate loci, haplotypes and patches.
_COPY = re.compile(
    r"_(alt|fix|patch)$|(^|_)hap(lotype)?[_.-]?\d|(^|_)(hs|mm|rn)chr\w+_|^(chr_)?alt_|^chr_\w+_ctg\d|_novel_test$|^hla-",
    re.IGNORECASE,
)
_UNPLACED = re.compile(r"_random$|^(chr)?un([_.-]|$)|^unplaced|^unlocali[sz]ed", re.IGNORECASE)
_INSDC = re.compile(r"[A-Z]{1,6}_?\d{5,}\.\d+")


def describe_contigs(names: Collection[str], regions: Mapping[str, Region]) -> dict[str, Contig]:
    """Describe each contig of an annotation.

    Parameters
    ----------
    names: of all contigs. The others help to read each: `C` and `M` are organelles unless there are `A` and `B`.
    regions: what the annotation says of whole contigs, by name.
    """
    lettered = {"a", "b"} <= {_bare(name) for name in names}
    chromosomes = any(region.get("genome") == "chromosome" for region in regions.values())
    refseq = any(name.startswith("NC_") for name in names)
    scaffolds = not all(map(_INSDC.fullmatch, names))
    contigs = {}
    for name in names:
        region = regions.get(name, UNKNOWN)
        level = _level_by_region(region) if chromosomes and region.get("genome") else _level(name, refseq, scaffolds)
        contigs[name] = Contig(_exclusion_reason(name, region, lettered), level, region.circular)
    return contigs


def _bare(name: str) -> str:
    return _PREFIX.sub("", name).lower()


def _exclusion_reason(name: str, region: Region, lettered: bool) -> str:
    """Say why the genes of a contig are excluded; '' if they are kept. lettered: contigs are called A, B, …"""
    genome = region.get("genome", "organelle").split(":")[-1]
    if genome in GENOMES:
        return GENOMES[genome]
    found = [ACCESSIONS.get(name.split(".")[0], "")]
    for label in (region.get("chromosome"), _bare(name)):
        found += [
            kind for kind, pattern in _NAMES if pattern.fullmatch(label) and not (lettered and label in ("c", "m"))
        ]
    if genome:  # not an organelle, whatever its name
        found = [kind for kind in found if kind == CHROMOSOME_Y]
    return next(filter(None, found), "")


def _level_by_region(region: Region) -> int:
    """Tell the level from a `region` line: RefSeq maps patches and alternate loci to a band, other scaffolds to none."""
    if region.get("genome") != "genomic":
        return PRIMARY
    on_band = region.get("map") not in ("", "unlocalized", "unplaced")
    return COPY if on_band and region.get("chromosome") not in ("", "unknown", "un") else UNPLACED


def _level(name: str, refseq: bool, scaffolds: bool) -> int:
    """Tell the level from a name. refseq: chromosomes are NC_…. scaffolds: only scaffolds have accessions as names."""
    if _COPY.search(name):
        return COPY
    accession = (refseq and name.startswith(("NT_", "NW_"))) or (scaffolds and _INSDC.fullmatch(name))
    return UNPLACED if accession or _UNPLACED.search(name) else PRIMARY

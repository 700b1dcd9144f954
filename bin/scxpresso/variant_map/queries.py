"""Queries of a variant map from the command line: a region, or a file of variants."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from scxpresso.identifiers import GeneNames
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import shown
from scxpresso.variant_map.reading import VariantMap
from scxpresso.variants.alleles import BASES, SAME, trimmed
from scxpresso.variants.reading import AMBIGUOUS, on_genome
from scxpresso.variants.references import References
from scxpresso.variants.sources import Entry
from scxpresso.variants.tables import open_source

REGION = re.compile(r"(.+):([0-9,]+)-([0-9,]+)")


@dataclass
class Counts:
    """Numbers of entries of a file: found; not in reach of a gene; of a gene that the map lacks; other than substitutions.

    contigs: by name, of those on which the map has no gene. faults: by reason, of those that cannot be read. references:
    comparison with the map's genome.
    """

    found: int = 0
    out_of_reach: int = 0
    unknown_gene: int = 0
    other: int = 0
    contigs: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    references: References = field(default_factory=partial(References, genome="map"))

    def lines(self) -> Iterator[str]:
        """Yield what the log says of a file."""
        yield f"{self.found:,} variants found, {self.out_of_reach:,} not in reach of a gene, or at an ambiguous base"
        yield from self.references.decisions()
        if self.references.mismatched:
            yield (
                f"WARNING {self.references.mismatched:,} variants have another reference than the genome of the map: "
                f"not looked up ({self.references.example})"
            )
        if self.contigs:
            yield (
                f"WARNING {self.contigs.total():,} variants are on contigs on which the map has no gene: not looked up "
                f"({preview(map(shown, self.contigs))})"
            )
        if self.unknown_gene:
            yield f"WARNING {self.unknown_gene:,} variants name a gene that the map does not have: not looked up"
        if self.other:
            yield f"{self.other:,} alleles are no single-nucleotide variants: not looked up"
        for reason, times in self.faults.most_common():
            yield f"{times:,} not looked up: {reason}"


class MappedContig:
    """Bases of a contig, as far as genes of a variant map have them in reach; N elsewhere."""

    def __init__(self, variant_map: VariantMap, chrom: str):
        self._base = lru_cache(maxsize=None)(partial(variant_map.base, chrom))

    def __getitem__(self, places: slice) -> str:
        return "".join(self._base(at + 1) for at in range(places.start, places.stop))


def parse_region(text: str) -> tuple[str, int, int]:
    """Parse `contig:first-last`. Raises InputError for other text."""
    parts = REGION.fullmatch(text)
    first, end = (int(part.replace(",", "")) for part in parts.groups()[1:]) if parts else (1, 0)
    if not parts or not 1 <= first <= end:
        raise InputError(Problem("--region", repr(text), "contig:first-last, such as chr22:39570000-39571500"))
    return parts[1], first, end


def file_rows(variant_map: VariantMap, path: Path, counts: Counts) -> Iterator[tuple]:
    """Yield rows of LOOK_UP_COLUMNS for the single-nucleotide variants of a file, and count its entries.

    Entries are read as read_variants does: contig names, alleles of unknown order, missing ones, and the gene that they name.
    Raises InputError where too many references differ from the map's genome.
    """
    names = GeneNames(variant_map.genes.index, variant_map.genes["gene_name"])
    source = open_source(path)
    seen = set()
    for entry in source:
        if source.once:  # another association of a variant
            if (key := (entry.chrom, entry.pos, entry.variant_id)) in seen:
                continue
            seen.add(key)
        if entry.fault:
            counts.faults[entry.fault] += 1
            continue
        if not variant_map.contig(entry.chrom):
            counts.contigs[entry.chrom] += 1
            continue
        variant, gene = substitution(entry), names.gene(entry.gene) if entry.gene else ""
        if variant is None:
            counts.other += 1
            continue
        if gene is None:
            counts.unknown_gene += 1
            continue
        chrom, (pos, ref, alt) = entry.chrom, variant
        sequence = MappedContig(variant_map, chrom)
        ref, alternatives, _, reason = on_genome(chrom, sequence, pos, ref, alt, entry.either, counts.references)
        genes = [] if reason else [one for one in variant_map.in_reach(chrom, pos, pos) if gene in ("", one)]
        counts.found += bool(genes)
        counts.out_of_reach += not genes and reason in ("", AMBIGUOUS)
        counts.other += reason == SAME
        for alternative in alternatives:
            for one in genes:
                yield from variant_map.rows(one, chrom, pos, ref, alternative)
    counts.references.check(shown(path.name))


def substitution(entry: Entry) -> tuple[int, str, str] | None:
    """Give position, reference and alternative ('' where the file names none) of an entry; None if it is no substitution."""
    if entry.pos is None:
        return None
    if not (entry.ref and entry.alt):
        return entry.pos, entry.ref, entry.alt
    pos, ref, alt = trimmed(entry.pos, entry.ref, entry.alt)
    return (pos, ref, alt) if len(ref) == len(alt) == 1 and BASES.issuperset(ref + alt) else None


def texts(rows: Iterable[tuple]) -> Iterator[list[str]]:
    """Write the numbers of rows with six digits, and NaN as nothing."""
    for row in rows:
        yield [("" if cell != cell else f"{cell:.6g}") if isinstance(cell, float) else str(cell) for cell in row]

"""Queries of a variant map from the command line: a region, or a file of variants."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scxpresso.genome.sequence import ALTERNATIVES
from scxpresso.problems import InputError, Problem
from scxpresso.variant_map.reading import VariantMap
from scxpresso.variants.alleles import trimmed
from scxpresso.variants.tables import open_source

REGION = re.compile(r"(.+):([0-9,]+)-([0-9,]+)")


@dataclass
class Counts:
    """Numbers of alleles of a file: looked up and found, not in reach of a gene, other than single-nucleotide variants."""

    found: int = 0
    out_of_reach: int = 0
    other: int = 0

    def lines(self) -> Iterator[str]:
        """Yield what the log says."""
        if self.found or self.out_of_reach or self.other:
            yield f"{self.found:,} variants found, {self.out_of_reach:,} not in reach of a gene"
        if self.other:
            yield f"{self.other:,} alleles are no single-nucleotide variants with ref and alt: not looked up"


def parse_region(text: str) -> tuple[str, int, int]:
    """Parse `contig:first-last`. Raises InputError for other text."""
    parts = REGION.fullmatch(text)
    first, end = (int(part.replace(",", "")) for part in parts.groups()[1:]) if parts else (1, 0)
    if not parts or not 1 <= first <= end:
        raise InputError(Problem("--region", repr(text), "contig:first-last, such as chr22:39570000-39571500"))
    return parts[1], first, end


def file_rows(variant_map: VariantMap, path: Path, counts: Counts) -> Iterator[tuple]:
    """Yield rows of LOOK_UP_COLUMNS for the single-nucleotide variants of a file, and count its alleles.

    Raises InputError where REF is not the base of the map's genome.
    """
    for entry in open_source(path):
        pos, ref, alt = trimmed(entry.pos, entry.ref, entry.alt) if entry.pos and not entry.fault else (0, "", "")
        if len(ref) != 1 or len(alt) != 1 or not {ref, alt} <= set(ALTERNATIVES):
            counts.other += 1
            continue
        rows = variant_map.look_up(entry.chrom, pos, ref, alt)
        counts.found += not rows.empty
        counts.out_of_reach += rows.empty
        yield from rows.itertuples(index=False)


def texts(rows: Iterable[tuple]) -> Iterator[list[str]]:
    """Write the numbers of rows with six digits, and NaN as nothing."""
    for row in rows:
        yield [("" if cell != cell else f"{cell:.6g}") if isinstance(cell, float) else str(cell) for cell in row]

"""Find the scores of ours that a row of another table is about: of the same variant, allele and gene."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from scxpresso.identifiers import bare_contig, without_version
from scxpresso.variants.score_table import is_scorable, read_rows

_KEYS = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id", "gene_name", "population", "effect", "flag"]


class Sought(NamedTuple):
    """What a row of another table is about.

    variant: id; '' if it is named by its position. gene: id or name; '' for the gene of the nearest TSS. alt: the allele on
    the + strand; '' if the table names none. chrom, pos (1-based), ref: '' and 0 if it names none.
    """

    variant: str
    gene: str
    alt: str
    chrom: str
    pos: int
    ref: str

    @property
    def by_place(self) -> bool:
        """Whether it is matched by its position. An insertion or deletion may be written elsewhere: its id goes first."""
        return self.pos > 0 and not (self.variant and len(self.ref) != len(self.alt))


def matched_rows(
    scores: str | Path, sought: Sequence[Sought], columns: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each sought row with these columns of ours that it is about, one population after another.

    A gene is a gene_id, with or without its version, or a gene_name. A row without `alt` is of the allele of its variant with
    our largest effect in the population, so that each variant counts once. The effect is empty if ours is not scorable.

    Parameters
    ----------
    scores: table that join_scores.py wrote; it is read row by row, sorted by gene.
    """
    index = _Index(scores, sought)
    for gene, of_gene in groupby(_rows(scores, columns), key=lambda row: row.gene):
        rows_here = [(row, found) for row in of_gene if (found := index.of(row.variant, row.chrom, row.pos))]
        alleles: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for row, _ in rows_here:
            alleles[row.variant].add((row.ref, row.alt))
        # For rows without alt, by number and population: our row with the largest effect.
        largest: dict[tuple[int, str], _Row] = {}
        for row, found in rows_here:
            names = {gene, without_version(gene), row.gene_name}
            for number, one in found:
                if one.gene:
                    ours = one.gene in names or without_version(one.gene) == without_version(gene)
                else:
                    ours = index.nearest.get((row.variant, row.chrom, row.pos)) == gene
                if not ours or (one.by_place and one.ref not in ("", row.ref)):
                    continue
                if (row.ref, row.alt) in _meant(one, alleles[row.variant]):
                    yield number, row.cells
                elif not one.alt:
                    before = largest.setdefault((number, row.population), row)
                    if row.size > before.size:
                        largest[number, row.population] = row
        for (number, _), row in largest.items():
            yield number, row.cells


class _Row(NamedTuple):
    """A row of ours. size: of the effect; -1 if it has none. cells: the columns that are asked for."""

    variant: str
    chrom: str
    pos: str
    ref: str
    alt: str
    gene: str
    gene_name: str
    population: str
    size: float
    cells: list[str]


def _rows(scores: str | Path, columns: Sequence[str]) -> Iterator[_Row]:
    places = [_KEYS.index(name) if name in _KEYS else None for name in columns]
    more = [name for name in columns if name not in _KEYS]
    for row in read_rows(scores, _KEYS + more):
        variant, chrom, pos, ref, alt, gene, gene_name, population, effect, flag, *rest = row
        effect = row[_KEYS.index("effect")] = effect if is_scorable(flag) else ""
        others = iter(rest)
        cells = [next(others) if place is None else row[place] for place in places]
        size = abs(float(effect)) if effect else -1.0
        yield _Row(variant, chrom, pos, ref, alt, gene, gene_name, population, size, cells)


_bare = cache(bare_contig)  # of few contigs, for every row


class _Index:
    """Sought rows by what names their variant, and the gene that those without a gene are of."""

    def __init__(self, scores: str | Path, sought: Sequence[Sought]):
        self.by_id: dict[str, list[tuple[int, Sought]]] = defaultdict(list)
        self.by_place: dict[tuple[str, str], list[tuple[int, Sought]]] = defaultdict(list)
        for number, one in enumerate(sought):
            if one.by_place:
                self.by_place[bare_contig(one.chrom), str(one.pos)].append((number, one))
            else:
                self.by_id[one.variant].append((number, one))
        self.nearest = self._nearest(scores) if not all(one.gene for one in sought) else {}

    def of(self, variant: str, chrom: str, pos: str) -> list[tuple[int, Sought]]:
        """Return the sought rows of a variant of ours, with their numbers."""
        found = self.by_id.get(variant, [])
        return found + self.by_place.get((_bare(chrom), pos), []) if self.by_place else found

    def _nearest(self, scores: str | Path) -> dict[tuple[str, str, str], str]:
        """Find the gene_id with the nearest TSS of each variant (id, contig and position) that has a score."""
        found: dict[tuple[str, str, str], tuple[int, str]] = {}
        for variant, chrom, pos, gene, distance in read_rows(
            scores, ["variant_id", "chrom", "pos", "gene_id", "tss_distance"]
        ):
            if distance.lstrip("-").isdecimal() and self.of(variant, chrom, pos):  # a haplotype has several
                key, one = (variant, chrom, pos), (abs(int(distance)), gene)
                found[key] = min(found.get(key, one), one)
        return {key: gene for key, (_, gene) in found.items()}


def _meant(one: Sought, alleles: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Find the alleles (ref and alt) of our variant to which a row's `alt` refers.

    That is the identical allele, else the only insertion or deletion that can be written this way elsewhere in a repeat.
    """
    alt = one.alt
    if not alt:
        return set()
    same = {allele for allele in alleles if allele[1] == alt}
    if one.by_place:
        return same
    moved = {allele for allele in alleles if _moved(alt, *allele)}
    return same or (moved if len(moved) == 1 else set())


def _moved(written: str, ref: str, alt: str) -> bool:
    """Return whether `written` can be this insertion or deletion, with another base before it or with none."""
    if len(ref) == len(alt) or min(len(ref), len(alt)) != 1:
        return False
    if len(ref) > 1:
        return len(written) == 1
    inserted = alt[1:]
    return any(len(one) == len(inserted) and one in 2 * inserted for one in (written, written[1:]))

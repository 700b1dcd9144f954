"""Find the scores of ours that a row of another table is about: of the same variant, allele and gene."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from scxpresso.identifiers import GeneNames, bare_contig
from scxpresso.variants.alleles import ABSENT, trimmed
from scxpresso.variants.score_table import is_scorable, read_rows

_KEYS = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id", "gene_name", "population", "effect", "flag"]


class Sought(NamedTuple):
    """What a row of another table is about.

    variant: id; '' if it is named by its position. gene: id or name; '' for the gene of the nearest TSS. alt: the allele on
    the + strand; '' if the table names none. chrom, pos (1-based), ref: '' and 0 if it names none. An allele without bases
    is `-`.
    """

    variant: str
    gene: str
    alt: str
    chrom: str
    pos: int
    ref: str

    @property
    def place(self) -> tuple[str, int]:
        """Contig and position by which it is found: of the first base that differs, where both alleles are known."""
        return bare_contig(self.chrom), self.change[0] if self.ref and self.alt else self.pos

    @property
    def change(self) -> tuple[int, str, str]:
        """Position and alleles without the bases that both alleles share."""
        return trimmed(self.pos, self.ref.replace(ABSENT, ""), self.alt.replace(ABSENT, ""))


def matched_rows(
    scores: str | Path, sought: Sequence[Sought], columns: Sequence[str], any_allele: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each sought row with these columns of ours that it is about, one population after another.

    A gene is a gene_id, with or without its version, or a gene_name that only one gene has. The effect is empty if ours is
    not scorable.

    Parameters
    ----------
    scores: table that join_scores.py wrote; it is read row by row, twice, sorted by gene.
    any_allele: whether a row without `alt`, of a variant with several alleles, is of the one with our largest effect in the
        population, so that each variant counts once. Else it is of none.
    """
    index = _Index(scores, sought)
    for gene, of_gene in groupby(_rows(scores, columns), key=lambda row: row.gene):
        found = [
            (row, number) for row in of_gene for number in index.of(row) if index.gene_of(sought[number], row) == gene
        ]
        alleles: dict[int, set[_Allele]] = defaultdict(set)
        for row, number in found:
            alleles[number].add(row.allele)
        meant = {
            number: _meant(sought[number], index, of_one) for number, of_one in alleles.items() if sought[number].alt
        }
        # For rows without alt, by number and population: our row with the largest effect.
        largest: dict[tuple[int, str], _Row] = {}
        for row, number in found:
            if number in meant:
                if row.allele in meant[number]:
                    yield number, row.cells
            elif any_allele or len(alleles[number]) == 1:
                before = largest.setdefault((number, row.population), row)
                if row.size > before.size:
                    largest[number, row.population] = row
        for (number, _), row in largest.items():
            yield number, row.cells


class _Allele(NamedTuple):
    """An allele of ours, as the table writes it; those of a haplotype are joined by `;`."""

    pos: str
    ref: str
    alt: str

    @property
    def change(self) -> tuple[int, str, str]:
        """Position and alleles without the bases that both alleles share; haplotypes have the position 0."""
        if self.pos.isdecimal():
            return trimmed(int(self.pos), self.ref, self.alt)
        return 0, *trimmed(0, self.ref, self.alt)[1:]


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

    @property
    def allele(self) -> _Allele:
        """The allele that it scores."""
        return _Allele(self.pos, self.ref, self.alt)


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
    """Sought rows by what names their variant, and the genes that they are of."""

    def __init__(self, scores: str | Path, sought: Sequence[Sought]):
        self._by_id: dict[str, list[tuple[int, Sought]]] = defaultdict(list)
        self._by_place: dict[tuple[str, int], list[tuple[int, Sought]]] = defaultdict(list)
        for number, one in enumerate(sought):
            if one.variant:
                self._by_id[one.variant].append((number, one))
            if one.pos:
                self._by_place[one.place].append((number, one))
        self._ids: set[str] = set()  # of ours that are sought
        self._nearest: dict[tuple[str, str], tuple[int, str]] = {}
        names: dict[str, str] = {}
        for row in _rows(scores, ["tss_distance"]):
            names[row.gene] = row.gene_name
            if self._candidates(row):
                self._ids.add(row.variant)
                (distance,) = row.cells
                if distance.lstrip("-").isdecimal():  # a haplotype has several
                    key, nearer = (row.variant, row.chrom), (abs(int(distance)), row.gene)
                    self._nearest[key] = min(self._nearest.get(key, nearer), nearer)
        self._genes = GeneNames(names, names.values())

    def by_place(self, one: Sought) -> bool:
        """Whether it is found by its position. An id of ours goes first: positions may be of another assembly or repeat."""
        return one.pos > 0 and one.variant not in self._ids

    def of(self, row: "_Row") -> list[int]:
        """Return the numbers of the sought rows of a variant of ours."""
        candidates = self._candidates(row)
        return [number for number, one in candidates if self.by_place(one) or one.variant == row.variant]

    def _candidates(self, row: "_Row") -> list[tuple[int, Sought]]:
        """Return the sought rows of this id or position, each once."""
        found = self._by_id.get(row.variant, [])
        if not self._by_place:
            return found
        chrom, pos = _bare(row.chrom), row.allele.change[0]
        there = dict(found)
        for place in {pos, int(row.pos) if row.pos.isdecimal() else pos}:
            there |= dict(self._by_place.get((chrom, place), []))
        return list(there.items())

    def gene_of(self, one: Sought, row: "_Row") -> str | None:
        """Return the gene that a sought row is of: the one that it names, or that of the nearest TSS to a variant of ours."""
        if one.gene:
            return self._genes.gene(one.gene)
        return self._nearest.get((row.variant, row.chrom), (0, None))[1]


def _meant(one: Sought, index: _Index, alleles: set[_Allele]) -> set[_Allele]:
    """Find the allele that a sought row with `alt` names, among ours of its variant or place; none if several fit."""
    if index.by_place(one):
        fitting = {allele for allele in alleles if _is_at_place(one, allele)}
    elif one.ref:
        fitting = {allele for allele in alleles if _same_change(one.change[1:], allele.change[1:])}
        # An id that a set has at several places.
        fitting = {allele for allele in fitting if allele.change == one.change} or fitting
    else:
        fitting = {allele for allele in alleles if one.alt == allele.alt or _moved(one.alt, allele.ref, allele.alt)}
        # A record of several lengths of a repeat writes all of them with the longest reference, ours with the shortest.
        indels = {allele for allele in alleles if len(allele.ref) != len(allele.alt)}
        if len(indels) > 1:
            fitting -= indels
    return fitting if len(fitting) == 1 else set()


def _is_at_place(one: Sought, allele: _Allele) -> bool:
    """Return whether a sought row names this allele by its position."""
    return one.change == allele.change if one.ref else (str(one.pos), one.alt) == (allele.pos, allele.alt)


def _same_change(theirs: tuple[str, str], ours: tuple[str, str]) -> bool:
    """Return whether two changes (ref and alt, trimmed) are the same, or the same elsewhere in a repeat."""
    if theirs == ours:
        return True
    (deleted, inserted), (our_deleted, our_inserted) = theirs, ours
    if (deleted and inserted) or (our_deleted and our_inserted):
        return False
    return _is_rotation(deleted, our_deleted) and _is_rotation(inserted, our_inserted)


def _is_rotation(one: str, other: str) -> bool:
    return len(one) == len(other) and one in 2 * other


def _moved(written: str, ref: str, alt: str) -> bool:
    """Return whether `written` can be the alt of this insertion or deletion elsewhere in a repeat.

    That is an insertion with another base before it or with none, and a deletion with the base before it. A single base is
    no insertion: it is rather the alt of a deletion or substitution.
    """
    if len(ref) == len(alt) or min(len(ref), len(alt)) != 1:
        return False
    if len(ref) > 1:
        # Ours can move to the left if its last base is also the one before it. Which base is there is not known.
        return written == ABSENT or (len(written) == 1 and (written in ref or ref[0] == ref[-1]))
    return len(written) > 1 and any(_is_rotation(one, alt[1:]) for one in (written, written[1:]))

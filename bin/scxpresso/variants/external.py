"""Scores of other tools, joined to ours."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from scxpresso.identifiers import bare_contig, without_version
from scxpresso.problems import InputError, Problem
from scxpresso.store import write_rows
from scxpresso.variants.score_table import is_scorable, read_header, read_rows

EXTERNAL_COLUMNS = ["variant", "gene", "model", "track", "score"]
COMPARISON_COLUMNS = ["variant_id", "alt", "gene_id", "population", "effect", "model", "track", "score"]
CORRELATION_COLUMNS = ["population", "model", "track", "n", "spearman", "p_value"]
MIN_PAIRS = 3  # pairs that a correlation needs
EXPECTED = "a TSV with the columns variant, gene, model, track, score, and alt if a variant has several alleles"
PLACE_COLUMNS = ["alt", "chrom", "pos", "ref"]  # those that a table may lack


class ExternalScore(NamedTuple):
    """A score of another tool.

    variant: id; '' if the score is matched by its position. gene: id or name; '' for the gene of the nearest TSS. alt: the
    allele on the + strand; '' if the file names none. chrom, pos (1-based), ref: '' and 0 if it names none.
    """

    variant: str
    gene: str
    model: str
    track: str
    score: float
    alt: str = ""
    chrom: str = ""
    pos: int = 0
    ref: str = ""

    @property
    def by_place(self) -> bool:
        """Whether it is matched by its position. An insertion or deletion may be written elsewhere: its id goes first."""
        return self.pos > 0 and not (self.variant and len(self.ref) != len(self.alt))


@dataclass
class Comparison:
    """Scores of other tools compared with ours.

    correlations: CORRELATION_COLUMNS. joined: number of external scores with a row of ours. unmatched: those without.
    """

    correlations: pd.DataFrame
    joined: int
    unmatched: list[ExternalScore]


def read_external(path: str | Path) -> list[ExternalScore]:
    """Read scores of other tools (TSV).

    Raises InputError for missing columns, scores that are not numbers, and repeated rows.
    """
    try:
        header = read_header(path)
        columns = EXTERNAL_COLUMNS + [name for name in PLACE_COLUMNS if name in header]
        rows = list(read_rows(path, columns))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(Problem(str(path), f"no readable text ({error})", EXPECTED)) from None
    problems, found = [], []
    row_of: dict[ExternalScore, int] = {}
    for number, (variant, gene, model, track, score, *more) in enumerate(rows, start=2):
        where = f"{path}, row {number:,}"
        place = dict(zip(columns[len(EXTERNAL_COLUMNS) :], more, strict=True))
        pos = place.get("pos", "")
        value = _number(score)
        if not math.isfinite(value):
            problems.append(
                Problem(where, f"the score {score!r}", "a finite number", "remove the row if there is none")
            )
        empty = [name for name, text in (("variant", variant or pos), ("model", model)) if not text]
        if empty:
            problems.append(Problem(where, f"no {empty[0]}", "a variant and a model in every row"))
        if pos and not pos.isdecimal():
            problems.append(Problem(where, f"the position {pos!r}", "a whole number (1-based)"))
        chrom, ref, alt = place.get("chrom", ""), place.get("ref", "").upper(), place.get("alt", "").upper()
        one = ExternalScore(variant, gene, model, track, value, alt, chrom, int(pos) if pos.isdecimal() else 0, ref)
        first = row_of.setdefault(one._replace(score=0.0), number)
        if first != number:
            problems.append(Problem(where, f"the variant, gene, model and track of row {first:,}", "one score of each"))
        found.append(one)
    if not found:
        problems.append(Problem(str(path), "no scores", EXPECTED))
    if len(problems) > 10:
        problems = [*problems[:10], Problem(str(path), f"{len(problems) - 10:,} more such rows", EXPECTED)]
    if problems:
        raise InputError(*problems)
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def compare(scores: str | Path, external: list[ExternalScore], output: str | Path) -> Comparison:
    """Write COMPARISON_COLUMNS: one row per pair of our score and another tool's score of the same variant and gene.

    An external gene is a gene_id, with or without its version, or a gene_name. A score without a gene is of the gene with the
    nearest TSS. Its `alt` may be written at another position of a repeat. A score without `alt` is joined to the allele of
    its variant with our largest effect in the population, so that each variant counts once. Correlations are Spearman's,
    between our effects in a population and the scores of a track.

    Parameters
    ----------
    scores: table that join_scores.py wrote; it is read row by row.
    output: table to write.
    """
    index = _Index(scores, external)
    pairs: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    matched = set()

    def rows() -> Iterator[list[str]]:
        for number, row in _pairs(scores, index):
            one = external[number]
            matched.add(number)
            if row[-1]:
                pairs[row[3], one.model, one.track].append((float(row[-1]), one.score))
            yield [*row, one.model, one.track, f"{one.score:.6g}"]

    write_rows(output, COMPARISON_COLUMNS, rows())
    correlations = [(*key, len(values), *_spearman(np.array(values))) for key, values in pairs.items()]
    return Comparison(
        pd.DataFrame(correlations, columns=CORRELATION_COLUMNS),
        len(matched),
        [one for number, one in enumerate(external) if number not in matched],
    )


_bare = cache(bare_contig)  # of few contigs, for every row


class _Index:
    """External scores by what names their variant, and the gene that those without a gene are of."""

    def __init__(self, scores: str | Path, external: list[ExternalScore]):
        self.by_id: dict[str, list[tuple[int, ExternalScore]]] = defaultdict(list)
        self.by_place: dict[tuple[str, str], list[tuple[int, ExternalScore]]] = defaultdict(list)
        for number, one in enumerate(external):
            if one.by_place:
                self.by_place[bare_contig(one.chrom), str(one.pos)].append((number, one))
            else:
                self.by_id[one.variant].append((number, one))
        self.nearest = self._nearest(scores) if not all(one.gene for one in external) else {}

    def of(self, variant: str, chrom: str, pos: str) -> list[tuple[int, ExternalScore]]:
        """Return the scores of a variant of ours, with their numbers."""
        found = self.by_id.get(variant, [])
        return found + self.by_place.get((_bare(chrom), pos), []) if self.by_place else found

    def _nearest(self, scores: str | Path) -> dict[tuple[str, str, str], str]:
        """Find the gene_id with the nearest TSS of each variant (id, contig and position) that has a score."""
        found: dict[tuple[str, str, str], tuple[int, str]] = {}
        for variant, chrom, pos, gene, distance in read_rows(
            scores, ["variant_id", "chrom", "pos", "gene_id", "tss_distance"]
        ):
            if distance and self.of(variant, chrom, pos):
                key, one = (variant, chrom, pos), (abs(int(distance)), gene)
                found[key] = min(found.get(key, one), one)
        return {key: gene for key, (_, gene) in found.items()}


def _pairs(scores: str | Path, index: _Index) -> Iterator[tuple[int, list[str]]]:
    """Yield the index of each external score with variant_id, alt, gene_id, population and effect of ours.

    The effect is empty if the row is not scorable, because there is nothing to compare.
    """
    rows = read_rows(scores, [*COMPARISON_COLUMNS[:5], "ref", "gene_name", "flag", "chrom", "pos"])
    for gene, of_gene in groupby(rows, key=lambda row: row[2]):
        rows_here = [(row, found) for row in of_gene if (found := index.of(row[0], *row[-2:]))]
        alleles: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for (variant, alt, _, _, _, ref, *_), _ in rows_here:
            alleles[variant].add((ref, alt))
        # For scores without alt, by index and population: our row with the largest effect.
        largest: dict[tuple[int, str], list[str]] = {}
        for (*row, ref, gene_name, flag, chrom, pos), found in rows_here:
            row[4] = row[4] if is_scorable(flag) else ""
            names = {gene, without_version(gene), gene_name}
            for number, one in found:
                if one.gene:
                    ours = one.gene in names or without_version(one.gene) == without_version(gene)
                else:
                    ours = index.nearest.get((row[0], chrom, pos)) == gene
                if not ours or (one.by_place and one.ref not in ("", ref)):
                    continue
                if (ref, row[1]) in _meant(one, alleles[row[0]]):
                    yield number, row
                elif not one.alt:
                    before = largest.setdefault((number, row[3]), row)
                    if _size(row) > _size(before):
                        largest[number, row[3]] = row
        for (number, _), row in largest.items():
            yield number, row


def _meant(score: ExternalScore, alleles: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Find the alleles (ref and alt) of our variant to which another tool's `alt` refers.

    That is the identical allele, else the only insertion or deletion that can be written this way elsewhere in a repeat.
    """
    alt = score.alt
    if not alt:
        return set()
    same = {one for one in alleles if one[1] == alt}
    if score.by_place:
        return same
    moved = {one for one in alleles if _moved(alt, *one)}
    return same or (moved if len(moved) == 1 else set())


def _moved(written: str, ref: str, alt: str) -> bool:
    """Return whether `written` can be this insertion or deletion, with another base before it or with none."""
    if len(ref) == len(alt) or min(len(ref), len(alt)) != 1:
        return False
    if len(ref) > 1:
        return len(written) == 1
    inserted = alt[1:]
    return any(len(one) == len(inserted) and one in 2 * inserted for one in (written, written[1:]))


def _size(row: list[str]) -> float:
    """Return the absolute effect of our row; -1 if it has none."""
    return abs(float(row[-1])) if row[-1] else -1.0


def _spearman(pairs: np.ndarray) -> tuple[float, float]:
    """Return the rank correlation and its p-value; NaN for fewer than MIN_PAIRS pairs and for constants."""
    if len(pairs) < MIN_PAIRS or (np.ptp(pairs, axis=0) == 0).any():
        return math.nan, math.nan
    from scipy.stats import spearmanr  # slow to import, and the checks of a run read this module too

    found = spearmanr(*pairs.T)
    return float(found.statistic), float(found.pvalue)

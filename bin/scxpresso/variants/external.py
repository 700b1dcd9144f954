"""Scores of other tools, joined to ours."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from scxpresso.identifiers import without_version
from scxpresso.problems import InputError, Problem
from scxpresso.store import write_rows
from scxpresso.variants.score_table import is_scorable, read_header, read_rows

EXTERNAL_COLUMNS = ["variant", "gene", "model", "track", "score"]
COMPARISON_COLUMNS = ["variant_id", "alt", "gene_id", "population", "effect", "model", "track", "score"]
CORRELATION_COLUMNS = ["population", "model", "track", "n", "spearman", "p_value"]
MIN_PAIRS = 3  # pairs that a correlation needs
EXPECTED = "a TSV with the columns variant, gene, model, track, score, and alt if a variant has several alleles"


class ExternalScore(NamedTuple):
    """A score of another tool. alt: the allele on the + strand; '' if the file names none."""

    variant: str
    gene: str
    model: str
    track: str
    score: float
    alt: str


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
        columns = EXTERNAL_COLUMNS + (["alt"] if "alt" in read_header(path) else [])
        rows = list(read_rows(path, columns))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(Problem(str(path), f"no readable text ({error})", EXPECTED)) from None
    problems, found = [], []
    row_of: dict[ExternalScore, int] = {}
    for number, (variant, gene, model, track, score, *alt) in enumerate(rows, start=2):
        where = f"{path}, row {number:,}"
        value = _number(score)
        if not math.isfinite(value):
            problems.append(
                Problem(where, f"the score {score!r}", "a finite number", "remove the row if there is none")
            )
        empty = [name for name, text in (("variant", variant), ("gene", gene), ("model", model)) if not text]
        if empty:
            problems.append(Problem(where, f"no {empty[0]}", "a variant, a gene and a model in every row"))
        one = ExternalScore(variant, gene, model, track, value, "".join(alt).upper())
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

    An external gene is a gene_id, with or without its version, or a gene_name. Its `alt` may be written at another position
    of a repeat. A score without `alt` is joined to the allele of its variant with our largest effect in the population, so
    that each variant counts once. Correlations are Spearman's, between our effects in a population and the scores of a track.

    Parameters
    ----------
    scores: table that join_scores.py wrote; it is read row by row.
    output: table to write.
    """
    by_variant = defaultdict(list)
    for number, one in enumerate(external):
        by_variant[one.variant].append((number, one))
    pairs: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    matched = set()

    def rows() -> Iterator[list[str]]:
        for number, row in _pairs(scores, by_variant):
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


def _pairs(
    scores: str | Path, by_variant: dict[str, list[tuple[int, ExternalScore]]]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the index of each external score with variant_id, alt, gene_id, population and effect of ours.

    The effect is empty if the row is not scorable, because there is nothing to compare.
    """
    rows = read_rows(scores, [*COMPARISON_COLUMNS[:5], "ref", "gene_name", "flag"])
    for gene, of_gene in groupby(rows, key=lambda row: row[2]):
        rows_here = [row for row in of_gene if row[0] in by_variant]
        alleles: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for variant, alt, _, _, _, ref, *_ in rows_here:
            alleles[variant].add((ref, alt))
        # For scores without alt, by index and population: our row with the largest effect.
        largest: dict[tuple[int, str], list[str]] = {}
        for *row, ref, gene_name, flag in rows_here:
            row[4] = row[4] if is_scorable(flag) else ""
            names = {gene, without_version(gene), gene_name}
            for number, one in by_variant[row[0]]:
                if one.gene not in names and without_version(one.gene) != without_version(gene):
                    continue
                if (ref, row[1]) in _meant(one.alt, alleles[row[0]]):
                    yield number, row
                elif not one.alt:
                    before = largest.setdefault((number, row[3]), row)
                    if _size(row) > _size(before):
                        largest[number, row[3]] = row
        for (number, _), row in largest.items():
            yield number, row


def _meant(alt: str, alleles: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Find the alleles (ref and alt) of our variant to which another tool's `alt` refers.

    That is the identical allele, else the only insertion or deletion that can be written this way elsewhere in a repeat.
    """
    if not alt:
        return set()
    same = {one for one in alleles if one[1] == alt}
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

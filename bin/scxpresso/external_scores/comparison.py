"""Scores of other tools, joined to ours."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from scxpresso.damage import DAMAGE
from scxpresso.metrics import rank_correlation
from scxpresso.problems import InputError, Problem
from scxpresso.store import write_rows
from scxpresso.variants.matching import Sought, matched_rows
from scxpresso.variants.score_table import read_header, read_rows

EXTERNAL_COLUMNS = ["variant", "gene", "model", "track", "score"]
COMPARISON_COLUMNS = ["variant_id", "alt", "gene_id", "population", "effect", "model", "track", "score"]
CORRELATION_COLUMNS = ["population", "model", "track", "n", "spearman", "p_value"]
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
    def sought(self) -> Sought:
        """What it is a score of."""
        return Sought(self.variant, self.gene, self.alt, self.chrom, self.pos, self.ref)


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
    except DAMAGE as error:
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
    """Write COMPARISON_COLUMNS: one row per score of another tool and population, with ours of the same variant and gene.

    An external gene is a gene_id, with or without its version, or a gene_name that only one gene has. A score without a gene is
    of the gene with the nearest TSS. Its `alt` may be written at another position of a repeat. A score without `alt` is joined
    to the allele of its variant with our largest effect in the population, so that each variant counts once. So does a variant
    that the set has several times. Correlations are Spearman's, between our effects in a population and the scores of a track.

    Parameters
    ----------
    scores: table that join_scores.py wrote; it is read row by row.
    output: table to write.
    """
    pairs: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    seen: set[tuple[int, str]] = set()

    def rows() -> Iterator[list[str]]:
        for number, row in matched_rows(
            scores, [one.sought for one in external], COMPARISON_COLUMNS[:5], any_allele=True
        ):
            if (number, row[3]) in seen:
                continue
            one = external[number]
            seen.add((number, row[3]))
            if row[-1]:
                pairs[row[3], one.model, one.track].append((float(row[-1]), one.score))
            yield [*row, one.model, one.track, f"{one.score:.6g}"]

    write_rows(output, COMPARISON_COLUMNS, rows())
    correlations = [(*key, len(values), *rank_correlation(*np.array(values).T)) for key, values in pairs.items()]
    matched = {number for number, _ in seen}
    return Comparison(
        pd.DataFrame(correlations, columns=CORRELATION_COLUMNS),
        len(matched),
        [one for number, one in enumerate(external) if number not in matched],
    )

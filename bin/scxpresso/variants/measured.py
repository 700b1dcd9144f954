"""Measured effects of variants: tables of eQTLs, reporter assays and edited genomes."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from scxpresso.damage import DAMAGE, damage
from scxpresso.files import open_text
from scxpresso.identifiers import GENE_COLUMNS
from scxpresso.problems import InputError, Problem
from scxpresso.variants.delimited import table_of
from scxpresso.variants.matching import Sought

EXPECTED = (
    "a table (TSV or CSV) with the columns variant (or chrom, pos, ref and alt), gene, population and effect, and optionally "
    "se or p, and maf"
)
_PLACED = re.compile(r"(.+?)[:_](\d+)[:_]([ACGT]+)[:_>]([ACGT]+)(?:_b\d+)?", re.IGNORECASE)  # GTEx: chr1_13550_G_A_b38
# The first that has a value counts; the last is GTEx's.
_P_VALUES = ("p", "p_value", "p-value", "pvalue", "pval", "pval_nominal")
_FREQUENCIES = ("maf", "af")
_MAX_PROBLEMS = 10


class MeasuredEffect(NamedTuple):
    """A measured effect of an allele. population: '' if the table names none. p_value, maf: NaN where it has none."""

    sought: Sought
    population: str
    effect: float
    p_value: float
    maf: float


def read_measured(path: str | Path) -> list[MeasuredEffect]:
    """Read a table of measured effects.

    A variant is an id, or named by its place: chrom:pos:ref:alt, or GTEx's chrom_pos_ref_alt_b38. Without a p-value, it is
    that of `effect` / `se` under a normal distribution.

    Raises
    ------
    InputError, with the first problems of the file.
    """
    path = Path(path)
    try:
        with open_text(path) as file:
            found = list(_parsed(path, file))
    except DAMAGE as error:
        raise InputError(Problem(str(path), damage(path, error), EXPECTED)) from None
    problems = [one for one in found if isinstance(one, Problem)]
    if not found:
        problems.append(Problem(str(path), "no rows", EXPECTED))
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        listed = [Problem(str(path), f"{more:,} more such rows", EXPECTED)] if more > 0 else []
        raise InputError(*problems[:_MAX_PROBLEMS], *listed)
    return [one for one in found if isinstance(one, MeasuredEffect)]


def _parsed(path: Path, file: TextIO) -> Iterator[MeasuredEffect | Problem]:
    header, rows = table_of(file)
    by_place = {"chrom", "pos", "ref", "alt"} <= set(header)
    lacking = [name for name in ("variant", "effect") if name not in header and not (by_place and name == "variant")]
    if lacking:
        raise InputError(Problem(str(path), f"no column {lacking[0]!r} in its header", EXPECTED))
    row_of: dict[tuple, int] = {}
    for number, row in enumerate(rows, start=2):
        if not "".join(row).strip():
            continue
        where = f"{path}, row {number:,}"
        if len(row) < len(header) or any(row[len(header) :]):
            yield Problem(where, f"{len(row):,} cells", f"{len(header):,}, as in the header")
            continue
        cell = {name: text.strip() for name, text in zip(header, row, strict=False)}
        one = _effect(where, cell)
        if isinstance(one, Problem):
            yield one
            continue
        before = row_of.setdefault((one.sought, one.population), number)
        if before != number:
            yield Problem(where, f"the variant, gene and population of row {before:,}", "one effect of each")
        yield one


def _effect(where: str, cell: dict[str, str]) -> MeasuredEffect | Problem:
    values = {}
    for name in ("effect", "se", *_P_VALUES, *_FREQUENCIES):
        text = cell.get(name, "")
        try:
            values[name] = math.nan if text in ("", "NA", "nan", ".") else float(text)
        except ValueError:
            return Problem(where, f"{text!r} in the column {name}", "a number, or nothing")
    sought = _sought(cell)
    if not sought:
        return Problem(where, "no variant", "an id, or chrom:pos:ref:alt")
    if not math.isfinite(values["effect"]):
        return Problem(where, f"the effect {cell['effect']!r}", "a finite number", "remove the row if there is none")
    p_value = next((values[name] for name in _P_VALUES if not math.isnan(values[name])), math.nan)
    if values["se"] <= 0 or not (math.isnan(p_value) or 0 <= p_value <= 1):
        return Problem(where, "a standard error or p-value out of range", "se above 0, p from 0 to 1")
    if math.isnan(p_value) and not math.isnan(values["se"]):
        p_value = math.erfc(abs(values["effect"] / values["se"]) / math.sqrt(2))
    frequency = next((values[name] for name in _FREQUENCIES if not math.isnan(values[name])), math.nan)
    if not (math.isnan(frequency) or 0 <= frequency <= 1):
        return Problem(where, f"the allele frequency {frequency:g}", "from 0 to 1", "divide percentages by 100")
    maf = min(frequency, 1 - frequency) if not math.isnan(frequency) else math.nan
    return MeasuredEffect(sought, cell.get("population", ""), values["effect"], p_value, maf)


def _sought(cell: dict[str, str]) -> Sought | None:
    gene, variant = next((cell[name] for name in GENE_COLUMNS if cell.get(name)), ""), cell.get("variant", "")
    place = (cell.get("chrom", ""), cell.get("pos", ""), cell.get("ref", ""), cell.get("alt", ""))
    written = _PLACED.fullmatch(variant)
    if written:
        place = written[1], written[2], written[3], written[4]
    chrom, pos, ref, alt = place
    if not pos.isdecimal():
        return Sought(variant, gene, alt.upper(), "", 0, ref.upper()) if variant else None
    return Sought(variant, gene, alt.upper(), chrom, int(pos), ref.upper())

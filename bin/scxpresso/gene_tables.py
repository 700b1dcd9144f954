"""Text tables of genes × numbers, as users bring them: their rows with places, and their cells as numbers."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scxpresso.damage import DAMAGE, damage
from scxpresso.files import delimiter_of, open_text
from scxpresso.problems import InputError, Problem

MISSING = ("", "NA", "NaN", "nan")  # cells without a value


def read_rows(path: Path, expected: str, fix: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a delimited table, each with its place: the header first, then all that are not empty.

    Raises
    ------
    InputError, for a file that cannot be read, and for a row that is not as long as the header. expected, fix: what it says.
    """
    try:
        with open_text(path) as file:
            first = file.readline()
            delimiter = delimiter_of(first) or "\t"
            header = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
            yield str(path), header
            for number, row in enumerate(csv.reader(file, delimiter=delimiter), start=2):
                where = f"{path}, row {number:,}"
                if row and len(row) != len(header):
                    found = f"{len(row):,} cells under a header of {len(header):,}"
                    raise InputError(Problem(where, found, expected, fix))
                if row:
                    yield where, row
    except DAMAGE as error:
        raise InputError(Problem(str(path), damage(path, error), expected)) from None


def number_of(where: str, cell: str, gene: str, fix: str = "correct it") -> float:
    """Convert a cell to a number; an empty one and NA are NaN. Raises InputError for another; fix: what it says."""
    try:
        return float(cell) if cell.strip() not in MISSING else np.nan
    except ValueError:
        found = f"{cell!r} for the gene {gene!r}"
        raise InputError(Problem(where, found, "a number, or NA where there is none", fix)) from None

"""Tables of counts in text (CSV, TSV): genes × cells, or cells × genes."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from scxpresso.damage import readable
from scxpresso.files import delimiter_of, open_text
from scxpresso.layouts.layout import SimpleLayout, X, check_unique
from scxpresso.layouts.triples import Triples, by_cells
from scxpresso.problems import InputError, Problem, preview

Side = Literal["rows", "columns"]
BLOCK = 4_000_000  # values in memory at a time
QUOTED = re.compile(r'"((?:[^"]|"")*)"')
EXPECTED = "genes × cells or cells × genes: names in the header and in the first column, numbers in all other cells"
# What featureCounts writes beside counts, in tables of genes × samples.
NOT_CELLS = {"Chr", "Start", "End", "Strand", "Length"}


@dataclass(frozen=True)
class TableText:
    """How a table is written. lines: before its first row. columns: names in the header. rows: names in the first column."""

    path: Path
    separator: str
    lines: int
    columns: list[str]
    rows: list[str]


def open_count_table(path: str | Path, genes_in: Callable[[Sequence[str], Sequence[str]], Side]) -> SimpleLayout:
    """Open a table, gzipped or not, by sorting its counts into temporary files.

    Parameters
    ----------
    genes_in: says whether genes are in rows or columns, from the names of both.

    Raises
    ------
    InputError, for a table with other cells than numbers, or with rows of another length than the header.
    """
    text = _names(Path(path))
    used = [number for number, name in enumerate(text.columns) if name not in NOT_CELLS]
    columns = [text.columns[number] for number in used]
    side = genes_in(text.rows, columns)
    genes, cells = (text.rows, columns) if side == "rows" else (columns, text.rows)

    def entries() -> Iterator[Triples]:
        for rows, places, values in _entries(text, used):
            yield (places, rows, values) if side == "rows" else (rows, places, values)

    check_unique(pd.Index(cells))
    matrix = by_cells(entries, (len(cells), len(genes)))
    layout = SimpleLayout("table", pd.DataFrame(index=cells), pd.DataFrame(index=genes), {X: matrix})
    layout.notes.append(f"genes are in the {side} of {text.path.name}: {len(genes):,} genes, {len(cells):,} cells")
    if len(used) < len(text.columns):
        layout.notes.append(f"columns that are not cells: {preview(sorted(NOT_CELLS & set(text.columns)))}")
    return layout


def _names(path: Path) -> TableText:
    """Read the header and the first column."""
    with readable("counts", path), open_text(path) as file:
        lines, header = 1, file.readline()
        while header.startswith("#") and not header.startswith("#CHROM"):
            lines, header = lines + 1, file.readline()
        separator = delimiter_of(header) or "\t"
        columns = next(csv.reader([header], delimiter=separator), [])
        rows: list[str] = []
        width = 0
        for number, line in enumerate(file, start=lines + 1):
            if line.strip():
                quoted = QUOTED.match(line)
                rows.append(quoted[1].replace('""', '"') if quoted else line[: line.find(separator)])
                width = width or _width(line, separator)
                if _width(line, separator) != width:
                    found = f"line {number}, row {rows[-1]!r}: {_width(line, separator):,} cells, not {width:,}"
                    raise InputError(Problem("counts", found, EXPECTED, "write the table again"))
    if width != len(columns) + 1:  # R's write.table gives row names no header
        columns = columns[1:]
    if not columns or not rows or width != len(columns) + 1:
        found = f"a header of {len(columns)} names, and {len(rows):,} rows, the first of {width} cells"
        raise InputError(Problem("counts", found, EXPECTED, "is it another kind of file? Write the table again"))
    return TableText(path, separator, lines, columns, rows)


def _width(line: str, separator: str) -> int:
    """Return the number of cells of a line."""
    if '"' not in line:
        return line.count(separator) + 1
    return len(next(csv.reader([line], delimiter=separator)))


def _entries(text: TableText, used: list[int]) -> Iterator[Triples]:
    """Yield rows, columns (places in `used`) and values other than 0, in blocks."""
    start, width = 0, len(text.columns)
    with readable("counts", text.path), open_text(text.path) as file:
        try:
            blocks = pd.read_csv(
                file, sep=text.separator, header=None, skiprows=text.lines, usecols=[number + 1 for number in used],
                dtype=np.float64, chunksize=max(BLOCK // width, 1), names=range(width + 1), na_values=[], low_memory=False,
            )  # fmt: skip
            for block in blocks:
                values = block.to_numpy()
                if np.isnan(values).any():
                    row, place = np.argwhere(np.isnan(values))[0]
                    names = f"row {text.rows[start + row]!r}, column {text.columns[used[place]]!r}"
                    raise InputError(
                        Problem(f"counts, {names}", "no number", EXPECTED, "write 0 where there is no count")
                    )
                rows, places = np.nonzero(values)
                found = values[rows, places]
                yield rows + start, places, found.astype(np.int64) if (found % 1 == 0).all() else found
                start += len(block)
        except (ValueError, pd.errors.ParserError) as error:
            found = f"{_bad_cell(text, used)} ({error})"
            fix = "remove columns and rows that are not counts, such as a second name of each gene"
            raise InputError(Problem("counts", found, EXPECTED, fix)) from None


def _bad_cell(text: TableText, used: list[int]) -> str:
    """Describe the first cell that is not a number."""
    with open_text(text.path) as file:
        for _ in range(text.lines):
            file.readline()
        for row in csv.reader(file, delimiter=text.separator):
            for number in used if row else ():
                try:
                    float(row[number + 1])
                except ValueError:
                    return f"row {row[0]!r}, column {text.columns[number]!r}: {row[number + 1]!r}"
    return "cells that are not numbers"

"""Text tables with a header and any of the usual delimiters."""

import csv
from collections.abc import Collection, Iterable, Iterator
from typing import TextIO

from scxpresso.files import delimiter_of


def table_of(lines: TextIO, cut_behind: Collection[str] = ()) -> tuple[list[str], Iterable[list[str]]]:
    """Read a table: its column names in lower case, and its rows as lists of cells.

    The header is the first line that is neither empty nor a comment (##); it may start with `#`. Its delimiter is that of
    the table; see files.delimiter_of.

    Parameters
    ----------
    cut_behind: names of columns; if the last column is one of them, an empty last cell of the file counts as truncated.
    """
    for line in lines:
        line = line.removeprefix("\ufeff")  # spreadsheet programs write this mark at the start
        if line.strip() and not line.startswith("##"):
            delimiter = delimiter_of(line)
            first = line.removeprefix("#").rstrip("\r\n") + "\n"
            names = [name.strip().lower() for name in next(iter(_cells([first], delimiter)))]
            while names and not names[-1]:  # delimiters after the last name
                names.pop()
            return names, _cells(_without_cut_end(lines, delimiter) if names[-1] in cut_behind else lines, delimiter)
    return [], iter(())


def _without_cut_end(lines: Iterable[str], delimiter: str | None) -> Iterator[str]:
    """Yield the lines, without a delimiter at the very end of the file: the text after it may be missing."""
    for line in lines:
        yield line[:-1] if delimiter and line.endswith(delimiter) else line


def _cells(lines: Iterable[str], delimiter: str | None) -> Iterator[list[str]]:
    if delimiter in (",", ";"):
        return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    # In a table with tabs, a quote is text, unless the whole cell is quoted, as R does.
    rows = (line.rstrip("\r\n").split(delimiter) if delimiter else line.split() for line in lines)
    return ([_unquoted(cell) for cell in row] if any('"' in cell for cell in row) else row for row in rows)


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell

"""Text tables as people have them: header and cells, whatever the delimiter."""

import csv
from collections.abc import Collection, Iterable, Iterator
from typing import TextIO


def table_of(lines: TextIO, cut_behind: Collection[str] = ()) -> tuple[list[str], Iterable[list[str]]]:
    """Read a table: names of its columns in lower case, and its rows as lists of cells.

    The header is the first line that is neither empty nor a comment (##); it may start with `#`. The delimiter is that of
    the header: tabs, else commas, else semicolons, else blanks.

    Parameters
    ----------
    cut_behind: last columns whose empty cell at the very end of the file counts as cut off.
    """
    for line in lines:
        line = line.removeprefix("\ufeff")  # spreadsheets begin a file with this mark
        if line.strip() and not line.startswith("##"):
            delimiter = next((sign for sign in "\t,;" if sign in line), None)
            first = line.removeprefix("#").rstrip("\r\n") + "\n"
            names = [name.strip().lower() for name in next(iter(_cells([first], delimiter)))]
            while names and not names[-1]:  # delimiters behind the last name
                names.pop()
            return names, _cells(_without_cut_end(lines, delimiter) if names[-1] in cut_behind else lines, delimiter)
    return [], iter(())


def _without_cut_end(lines: Iterable[str], delimiter: str | None) -> Iterator[str]:
    """Yield the lines, but without a delimiter at the very end of the file: what follows it may be cut off."""
    for line in lines:
        yield line[:-1] if delimiter and line.endswith(delimiter) else line


def _cells(lines: Iterable[str], delimiter: str | None) -> Iterator[list[str]]:
    if delimiter in (",", ";"):
        return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    # A quote in a table with tabs is text, as of inches, unless the whole cell is quoted, as R writes it.
    rows = (line.rstrip("\r\n").split(delimiter) if delimiter else line.split() for line in lines)
    return ([_unquoted(cell) for cell in row] if any('"' in cell for cell in row) else row for row in rows)


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell

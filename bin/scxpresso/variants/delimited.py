"""Text tables as people have them: header and cells, whatever stands between the cells."""

import csv
from collections.abc import Collection, Iterable, Iterator
from typing import TextIO


def table_of(lines: TextIO, cut_behind: Collection[str] = ()) -> tuple[list[str], Iterable[list[str]]]:
    """Names of a table's columns in lower case, and its rows' cells.

    The names are the first line that is neither empty nor a comment (##); the header may start with `#`. What stands between
    cells is seen from it: tabs, else commas, else semicolons, else blanks.
    cut_behind: last columns whose empty cell at the very end of the file counts as cut off.
    """
    for line in lines:
        line = line.removeprefix("\ufeff")  # spreadsheets begin a file with this mark
        if line.strip() and not line.startswith("##"):
            between = next((sign for sign in "\t,;" if sign in line), None)
            first = line.removeprefix("#").rstrip("\r\n") + "\n"
            names = [name.strip().lower() for name in next(iter(_cells([first], between)))]
            while names and not names[-1]:  # signs behind the last name
                names.pop()
            return names, _cells(_whole(lines, between) if names[-1] in cut_behind else lines, between)
    return [], iter(())


def _whole(lines: Iterable[str], between: str | None) -> Iterator[str]:
    """Lines, but where the file ends behind a row's last sign between cells, without it: what follows may be cut off."""
    for line in lines:
        yield line[:-1] if between and line.endswith(between) else line


def _cells(lines: Iterable[str], between: str | None) -> Iterator[list[str]]:
    if between in (",", ";"):
        return csv.reader(lines, delimiter=between, skipinitialspace=True)
    # A quote in a table with tabs is text, as of inches, unless the whole cell is quoted, as R writes it.
    rows = (line.rstrip("\r\n").split(between) if between else line.split() for line in lines)
    return ([_unquoted(cell) for cell in row] if any('"' in cell for cell in row) else row for row in rows)


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell

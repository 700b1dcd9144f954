"""Tables of annotations: labels of cells in a file of their own, for counts that come without them."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.damage import looks_like, readable
from scxpresso.files import open_text
from scxpresso.problems import InputError, Problem, preview

WHERE = "column annotations"
MISSING = {"", "na", "nan", "n/a", "null", "none"}  # in columns of numbers, in lower case; in others only ""
SUFFIX = re.compile(r"-\d+$")  # the GEM well, which Cell Ranger adds to each barcode


def annotate(obs: pd.DataFrame, path: str | Path) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Add the columns of a table to obs, and leave out cells that it does not list.

    The column of the table that has most of the cells' names identifies them. If none has any, the names are compared
    without the suffix `-1` of Cell Ranger. Columns of obs that the table has too are replaced.

    Parameters
    ----------
    obs: one row per cell, index: names.
    path: CSV or TSV, gzipped or not, with a header and a row per cell.

    Returns
    -------
    obs of the listed cells in the order of `obs`, their rows in `obs`, and notes.

    Raises
    ------
    InputError, for a table that cannot be read, that has none of the cells, or that has one of them twice.
    """
    table = read_annotations(path)
    names = pd.Index(obs.index.astype(str))
    column, rule = _matching_column(table, names)
    keys = names if rule is None else pd.Index([SUFFIX.sub("", name) for name in names])
    listed = table[column] if rule is None else table[column].str.replace(SUFFIX, "", regex=True)
    found = keys.isin(listed)
    _check_once(keys[found], f"cells of the counts{rule or ''}")
    table = table[listed.isin(keys)].set_index(pd.Index(listed[listed.isin(keys)])).drop_duplicates()
    _check_once(table.index, f"cells in its column {column!r}")
    rows = np.flatnonzero(found)
    new = table.drop(columns=column).loc[keys[rows]]
    new = pd.DataFrame({name: _typed(new[name]) for name in new}, index=new.index).set_axis(obs.index[rows])
    replaced = [name for name in new if name in obs]
    notes = [f"{len(rows):,} of {len(obs):,} cells are in the annotations, by their column {column!r}{rule or ''}"]
    if len(rows) < len(obs):
        notes.append(
            f"{len(obs) - len(rows):,} cells are not in the annotations and left out: {preview(names[~found])}"
        )
    if len(absent := listed[~listed.isin(keys)].unique()):
        notes.append(f"{len(absent):,} cells of the annotations are not in the counts: {preview(absent)}")
    if replaced:
        notes.append(f"columns of obs are replaced by those of the annotations: {preview(replaced)}")
    return pd.concat([obs.iloc[rows].drop(columns=replaced), new], axis=1), rows, notes


def read_annotations(path: str | Path) -> pd.DataFrame:
    """Read a CSV or TSV with a header; all columns are text.

    Raises
    ------
    InputError, for a file without rows or columns, or with a row of another length.
    """
    with readable(WHERE, path), open_text(path) as file:
        header = file.readline()
        separator = max("\t,;", key=header.count)
        rows = csv.reader(file, delimiter=separator)
        names = next(csv.reader([header], delimiter=separator), [])
        if "\0" in header or len(names) < 2:
            found = f"{looks_like(Path(path))}" if "\0" in header else "a table of a single column"
            raise InputError(_not_a_table(found))
        cells: list[list[str]] = []
        for row in rows:
            if not any(row):
                continue
            if len(row) == len(names) + 1 and not cells:  # R's write.table gives row names no header
                names = ["cell", *names]
            if len(row) != len(names):
                raise InputError(
                    _not_a_table(f"line {rows.line_num + 1}: {len(row)} cells, in the header {len(names)}")
                )
            cells.append(row)
    if not cells:
        raise InputError(_not_a_table("a header without rows"))
    names = [name.strip() or f"column_{number}" for number, name in enumerate(names, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(_not_a_table(f"columns more than once: {preview(twice)}"))
    return pd.DataFrame(cells, columns=names, dtype=str)


def _matching_column(table: pd.DataFrame, names: pd.Index) -> tuple[str, str | None]:
    """Find the column that identifies the cells, and the rule by which it does; None for equality."""
    known = set(names)
    shortened = {SUFFIX.sub("", name) for name in names}
    for rule, wanted in ((None, known), (" (without the suffix '-1')", shortened)):
        matches = {}
        for column in table:
            values = table[column] if rule is None else table[column].str.replace(SUFFIX, "", regex=True)
            matches[column] = values.isin(wanted).sum()
        best = max(matches, key=lambda column: matches[column])
        if matches[best]:
            return best, rule
    first = str(table.columns[0])
    raise InputError(
        Problem(
            WHERE, f"no cell of the counts, which has {preview(names)}; its column {first!r} has {preview(table[first])}",
            "a column with the names of the cells, as in the counts",
            "write the names of the cells as they are in the counts, sample names and suffixes included",
        )
    )  # fmt: skip


def _check_once(names: pd.Index, what: str) -> None:
    if names.has_duplicates:
        twice = names[names.duplicated()].unique()
        raise InputError(
            Problem(
                WHERE, f"{what} more than once: {preview(twice)}", "each cell once", "write a single row for each cell"
            )
        )


def _typed(column: pd.Series) -> pd.Series:
    """Convert a column of text to numbers if it holds nothing else; empty cells are missing."""
    given = column[~column.str.strip().str.lower().isin(MISSING)]
    missing = column.str.strip().str.lower().isin(MISSING)
    if not len(given):
        return column.where(column != "")
    if given.str.fullmatch(r"-?(0|[1-9]\d{0,17})").all():
        return column.where(~missing).astype("Int64") if missing.any() else column.astype("int64")
    if given.str.fullmatch(r"[+-]?(\d+\.\d*|\.\d+|[1-9]\d*|0)([eE][+-]?\d+)?").all():
        return pd.to_numeric(column.where(~missing)).astype("float64")
    return column.where(column != "")


def _not_a_table(found: str) -> Problem:
    expected = "a CSV or TSV with a header: a column with the names of the cells, and columns of labels"
    return Problem(WHERE, found, expected, "write it again, a row for each cell")


def labels_of_samples(names: Iterable[str], path: str | Path | None) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """As annotate, for the samples of a table, which have nothing but names; without a path, all of them."""
    obs = pd.DataFrame(index=pd.Index(list(names)))
    return annotate(obs, path) if path else (obs, np.arange(len(obs)), [])

"""Tables of annotations: labels of cells in a file of their own, for counts that come without them."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.damage import looks_like, readable
from scxpresso.files import delimiter_of, open_text
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import plural

WHERE = "column annotations"
MISSING = {"", "na", "nan", "n/a", "null", "none"}  # in columns of numbers, in lower case; in others only ""
NUMBER = r"[+-]?(\d+\.\d*|\.\d+|[1-9]\d*|0)([eE][+-]?\d+)?"  # not 007, which is a name
SUFFIX = re.compile(r"-\d+$")  # the GEM well, which Cell Ranger adds to each barcode


def annotate(obs: pd.DataFrame, path: str | Path) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Add the columns of a table to obs, and exclude cells that it does not list.

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
    keys, listed = names, pd.Index(table[column].astype(str))
    if rule:
        keys, listed = (index.str.replace(SUFFIX, "", regex=True) for index in (keys, listed))
    found, known = keys.isin(listed), listed.isin(keys)
    _check_once(keys[found], f"cells of the counts{rule}")
    table = table[known].set_index(listed[known]).drop_duplicates()
    _check_once(table.index, f"cells in its column {column!r}")
    rows = np.flatnonzero(found)
    new = table.drop(columns=column).loc[keys[rows]]
    new = pd.DataFrame({name: _typed(new[name]) for name in new}, index=new.index).set_axis(obs.index[rows])
    replaced = [name for name in new if name in obs]
    notes = [f"{len(rows):,} of {len(obs):,} cells are in the annotations, by their column {column!r}{rule}"]
    if len(rows) < len(obs):
        lacking = plural(len(obs) - len(rows), "cell")
        notes.append(f"{lacking} excluded, not in the annotations: {preview(names[~found])}")
    if len(absent := listed[~known].unique()):
        notes.append(f"{plural(len(absent), 'cell')} of the annotations not in the counts: {preview(absent)}")
    if replaced:
        notes.append(f"columns of obs are replaced by those of the annotations: {preview(replaced)}")
    return pd.concat([obs.iloc[rows].drop(columns=replaced), new], axis=1), rows, notes


def read_annotations(path: str | Path) -> pd.DataFrame:
    """Read a CSV or TSV with a header; all columns are categories of text.

    Raises
    ------
    InputError, for a file without rows or columns, or with a row of another length.
    """
    with readable(WHERE, path), open_text(path) as file:
        header, first = file.readline(), file.readline()
    separator = delimiter_of(header) or "\t"
    names, cells = (next(csv.reader([line], delimiter=separator), []) for line in (header, first))
    if "\0" in header or len(names) < 2:
        raise InputError(_not_a_table(looks_like(Path(path)) if "\0" in header else "a table of a single column"))
    if len(cells) == len(names) + 1:  # R's write.table gives row names no header
        names = ["cell", *names]
    names = [name.strip() or f"column_{number}" for number, name in enumerate(names, start=1)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(_not_a_table(f"columns more than once: {preview(twice)}"))
    with readable(WHERE, path), open_text(path) as file:
        for number, line in enumerate(file, start=1):  # pandas would take missing cells for empty ones
            if number > 1 and '"' not in line and line.strip() and line.count(separator) != len(names) - 1:
                found = f"line {number}: {line.count(separator) + 1} cells, in the header {len(names)}"
                raise InputError(_not_a_table(found))
    try:
        with readable(WHERE, path), open_text(path) as file:
            table = pd.read_csv(
                file, sep=separator, names=names, skiprows=1, dtype="category", keep_default_na=False, index_col=False,
                on_bad_lines="error",
            )  # fmt: skip
    except pd.errors.ParserError as error:
        raise InputError(_not_a_table(f"lines that do not fit the header ({error})")) from None
    if table.empty:
        raise InputError(_not_a_table("a header without rows"))
    return table


def _matching_column(table: pd.DataFrame, names: pd.Index) -> tuple[str, str]:
    """Find the column that identifies the cells, and the rule by which it does; '' for equality."""
    shortened = names.str.replace(SUFFIX, "", regex=True)
    for rule, wanted in (("", set(names)), (" (without the suffix '-1')", set(shortened))):
        matches = {}
        for column in table:
            values = table[column].cat.categories
            values = values.str.replace(SUFFIX, "", regex=True) if rule else values
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
    """Convert categories of text to numbers if these are written alike; others stay text. Empty cells are missing.

    Labels such as 1.1 and 1.10 are one number: only numbers that give back each text replace it.
    """
    column = column.cat.remove_unused_categories()
    texts = column.cat.categories
    missing = texts.str.strip().str.lower().isin(MISSING)
    given = texts[~missing]
    whole = given.str.fullmatch(r"0|-?[1-9]\d{0,17}").all()
    if not len(given) or not (whole or given.str.fullmatch(NUMBER).all()):
        return column.cat.remove_categories([text for text in texts if text == ""])
    if not whole and any(repr(float(text)) != text for text in given):
        return column.cat.remove_categories(texts[missing])
    numbers = pd.Series(pd.to_numeric(given), index=given).reindex(column.astype(str)).set_axis(column.index)
    return numbers.astype(("Int64" if missing.any() else "int64") if whole else "float64")


def as_numbers(column: pd.Series) -> pd.Series | None:
    """Read a column of obs as numbers (float64; NaN: missing), text too if all of it is numbers; None if it is not."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    texts = column.dropna().unique()
    if not all(isinstance(text, str) and re.fullmatch(NUMBER, text) for text in texts):
        return None
    return column.astype(object).map({text: float(text) for text in texts}).astype("float64")


def _not_a_table(found: str) -> Problem:
    expected = "a CSV or TSV with a header: a column with the names of the cells, and columns of labels"
    return Problem(WHERE, found, expected, "write it again, a row for each cell")


def labels_of_samples(names: Iterable[str], path: str | Path | None) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """As annotate, for the samples of a table, which have nothing but names; without a path, all of them."""
    obs = pd.DataFrame(index=pd.Index(list(names)))
    return annotate(obs, path) if path else (obs, np.arange(len(obs)), [])

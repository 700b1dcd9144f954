"""Folders with a matrix in MatrixMarket format beside the names of its cells and features, as Cell Ranger writes them."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.io

from scxpresso.damage import readable
from scxpresso.files import open_text, opener
from scxpresso.layouts.layout import SimpleLayout, X, check_size, check_unique
from scxpresso.layouts.triples import Triples, by_cells
from scxpresso.problems import InputError, Problem, preview

BLOCK = 1_000_000  # entries in memory at a time
FEATURE_COLUMNS = ["gene_name", "feature_types"]  # of features.tsv, after the id; genes.tsv has the first only
MATRIX, BARCODES, FEATURES = "matrix.mtx", "barcodes.tsv", "features.tsv"
NAMES = {MATRIX, BARCODES, FEATURES, "genes.tsv"}  # as Cell Ranger writes them
PATTERNS = {
    MATRIX: r"\.mtx(\.gz)?$",
    BARCODES: r"barcodes\.(tsv|txt)(\.gz)?$",
    FEATURES: r"(features|genes)\.(tsv|txt)(\.gz)?$",
}


class Header(NamedTuple):
    """The header of a matrix in MatrixMarket format."""

    rows: int
    columns: int
    entries: int
    lines: int  # before the first entry
    whole: bool  # whether its values are whole numbers


def is_tenx_folder(path: Path) -> bool:
    """Whether a folder has a file in MatrixMarket format, by its name."""
    return any(re.search(PATTERNS[MATRIX], entry.name, re.IGNORECASE) for entry in path.iterdir())


def open_tenx_folder(path: Path) -> SimpleLayout:
    """Open a folder with matrix.mtx, barcodes.tsv and features.tsv (Cell Ranger 2: genes.tsv), each gzipped or not.

    Names may have more before these words, as in GEO (`GSM1_lung_matrix.mtx.gz`). The matrix is features × cells, or its
    transpose, which the numbers of names show.

    Raises
    ------
    InputError, for missing files, for names and a matrix of different sizes, and for what is not in this format.
    """
    files = {kind: _file(path, kind) for kind in PATTERNS}
    barcodes = pd.Index(_names(files[BARCODES]).iloc[:, 0].to_numpy())
    table = _names(files[FEATURES])
    features = table.iloc[:, 1:3].set_axis(FEATURE_COLUMNS[: table.shape[1] - 1], axis=1)
    features.index = pd.Index(table.iloc[:, 0].to_numpy())
    header = _header(files[MATRIX])
    size = (len(features), len(barcodes))
    transposed = size != (header.rows, header.columns) and size == (header.columns, header.rows)
    if not transposed:
        fix = f"take the file that was written with {files[MATRIX].name}, and remove a header if it has one"
        check_size(f"features in {files[FEATURES].name}", len(features), "rows", header.rows, fix)
        check_size(f"barcodes in {files[BARCODES].name}", len(barcodes), "columns", header.columns, fix)
    check_unique(barcodes)

    def entries() -> Iterator[Triples]:
        for rows, columns, values in _entries(files[MATRIX], header):
            yield (rows, columns, values) if transposed else (columns, rows, values)

    matrix = by_cells(entries, (len(barcodes), len(features)))
    layout = SimpleLayout("10x folder", pd.DataFrame(index=barcodes), features, {X: matrix})
    if transposed:
        layout.notes.append(f"{files[MATRIX].name} is cells × features, the transpose of what Cell Ranger writes")
    return layout


def _file(folder: Path, kind: str) -> Path:
    """Find the file of a kind in a folder."""
    found = [entry for entry in sorted(folder.iterdir()) if re.search(PATTERNS[kind], entry.name, re.IGNORECASE)]
    if len(found) > 1:  # STARsolo writes further matrices beside matrix.mtx
        found = [entry for entry in found if entry.name.removesuffix(".gz") in NAMES] or found
    if len(found) == 1:
        return found[0]
    others = [entry.name for entry in sorted(folder.iterdir())]
    what = f"no {kind}" if not found else f"several files that may be {kind}: {preview(file.name for file in found)}"
    expected = "matrix.mtx, barcodes.tsv and features.tsv (or genes.tsv), each gzipped or not, each once"
    fix = f"the folder has {preview(others, 10)}: complete it" if not found else "give each sample a folder of its own"
    raise InputError(Problem("counts", f"a folder with {what}", expected, fix))


def _names(path: Path) -> pd.DataFrame:
    """Read a table of names, without a header: ids in the first column; columns that all rows have."""
    try:
        with readable(f"counts, {path.name}", path), open_text(path) as file:
            table = pd.read_csv(
                file, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE, low_memory=False
            )
    except pd.errors.EmptyDataError:
        return pd.DataFrame({0: []}, dtype=str)
    except pd.errors.ParserError as error:
        found, fix = f"lines that do not fit the first ({error})", "write it again as Cell Ranger does"
        raise InputError(
            Problem(f"counts, {path.name}", found, "one name in each line, or more by tabs", fix)
        ) from None
    return table.dropna(axis=1)


def _header(path: Path) -> Header:
    """Read the header of a matrix. Raises InputError if it is not one of numbers by coordinates."""
    lines = []
    with readable(f"counts, {path.name}", path), opener(path)(path, "rb") as file:
        for line in file:
            lines.append(line)
            if not line.startswith(b"%") and line.strip():
                break
    try:
        # Of the header alone: given a file that is open in binary, scipy 1.17 may abort the process.
        rows, columns, entries, form, field, symmetry = scipy.io.mminfo(io.BytesIO(b"".join(lines)))
    except ValueError as error:
        raise _not_readable(path, f"no header of MatrixMarket ({error})") from None
    if form != "coordinate" or field not in ("integer", "unsigned-integer", "real", "double") or symmetry != "general":
        raise _not_readable(path, f"a {symmetry} matrix of {field} values in {form} format")
    return Header(rows, columns, entries, len(lines), "integer" in field)


def _entries(path: Path, header: Header) -> Iterator[Triples]:
    """Yield rows, columns (from 0) and values of the entries, in blocks.

    Raises
    ------
    InputError, for a line that is not an entry, an entry outside the matrix, and for missing lines.
    """
    number = 0
    kinds = {"row": np.int64, "column": np.int64, "value": np.int64 if header.whole else np.float64}
    with readable(f"counts, {path.name}", path), opener(path)(path, "rb") as file:
        for _ in range(header.lines):
            file.readline()
        try:
            if header.entries:
                blocks = pd.read_csv(
                    file, sep=r"\s+", header=None, names=list(kinds), dtype=kinds, chunksize=BLOCK, comment="%"
                )
                for block in blocks:
                    rows, columns = block["row"].to_numpy() - 1, block["column"].to_numpy() - 1
                    inside = (rows >= 0) & (rows < header.rows) & (columns >= 0) & (columns < header.columns)
                    if not inside.all():
                        line = header.lines + number + int(np.flatnonzero(~inside)[0]) + 1
                        raise _not_readable(
                            path, f"line {line:,}: an entry outside {header.rows:,} × {header.columns:,}"
                        )
                    number += len(block)
                    yield rows, columns, block["value"].to_numpy()
        except (ValueError, pd.errors.ParserError) as error:
            raise _not_readable(path, f"{_bad_line(path, header)} ({error})") from None
    if number != header.entries:
        fix = "download or write it again: it may be cut short"
        raise _not_readable(path, f"{number:,} entries after a header of {header.entries:,}", fix)


def _bad_line(path: Path, header: Header) -> str:
    """Describe the first line that is not an entry."""
    whole, real = r"\d+", r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?|nan"
    entry = re.compile(rf"\s*{whole}\s+{whole}\s+({'[+-]?' + whole if header.whole else real})\s*", re.IGNORECASE)
    with open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if number > header.lines and line.strip() and not entry.fullmatch(line):
                return f"line {number:,}: {line.strip()[:60]!r}"
    return "lines that are not entries"


def _not_readable(path: Path, found: str, fix: str = "") -> InputError:
    expected = "row, column and value of each entry, after a header of MatrixMarket (general, coordinate)"
    return InputError(Problem(f"counts, {path.name}", found, expected, fix or "write it again as Cell Ranger does"))

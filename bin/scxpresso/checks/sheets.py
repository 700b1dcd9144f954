"""The sheets of atlases and genomes: CSV files whose cells agree with a schema, and the files that cells name."""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jsonschema import Draft202012Validator

from scxpresso.checks.findings import Findings, Row
from scxpresso.checks.schemas import coerced, misfit
from scxpresso.damage import AGAIN, first_fault, looks_like
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean, shown

PATHS = ["file-path", "path"]  # formats of columns that name a file, or a file or folder
MAX_SHEET_SIZE = 10_000_000  # bytes; a larger file is not a sheet


@dataclass(frozen=True)
class Request:
    """What was asked for: see bin/preflight.py. folder: what staged paths are relative to."""

    content: dict
    folder: Path

    def source(self, sheet: str, row: int | None = None, column: str | None = None) -> dict:
        """Return the source of a sheet, or of a cell that names a file; empty if there is none."""
        wanted = (sheet, row, column)
        return next((s for s in self.content["sources"] if (s["sheet"], s.get("row"), s.get("column")) == wanted), {})

    def path(self, source: dict) -> Path | None:
        """Return the path of a source's file; None if there is none."""
        return self.folder / source["staged_path"] if source.get("staged_path") else None


@dataclass(frozen=True)
class Sheet:
    """What messages call a sheet, and its schema. option: the parameter that names it. entry: what a row is."""

    option: str
    entry: str
    place: str
    schema: dict

    @property
    def rules(self) -> dict[str, dict]:
        """Columns and the schema of each."""
        return self.schema["items"]["properties"]

    @property
    def required(self) -> list[str]:
        """Columns that have to be there."""
        return self.schema["items"]["required"]


def read_sheet(option: str, entry: str, request: Request, schema: dict, findings: Findings) -> list[Row]:
    """Rows of a sheet, each cell checked by the schema, and each file that a cell names looked up."""
    source = request.source(option)
    path = request.path(source)
    if source.get("value") is None:
        return []
    if path is None:
        fix = "check the spelling, and the folder that you are in"
        findings.problem(f"--{option}", missing(source), f"a CSV sheet, one {entry} per row", fix)
        return []
    sheet = Sheet(option, entry, re.split(r"[/\\]", shown(source["value"]))[-1], schema)
    if fault := first_fault(path):
        findings.problem(sheet.place, fault, f"a CSV sheet, one {entry} per row", "check which file this is")
        return []
    try:
        (line, header), *table = read_cells(read_text(path, sheet.place), sheet.place)
    except InputError as error:
        findings.problems += error.problems
        return []
    columns = check_header(sheet, line, header, findings)
    if not table:
        findings.problem(sheet.place, "a header without rows", f"one {entry} per row", "add a row")
    if not any(columns):
        return []
    rows = [
        read_row(sheet, f"row {number} (line {line})", columns, cells, findings)
        for number, (line, cells) in enumerate(table, start=1)
    ]
    check_rows(sheet, rows, request, findings)
    return rows


def read_text(path: Path, place: str) -> str:
    """A sheet's text. Raises InputError for a file that cannot be a CSV."""
    expected, fix = "a CSV: text in UTF-8 with commas between cells", "save it as CSV (UTF-8)"
    size = path.stat().st_size
    if size > MAX_SHEET_SIZE:
        raise InputError(Problem(place, f"{size:,} bytes, too many for a sheet", expected, "check which file this is"))
    content = path.read_bytes()
    if not content.removeprefix(codecs.BOM_UTF8).strip(b" \t\r\n,"):
        raise InputError(Problem(place, "nothing but blanks", expected, "write a header, and a row for each entry"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = looks_like(path)
        found = f"a character that is not UTF-8 in line {line}" if found.startswith("text") else found
        raise InputError(Problem(place, found, expected, fix)) from None


def read_cells(text: str, place: str) -> list[tuple[int, list[str]]]:
    """Line number and cells of each row of a CSV that is not blank; cells that are blank at a row's end are cut."""
    table, line = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        for cells in reader:
            cells = [cell.strip(" \t") for cell in cells]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                table.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            Problem(
                f"{place}, line {line}", f"quotation marks that do not pair ({error})",
                "cells separated by commas, and between quotation marks where they hold a comma or quotation mark",
                "close the quotation mark; write a quotation mark inside a cell twice",
            )
        ) from None  # fmt: skip
    return table


def check_header(sheet: Sheet, line: int, header: list[str], findings: Findings) -> list[str]:
    """The header with '' for each column that cannot be read; unknown, doubled and missing ones are problems."""
    where = f"{sheet.place}, line {line} (the header)"
    if len(header) == 1 and (mark := re.search(r"[;\t]", header[0])):
        kind = "semicolons" if mark[0] == ";" else "tabs"
        findings.problem(where, f"{kind} between cells", "commas", "save it as comma-separated values (CSV, UTF-8)")
        return []
    expected = f"the columns {', '.join(sheet.required)}"
    if optional := [name for name in sheet.rules if name not in sheet.required]:
        expected += f", and if you like {', '.join(optional)}"
    for column, times in Counter(header).items():
        if column not in sheet.rules:
            found = f"an unknown column {column!r}" if column else "a column without a name"
            findings.problem(where, found, expected, did_you_mean(column, sheet.rules) or "remove the column")
        elif times > 1:
            findings.problem(where, f"the column {column!r} {times} times", "each column once", "remove one of them")
    for column in sheet.required:
        if column not in header:
            findings.problem(where, f"no column {column!r}", expected, f"add it: {sheet.rules[column]['description']}")
    return [column if column in sheet.rules and header.count(column) == 1 else "" for column in header]


def read_row(sheet: Sheet, number: str, columns: list[str], cells: list[str], findings: Findings) -> Row:
    """Parse a row: the cells of readable columns, converted to their types; none if it has more cells than the header."""
    row = Row(f"{sheet.place}, {number}")
    if len(cells) > len(columns):
        fix = "put a cell that holds a comma between quotation marks"
        findings.problem(row.place, f"{len(cells)} cells", f"{len(columns)}, as in the header", fix)
        return row
    row.text = {column: cell for column, cell in zip(columns, cells, strict=False) if column and cell}
    row.values = {column: coerced(cell, sheet.rules[column]) for column, cell in row.text.items()}
    for column in sheet.required:
        if column in columns and column not in row.text:
            rule = sheet.rules[column]
            findings.problem(row.at(column), "an empty cell", rule["description"], rule["help_text"])
    return row


def check_rows(sheet: Sheet, rows: list[Row], request: Request, findings: Findings) -> None:
    """Cells by the schema, names once each, and the files that cells name."""
    for error in list(Draft202012Validator(sheet.schema).iter_errors([row.values for row in rows])):
        if len(error.path) > 1:  # the others are of columns, which were checked with the header and the row
            row, column = rows[error.path[0]], error.path[1]
            findings.problems.append(misfit(row.at(column), row.text[column], error, sheet.rules[column]["help_text"]))
            if len(error.path) == 2:
                row.values.pop(column, None)
            elif column in row.values:
                row.values[column].remove(error.instance)  # one level of several
    first: dict[str, Row] = {}
    for number, row in enumerate(rows, start=1):
        name = row.values.get(sheet.entry)
        if name in first:
            found = f"{name!r}, as in {first[name].place.rsplit(', ', 1)[1]}"
            fix = "rename one of them, or remove a row"
            findings.problem(row.at(sheet.entry), found, f"each {sheet.entry} once", fix)
        elif name:
            first[name] = row
        find_files(sheet.option, number, row, sheet.rules, request, findings)


def find_files(option: str, number: int, row: Row, rules: dict, request: Request, findings: Findings) -> None:
    """Find the file of each cell that names one; a missing or empty file is a problem."""
    for column in [name for name in row.values if rules[name].get("format") in PATHS]:
        source = request.source(option, number, column) or {"value": row.text[column]}
        path = request.path(source)
        expected = rules[column]["description"]
        if path is None:
            where = "the folder of the sheet" if row.place else "the folder that you are in"
            fix = f"check the spelling; relative paths start at {where}"
            findings.problem(row.at(column), missing(source), expected, fix)
        elif fault := first_fault(path):
            findings.problem(row.file(column), fault, expected, AGAIN)
        else:
            row.paths[column] = path


def missing(source: dict) -> str:
    """Why a source has no file, in words."""
    given = str(source["value"])
    if source.get("folder"):
        return f"{given!r} is a folder"
    return f"nothing to read at {given!r}" if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", given) else f"no file {given!r}"


def single_genome(request: Request, params: dict, schema: dict, findings: Findings) -> list[Row]:
    """The genome that --fasta, --gtf and --gene_features give, as the row of a sheet that there is not."""
    given = {name: params[name] for name in ("fasta", "gtf", "gene_features") if params[name] is not None}
    name = request.content.get("genome")
    row = Row("", given, given | ({"genome": name} if name else {}))
    find_files("genomes", 1, row, schema["items"]["properties"], request, findings)
    return [row]


def check_genome_names(rows: list[Row], genomes: list[Row], findings: Findings) -> None:
    """The genome of every row (an atlas, a set of variants, a sample) is one that is given."""
    known = [row.values["genome"] for row in genomes if "genome" in row.values]
    fix = "add it to the sheet of genomes"
    if not all(row.place for row in genomes):
        fix = "--fasta and --gtf give a single genome: name it alike in every row, or write a sheet for --genomes"
    for row in rows:
        name = row.values.get("genome")
        if known and name and name not in known:
            near = did_you_mean(name, known)
            findings.problem(
                row.at("genome"), f"an unknown genome {name!r}", f"one of {preview(known, 20)}", near or fix
            )

"""Everything that can be known to be wrong before anything is computed: parameters, sheets, files, and how they fit.

A check never stops another one: what it finds goes into `Findings`, and the user sees all of it in one report.
"""

import codecs
import csv
import difflib
import gzip
import io
import json
import math
import platform
import re
import shutil
import subprocess
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import scipy.sparse
from jsonschema import Draft202012Validator, ValidationError

from scxpresso import __version__
from scxpresso.annotation import (
    CANONICAL_TAGS,
    Transcript,
    open_text,
    read_annotation,
    read_canonical,
    select_transcripts,
)
from scxpresso.atlas import Atlas
from scxpresso.expression import SCALE, WHOLE, group_cells, is_hdf5, is_spike_in, read_bulk
from scxpresso.identifiers import GeneMatch, match_contigs, match_genes, without_version
from scxpresso.problems import InputError, Problem, some
from scxpresso.sequence import INVALID, LETTER_CODES, read_fasta, window_bounds

SMALLEST_WINDOW = 299  # bases that the network's two poolings need
SMALLEST_TRAINING_SET = 20  # genes, as training.fold_data demands
LARGEST_SHEET = 10_000_000  # bytes; a larger file is no sheet
MOST_POPULATIONS = 1000  # of a level; more are measurements or the cells' names
LARGEST_LOG = 30  # no log-transformed count is larger
PACKAGES = [
    "anndata", "biopython", "h5py", "numba", "numpy", "pandas", "plotly", "pybedtools", "pysam", "safetensors",
    "scikit-learn", "scipy", "torch",
]  # fmt: skip

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # as in the schemas
NUCLEOTIDES = bytes(np.flatnonzero(LETTER_CODES != INVALID).astype(np.uint8))
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

AGAIN = "download or write it again, and compare its size or checksum with the source's"
CUT_BGZIP = "a bgzip file that is cut short (its end mark is missing)"

# What a file is by its first bytes, for users who gave another one than they meant.
LOOKS_LIKE = {
    b"\x89HDF": "an HDF5 file",
    b"PK\x03\x04": "a zip or Excel file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x1f\x8b": "another gzip file",
    b"\x43\x27\x41\x1a": "a 2bit file",
    b"BAM\x01": "a BAM file",
    b"<": "a web page (HTML or XML), perhaps of a download that failed",
    b"@": "a FASTQ file",
    b">": "a FASTA file",
    b"version https://git-lfs": "a pointer of Git LFS to a file that was not fetched",
}


# ---- What is found ---------------------------------------------------------------------------------------------------


@dataclass
class Findings:
    """problems: what the user has to mend. notes: what was decided for the user, {"where", "message"}."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def problem(self, where: str, found: str, expected: str, mend: str = "") -> None:
        self.problems.append(Problem(where, found, expected, mend))

    def note(self, where: str, message: str) -> None:
        self.notes.append({"where": where, "message": message})

    def report(self) -> str:
        """Every problem once, in the order of the checks; '' when there are none."""
        problems = list(dict.fromkeys(map(str, self.problems)))
        title = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} to mend before anything is run:"
        return "\n\n".join([title, *problems]) + "\n" if problems else ""

    @contextmanager
    def reading(self, row: "Row", column: str, expected: str) -> Iterator[None]:
        """Whatever goes wrong with the file of this cell becomes a problem of the cell, and the next check goes on."""
        try:
            yield
        except Exception as error:  # a damaged file may break any reader in any way
            if isinstance(error, InputError) and not gzip_fault(row.paths[column]):
                self.problems += [row.placed(column, problem) for problem in error.problems]
            else:
                self.problem(row.file(column), damage(row.paths[column], error), expected, AGAIN)


@dataclass
class Row:
    """A row of a sheet. place: how messages name it; '' where --fasta and --gtf stand for a sheet.

    given: cells as they were written. values: those that agree with the schema. paths: files that were found.
    """

    place: str
    given: dict[str, str] = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)

    def at(self, column: str) -> str:
        return f"{self.place}, column {column}" if self.place else f"--{column}"

    def file(self, column: str) -> str:
        return f"{self.at(column)}, file {self.given[column]!r}"

    def placed(self, column: str, problem: Problem) -> Problem:
        """A problem that a reader raised, with sheet, row and column before what the reader knew of the place."""
        if problem.where.startswith("column "):
            where = self.at(problem.where.removeprefix("column "))
        else:
            where = self.file(column) + ("" if problem.where == "counts" else f" ({problem.where})")
        return Problem(where, problem.found, problem.expected, problem.mend or f"mend the file, or {AGAIN}")

    @property
    def genome(self) -> str:
        """How notes name the genome of this row."""
        return f"genome {shown(self.values['genome'])}" if "genome" in self.values else self.place or "--gtf"

    @property
    def atlas(self) -> str:
        """How notes name the atlas of this row."""
        return f"atlas {self.values['atlas']}" if "atlas" in self.values else self.place


def shown(text) -> str:
    """Text of the user as part of a sentence: control characters are shown, not obeyed."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text))


def did_you_mean(name, options: Iterable[str]) -> str:
    """`did you mean 'x'?`, however either is capitalised or punctuated; '' where nothing is near."""

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    known = {plain(option): option for option in options}
    near = difflib.get_close_matches(plain(str(name)), known, n=1)
    return f"did you mean {known[near[0]]!r}?" if near else ""


# ---- Parameters and cells against their schemas ----------------------------------------------------------------------


def expectation(rule: dict) -> str:
    """What a schema allows, in words."""
    if "errorMessage" in rule:
        return rule["errorMessage"]
    if "enum" in rule:
        return f"one of {some(rule['enum'], 20)}"
    kind = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}[rule["type"]]
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    within = [f"{words} {rule[limit]:,}" for limit, words in limits.items() if limit in rule]
    return f"{kind}, {' and '.join(within)}" if within else kind


def coerced(value, rule: dict):
    """A value as the type that its schema names, where its text can be read so: Nextflow hands over text or numbers."""
    kind, text = rule.get("type"), str(value)
    if value is True and kind != "boolean":
        return value  # an option without a value
    if kind == "integer":
        return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else text
    if kind == "number":
        return float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "array":
        return [item.strip(" ") for item in text.split(";") if item.strip(" ")]
    return text


def misfit(where: str, given, error: ValidationError, mend: str) -> Problem:
    """What jsonschema says of a value, in words."""
    text = error.instance if isinstance(error.instance, str) else str(given)
    found = "no value" if given is True else repr(text if len(text) <= 200 else f"{text[:200]}…")
    near = did_you_mean(given, error.schema.get("enum", ()))
    return Problem(where, found, expectation(error.schema), f"{near} {mend}".strip())


def check_params(given: dict, schema: dict, findings: Findings) -> dict:
    """Parameters by their schema: the valid ones as their types, the default of every other one."""
    groups = schema["$defs"].values()
    rules = {name: rule for group in groups for name, rule in group["properties"].items()}
    for name in unknown_params(given, rules, schema["patternProperties"]):
        near = did_you_mean(name, [f"--{known}" for known in rules])
        findings.problem(f"--{shown(name)}", "no such parameter", "one that --help lists", near or "leave it out")
    defaults = {name: rule.get("default") for name, rule in rules.items()}
    values = {name: coerced(given[name], rule) for name, rule in rules.items() if given.get(name) is not None}
    for name in [name for group in groups for name in group.get("required", ()) if name not in values]:
        findings.problem(f"--{name}", "not given", expectation(rules[name]), f"add --{name}")
    for error in list(Draft202012Validator(schema).iter_errors(values)):
        if error.path:
            name = error.path[0]
            default = defaults[name]
            mend = rules[name]["help_text"] if default is None else f"leave it out to have the default, {default}"
            findings.problems.append(misfit(f"--{name}", given[name], error, mend))
            values[name] = default
    return defaults | values


def unknown_params(given: dict, rules: dict, allowed: Iterable[str]) -> list[str]:
    """Names that the schema lacks. Nextflow may hand `--min-cells` over as `minCells` too: it is named once."""
    unknown = [name for name in given if name not in rules and not any(re.search(rule, name) for rule in allowed)]
    camels = {re.sub(r"-(\w)", lambda found: found[1].upper(), name) for name in unknown if "-" in name}
    return [name for name in unknown if name not in camels]


def check_options(params: dict, findings: Findings) -> None:
    """Parameters against each other."""
    window = params["upstream"] + params["downstream"]
    if window < SMALLEST_WINDOW and params["inputs"] != "half_life":
        findings.problem(
            "--upstream and --downstream", f"a window of {window:,} bases", f"at least {SMALLEST_WINDOW} bases in all",
            "the paper uses --upstream 7000 --downstream 3500",
        )  # fmt: skip
    for name, times in Counter(re.split(r"[, ]+", params["network"])).items():
        if times > 1:
            findings.problem("--network", f"{name!r} {times} times", "each network once", "name it once")
    lacking = [f"--{name}" for name in ("fasta", "gtf") if params[name] is None]
    ways = "--genomes SHEET, or --fasta FILE and --gtf FILE together"
    if params["genomes"] is None and lacking:
        where = lacking[0] if len(lacking) == 1 else "--genomes"
        findings.problem(where, "not given", ways, f"add {where}")
    if params["genomes"] is not None and len(lacking) < 2:
        findings.problem(
            "--genomes", "given beside --fasta or --gtf", ways,
            "leave one of them out (--genomes may come from a profile such as test, or from a params file)",
        )  # fmt: skip
    if params["device"] == "auto":
        findings.note("--device", "auto: a training task uses a GPU where it finds one, else the CPU")


# ---- Sheets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What was asked for: see bin/preflight.py. folder: what staged paths are relative to."""

    content: dict
    folder: Path

    def source(self, sheet: str, row: int | None = None, column: str | None = None) -> dict:
        """The source of a sheet, or of a cell that names a file; empty where there is none."""
        wanted = (sheet, row, column)
        return next((s for s in self.content["sources"] if (s["sheet"], s.get("row"), s.get("column")) == wanted), {})

    def path(self, source: dict) -> Path | None:
        return self.folder / source["staged"] if source.get("staged") else None


@dataclass(frozen=True)
class Sheet:
    """What messages call a sheet, and its schema. option: the parameter that names it. entry: what a row is."""

    option: str
    entry: str
    place: str
    schema: dict

    @property
    def rules(self) -> dict[str, dict]:
        return self.schema["items"]["properties"]

    @property
    def required(self) -> list[str]:
        return self.schema["items"]["required"]


def read_sheet(option: str, entry: str, request: Request, schema: dict, findings: Findings) -> list[Row]:
    """Rows of a sheet, each cell checked by the schema, and each file that a cell names looked up."""
    source = request.source(option)
    path = request.path(source)
    if source.get("given") is None:
        return []
    if path is None:
        mend = "check the spelling, and the folder that you are in"
        findings.problem(f"--{option}", missing(source), f"a CSV sheet, one {entry} a row", mend)
        return []
    sheet = Sheet(option, entry, re.split(r"[/\\]", shown(source["given"]))[-1], schema)
    if fault := first_fault(path):
        findings.problem(sheet.place, fault, f"a CSV sheet, one {entry} a row", "check which file this is")
        return []
    try:
        (line, header), *table = read_cells(read_text(path, sheet.place), sheet.place)
    except InputError as error:
        findings.problems += error.problems
        return []
    columns = check_header(sheet, line, header, findings)
    if not table:
        findings.problem(sheet.place, "a header without rows", f"one {entry} a row", "add a row")
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
    expected, mend = "a CSV: text in UTF-8 with commas between cells", "save it as CSV (UTF-8)"
    size = path.stat().st_size
    if size > LARGEST_SHEET:
        raise InputError(Problem(place, f"{size:,} bytes, too many for a sheet", expected, "check which file this is"))
    content = path.read_bytes()
    if not content.removeprefix(codecs.BOM_UTF8).strip(b" \t\r\n,"):
        raise InputError(Problem(place, "nothing but blanks", expected, "write a header, and a row for each entry"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = looks_like(path)
        found = f"a letter that is not UTF-8 in line {line}" if found.startswith("text") else found
        raise InputError(Problem(place, found, expected, mend)) from None


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
    """A row with the cells of readable columns, as their types; none where it has more cells than the header."""
    row = Row(f"{sheet.place}, {number}")
    if len(cells) > len(columns):
        mend = "put a cell that holds a comma between quotation marks"
        findings.problem(row.place, f"{len(cells)} cells", f"{len(columns)}, as in the header", mend)
        return row
    row.given = {column: cell for column, cell in zip(columns, cells, strict=False) if column and cell}
    row.values = {column: coerced(cell, sheet.rules[column]) for column, cell in row.given.items()}
    for column in sheet.required:
        if column in columns and column not in row.given:
            rule = sheet.rules[column]
            findings.problem(row.at(column), "an empty cell", rule["description"], rule["help_text"])
    return row


def check_rows(sheet: Sheet, rows: list[Row], request: Request, findings: Findings) -> None:
    """Cells by the schema, names once each, and the files that cells name."""
    for error in list(Draft202012Validator(sheet.schema).iter_errors([row.values for row in rows])):
        if len(error.path) > 1:  # the others are of columns, which were checked with the header and the row
            row, column = rows[error.path[0]], error.path[1]
            findings.problems.append(misfit(row.at(column), row.given[column], error, sheet.rules[column]["help_text"]))
            if len(error.path) == 2:
                row.values.pop(column, None)
            elif column in row.values:
                row.values[column].remove(error.instance)  # one level of several
    first: dict[str, Row] = {}
    for number, row in enumerate(rows, start=1):
        name = row.values.get(sheet.entry)
        if name in first:
            found = f"{name!r}, as in {first[name].place.rsplit(', ', 1)[1]}"
            mend = "rename one of them, or remove a row"
            findings.problem(row.at(sheet.entry), found, f"each {sheet.entry} once", mend)
        elif name:
            first[name] = row
        find_files(sheet.option, number, row, sheet.rules, request, findings)


def find_files(option: str, number: int, row: Row, rules: dict, request: Request, findings: Findings) -> None:
    """The file of each cell that names one; a problem where there is none, or an empty one."""
    for column in [name for name in row.values if rules[name].get("format") == "file-path"]:
        source = request.source(option, number, column) or {"given": row.given[column]}
        path = request.path(source)
        expected = rules[column]["description"]
        if path is None:
            where = "the folder of the sheet" if row.place else "the folder that you are in"
            mend = f"check the spelling; relative paths start at {where}"
            findings.problem(row.at(column), missing(source), expected, mend)
        elif fault := first_fault(path):
            findings.problem(row.file(column), fault, expected, AGAIN)
        else:
            row.paths[column] = path


def missing(source: dict) -> str:
    """Why a source has no file, in words."""
    given = str(source["given"])
    if source.get("folder"):
        return f"{given!r} is a folder"
    return f"nothing to read at {given!r}" if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", given) else f"no file {given!r}"


def single_genome(request: Request, params: dict, schema: dict, findings: Findings) -> list[Row]:
    """The genome that --fasta and --gtf give, as the row of a sheet that there is not."""
    given = {name: params[name] for name in ("fasta", "gtf") if params[name] is not None}
    name = request.content.get("genome")
    row = Row("", given, given | ({"genome": name} if name else {}))
    find_files("genomes", 1, row, schema["items"]["properties"], request, findings)
    return [row]


def check_genome_names(atlases: list[Row], genomes: list[Row], findings: Findings) -> None:
    """Every atlas' genome is one that is given."""
    known = [row.values["genome"] for row in genomes if "genome" in row.values]
    mend = "add it to the sheet of genomes"
    if not all(row.place for row in genomes):
        mend = "--fasta and --gtf give a single genome: name it alike in every row, or write a sheet for --genomes"
    for row in atlases:
        name = row.values.get("genome")
        if known and name and name not in known:
            near = did_you_mean(name, known)
            findings.problem(row.at("genome"), f"an unknown genome {name!r}", f"one of {some(known, 20)}", near or mend)


# ---- Damaged and mistaken files --------------------------------------------------------------------------------------


def is_gzip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == BGZF_END[:2]


def start_of(path: Path) -> bytes:
    """The first bytes of a file, unzipped where it is gzip; leading blanks cut."""
    with gzip.open(path) if is_gzip(path) else open(path, "rb") as file:
        return file.read(1000).lstrip()


def looks_like(path: Path) -> str:
    """What a file is by its first bytes, for a message."""
    zipped = "gzip of " if is_gzip(path) else ""
    try:
        start = start_of(path)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return "a damaged gzip file"
    for magic, kind in LOOKS_LIKE.items():
        if start.startswith(magic):
            return zipped + kind
    if not start or b"\0" in start:
        return zipped + ("binary data" if start else "nothing")
    return f"{zipped}text that starts with {start.decode('utf-8', 'replace').splitlines()[0][:40]!r}"


def first_fault(path: Path) -> str:
    """What is wrong with a file whatever it should hold, as far as its ends tell; '' where nothing is."""
    try:
        if not path.stat().st_size:
            return "an empty file (0 bytes)"
        return CUT_BGZIP if lacks_bgzf_end(path) else ""
    except PermissionError:
        return "no permission to read it"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def gzip_fault(path: Path) -> str:
    """What is wrong with a gzip file, read to its end; '' where nothing is, or where it is no gzip file."""
    if not is_gzip(path):
        return ""
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except EOFError:
        return "a gzip file that is cut short"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"a damaged gzip file ({error})"
    return ""


def lacks_bgzf_end(path: Path) -> bool:
    """Whether a bgzip file was cut between two of its blocks, which gzip itself cannot notice."""
    with open(path, "rb") as file:
        blocked = is_gzip(path) and file.read(16)[12:14] == b"BC"
        file.seek(-min(path.stat().st_size, len(BGZF_END)), io.SEEK_END)
        return blocked and file.read() != BGZF_END


def damage(path: Path, error: Exception) -> str:
    """What a reader's error says of a file."""
    reason = shown(str(error).strip().split("\n")[0] or "no reason given")
    return gzip_fault(path) or f"{looks_like(path)}, which cannot be read ({type(error).__name__}: {reason})"


# ---- Genomes ---------------------------------------------------------------------------------------------------------


def check_genome(row: Row, params: dict, findings: Findings) -> list[Transcript]:
    """The transcripts whose features the genome's models will read, one a gene; none where that cannot be known."""
    contigs, chosen = {}, []
    if "fasta" in row.paths:
        with findings.reading(row, "fasta", "a FASTA of nucleotides, plain, gzipped or bgzipped"):
            contigs = check_fasta(row, findings)
    if "gtf" in row.paths:
        with findings.reading(row, "gtf", "a GTF or GFF3, plain or gzipped"):
            chosen = check_annotation(row, findings)
    if "ccres" in row.paths:
        with findings.reading(row, "ccres", "a BED file, plain or gzipped"):
            check_bed(row.paths["ccres"])
    if chosen and contigs:
        chosen = check_contigs(row, chosen, contigs, params, findings)
    if chosen:
        check_folds(row, chosen, params, findings)
    return chosen


def check_fasta(row: Row, findings: Findings) -> dict[str, int]:
    """Length of each contig, in one pass; none where the file is no FASTA of nucleotides."""
    path, where = row.paths["fasta"], row.file("fasta")
    if not start_of(path).startswith(b">"):
        findings.problem(where, looks_like(path), "a FASTA, which starts with '>'", "check which file this is")
        return {}
    pysam.set_verbosity(0)  # what htslib says of a damaged file, `damage` says better
    length: dict[str, int] = {}
    repeated, strange = [], {}
    for name, letters in read_fasta(str(path)):
        if name in length:
            repeated.append(name)
        length[name] = len(letters)
        if others := letters.encode("latin-1", "replace").translate(None, NUCLEOTIDES):
            strange[name] = chr(others[0])
    if repeated:
        mend = "keep one of each (were two files joined?)"
        findings.problem(where, f"contigs of the same name: {some(repeated)}", "each name once", mend)
    if strange:
        found = f"{some(sorted(set(strange.values())))} among the letters of {some(strange)}"
        mend = "take the genome's FASTA, not that of its proteins; download it again if it is the genome's"
        findings.problem(where, found, "IUPAC nucleotide letters", mend)
    return {} if strange else length


def check_annotation(row: Row, findings: Findings) -> list[Transcript]:
    """One transcript of each gene that has a coding region."""
    transcripts = read_annotation(str(row.paths["gtf"]))
    canonical: set[str] = set()
    if "canonical" in row.paths:
        with findings.reading(row, "canonical", "a list of transcript ids, plain or gzipped"):
            canonical = check_canonical(row, transcripts, findings)
    chosen, dropped = select_transcripts(transcripts, canonical)
    if not chosen:
        reasons = ", ".join(f"{reason}: {times:,}" for reason, times in Counter(dropped.values()).most_common())
        findings.problem(
            row.file("gtf"), f"no gene with a coding region among {len(dropped):,} ({reasons})",
            "lines of type CDS with gene_id and transcript_id",
            "take the full annotation, not one of exons or genes only",
        )  # fmt: skip
        return []
    ways = Counter(reason_of_choice(transcript, canonical) for transcript in chosen)
    listed = ", ".join(f"{way} ({times:,})" for way, times in ways.most_common())
    findings.note(row.genome, f"{len(chosen):,} genes with a coding region; the transcript of each is {listed}")
    return chosen


def reason_of_choice(transcript: Transcript, canonical: set[str]) -> str:
    """Why this transcript stands for its gene, as annotation.select_transcripts chose it."""
    if without_version(transcript.transcript_id) in canonical:
        return "in the canonical list"
    tags = [wanted for wanted in CANONICAL_TAGS if any(tag.startswith(wanted) for tag in transcript.tags)]
    return f"tagged {tags[0]}" if tags else "the one of the longest coding region"


def check_canonical(row: Row, transcripts: list[Transcript], findings: Findings) -> set[str]:
    """The listed transcript ids, some of which the annotation has to know."""
    listed = read_canonical(str(row.paths["canonical"]))
    known = {without_version(transcript.transcript_id) for transcript in transcripts}
    if not listed & known:
        findings.problem(
            row.file("canonical"),
            f"no transcript of the annotation: it has {some(sorted(listed))}, the annotation {some(sorted(known))}",
            "ids of transcripts of the annotation", "take the list of the same source and species, or leave it out",
        )  # fmt: skip
    return listed


def check_bed(path: Path) -> None:
    """Raises InputError for a line that is no BED."""
    with open_text(str(path)) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith(("#", "track", "browser")):
                continue
            _contig, *span = (line.split("\t") if "\t" in line else line.split())[:3]
            span = [position.strip() for position in span]
            if len(span) < 2 or not all(map(str.isdecimal, span)) or int(span[0]) > int(span[1]):
                found, expected = repr(line.strip()[:60]), "contig, start and end with tabs between them (BED)"
                raise InputError(Problem(f"line {number}", found, expected, "mend or remove the line"))


def check_contigs(
    row: Row, chosen: list[Transcript], contigs: dict[str, int], params: dict, findings: Findings
) -> list[Transcript]:
    """The transcripts on contigs of the FASTA, whatever either file calls them; all of them where most are on none."""
    genes_on = Counter(transcript.chrom for transcript in chosen)
    name_of = match_contigs(genes_on, contigs)
    lost = {name: genes_on[name] for name in sorted(genes_on.keys() - name_of)}
    homeless = sum(lost.values())
    if homeless * 2 > len(chosen):
        findings.problem(
            row.at("gtf"), f"{homeless:,} of {len(chosen):,} genes are on contigs that the FASTA lacks: the annotation "
            f"has {some(lost)}, the FASTA {some(contigs)}",
            "an annotation of the FASTA's contigs (with or without 'chr')",
            "take both files of one assembly and one source (Ensembl, GENCODE, UCSC, GenBank)",
        )  # fmt: skip
        return chosen
    renamed = [f"{shown(name)} is {shown(name_of[name])}" for name in sorted(name_of) if name != name_of[name]]
    if renamed:
        pairs = ", ".join(renamed[:5]) + (", …" if len(renamed) > 5 else "")
        findings.note(row.genome, f"{len(renamed)} contigs have other names in FASTA and annotation: {pairs}")
    if lost:
        findings.note(row.genome, f"{homeless:,} genes are left out: the FASTA lacks their contigs {some(lost)}")
    kept = [transcript for transcript in chosen if transcript.chrom in name_of]
    check_positions(row, kept, {name: contigs[other] for name, other in name_of.items()}, params, findings)
    return kept


def check_positions(
    row: Row, chosen: list[Transcript], length: dict[str, int], params: dict, findings: Findings
) -> None:
    """Every TSS on its contig (by the annotation's name); windows that reach over a contig's end are counted."""
    beyond = [
        f"{transcript.gene_id} at {transcript.tss:,} of {transcript.chrom} ({length[transcript.chrom]:,} bases)"
        for transcript in chosen
        if transcript.tss > length[transcript.chrom]
    ]
    if beyond:
        findings.problem(
            row.at("gtf"), f"genes that start beyond the end of their contig: {some(beyond)}",
            "positions on the contigs of the FASTA", "take FASTA and annotation of one assembly: these are of two",
        )  # fmt: skip
        return
    padded = 0
    for transcript in chosen:
        start, end = window_bounds(transcript.tss, transcript.strand, params["upstream"], params["downstream"])
        padded += start < 0 or end > length[transcript.chrom]
    if padded:
        findings.note(row.genome, f"{padded:,} windows reach over the end of a contig: they are padded with N and kept")


def check_folds(row: Row, chosen: list[Transcript], params: dict, findings: Findings) -> None:
    """At least as many groups of genes that may be parted as folds, as far as that is known without the sequence."""
    by_contig = params["fold_method"] == "chromosome"
    groups = {transcript.chrom if by_contig else without_version(transcript.gene_id) for transcript in chosen}
    if len(groups) < params["folds"]:
        findings.problem(
            f"--folds {params['folds']} --fold_method {params['fold_method']}",
            f"{row.genome} has only {len(groups)} {'contigs with genes' if by_contig else 'genes'}",
            f"at least {params['folds']}", "ask for fewer folds" + (", or --fold_method random" if by_contig else ""),
        )  # fmt: skip


# ---- Atlases ---------------------------------------------------------------------------------------------------------


def check_atlas(row: Row, genes: list[Transcript], params: dict, findings: Findings) -> None:
    """An atlas' counts, levels and genes; the last against its genome's where those are known."""
    protocol = row.values.get("protocol")
    if protocol in SCALE:
        for name in [name for name, single in (("aggregation", "mean"), ("pseudocount", 0)) if params[name] != single]:
            findings.problem(
                f"--{name} {params[name]}", f"{row.place} is of single cells ({protocol})",
                "bulk atlases only: single cells are averaged, without a pseudocount",
                f"leave out --{name} (the profile xpresso sets it), or run bulk and single-cell atlases apart",
            )  # fmt: skip
    if "counts" in row.paths:
        with findings.reading(row, "counts", "an h5ad (AnnData)" + (", or a table" if protocol == "bulk" else "")):
            is_table = protocol == "bulk" and not is_hdf5(row.paths["counts"])
            (check_table if is_table else check_h5ad)(row, genes, params, findings)


def check_table(row: Row, genes: list[Transcript], params: dict, findings: Findings) -> None:
    """A bulk atlas that is a table of genes × samples."""
    table = read_bulk(row.paths["counts"])
    if fault := tpm_fault(scipy.sparse.csr_matrix(table.to_numpy(dtype=np.float64).T), whole_samples=True):
        findings.problem(row.file("counts"), fault, "TPM (not log-transformed)", "give TPM as they were computed")
    check_levels(row, pd.DataFrame(index=table.columns), params, findings)
    check_genes(row, list(table.index), {}, genes, params, findings)


def check_h5ad(row: Row, genes: list[Transcript], params: dict, findings: Findings) -> None:
    """A single-cell atlas, or bulk samples as the cells of an h5ad."""
    path = row.paths["counts"]
    if not is_hdf5(path):
        mend = "gunzip it" if "HDF5" in looks_like(path) else "write it with scanpy or anndata: adata.write_h5ad(…)"
        raise InputError(Problem("counts", looks_like(path), "an h5ad (AnnData)", mend))
    with open_atlas(row, findings) as atlas:
        check_levels(row, atlas.obs, params, findings)
        cells, width = atlas.shape
        if not cells or not width:
            mend = "check how it was written"
            findings.problem(row.file("counts"), f"{cells:,} cells and {width:,} genes", "at least one of each", mend)
            return
        if (cells, width) != (len(atlas.obs), len(atlas.var)):
            raise ValueError(f"a matrix of {cells} × {width} beside {len(atlas.obs)} obs and {len(atlas.var)} var")
        if atlas.layer == row.values.get("layer"):
            check_counts(row, atlas, findings)
        check_genes(row, atlas.gene_ids, gene_columns(atlas.var), genes, params, findings)


def open_atlas(row: Row, findings: Findings) -> Atlas:
    """The atlas as the row asks for it or, where its layer is not there, with X, so that the rest is checked too."""
    path, layer, gene_column = row.paths["counts"], row.values.get("layer"), row.values.get("gene_column")
    try:
        return Atlas(path, layer, gene_column)
    except InputError as error:
        if not (layer and error.problems[0].where == "column layer"):
            raise
        findings.problems += [row.placed("counts", problem) for problem in error.problems]
        return Atlas(path, None, gene_column)


def check_levels(row: Row, obs: pd.DataFrame, params: dict, findings: Findings) -> None:
    """Each level a column of labels with at least one population that is large enough."""
    where, kept = row.at("levels"), {}
    for level in [level for level in row.values.get("levels", ()) if level != WHOLE]:
        if not obs.shape[1]:
            findings.problem(
                where, f"{level!r}, but the file says nothing of its cells or samples (obs has no columns)",
                "'all', the whole dataset", "give each group of samples a row of its own, or an h5ad with labels in obs",
            )  # fmt: skip
        elif level not in obs:
            mend = did_you_mean(level, map(str, obs.columns)) or "name a column of obs, or all"
            expected = f"'all' or a column of obs{likely_levels(obs)}"
            findings.problem(where, f"no column {level!r} in obs", expected, mend)
        elif is_measurement(obs[level], row.values.get("protocol")):
            findings.problem(
                where, f"{level!r} has {obs[level].nunique():,} values in {len(obs):,} cells: measurements or names?",
                f"a column of labels, {MOST_POPULATIONS:,} at most", f"name a column of obs{likely_levels(obs)}",
            )  # fmt: skip
        else:
            min_cells = row.values.get("min_cells", params["min_cells"])
            kept[level] = check_populations(row, level, obs, min_cells, findings)
    for (coarse, more), (fine, fewer) in pairwise(kept.items()):
        if more > fewer:
            message = f"levels go from coarse to fine, but {coarse} has {more} populations and {fine} after it {fewer}"
            findings.note(row.atlas, message)


def likely_levels(obs: pd.DataFrame) -> str:
    """The columns of obs that may be levels, for a message."""
    columns = [name for name in obs if 1 < obs[name].nunique() <= min(MOST_POPULATIONS, len(obs) // 2)]
    columns.sort(key=lambda name: pd.api.types.is_numeric_dtype(obs[name]))  # text first
    return f" such as {some(columns, 20)}" if columns else ""


def is_measurement(column: pd.Series, protocol: str | None) -> bool:
    """Whether a column of obs holds measurements, or names of the cells, rather than labels of populations."""
    distinct = column.nunique()
    return distinct > MOST_POPULATIONS or (protocol != "bulk" and 1 < len(column) == distinct)


def check_populations(row: Row, level: str, obs: pd.DataFrame, min_cells: int, findings: Findings) -> int:
    """Number of populations that are kept; a note for each that is not."""
    grouping = group_cells(obs, level, min_cells)
    if odd := [label for label in grouping.labels if CONTROL.search(label)]:
        findings.problem(
            row.at("levels"), f"labels of {level!r} with control characters: {some(odd)}",
            "labels without line breaks, tabs and the like", "rename these labels in obs",
        )  # fmt: skip
    if not grouping.labels:
        cells = {one["population"]: one["cells"] for one in grouping.dropped if one["population"]}
        largest = max(cells, key=cells.get, default=None)
        size = "no cell has a label" if largest is None else f"the largest, {largest!r}, has {cells[largest]:,} cells"
        findings.problem(
            row.at("levels"), f"no population of {level!r} is large enough: {size}",
            f"at least one of {min_cells:,} cells", "name another level, or lower min_cells",
        )  # fmt: skip
    for one in grouping.dropped:
        who = f"population {one['population']!r}" if one["population"] else "cells without a label"
        findings.note(row.atlas, f"level {level}: {who} left out, {one['cells']:,} cells ({one['reason']})")
    return len(grouping.labels)


# ---- Raw counts ------------------------------------------------------------------------------------------------------


def check_counts(row: Row, atlas: Atlas, findings: Findings) -> None:
    """Raw counts in a sample of cells (TPM for bulk); where not, what else in the file holds them."""
    protocol = row.values.get("protocol")
    matrix = f"layer {atlas.layer!r}" if atlas.layer else "X"
    if protocol is None:
        return
    sample = atlas.sample()
    if protocol == "bulk":
        if fault := tpm_fault(sample, whole_samples=not atlas.by_columns):
            mend = "give TPM as they were computed"
            findings.problem(row.file("counts"), f"{matrix}: {fault}", "TPM (not log-transformed)", mend)
    elif fault := counts_fault(sample, whole_cells=not atlas.by_columns):
        others = [name for name in atlas.matrices() if name != (atlas.layer or "")]
        better = [name for name in others if holds_counts(row.paths["counts"], name)]
        mend = "save the raw counts in the h5ad too, and name their layer in the column layer"
        if better:
            mend = f"write {better[0]!r} into the column layer" if better[0] else "leave the column layer empty, for X"
            mend += ": it holds counts"
        findings.problem(row.file("counts"), f"{matrix}: {fault}", "raw counts: whole numbers, 0 or more", mend)
    elif (sample.data % 1 != 0).any():
        findings.note(row.atlas, f"{matrix} has fractions, as estimated counts have (RSEM, alevin, SoupX)")


def sign_fault(values: np.ndarray) -> str:
    """What neither counts nor TPM can be."""
    if not values.any():
        return "only zeros"
    if not np.isfinite(values).all():
        return f"{'NaN' if np.isnan(values).any() else 'infinite values'}: was something divided by zero?"
    if values.min() < 0:
        return f"negative values (such as {values.min():.3g}): they look scaled (z-scores) or batch-corrected"
    return ""


def counts_fault(sample: scipy.sparse.csr_matrix, whole_cells: bool = True) -> str:
    """Why a sample (cells × genes) cannot be raw counts, with the likely cause; '' when it can.

    Normalised counts, log-transformed or not, give themselves away: within a cell they are whole multiples of the least
    one, or their sum is the same in all cells (which whole cells alone can tell).
    """
    values = sample.data.astype(np.float64)
    if fault := sign_fault(values):
        return fault
    if (values % 1 == 0).all():
        return ""
    example = f"fractions (such as {values[values % 1 != 0][0]:.4g})"
    causes = {"already normalised: counts": lambda x: x}
    if values.max() < LARGEST_LOG:
        causes["log-normalised: log(x + 1) of counts"] = np.expm1
        causes["log-normalised: log2(x + 1) of counts"] = lambda x: np.exp2(x) - 1
        causes["log-normalised: log10(x + 1) of counts"] = lambda x: 10**x - 1
    for cause, inverse in causes.items():
        counts = scipy.sparse.csr_matrix((inverse(values), sample.indices, sample.indptr), shape=sample.shape)
        sums = np.asarray(counts.sum(axis=1)).ravel()
        sums = sums[sums > 0]
        constant = whole_cells and len(sums) > 2 and sums.std() < 0.01 * sums.mean()
        if constant or multiples(counts) > 0.9:
            return f"{example} that look {cause}" + (f" scaled to {sums.mean():,.0f} a cell" if constant else "")
    if values.max() < LARGEST_LOG:
        return f"{example}, none above {values.max():.3g}: they look log-transformed, scaled or corrected"
    return ""


def multiples(counts: scipy.sparse.csr_matrix) -> float:
    """Share of values that are a whole multiple of the least one of their cell; the least ones do not count."""
    whole = checked = 0
    for start, end in pairwise(counts.indptr):
        values = counts.data[start:end]
        values = values[values > 0]
        ratio = values / values.min(initial=np.inf)
        ratio = ratio[(ratio > 1.01) & (ratio < 50)]  # beyond, rounding hides what a whole number is
        checked += len(ratio)
        whole += int((np.abs(ratio - np.rint(ratio)) < 0.01).sum())
    return whole / max(checked, 1)


def tpm_fault(sample: scipy.sparse.csr_matrix, whole_samples: bool) -> str:
    """Why a sample (samples × genes) cannot be TPM; '' when it can."""
    values = sample.data.astype(np.float64)
    if fault := sign_fault(values):
        return fault
    sums = np.asarray(sample.sum(axis=1)).ravel()
    if (values % 1 == 0).all() or (whole_samples and sums.max() > 1.05e6):
        return f"counts rather than TPM (the first sample sums to {sums[0]:,.0f}, TPM to 1,000,000 at most)"
    return f"nothing above {values.max():.3g}: it looks log-transformed" if values.max() < LARGEST_LOG else ""


def holds_counts(path: Path, layer: str) -> bool:
    """Whether another matrix of the h5ad holds raw counts, as a suggestion; one that cannot be read does not."""
    try:
        with Atlas(path, layer or None) as atlas:
            return not counts_fault(atlas.sample(50), whole_cells=not atlas.by_columns)
    except Exception:
        return False


# ---- Genes of atlas and annotation -----------------------------------------------------------------------------------


def gene_columns(var: pd.DataFrame) -> dict[str, list[str]]:
    """What in an h5ad's var might name its genes: its index (under '') and every column of text."""
    texts = [name for name in var if not pd.api.types.is_numeric_dtype(var[name])]
    return {"": list(map(str, var.index))} | {str(name): list(map(str, var[name])) for name in texts}


def advice(columns: list[str], otherwise: str) -> str:
    """What to write into gene_column, where one of the columns will do."""
    if not columns:
        return otherwise
    return f"write {columns[0]!r} into the column gene_column" if columns[0] else "leave the column gene_column empty"


def check_genes(
    row: Row, names: list[str], columns: dict[str, list[str]], genes: list[Transcript], params: dict, findings: Findings
) -> None:
    """Gene ids each once, and enough of them in the annotation. columns: see gene_columns; none for a table."""
    chosen = row.values.get("gene_column", "")
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated and chosen:
        message = f"{len(repeated):,} names are in {shown(chosen)} more than once and left out: {some(repeated)}"
        findings.note(row.atlas, message)
    elif repeated:
        unique = [column for column, ids in columns.items() if len(set(ids)) == len(ids)]
        mend = advice(unique, "adata.var_names_make_unique() for an h5ad, one row a gene for a table")
        findings.problem(row.file("counts"), f"gene ids more than once: {some(repeated)}", "each gene id once", mend)
    if not genes:
        return
    ids, symbols = [gene.gene_id for gene in genes], [gene.gene_name for gene in genes]
    match = match_genes(names, ids, symbols)
    matched = f"{len(match.gene_of):,} of {len(names):,} genes are among the annotation's {len(ids):,}"
    if not is_enough(match, names, ids):
        better = [
            column
            for column, others in columns.items()
            if column != chosen and is_enough(match_genes(others, ids, symbols), others, ids)
        ]
        missed = sorted(set(ids) - set(match.gene_of.values()))
        findings.problem(
            row.at("gene_column") if chosen else row.file("counts"),
            f"only {matched}: the atlas has {some(sorted(match.unused))}, the annotation {some(missed)}",
            "at least half of them, by id (versions such as '.5' do not matter) or by name",
            advice(better, "check species and kind of id, and take the annotation that the atlas was made with"),
        )  # fmt: skip
        return
    ways = ", ".join(f"{times:,} by {way}" for way, times in match.by.items() if times)
    findings.note(row.atlas, f"{matched}: {ways}")
    held_out = math.ceil(len(match.gene_of) / params["folds"])
    if len(match.gene_of) - held_out < SMALLEST_TRAINING_SET:
        findings.problem(
            row.file("counts"), f"only {len(match.gene_of)} genes, of which a fold holds out {held_out}",
            f"at least {SMALLEST_TRAINING_SET} to train on", "give an atlas of all genes",
        )  # fmt: skip


def is_enough(match: GeneMatch, names: list[str], ids: list[str]) -> bool:
    """Whether half of the atlas' genes, spike-ins aside, or half of the annotation's were matched."""
    own = sum(not is_spike_in(name) for name in names)
    return len(match.gene_of) * 2 >= min(own, len(ids)) > 0


# ---- All of it -------------------------------------------------------------------------------------------------------


def preflight(content: dict, folder: Path, schemas: Path) -> Findings:
    """Check a request (see bin/preflight.py) whose staged paths are relative to `folder`; bad input raises nothing."""
    findings = Findings()
    request = Request(content, folder)
    schema = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in schemas.glob("*.json")}
    params = check_params(content["params"], schema["nextflow_schema"], findings)
    check_options(params, findings)

    atlases = read_sheet("input", "atlas", request, schema["schema_atlases"], findings)
    if params["genomes"] is None:
        genomes = single_genome(request, params, schema["schema_genomes"], findings)
    else:
        genomes = read_sheet("genomes", "genome", request, schema["schema_genomes"], findings)
    check_genome_names(atlases, genomes, findings)

    genes = {row.values.get("genome"): check_genome(row, params, findings) for row in genomes}
    for row in atlases:
        check_atlas(row, genes.get(row.values.get("genome"), []), params, findings)
    return findings


def software_versions() -> dict[str, str]:
    """Versions of everything that the pipeline computes with, read without importing it."""
    found = {"nf-scxpresso": __version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in PACKAGES}
    if shutil.which("bedtools"):
        said = subprocess.run(["bedtools", "--version"], capture_output=True, text=True, check=True).stdout
        found["bedtools"] = said.strip().removeprefix("bedtools v")
    return found

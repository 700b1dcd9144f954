"""Lines of a GTF or GFF3: their columns, their kind and their attributes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from scxpresso.damage import readable
from scxpresso.files import open_text
from scxpresso.problems import InputError, Problem

PARTS = {"exon", "CDS", "start_codon", "stop_codon", "UTR"}  # features that are parts of a transcript
MAX_STYLE_LINES = 1000  # read to tell GTF from GFF3

# In column 9 of a transcript that is joined from several.
TRANS_SPLICED = re.compile(r"exception[ =]\"?trans.splicing|(^|;)\s*trans_splicing\b", re.IGNORECASE)


class Line(NamedTuple):
    """A feature line.

    number: counted from 1. part: one of PARTS, or the feature's own name. start, end: 1-based, both included.
    attributes: column 9.
    """

    number: int
    chrom: str
    part: str
    start: int
    end: int
    strand: str
    frame: str
    attributes: str


_UTR = re.compile(r"((five|three)_prime_|[53]['_-]*)?(utr|untranslated_region)([_-]?[53])?", re.IGNORECASE)


@cache
def _part(feature: str) -> str:
    """Return UTR for every spelling of it (`five_prime_UTR`, `3'-UTR`, `5UTR`), any other name as it is."""
    return "UTR" if _UTR.fullmatch(feature) else feature


def _rows(path: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank, up to the sequences that a GFF3 may end with."""
    with readable("the annotation", path), open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.startswith(("##FASTA", ">")):
                return
            if not line.isspace():
                yield number, line


def _columns(number: int, line: str) -> list[str]:
    columns = line.rstrip("\n").split("\t")
    if len(columns) != 9 or not (columns[3].isdecimal() and columns[4].isdecimal()):
        raise InputError(
            Problem(
                f"the annotation, line {number}",
                f"{line[:60]!r}",
                "nine tab-separated columns with whole numbers for start and end (GTF or GFF3)",
                "save it as UTF-8: it looks like UTF-16 without a byte-order mark" if "\0" in line else "",
            )
        )
    return columns


def feature_lines(path: str) -> Iterator[Line]:
    """Yield every feature line of a GTF or GFF3.

    Raises
    ------
    InputError, for a line that is neither, or that starts at position 0.
    """
    for number, line in _rows(path):
        if line.startswith("#"):
            continue
        chrom, _, feature, start, end, _, strand, frame, text = _columns(number, line)
        if start.strip("0") == "":
            found = f"{feature} that starts at 0"
            raise InputError(
                Problem(f"the annotation, line {number}", found, "positions counted from 1, as in GTF and GFF3")
            )
        yield Line(number, chrom, _part(feature), int(start), int(end), strand, frame, text)


_GTF_STYLE = re.compile(r'\s*[^\s;="]+\s+("|[^\s;=]+\s*(;|$))')  # name "value"; name value;
_GFF3_STYLE = re.compile(r"\s*[^\s;=\"]+\s*=")  # name=value


def is_gff3(path: str) -> bool:
    """Return whether attributes are written as in GFF3 (name=value), by the majority of the first lines.

    If no line tells, `##gff-version 3` decides.

    Raises
    ------
    InputError, if there is no feature line.
    """
    version, features = "", 0
    styles: Counter[str] = Counter()
    for number, line in _rows(path):
        if header := re.match(r"##gff-version\s+(\S+)", line):
            version = header[1]
        if line.startswith("#"):
            continue
        features += 1
        text = _columns(number, line)[8]
        styles["gff3"] += bool(_GFF3_STYLE.match(text))
        styles["gtf"] += bool(_GTF_STYLE.match(text))
        if features == MAX_STYLE_LINES:
            break
    if not features:
        raise InputError(Problem("the annotation", "no feature line", "a GTF or GFF3 with genes"))
    if styles["gff3"] == styles["gtf"]:
        return version.startswith("3")
    return styles["gff3"] > styles["gtf"]


def copy_number(*attributes: dict[str, list[str]]) -> int:
    """Return Liftoff's number of an extra copy, from the first attributes that have it; 0 for the gene itself."""
    number = next((found["extra_copy_number"][0] for found in attributes if found.get("extra_copy_number")), "0")
    return int(number) if number.isdecimal() else 0


_GTF_ATTRIBUTE = re.compile(r'([^\s;"]+)\s+(?:"([^"]*)"|([^";\s]+))')


def gtf_attributes(text: str) -> dict[str, list[str]]:
    """Parse column 9 of a GTF: name → values."""
    # `tag` occurs several times on a line, so each attribute is a list; GTF libraries keep only one of them.
    attributes = defaultdict(list)
    for name, quoted, bare in _GTF_ATTRIBUTE.findall(text):
        attributes[name].append(quoted or bare)
    return attributes


def gff3_attributes(text: str) -> dict[str, list[str]]:
    """Parse column 9 of a GFF3: name → values."""
    attributes = {}
    for item in text.strip().strip(";").split(";"):
        name, _, values = item.partition("=")
        attributes[name.strip()] = [unquote(value.strip(' "')) for value in values.split(",")]
    return attributes


def first(attributes: dict[str, list[str]], *names: str) -> str:
    """Return the first value of the first of these attributes that has one; '' if none has."""
    return next((attributes[name][0] for name in names if attributes.get(name) and attributes[name][0]), "")

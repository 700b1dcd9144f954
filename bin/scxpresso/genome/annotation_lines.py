"""Lines of a GTF or GFF3: their columns and attributes."""

import re
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import unquote

from scxpresso.files import open_text
from scxpresso.problems import InputError, Problem

PARTS = {"exon", "CDS", "start_codon", "stop_codon"}


def records(path: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and the nine columns of each feature line."""
    with open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.startswith("##FASTA"):
                return
            if line.startswith("#") or not line.strip():
                continue
            columns = line.rstrip("\n").split("\t")
            if len(columns) != 9 or not (columns[3].isdigit() and columns[4].isdigit()):
                raise InputError(
                    Problem(
                        f"the annotation, line {number}",
                        f"{line[:60]!r}",
                        "nine tab-separated columns with whole numbers for start and end (GTF or GFF3)",
                    )
                )
            yield number, columns


_GTF_ATTRIBUTE = re.compile(r'([^\s;"]+)\s+(?:"([^"]*)"|([^";\s]+))')


def gtf_attributes(text: str) -> dict[str, list[str]]:
    # `tag` occurs several times on a line, so each attribute is a list; GTF libraries keep only one of them.
    attributes = defaultdict(list)
    for name, quoted, bare in _GTF_ATTRIBUTE.findall(text):
        attributes[name].append(quoted or bare)
    return attributes


def gff3_attributes(text: str) -> dict[str, list[str]]:
    attributes = {}
    for item in text.strip().strip(";").split(";"):
        name, _, values = item.partition("=")
        attributes[name.strip()] = [unquote(value) for value in values.split(",")]
    return attributes


def first(attributes: dict[str, list[str]], *names: str) -> str:
    return next((attributes[name][0] for name in names if attributes.get(name)), "")


def is_gff3(path: str) -> bool:
    """Whether the first feature line names its attributes the way of GFF3 (name=value)."""
    for _, columns in records(path):
        return re.match(r"^\s*\w+=", columns[8]) is not None
    raise InputError(Problem("the annotation", "no feature line", "a GTF or GFF3 with genes"))

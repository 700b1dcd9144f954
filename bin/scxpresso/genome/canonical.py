"""Canonical transcripts: those that a list names, whether plain text or a table such as a BioMart export."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from scxpresso.damage import readable
from scxpresso.files import open_text
from scxpresso.genome.transcript import Transcript
from scxpresso.identifiers import match_ids
from scxpresso.text import spaced

# Marks of rows, the best first: as words in the name of a column whose cells say yes or no, and as whole cells.
MARKS = ["MANE Select", "canonical", "RefSeq Select", "APPRIS principal"]
_HEADERS = [r"\bmane\b", r"canonical|representative|\bprimary\b", r"refseq select", r"appris|principal"]
_CELLS = [
    r"mane select( v\S+)?",
    r"ensembl canonical|canonical",
    r"refseq select( criteria)?",
    r"(appris )?principal ?:? ?\d?",
]
_NO = r"|0(\.0)?|f|false|n|no|none|na|nan|null|\.|\\n|a\d|alt\d?|(not|non|no|alternative|minor|mane plus)\b.*"
_VAGUE = (
    r"(?!.*canonical).*(representative|primary).*"  # names of columns that are marks only if they differ between rows
)
_CLINICAL = "plus clinical"  # MANE's transcripts besides the one that represents a gene
MAX_VALUES = 4  # distinct values of a column that may mark transcripts


@dataclass(frozen=True)
class CanonicalList:
    """Listed transcripts of an annotation.

    rank: transcript id of the annotation → index in MARKS of its mark, 0 if it needs none; the smallest is the best.
    marks: columns that mark transcripts, by name or number. unread: columns of further ids; if several transcripts of a
    gene are listed and none is marked, also the columns that may mark them. unknown: entries of the column of ids that
    are not transcripts of the annotation.
    """

    rank: dict[str, int] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def repeated(self, transcripts: Iterable[Transcript]) -> dict[str, list[str]]:
        """Return the genes of which several transcripts share the best rank, with these transcripts."""
        listed = defaultdict(set)
        for transcript in transcripts:
            if transcript.transcript_id in self.rank:
                listed[transcript.gene_id].add(transcript.transcript_id)
        best = {gene: min(self.rank[name] for name in names) for gene, names in listed.items()}
        tied = {gene: sorted(n for n in names if self.rank[n] == best[gene]) for gene, names in listed.items()}
        return {gene: names for gene, names in sorted(tied.items()) if len(names) > 1}


def read_canonical(path: str, transcripts: Iterable[Transcript]) -> CanonicalList:
    """Read the transcripts that a list names: any text or table, plain or gzipped, that has their ids as words.

    Ids are matched by identifiers.match_ids. Of a table with one transcript per row, one column is read; if columns mark
    transcripts (Ensembl canonical, MANE Select, APPRIS …), only marked rows are used.

    Parameters
    ----------
    transcripts: all of the annotation.
    """
    gene_of = {transcript.transcript_id: transcript.gene_id for transcript in transcripts}
    rows = list(_rows(path))
    words_of = {cell: _words(cell) for cell in set(chain.from_iterable(rows))}  # most cells of a large table repeat
    found = match_ids({word for words in words_of.values() for word in words}, gene_of)
    ids_of = {cell: [found[word] for word in words if word in found] for cell, words in words_of.items()}
    ids = [[ids_of[cell] for cell in row] for row in rows]
    if _is_table(ids, gene_of):
        return _read_table(rows, ids, gene_of)
    words = [word for row in rows for cell in row for word in words_of[cell]]
    return CanonicalList(dict.fromkeys(found.values(), 0), unknown=[word for word in words if word not in found])


def _rows(path: str) -> Iterator[list[str]]:
    """Yield the cells of each line. Skip blank lines and comments: lines that start with `#` and are not a header."""
    with readable("the canonical list", path), open_text(path) as text:
        lines = [line.strip("\ufeff\r\n") for line in text]
    lines = [line for line in lines if line.strip()]
    listed = [line for line in lines if not line.startswith("#")]
    separator = next((mark for mark in "\t,;" if any(mark in line for line in listed)), None)
    for line, after in zip(lines, [*lines, ""][1:], strict=True):
        row, below = _cells(line, separator), _cells(after, separator)
        if not line.startswith("#"):
            yield row
        elif len(row) == len(below) > 1 and not after.startswith("#"):
            yield [row[0].lstrip("# "), *row[1:]]


def _cells(line: str, separator: str | None) -> list[str]:
    return next(csv.reader([line], delimiter=separator)) if separator else line.split()


def _words(cell: str) -> list[str]:
    """Split a cell into words, without the prefix that GFF3 puts before an id."""
    return [re.sub(r"^(transcript|rna)[:-]", "", word) for word in re.split(r'[\s,;"]+', cell) if word]


Ids = list[list[list[str]]]  # rows × cells × ids of the annotation


def _is_table(ids: Ids, gene_of: dict[str, str]) -> bool:
    """Whether rows have several cells, and the transcripts of each row belong to one gene."""
    genes = [{gene_of[name] for cell in row for name in cell} for row in ids]
    return any(len(row) > 1 for row in ids) and any(genes) and all(len(found) <= 1 for found in genes)


def _read_table(rows: list[list[str]], ids: Ids, gene_of: dict[str, str]) -> CanonicalList:
    header = [] if any(ids[0]) else rows[0]
    rows, ids = (rows[1:], ids[1:]) if header else (rows, ids)
    width = max(map(len, rows))
    names = [*header, *[""] * width][:width]
    columns = [[row[number] if number < len(row) else "" for row in rows] for number in range(width)]
    listed = [[row[number] if number < len(row) else [] for row in ids] for number in range(width)]
    genes = set(gene_of.values())

    column = max(range(width), key=lambda number: _column_of_ids(names[number], number, listed[number], genes))
    ranks = {number: _ranks(names[number], columns[number]) for number in range(width) if number != column}
    marks = {number: found for number, found in ranks.items() if found}
    rank: dict[str, int] = {}
    for row, transcripts in enumerate(listed[column]):
        mark = min((found[row] for found in marks.values()), default=0)
        if mark < len(MARKS):
            rank |= {name: min(mark, rank.get(name, mark)) for name in transcripts}

    several = not marks and len(rank) > len({gene_of[name] for name in rank})
    unread = [
        number
        for number in ranks.keys() - marks.keys()
        if _has_other_ids(listed[number], listed[column], genes) or (several and _may_mark(columns[number]))
    ]
    cells = [cell.strip() for cell, found in zip(columns[column], listed[column], strict=True) if not found]
    called = [names[number] or f"column {number + 1}" for number in range(width)]
    return CanonicalList(
        rank,
        [called[number] for number in marks],
        [called[number] for number in sorted(unread)],
        [*filter(None, cells)],
    )


def _column_of_ids(name: str, number: int, listed: list[list[str]], genes: set[str]) -> tuple:
    """Score a column as that of the transcripts' ids, by its name and by ids that are not ids of genes as well."""
    found = [one for cell in listed for one in cell]
    name = spaced(name)
    marked = _CLINICAL not in name and re.search("|".join(_HEADERS), name)
    transcript = re.search("transcript|isoform|mrna", name)
    return bool(found), bool(marked), bool(transcript), sum(one not in genes for one in found), len(found), -number


def _has_other_ids(listed: list[list[str]], chosen: list[list[str]], genes: set[str]) -> bool:
    """Whether a column has ids, other than of genes, that the chosen column lacks in the same rows."""
    return any(set(cell) - set(other) - genes for cell, other in zip(listed, chosen, strict=True))


def _ranks(name: str, cells: list[str]) -> list[int] | None:
    """Return the index in MARKS of each cell's mark, len(MARKS) for none; None for a column that marks nothing."""
    name = spaced(name)
    if _CLINICAL in name:
        return None
    by_name = next((rank for rank, words in enumerate(_HEADERS) if re.search(words, name)), None)
    values = set(cells)
    rank_of = {cell: _rank(cell) for cell in values}
    if by_name is not None and not (MARKS[by_name] == "APPRIS principal" and by_name in rank_of.values()):
        rank_of = {cell: len(MARKS) if re.fullmatch(_NO, spaced(cell)) else by_name for cell in values}
    found = [rank_of[cell] for cell in cells]
    marked = sum(rank < len(MARKS) for rank in found)
    if (by_name is None and not marked) or (re.fullmatch(_VAGUE, name) and marked == len(found)):
        return None
    return found


def _rank(cell: str) -> int:
    """Return the index in MARKS of the best mark in a cell, len(MARKS) for none."""
    items = [spaced(item) for item in re.split(r"[,;|]", cell)]
    ranks = (rank for item in items for rank, words in enumerate(_CELLS) if re.fullmatch(words, item))
    return min(ranks, default=len(MARKS))


def _may_mark(cells: list[str]) -> bool:
    """Whether a column has few distinct values for its rows, as a column of marks has."""
    values = Counter(cells)
    return 1 < len(values) <= MAX_VALUES and len(values) * 2 < len(cells)

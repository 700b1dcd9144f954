"""Tables of other tools, in text or parquet, recognised by their columns: one score per row, or one column per track.

The columns are those that the tools' own code writes: basenji_sad.py of calico/basenji, predict.py of FunctionLab/ExPecto,
tidy_scores of google-deepmind/alphagenome, predict_variant_effect of Genentech/decima (0.7).
"""

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from scxpresso.external_scores.tracks import FoundScore, Tracks
from scxpresso.files import delimiter_of, open_text
from scxpresso.identifiers import GENE_COLUMNS
from scxpresso.problems import InputError, Problem, preview
from scxpresso.variants.alleles import ABSENT

EXPECTED = (
    "a table of Basenji (rsid, target_id), AlphaGenome (variant_scorer, raw_score), ExPecto (dist, gene, strand) or Decima "
    "(ref_tx, tss_dist); or of chrom, pos, ref and alt with a column score, or with a column for each track"
)
PLACE = ["chrom", "pos", "ref", "alt"]
_ALPHAGENOME = re.compile(r"([^:]+):(\d+):([ACGTN]*)>([ACGTN]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """A kind of table.

    needs: columns (in lower case) by which it is recognised. long: whether a row has one score. scores: columns that may
    hold it, the usual one first. named: columns by role (variant, chrom, pos, ref, alt, gene). track: columns that name the
    track of a long table. others: columns of a wide one that are no track.
    """

    name: str
    needs: frozenset[str]
    long: bool
    named: dict[str, str]
    scores: tuple[str, ...] = ()
    track: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()

    def may_be_track(self, column: str) -> bool:
        """Return whether a column of a wide table, in lower case, is that of a track."""
        return not self.long and column not in self.others and column not in self.named.values()


_AS_NAMED = {name: name for name in PLACE}
_GENES = {name: name for name in GENE_COLUMNS}
_NO_NAME = ("", ".", "-", "nan", "None")
KINDS = [
    Kind(
        "alphagenome", frozenset({"variant_id", "variant_scorer", "raw_score"}), True,
        {"place": "variant_id", "gene": "gene_id"}, ("raw_score", "quantile_score"),
        ("output_type", "track_name", "biosample_name", "track_strand", "variant_scorer"),
    ),
    Kind(
        "basenji", frozenset({"rsid", "target_id", "alt"}), True, {"variant": "rsid", "ref": "ref", "alt": "alt"},
        ("sad", "sar", "geo_sad", "lsad", "lsar", "xsad", "xsar"), ("target_id", "target_label"),
    ),
    Kind(
        "expecto", frozenset({"0", "1", "3", "4", "dist", "gene", "strand"}), False,
        {"chrom": "0", "pos": "1", "variant": "2", "ref": "3", "alt": "4", "gene": "gene"},
        others=frozenset({"", "index", "dist", "strand"}),
    ),
    Kind(
        "decima", frozenset({*PLACE, "gene", "ref_tx", "alt_tx", "tss_dist"}), False, _AS_NAMED | {"gene": "gene"},
        others=frozenset({
            "", "index", "start", "end", "strand", "gene_mask_start", "gene_mask_end", "rel_pos", "ref_tx", "alt_tx",
            "tss_dist",
        }),
    ),
    Kind(
        "scores", frozenset({*PLACE, "score"}), True, _AS_NAMED | _GENES | {"variant": "variant"}, ("score",),
        ("track",),
    ),
    Kind(
        "tracks", frozenset(PLACE), False, _AS_NAMED | _GENES | {"variant": "id"},
        others=frozenset({"", "index", "variant_id", "rsid", "tss_distance"}),
    ),
]  # fmt: skip


def read_text_scores(path: Path, kind_name: str | None, tracks: Tracks, score: str | None) -> Iterator[FoundScore]:
    """Yield the scores of a table in text, plain or gzipped.

    Parameters
    ----------
    kind_name: of KINDS; recognised by the columns if None.
    tracks: those that are wanted.
    score: column of the score where a table has several; the usual one if None.
    """
    with open_text(path) as file:
        header, rows = _cells(file)
        kind = recognised(path, header, kind_name)
        yield from scores_of_rows(path, kind, header, rows, tracks, score)


def scores_of_rows(
    path: Path, kind: Kind, header: list[str], rows: Iterable[list[str]], tracks: Tracks, score: str | None
) -> Iterator[FoundScore]:
    """Yield the scores of rows of cells; see read_text_scores. rows: those below the header."""
    lower = [name.lower() for name in header]
    places = {role: lower.index(name) for role, name in kind.named.items() if name in lower}
    read = _long(kind, header, lower, tracks, score, path) if kind.long else _wide(kind, header, lower, tracks)
    for number, row in enumerate(rows, start=2):
        if not "".join(row).strip():
            continue
        where = f"{path}, row {number:,}"
        if len(row) != len(header):
            raise InputError(Problem(where, f"{len(row):,} cells", f"{len(header):,}, as in the header"))
        variant = _variant(where, row, places)
        for track, text in read(row):
            value = _score(where, track, text)
            if not math.isnan(value):
                yield FoundScore(*variant, track, value)


def _cells(file: TextIO) -> tuple[list[str], Iterator[list[str]]]:
    """Read the header, and yield the rows."""
    first = file.readline().removeprefix("\ufeff").rstrip("\r\n")
    delimiter = delimiter_of(first)
    if delimiter:
        header = next(csv.reader([first], delimiter=delimiter), [])
        return [name.strip() for name in header], csv.reader(file, delimiter=delimiter)
    header = first.split()
    # The label of a target, which comes last, may have blanks.
    return header, (line.split(None, len(header) - 1) for line in file)


def recognised(path: Path, header: Sequence[str], name: str | None) -> Kind:
    """Return the kind of a table by its columns. name: of the kind that it must be. Raises InputError if there is none."""
    lower = [column.lower() for column in header]
    for kind in KINDS:
        if name in (None, kind.name) and kind.needs <= set(lower):
            return kind
    found = f"the columns {preview(lower, 12)}" + (f", not those of {name!r}" if name else "")
    raise InputError(Problem(str(path), found, EXPECTED, "rename the columns, or leave the column format empty"))


def _long(
    kind: Kind, header: list[str], lower: list[str], tracks: Tracks, score: str | None, path: Path
) -> Callable[[list[str]], Iterator[tuple[str, str]]]:
    available = [name for name in kind.scores if name in lower]
    wanted = (score or "").lower() or next(iter(available), "")
    if wanted not in available:
        found = f"no score {score!r}" if score else "no column of scores"
        raise InputError(
            Problem(str(path), found, f"one of {preview(available or kind.scores, 10)}", "correct the column score")
        )
    place, named = lower.index(wanted), [lower.index(name) for name in kind.track if name in lower]

    def read(row: list[str]) -> Iterator[tuple[str, str]]:
        track = " ".join(text for text in (row[at].strip() for at in named) if text not in ("", ".", "nan", "None"))
        if tracks.keep(track):
            yield track, row[place]

    return read


def _wide(
    kind: Kind, header: list[str], lower: list[str], tracks: Tracks
) -> Callable[[list[str]], Iterator[tuple[str, str]]]:
    columns = [place for place, name in enumerate(lower) if kind.may_be_track(name)]
    wanted = [columns[number] for number in tracks.chosen([header[place] for place in columns])]
    return lambda row: ((header[place], row[place]) for place in wanted)


def _variant(where: str, row: list[str], places: dict[str, int]) -> tuple[str, str, int, str, str, str]:
    """Return variant, chrom, pos, ref, alt and gene of a row; an allele without bases is `-`, one not stated ''."""
    cell = {role: row[place].strip() for role, place in places.items()}
    if "place" in cell:
        found = _ALPHAGENOME.fullmatch(cell["place"])
        if not found:
            raise InputError(Problem(where, f"the variant {cell['place']!r}", "a variant such as chr22:36201698:A>C"))
        cell |= {"chrom": found[1], "pos": found[2], "ref": found[3], "alt": found[4]}
    position = cell.get("pos", "")
    if "pos" in cell and not re.fullmatch(r"[0-9]{1,12}(\.0)?", position):
        raise InputError(Problem(where, f"the position {position!r}", "a whole number (1-based)"))
    variant, gene = (
        next((cell[name] for name in names if cell.get(name, "") not in _NO_NAME), "")
        for names in (("variant",), GENE_COLUMNS)
    )
    ref, alt = cell.get("ref", "").upper(), cell.get("alt", "").upper()
    if position and "ref" in cell and "alt" in cell:  # both are stated: AlphaGenome writes an insertion as chr1:5:>T
        ref, alt = ref or ABSENT, alt or ABSENT
    return variant, cell.get("chrom", ""), int(float(position or 0)), ref, alt, gene


def _score(where: str, track: str, text: str) -> float:
    """Convert a score; NaN where there is none."""
    try:
        value = float(text) if text.strip() not in ("", ".", "NA") else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        fix = "name the columns of scores in the column tracks, or correct the score"
        raise InputError(Problem(where, f"{text!r} in {track!r}", "a finite number", fix))
    return value

"""Tables of other tools in parquet, as Decima writes them: the columns of those in text."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from scxpresso.damage import AGAIN, damage
from scxpresso.external_scores.text_tables import EXPECTED, Kind, recognised, scores_of_rows
from scxpresso.external_scores.tracks import FoundScore, Tracks
from scxpresso.problems import InputError, Problem

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

MAGIC = b"PAR1"
INDEX = "__index_level_"  # what pandas calls an index without a name
ROWS = 4096  # rows that are read at once


def is_parquet(path: Path) -> bool:
    """Whether a file starts as parquet does."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_parquet_scores(path: Path, kind_name: str | None, tracks: Tracks, score: str | None) -> Iterator[FoundScore]:
    """Yield the scores of a table, of which only the columns in use are read, ROWS rows at once.

    Decima writes 9,000 columns. Parameters are those of read_text_scores.

    Raises
    ------
    InputError, also if the file is damaged.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            kind = recognised(path, file.schema_arrow.names, kind_name)
            header = _columns(file.schema_arrow, kind, tracks)
            yield from scores_of_rows(path, kind, header, _rows(file, header), tracks, score)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(Problem(str(path), damage(path, error), EXPECTED, AGAIN)) from None


def _columns(schema: "pyarrow.Schema", kind: Kind, tracks: Tracks) -> list[str]:
    """Return the columns to read. Columns that hold no numbers, such as gene names beside Decima's, are no tracks."""
    from pyarrow import types

    numbers = {
        field.name
        for field in schema
        if (types.is_integer(field.type) or types.is_floating(field.type) or types.is_decimal(field.type))
        and not field.name.startswith(INDEX)
    }
    wide = [name for name in schema.names if kind.may_be_track(name.lower()) and name in numbers]
    wanted = {wide[place] for place in tracks.chosen(wide)}
    tracks.check()
    used = {*kind.named.values(), *kind.track, *kind.scores}
    return [name for name in schema.names if name.lower() in used or name in wanted]


def _rows(file: "ParquetFile", header: list[str]) -> Iterator[list[str]]:
    for batch in file.iter_batches(batch_size=ROWS, columns=header):
        columns = [batch.column(name).to_pylist() for name in header]
        for values in zip(*columns, strict=True):
            yield ["" if value is None else str(value) for value in values]

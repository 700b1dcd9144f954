"""Open files by what they contain, whatever their names say."""

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import BinaryIO, TextIO

MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # byte-order marks


def _starts_with(path: str | Path, magic: bytes) -> bool:
    if Path(path).is_dir():
        return False
    with open(path, "rb") as file:
        return file.read(len(magic)) == magic


def is_gzip(path: str | Path) -> bool:
    """Whether a file starts as gzip does."""
    return _starts_with(path, b"\x1f\x8b")


def is_bgzip(path: str | Path) -> bool:
    """Whether a file starts as bgzip's blocks of gzip do."""
    with open(path, "rb") as file:
        return is_gzip(path) and file.read(16)[12:14] == b"BC"


def is_hdf5(path: str | Path) -> bool:
    """Whether a file starts as HDF5 does, and so every h5ad."""
    return _starts_with(path, b"\x89HDF\r\n\x1a\n")


def opener(path: str | Path) -> Callable:
    """Return the function that opens a file, gzipped or not."""
    return gzip.open if is_gzip(path) else open


def encoding_of(path: str | Path) -> str:
    """Return the encoding of a text file, gzipped or not: that of its byte-order mark, else UTF-8."""
    with opener(path)(path, "rb") as file:
        start = file.read(3)
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")


def open_text(path: str | Path) -> TextIO:
    """Open a text file for reading, gzipped or not, in the encoding of its byte-order mark, else UTF-8."""
    return opener(path)(path, "rt", encoding=encoding_of(path))


def delimiter_of(header: str) -> str | None:
    """Return the delimiter of a text table: tabs if its header has any, else commas or semicolons; None for blanks.

    Names may contain commas and semicolons: those that are more frequent delimit.
    """
    if "\t" in header:
        return "\t"
    return max(",;", key=header.count) if "," in header or ";" in header else None


@contextmanager
def unzipped_stream(path: str | Path) -> Iterator[BinaryIO]:
    """Decompress a gzip file into a pipe, for libraries that only read files of the operating system.

    Raises
    ------
    The error of gzip for a damaged file, at the end of the block.
    """
    reading, writing = os.pipe()
    errors = []

    def unzip() -> None:
        try:
            with os.fdopen(writing, "wb") as pipe, gzip.open(path) as file:
                shutil.copyfileobj(file, pipe, 1 << 20)
        except BrokenPipeError:  # the reader stopped early
            pass
        except Exception as error:  # raised below, in the caller's thread
            errors.append(error)

    thread = Thread(target=unzip)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as pipe:
            yield pipe
    finally:
        thread.join()
    if errors:
        raise errors[0]

"""What a file is by its first bytes, whatever its name says."""

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
    """What opens a file, gzipped or not."""
    return gzip.open if is_gzip(path) else open


def encoding_of(path: str | Path) -> str:
    """How a text file is written, gzipped or not: UTF-8, or what its byte-order mark says."""
    with opener(path)(path, "rb") as file:
        start = file.read(3)
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")


def open_text(path: str | Path) -> TextIO:
    """A text file to read, gzipped or not: UTF-8, or what its byte-order mark says."""
    return opener(path)(path, "rt", encoding=encoding_of(path))


@contextmanager
def unzipped_stream(path: str | Path) -> Iterator[BinaryIO]:
    """A gzip file's content as a pipe, for libraries that read files of the system only.

    Raises what gzip says of a damaged file where the block ends.
    """
    reading, writing = os.pipe()
    errors = []

    def unzip() -> None:
        try:
            with os.fdopen(writing, "wb") as pipe, gzip.open(path) as file:
                shutil.copyfileobj(file, pipe, 1 << 20)
        except BrokenPipeError:  # the reader has had enough
            pass
        except Exception as error:  # raised below, where somebody waits for it
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

"""What a file is by its first bytes, whatever its name says."""

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import BinaryIO


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


def open_text(path: str | Path):
    """A text file (UTF-8) to read, gzipped or not."""
    return gzip.open(path, "rt", encoding="utf-8") if is_gzip(path) else open(path, encoding="utf-8")


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

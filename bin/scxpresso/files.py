"""What a file is by its first bytes, whatever its name says."""

import gzip
from pathlib import Path


def _starts_with(path: str | Path, magic: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(magic)) == magic


def is_gzip(path: str | Path) -> bool:
    """Whether a file starts as gzip does."""
    return _starts_with(path, b"\x1f\x8b")


def is_hdf5(path: str | Path) -> bool:
    """Whether a file starts as HDF5 does, and so every h5ad."""
    return _starts_with(path, b"\x89HDF\r\n\x1a\n")


def open_text(path: str | Path):
    """A text file (UTF-8) to read, gzipped or not."""
    return gzip.open(path, "rt", encoding="utf-8") if is_gzip(path) else open(path, encoding="utf-8")

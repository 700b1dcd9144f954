"""Open HDF5 files, and say why one cannot be opened or read."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from scxpresso.problems import InputError, Problem

# Compressions that HDF5 reads only with plugins, by their numbers in the HDF Group's registry.
PLUGINS = {
    307: "bzip2", 4: "szip", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
    32026: "blosc2",
}  # fmt: skip


def open_hdf5(path: str | Path) -> h5py.File:
    """Open a file for reading. Raises InputError if it is not HDF5, cut short or locked."""
    try:
        return h5py.File(path)
    except OSError as error:
        raise InputError(_cannot_open(error)) from None


@contextmanager
def naming_compression(element: object) -> Iterator[None]:
    """Name the compression if an element of HDF5 cannot be read in the block for lack of a plugin."""
    try:
        yield
    except Exception as error:
        if not isinstance(element, h5py.Group | h5py.Dataset):
            raise
        if (compression := _unknown_compression(element)) is None:
            raise
        name = element.name.lstrip("/")
        raise InputError(
            Problem(
                "counts", f"{name!r} is compressed with {compression}, which the HDF5 library here cannot read",
                "an h5ad without compression, or with gzip or lzf, which HDF5 itself reads",
                "where it can be read (import hdf5plugin), write it again: "
                "anndata.read_h5ad('old.h5ad').write_h5ad('new.h5ad', compression='gzip')",
            )
        ) from error  # fmt: skip


def _cannot_open(error: OSError) -> Problem:
    """Say why HDF5 cannot open a file."""
    reason = str(error)
    if "lock file" in reason and error.errno not in (errno.EAGAIN, errno.EACCES):
        return Problem(
            "counts", f"a file system that cannot lock the file ({reason})", "one that HDF5 may lock while it reads",
            "copy the file to another file system, or set HDF5_USE_FILE_LOCKING=FALSE in the environment",
        )  # fmt: skip
    if "lock file" in reason or "already open" in reason:
        return Problem(
            "counts", f"another program has the file open for writing, and locked it ({reason})", "a file at rest",
            "close it there (a notebook that opened it with backed='r+'?), or give a copy; "
            "if a program crashed while it wrote the file, write it again, or clear its mark with h5clear -s",
        )  # fmt: skip
    return Problem(
        "counts", f"no HDF5 file, or one that is cut short ({reason})", "an h5ad, or another layout of HDF5, whole",
        "download or write it again",
    )  # fmt: skip


def _unknown_compression(element: h5py.Group | h5py.Dataset) -> str | None:
    """Name the first compression in an element for which HDF5 has no filter; None if there is none."""
    found: list[str] = []

    def look(_: str, part: object) -> None:
        if isinstance(part, h5py.Dataset):
            filters = part.id.get_create_plist()
            codes = [filters.get_filter(number)[0] for number in range(filters.get_nfilters())]
            found.extend(PLUGINS.get(code, f"filter {code}") for code in codes if not h5py.h5z.filter_avail(code))

    look("", element)
    if isinstance(element, h5py.Group):
        element.visititems(look)
    return found[0] if found else None

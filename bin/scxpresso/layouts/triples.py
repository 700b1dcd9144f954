"""Sort the entries of a text file into a matrix by cells, in temporary files, so that memory does not grow with them."""

import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from scxpresso.layouts.matrix import CompressedRows

Triples = tuple[np.ndarray, np.ndarray, np.ndarray]  # cells, genes and values of some entries


def by_cells(entries: Callable[[], Iterator[Triples]], shape: tuple[int, int]) -> CompressedRows:
    """Write entries to temporary files, sorted by cell, whatever their order.

    The files are in the folder for temporary files (TMPDIR), take 8 to 12 bytes per entry, and vanish with the matrix.

    Parameters
    ----------
    entries: yields the entries in blocks; it is called twice.
    shape: numbers of cells and genes.

    Returns
    -------
    The matrix.
    """
    count = np.zeros(shape[0], dtype=np.int64)
    kind = np.dtype(np.int32)
    for cells, _, values in entries():
        count += np.bincount(cells, minlength=shape[0])
        kind = np.result_type(kind, _smallest_type(values))
    indptr = np.concatenate([[0], np.cumsum(count)])
    stored = int(indptr[-1])
    indices, data = _array(np.dtype(np.int32), stored), _array(kind, stored)
    following = indptr[:-1].copy()  # where the next entry of each cell goes
    for cells, genes, values in entries():
        order = np.argsort(cells, kind="stable")
        sorted_cells = cells[order]
        starts = np.flatnonzero(np.diff(sorted_cells, prepend=-1))
        lengths = np.diff(starts, append=len(cells))
        rank = np.arange(len(cells)) - np.repeat(starts, lengths)  # among the entries of its cell in this block
        place = following[sorted_cells] + rank
        indices[place], data[place] = genes[order], values[order]
        following[sorted_cells[starts]] += lengths
    return CompressedRows(indptr, indices, data, shape)


def _smallest_type(values: np.ndarray) -> np.dtype:
    """Return int32 for whole numbers that fit, else float64."""
    if values.dtype.kind in "iu" and (not len(values) or np.abs(values).max() < 2**31):
        return np.dtype(np.int32)
    return np.dtype(np.float64)


def _array(kind: np.dtype, length: int) -> np.ndarray:
    """Make an array in a temporary file without a name."""
    if not length:
        return np.empty(0, dtype=kind)
    with tempfile.TemporaryFile() as file:  # the array keeps its content
        return np.memmap(file, dtype=kind, mode="w+", shape=(length,))

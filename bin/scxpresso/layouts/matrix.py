"""Matrices of counts (cells × genes) that are read in blocks, whatever their storage."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse

from scxpresso.layouts.hdf5 import naming_compression

Selection = slice | np.ndarray  # consecutive rows or columns, or increasing indices


class Matrix(Protocol):
    """A stored matrix, cells × genes."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and genes."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored values."""

    @property
    def stored(self) -> int:
        """Number of stored values, zeros of a dense matrix included."""

    @property
    def by_columns(self) -> bool:
        """Whether it is stored by genes (CSC), so that reading cells is slow."""

    def read(self, cells: Selection, genes: Selection) -> scipy.sparse.spmatrix:
        """Read a block, sparse; one of the selections is a slice."""


@dataclass(frozen=True)
class DenseMatrix:
    """A dense array of HDF5 or zarr. transposed: whether it is stored as genes × cells, as in a loom."""

    array: Any
    transposed: bool = False
    by_columns: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and genes."""
        rows, columns = self.array.shape
        return (columns, rows) if self.transposed else (rows, columns)

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""
        return self.array.dtype

    @property
    def stored(self) -> int:
        """Number of values."""
        return int(np.prod(self.array.shape))

    def read(self, cells: Selection, genes: Selection) -> scipy.sparse.csr_matrix:
        """Read a block, sparse."""
        with naming_compression(self.array):
            block = self.array[genes, cells].T if self.transposed else self.array[cells, genes]
        return scipy.sparse.csr_matrix(block)


@dataclass(frozen=True)
class SparseMatrix:
    """A sparse matrix as anndata stores it. element: anndata's CSRDataset or CSCDataset."""

    element: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and genes."""
        rows, columns = self.element.shape
        return int(rows), int(columns)

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored values."""
        return self.element.group["data"].dtype

    @property
    def stored(self) -> int:
        """Number of stored values."""
        return int(self.element.group["data"].shape[0])

    @property
    def by_columns(self) -> bool:
        """Whether it is stored by genes."""
        return self.element.format == "csc"

    def read(self, cells: Selection, genes: Selection) -> scipy.sparse.spmatrix:
        """Read a block, sparse."""
        with naming_compression(self.element.group):
            return self.element[cells, genes]


@dataclass(frozen=True)
class CompressedRows:
    """A sparse matrix by cells (CSR) from three arrays, of which `indices` and `data` stay in their file.

    indptr: in memory. indices, data: arrays that are read by slices, such as HDF5 datasets.
    """

    indptr: np.ndarray
    indices: Any
    data: Any
    shape: tuple[int, int]
    by_columns: bool = False

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored values."""
        return self.data.dtype

    @property
    def stored(self) -> int:
        """Number of stored values."""
        return int(self.indptr[-1])

    def read(self, cells: Selection, genes: Selection) -> scipy.sparse.csr_matrix:
        """Read a block, sparse."""
        if isinstance(cells, slice):
            block = self._rows(*cells.indices(self.shape[0])[:2])
        else:
            rows = [self._rows(cell, cell + 1) for cell in cells]
            block = scipy.sparse.vstack(rows, format="csr") if rows else self._rows(0, 0)
        every = isinstance(genes, slice) and genes.indices(self.shape[1]) == (0, self.shape[1], 1)
        return block if every else block[:, genes]

    def _rows(self, start: int, stop: int) -> scipy.sparse.csr_matrix:
        first, last = int(self.indptr[start]), int(self.indptr[stop])
        indices = np.asarray(self.indices[first:last])
        if len(indices) and not 0 <= indices.min() <= indices.max() < self.shape[1]:
            raise ValueError(f"an index of a gene outside 0 … {self.shape[1] - 1:,} in cells {start:,} … {stop - 1:,}")
        pointers = self.indptr[start : stop + 1] - first
        return scipy.sparse.csr_matrix(
            (np.asarray(self.data[first:last]), indices, pointers), (stop - start, self.shape[1])
        )

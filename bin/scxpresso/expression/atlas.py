"""Reading an h5ad a chunk at a time: counts, genes and labels, whatever the matrix' layout."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.sparse
from anndata.io import read_elem, sparse_dataset

from scxpresso.problems import InputError, Problem, some

CHUNK_VALUES = 24_000_000  # stored values in memory at a time


class Atlas:
    """An open h5ad. `layer`: None for X, `raw` for raw/X, else a name of `layers`.

    Nothing of the matrix is read before it is asked for. Raises InputError for a file that is no h5ad, or has no such
    layer or gene column. Use as a context manager.
    """

    def __init__(self, path: str | Path, layer: str | None = None, gene_column: str | None = None):
        try:
            self._file = h5py.File(path)
        except OSError as error:
            raise InputError(
                Problem(
                    "counts", f"no HDF5 file, or one that is cut short ({error})", "an h5ad (AnnData), whole",
                    "download or write it again; a .h5 of Cell Ranger or a loom has to be converted with scanpy first",
                )
            ) from None  # fmt: skip
        self.obs: pd.DataFrame = self._frame("obs")
        self.layer = layer
        prefix = "raw/" if layer == "raw" else ""
        self._matrix = self._open_matrix(f"layers/{layer}" if layer and layer != "raw" else f"{prefix}X")
        self.var = self._frame(f"{prefix}var")
        self.gene_column = gene_column

    def __enter__(self) -> "Atlas":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._file:
            raise InputError(
                Problem(
                    "counts", f"an HDF5 file without {name!r}", "an h5ad as anndata writes it (X, obs, var)",
                    "convert a .h5 of Cell Ranger or a loom with scanpy: adata.write_h5ad('atlas.h5ad')",
                )
            )  # fmt: skip
        frame = read_elem(self._file[name])
        if not isinstance(frame, pd.DataFrame):
            raise InputError(
                Problem(
                    "counts", f"no table of columns in {name!r}", "an h5ad as anndata 0.7 or newer writes it",
                    "read it with scanpy and write it again: scanpy.read_h5ad('old.h5ad').write_h5ad('new.h5ad')",
                )
            )  # fmt: skip
        return frame

    def _open_matrix(self, name: str):
        if name not in self._file:
            raise InputError(
                Problem(
                    "column layer", f"no {name!r} in the h5ad",
                    f"one of its matrices: {some([matrix or 'X' for matrix in self.matrices()], 20) or 'it has none'}",
                    "name a layer that is there, or raw; leave the cell empty for X",
                )
            )  # fmt: skip
        element = self._file[name]
        return sparse_dataset(element) if isinstance(element, h5py.Group) else element

    def matrices(self) -> list[str]:
        """What the sheet's `layer` may name here; '' is X."""
        names = [name for name, there in (("", "X" in self._file), ("raw", "raw/X" in self._file)) if there]
        return names + list(self._file.get("layers", ()))

    @property
    def shape(self) -> tuple[int, int]:
        """Cells, genes."""
        return tuple(self._matrix.shape)

    @property
    def gene_ids(self) -> list[str]:
        """The atlas' names of its genes: the index of `var`, or its column `gene_column`."""
        if self.gene_column is None:
            return [str(name) for name in self.var.index]
        if self.gene_column not in self.var.columns:
            raise InputError(
                Problem(
                    "column gene_column", f"no column {self.gene_column!r} in var",
                    f"one of {some(self.var.columns, 20)}" if len(self.var.columns) else "none: var has no columns",
                    "name a column that is there, or leave the cell empty for the index of var",
                )
            )  # fmt: skip
        return [str(name) for name in self.var[self.gene_column]]

    @property
    def by_columns(self) -> bool:
        return getattr(self._matrix, "format", None) == "csc"

    def chunks(self, values: int = CHUNK_VALUES) -> Iterator[tuple[slice, slice, scipy.sparse.spmatrix]]:
        """Cell slice, gene slice and counts (cells × genes, sparse) of each chunk: by cells, or by genes if it is CSC."""
        cells, genes = self.shape
        axis = int(self.by_columns)
        length = self.shape[axis]
        per_line = self._stored() / max(length, 1)
        step = max(int(values / max(per_line, 1)), 1)
        for start in range(0, length, step):
            part = slice(start, min(start + step, length))
            where = (slice(0, cells), part) if axis else (part, slice(0, genes))
            block = self._matrix[where]
            yield *where, (block if scipy.sparse.issparse(block) else scipy.sparse.csr_matrix(block))

    def _stored(self) -> int:
        if isinstance(self._matrix, h5py.Dataset):
            return int(np.prod(self.shape))
        return int(self._matrix.group["data"].shape[0])

    def sample(self, cells: int = 200) -> scipy.sparse.csr_matrix:
        """Stored values of up to `cells` cells from all over the file: whole rows, so that their sums mean something.

        For CSC, which has no cheap rows, values of the first genes.
        """
        if self.by_columns:
            block = self._matrix[:, : min(200, self.shape[1])]
            return scipy.sparse.csr_matrix(block)
        rows = np.unique(np.linspace(0, max(self.shape[0] - 1, 0), min(cells, self.shape[0])).astype(int))
        return scipy.sparse.vstack([scipy.sparse.csr_matrix(self._matrix[int(row) : int(row) + 1]) for row in rows])

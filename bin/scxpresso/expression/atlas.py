"""Read an h5ad chunk by chunk: counts, genes and labels, whatever the layout of the matrix."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.sparse
from anndata.abc import CSCDataset, CSRDataset
from anndata.io import read_elem, sparse_dataset

from scxpresso.expression.features import TYPE_COLUMNS, not_genes
from scxpresso.expression.raw_counts import Sample, by_likelihood, counts_fault
from scxpresso.problems import InputError, Problem, preview

CHUNK_VALUES = 24_000_000  # stored values in memory at a time
MAX_SAMPLED_VALUES = 100_000_000  # stored values of a CSC matrix that is read completely for a sample

# Compressions that HDF5 reads only with plugins, by their numbers in the HDF Group's registry.
PLUGINS = {
    307: "bzip2", 4: "szip", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
    32026: "blosc2",
}  # fmt: skip


class Atlas:
    """An open h5ad, to be used as a context manager; the matrix is read only in chunks or samples.

    Parameters
    ----------
    layer: None for X, else the name of a layer, or `raw` for raw/X. If the file has both `layers/raw` and `raw/X`, `raw`
        is the one that holds counts; `layers/raw` and `raw/X` name either.
    gene_column: column of var with the genes' names; None for its index.

    Raises
    ------
    InputError, for a file that is not an h5ad or cannot be read, or that has no such layer or gene column.
    """

    def __init__(self, path: str | Path, layer: str | None = None, gene_column: str | None = None):
        self._path = Path(path)
        try:
            self._file = h5py.File(path)
        except OSError as error:
            raise InputError(_cannot_open(error)) from None
        self.obs: pd.DataFrame = self._frame("obs")
        self.layer = layer
        self.matrix_name = self._name_of(layer)
        self._matrix = self._open_matrix(self.matrix_name)
        self.var = self._frame("raw/var" if self.matrix_name == "raw/X" else "var")
        self.gene_column = gene_column
        self.gene_ids = self._gene_ids()  # the atlas' names of its genes

    def __enter__(self) -> "Atlas":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _name_of(self, layer: str | None) -> str:
        """Return the path in the file of a matrix that the sheet names."""
        if not layer:
            return "X"
        if layer == "raw":
            return self._raw()
        return layer if layer == "raw/X" or layer.startswith("layers/") else f"layers/{layer}"

    def _raw(self) -> str:
        """Find the matrix that `raw` names: the only one of that name, or the only one of two that holds counts."""
        there = [name for name in ("layers/raw", "raw/X") if is_matrix(self._file.get(name))]
        if len(there) < 2:
            return there[0] if there else "raw/X"
        holding = [name for name in there if holds_counts(self._path, name)]
        if len(holding) == 1:
            return holding[0]
        raise InputError(
            Problem(
                "column layer",
                f"'raw' may be layers['raw'] or .raw of the h5ad, and {'both hold' if holding else 'neither holds'} raw counts",
                "one matrix", "write layers/raw for the layer, or raw/X for .raw",
            )
        )  # fmt: skip

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._file:
            raise InputError(
                Problem(
                    "counts", f"an HDF5 file without {name!r}", "an h5ad as anndata writes it (X, obs, var)",
                    "convert a .h5 of Cell Ranger or a loom with scanpy: adata.write_h5ad('atlas.h5ad')",
                )
            )  # fmt: skip
        with self._reading(name):
            frame = read_elem(self._file[name])
        if not isinstance(frame, pd.DataFrame):
            raise InputError(
                Problem(
                    "counts", f"no table of columns in {name!r}", "an h5ad as anndata 0.7 or newer writes it",
                    "read it with scanpy and write it again: scanpy.read_h5ad('old.h5ad').write_h5ad('new.h5ad')",
                )
            )  # fmt: skip
        return frame

    def _open_matrix(self, name: str) -> h5py.Dataset | CSRDataset | CSCDataset:
        element = self._file.get(name)
        if not is_matrix(element):
            raise InputError(_no_matrix(name, element is None, self.matrices()))
        kind = (element["data"] if isinstance(element, h5py.Group) else element).dtype
        if kind.kind not in "iuf" or kind.itemsize > 8 or kind == np.float16 or not kind.isnative:
            raise InputError(_no_numbers(name, kind))
        return sparse_dataset(element) if isinstance(element, h5py.Group) else element

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Name the compression if a part of the file cannot be read for lack of a plugin."""
        try:
            yield
        except Exception as error:
            if (compression := _unknown_compression(self._file[name])) is None:
                raise
            raise InputError(
                Problem(
                    "counts", f"{name!r} is compressed with {compression}, which the HDF5 library here cannot read",
                    "an h5ad without compression, or with gzip or lzf, which HDF5 itself reads",
                    "where it can be read (import hdf5plugin), write it again: "
                    "anndata.read_h5ad('old.h5ad').write_h5ad('new.h5ad', compression='gzip')",
                )
            ) from error  # fmt: skip

    def matrices(self) -> list[str]:
        """List the values of the sheet's `layer` that are valid for this file; '' is X."""
        layers = [name for name, layer in self._file.get("layers", {}).items() if is_matrix(layer)]
        names = [""] if is_matrix(self._file.get("X")) else []
        if is_matrix(self._file.get("raw/X")):
            names.append("raw/X" if "raw" in layers else "raw")
            layers = ["layers/raw" if name == "raw" else name for name in layers]
        return names + layers

    def other_matrices(self) -> list[str]:
        """List the valid values of the sheet's `layer` other than this matrix."""
        return [name for name in self.matrices() if self._name_of(name) != self.matrix_name]

    @property
    def features_of_raw(self) -> int:
        """Number of features in .raw; 0 if there is none."""
        return len(self._frame("raw/var")) if is_matrix(self._file.get("raw/X")) else 0

    @property
    def feature_names(self) -> list[tuple[str, ...]]:
        """All names of each feature: in the index of `var`, and in `gene_column`."""
        columns = [self.gene_ids] if self.gene_column is None else [map(str, self.var.index), self.gene_ids]
        return list(zip(*columns, strict=True))

    def not_genes(self, annotated: Iterable[str]) -> np.ndarray:
        """Say why each feature is not a gene, '' for a gene; see features.not_genes."""
        var = self.var
        if self.matrix_name == "raw/X":  # .raw lacks columns that were added to var after it was set
            others = self._frame("var")
            missing = [name for name in TYPE_COLUMNS if name in others and name not in var]
            if others.index.is_unique:
                var = var.join(others[missing])
        return not_genes(var, self.feature_names, annotated)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and genes."""
        return tuple(self._matrix.shape)

    def _gene_ids(self) -> list[str]:
        """Return the index of `var`, or its column `gene_column`."""
        if self.gene_column is None:
            return [str(name) for name in self.var.index]
        if self.gene_column not in self.var.columns:
            raise InputError(
                Problem(
                    "column gene_column", f"no column {self.gene_column!r} in var",
                    f"one of {preview(self.var.columns, 20)}" if len(self.var.columns) else "none: var has no columns",
                    "name a column that is there, or leave the cell empty for the index of var",
                )
            )  # fmt: skip
        return [str(name) for name in self.var[self.gene_column]]

    @property
    def by_columns(self) -> bool:
        """Whether the matrix is stored by genes (CSC)."""
        return getattr(self._matrix, "format", None) == "csc"

    def chunks(self, values: int = CHUNK_VALUES) -> Iterator[tuple[slice, slice, scipy.sparse.spmatrix]]:
        """Yield each chunk: slice of cells, slice of genes, and counts (cells × genes, sparse); by genes if CSC."""
        cells, genes = self.shape
        axis = int(self.by_columns)
        length = self.shape[axis]
        per_line = self._stored() / max(length, 1)
        step = max(int(values / max(per_line, 1)), 1)
        for start in range(0, length, step):
            part = slice(start, min(start + step, length))
            where = (slice(0, cells), part) if axis else (part, slice(0, genes))
            yield *where, self._read(where)

    def _read(self, where: tuple) -> scipy.sparse.spmatrix:
        """Read a block of the matrix, sparse."""
        with self._reading(self.matrix_name):
            block = self._matrix[where]
        return block if scipy.sparse.issparse(block) else scipy.sparse.csr_matrix(block)

    def _stored(self) -> int:
        if isinstance(self._matrix, h5py.Dataset):
            return int(np.prod(self.shape))
        return int(self._matrix.group["data"].shape[0])

    def sample(self, cells: int = 400) -> Sample:
        """Sample up to `cells` cells from all over the file, with all of their genes, so that sums are those of cells.

        CSC, in which rows are expensive, is read completely up to MAX_SAMPLED_VALUES; beyond, genes are sampled, too.
        """
        rows, genes = spread(self.shape[0], cells), np.arange(self.shape[1])
        if not self.by_columns:
            counts = self._read((rows, slice(0, len(genes)))).tocsr()
        elif self._stored() <= MAX_SAMPLED_VALUES:
            counts = scipy.sparse.hstack([block[rows] for _, _, block in self.chunks()], format="csr")
        else:
            genes = spread(self.shape[1], cells)
            counts = self._read((slice(0, self.shape[0]), genes)).tocsr()[rows]
        counts.sum_duplicates()
        return Sample(
            counts,
            self.obs.index.astype(str).to_numpy(dtype=object)[rows],
            np.array(self.gene_ids, dtype=object)[genes],
            rows,
            genes,
            whole_cells=len(genes) == self.shape[1],
        )


def spread(length: int, number: int) -> np.ndarray:
    """Choose up to `number` positions in 0 … length − 1: one at random in each of as many intervals, by a fixed seed.

    Evenly spaced positions could coincide with a periodic order of the cells.
    """
    edges = np.linspace(0, length, min(number, length) + 1).astype(int)
    return np.random.default_rng(1).integers(edges[:-1], edges[1:]) if length else edges[:-1]


def is_matrix(element: h5py.Group | h5py.Dataset | None) -> bool:
    """Whether an element of an h5ad is a matrix; anndata writes None as null, or not at all."""
    return isinstance(element, h5py.Group) or (isinstance(element, h5py.Dataset) and element.shape not in (None, ()))


def holds_counts(path: str | Path, layer: str) -> bool:
    """Whether a matrix of an h5ad ('' for X) holds raw counts; False if it cannot be read."""
    try:
        with Atlas(path, layer or None) as atlas:
            return not counts_fault(atlas.sample(50))
    except Exception:
        return False


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
        "counts", f"no HDF5 file, or one that is cut short ({reason})", "an h5ad (AnnData), whole",
        "download or write it again; a .h5 of Cell Ranger or a loom has to be converted with scanpy first",
    )  # fmt: skip


def _no_matrix(name: str, absent: bool, others: list[str]) -> Problem:
    """Describe a matrix that is absent or null. others: matrices that the sheet may name instead; '' for X."""
    found = f"no {name!r} in the h5ad" if absent else f"{name!r} of the h5ad is null: it holds no matrix"
    fix = "name a layer that is there, or raw; leave the cell empty for X"
    if name == "X":
        likely = by_likelihood(others)
        fix = "write the raw counts into the h5ad: adata.X = counts"
        fix = f"write the one that holds raw counts into the column layer, such as {likely[0]!r}" if likely else fix
    there = preview([matrix or "X" for matrix in others], 20) or "it has none"
    return Problem("column layer", found, f"one of its matrices: {there}", fix)


def _no_numbers(name: str, kind: np.dtype) -> Problem:
    """Describe a matrix whose type of values cannot hold counts."""
    expected = "counts as float32, float64 or whole numbers"
    if kind == np.float16:
        found = f"{name!r} is of float16, which rounds counts above 2,048 and has none above 65,504"
        fix = "write the raw counts again as float32 or whole numbers, from the file that they came from"
        return Problem("counts", found, expected, fix)
    fix = "write the raw counts as float32, or name their layer in the column layer"
    return Problem("counts", f"{name!r} is of type {kind}, which cannot be read as counts here", expected, fix)


def _unknown_compression(element: h5py.Group | h5py.Dataset) -> str | None:
    """Name the first compression in an element of an h5ad for which HDF5 has no filter; None if there is none."""
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

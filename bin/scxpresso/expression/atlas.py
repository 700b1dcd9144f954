"""An atlas as the sheet describes it: counts in chunks, genes and labels, whatever the layout of the file."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse

from scxpresso.expression.annotations import annotate
from scxpresso.expression.cell_filter import passing_cells
from scxpresso.expression.features import TYPE_COLUMNS, not_genes
from scxpresso.expression.raw_counts import Sample, by_likelihood, counts_fault
from scxpresso.layouts.layout import Layout, X
from scxpresso.layouts.matrix import Selection
from scxpresso.layouts.opening import open_layout
from scxpresso.problems import InputError, Problem, preview

CHUNK_VALUES = 24_000_000  # stored values in memory at a time
MAX_SAMPLED_VALUES = 100_000_000  # stored values of a CSC matrix that is read completely for a sample
CELLXGENE_COLUMNS = {"is_primary_data", "cell_type_ontology_term_id"}  # of obs, in every version of CELLxGENE's schema
SOURCE_NAME = "name_in_source"  # of var, by import_atlas.py: the index of var, where gene_column replaced it
CELLXGENE_IDS = "feature_id"  # of var, in downloads from CELLxGENE's Census, whose index is only numbers


@dataclass(frozen=True)
class AtlasColumns:
    """The columns of the sheet of atlases that say what to read.

    layer: None for the default matrix, else the name of a layer, or `raw` for raw/X. If the file has both `layers/raw` and
    `raw/X`, `raw` is the one that holds counts; `layers/raw` and `raw/X` name either.
    gene_column: column of var with the genes' names; None for its index.
    annotations: table with a row per cell, whose columns are added to obs; only its cells are read.
    cells: condition on obs; only cells that meet it are read.
    """

    layer: str | None = None
    gene_column: str | None = None
    annotations: str | Path | None = None
    cells: str | None = None


class Atlas:
    """Open counts, to be used as a context manager; the matrix is read only in chunks or samples.

    The default matrix is X, but raw/X of a file with CELLxGENE's columns, whose schema keeps raw counts there.

    Parameters
    ----------
    columns: what the sheet says about the file.
    layout: the file, if it is open; it is closed with the atlas.

    Attributes
    ----------
    obs: one row per cell that is read. var: one row per feature. gene_ids: the atlas' names of its genes.
    notes: what was decided while it was opened.

    Raises
    ------
    InputError, for a file that has none of the layouts or cannot be read, or that lacks what a column names.
    """

    def __init__(self, path: str | Path, columns: AtlasColumns | None = None, layout: Layout | None = None):
        self._path = Path(path)
        self.columns = columns or AtlasColumns()
        self._layout: Layout = layout or open_layout(path)
        try:
            self._open()
        except BaseException:
            self._layout.close()
            raise

    def _open(self) -> None:
        self.notes = list(self._layout.notes)
        self.matrix_name = self._name_of(self.columns.layer)
        if self.matrix_name not in self._layout.paths:
            raise InputError(self._no_matrix(self.matrix_name))
        self._matrix = self._layout.matrix(self.matrix_name)
        self.var = self._layout.var(self.matrix_name)
        self.gene_ids = self._gene_ids()
        self.obs, self._rows = self._chosen_cells()

    def __enter__(self) -> "Atlas":
        return self

    def __exit__(self, *_: object) -> None:
        self._layout.close()

    # ---- Which matrix ------------------------------------------------------------------------------------------------

    def _name_of(self, layer: str | None) -> str:
        """Return the path in the file of a matrix that the sheet names."""
        if not layer:
            return self.default_matrix
        if layer == "raw":
            return self._raw()
        if layer == X and "layers/X" not in self._layout.paths:
            return X
        return layer if layer == "raw/X" or layer.startswith("layers/") else f"layers/{layer}"

    @property
    def default_matrix(self) -> str:
        """Path of the matrix that is read if the sheet names none."""
        if self.is_cellxgene and "raw/X" in self._layout.paths:
            return "raw/X"
        return X

    @property
    def is_cellxgene(self) -> bool:
        """Whether obs has the columns of CELLxGENE's schema."""
        return set(self._layout.obs.columns) >= CELLXGENE_COLUMNS

    def _raw(self) -> str:
        """Find the matrix that `raw` names: the only one of that name, or the only one of two that holds counts."""
        there = [name for name in ("layers/raw", "raw/X") if name in self._layout.paths]
        if len(there) < 2:
            return there[0] if there else "raw/X"
        holding = [name for name in there if holds_counts(self._path, name)]
        if len(holding) == 1:
            return holding[0]
        found = f"{'both hold' if holding else 'neither holds'} raw counts"
        raise InputError(
            Problem(
                "column layer", f"'raw' may be layers['raw'] or .raw of the {self.kind}, and {found}",
                "one matrix", "write layers/raw for the layer, or raw/X for .raw",
            )
        )  # fmt: skip

    @property
    def kind(self) -> str:
        """What messages call the file, such as `h5ad`."""
        return self._layout.kind

    def matrices(self) -> list[str]:
        """List the values of the sheet's `layer` that are valid for this file; '' is the default matrix, if it is there."""
        paths, default = self._layout.paths, self.default_matrix
        both = {"layers/raw", "raw/X"} <= set(paths)
        names = {"raw/X": "raw/X" if both else "raw", "layers/raw": "layers/raw" if both else "raw", default: ""}
        ordered = sorted(paths, key=lambda path: path != default)
        return [names.get(path, path.removeprefix("layers/")) for path in ordered]

    def other_matrices(self) -> list[str]:
        """List the valid values of the sheet's `layer` other than this matrix."""
        return [name for name in self.matrices() if self._name_of(name) != self.matrix_name]

    @property
    def features_of_raw(self) -> int:
        """Number of features in .raw; 0 if there is none."""
        return len(self._layout.var("raw/X")) if "raw/X" in self._layout.paths else 0

    def _no_matrix(self, name: str) -> Problem:
        """Describe a matrix that is absent or null."""
        null = f"{name!r} of the {self.kind} is null: it holds no matrix"
        found = null if name in self._layout.nulls else f"no {name!r} in the {self.kind}"
        others = [matrix for matrix in self.matrices() if self._name_of(matrix) != name]
        fix = "name a layer that is there, or raw; leave the cell empty for X"
        if name == X:
            likely = by_likelihood(others)
            fix = "write the raw counts into the h5ad: adata.X = counts"
            fix = f"write the one that holds raw counts into the column layer, such as {likely[0]!r}" if likely else fix
        there = preview([matrix or self.default_matrix for matrix in others], 20) or "it has none"
        return Problem("column layer", found, f"one of its matrices: {there}", fix)

    # ---- Which cells and genes ---------------------------------------------------------------------------------------

    def _chosen_cells(self) -> tuple[pd.DataFrame, np.ndarray | None]:
        """Return obs of the cells that are read, and their rows in the matrix; None if these are all."""
        obs, rows = self._layout.obs, np.arange(len(self._layout.obs))
        if self.columns.annotations:
            obs, rows, notes = annotate(obs, self.columns.annotations)
            self.notes += notes
        if self.columns.cells:
            passing = passing_cells(obs, self.columns.cells)
            self.notes.append(f"{passing.sum():,} of {len(obs):,} cells meet the condition in the column cells")
            obs, rows = obs[passing], rows[passing]
        return obs, None if len(rows) == len(self._layout.obs) else rows

    def _gene_ids(self) -> list[str]:
        """Return the index of `var`, or its column `gene_column`."""
        column = self.columns.gene_column
        if (
            column is None
            and CELLXGENE_IDS in self.var
            and all(re.fullmatch(r"\d+", str(one)) for one in self.var.index)
        ):
            column = CELLXGENE_IDS
            self.notes.append(f"genes are named by the column {CELLXGENE_IDS!r} of var, as its index has only numbers")
        if column is None:
            return [str(name) for name in self.var.index]
        if column not in self.var.columns:
            raise InputError(
                Problem(
                    "column gene_column", f"no column {column!r} in var",
                    f"one of {preview(self.var.columns, 20)}" if len(self.var.columns) else "none: var has no columns",
                    "name a column that is there, or leave the cell empty for the index of var",
                )
            )  # fmt: skip
        return [str(name) for name in self.var[column]]

    @property
    def feature_names(self) -> list[tuple[str, ...]]:
        """All names of each feature: in the index of `var`, in `gene_column`, and in the file from which it was imported."""
        columns = [list(map(str, self.var.index)), self.gene_ids]
        columns += [list(map(str, self.var[SOURCE_NAME]))] if SOURCE_NAME in self.var else []
        return [tuple(dict.fromkeys(names)) for names in zip(*columns, strict=True)]

    @property
    def typed_var(self) -> pd.DataFrame:
        """`var` with every column of features' types that the file has: .raw lacks those added after it was set."""
        if self.matrix_name == "raw/X":
            others = self._layout.var(X)
            missing = [name for name in TYPE_COLUMNS if name in others and name not in self.var]
            if others.index.is_unique:
                return self.var.join(others[missing])
        return self.var

    def not_genes(self, annotated: Iterable[str]) -> np.ndarray:
        """Say why each feature is not a gene, '' for a gene; see features.not_genes."""
        return not_genes(self.typed_var, self.feature_names, annotated)

    # ---- Counts ------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells that are read, and of genes."""
        cells, genes = self._matrix.shape
        return (cells if self._rows is None else len(self._rows)), genes

    @property
    def by_columns(self) -> bool:
        """Whether the matrix is stored by genes (CSC)."""
        return self._matrix.by_columns

    @property
    def dtype(self) -> np.dtype:
        """Type of the counts in the file."""
        return self._matrix.dtype

    def chunks(self, values: int = CHUNK_VALUES) -> Iterator[tuple[slice, slice, scipy.sparse.spmatrix]]:
        """Yield each chunk: slice of cells, slice of genes, and counts (cells × genes, sparse); by genes if CSC."""
        cells, genes = self._matrix.shape
        axis = int(self.by_columns)
        length = (cells, genes)[axis]
        per_line = self._matrix.stored / max(length, 1)
        step = max(int(values / max(per_line, 1)), 1)
        for start in range(0, length, step):
            part = slice(start, min(start + step, length))
            if axis:
                block = self._matrix.read(slice(0, cells), part)
                yield slice(0, self.shape[0]), part, block if self._rows is None else block.tocsr()[self._rows]
            elif self._rows is None:
                yield part, slice(0, genes), self._matrix.read(part, slice(0, genes))
            else:
                first, last = np.searchsorted(self._rows, [part.start, part.stop])
                if first < last:
                    block = self._matrix.read(part, slice(0, genes)).tocsr()
                    yield slice(first, last), slice(0, genes), block[self._rows[first:last] - part.start]

    def _read(self, cells: np.ndarray | slice, genes: Selection) -> scipy.sparse.spmatrix:
        """Read a block of the matrix, sparse; `cells` are among those that are read."""
        return self._matrix.read(cells if self._rows is None else self._rows[cells], genes)

    def sample(self, cells: int = 400) -> Sample:
        """Sample up to `cells` cells from all over the file, with all of their genes, so that sums are those of cells.

        CSC, in which rows are expensive, is read completely up to MAX_SAMPLED_VALUES; beyond, genes are sampled, too.
        """
        rows, genes = spread(self.shape[0], cells), np.arange(self.shape[1])
        if not self.by_columns:
            counts = self._read(rows, slice(0, len(genes))).tocsr()
        elif self._matrix.stored <= MAX_SAMPLED_VALUES:
            counts = scipy.sparse.hstack([block.tocsr()[rows] for _, _, block in self.chunks()], format="csr")
        else:
            genes = spread(self.shape[1], cells)
            counts = self._matrix.read(slice(0, self._matrix.shape[0]), genes).tocsr()
            counts = counts[rows if self._rows is None else self._rows[rows]]
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


def holds_counts(path: str | Path, layer: str) -> bool:
    """Whether a matrix of an atlas ('' for the default one) holds raw counts; False if it cannot be read."""
    try:
        with Atlas(path, AtlasColumns(layer=layer or None)) as atlas:
            return not counts_fault(atlas.sample(50))
    except Exception:
        return False

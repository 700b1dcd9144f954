"""Loom files: a dense matrix of genes × cells in HDF5, with attributes of both."""

import h5py
import numpy as np
import pandas as pd

from scxpresso.layouts.layout import SimpleLayout, X
from scxpresso.layouts.matrix import DenseMatrix, Matrix

# Attributes that name cells and genes, the first that is there counts.
CELL_NAMES = ["obs_names", "CellID", "cell_id", "cell_names"]
GENE_NAMES = ["var_names", "Accession", "Gene", "gene_ids", "gene_names"]


def is_loom(file: h5py.File) -> bool:
    """Whether a file has what every loom has."""
    return isinstance(file.get("matrix"), h5py.Dataset) and "row_attrs" in file and "col_attrs" in file


def open_loom(file: h5py.File) -> SimpleLayout:
    """Open a loom: its matrix as X, its layers as `layers/<name>`."""
    matrices: dict[str, Matrix] = {X: DenseMatrix(file["matrix"], transposed=True)}
    for name, layer in file.get("layers", {}).items():
        matrices[f"layers/{name}"] = DenseMatrix(layer, transposed=True)
    cells, genes = matrices[X].shape
    obs = _attributes(file["col_attrs"], cells, CELL_NAMES)
    return SimpleLayout("loom", obs, _attributes(file["row_attrs"], genes, GENE_NAMES), matrices, file.close)


def _attributes(group: h5py.Group, count: int, names: list[str]) -> pd.DataFrame:
    """Read the attributes that have one value per cell or gene; index: the first of `names` that is there."""
    columns = {}
    for name, values in group.items():
        if isinstance(values, h5py.Dataset) and values.shape == (count,):
            columns[name] = values.asstr()[:] if h5py.check_string_dtype(values.dtype) else values[:]
    table = pd.DataFrame(columns, index=np.arange(count).astype(str))
    index = next((name for name in names if name in table), None)
    return table if index is None else table.set_index(table[index].astype(str).rename(None))

"""AnnData in a group of HDF5 or zarr: an h5ad, a zarr, or one modality of a MuData (h5mu)."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from anndata.io import read_elem, sparse_dataset

from scxpresso.layouts.hdf5 import naming_compression
from scxpresso.layouts.layout import X, check_numbers
from scxpresso.layouts.matrix import DenseMatrix, Matrix, SparseMatrix
from scxpresso.problems import InputError, Problem, preview

GENE_MODALITIES = ["rna", "gex", "gene expression"]  # usual names of the modality of genes, in lower case


class AnndataGroup:
    """An AnnData in an open group.

    Parameters
    ----------
    kind: what messages call the file.
    root: group of HDF5 or zarr; the AnnData itself, or a MuData, of which the modality of genes is opened.
    on_close: closes the file.

    Raises
    ------
    InputError, for a group that has no AnnData, or for a MuData without a modality of genes.
    """

    def __init__(self, kind: str, root: Any, on_close: Callable[[], None]):
        self.kind = kind
        self.notes: list[str] = []
        self._on_close = on_close
        modality = self._modality(root) if "mod" in root and "X" not in root else None
        self._group = root if modality is None else root["mod"][modality]
        self.obs = self._frame("obs")
        if modality is not None:
            self.notes.append(f"genes are read from the modality {modality!r}")
            self._add_shared_obs(root)
        named = [X, "raw/X", *(f"layers/{name}" for name in self._group.get("layers", {}))]
        self.paths = [name for name in named if is_matrix(self._group.get(name))]
        self.nulls = [name for name in named if self._group.get(name) is not None and name not in self.paths]

    def var(self, path: str) -> pd.DataFrame:
        """Return the features of a matrix, one row each."""
        return self._frame("raw/var" if path == "raw/X" else "var")

    def matrix(self, path: str) -> Matrix:
        """Open one of `paths`. Raises InputError if its type of numbers cannot hold counts."""
        element = self._group[path]
        if hasattr(element, "dtype"):
            check_numbers(path, element.dtype)
            return DenseMatrix(element)
        check_numbers(path, element["data"].dtype)
        return SparseMatrix(sparse_dataset(element))

    def close(self) -> None:
        """Close the file."""
        self._on_close()

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._group:
            raise InputError(
                Problem(
                    "counts", f"{self.kind} without {name!r}", "an AnnData (X, obs, var), or another layout that is read",
                    "docs/inputs.md lists the layouts; write an AnnData with anndata: adata.write_h5ad('atlas.h5ad')",
                )
            )  # fmt: skip
        with naming_compression(self._group[name]):
            frame = read_elem(self._group[name])
        if not isinstance(frame, pd.DataFrame):
            raise InputError(
                Problem(
                    "counts", f"no table of columns in {name!r}", "an h5ad as anndata 0.7 or newer writes it",
                    "read it with scanpy and write it again: scanpy.read_h5ad('old.h5ad').write_h5ad('new.h5ad')",
                )
            )  # fmt: skip
        return frame

    @staticmethod
    def _modality(root: Any) -> str:
        """Find the modality of genes in a MuData: the one with a usual name, or the only one."""
        names = list(root["mod"])
        usual = sorted(
            (name for name in names if name.lower() in GENE_MODALITIES), key=lambda n: GENE_MODALITIES.index(n.lower())
        )
        if usual or len(names) == 1:
            return (usual or names)[0]
        raise InputError(
            Problem(
                "counts", f"a MuData with the modalities {preview(names)}", f"one called {preview(GENE_MODALITIES)}",
                "write the modality of genes as an h5ad: mdata['name of it'].write_h5ad('atlas.h5ad')",
            )
        )  # fmt: skip

    def _add_shared_obs(self, root: Any) -> None:
        """Add the columns of obs that a MuData holds for all modalities together."""
        shared = read_elem(root["obs"]) if "obs" in root else pd.DataFrame()
        new = [name for name in shared if name not in self.obs]
        if new and shared.index.is_unique:
            self.obs = self.obs.join(shared[new])


def is_matrix(element: Any) -> bool:
    """Whether an element of an AnnData is a matrix; anndata writes None as null, or not at all."""
    if element is None:
        return False
    if hasattr(element, "dtype"):  # an array of HDF5 or zarr
        return element.shape not in (None, ())
    return True

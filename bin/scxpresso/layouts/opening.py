"""Open counts by what a file or folder contains, whatever its name says."""

from collections.abc import Callable
from pathlib import Path

import h5py

from scxpresso.damage import looks_like
from scxpresso.files import is_hdf5
from scxpresso.layouts.anndata_group import AnndataGroup
from scxpresso.layouts.hdf5 import open_hdf5
from scxpresso.layouts.layout import Layout
from scxpresso.layouts.loom import is_loom, open_loom
from scxpresso.layouts.tenx_folder import is_tenx_folder, open_tenx_folder
from scxpresso.layouts.tenx_h5 import is_tenx, open_tenx_h5
from scxpresso.problems import InputError, Problem, preview

EXPECTED = "an h5ad, h5mu, zarr, loom, 10x HDF5 file or 10x folder (matrix.mtx, barcodes.tsv, features.tsv)"
ZARR_MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zmetadata")  # of zarr 3 and zarr 2


def holds_layout(path: str | Path) -> bool:
    """Whether a path may have one of the layouts, rather than be a table in text."""
    return Path(path).is_dir() or is_hdf5(path)


def open_layout(path: str | Path) -> Layout:
    """Open counts for reading.

    Raises
    ------
    InputError, for what has none of the layouts, is damaged, or lacks a part.
    """
    path = Path(path)
    if path.is_dir():
        return _open_folder(path)
    if not is_hdf5(path):
        raise InputError(_not_a_layout(path))
    file = open_hdf5(path)
    try:
        return _open_file(file)
    except BaseException:
        file.close()
        raise


def _open_file(file: h5py.File) -> Layout:
    open_as: list[tuple[bool, Callable[[], Layout]]] = [
        (is_loom(file), lambda: open_loom(file)),
        ("mod" in file and "X" not in file, lambda: AnndataGroup("h5mu", file, file.close)),
        ({"obs", "var"} <= file.keys(), lambda: AnndataGroup("h5ad", file, file.close)),
        (is_tenx(file), lambda: open_tenx_h5(file)),
    ]
    for fits, opened in open_as:
        if fits:
            return opened()
    if "barcode_idx" in file:
        raise InputError(
            Problem(
                "counts", "molecule_info.h5 of Cell Ranger, which lists molecules", EXPECTED,
                "give filtered_feature_bc_matrix.h5, which is beside it",
            )
        )  # fmt: skip
    missing = next((part for part in ("obs", "var") if part not in file), "obs")
    raise InputError(
        Problem(
            "counts", f"an HDF5 file without {missing!r}, and with {preview(file)}",
            f"{EXPECTED}; a 10x HDF5 file is the .h5 of Cell Ranger",
            "write it with the program that it comes from as one of these",
        )
    )  # fmt: skip


def _open_folder(path: Path) -> Layout:
    if any((path / mark).is_file() for mark in ZARR_MARKS):
        return _open_zarr(path)
    if is_tenx_folder(path):
        return open_tenx_folder(path)
    inner = [entry.name for entry in sorted(path.iterdir()) if entry.is_dir() and _has_counts(entry)]
    found = f"a folder with neither a zarr nor a matrix.mtx: it has {preview(sorted(e.name for e in path.iterdir()))}"
    fix = f"name the folder inside it: {preview(inner)}" if inner else "name the folder that has them"
    raise InputError(Problem("counts", found, EXPECTED, fix))


def _open_zarr(path: Path) -> Layout:
    import zarr  # slow to import

    root = zarr.open_group(path, mode="r")
    if "obs" not in root and "mod" not in root:
        inner = sorted(entry.relative_to(path).as_posix() for entry in path.glob("tables/*") if entry.is_dir())
        fix = f"name a table inside it: {preview(inner)}" if inner else "write it with adata.write_zarr('atlas.zarr')"
        found = f"a zarr without 'obs', and with {preview(root)}"
        raise InputError(Problem("counts", found, "a zarr of an AnnData or MuData", fix))
    return AnndataGroup("zarr", root, lambda: None)


def _has_counts(folder: Path) -> bool:
    return is_tenx_folder(folder) or any((folder / mark).is_file() for mark in ZARR_MARKS)


def _not_a_layout(path: Path) -> Problem:
    found = looks_like(path)
    fix = "write it with scanpy or anndata: adata.write_h5ad(…)"
    if "HDF5" in found:
        fix = "gunzip it"
    elif "MatrixMarket" in found:
        fix = "name its folder, which has barcodes and features too"
    elif found.startswith(("text", "gzip of text")):
        fix = "convert a table of counts with import_atlas.py, or write it with anndata: adata.write_h5ad(…)"
    return Problem("counts", found, EXPECTED, fix)

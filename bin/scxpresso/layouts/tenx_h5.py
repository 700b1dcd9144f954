"""The HDF5 files of Cell Ranger (`filtered_feature_bc_matrix.h5`), also as CellBender and others write them."""

import h5py
import pandas as pd

from scxpresso.layouts.layout import SimpleLayout, X, check_size, check_unique
from scxpresso.layouts.matrix import CompressedRows
from scxpresso.problems import InputError, Problem, preview

FEATURE_COLUMNS = {"name": "gene_name", "feature_type": "feature_types", "genome": "genome"}


def is_tenx(file: h5py.File) -> bool:
    """Whether a file has the groups of Cell Ranger 3 and later, or of Cell Ranger 2."""
    return bool(_groups(file))


def open_tenx_h5(file: h5py.File) -> SimpleLayout:
    """Open the matrix of a file of Cell Ranger.

    Raises
    ------
    InputError, for counts on several genomes, or if barcodes, features and matrix have different sizes.
    """
    groups = _groups(file)
    if len(groups) > 1:
        raise InputError(
            Problem(
                "counts", f"counts on several genomes: {preview(groups)}", "one genome",
                "write one file per genome, as with scanpy.read_10x_h5(path, genome='…')",
            )
        )  # fmt: skip
    group = file[groups[0]]
    barcodes = pd.Index(group["barcodes"].asstr()[:])
    features = _features(group)
    genes, cells = (int(number) for number in group["shape"][:])
    fix = "download it or run Cell Ranger again"
    check_size("barcodes", len(barcodes), "cells", cells, fix)
    check_size("features", len(features), "features", genes, fix)
    check_size("columns", len(group["indptr"]) - 1, "cells", cells, fix)
    check_unique(barcodes)
    matrix = CompressedRows(group["indptr"][:], group["indices"], group["data"], (cells, genes))
    return SimpleLayout("10x HDF5 file", pd.DataFrame(index=barcodes), features, {X: matrix}, file.close)


def _groups(file: h5py.File) -> list[str]:
    """Names of the groups with a matrix; of Cell Ranger 2, they are the names of genomes."""
    parts = {"barcodes", "data", "indices", "indptr", "shape"}
    return [name for name, group in file.items() if isinstance(group, h5py.Group) and parts <= group.keys()]


def _features(group: h5py.Group) -> pd.DataFrame:
    """Read the features; index: gene ids."""
    if "features" not in group:  # Cell Ranger 2
        return pd.DataFrame({"gene_name": group["gene_names"].asstr()[:]}, index=group["genes"].asstr()[:])
    features = group["features"]
    columns = {column: features[name].asstr()[:] for name, column in FEATURE_COLUMNS.items() if name in features}
    return pd.DataFrame(columns, index=features["id"].asstr()[:])

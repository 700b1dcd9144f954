"""Gene features that a user brings (genes × numbers): embeddings, measured half-lives, conservation.

They are matched to the genes of a genome, and become a set of its annotation features (feature_store.py).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from scxpresso.files import is_hdf5
from scxpresso.gene_tables import number_of, read_rows
from scxpresso.identifiers import match_genes
from scxpresso.problems import InputError, Problem, preview

EXPECTED = (
    "a table (TSV or CSV) of genes × numbers, with a header, and gene ids or names in its first column; or an h5ad"
)
MIN_SD, MIN_SHARE = 1e-6, 1e-4  # the smallest standard deviation of a column: by itself, and as a share of its mean
PREFIX = "gene_features:"  # of their names among annotation features


@dataclass(frozen=True)
class GeneFeatures:
    """Gene features of a genome.

    names: of the columns, with PREFIX. values: genes × names, float32; NaN where the table has no value. unknown: ids of the
    table that are not genes of the genome.
    """

    genes: Sequence[str]
    names: list[str]
    values: np.ndarray
    unknown: list[str]

    @property
    def incomplete(self) -> list[str]:
        """Genes that lack a value."""
        lacking = np.isnan(self.values).any(axis=1)
        return [gene for gene, lacks in zip(self.genes, lacking, strict=True) if lacks]

    @property
    def constant(self) -> list[str]:
        """Names of the columns that have the same value for all genes, or none."""
        low, high = np.fmin.reduce(self.values, axis=0), np.fmax.reduce(self.values, axis=0)
        return [name for name, varies in zip(self.names, low < high, strict=True) if not varies]

    def digest(self, names: Sequence[str]) -> str:
        """Compute a digest of genes and values of some columns, whatever the order of genes: it tells tables apart."""
        columns = [self.names.index(name) for name in names]
        genes = np.array(self.genes, dtype=str)
        values = self.values[np.argsort(genes)][:, columns].astype("<f4")
        values[np.isnan(values)] = np.nan  # which has several forms
        text = "\n".join([*np.sort(genes), *names])
        return hashlib.sha256(text.encode() + values.tobytes()).hexdigest()


def is_gene_feature(name: str) -> bool:
    """Whether an annotation feature is one that a user brought."""
    return name.startswith(PREFIX)


def read_gene_features(path: str | Path, gene_ids: Sequence[str], gene_names: Sequence[str]) -> GeneFeatures:
    """Read a table of gene features and match it to the genes of a genome.

    Parameters
    ----------
    gene_ids, gene_names: of the genome's genes, in parallel. Ids of the table are matched to them as those of an atlas.

    Raises
    ------
    InputError, for a file that is no such table, for cells that are not finite numbers, for columns whose differences would be
    lost, and for genes that are listed twice.
    """
    path = Path(path)
    table = _read_h5ad(path, gene_ids, gene_names) if is_hdf5(path) else _read_text(path)
    _check_columns(path, list(table.columns))
    _check_finite(path, table)
    _check_scales(path, table)
    gene_of = match_genes(table.index.unique(), gene_ids, gene_names).gene_of
    repeated = table.index[table.index.duplicated()].unique()
    if twice := [name for name in repeated if name in gene_of]:
        fix = "keep one row of each, or their mean"
        raise InputError(Problem(str(path), f"genes more than once: {preview(twice)}", "one row per gene", fix))
    matched = table.loc[list(gene_of)]
    placed = matched.set_axis([gene_of[name] for name in matched.index]).reindex(list(gene_ids))
    unknown = [name for name in table.index if name not in gene_of]
    return GeneFeatures(
        genes=list(gene_ids),
        names=[PREFIX + name for name in table.columns],
        values=placed.to_numpy(dtype=np.float32),
        unknown=unknown,
    )


def check_complete(where: str, features: GeneFeatures) -> None:
    """Raise InputError if a gene of the genome lacks a value."""
    if lacking := features.incomplete:
        raise InputError(
            Problem(
                where, f"no value for {len(lacking):,} of {len(features.genes):,} genes of the genome: {preview(lacking)}",
                "a number for every gene and column",
                "add them, or give such genes the mean of the training genes with --gene_features_missing mean",
            )
        )  # fmt: skip


def _read_text(path: Path) -> pd.DataFrame:
    """Read a delimited table: genes × columns, float32."""
    rows = read_rows(path, EXPECTED, "name every column in the header")
    _, header = next(rows)
    if len(header) < 2:
        raise InputError(Problem(str(path), f"a single column: {''.join(header)[:60]!r}", EXPECTED))
    genes, values = [], []
    for where, row in rows:
        genes.append(row[0].strip())
        values.append(_numbers(where, header, row))
    if not genes:
        raise InputError(Problem(str(path), "a header without rows", EXPECTED))
    return pd.DataFrame(np.stack(values), genes, header[1:])


def _numbers(where: str, header: Sequence[str], row: Sequence[str]) -> np.ndarray:
    """Convert the cells after a gene's id to numbers; NaN for cells without a value."""
    try:
        return np.array([float(cell) for cell in row[1:]], dtype=np.float32)
    except ValueError:  # few rows have such cells
        fix = "correct it, or remove the column if it is not of numbers"
        cells = zip(header[1:], row[1:], strict=True)
        numbers = [number_of(f"{where}, column {column}", cell, row[0], fix) for column, cell in cells]
        return np.array(numbers, dtype=np.float32)


def _read_h5ad(path: Path, gene_ids: Sequence[str], gene_names: Sequence[str]) -> pd.DataFrame:
    """Read X of an h5ad, genes × columns, float32. Genes may be its observations or its variables."""
    from anndata.io import read_elem  # slow to import

    with h5py.File(path) as file:
        if not {"obs", "var", "X"} <= file.keys():
            found = f"an HDF5 file with {preview(file)}, not X, obs and var"
            raise InputError(Problem(str(path), found, EXPECTED))
        sides = [list(read_elem(file[side]).index.astype(str)) for side in ("obs", "var")]
        matrix = read_elem(file["X"])
    obs, var = (len(match_genes(set(names), gene_ids, gene_names).gene_of) for names in sides)
    values = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
    genes, columns = sides if obs >= var else sides[::-1]
    return pd.DataFrame((values if obs >= var else values.T).astype(np.float32), genes, columns)


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise InputError for columns without a name or with the name of another."""
    if "" in columns:
        raise InputError(Problem(str(path), "a column without a name", "a name for each", "name or remove it"))
    if repeated := _repeated(columns):
        found = f"columns of the same name: {preview(repeated)}"
        raise InputError(Problem(str(path), found, "each name once", "rename or remove one of them"))


def _check_finite(path: Path, table: pd.DataFrame) -> None:
    infinite = np.argwhere(np.isinf(table.to_numpy()))
    if len(infinite):
        gene, column = table.index[infinite[0][0]], table.columns[infinite[0][1]]
        found = f"{len(infinite):,} values are infinite, the first of the gene {gene!r} in {column!r}"
        raise InputError(Problem(str(path), found, "finite numbers", "leave such cells empty, or correct them"))


def _check_scales(path: Path, table: pd.DataFrame) -> None:
    """Raise InputError for a column that differs so little between genes that float32 or z-scaling loses it."""
    for name, column in zip(table.columns, table.to_numpy().T, strict=True):
        values = column[~np.isnan(column)].astype(np.float64)
        if not len(values) or values.min() == values.max():
            continue  # preflight has a note
        mean, sd = values.mean(), values.std()
        if sd < max(MIN_SD, MIN_SHARE * abs(mean)):
            raise InputError(
                Problem(
                    f"{path}, column {name}",
                    f"values with a mean of {mean:.6g} and a standard deviation of {sd:.2g}",
                    f"a standard deviation of at least {MIN_SD:g}, and of at least {MIN_SHARE:g} of the mean",
                    "give the column in another unit, or subtract its mean",
                )
            )


def _repeated(names: Iterable[str]) -> list[str]:
    counted = pd.Series(list(names)).value_counts()
    return list(counted.index[counted > 1])

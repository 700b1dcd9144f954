"""Predictions of other models (genes × populations), put on the genes, folds and units of ours."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from scxpresso.files import is_hdf5
from scxpresso.gene_tables import number_of, read_rows
from scxpresso.identifiers import match_genes
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

EXPECTED = (
    "a table (TSV or CSV) of genes × populations, with gene ids or names in its first column and populations in its header; "
    "or an h5ad of the two"
)


def read_external_predictions(path: str | Path, layer: str | None, populations: Sequence[str]) -> pd.DataFrame:
    """Read a table of another model: its genes (index) × `populations`. Missing values are NaN.

    Parameters
    ----------
    layer: of an h5ad: a name in layers, or X. None: X of a file without layers.
    populations: those to read; the file may have more, which are not read.

    Raises
    ------
    InputError, for a population that the file lacks, and for cells that are not numbers.
    """
    path = Path(path)
    table = _read_h5ad(path, layer, populations) if is_hdf5(path) else _read_text(path, populations)
    _check_values(path, table)
    return table


def _read_text(path: Path, populations: Sequence[str]) -> pd.DataFrame:
    rows = read_rows(path, EXPECTED, "write the table again")
    _, header = next(rows)
    _check_populations(path, header[1:], populations)
    places = [header.index(population, 1) for population in populations]
    genes, values = [], []
    for where, row in rows:
        genes.append(row[0].strip())
        values.append([number_of(where, row[place], row[0]) for place in places])
    return pd.DataFrame(np.array(values, dtype=float).reshape(len(genes), -1), genes, list(populations))


def _read_h5ad(path: Path, layer: str | None, populations: Sequence[str]) -> pd.DataFrame:
    from anndata.io import read_elem  # slow to import

    with h5py.File(path) as file:
        if not {"obs", "var"} <= file.keys():
            raise InputError(Problem(str(path), f"an HDF5 file with {preview(file)}", EXPECTED))
        layers = list(file.get("layers", {}))
        if layer is None and layers:
            found = f"X and the layers {preview(layers, 20)}"
            raise InputError(
                Problem(str(path), found, "the name of one of them in the column layer", "write X, or a layer")
            )
        place = "X" if layer in (None, "X") else f"layers/{layer}"
        if place not in file:
            found = f"no layer {layer!r}" if layer else "no X"
            raise InputError(
                Problem(str(path), found, f"X or one of {preview(layers, 20)}", did_you_mean(layer, layers))
            )
        obs, var = (read_elem(file[side]).index.astype(str) for side in ("obs", "var"))
        turned = len(obs.intersection(populations)) > len(var.intersection(populations))
        genes, names = (var, obs) if turned else (obs, var)
        _check_populations(path, list(names), populations)
        matrix = read_elem(file[place])
    places = names.get_indexer(list(populations))
    chosen = matrix[places].T if turned else matrix[:, places]
    values = chosen.toarray() if hasattr(chosen, "toarray") else np.asarray(chosen)
    return pd.DataFrame(values.astype(np.float64), genes, list(populations))


def _check_populations(path: Path, names: Sequence[str], populations: Sequence[str]) -> None:
    """Raise InputError for populations that are not among the names, or there more than once."""
    if lacking := [name for name in populations if name not in names]:
        others = [name for name in names if name not in populations]
        found = f"no column for {len(lacking):,} of {len(populations):,} populations: {preview(lacking)}"
        near = did_you_mean(lacking[0], others)
        fix = near or (f"the file has {preview(others)}" if others else "name the file of this atlas and level")
        raise InputError(Problem(str(path), found, EXPECTED, fix))
    if repeated := [name for name in populations if list(names).count(name) > 1]:
        raise InputError(Problem(str(path), f"{preview(repeated)} more than once", "each population once"))


def _check_values(path: Path, table: pd.DataFrame) -> None:
    infinite = np.argwhere(np.isinf(table.to_numpy()))
    if len(infinite):
        gene, population = table.index[infinite[0][0]], table.columns[infinite[0][1]]
        found = f"{len(infinite):,} values are infinite, the first of the gene {gene!r} in {population!r}"
        raise InputError(Problem(str(path), found, "finite numbers", "add a small number before taking logarithms"))


def on_genes(table: pd.DataFrame, genes: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """Select the rows of the wanted genes; NaN where the table has no value.

    Parameters
    ----------
    genes: gene_id and gene_name of all genes of the genome, by which ids of the table are matched.
    wanted: gene_ids.

    Raises
    ------
    InputError, if a wanted gene is in the table more than once.
    """
    gene_of = match_genes(table.index.unique(), genes["gene_id"], genes["gene_name"]).gene_of
    repeated = table.index[table.index.duplicated()].unique()
    if ambiguous := [name for name in repeated if gene_of.get(name) in set(wanted)]:
        found = f"genes more than once: {preview(ambiguous)}"
        raise InputError(Problem("", found, "one row per gene", "name genes by their ids, or keep one row of each"))
    matched = table.loc[list(gene_of)]
    return matched.set_axis([gene_of[name] for name in matched.index]).reindex(list(wanted))


def check_missing(where: str, table: pd.DataFrame) -> None:
    """Raise InputError if a gene lacks a value. table: of `on_genes`."""
    lacking = table.index[table.isna().any(axis=1)]
    if len(lacking):
        raise InputError(
            Problem(
                where, f"no value for {len(lacking):,} of {len(table):,} genes of the atlas: {preview(lacking)}",
                "a prediction for every gene, so that all models are evaluated on the same genes",
                "predict them too, or write mean into the column missing_genes",
            )
        )  # fmt: skip


def on_scale(table: pd.DataFrame, observed: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Put predictions of any linear scale on that of the observed expression: genes × populations, log10.

    In each population, the values of a fold are shifted and scaled by the training genes, so that these have the mean and
    standard deviation of their observed expression. Correlations over the genes of a fold stay as they are. A missing value
    becomes the mean of the training genes, as does every value of a constant.

    Parameters
    ----------
    table, observed: of the same genes and populations.
    fold: of each gene.
    """
    values, target = table.to_numpy(), observed.to_numpy()
    scaled = np.empty_like(target)
    for number in np.unique(fold):
        test, train = fold == number, fold != number
        known = ~np.isnan(values[train])
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values[train], 0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, values[train] - mean, 0) ** 2).sum(axis=0) / count)
        constant = spread <= 1e-9 * np.maximum(np.abs(mean), 1e-300)
        z = (values[test] - mean) / np.where(constant, 1, spread)
        scaled[test] = target[train].mean(axis=0) + target[train].std(axis=0) * np.where(np.isnan(z) | constant, 0, z)
    return scaled


def looks_linear(table: pd.DataFrame) -> bool:
    """Tell whether values look like counts or TPM rather than their logarithms: none is negative, and few are large."""
    values = table.to_numpy()
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() >= 0 and values.mean() > 3 * np.median(values))

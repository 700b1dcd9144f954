"""Read and write the files that steps pass to each other and to the user; their columns are named here, once."""

import csv
import gzip
import io
import json
import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pandas as pd

from scxpresso.intervals import INTERVAL_COLUMNS, held_out_bounds
from scxpresso.problems import InputError, Problem, preview

# Columns that are text even if they look like numbers or missing values (a population may be called "NA").
TEXT_COLUMNS = {
    "gene_id", "gene_name", "transcript_id", "chrom", "strand", "gene", "reason", "population", "parent", "level",
    "atlas", "recipe", "network", "metric", "kind", "model_atlas", "model_level", "model_population", "target_atlas",
    "target_level", "target_population", "other_atlas", "other_level", "other_population", "other_recipe", "other_network",
    "sequence", "annotation", "variant_id", "ref", "alt", "carriers", "uncalled", "set", "motif", "motif_name",
    "direction", "risk_allele", "flag", "model", "track", "consensus", "known_motif", "known_motif_name", "changed_motifs",
    "store", "tissue", "protocol", "other_protocol", "test", "fold_method", "other_fold_method", "benchmark", "measured_in",
    "abstain", "target", "gene_set",
}  # fmt: skip

# Not networks, but their predictions are published and evaluated like those of a network.
BASELINES = ["mean", "half_life", "gc_cpg", "kmer"]
EXTERNAL = "external"  # in place of the network of another model's predictions

DROPPED_GENE_COLUMNS = ["gene", "reason"]
DROPPED_POPULATION_COLUMNS = ["level", "population", "cells", "reason"]
FOLD_COLUMNS = ["gene_id", "fold"]
POPULATION_COLUMNS = ["population", "parent", "cells", "genes_detected", "noise_ceiling"]
DONOR_COLUMNS = ["donors", "noise_ceiling_donors"]  # after POPULATION_COLUMNS, where donors are known
PREDICTION_COLUMNS = ["gene_id", "fold", "population", "observed", "predicted", "sd", *INTERVAL_COLUMNS]
HISTORY_COLUMNS = [
    "fold", "replicate", "population", "attempt", "seed", "epoch", "learning_rate", "train_loss", "validation_loss", "best",
    "collapsed",
]  # fmt: skip
NETWORK_OF_MODEL = HISTORY_COLUMNS[:3]  # identify a network; the population is empty for multi-task networks


_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write a file completely or not at all.

    Yields
    ------
    A temporary path, which becomes `path` if the block ends without an error.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.chmod(0o666 & ~_UMASK)  # a library may have made it readable by its owner only
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _table(path: str | Path) -> Iterator[BinaryIO]:
    """Open a table for writing bytes, gzipped if its name ends in .gz; the same rows give the same bytes."""
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(stack.enter_context(atomic_write(path)).open("wb"))
        if str(path).endswith(".gz"):
            # pandas would put the name of the partial file, which has the process id, into the header.
            file = stack.enter_context(cast(BinaryIO, gzip.GzipFile("", "wb", 6, file, mtime=0)))
        yield file


def _write(file: BinaryIO, table: pd.DataFrame, header: bool) -> None:
    text = table.copy(deep=False)
    for place, dtype in enumerate(table.dtypes):
        if isinstance(dtype, np.dtype) and dtype.kind == "f":  # with float_format, pandas takes three times as long
            values = table.iloc[:, place].tolist()
            text.isetitem(place, ["" if math.isnan(value) else f"{value:.6g}" for value in values])
    text.to_csv(file, mode="wb", sep="\t", index=False, header=header, float_format="%.6g", lineterminator="\n")


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a TSV with a header, gzipped if its name ends in .gz; the same rows give the same bytes."""
    with _table(path) as file:
        _write(file, table, header=True)


@contextmanager
def growing_table(path: str | Path, columns: Sequence[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write a table in parts, as write_table does.

    Yields
    ------
    A function that appends a table of these columns.
    """
    with _table(path) as file:
        _write(file, pd.DataFrame(columns=list(columns)), header=True)
        yield lambda table: _write(file, table, header=False)


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a table row by row, as write_table does, with one row in memory at a time."""
    with _table(path) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_table(
    path: str | Path,
    index: str | None = None,
    text: Collection[str] = TEXT_COLUMNS,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read a table that write_table wrote; empty cells of numeric columns are NaN.

    Parameters
    ----------
    index: column that becomes the index.
    text: columns of text; all others are numeric.
    columns: those to read; all if None.
    """
    header = pd.read_csv(path, sep="\t", nrows=0, usecols=columns).columns
    numeric = [column for column in header if column not in text]
    table = pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(header.difference(numeric), str), keep_default_na=False,
        na_values=dict.fromkeys(numeric, ""), usecols=columns, low_memory=False,
        float_precision="high",  # as pd.to_numeric reads text
    )  # fmt: skip
    for column in numeric:
        if table[column].dtype.kind not in "iuf":  # no row, or text, which is an error
            table[column] = pd.to_numeric(table[column].astype(str))
    return table.set_index(index) if index else table


def write_json(path: str | Path, content: dict) -> None:
    """Write JSON in UTF-8."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict:
    """Read JSON in UTF-8."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_expression(path: str | Path) -> pd.DataFrame:
    """Read <level>.tsv.gz: log10 expression, genes (index) × populations (columns, which may have any name)."""
    return read_table(path, index="gene_id", text=["gene_id"])


def read_folds(path: str | Path) -> pd.Series:
    """Read the fold (1, 2, …) of each gene_id from folds.tsv."""
    return read_table(path, index="gene_id")["fold"]


def fold_of(folds: pd.Series, genes: pd.Index) -> np.ndarray:
    """Return the fold of each gene.

    Parameters
    ----------
    folds: of read_folds.
    genes: gene_ids.

    Raises
    ------
    InputError, for genes without a fold: they would be neither held out nor predicted.
    """
    fold = folds.reindex(genes)
    if len(lacking := genes[fold.isna().to_numpy()]):
        found = f"no fold for {len(lacking):,} of {len(genes):,} genes: {preview(lacking)}"
        raise InputError(
            Problem("--folds", found, "a fold for every gene of --expression", "take both of the same genome and run")
        )
    return fold.to_numpy(dtype=np.int64)


def read_history(path: str | Path) -> pd.DataFrame:
    """Read history.tsv: HISTORY_COLUMNS. population is empty for multi-task networks, and in files of version 0.1."""
    history = read_table(path)
    return history if "population" in history else history.assign(population="")


def last_attempts(history: pd.DataFrame) -> pd.DataFrame:
    """Select the epochs of each network's last attempt; earlier attempts collapsed and were discarded."""
    last = history.groupby(NETWORK_OF_MODEL)["attempt"].transform("max")
    return history[history["attempt"] == last]


def prediction_table(observed: pd.DataFrame, fold: np.ndarray, outputs: np.ndarray) -> pd.DataFrame:
    """Make a table of predictions: mean and standard deviation (n) over the replicates, and intervals, in log10 units.

    Parameters
    ----------
    observed: genes × populations.
    fold: of each gene.
    outputs: replicates × genes × populations.

    Returns
    -------
    PREDICTION_COLUMNS, one row per gene and population.
    """
    genes, populations = observed.shape
    predicted, sd = outputs.mean(axis=0), outputs.std(axis=0)
    columns = [
        np.repeat(observed.index, populations),
        np.repeat(fold.astype(int), populations),
        np.tile(observed.columns, genes),
        observed.to_numpy().ravel(),
        predicted.ravel(),
        sd.ravel(),
        *(bound.ravel() for bound in held_out_bounds(observed.to_numpy(), predicted, sd, fold)),
    ]
    return pd.DataFrame(dict(zip(PREDICTION_COLUMNS, columns, strict=True)))

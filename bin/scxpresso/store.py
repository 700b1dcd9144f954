"""The files that the steps hand to each other and to the user: where columns and datasets are named, once."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pandas as pd

# Columns that are text even where they look like numbers or like a missing value (a population may be called "NA").
TEXT_COLUMNS = {
    "gene_id", "gene_name", "transcript_id", "chrom", "strand", "gene", "reason", "population", "parent", "level",
    "atlas", "recipe", "network", "metric", "kind", "model_atlas", "model_level", "model_population", "target_atlas",
    "target_level", "target_population", "other_atlas", "other_level", "other_population", "other_recipe", "other_network",
    "sequence", "annotation", "variant_id", "ref", "alt", "carriers", "uncalled", "set", "motif", "motif_name",
    "direction", "risk_allele", "flag", "model", "track",
}  # fmt: skip

# Networks that are none: baselines, whose predictions are kept and evaluated like a network's.
BASELINES = ["mean", "half_life", "kmer"]

DROPPED_GENE_COLUMNS = ["gene", "reason"]
DROPPED_POPULATION_COLUMNS = ["level", "population", "cells", "reason"]
FOLD_COLUMNS = ["gene_id", "fold"]
POPULATION_COLUMNS = ["population", "parent", "cells", "genes_seen", "noise_ceiling"]
PREDICTION_COLUMNS = ["gene_id", "fold", "population", "observed", "predicted", "sd"]
HISTORY_COLUMNS = [
    "fold", "replicate", "population", "attempt", "seed", "epoch", "learning_rate", "train_loss", "validation_loss", "best",
    "collapsed",
]  # fmt: skip
NETWORK_OF_MODEL = HISTORY_COLUMNS[:3]  # what names a network; the population is empty for a network of all


_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A temporary path that becomes `path` only when the block ends well: nobody ever sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.chmod(0o666 & ~_UMASK)  # a library may have made it for its owner alone
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _table(path: str | Path) -> Iterator[BinaryIO]:
    """Bytes of a table, gzipped where its name says so; the same rows give the same bytes."""
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(stack.enter_context(atomic_write(path)).open("wb"))
        if str(path).endswith(".gz"):
            # pandas would put the partial file's name, and with it the process' number, into the header.
            file = stack.enter_context(cast(BinaryIO, gzip.GzipFile("", "wb", 6, file, mtime=0)))
        yield file


def _write(file: BinaryIO, table: pd.DataFrame, header: bool) -> None:
    table.to_csv(file, mode="wb", sep="\t", index=False, header=header, float_format="%.6g", lineterminator="\n")


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """A TSV with a header, gzipped where the name says so; the same rows give the same bytes."""
    with _table(path) as file:
        _write(file, table, header=True)


@contextmanager
def growing_table(path: str | Path, columns: Sequence[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """As write_table, in parts: the function it gives adds rows, a table of those columns."""
    with _table(path) as file:
        _write(file, pd.DataFrame(columns=list(columns)), header=True)
        yield lambda table: _write(file, table, header=False)


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """As write_table, a row in memory at a time."""
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
    """A table that write_table wrote, or some columns of it. Columns of text stay text; an empty cell of any other is NaN."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, usecols=columns)
    for column in table.columns.difference(list(text), sort=False):
        table[column] = pd.to_numeric(table[column])
    return table.set_index(index) if index else table


def write_json(path: str | Path, content: dict) -> None:
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_expression(path: str | Path) -> pd.DataFrame:
    """<level>.tsv.gz: log10 expression, genes (index) × populations (columns, which may be called anything)."""
    return read_table(path, index="gene_id", text=["gene_id"])


def read_folds(path: str | Path) -> pd.Series:
    """folds.tsv: fold (1, 2, …) of each gene_id."""
    return read_table(path, index="gene_id")["fold"]


def read_history(path: str | Path) -> pd.DataFrame:
    """history.tsv: HISTORY_COLUMNS. population is empty where a network has all of them, as in files of version 0.1."""
    history = read_table(path)
    return history if "population" in history else history.assign(population="")


def last_attempts(history: pd.DataFrame) -> pd.DataFrame:
    """The epochs of each network's final attempt: earlier ones collapsed and were thrown away."""
    last = history.groupby(NETWORK_OF_MODEL)["attempt"].transform("max")
    return history[history["attempt"] == last]


def prediction_table(observed: pd.DataFrame, fold: np.ndarray, outputs: np.ndarray) -> pd.DataFrame:
    """PREDICTION_COLUMNS in log10 units, a row a gene and population; mean and deviation over the replicates.

    observed: genes × populations. fold: of each gene. outputs: replicates × genes × populations.
    """
    genes, populations = observed.shape
    columns = [
        np.repeat(observed.index, populations),
        np.repeat(fold.astype(int), populations),
        np.tile(observed.columns, genes),
        observed.to_numpy().ravel(),
        outputs.mean(axis=0).ravel(),
        outputs.std(axis=0).ravel(),
    ]
    return pd.DataFrame(dict(zip(PREDICTION_COLUMNS, columns, strict=True)))

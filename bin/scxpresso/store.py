"""The files that the steps hand to each other and to the user: where columns and datasets are named, once."""

import gzip
import json
import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from scxpresso.genome.annotation import HALF_LIFE, log_half_life
from scxpresso.genome.extended import EXTENDED, as_read
from scxpresso.problems import InputError, Problem

# Columns that are text even where they look like numbers or like a missing value (a population may be called "NA").
TEXT_COLUMNS = {
    "gene_id", "gene_name", "transcript_id", "chrom", "strand", "gene", "reason", "population", "parent", "level",
    "atlas", "network", "metric", "kind", "model_atlas", "model_level", "model_population", "target_atlas",
    "target_level", "target_population", "other_atlas", "other_level", "other_population", "other_network",
}  # fmt: skip

# Networks that are none: baselines, whose predictions are kept and evaluated like a network's.
BASELINES = ["mean", "half_life", "kmer"]

POPULATION_COLUMNS = ["population", "parent", "cells", "genes_seen", "noise_ceiling"]
PREDICTION_COLUMNS = ["gene_id", "fold", "population", "observed", "predicted", "sd"]
HISTORY_COLUMNS = [
    "fold", "replicate", "attempt", "seed", "epoch", "learning_rate", "train_loss", "validation_loss", "best",
    "collapsed",
]  # fmt: skip


_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
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


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """A TSV with a header, gzipped where the name says so; the same rows give the same bytes."""
    with ExitStack() as stack:
        file = stack.enter_context(stack.enter_context(whole(path)).open("wb"))
        if str(path).endswith(".gz"):
            # pandas would put the partial file's name, and with it the process' number, into the header.
            file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        table.to_csv(file, mode="wb", sep="\t", index=False, float_format="%.6g", lineterminator="\n")


def read_table(path: str | Path, index: str | None = None, text: Collection[str] = TEXT_COLUMNS) -> pd.DataFrame:
    """A table that write_table wrote. Columns of text stay text; an empty cell of any other is NaN."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in table.columns.difference(list(text), sort=False):
        table[column] = pd.to_numeric(table[column])
    return table.set_index(index) if index else table


def write_json(path: str | Path, content: dict) -> None:
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


class Features:
    """features.h5 of a genome: what every model of it reads.

    gene_id: sorted ids. codes: genes × window, uint8 (see sequence.py). half_life: genes × 5, raw (bases; exons per
    1,000 coding bases). half_life_scaled: log10(x + 0.1), z-scaled over all genes, for people to use elsewhere; models
    scale the raw ones on their own training genes. extended: genes × features of extended.py, raw; of no columns where
    they were not asked for.
    """

    def __init__(self, path: str | Path):
        with h5py.File(path) as file:
            self.gene_id = file["gene_id"].asstr()[:]
            self.codes = file["codes"][:]
            self.half_life = file["half_life"][:]
            self.extended = file["extended"][:]
            self.upstream = int(file.attrs["upstream"])
            self.downstream = int(file.attrs["downstream"])
        self._row = {gene: row for row, gene in enumerate(self.gene_id)}

    def rows(self, genes) -> np.ndarray:
        """Row of each gene id. Raises InputError for ids that have no features."""
        missing = [gene for gene in genes if gene not in self._row]
        if missing:
            raise InputError(
                Problem("features.h5", f"no features of {missing[:5]}", "features of every gene with expression")
            )
        return np.array([self._row[gene] for gene in genes], dtype=np.int64)

    def annotation_features(self, extended: bool) -> tuple[str, ...]:
        """Names of the annotation features that there are: half-life, and the extended ones if asked for."""
        return (*HALF_LIFE, *(EXTENDED if extended and self.extended.shape[1] else ()))

    def annotation(self, rows: np.ndarray, names: Collection[str]) -> np.ndarray:
        """Annotation features by name (rows × names, float32) as networks read them, before their scaling.

        NaN where a gene has none. Raises InputError for names that are not there.
        """
        known = self.annotation_features(extended=True)
        missing = [name for name in names if name not in known]
        if missing:
            raise InputError(
                Problem(
                    "features.h5", f"no {missing[:3]}", "the features that the model reads", "use --features extended"
                )
            )
        read = log_half_life(self.half_life[rows])
        if len(known) > len(HALF_LIFE):
            read = np.hstack([read, as_read(self.extended[rows])])
        return read[:, [known.index(name) for name in names]].astype(np.float32)

    def region(self, rows: np.ndarray, start: int, end: int) -> np.ndarray:
        """Codes from `start` to `end` (exclusive) relative to the TSS, as far as the window reaches."""
        columns = slice(max(self.upstream + start, 0), min(self.upstream + end, self.codes.shape[1]))
        return self.codes[rows, columns]


def write_features(
    path: str | Path,
    gene_id,
    codes: np.ndarray,
    half_life: np.ndarray,
    scaled: np.ndarray,
    upstream: int,
    extended: np.ndarray | None = None,
) -> None:
    with whole(path) as partial, h5py.File(partial, "w") as file:
        file.create_dataset("gene_id", data=list(gene_id), dtype=h5py.string_dtype())
        rows = max(min(256, len(codes)), 1)
        file.create_dataset("codes", data=codes, chunks=(rows, codes.shape[1]), compression="gzip", compression_opts=4)
        file.create_dataset("half_life", data=half_life)
        file.create_dataset("half_life_scaled", data=scaled)
        file.create_dataset("extended", data=np.empty((len(codes), 0)) if extended is None else extended)
        file.attrs.update(upstream=upstream, downstream=codes.shape[1] - upstream)


def read_expression(path: str | Path) -> pd.DataFrame:
    """<level>.tsv.gz: log10 expression, genes (index) × populations (columns, which may be called anything)."""
    return read_table(path, index="gene_id", text=["gene_id"])


def read_folds(path: str | Path) -> pd.Series:
    """folds.tsv: fold (1, 2, …) of each gene_id."""
    return read_table(path, index="gene_id")["fold"]


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

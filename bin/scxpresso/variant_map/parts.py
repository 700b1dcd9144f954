"""The genes of a variant map, divided into stores by contig and into parts, one per task.

A part has all that its task needs of the genes: a features.h5 of them alone, with their places. It ends behind a gene whose
id says so, so that a gene more or less changes no other part, and its task need not run again.
"""

import hashlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from scxpresso.genome.feature_store import Features
from scxpresso.problems import InputError, Problem
from scxpresso.store import atomic_write

PLACE_COLUMNS = ["gene_name", "chrom", "strand", "tss"]
GENES_PER_CONTIG = 500  # of this many genes, a contig needs one to have a store of its own
OTHER = "other"
SUFFIX = ".zarr"


def stores_of(chrom: pd.Series) -> dict[str, str]:
    """Name the store of each contig: its own, or the one that contigs with few genes share.

    chrom: contig of each gene. Characters that are unsafe in file names become `_`; no two names differ in case alone.
    """
    counts = chrom.value_counts()
    names, taken = {}, {OTHER}
    for contig in sorted(counts.index):
        if counts[contig] * GENES_PER_CONTIG < len(chrom):
            names[contig] = OTHER + SUFFIX
            continue
        safe = re.sub(r"[^A-Za-z0-9_.-]|^\.", "_", contig)
        name, number = safe, 1
        while name.lower() in taken:
            number += 1
            name = f"{safe}_{number}"
        taken.add(name.lower())
        names[contig] = name + SUFFIX
    return names


def parts_of(genes: pd.DataFrame, stores: dict[str, str], max_genes: int) -> Iterator[pd.DataFrame]:
    """Divide genes (gene_id, chrom, tss) into parts of at most `max_genes`, each of one store, in genomic order.

    A part ends behind every gene whose id has a checksum divisible by half of `max_genes`.
    """
    every = max(max_genes // 2, 1)
    for _, of_store in genes.assign(store=genes["chrom"].map(stores)).groupby("store"):
        ordered = of_store.drop(columns="store").sort_values(["chrom", "tss", "gene_id"])
        first = 0
        for number, gene in enumerate(ordered["gene_id"], start=1):
            ends = zlib.crc32(gene.encode()) % every == 0
            if ends or number - first == max_genes or number == len(ordered):
                yield ordered.iloc[first:number]
                first = number


def write_parts(features: str | Path, genes: pd.DataFrame, max_genes: int, outdir: str | Path) -> list[Path]:
    """Write one features.h5 per part, with the places of its genes; its name is a checksum of its gene ids.

    Equal parts are equal byte by byte. genes: genes.tsv; genes without features have no part. Raises InputError if no gene
    has features.
    """
    known = set(Features(features).gene_id)
    chosen = genes[genes["gene_id"].isin(known)]
    if chosen.empty:
        raise InputError(Problem("features.h5", "none of the genes of genes.tsv", "the features of the same genome"))
    with h5py.File(features) as file:
        # No model reads z-scores over all genes, which every gene more would change.
        arrays = {name: data[:] for name, data in file.items() if name != "half_life_scaled"}
        window = {name: int(file.attrs[name]) for name in ("upstream", "downstream")}
    row_of = {gene.decode(): row for row, gene in enumerate(arrays["gene_id"])}
    written = []
    for part in parts_of(chosen, stores_of(chosen["chrom"]), max_genes):
        digest = hashlib.sha256("\n".join(part["gene_id"]).encode()).hexdigest()
        rows = np.array([row_of[gene] for gene in part["gene_id"]])
        of_part = {name: values if name.endswith("_names") else values[rows] for name, values in arrays.items()}
        written.append(Path(outdir) / f"{digest[:16]}.h5")
        _write_part(written[-1], of_part, window, part)
    return written


def _write_part(path: Path, arrays: dict[str, np.ndarray], window: dict[str, int], part: pd.DataFrame) -> None:
    """Write the features and places of a part. window: attributes of features.h5."""
    places = {name: part[name].to_numpy() for name in PLACE_COLUMNS}
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(window)
        for name, values in (arrays | places).items():
            text = values.dtype == object
            file.create_dataset(
                name, data=values.tolist() if text else values, dtype=h5py.string_dtype() if text else None
            )


def read_places(path: str | Path) -> pd.DataFrame:
    """Read gene_id and PLACE_COLUMNS of a part, in its order."""
    with h5py.File(path) as file:
        columns = {"gene_id": file["gene_id"].asstr()[:]}
        for name in PLACE_COLUMNS:
            columns[name] = file[name][:] if name == "tss" else file[name].asstr()[:]
    return pd.DataFrame(columns)

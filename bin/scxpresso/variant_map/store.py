"""The Zarr stores of a variant map: their layout, how values are quantised, and how parts become a store.

A map has one store per contig; contigs with few genes share one. The first axis of every array of a store has rows for genes.
A task computes the genes of one part, and writes them as one shard of every array. Joining renames shards: nothing is
decompressed. A part may have fewer genes than a shard has rows: the gene id of such a row is empty, and nothing is stored.
"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import BloscCodec, BloscShuffle

from scxpresso.problems import InputError, Problem
from scxpresso.saturation.effects_store import STEP, UNITS
from scxpresso.store import read_json, write_json, write_table
from scxpresso.text import shown
from scxpresso.variant_map.parts import stores_of

if TYPE_CHECKING:  # it loads PyTorch, which reading a map does not need
    from scxpresso.networks.model import Model

METADATA, GENES = "map.json", "genes.tsv"
GENE_COLUMNS = ["gene_id", "gene_name", "chrom", "strand", "tss", "fold", "networks", "store", "row"]
VERSION = 1
MAX_CODE = np.iinfo(np.int16).max
LOG_STEPS = 20  # codes of p-values and of standard deviations per factor of 10
# By which factor these may differ from the value that was quantised: half a step.
LOG_FACTOR = 10 ** (0.5 / LOG_STEPS)
P_VALUE_OF_CODE = 10.0 ** (-np.arange(256) / LOG_STEPS)
SD_OF_CODE = np.concatenate([[0], STEP / P_VALUE_OF_CODE[:-1]])

# Arrays of a store that have a value per gene, position, alternative and population, with their types.
VALUES = {
    "effect": "int16",
    "pooled_p_value": "uint8",
    "pooled_specificity_p_value": "uint8",
    "sd": "uint8",
    "agreeing": "uint16",
}
PER_POPULATION = {"predicted": "float64", "scale": "float32"}
TEXT = ["gene_id", "gene_name", "chrom", "strand"]
NUMBERS = {"tss": "int64", "fold": "int32", "networks": "int32"}
COMPRESSION = BloscCodec(cname="zstd", clevel=3, shuffle=BloscShuffle.bitshuffle)


class MapMetadata(NamedTuple):
    """What a map is of: names, the window and what networks read of it (relative to the TSS), populations.

    model_sha256: of model.json. genes_per_shard: rows of each shard.
    """

    atlas: str
    level: str
    recipe: str
    network: str
    genome: str
    upstream: int
    downstream: int
    reads: tuple[int, int]
    populations: tuple[str, ...]
    model_sha256: str
    genes_per_shard: int

    @classmethod
    def of(cls, model: "Model", reads: tuple[int, int], genes_per_shard: int) -> "MapMetadata":
        """Describe a map of a model."""
        names = model.atlas, model.level, model.recipe, model.network, model.genome
        digest = hashlib.sha256((model.folder / "model.json").read_bytes()).hexdigest()
        populations = tuple(model.populations)
        return cls(*names, model.upstream, model.downstream, reads, populations, digest, genes_per_shard)

    @classmethod
    def read(cls, folder: str | Path) -> "MapMetadata":
        """Read map.json of a map or of a part. Raises InputError where there is none of this version."""
        path = Path(folder) / METADATA
        try:
            content = read_json(path)
            if content["version"] != VERSION:
                raise ValueError(f"version {content['version']}")
            about = cls(**{name: content[name] for name in cls._fields})
        except (OSError, KeyError, TypeError, ValueError) as error:
            expected = "a folder that --variant_map made: results/variant_map/<atlas>/<level>.<recipe>"
            raise InputError(Problem(shown(str(path)), f"no variant map ({error})", expected)) from None
        first, end = about.reads
        return about._replace(reads=(first, end), populations=tuple(about.populations))

    @property
    def positions(self) -> int:
        """Number of bases that the networks read."""
        return self.reads[1] - self.reads[0]

    @property
    def values(self) -> dict[str, str]:
        """The arrays of VALUES that the map has: a single population has no specificity."""
        return {name: kind for name, kind in VALUES.items() if len(self.populations) > 1 or "specificity" not in name}

    def content(self) -> dict:
        """Everything that map.json says, and the attributes of each store."""
        return self._asdict() | {
            "version": VERSION,
            "units": UNITS,
            "alternatives": "A, C, G and T without the reference base, in this order, on the gene's strand",
            "effect": "code x scale, of the gene and population",
            "effect_error": "at most half of scale; 0 where scale is 2^-20",
            "pooled_p_values": f"10^(-code / {LOG_STEPS})",
            "sd": f"2^-20 x 10^((code - 1) / {LOG_STEPS}), and 0 for code 0",
            "error_of_pooled_p_values_and_sd": f"at most a factor of {LOG_FACTOR:.4f}",
            "agreeing": "networks whose effect has the sign of the mean; of networks, of the gene",
        }


class GeneValues(NamedTuple):
    """Quantised values of a gene, by the names of VALUES and PER_POPULATION; codes: of the bases that networks read."""

    codes: np.ndarray
    values: dict[str, np.ndarray]
    per_population: dict[str, np.ndarray]


def quantised(effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantise effects (… × populations, multiples of STEP): int16 codes, and the scale of each population.

    Scales are STEP times the smallest power of 2 for which all codes fit, so that most effects of weak genes stay exact.
    """
    largest = np.abs(effects).reshape(-1, effects.shape[-1]).max(axis=0, initial=0).astype(np.float64)
    exponent = np.ceil(np.log2(np.maximum(largest / (MAX_CODE * STEP), 1)))
    scale = (STEP * 2**exponent).astype(np.float32)
    return np.rint(effects / scale).astype(np.int16), scale


def quantised_p_values(p_values: np.ndarray) -> np.ndarray:
    """Quantise p-values: uint8 codes, 0 for p = 1."""
    return np.clip(np.rint(-LOG_STEPS * np.log10(p_values)), 0, 255).astype(np.uint8)


def p_values_of(codes: np.ndarray) -> np.ndarray:
    """Give the p-values of codes."""
    return P_VALUE_OF_CODE[codes]


def quantised_sd(sd: np.ndarray) -> np.ndarray:
    """Quantise standard deviations, multiples of STEP: uint8 codes, 0 for 0."""
    codes = np.rint(LOG_STEPS * np.log10(np.maximum(sd, STEP) / STEP)) + 1
    return np.where(sd > 0, np.minimum(codes, 255), 0).astype(np.uint8)


def sd_of(codes: np.ndarray) -> np.ndarray:
    """Give the standard deviations of codes."""
    return SD_OF_CODE[codes]


def _shape(about: MapMetadata, rows: int, name: str) -> tuple[int, ...]:
    """Give the shape of an array of a store with that many rows."""
    if name in VALUES:
        return rows, about.positions, 3, len(about.populations)
    if name in PER_POPULATION:
        return rows, len(about.populations)
    return rows, about.positions


def _create(folder: Path, about: MapMetadata, shards: int) -> zarr.Group:
    """Create a store without values."""
    group = zarr.open_group(folder, mode="w", attributes=about.content())
    rows = about.genes_per_shard
    for name, kind in (about.values | PER_POPULATION | {"codes": "uint8"}).items():
        shape = _shape(about, rows, name)
        by_gene = name not in PER_POPULATION
        group.create_array(
            name,
            shape=(rows * shards, *shape[1:]),
            chunks=(1, *shape[1:]) if by_gene else shape,
            shards=shape if by_gene else None,
            dtype=kind,
            compressors=COMPRESSION,
        )
    return group


class MapPart:
    """The genes of one part, held in memory until they are written as one shard.

    about: metadata. genes: GENE_COLUMNS up to networks, one row per gene, in their order.
    """

    def __init__(self, about: MapMetadata, genes: pd.DataFrame):
        if len(genes) > about.genes_per_shard:
            raise ValueError(f"{len(genes)} genes in a shard of {about.genes_per_shard}")
        self.about, self.genes = about, genes
        kinds = about.values | PER_POPULATION | {"codes": "uint8"}
        self.arrays = {
            name: np.zeros(_shape(about, about.genes_per_shard, name), dtype=kind) for name, kind in kinds.items()
        }

    def set(self, row: int, gene: GeneValues) -> None:
        """Keep the values of a gene."""
        self.arrays["codes"][row] = gene.codes
        for name, values in (gene.values | gene.per_population).items():
            self.arrays[name][row] = values

    def write(self, folder: str | Path) -> None:
        """Write the part: its store, its genes and map.json, which comes last."""
        folder = Path(folder)
        for name, array in _create(folder / "part.zarr", self.about, 1).arrays():
            array[:] = self.arrays[name]
        write_table(folder / GENES, self.genes)
        write_json(folder / METADATA, self.about.content())


def join_parts(parts: Sequence[str | Path], folder: str | Path) -> tuple[pd.DataFrame, float]:
    """Join the parts of a model into its stores (see stores_of); write genes.tsv and map.json.

    Parameters
    ----------
    parts: folders that MapPart wrote; their shards are linked, or copied where the file system has no links.

    Returns
    -------
    genes.tsv, and the largest error of an effect by quantisation.

    Raises
    ------
    InputError: if parts are of different models, or have a gene in common.
    """
    folder, about = Path(folder), MapMetadata.read(parts[0])
    tables = {}
    for part in map(Path, parts):
        if MapMetadata.read(part) != about:
            raise InputError(Problem(str(part), "a part of another variant map", f"parts of the map of {parts[0]}"))
        tables[part] = pd.read_csv(part / GENES, sep="\t", dtype={name: str for name in TEXT}, keep_default_na=False)
    stores = stores_of(pd.concat([table["chrom"] for table in tables.values()]))
    joined, largest_error = [], 0.0
    by_store: dict[str, list[Path]] = {}
    for part, table in sorted(tables.items(), key=lambda one: _place(one[1])):
        by_store.setdefault(stores[table["chrom"].iloc[0]], []).append(part)
    for name, of_store in by_store.items():
        store = _create(folder / name, about, len(of_store))
        for shard, part in enumerate(of_store):
            for path in (part / "part.zarr").glob("*/c/**/*"):
                if path.is_file():
                    _link(path, folder / name / _renamed(path.relative_to(part / "part.zarr"), shard))
            rows = shard * about.genes_per_shard + np.arange(len(tables[part]))
            joined.append(tables[part].assign(store=name, row=rows))
        genes = pd.concat(joined[-len(of_store) :])
        scales = np.asarray(dict(store.arrays())["scale"][:])
        largest_error = max(largest_error, float(scales[scales > STEP].max(initial=0)) / 2)
        _write_genes(store, genes, len(of_store) * about.genes_per_shard)
    genes = pd.concat(joined, ignore_index=True)
    if (twice := genes["gene_id"].duplicated()).any():
        found = f"the gene {genes['gene_id'][twice].iloc[0]!r} twice"
        raise InputError(Problem("the parts", found, "every gene in one part"))
    write_table(folder / GENES, genes[GENE_COLUMNS])
    write_json(folder / METADATA, about.content() | {"largest_effect_error": largest_error})
    return genes, largest_error


def _place(table: pd.DataFrame) -> tuple[str, int, str]:
    first = table.iloc[0]
    return first["chrom"], int(first["tss"]), first["gene_id"]


def _renamed(path: Path, shard: int) -> Path:
    """Give the path of a shard in the joined store: its first number is the shard's."""
    name, key, _, *rest = path.parts
    return Path(name, key, str(shard), *rest)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that is not possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _write_genes(store: zarr.Group, genes: pd.DataFrame, rows: int) -> None:
    """Add the arrays that describe the rows of a store; rows without a gene are empty or 0."""
    for name in TEXT:
        texts = np.full(rows, "", dtype=np.dtypes.StringDType())
        texts[genes["row"].to_numpy()] = genes[name].to_numpy().astype(np.dtypes.StringDType())
        store.create_array(name, data=texts)
    for name, kind in NUMBERS.items():
        numbers = np.zeros(rows, dtype=kind)
        numbers[genes["row"].to_numpy()] = genes[name].to_numpy()
        store.create_array(name, data=numbers)

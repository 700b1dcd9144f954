"""effects.h5: effects of all substitutions in the windows of genes, written gene by gene and read in chunks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from scxpresso.genome.sequence import ALTERNATIVES
from scxpresso.problems import InputError, Problem, preview
from scxpresso.saturation.profiles import PositionSums
from scxpresso.store import atomic_write
from scxpresso.text import did_you_mean

EFFECTS = "effects.h5"  # of a chunk of genes, and of a model
STEP = 2.0**-20  # effects are multiples of it
# The smallest meaningful effect (2e-6). Two forms of the same float32 arithmetic differ by up to 1e-6, which rounds to one
# STEP: an effect of one STEP may be only rounding.
SMALLEST_EFFECT = 2 * STEP
CHUNK_POSITIONS = 500
GZIP_LEVEL = 1
UNITS = "log10 expression, alternative minus reference"


class EffectsMetadata(NamedTuple):
    """Metadata of effects.h5. atlas, level, recipe, network, genome: names. populations: in the order of the model.

    reads: the first base that the network reads, and the one after the last, relative to the TSS; None in files of version
    0.1, which lack it.
    """

    atlas: str
    level: str
    recipe: str
    network: str
    genome: str
    upstream: int
    downstream: int
    populations: tuple[str, ...]
    reads: tuple[int, int] | None = None

    @property
    def window(self) -> int:
        return self.upstream + self.downstream


def rounded(effects: np.ndarray) -> np.ndarray:
    """Round effects to multiples of STEP, without a negative zero."""
    return np.rint(effects * np.float32(1 / STEP)) * np.float32(STEP) + np.float32(0)


def resolved(effects: np.ndarray) -> np.ndarray:
    """Round effects as they are stored, ranked and written; those smaller than SMALLEST_EFFECT become 0."""
    effects = rounded(effects)
    effects[np.abs(effects) < SMALLEST_EFFECT] = 0
    return effects


class EffectsWriter:
    """A new effects.h5, open, whose genes are written in any order; see write_effects."""

    def __init__(self, file: h5py.File, about: EffectsMetadata, gene_id: Sequence[str]):
        self._file = file
        genes, window, populations = len(gene_id), about.window, len(about.populations)
        # Populations are a dataset: an attribute has at most 64 kB.
        metadata = {
            name: value for name, value in about._asdict().items() if name != "populations" and value is not None
        }
        file.attrs.update(metadata | {"alternatives": ALTERNATIVES, "units": UNITS})
        text = h5py.string_dtype()
        file.create_dataset("gene_id", data=list(gene_id), dtype=text)
        file.create_dataset("populations", data=list(about.populations), dtype=text)
        file.create_dataset("fold", (genes,), dtype=np.int32)
        file.create_dataset("predicted", (genes, populations), dtype=np.float64)
        file.create_dataset(
            "codes", (genes, window), dtype=np.uint8, chunks=(1, window), compression="gzip", compression_opts=4
        )
        self._effects = file.create_dataset(
            "effects",
            (genes, window, len(ALTERNATIVES), populations),
            dtype=np.float32,
            chunks=(1, min(CHUNK_POSITIONS, window), len(ALTERNATIVES), populations),
            shuffle=True,
            compression="gzip",
            compression_opts=GZIP_LEVEL,
        )

    def write(self, row: int, fold: int, codes: np.ndarray, predicted: np.ndarray, effects: np.ndarray) -> None:
        """Write a gene: its fold (0: absent from training), codes, prediction (populations) and rounded effects."""
        self._file["fold"][row] = fold
        self._file["codes"][row] = codes
        self._file["predicted"][row] = predicted
        self._effects[row] = effects

    def copy(self, row: int, source: "Effects", source_row: int) -> None:
        """Copy a gene from another file, without decompressing its effects."""
        for name in ("fold", "codes", "predicted"):
            self._file[name][row] = source.file[name][source_row]
        for position in range(0, self._effects.shape[1], self._effects.chunks[1]):
            mask, chunk = source.file["effects"].id.read_direct_chunk((source_row, position, 0, 0))
            self._effects.id.write_direct_chunk((row, position, 0, 0), chunk, filter_mask=mask)

    def write_sums(self, sums: PositionSums) -> None:
        """Write the sums of the largest absolute effects over the genes."""
        self._file.create_dataset("position_total", data=sums.total, shuffle=True, compression="gzip")
        self._file.create_dataset("position_genes", data=sums.genes, shuffle=True, compression="gzip")


@contextmanager
def write_effects(path: str | Path, about: EffectsMetadata, gene_id: Sequence[str]) -> Iterator[EffectsWriter]:
    """Create an effects.h5 of these genes; the file appears only if the block ends without an error."""
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        yield EffectsWriter(file, about, gene_id)


class Effects:
    """An open effects.h5. Use as a context manager, or close() it.

    about: metadata. gene_id: ids of the genes. populations, upstream, downstream: those of the model. fold: fold of each
    gene; 0 for a gene absent from training, whose effects are means over all folds. codes: genes × window, read when
    indexed. predicted: genes × populations, log10. Raises InputError for any other file.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self.file = h5py.File(path)
            attributes = self.file.attrs
            self.populations: list[str] = self.file["populations"].asstr()[:].tolist()
            named = {"recipe": attributes["network"], **attributes}  # files of version 0.1 have no recipe
            names = {name: str(named[name]) for name in EffectsMetadata._fields[:5]}
            self.upstream, self.downstream = int(attributes["upstream"]), int(attributes["downstream"])
            reads = (int(attributes["reads"][0]), int(attributes["reads"][1])) if "reads" in attributes else None
            self.gene_id: list[str] = self.file["gene_id"].asstr()[:].tolist()
            self.fold: np.ndarray = self.file["fold"][:]
            self.predicted: np.ndarray = self.file["predicted"][:]
            self.codes: h5py.Dataset = self.file["codes"]
            self._effects: h5py.Dataset = self.file["effects"]
        except (OSError, KeyError) as error:
            raise InputError(
                Problem(str(path), f"no effects.h5 ({error})", "an effects.h5 of this pipeline's saturation/ folder")
            ) from None
        self.about = EffectsMetadata(
            **names,
            upstream=self.upstream,
            downstream=self.downstream,
            populations=tuple(self.populations),
            reads=reads,
        )
        self._row = {gene: row for row, gene in enumerate(self.gene_id)}

    def __enter__(self) -> "Effects":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, gene: str) -> bool:
        return gene in self._row

    def close(self) -> None:
        self.file.close()

    def row(self, gene: str) -> int:
        """Return the row of a gene id. Raises InputError if the gene was not saturated."""
        if gene not in self._row:
            raise InputError(
                Problem(
                    str(self.path), f"no gene {gene!r}", "a gene that was saturated", did_you_mean(gene, self.gene_id)
                )
            )
        return self._row[gene]

    def effects(self, gene: str, start: int = 0, end: int | None = None) -> np.ndarray:
        """Read a gene's effects from index `start` to `end` (exclusive): positions × 4 (ACGT) × populations, float32."""
        return self._effects[self.row(gene), start:end]

    def is_read(self) -> np.ndarray:
        """Return for each position of the window whether the network reads it; all True if the file does not say."""
        first, end = self.about.reads or (-self.upstream, self.downstream)
        distance = np.arange(self.about.window) - self.upstream
        return (first <= distance) & (distance < end)

    def sums(self) -> PositionSums:
        """Read the sums of the largest absolute effects over the genes."""
        sums = PositionSums(self.about.window, len(self.populations))
        sums.total, sums.genes = self.file["position_total"][:], self.file["position_genes"][:]
        return sums


def join_effects(path: str | Path, parts: Sequence[str | Path], order: Sequence[str]) -> PositionSums:
    """Join files of different genes into one, in the order of `order` (gene ids); return the sums over all genes.

    Chunks are copied without decompression, with one part open at a time. Raises InputError if the parts are from different
    models, share a gene, or have a gene that is not in `order`.
    """
    with Effects(parts[0]) as effects:
        about = effects.about
    sums, problems, twice = PositionSums(about.window, len(about.populations)), [], []
    where: dict[str, str | Path] = {}
    for part in parts:
        with Effects(part) as effects:
            if effects.about != about:
                expected = f"the model, window and populations of {parts[0]}"
                problems.append(Problem(str(part), "effects of another model", expected))
                continue
            sums = sums.plus(effects.sums())
            twice += [gene for gene in effects.gene_id if gene in where]
            where |= dict.fromkeys(effects.gene_id, part)
    known = [gene for gene in order if gene in where]
    if twice:
        problems.append(Problem("the parts", f"genes in more than one: {preview(twice)}", "every gene once"))
    if len(known) < len(where):
        missing = preview(where.keys() - set(known))
        problems.append(Problem("genes.tsv", f"none of {missing}", "the genes.tsv of the genome that was saturated"))
    if problems:
        raise InputError(*problems)
    with write_effects(path, about, known) as writer:
        rows = enumerate(known)
        for part, of_part in groupby(rows, lambda numbered: where[numbered[1]]):
            with Effects(part) as effects:
                for row, gene in of_part:
                    writer.copy(row, effects, effects.row(gene))
        writer.write_sums(sums)
    return sums

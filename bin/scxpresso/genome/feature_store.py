"""features.h5: the promoter windows and annotation features of a genome's genes, which every model of it reads."""

from collections.abc import Collection, Iterable
from pathlib import Path

import h5py
import numpy as np

from scxpresso.genome.annotation import HALF_LIFE, log_half_life
from scxpresso.genome.extended import EXTENDED, transform_extended
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import atomic_write


class Features:
    """features.h5 of a genome.

    gene_id: sorted ids. codes: genes × window, uint8 (see sequence.py). half_life: genes × 5, raw (bases; exons per
    1,000 coding bases). extended: genes × features of extended.py, raw; no columns if they were not extracted.
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

    def rows(self, genes: Collection[str]) -> np.ndarray:
        """Return the row of each gene id.

        Raises
        ------
        InputError, for ids that have no features.
        """
        missing = [gene for gene in genes if gene not in self._row]
        if missing:
            raise InputError(
                Problem("features.h5", f"no features of {preview(missing)}", "features of every gene with expression")
            )
        return np.array([self._row[gene] for gene in genes], dtype=np.int64)

    def annotation_features(self, extended: bool) -> tuple[str, ...]:
        """Name the annotation features in the file: half-life, and the extended ones if `extended`."""
        return (*HALF_LIFE, *(EXTENDED if extended and self.extended.shape[1] else ()))

    def annotation(self, rows: np.ndarray, names: Collection[str]) -> np.ndarray:
        """Return annotation features by name as networks read them, before scaling.

        Returns
        -------
        rows × names, float32; NaN where a gene lacks the feature.

        Raises
        ------
        InputError, for features that the file lacks.
        """
        known = self.annotation_features(extended=True)
        missing = [name for name in names if name not in known]
        if missing:
            raise InputError(
                Problem(
                    "features.h5",
                    f"no {preview(missing, 3)}",
                    "the features that the model reads",
                    "use --features extended",
                )
            )
        read = log_half_life(self.half_life[rows])
        if len(known) > len(HALF_LIFE):
            read = np.hstack([read, transform_extended(self.extended[rows])])
        return read[:, [known.index(name) for name in names]].astype(np.float32)

    def region(self, rows: np.ndarray, start: int, end: int) -> np.ndarray:
        """Return the codes from `start` to `end` (exclusive) relative to the TSS, as far as the window extends."""
        columns = slice(max(self.upstream + start, 0), min(self.upstream + end, self.codes.shape[1]))
        return self.codes[rows, columns]


def write_features(
    path: str | Path,
    gene_id: Iterable[str],
    codes: np.ndarray,
    half_life: np.ndarray,
    scaled: np.ndarray,
    upstream: int,
    extended: np.ndarray | None = None,
) -> None:
    """Write features.h5.

    Parameters
    ----------
    gene_id: sorted; the other arrays have one row per gene.
    codes: genes × window, uint8.
    half_life, scaled: genes × 5, raw and z-scaled over all genes. The latter is for use elsewhere: models scale the raw
        features on their own training genes.
    upstream: bases of the window before the TSS.
    extended: genes × EXTENDED, raw.
    """
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.create_dataset("gene_id", data=list(gene_id), dtype=h5py.string_dtype())
        rows = max(min(256, len(codes)), 1)
        file.create_dataset("codes", data=codes, chunks=(rows, codes.shape[1]), compression="gzip", compression_opts=4)
        file.create_dataset("half_life", data=half_life)
        file.create_dataset("half_life_scaled", data=scaled)
        file.create_dataset("extended", data=np.empty((len(codes), 0)) if extended is None else extended)
        file.attrs.update(upstream=upstream, downstream=codes.shape[1] - upstream)

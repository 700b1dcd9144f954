"""features.h5: the promoter windows and annotation features of a genome's genes, which every model of it reads."""

from collections.abc import Callable, Collection, Iterable
from functools import cached_property, partial
from pathlib import Path

import h5py
import numpy as np

from scxpresso.genome.annotation import HALF_LIFE, log_half_life
from scxpresso.genome.extended import EXTENDED, transform_extended
from scxpresso.genome.gene_features import GeneFeatures, is_gene_feature
from scxpresso.genome.transcript_features import TRANSCRIPT, transform_transcript
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import atomic_write

# Names of a set of annotation features, and how networks read raw ones.
FeatureSet = tuple[list[str], Callable[[np.ndarray], np.ndarray]]


class Features:
    """features.h5 of a genome.

    gene_id: sorted ids. codes: genes × window, uint8 (see sequence.py). half_life: genes × 5, raw (bases; exons per
    1,000 coding bases). extended: genes × features of extended.py, raw; no columns if they were not extracted.
    transcript: genes × transcript_names, raw (transcript_features.py); no columns in files of version 0.1
    or if they were not extracted. gene_features: genes × gene_feature_names, those of the user (gene_features.py); no
    columns if there are none. Both are read when they are first used, as few networks do.
    """

    def __init__(self, path: str | Path):
        self._path = path
        with h5py.File(path) as file:
            self.gene_id = file["gene_id"].asstr()[:]
            self.codes = file["codes"][:]
            self.half_life = file["half_life"][:]
            self.extended = file["extended"][:]
            has_transcript = "transcript" in file
            self.transcript_names = list(file["transcript_names"].asstr()[:]) if has_transcript else []
            has_gene_features = "gene_features" in file
            self.gene_feature_names = list(file["gene_feature_names"].asstr()[:]) if has_gene_features else []
            self.upstream = int(file.attrs["upstream"])
            self.downstream = int(file.attrs["downstream"])
        self._row = {gene: row for row, gene in enumerate(self.gene_id)}

    @cached_property
    def transcript(self) -> np.ndarray:
        """Features of the spliced transcript: see the class."""
        if not self.transcript_names:
            return np.empty((len(self.gene_id), 0))
        with h5py.File(self._path) as file:
            return file["transcript"][:]

    @cached_property
    def gene_features(self) -> np.ndarray:
        """Features of the user: see the class."""
        if not self.gene_feature_names:
            return np.empty((len(self.gene_id), 0))
        with h5py.File(self._path) as file:
            return file["gene_features"][:]

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

    def annotation_features(self, sets: Collection[str]) -> tuple[str, ...]:
        """Name the annotation features of sets (the names of `_sets`), as far as the file has them."""
        return tuple(name for key, (names, _) in self._sets().items() if key in sets for name in names)

    def annotation(self, rows: np.ndarray, names: Collection[str]) -> np.ndarray:
        """Return annotation features by name as networks read them, before scaling.

        Returns
        -------
        rows × names, float32; NaN where a gene lacks the feature.

        Raises
        ------
        InputError, for features that the file lacks.
        """
        sets = self._sets()
        known = set(self.annotation_features(sets))
        missing = [name for name in names if name not in known]
        if missing:
            table = any(map(is_gene_feature, missing))
            option = "--gene_features and the table that the model was trained with" if table else "--features extended"
            raise InputError(
                Problem(
                    "features.h5",
                    f"no {preview(missing, 3)}",
                    "the features that the model reads",
                    f"extract them again, with {option}",
                )
            )
        place = {name: column for column, name in enumerate(names)}
        read = np.empty((len(rows), len(names)), dtype=np.float32)
        for key, (listed, transform) in sets.items():
            columns = [column for column, name in enumerate(listed) if name in place]
            if columns:
                read[:, [place[listed[column]] for column in columns]] = transform(getattr(self, key)[rows])[:, columns]
        return read

    def gene_features_digest(self, names: Collection[str]) -> str:
        """Compute the digest of the user's features among names (see GeneFeatures.digest); '' if there are none."""
        own = [name for name in names if is_gene_feature(name)]
        features = GeneFeatures(list(self.gene_id), self.gene_feature_names, self.gene_features, [])
        return features.digest(own) if own else ""

    def _sets(self) -> dict[str, FeatureSet]:
        """Give the sets of annotation features that the file has; each is also an attribute with the raw values."""
        read_transcript = partial(transform_transcript, names=self.transcript_names)
        sets: dict[str, FeatureSet] = {
            "half_life": (HALF_LIFE, log_half_life),
            "extended": (EXTENDED if self.extended.shape[1] else [], transform_extended),
            "transcript": (self.transcript_names, read_transcript),
            "gene_features": (self.gene_feature_names, np.asarray),
        }
        return {key: one for key, one in sets.items() if one[0]}

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
    transcript: np.ndarray | None = None,
    gene_features: GeneFeatures | None = None,
) -> None:
    """Write features.h5.

    Parameters
    ----------
    gene_id: sorted; the other arrays have one row per gene.
    codes: genes × window, uint8.
    half_life, scaled: genes × 5, raw and z-scaled over all genes. The latter is for use elsewhere: models scale the raw
        features on their own training genes.
    upstream: bases of the window before the TSS.
    extended: genes × EXTENDED, raw. transcript: genes × TRANSCRIPT, raw.
    gene_features: of the same genes, in this order.
    """
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.create_dataset("gene_id", data=list(gene_id), dtype=h5py.string_dtype())
        rows = max(min(256, len(codes)), 1)
        gzip = {"compression": "gzip", "compression_opts": 4}
        file.create_dataset("codes", data=codes, chunks=(rows, codes.shape[1]), **gzip)
        file.create_dataset("half_life", data=half_life)
        file.create_dataset("half_life_scaled", data=scaled)
        file.create_dataset("extended", data=np.empty((len(codes), 0)) if extended is None else extended)
        if transcript is not None:
            file.create_dataset("transcript", data=transcript, chunks=(rows, len(TRANSCRIPT)), shuffle=True, **gzip)
            file.create_dataset("transcript_names", data=TRANSCRIPT, dtype=h5py.string_dtype())
        if gene_features is not None:
            file.create_dataset("gene_features", data=gene_features.values, chunks=True, shuffle=True, **gzip)
            file.create_dataset("gene_feature_names", data=gene_features.names, dtype=h5py.string_dtype())
        file.attrs.update(upstream=upstream, downstream=codes.shape[1] - upstream)

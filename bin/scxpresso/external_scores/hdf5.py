"""Scores of Basenji, Enformer (SAD) and Borzoi (SED) in HDF5.

Arrays: `chr`, `pos` (1-based), `ref` and `alt` or `ref_allele` and `alt_allele`, and `snp`, each one value per variant;
`target_ids` and `target_labels`; and one matrix of scores × targets for each statistic. Where `si` and `gene` are present,
as borzoi_sed.py writes them, a row of scores is a variant (its number in `si`) and a gene.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from scxpresso.external_scores.tracks import FoundScore, Tracks
from scxpresso.problems import InputError, Problem, preview

EXPECTED = (
    "an HDF5 file of Basenji, Enformer or Borzoi: arrays chr, pos, ref, alt, target_ids, and SAD, SED or the like"
)
USUAL = ("logSED", "SED", "logSAD", "SAD")  # the first of them that a file has is read
ROWS = 4096  # rows of scores that are read at once


def read_hdf5_scores(path: Path, tracks: Tracks, score: str | None) -> Iterator[FoundScore]:
    """Yield the scores of a file. score: name of the statistic, such as SAD; the first of USUAL that there is if None."""
    with h5py.File(path) as file:
        labels = _labels(path, file)
        matrix = file[_statistic(path, file, len(labels), score)]
        chosen = tracks.chosen(labels)
        tracks.check()
        names = {role: _text(file, *arrays) for role, arrays in (
            ("variant", ("snp",)), ("chrom", ("chr",)), ("ref", ("ref_allele", "ref")), ("alt", ("alt_allele", "alt")),
            ("gene", ("gene",)),
        )}  # fmt: skip
        position = np.asarray(file["pos"]) if "pos" in file else None
        variant_of = np.asarray(file["si"]) if "si" in file else np.arange(len(matrix))
        _check_sizes(path, names, position, variant_of, len(matrix))
        for start in range(0, len(matrix), ROWS):
            values = matrix[start : start + ROWS][:, chosen].astype(np.float64)
            for row, scores in enumerate(values, start=start):
                at = int(variant_of[row])
                one = {role: array[at] if array else "" for role, array in names.items() if role != "gene"}
                gene = names["gene"][row] if names["gene"] else ""
                pos = int(position[at]) if position is not None else 0
                for place, value in zip(chosen, scores, strict=True):
                    if np.isfinite(value):
                        yield FoundScore(
                            one["variant"], one["chrom"], pos, one["ref"].upper(), one["alt"].upper(), gene, labels[place],
                            float(value),
                        )  # fmt: skip


def _labels(path: Path, file: h5py.File) -> list[str]:
    """Return a name for each target: its id and its label, as far as the file has them."""
    if "target_ids" not in file:
        raise InputError(Problem(str(path), f"the arrays {preview(file, 12)}", EXPECTED, "check which file this is"))
    ids, labels = _text(file, "target_ids"), _text(file, "target_labels")
    return [" ".join(filter(None, words)) for words in zip(ids, labels or [""] * len(ids), strict=True)]


def _statistic(path: Path, file: h5py.File, targets: int, wanted: str | None) -> str:
    known = [name for name, array in file.items() if getattr(array, "ndim", 0) == 2 and array.shape[1] == targets]
    known = [name for name in known if not name.endswith("_pct")]
    found = wanted or next((name for name in USUAL if name in known), None)
    if found in known:
        return str(found)
    what = f"no score {wanted!r}" if wanted else "none of the usual scores"
    raise InputError(Problem(str(path), what, f"one of {preview(known, 12)}", "write one into the column score"))


def _text(file: h5py.File, *names: str) -> list[str]:
    """Read the first of these arrays that is there, as text; an empty list if none is."""
    name = next((name for name in names if name in file), None)
    return [] if name is None else [one.decode() if isinstance(one, bytes) else str(one) for one in file[name][:]]


def _check_sizes(path: Path, names: dict, position: np.ndarray | None, variant_of: np.ndarray, rows: int) -> None:
    variants = {role: len(array) for role, array in names.items() if array and role != "gene"}
    variants |= {"pos": len(position)} if position is not None else {}
    wrong = (
        len(set(variants.values())) != 1 or len(variant_of) != rows or (names["gene"] and len(names["gene"]) != rows)
    )
    if wrong or (rows and int(variant_of.max()) >= max(variants.values())):
        found = f"arrays of different lengths: {variants}, {rows:,} rows of scores"
        raise InputError(Problem(str(path), found, EXPECTED, "write the file again"))

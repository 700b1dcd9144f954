"""What an open file or folder of counts offers, whatever its layout."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from scxpresso.layouts.matrix import Matrix
from scxpresso.problems import InputError, Problem, preview

X = "X"  # the main matrix of every layout


class Layout(Protocol):
    """An open file or folder of counts.

    kind: what messages call it. obs: one row per cell, index: names. paths: its matrices, such as `X`, `layers/counts` and
    `raw/X`. nulls: those that are null. notes: what was decided while it was opened.
    """

    kind: str
    obs: pd.DataFrame
    notes: list[str]

    @property
    def paths(self) -> list[str]:
        """Names of the matrices."""

    @property
    def nulls(self) -> list[str]:
        """Names of elements that are null where a matrix may be."""

    def var(self, path: str) -> pd.DataFrame:
        """Return the features of a matrix, one row each; index: names."""

    def matrix(self, path: str) -> Matrix:
        """Open one of `paths`. Raises InputError if its type of numbers cannot hold counts."""

    def close(self) -> None:
        """Close the file."""


@dataclass
class SimpleLayout:
    """A layout whose matrices share their features, and hold nothing else. on_close: closes the file, if one is open."""

    kind: str
    obs: pd.DataFrame
    features: pd.DataFrame
    matrices: dict[str, Matrix]
    on_close: Callable[[], None] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Names of the matrices."""
        return list(self.matrices)

    @property
    def nulls(self) -> list[str]:
        """Names of elements that are null: none."""
        return []

    def var(self, path: str) -> pd.DataFrame:
        """Return the features, one row each."""
        return self.features

    def matrix(self, path: str) -> Matrix:
        """Return a matrix. Raises InputError if its type of numbers cannot hold counts."""
        check_numbers(path, self.matrices[path].dtype)
        return self.matrices[path]

    def close(self) -> None:
        """Close the file."""
        if self.on_close:
            self.on_close()


def check_numbers(name: str, kind: np.dtype) -> None:
    """Raise InputError if the values of a matrix have a type that cannot hold counts."""
    if kind.kind in "iuf" and kind.itemsize <= 8 and kind != np.float16 and kind.isnative:
        return
    expected = "counts as float32, float64 or whole numbers"
    if kind == np.float16:
        found = f"{name!r} is of float16, which rounds counts above 2,048 and has none above 65,504"
        fix = "write the raw counts again as float32 or whole numbers, from the file that they came from"
        raise InputError(Problem("counts", found, expected, fix))
    fix = "write the raw counts as float32, or name their layer in the column layer"
    raise InputError(
        Problem("counts", f"{name!r} is of type {kind}, which cannot be read as counts here", expected, fix)
    )


def check_size(what: str, found: int, matrix: str, expected: int, fix: str) -> None:
    """Raise InputError if a file lists another number of names than its matrix has."""
    if found != expected:
        raise InputError(Problem("counts", f"{found:,} {what} for a matrix of {expected:,} {matrix}", "one each", fix))


def check_unique(barcodes: pd.Index) -> None:
    """Raise InputError if a barcode is listed more than once."""
    if barcodes.has_duplicates:
        twice = barcodes[barcodes.duplicated()].unique()
        raise InputError(
            Problem(
                "counts", f"barcodes more than once: {preview(twice)}", "each barcode once",
                "are these several samples in one matrix? Give each barcode the name of its sample, or give one file per "
                "sample to import_atlas.py as NAME=PATH",
            )
        )  # fmt: skip

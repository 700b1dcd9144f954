"""Summaries of effects: profiles of genes, means over genes and contrasts of two populations; and their rows of text."""

import csv
import gzip
import io
import shutil
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from scxpresso.genome.sequence import ALTERNATIVES, BASE_OF_CODE, CHANNELS
from scxpresso.problems import InputError, Problem
from scxpresso.store import atomic_write

PROFILES = "profiles.tsv.gz"
MIN_EFFECT = 0.001  # |log10| that an effect needs for a row in profiles and contrasts
GZIP_LEVEL = 4
PROFILE_COLUMNS = ["gene_id", "gene_name", "chrom", "pos", "tss_distance", "ref", "population", "alt", "effect"]
CONTRAST_COLUMNS = [
    "gene_id", "gene_name", "chrom", "pos", "tss_distance", "population", "other_population", "effect",
    "other_effect", "difference",
]  # fmt: skip


def profile(effects: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the substitution with the largest absolute effect at each position (paper 2.7).

    effects: window × 4 × populations. codes: window (uint8). Returns its signed effect (window × populations; NaN at
    ambiguous bases) and the index of its base in ALTERNATIVES (uint8); in a tie, the first one.
    """
    largest, base = effects[:, 0].copy(), np.zeros((len(effects), effects.shape[2]), dtype=np.uint8)
    size = np.abs(largest)
    for alternative in range(1, len(ALTERNATIVES)):
        other = np.abs(effects[:, alternative])
        larger = other > size
        np.copyto(largest, effects[:, alternative], where=larger)
        np.copyto(size, other, where=larger)
        base[larger] = alternative
    largest[BASE_OF_CODE[codes] > 3] = np.nan
    return largest, base


def contrast(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Subtract one profile from another; NaN if they have opposite signs (paper 2.7) or the base is ambiguous."""
    return np.where(first * second < 0, np.nan, first - second)


class PositionSums:
    """Sums over genes of the largest absolute effect.

    total: window × populations. genes: number of genes with an unambiguous base (window). Sums of multiples of
    effects_store.STEP are exact, whatever the order of the genes.
    """

    def __init__(self, window: int, populations: int):
        self.total = np.zeros((window, populations))
        self.genes = np.zeros(window, dtype=np.int64)

    def add(self, signed: np.ndarray) -> None:
        """Add a gene's profile."""
        unambiguous = ~np.isnan(signed[:, 0])
        self.total[unambiguous] += np.abs(signed[unambiguous])
        self.genes += unambiguous

    def plus(self, other: "PositionSums") -> "PositionSums":
        """Add the sums over other genes."""
        sums = PositionSums(*self.total.shape)
        sums.total, sums.genes = self.total + other.total, self.genes + other.genes
        return sums

    def table(self, populations: Sequence[str], upstream: int) -> pd.DataFrame:
        """Make positions.tsv: tss_distance, population, genes and mean_effect (empty if no gene has an unambiguous base)."""
        window, count = self.total.shape
        with np.errstate(invalid="ignore"):
            mean = self.total / self.genes[:, None]
        return pd.DataFrame(
            {
                "tss_distance": np.repeat(np.arange(window) - upstream, count),
                "population": np.tile(np.array(populations, dtype=object), window),
                "genes": np.repeat(self.genes, count),
                "mean_effect": mean.ravel(),
            }
        )


class Place(NamedTuple):
    """The position of a gene, from genes.tsv. It converts distances from the TSS to positions on the genome."""

    gene_id: str
    gene_name: str
    chrom: str
    strand: str
    tss: int

    @classmethod
    def of(cls, genes: pd.DataFrame) -> "dict[str, Place]":
        """Read the places of all genes of genes.tsv, by gene_id."""
        columns = [genes[name] for name in cls._fields[:-1]] + [genes["tss"].astype(int)]
        return {row[0]: cls(*row) for row in zip(*columns, strict=True)}

    def pos(self, tss_distance: np.ndarray) -> np.ndarray:
        """Convert distances from the TSS on the gene's strand (negative upstream) to 1-based positions on the genome."""
        return self.tss + tss_distance if self.strand == "+" else self.tss - tss_distance


def profile_rows(
    place: Place, codes: np.ndarray, upstream: int, populations: Sequence[str], signed: np.ndarray, base: np.ndarray
) -> str:
    """Format a gene's rows of profiles.tsv.gz, by position and population; only effects of at least MIN_EFFECT."""
    index, population = np.nonzero(np.abs(signed) >= MIN_EFFECT)
    references = np.array([*CHANNELS, "N"])[BASE_OF_CODE[codes]]
    left = [f"{start}{ref}\t" for start, ref in zip(_starts(place, len(codes), upstream), references, strict=True)]
    right = [f"{_line([name])}\t{alt}\t" for name in populations for alt in ALTERNATIVES]
    of_right = population * len(ALTERNATIVES) + base[index, population]
    return _rows("%s%s%.4g\n", [left, right], [index, of_right], [signed[index, population]])


def contrast_rows(place: Place, upstream: int, names: tuple[str, str], first: np.ndarray, second: np.ndarray) -> str:
    """Format a gene's rows of contrasts.tsv.gz from two profiles (window); only differences of at least MIN_EFFECT."""
    difference = contrast(first, second)
    (index,) = np.nonzero(np.abs(difference) >= MIN_EFFECT)
    start = [f"{start}{_line(names)}\t" for start in _starts(place, len(first), upstream)]
    return _rows("%s%.4g\t%.4g\t%.4g\n", [start], [index], [first[index], second[index], difference[index]])


def _starts(place: Place, window: int, upstream: int) -> list[str]:
    """Format the columns gene_id … tss_distance of each position."""
    distance = np.arange(window) - upstream
    gene = _line([place.gene_id, place.gene_name, place.chrom])
    return [
        f"{gene}\t{pos}\t{away}\t" for pos, away in zip(place.pos(distance).tolist(), distance.tolist(), strict=True)
    ]


def _rows(form: str, texts: list[list[str]], of_text: list[np.ndarray], numbers: list[np.ndarray]) -> str:
    """Format rows of looked-up texts and numbers."""
    columns = [map(text.__getitem__, which.tolist()) for text, which in zip(texts, of_text, strict=True)]
    return "".join(map(form.__mod__, zip(*columns, *(number.tolist() for number in numbers), strict=True)))


def _line(fields: Iterable[str]) -> str:
    """Join fields as store.write_table does: a field with a tab, a quote or a line break is quoted."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="").writerow(fields)
    return text.getvalue()


def packed(rows: str) -> bytes:
    """Compress rows as a gzip member; joined members are a valid file."""
    return gzip.compress(rows.encode(), GZIP_LEVEL, mtime=0) if rows else b""


def write_rows(path: str | Path, columns: Sequence[str], members: Iterable[bytes]) -> None:
    """Write a gzipped table of packed rows. The header is a member of its own, so that tables can be joined as they are."""
    with atomic_write(path) as partial, partial.open("wb") as file:
        file.write(_header(columns))
        file.writelines(members)


def join_rows(path: str | Path, columns: Sequence[str], parts: Iterable[str | Path]) -> None:
    """Join tables that write_rows wrote, in order, without decompression. Raises InputError for other files."""
    with atomic_write(path) as partial, partial.open("wb") as file:
        file.write(_header(columns))
        for part in parts:
            try:
                source = open(part, "rb")  # noqa: SIM115 (closed below)
            except OSError as error:
                raise _no_part(part, columns, error) from None
            with source:
                source.seek(_end_of_header(part, source.read(4096), columns))
                shutil.copyfileobj(source, file, 2**20)


def _header(columns: Sequence[str]) -> bytes:
    return gzip.compress(("\t".join(columns) + "\n").encode(), mtime=0)


def _end_of_header(path: str | Path, start: bytes, columns: Sequence[str]) -> int:
    member = zlib.decompressobj(wbits=31)
    try:
        text = member.decompress(start)
    except zlib.error as error:
        raise _no_part(path, columns, error) from None
    if not member.eof or text != ("\t".join(columns) + "\n").encode():
        raise _no_part(path, columns, "another header")
    return len(start) - len(member.unused_data)


def _no_part(path: str | Path, columns: Sequence[str], found: object) -> InputError:
    return InputError(Problem(str(path), f"no table of saturate.py ({found})", f"the columns {', '.join(columns)}"))

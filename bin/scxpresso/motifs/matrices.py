"""Files of motifs, in MEME's or JASPAR's format.

Bio.motifs reads both, but rounds MEME's probabilities to whole sites (of 20 where a file names none), demands lines that
MEME's format does not, and drops rows that it cannot read without a word; so they are read here, and it checks the tests.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from scxpresso.damage import DAMAGE
from scxpresso.files import open_text
from scxpresso.problems import InputError, Problem
from scxpresso.store import atomic_write
from scxpresso.text import shown

SITES = 20  # of a matrix of probabilities that does not say from how many sites it was made, as in the MEME suite
TOLERANCE = 0.05  # by which a column's probabilities may miss a sum of 1
HOW_TO_FIX = "export the motif again, or remove it from the file"


@dataclass(frozen=True)
class Motif:
    """A motif. motif: its identifier, unique in a file. name: its common name. counts: width × A, C, G, T (sites)."""

    motif: str
    name: str
    counts: np.ndarray


class _Bad(Exception):
    """What was found wrong with a motif, and what was expected."""

    def __init__(self, found: str, expected: str):
        self.found, self.expected = found, expected
        super().__init__(found, expected)


def write_meme(path: str | Path, motifs: Sequence[Motif], background: np.ndarray) -> None:
    """Write motifs in MEME's minimal format. background: probabilities of A, C, G, T."""
    frequencies = " ".join(f"{base} {share:.4f}" for base, share in zip("ACGT", background, strict=True))
    text = "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\n" + frequencies + "\n"
    for motif in motifs:
        sites = motif.counts.sum(axis=1, keepdims=True)
        text += f"\nMOTIF {motif.motif} {motif.name}\n"
        text += f"letter-probability matrix: alength= 4 w= {len(sites)} nsites= {sites.mean():.0f} E= 0\n"
        text += "".join(" ".join(f"{share:.6f}" for share in row) + "\n" for row in motif.counts / sites)
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_motifs(path: str | Path) -> list[Motif]:
    """Read the motifs of a file: MEME (minimal or text output, from version 4), JASPAR, or one bare matrix (.pfm).

    The format is recognised from the content; the text may be gzipped. A bare matrix is named after its file. Raises InputError,
    for all bad motifs at once.
    """
    name = shown(Path(path).name)
    try:
        with open_text(path) as file:
            lines = [line.strip() for line in file]
    except DAMAGE as error:
        raise InputError(Problem(f"motifs {name}", f"it cannot be read ({error})", "text")) from error
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if any(re.match(r"MEME version", line) for line in lines):
        blocks, parse = _meme_blocks(name, lines), _meme_counts
    elif first.startswith(">"):
        blocks, parse = _blocks(lines, r">\s*"), _jaspar_counts
    elif _row(first):
        blocks, parse = [(Path(path).name.removesuffix(".gz").rsplit(".", 1)[0], lines)], _jaspar_counts
    else:
        raise InputError(
            Problem(
                f"motifs {name}",
                f"it starts with {shown(first[:60])!r}" if first else "it is empty",
                "MEME's minimal format (`MEME version 4`) or JASPAR's (`>MA0001.1 NAME`, then rows of A, C, G and T)",
                "export the motifs as MEME or JASPAR",
            )
        )
    return _parsed(name, blocks, parse)


def _parsed(file: str, blocks: list[tuple[str, list[str]]], parse: Callable[[list[str]], np.ndarray]) -> list[Motif]:
    motifs: dict[str, Motif] = {}
    problems = []
    for number, (header, lines) in enumerate(blocks, start=1):
        identifier, _, name = header.partition(" ")
        where = f"motifs {file}, motif {number} ({shown(identifier)!r})"
        try:
            if not identifier:
                raise _Bad("it has no name", "an identifier")
            if identifier in motifs:
                raise _Bad("a motif of this name came before", "another name for each motif")
            motifs[identifier] = Motif(identifier, name or identifier, _checked(parse(lines)))
        except _Bad as bad:
            problems.append(Problem(where, bad.found, bad.expected, HOW_TO_FIX))
    if not blocks:
        problems.append(Problem(f"motifs {file}", "no motif", "at least one"))
    if problems:
        raise InputError(*problems)
    return list(motifs.values())


def _blocks(lines: list[str], start: str) -> list[tuple[str, list[str]]]:
    """Split lines into motifs: header (its words, joined by one space) and other lines; `start` (a pattern) begins one."""
    heads = [number for number, line in enumerate(lines) if re.match(start, line)]
    return [
        (" ".join(re.sub(start, "", lines[head], count=1).split()), lines[head + 1 : end])
        for head, end in pairwise([*heads, len(lines)])
    ]


def _meme_blocks(file: str, lines: list[str]) -> list[tuple[str, list[str]]]:
    """Split a MEME file into motifs. Raises InputError if it is not of DNA, or older than version 4."""
    version = next(line for line in lines if line.startswith("MEME version"))
    number = re.match(r"MEME version\s+(\d+)", version)
    if not number or int(number[1]) < 4:
        raise InputError(Problem(f"motifs {file}", shown(version), "MEME version 4 or later"))
    alphabet = next((line for line in lines if line.startswith("ALPHABET")), "ALPHABET= ACGT")
    if not re.match(r'ALPHABET(\s*=\s*ACGT$|\s+"DNA")', alphabet):
        raise InputError(Problem(f"motifs {file}", shown(alphabet), "motifs of DNA, `ALPHABET= ACGT`"))
    return [(re.split(r" width =", header)[0], rest) for header, rest in _blocks(lines, r"MOTIF(\s+|$)")]


def _row(line: str) -> list[float]:
    """Read the numbers of a row of a matrix, after its base and brackets; empty for any other line."""
    words = re.sub(r"^[ACGTacgt]\b[\s:|]*|[\[\]]", " ", line).split()
    try:
        return [float(word) for word in words]
    except ValueError:
        return []


def _meme_counts(lines: list[str]) -> np.ndarray:
    """Read a letter-probability matrix (one row per position) as counts of its sites."""
    head = next((number for number, line in enumerate(lines) if line.startswith("letter-probability matrix")), None)
    if head is None:
        raise _Bad("it has no letter-probability matrix", "the line `letter-probability matrix: …`, then its rows")
    header = dict(re.findall(r"\b(w|nsites)\s*=\s*(\S+)", lines[head]))
    width, sites = (_header_number(header, name) for name in ("w", "nsites"))
    rows = []
    for line in lines[head + 1 :]:
        if not _row(line):
            break
        rows.append(_row(line))
    if not rows or len(rows) != (width or len(rows)):
        raise _Bad(f"{len(rows)} rows of numbers", f"{header.get('w', 'some')} rows of four probabilities (`w=`)")
    if any(len(row) != 4 for row in rows):
        raise _Bad(f"a row of {next(len(row) for row in rows if len(row) != 4)} numbers", "A, C, G and T in each row")
    probabilities = np.array(rows)
    total = probabilities.sum(axis=1)
    off = ~(np.abs(total - 1) <= TOLERANCE)
    if off.any():
        raise _Bad(f"position {np.argmax(off) + 1} sums to {total[np.argmax(off)]:g}", "probabilities that sum to 1")
    return probabilities / total[:, None] * (sites or SITES)


def _header_number(header: dict[str, str], name: str) -> float:
    """Read a number of a matrix's first line, however it is written (1e+05); 0 if it has none."""
    try:
        number = float(header.get(name, 0))
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise _Bad(f"`{name}= {shown(header[name])}`", "a number from 0")
    return number


def _jaspar_counts(lines: list[str]) -> np.ndarray:
    """Read counts of four rows (one column per position), in the order A, C, G, T unless they start with their bases.

    Four rows of four numbers without bases may be positions; they are, where the rows have equal sums and the columns do not.
    """
    lines = [line for line in lines if line and not line.startswith("#")]
    rows = [_row(line) for line in lines]
    if len(rows) != 4 or not all(rows):
        raise _Bad(f"{sum(map(bool, rows))} rows of numbers in {len(rows)} lines", "four rows: A, C, G and T")
    if len({len(row) for row in rows}) > 1:
        raise _Bad(f"rows of {', '.join(str(len(row)) for row in rows)} numbers", "four rows of one length")
    bases = "".join(line[0].upper() for line in lines if line[0].isalpha())
    if bases and sorted(bases) != list("ACGT"):
        raise _Bad(f"rows of {shown(bases)}", "a row for each of A, C, G and T")
    counts = np.array(rows)[[bases.index(base) for base in "ACGT"] if bases else slice(None)].T
    if not bases and counts.shape == (4, 4) and _alike(counts.T) and not _alike(counts):
        counts = counts.T
    total = counts.sum(axis=1)
    return counts / total[:, None] * SITES if (np.abs(total - 1) <= TOLERANCE).all() else counts


def _alike(counts: np.ndarray) -> bool:
    """Return whether the rows have equal sums, as positions do, but for rounding."""
    total = counts.sum(axis=1)
    return bool(np.ptp(total) <= TOLERANCE * np.abs(total).max())


def _checked(counts: np.ndarray) -> np.ndarray:
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise _Bad("a number that is negative or not finite", "counts or probabilities from 0")
    if (counts.sum(axis=1) == 0).any():
        raise _Bad(f"position {np.argmin(counts.sum(axis=1)) + 1} has only zeros", "at least one site at each position")
    return counts

"""Features of the protein that a gene encodes: composition, and what its stretches and short patterns say of where it works.

Whether a protein crosses membranes, is secreted or binds DNA tells in which cells its gene is expressed. Segments, signal
peptides and coiled coils are rough here: found by a threshold, not predicted.
"""

import re
from collections.abc import Mapping
from itertools import product

import numpy as np
from Bio.Data.CodonTable import unambiguous_dna_by_id
from Bio.SeqUtils.ProtParamData import kd

from scxpresso.genome.sequence import BASE_OF_CODE, CHANNELS

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
FIRST_RESIDUES = 30
SEGMENT = 19  # residues that cross a membrane
MIN_HYDROPATHY = 1.6  # of a segment, on the scale of Kyte and Doolittle (1982)
START, END = 40, 30  # places of segments at the start and at the end of a protein that say where it is sent
CHARGES = {"K": 1, "R": 1, "D": -1, "E": -1}
CHARGE_WINDOW = 30
HEPTADS = 3  # in a row, of a coiled coil
PATTERNS = {
    "glycosylation": "N[^PX][ST]",
    "cxxc": "C..C",
    "cysteine_rich": "C.{1,6}C.{1,6}C",
    "pxxp": "P..P",
    "basic": "[KR][KR].[KR]",
    "serine_arginine": "(?:RS|SR){2}",
    "collagen": "G..G..G",
}
C2H2_FINGER = "C..C.{12}H.{3,5}H"
ER_RETENTION = ("KDEL", "HDEL", "SDEL")

COMPOSITION = [
    *(f"aa_{residue}" for residue in AMINO_ACIDS),
    *(f"aa{FIRST_RESIDUES}_{residue}" for residue in AMINO_ACIDS),
    *(f"dipeptide_{first}{second}" for first, second in product(AMINO_ACIDS, repeat=2)),
]
NUMBERS = ["protein_segments", "protein_before_segment", "protein_coiled_coil", "protein_c2h2_fingers"]
STRETCHES = [
    "protein_max_hydropathy", "protein_start_hydropathy", "protein_end_hydropathy", "protein_charge",
    "protein_max_charge", "protein_min_charge", "protein_longest_run", "protein_er_retention",
]  # fmt: skip
PROTEIN = [*COMPOSITION, *NUMBERS, *STRETCHES, *(f"protein_{name}" for name in PATTERNS)]


def _by_letter(values: Mapping[str, float], other: float) -> np.ndarray:
    """Look-up table of residues by the ASCII code of their letter; `other` for those without a value."""
    table = np.full(128, other, dtype=type(other))
    for letter, value in values.items():
        table[ord(letter)] = value
    return table


_NUMBER = _by_letter({residue: number for number, residue in enumerate(AMINO_ACIDS)}, len(AMINO_ACIDS))
_HYDROPATHY, _CHARGE = _by_letter(kd, 0.0), _by_letter(CHARGES, 0.0)
_UNKNOWN = ord("X")
_CODE = unambiguous_dna_by_id[1].forward_table  # the standard genetic code
_RESIDUE_OF_CODON = np.array([_CODE.get("".join(codon), "X") for codon in product(CHANNELS, repeat=3)])
# The hydrophobic first and fourth residues of a heptad; coiled coils of actual proteins break the rule now and then.
_HEPTADS = re.compile(f"(?=(?:[ILVMFAKR]..[ILVMFAE]...){{{HEPTADS}}})")


def translate(coding: np.ndarray) -> str:
    """Translate a coding region (codes) by the standard genetic code; X for stop codons and ambiguous ones."""
    bases = BASE_OF_CODE[coding[: len(coding) // 3 * 3]].reshape(-1, 3).astype(int)
    residues = np.where((bases < 4).all(axis=1), _RESIDUE_OF_CODON[(bases & 3) @ [16, 4, 1]], "X")
    return "".join(residues)


def protein_features(protein: str) -> np.ndarray:
    """Compute the PROTEIN features of a protein, raw; NaN for shares and rates of one without any known residue."""
    letters = np.frombuffer(protein.encode("ascii"), dtype=np.uint8)
    hydropathy = _sums(_HYDROPATHY[letters], SEGMENT) / SEGMENT
    return np.concatenate(
        [
            _composition(letters),
            _numbers(protein, hydropathy),
            _stretches(protein, letters, hydropathy),
            _patterns(protein),
        ]
    )


def _composition(letters: np.ndarray) -> np.ndarray:
    """Compute the shares of amino acids, of those among the first residues, and of dipeptides."""
    residues = _NUMBER[letters]
    known = residues < len(AMINO_ACIDS)
    pairs = (residues[:-1] * len(AMINO_ACIDS) + residues[1:])[known[:-1] & known[1:]]
    return np.concatenate(
        [
            divided(np.bincount(residues, minlength=len(AMINO_ACIDS) + 1)[: len(AMINO_ACIDS)]),
            divided(np.bincount(residues[:FIRST_RESIDUES], minlength=len(AMINO_ACIDS) + 1)[: len(AMINO_ACIDS)]),
            divided(np.bincount(pairs, minlength=len(AMINO_ACIDS) ** 2)),
        ]
    )


def _numbers(protein: str, hydropathy: np.ndarray) -> list[float]:
    """Compute the NUMBERS: segments that do not overlap, residues before the first, starts of coils, zinc fingers."""
    starts = np.flatnonzero(hydropathy > MIN_HYDROPATHY)
    segments: list[int] = []
    for start in starts:
        if not segments or start >= segments[-1] + SEGMENT:
            segments.append(int(start))
    before = segments[0] if segments else len(protein)
    return [len(segments), before, len(_HEPTADS.findall(protein)), len(re.findall(C2H2_FINGER, protein))]


def _stretches(protein: str, letters: np.ndarray, hydropathy: np.ndarray) -> list[float]:
    """Compute the STRETCHES, of the mean hydropathy of each SEGMENT residues, and of charge.

    Charges are per residue unless of a window.
    """
    charge = _CHARGE[letters]
    windows = _sums(charge, CHARGE_WINDOW)
    starts = np.flatnonzero(np.diff(letters, prepend=0))  # of runs of one letter
    runs = np.diff(starts, append=len(letters))[letters[starts] != _UNKNOWN]
    if not len(runs):
        return [np.nan] * (len(STRETCHES) - 2) + [0, 0]
    return [
        hydropathy.max(),
        hydropathy[:START].max(),
        hydropathy[-END:].max(),
        charge.sum() / len(protein),
        windows.max(),
        windows.min(),
        runs.max(),
        float(protein.endswith(ER_RETENTION)),
    ]


def _patterns(protein: str) -> list[float]:
    """Count the PATTERNS, overlapping ones too, per 100 residues."""
    if not protein.strip("X"):
        return [np.nan] * len(PATTERNS)
    return [100 * len(re.findall(f"(?={pattern})", protein)) / len(protein) for pattern in PATTERNS.values()]


def _sums(values: np.ndarray, size: int) -> np.ndarray:
    """Sum each stretch of `size` values; fewer values than that are one stretch, its ends counting 0."""
    return np.convolve(np.pad(values, (0, max(size - len(values), 0))), np.ones(size), "valid")


def divided(counts: np.ndarray) -> np.ndarray:
    """Divide counts by their sum; NaN if it is 0."""
    total = counts.sum()
    return counts / total if total else np.full(len(counts), np.nan)

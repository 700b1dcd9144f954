"""DNA as codes: one byte per base, whose four bits say which of A, C, T and G it may be.

The channel order A, C, T, G is that of the paper's code. With it, the complement of a code is its rotation by two bits. An
ambiguous base (IUPAC) is the union of its bases (N = 15), spread evenly over them in `ONE_HOT` (paper, Table S1).
"""

from collections.abc import Iterator

import numpy as np
import pysam
from Bio.Data.IUPACData import ambiguous_dna_values

from scxpresso.problems import InputError, Problem

CHANNELS = "ACTG"
N_CODE = 15
INVALID = 255


def _character_codes() -> np.ndarray:
    """Tabulate the code of every byte: `INVALID` if it is not a nucleotide; lower case (soft-masked) as upper case."""
    table = np.full(256, INVALID, dtype=np.uint8)
    nucleotides = {**ambiguous_dna_values, "U": "T", "X": CHANNELS, "-": CHANNELS, ".": CHANNELS}
    for character, bases in nucleotides.items():
        code = sum(1 << CHANNELS.index(base) for base in bases)
        table[ord(character)] = table[ord(character.lower())] = code
    return table


CHARACTER_CODES = _character_codes()

_CODE_CHARACTERS = {int(CHARACTER_CODES[ord(character)]): character for character in "ACGTRYSWKMBDHVN"}

# One-hot row of every code (16 × 4): the code's bits, spread evenly.
_BITS = (np.arange(16)[:, None] >> np.arange(4)) & 1
ONE_HOT = (_BITS / np.maximum(_BITS.sum(axis=1, keepdims=True), 1)).astype(np.float32)

# Base number (0–3, by channel) of each code; 4 for an ambiguous code.
BASE_OF_CODE = np.full(16, 4, dtype=np.uint8)
BASE_OF_CODE[[1, 2, 4, 8]] = range(4)


def encode(sequence: str) -> np.ndarray:
    """Encode a sequence (uint8, one code per base); characters that are not IUPAC nucleotides become `INVALID`."""
    return CHARACTER_CODES[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]


def decode(codes: np.ndarray) -> str:
    """Decode a sequence of codes: upper case, IUPAC characters for ambiguous bases."""
    return "".join(_CODE_CHARACTERS[code] for code in codes)


# The bases that a substitution may bring, in the order of every table and array of effects.
ALTERNATIVES = "ACGT"
ALTERNATIVE_CODES = encode(ALTERNATIVES)


def alternatives(codes: np.ndarray) -> np.ndarray:
    """Give the indices in ALTERNATIVES of the three bases that are not the reference, in order: positions × 3.

    At an ambiguous base, they mean nothing.
    """
    differs = codes[:, None] != ALTERNATIVE_CODES
    return np.argsort(~differs, axis=1, kind="stable")[:, :3]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Return the codes of the other strand, along the last axis."""
    flipped = codes[..., ::-1]
    return ((flipped << 2) | (flipped >> 2)) & 15


def window_bounds(tss: int, strand: str, upstream: int, downstream: int) -> tuple[int, int]:
    """Compute the bounds of the window on the contig.

    On the + strand, position `p` has index `upstream + p − TSS` in the window; on − it is mirrored (paper 2.5.1).

    Parameters
    ----------
    tss: 1-based.

    Returns
    -------
    Start and end, 0-based and half-open; they may lie off the contig.
    """
    if strand == "+":
        return tss - 1 - upstream, tss - 1 + downstream
    return tss - downstream, tss + upstream


def window_codes(contig: str, tss: int, strand: str, upstream: int, downstream: int) -> tuple[np.ndarray, int]:
    """Encode the window around a TSS, on the gene's own strand.

    Parameters
    ----------
    contig: sequence of the contig.
    tss: 1-based.

    Returns
    -------
    upstream + downstream codes, and how many of them lie off the contig and are N.

    Raises
    ------
    InputError, for a character that is not an IUPAC nucleotide.
    """
    start, end = window_bounds(tss, strand, upstream, downstream)
    inside = slice(max(start, 0), max(min(end, len(contig)), 0))
    codes = np.full(upstream + downstream, N_CODE, dtype=np.uint8)
    found = encode(contig[inside])
    codes[inside.start - start : inside.start - start + len(found)] = found
    padded = len(codes) - len(found)
    if (codes == INVALID).any():
        position = start + int(np.argmax(codes == INVALID))
        raise InputError(
            Problem(
                f"the FASTA, base {position + 1:,} of the contig of the gene with TSS {tss:,}",
                f"the character {contig[position]!r}",
                "IUPAC nucleotides",
                "fix or download the FASTA again; is it a protein FASTA?",
            )
        )
    return (codes if strand == "+" else reverse_complement(codes)), padded


def region(codes: np.ndarray, tss: int, start: int, end: int) -> np.ndarray:
    """Cut the codes (genes × window) from `start` to `end`, relative to the TSS at index `tss`.

    What lies outside of the window is N.
    """
    first, last = tss + start, tss + end
    inside = codes[:, max(first, 0) : max(last, 0)]
    left = min(max(-first, 0), end - start)
    return np.pad(inside, ((0, 0), (left, end - start - left - inside.shape[1])), constant_values=N_CODE)


def read_fasta(path: str) -> Iterator[tuple[str, str]]:
    """Yield name and sequence of each contig, one in memory at a time; plain, gzipped or bgzipped, no index needed."""
    with pysam.FastxFile(str(path)) as fasta:
        for record in fasta:
            yield record.name or "", record.sequence or ""


def pack_kmers(symbols: np.ndarray, k: int, bits: int) -> np.ndarray:
    """Write each run of k symbols as one number, the first symbol in its highest bits.

    Parameters
    ----------
    symbols: rows × length, each below 2^bits.

    Returns
    -------
    rows × (length − k + 1), unsigned.
    """
    count = max(symbols.shape[1] - k + 1, 0)
    packed = np.zeros((len(symbols), count), dtype=np.uint32 if k * bits <= 32 else np.uint64)
    for place in range(k):
        packed <<= bits
        packed |= symbols[:, place : place + count]
    return packed


def unpack_kmers(packed: np.ndarray, k: int, bits: int) -> np.ndarray:
    """Return the symbols of packed k-mers: numbers × k."""
    return (packed[:, None] >> (bits * np.arange(k)[::-1])) & ((1 << bits) - 1)


def kmer_numbers(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the k-mers of each row (0 … 4^k − 1), and say which are unambiguous.

    Parameters
    ----------
    codes: genes × length.

    Returns
    -------
    The numbers and a mask, both genes × (length − k + 1). The number of an ambiguous k-mer means nothing.
    """
    bases = BASE_OF_CODE[codes]
    numbers, known = pack_kmers(bases & 3, k, 2), bases < 4
    unambiguous = np.ones(numbers.shape, dtype=bool)
    for place in range(k):
        unambiguous &= known[:, place : place + numbers.shape[1]]
    return numbers, unambiguous


def reverse_complement_numbers(k: int) -> np.ndarray:
    """Give the number of the reverse complement of every k-mer, by the number of the k-mer."""
    bases = unpack_kmers(np.arange(4**k), k, 2)
    return pack_kmers((bases[:, ::-1] ^ 2).astype(np.uint8), k, 2)[:, 0]


def kmer_counts(codes: np.ndarray, k: int) -> np.ndarray:
    """Count the unambiguous k-mers of each row: genes × length → genes × 4^k (int32)."""
    numbers, unambiguous = kmer_numbers(codes, k)
    flat = (np.arange(len(codes))[:, None] * 4**k + numbers)[unambiguous]
    return np.bincount(flat, minlength=len(codes) * 4**k).reshape(len(codes), 4**k).astype(np.int32)

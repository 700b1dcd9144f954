"""Features of the spliced transcript: protein (protein_features.py), UTRs, first intron, structure, start, stop, elements.

docs/output.md lists them with their units. They are raw here: a share or rate that a gene lacks (the 3-mers of a UTR that
is not annotated) is NaN, a length or number 0. `transform_transcript` gives them as networks read them.

The stop codon belongs to neither the protein nor the 3′UTR. The lengths of the coding region and from TSS to start codon
are half-life features (annotation.py), and the shares of codons extended ones (extended.py).
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

import numpy as np

from scxpresso.genome.extended import spliced, utrs
from scxpresso.genome.protein_features import NUMBERS, PROTEIN, divided, protein_features, translate
from scxpresso.genome.sequence import BASE_OF_CODE, CHANNELS, encode, kmer_counts, window_codes
from scxpresso.genome.transcript import Transcript, merged

STOPS = ["TAA", "TAG", "TGA"]
INTRON_BASES = 1000  # of the first intron, from its 5′ end
POLY_A_BASES = 50  # at the 3′ end of the transcript

KMER_LENGTHS = (1, 3)
KMERS = ["".join(bases) for k in KMER_LENGTHS for bases in product(CHANNELS, repeat=k)]
REGIONS = ["utr5", "utr3", "intron1"]
COMPOSITION = [f"{region}_{kmer}" for region in REGIONS for kmer in KMERS]
STRUCTURE = [
    "exons", "coding_exons", "utr5_introns", "utr3_introns", "first_exon_length", "first_intron_length",
    "longest_intron_length", "utr5_spliced_length", "utr3_spliced_length", "spliced_length", "genomic_length",
]  # fmt: skip
START = ["upstream_atgs", "uorfs", *(f"kozak_{place}_{base}" for place in ("minus3", "plus4") for base in CHANNELS)]
STOP = [*(f"stop_{codon}" for codon in STOPS), *(f"after_stop_{base}" for base in CHANNELS)]
ELEMENTS = ["utr3_attta", "utr3_pumilio", "utr3_attta_per_kb", "utr3_pumilio_per_kb", "polya_AATAAA", "polya_ATTAAA"]
TRANSCRIPT = [*PROTEIN, *COMPOSITION, *STRUCTURE, *START, *STOP, *ELEMENTS]
# Lengths and numbers range over orders of magnitude: networks read log10(x + 1) of them.
LOGARITHMIC = frozenset([*NUMBERS, *STRUCTURE, "upstream_atgs", "uorfs", "utr3_attta", "utr3_pumilio"])


@dataclass(frozen=True)
class _Spliced:
    """The parts of a transcript as codes, on its strand.

    before: the three bases of the genome before the TSS and the 5′UTR. stop: the stop codon, or nothing if there is none.
    after: the base after the stop codon, or nothing. intron: the first INTRON_BASES of the first intron.
    """

    before: np.ndarray
    utr5: np.ndarray
    coding: np.ndarray
    stop: np.ndarray
    after: np.ndarray
    utr3: np.ndarray
    intron: np.ndarray


def transcript_features(transcript: Transcript, contig: str) -> np.ndarray:
    """Compute the TRANSCRIPT features of a transcript, raw.

    Parameters
    ----------
    contig: sequence of its contig, in upper or lower case.

    Returns
    -------
    One float32 per name of TRANSCRIPT; NaN for the share or rate of something that the gene lacks.
    """
    parts = _split(transcript, contig)
    composition = [_shares(codes, k) for codes in (parts.utr5, parts.utr3, parts.intron) for k in KMER_LENGTHS]
    groups = [
        protein_features(translate(parts.coding)),
        *composition,
        _structure(transcript, parts),
        _start(parts),
        _stop(parts),
    ]
    return np.concatenate([*groups, _elements(parts.utr3)]).astype(np.float32)


def transform_transcript(values: np.ndarray, names: list[str]) -> np.ndarray:
    """Transform raw features (genes × names) as networks read them, before scaling; NaN stays NaN."""
    read = np.array(values, dtype=np.float64)
    columns = [column for column, name in enumerate(names) if name in LOGARITHMIC]
    read[:, columns] = np.log10(read[:, columns] + 1)
    return read


def _split(transcript: Transcript, contig: str) -> _Spliced:
    """Splice a transcript and divide it at its start and stop codon.

    The stop codon is the last codon of the coding region or the one after it, which may lie beyond the last exon.
    """
    strand = transcript.strand
    before, after = (spliced(contig, spans, strand) for spans in utrs(transcript))
    coding = spliced(contig, transcript.cds, strand)[transcript.phase :]
    start, end = transcript.span
    upstream = window_codes(contig, transcript.tss, strand, 3, 0)[0]
    downstream = window_codes(contig, end if strand == "+" else start, strand, 0, 5)[0][1:]
    following = np.concatenate([after, downstream])
    stop, next_base, utr3 = following[:0], following[:0], after
    if len(coding) % 3 == 0:
        if _is_stop(coding[-3:]):
            coding, stop, next_base = coding[:-3], coding[-3:], following[:1]
        elif _is_stop(following[:3]):
            stop, next_base, utr3 = following[:3], following[3:4], after[3:]
    return _Spliced(
        before=np.concatenate([upstream, before]),
        utr5=before,
        coding=coding,
        stop=stop,
        after=next_base,
        utr3=utr3,
        intron=_first_intron(transcript, contig),
    )


def _introns(transcript: Transcript) -> list[tuple[int, int]]:
    """List the introns of a transcript, in the direction of transcription."""
    exons = merged(transcript.exons or transcript.cds)
    introns = [(end + 1, start - 1) for (_, end), (start, _) in pairwise(exons)]
    return introns if transcript.strand == "+" else introns[::-1]


def _first_intron(transcript: Transcript, contig: str) -> np.ndarray:
    """Encode the first INTRON_BASES of the first intron; nothing if there is none."""
    bounds = _introns(transcript)[:1]
    if transcript.strand == "+":
        bounds = [(start, min(end, start + INTRON_BASES - 1)) for start, end in bounds]
    else:
        bounds = [(max(start, end - INTRON_BASES + 1), end) for start, end in bounds]
    return spliced(contig, bounds, transcript.strand)


def _shares(codes: np.ndarray, k: int) -> np.ndarray:
    """Compute the shares of the unambiguous k-mers; NaN if there are none."""
    return divided(kmer_counts(codes[None], k)[0])


def _structure(transcript: Transcript, parts: _Spliced) -> list[float]:
    """Compute the STRUCTURE features, in bases and numbers."""
    exons = merged(transcript.exons or transcript.cds)
    lengths = np.array([end - start + 1 for start, end in exons])
    along = lengths if transcript.strand == "+" else lengths[::-1]
    junctions, total = np.cumsum(along)[:-1], int(along.sum())  # positions on the spliced transcript
    first, last = min(start for start, _ in transcript.cds), max(end for _, end in transcript.cds)
    introns = [end - start + 1 for start, end in _introns(transcript)] or [0]
    start, end = transcript.span
    return [
        len(exons),
        sum(start <= last and end >= first for start, end in exons),
        (junctions <= len(parts.utr5)).sum(),
        (junctions >= total - len(parts.utr3)).sum(),
        along[0],
        introns[0],
        max(introns),
        len(parts.utr5),
        len(parts.utr3),
        total,
        end - start + 1,
    ]


def _start(parts: _Spliced) -> list[float]:
    """Compute the START features; the Kozak context is 0 throughout if the coding region does not start with ATG."""
    atgs = np.flatnonzero(_found(parts.utr5, "ATG"))
    context = [parts.before[-3], *parts.coding[3:4]] if _is(parts.coding[:3], "ATG") else []
    places = [_one_hot(code) for code in context] + [np.zeros(4)] * (2 - len(context))
    return [len(atgs), _uorfs(parts.utr5, atgs), *places[0], *places[1]]


def _uorfs(utr5: np.ndarray, atgs: np.ndarray) -> int:
    """Count upstream open reading frames: stop codons of the 5′UTR that end a frame with an ATG before them."""
    stops = np.flatnonzero(np.any([_found(utr5, codon) for codon in STOPS], axis=0))
    ends = set()
    for frame in range(3):
        here = stops[stops % 3 == frame]
        first = np.searchsorted(here, atgs[atgs % 3 == frame])
        ends.update(here[first[first < len(here)]].tolist())
    return len(ends)


def _stop(parts: _Spliced) -> list[float]:
    """Compute the STOP features; all 0 if the transcript has no stop codon."""
    if not len(parts.stop):
        return [0.0] * len(STOP)
    return [*(float(_is(parts.stop, codon)) for codon in STOPS), *_one_hot(parts.after[0])]


def _elements(utr3: np.ndarray) -> list[float]:
    """Compute the ELEMENTS features: numbers, numbers per 1,000 bases, and presence at the 3′ end."""
    numbers = [_found(utr3, motif).sum() for motif in ("ATTTA", "TGTANATA")]
    rates = [number / len(utr3) * 1000 if len(utr3) else np.nan for number in numbers]
    end = utr3[-POLY_A_BASES:]
    return [*numbers, *rates, *(float(_found(end, motif).any()) for motif in ("AATAAA", "ATTAAA"))]


def _is_stop(codes: np.ndarray) -> bool:
    """Say whether three bases are a stop codon."""
    return any(_is(codes, codon) for codon in STOPS)


def _is(codes: np.ndarray, bases: str) -> bool:
    """Say whether a sequence is the one of unambiguous bases."""
    return codes.tobytes() == _encoded(bases).tobytes()


def _found(codes: np.ndarray, motif: str) -> np.ndarray:
    """Say at which places of a sequence a motif (IUPAC) starts, overlapping ones too; an ambiguous base matches N only."""
    count = max(len(codes) - len(motif) + 1, 0)
    fits = np.ones(count, dtype=bool)
    for place, allowed in enumerate(_encoded(motif)):
        here = codes[place : place + count]
        fits &= (here & allowed) == here
    return fits


@cache
def _encoded(motif: str) -> np.ndarray:
    """Encode a motif."""
    return encode(motif)


def _one_hot(code: int) -> np.ndarray:
    """One-hot encode a base, in the order of CHANNELS; all 0 for an ambiguous one."""
    return (np.arange(4) == BASE_OF_CODE[code]).astype(float)

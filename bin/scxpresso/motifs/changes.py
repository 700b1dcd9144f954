"""What a variant does to the motifs that it lies in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.damage import DAMAGE
from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import reverse_complement, window_bounds
from scxpresso.motifs.matrices import Motif
from scxpresso.motifs.scanning import AMBIGUOUS, NONE, PER_BIT, Scanner, base_numbers, composition, count_bases
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import growing_table
from scxpresso.text import shown
from scxpresso.variants.alleles import trimmed

KEY = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id"]
CHANGE_COLUMNS = [
    *KEY, "motif", "motif_name", "strand", "start", "ref_score", "alt_score", "change", "ref_p_value", "alt_p_value",
]  # fmt: skip

ROWS_AT_ONCE = 100_000  # rows of the scores table
PAIRS_AT_ONCE = 2_000_000  # variants × motifs

_NUMBER_OF_CHARACTER = np.full(256, AMBIGUOUS, dtype=np.uint8)
_NUMBER_OF_CHARACTER[np.frombuffer(b"ACGT", dtype=np.uint8)] = range(4)


def write_motif_changes(
    scores: str | Path,
    features: Features,
    genes: pd.DataFrame,
    motifs: list[Motif],
    p_value: float,
    output: str | Path,
    log: Callable[[str], None] = lambda message: None,
) -> int:
    """Write changes.tsv.gz: motifs of which one allele is a hit and whose best score the variant changes.

    Scores are in bits, over placements on both strands that overlap the allele (or span the junction that a deletion
    leaves); empty if ambiguous bases leave no placement. strand and start (1-based, the first base on the + strand) are
    of the better allele's placement; where that is ALT, start counts on the reference up to the variant. The background is
    the base composition of all windows.

    Parameters
    ----------
    scores: table of a set of variants, read in parts. A variant counts once, in the first population; haplotypes do not.
    genes: genes.tsv.
    p_value: largest p-value of a hit, for a placement on one strand.

    Returns
    -------
    The number of rows.

    Raises
    ------
    InputError: for tables of other genomes.
    """
    scanner = Scanner(motifs, composition(count_bases(features.codes)), p_value)
    scanner.log_unreachable(log)
    flank = int(scanner.width.max()) - 1
    about = genes.set_index("gene_id")
    step = max(PAIRS_AT_ONCE // len(motifs), 1)
    haplotypes = variants = rows = 0
    with growing_table(output, CHANGE_COLUMNS) as append:
        for table, skipped in _variants(scores):
            haplotypes += skipped
            variants += len(table)
            for first in range(0, len(table), step):
                part = table.iloc[first : first + step].reset_index(drop=True)
                changes = _changes(part, *_alleles(part, features, about, flank), scanner, flank)
                append(changes)
                rows += len(changes)
    log(f"{variants:,} variants in windows, {rows:,} changes of motifs")
    if haplotypes:
        log(f"{haplotypes:,} haplotypes are excluded: their variants have rows of their own where those were scored")
    return rows


def _variants(path: str | Path) -> Iterator[tuple[pd.DataFrame, int]]:
    """Read KEY of each variant in parts, with the number of haplotypes in each part."""
    population = None
    try:
        with pd.read_csv(
            path, sep="\t", dtype=str, keep_default_na=False, usecols=[*KEY, "population"], chunksize=ROWS_AT_ONCE
        ) as parts:
            for part in parts:
                if part.empty:
                    continue
                population = part["population"].iloc[0] if population is None else population
                part = part[part["population"] == population]
                single = ~part["pos"].str.contains(";")
                yield part.loc[single, KEY], int((~single).sum())
    except DAMAGE as error:
        expected = f"a table of scored variants with the columns {', '.join(KEY)} and population"
        raise InputError(Problem(shown(Path(path).name), f"it cannot be read ({shown(error)})", expected)) from error


def _alleles(
    table: pd.DataFrame, features: Features, genes: pd.DataFrame, flank: int
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Return the position of each variant's first changed base, and base numbers of REF and ALT between flanks (+ strand).

    What lies outside the gene's window is AMBIGUOUS, and so are all bases of a variant that does not touch it. Bases that
    REF and ALT share at either end belong to the flanks.
    """
    position = np.empty(len(table), dtype=np.int64)
    refs: list[np.ndarray] = [np.empty(0)] * len(table)
    alts = refs.copy()
    wrong = []
    places, alleles = table["pos"].astype(int).tolist(), list(zip(table["ref"], table["alt"], strict=True))
    for gene, rows in table.groupby("gene_id", sort=False).indices.items():
        if gene not in genes.index:
            raise InputError(Problem("genes.tsv", f"no {preview([gene])}", "every gene of the scores: the same genome"))
        tss, strand = int(genes.at[gene, "tss"]), genes.at[gene, "strand"]
        codes = features.codes[features.rows([gene])[0]]
        window = base_numbers(codes if strand == "+" else reverse_complement(codes))
        begin = window_bounds(tss, strand, features.upstream, features.downstream)[0] + 1
        for row in rows:
            pos, (ref, alt) = places[row], alleles[row]
            inside = _slice(window, pos - begin, pos - begin + len(ref))
            stated = _NUMBER_OF_CHARACTER[np.frombuffer(ref.encode("latin-1", "replace"), dtype=np.uint8)]
            if ((inside != stated) & (inside != AMBIGUOUS)).any():
                wrong.append(table.at[row, "variant_id"])
            pos, ref, alt = trimmed(pos, ref, alt)
            at = pos - begin
            touches = (0 < at < len(window)) if not ref else (at + len(ref) > 0 and at < len(window))
            before, after = _slice(window, at - flank, at), _slice(window, at + len(ref), at + len(ref) + flank)
            position[row] = pos
            for kept, allele in ((refs, ref), (alts, alt)):
                characters = np.frombuffer(allele.encode("latin-1", "replace"), dtype=np.uint8)
                bases = (
                    _NUMBER_OF_CHARACTER[characters] if touches else np.full(len(characters), AMBIGUOUS, dtype=np.uint8)
                )
                kept[row] = np.concatenate([before, bases, after])
    if wrong:
        raise InputError(
            Problem(
                "scores and features.h5", f"REF is not the sequence there: {preview(wrong)}", "both of the same genome"
            )
        )
    return position, refs, alts


def _slice(window: np.ndarray, start: int, end: int) -> np.ndarray:
    """Slice window[start:end], AMBIGUOUS beyond its ends."""
    part = np.full(end - start, AMBIGUOUS, dtype=np.uint8)
    low, high = max(start, 0), min(end, len(window))
    if low < high:
        part[low - start : high - start] = window[low:high]
    return part


def _changes(
    table: pd.DataFrame,
    position: np.ndarray,
    refs: list[np.ndarray],
    alts: list[np.ndarray],
    scanner: Scanner,
    flank: int,
) -> pd.DataFrame:
    of_ref, of_alt = scanner.best_over(refs, flank), scanner.best_over(alts, flank)
    hit = (of_ref[0] >= scanner.threshold) | (of_alt[0] >= scanner.threshold)
    row, motif = np.nonzero(hit & (of_ref[0] != of_alt[0]))
    ref, alt = of_ref[0][row, motif], of_alt[0][row, motif]
    start, reverse = (
        np.where(ref > alt, a[row, motif], b[row, motif]) for a, b in zip(of_ref[1:], of_alt[1:], strict=True)
    )
    length = np.array([len(sequence) - 2 * flank for sequence in refs])[row]
    within = np.minimum(start - flank, np.where(ref > alt, start, np.maximum(length - 1, 0)))
    bits = [np.where(values == NONE, np.nan, values / PER_BIT) for values in (ref, alt)]
    columns = [
        *(table[name].to_numpy()[row] for name in KEY),
        np.array([item.motif for item in scanner.motifs], dtype=object)[motif],
        np.array([item.name for item in scanner.motifs], dtype=object)[motif],
        np.where(reverse, "-", "+"),
        position[row] + within,
        *bits,
        bits[1] - bits[0],
        *(scanner.p_values(motif, values) for values in (ref, alt)),
    ]
    return pd.DataFrame(dict(zip(CHANGE_COLUMNS, columns, strict=True)))

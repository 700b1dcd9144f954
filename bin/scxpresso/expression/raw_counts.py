"""Decide whether values can be raw counts or TPM, and what they look like if not."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import scipy.sparse

from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import plural

LIKELY_LAYERS = ["counts", "raw", "matrix"]  # usual names of layers of counts, the most likely first
PARTIAL = re.compile(r"spliced|ambiguous|nascent|intronic|exonic", re.IGNORECASE)  # layers with a part of the molecules

MAX_TPM_SUM = 1.05e6  # of a sample: TPM sum to 1,000,000 at most, but for rounding
MIN_TPM_SUM = 9e5  # the same; lower sums are noted
MAX_LOG = 30  # of a log-transformed count
MIN_WHOLE_SHARE = 0.2  # of a cell's values that are whole numbers, if its fractions are corrected counts
MIN_AGREEMENT = 0.9  # share of values that an explanation has to account for
MIN_VALUES = 5  # values that an explanation needs
MAX_RATIO = 50  # of a value to the smallest of its cell; beyond, rounding hides whole multiples
MAX_COUNT = 10_000  # the same for the inverse of a logarithm
MAX_SUM_DEVIATION = 0.01  # relative, of sums that count as equal
MAX_SCALE_DEVIATION = 1e-4  # the same, from the sum to which other cells were scaled
MAX_DISTANCE_TO_WHOLE = 0.15  # of a value near a whole number; 30% of all numbers are as near
MIN_NEAR_WHOLE_SHARE = 0.75  # share of values near whole numbers; no smooth distribution reaches it
MIN_MAXIMA_DEVIATION = 0.14  # relative, of the cells' largest values; those of normalised cells are more alike
MIN_TAIL_RATIO = 3.2  # of the largest value to the mean; logarithms are less spread
MIN_LOG_SKEWNESS = -0.9  # of the values' logarithms; absolute z-scores are more skewed

COUNTS, CORRECTED, EMPTY, UNKNOWN = "raw counts", "corrected counts", "no values", "unknown"
NORMALISED = "already normalised: counts"
INVERSES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log-normalised: log(x + 1) of counts": np.expm1,
    "log-normalised: log2(x + 1) of counts": lambda x: np.exp2(x) - 1,
    "log-normalised: log10(x + 1) of counts": lambda x: 10**x - 1,
    NORMALISED: lambda x: x,
    "transformed: square roots of counts": np.square,  # last, as squares of multiples are multiples, too
}


@dataclass(frozen=True)
class Sample:
    """Values of some cells.

    counts: cells × genes. cells, genes: their names. rows, columns: their indices in the atlas. whole_cells: whether all
    features of the atlas are included, so that sums are those of cells.
    """

    counts: scipy.sparse.csr_matrix
    cells: np.ndarray
    genes: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    whole_cells: bool = True

    def of_features(self, chosen: np.ndarray) -> "Sample":
        """Restrict the sample to some features. chosen: a mask over all features of the atlas."""
        mine = chosen[self.columns]
        return replace(self, counts=self.counts[:, mine], genes=self.genes[mine], columns=self.columns[mine])

    @classmethod
    def of_table(cls, table: pd.DataFrame) -> "Sample":
        """Take all of a table of genes × bulk samples."""
        counts = scipy.sparse.csr_matrix(table.to_numpy(dtype=np.float64).T)
        samples, genes = (np.array(list(map(str, side)), dtype=object) for side in (table.columns, table.index))
        return cls(counts, samples, genes, np.arange(len(samples)), np.arange(len(genes)))

    @property
    def sums(self) -> np.ndarray:
        """Sum of each cell."""
        return np.asarray(self.counts.sum(axis=1, dtype=np.float64)).ravel()


def by_likelihood(names: list[str]) -> list[str]:
    """Order the matrices of an h5ad that may hold counts by their names: LIKELY_LAYERS first, without PARTIAL ones."""

    def place(name: str) -> int:
        plain = name.removeprefix("layers/").removesuffix("/X").lower()
        return LIKELY_LAYERS.index(plain) if plain in LIKELY_LAYERS else len(LIKELY_LAYERS)

    return sorted((name for name in names if not PARTIAL.search(name)), key=place)


def counts_fault(sample: Sample) -> str:
    """Say why a sample cannot be raw counts, with the likely cause and the cells concerned; '' if it can.

    Each cell is judged by itself, see kinds_of_cells. Corrected and estimated counts may have fractions.
    """
    if fault := sign_fault(sample):
        return fault
    kinds = kinds_of_cells(sample)
    odd = ~np.isin(kinds, [COUNTS, CORRECTED, EMPTY])
    if not odd.any():
        return ""
    values = sample.counts[np.flatnonzero(odd)].data
    cause = _most_frequent(kinds[odd])
    text = f"fractions (such as {values[values % 1 != 0][0]:.4g})"
    if cause == UNKNOWN:
        text += f", none above {values.max():.3g}: they look log-transformed, scaled or corrected"
    else:
        text += f" that look {cause}"
        sums = _sums(sample.counts[np.flatnonzero(kinds == cause)], INVERSES[cause])
        constant = sample.whole_cells and len(sums) > 2 and sums.std() < MAX_SUM_DEVIATION * sums.mean()
        text += f" scaled to {sums.mean():,.0f} a cell" if constant else ""
    share = odd.sum() / np.count_nonzero(kinds != EMPTY)
    if share > 0.5:
        return text if share == 1 else f"{text} ({share:.1%} of the sampled cells)"
    others = _most_frequent(kinds[~odd & (kinds != EMPTY)])
    return f"{share:.1%} of the sampled cells ({preview(sample.cells[odd], 3)}) have {text}; the others have {others}"


def _most_frequent(kinds: np.ndarray) -> str:
    names, times = np.unique(kinds, return_counts=True)
    return str(names[times.argmax()])


def kinds_of_cells(sample: Sample) -> np.ndarray:
    """Classify the values of each cell: COUNTS, CORRECTED, EMPTY, UNKNOWN, or a key of INVERSES.

    Normalised counts, log-transformed or not, are whole multiples of the smallest value of their cell, or have the same
    sum in all cells (which only whole cells show). Corrected counts include whole numbers, or lie near them, or are
    larger than logarithms can be, or have maxima that vary as library sizes do.
    """
    cells = [_positive(sample.counts.data[start:end]) for start, end in pairwise(sample.counts.indptr)]
    kinds = np.array([_kind_of_cell(values) for values in cells], dtype=object)
    if sample.whole_cells and (unknown := np.flatnonzero(kinds == UNKNOWN)).size > 2:
        kinds[unknown] = _by_sums(sample.counts[unknown])
    if len(unknown := np.flatnonzero(kinds == UNKNOWN)):
        kinds[unknown] = _kind_of_many([cells[cell] for cell in unknown])
    if sample.whole_cells and (normalised := kinds == NORMALISED).sum() > 2:
        # A cell may by chance be scaled by a whole number, so that its values are whole; its sum reveals it.
        total = np.median(sample.sums[normalised])
        kinds[np.abs(sample.sums - total) < MAX_SCALE_DEVIATION * total] = NORMALISED
    return kinds


def _positive(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    return values[values > 0]


def _explanations(values: np.ndarray) -> dict[str, Callable]:
    """Return the INVERSES that may explain values; large values are not logarithms."""
    return {cause: inverse for cause, inverse in INVERSES.items() if "log" not in cause or values.max() < MAX_LOG}


def _kind_of_cell(values: np.ndarray) -> str:
    if not len(values):
        return EMPTY
    fractions = values[values % 1 != 0]
    if not len(fractions):
        return COUNTS
    explanations = _explanations(values)
    clear = fractions[~_near(fractions)]
    for cause, inverse in explanations.items():
        if cause != NORMALISED and len(clear) >= MIN_VALUES and _whole(inverse(clear)).mean() > MIN_AGREEMENT:
            return cause  # logarithms of raw counts, of which log2 makes many whole numbers
    if len(fractions) <= (1 - MIN_WHOLE_SHARE) * len(values):
        return CORRECTED
    for cause, inverse in explanations.items():
        if cause == NORMALISED and _near(values).mean() > MIN_AGREEMENT:
            return CORRECTED  # by so little that its values are nearly multiples of the smallest one, too
        if _are_multiples([inverse(values)]):
            return cause
    return UNKNOWN


def _near(values: np.ndarray) -> np.ndarray:
    """Return which values lie near a whole number other than 0."""
    return (np.abs(values - np.rint(values)) < MAX_DISTANCE_TO_WHOLE) & (values > 0.5)


def _whole(values: np.ndarray) -> np.ndarray:
    """Return which values are whole numbers, to the precision of float32 after a logarithm."""
    return (np.abs(values - np.rint(values)) < 0.01) & (values > 0.5) & (values < MAX_COUNT)


def _are_multiples(cells: list[np.ndarray]) -> bool:
    """Whether values are whole multiples of their cell's unit, with at least two different multiples.

    The unit is the smallest value or, if no gene of the cell has a single count, a half, third or quarter of it.
    """
    multiples, near, checked, small = set(), 0, 0, 0
    for values in cells:
        found = [_of_unit(values / values.min() * smallest, smallest) for smallest in (1, 2, 3, 4)]
        best = max(found, key=lambda one: one[1])
        multiples.update(best[0])
        near, checked, small = near + best[1], checked + best[2], small + best[3]
    enough = checked >= MIN_VALUES and 2 * small >= sum(map(len, cells))
    return enough and near > MIN_AGREEMENT * checked and len(multiples) > 1


def _of_unit(ratio: np.ndarray, smallest: int) -> tuple[set, int, int, int]:
    """Compare values with multiples of a unit.

    Parameters
    ----------
    ratio: values divided by the unit. smallest: the smallest of them.

    Returns
    -------
    The distinct multiples; the numbers of multiples, of values above the smallest, and of values below MAX_RATIO.
    """
    small = ratio[ratio < MAX_RATIO]
    checked = small[small > smallest + 0.01]
    whole = checked[_whole(checked)]
    return set(np.rint(whole)), len(whole), len(checked), len(small)


def _sums(counts: scipy.sparse.csr_matrix, inverse: Callable) -> np.ndarray:
    inverted = scipy.sparse.csr_matrix(
        (inverse(counts.data.astype(np.float64)), counts.indices, counts.indptr), counts.shape
    )
    return np.asarray(inverted.sum(axis=1)).ravel()


def _by_sums(counts: scipy.sparse.csr_matrix) -> np.ndarray:
    """Find the transformation whose inverse gives most cells the same sum, for those cells; UNKNOWN for the others."""
    kinds = np.full(counts.shape[0], UNKNOWN, dtype=object)
    for cause, inverse in _explanations(counts.data).items():
        sums = _sums(counts, inverse)
        same = np.abs(sums - np.median(sums)) < MAX_SUM_DEVIATION * np.median(sums)
        if same.mean() > MIN_AGREEMENT:
            kinds[same] = cause
            break
    return kinds


def _kind_of_many(cells: list[np.ndarray]) -> str:
    """Classify cells together that have too few values to be classified one by one."""
    values = np.concatenate(cells)
    for cause, inverse in _explanations(values).items():
        if _are_multiples([inverse(cell) for cell in cells]):
            return cause
    from scipy.stats import skew  # slow to import, and few atlases need it

    maxima = np.array([cell.max() for cell in cells])
    as_libraries = (
        maxima.std() >= MIN_MAXIMA_DEVIATION * maxima.mean()
        and values.max() >= MIN_TAIL_RATIO * values.mean()
        and skew(np.log(values)) >= MIN_LOG_SKEWNESS
    )
    reach = values.max() >= MAX_LOG
    return CORRECTED if reach or as_libraries or _near(values).mean() >= MIN_NEAR_WHOLE_SHARE else UNKNOWN


def has_fractions(sample: Sample) -> bool:
    """Whether counts are estimated or corrected."""
    return bool((sample.counts.data % 1 != 0).any())


def tpm_fault(sample: Sample) -> str:
    """Say why a sample (samples × genes) cannot be TPM; '' if it can."""
    if fault := sign_fault(sample):
        return fault
    values = sample.counts.data
    sums = sample.sums
    if (empty := sums == 0).any():
        return f"no expression of any gene in {plural(int(empty.sum()), 'sample')}: {preview(sample.cells[empty])}"
    if (values % 1 == 0).all() or (sample.whole_cells and sums.max() > MAX_TPM_SUM):
        return f"counts rather than TPM (the first sample sums to {sums[0]:,.0f}, TPM to 1,000,000 at most)"
    return f"nothing above {values.max():.3g}: it looks log-transformed" if values.max() < MAX_LOG else ""


def low_sums(sample: Sample) -> str:
    """Say which samples of TPM sum to far less than a million, as FPKM do, and TPM of some genes; '' if none does."""
    low = sample.whole_cells & (sample.sums < MIN_TPM_SUM)
    if not low.any():
        return ""
    return (
        f"{plural(int(low.sum()), 'sample')} with a sum below {MIN_TPM_SUM:,.0f}, such as {sample.sums[low][0]:,.0f} of "
        f"{str(sample.cells[low][0])!r}: TPM of all genes sum to 1,000,000. FPKM, and TPM of some genes, do not, and are "
        "taken as they are"
    )


def check_tpm(sample: Sample, where: str, matrix: str = "") -> None:
    """Raise InputError at `where` if a sample cannot be TPM. matrix: what the message names it before the fault."""
    if fault := tpm_fault(sample):
        fix = "give TPM as they were computed; remove samples without expression"
        raise InputError(Problem(where, matrix + fault, "TPM (not log-transformed)", fix))


def sign_fault(sample: Sample) -> str:
    """Describe values that neither counts nor TPM can have; '' if there are none."""
    values = sample.counts.data
    if not values.any():
        return "only zeros"
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if not len(bad):
        return ""
    first = bad[0]
    cell = np.searchsorted(sample.counts.indptr, first, side="right") - 1
    return value_fault(values[first], sample.cells[cell], sample.genes[sample.counts.indices[first]])


def value_fault(value: float, cell: str, gene: str) -> str:
    """Describe a value that is not a count, with its cell and gene."""
    place = f"in cell {cell!r}, gene {gene!r}"
    if value < 0 and np.isfinite(value):
        return f"negative values (such as {value:.3g}) {place}: they look scaled (z-scores) or batch-corrected"
    return f"{'NaN' if np.isnan(value) else 'infinite values'} {place}: was something divided by zero?"

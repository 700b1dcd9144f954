"""Whether numbers can be raw counts (or TPM), and what they look like where they cannot."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import scipy.sparse
import scipy.stats

from scxpresso.problems import preview

LIKELY_LAYERS = ["counts", "raw", "matrix"]  # names of layers that hold counts, the likeliest first
PARTIAL = re.compile(r"spliced|ambiguous|nascent|intronic|exonic", re.IGNORECASE)  # layers of a part of the molecules

MAX_LOG = 30  # no log-transformed count is larger
MIN_WHOLE_SHARE = 0.2  # of a cell's values: where as many are whole, its fractions are corrections of counts
MIN_AGREEMENT = 0.9  # share of values that have to agree with an explanation
MIN_VALUES = 5  # that an explanation needs
MAX_RATIO = 50  # of values to the least of their cell: beyond, rounding hides what a whole number is
MAX_COUNT = 10_000  # the same, of a logarithm's inverse
MAX_SUM_DEVIATION = 0.01  # relative deviation of sums that count as the same
MAX_SCALE_DEVIATION = 1e-4  # the same, where other cells were scaled to this sum
MAX_DISTANCE_TO_WHOLE = 0.15  # distance from a whole number, within which 30% of all numbers are
MIN_NEAR_WHOLE_SHARE = 0.75  # share of values near whole numbers that no smooth distribution has
MIN_MAXIMA_DEVIATION = 0.14  # relative deviation of the cells' largest values; those of normalised cells are more alike
MIN_TAIL_RATIO = 3.2  # the largest value, by the mean; logarithms are less spread
MIN_LOG_SKEWNESS = -0.9  # of the values' logarithms; z-scores without their signs are more skewed

COUNTS, CORRECTED, EMPTY, UNKNOWN = "raw counts", "corrected counts", "no values", "unknown"
NORMALISED = "already normalised: counts"
INVERSES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log-normalised: log(x + 1) of counts": np.expm1,
    "log-normalised: log2(x + 1) of counts": lambda x: np.exp2(x) - 1,
    "log-normalised: log10(x + 1) of counts": lambda x: 10**x - 1,
    NORMALISED: lambda x: x,
    "transformed: square roots of counts": np.square,  # last: squares of multiples are multiples as well
}


@dataclass(frozen=True)
class Sample:
    """Values of some cells. counts: cells × genes. cells, genes: their names. rows, columns: where they are in the atlas.

    whole_cells: whether all features of the atlas are there, so that sums mean something.
    """

    counts: scipy.sparse.csr_matrix
    cells: np.ndarray
    genes: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    whole_cells: bool = True

    def of_features(self, chosen: np.ndarray) -> "Sample":
        """The sample of some features. chosen: a mask of all features of the atlas."""
        mine = chosen[self.columns]
        return replace(self, counts=self.counts[:, mine], genes=self.genes[mine], columns=self.columns[mine])

    @property
    def sums(self) -> np.ndarray:
        """Sum of each cell."""
        return np.asarray(self.counts.sum(axis=1, dtype=np.float64)).ravel()


def by_likelihood(names: list[str]) -> list[str]:
    """Matrices of an h5ad that may hold the counts, by their names: those of LIKELY_LAYERS first, none of PARTIAL."""

    def place(name: str) -> int:
        plain = name.removeprefix("layers/").removesuffix("/X").lower()
        return LIKELY_LAYERS.index(plain) if plain in LIKELY_LAYERS else len(LIKELY_LAYERS)

    return sorted((name for name in names if not PARTIAL.search(name)), key=place)


def counts_fault(sample: Sample) -> str:
    """Why a sample cannot be raw counts, with the likely cause and the odd cells; '' when it can.

    Decided cell by cell, see kinds_of_cells. Counts may have fractions, as corrected and estimated ones have.
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
    """What the values of each cell are: COUNTS, CORRECTED, EMPTY, UNKNOWN, or a key of INVERSES.

    Normalised counts, log-transformed or not, give themselves away: within a cell they are whole multiples of the least
    one, or their sum is the same in all cells (which whole cells alone can tell). Corrected counts have whole numbers among
    the fractions, or lie near them, or reach higher than logarithms, or have maxima that differ as libraries do.
    """
    cells = [_positive(sample.counts.data[start:end]) for start, end in pairwise(sample.counts.indptr)]
    kinds = np.array([_kind_of_cell(values) for values in cells], dtype=object)
    if sample.whole_cells and (unknown := np.flatnonzero(kinds == UNKNOWN)).size > 2:
        kinds[unknown] = _by_sums(sample.counts[unknown])
    if len(unknown := np.flatnonzero(kinds == UNKNOWN)):
        kinds[unknown] = _kind_of_many([cells[cell] for cell in unknown])
    if sample.whole_cells and (normalised := kinds == NORMALISED).sum() > 2:
        # By chance, the scale of a cell may be 2, say, so that its values are whole; its sum gives it away.
        total = np.median(sample.sums[normalised])
        kinds[np.abs(sample.sums - total) < MAX_SCALE_DEVIATION * total] = NORMALISED
    return kinds


def _positive(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    return values[values > 0]


def _explanations(values: np.ndarray) -> dict[str, Callable]:
    """INVERSES that may explain values; a large one is no logarithm."""
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
            return CORRECTED  # by so little that its values are nearly multiples of the least one as well
        if _are_multiples([inverse(values)]):
            return cause
    return UNKNOWN


def _near(values: np.ndarray) -> np.ndarray:
    """Which values lie near a whole number other than 0."""
    return (np.abs(values - np.rint(values)) < MAX_DISTANCE_TO_WHOLE) & (values > 0.5)


def _whole(values: np.ndarray) -> np.ndarray:
    """Which values are whole numbers, as far as float32 can tell after a logarithm."""
    return (np.abs(values - np.rint(values)) < 0.01) & (values > 0.5) & (values < MAX_COUNT)


def _are_multiples(cells: list[np.ndarray]) -> bool:
    """Whether the values of cells are whole multiples of a unit of each cell, of at least two different ones.

    The unit is the least value or, where no gene of the cell has a single count, a half, third or quarter of it.
    """
    multiples, near, checked, small = set(), 0, 0, 0
    for values in cells:
        found = [_of_unit(values / values.min() * least, least) for least in (1, 2, 3, 4)]
        best = max(found, key=lambda one: one[1])
        multiples.update(best[0])
        near, checked, small = near + best[1], checked + best[2], small + best[3]
    enough = checked >= MIN_VALUES and 2 * small >= sum(map(len, cells))
    return enough and near > MIN_AGREEMENT * checked and len(multiples) > 1


def _of_unit(ratio: np.ndarray, least: int) -> tuple[set, int, int, int]:
    """Different multiples, values that are multiples, values above the least one, and values that rounding leaves."""
    small = ratio[ratio < MAX_RATIO]
    checked = small[small > least + 0.01]
    whole = checked[_whole(checked)]
    return set(np.rint(whole)), len(whole), len(checked), len(small)


def _sums(counts: scipy.sparse.csr_matrix, inverse: Callable) -> np.ndarray:
    inverted = scipy.sparse.csr_matrix(
        (inverse(counts.data.astype(np.float64)), counts.indices, counts.indptr), counts.shape
    )
    return np.asarray(inverted.sum(axis=1)).ravel()


def _by_sums(counts: scipy.sparse.csr_matrix) -> np.ndarray:
    """The cause that makes the sums of most cells the same, for those cells; UNKNOWN for the others."""
    kinds = np.full(counts.shape[0], UNKNOWN, dtype=object)
    for cause, inverse in _explanations(counts.data).items():
        sums = _sums(counts, inverse)
        same = np.abs(sums - np.median(sums)) < MAX_SUM_DEVIATION * np.median(sums)
        if same.mean() > MIN_AGREEMENT:
            kinds[same] = cause
            break
    return kinds


def _kind_of_many(cells: list[np.ndarray]) -> str:
    """What cells are that say too little each."""
    values = np.concatenate(cells)
    for cause, inverse in _explanations(values).items():
        if _are_multiples([inverse(cell) for cell in cells]):
            return cause
    maxima = np.array([cell.max() for cell in cells])
    as_libraries = (
        maxima.std() >= MIN_MAXIMA_DEVIATION * maxima.mean()
        and values.max() >= MIN_TAIL_RATIO * values.mean()
        and scipy.stats.skew(np.log(values)) >= MIN_LOG_SKEWNESS
    )
    reach = values.max() >= MAX_LOG
    return CORRECTED if reach or as_libraries or _near(values).mean() >= MIN_NEAR_WHOLE_SHARE else UNKNOWN


def has_fractions(sample: Sample) -> bool:
    """Whether counts are estimated or corrected ones."""
    return bool((sample.counts.data % 1 != 0).any())


def tpm_fault(sample: Sample) -> str:
    """Why a sample (samples × genes) cannot be TPM; '' when it can."""
    if fault := sign_fault(sample):
        return fault
    values = sample.counts.data
    sums = sample.sums
    if (values % 1 == 0).all() or (sample.whole_cells and sums.max() > 1.05e6):
        return f"counts rather than TPM (the first sample sums to {sums[0]:,.0f}, TPM to 1,000,000 at most)"
    return f"nothing above {values.max():.3g}: it looks log-transformed" if values.max() < MAX_LOG else ""


def sign_fault(sample: Sample) -> str:
    """What neither counts nor TPM can be."""
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
    """A value that is no count, and where it is."""
    place = f"in cell {cell!r}, gene {gene!r}"
    if value < 0 and np.isfinite(value):
        return f"negative values (such as {value:.3g}) {place}: they look scaled (z-scores) or batch-corrected"
    return f"{'NaN' if np.isnan(value) else 'infinite values'} {place}: was something divided by zero?"

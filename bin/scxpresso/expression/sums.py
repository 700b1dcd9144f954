"""Sum an atlas's counts over the cells of each population, in compiled loops over the stored counts."""

import numpy as np
import scipy.sparse

from scxpresso.compiled import njit, numba, to_fixed_tuple
from scxpresso.expression.grouping import HALVINGS, Grouping
from scxpresso.expression.targets import dispersion

PARTS = 1 + HALVINGS  # sums of each gene and population: over all cells, and over one half in each halving

numba.config.SLP_VECTORIZE = 1  # off by default; it vectorises the short innermost loop of _add


class Sums:
    """Sums of normalised counts of each population, and of one half of it for each halving; filled chunk by chunk.

    bits: the half of each cell in each halving, see grouping.halves.
    total: populations × genes × PARTS, so that all sums to which a count is added are adjacent in memory.
    """

    def __init__(self, grouping: Grouping, genes: int, bits: np.ndarray):
        self.grouping = grouping
        self.bits = bits
        self.total = np.zeros((len(grouping.labels), genes, PARTS))

    def add(self, cells: slice, genes: slice, counts: scipy.sparse.csr_matrix, scale: np.ndarray) -> None:
        """Add the counts of a chunk, multiplied by the scale of each cell."""
        population = self.grouping.of_cell[cells]
        _add(
            self.total[:, genes], by_population(population), population, self.bits[cells], scale, counts.indptr,
            counts.indices, counts.data,
        )  # fmt: skip

    def whole(self, genes: np.ndarray) -> np.ndarray:
        """Return the sums over all cells: populations × genes."""
        return self.total[:, genes, 0]

    def half(self, halving: int, genes: np.ndarray) -> np.ndarray:
        """Return the sums over one half of each population: populations × genes."""
        return self.total[:, genes, 1 + halving]

    def half_cells(self, halving: int) -> np.ndarray:
        """Return the number of cells in the same half of each population."""
        inside = (self.grouping.of_cell >= 0) & ((self.bits >> halving) & 1).astype(bool)
        return np.bincount(self.grouping.of_cell[inside], minlength=len(self.grouping.labels))


class Detections:
    """Cells of each population in which each gene is detected, and squares of their normalised counts; filled chunk by chunk.

    total: populations × genes × 2, adjacent in memory: the number of cells, and the sum of the squares.
    """

    def __init__(self, grouping: Grouping, genes: int):
        self.grouping = grouping
        self.total = np.zeros((len(grouping.labels), genes, 2))

    def add(self, cells: slice, genes: slice, counts: scipy.sparse.csr_matrix, scale: np.ndarray) -> None:
        """Add the cells of a chunk, or of some of its genes, with a count above 0. scale: of each cell."""
        if not counts.has_canonical_format:  # a count may be stored in parts, which are one detection
            counts = counts.copy()
            counts.sum_duplicates()
        population = self.grouping.of_cell[cells]
        _detect(
            self.total[:, genes],
            by_population(population),
            population,
            scale,
            counts.indptr,
            counts.indices,
            counts.data,
        )

    def fraction(self, genes: np.ndarray) -> np.ndarray:
        """Return the share of each population's cells: genes × populations."""
        return self.total[:, genes, 0].T / np.maximum(self.grouping.cells, 1)

    def dispersion(self, genes: np.ndarray, total: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Return log10 of the negative binomial's dispersion, see `dispersion`: genes × populations.

        total: sums of normalised counts, populations × genes. scale: of each cell.
        """
        inside = self.grouping.of_cell >= 0
        scales = np.bincount(self.grouping.of_cell[inside], scale[inside], minlength=len(self.grouping.labels))
        cells, (detected, squares) = self.grouping.cells, np.moveaxis(self.total[:, genes], 2, 0)
        return dispersion(total, squares, detected, cells, scales / np.maximum(cells, 1))


def by_population(population: np.ndarray) -> np.ndarray:
    """Sort cells by population, without those of none, so that its sums stay in the processor's cache."""
    return np.argsort(population, kind="stable")[np.count_nonzero(population < 0) :]


def library_sizes(chunk: scipy.sparse.csr_matrix, is_gene: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Sum the counts of each cell of a chunk.

    Returns
    -------
    The sums over genes and over other features, and whether all values of genes are finite and at least 0.
    """
    return _library_sizes(is_gene, chunk.indptr, chunk.indices, chunk.data)


@njit()
def _library_sizes(
    is_gene: np.ndarray, indptr: np.ndarray, indices: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, bool]:
    sizes, others = np.zeros(len(indptr) - 1), np.zeros(len(indptr) - 1)
    good = True
    for cell in range(len(sizes)):
        for at in range(indptr[cell], indptr[cell + 1]):
            if is_gene[indices[at]]:
                sizes[cell] += counts[at]
                good &= counts[at] >= 0  # False for NaN
            else:
                others[cell] += counts[at]
        good &= sizes[cell] < np.inf
    return sizes, others, good


@njit()
def _add(
    total: np.ndarray,
    order: np.ndarray,
    population: np.ndarray,
    bits: np.ndarray,
    scale: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    counts: np.ndarray,
) -> None:
    parts = np.empty(PARTS)
    for cell in order:
        sums = total[population[cell]]
        parts[0] = scale[cell]
        for halving in range(HALVINGS):
            parts[1 + halving] = scale[cell] * ((bits[cell] >> halving) & 1)
        factors = to_fixed_tuple(parts, PARTS)  # in registers
        for at in range(indptr[cell], indptr[cell + 1]):
            count, gene = counts[at], sums[indices[at]]
            for part in range(PARTS):
                gene[part] += count * factors[part]


@njit()
def _detect(
    total: np.ndarray,
    order: np.ndarray,
    population: np.ndarray,
    scale: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    counts: np.ndarray,
) -> None:
    for cell in order:
        sums, factor = total[population[cell]], scale[cell]
        for at in range(indptr[cell], indptr[cell + 1]):
            gene, value = sums[indices[at]], counts[at] * factor
            gene[0] += counts[at] > 0
            gene[1] += value * value

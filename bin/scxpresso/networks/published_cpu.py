"""The published network on CPU at the speed its arithmetic allows; `published.py` stays the definition.

What makes it fast: the first convolution reads six bases, so its outputs are rows of a table with one row for each
distinct 6-mer (4,096, and some with ambiguous bases or padding): T = M·W + b, then look-up and maximum.
ReLU and maximum commute, and only the largest position of each pooling bin carries gradient, so that both backward
passes are sparse. Maxima and sums stay in registers (vectors.py). Each thread sums its own part of the genes: with the
same threads a run repeats bit for bit.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scxpresso.compiled import njit, numba, prange, use_threads
from scxpresso.networks.forms import GeneInputs
from scxpresso.networks.kmers import KmerTable
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL1_PAD, POOL2, ScXpresso
from scxpresso.vectors import WIDTH, fill, larger, load, multiply_add, store, where_larger

TILE = WIDTH  # filters of a part of the table: 512 kB of 4,096 rows, which stay in the second cache
TILES = FILTERS1 // TILE


@njit()
def _part_of(genes: int, part: int, parts: int) -> tuple[int, int]:
    """The genes of one thread: the first, and the one after the last."""
    return part * genes // parts, (part + 1) * genes // parts


@njit(parallel=True)
def _look_up(table: np.ndarray, index: np.ndarray, pooled: np.ndarray, rows: np.ndarray, parts: int) -> None:
    """First convolution, ReLU and pooling, and the row of the table that was largest (the first of equal ones).

    table: tiles × rows × 32. index: genes × positions. pooled: genes × (bins + 8) × 128. rows: genes × bins × 128.
    """
    genes, length, bins = index.shape[0], index.shape[1], rows.shape[1]
    for part in prange(parts):
        first_gene, last_gene = _part_of(genes, part, parts)
        for tile in range(TILES):
            tile_rows = table[tile]
            for gene in range(first_gene, last_gene):
                for bin_ in range(bins):
                    begin = bin_ * POOL1 - POOL1_PAD
                    value, row = fill(np.float32(0)), fill(np.int32(0))
                    for position in range(max(begin, 0), min(begin + POOL1, length)):
                        number = np.int32(index[gene, position])
                        other = load(tile_rows, number * TILE)
                        row = where_larger(other, value, fill(number), row)
                        value = larger(other, value)
                    store(pooled, ((gene * pooled.shape[1] + PAD2 + bin_) * TILES + tile) * TILE, value)
                    store(rows, ((gene * bins + bin_) * TILES + tile) * TILE, row)


@njit(parallel=True)
def _scatter_to_table(rows: np.ndarray, pooled: np.ndarray, gradient: np.ndarray, sums: np.ndarray) -> None:
    """Gradient of the table: each pooled value's goes to the row that was largest (parts × rows × 128)."""
    genes, bins, parts = rows.shape[0], rows.shape[1], len(sums)
    for part in prange(parts):
        first_gene, last_gene = _part_of(genes, part, parts)
        for gene in range(first_gene, last_gene):
            for bin_ in range(bins):
                for filt in range(FILTERS1):
                    if pooled[gene, PAD2 + bin_, filt] > 0:
                        sums[part, rows[gene, bin_, filt], filt] += gradient[gene, PAD2 + bin_, filt]


@njit(parallel=True)
def _pool(outputs: np.ndarray, pooled: np.ndarray, largest: np.ndarray) -> None:
    """ReLU and pooling of the second convolution (genes × 350 × 32): genes × 35 × 32, and the largest positions or −1."""
    genes, length, bins = outputs.shape[0], outputs.shape[1], pooled.shape[1]
    for gene in prange(genes):
        for bin_ in range(bins):
            value, place = fill(np.float32(0)), fill(np.int32(-1))
            for position in range(bin_ * POOL2, (bin_ + 1) * POOL2):
                other = load(outputs, (gene * length + position) * FILTERS2)
                place = where_larger(other, value, fill(np.int32(position)), place)
                value = larger(other, value)
            store(pooled, (gene * bins + bin_) * FILTERS2, value)
            store(largest, (gene * bins + bin_) * FILTERS2, place)


@njit()
def _add_multiples(
    total: np.ndarray,
    target: int,
    numbers: np.ndarray,
    source: int,
    starts: np.ndarray,
    slopes: np.ndarray,
    begin: int,
    end: int,
) -> None:
    """total[target:] += slope · numbers[source + start:], 128 numbers, for the entries of a list from begin to end."""
    for column in range(0, FILTERS1, 2 * WIDTH):
        one, other = load(total, target + column), load(total, target + column + WIDTH)
        for entry in range(begin, end):
            slope, start = fill(slopes[entry]), source + starts[entry] + column
            one = multiply_add(slope, load(numbers, start), one)
            other = multiply_add(slope, load(numbers, start + WIDTH), other)
        store(total, target + column, one)
        store(total, target + column + WIDTH, other)


@njit()
def _add_to_weights(
    total: np.ndarray, bias: np.ndarray, inputs: np.ndarray, first: int, largest: np.ndarray, gradient: np.ndarray
) -> None:
    """Add one gene's gradient to that of the second convolution's weights (32 × 9 × 128) and bias.

    inputs: of all genes, the gene's from number `first` on. largest, gradient: 35 × 32.
    """
    bins = len(largest)
    starts, slopes = np.empty(bins, dtype=np.int64), np.empty(bins, dtype=np.float32)
    for filt in range(FILTERS2):
        count = 0
        for bin_ in range(bins):
            position, slope = largest[bin_, filt], gradient[bin_, filt]
            if position >= 0 and slope != 0:
                starts[count], slopes[count] = position * FILTERS1, slope
                bias[filt] += slope
                count += 1
        for shift in range(K2):
            target, source = (filt * K2 + shift) * FILTERS1, first + shift * FILTERS1
            _add_multiples(total, target, inputs, source, starts, slopes, 0, count)


@njit()
def _add_to_inputs(
    total: np.ndarray, first: int, weights: np.ndarray, largest: np.ndarray, gradient: np.ndarray
) -> None:
    """Add one gene's gradient to that of the second convolution's inputs, the gene's from number `first` on.

    Outputs that have a gradient are listed by position: those of an input's nine positions are one stretch of the list.
    """
    length = len(largest) * POOL2
    starts, slopes = np.empty(largest.size, dtype=np.int64), np.empty(largest.size, dtype=np.float32)
    begins = np.empty(length + 1, dtype=np.int64)  # of each position, in the list
    count = 0
    for position in range(length):
        bin_ = position // POOL2
        begins[position] = count
        for filt in range(FILTERS2):
            if largest[bin_, filt] == position and gradient[bin_, filt] != 0:
                starts[count], slopes[count] = (filt * K2 - position) * FILTERS1, gradient[bin_, filt]
                count += 1
    begins[length] = count
    for row in range(length + K2 - 1):  # of the inputs, with the zeros at their ends
        begin, end = begins[max(row - K2 + 1, 0)], begins[min(row + 1, length)]
        _add_multiples(total, first + row * FILTERS1, weights, row * FILTERS1, starts, slopes, begin, end)


@njit(parallel=True)
def _sparse_backward(
    inputs: np.ndarray,
    weights: np.ndarray,
    largest: np.ndarray,
    gradient: np.ndarray,
    grad_inputs: np.ndarray,
    grad_weights: np.ndarray,
    grad_bias: np.ndarray,
) -> None:
    """Backward of the second convolution, through the largest positions alone.

    inputs, grad_inputs: genes × 358 × 128. weights: 32 × 9 × 128. grad_weights, grad_bias: one for each part.
    """
    genes, numbers, parts = inputs.shape[0], inputs.shape[1] * FILTERS1, len(grad_weights)
    for part in prange(parts):
        first_gene, last_gene = _part_of(genes, part, parts)
        for gene in range(first_gene, last_gene):
            own, slopes, first = largest[gene], gradient[gene], gene * numbers
            _add_to_weights(grad_weights[part], grad_bias[part], inputs, first, own, slopes)
            _add_to_inputs(grad_inputs, first, weights, own, slopes)


class _LookUp(torch.autograd.Function):
    """Table and indices → pooled first convolution (genes × 358 × 128), between the zeros that the second one reads."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: np.ndarray) -> Tensor:
        bins = (index.shape[1] + 2 * POOL1_PAD - POOL1) // POOL1 + 1
        pooled = np.empty((len(index), bins + 2 * PAD2, FILTERS1), dtype=np.float32)
        pooled[:, :PAD2] = pooled[:, -PAD2:] = 0
        rows = np.empty((len(index), bins, FILTERS1), dtype=np.uint16)
        tiles = table.detach().view(-1, TILES, TILE).transpose(0, 1).contiguous()
        _look_up(tiles.numpy(), index, pooled, rows, numba.get_num_threads())
        ctx.saved = rows, pooled, len(table)
        return torch.from_numpy(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rows, pooled, kmers = ctx.saved
        sums = np.zeros((numba.get_num_threads(), kmers, FILTERS1), dtype=np.float32)
        _scatter_to_table(rows, pooled, gradient.contiguous().numpy(), sums)
        return torch.from_numpy(sums.sum(axis=0)), None


class _Convolve(torch.autograd.Function):
    """Pooled first convolution (genes × 358 × 128) → pooled second (genes × 35 × 32)."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        # As images of one row, with filters last: the one layout that oneDNN's convolution takes as it is.
        inputs, weight = inputs.detach(), weight.detach()[:, :, None].contiguous(memory_format=torch.channels_last)
        outputs = functional.conv2d(inputs.transpose(1, 2)[:, :, None], weight, bias.detach())
        outputs = outputs[:, :, 0].transpose(1, 2).contiguous()
        pooled = np.empty((len(outputs), outputs.shape[1] // POOL2, FILTERS2), dtype=np.float32)
        largest = np.empty(pooled.shape, dtype=np.int32)
        _pool(outputs.numpy(), pooled, largest)
        ctx.saved = inputs.numpy(), weight.permute(0, 2, 3, 1).numpy(), largest
        return torch.from_numpy(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs, weights, largest = ctx.saved
        weights = weights.reshape(FILTERS2, K2, FILTERS1)
        grad_inputs = np.zeros_like(inputs)
        parts = numba.get_num_threads()
        grad_weights = np.zeros((parts, *weights.shape), dtype=np.float32)
        grad_bias = np.zeros((parts, FILTERS2), dtype=np.float32)
        _sparse_backward(inputs, weights, largest, gradient.contiguous().numpy(), grad_inputs, grad_weights, grad_bias)
        grad_weight = torch.from_numpy(grad_weights.sum(axis=0)).transpose(1, 2)
        return torch.from_numpy(grad_inputs), grad_weight, torch.from_numpy(grad_bias.sum(axis=0))


def forward(network: ScXpresso, table: KmerTable, rows: np.ndarray, annotation: Tensor) -> Tensor:
    """What network(codes[rows], annotation) gives, up to the order of sums; differentiable in its parameters."""
    use_threads(torch.get_num_threads())
    weight, bias = network.weight_and_bias("sequence.0")
    rows_of_table = table.one_hot @ weight.reshape(FILTERS1, -1).T + bias
    first = _LookUp.apply(rows_of_table, table.index[rows])
    pooled = _Convolve.apply(first, *network.weight_and_bias("sequence.3"))
    parts = [pooled.transpose(1, 2).flatten(1)]
    if network.inputs != "sequence":
        parts.append(network.annotation.apply_to(annotation))
    return network.head(torch.cat(parts, dim=1))


class KmerInputs(GeneInputs):
    """Genes as numbers of their 6-mers, on the CPU. Not for networks without sequence, or too many ambiguous 6-mers."""

    def __init__(self, table: KmerTable, annotation: np.ndarray, device: torch.device):
        super().__init__(annotation, device)
        self.table = table

    @classmethod
    def of(
        cls, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device, inputs: str
    ) -> "KmerInputs | None":
        """As GeneInputs.of."""
        table = KmerTable.of(codes) if inputs != "half_life" else None
        return cls(table, annotation, device) if table else None

    def forward(self, network: ScXpresso, rows: Tensor) -> Tensor:
        """As GeneInputs.forward."""
        return forward(network, self.table, rows.numpy(), self.annotation[rows])

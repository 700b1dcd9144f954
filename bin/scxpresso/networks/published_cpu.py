"""The published network on CPU at the speed its arithmetic allows; `published.py` stays the definition.

What makes it fast: the first convolution reads six bases, so its outputs are rows of a table with one row for each
distinct 6-mer (4,096, and some with ambiguous bases or padding): T = M·W + b, then look-up and maximum.
ReLU and maximum commute, and only the largest position of each pooling bin carries gradient, so that both backward
passes are sparse. Each thread sums its own part of the genes: with the same threads a run repeats bit for bit.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from scxpresso.compiled import njit, numba, prange, use_threads
from scxpresso.networks.forms import GeneInputs
from scxpresso.networks.kmers import KmerTable
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL1_PAD, POOL2, ScXpresso


@njit(parallel=True, fastmath={"nsz", "contract"})
def _look_up(table: np.ndarray, index: np.ndarray, pooled: np.ndarray, largest: np.ndarray) -> None:
    """First convolution, ReLU and pooling: genes × 350 × 128, and which of the 30 positions was largest."""
    genes, length = index.shape
    bins = pooled.shape[1]
    for gene in prange(genes):
        place = np.empty(FILTERS1, dtype=np.int32)  # as wide as a value, else AVX2 takes no vectors: 12 times as long
        for bin_ in range(bins):
            begin = bin_ * POOL1 - POOL1_PAD
            first = max(begin, 0)
            last = min(begin + POOL1, length)
            value = pooled[gene, bin_]
            row = table[index[gene, first]]
            for filt in range(FILTERS1):
                value[filt] = row[filt]
                place[filt] = first - begin
            for position in range(first + 1, last):
                row = table[index[gene, position]]
                at = np.int32(position - begin)
                for filt in range(FILTERS1):
                    better = row[filt] > value[filt]
                    value[filt] = row[filt] if better else value[filt]
                    place[filt] = at if better else place[filt]
            for filt in range(FILTERS1):
                value[filt] = max(value[filt], np.float32(0))
                largest[gene, bin_, filt] = place[filt]


@njit(parallel=True)
def _scatter_to_table(
    index: np.ndarray, largest: np.ndarray, pooled: np.ndarray, gradient: np.ndarray, parts: np.ndarray
) -> None:
    """Gradient of the table: each pooled value's goes to the row of its largest position (parts × bins × 128)."""
    genes, bins, count = pooled.shape[0], pooled.shape[1], len(parts)
    for part in prange(count):
        for gene in range(part * genes // count, (part + 1) * genes // count):
            for bin_ in range(bins):
                begin = bin_ * POOL1 - POOL1_PAD
                for filt in range(FILTERS1):
                    if pooled[gene, bin_, filt] > 0:
                        row = index[gene, begin + largest[gene, bin_, filt]]
                        parts[part, row, filt] += gradient[gene, bin_, filt]


@njit(parallel=True)
def _sum_and_pool(shifted: np.ndarray, bias: np.ndarray, pooled: np.ndarray, largest: np.ndarray) -> None:
    """Second convolution's sum over its nine shifts, ReLU and pooling: genes × 35 × 32, and the largest positions."""
    genes, length = shifted.shape[0], shifted.shape[1]
    for gene in prange(genes):
        total = np.empty(FILTERS2, dtype=np.float32)
        for bin_ in range(pooled.shape[1]):
            for filt in range(FILTERS2):
                pooled[gene, bin_, filt] = 0
                largest[gene, bin_, filt] = -1
            for position in range(bin_ * POOL2, (bin_ + 1) * POOL2):
                for filt in range(FILTERS2):
                    total[filt] = bias[filt]
                for shift in range(max(0, PAD2 - position), min(K2, length + PAD2 - position)):
                    row = shifted[gene, position + shift - PAD2, shift]
                    for filt in range(FILTERS2):
                        total[filt] += row[filt]
                for filt in range(FILTERS2):
                    if total[filt] > pooled[gene, bin_, filt]:
                        pooled[gene, bin_, filt] = total[filt]
                        largest[gene, bin_, filt] = position


@njit(parallel=True, fastmath={"nsz", "contract"})
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

    inputs, grad_inputs: genes × 350 × 128. weights: 9 × 32 × 128. grad_weights, grad_bias: one for each part.
    """
    genes, length, count = inputs.shape[0], inputs.shape[1], len(grad_weights)
    for part in prange(count):
        for gene in range(part * genes // count, (part + 1) * genes // count):
            for bin_ in range(largest.shape[1]):
                for filt in range(FILTERS2):
                    position = largest[gene, bin_, filt]
                    slope = gradient[gene, bin_, filt]
                    if position < 0 or slope == 0:
                        continue
                    grad_bias[part, filt] += slope
                    for shift in range(max(0, PAD2 - position), min(K2, length + PAD2 - position)):
                        weight, grad_weight = weights[shift, filt], grad_weights[part, shift, filt]
                        value = inputs[gene, position + shift - PAD2]
                        grad_value = grad_inputs[gene, position + shift - PAD2]
                        for channel in range(FILTERS1):
                            grad_weight[channel] += slope * value[channel]
                            grad_value[channel] += slope * weight[channel]


class _LookUp(torch.autograd.Function):
    """Table and indices → pooled first convolution."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: np.ndarray) -> Tensor:
        bins = (index.shape[1] + 2 * POOL1_PAD - POOL1) // POOL1 + 1
        pooled = np.empty((len(index), bins, FILTERS1), dtype=np.float32)
        largest = np.empty(pooled.shape, dtype=np.uint8)
        _look_up(table.detach().numpy(), index, pooled, largest)
        ctx.saved = index, largest, pooled, len(table)
        return torch.from_numpy(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        index, largest, pooled, rows = ctx.saved
        parts = np.zeros((numba.get_num_threads(), rows, FILTERS1), dtype=np.float32)
        _scatter_to_table(index, largest, pooled, gradient.contiguous().numpy(), parts)
        return torch.from_numpy(parts.sum(axis=0)), None


class _Convolve(torch.autograd.Function):
    """Pooled first convolution (genes × 350 × 128) → pooled second (genes × 35 × 32)."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        genes, length, _ = inputs.shape
        by_shift = weight.detach().permute(2, 0, 1).contiguous()  # 9 × 32 × 128
        shifted = inputs.detach().reshape(-1, FILTERS1) @ by_shift.reshape(-1, FILTERS1).T
        pooled = np.empty((genes, length // POOL2, FILTERS2), dtype=np.float32)
        largest = np.empty(pooled.shape, dtype=np.int32)
        _sum_and_pool(shifted.view(genes, length, K2, FILTERS2).numpy(), bias.detach().numpy(), pooled, largest)
        ctx.saved = inputs.detach().numpy(), by_shift.numpy(), largest
        return torch.from_numpy(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs, by_shift, largest = ctx.saved
        grad_inputs = np.zeros_like(inputs)
        parts = numba.get_num_threads()
        grad_weights = np.zeros((parts, *by_shift.shape), dtype=np.float32)
        grad_bias = np.zeros((parts, FILTERS2), dtype=np.float32)
        _sparse_backward(inputs, by_shift, largest, gradient.contiguous().numpy(), grad_inputs, grad_weights, grad_bias)
        grad_weight = torch.from_numpy(grad_weights.sum(axis=0)).permute(1, 2, 0)
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

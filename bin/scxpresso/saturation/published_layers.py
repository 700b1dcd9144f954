"""The layers of the published network as kernels for the CPU, with the weights of several networks side by side.

The first convolution reads 6-mers. A 6-mer is two 3-mers, and so its outputs are the sum of two rows of small tables, which
stay in the fastest cache; a table of all 6-mers does not.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from scxpresso.compiled import AVX512, copy, njit, prange
from scxpresso.memory import aligned
from scxpresso.networks.kmers import K1, PAD1
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL2
from scxpresso.saturation.double_precision import in_double
from scxpresso.saturation.published_gpu import NOTHING, Layers
from scxpresso.vectors import WIDTH, add, fill, larger, load, multiply_add, store

UNAMBIGUOUS = (1, 2, 4, 8)  # codes of one base
BASES = np.full(16, -1)  # numbers of the codes of one base
BASES[list(UNAMBIGUOUS)] = range(len(UNAMBIGUOUS))
HALF = K1 // 2
TRIMERS = len(UNAMBIGUOUS) ** HALF
HIDDEN = 64
# Outputs of the second convolution that are computed together. With AVX2, more than two do not fit into 16 registers and take
# twice as long; AVX-512 has room for four, which saves it a third.
ROWS = 4 if AVX512 else 2
EMPTY = 1  # pooling bins before the first of the second pooling; two more follow the last
ZERO = np.float32(0)
MISSING = np.float32(NOTHING)
FAST = {"nsz", "contract"}


class Weights(NamedTuple):
    """Weights of several networks, arranged for the kernels (all networks × …).

    left, right: 64 × 128, the first convolution of the 3-mers that a 6-mer consists of; the left has the bias. places, bias,
    changes: see Layers. second: 9 × 128 × 32, the second convolution by the place of the output, −4 … +4. bias2: 32. hidden:
    (positions + 3) × 32 × 64. tail: 64 × columns, padded to whole vectors.
    """

    left: np.ndarray
    right: np.ndarray
    places: np.ndarray
    bias: np.ndarray
    changes: np.ndarray
    second: np.ndarray
    bias2: np.ndarray
    hidden: np.ndarray
    tail: np.ndarray

    @classmethod
    def of(cls, networks: Sequence[Layers]) -> "Weights":
        """Arrange the weights of networks of one shape."""

        def stacked(arrays: list[torch.Tensor]) -> np.ndarray:
            return torch.stack(arrays).numpy()

        columns = networks[0].tail.shape[1]
        tail = stacked([layers.tail for layers in networks])
        second = stacked([layers.second.view(FILTERS1, K2, FILTERS2) for layers in networks])
        weights = cls(
            left=np.stack([_trimers(layers, 0) + layers.bias.numpy() for layers in networks]),
            right=np.stack([_trimers(layers, HALF) for layers in networks]),
            places=stacked([layers.places for layers in networks]),
            bias=stacked([layers.bias for layers in networks]),
            changes=stacked([layers.changes for layers in networks]),
            second=second.transpose(0, 2, 1, 3),
            bias2=stacked([layers.bias2 for layers in networks]),
            hidden=stacked([layers.hidden for layers in networks]),
            tail=np.pad(tail, ((0, 0), (0, 0), (0, -columns % WIDTH))),
        )
        return cls(*(_aligned_copy(array) for array in weights))


def _aligned_copy(array: np.ndarray) -> np.ndarray:
    copy = aligned(array.shape, array.dtype)
    copy[:] = array
    return copy


def _trimers(layers: Layers, first: int) -> np.ndarray:
    """Add up what the three places from `first` contribute to the first convolution, for every 3-mer: 64 × 128."""
    table = torch.zeros(1, FILTERS1)
    for part in layers.places[first : first + HALF, list(UNAMBIGUOUS)]:
        table = (table[:, None] + part).flatten(0, 1)
    return table.numpy()


class References(NamedTuple):
    """Intermediate results for reference sequences: items × …, where an item is a network and a gene.

    pooled: (bins + margins) × 128, with PAD2 bins of zeros first. outputs2, before2, after2, pooled2: see Maxima. hidden: 64
    units before ReLU, float64.
    """

    pooled: np.ndarray
    outputs2: np.ndarray
    before2: np.ndarray
    after2: np.ndarray
    pooled2: np.ndarray
    hidden: np.ndarray

    @classmethod
    def empty(cls, items: int, window: int) -> "References":
        """Make room for the results of some items."""
        bins = (window + 1) // POOL1
        bins2 = bins // POOL2 + EMPTY + 2
        rows2 = items, max(bins2 * POOL2, EMPTY * POOL2 + bins + ROWS), FILTERS2
        return cls(
            pooled=aligned((items, bins + 2 * PAD2 + ROWS, FILTERS1)),
            outputs2=aligned(rows2),
            before2=aligned(rows2),
            after2=aligned(rows2),
            pooled2=aligned((items, bins2, FILTERS2)),
            hidden=np.zeros((items, HIDDEN)),
        )


@njit()
def halves_of(codes: np.ndarray) -> np.ndarray:
    """Number the two 3-mers that each output of the first convolution reads; −1 where a base is ambiguous or not there."""
    halves = np.full((len(codes) - 1, 2), -1)
    number, known = 0, 0  # of the 6-mer that ends at a base, and of the unambiguous bases up to there
    for last in range(len(codes)):
        base = BASES[codes[last]]
        known = known + 1 if base >= 0 else 0
        number = (len(UNAMBIGUOUS) * number + max(base, 0)) % TRIMERS**2
        if known >= K1:
            output = last - K1 + 1 + PAD1
            halves[output, 0], halves[output, 1] = number // TRIMERS, number % TRIMERS
    return halves


@njit(parallel=True)
def halves_of_genes(codes: np.ndarray) -> np.ndarray:
    """As halves_of, for each gene: genes × outputs × 2."""
    halves = np.empty((len(codes), codes.shape[1] - 1, 2), dtype=np.int64)
    for gene in prange(len(codes)):
        own = halves_of(codes[gene])
        for output in range(len(own)):
            copy(own[output], halves[gene, output])
    return halves


class FirstLayer(NamedTuple):
    """The first convolution of one network, see Weights."""

    left: np.ndarray
    right: np.ndarray
    places: np.ndarray
    bias: np.ndarray


@njit()
def first_layer(weights: Weights, network: int) -> FirstLayer:
    """Select the first convolution of a network."""
    return FirstLayer(weights.left[network], weights.right[network], weights.places[network], weights.bias[network])


@njit(fastmath=FAST)
def ambiguous_output(layer: FirstLayer, codes: np.ndarray, output: int, row: np.ndarray) -> None:
    """Fill `row` with the first convolution's filters at an output that reads ambiguous bases, or fewer than six bases."""
    copy(layer.bias, row)
    for place in range(max(0, PAD1 - output), min(K1, len(codes) + PAD1 - output)):
        part = layer.places[place, codes[output + place - PAD1]]
        for filt in range(FILTERS1):
            row[filt] += part[filt]


@njit(fastmath=FAST)
def first_outputs(layer: FirstLayer, codes: np.ndarray, halves: np.ndarray, begin: int, outputs: np.ndarray) -> None:
    """Fill `outputs` (rows × 128) with the first convolution from output `begin` on; `MISSING` where there is none."""
    for row in range(len(outputs)):
        output = begin + row
        if output < 0 or output >= len(halves):
            outputs[row] = MISSING
        elif halves[output, 0] < 0:
            ambiguous_output(layer, codes, output, outputs[row])
        else:
            one, other = halves[output, 0] * FILTERS1, halves[output, 1] * FILTERS1
            for column in range(0, FILTERS1, WIDTH):
                value = add(load(layer.left, one + column), load(layer.right, other + column))
                store(outputs, row * FILTERS1 + column, value)


@njit(fastmath=FAST)
def pool_first(layer: FirstLayer, codes: np.ndarray, halves: np.ndarray, pooled: np.ndarray) -> None:
    """Fill `pooled` (bins × 128) with the first convolution, rectified and pooled."""
    for column in range(0, FILTERS1, WIDTH):
        for bin_ in range(len(pooled)):
            largest = fill(ZERO)
            for output in range(max(bin_ * POOL1 - 1, 0), min((bin_ + 1) * POOL1 - 1, len(halves))):
                if halves[output, 0] >= 0:
                    one, other = halves[output, 0] * FILTERS1 + column, halves[output, 1] * FILTERS1 + column
                    largest = larger(add(load(layer.left, one), load(layer.right, other)), largest)
            store(pooled, bin_ * FILTERS1 + column, largest)
    row = np.empty(FILTERS1, dtype=np.float32)
    for output in range(min(len(halves), len(pooled) * POOL1 - 1)):
        if halves[output, 0] < 0:
            largest_of = pooled[(output + 1) // POOL1]
            ambiguous_output(layer, codes, output, row)
            for filt in range(FILTERS1):
                largest_of[filt] = row[filt] if row[filt] > largest_of[filt] else largest_of[filt]


@njit(fastmath=FAST)
def convolve_second(second: np.ndarray, bias2: np.ndarray, pooled: np.ndarray, count: int, outputs: np.ndarray) -> None:
    """Fill `count` outputs of the second convolution, and up to ROWS − 1 more (rows × 32), from pooled bins.

    pooled: rows × 128; the first output reads the first K2 rows.
    """
    for row in range(0, count + ROWS - 1):
        store(outputs, row * FILTERS2, load(bias2, 0))
    for place in range(K2):
        weights = second[K2 - 1 - place]
        for row in range(0, count, ROWS):
            at = row * FILTERS2
            sum_0, sum_1 = load(outputs, at), load(outputs, at + FILTERS2)
            sum_2, sum_3 = sum_0, sum_1
            if ROWS > 2:  # which the compiler decides
                sum_2, sum_3 = load(outputs, at + 2 * FILTERS2), load(outputs, at + 3 * FILTERS2)
            for filt in range(FILTERS1):
                weight = load(weights, filt * FILTERS2)
                sum_0 = multiply_add(fill(pooled[row + place, filt]), weight, sum_0)
                sum_1 = multiply_add(fill(pooled[row + place + 1, filt]), weight, sum_1)
                if ROWS > 2:
                    sum_2 = multiply_add(fill(pooled[row + place + 2, filt]), weight, sum_2)
                    sum_3 = multiply_add(fill(pooled[row + place + 3, filt]), weight, sum_3)
            store(outputs, at, sum_0)
            store(outputs, at + FILTERS2, sum_1)
            if ROWS > 2:
                store(outputs, at + 2 * FILTERS2, sum_2)
                store(outputs, at + 3 * FILTERS2, sum_3)


@njit(fastmath=FAST)
def pool_second(outputs: np.ndarray, before: np.ndarray, after: np.ndarray, pooled: np.ndarray, bins: int) -> None:
    """Arrange the outputs of the second convolution as Maxima; those that fill no bin are dropped."""
    outputs[: EMPTY * POOL2] = MISSING
    outputs[(EMPTY + bins) * POOL2 :] = MISSING
    for bin_ in range(len(pooled)):
        first, last = bin_ * POOL2 * FILTERS2, (bin_ * POOL2 + POOL2 - 1) * FILTERS2
        largest = fill(ZERO)
        for at in range(first, last + 1, FILTERS2):
            store(before, at, largest)
            largest = larger(load(outputs, at), largest)
        store(pooled, bin_ * FILTERS2, largest)
        largest = fill(MISSING)
        for at in range(last, first - 1, -FILTERS2):
            store(after, at, largest)
            largest = larger(load(outputs, at), largest)


@njit(fastmath=FAST)
def add_hidden(weights: np.ndarray, pooled: np.ndarray, hidden: np.ndarray) -> None:
    """Add to `hidden` (64, float64) the layer on pooled values (bins × 32), in double precision."""
    for bin_ in range(len(pooled)):
        for filt in range(FILTERS2):
            value = np.float64(pooled[bin_, filt])
            if value != 0:
                row = weights[bin_, filt]
                for unit in range(HIDDEN):
                    hidden[unit] += value * np.float64(row[unit])


@njit(fastmath=FAST)
def _compute_reference(
    weights: Weights, network: int, codes: np.ndarray, halves: np.ndarray, found: References, item: int
) -> None:
    """Fill the results for one gene by one network."""
    bins, pooled, outputs2 = (len(codes) + 1) // POOL1, found.pooled[item], found.outputs2[item]
    pooled[:PAD2] = ZERO
    pooled[PAD2 + bins :] = ZERO
    pool_first(first_layer(weights, network), codes, halves, pooled[PAD2 : PAD2 + bins])
    convolve_second(weights.second[network], weights.bias2[network], pooled, bins, outputs2[EMPTY * POOL2 :])
    pool_second(outputs2, found.before2[item], found.after2[item], found.pooled2[item], bins // POOL2)
    add_hidden(weights.hidden[network], found.pooled2[item], found.hidden[item])


@njit(parallel=True, fastmath=FAST)
def compute_references(weights: Weights, codes: np.ndarray, halves: np.ndarray, found: References) -> None:
    """Fill the results for genes by all networks. codes: genes × window. halves: genes × outputs × 2."""
    genes = len(codes)
    for item in prange(len(weights.bias) * genes):
        network, gene = item // genes, item % genes
        _compute_reference(weights, network, codes[gene], halves[gene], found, item)


class HeadOutput(NamedTuple):
    """The head of one network for sequences: hidden and deep units before ReLU (see Reference), and expression."""

    hidden: np.ndarray
    deep: torch.Tensor | None
    expression: np.ndarray


@torch.no_grad()
def head_output(layers: Layers, by_sequence: np.ndarray, annotation: torch.Tensor) -> HeadOutput:
    """Compute the head, in double precision.

    Parameters
    ----------
    by_sequence: hidden units' sum over what is read of the sequence (sequences × 64, float64).
    annotation: features (sequences × features).
    """
    network = layers.network
    weight, bias = network.weight_and_bias("head.0")
    hidden = torch.from_numpy(by_sequence) + bias.double()
    if network.inputs != "sequence":
        scaled = network.annotation.apply_to(annotation).double()
        hidden = hidden + scaled @ weight[:, weight.shape[1] - scaled.shape[1] :].T.double()
    after = in_double(network.head[3], hidden.clamp(min=0))
    scaled = in_double(network.head[-1], after.clamp(min=0)) if layers.deep else after
    return HeadOutput(hidden.numpy(), after if layers.deep else None, network.expression.undo(scaled).numpy())

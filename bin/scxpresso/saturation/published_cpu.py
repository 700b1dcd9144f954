"""Every substitution of a window through the published network on CPU; `published_gpu.py` says how, and holds the weights.

Here the changes are sparse as well: of the 128 filters of a pooled position, only those whose maximum changes go on.
"""

from collections.abc import Sequence

import numpy as np
import torch

from scxpresso.compiled import njit, prange, use_threads
from scxpresso.genome.sequence import ALTERNATIVE_CODES
from scxpresso.networks.kmers import K1, PAD1
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL2, ScXpresso
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.published_gpu import NOTHING, REACH, Layers
from scxpresso.vectors import WIDTH, larger, load, store

UNAMBIGUOUS = (1, 2, 4, 8)  # codes of one base
BASES = np.full(16, -1)  # numbers of the codes of one base
BASES[list(UNAMBIGUOUS)] = range(len(UNAMBIGUOUS))
ZERO = np.float32(0)
MISSING = np.float32(NOTHING)
FAST = {"nsz", "contract"}


@njit()
def _kmer(codes: np.ndarray, output: int) -> int:
    """Number of the 6-mer that an output of the first convolution reads; −1 where a base is ambiguous or not there."""
    if output < PAD1 or output + K1 - PAD1 > len(codes):
        return -1
    number = 0
    for place in range(K1):
        base = BASES[codes[output + place - PAD1]]
        if base < 0:
            return -1
        number = len(UNAMBIGUOUS) * number + base
    return number


@njit(fastmath=FAST)
def _first(
    table: np.ndarray, places: np.ndarray, bias: np.ndarray, codes: np.ndarray, output: int, row: np.ndarray
) -> None:
    """The first convolution's filters at an output; `MISSING` where there is no such output."""
    number = _kmer(codes, output)
    if number >= 0:
        row[:] = table[number]
        return
    if output < 0 or output >= len(codes) - 1:
        row[:] = MISSING
        return
    row[:] = bias
    for place in range(max(0, PAD1 - output), min(K1, len(codes) + PAD1 - output)):
        part = places[place, codes[output + place - PAD1]]
        for filt in range(FILTERS1):
            row[filt] += part[filt]


@njit(parallel=True, fastmath=FAST)
def _pool(table: np.ndarray, places: np.ndarray, bias: np.ndarray, codes: np.ndarray, pooled: np.ndarray) -> None:
    """The first convolution, rectified and pooled: bins × 128."""
    for bin_ in prange(len(pooled)):
        row, largest = np.empty(FILTERS1, dtype=np.float32), pooled[bin_]
        largest[:] = ZERO
        kmers, count = np.empty(POOL1, dtype=np.int64), 0
        for output in range(bin_ * POOL1 - 1, (bin_ + 1) * POOL1 - 1):
            kmers[count] = _kmer(codes, output)
            if kmers[count] >= 0:
                count += 1
                continue
            _first(table, places, bias, codes, output, row)
            for filt in range(FILTERS1):
                largest[filt] = row[filt] if row[filt] > largest[filt] else largest[filt]
        for column in range(0, FILTERS1, WIDTH):
            value = load(largest, column)
            for kmer in kmers[:count]:
                value = larger(load(table, kmer * FILTERS1 + column), value)
            store(largest, column, value)


@njit(fastmath=FAST)
def _add_rows(target: np.ndarray, weights: np.ndarray, rows: np.ndarray, sizes: np.ndarray, count: int) -> None:
    """target += sizes @ weights[rows], of the first `count` of them; four at once, as `target` moves less often then."""
    rows[count : count + 3] = 0
    sizes[count : count + 3] = ZERO
    for number in range(0, count, 4):
        row_0, size_0 = weights[rows[number]], sizes[number]
        row_1, size_1 = weights[rows[number + 1]], sizes[number + 1]
        row_2, size_2 = weights[rows[number + 2]], sizes[number + 2]
        row_3, size_3 = weights[rows[number + 3]], sizes[number + 3]
        for column in range(len(target)):
            target[column] += (size_0 * row_0[column] + size_1 * row_1[column]) + (
                size_2 * row_2[column] + size_3 * row_3[column]
            )


@njit(parallel=True, fastmath=FAST)
def _changes(
    codes: np.ndarray,
    start: int,
    end: int,
    alternatives: np.ndarray,
    table: np.ndarray,
    places: np.ndarray,
    bias: np.ndarray,
    changes: np.ndarray,
    pooled: np.ndarray,
    weights2: np.ndarray,
    outputs2: np.ndarray,
    before2: np.ndarray,
    after2: np.ndarray,
    pooled2: np.ndarray,
    hidden_weights: np.ndarray,
    hidden: np.ndarray,
    tail: np.ndarray,
    result: np.ndarray,
) -> None:
    """What each substitution changes after the hidden layer: positions × 4 × (populations or 2), added to `result`.

    A block of positions is one whose outputs lie in two bins, block and block + 1.
    """
    bins = len(pooled)
    for block in prange((start - 2) // POOL1, (end - 3) // POOL1 + 1):
        origin = block * POOL1 - 1
        outputs = np.empty((2 * POOL1, FILTERS1), dtype=np.float32)
        before, after = np.empty_like(outputs), np.empty_like(outputs)
        for index in range(2 * POOL1):
            _first(table, places, bias, codes, origin + index, outputs[index])
        for half in range(2):
            low, high = half * POOL1, (half + 1) * POOL1 - 1
            before[low] = ZERO
            after[high] = MISSING
            for index in range(low + 1, high + 1):
                for filt in range(FILTERS1):
                    value, other = before[index - 1, filt], outputs[index - 1, filt]
                    before[index, filt] = other if other > value else value
            for index in range(high - 1, low - 1, -1):
                for filt in range(FILTERS1):
                    value, other = after[index + 1, filt], outputs[index + 1, filt]
                    after[index, filt] = other if other > value else value
        value = np.empty(FILTERS1, dtype=np.float32)
        rows = np.empty(FILTERS1 + 3, dtype=np.int64)  # of weights, for what changes, and how far that does
        sizes = np.empty(FILTERS1 + 3, dtype=np.float32)
        total = np.empty(REACH * FILTERS2, dtype=np.float32)
        change = np.empty(hidden.shape, dtype=np.float32)
        first2 = block - PAD2 + POOL2  # row of outputs2 that total begins with
        for position in range(max(start, origin + 3), min(end, origin + 3 + POOL1)):
            code = codes[position]
            for alt in range(4):
                if code == alternatives[alt]:
                    continue
                total[:] = ZERO
                low2, high2 = REACH, -1
                for half in range(2):
                    bin_ = block + half
                    if bin_ < 0 or bin_ >= bins:
                        continue
                    low = max(position - 3 - origin, half * POOL1)
                    high = min(position + 2 - origin, (half + 1) * POOL1 - 1)
                    if low > high:
                        continue
                    for filt in range(FILTERS1):
                        one, other = before[low, filt], after[high, filt]
                        value[filt] = one if one > other else other
                    for index in range(low, high + 1):
                        row, step = outputs[index], changes[code, alt, index + origin - position + 3]
                        for filt in range(FILTERS1):
                            other = row[filt] + step[filt]
                            value[filt] = other if other > value[filt] else value[filt]
                    row = pooled[bin_]
                    count = 0
                    for filt in range(FILTERS1):
                        size = value[filt] - row[filt]
                        rows[count], sizes[count] = filt, size
                        count += size != ZERO
                    if count == 0:
                        continue
                    low2, high2 = min(low2, half), half + K2 - 1
                    _add_rows(total[half * FILTERS2 : (half + K2) * FILTERS2], weights2, rows, sizes, count)
                if high2 < 0:
                    continue
                count = 0
                for bin_ in range((first2 + low2) // POOL2, (first2 + high2) // POOL2 + 1):
                    low = max(first2 + low2, bin_ * POOL2)
                    high = min(first2 + high2, bin_ * POOL2 + POOL2 - 1)
                    for filt in range(FILTERS2):
                        one, other = before2[low, filt], after2[high, filt]
                        value[filt] = one if one > other else other
                    for index in range(low, high + 1):
                        row = outputs2[index]
                        step = total[(index - first2) * FILTERS2 : (index - first2 + 1) * FILTERS2]
                        for filt in range(FILTERS2):
                            other = row[filt] + step[filt]
                            value[filt] = other if other > value[filt] else value[filt]
                    for filt in range(FILTERS2):
                        size = value[filt] - pooled2[bin_, filt]
                        rows[count], sizes[count] = bin_ * FILTERS2 + filt, size
                        count += size != ZERO
                change[:] = ZERO
                _add_rows(change, hidden_weights, rows, sizes, count)
                count = 0
                for unit in range(len(hidden)):
                    before_it = hidden[unit]
                    size = max(change[unit] + min(before_it, ZERO), -max(before_it, ZERO))
                    rows[count], sizes[count] = unit, size
                    count += size != ZERO
                _add_rows(result[position - start, alt], tail, rows, sizes, count)


def _kmer_table(layers: Layers) -> np.ndarray:
    """The first convolution of every unambiguous 6-mer (4,096 × 128), added up base by base, as `_first` does it."""
    table = layers.bias[None]
    for part in layers.places[:, list(UNAMBIGUOUS)]:
        table = (table[:, None] + part).flatten(0, 1)
    return table.numpy()


class PublishedEffectsCPU:
    """The effects of substitutions by several networks, as BruteForce gives them, on the CPU."""

    def __init__(self, networks: Sequence[tuple[ScXpresso, NetworkMetadata]]):
        self.layers = [Layers(network.cpu()) for network, _ in networks]
        self.tables = [_kmer_table(layers) for layers in self.layers]
        self.populations = len(networks[0][1].populations)

    @torch.no_grad()
    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        use_threads(torch.get_num_threads())
        end = len(codes) if end is None else end
        codes = np.ascontiguousarray(codes)
        features = torch.from_numpy(annotation.astype(np.float32))
        expression = []
        effects = np.zeros((len(self.layers), end - start, 4, self.populations), dtype=np.float32)
        for layers, table, own in zip(self.layers, self.tables, effects, strict=True):
            pooled = np.empty(((len(codes) + 1) // POOL1, FILTERS1), dtype=np.float32)
            _pool(table, layers.places.numpy(), layers.bias.numpy(), codes, pooled)
            reference = layers.reference(torch.from_numpy(pooled), features)
            expression.append(reference.expression.numpy())
            if end == start:
                continue
            change = np.zeros((end - start, 4, layers.tail.shape[1]), dtype=np.float32) if layers.deep else own
            second = reference.second
            _changes(
                codes, start, end, ALTERNATIVE_CODES, table, layers.places.numpy(), layers.bias.numpy(),
                layers.changes.numpy(), pooled, layers.second.numpy(),
                second.outputs.flatten(0, 1).numpy(), second.before.flatten(0, 1).numpy(),
                second.after.flatten(0, 1).numpy(), second.pooled.numpy(),
                layers.hidden.flatten(0, 1).numpy(), reference.hidden.numpy(), layers.tail.numpy(), change,
            )  # fmt: skip
            if layers.deep:
                own[:] = layers.in_log10_units(torch.from_numpy(change), reference).numpy()
        return np.stack(expression), effects

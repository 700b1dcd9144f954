"""Alleles of any kind through the published network on CPU: only what they change is computed, in every shifted window.

An insertion moves the bases beyond it into other pooling bins. But what the first convolution computes at a base stays the
same, and so does the maximum of 30 neighbouring outputs, wherever a bin begins. All layers up to the second pooling are
therefore computed once for every base of the reference that a bin may begin at. An allele's window looks them up, and computes
only the bins that its new bases or the window's ends reach.

Maxima of all runs of 30 outputs come from those of the beginnings and ends of blocks (van Herk 1992). From one base to the
next, few of them change: the second convolution changes by these. Some bins are computed after the others, from all bases that
they may begin at, so that what is computed stays in the cache; maxima are not kept, as the few that an allele needs are
quicker computed again than read.
"""

from typing import NamedTuple

import numpy as np
import torch

from scxpresso.compiled import copy, njit, prange, use_threads
from scxpresso.memory import aligned
from scxpresso.networks.kmers import K1, PAD1
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL2
from scxpresso.saturation.effects import EditedWindows
from scxpresso.saturation.published_gpu import Layers
from scxpresso.saturation.published_layers import (
    EMPTY,
    FAST,
    HIDDEN,
    ROWS,
    ZERO,
    FirstLayer,
    Weights,
    add_hidden,
    ambiguous_output,
    convolve_second,
    first_layer,
    first_outputs,
    halves_of,
    head_output,
)
from scxpresso.vectors import WIDTH, add, different, fill, larger, load, lowest_bit, multiply_add, store, subtract

BLOCK = 90  # bins that a thread computes one after the other
MAX_ALLELES = 64  # computed at once
# Bases that an output of the second convolution, and a value of the second pooling, read before and from the first base of
# their first bin on.
BEFORE_2, SPAN_2 = PAD1 + PAD2 * POOL1, POOL1 + K1 - 1 + 2 * PAD2 * POOL1
SPAN_POOLED_2 = SPAN_2 + (POOL2 - 1) * POOL1


class EveryStart(NamedTuple):
    """Layers of a reference, by the base that a bin begins at, modulo 30 and divided by 30 (networks × 30 × bins × …).

    outputs2, pooled2: the second convolution (32 filters), and its pooling.
    """

    outputs2: np.ndarray
    pooled2: np.ndarray


class Sequences(NamedTuple):
    """Sequences whose windows are evaluated: sequences × bases.

    halves: see halves_of. origin: index in the reference of each base, −1 if it is new. run: number of bases from each on
    that follow each other in the reference.
    """

    codes: np.ndarray
    halves: np.ndarray
    origin: np.ndarray
    run: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray, origin: np.ndarray) -> "Sequences":
        """Prepare sequences (codes) and the origin of their bases."""
        halves = np.stack([halves_of(one) for one in codes])
        return cls(np.ascontiguousarray(codes), halves, origin, np.stack([_runs(one) for one in origin]))


@njit()
def _runs(origin: np.ndarray) -> np.ndarray:
    """Count the bases from each on that follow each other in the reference."""
    run = np.empty(len(origin), dtype=np.int64)
    following = 0
    for base in range(len(origin) - 1, -1, -1):
        if origin[base] < 0:
            following = 0
        elif following == 0 or origin[base + 1] != origin[base] + 1:
            following = 1
        else:
            following += 1
        run[base] = following
    return run


@njit(fastmath=FAST)
def _pool_every_start(here: np.ndarray, following: np.ndarray, pooled: np.ndarray) -> None:
    """Fill `pooled` (30 × 128) with the largest of 30 outputs of the first convolution from each base of a bin on.

    here, following: outputs at the bases of the bin and of the next one.
    """
    for column in range(0, FILTERS1, WIDTH):
        largest = fill(ZERO)
        for at in range((POOL1 - 1) * FILTERS1 + column, -1, -FILTERS1):
            largest = larger(load(here, at), largest)
            store(pooled, at, largest)
        largest = fill(ZERO)
        for at in range(FILTERS1 + column, POOL1 * FILTERS1, FILTERS1):
            largest = larger(load(following, at - FILTERS1), largest)
            store(pooled, at, larger(load(pooled, at), largest))


@njit(fastmath=FAST)
def _list_changes(
    pooled: np.ndarray, starts: np.ndarray, ends: np.ndarray, rows: np.ndarray, sizes: np.ndarray
) -> None:
    """List what changes in a bin (30 × 128) from each start to the next: filters and by how much.

    ends: of each start but the first, the end of its part of the lists.
    """
    moved, count = np.empty(WIDTH, dtype=np.float32), 0
    for number in range(1, len(starts)):
        for column in range(0, FILTERS1, WIDTH):
            before = load(pooled, starts[number - 1] * FILTERS1 + column)
            now = load(pooled, starts[number] * FILTERS1 + column)
            bits = different(now, before)
            store(moved, 0, subtract(now, before))
            while bits:
                place = lowest_bit(bits)
                rows[count], sizes[count] = (column + place) * FILTERS2, moved[place]
                bits &= bits - 1  # without its lowest bit
                count += 1
        ends[number] = count


@njit(fastmath=FAST)
def _convolve_block(
    layer: FirstLayer,
    second: np.ndarray,
    bias2: np.ndarray,
    codes: np.ndarray,
    halves: np.ndarray,
    starts: np.ndarray,
    first: int,
    end: int,
    outputs2: np.ndarray,
) -> None:
    """Fill the second convolution (30 × bins × 32) of a block of bins, `first` to `end` (exclusive), for each of the starts."""
    count = end - first
    here, following = np.empty((POOL1, FILTERS1), dtype=np.float32), np.empty((POOL1, FILTERS1), dtype=np.float32)
    pooled = np.empty((POOL1, FILTERS1), dtype=np.float32)
    of_first_start = np.zeros((count + 2 * PAD2 + ROWS, FILTERS1), dtype=np.float32)
    ends = np.zeros(len(starts), dtype=np.int64)
    rows, sizes = np.empty(POOL1 * FILTERS1, dtype=np.int64), np.empty(POOL1 * FILTERS1, dtype=np.float32)
    # Of outputs from one start to the next; those of the bins around the block are not complete.
    changes = np.zeros((count + 4 * PAD2, len(starts), FILTERS2), dtype=np.float32)
    first_outputs(layer, codes, halves, (first - PAD2) * POOL1, here)
    for number in range(count + 2 * PAD2):
        first_outputs(layer, codes, halves, (first - PAD2 + number + 1) * POOL1, following)
        _pool_every_start(here, following, pooled)
        copy(pooled[starts[0]], of_first_start[number])
        _list_changes(pooled, starts, ends, rows, sizes)
        for place in range(K2):
            weights, of_starts = second[place], changes[number + place]
            for start in range(1, len(starts)):
                total = load(of_starts, start * FILTERS2)
                for entry in range(ends[start - 1], ends[start]):
                    total = multiply_add(fill(sizes[entry]), load(weights, rows[entry]), total)
                store(of_starts, start * FILTERS2, total)
        here, following = following, here
    computed = np.empty((count + ROWS, FILTERS2), dtype=np.float32)
    convolve_second(second, bias2, of_first_start, count, computed)
    for bin_ in range(count):
        output = load(computed, bin_ * FILTERS2)
        for start in range(len(starts)):
            output = add(output, load(changes, ((bin_ + 2 * PAD2) * len(starts) + start) * FILTERS2))
            store(outputs2, (starts[start] * outputs2.shape[1] + first + bin_) * FILTERS2, output)


@njit(parallel=True, fastmath=FAST)
def _convolve_every_start(
    weights: Weights, codes: np.ndarray, halves: np.ndarray, starts: np.ndarray, outputs2: np.ndarray
) -> None:
    """Fill the second convolution of a reference (networks × 30 × bins × 32).

    starts: those (modulo 30) that are needed, in rising order.
    """
    bins = outputs2.shape[2] - PAD2
    blocks = (bins - PAD2 + BLOCK - 1) // BLOCK
    for item in prange(len(weights.bias) * blocks):
        network, first = item // blocks, PAD2 + item % blocks * BLOCK
        _convolve_block(
            first_layer(weights, network), weights.second[network], weights.bias2[network], codes, halves, starts, first,
            min(first + BLOCK, bins), outputs2[network],
        )  # fmt: skip


@njit(parallel=True, fastmath=FAST)
def _pool_second_every_start(starts: np.ndarray, outputs2: np.ndarray, pooled2: np.ndarray) -> None:
    """Fill the largest of 10 outputs of the second convolution from each bin on (both networks × 30 × bins × 32)."""
    for item in prange(len(outputs2) * len(starts)):
        network, start = item // len(starts), starts[item % len(starts)]
        outputs, pooled = outputs2[network, start], pooled2[network, start]
        for bin_ in range(PAD2, len(outputs) - PAD2 - POOL2 + 1):
            largest = fill(ZERO)
            for part in range(bin_, bin_ + POOL2):
                largest = larger(load(outputs, part * FILTERS2), largest)
            store(pooled, bin_ * FILTERS2, largest)


@njit(fastmath=FAST)
def _pool_bin(layer: FirstLayer, window: np.ndarray, halves: np.ndarray, bin_: int, row: np.ndarray) -> None:
    """Fill `row` (128) with a pooling bin of a window. halves: those of the window's bases."""
    first, end = max(bin_ * POOL1 - 1, 0), min((bin_ + 1) * POOL1 - 1, len(window) - 1)
    low, high = max(first, PAD1), min(end, len(window) - (K1 - PAD1) + 1)  # outputs that read nothing outside
    for column in range(0, FILTERS1, WIDTH):
        largest = fill(ZERO)
        for place in range(low, high):
            if halves[place, 0] >= 0:
                one, other = halves[place, 0] * FILTERS1 + column, halves[place, 1] * FILTERS1 + column
                largest = larger(add(load(layer.left, one), load(layer.right, other)), largest)
        store(row, column, largest)
    output = np.empty(FILTERS1, dtype=np.float32)
    for place in range(first, end):
        if place < low or place >= high or halves[place, 0] < 0:
            ambiguous_output(layer, window, place, output)
            for column in range(0, FILTERS1, WIDTH):
                store(row, column, larger(load(output, column), load(row, column)))


@njit(fastmath=FAST)
def _pooled_2(
    weights: Weights,
    network: int,
    every: EveryStart,
    sequences: Sequences,
    number: int,
    start: int,
    size: int,
    reference: np.ndarray,
    reference_start: int,
    pooled2: np.ndarray,
) -> None:
    """Fill `pooled2` (positions × 32) with the second pooling of the window of a sequence.

    number, start: of the sequence, and the first base of its window. reference, reference_start: the second pooling of the
    reference's window, and its first base; −1 where it is the reference's window itself that is computed.
    """
    codes, halves = sequences.codes[number], sequences.halves[number]
    origin, run = sequences.origin[number], sequences.run[number]
    end, bins = start + size, (size + 1) // POOL1
    # Of the second convolution: where outputs are from (−1: not needed, −2: computed here), or their base in the reference.
    base_of = np.full(bins + POOL2, -1)
    for position in range(len(pooled2)):
        first = start + position * POOL2 * POOL1 - 1 - BEFORE_2
        low, high = max(first, start), min(first + SPAN_POOLED_2, end)
        follows = run[low] >= high - low
        if reference_start >= 0 and follows and origin[low] - reference_start == low - start:
            copy(reference[position], pooled2[position])
            continue
        if follows and low == first and high == first + SPAN_POOLED_2:
            base = origin[first] + BEFORE_2
            copy(every.pooled2[network, base % POOL1, base // POOL1], pooled2[position])
            continue
        pooled2[position, 0] = np.float32(-1)  # to be pooled below
        for bin_ in range(position * POOL2, (position + 1) * POOL2):
            first = start + bin_ * POOL1 - 1 - BEFORE_2
            inside = first >= start and first + SPAN_2 <= end and run[first] >= SPAN_2
            base_of[bin_] = origin[first] + BEFORE_2 if inside else -2
    outputs = np.empty((bins + POOL2, FILTERS2), dtype=np.float32)
    layer, window, halves_of_window = first_layer(weights, network), codes[start:end], halves[start:]
    bin_ = 0
    while bin_ < len(pooled2) * POOL2:
        if base_of[bin_] != -2:
            if base_of[bin_] >= 0:
                base = base_of[bin_]
                copy(every.outputs2[network, base % POOL1, base // POOL1], outputs[bin_])
            bin_ += 1
            continue
        count = 1
        while base_of[bin_ + count] == -2:
            count += 1
        rows = np.zeros((count + 2 * PAD2 + ROWS, FILTERS1), dtype=np.float32)
        for row in range(count + 2 * PAD2):
            other = bin_ + row - PAD2
            if 0 <= other < bins:
                _pool_bin(layer, window, halves_of_window, other, rows[row])
        computed = np.empty((count + ROWS, FILTERS2), dtype=np.float32)
        convolve_second(weights.second[network], weights.bias2[network], rows, count, computed)
        for row in range(count):
            copy(computed[row], outputs[bin_ + row])
        bin_ += count
    for position in range(len(pooled2)):
        if pooled2[position, 0] == np.float32(-1):
            largest = fill(ZERO)
            for part in range(position * POOL2, (position + 1) * POOL2):
                largest = larger(load(outputs, part * FILTERS2), largest)
            store(pooled2, position * FILTERS2, largest)


@njit(parallel=True, fastmath=FAST)
def _reference_windows(
    weights: Weights, every: EveryStart, sequences: Sequences, starts: np.ndarray, size: int, pooled2: np.ndarray,
    hidden: np.ndarray,
) -> None:  # fmt: skip
    """Fill `pooled2` (networks × shifts × positions × 32) and `hidden` (networks × shifts × 64) of the reference's windows."""
    shifts = len(starts)
    for item in prange(len(weights.bias) * shifts):
        network, shift = item // shifts, item % shifts
        own = pooled2[network, shift]
        _pooled_2(weights, network, every, sequences, 0, starts[shift], size, own, -1, own)
        add_hidden(weights.hidden[network, EMPTY:], own, hidden[network, shift])


@njit(fastmath=FAST)
def _change_after_hidden(
    weights: np.ndarray, tail: np.ndarray, before: np.ndarray, after: np.ndarray, hidden: np.ndarray, result: np.ndarray
) -> None:
    """Fill `result` (columns) with what a change of the second pooling (positions × 32) makes after the hidden layer.

    hidden: 64 units of the reference before ReLU.
    """
    change, by_tail = np.zeros(HIDDEN, dtype=np.float32), np.zeros(tail.shape[1], dtype=np.float32)
    for position in range(len(after)):
        for filt in range(FILTERS2):
            moved = after[position, filt] - before[position, filt]
            if moved != ZERO:
                at = (position * FILTERS2 + filt) * HIDDEN
                for column in range(0, HIDDEN, WIDTH):
                    total = multiply_add(fill(moved), load(weights, at + column), load(change, column))
                    store(change, column, total)
    for unit in range(HIDDEN):
        value = np.float32(hidden[unit])
        moved = max(change[unit] + min(value, ZERO), -max(value, ZERO))
        if moved != ZERO:
            for column in range(0, len(by_tail), WIDTH):
                at = unit * len(by_tail) + column
                store(by_tail, column, multiply_add(fill(moved), load(tail, at), load(by_tail, column)))
    copy(by_tail[: len(result)], result)


@njit(parallel=True, fastmath=FAST)
def _allele_changes(
    weights: Weights,
    every: EveryStart,
    sequences: Sequences,
    starts: np.ndarray,
    reference_starts: np.ndarray,
    size: int,
    reference: np.ndarray,
    hidden: np.ndarray,
    result: np.ndarray,
) -> None:
    """Fill `result` (networks × alleles × shifts × columns) with what alleles change after the hidden layer."""
    alleles = len(sequences.codes)
    for item in prange(len(weights.bias) * alleles):
        network, allele = item // alleles, item % alleles
        pooled2 = np.empty(reference.shape[2:], dtype=np.float32)
        for shift in range(len(starts)):
            before = reference[network, shift]
            _pooled_2(
                weights, network, every, sequences, allele, starts[shift], size, before, reference_starts[shift], pooled2
            )  # fmt: skip
            _change_after_hidden(
                weights.hidden[network, EMPTY:], weights.tail[network], before, pooled2, hidden[network, shift],
                result[network, allele, shift],
            )  # fmt: skip


@torch.no_grad()
def allele_effects(
    layers: list[Layers], weights: Weights, windows: EditedWindows, annotation: np.ndarray
) -> np.ndarray:
    """Compute effects of alleles by networks: networks × alleles × shifts × populations.

    annotation: features of the gene. weights: those of the layers.
    """
    use_threads(torch.get_num_threads())
    size, networks, single = windows.size, len(layers), np.float32
    bins = len(windows.reference) // POOL1 + 1
    starts = np.arange(POOL1) if windows.moved else np.unique((windows.reference_starts - 1) % POOL1)
    every = EveryStart(*(aligned((networks, POOL1, bins, FILTERS2)) for _ in range(2)))
    whole = Sequences.of(windows.reference[None], np.arange(len(windows.reference))[None])
    _convolve_every_start(weights, whole.codes[0], whole.halves[0], starts, every.outputs2)
    _pool_second_every_start(starts, *every)
    positions = (size + 1) // POOL1 // POOL2
    pooled2 = np.empty((networks, len(windows.starts), positions, FILTERS2), dtype=single)
    by_sequence = np.zeros((networks, len(windows.starts), HIDDEN))
    _reference_windows(weights, every, whole, windows.reference_starts, size, pooled2, by_sequence)
    features = torch.from_numpy(annotation.astype(single)).expand(len(windows.starts), -1)
    heads = [head_output(one, hidden, features) for one, hidden in zip(layers, by_sequence, strict=True)]
    hidden = np.stack([head.hidden for head in heads])
    shape = networks, len(windows.codes), len(windows.starts), layers[0].tail.shape[1]
    result = np.empty(shape, dtype=single)
    for first in range(0, len(windows.codes), MAX_ALLELES):
        part = slice(first, first + MAX_ALLELES)
        sequences = Sequences.of(windows.codes[part], windows.origin[part])
        changes = np.empty((networks, len(sequences.codes), *shape[2:]), dtype=single)
        _allele_changes(
            weights, every, sequences, windows.starts, windows.reference_starts, size, pooled2, hidden, changes
        )
        result[:, part] = changes
    effects = [
        one.in_log10_units(torch.from_numpy(change), head.deep)
        for one, change, head in zip(layers, result, heads, strict=True)
    ]
    return torch.stack(effects).numpy()

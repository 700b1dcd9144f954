"""Substitutions through the published network on CPU; `published_gpu.py` says how, `published_layers.py` holds the layers.

Here the changes are sparse as well: of the 128 filters of a pooled position, only those whose maximum changes go on. The
alternatives of a base go on together, because their changes meet the same weights.
"""

from collections.abc import Sequence

import numpy as np
import torch

from scxpresso.compiled import njit, prange, use_threads
from scxpresso.genome.sequence import ALTERNATIVE_CODES
from scxpresso.networks.kmers import K1
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL2, ScXpresso
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.effects import EditedWindows, GeneEffects, TogetherEffects
from scxpresso.saturation.published_alleles import allele_effects
from scxpresso.saturation.published_gpu import REACH, Layers
from scxpresso.saturation.published_layers import (
    EMPTY,
    FAST,
    HIDDEN,
    MISSING,
    ZERO,
    References,
    Weights,
    compute_references,
    first_layer,
    first_outputs,
    halves_of_genes,
    head_output,
)
from scxpresso.vectors import WIDTH, add, fill, larger, load, multiply_add, store, subtract

LANES = 3  # alternatives that are computed together
N_ALTERNATIVES = len(ALTERNATIVE_CODES)
TASK = 256  # positions of a task


@njit(fastmath=FAST)
def _largest_around(outputs: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    """Fill in the largest output before and after each one of a bin (30 × 128)."""
    last = (POOL1 - 1) * FILTERS1
    for column in range(0, FILTERS1, WIDTH):
        largest = fill(ZERO)
        for at in range(column, last + column + 1, FILTERS1):
            store(before, at, largest)
            largest = larger(load(outputs, at), largest)
        largest = fill(MISSING)
        for at in range(last + column, column - 1, -FILTERS1):
            store(after, at, largest)
            largest = larger(load(outputs, at), largest)


@njit()
def _keep_changed(sizes: np.ndarray, count: int, rows: np.ndarray) -> int:
    """Move the first `count` sizes (lanes × numbers) that are not 0 in every lane to the front; return how many they are.

    rows: their places before.
    """
    kept = 0
    for number in range(count):
        one, two, three = sizes[0, number], sizes[1, number], sizes[2, number]
        sizes[0, kept], sizes[1, kept], sizes[2, kept], rows[kept] = one, two, three, number
        kept += (one != ZERO) | (two != ZERO) | (three != ZERO)
    return kept


@njit(fastmath=FAST)
def _add_product(
    target: np.ndarray,
    at: int,
    sizes: np.ndarray,
    rows: np.ndarray,
    count: int,
    weights: np.ndarray,
    begin: int,
    step: int,
) -> None:
    """Add to a vector of `target` (lanes × numbers) from `at` on: sizes @ weights, whose rows are `step` apart."""
    sum_0, sum_1, sum_2 = (
        load(target, at), load(target, at + target.shape[1]), load(target, at + 2 * target.shape[1])
    )  # fmt: skip
    for number in range(count):
        weight = load(weights, begin + rows[number] * step)
        sum_0 = multiply_add(fill(sizes[0, number]), weight, sum_0)
        sum_1 = multiply_add(fill(sizes[1, number]), weight, sum_1)
        sum_2 = multiply_add(fill(sizes[2, number]), weight, sum_2)
    store(target, at, sum_0)
    store(target, at + target.shape[1], sum_1)
    store(target, at + 2 * target.shape[1], sum_2)


@njit(fastmath=FAST)
def _changes_of_gene(
    weights: Weights,
    network: int,
    codes: np.ndarray,
    halves: np.ndarray,
    reference: References,
    item: int,
    positions: np.ndarray,
    alternatives: np.ndarray,
    result: np.ndarray,
) -> None:
    """Fill `result` (positions × 4 × columns) with what substitutions change after the hidden layer.

    codes: window of a gene. item: of the gene and the network in `reference`. positions: in order.
    """
    bins, columns = (len(codes) + 1) // POOL1, weights.tail.shape[2]
    layer = first_layer(weights, network)
    step_changes, second, hidden, tail = (
        weights.changes[network], weights.second[network], weights.hidden[network], weights.tail[network]
    )  # fmt: skip
    pooled, outputs2, pooled2 = reference.pooled[item], reference.outputs2[item], reference.pooled2[item]
    before2, after2 = reference.before2[item], reference.after2[item]
    # Of two neighbouring bins, the even one and the odd one, whose numbers are `known`.
    outputs = np.empty((2 * POOL1, FILTERS1), dtype=np.float32)
    before, after = np.empty_like(outputs), np.empty_like(outputs)
    known = np.full(2, -2)
    silent, active = np.empty(HIDDEN, dtype=np.float32), np.empty(HIDDEN, dtype=np.float32)
    for unit in range(HIDDEN):
        value = np.float32(reference.hidden[item, unit])
        silent[unit], active[unit] = min(value, ZERO), -max(value, ZERO)
    rows = np.empty(FILTERS1, dtype=np.int64)  # of weights, for what changes, and how far that does
    sizes = np.empty((LANES, FILTERS1), dtype=np.float32)
    total = np.empty((LANES, REACH * FILTERS2), dtype=np.float32)
    change = np.empty((LANES, HIDDEN), dtype=np.float32)
    by_tail = np.empty((LANES, columns), dtype=np.float32)
    every = np.arange(HIDDEN)
    lanes = np.empty(LANES, dtype=np.int64)
    for place in range(len(positions)):
        position = positions[place]
        code = np.int64(codes[position])
        block = (position - 2) // POOL1  # its outputs lie in two bins, block and block + 1
        result[place] = ZERO
        done = 0
        while done < N_ALTERNATIVES:
            used = 0
            while used < LANES and done < N_ALTERNATIVES:
                if alternatives[done] != code:
                    lanes[used] = done
                    used += 1
                done += 1
            if used == 0:
                break
            lanes[used:] = lanes[used - 1]
            of_lane_0 = (code * N_ALTERNATIVES + lanes[0]) * K1 * FILTERS1
            of_lane_1 = (code * N_ALTERNATIVES + lanes[1]) * K1 * FILTERS1
            of_lane_2 = (code * N_ALTERNATIVES + lanes[2]) * K1 * FILTERS1
            changed = False
            total[:] = ZERO
            for half in range(2):
                bin_ = block + half
                origin = bin_ * POOL1 - 1
                low, high = max(position - 3 - origin, 0), min(position + 2 - origin, POOL1 - 1)
                if bin_ < 0 or bin_ >= bins or low > high:
                    continue
                step = (low + origin - position + 3) * FILTERS1
                first = bin_ % 2 * POOL1
                if known[bin_ % 2] != bin_:
                    known[bin_ % 2], of_bin = bin_, slice(first, first + POOL1)
                    first_outputs(layer, codes, halves, origin, outputs[of_bin])
                    _largest_around(outputs[of_bin], before[of_bin], after[of_bin])
                low, high = first + low, first + high
                for column in range(0, FILTERS1, WIDTH):
                    value_0 = larger(load(before, low * FILTERS1 + column), load(after, high * FILTERS1 + column))
                    value_1, value_2 = value_0, value_0
                    for index in range(high - low + 1):
                        row = load(outputs, (low + index) * FILTERS1 + column)
                        at = step + index * FILTERS1 + column
                        value_0 = larger(add(row, load(step_changes, of_lane_0 + at)), value_0)
                        value_1 = larger(add(row, load(step_changes, of_lane_1 + at)), value_1)
                        value_2 = larger(add(row, load(step_changes, of_lane_2 + at)), value_2)
                    was = load(pooled, (PAD2 + bin_) * FILTERS1 + column)
                    store(sizes, column, subtract(value_0, was))
                    store(sizes, FILTERS1 + column, subtract(value_1, was))
                    store(sizes, 2 * FILTERS1 + column, subtract(value_2, was))
                count = _keep_changed(sizes, FILTERS1, rows)
                if count == 0:
                    continue
                changed = True
                for output in range(K2):
                    at, begin = (half + output) * FILTERS2, output * FILTERS1 * FILTERS2
                    _add_product(total, at, sizes, rows, count, second, begin, FILTERS2)
            if not changed:
                continue
            first2 = block - PAD2 + EMPTY * POOL2  # row of outputs2 that total begins with
            bin_ = first2 // POOL2
            change[:] = ZERO
            for half in range(2):
                low = max(first2, (bin_ + half) * POOL2)
                high = min(first2 + REACH, (bin_ + half + 1) * POOL2) - 1
                if low > high:
                    continue
                unchanged = larger(load(before2, low * FILTERS2), load(after2, high * FILTERS2))
                was = load(pooled2, (bin_ + half) * FILTERS2)
                for lane in range(LANES):
                    value = unchanged
                    for index in range(low, high + 1):
                        moved = load(total, (lane * REACH + index - first2) * FILTERS2)
                        value = larger(add(load(outputs2, index * FILTERS2), moved), value)
                    store(sizes, lane * FILTERS1, subtract(value, was))
                count = _keep_changed(sizes, FILTERS2, rows)
                for column in range(0, HIDDEN, WIDTH):
                    begin = (bin_ + half) * FILTERS2 * HIDDEN + column
                    _add_product(change, column, sizes, rows, count, hidden, begin, HIDDEN)
            for lane in range(LANES):
                for column in range(0, HIDDEN, WIDTH):
                    moved = add(load(change, lane * HIDDEN + column), load(silent, column))
                    store(sizes, lane * FILTERS1 + column, larger(moved, load(active, column)))
            by_tail[:] = ZERO
            for column in range(0, columns, WIDTH):
                _add_product(by_tail, column, sizes, every, HIDDEN, tail, column, columns)
            for lane in range(used):
                for column in range(result.shape[2]):
                    result[place, lanes[lane], column] = by_tail[lane, column]


@njit(parallel=True, fastmath=FAST)
def _changes(
    weights: Weights,
    codes: np.ndarray,
    halves: np.ndarray,
    reference: References,
    positions: np.ndarray,
    gene_of: np.ndarray,
    tasks: np.ndarray,
    alternatives: np.ndarray,
    result: np.ndarray,
) -> None:
    """Fill `result` (networks × positions × 4 × columns) with what substitutions change after the hidden layer.

    codes: genes × window. positions: of the substitutions, those of a gene in order; gene_of: their genes. tasks: first and
    last (exclusive) of the positions of a task, which are of one gene.
    """
    for number in prange(len(weights.bias) * len(tasks)):
        network, (first, end) = number // len(tasks), tasks[number % len(tasks)]
        gene = gene_of[first]
        _changes_of_gene(
            weights, network, codes[gene], halves[gene], reference, network * len(codes) + gene, positions[first:end],
            alternatives, result[network, first:end],
        )  # fmt: skip


class PublishedEffectsCPU(TogetherEffects):
    """The effects of substitutions by several networks, as BruteForce gives them, on the CPU."""

    def __init__(self, networks: Sequence[tuple[ScXpresso, NetworkMetadata]]):
        self.layers = [Layers(network.cpu()) for network, _ in networks]
        self.weights = Weights.of(self.layers)

    def of_genes(self, codes: np.ndarray, annotation: np.ndarray) -> GeneEffects:
        """As SubstitutionEffects.of_genes."""
        return PublishedGenes(self.layers, self.weights, codes, annotation)

    def allele_effects(self, windows: EditedWindows, annotation: np.ndarray) -> np.ndarray:
        """As AlleleEffects.allele_effects."""
        return allele_effects(self.layers, self.weights, windows, annotation)


class PublishedGenes(GeneEffects):
    """The effects of several genes, whose references are computed once."""

    def __init__(self, layers: Sequence[Layers], weights: Weights, codes: np.ndarray, annotation: np.ndarray):
        use_threads(torch.get_num_threads())
        self.layers, self.weights, self.codes = layers, weights, np.ascontiguousarray(codes)
        self.halves = halves_of_genes(self.codes)
        self.reference = References.empty(len(layers) * len(codes), codes.shape[1])
        compute_references(weights, self.codes, self.halves, self.reference)
        by_network = self.reference.hidden.reshape(len(layers), len(codes), -1)
        features = torch.from_numpy(annotation.astype(np.float32))
        self.heads = [head_output(one, hidden, features) for one, hidden in zip(layers, by_network, strict=True)]
        by_network[:] = [head.hidden for head in self.heads]

    def expression(self) -> np.ndarray:
        """As GeneEffects.expression."""
        return np.stack([head.expression for head in self.heads], axis=1)

    @torch.no_grad()
    def at(self, positions: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As GeneEffects.at."""
        counts = [len(of_gene) for of_gene in positions]
        gene_of = np.repeat(np.arange(len(positions)), counts)
        columns = self.layers[0].tail.shape[1]
        result = np.empty((len(self.layers), len(gene_of), N_ALTERNATIVES, columns), dtype=np.float32)
        if len(gene_of):
            every = np.concatenate(positions)
            _changes(
                self.weights, self.codes, self.halves, self.reference, every, gene_of, _tasks(counts),
                ALTERNATIVE_CODES, result,
            )  # fmt: skip
        changes = np.split(result, np.cumsum(counts)[:-1], axis=1)
        if not self.layers[0].deep:
            return changes
        return [self._in_log10_units(gene, change) for gene, change in enumerate(changes)]

    def _in_log10_units(self, gene: int, changes: np.ndarray) -> np.ndarray:
        """Convert the changes of a gene (networks × positions × 4 × columns) to effects."""
        converted = [
            layers.in_log10_units(torch.from_numpy(change), None if head.deep is None else head.deep[gene])
            for layers, change, head in zip(self.layers, changes, self.heads, strict=True)
        ]
        return torch.stack(converted).numpy()


def _tasks(counts: Sequence[int]) -> np.ndarray:
    """Split positions into tasks of one gene each: first and last (exclusive). counts: positions of each gene."""
    ends = np.cumsum(counts)
    return np.array(
        [
            (first, min(first + TASK, end))
            for end, count in zip(ends, counts, strict=True)
            for first in range(end - count, end, TASK)
        ]
    ).reshape(-1, 2)

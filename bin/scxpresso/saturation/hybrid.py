"""Every substitution of a window through the hybrid network: only what it changes is computed, on the CPU.

A substitution changes six six-mers of one or two bins, and a few k-mer counts. Of the trees only those can change their
leaf in which a changed count crosses a threshold on the path that the reference takes; those are walked again.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from scxpresso.compiled import njit, prange
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.networks.hybrid import (
    BEFORE,
    BIN,
    BINS,
    COUNTS,
    END,
    FILTERS,
    HIDDEN,
    KMERS,
    LIMIT,
    START,
    UNCERTAIN,
    WIDTH,
    Hybrid,
    region,
)
from scxpresso.networks.model import Network
from scxpresso.networks.published_cpu import take_threads

FIRST = START - BEFORE  # the first base read, relative to the TSS; bases and regions count from it here
LENGTH = END - START
# k, from, to (bases), and the column of the first k-mer.
REGIONS = np.array(
    [
        (k, start - FIRST, end - FIRST, sum(4**other for other, _, _ in KMERS[:number]))
        for number, (k, start, end) in enumerate(KMERS)
    ]
)
ALTERNATIVES = BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int64)
CHUNK = 64  # positions that a thread takes at a time
MAX_CHANGED = sum(2 * k for k in REGIONS[:, 0])  # columns of counts
ZERO = np.float32(0)
FAST = {"nsz", "contract"}


@njit(fastmath=FAST)
def _add_product(target, sizes, weights):
    """target += sizes @ weights; few sizes are 0."""
    for number in range(len(sizes)):
        size, weight = sizes[number], weights[number]
        if size != ZERO:
            for column in range(len(target)):
                target[column] += size * weight[column]


@njit()
def _rectify_change(change, value):
    """A change of `value`, in place, becomes that of the rectified value."""
    for number in range(len(change)):
        change[number] = max(change[number] + min(value[number], ZERO), -max(value[number], ZERO))


@njit()
def _sum_bins(windows, table):
    """Sums over each bin of what its six-mers give (bins × filters), and how many of them are certain."""
    sums, certain = np.zeros((BINS, FILTERS)), np.zeros(BINS, dtype=np.int64)
    for place in range(LENGTH):
        if windows[place] != UNCERTAIN:
            certain[place // BIN] += 1
            row = table[windows[place]]
            for filt in range(FILTERS):
                sums[place // BIN, filt] += row[filt]
    return sums, certain


@njit()
def _leaf(feature, threshold, child, values):
    """The leaf that a tree gives to a gene's features; a leaf is its own child."""
    node = 0
    while True:
        following = child[node, 1 if values[feature[node]] > threshold[node] else 0]
        if following == node:
            return node
        node = following


@njit()
def _paths(feature, threshold, child, values):
    """Leaves of all trees, and by feature the nodes on the way to them: where a feature's begin, their trees and thresholds."""
    trees = len(feature)
    leaves = np.empty(trees, dtype=np.int64)
    begin = np.zeros(len(values) + 1, dtype=np.int64)
    for tree in range(trees):
        leaves[tree] = _leaf(feature[tree], threshold[tree], child[tree], values)
        node = 0
        while node != leaves[tree]:
            begin[feature[tree, node] + 1] += 1
            node = child[tree, node, 1 if values[feature[tree, node]] > threshold[tree, node] else 0]
    begin = np.cumsum(begin)
    free = begin.copy()
    tree_of, threshold_of = np.empty(begin[-1], dtype=np.int64), np.empty(begin[-1])
    for tree in range(trees):
        node = 0
        while node != leaves[tree]:
            split = feature[tree, node]
            tree_of[free[split]], threshold_of[free[split]] = tree, threshold[tree, node]
            free[split] += 1
            node = child[tree, node, 1 if values[split] > threshold[tree, node] else 0]
    return leaves, begin, tree_of, threshold_of


@njit()
def _kmer(bases, begin, k, place, base):
    """Number of the k-mer at `begin` with `base` at `place`; −1 if a base of it is uncertain."""
    number = 0
    for index in range(begin, begin + k):
        here = base if index == place else bases[index]
        if here > 3:
            return -1
        number = number * 4 + here
    return number


@njit()
def _count_changes(bases, regions, place, base, columns, steps):
    """Which counts change, and by how much, where `base` comes to `place`: how many of them were written."""
    found = 0
    for number in range(len(regions)):
        k, start, end, column = regions[number]
        for begin in range(max(place - k + 1, start), min(place, end - k) + 1):
            for sign in (-1, 1):
                kmer = _kmer(bases, begin, k, place, np.int64(bases[place]) if sign < 0 else base)
                if kmer < 0:
                    continue
                at = 0
                while at < found and columns[at] != column + kmer:
                    at += 1
                if at == found:
                    columns[at], steps[at] = column + kmer, 0
                    found += 1
                steps[at] += sign
    return found


@njit(parallel=True)
def _effects(
    bases, first, last, alternatives, regions, windows, counts,
    table, means, certain, bins, hidden, between, deeper, tail,
    values, count_mean, count_sd, wide,
    feature, threshold, child, leaf_value, trees_each, components, leaves, begin, tree_of, threshold_of,
    result,
):  # fmt: skip
    """What substitutions at the bases from `first` to `last` (exclusive) do to expression: added to `result`."""
    chunks = (last - first + CHUNK - 1) // CHUNK
    for chunk in prange(chunks):
        change, changed_bin = np.empty(HIDDEN, dtype=np.float32), np.empty(FILTERS, dtype=np.float32)
        change_between = np.empty(HIDDEN, dtype=np.float32)
        columns, steps = np.empty(MAX_CHANGED, dtype=np.int64), np.empty(MAX_CHANGED, dtype=np.int64)
        own = values.copy()  # of the mutant
        seen, token = np.zeros(len(feature), dtype=np.int64), 0
        walked = np.empty(len(feature), dtype=np.int64)
        scores = np.empty(len(components), dtype=np.float32)
        for place in range(first + chunk * CHUNK, min(first + (chunk + 1) * CHUNK, last)):
            for alt in range(4):
                base = alternatives[alt]
                if base == bases[place]:
                    continue
                effect = result[place - first, alt]

                change[:] = ZERO
                window = max(place - WIDTH + 1, 0)
                end_window = min(place, LENGTH - 1)
                while window <= end_window:
                    number = window // BIN
                    changed_bin[:] = ZERO
                    fewer = certain[number]
                    more = fewer
                    while window <= end_window and window // BIN == number:
                        old, new = windows[window], _kmer(bases, window, WIDTH, place, base)
                        if new >= 0:
                            more += old == UNCERTAIN
                            row, before = table[new], table[old]
                            for filt in range(FILTERS):
                                changed_bin[filt] += row[filt] - before[filt]
                        window += 1
                    if more > 0:
                        for filt in range(FILTERS):
                            changed_bin[filt] = (changed_bin[filt] - (more - fewer) * means[number, filt]) / more
                        _add_product(change, changed_bin, bins[number])
                _rectify_change(change, hidden)
                change_between[:] = ZERO
                _add_product(change_between, change, between)
                _rectify_change(change_between, deeper)
                _add_product(effect, change_between, tail)

                token += 1
                found, trees = _count_changes(bases, regions, place, base, columns, steps), 0
                for number in range(found):
                    column = columns[number]
                    if steps[number] == 0:
                        continue
                    # The very operations of Hybrid.scaled_counts: a threshold may lie between two roundings.
                    root = np.sqrt(np.float32(counts[column] + steps[number]))
                    new = (root - count_mean[column]) / count_sd[column]
                    new = min(max(new, np.float32(-LIMIT)), np.float32(LIMIT))
                    old = values[column]
                    if new == old:
                        continue
                    own[column] = new
                    size, weight = new - old, wide[column]
                    for population in range(len(effect)):
                        effect[population] += size * weight[population]
                    for node in range(begin[column], begin[column + 1]):
                        if (old > threshold_of[node]) != (new > threshold_of[node]) and seen[tree_of[node]] != token:
                            seen[tree_of[node]] = token
                            walked[trees] = tree_of[node]
                            trees += 1
                if trees > 0:
                    scores[:] = ZERO
                    for number in range(trees):
                        tree = walked[number]
                        leaf = _leaf(feature[tree], threshold[tree], child[tree], own)
                        scores[tree // trees_each] += leaf_value[tree, leaf] - leaf_value[tree, leaves[tree]]
                    _add_product(effect, scores, components)
                for number in range(found):
                    own[columns[number]] = values[columns[number]]


class Bases(NamedTuple):
    """What all networks read of a gene: certain bases (0–3; 4 for others), six-mers, and counts of k-mers."""

    bases: np.ndarray
    windows: np.ndarray
    counts: np.ndarray


class Layers:
    """A network's weights as a substitution meets them; the last ones give log10 expression, and half of it each.

    bins: bins × filters × hidden units, with both normalisations. wide, tail, components: … × populations.
    """

    def __init__(self, network: Hybrid):
        self.network = network
        self.double = copy.deepcopy(network).double()  # for the reference: it costs nothing
        table = functional.relu(network.six_mers @ network.filters.weight.flatten(1).T + network.filters.bias)
        self.table = functional.pad(table, (0, 0, 0, 1)).numpy()
        head, boosting = network.head, network.boosting
        bins = network.bins.weight.view(HIDDEN, FILTERS, BINS) * _scale(network.even)[:, None]
        bins = bins * _scale(head[0])[:, None, None]
        half = network.expression.sd / 2
        self.bins = bins.permute(2, 1, 0).contiguous().numpy()
        self.between = head[3].weight.T.contiguous().numpy()
        self.tail = (head[6].weight.T * half).contiguous().numpy()
        self.wide = (network.wide.weight.T * half).contiguous().numpy()
        self.counts = network.counts.mean.numpy(), network.counts.sd.numpy()
        self.trees = [
            tensor.flatten(0, 1).numpy()
            for tensor in (boosting.feature, boosting.threshold, boosting.child, boosting.value)
        ]
        self.trees_each = boosting.value.shape[1]
        self.components = (boosting.components * half).numpy()

    def effects(self, read, gene: Bases, annotation: torch.Tensor, first: int, last: int, result: np.ndarray):
        """Expression of the reference; the effects of substitutions at the bases from `first` to `last` go into `result`.

        read: as Hybrid.read gives it, of the gene alone and without margins.
        """
        network, double = self.network, self.double
        features = network.features(read, annotation)
        sums, certain = _sum_bins(gene.windows, self.table)
        means = sums / np.maximum(certain, 1)[:, None]
        hidden = double.bins(double.even(torch.from_numpy(means.T[None])).flatten(1))
        if network.inputs != "sequence":
            hidden = hidden + double.annotated(features[:, COUNTS:].double())
        hidden = double.head[0](hidden)
        deeper = double.head[3](hidden.clamp(min=0))
        neural = double.head[6](deeper.clamp(min=0)) + double.wide(features[:, :COUNTS].double())

        values = features[0].numpy()
        feature, threshold, child, leaf_value = self.trees
        leaves, *paths = _paths(feature, threshold, child, values)
        scores = leaf_value[np.arange(len(leaves)), leaves].astype(np.float64).reshape(-1, self.trees_each).sum(axis=1)
        boosting = (torch.from_numpy(scores) + double.boosting.baseline) @ double.boosting.components
        if last > first:
            _effects(
                gene.bases, first, last, ALTERNATIVES, REGIONS, gene.windows, gene.counts,
                self.table, means.astype(np.float32), certain, self.bins, hidden[0].float().numpy(), self.between,
                deeper[0].float().numpy(), self.tail,
                values, *self.counts, self.wide,
                *self.trees, self.trees_each, self.components, leaves, *paths,
                result,
            )  # fmt: skip
        return network.expression.undo((neural[0] + boosting) / 2).numpy()


def _scale(norm: nn.BatchNorm1d) -> torch.Tensor:
    return norm.weight / torch.sqrt(norm.running_var + norm.eps)


class HybridEffects:
    """The effects of substitutions by several networks, as BruteForce gives them, on the CPU."""

    @torch.no_grad()
    def __init__(self, networks: Sequence[Network]):
        self.layers = [Layers(network.cpu()) for network, _ in networks]
        self.upstream, self.populations = networks[0][0].upstream, len(networks[0][1].populations)

    @torch.no_grad()
    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        take_threads()
        end = len(codes) if end is None else end
        effects = np.zeros((len(self.layers), end - start, 4, self.populations), dtype=np.float32)
        read = Hybrid.read(codes[None], self.upstream).of(torch.arange(1))
        gene = Bases(
            BASE_OF_CODE[region(codes[None], self.upstream, FIRST, END + WIDTH - 1 - BEFORE)][0],
            read.windows[0].numpy(),
            np.square(read.counts[0].numpy()).round().astype(np.int64),
        )
        annotation = torch.from_numpy(annotation[None].astype(np.float32))
        offset = self.upstream + FIRST  # of the bases that are read
        first = min(max(start, offset), end)
        last = max(min(end, offset + len(gene.bases)), first)
        expression = [
            layers.effects(read, gene, annotation, first - offset, last - offset, own[first - start : last - start])
            for layers, own in zip(self.layers, effects, strict=True)
        ]
        return np.stack(expression), effects

"""Effects of all substitutions by the hybrid network, on the CPU. Only what a substitution changes is computed.

A substitution changes six 6-mers of one or two pooling bins, and a few k-mer counts. Only trees in which a changed count
crosses a threshold on the path of the reference can reach another leaf; these trees are evaluated again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from scxpresso.compiled import njit, prange, use_threads
from scxpresso.genome.sequence import BASE_OF_CODE, region
from scxpresso.networks.counted_kmers import COUNTED_KMERS, N_COUNTS
from scxpresso.networks.hybrid import (
    AMBIGUOUS,
    BIN,
    END,
    HIDDEN,
    K_BEFORE,
    N_BINS,
    N_FILTERS,
    START,
    Hybrid,
    HybridInputs,
    K,
)
from scxpresso.networks.scaling import MAX_DEVIATIONS
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.double_precision import in_double
from scxpresso.saturation.effects import PositionEffects
from scxpresso.saturation.kmer_changes import (
    ALTERNATIVE_CHANNELS,
    CountedRegions,
    count_changes,
    kmer_with,
    strand_columns,
)

FIRST = START - K_BEFORE  # the first base read, relative to the TSS; here, bases and regions are counted from it
LENGTH = END - START
COUNTED = CountedRegions.of(FIRST, COUNTED_KMERS, strand_columns(COUNTED_KMERS))
# As constants of the kernels.
COUNTED_ROWS, COUNTED_COLUMNS, MAX_CHANGED = COUNTED.regions, COUNTED.column_of, COUNTED.max_changed
CHUNK = 64  # positions per thread at a time
ZERO = np.float32(0)
FAST = {"nsz", "contract"}


class Gene(NamedTuple):
    """What all networks read of a gene: bases (0–3; 4 if ambiguous), 6-mers and k-mer counts."""

    bases: np.ndarray
    kmers: np.ndarray
    counts: np.ndarray


class Weights(NamedTuple):
    """Weights, arranged for substitutions; output layers give log10 units, halved for the mean with the trees.

    table: 6-mers × filters, the rectified convolution. bin_linear: bins × filters × hidden units, with both batch norms.
    hidden_linear: hidden × hidden units. output_linear: hidden units × populations. count_mean, count_sd: the scaling of
    counts. kmer_linear: counts × populations.
    """

    table: np.ndarray
    bin_linear: np.ndarray
    hidden_linear: np.ndarray
    output_linear: np.ndarray
    count_mean: np.ndarray
    count_sd: np.ndarray
    kmer_linear: np.ndarray


class Trees(NamedTuple):
    """All trees, sorted by component: trees × nodes. components: components × populations.

    order: the nodes of all trees that split, counted through, by feature and then by threshold.
    """

    feature: np.ndarray
    threshold: np.ndarray
    child: np.ndarray
    value: np.ndarray
    components: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, ensembles: Sequence[nn.Module], components: torch.Tensor) -> "Trees":
        """Put the trees of ensembles after each other. components: of all of them, as they are to be weighted."""

        def joined(name: str) -> np.ndarray:
            return np.concatenate([one.get_buffer(name).flatten(0, 1).numpy() for one in ensembles])

        feature, threshold, child = joined("feature"), joined("threshold"), joined("child")
        splits = np.flatnonzero(child[:, :, 0] > np.arange(child.shape[1])).astype(np.int32)
        order = splits[np.lexsort((threshold.ravel()[splits], feature.ravel()[splits]))]
        return cls(feature, threshold, child, joined("value"), components.numpy(), order)


class Reference(NamedTuple):
    """Intermediate results for the reference sequence.

    bin_means: bins × filters. bin_kmers: number of unambiguous 6-mers in each bin. hidden, deeper: the two hidden layers
    before ReLU. features: scaled. leaves: the leaf of each tree. first_node: for each feature, the first of the nodes on the
    paths to the leaves that split on it; tree_of, threshold_of: tree and threshold of these nodes, by rising threshold.
    """

    bin_means: np.ndarray
    bin_kmers: np.ndarray
    hidden: np.ndarray
    deeper: np.ndarray
    features: np.ndarray
    leaves: np.ndarray
    first_node: np.ndarray
    tree_of: np.ndarray
    threshold_of: np.ndarray


@njit(fastmath=FAST)
def _add_product(target: np.ndarray, sizes: np.ndarray, weights: np.ndarray) -> None:
    """Compute target += sizes @ weights, skipping sizes that are 0."""
    for number in range(len(sizes)):
        size, weight = sizes[number], weights[number]
        if size != ZERO:
            for column in range(len(target)):
                target[column] += size * weight[column]


@njit()
def _rectify_change(change: np.ndarray, value: np.ndarray) -> None:
    """Convert a change of `value` to the change of relu(value), in place."""
    for number in range(len(change)):
        change[number] = max(change[number] + min(value[number], ZERO), -max(value[number], ZERO))


@njit()
def _sum_bins(kmers: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum the table rows of the 6-mers in each bin (bins × filters), and count the unambiguous 6-mers."""
    sums, unambiguous = np.zeros((N_BINS, N_FILTERS)), np.zeros(N_BINS, dtype=np.int64)
    for place in range(LENGTH):
        if kmers[place] != AMBIGUOUS:
            unambiguous[place // BIN] += 1
            row = table[kmers[place]]
            for filt in range(N_FILTERS):
                sums[place // BIN, filt] += row[filt]
    return sums, unambiguous


@njit()
def _leaf(feature: np.ndarray, threshold: np.ndarray, child: np.ndarray, features: np.ndarray) -> int:
    """Find the leaf of a tree for the features of a gene; a leaf is its own child."""
    node = 0
    while True:
        following = child[node, 1 if features[feature[node]] > threshold[node] else 0]
        if following == node:
            return node
        node = following


@njit()
def tree_paths(trees: Trees, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compute `leaves`, `first_node`, `tree_of` and `threshold_of` of a Reference."""
    feature, threshold, child = trees.feature, trees.threshold, trees.child
    leaves = np.empty(len(feature), dtype=np.int64)
    first_node = np.zeros(len(features) + 1, dtype=np.int64)
    on_path = np.zeros(feature.shape, dtype=np.bool_)
    for tree in range(len(feature)):
        node = 0
        while True:
            split = feature[tree, node]
            following = child[tree, node, 1 if features[split] > threshold[tree, node] else 0]
            if following == node:
                break
            on_path[tree, node] = True
            first_node[split + 1] += 1
            node = following
        leaves[tree] = node
    first_node = np.cumsum(first_node)
    tree_of, threshold_of = np.empty(first_node[-1], dtype=np.int64), np.empty(first_node[-1])
    found, marks, thresholds = 0, on_path.ravel(), threshold.ravel()
    for place in trees.order:
        if marks[place]:
            tree_of[found], threshold_of[found] = place // feature.shape[1], thresholds[place]
            found += 1
    return leaves, first_node, tree_of, threshold_of


@njit()
def _add_convolution_effects(
    gene: Gene, weights: Weights, reference: Reference, places: np.ndarray, result: np.ndarray
) -> None:
    """Add to `result` the effects through the convolution of substitutions at some bases."""
    bases, kmers, table = gene.bases, gene.kmers, weights.table
    bin_means, bin_kmers = reference.bin_means, reference.bin_kmers
    change, bin_change = np.empty(HIDDEN, dtype=np.float32), np.empty(N_FILTERS, dtype=np.float32)
    deeper_change = np.empty(HIDDEN, dtype=np.float32)
    for at in range(len(places)):
        place = places[at]
        for alt in range(4):
            base = ALTERNATIVE_CHANNELS[alt]
            if base == bases[place]:
                continue
            change[:] = ZERO
            position = max(place - K + 1, 0)
            last_position = min(place, LENGTH - 1)
            while position <= last_position:
                number = position // BIN
                bin_change[:] = ZERO
                fewer = bin_kmers[number]
                more = fewer
                while position <= last_position and position // BIN == number:
                    old, new = kmers[position], kmer_with(bases, position, K, place, base)
                    if new >= 0:
                        more += old == AMBIGUOUS
                        row, before = table[new], table[old]
                        for filt in range(N_FILTERS):
                            bin_change[filt] += row[filt] - before[filt]
                    position += 1
                if more > 0:
                    for filt in range(N_FILTERS):
                        bin_change[filt] = (bin_change[filt] - (more - fewer) * bin_means[number, filt]) / more
                    _add_product(change, bin_change, weights.bin_linear[number])
            _rectify_change(change, reference.hidden)
            deeper_change[:] = ZERO
            _add_product(deeper_change, change, weights.hidden_linear)
            _rectify_change(deeper_change, reference.deeper)
            _add_product(result[at, alt], deeper_change, weights.output_linear)


@njit()
def touch_trees(
    reference: Any,
    column: int,
    old: float,
    new: float,
    last_seen: np.ndarray,
    substitution: int,
    touched: np.ndarray,
    found: int,
) -> int:
    """Add to `touched` the trees in which a feature crosses a threshold on the reference's path; return their number.

    reference: with first_node, tree_of and threshold_of, see Reference. last_seen: of each tree, the substitution that
    touched it last: none is added twice. found: number of trees that were touched before.
    """
    # A threshold is crossed if it is not below the smaller of both, and below the larger.
    node, end = reference.first_node[column], reference.first_node[column + 1]
    node += np.searchsorted(reference.threshold_of[node:end], np.float64(min(old, new)))
    larger = max(old, new)
    while node < end and reference.threshold_of[node] < larger:
        tree = reference.tree_of[node]
        if last_seen[tree] != substitution:
            last_seen[tree] = substitution
            touched[found] = tree
            found += 1
        node += 1
    return found


@njit()
def _add_count_effects(
    gene: Gene, weights: Weights, trees: Trees, reference: Reference, places: np.ndarray, result: np.ndarray
) -> None:
    """Add to `result` the effects through k-mer counts of the same substitutions: by the linear layer and the trees."""
    bases, counts, kmer_linear = gene.bases, gene.counts, weights.kmer_linear
    count_mean, count_sd, features = weights.count_mean, weights.count_sd, reference.features
    columns, steps = np.empty(MAX_CHANGED, dtype=np.int64), np.empty(MAX_CHANGED, dtype=np.int64)
    counted = CountedRegions(COUNTED_ROWS, COUNTED_COLUMNS)
    mutant = features.copy()
    last_seen, substitution = np.zeros(len(trees.feature), dtype=np.int64), 0
    touched = np.empty(len(trees.feature), dtype=np.int64)  # trees that may reach another leaf
    for at in range(len(places)):
        place = places[at]
        for alt in range(4):
            base = ALTERNATIVE_CHANNELS[alt]
            if base == bases[place]:
                continue
            effect = result[at, alt]
            substitution += 1
            found, n_touched = count_changes(bases, place, base, counted, columns, steps), 0
            for number in range(found):
                column = columns[number]
                if steps[number] == 0:
                    continue
                # Exactly the operations of Hybrid.scaled_counts, because a threshold may lie between two roundings.
                root = np.sqrt(np.float32(counts[column] + steps[number]))
                new = (root - count_mean[column]) / count_sd[column]
                new = min(max(new, np.float32(-MAX_DEVIATIONS)), np.float32(MAX_DEVIATIONS))
                old = features[column]
                if new == old:
                    continue
                mutant[column] = new
                size, weight = new - old, kmer_linear[column]
                for population in range(len(effect)):
                    effect[population] += size * weight[population]
                n_touched = touch_trees(reference, column, old, new, last_seen, substitution, touched, n_touched)
            if n_touched > 0:
                add_tree_effects(trees, reference.leaves, touched[:n_touched], mutant, effect)
            for number in range(found):
                mutant[columns[number]] = features[columns[number]]


@njit()
def add_tree_effects(
    trees: Trees, leaves: np.ndarray, touched: np.ndarray, mutant: np.ndarray, effect: np.ndarray
) -> None:
    """Add to `effect` the output of the `touched` trees for the features of a mutant, minus that at their `leaves`."""
    trees_each = len(trees.feature) // len(trees.components)
    scores = np.zeros(len(trees.components), dtype=np.float32)
    for tree in touched:
        leaf = _leaf(trees.feature[tree], trees.threshold[tree], trees.child[tree], mutant)
        scores[tree // trees_each] += trees.value[tree, leaf] - trees.value[tree, leaves[tree]]
    _add_product(effect, scores, trees.components)


@njit(parallel=True)
def _add_effects(
    gene: Gene, weights: Weights, trees: Trees, reference: Reference, places: np.ndarray, result: np.ndarray
) -> None:
    """Add to `result` (places × 4 × populations) the effects of substitutions at some bases."""
    for chunk in prange((len(places) + CHUNK - 1) // CHUNK):
        here = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        _add_convolution_effects(gene, weights, reference, places[here], result[here])
        _add_count_effects(gene, weights, trees, reference, places[here], result[here])


class Layers:
    """A network with its weights arranged for the kernels."""

    def __init__(self, network: Hybrid):
        self.network = network
        trees, weight = network.trees, network.get_parameter
        half = network.expression.sd / 2
        self.weights = Weights(
            table=network.padded_table().numpy(),
            bin_linear=fold_batch_norms(network).numpy(),
            hidden_linear=weight("head.3.weight").T.contiguous().numpy(),
            output_linear=(weight("head.6.weight").T * half).contiguous().numpy(),
            count_mean=network.kmer_counts.mean.numpy(),
            count_sd=network.kmer_counts.sd.numpy(),
            kmer_linear=(network.kmer_linear.weight.T * half).contiguous().numpy(),
        )
        self.trees = Trees.of([trees], trees.components * half)

    def effects(
        self, read: HybridInputs, gene: Gene, annotation: torch.Tensor, places: np.ndarray, result: np.ndarray
    ) -> np.ndarray:
        """Return the expression of the reference; write effects of substitutions at some bases into `result`.

        read: the output of Hybrid.read for this one gene, without margins.
        """
        features = self.network.features(read, annotation)
        sums, unambiguous = _sum_bins(gene.kmers, self.weights.table)
        means = sums / np.maximum(unambiguous, 1)[:, None]
        hidden, deeper, neural = layers_of_gene(self.network, torch.from_numpy(means.T[None]), features)
        scaled = features[0].numpy()
        leaves, *paths = tree_paths(self.trees, scaled)
        if len(places):
            reference = Reference(
                means.astype(np.float32), unambiguous, hidden[0].float().numpy(), deeper[0].float().numpy(), scaled,
                leaves, *paths,
            )  # fmt: skip
            _add_effects(gene, self.weights, self.trees, reference, places, result)
        return self.network.expression.undo((neural[0] + self._by_trees(leaves)) / 2).numpy()

    def _by_trees(self, leaves: np.ndarray) -> torch.Tensor:
        """Predict z-scaled expression by the trees, from the leaves that a gene reaches."""
        values = self.trees.value[np.arange(len(leaves)), leaves].astype(np.float64)
        scores = values.reshape(len(self.trees.components), -1).sum(axis=1)
        trees = self.network.trees
        return (torch.from_numpy(scores) + trees.baseline.double()) @ trees.components.double()


def layers_of_gene(
    network: Hybrid, means: torch.Tensor, features: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the hidden layers of genes before ReLU, and the output without trees, in double precision.

    Parameters
    ----------
    means: genes × filters × bins, float64, as Hybrid.binned gives them.
    features: genes × features, scaled.
    """
    hidden = in_double(network.bin_linear, in_double(network.batch_norm, means).flatten(1))
    if network.inputs != "sequence":
        hidden = hidden + in_double(network.annotation_linear, features[:, N_COUNTS:].double())
    hidden = in_double(network.head[0], hidden)
    deeper = in_double(network.head[3], hidden.clamp(min=0))
    by_counts = in_double(network.kmer_linear, features[:, :N_COUNTS].double())
    return hidden, deeper, in_double(network.head[6], deeper.clamp(min=0)) + by_counts


def fold_batch_norms(network: Hybrid) -> torch.Tensor:
    """Fold the scales of both batch norms into the linear layer on bins: bins × filters × hidden units."""
    head_norm = next(layer for layer in network.head if isinstance(layer, nn.BatchNorm1d))
    weight = network.bin_linear.weight.view(HIDDEN, N_FILTERS, N_BINS) * _scale(network.batch_norm)[:, None]
    return (weight * _scale(head_norm)[:, None, None]).permute(2, 1, 0).contiguous()


def _scale(norm: nn.BatchNorm1d) -> torch.Tensor:
    return norm.weight / torch.sqrt(norm.get_buffer("running_var") + norm.eps)


class HybridEffects(PositionEffects):
    """Effects of substitutions by several networks, on the CPU, in the form of BruteForce."""

    @torch.no_grad()
    def __init__(self, networks: Sequence[tuple[Hybrid, NetworkMetadata]]):
        self.layers = [Layers(network.cpu()) for network, _ in networks]
        self.upstream, self.populations = networks[0][0].upstream, len(networks[0][1].populations)

    @torch.no_grad()
    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""
        use_threads(torch.get_num_threads())
        effects = np.zeros((len(self.layers), len(positions), 4, self.populations), dtype=np.float32)
        read = Hybrid.read(codes[None], self.upstream).of(torch.arange(1))
        gene = Gene(
            BASE_OF_CODE[region(codes[None], self.upstream, FIRST, END + K - 1 - K_BEFORE)][0],
            read.kmers[0].numpy(),
            np.square(read.counts[0].numpy()).round().astype(np.int64),
        )
        features = torch.from_numpy(annotation[None].astype(np.float32))
        places = positions - (self.upstream + FIRST)  # in the bases that are read
        first, last = np.searchsorted(places, (0, len(gene.bases)))
        expression = [
            layers.effects(read, gene, features, places[first:last], own[first:last])
            for layers, own in zip(self.layers, effects, strict=True)
        ]
        return np.stack(expression), effects

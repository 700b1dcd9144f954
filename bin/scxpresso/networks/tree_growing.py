"""Growth of one regression tree on features in bins: what scikit-learn's TreeGrower gives, in a quarter of its time.

Least squares, without missing values, categories or constraints. As there, the node whose split gains most is split next, the
smaller child's histograms are counted, and the larger one's are what remains of the parent's. Sums are in the same order, so
that every number is the same.
"""

from typing import NamedTuple

import numpy as np

from scxpresso.compiled import copy, njit

NOTHING = 1e-15  # so that no value is divided by 0


class Nodes(NamedTuple):
    """Nodes of a tree, a node before its children, the left one first.

    feature, bin: of an inner node; genes of this bin and those below go to the left. left, right: numbers of its children.
    value: of a leaf. is_leaf: whether it is one.
    """

    feature: np.ndarray
    bin: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    is_leaf: np.ndarray


@njit()
def _count(
    bins: np.ndarray, read: np.ndarray, genes: np.ndarray, gradient: np.ndarray, sums: np.ndarray, counts: np.ndarray
) -> None:
    """Fill histograms (features × bins) of some genes: sums of the gradient, and numbers of genes.

    Gene by gene: one feature of several genes would often add to the same bin, and wait each time for the sum before.
    """
    sums[:], counts[:] = 0, 0
    for gene in genes:
        of_gene, own = bins[gene], gradient[gene]
        for number in range(len(read)):
            bin_ = of_gene[read[number]]
            sums[number, bin_] += own
            counts[number, bin_] += 1


@njit()
def _subtract(sums: np.ndarray, counts: np.ndarray, other_sums: np.ndarray, other_counts: np.ndarray) -> None:
    """Subtract histograms of other genes from those of a node."""
    for number in range(sums.shape[0]):
        for bin_ in range(sums.shape[1]):
            sums[number, bin_] -= other_sums[number, bin_]
            counts[number, bin_] -= other_counts[number, bin_]


@njit()
def _value(gradient: float, genes: int, l2: float) -> float:
    return -gradient / (genes + l2 + NOTHING)


@njit()
def _best_split(
    sums: np.ndarray,
    counts: np.ndarray,
    n_bins: np.ndarray,
    gradient: float,
    genes: int,
    value: float,
    min_leaf: int,
    l2: float,
) -> tuple[float, int, int, float, int]:
    """Find the split that gains most: gain, number of the feature, bin, gradient and genes of the left child.

    The gain is 0 if there is none. n_bins: of each feature. gradient, genes, value: of the node.
    """
    best = 0.0, -1, 0, 0.0, 0
    for number in range(len(n_bins)):
        gradient_left, genes_left = 0.0, 0
        for bin_ in range(n_bins[number] - 1):
            genes_left += counts[number, bin_]
            gradient_left += sums[number, bin_]
            if genes_left < min_leaf or (counts[number, bin_] == 0 and sums[number, bin_] == 0):  # as the bin before
                continue
            if genes - genes_left < min_leaf:
                break
            gradient_right = gradient - gradient_left
            gain = gradient * value
            gain -= gradient_left * _value(gradient_left, genes_left, l2)
            gain -= gradient_right * _value(gradient_right, genes - genes_left, l2)
            if gain > best[0]:
                best = gain, number, bin_, gradient_left, genes_left
    return best


@njit()
def _part(genes: np.ndarray, of_feature: np.ndarray, bin_: int) -> None:
    """Put the genes up to a bin first, in their order."""
    rest, low, high = np.empty_like(genes), 0, 0
    for gene in genes:
        if of_feature[gene] <= bin_:
            genes[low] = gene
            low += 1
        else:
            rest[high] = gene
            high += 1
    copy(rest[:high], genes[low:])


@njit()
def _in_order(
    left: np.ndarray, right: np.ndarray, feature: np.ndarray, bin_: np.ndarray, value: np.ndarray, count: int
) -> Nodes:
    """Number nodes anew: a node before its children, the left one first. left: −1 for a leaf."""
    new_left, new_right = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    new_feature, new_bin = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    new_value, is_leaf = np.zeros(count), np.zeros(count, dtype=np.bool_)
    waiting, parent = np.zeros(count, dtype=np.int64), np.full(count, -1)
    depth = 1
    for number in range(count):
        depth -= 1
        node = waiting[depth]
        if parent[node] >= 0:  # a right child, which waited
            new_right[parent[node]] = number
        new_value[number], is_leaf[number] = value[node], left[node] < 0
        if left[node] >= 0:
            new_feature[number], new_bin[number] = feature[node], bin_[node]
            new_left[number] = number + 1
            parent[right[node]] = number
            waiting[depth], waiting[depth + 1] = right[node], left[node]
            depth += 2
    return Nodes(new_feature, new_bin, new_left, new_right, new_value, is_leaf)


@njit()
def grow_tree(
    bins: np.ndarray,
    read: np.ndarray,
    n_bins: np.ndarray,
    gradient: np.ndarray,
    total: float,
    max_leaves: int,
    max_depth: int,
    min_leaf: int,
    l2: float,
    shrinkage: float,
    predicted: np.ndarray,
) -> Nodes:
    """Grow a tree, and add to `predicted` (genes) what it gives.

    Parameters
    ----------
    bins: genes × features (uint8). read: features that the tree reads. n_bins: numbers of their bins.
    gradient: of each gene (float32), by which predictions are too large. total: its sum.
    max_leaves, max_depth, min_leaf, l2, shrinkage: as scikit-learn's max_leaf_nodes, max_depth, min_samples_leaf,
        l2_regularization and learning_rate.
    """
    most = 2 * max_leaves - 1
    genes = np.arange(len(bins))
    start, end, depth = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most, np.int64)
    left, right = np.full(most, -1), np.full(most, -1)
    feature, bin_, genes_left = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most, np.int64)
    gradients, gradient_left, value, gain = np.zeros(most), np.zeros(most), np.zeros(most), np.zeros(most)
    slot = np.zeros(most, np.int64)  # of a node's histograms
    widest = n_bins.max()
    sums = np.empty((max_leaves, len(read), widest))
    counts = np.empty((max_leaves, len(read), widest), dtype=np.int32)
    gradients[0], end[0] = total, len(genes)
    count, leaves = 1, 1
    if len(genes) >= 2 * min_leaf:
        _count(bins, read, genes, gradient, sums[0], counts[0])
        found = _best_split(sums[0], counts[0], n_bins, total, len(genes), 0.0, min_leaf, l2)
        gain[0], feature[0], bin_[0], gradient_left[0], genes_left[0] = found
    while leaves < max_leaves:
        node = int(np.argmax(gain[:count]))
        if gain[node] <= 0:
            break
        gain[node] = 0
        middle = start[node] + genes_left[node]
        _part(genes[start[node] : end[node]], bins[:, read[feature[node]]], bin_[node])
        left[node], right[node] = count, count + 1
        for child, first, last, of_child in (
            (count, start[node], middle, gradient_left[node]),
            (count + 1, middle, end[node], gradients[node] - gradient_left[node]),
        ):
            start[child], end[child], depth[child], gradients[child] = first, last, depth[node] + 1, of_child
            value[child] = _value(of_child, last - first, l2)
        sizes = middle - start[node], end[node] - middle
        smaller, larger = (count, count + 1) if sizes[0] < sizes[1] else (count + 1, count)
        count += 2
        leaves += 1
        if leaves == max_leaves or depth[smaller] == max_depth or max(sizes) < 2 * min_leaf:
            continue
        slot[smaller], slot[larger] = leaves - 1, slot[node]
        one, other = slot[smaller], slot[larger]
        _count(bins, read, genes[start[smaller] : end[smaller]], gradient, sums[one], counts[one])
        _subtract(sums[other], counts[other], sums[one], counts[one])
        for child in (smaller, larger):
            size = end[child] - start[child]
            if size >= 2 * min_leaf:
                found = _best_split(
                    sums[slot[child]], counts[slot[child]], n_bins, gradients[child], size, value[child], min_leaf, l2
                )
                gain[child], feature[child], bin_[child], gradient_left[child], genes_left[child] = found
    for node in range(count):
        if left[node] < 0:
            value[node] *= shrinkage
            for gene in genes[start[node] : end[node]]:
                predicted[gene] += value[node]
        else:
            feature[node] = read[feature[node]]
    return _in_order(left, right, feature, bin_, value, count)

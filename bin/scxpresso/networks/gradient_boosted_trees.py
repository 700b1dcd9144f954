"""Gradient-boosted trees as tensors: fitted as by scikit-learn, kept in a file of weights, evaluated on any device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scxpresso.networks.tree_growing import Nodes, grow_tree

COMPONENTS = 10  # of expression; further ones of many populations are noise, and cost as much as the first
TREES = 200  # per component
LEAVES = 15
DEPTH = 6
SETTINGS: dict[str, Any] = {
    "max_iter": TREES,
    "max_leaf_nodes": LEAVES,
    "max_depth": DEPTH,
    "learning_rate": 0.05,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "max_bins": 255,
    "features_of_a_tree": 0.2,  # a share: quicker, and better than all of them
    "rounds_of_first": 1,  # times max_iter trees predict the first component, of which most can be predicted
}


@dataclass(frozen=True)
class Bins:
    """Features in bins, as trees are fitted to them.

    number: of bins. of_genes: genes × features, uint8. thresholds: of each feature, the upper bounds of its bins but the last.
    columns: of the features, those that trees may read.
    """

    number: int
    of_genes: np.ndarray
    thresholds: list[np.ndarray]
    columns: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, settings: dict[str, Any]) -> "Bins":
        """Put features (genes × features, no NaN) into bins of as many genes each as possible."""
        # scikit-learn's own boosting has no place for what is done here; its version is pinned.
        from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper  # slow to import; only fitting needs it

        mapper = _BinMapper(settings["max_bins"] + 1, random_state=0, n_threads=torch.get_num_threads())
        in_bins = mapper.fit_transform(features)
        columns = np.arange(features.shape[1])
        return cls(settings["max_bins"] + 1, np.ascontiguousarray(in_bins), mapper.bin_thresholds_, columns)

    def select(self, genes: np.ndarray, columns: np.ndarray) -> "Bins":
        """Return those of some of the genes, of which trees may read some columns."""
        return replace(self, of_genes=self.of_genes[genes], columns=columns)


def boosted(
    bins: Bins, targets: Sequence[np.ndarray], trees_of: Sequence[int], settings: dict[str, Any], seed: int
) -> Iterator[tuple[float, list[Nodes]]]:
    """Boost trees for each target by least squares: give its mean, and its trees.

    As HistGradientBoostingRegressor, but each *tree* reads features of its own, where that draws them for each split: only
    those need histograms, which is most of the work.

    targets: of the genes, each. trees_of: number of trees for each target.
    """
    draw = np.random.default_rng(seed)
    number = max(1, round(settings["features_of_a_tree"] * len(bins.columns)))
    n_bins = np.array([len(bounds) + 1 for bounds in bins.thresholds])
    growing = [
        settings[name]
        for name in ("max_leaf_nodes", "max_depth", "min_samples_leaf", "l2_regularization", "learning_rate")
    ]
    for target, number_of_trees in zip(targets, trees_of, strict=True):
        predicted, trees = np.full(len(target), target.mean(), np.float64), []
        for _ in range(number_of_trees):
            read = np.sort(draw.permutation(bins.columns)[:number])
            gradient = (predicted - target).astype(np.float32)
            # As scikit-learn adds it up: over the bins of the first feature.
            total = np.bincount(bins.of_genes[:, read[0]], gradient, bins.number).sum()
            trees.append(grow_tree(bins.of_genes, read, n_bins[read], gradient, total, *growing, predicted))
        yield float(target.mean()), trees


class GradientBoostedTrees(nn.Module):
    """Trees that predict the principal components of expression: genes × features → genes × populations.

    Components rather than populations, so that what sets populations apart is fitted for itself and not as a small part of
    what they share. A tree is a row of nodes; a leaf is its own child, so that every gene takes as many steps as trees are
    deep. Trees are kept in rounds of max_iter; a component has one or more of them. settings: as SETTINGS.
    """

    feature: Tensor
    threshold: Tensor
    child: Tensor
    value: Tensor
    baseline: Tensor
    components: Tensor

    def __init__(self, populations: int, settings: dict[str, Any] = SETTINGS):
        super().__init__()
        self.settings = settings
        self.rounds = np.ones(min(populations, COMPONENTS), dtype=int)  # of each component
        self.rounds[0] = settings["rounds_of_first"]
        rounds, trees = int(self.rounds.sum()), settings["max_iter"]
        nodes = 2 * settings["max_leaf_nodes"] - 1
        self.register_buffer("feature", torch.zeros(rounds, trees, nodes, dtype=torch.int32))
        self.register_buffer("threshold", torch.zeros(rounds, trees, nodes, dtype=torch.float64))
        self.register_buffer("child", torch.zeros(rounds, trees, nodes, 2, dtype=torch.uint8))
        self.register_buffer("value", torch.zeros(rounds, trees, nodes))
        self.register_buffer("baseline", torch.zeros(rounds))
        self.register_buffer("components", torch.zeros(rounds, populations))  # the direction of each round

    def fit(self, bins: Bins, expression: np.ndarray, seed: int) -> None:
        """expression: genes × populations, z-scaled."""
        directions = np.linalg.svd(expression, full_matrices=False)[2][: len(self.rounds)]
        rounds, size = self.rounds[: len(directions)], self.settings["max_iter"]
        self.components[: rounds.sum()] = torch.from_numpy(np.repeat(directions, rounds, axis=0))
        targets, first = (expression @ directions.T).T, np.cumsum(rounds) - rounds
        for begin, (mean, trees) in zip(
            first.tolist(), boosted(bins, targets, (rounds * size).tolist(), self.settings, seed), strict=True
        ):
            self.baseline[begin] = mean
            for tree, nodes in enumerate(trees):
                self._keep(begin + tree // size, tree % size, nodes, bins.thresholds)

    def _keep(self, number: int, tree: int, nodes: Nodes, thresholds: Sequence[np.ndarray]) -> None:
        """Write a tree of a round. thresholds: of the bins of each feature."""
        at = (number, tree, slice(len(nodes.value)))
        itself = np.arange(len(nodes.value))
        children = [np.where(nodes.is_leaf, itself, side) for side in (nodes.left, nodes.right)]
        bounds = [
            0.0 if is_leaf else thresholds[feature][bin_]
            for is_leaf, feature, bin_ in zip(
                *(part.tolist() for part in (nodes.is_leaf, nodes.feature, nodes.bin)), strict=True
            )
        ]
        self.feature[at] = torch.from_numpy(nodes.feature.astype(np.int32))
        self.threshold[at] = torch.tensor(bounds, dtype=torch.float64)
        self.child[at] = torch.from_numpy(np.stack(children, axis=1).astype(np.uint8))
        self.value[at] = torch.from_numpy(nodes.value.astype(np.float32))

    def forward(self, features: Tensor) -> Tensor:
        """Predict z-scaled expression: genes × populations. All trees take a step at once, in few calls for a GPU."""
        # Nodes × trees, and both sides of each node × trees.
        feature, threshold, value = (part.flatten(0, 1).T for part in (self.feature.long(), self.threshold, self.value))
        child = self.child.long().flatten(2, 3).flatten(0, 1).T
        node = torch.zeros(len(features), feature.shape[1], dtype=torch.long, device=features.device)
        for _ in range(self.settings["max_depth"]):
            right = features.gather(1, feature.gather(0, node)) > threshold.gather(0, node)
            node = child.gather(0, 2 * node + right)
        values = value.gather(0, node).view(len(features), *self.value.shape[:2])
        return (values.sum(dim=2) + self.baseline) @ self.components

"""Gradient-boosted trees as tensors: fitted by scikit-learn, kept in a file of weights, evaluated on any device."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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
    "max_features": 0.1,  # of each split: quicker, and better than all of them
    "early_stopping": False,
}


def fit_regressors(features: np.ndarray, targets: Sequence[np.ndarray], settings: dict[str, Any]) -> list[Any]:
    """Fit a HistGradientBoostingRegressor to each target; the same as one by one, but features are put into bins once.

    features: genes × features. targets: of the genes each.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # slow to import, and only fitting needs it
    from threadpoolctl import threadpool_limits

    class BinnedOnce(HistGradientBoostingRegressor):
        _bin_mapper: Any

        def _bin_data(self, X: np.ndarray, sample_weight: np.ndarray | None, is_training_data: bool) -> np.ndarray:
            if not binned:
                binned.append((self._bin_mapper, super()._bin_data(X, sample_weight, is_training_data)))
            self._bin_mapper, in_bins = binned[0]
            return in_bins

    binned: list[tuple[Any, np.ndarray]] = []
    with threadpool_limits(torch.get_num_threads()):
        return [BinnedOnce(**settings).fit(features, target) for target in targets]


class GradientBoostedTrees(nn.Module):
    """Trees that predict the principal components of expression: genes × features → genes × populations.

    Components rather than populations, so that what sets populations apart is fitted for itself and not as a small part of
    what they share. A tree is a row of nodes; a leaf is its own child, so that every gene takes as many steps as trees are
    deep. settings: of scikit-learn's HistGradientBoostingRegressor.
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
        components, trees = min(populations, COMPONENTS), settings["max_iter"]
        nodes = 2 * settings["max_leaf_nodes"] - 1
        self.register_buffer("feature", torch.zeros(components, trees, nodes, dtype=torch.int32))
        self.register_buffer("threshold", torch.zeros(components, trees, nodes, dtype=torch.float64))
        self.register_buffer("child", torch.zeros(components, trees, nodes, 2, dtype=torch.uint8))
        self.register_buffer("value", torch.zeros(components, trees, nodes))
        self.register_buffer("baseline", torch.zeros(components))
        self.register_buffer("components", torch.zeros(components, populations))

    def fit(self, features: np.ndarray, expression: np.ndarray, seed: int) -> None:
        """features: genes × features (float32, no NaN). expression: genes × populations, z-scaled."""
        directions = np.linalg.svd(expression, full_matrices=False)[2][: len(self.components)]
        self.components[: len(directions)] = torch.from_numpy(directions)
        targets = (expression @ directions.T).T
        for number, model in enumerate(fit_regressors(features, targets, self.settings | {"random_state": seed})):
            self.baseline[number] = float(model._baseline_prediction.item())
            for tree, (predictor,) in enumerate(model._predictors):
                self._keep(number, tree, predictor.nodes)

    def _keep(self, component: int, tree: int, nodes: np.ndarray) -> None:
        at = (component, tree, slice(len(nodes)))
        itself = np.arange(len(nodes))
        leaf = nodes["is_leaf"].astype(bool)
        children = [np.where(leaf, itself, nodes[side]) for side in ("left", "right")]
        self.feature[at] = torch.from_numpy(np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32))
        self.threshold[at] = torch.from_numpy(nodes["num_threshold"].astype(np.float64))
        self.child[at] = torch.from_numpy(np.stack(children, axis=1).astype(np.uint8))
        self.value[at] = torch.from_numpy(nodes["value"].astype(np.float32))

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

"""Leaves of trees as sums over features: on a GPU, adding is faster than walking down trees.

In each tree, a gene reaches the leaf on whose path no condition is violated. The violated conditions of all leaves of a tree
are counted in one number, with FIELD bits per leaf. What a changed feature adds to these counts does not depend on the other
features.
"""

import torch
from torch import Tensor

from scxpresso.networks.gradient_boosted_trees import DEPTH, LEAVES, GradientBoostedTrees

FIELD = 3  # bits, for up to DEPTH conditions; LEAVES · FIELD bits are exact in float64, which embedding_bag sums
FIELDS = sum(1 << FIELD * leaf for leaf in range(LEAVES))  # 1 in the field of each leaf
FLOAT_BITS, FLOAT_BIAS = 23, 127  # of float32: bits below the exponent, and the exponent of 1
assert DEPTH < 2**FIELD and LEAVES * FIELD <= 53


class TreeConditions:
    """The conditions of all trees, sorted by component. columns: number of features that may change; they come first."""

    def __init__(self, trees: GradientBoostedTrees, columns: int):
        self.columns = columns
        feature, threshold, value = (part.flatten(0, 1) for part in (trees.feature, trees.threshold, trees.value))
        self.feature, self.threshold = feature.long(), threshold
        left, right = trees.child.flatten(0, 1).long().unbind(2)
        node = torch.arange(left.shape[1], device=left.device)
        leaf, inner = left == node, left > node  # nodes that pad a tree are neither
        number = (leaf.cumsum(1) - 1).clamp(min=0)
        itself = (torch.ones_like(number) << FIELD * number).where(leaf, 0)
        below = itself  # fields of all leaves below each node
        for _ in range(DEPTH):
            below = (below.gather(1, left) + below.gather(1, right)).where(inner, itself)
        # A gene that goes right violates a condition of every leaf on the left.
        self.if_right = below.gather(1, left).where(inner, 0)
        self.if_left = below.gather(1, right).where(inner, 0)
        self.lacking = FIELDS - below[:, 0]  # a gene never reaches a leaf that does not exist
        place = (FIELD * number).where(leaf, FIELD * LEAVES)
        values = value.new_zeros(len(value), FIELD * LEAVES + 1)
        self.values = values.scatter_(1, place, value.where(leaf, 0))[:, :-1].contiguous()
        self.first_value = torch.arange(len(value), device=value.device) * (FIELD * LEAVES) - FLOAT_BIAS

    def violated(self, features: Tensor) -> Tensor:
        """Count the violated conditions for the features of a gene: one number per tree, float64."""
        right = features[self.feature] > self.threshold
        return (self.lacking + torch.where(right, self.if_right, self.if_left).sum(1)).double()

    def changes(self, features: Tensor, changed: Tensor) -> Tensor:
        """Compute what a change of one feature adds to `violated`.

        Parameters
        ----------
        features: of the gene.
        changed: changes × columns, values of the first features after a change.

        Returns
        -------
        (changes · columns) × trees, float64.
        """
        movable = self.feature < self.columns
        feature = self.feature.where(movable, 0)
        before = features[feature] > self.threshold
        after = changed[:, feature] > self.threshold
        step = (self.if_right - self.if_left).where(movable, 0).double()
        added = (after.to(torch.int8) - before.to(torch.int8)) * step
        tree = torch.arange(len(feature), device=feature.device)[:, None]
        row = torch.arange(len(changed), device=feature.device)[:, None, None] * self.columns + feature
        total = added.new_zeros(len(changed) * self.columns * len(feature))
        total.scatter_add_(0, (row * len(feature) + tree).flatten(), added.flatten())
        return total.view(-1, len(feature))

    def leaf_values(self, violated: Tensor) -> Tensor:
        """Look up the values of the leaves reached: genes × trees, from the counts of violated conditions."""
        fields = violated.long()
        some = fields | (fields >> 1) | (fields >> 2)
        none = some.bitwise_and_(FIELDS).bitwise_xor_(FIELDS)  # a power of 2, and so exact in float32
        place = none.float().view(torch.int32) >> FLOAT_BITS
        return self.values.take(place + self.first_value)

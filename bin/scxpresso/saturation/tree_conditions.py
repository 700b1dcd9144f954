"""The leaves of trees that a gene reaches, as sums over its features: a GPU adds faster than it walks down trees.

Of a tree's leaves, a gene reaches the one on whose path it violates no condition. The violated conditions of all leaves of
a tree are counted in one number, with FIELD bits for each leaf. What a changed feature adds to these counts does not
depend on the other features.
"""

import torch
from torch import Tensor

from scxpresso.networks.gradient_boosted_trees import DEPTH, LEAVES, GradientBoostedTrees

FIELD = 3  # bits: a path has DEPTH conditions. LEAVES · FIELD bits are exact in float64, which a device adds up
FIELDS = sum(1 << FIELD * leaf for leaf in range(LEAVES))  # 1 in each
FLOAT_BITS, FLOAT_BIAS = 23, 127  # of float32: where the exponent begins, and that of 1
assert DEPTH < 2**FIELD and LEAVES * FIELD <= 53


class TreeConditions:
    """All trees, those of a component after each other. columns: of features that may change."""

    def __init__(self, trees: GradientBoostedTrees, columns: int):
        self.columns = columns
        feature, threshold, value = (part.flatten(0, 1) for part in (trees.feature, trees.threshold, trees.value))
        self.feature, self.threshold = feature.long(), threshold
        left, right = trees.child.flatten(0, 1).long().unbind(2)
        node = torch.arange(left.shape[1], device=left.device)
        leaf, inner = left == node, left > node  # rows of nodes are filled up with nodes that are neither
        number = (leaf.cumsum(1) - 1).clamp(min=0)
        itself = (torch.ones_like(number) << FIELD * number).where(leaf, 0)
        below = itself  # the fields of the leaves below a node
        for _ in range(DEPTH):
            below = (below.gather(1, left) + below.gather(1, right)).where(inner, itself)
        # What lies to the left is violated where the gene goes right.
        self.if_right = below.gather(1, left).where(inner, 0)
        self.if_left = below.gather(1, right).where(inner, 0)
        self.lacking = FIELDS - below[:, 0]  # leaves that a tree lacks are never reached
        place = (FIELD * number).where(leaf, FIELD * LEAVES)
        values = value.new_zeros(len(value), FIELD * LEAVES + 1)
        self.values = values.scatter_(1, place, value.where(leaf, 0))[:, :-1].contiguous()
        self.first_value = torch.arange(len(value), device=value.device) * (FIELD * LEAVES) - FLOAT_BIAS

    def violated(self, features: Tensor) -> Tensor:
        """Count the violated conditions of a gene's features: trees, float64."""
        right = features[self.feature] > self.threshold
        return (self.lacking + torch.where(right, self.if_right, self.if_left).sum(1)).double()

    def changes(self, features: Tensor, changed: Tensor) -> Tensor:
        """Give what a change of one feature adds to `violated`.

        Parameters
        ----------
        features: of the gene.
        changed: changes × columns, the features that may change, after it.

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
        """Give the values of the leaves: of genes × trees, as `violated` counts them."""
        fields = violated.long()
        some = fields | (fields >> 1) | (fields >> 2)
        none = some.bitwise_and_(FIELDS).bitwise_xor_(FIELDS)  # a power of 2, of which float32 has the exponent
        place = none.float().view(torch.int32) >> FLOAT_BITS
        return self.values.take(place + self.first_value)

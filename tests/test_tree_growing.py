"""Trees: every number is as scikit-learn's TreeGrower has it."""

import numpy as np
import pytest
from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower

from scxpresso.networks.gradient_boosted_trees import SETTINGS, Bins
from scxpresso.networks.tree_growing import grow_tree

GROWING = "max_leaf_nodes", "max_depth", "min_samples_leaf", "l2_regularization"


@pytest.mark.parametrize(("genes", "max_bins", "max_depth"), [(400, 255, 6), (400, 15, 3), (60, 255, 6), (30, 255, 6)])
def test_a_tree_is_that_of_scikit_learn(genes, max_bins, max_depth):
    rng, settings = np.random.default_rng(1), SETTINGS | {"max_bins": max_bins, "max_depth": max_depth}
    features = rng.normal(size=(genes, 8)).astype(np.float32)
    features[:, 1], features[:, 2] = np.round(features[:, 1]), 0  # few values, and one alone
    gradient = (features[:, 3] * features[:, 1] + rng.normal(size=genes)).astype(np.float32)
    bins, read = Bins.of(features, settings), np.array([1, 2, 3, 5, 7])
    n_bins = np.array([len(bins.thresholds[feature]) + 1 for feature in read])
    grower = TreeGrower(
        np.asfortranarray(bins.of_genes[:, read]),
        gradient,
        np.ones(1, np.float32),
        n_bins=bins.number,
        n_bins_non_missing=n_bins,
        shrinkage=0.05,
        **{name: settings[name] for name in GROWING},
    )
    grower.grow()
    expected = grower.make_predictor([bins.thresholds[feature] for feature in read]).nodes
    total, predicted = np.bincount(bins.of_genes[:, 1], gradient, bins.number).sum(), np.zeros(genes)
    found = grow_tree(
        bins.of_genes, read, n_bins, gradient, total, *(settings[name] for name in GROWING), 0.05, predicted
    )
    inner = ~found.is_leaf
    assert len(expected) > 1 or genes < 2 * settings["min_samples_leaf"]
    np.testing.assert_array_equal(found.is_leaf, expected["is_leaf"].astype(bool))
    np.testing.assert_array_equal(found.value, expected["value"])
    for name, mine in (("left", found.left), ("right", found.right), ("bin_threshold", found.bin)):
        np.testing.assert_array_equal(mine, expected[name])
    np.testing.assert_array_equal(found.feature[inner], read[expected["feature_idx"]][inner])
    leaves = {(leaf.partition_start, leaf.partition_stop): leaf for leaf in grower.finalized_leaves}
    of_genes = np.zeros(genes)
    for (start, stop), leaf in leaves.items():
        of_genes[grower.splitter.partition[start:stop]] = leaf.value
    np.testing.assert_array_equal(predicted, of_genes)

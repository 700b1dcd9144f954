"""Kernel regression: against the formulas of a Gaussian process, held-out predictions against refits, and files."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from scxpresso.networks import kernel_regression
from scxpresso.networks.kernel_regression import KernelRegression, reml

GROUPS = [np.array([0, 1]), np.array([1, 2, 3]), np.array([2, 3])]
KERNELS = [(0,), (1,), (0, 2)]


def simulated(genes=80, seed=1):
    """Features, two linear blocks, and two targets: one of a radial and a linear effect, one of noise."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(genes, 4)).astype(np.float32)
    blocks = [rng.normal(size=(genes, columns)).astype(np.float32) for columns in (6, 3)]
    effect = np.sin(2 * features[:, 0]) + blocks[0] @ [0.5, -0.5, 0, 0, 0.3, 0] + 3
    return features, blocks, np.stack([effect + rng.normal(0, 0.2, genes), rng.normal(size=genes)], axis=1)


def predict(model, features, blocks):
    return (model.radial(torch.from_numpy(features)) + model.linear(torch.from_numpy(np.hstack(blocks)))).numpy()


@pytest.fixture
def fixed_variances(monkeypatch):
    """Variances that do not depend on the genes, so that a refit without a gene is the same model."""
    monkeypatch.setattr(
        kernel_regression, "reml", lambda similarities, target: np.array([0.8, 0.3, 0.4, 0.5, 0.2, 0.1])
    )


def test_it_is_the_mean_of_a_gaussian_process(fixed_variances):
    features, blocks, targets = simulated()
    model = KernelRegression()
    model.fit(features[:60], GROUPS, KERNELS, [block[:60] for block in blocks], targets[:60], np.arange(60) % 5, seed=1)
    covariance = 0.1 * np.eye(80)
    covariance[60:] = 0
    of_group = []
    for columns in GROUPS:
        distances = ((features[:, None, columns] - features[None, :, columns]) ** 2).sum(axis=2)
        of_group.append(np.exp(-distances / np.median(distances[:60, :60][np.triu_indices(60, 1)])))
    first, second, third = of_group
    covariance = covariance + 0.8 * first + 0.3 * second + 0.4 * first * third
    for variance, block in zip([0.5, 0.2], blocks, strict=True):
        covariance = covariance + variance * block @ block.T / (block[:60] ** 2).sum(axis=1).mean()
    precision, ones = np.linalg.inv(covariance[:60, :60]), np.ones(60)
    mean = (ones @ precision @ targets[:60]) / (ones @ precision @ ones)  # generalised least squares
    expected = mean + covariance[60:, :60] @ precision @ (targets[:60] - mean)
    np.testing.assert_allclose(predict(model, features[60:], [block[60:] for block in blocks]), expected, atol=2e-3)


def test_held_out_predictions_are_those_of_refits_without_the_part(fixed_variances, monkeypatch):
    features, blocks, targets = simulated(60)
    blocks = [block / np.linalg.norm(block, axis=1, keepdims=True) for block in blocks]  # whatever genes scale them
    part = np.arange(60) % 5
    model = KernelRegression()
    held_out = model.fit(features, GROUPS, KERNELS, blocks, targets, part, seed=1)
    monkeypatch.setattr(kernel_regression, "_median_distance", lambda chosen: widths.pop(0))
    for number in (0, 3):
        widths = [1 / float(model.precision[place]) for place in ((0, 0), (1, 1), (2, 2))]  # of a column of each group
        rest, out = part != number, part == number
        without = KernelRegression()
        without.fit(
            features[rest], GROUPS, KERNELS, [block[rest] for block in blocks], targets[rest], part[rest], seed=1
        )
        expected = predict(without, features[out], [block[out] for block in blocks])
        np.testing.assert_allclose(held_out[out], expected, atol=2e-3)


def test_reml_finds_what_explains_a_target():
    features, _, targets = simulated(200)
    similarities = np.array(
        [np.exp(-((features[:, None, [column]] - features[:, [column]]) ** 2).sum(2)) for column in (0, 2)]
    )
    used, unused, noise = reml(similarities, np.sin(2 * features[:, 0]))
    assert used > 20 * unused
    assert noise == pytest.approx(0.01 * np.sin(2 * features[:, 0]).var())  # the least there is
    *explained, noise = reml(similarities, targets[:, 1])
    assert sum(explained) < 0.3 * noise


def test_it_learns_by_some_of_the_genes_and_keeps_no_more(monkeypatch):
    features, blocks, targets = simulated(400)
    monkeypatch.setattr(kernel_regression, "MAX_INDUCING", 100)
    monkeypatch.setattr(kernel_regression, "REML_GENES", 80)
    model = KernelRegression()
    held_out = model.fit(
        features[:300], GROUPS, KERNELS, [block[:300] for block in blocks], targets[:300], np.arange(300) % 5, seed=1
    )
    assert model.inducing.shape == (100, 4)
    predicted = predict(model, features[300:], [block[300:] for block in blocks])
    assert np.corrcoef(predicted[:, 0], targets[300:, 0])[0, 1] > 0.9
    assert np.corrcoef(held_out[:, 0], targets[:300, 0])[0, 1] == pytest.approx(0.95, abs=0.04)
    assert abs(np.corrcoef(held_out[:, 1], targets[:300, 1])[0, 1]) < 0.15
    assert predicted[:, 1].std() < 0.4  # of a target that is noise


def test_constant_features_and_no_linear_kernel_give_the_mean():
    _, _, targets = simulated(50)
    model = KernelRegression()
    held_out = model.fit(np.zeros((50, 4), dtype=np.float32), GROUPS, KERNELS, [], targets, np.arange(50) % 5, seed=1)
    np.testing.assert_allclose(
        model.radial(torch.zeros(3, 4)).numpy(), np.tile(targets.mean(axis=0), (3, 1)), atol=1e-4
    )
    assert np.abs(held_out - targets.mean(axis=0)).max() < 0.5
    assert model.linear(torch.zeros(3, 0)).shape == (3, 2)


def test_a_seed_gives_the_same_weights_and_a_file_gives_them_back():
    features, blocks, targets = simulated()
    models = [KernelRegression() for _ in range(2)]
    for model in models:
        model.fit(features, GROUPS, KERNELS, blocks, targets, np.arange(80) % 5, seed=3)
    loaded = KernelRegression()
    loaded.load_state_dict(load(save(models[0].state_dict())))
    np.testing.assert_array_equal(predict(models[0], features, blocks), predict(models[1], features, blocks))
    np.testing.assert_array_equal(predict(models[0], features, blocks), predict(loaded, features, blocks))

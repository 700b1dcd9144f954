"""The hybrid network: what it reads, its trees as tensors, that it learns, and what must never break it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from torch.nn import functional

from scxpresso.genome.sequence import N_CODE, ONE_HOT, encode, kmer_counts, kmer_numbers, region
from scxpresso.metrics import pearson
from scxpresso.networks.bin_means import BinMeans
from scxpresso.networks.gradient_boosted_trees import SETTINGS, Bins, GradientBoostedTrees
from scxpresso.networks.hybrid import (
    AMBIGUOUS,
    BIN,
    COUNTED_KMERS,
    MAX_SHIFT,
    N_BINS,
    N_COUNTS,
    N_FILTERS,
    START,
    Hybrid,
)
from scxpresso.networks.prediction import predict
from scxpresso.networks.weights import NetworkMetadata, load_network, save_network
from scxpresso.training.data import Recipe, Split, TrainingData
from scxpresso.training.train import train_folds

CPU = torch.device("cpu")
UPSTREAM = 2050


def random_codes(count, window=3100, seed=1):
    return np.random.default_rng(seed).choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=(count, window))


def trained(codes, annotation, expression, inputs="both", seed=1):
    """A hybrid network of these genes, of which every tenth validates, and its fold with history."""
    names = tuple(f"feature_{number}" for number in range(annotation.shape[1]))
    rows = np.arange(len(codes))
    genes = Split(train=np.setdiff1d(rows, rows[::10]), validation=rows[::10])
    data = TrainingData(
        codes,
        UPSTREAM,
        annotation.astype(np.float32),
        names,
        expression,
        {1: genes},
        tuple("abc")[: expression.shape[1]],
    )
    fold = train_folds(data, Recipe(network="hybrid", inputs=inputs, replicates=1, seed=seed), CPU)[1]
    return fold.networks[0], fold


@pytest.mark.slow
def test_trees_as_tensors_give_what_scikit_learn_gives():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(400, 12)).astype(np.float32)
    features[:, 3] = np.round(features[:, 3])  # ties at a threshold
    expression = np.stack([features[:, 0] * features[:, 1], features[:, 3]], axis=1) + rng.normal(0, 0.1, (400, 2))
    # The first component has two rounds of 100 trees, which are 200 trees to scikit-learn.
    trees = GradientBoostedTrees(2, SETTINGS | {"features_of_a_tree": 1.0, "max_iter": 100, "rounds_of_first": 2})
    trees.fit(Bins.of(features, SETTINGS), expression, seed=5)
    directions = np.linalg.svd(expression, full_matrices=False)[2]
    theirs = {name: SETTINGS[name] for name in SETTINGS if name not in ("features_of_a_tree", "rounds_of_first")}
    scores = [
        HistGradientBoostingRegressor(**theirs | {"max_iter": number}, early_stopping=False)
        .fit(features, target)
        .predict(features)
        for number, target in zip((200, 100), (expression @ directions.T).T, strict=True)
    ]
    np.testing.assert_allclose(
        trees(torch.from_numpy(features)).numpy(), np.stack(scores, axis=1) @ directions, atol=1e-4
    )


def test_a_tree_reads_as_many_features_as_it_may_and_only_those_of_its_columns():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 20)).astype(np.float32)
    settings = SETTINGS | {"max_iter": 10}
    trees = GradientBoostedTrees(1, settings)
    bins, columns = Bins.of(features, settings), np.arange(10, 20)
    trees.fit(bins.select(np.arange(200), columns), features[:200, :12].sum(axis=1, keepdims=True), seed=1)
    inner = (trees.child[..., 0].int() != torch.arange(trees.child.shape[2])) & (trees.child[..., 0] != 0)
    read = [set(tree[splits].tolist()) for tree, splits in zip(trees.feature[0], inner[0], strict=True)]
    assert all(len(one) <= 2 for one in read)  # a fifth of ten
    assert set.union(*read) <= set(columns.tolist())
    assert len(set.union(*read)) > 1


@pytest.mark.slow
def test_the_table_and_its_means_are_a_convolution():
    codes = random_codes(3)
    network = Hybrid(2, UPSTREAM)
    read = network.read(codes, UPSTREAM).of(torch.arange(3))
    window = torch.from_numpy(ONE_HOT[codes[:, 48 : 48 + 3005]]).transpose(
        1, 2
    )  # from the first base of the first 6-mer
    expected = functional.avg_pool1d(functional.relu(network.convolution(window)), BIN)
    assert expected.shape == (3, N_FILTERS, N_BINS)
    torch.testing.assert_close(network.binned(read.kmers), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_means_of_bins_and_their_gradient_are_those_of_pytorch(threads, request):
    if threads == 2:
        request.getfixturevalue("two_threads")
    kmers = torch.from_numpy(np.random.default_rng(1).integers(0, AMBIGUOUS + 1, (5, 3000), dtype=np.int32))
    kmers[1, 300:400], kmers[2, 500:750] = 7, AMBIGUOUS  # a repeat, and a bin without a known 6-mer
    rows = torch.from_numpy(np.random.default_rng(2).normal(size=(AMBIGUOUS, N_FILTERS)).astype(np.float32))
    gradient = torch.from_numpy(np.random.default_rng(3).normal(size=(5, N_BINS, N_FILTERS)).astype(np.float32))

    def by_pytorch(table):
        table = functional.pad(table, (0, 0, 0, 1))
        means = functional.embedding_bag(kmers.reshape(-1, BIN), table, mode="mean", padding_idx=AMBIGUOUS)
        return means.view(gradient.shape)

    found = []
    for compute in (by_pytorch, lambda table: BinMeans.apply(table, kmers, BIN)):
        table = rows.clone().requires_grad_()
        means = compute(table)
        means.backward(gradient)
        found.append((means.detach(), table.grad))
    (expected, slopes), (means, own_slopes) = found
    torch.testing.assert_close(means, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(own_slopes, slopes, rtol=0, atol=1e-5)
    assert not means[2, 2].any()


def test_a_shift_moves_the_window_and_not_the_counts():
    codes = random_codes(2)
    moved = Hybrid.read(codes, UPSTREAM).of(torch.arange(2), shift=7)
    plain = Hybrid.read(codes, UPSTREAM + 7).of(torch.arange(2))
    assert torch.equal(moved.kmers, plain.kmers)
    assert torch.equal(moved.counts, Hybrid.read(codes, UPSTREAM).counts)


@pytest.mark.parametrize(("upstream", "window"), [(2050, 3100), (100, 300), (2000, 2001)])
def test_kmers_of_tensors_are_those_of_arrays(upstream, window):
    codes = random_codes(3, window)
    codes[np.random.default_rng(1).random(codes.shape) < 0.03] = encode("R")[0]
    codes[0, 10:30] = N_CODE
    read = Hybrid.read(torch.from_numpy(codes), upstream)
    numbers, unambiguous = kmer_numbers(region(codes, upstream, START - MAX_SHIFT - 2, 1000 + MAX_SHIFT + 3), 6)
    np.testing.assert_array_equal(read.kmers, np.where(unambiguous, numbers, AMBIGUOUS))
    counts = np.hstack([kmer_counts(region(codes, upstream, start, end), k) for k, start, end in COUNTED_KMERS])
    np.testing.assert_array_equal(
        read.counts, np.sqrt(counts, dtype=np.float32)
    )  # to the last bit: thresholds of trees


def test_counts_are_of_the_regions_around_the_tss():
    codes = np.full((1, 3100), N_CODE, dtype=np.uint8)
    codes[0, UPSTREAM - 4 : UPSTREAM + 4] = encode("AAAACCCC")
    counts = Hybrid.read(codes, UPSTREAM).counts[0]
    found = dict(zip(COUNTED_KMERS, counts.split([4**k for k, _, _ in COUNTED_KMERS]), strict=True))
    assert found[4, -1000, 0].nonzero().ravel().tolist() == [0] and found[4, -1000, 0][0] == 1
    assert found[3, -300, 0][0] == pytest.approx(2**0.5)  # two AAA
    assert found[3, -2000, -1000].sum() == 0 and counts.shape == (N_COUNTS,)


@pytest.mark.parametrize(("upstream", "window"), [(2050, 3100), (100, 300), (2000, 2001), (7000, 10_500)])
def test_any_window_is_read_and_what_it_lacks_is_ambiguous(upstream, window):
    network = Hybrid(2, upstream).eval()
    codes = random_codes(2, window)
    codes[0, 10:30] = N_CODE
    read = network.read(codes, upstream)
    assert read.kmers.shape == (2, 3000 + 2 * MAX_SHIFT) and read.kmers.max() <= AMBIGUOUS
    if upstream < -START:
        assert (read.kmers[:, : -START - upstream] == AMBIGUOUS).all()
    assert torch.isfinite(network(torch.from_numpy(codes), torch.zeros(2, 5))).all()


def test_unknown_annotation_is_read_as_the_mean():
    network = Hybrid(2, UPSTREAM).eval()
    network.annotation.fit([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5)
    codes = torch.from_numpy(random_codes(1))
    known, unknown = torch.tensor([[1.0, 2.0, 3.0, 4.0, 9.0]]), torch.tensor([[1.0, torch.nan, 3.0, torch.nan, 9.0]])
    assert torch.equal(network(codes, known), network(codes, unknown))


@pytest.mark.slow
@pytest.mark.parametrize("inputs", ["both", "sequence", "half_life"])
def test_it_learns_from_what_it_reads_and_from_nothing_else(inputs):
    rng = np.random.default_rng(1)
    codes = random_codes(360)
    motif = rng.random(360) < 0.5
    for start in (1900, 1950, 2000):
        codes[motif, start : start + 8] = encode("TATATATA")
    annotation = rng.normal(size=(360, 5))
    annotation[::7, 1] = np.nan
    sequence, other = 2.0 * motif, annotation[:, 0]
    expression = np.stack([sequence + other, sequence - other], axis=1) - 3 + rng.normal(0, 0.05, (360, 2))
    network = trained(codes[:300], annotation[:300], expression[:300], inputs)[0].eval()
    fresh = np.arange(300, 360)
    with torch.no_grad():
        scaled = network(torch.from_numpy(codes[fresh]), torch.from_numpy(annotation[fresh].astype(np.float32)))
    predicted = network.expression.undo(scaled).numpy()
    assert abs(predicted.mean() + 2) < 0.5  # log10 units: −3, and the motif in half of the genes
    parts = {"sequence": (predicted.sum(axis=1), sequence[fresh]), "half_life": (predicted @ [1, -1], other[fresh])}
    for part, (found, truth) in parts.items():
        r = pearson(truth[:, None], found[:, None])[0]
        assert r > 0.6 if inputs in ("both", part) else abs(r) < 0.4, (part, r)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_history():
    codes, rng = random_codes(60), np.random.default_rng(2)
    annotation, expression = rng.normal(size=(60, 5)), rng.normal(size=(60, 3))
    runs = [trained(codes, annotation, expression, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (network.state_dict() for network, _ in runs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["bin_linear.weight"], other["bin_linear.weight"])
    history = runs[0][1].history_table
    pd.testing.assert_frame_equal(history, runs[1][1].history_table)
    assert history["epoch"].max() == 150  # 54 genes are two batches, and 300 steps the fewest
    assert history.loc[history["best"] == 1, "validation_loss"].item() == history["validation_loss"].min()


@pytest.mark.slow
def test_a_model_in_a_file_is_the_model(tmp_path):
    codes, rng = random_codes(60), np.random.default_rng(2)
    annotation = rng.normal(size=(60, 7)).astype(np.float32)
    network, _ = trained(codes, annotation, rng.normal(size=(60, 2)))
    about = NetworkMetadata("hybrid", "both", UPSTREAM, 1050, ("a", "b"), tuple("abcdefg"))
    save_network(tmp_path / "replicate_1.safetensors", network, about)
    loaded = load_network(tmp_path / "replicate_1.safetensors")
    assert loaded[1] == about
    once = predict([loaded], codes, annotation)[0]
    np.testing.assert_array_equal(once, predict([(network, about)], codes, annotation)[0])
    with torch.no_grad():
        scaled = network.eval()(torch.from_numpy(codes), torch.from_numpy(annotation))
    np.testing.assert_allclose(once, network.expression.undo(scaled).numpy(), atol=1e-5)

"""The smooth part of the grammar network: that it learns what it should, and nothing where there is nothing."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from scxpresso.genome.sequence import region
from scxpresso.metrics import pearson, specificity
from scxpresso.networks.promoter_composition import N_WINDOWS, promoter_composition
from scxpresso.networks.smooth_part import SmoothPart, chosen_by_part, slope, tree_share

UPSTREAM = 1000
NAMES = ["orf_length", "codon_AAA", "codon_CCC", "utr3_A", "utr3_pumilio", "dipeptide_AA", "dipeptide_AC", "aa_A"]
TRAINING = 320


@pytest.fixture(scope="module")
def genes():
    """Promoters of different GC content, annotation, and expression in three populations that depends on both."""
    rng = np.random.default_rng(1)
    gc = rng.uniform(0.3, 0.7, size=(400, 1))
    strong = rng.random((400, 1500)) < gc
    codes = np.where(strong, rng.choice([2, 8], strong.shape), rng.choice([1, 4], strong.shape)).astype(np.uint8)
    annotation = rng.normal(size=(400, len(NAMES))).astype(np.float32)
    near = np.isin(region(codes, UPSTREAM, -200, 200), [2, 8]).mean(axis=1)
    shared = np.abs(near - 0.5) * 15 + annotation[:, 0]
    own = np.stack([annotation[:, 5], np.where(annotation[:, 1] > 0, 1.0, -1.0), np.zeros(400)], axis=1)
    expression = shared[:, None] + own + rng.normal(0, 0.3, (400, 3))
    expression = (expression - expression.mean(axis=0)) / expression.std(axis=0)
    return promoter_composition(codes, UPSTREAM), torch.from_numpy(annotation), expression


def fitted(genes, inputs="both", expression=None, seed=1):
    promoter, annotation, own = genes
    part = SmoothPart(3, inputs)
    target = (own if expression is None else expression)[:TRAINING]
    genes = part.scale(promoter.of(torch.arange(TRAINING)), annotation[:TRAINING], NAMES)
    held_out = part.fit(genes, target, seed)
    return part, held_out


def predict(part, genes):
    promoter, annotation, _ = genes
    with torch.no_grad():
        return part(promoter.of(torch.arange(TRAINING, 400)), annotation[TRAINING:]).numpy()


@pytest.mark.slow
def test_it_learns_from_promoter_and_annotation(genes):
    part, held_out = fitted(genes)
    expression = genes[2]
    predicted = predict(part, genes)
    assert pearson(expression[TRAINING:], predicted).min() > 0.75
    assert specificity(expression[TRAINING:], predicted) > 0.75
    # Held-out predictions of training genes are as good as those of new ones, not better.
    assert pearson(expression[:TRAINING], held_out).mean() == pytest.approx(
        pearson(expression[TRAINING:], predicted).mean(), abs=0.06
    )


@pytest.mark.slow
@pytest.mark.parametrize("inputs", ["sequence", "half_life"])
def test_promoter_or_annotation_alone(genes, inputs):
    predicted = predict(fitted(genes, inputs)[0], genes)
    annotation, windows = genes[1][TRAINING:], genes[0].windows[TRAINING:]
    assert pearson(genes[2][TRAINING:], predicted).mean() > 0.3
    blind = genes[0].of(torch.arange(1).repeat(80)), annotation
    if inputs == "sequence":
        blind = genes[0].of(torch.arange(TRAINING, 400)), torch.full_like(annotation, 7.0)
    part = fitted(genes, inputs)[0]
    np.testing.assert_array_equal(part(*blind).numpy(), predicted)  # what it does not read, and twice the same
    assert len(part.kernels.inducing[0]) == (windows.shape[1] if inputs == "sequence" else len(NAMES) - 2)


@pytest.mark.slow
def test_where_nothing_can_be_predicted_it_predicts_about_the_mean(genes):
    noise = np.random.default_rng(2).normal(size=(400, 3))
    part, held_out = fitted(genes, expression=noise)
    assert predict(part, genes).std() < 0.15
    assert held_out.std() < 0.1
    # Nothing of a gene's own expression is in its held-out prediction.
    assert abs(np.corrcoef(held_out.ravel(), noise[:TRAINING].ravel())[0, 1]) < 0.12


@pytest.mark.slow
def test_constant_features_and_one_population(genes):
    promoter, annotation, expression = genes
    part = SmoothPart(1)
    blank = torch.zeros_like(annotation[:40])
    part.fit(part.scale(promoter.of(torch.zeros(40, dtype=torch.long)), blank, NAMES), expression[:40, :1], 1)
    predicted = part(promoter.of(torch.zeros(1, dtype=torch.long)), blank[:1])
    assert predicted.numpy() == pytest.approx(expression[:40, 0].mean(), abs=1e-3)


@pytest.mark.slow
def test_a_file_gives_the_part_back(genes):
    part, _ = fitted(genes)
    loaded = SmoothPart(3)
    loaded.load_state_dict(load(save(part.state_dict())))
    np.testing.assert_array_equal(predict(loaded, genes), predict(part, genes))


def radial_kernels(names, inputs="both") -> set[tuple[tuple[int, ...], ...]]:
    """Of each radial kernel, the columns of each of its factors."""
    groups, kernels = SmoothPart(3, inputs)._radial(names)
    return {tuple(tuple(groups[number].tolist()) for number in kernel) for kernel in kernels}


def test_gene_features_have_a_kernel_of_their_own():
    own = ["gene_features:codon_AAA", "gene_features:two"]
    for inputs, windows in (("both", N_WINDOWS), ("half_life", 0)):
        added = radial_kernels(NAMES + own, inputs) - radial_kernels(NAMES, inputs)
        last = windows + len(NAMES) - 2  # dipeptides are not counted
        assert added == {((last, last + 1),)}
    assert radial_kernels(NAMES + own, "sequence") == {(tuple(range(N_WINDOWS)),)}


def test_kernels_of_several_kinds_of_features_are_products():
    """Neighbours and untranslated regions are in none."""
    names = ["exons", "codon_AAA", "protein_charge", "utr3_A", "downstream_gap", "genes_within_10kb"]
    windows, exons, codon, protein = tuple(range(N_WINDOWS)), (N_WINDOWS,), (N_WINDOWS + 1,), (N_WINDOWS + 2,)
    products = {kernel for kernel in radial_kernels(names) if len(kernel) > 1}
    assert products == {
        (windows, exons), (windows, codon), (windows, protein), (exons, codon), (exons, protein), (codon, protein),
    }  # fmt: skip
    assert radial_kernels(names[:1]) == {((*windows, *exons),), (windows, exons)}


def test_what_trees_read_is_chosen_without_the_part_that_they_predict():
    part = np.arange(100) % 10
    targets = np.random.default_rng(1).normal(size=(100, 2))
    features = np.random.default_rng(2).normal(size=(100, 3))
    features[:, 1] += targets[:, 0]
    features[part == 7, 2] = 99 * targets[part == 7, 1]  # tells most of all, but nothing without part 7
    chosen = [columns.tolist() for columns in chosen_by_part(features, targets, part, 1)]
    assert chosen == [[2]] * 7 + [[1]] + [[2]] * 2
    assert [len(columns) for columns in chosen_by_part(features[:, :0], targets, part, 5)] == [0] * 10


@pytest.mark.parametrize(
    "by_kernels, by_trees, share",
    [(0.0, 1.0, 1), (1.0, 0.5, 0.5), (0.5, 1.5, 0.75), (0.0, 1.6, 0.8125), (1.0, 1.0, 0.5), (0.0, 0.5, 1)],
)
def test_trees_count_for_more_the_better_they_predict(by_kernels, by_trees, share):
    """Slopes 1: the best share is (1 − kernels) / (trees − kernels), from 0 to 1; taken is the middle of that and 1."""
    kernels, trees, scores = (np.array([[-1.0, -2.0], [1.0, 2.0]]) * slope for slope in (by_kernels, by_trees, 1.0))
    assert tree_share(kernels, trees, scores) == share


@pytest.mark.parametrize("by_trees", [0.0, -0.5, 2.0])
def test_trees_that_err_more_than_the_mean_do_not_count(by_trees):
    scores = np.array([[-1.0], [1.0]])
    assert tree_share(scores / 2, scores * by_trees, scores) == 0


def test_slope_lies_between_no_and_full_trust():
    observed = np.array([-1.0, 0.0, 1.0])
    assert slope(observed * 2, observed) == 0.5
    assert slope(observed / 2, observed) == 1
    assert slope(-observed, observed) == slope(np.zeros(3), observed) == 0

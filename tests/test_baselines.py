"""Baselines: they learn what is there, never from the genes that they predict, and reach the known numbers."""

import numpy as np
import pandas as pd
import pytest

from scxpresso.evaluation.baselines import design, gc_and_cpg, predict_held_out
from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import encode
from scxpresso.metrics import pearson, specificity
from scxpresso.store import BASELINES, read_expression, read_folds


def test_the_mean_is_that_of_the_training_genes():
    observed = pd.DataFrame({"x": [1.0, 2.0, 6.0]}, index=list("abc"))
    predicted = predict_held_out("mean", None, observed, np.array([1, 1, 2]))
    assert predicted.ravel().tolist() == [6, 6, 1.5]


def test_gc_and_cpg_content_by_hand():
    # Two CpGs where 3 × 3 / 8 are expected; one that an N breaks; no C.
    codes = np.stack([encode("CGCGATCG"[:6] + "GC"), encode("CNGCAATT"), encode("GGGGAAAA")])
    assert gc_and_cpg(codes).tolist() == [[0.75, 2 * 8 / 9], [3 / 7, 0], [0.5, 0]]
    assert gc_and_cpg(codes[:, :0]).tolist() == [[0, 0]] * 3


@pytest.mark.slow
def test_the_kmer_design_is_half_life_and_square_roots_of_counts_of_two_regions(demo_genome):
    features = Features(demo_genome / "features.h5")
    columns = design("kmer", features, features.gene_id[:10])
    assert columns.shape == (10, 5 + 2 * 256)
    counts = columns[:, 5:] ** 2
    assert counts[:, :256].sum(axis=1) == pytest.approx(997, abs=1)  # 4-mers of 1,000 unambiguous bases
    assert counts[:, 256:].sum(axis=1) == pytest.approx(497, abs=1)


@pytest.mark.slow
def test_a_gene_is_never_predicted_by_itself(demo_genome, demo_expression):
    features = Features(demo_genome / "features.h5")
    observed = read_expression(demo_expression / "all.tsv.gz").iloc[::10]
    fold = np.arange(len(observed)) % 2 + 1
    changed = observed.copy()
    changed.loc[fold == 1] = 100.0
    for baseline in BASELINES:
        before = predict_held_out(baseline, features, observed, fold)[fold == 1]
        after = predict_held_out(baseline, features, changed, fold)[fold == 1]
        np.testing.assert_allclose(before, after)


@pytest.mark.slow
def test_the_demo_reaches_the_known_numbers(demo_genome, demo_expression):
    """DESIGN's benchmark on 10 folds: half-life 0.33, 4-mer ridge 0.555 and specificity 0.45; 5 folds differ little."""
    features, observed = Features(demo_genome / "features.h5"), read_expression(demo_expression / "cell_type.tsv.gz")
    fold = read_folds(demo_genome / "folds.tsv").reindex(observed.index).to_numpy()
    truth = observed.to_numpy()
    for baseline, r, specific in (("half_life", 0.33, 0.15), ("gc_cpg", 0.275, 0.289), ("kmer", 0.56, 0.45)):
        predicted = predict_held_out(baseline, features, observed, fold)
        tests = [fold == number for number in np.unique(fold)]
        assert np.mean([pearson(truth[test], predicted[test]).mean() for test in tests]) == pytest.approx(r, abs=0.025)
        assert np.mean([specificity(truth[test], predicted[test]) for test in tests]) == pytest.approx(
            specific, abs=0.03
        )

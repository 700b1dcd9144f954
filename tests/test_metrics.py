"""Correlations, specificity and the paper's test, against hand-made truth."""

import numpy as np
import pytest
import scipy.stats

from scxpresso.metrics import pearson, spearman, specificity, wilcoxon_greater

rng = np.random.default_rng(1)


def test_pearson_and_spearman_equal_scipys_column_by_column():
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    assert pearson(x, y) == pytest.approx([scipy.stats.pearsonr(x[:, i], y[:, i])[0] for i in range(3)])
    assert spearman(x, y) == pytest.approx([scipy.stats.spearmanr(x[:, i], y[:, i])[0] for i in range(3)])


def test_a_constant_prediction_scores_0_and_a_constant_observation_nothing():
    x = rng.normal(size=(50, 1))
    assert pearson(x, np.full((50, 1), 0.1 + 0.2)) == 0
    assert np.isnan(pearson(np.full((50, 1), -4.0), x))


def test_specificity_sees_only_what_gene_and_population_means_leave():
    gene, population = rng.normal(size=(40, 1)), rng.normal(size=(1, 5))
    interaction = rng.normal(size=(40, 5))
    observed = gene + population + interaction
    assert specificity(observed, observed) == pytest.approx(1)
    assert specificity(observed, 3 * gene + population + 0 * observed) == 0  # the same pattern for every population
    assert specificity(observed, rng.normal(size=(40, 1)) + interaction) == pytest.approx(1)
    assert np.isnan(specificity(observed[:, :1], observed[:, :1]))
    assert specificity(observed, np.full((40, 5), 1.3)) == 0


def test_the_papers_p_value_is_a_signed_rank_over_twenty_folds():
    better = np.linspace(0.5, 0.6, 20)
    assert wilcoxon_greater(better, better - np.linspace(0.01, 0.03, 20)) == pytest.approx(9.5e-07, rel=0.01)
    assert wilcoxon_greater(better, better) == 1
    assert np.isnan(wilcoxon_greater(better[:1], better[:1] - 1))

"""Prediction intervals: ranks by hand, coverage of genes that were not used, both sides, and what a file keeps."""

import json

import numpy as np
import pytest

from scxpresso.intervals import COVERAGES, INTERVAL_COLUMNS, Intervals, held_out_bounds


def test_ranks_by_hand():
    # 99 errors of −49 to 49 in units of a spread of 1: of 100 genes, 10 may lie beyond each side of 80 %, 2 of 95 %.
    observed = np.random.default_rng(1).permutation(np.arange(-49.0, 50))[:, None]
    intervals = Intervals.fit(observed, np.zeros_like(observed), np.zeros_like(observed))
    assert INTERVAL_COLUMNS == ["lower_80", "upper_80", "lower_95", "upper_95"]
    assert intervals.errors.ravel().tolist() == [-40, 40, -48, 48]
    assert intervals.bounds(np.array([[5.0]]), np.zeros((1, 1))).ravel().tolist() == [-35, 45, -43, 53]


def test_genes_that_are_not_known_count_for_nothing():
    observed = np.arange(-49.0, 50)[:, None].repeat(2, axis=1)
    observed[:70, 1] = np.nan  # of 30 genes, 3 may lie beyond each side of 80 %
    intervals = Intervals.fit(observed, np.zeros_like(observed), np.zeros_like(observed))
    assert intervals.errors[:, 0].tolist() == [-40, 40, -48, 48]
    assert intervals.errors[:2, 1].tolist() == [23, 47] and np.isnan(intervals.errors[2:, 1]).all()


def test_few_genes_promise_nothing():
    observed = np.arange(20.0)[:, None]  # 21 × 2.5 % is less than a gene
    intervals = Intervals.fit(observed, np.zeros_like(observed), np.zeros_like(observed))
    assert np.isfinite(intervals.errors[:2]).all() and np.isnan(intervals.errors[2:]).all()
    none = Intervals.fit(observed[:0], observed[:0], observed[:0])
    assert np.isnan(none.errors).all() and none.errors.shape == (4, 1)


def test_held_out_genes_lie_in_their_interval_as_often_as_promised():
    rng = np.random.default_rng(2)
    genes = 4000
    sd = rng.gamma(2, 0.2, (genes, 2))
    predicted = rng.normal(size=(genes, 2))
    # Skewed errors that grow with the spread, as those of genes that are not detected.
    observed = predicted - (sd + 0.4) * (rng.exponential(1, (genes, 2)) - 1)
    bounds = held_out_bounds(observed, predicted, sd, np.arange(genes) % 5)
    for number, coverage in enumerate(COVERAGES):
        lower, upper = bounds[2 * number : 2 * number + 2]
        assert ((lower <= observed) & (observed <= upper)).mean() == pytest.approx(coverage / 100, abs=0.02)
        assert (observed < lower).mean() == pytest.approx((1 - coverage / 100) / 2, abs=0.01)
        wide = sd[:, 0] > 0.8
        assert (upper - lower)[wide].mean() > 1.3 * (upper - lower)[~wide].mean()


def test_a_gene_says_nothing_about_its_own_interval():
    rng = np.random.default_rng(3)
    observed, fold = rng.normal(size=(200, 1)), np.arange(200) % 4
    predicted, sd = np.zeros_like(observed), np.ones_like(observed)
    changed = observed.copy()
    changed[fold == 1] += 100
    before, after = (held_out_bounds(values, predicted, sd, fold) for values in (observed, changed))
    np.testing.assert_array_equal(before[:, fold == 1], after[:, fold == 1])
    assert (before[:, fold == 0] != after[:, fold == 0]).any()


def test_the_description_of_a_model_keeps_them():
    rng = np.random.default_rng(4)
    observed, sd = rng.normal(size=(30, 3)), rng.uniform(size=(30, 3))
    intervals = Intervals.fit(observed, np.zeros_like(observed), sd)
    kept = Intervals.of(json.loads(json.dumps(intervals.content(), allow_nan=False)))
    np.testing.assert_allclose(kept.errors, intervals.errors, atol=1e-4)
    np.testing.assert_allclose(kept.spread, intervals.spread, atol=1e-6)

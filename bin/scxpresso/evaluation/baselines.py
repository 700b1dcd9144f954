"""Honest baselines on a model's own folds: what a network has to beat."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scxpresso.genome.annotation import log_half_life
from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import kmer_counts

KMER = 4
KMER_REGIONS = [(-1000, 0), (0, 500)]  # relative to the TSS, which is 0 here
ALPHAS = np.logspace(-1, 6, 22)


def design(baseline: str, features: Features, genes: Sequence[str]) -> np.ndarray:
    """Make the design matrix (genes × columns) of a ridge: half-life features, or also square roots of 4-mer counts."""
    rows = features.rows(genes)
    half_life = log_half_life(features.half_life[rows])
    if baseline == "half_life":
        return half_life
    counts = [kmer_counts(features.region(rows, *region), KMER) for region in KMER_REGIONS]
    return np.hstack([half_life, *np.sqrt(counts)])


def predict_held_out(baseline: str, features: Features, expression: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Predict held-out genes by a baseline: genes × populations (log10).

    `mean` is the training genes' mean; `half_life` and `kmer` are ridge regressions, whose alpha is chosen per population on
    the training genes by leave-one-out error.

    Parameters
    ----------
    expression: genes × populations, log10.
    fold: of each gene of `expression`.
    """
    observed = expression.to_numpy(dtype=np.float64)
    predicted = np.empty_like(observed)
    columns = None if baseline == "mean" else design(baseline, features, expression.index)
    for held_out in np.unique(fold):
        test, train = fold == held_out, fold != held_out
        if columns is None:
            predicted[test] = observed[train].mean(axis=0)
            continue
        ridge = make_pipeline(StandardScaler(), RidgeCV(ALPHAS, alpha_per_target=observed.shape[1] > 1))
        target = observed[train] if observed.shape[1] > 1 else observed[train, 0]
        predicted[test] = ridge.fit(columns[train], target).predict(columns[test]).reshape(-1, observed.shape[1])
    return predicted

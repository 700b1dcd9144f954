"""Honest baselines on a model's own folds: what a network has to beat."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scxpresso.genome.annotation import log_half_life
from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import encode, kmer_counts

GC_REGIONS = [(-1000, -200), (-200, 200), (200, 1000)]  # relative to the TSS, which is 0 here
KMER = 4
KMER_REGIONS = [(-1000, 0), (0, 500)]
ALPHAS = np.logspace(-1, 6, 22)


def design(baseline: str, features: Features, genes: Sequence[str]) -> np.ndarray:
    """Make the design matrix of a ridge: genes × columns.

    `half_life`: half-life features. `kmer`: these, and square roots of 4-mer counts. `gc_cpg`: GC and CpG content around
    the TSS.
    """
    rows = features.rows(genes)
    if baseline == "gc_cpg":
        return np.hstack([gc_and_cpg(features.region(rows, *region)) for region in GC_REGIONS])
    half_life = log_half_life(features.half_life[rows])
    if baseline == "half_life":
        return half_life
    counts = [kmer_counts(features.region(rows, *region), KMER) for region in KMER_REGIONS]
    return np.hstack([half_life, *np.sqrt(counts)])


def gc_and_cpg(codes: np.ndarray) -> np.ndarray:
    """Give the GC content of sequences (genes × bases), and their CpGs, observed over expected: genes × 2.

    Expected are number of C × number of G / bases (Gardiner-Garden and Frommer 1987). Ambiguous bases count for nothing; a
    ratio without a C or G is 0.
    """
    is_c, is_g = (codes == code for code in encode("CG"))
    c, g, bases = is_c.sum(axis=1), is_g.sum(axis=1), np.isin(codes, encode("ACGT")).sum(axis=1)
    cpg = (is_c[:, :-1] & is_g[:, 1:]).sum(axis=1)
    return np.column_stack([(c + g) / np.maximum(bases, 1), cpg * bases / np.maximum(c * g, 1)])


def predict_held_out(baseline: str, features: Features, expression: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Predict held-out genes by a baseline: genes × populations (log10).

    `mean` is the training genes' mean; the others are ridge regressions (see `design`), whose alpha is chosen per population
    on the training genes by leave-one-out error.

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
        # "svd" gives what the default does, in less than half of the time.
        ridge = make_pipeline(StandardScaler(), RidgeCV(ALPHAS, gcv_mode="svd", alpha_per_target=observed.shape[1] > 1))
        target = observed[train] if observed.shape[1] > 1 else observed[train, 0]
        predicted[test] = ridge.fit(columns[train], target).predict(columns[test]).reshape(-1, observed.shape[1])
    return predicted

"""How well predictions agree with observations (paper 2.6)."""

import numpy as np

MIN_PAIRS = 3  # that a rank correlation with a p-value needs


def pearson(observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Correlate each column (Pearson). A constant prediction scores 0; a constant observation is NaN.

    observed, predicted: genes × populations. Gives one correlation per population.
    """
    x = observed - observed.mean(axis=0)
    y = predicted - predicted.mean(axis=0)
    spread_x, spread_y = np.sqrt((x**2).sum(axis=0)), np.sqrt((y**2).sum(axis=0))
    # A column that differs from its mean only by rounding is constant.
    tiny_x = 1e-9 * np.maximum(np.abs(observed).max(axis=0), 1) * np.sqrt(len(observed))
    tiny_y = 1e-9 * np.maximum(np.abs(predicted).max(axis=0), 1) * np.sqrt(len(predicted))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (x * y).sum(axis=0) / (spread_x * spread_y)
    return np.where(spread_x <= tiny_x, np.nan, np.where(spread_y <= tiny_y, 0.0, np.clip(r, -1, 1)))


def spearman(observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Correlate the ranks of each column (Spearman), ties averaged; as `pearson` else."""
    from scipy.stats import rankdata  # slow to import, and few tasks need it

    return pearson(rankdata(observed, axis=0), rankdata(predicted, axis=0))


def rank_correlation(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Correlate the ranks of pairs: Spearman's correlation and its p-value; NaN for fewer than MIN_PAIRS and for constants."""
    if len(ours) < MIN_PAIRS or not np.ptp(ours) or not np.ptp(theirs):
        return float("nan"), float("nan")
    from scipy.stats import spearmanr  # slow to import, and the checks of a run read this module too

    found = spearmanr(ours, theirs)
    return float(found.statistic), float(found.pvalue)


def _interaction(values: np.ndarray) -> np.ndarray:
    """Remove each gene's and each population's mean from genes × populations."""
    return values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + values.mean()


def specificity(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Correlate what remains of genes × populations when each gene's and each population's mean are removed (Pearson).

    Correlation across genes hides it. All genes and populations are pooled; NaN for a single population.
    """
    if observed.shape[1] < 2 or len(observed) < 2:
        return float("nan")
    residuals = [_interaction(values).reshape(-1, 1) for values in (observed, predicted)]
    # If a prediction is the same for every population, rounding leaves residuals that are not a signal.
    if np.abs(residuals[1]).max() <= 1e-9 * max(np.abs(predicted).max(), 1):
        return 0.0
    return float(pearson(*residuals)[0])


def wilcoxon_greater(better: np.ndarray, worse: np.ndarray) -> float:
    """Test over folds that the first is better: one-sided Wilcoxon signed-rank p-value.

    NaN with fewer than 2 folds, 1 when all are equal.

    With 20 folds all better it is 2^-20 = 9.5e-07, the value that the paper prints (3.2).
    """
    from scipy.stats import wilcoxon  # slow to import, and few tasks need it

    difference = np.asarray(better) - np.asarray(worse)
    difference = difference[np.isfinite(difference)]
    if len(difference) < 2:
        return float("nan")
    if not difference.any():
        return 1.0
    return float(wilcoxon(difference, alternative="greater").pvalue)


def rank_sum_greater(better: np.ndarray, worse: np.ndarray) -> float:
    """Test that the first is better where folds are not paired: one-sided p-value of the Wilcoxon rank sum (Mann–Whitney).

    NaN with fewer than 2 folds on a side, 1 when all are equal. NaN values are left out.
    """
    from scipy.stats import mannwhitneyu  # slow to import, and few tasks need it

    better, worse = (np.asarray(values)[np.isfinite(values)] for values in (better, worse))
    if min(len(better), len(worse)) < 2:
        return float("nan")
    if np.ptp(np.concatenate([better, worse])) == 0:
        return 1.0
    return float(mannwhitneyu(better, worse, alternative="greater").pvalue)

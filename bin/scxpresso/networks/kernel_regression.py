"""Gaussian process regression on a sum of kernels as tensors: fitted by REML, kept in a file of weights, on any device.

The variance that each kernel explains is estimated for each output by restricted maximum likelihood (REML). The sum is fitted
through inducing genes (subset of regressors), so that time grows with the number of genes and not with its cube. Radial
kernels are kept by the inducing genes, linear ones by a weight per feature.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from scipy.linalg import cholesky, inv, solve_triangular
from torch import Tensor

from scxpresso.networks.fitted import FittedModule

MAX_INDUCING = 1500
REML_GENES = 600  # that estimate variances
UPDATES = 10  # of the variances, from equal ones: more would cost time, and let small atlases choose too boldly
MIN_NOISE = 0.01  # of a target's variance: without noise, covariances cannot be inverted
SUMMED_ROWS = 8  # of matrices that are added up
JITTER = 1e-5  # of the diagonal of a covariance, relative to its mean


class KernelRegression(FittedModule):
    """Outputs by radial and linear kernels, each of which reads some of the features.

    inducing: inducing genes × features of radial kernels. precision: radial kernels × features, by which a kernel multiplies
    squared differences; 0 of what it does not read. variance: radial kernels × outputs. dual: inducing genes × outputs. weight:
    features of linear kernels × outputs. intercept: outputs.
    """

    inducing: Tensor
    precision: Tensor
    variance: Tensor
    dual: Tensor
    weight: Tensor
    intercept: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.declare("inducing", "precision", "variance", "dual", "weight", "intercept")

    def fit(
        self,
        features: np.ndarray,
        groups: Sequence[np.ndarray],
        kernels: Sequence[tuple[int, ...]],
        blocks: Sequence[np.ndarray],
        targets: np.ndarray,
        part: np.ndarray,
        seed: int,
    ) -> np.ndarray:
        """Fit outputs of genes, and predict each part of the genes by fits to the others.

        Parts rather than single genes: the mean of all other genes tells a gene's own target, and trees would read it.

        Parameters
        ----------
        features: genes × features of radial kernels (float32), scaled and without NaN.
        groups: columns of features. Each is scaled by the median squared distance of genes.
        kernels: for each radial kernel, the numbers of its groups, no two of which share a column: with several, it is the
            product of theirs. At least one kernel.
        blocks: for each linear kernel, genes × features, likewise; `linear` takes them side by side.
        targets: genes × outputs.
        part: number of each gene's part.
        seed: of the choice of inducing genes, where there are more than MAX_INDUCING.

        Returns
        -------
        Predictions of each gene by the fit without its part, with the same variances: genes × outputs.
        """
        chosen = np.random.default_rng(seed).permutation(len(features))[:MAX_INDUCING]
        self.keep(inducing=features[chosen], precision=_precisions(features[chosen], groups, kernels))
        lengths = [max(float((block[chosen] ** 2).sum(axis=1).mean()), 1e-9) for block in blocks]
        linear = (block @ block[chosen].T / length for block, length in zip(blocks, lengths, strict=True))
        similarity = np.empty((len(kernels) + len(blocks), len(features), len(chosen)), dtype=np.float32)
        for mine, values in zip(similarity, chain(self.similarities(torch.from_numpy(features)), linear), strict=True):
            mine[:] = values
        few = chosen[:REML_GENES]
        within = similarity[:, few, : len(few)].astype(np.float64)
        outputs = []
        for target in targets.T.astype(np.float64):
            variances = reml(within, target[few])
            outputs.append((variances[:-1], *_fit_output(similarity, chosen, target, variances, part)))
        variance, dual, intercept, held_out = (np.array(part).T for part in zip(*outputs, strict=True))
        weights = [
            block[chosen].T @ (dual * mine) / length
            for block, length, mine in zip(blocks, lengths, variance[len(kernels) :], strict=True)
        ]
        self.keep(
            variance=variance[: len(kernels)],
            dual=dual,
            weight=np.vstack([np.zeros((0, targets.shape[1])), *weights]),
            intercept=intercept,
        )
        return held_out

    def similarities(self, features: Tensor) -> Iterator[Tensor]:
        """Evaluate one radial kernel after the other between genes and the inducing genes: genes × inducing genes."""
        for precision in self.precision.to(features.dtype):
            reads = precision > 0
            root = precision[reads].sqrt()
            distances = squared_distances(features[:, reads] * root, self.inducing[:, reads].to(features.dtype) * root)
            yield torch.exp(-distances)

    def radial(self, features: Tensor) -> Tensor:
        """Predict what radial kernels and the intercept give: genes × outputs, in double precision.

        So that what a substitution changes is not lost in the rounding of what it leaves.
        """
        outputs = self.intercept.double()
        for similarity, variance in zip(self.similarities(features.double()), self.variance.double(), strict=True):
            outputs = outputs + similarity @ (self.dual.double() * variance)
        return outputs

    def linear(self, features: Tensor) -> Tensor:
        """Predict what linear kernels give: genes × outputs, in double precision."""
        return features.double() @ self.weight.double()


def squared_distances(some: Tensor, others: Tensor) -> Tensor:
    """Compute squared Euclidean distances of rows: some × others."""
    products = some @ others.T
    return ((some**2).sum(dim=1)[:, None] + (others**2).sum(dim=1) - 2 * products).clamp(min=0)


def _precisions(features: np.ndarray, groups: Sequence[np.ndarray], kernels: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Give each kernel's precisions, kernels × features. Parameters: as of `fit`, of the inducing genes."""
    scales = [_median_distance(features[:, columns]) for columns in groups]
    precisions = np.zeros((len(kernels), features.shape[1]))
    for precision, numbers in zip(precisions, kernels, strict=True):
        for number in numbers:
            precision[groups[number]] = 1 / scales[number]
    return precisions


def _median_distance(features: np.ndarray) -> float:
    """Compute the median squared distance of genes; 1 where most of them are the same."""
    distances = squared_distances(*[torch.from_numpy(features)] * 2).numpy()
    median = float(np.median(distances[np.triu_indices(len(distances), 1)]))
    return median if median > 1e-6 else 1.0


def reml(similarities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Estimate the variances that explain a target: of each kernel, and of noise last.

    Multiplicative updates from equal variances, half of them noise; the mean is a fixed effect.

    Parameters
    ----------
    similarities: kernels × genes × genes.
    """
    kernels, genes = similarities.shape[:2]
    spread = max(target.var(), 1e-9)
    variances = np.append(np.full(kernels, 0.5 / kernels), 0.5) * spread
    floor = np.append(np.full(kernels, 1e-6), MIN_NOISE) * spread
    flat = similarities.reshape(kernels, -1)
    for _ in range(UPDATES):
        covariance = (variances[:-1] @ flat).reshape(genes, genes)
        covariance[np.diag_indices(genes)] += variances[-1]
        precision = inv(covariance, overwrite_a=True, check_finite=False)
        sums = precision.sum(axis=1)
        precision -= np.outer(sums, sums) / sums.sum()
        weights = precision @ target
        explained = np.append(similarities @ weights @ weights, weights @ weights)
        expected = np.append(flat @ precision.ravel(), np.trace(precision))
        variances = np.maximum(variances * np.sqrt(np.maximum(explained, 0) / np.maximum(expected, 1e-12)), floor)
    return variances


def _fit_output(
    similarity: np.ndarray, chosen: np.ndarray, target: np.ndarray, variances: np.ndarray, part: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Fit one output.

    Parameters
    ----------
    similarity: kernels × genes × inducing genes.
    chosen: which genes are the inducing ones.
    variances: as `reml` gives them.
    part: number of each gene's part.

    Returns
    -------
    dual and intercept of the output, and predictions of each part of the genes by a fit without it.
    """
    covariance = _weighted_sum(variances[:-1], similarity)
    own = covariance[chosen]
    own[np.diag_indices(len(own))] += JITTER * own.diagonal().mean()
    center, mean = covariance.mean(axis=0), target.mean()
    covariance -= center
    dual, held_out = _ridge(covariance, target - mean, variances[-1] * own, part)
    return dual, mean - center @ dual, mean + held_out


def _weighted_sum(weights: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Add up matrices (float32) in double precision, some rows at a time: those of all matrices stay in the cache."""
    total = np.empty(matrices.shape[1:])
    for first in range(0, len(total), SUMMED_ROWS):
        rows = slice(first, first + SUMMED_ROWS)
        total[rows] = np.tensordot(weights, matrices[:, rows], 1)
    return total


def _ridge(
    columns: np.ndarray, target: np.ndarray, penalty: np.ndarray, part: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Regress a centred target on centred columns (genes × columns). penalty: the matrix of the weights' quadratic form.

    Returns
    -------
    The weights, and predictions of each part of the genes by a regression on the other parts.
    """
    root = cholesky(columns.T @ columns + penalty, lower=True, overwrite_a=True, check_finite=False)
    # Columns × genes; products of its columns are the genes' leverages.
    whitened = solve_triangular(root, columns.T, lower=True, check_finite=False)
    along = whitened @ target
    weights = solve_triangular(root, along, lower=True, trans="T", check_finite=False)
    errors = target - along @ whitened
    for number in np.unique(part):
        rows = part == number
        own = whitened[:, rows]
        leverage = own.T @ own + 1 / len(columns)
        errors[rows] = np.linalg.solve(np.eye(len(leverage)) - leverage, errors[rows])
    return weights, target - errors

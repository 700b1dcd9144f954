"""Gaussian process regression on a sum of kernels as tensors: fitted by REML, kept in a file of weights, on any device.

The variance that each kernel explains is estimated for each output by restricted maximum likelihood (REML). Radial and
linear kernels of annotation are kept by inducing genes; that of k-mers, whose effects have to be exact and quick, is a ridge
regression kept by a weight per k-mer.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import cho_solve, cholesky, inv, solve_triangular
from torch import Tensor

from scxpresso.networks.fitted import FittedModule

MAX_INDUCING = 1000  # genes by which kernels are kept
REML_GENES = 600  # that estimate variances
UPDATES = 10  # of the variances, from equal ones: more would cost time, and let small atlases choose too boldly
JITTER = 1e-6  # of the diagonal of a kernel matrix, relative to its mean


class Kernel(NamedTuple):
    """A kernel and the columns of the features that it reads: linear, or radial at the median squared distance."""

    columns: np.ndarray
    linear: bool = False


class HeldOut(NamedTuple):
    """Leave-one-out predictions of the training genes (genes × outputs): of the kernels with intercept, and of the k-mers."""

    smooth: np.ndarray
    kmers: np.ndarray


class KernelRegression(FittedModule):
    """Outputs by kernels of features, and by k-mers linearly.

    inducing: inducing genes × features. reads: kernels × features, 1 where a kernel reads the feature. linear: kernels, 1
    where linear. scale: kernels, the median squared distance or the mean squared length. variance: kernels × outputs. dual:
    inducing genes × outputs. kmer_weight: k-mers × outputs. intercept: outputs.
    """

    inducing: Tensor
    reads: Tensor
    linear: Tensor
    scale: Tensor
    variance: Tensor
    dual: Tensor
    kmer_weight: Tensor
    intercept: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.declare("inducing", "reads", "linear", "scale", "variance", "dual", "kmer_weight", "intercept")

    def fit(
        self, features: np.ndarray, kmers: np.ndarray, kernels: list[Kernel], targets: np.ndarray, seed: int
    ) -> HeldOut:
        """Fit outputs of genes, and predict each gene by the others.

        Parameters
        ----------
        features: genes × features, scaled and without NaN.
        kmers: genes × k-mers, likewise; may have no columns.
        targets: genes × outputs.
        seed: of the choice of inducing genes, where there are more than MAX_INDUCING.
        """
        chosen = np.random.default_rng(seed).permutation(len(features))[:MAX_INDUCING]
        reads = [np.isin(np.arange(features.shape[1]), kernel.columns) for kernel in kernels]
        self.keep(
            inducing=features[chosen],
            reads=np.array(reads),
            linear=np.array([kernel.linear for kernel in kernels]),
            scale=np.array([_scale(features[chosen][:, kernel.columns], kernel.linear) for kernel in kernels]),
        )
        similarity = self.similarities(torch.from_numpy(features)).numpy()
        length = np.sqrt(max(float((kmers**2).sum(axis=1).mean()), 1e-9)) if kmers.shape[1] else 1.0
        kmers = kmers / length
        few = chosen[:REML_GENES]
        within = [*similarity[:, few, : len(few)], *([kmers[few] @ kmers[few].T] if kmers.shape[1] else [])]
        within = np.array(within, dtype=np.float64)
        fits = [
            _fit_output(similarity, chosen, kmers, target, reml(within, target[few]))
            for target in targets.T.astype(np.float64)
        ]
        variance, dual, weight, intercept, smooth, by_kmers = (np.array(part).T for part in zip(*fits, strict=True))
        self.keep(variance=variance, dual=dual, kmer_weight=weight / length, intercept=intercept)
        return HeldOut(smooth, by_kmers)

    def similarities(self, features: Tensor) -> Tensor:
        """Evaluate each kernel between genes and the inducing genes: kernels × genes × inducing genes."""
        found = []
        features, inducing = features.double(), self.inducing.double()
        for reads, linear, scale in zip(self.reads, self.linear, self.scale, strict=True):
            mine, theirs = features[:, reads], inducing[:, reads]
            found.append(mine @ theirs.T / scale if linear else torch.exp(-squared_distances(mine, theirs) / scale))
        return torch.stack(found)

    def smooth(self, features: Tensor) -> Tensor:
        """Predict outputs by the kernels and the intercept: genes × outputs."""
        outputs = torch.einsum("bgi,io,bo->go", self.similarities(features), self.dual.double(), self.variance.double())
        return outputs + self.intercept

    def by_kmers(self, kmers: Tensor) -> Tensor:
        """Predict outputs by the k-mers: genes × outputs."""
        return kmers.double() @ self.kmer_weight.double()


def squared_distances(some: Tensor, others: Tensor) -> Tensor:
    """Compute squared Euclidean distances of rows: some × others."""
    products = some @ others.T
    return ((some**2).sum(dim=1)[:, None] + (others**2).sum(dim=1) - 2 * products).clamp(min=0)


def _scale(features: np.ndarray, linear: bool) -> float:
    """Compute what a kernel divides by: the mean squared length of its features, or their median squared distance."""
    if linear:
        scale = (features**2).sum(axis=1).mean()
    else:
        distances = squared_distances(*[torch.from_numpy(features)] * 2).numpy()
        scale = np.median(distances[np.triu_indices(len(distances), 1)])
    return max(float(scale), 1e-9)


def reml(similarities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Estimate the variances that explain a target: of each kernel, and of noise last.

    Multiplicative updates from equal variances, half of them noise; the mean is a fixed effect.

    Parameters
    ----------
    similarities: kernels × genes × genes.
    """
    kernels, genes = similarities.shape[:2]
    variances = np.append(np.full(kernels, 0.5 / kernels), 0.5) * target.var()
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
        variances *= np.sqrt(np.maximum(explained, 0) / np.maximum(expected, 1e-12))
    return variances


def _fit_output(
    similarity: np.ndarray, chosen: np.ndarray, kmers: np.ndarray, target: np.ndarray, variances: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray, np.ndarray]:
    """Fit one output.

    Parameters
    ----------
    similarity: kernels × genes × inducing genes, which are the genes `chosen`.
    kmers: genes × k-mers, of mean squared length 1.
    variances: as reml gives them, of the kernels, of the k-mers if there are any, and of noise.

    Returns
    -------
    variance, dual, kmer_weight and intercept of the output, and its two HeldOut predictions.
    """
    variance, by_kmers = variances[: len(similarity)], variances[len(similarity) : -1].sum()
    covariance = np.tensordot(variance, similarity, 1)
    own = covariance[chosen]
    own[np.diag_indices(len(own))] += JITTER * own.diagonal().mean()
    root = cholesky(own, lower=True, overwrite_a=True, check_finite=False)
    smooth = solve_triangular(root, covariance.T, lower=True, check_finite=False).T
    columns = np.hstack([smooth, np.sqrt(by_kmers) * kmers])
    center, mean, size = columns.mean(axis=0), target.mean(), len(chosen)
    columns -= center
    weights, errors, moves = _ridge(columns, target - mean, variances[-1])
    dual = solve_triangular(root, weights[:size], lower=True, trans="T", check_finite=False)
    kmer_weight = np.sqrt(by_kmers) * weights[size:]
    moved = np.einsum("gc,cg->g", columns[:, size:], moves[size:]) * errors
    held_out_kmers = kmers @ kmer_weight - moved
    return variance, dual, kmer_weight, mean - center @ weights, target - errors - held_out_kmers, held_out_kmers


def _ridge(columns: np.ndarray, target: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regress a centred target on centred columns (genes × columns) with weights of variance 1.

    Returns
    -------
    The weights, the leave-one-out errors, and columns × genes: by how much each gene's error moves the weights.
    """
    product = columns.T @ columns
    product[np.diag_indices(len(product))] += noise
    moves = cho_solve((cholesky(product, lower=True, overwrite_a=True, check_finite=False), True), columns.T)
    weights = moves @ target
    leverage = 1 / len(columns) + np.einsum("gc,cg->g", columns, moves)
    return weights, (target - columns @ weights) / np.maximum(1 - leverage, 1e-3), moves

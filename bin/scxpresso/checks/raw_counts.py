"""Whether numbers can be raw counts (or TPM), and what they look like where they cannot."""

from itertools import pairwise

import numpy as np
import scipy.sparse

LARGEST_LOG = 30  # no log-transformed count is larger


def counts_fault(sample: scipy.sparse.csr_matrix, whole_cells: bool = True) -> str:
    """Why a sample (cells × genes) cannot be raw counts, with the likely cause; '' when it can.

    Normalised counts, log-transformed or not, give themselves away: within a cell they are whole multiples of the least
    one, or their sum is the same in all cells (which whole cells alone can tell).
    """
    values = sample.data.astype(np.float64)
    if fault := sign_fault(values):
        return fault
    if (values % 1 == 0).all():
        return ""
    example = f"fractions (such as {values[values % 1 != 0][0]:.4g})"
    causes = {"already normalised: counts": lambda x: x}
    if values.max() < LARGEST_LOG:
        causes["log-normalised: log(x + 1) of counts"] = np.expm1
        causes["log-normalised: log2(x + 1) of counts"] = lambda x: np.exp2(x) - 1
        causes["log-normalised: log10(x + 1) of counts"] = lambda x: 10**x - 1
    for cause, inverse in causes.items():
        counts = scipy.sparse.csr_matrix((inverse(values), sample.indices, sample.indptr), shape=sample.shape)
        sums = np.asarray(counts.sum(axis=1)).ravel()
        sums = sums[sums > 0]
        constant = whole_cells and len(sums) > 2 and sums.std() < 0.01 * sums.mean()
        if constant or multiples(counts) > 0.9:
            return f"{example} that look {cause}" + (f" scaled to {sums.mean():,.0f} a cell" if constant else "")
    if values.max() < LARGEST_LOG:
        return f"{example}, none above {values.max():.3g}: they look log-transformed, scaled or corrected"
    return ""


def tpm_fault(sample: scipy.sparse.csr_matrix, whole_samples: bool) -> str:
    """Why a sample (samples × genes) cannot be TPM; '' when it can."""
    values = sample.data.astype(np.float64)
    if fault := sign_fault(values):
        return fault
    sums = np.asarray(sample.sum(axis=1)).ravel()
    if (values % 1 == 0).all() or (whole_samples and sums.max() > 1.05e6):
        return f"counts rather than TPM (the first sample sums to {sums[0]:,.0f}, TPM to 1,000,000 at most)"
    return f"nothing above {values.max():.3g}: it looks log-transformed" if values.max() < LARGEST_LOG else ""


def sign_fault(values: np.ndarray) -> str:
    """What neither counts nor TPM can be."""
    if not values.any():
        return "only zeros"
    if not np.isfinite(values).all():
        return f"{'NaN' if np.isnan(values).any() else 'infinite values'}: was something divided by zero?"
    if values.min() < 0:
        return f"negative values (such as {values.min():.3g}): they look scaled (z-scores) or batch-corrected"
    return ""


def multiples(counts: scipy.sparse.csr_matrix) -> float:
    """Share of values that are a whole multiple of the least one of their cell; the least ones do not count."""
    whole = checked = 0
    for start, end in pairwise(counts.indptr):
        values = counts.data[start:end]
        values = values[values > 0]
        ratio = values / values.min(initial=np.inf)
        ratio = ratio[(ratio > 1.01) & (ratio < 50)]  # beyond, rounding hides what a whole number is
        checked += len(ratio)
        whole += int((np.abs(ratio - np.rint(ratio)) < 0.01).sum())
    return whole / max(checked, 1)

"""k-mers as tensors, on the device of the codes. genome/sequence.py has the same for arrays."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scxpresso.genome.sequence import BASE_OF_CODE, N_CODE

MAX_K = 7
AMBIGUOUS_BASE = -(4**MAX_K)  # makes the number of every k-mer that contains it negative
_BASES = np.where(BASE_OF_CODE > 3, AMBIGUOUS_BASE, BASE_OF_CODE.astype(np.int32))


def bases_around(codes: Tensor, tss: int, start: int, end: int) -> Tensor:
    """Extract the bases from `start` to `end` relative to the TSS at index `tss`: genes × (end − start), int32.

    Parameters
    ----------
    codes: genes × window (uint8).

    Returns
    -------
    0 to 3 (A, C, T, G); AMBIGUOUS_BASE for ambiguous bases, and outside of the window.
    """
    first, last = tss + start, tss + end
    inside = codes[:, max(first, 0) : max(last, 0)]
    left = min(max(-first, 0), end - start)
    padded = functional.pad(inside, (left, end - start - left - inside.shape[1]), value=N_CODE)
    return torch.from_numpy(_BASES).to(codes.device)[padded.int()]


def kmer_numbers(bases: Tensor, k: int) -> Tensor:
    """Number the k-mers of each row, 0 to 4^k − 1, and 4^k if ambiguous: genes × (length − k + 1), int32."""
    count = max(bases.shape[1] - k + 1, 0)
    numbers = bases[:, :count].clone()
    for place in range(1, k):
        numbers.mul_(4).add_(bases[:, place : place + count])
    return numbers.masked_fill_(numbers < 0, 4**k)


def kmer_counts(bases: Tensor, k: int) -> Tensor:
    """Count the unambiguous k-mers of each row: genes × 4^k (int32)."""
    numbers = kmer_numbers(bases, k).long()
    counts = torch.zeros(len(bases), 4**k + 1, dtype=torch.int32, device=bases.device)
    return counts.scatter_add_(1, numbers, torch.ones_like(numbers, dtype=torch.int32))[:, :-1]

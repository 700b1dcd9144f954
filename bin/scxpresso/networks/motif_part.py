"""The part of the network `grammar` that reads motifs: position weight matrices, each by its best match in a region.

A k-mer is the special case of a matrix whose mismatches exclude a match. Each motif says what it adds to the expression of
each population, so that the effect of a substitution names the motifs that it breaks or makes (docs/science.md).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scxpresso.genome.sequence import ONE_HOT, region

LENGTH = 14  # bases of a matrix: an 8-mer and three bases on either side
SCANNED_GENES = 256  # at a time
COMPLEMENT = [2, 3, 0, 1]  # of A, C, T, G
# Buffers whose size training decides.
SIZED_BY_TRAINING = ("matrices", "offsets", "weights", "regions")


class MotifPart(nn.Module):
    """What motifs add to expression: codes → genes × populations.

    matrices: motifs × bases (A, C, T, G) × LENGTH; a window's score is the sum over its positions, 0 for the best base of
    each. offsets: motifs; a match is the logistic function of the best window's score plus the offset, on either strand.
    weights: motifs × populations, z-scaled expression of a full match. regions: of each motif, where matches are sought,
    relative to the TSS: the first base, and the one after the last.
    """

    matrices: Tensor
    offsets: Tensor
    weights: Tensor
    intercept: Tensor
    regions: Tensor

    def __init__(self, populations: int, upstream: int):
        super().__init__()
        self.upstream = upstream
        self.register_buffer("matrices", torch.zeros(0, 4, LENGTH))
        self.register_buffer("offsets", torch.zeros(0))
        self.register_buffer("weights", torch.zeros(0, populations))
        self.register_buffer("intercept", torch.zeros(populations))
        self.register_buffer("regions", torch.zeros(0, 2, dtype=torch.long))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        """Take as many motifs as a file has."""
        for name in SIZED_BY_TRAINING:
            stored = state_dict.get(prefix + name)
            if stored is not None and stored.shape[1:] == getattr(self, name).shape[1:]:
                setattr(self, name, getattr(self, name).new_zeros(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def bounds(self) -> tuple[int, int]:
        """The first base that any motif reads, relative to the TSS, and the one after the last."""
        return int(self.regions[:, 0].min()), int(self.regions[:, 1].max())

    def forward(self, codes: Tensor) -> Tensor:
        """z-scaled expression of codes (genes × window, uint8; on any device)."""
        if not len(self.offsets):
            return self.intercept.expand(len(codes), -1)
        return self.matches(codes) @ self.weights + self.intercept

    def matches(self, codes: Tensor) -> Tensor:
        """Match of each gene with each motif, from 0 to 1 (genes × motifs), of codes as forward reads them."""
        start, end = self.bounds()
        scanned = torch.from_numpy(region(codes.cpu().numpy(), self.upstream, start, end)).to(self.matrices.device)
        best = best_matches(scanned, self.matrices, self.regions - start)
        return torch.sigmoid(best.scores + self.offsets)


def reverse_complement(matrices: Tensor) -> Tensor:
    """Give the matrices as they read the other strand."""
    return matrices[:, COMPLEMENT].flip(2)


class Matches(NamedTuple):
    """Best window of each motif in each gene (genes × motifs each).

    scores: of the window. first: index of its first base. reverse: whether it reads the other strand.
    """

    scores: Tensor
    first: Tensor
    reverse: Tensor


def best_matches(codes: Tensor, matrices: Tensor, regions: Tensor) -> Matches:
    """Find the best window of each motif in each gene; an ambiguous base scores the mean of its bases.

    Parameters
    ----------
    codes: genes × bases (uint8).
    matrices: motifs × bases × LENGTH.
    regions: of each motif, its first base, and the one after the last.
    """
    start, windows = int(regions[:, 0].min()), int(regions[:, 1].max() - regions[:, 0].min()) - LENGTH + 1
    number = start + torch.arange(windows, device=matrices.device)
    outside = (number < regions[:, :1]) | (number > regions[:, 1:] - LENGTH)
    outside = torch.where(outside, -torch.inf, 0.0)[:, None]
    found = []
    for part in codes[:, start : start + windows + LENGTH - 1].split(SCANNED_GENES):
        scores = (window_scores(part, matrices) + outside).flatten(2)
        found.append(scores.max(dim=2))
    values, indices = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Matches(values, start + indices % windows, indices >= windows)


def window_scores(codes: Tensor, matrices: Tensor) -> Tensor:
    """Score every window: genes × motifs × 2 strands × windows."""
    one_hot = torch.from_numpy(ONE_HOT).to(matrices.device)[codes.long()].transpose(1, 2)
    filters = torch.stack([matrices, reverse_complement(matrices)], dim=1).flatten(0, 1)
    return functional.conv1d(one_hot, filters).unflatten(1, (len(matrices), 2))

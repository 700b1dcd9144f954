"""The second network: k-mers, a shallow convolution, the annotation and boosted trees (docs/science.md says why).

It reads the 3,000 bases around the TSS in which most of the published network's knowledge lies, averages where that takes
the maximum, and is far more regularised. Windows of uncertain bases count for nothing, so that every window read is one of
4,096 six-mers: the convolution is a table, and its average over a bin one `embedding_bag`.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scxpresso.genome.sequence import BASE_OF_CODE, N_CODE, kmer_counts
from scxpresso.networks.boosting import Boosting
from scxpresso.networks.published import Scaling

START, END = -2000, 1000  # bases read, relative to the TSS, which is 0
BIN = 250
BINS = (END - START) // BIN
SHIFT = 25  # bases by which training moves the window, either way
WIDTH = 6
BEFORE = 2  # of a window's bases, before the position that it belongs to
UNCERTAIN = 4**WIDTH
FILTERS = 64
HIDDEN = 64
DROPOUT = 0.4
# k, from, to: square roots of counts. Long k-mers in wide regions, short ones in narrow regions.
KMERS = [
    (4, -1000, 0), (4, 0, 500),
    (3, -2000, -1000), (3, -1000, -300), (3, -300, 0), (3, 0, 300), (3, 300, 1000),
]  # fmt: skip
COUNTS = sum(4**k for k, _, _ in KMERS)
LIMIT = 5.0  # deviations beyond which a feature says no more


class HybridInputs(NamedTuple):
    """What a gene's bases become before anything is learned.

    windows: genes × (3,000 + 2 · SHIFT), the six-mer of each position (0 … 4,095; UNCERTAIN). counts: genes × COUNTS.
    """

    windows: Tensor
    counts: Tensor

    def to(self, device: torch.device) -> "HybridInputs":
        return HybridInputs(self.windows.to(device), self.counts.to(device))

    def of(self, rows: Tensor, shift: int = 0) -> "HybridInputs":
        """Of some genes, the window moved by some bases; without the margins."""
        first = SHIFT + shift
        return HybridInputs(self.windows[rows, first : first + END - START], self.counts[rows])


def region(codes: np.ndarray, tss: int, start: int, end: int) -> np.ndarray:
    """Codes from `start` to `end` relative to the TSS at index `tss`; N where the window does not reach."""
    first, last = tss + start, tss + end
    inside = codes[:, max(first, 0) : max(last, 0)]
    left = min(max(-first, 0), end - start)
    return np.pad(inside, ((0, 0), (left, end - start - left - inside.shape[1])), constant_values=N_CODE)


class Hybrid(nn.Module):
    """populations: outputs. upstream: bases of the codes before the TSS. annotation: columns of annotation features.

    inputs: `both`, `sequence` (no annotation) or `half_life` (annotation only).
    """

    extended = True  # reads the extended annotation features where there are any
    smallest_window, options = 1, ()
    phase = 1  # it averages: a base counts the same wherever it lies in a bin

    def __init__(self, populations: int, upstream: int, inputs: str = "both", annotation: int = 5):
        super().__init__()
        self.inputs, self.upstream = inputs, upstream
        self.expression = Scaling(populations)
        self.boosting = Boosting(populations)
        if inputs != "half_life":
            self.filters = nn.Conv1d(4, FILTERS, WIDTH)
            self.even = nn.BatchNorm1d(FILTERS)
            self.bins = nn.Linear(FILTERS * BINS, HIDDEN)
            self.counts = Scaling(COUNTS)
            self.wide = nn.Linear(COUNTS, populations)
            nn.init.zeros_(self.wide.weight)
            nn.init.zeros_(self.wide.bias)
            digits = np.arange(UNCERTAIN)[:, None] // 4 ** np.arange(WIDTH)[::-1] % 4
            six_mers = torch.from_numpy(np.eye(4, dtype=np.float32)[digits]).transpose(1, 2).flatten(1)
            self.register_buffer(
                "six_mers", six_mers.contiguous(), persistent=False
            )  # 4,096 × 24, as the filters' weights
        self.annotation = Scaling(annotation)
        if inputs != "sequence":
            self.annotated = nn.Linear(annotation, HIDDEN)
        self.head = nn.Sequential(
            nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, populations),
        )  # fmt: skip
        self.drop = nn.Dropout(DROPOUT)

    @classmethod
    def build(cls, populations: int, upstream: int, downstream: int, inputs: str, annotation: int) -> "Hybrid":
        """By what every network is built from; annotation: the number of its features."""
        return cls(populations, upstream, inputs, annotation)

    @staticmethod
    def bases_read(upstream: int, downstream: int) -> tuple[int, int]:
        """The bases of a window that it reads, relative to the TSS: the first, and the one after the last."""
        return max(START - BEFORE, -upstream), min(END + WIDTH - 1 - BEFORE, downstream)

    @staticmethod
    def read(codes: np.ndarray, upstream: int) -> HybridInputs:
        """What codes (genes × window, uint8) become before anything is learned: the same for every fold and replicate."""
        bases = BASE_OF_CODE[region(codes, upstream, START - SHIFT - BEFORE, END + SHIFT + WIDTH - 1 - BEFORE)]
        length = END - START + 2 * SHIFT
        windows, uncertain = np.zeros((len(codes), length), dtype=np.int32), np.zeros((len(codes), length), dtype=bool)
        for place in range(WIDTH):
            base = bases[:, place : place + length]
            windows = windows * 4 + base
            uncertain |= base > 3
        windows[uncertain] = UNCERTAIN
        counts = [kmer_counts(region(codes, upstream, start, end), k) for k, start, end in KMERS]
        return HybridInputs(torch.from_numpy(windows), torch.from_numpy(np.sqrt(np.hstack(counts), dtype=np.float32)))

    def scaled_counts(self, read: HybridInputs) -> Tensor:
        return self.counts.apply_to(read.counts).clamp(-LIMIT, LIMIT)

    def scaled_annotation(self, annotation: Tensor) -> Tensor:
        return self.annotation.apply_to(annotation).clamp(-LIMIT, LIMIT)

    def features(self, read: HybridInputs, annotation: Tensor) -> Tensor:
        """What the trees read: genes × (COUNTS + annotation), scaled."""
        parts = []
        if self.inputs != "half_life":
            parts.append(self.scaled_counts(read))
        if self.inputs != "sequence":
            parts.append(self.scaled_annotation(annotation))
        return torch.cat(parts, dim=1)

    def binned(self, windows: Tensor) -> Tensor:
        """Mean of the rectified convolution over each bin's certain windows: genes × FILTERS × BINS."""
        table = functional.relu(self.six_mers @ self.filters.weight.flatten(1).T + self.filters.bias)
        table = functional.pad(table, (0, 0, 0, 1))
        means = functional.embedding_bag(windows.reshape(-1, BIN), table, mode="mean", padding_idx=UNCERTAIN)
        return means.view(len(windows), BINS, FILTERS).transpose(1, 2)

    def neural(self, read: HybridInputs, annotation: Tensor) -> Tensor:
        """z-scaled expression by the network alone."""
        hidden = 0.0
        if self.inputs != "half_life":
            hidden = hidden + self.bins(self.even(self.binned(read.windows)).flatten(1))
        if self.inputs != "sequence":
            hidden = hidden + self.annotated(self.scaled_annotation(annotation))
        output = self.head(hidden)
        if self.inputs != "half_life":
            output = output + self.wide(self.drop(self.scaled_counts(read)))
        return output

    def mean(self, read: HybridInputs, annotation: Tensor) -> Tensor:
        """z-scaled expression: the mean of network and trees."""
        return (self.neural(read, annotation) + self.boosting(self.features(read, annotation))) / 2

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """z-scaled expression, B × populations, of codes (B × window, uint8) and annotation features (B × features)."""
        read = self.read(codes.cpu().numpy(), self.upstream).to(annotation.device)
        return self.mean(read.of(torch.arange(len(codes))), annotation)

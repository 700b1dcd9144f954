"""The network `hybrid`: k-mers, a shallow convolution, annotation features and gradient-boosted trees (see docs/science.md).

It reads 3,000 bases around the TSS, averages where the published network takes the maximum, and is far more regularised.
Ambiguous 6-mers are ignored, so every 6-mer is one of 4,096. The convolution is therefore a table, whose rows are averaged
over each pooling bin: on a GPU by one `embedding_bag`.
"""

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scxpresso.genome.sequence import unpack_kmers
from scxpresso.networks.bin_means import BinMeans
from scxpresso.networks.counted_kmers import COUNTED_KMERS, N_COUNTS
from scxpresso.networks.device_kmers import bases_around, kmer_counts, kmer_numbers
from scxpresso.networks.forms import GeneInputs
from scxpresso.networks.gradient_boosted_trees import GradientBoostedTrees
from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.scaling import MAX_DEVIATIONS, Scaling

START, END = -2000, 1000  # of the 6-mers read, relative to the TSS
BIN = 250  # 6-mers per pooling bin
N_BINS = (END - START) // BIN
MAX_SHIFT = 25  # bases by which training shifts the window, either way
K = 6  # bases that the convolution reads
K_BEFORE = 2  # bases of a 6-mer before the position that it belongs to
AMBIGUOUS = 4**K  # number of every ambiguous 6-mer
N_FILTERS = 64
HIDDEN = 64
DROPOUT = 0.4


class HybridInputs(NamedTuple):
    """K-mers of genes: the part of the computation without learned weights.

    kmers: genes × (3,000 + 2 · MAX_SHIFT), the 6-mer of each position (0 … 4,095; AMBIGUOUS). counts: genes × N_COUNTS.
    """

    kmers: Tensor
    counts: Tensor

    def to(self, device: torch.device) -> "HybridInputs":
        """Move both to a device."""
        return HybridInputs(self.kmers.to(device), self.counts.to(device))

    def of(self, rows: Tensor | slice, shift: int = 0) -> "HybridInputs":
        """Select some genes, with 6-mers from `shift` bases further downstream, without the margins."""
        first = MAX_SHIFT + shift
        return HybridInputs(self.kmers[rows, first : first + END - START], self.counts[rows])


def square_roots(counts: Tensor) -> Tensor:
    """Compute square roots of counts (float32), correctly rounded: PyTorch's own are not on every processor."""
    return counts.double().sqrt().float()


class Hybrid(ExpressionNetwork):
    """The mean of a neural network and gradient-boosted trees on the same features.

    populations: outputs. upstream: bases of the codes before the TSS. inputs: `both`, `sequence` (no annotation) or
    `half_life` (annotation only). annotation: number of annotation features.
    """

    # Present names of layers by their names in files of version 0.1.
    FORMER_NAMES: ClassVar = {
        "boosting": "trees", "filters": "convolution", "even": "batch_norm", "bins": "bin_linear",
        "counts": "kmer_counts", "wide": "kmer_linear", "annotated": "annotation_linear",
    }  # fmt: skip

    six_mers: Tensor

    def __init__(self, populations: int, upstream: int, inputs: str = "both", annotation: int = 5):
        super().__init__()
        self.inputs, self.upstream = inputs, upstream
        self.expression = Scaling(populations)
        self.trees = GradientBoostedTrees(populations)
        if inputs != "half_life":
            self.convolution = nn.Conv1d(4, N_FILTERS, K)
            self.batch_norm = nn.BatchNorm1d(N_FILTERS)
            self.bin_linear = nn.Linear(N_FILTERS * N_BINS, HIDDEN)
            self.kmer_counts = Scaling(N_COUNTS)
            self.kmer_linear = nn.Linear(N_COUNTS, populations)
            nn.init.zeros_(self.kmer_linear.weight)
            nn.init.zeros_(self.kmer_linear.bias)
            six_mers = np.eye(4, dtype=np.float32)[unpack_kmers(np.arange(AMBIGUOUS), K, 2)]
            six_mers = torch.from_numpy(six_mers).transpose(1, 2).flatten(1).contiguous()
            self.register_buffer("six_mers", six_mers, persistent=False)  # 4,096 × 24, as the convolution's weights
        self.annotation = Scaling(annotation)
        if inputs != "sequence":
            self.annotation_linear = nn.Linear(annotation, HIDDEN)
        self.head = nn.Sequential(
            nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, populations),
        )  # fmt: skip
        self.dropout = nn.Dropout(DROPOUT)

    @classmethod
    def build(cls, populations: int, upstream: int, downstream: int, inputs: str, annotation: int) -> "Hybrid":
        """Build a network from the arguments of the registry; annotation: number of features."""
        return cls(populations, upstream, inputs, annotation)

    @staticmethod
    def bases_read(upstream: int, downstream: int) -> tuple[int, int]:
        """Return the first base of a window that is read, and the one after the last, relative to the TSS."""
        return max(START - K_BEFORE, -upstream), min(END + K - 1 - K_BEFORE, downstream)

    @staticmethod
    def read(codes: np.ndarray | Tensor, upstream: int) -> HybridInputs:
        """Convert codes (genes × window, uint8) to k-mers, on their device: the same for every fold and replicate."""
        first = START - MAX_SHIFT - K_BEFORE
        bases = bases_around(torch.as_tensor(codes), upstream, first, END + MAX_SHIFT + K - 1 - K_BEFORE)
        counts = [kmer_counts(bases[:, start - first : end - first], k) for k, start, end in COUNTED_KMERS]
        return HybridInputs(kmer_numbers(bases, K), square_roots(torch.cat(counts, dim=1)))

    def scaled_counts(self, read: HybridInputs) -> Tensor:
        """Scale the k-mer counts: genes × N_COUNTS."""
        return self.kmer_counts.apply_to(read.counts).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)

    def scaled_annotation(self, annotation: Tensor) -> Tensor:
        """Scale the annotation features: genes × features."""
        return self.annotation.apply_to(annotation).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)

    def features(self, read: HybridInputs, annotation: Tensor) -> Tensor:
        """Return the features that the trees read: genes × (N_COUNTS + annotation), scaled."""
        parts = []
        if self.inputs != "half_life":
            parts.append(self.scaled_counts(read))
        if self.inputs != "sequence":
            parts.append(self.scaled_annotation(annotation))
        return torch.cat(parts, dim=1)

    def table(self) -> Tensor:
        """Compute the rectified convolution of each 6-mer: 4,096 × N_FILTERS."""
        bias = self.get_parameter("convolution.bias")
        return functional.relu(self.six_mers @ self.convolution.weight.flatten(1).T + bias)

    def padded_table(self) -> Tensor:
        """Compute the table, and zeros for ambiguous 6-mers: 4,097 × N_FILTERS."""
        return functional.pad(self.table(), (0, 0, 0, 1))

    def binned(self, kmers: Tensor) -> Tensor:
        """Average the rectified convolution over each bin's unambiguous 6-mers: genes × N_FILTERS × N_BINS."""
        if kmers.device.type == "cpu":
            means = BinMeans.apply(self.table(), kmers, BIN)
        else:
            means = functional.embedding_bag(
                kmers.reshape(-1, BIN), self.padded_table(), mode="mean", padding_idx=AMBIGUOUS
            )
        return means.view(len(kmers), N_BINS, N_FILTERS).transpose(1, 2)

    def neural(self, read: HybridInputs, annotation: Tensor) -> Tensor:
        """Predict z-scaled expression with the neural network, without trees."""
        hidden = 0.0
        if self.inputs != "half_life":
            hidden = hidden + self.bin_linear(self.batch_norm(self.binned(read.kmers)).flatten(1))
        if self.inputs != "sequence":
            hidden = hidden + self.annotation_linear(self.scaled_annotation(annotation))
        output = self.head(hidden)
        if self.inputs != "half_life":
            output = output + self.kmer_linear(self.dropout(self.scaled_counts(read)))
        return output

    def mean(self, read: HybridInputs, annotation: Tensor) -> Tensor:
        """Predict z-scaled expression: the mean of neural network and trees."""
        return (self.neural(read, annotation) + self.trees(self.features(read, annotation))) / 2

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """Predict z-scaled expression (B × populations) from codes (B × window, uint8) and annotation features (B × features)."""
        read = self.read(codes, self.upstream)
        return self.mean(read.of(slice(None)), annotation)


class HybridGeneInputs(GeneInputs):
    """Genes as 6-mers and k-mer counts, on any device."""

    def __init__(self, read: HybridInputs, annotation: np.ndarray, device: torch.device):
        super().__init__(annotation, device)
        self.read = read.to(device)

    @classmethod
    def of(
        cls, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device, inputs: str
    ) -> "HybridGeneInputs":
        """As GeneInputs.of."""
        return cls(Hybrid.read(torch.from_numpy(codes).to(device), upstream), annotation, device)

    def forward(self, network: Hybrid, rows: Tensor) -> Tensor:
        """As GeneInputs.forward."""
        rows = rows.to(self.device)
        return network.mean(self.read.of(rows), self.annotation[rows])

"""Effects of all substitutions by the hybrid network, in plain PyTorch. Only what a substitution changes is computed.

A substitution changes six 6-mers of one or two pooling bins, and a few k-mer counts. What a 6-mer adds to the first hidden
layer is a row of a table. So is what a changed count adds to the trees and to the linear layer on counts. The effect of a
substitution follows from sums of such rows. No shape depends on the sequence, so the host never waits for the device. This
form is for GPUs; that for CPUs is in hybrid.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.networks.counted_kmers import COUNTED_KMERS, N_COUNTS
from scxpresso.networks.device_kmers import bases_around, kmer_numbers
from scxpresso.networks.hybrid import (
    AMBIGUOUS,
    BIN,
    END,
    K_BEFORE,
    N_BINS,
    START,
    Hybrid,
    HybridInputs,
    K,
    square_roots,
)
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.effects import SubstitutionEffects
from scxpresso.saturation.hybrid import fold_batch_norms, layers_of_gene
from scxpresso.saturation.published_gpu import rectified_change
from scxpresso.saturation.tree_conditions import TreeConditions

FIRST = START - K_BEFORE  # the first base read, relative to the TSS; here, bases and regions are counted from it
LENGTH = END - START + K - 1  # bases read
ALTERNATIVE_CHANNELS = torch.from_numpy(BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int32))
MAX_STEP = max(k for k, _, _ in COUNTED_KMERS)  # the largest change of a count by a substitution
NOTHING = MAX_STEP * N_COUNTS  # the row of a count that does not change
CHUNK = {"cpu": 64, "cuda": 1024}  # positions computed at once


def _regions() -> dict[int, Tensor]:
    """Tabulate by k, for each base, the region that counts its k-mers: first base, end and first column, 3 × LENGTH.

    Regions of the same k do not overlap. A base outside of all of them has an empty region.
    """
    regions, column = {k: np.zeros((3, LENGTH), dtype=np.int64) for k, _, _ in COUNTED_KMERS}, 0
    for k, start, end in COUNTED_KMERS:
        regions[k][:, start - FIRST : end - FIRST] = np.array([[start - FIRST], [end - FIRST], [column]])
        column += 4**k
    return {k: torch.from_numpy(region) for k, region in regions.items()}


REGIONS = _regions()


class Gene(NamedTuple):
    """What all networks read of a gene, on the device.

    bases: LENGTH, see bases_around. read: see Hybrid.read, without margins. bin_kmers: number of unambiguous 6-mers in each
    bin. regions: REGIONS. alternatives: ALTERNATIVE_CHANNELS.
    """

    bases: Tensor
    read: HybridInputs
    bin_kmers: Tensor
    regions: dict[int, Tensor]
    alternatives: Tensor

    @classmethod
    def of(cls, codes: Tensor, upstream: int) -> "Gene":
        """Read a window (codes, uint8) on its device."""
        bases = bases_around(codes[None], upstream, FIRST, FIRST + LENGTH)[0]
        read = Hybrid.read(codes[None], upstream).of(slice(None))
        bin_kmers = (read.kmers.view(N_BINS, BIN) != AMBIGUOUS).sum(1)
        regions = {k: region.to(codes.device) for k, region in REGIONS.items()}
        return cls(bases, read, bin_kmers, regions, ALTERNATIVE_CHANNELS.to(codes.device))

    def changed_kmers(self, positions: Tensor, k: int, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
        """Number the k-mers that contain a base: in the reference (positions × 1 × k), and with each alternative (× 4 × k).

        A number is 4^k if the k-mer is ambiguous, or does not lie between the bases `start` and `end` (exclusive).
        """
        around = torch.arange(1 - k, k, device=positions.device)
        sequence = functional.pad(self.bases, (k - 1, k - 1))[(positions + k - 1)[:, None] + around]
        sequences = sequence[:, None].repeat(1, 5, 1)
        sequences[:, 1:, k - 1] = self.alternatives
        numbers = kmer_numbers(sequences.flatten(0, 1), k).view(-1, 5, k).long()
        begin = positions[:, None] + around[:k]
        outside = (begin < start[..., None]) | (begin + k > end[..., None])
        numbers = numbers.masked_fill(outside[:, None], 4**k)
        return numbers[:, :1], numbers[:, 1:]


class Substitutions(NamedTuple):
    """What substitutions at some positions change, for all networks.

    own: positions × 4, whether the alternative is the reference base. bins: positions × 1 × K, bins of the 6-mers that
    contain the base. before, after: positions × 1 (or 4) × K, numbers of these 6-mers. share: positions × 4 × K, weight of
    one 6-mer in the mean of its bin. counts: (positions · 4) × changed counts, each as a row of Reference.count_effects.
    """

    own: Tensor
    bins: Tensor
    before: Tensor
    after: Tensor
    share: Tensor
    counts: Tensor

    @classmethod
    def of(cls, gene: Gene, positions: Tensor) -> "Substitutions":
        """Find the changes at positions, which are indices of gene.bases."""
        start = torch.zeros_like(positions)
        before, after = gene.changed_kmers(positions, K, start, start + LENGTH)
        begin = positions[:, None] + torch.arange(1 - K, 1, device=positions.device)
        bins = begin.clamp(0, END - START - 1) // BIN
        more = ((before == AMBIGUOUS) & (after != AMBIGUOUS)).float()
        more = more @ (bins[:, :, None] == bins[:, None]).float()
        share = 1 / (gene.bin_kmers[bins][:, None] + more).clamp(min=1)
        own = gene.bases[positions][:, None] == gene.alternatives
        return cls(own, bins[:, None], before, after, share, _changed_counts(gene, positions).flatten(0, 1))


def _changed_counts(gene: Gene, positions: Tensor) -> Tensor:
    """List the changed counts as rows of Reference.count_effects: positions × 4 × changes, padded with NOTHING."""
    columns, steps = [], []
    for k, regions in gene.regions.items():
        start, end, column = regions[:, positions]
        for numbers, sign in zip(gene.changed_kmers(positions, k, start, end), (-1, 1), strict=True):
            counted = (numbers < 4**k).expand(-1, 4, -1)
            columns.append((numbers + column[:, None, None]).where(counted, -1))
            steps.append(counted * sign)
    changed = torch.cat(columns, dim=2)
    same = changed[..., None] == changed[..., None, :]
    step = (same * torch.cat(steps, dim=2)[..., None, :]).sum(3)
    again = same.tril(-1).any(3)
    return ((step + MAX_STEP) * N_COUNTS + changed).masked_fill(again | (changed < 0), NOTHING)


class Reference(NamedTuple):
    """Intermediate results for the reference sequence.

    six_mers: bins × 4,097 × hidden units, what a 6-mer adds to the first hidden layer; an ambiguous 6-mer counts as the mean
    of its bin. hidden, deeper: the two hidden layers before ReLU. count_effects: (steps · counts) × populations, what a
    change of a count by −MAX_STEP … MAX_STEP adds through the linear layer (log10 units). violated, violated_changes,
    values: of the trees, see TreeConditions; violated_changes has the rows of count_effects. expression: log10, float64.
    """

    six_mers: Tensor
    hidden: Tensor
    deeper: Tensor
    count_effects: Tensor
    violated: Tensor
    violated_changes: Tensor
    values: Tensor
    expression: Tensor


class Layers:
    """Weights, arranged for substitutions; output layers give log10 units, halved for the mean with the trees."""

    def __init__(self, network: Hybrid):
        self.network = network
        weight, half = network.get_parameter, network.expression.sd / 2
        self.table = network.padded_table()
        self.six_mers = self.table[:-1] @ fold_batch_norms(network)
        self.hidden_linear = weight("head.3.weight").T.contiguous()
        self.output_linear = (weight("head.6.weight").T * half).contiguous()
        self.kmer_linear = network.kmer_linear.weight.T * half
        self.trees = TreeConditions(network.trees, N_COUNTS)
        self.components = network.trees.components * half

    def reference(self, gene: Gene, annotation: Tensor) -> Reference:
        """Compute the reference sequence of a gene; annotation: its features, on the device."""
        features = self.network.features(gene.read, annotation[None])
        sums = self.table.double()[gene.read.kmers[0]].view(N_BINS, BIN, -1).sum(1)
        means = sums / gene.bin_kmers.clamp(min=1)[:, None]
        hidden, deeper, neural = layers_of_gene(self.network, means.T[None], features)

        of_mean = means.float()[:, None] @ fold_batch_norms(self.network)
        steps = torch.arange(-MAX_STEP, MAX_STEP + 1, device=features.device)
        counts = gene.read.counts.square().round() + steps[:, None]
        scaled = self.network.scaled_counts(HybridInputs(gene.read.kmers, square_roots(counts.clamp(min=0))))
        count_effects = (scaled - scaled[MAX_STEP])[..., None] * self.kmer_linear

        violated = self.trees.violated(features[0])
        values = self.trees.leaf_values(violated)
        trees = self.network.trees
        scores = values.double().view(len(trees.components), -1).sum(1) + trees.baseline
        return Reference(
            six_mers=torch.cat([self.six_mers, of_mean], dim=1),
            hidden=hidden[0].float(),
            deeper=deeper[0].float(),
            count_effects=count_effects.flatten(0, 1),
            violated=violated,
            violated_changes=self.trees.changes(features[0], scaled),
            values=values,
            expression=self.network.expression.undo((neural[0] + scores @ trees.components.double()) / 2),
        )

    def effects(self, reference: Reference, changes: Substitutions) -> Tensor:
        """Compute the effects of substitutions: positions × 4 × populations."""
        six_mers = reference.six_mers
        change = six_mers[changes.bins, changes.after] - six_mers[changes.bins, changes.before]
        change = rectified_change((change * changes.share[..., None]).sum(2), reference.hidden)
        deeper = rectified_change(change @ self.hidden_linear, reference.deeper)
        by_counts = functional.embedding_bag(changes.counts, reference.count_effects, mode="sum")
        by_counts = (by_counts + self._by_trees(reference, changes)).view(*changes.own.shape, -1)
        return (deeper @ self.output_linear + by_counts).masked_fill_(changes.own[..., None], 0)

    def _by_trees(self, reference: Reference, changes: Substitutions) -> Tensor:
        violated = functional.embedding_bag(changes.counts, reference.violated_changes, mode="sum")
        values = self.trees.leaf_values(violated.add_(reference.violated)).sub_(reference.values)
        return values.view(len(values), len(self.components), -1).sum(2) @ self.components


class HybridEffectsGPU(SubstitutionEffects):
    """Effects of substitutions for several networks, in the format of BruteForce, on any device."""

    @torch.no_grad()
    def __init__(self, networks: Sequence[tuple[Hybrid, NetworkMetadata]], device: torch.device):
        self.device, self.chunk = device, CHUNK[device.type]
        self.layers = [Layers(network.to(device)) for network, _ in networks]
        self.upstream, self.populations = networks[0][0].upstream, len(networks[0][1].populations)

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects."""
        features = torch.from_numpy(annotation.astype(np.float32)).to(self.device)
        end = len(codes) if end is None else end
        expression, effects = self.on_device(torch.from_numpy(codes).to(self.device), features, start, end)
        return expression.cpu().numpy(), effects.cpu().numpy()

    @torch.no_grad()
    def on_device(self, codes: Tensor, annotation: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Compute `effects` from tensors on the device, as tensors there."""
        gene = Gene.of(codes, self.upstream)
        offset = self.upstream + FIRST  # of the bases that are read
        first = min(max(start, offset), end)
        last = max(min(end, offset + LENGTH), first)
        chunks = torch.arange(first, last, device=self.device).split(self.chunk) if last > first else ()
        changes = [Substitutions.of(gene, chunk - offset) for chunk in chunks]
        effects = torch.zeros(len(self.layers), end - start, 4, self.populations, device=self.device)
        expression = []
        for layers, own in zip(self.layers, effects, strict=True):
            reference = layers.reference(gene, annotation)  # 0.1 GB, so one network at a time
            expression.append(reference.expression)
            if changes:
                parts = [layers.effects(reference, part) for part in changes]
                own[first - start : last - start] = torch.cat(parts)
        return torch.stack(expression), effects

"""Every substitution of a window through the hybrid network, in plain PyTorch: only what it changes is computed.

A substitution changes six 6-mers of one or two pooling bins, and a few counts of k-mers. What a 6-mer adds to the first
hidden layer is a row of a table; so is what a changed count does to the trees, and to the linear layer on counts. A
substitution is a sum of such rows. No shape depends on the bases, so that nothing waits for the device. For GPUs; hybrid.py
has it for CPUs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.networks.device_kmers import bases_around, kmer_numbers
from scxpresso.networks.hybrid import (
    AMBIGUOUS,
    BIN,
    BINS,
    COUNTED_KMERS,
    END,
    K_BEFORE,
    N_COUNTS,
    START,
    Hybrid,
    HybridInputs,
    K,
    square_roots,
)
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.hybrid import bin_linear_with_norms, layers_of_gene
from scxpresso.saturation.published_gpu import rectified_change
from scxpresso.saturation.tree_conditions import TreeConditions

FIRST = START - K_BEFORE  # the first base read, relative to the TSS; bases and regions count from it here
LENGTH = END - START + K - 1  # bases read
ALTERNATIVES = torch.from_numpy(BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int32))
MAX_STEP = max(k for k, _, _ in COUNTED_KMERS)  # by which a substitution changes a count
NOTHING = MAX_STEP * N_COUNTS  # a row of what changes of counts do: no change
CHUNK = {"cpu": 64, "cuda": 1024}  # positions at once


def _regions() -> dict[int, Tensor]:
    """Where k-mers are counted: of each base read, its region's first base, end and first column, 3 × LENGTH by k.

    No base is in two regions of a k. A base in none has an empty one.
    """
    regions, column = {k: np.zeros((3, LENGTH), dtype=np.int64) for k, _, _ in COUNTED_KMERS}, 0
    for k, start, end in COUNTED_KMERS:
        regions[k][:, start - FIRST : end - FIRST] = np.array([[start - FIRST], [end - FIRST], [column]])
        column += 4**k
    return {k: torch.from_numpy(region) for k, region in regions.items()}


REGIONS = _regions()


class Gene(NamedTuple):
    """What all networks read of a gene, on the device.

    bases: LENGTH, as bases_around gives them. read: as Hybrid.read gives it, without margins. bin_kmers: unambiguous 6-mers
    of each bin. regions: REGIONS. alternatives: ALTERNATIVES.
    """

    bases: Tensor
    read: HybridInputs
    bin_kmers: Tensor
    regions: dict[int, Tensor]
    alternatives: Tensor

    @classmethod
    def of(cls, codes: Tensor, upstream: int) -> "Gene":
        """codes: a window (uint8), on the device."""
        bases = bases_around(codes[None], upstream, FIRST, FIRST + LENGTH)[0]
        read = Hybrid.read(codes[None], upstream).of(slice(None))
        bin_kmers = (read.kmers.view(BINS, BIN) != AMBIGUOUS).sum(1)
        regions = {k: region.to(codes.device) for k, region in REGIONS.items()}
        return cls(bases, read, bin_kmers, regions, ALTERNATIVES.to(codes.device))

    def changed_kmers(self, positions: Tensor, k: int, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
        """Number the k-mers that hold a base: as they are (positions × 1 × k), and with each alternative (positions × 4 × k).

        A number is 4^k where the k-mer is ambiguous, or does not lie between the bases `start` and `end` (exclusive).
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

    own: positions × 4, where the alternative is the base itself. bins: positions × 1 × K, of the 6-mers that hold the base.
    before, after: positions × 1 (4) × K, their numbers. share: positions × 4 × K, of such a 6-mer in the mean of its bin.
    counts: (positions · 4) × changes of counts, as rows: a step of −MAX_STEP … MAX_STEP, of each column.
    """

    own: Tensor
    bins: Tensor
    before: Tensor
    after: Tensor
    share: Tensor
    counts: Tensor

    @classmethod
    def of(cls, gene: Gene, positions: Tensor) -> "Substitutions":
        """positions: of the bases read."""
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
    """The rows of the changes of counts: positions × 4 × changes, filled up with NOTHING."""
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
    """What a network makes of the gene as it is; see Substitutions for rows of counts.

    six_mers: BINS × 4,097 × hidden units, what a 6-mer adds to the first hidden layer; an ambiguous one counts as the mean of
    its bin. hidden, deeper: the hidden layers before they are rectified. count_effects: rows × populations, log10 units.
    violated, violated_changes, values: of the trees, see TreeConditions. expression: log10, float64.
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
    """A network, with its weights as a substitution meets them.

    Those that give expression give log10 units, and half of it.
    """

    def __init__(self, network: Hybrid):
        self.network = network
        weight, half = network.get_parameter, network.expression.sd / 2
        self.table = network.table()
        self.six_mers = self.table[:-1] @ bin_linear_with_norms(network)
        self.hidden_linear = weight("head.3.weight").T.contiguous()
        self.output_linear = (weight("head.6.weight").T * half).contiguous()
        self.kmer_linear = network.kmer_linear.weight.T * half
        self.trees = TreeConditions(network.trees, N_COUNTS)
        self.components = network.trees.components * half

    def reference(self, gene: Gene, annotation: Tensor) -> Reference:
        """annotation: features, on the device."""
        features = self.network.features(gene.read, annotation[None])
        sums = self.table.double()[gene.read.kmers[0]].view(BINS, BIN, -1).sum(1)
        means = sums / gene.bin_kmers.clamp(min=1)[:, None]
        hidden, deeper, neural = layers_of_gene(self.network, means.T[None], features)

        of_mean = means.float()[:, None] @ bin_linear_with_norms(self.network)
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
        """Effects of substitutions: positions × 4 × populations."""
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


class HybridEffectsGPU:
    """The effects of substitutions by several networks, as BruteForce gives them, on any device."""

    @torch.no_grad()
    def __init__(self, networks: Sequence[tuple[Hybrid, NetworkMetadata]], device: torch.device):
        self.device, self.chunk = device, CHUNK[device.type]
        self.layers = [Layers(network.to(device)) for network, _ in networks]
        self.upstream, self.populations = networks[0][0].upstream, len(networks[0][1].populations)

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        features = torch.from_numpy(annotation.astype(np.float32)).to(self.device)
        end = len(codes) if end is None else end
        expression, effects = self.on_device(torch.from_numpy(codes).to(self.device), features, start, end)
        return expression.cpu().numpy(), effects.cpu().numpy()

    @torch.no_grad()
    def on_device(self, codes: Tensor, annotation: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        """As `effects`, of tensors on the device."""
        gene = Gene.of(codes, self.upstream)
        offset = self.upstream + FIRST  # of the bases that are read
        first = min(max(start, offset), end)
        last = max(min(end, offset + LENGTH), first)
        chunks = torch.arange(first, last, device=self.device).split(self.chunk) if last > first else ()
        changes = [Substitutions.of(gene, chunk - offset) for chunk in chunks]
        effects = torch.zeros(len(self.layers), end - start, 4, self.populations, device=self.device)
        expression = []
        for layers, own in zip(self.layers, effects, strict=True):
            reference = layers.reference(gene, annotation)  # 0.1 GB: of one network at a time
            expression.append(reference.expression)
            if changes:
                parts = [layers.effects(reference, part) for part in changes]
                own[first - start : last - start] = torch.cat(parts)
        return torch.stack(expression), effects

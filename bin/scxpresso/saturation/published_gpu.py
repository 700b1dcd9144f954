"""Effects of all substitutions by the published network, in plain PyTorch. Only what a substitution changes is computed.

A substitution changes six outputs of the first convolution, and so one or two pooled positions. These change at most ten
outputs of the second convolution, and so again one or two pooled positions. The maximum of a pooling bin is the largest of
three: the maximum before the changed outputs, the maximum after them, and the changed outputs. The result is exact. This
form is for GPUs; that for CPUs is in published_cpu.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scxpresso.genome.sequence import ALTERNATIVE_CODES
from scxpresso.networks.kmers import K1, PAD1
from scxpresso.networks.published import FILTERS1, FILTERS2, K2, PAD2, POOL1, POOL2, ScXpresso
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.double_precision import in_double
from scxpresso.saturation.effects import SubstitutionEffects

REACH = K2 + 1  # outputs of the second convolution that a substitution may change
NOTHING = float("-inf")  # an output beyond the ends
CHUNK = {"cpu": 512, "cuda": 4096}  # positions computed at once


def rectified_change(change: Tensor, value: Tensor) -> Tensor:
    """Compute relu(value + change) − relu(value), without the rounding of a difference."""
    return torch.maximum(change + value.clamp(max=0), -value.clamp(min=0))


class Maxima(NamedTuple):
    """Outputs of a convolution by pooling bin, with one empty bin before the first and two after the last.

    outputs, before, after: (bins + 3) × size × filters. before: the largest output before each one in its bin, at least 0,
    because outputs are rectified before pooling. after: the largest one after it. pooled: (bins + 3) × filters.
    """

    outputs: Tensor
    before: Tensor
    after: Tensor
    pooled: Tensor

    @classmethod
    def of(cls, outputs: Tensor, size: int, padding: int) -> "Maxima":
        """Arrange outputs (positions × filters) by bin. padding: of the pooling, on both sides. Outputs in no bin are dropped."""
        bins = (len(outputs) + 2 * padding) // size
        outputs = functional.pad(outputs.T, (size + padding, padding), value=NOTHING)[:, : (bins + 1) * size]
        outputs = functional.pad(outputs, (0, 2 * size), value=NOTHING).T
        outputs = outputs.reshape(bins + 3, size, -1)
        upwards, downwards = outputs.cummax(1).values, outputs.flip(1).cummax(1).values.flip(1)
        before = functional.pad(upwards[:, :-1], (0, 0, 1, 0), value=0.0).clamp(min=0)
        after = functional.pad(downwards[:, 1:], (0, 0, 0, 1), value=NOTHING)
        return cls(outputs, before, after, upwards[:, -1].clamp(min=0))

    def without(self, first: Tensor, last: Tensor) -> Tensor:
        """Return the maximum of a bin without its outputs from `first` to `last` (indices of all outputs)."""
        return torch.maximum(self.before.flatten(0, 1)[first], self.after.flatten(0, 1)[last])


class Reference(NamedTuple):
    """Layers after the first pooling for the reference sequence.

    second: the second convolution. hidden: 64 units, before ReLU. deep: the two units of the single-output head, before
    ReLU. expression: populations, log10 (float64).
    """

    second: Maxima
    hidden: Tensor
    deep: Tensor | None
    expression: Tensor


class Layers:
    """The weights of a network, arranged for substitutions.

    places: 6 × 16 codes × 128, the contribution of a code to the first convolution. changes: 16 codes × 4 alternatives × 6 ×
    128, the change of its outputs at −3 … +2 if the code is replaced. second: 128 × (9 · 32), the contribution of a pooled
    value to the second convolution at −4 … +4. hidden: (positions + 3) × 32 × 64. tail: 64 × populations (2 for a single
    population); in log10 units for several populations.
    """

    def __init__(self, network: ScXpresso):
        self.network = network
        (weight1, bias1), (weight2, bias2) = map(network.weight_and_bias, ("sequence.0", "sequence.3"))
        self.places = torch.einsum("fcp,kc->pkf", weight1.detach(), network.one_hot).contiguous()
        alternatives = self.places[:, torch.from_numpy(ALTERNATIVE_CODES).long().to(self.places.device)]
        self.changes = (alternatives[:, None] - self.places[:, :, None]).flip(0).permute(1, 2, 0, 3).contiguous()
        self.bias = bias1.detach()
        self.weight2, self.bias2 = weight2.detach(), bias2.detach()
        self.second = self.weight2.flip(2).permute(1, 2, 0).reshape(FILTERS1, -1).contiguous()
        hidden = network.get_parameter("head.0.weight").detach()
        positions = (
            hidden.shape[1] - (0 if network.inputs == "sequence" else len(network.annotation.mean))
        ) // FILTERS2
        hidden = hidden[:, : FILTERS2 * positions].reshape(-1, FILTERS2, positions).permute(2, 1, 0)
        self.hidden = functional.pad(hidden, (0, 0, 0, 0, 1, 2)).contiguous()
        self.tail = network.get_parameter("head.3.weight").detach().T
        self.deep = len(network.head) > 4
        if not self.deep:
            self.tail = self.tail * network.expression.sd
        self.tail = self.tail.contiguous()

    def first(self, codes: Tensor) -> Tensor:
        """Compute the first convolution: (window − 1) × 128."""
        length = len(codes) - 1
        outputs = self.bias.expand(length, -1).clone()
        for place in range(K1):
            skipped = max(PAD1 - place, 0)
            part = codes[max(place - PAD1, 0) :][: length - skipped]
            outputs[skipped : skipped + len(part)] += self.places[place, part]
        return outputs

    def reference(self, pooled: Tensor, annotation: Tensor) -> Reference:
        """Compute the layers for the reference. pooled: bins × 128, the first convolution after pooling. annotation: features."""
        unfolded = functional.pad(pooled, (0, 0, PAD2, PAD2)).unfold(0, K2, 1)  # cuDNN's convolution would round
        second = Maxima.of(unfolded.flatten(1) @ self.weight2.flatten(1).T + self.bias2, POOL2, 0)
        parts = [second.pooled[1:-2].T.flatten().double()]
        if self.network.inputs != "sequence":
            parts.append(self.network.annotation.apply_to(annotation).double())
        head = self.network.head
        hidden = in_double(head[0], torch.cat(parts))
        after = in_double(head[3], hidden.clamp(min=0))
        deep = after if self.deep else None
        scaled = in_double(head[-1], after.clamp(min=0)) if self.deep else after
        return Reference(second, hidden.float(), deep, self.network.expression.undo(scaled))

    def in_log10_units(self, change: Tensor, deep: Tensor | None) -> Tensor:
        """Convert the change after `tail` to a change of log10 expression (… × populations). deep: see Reference."""
        if deep is None:
            return change
        weight = (self.network.get_parameter("head.6.weight").detach() * self.network.expression.sd[:, None]).T
        return rectified_change(change, deep.float()) @ weight


class PublishedEffects(SubstitutionEffects):
    """Effects of substitutions by several networks, on any device, in the form of BruteForce."""

    def __init__(self, networks: Sequence[tuple[ScXpresso, NetworkMetadata]], device: torch.device):
        self.device, self.chunk = device, CHUNK[device.type]
        self.layers = [Layers(network.to(device)) for network, _ in networks]

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects."""
        end = len(codes) if end is None else end
        features = torch.from_numpy(annotation.astype(np.float32)).to(self.device)
        expression, effects = self.on_device(torch.from_numpy(codes).to(self.device), features, start, end)
        return expression.cpu().numpy(), effects.cpu().numpy()

    @torch.no_grad()
    def on_device(self, codes: Tensor, annotation: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Compute `effects` from tensors on the device, as tensors there."""
        codes = codes.int()
        begins = range(start, end, self.chunk)
        changed = [ChangedOutputs.of(begin, min(begin + self.chunk, end), self.device) for begin in begins]
        expression, effects = [], []
        for layers in self.layers:
            first = Maxima.of(layers.first(codes), POOL1, 1)
            reference = layers.reference(first.pooled[1:-2], annotation)
            chunks = [_changes(layers, first, reference, codes, chunk) for chunk in changed]
            expression.append(reference.expression)
            empty = torch.empty(0, 4, len(reference.expression), device=self.device)
            effects.append(torch.cat([empty, *(layers.in_log10_units(chunk, reference.deep) for chunk in chunks)]))
        return torch.stack(expression), torch.stack(effects)


class Outputs(NamedTuple):
    """The outputs of a convolution that substitutions at some positions may change. They lie in one or two pooling bins.

    Indices are those of Maxima: an empty bin comes first. row: the first output. bin_: its bin. inside: how many outputs are
    in that bin; the others are in the next. split: the positions with outputs in the next bin.
    """

    row: Tensor
    bin_: Tensor
    inside: Tensor
    split: Tensor


class ChangedOutputs(NamedTuple):
    """Positions, and the outputs of both convolutions that their substitutions may change."""

    positions: Tensor
    first: Outputs
    second: Outputs

    @classmethod
    def of(cls, begin: int, end: int, device: torch.device) -> "ChangedOutputs":
        """Find them for positions from `begin` to `end` (exclusive), on the host, so that it never waits for the device."""

        def outputs(row: np.ndarray, size: int, count: int) -> tuple[np.ndarray, ...]:
            bin_ = row // size
            inside = np.minimum((bin_ + 1) * size - row, count)
            return row, bin_, inside, np.flatnonzero(inside < count)

        positions = np.arange(begin, end)
        first = outputs(positions - 3 + 1 + POOL1, POOL1, K1)
        second = outputs(first[1] - 1 - PAD2 + POOL2, POOL2, REACH)
        on_device = [Outputs(*(torch.from_numpy(part).to(device) for part in parts)) for parts in (first, second)]
        return cls(torch.from_numpy(positions).to(device), *on_device)


def _changes(layers: Layers, first: Maxima, reference: Reference, codes: Tensor, changed: ChangedOutputs) -> Tensor:
    """Compute the change after the hidden layer for substitutions at some positions: positions × 4 × (populations or 2)."""
    count = len(changed.positions)
    row, bin_, inside, split = changed.first
    rows = row[:, None] + torch.arange(K1, device=codes.device)
    values = (
        first.outputs.flatten(0, 1)[rows][:, None] + layers.changes[codes[changed.positions]]
    )  # count × 4 × 6 × 128
    total = torch.zeros(count, 4, REACH, FILTERS2, device=codes.device)
    later = torch.arange(K1, device=codes.device) >= inside[:, None]
    change = _pooled_change(first, values, later, bin_, row, row + inside - 1)
    total[:, :, :K2] = (change @ layers.second).view(count, 4, K2, FILTERS2)
    after = bin_[split] + 1
    change = _pooled_change(first, values[split], ~later[split], after, after * POOL1, row[split] + K1 - 1)
    total[split, :, 1:] += (change @ layers.second).view(len(split), 4, K2, FILTERS2)

    row, bin_, inside, split = changed.second
    values = reference.second.outputs.flatten(0, 1)[row[:, None] + torch.arange(REACH, device=codes.device)][:, None]
    values = values + total
    later = torch.arange(REACH, device=codes.device) >= inside[:, None]
    change = _pooled_change(reference.second, values, later, bin_, row, row + inside - 1)
    hidden = change @ layers.hidden[bin_]
    after = bin_[split] + 1
    last = row[split] + REACH - 1
    change = _pooled_change(reference.second, values[split], ~later[split], after, after * POOL2, last)
    hidden[split] += change @ layers.hidden[after]
    return rectified_change(hidden, reference.hidden) @ layers.tail


def _pooled_change(
    maxima: Maxima, values: Tensor, elsewhere: Tensor, bin_: Tensor, first: Tensor, last: Tensor
) -> Tensor:
    """Compute the change of the pooled values of `bin_` (count × 4 × filters) if `values` replace its outputs first … last.

    values: count × 4 × outputs × filters. elsewhere: count × outputs, whether an output lies in another bin.
    """
    largest = values.masked_fill(elsewhere[:, None, :, None], NOTHING).amax(2)
    return torch.maximum(largest, maxima.without(first, last)[:, None]) - maxima.pooled[bin_][:, None]

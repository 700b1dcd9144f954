"""Several networks of one kind as one computation in plain PyTorch, for GPUs; `published.py` stays the definition.

A GPU is bound by what it moves and by how often it is called, so that all networks go through each layer together, and
each layer is few calls. The first convolution is a look-up (kmers.py) whose maximum one embedding bag takes; the second is
one product for all its nine shifts, which `fold` adds up. Genes lie one behind the other, with empty bags for padding.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scxpresso.networks.forms import GeneInputs
from scxpresso.networks.kmers import KmerTable
from scxpresso.networks.published import K2, PAD2, POOL1, POOL1_PAD, POOL2, ScXpresso
from scxpresso.networks.scaling import z_scaled


class DeviceTable:
    """A table of 6-mers on a device, as every stack there reads it.

    index: sequences × (window − 1), int32 (CUDA indexes with nothing smaller). one_hot: distinct 6-mers × 24.
    """

    def __init__(self, table: KmerTable, device: torch.device):
        self.index = torch.from_numpy(table.index.astype(np.int32)).to(device)
        self.one_hot = table.one_hot.to(device)


class StackInputs(GeneInputs):
    """Genes as numbers of their 6-mers on a device, for stacks. Not for networks without sequence."""

    stacked = True

    def __init__(self, table: KmerTable, annotation: np.ndarray, device: torch.device):
        super().__init__(annotation, device)
        self.table = DeviceTable(table, device)

    @classmethod
    def of(
        cls, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device, inputs: str
    ) -> "StackInputs | None":
        """As GeneInputs.of."""
        table = KmerTable.of(codes) if inputs != "half_life" else None
        return cls(table, annotation, device) if table else None


class Stack:
    """S networks, of which this makes the parameters and gradients views of one tensor (S × …) for each name.

    networks: of one kind, on the device of the table. precision: of the second convolution while the networks train.
    """

    def __init__(self, networks: list[ScXpresso], table: DeviceTable, precision: torch.dtype = torch.float32):
        self.networks, self.table, self.precision = networks, table, precision
        self.parameters: dict[str, Tensor] = {}
        for name, _ in networks[0].named_parameters():
            own = [network.get_parameter(name) for network in networks]
            stacked = torch.stack([parameter.detach() for parameter in own]).requires_grad_()
            stacked.grad = torch.zeros_like(stacked)
            for parameter, values, gradient in zip(own, stacked.detach(), stacked.grad, strict=True):
                parameter.data, parameter.grad = values, gradient
            self.parameters[name] = stacked
        self.annotation_mean = torch.stack([network.annotation.mean for network in networks])[:, None]
        self.annotation_sd = torch.stack([network.annotation.sd for network in networks])[:, None]

    def zero_grad(self) -> None:
        """In place: the networks' gradients stay views of these."""
        for parameter in self.parameters.values():
            if parameter.grad is not None:
                parameter.grad.zero_()

    def forward(self, rows: Tensor, annotation: Tensor) -> Tensor:
        """z-scaled expression (S × B × populations): what each network gives for its own row of `rows`.

        rows: S × B, int64, of the table's sequences. annotation: S × B × 5, log10. Differentiable in the parameters of every
        network; networks[0] says for all of them whether they train.
        """
        hidden = self._sequence(rows)
        if self.networks[0].inputs != "sequence":
            hidden = torch.cat([hidden, z_scaled(annotation, self.annotation_mean, self.annotation_sd)], dim=2)
        for name, layer in self.networks[0].head.named_children():
            if isinstance(layer, nn.Linear):
                weight, bias = self._weight_and_bias(f"head.{name}")
                hidden = torch.baddbmm(bias[:, None], hidden, weight.transpose(1, 2))
            else:
                hidden = layer(hidden)
        return hidden

    def _weight_and_bias(self, layer: str) -> tuple[Tensor, Tensor]:
        return self.parameters[f"{layer}.weight"], self.parameters[f"{layer}.bias"]

    def _sequence(self, rows: Tensor) -> Tensor:
        """What the convolutions make of the genes: S × B × 1,120 for 10,500 bases."""
        count, genes = rows.shape
        precision = self.precision if self.networks[0].training else torch.float32

        # ReLU and maximum commute, and a table is smaller than what is looked up in it.
        weight, bias = self._weight_and_bias("sequence.0")
        table = torch.baddbmm(
            bias[:, None], self.table.one_hot.expand(count, -1, -1), weight.flatten(2).transpose(1, 2)
        ).relu()

        # A gene's bags: its pooling bins, of which the first begins in the padding; then empty ones, which give 0, so that
        # the second convolution does not reach the next gene and its pooling bins begin where genes do.
        length = self.table.index.shape[1]
        bins = (length + 2 * POOL1_PAD - POOL1) // POOL1 + 1
        read = min(length, bins * POOL1 - POOL1_PAD)
        bags = -(-(bins + PAD2) // POOL2) * POOL2
        starts = (torch.arange(bags, device=rows.device) * POOL1 - POOL1_PAD).clamp(0, read)
        starts = torch.arange(count * genes, device=rows.device)[:, None] * read + starts
        first_row = torch.arange(count, device=rows.device, dtype=torch.int32) * table.shape[1]
        index = self.table.index.index_select(0, rows.flatten())[:, :read].view(count, genes, read)
        pooled = functional.embedding_bag(
            (index + first_row[:, None, None]).flatten(), table.flatten(0, 1), starts.flatten().int(), mode="max"
        ).view(count, genes * bags, -1)

        # `fold` adds what lies at position + shift, a convolution wants position − shift: the shifts are turned round.
        weight, bias = self._weight_and_bias("sequence.3")
        by_shift = weight.flip(3).transpose(2, 3).flatten(1, 2)
        shifted = by_shift.to(precision) @ pooled.to(precision).transpose(1, 2)
        summed = functional.fold(shifted, (1, genes * bags), (1, K2), padding=(0, PAD2)).squeeze(2)
        # The bias is the same at all positions, so that it may wait for the maximum.
        strongest = functional.max_pool1d(summed, POOL2).float() + bias[:, :, None]
        by_gene = strongest.relu().unflatten(2, (genes, -1))[..., : bins // POOL2]
        return by_gene.transpose(1, 2).flatten(2)

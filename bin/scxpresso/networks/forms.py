"""Genes in the form that a kind of network reads: on a device, and computed once for all epochs and replicates."""

from typing import Any

import numpy as np
import torch

from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.registry import NETWORKS, resolve
from scxpresso.networks.single_task import SingleTaskNetworks, members_of

BATCH = 256
# Otherwise, convolutions on a GPU round their inputs to 11 bits, which changes effects of variants by a hundredth.
torch.backends.cudnn.allow_tf32 = False


class GeneInputs:
    """Genes as networks read them. A subclass defines `of` and, unless it is stacked, `forward`.

    device: where the networks have to be. annotation: genes × features, on the device. stacked: whether it is for several
    networks that train together; then a single network has no `forward`.
    """

    stacked = False

    def __init__(self, annotation: np.ndarray, device: torch.device):
        self.device = device
        self.annotation = torch.from_numpy(annotation.astype(np.float32)).to(device)

    @classmethod
    def of(
        cls, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device, inputs: str
    ) -> "GeneInputs | None":
        """Make the form of genes; None if it does not support these inputs or codes.

        Parameters
        ----------
        codes: genes × window (uint8), with `upstream` bases before the TSS.
        annotation: genes × features, as Features.annotation returns them.
        inputs: what the networks read, one of registry.INPUTS.
        """
        raise NotImplementedError

    def forward(self, network: Any, rows: torch.Tensor) -> torch.Tensor:
        """Predict z-scaled expression (rows × populations) with one network; differentiable in its parameters."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.annotation)

    @torch.no_grad()
    def predict(self, network: ExpressionNetwork | SingleTaskNetworks, rows: torch.Tensor) -> torch.Tensor:
        """Predict as `forward` does, in batches and without dropout; single-task networks give the outputs of all members."""
        network.eval()
        outputs = [
            torch.cat([self.forward(member, batch) for batch in rows.split(BATCH)]) for member in members_of(network)
        ]
        return torch.cat(outputs, dim=1)


class CodeInputs(GeneInputs):
    """Codes and annotation features, the form that every network reads."""

    def __init__(self, codes: np.ndarray, annotation: np.ndarray, device: torch.device):
        super().__init__(annotation, device)
        self.codes = torch.from_numpy(codes).to(device)

    @classmethod
    def of(
        cls, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device, inputs: str
    ) -> "CodeInputs":
        """As GeneInputs.of."""
        return cls(codes, annotation, device)

    def forward(self, network: ExpressionNetwork, rows: torch.Tensor) -> torch.Tensor:
        """As GeneInputs.forward."""
        rows = rows.to(self.device)
        return network(self.codes[rows], self.annotation[rows])


def gene_inputs(
    network: str,
    inputs: str,
    codes: np.ndarray,
    upstream: int,
    annotation: np.ndarray,
    device: torch.device,
    engine: str,
) -> GeneInputs:
    """Make the form of genes that suits a network, a device and an engine.

    Parameters
    ----------
    network: name of the network. Others: see GeneInputs.of.
    engine: `auto` uses the network's form for the device; `stacked` uses its form for GPUs on any device; `plain` uses the
        plain form, to which `auto` and `stacked` fall back.
    """
    entry = NETWORKS[network]
    on_cpu = engine == "auto" and device.type == "cpu"
    faster = None if engine == "plain" else entry.cpu_form if on_cpu else entry.gpu_form
    made = resolve(faster).of(codes, upstream, annotation, device, inputs) if faster else None
    return resolve(entry.plain_form).of(codes, upstream, annotation, device, inputs) if made is None else made

"""One network per population instead of one for all: what `--tasks single` trains (paper, Figure S5)."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.scaling import Scaling


class SingleTaskNetworks(nn.Module):
    """Networks of one population each, as one network of all populations, in their order."""

    members: Iterable[ExpressionNetwork]  # a ModuleList, whose own type forgets of what

    def __init__(self, members: Sequence[ExpressionNetwork]):
        super().__init__()
        self.add_module("members", nn.ModuleList(members))

    @property
    def expression(self) -> Scaling:
        """The scaling of all outputs."""
        scalings = [member.expression for member in self.members]
        joined = Scaling(len(scalings)).to(scalings[0].mean.device)
        joined.fit(torch.cat([scaling.mean for scaling in scalings]), torch.cat([scaling.sd for scaling in scalings]))
        return joined

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """z-scaled expression, B × populations, of codes and annotation features, as each member has it."""
        return torch.cat([member(codes, annotation) for member in self.members], dim=1)


def members_of(network: ExpressionNetwork | SingleTaskNetworks) -> list[ExpressionNetwork]:
    """Give the networks of single populations that a network is made of; else itself alone."""
    return list(network.members) if isinstance(network, SingleTaskNetworks) else [network]

"""Single-task networks: one per population instead of one for all, as `--tasks single` trains (paper, Figure S5)."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.scaling import Scaling


class SingleTaskNetworks(nn.Module):
    """Networks of one population each, combined into one network of all populations, in order."""

    members: Iterable[ExpressionNetwork]  # a ModuleList, whose type does not name its items

    def __init__(self, members: Sequence[ExpressionNetwork]):
        super().__init__()
        self.add_module("members", nn.ModuleList(members))

    @property
    def expression(self) -> Scaling:
        """Scaling of all outputs."""
        scalings = [member.expression for member in self.members]
        joined = Scaling(len(scalings)).to(scalings[0].mean.device)
        joined.fit(torch.cat([scaling.mean for scaling in scalings]), torch.cat([scaling.sd for scaling in scalings]))
        return joined

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """Predict z-scaled expression (B × populations) from codes and annotation features, each population by its member."""
        return torch.cat([member(codes, annotation) for member in self.members], dim=1)


def members_of(network: ExpressionNetwork | SingleTaskNetworks) -> list[ExpressionNetwork]:
    """List the members of single-task networks; a multi-task network is its own only member."""
    return list(network.members) if isinstance(network, SingleTaskNetworks) else [network]

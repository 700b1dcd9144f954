"""Weight files: the metadata of a network, and how networks are saved and loaded."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scxpresso.genome.annotation import HALF_LIFE
from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.registry import NETWORKS, resolve
from scxpresso.networks.single_task import SingleTaskNetworks
from scxpresso.problems import InputError, Problem
from scxpresso.store import atomic_write

HEADER = __name__.partition(".")[0]  # key of the metadata in the file: the name of the package


@dataclass(frozen=True)
class NetworkMetadata:
    """Metadata of a weight file: enough to rebuild the network and to name its outputs.

    tasks: `multi`, or `single` for one network per population. recipe: how it was trained; '' in files of version 0.1.
    """

    network: str
    inputs: str
    upstream: int
    downstream: int
    populations: tuple[str, ...]
    annotation_features: tuple[str, ...] = tuple(HALF_LIFE)
    tasks: str = "multi"
    recipe: str = ""

    def build(self) -> ExpressionNetwork | SingleTaskNetworks:
        """Build the network, untrained."""
        if self.tasks == "single":
            return SingleTaskNetworks([self._build(1) for _ in self.populations])
        return self._build(len(self.populations))

    def _build(self, populations: int) -> ExpressionNetwork:
        features = len(self.annotation_features)
        return build_network(self.network, populations, self.upstream, self.downstream, self.inputs, features)


Network = tuple[ExpressionNetwork | SingleTaskNetworks, NetworkMetadata]


def build_network(
    network: str, populations: int, upstream: int, downstream: int, inputs: str, annotation_features: int
) -> ExpressionNetwork:
    """Build an untrained network from its name, its inputs, and numbers of populations, bases and annotation features."""
    return resolve(NETWORKS[network].network)(populations, upstream, downstream, inputs, annotation_features)


def save_network(path: str | Path, network: torch.nn.Module, metadata: NetworkMetadata) -> None:
    """Write weights and scaling as safetensors, with the metadata in the header."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as partial:
        save_file(tensors, partial, metadata={HEADER: json.dumps(asdict(metadata))})


def load_network(path: str | Path) -> Network:
    """Load a trained network, ready to predict, and its metadata. Raises InputError for any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads(file.metadata()[HEADER])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        header |= {key: tuple(value) for key, value in header.items() if isinstance(value, list)}
        metadata = NetworkMetadata(**header)
        network = metadata.build()
        network.load_state_dict(with_current_names(weights, getattr(network, "FORMER_NAMES", {})))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            Problem(
                str(path), f"no weights of this pipeline ({error})", "a replicate_<r>.safetensors of a models/ folder"
            )
        ) from None
    return network.eval(), metadata


def with_current_names(weights: dict[str, torch.Tensor], former: dict[str, str]) -> dict[str, torch.Tensor]:
    """Rename tensors whose layer had another name in an earlier version; `former` maps former to present names."""
    renamed = {}
    for name, tensor in weights.items():
        layer, dot, rest = name.partition(".")
        renamed[former.get(layer, layer) + dot + rest] = tensor
    return renamed

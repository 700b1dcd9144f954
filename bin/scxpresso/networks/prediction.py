"""Expression from trained networks: the one place where sequence becomes log10 expression."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scxpresso.genome.annotation import HALF_LIFE
from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.kmers import KmerTable
from scxpresso.networks.registry import NETWORKS
from scxpresso.problems import InputError, Problem
from scxpresso.store import atomic_write

BATCH = 256
CPU = torch.device("cpu")
# Or a GPU's convolutions round what they multiply to 11 bits, which moves effects of variants by a hundredth.
torch.backends.cudnn.allow_tf32 = False


def resolve_device(name: str) -> torch.device:
    """`cpu`, `cuda` or `auto` as a device. Raises InputError for `cuda` where there is none: no silent fall-back."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            Problem(
                "--device cuda",
                "torch sees no CUDA device",
                "a GPU that the task (and its container) may use",
                "use --device cpu or auto, or the profile `gpu` so that tasks ask for one",
            )
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class Genes:
    """Genes as a network reads them: their codes and annotation features, on a device, in its fastest form there.

    codes: genes × window (uint8), `upstream` of it before the TSS. annotation: genes × features, as Features.annotation
    gives them. engine: `auto` takes the form that a network has for the device, if any (published_cpu.py,
    published_gpu.py); `stacked` takes the latter anywhere, `plain` none. stacked: whether `table` is what stacks of
    networks read; a network by itself has no `forward` then. read: what a hybrid network reads.
    """

    def __init__(
        self,
        network: str,
        inputs: str,
        codes: np.ndarray,
        upstream: int,
        annotation: np.ndarray,
        device: torch.device,
        engine: str,
    ):
        self.device = device
        self.annotation = torch.from_numpy(annotation.astype(np.float32)).to(device)
        self.codes, self.read, self.table, self.stacked = None, None, None, False
        if NETWORKS[network] is Hybrid:
            self.read = Hybrid.read(codes, upstream).to(device)
        elif engine == "stacked" or (engine == "auto" and device.type == "cuda"):
            from scxpresso.networks.published_gpu import DeviceTable, applies

            table = KmerTable.of(codes) if applies(NETWORKS[network], inputs) else None
            self.table, self.stacked = table and DeviceTable(table, device), table is not None
        elif engine == "auto":
            from scxpresso.networks.published_cpu import applies  # numba takes a while to import

            self.table = KmerTable.of(codes) if applies(NETWORKS[network], inputs) else None
        if self.read is None and self.table is None:
            self.codes = torch.from_numpy(codes).to(device)

    def __len__(self) -> int:
        return len(self.annotation)

    def forward(self, network: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
        """z-scaled expression (rows × populations); differentiable in the network's parameters."""
        if self.table is not None:
            from scxpresso.networks.published_cpu import forward

            return forward(network, self.table, rows.numpy(), self.annotation[rows])
        rows = rows.to(self.device)
        if self.read is not None:
            return network.mean(self.read.of(rows), self.annotation[rows])
        return network(self.codes[rows], self.annotation[rows])

    @torch.no_grad()
    def predict(self, network: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
        """As forward, in batches and without dropout."""
        network.eval()
        return torch.cat([self.forward(network, batch) for batch in rows.split(BATCH)])


def predict(
    networks: list[tuple[torch.nn.Module, "NetworkMetadata"]],
    codes: np.ndarray,
    annotation: np.ndarray,
    device: torch.device = CPU,
) -> np.ndarray:
    """log10 expression, networks × genes × populations: the training genes' z-scaling is undone (paper 2.4).

    networks: of one kind, as load_network gives them. codes: genes × window (uint8). annotation: genes × the features that
    the networks were trained on, as Features.annotation gives them. The networks are moved to the device.
    """
    about = networks[0][1]
    engine = "auto" if device.type == "cpu" else "plain"  # stacks are for training
    genes = Genes(about.network, about.inputs, codes, about.upstream, annotation, device, engine)
    every = torch.arange(len(genes))
    outputs = [network.expression.undo(genes.predict(network.to(device), every)) for network, _ in networks]
    return torch.stack(outputs).detach().cpu().numpy().astype(np.float64)


@dataclass(frozen=True)
class NetworkMetadata:
    """What a file of weights says of itself: enough to rebuild its network and to name its outputs."""

    network: str
    inputs: str
    upstream: int
    downstream: int
    populations: tuple[str, ...]
    annotation_features: tuple[str, ...] = tuple(HALF_LIFE)

    def build(self) -> torch.nn.Module:
        """The network, untrained."""
        return NETWORKS[self.network].build(
            len(self.populations), self.upstream, self.downstream, self.inputs, len(self.annotation_features)
        )


def save_network(path: str | Path, network: torch.nn.Module, about: NetworkMetadata) -> None:
    """Weights and scaling as safetensors, with `about` in its header."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as partial:
        save_file(tensors, partial, metadata={"scxpresso": json.dumps(asdict(about))})


def load_network(path: str | Path) -> tuple[torch.nn.Module, NetworkMetadata]:
    """A trained network, ready to predict, and what it is. Raises InputError for a file that is not one of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["scxpresso"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        about = NetworkMetadata(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in header.items()}
        )
        network = about.build()
        network.load_state_dict(weights)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            Problem(
                str(path), f"no weights of this pipeline ({error})", "a replicate_<r>.safetensors of a models/ folder"
            )
        ) from None
    return network.eval(), about

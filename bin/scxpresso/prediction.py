"""Expression from trained networks: the one place where sequence becomes log10 expression."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scxpresso.network import NETWORKS
from scxpresso.problems import InputError, Problem
from scxpresso.store import whole

BATCH = 256


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


@torch.no_grad()
def predict_scaled(network: torch.nn.Module, codes: torch.Tensor, half_life: torch.Tensor) -> torch.Tensor:
    """z-scaled expression (genes × populations) in batches, dropout off; inputs and output on the network's device."""
    network.eval()
    batches = zip(codes.split(BATCH), half_life.split(BATCH), strict=True)
    return torch.cat([network(batch_codes, batch_half_life) for batch_codes, batch_half_life in batches])


def predict(
    networks: list[torch.nn.Module], codes: np.ndarray, half_life: np.ndarray, device: torch.device
) -> np.ndarray:
    """log10 expression, networks × genes × populations: the training genes' z-scaling is undone (paper 2.4).

    codes: genes × window (uint8). half_life: genes × 5, log10(x + 0.1).
    """
    codes = torch.from_numpy(codes).to(device)
    half_life = torch.from_numpy(half_life.astype(np.float32)).to(device)
    outputs = []
    for network in networks:
        network = network.to(device)
        outputs.append(network.expression.undo(predict_scaled(network, codes, half_life)).cpu().numpy())
    return np.stack(outputs).astype(np.float64)


@dataclass(frozen=True)
class About:
    """What a file of weights says of itself: enough to rebuild its network and to name its outputs."""

    network: str
    inputs: str
    upstream: int
    downstream: int
    populations: tuple[str, ...]

    def build(self) -> torch.nn.Module:
        """The network, untrained."""
        return NETWORKS[self.network](len(self.populations), self.upstream + self.downstream, self.inputs)


def save_network(path: str | Path, network: torch.nn.Module, about: About) -> None:
    """Weights and scaling as safetensors, with `about` in its header."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with whole(path) as partial:
        save_file(tensors, partial, metadata={"scxpresso": json.dumps(asdict(about))})


def load_network(path: str | Path) -> tuple[torch.nn.Module, About]:
    """A trained network, ready to predict, and what it is. Raises InputError for a file that is not one of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["scxpresso"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        about = About(**header | {"populations": tuple(header["populations"])})
        network = about.build()
        network.load_state_dict(weights)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            Problem(str(path), f"no weights of this pipeline ({error})", "a replicate_<r>.safetensors of a models/ folder")
        ) from None
    return network.eval(), about

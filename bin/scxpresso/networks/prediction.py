"""Prediction of log10 expression by trained networks."""

from collections.abc import Sequence

import numpy as np
import torch

from scxpresso.networks.forms import gene_inputs
from scxpresso.networks.weights import Network
from scxpresso.problems import InputError, Problem

CPU = torch.device("cpu")


def resolve_device(name: str) -> torch.device:
    """Return the device for `cpu`, `cuda` or `auto`. Raises InputError for `cuda` if there is no GPU: no silent fallback."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            Problem(
                "--device cuda",
                "torch sees no CUDA device",
                "a GPU that the task (and its container) may use",
                "use --device cpu or auto, or the profile `gpu` so that tasks request one",
            )
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def predict(
    networks: Sequence[Network],
    codes: np.ndarray,
    annotation: np.ndarray,
    device: torch.device = CPU,
) -> np.ndarray:
    """Predict log10 expression; the z-scaling of the training genes is undone (paper 2.4).

    Parameters
    ----------
    networks: of one kind, as load_network returns them; they are moved to the device.
    codes: genes × window (uint8).
    annotation: genes × the features that the networks were trained on, as Features.annotation returns them.

    Returns
    -------
    networks × genes × populations.
    """
    metadata = networks[0][1]
    engine = "auto" if device.type == "cpu" else "plain"  # stacks are for training
    genes = gene_inputs(metadata.network, metadata.inputs, codes, metadata.upstream, annotation, device, engine)
    every = torch.arange(len(genes))
    outputs = [network.expression.undo(genes.predict(network.to(device), every)) for network, _ in networks]
    return torch.stack(outputs).detach().cpu().numpy().astype(np.float64)

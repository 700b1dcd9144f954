"""The quickest exact form in which networks give the effects of all substitutions of a window."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch

from scxpresso.console import log
from scxpresso.memory import keep_large_blocks
from scxpresso.networks.registry import NETWORKS, resolve
from scxpresso.networks.single_task import members_of
from scxpresso.networks.weights import Network
from scxpresso.saturation.effects import BruteForce, SubstitutionEffects


class NoSequence(BruteForce):
    """Networks that read no sequence: no substitution has an effect."""

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        expression = self._predict(codes[None], annotation)[:, 0]
        shape = len(expression), (len(codes) if end is None else end) - start, 4, expression.shape[1]
        return expression, np.zeros(shape, dtype=np.float32)


class SingleTaskEffects:
    """The effects of networks of single populations, each in its own form, as those of networks of all."""

    def __init__(self, forms: Sequence[SubstitutionEffects]):
        self.forms = forms

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        parts = [form.effects(codes, annotation, start, end) for form in self.forms]
        expression, effects = (np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True))
        return expression, effects


def incremental(networks: Sequence[Network], device: torch.device, engine: str = "auto") -> SubstitutionEffects:
    """Return what computes effects(codes, annotation, start, end) as BruteForce does, for many genes.

    A network that has a form for the CPU alone runs there whatever the device. One without any form is evaluated for every
    substitution. The log says so.

    Parameters
    ----------
    networks: of one kind, as Model.networks gives them; they are moved to the device on which they are evaluated.
    engine: `auto` takes numba on CPU; `plain` takes PyTorch where a network has such a form.
    """
    metadata = networks[0][1]
    entry = NETWORKS[metadata.network]
    if device.type == "cpu":
        keep_large_blocks()
    if metadata.inputs == "half_life":
        return NoSequence(networks, device)
    on_cpu = entry.cpu_saturation and device.type == "cpu" and engine != "plain"
    saturation = entry.cpu_saturation if on_cpu else entry.gpu_saturation or entry.cpu_saturation
    if not saturation:
        log(f"{metadata.network}: no incremental form; every substitution goes through the whole network")
        return BruteForce(networks, device)
    by_pytorch = saturation == entry.gpu_saturation
    if not by_pytorch and device.type != "cpu":
        log(f"{metadata.network}: substitutions are evaluated on the CPU")
        # Copies: the caller's may be on the device, where they predict.
        networks = [(deepcopy(network).cpu(), metadata) for network, metadata in networks]
    parts = _single_tasks(networks) if metadata.tasks == "single" else [networks]
    form = resolve(saturation)
    forms = [form(part, device) if by_pytorch else form(part) for part in parts]
    return SingleTaskEffects(forms) if metadata.tasks == "single" else forms[0]


def _single_tasks(networks: Sequence[Network]) -> list[list[Network]]:
    """The networks of each population alone."""
    return [
        [
            (members_of(network)[number], replace(metadata, populations=(population,), tasks="multi"))
            for network, metadata in networks
        ]
        for number, population in enumerate(networks[0][1].populations)
    ]

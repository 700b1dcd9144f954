"""The fastest exact way to compute the effects of all substitutions in a window."""

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
    """Effects by networks that read no sequence: all are 0."""

    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""
        expression = self._predict(codes[None], annotation)[:, 0]
        shape = len(expression), len(positions), 4, expression.shape[1]
        return expression, np.zeros(shape, dtype=np.float32)


class SingleTaskEffects(SubstitutionEffects):
    """Effects by single-task networks, computed population by population."""

    def __init__(self, forms: Sequence[SubstitutionEffects]):
        self.forms = forms

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects."""
        return _joined([form.effects(codes, annotation, start, end) for form in self.forms])

    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""
        return _joined([form.effects_at(codes, annotation, positions) for form in self.forms])


def _joined(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Join expression and effects of single populations."""
    expression, effects = (np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True))
    return expression, effects


def incremental(networks: Sequence[Network], device: torch.device, engine: str = "auto") -> SubstitutionEffects:
    """Choose the fastest form that computes the effects of substitutions for many genes.

    A network whose only form is for the CPU runs there, whatever the device. Without any form, every mutant is predicted.
    The log says so.

    Parameters
    ----------
    networks: of one kind, as Model.networks returns them; they are moved to the device on which they are evaluated.
    engine: `auto` uses the form for the device; `plain` uses PyTorch if the network has such a form.
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
        log(f"{metadata.network}: no incremental form; every mutant is predicted by the whole network")
        return BruteForce(networks, device)
    by_pytorch = saturation == entry.gpu_saturation
    if not by_pytorch and device.type != "cpu":
        log(f"{metadata.network}: substitutions are evaluated on the CPU")
        # Copies, because those of the caller may be on the device for prediction.
        networks = [(deepcopy(network).cpu(), metadata) for network, metadata in networks]
    parts = _single_tasks(networks) if metadata.tasks == "single" else [networks]
    form = resolve(saturation)
    forms = [form(part, device) if by_pytorch else form(part) for part in parts]
    return SingleTaskEffects(forms) if metadata.tasks == "single" else forms[0]


def _single_tasks(networks: Sequence[Network]) -> list[list[Network]]:
    """Split single-task networks: for each population, its members as networks of their own."""
    return [
        [
            (members_of(network)[number], replace(metadata, populations=(population,), tasks="multi"))
            for network, metadata in networks
        ]
        for number, population in enumerate(networks[0][1].populations)
    ]

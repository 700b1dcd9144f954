"""The quickest exact form in which networks give the effects of all substitutions of a window."""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch

from scxpresso.console import log
from scxpresso.memory import keep_large_blocks
from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.model import Network
from scxpresso.networks.published import ScXpresso
from scxpresso.saturation.effects import BruteForce


class NoSequence(BruteForce):
    """Networks that read no sequence: no substitution has an effect."""

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        expression = self._predict(codes[None], annotation)[:, 0]
        shape = len(expression), (len(codes) if end is None else end) - start, 4, expression.shape[1]
        return expression, np.zeros(shape, dtype=np.float32)


def incremental(networks: Sequence[Network], device: torch.device, engine: str = "auto"):
    """What gives effects(codes, annotation, start, end) as BruteForce does, for many genes.

    networks: of one kind, as Model.networks gives them; they are moved to the device on which they are evaluated. engine:
    `auto` takes numba on CPU; `plain` is PyTorch on any device. The hybrid network runs on CPU whatever the device, and a
    network of which only its whole is known is evaluated for every substitution; the log says so.
    """
    about = networks[0][1]
    kind = type(networks[0][0])
    if device.type == "cpu":
        keep_large_blocks()
    if about.inputs == "half_life":
        return NoSequence(networks, device)
    if kind is ScXpresso and (engine == "plain" or device.type != "cpu"):
        from scxpresso.saturation.published_gpu import Published

        return Published(networks, device)
    if kind is ScXpresso:
        from scxpresso.saturation.published_cpu import Fast  # numba takes a while to import

        return Fast(networks)
    if kind is Hybrid:
        from scxpresso.saturation.hybrid import HybridEffects

        if device.type != "cpu":
            log(f"{about.network}: substitutions are evaluated on the CPU")
            # Copies: the caller's may be on the device, where they predict.
            networks = [(deepcopy(network).cpu(), about) for network, about in networks]
        return HybridEffects(networks)
    log(f"{about.network}: no incremental form; every substitution goes through the whole network")
    return BruteForce(networks, device)

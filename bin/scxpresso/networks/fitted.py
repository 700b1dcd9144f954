"""Modules whose sizes follow from the data that they were fitted to, and are those of the file when they are loaded."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class FittedModule(nn.Module):
    """A module whose buffers are empty until it is fitted or loaded; a file of weights gives them their shapes."""

    def keep(self, **buffers: np.ndarray) -> None:
        """Keep arrays as buffers: real numbers in single precision."""
        for name, value in buffers.items():
            tensor = torch.from_numpy(np.ascontiguousarray(value))
            self.register_buffer(name, tensor.float() if tensor.is_floating_point() else tensor)

    def declare(self, *names: str) -> None:
        """Register buffers that have no size yet."""
        self.keep(**{name: np.zeros(0) for name in names})

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        for name in self._buffers:
            stored = state_dict.get(prefix + name)
            if stored is not None:
                self.register_buffer(name, torch.empty_like(stored))
        super()._load_from_state_dict(state_dict, prefix, *rest)

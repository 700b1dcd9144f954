"""z-scaling that is kept with a network's weights."""

import numpy as np
import torch
from torch import Tensor, nn


class Scaling(nn.Module):
    """Means and deviations of the training genes, kept with the weights so that no output can forget them."""

    mean: Tensor
    sd: Tensor

    def __init__(self, columns: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("sd", torch.ones(columns))

    def fit(self, mean: Tensor | np.ndarray, sd: Tensor | np.ndarray) -> None:
        """Take the means and deviations of each column."""
        self.mean.copy_(torch.as_tensor(mean))
        self.sd.copy_(torch.as_tensor(sd))

    def apply_to(self, values: Tensor) -> Tensor:
        """Scale values; what is not known (NaN) is read as the mean of the training genes."""
        return ((values - self.mean) / self.sd).nan_to_num(0.0)

    def undo(self, scaled: Tensor) -> Tensor:
        """Give the values of scaled ones."""
        return scaled * self.sd + self.mean

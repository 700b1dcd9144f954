"""z-scaling, saved with the weights of a network."""

import numpy as np
import torch
from torch import Tensor, nn

MAX_DEVIATIONS = 5.0  # at which scaled features are clipped


def z_scaled(values: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    """Scale values; missing values (NaN) are read as the mean."""
    return ((values - mean) / sd).nan_to_num(0.0)


class Scaling(nn.Module):
    """Means and standard deviations of the training genes, saved with the weights so that they cannot be lost."""

    mean: Tensor
    sd: Tensor

    def __init__(self, columns: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("sd", torch.ones(columns))

    def fit(self, mean: Tensor | np.ndarray, sd: Tensor | np.ndarray) -> None:
        """Set the mean and standard deviation of each column."""
        self.mean.copy_(torch.as_tensor(mean))
        self.sd.copy_(torch.as_tensor(sd))

    def apply_to(self, values: Tensor) -> Tensor:
        """Scale values; missing values (NaN) are read as the mean of the training genes."""
        return z_scaled(values, self.mean, self.sd)

    def undo(self, scaled: Tensor) -> Tensor:
        """Convert scaled values back."""
        return scaled * self.sd + self.mean

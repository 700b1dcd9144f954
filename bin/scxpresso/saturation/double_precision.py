"""Layers in double precision, for reference sequences: for a single gene, this costs almost nothing."""

from torch import Tensor, nn
from torch.nn import functional


def in_double(layer: nn.Module, values: Tensor) -> Tensor:
    """Apply a linear layer, or the batch norm of a trained network, to values (float64)."""
    weight, bias = layer.get_parameter("weight").double(), layer.get_parameter("bias").double()
    if isinstance(layer, nn.BatchNorm1d):
        mean, variance = layer.get_buffer("running_mean").double(), layer.get_buffer("running_var").double()
        return functional.batch_norm(values, mean, variance, weight, bias, eps=layer.eps)
    return functional.linear(values, weight, bias)

"""PyTorch's optimizers without PyTorch's compiler, which their first use would import: that takes a second of each task.

Nothing is compiled here. Methods that keep the compiler away from themselves are taken as they are inside.
"""

import inspect

import torch


class _Plain(torch.optim.Optimizer):
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


class Adam(_Plain, torch.optim.Adam):
    """torch.optim.Adam."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class AdamW(_Plain, torch.optim.AdamW):
    """torch.optim.AdamW."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))

"""How the hybrid network is trained: few epochs with a falling rate, averaged weights, then trees on the same features."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from scxpresso.features import mean_and_sd
from scxpresso.hybrid import SHIFT, Hybrid, Read

EPOCHS = 12
STEPS = 300  # at least, so that a small atlas is learned too
BATCH = 32
LEARNING_RATE = 1e-3
WARM_UP = 0.1  # of all steps
WEIGHT_DECAY = 0.01
# The linear path from k-mers has a weight for each count and population: it learns slowly and forgets a lot.
WIDE_LEARNING_RATE = LEARNING_RATE / 3
WIDE_WEIGHT_DECAY = 1.0
AVERAGING = 0.99  # of the averaged weights that a step keeps


def train_hybrid(
    network: Hybrid,
    codes: np.ndarray,
    annotation: np.ndarray,
    expression: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[dict], None],
) -> Hybrid:
    """A trained copy of an untrained network: averaged weights of the best validation epoch, and trees.

    codes: genes × window. annotation: genes × features. expression: genes × populations, log10. train, validation: rows.
    The trees have nothing to choose by validation and learn from both. on_epoch gets epoch, learning_rate and losses.
    """
    shuffle = torch.Generator().manual_seed(seed)
    read, annotation = network.read(codes), torch.from_numpy(annotation).to(device)
    fit_scaling(network, read, annotation, expression, train)
    network = network.to(device)
    read = Read(*(part.to(device) for part in read))
    target = network.expression.apply_to(torch.from_numpy(expression).float().to(device))
    train, validation = torch.from_numpy(train), torch.from_numpy(validation)

    batches = -(-len(train) // BATCH)
    epochs = max(EPOCHS, -(-STEPS // batches))
    wide = [parameter for name, parameter in network.named_parameters() if name.startswith("wide.")]
    deep = [parameter for name, parameter in network.named_parameters() if not name.startswith("wide.")]
    optimizer = torch.optim.AdamW(
        [{"params": deep, "weight_decay": WEIGHT_DECAY}, {"params": wide, "weight_decay": WIDE_WEIGHT_DECAY}]
    )
    rates = [LEARNING_RATE, WIDE_LEARNING_RATE][: len(optimizer.param_groups)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=epochs * batches, pct_start=WARM_UP)
    averaged = deepcopy(network)
    criterion = nn.MSELoss()
    best_loss, best_weights, step = float("inf"), None, 0
    for epoch in range(1, epochs + 1):
        network.train()
        total = torch.zeros((), device=device)
        for batch in train[torch.randperm(len(train), generator=shuffle)].split(BATCH):
            if len(batch) > 1:  # a batch norm knows nothing of a single gene
                shift = int(torch.randint(-SHIFT, SHIFT + 1, (), generator=shuffle))
                loss = criterion(network.neural(read.of(batch, shift), annotation[batch]), target[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(batch)
            schedule.step()
            step += 1
            average_weights(averaged, network, min(AVERAGING, (1 + step) / (10 + step)))
        averaged.eval()
        with torch.no_grad():
            validated = averaged.neural(read.of(validation), annotation[validation])
        loss = criterion(validated, target[validation]).item()
        if loss < best_loss:
            best_loss, best_weights = loss, deepcopy(averaged.state_dict())
        on_epoch(
            {
                "epoch": epoch,
                "learning_rate": schedule.get_last_lr()[0],
                "train_loss": total.item() / len(train),
                "validation_loss": loss,
            }
        )
    if best_weights is None:
        raise FloatingPointError(f"the loss is not a number with seed {seed}: is an expression value infinite?")
    averaged.load_state_dict(best_weights)
    known = torch.cat([train, validation])
    features = averaged.features(read.of(known), annotation[known]).cpu().numpy()
    averaged.cpu().boosting.fit(features, target[known].cpu().numpy().astype(np.float64), seed)
    return averaged


def fit_scaling(
    network: Hybrid, read: Read, annotation: torch.Tensor, expression: np.ndarray, train: np.ndarray
) -> None:
    """Means and deviations of the training genes."""
    network.expression.fit(*mean_and_sd(expression[train]))
    if network.inputs != "half_life":
        network.counts.fit(*mean_and_sd(read.counts[torch.from_numpy(train)].double().numpy()))
    if network.inputs != "sequence":
        network.annotation.fit(*mean_and_sd(annotation.cpu()[torch.from_numpy(train)].double().numpy()))


@torch.no_grad()
def average_weights(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    """Exponential moving average of the parameters; statistics of batch norms as they are now."""
    for mine, theirs in zip(averaged.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1 - keep)
    for mine, theirs in zip(averaged.modules(), network.modules(), strict=True):
        if isinstance(mine, nn.BatchNorm1d):
            mine.running_mean.copy_(theirs.running_mean)
            mine.running_var.copy_(theirs.running_var)

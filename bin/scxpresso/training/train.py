"""Training of folds: all replicates, their best validation epochs, and further attempts if they collapse (paper 2.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pandas as pd
import torch
from torch import nn

from scxpresso.console import log
from scxpresso.memory import keep_large_blocks
from scxpresso.networks.forms import GeneInputs, gene_inputs
from scxpresso.networks.registry import NETWORKS, resolve
from scxpresso.networks.single_task import SingleTaskNetworks
from scxpresso.store import HISTORY_COLUMNS
from scxpresso.text import shown
from scxpresso.training.data import Recipe, TrainingData
from scxpresso.training.trainee import Trainee

COLLAPSED_VARIANCE = 1e-5  # of z-scaled predictions over genes; the threshold of the published code
MAX_ATTEMPTS = 4  # of a replicate: the first, and three more if it collapses


@dataclass
class TrainedFold:
    """The networks of a fold, one per replicate, and their history.

    history: HISTORY_COLUMNS, one row per epoch. collapsed: replicate and population of networks that are still constant; the
    population is empty for multi-task networks.
    """

    networks: list[nn.Module]
    history: list[dict]
    collapsed: list[tuple[int, str]]

    @property
    def history_table(self) -> pd.DataFrame:
        """The history as in history.tsv."""
        return pd.DataFrame(self.history, columns=HISTORY_COLUMNS)


def label(fold: int, replicate: int, population: str) -> str:
    """Name a network in the log; the population is empty for multi-task networks."""
    return f"fold {fold} replicate {replicate}" + (f" {shown(population)}" if population else "")


def tune_cpu() -> None:
    """Speed up training on CPU several times, without a relevant change of results."""
    # Without a gradient, moments of weights decay to numbers below 1e-38, whose arithmetic is a hundred times slower.
    torch.set_flush_denormal(True)
    keep_large_blocks()


def train_folds(
    data: TrainingData,
    recipe: Recipe,
    device: torch.device,
    engine: str = "auto",
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> dict[int, TrainedFold]:
    """Train all replicates of all folds of the data: together if the engine can, else one after the other.

    A replicate that collapsed to a constant is trained again with the next seed. Each single-task network has its own seeds
    and its own attempts. A network that is fitted on the CPU, whatever the device, has a line in the log.
    """
    tune_cpu()
    if NETWORKS[recipe.network].fitted_on_cpu and device.type != "cpu":
        log(f"{recipe.network}: fitted on the CPU")
    genes = gene_inputs(recipe.network, recipe.inputs, data.codes, data.upstream, data.annotation, device, engine)
    if recipe.tasks == "multi":
        return _train_folds(data, genes, recipe, on_epoch)
    tasks = [_train_folds(part, genes, recipe, on_epoch) for part in data.single_tasks()]
    return {fold: _joined([task[fold] for task in tasks]) for fold in data.splits}


def _joined(tasks: list[TrainedFold]) -> TrainedFold:
    """Combine the networks of single populations; the history is sorted by replicate."""
    history = [row for task in tasks for row in task.history]
    return TrainedFold(
        networks=[SingleTaskNetworks(members) for members in zip(*(task.networks for task in tasks), strict=True)],
        history=sorted(history, key=lambda row: row["replicate"]),
        collapsed=sorted((one for task in tasks for one in task.collapsed), key=lambda one: one[0]),
    )


def _train_folds(
    data: TrainingData, genes: GeneInputs, recipe: Recipe, on_epoch: Callable[[dict], None]
) -> dict[int, TrainedFold]:
    """Train as train_folds does, with one network for all populations of the data."""
    waiting = [(fold, replicate) for fold in data.splits for replicate in range(1, recipe.replicates + 1)]
    networks, history = {}, []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        groups = [waiting] if genes.stacked and waiting else [[job] for job in waiting]
        waiting = []
        for group in groups:
            results = train_group(data, genes, recipe, [(*job, attempt) for job in group], on_epoch)
            for job, (network, rows, collapsed) in zip(group, results, strict=True):
                networks[job] = network
                history += [row | {"collapsed": int(collapsed)} for row in rows]
                waiting += [job] if collapsed else []
    history.sort(key=lambda row: (row["replicate"], row["attempt"], row["epoch"]))
    population = data.populations[0] if data.task else ""
    return {
        fold: TrainedFold(
            networks=[networks[fold, replicate] for replicate in range(1, recipe.replicates + 1)],
            history=[row for row in history if row["fold"] == fold],
            collapsed=[(replicate, population) for other, replicate in waiting if other == fold],
        )
        for fold in data.splits
    }


class Training(Protocol):
    """The training of one network, or of several if the genes are stacked; every list has one number per network.

    The trainer of a registry entry makes it from trainees, data, genes and recipe.
    """

    epochs: int

    def train(self) -> list[float]:
        """Train one epoch; return the training loss."""

    def validate(self) -> list[float]:
        """Return the loss of the validation genes."""

    def rates(self) -> list[float]:
        """Return the learning rate of the epoch."""

    def adjust(self, losses: list[float]) -> None:
        """Adjust the rate to the validation loss."""

    def finish(self) -> None:
        """Do what remains after the weights of the best epoch are restored."""

    def variances(self) -> list[float]:
        """Return the variance of predictions over the validation genes, in the population where it is largest."""


def train_group(
    data: TrainingData,
    genes: GeneInputs,
    recipe: Recipe,
    jobs: list[tuple[int, int, int]],
    on_epoch: Callable[[dict], None],
) -> list[tuple[nn.Module, list[dict], bool]]:
    """Train networks side by side, one per (fold, replicate, attempt).

    Returns for each: the network with the weights of its best validation epoch, one history row per epoch, and whether it is
    constant. The training loss is the mean over the batches of the epoch, while the weights change.
    """
    trainees = [Trainee(data, recipe, genes.device, *job) for job in jobs]
    engine: Training = resolve(NETWORKS[recipe.network].trainer)(trainees, data, genes, recipe)
    for epoch in range(1, engine.epochs + 1):
        train_losses, validation_losses = engine.train(), engine.validate()
        for trainee, *numbers in zip(trainees, engine.rates(), train_losses, validation_losses, strict=True):
            on_epoch(trainee.end_epoch(epoch, *numbers))
        engine.adjust(validation_losses)
    for trainee in trainees:
        trainee.take_best()
    engine.finish()
    return [
        (trainee.network.cpu(), trainee.rows, variance < COLLAPSED_VARIANCE)
        for trainee, variance in zip(trainees, engine.variances(), strict=True)
    ]

"""Training of folds: every replicate of each, its best validation epoch, and another attempt where it collapsed (paper 2.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pandas as pd
import torch
from torch import nn

from scxpresso.memory import keep_large_blocks
from scxpresso.networks.forms import GeneInputs, gene_inputs
from scxpresso.networks.registry import NETWORKS, resolve
from scxpresso.networks.single_task import SingleTaskNetworks
from scxpresso.store import HISTORY_COLUMNS
from scxpresso.text import shown
from scxpresso.training.data import Recipe, TrainingData
from scxpresso.training.trainee import Trainee

COLLAPSED_VARIANCE = 1e-5  # of z-scaled predictions over genes; the published code's threshold
ATTEMPTS = 4  # of a replicate: the first, and three more when it collapsed


@dataclass
class TrainedFold:
    """A fold's networks, one per replicate, and how they came about.

    history: HISTORY_COLUMNS, one row per epoch. collapsed: replicate and population of networks that are still constant; the
    population is empty for a network of all.
    """

    networks: list[nn.Module]
    history: list[dict]
    collapsed: list[tuple[int, str]]

    @property
    def history_table(self) -> pd.DataFrame:
        """The history as history.tsv has it."""
        return pd.DataFrame(self.history, columns=HISTORY_COLUMNS)


def label(fold: int, replicate: int, population: str) -> str:
    """Name a network as the log does; the population is empty for a network of all."""
    return f"fold {fold} replicate {replicate}" + (f" {shown(population)}" if population else "")


def tune_cpu() -> None:
    """Two things that slow training on CPU several times, and change no result that matters."""
    # Moments of weights without gradient decay into numbers below 1e-38, on which arithmetic takes a hundred times longer.
    torch.set_flush_denormal(True)
    keep_large_blocks()


def train_folds(
    data: TrainingData,
    recipe: Recipe,
    device: torch.device,
    engine: str = "auto",
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> dict[int, TrainedFold]:
    """Train all replicates of all folds of the data; together where the engine can, else one after the other.

    A replicate that collapsed to a constant is trained again with the next seed. With a network per population, each has its
    own seeds, and its own attempts.
    """
    tune_cpu()
    genes = gene_inputs(recipe.network, recipe.inputs, data.codes, data.upstream, data.annotation, device, engine)
    if recipe.tasks == "multi":
        return _train_folds(data, genes, recipe, on_epoch)
    tasks = [_train_folds(part, genes, recipe, on_epoch) for part in data.single_tasks()]
    return {fold: _joined([task[fold] for task in tasks]) for fold in data.splits}


def _joined(tasks: list[TrainedFold]) -> TrainedFold:
    """Networks of single populations as networks of all; the history by replicate."""
    history = [row for task in tasks for row in task.history]
    return TrainedFold(
        networks=[SingleTaskNetworks(members) for members in zip(*(task.networks for task in tasks), strict=True)],
        history=sorted(history, key=lambda row: row["replicate"]),
        collapsed=sorted((one for task in tasks for one in task.collapsed), key=lambda one: one[0]),
    )


def _train_folds(
    data: TrainingData, genes: GeneInputs, recipe: Recipe, on_epoch: Callable[[dict], None]
) -> dict[int, TrainedFold]:
    """As train_folds, one network for all populations of the data."""
    waiting = [(fold, replicate) for fold in data.splits for replicate in range(1, recipe.replicates + 1)]
    networks, history = {}, []
    for attempt in range(1, ATTEMPTS + 1):
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
    """What the trainer of a registry's entry makes of trainees, data, genes and recipe.

    It trains one network, or several where the genes are stacked; every list has a number for each of them.
    """

    epochs: int

    def train(self) -> list[float]:
        """Train one epoch; give its loss."""

    def validate(self) -> list[float]:
        """Give the loss of the validation genes."""

    def rates(self) -> list[float]:
        """Give the learning rate of the epoch."""

    def adjust(self, losses: list[float]) -> None:
        """Adjust the rate to the validation loss."""

    def finish(self) -> None:
        """Do what is left when the weights of the best epoch are back."""

    def variances(self) -> list[float]:
        """Give the variance of predictions over the validation genes, in the population where it is largest."""


def train_group(
    data: TrainingData,
    genes: GeneInputs,
    recipe: Recipe,
    jobs: list[tuple[int, int, int]],
    on_epoch: Callable[[dict], None],
) -> list[tuple[nn.Module, list[dict], bool]]:
    """Networks trained side by side, one for each (fold, replicate, attempt).

    Of each: its weights of the best validation epoch, one history row per epoch, and whether it is constant. The training loss
    of a row is the mean over the epoch's batches, while the weights moved.
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

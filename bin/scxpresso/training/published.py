"""Training as published: MSE, Adam, and a learning rate that falls on plateaus (paper 2.2); one network, or a stack."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from scxpresso.console import log
from scxpresso.networks.forms import GeneInputs
from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.published_gpu import Stack, StackInputs
from scxpresso.networks.scaling import z_scaled
from scxpresso.training.data import Recipe, TrainingData
from scxpresso.training.optimizers import Adam
from scxpresso.training.trainee import Trainee

GENES_AT_ONCE = 4096  # genes × networks predicted at once by a stack, in about as many megabytes


def plateau(optimizer: Adam, recipe: Recipe) -> ReduceLROnPlateau:
    """Make the learning-rate schedule of an optimizer."""
    return ReduceLROnPlateau(optimizer, factor=recipe.plateau_factor, patience=recipe.plateau_patience)


@contextmanager
def tensor_cores() -> Iterator[None]:
    """Let matrix products of float32 on a GPU round their inputs to 11 bits (TF32); sums keep 24 bits."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class SingleTraining:
    """Training of one network, on the form of its genes. Every result is a list of one number."""

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: GeneInputs, recipe: Recipe):
        torch.backends.cudnn.deterministic = True
        (self.trainee,) = trainees
        self.network: ExpressionNetwork = self.trainee.network
        self.genes, self.batch_size = genes, recipe.batch_size
        self.criterion = nn.MSELoss()
        self.epochs = recipe.epochs
        self.optimizer = Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.schedule = plateau(self.optimizer, recipe)
        self.target = self.network.expression.apply_to(torch.from_numpy(data.expression).float().to(genes.device))

    def train(self) -> list[float]:
        """Train one epoch; return the training loss."""
        self.network.train()
        total, order = torch.zeros((), device=self.genes.device), self.trainee.order()
        for batch in order.split(self.batch_size):
            self.optimizer.zero_grad()
            loss = self.criterion(self.genes.forward(self.network, batch), self.target[batch])
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * len(batch)
        return [total.item() / len(order)]

    def validate(self) -> list[float]:
        """Return the loss of the validation genes."""
        rows = self.trainee.validation
        return [self.criterion(self.genes.predict(self.network, rows), self.target[rows]).item()]

    def rates(self) -> list[float]:
        """Return the learning rate."""
        return [self.optimizer.param_groups[0]["lr"]]

    def adjust(self, losses: list[float]) -> None:
        """Adjust the learning rate to the validation loss."""
        self.schedule.step(losses[0])

    def finish(self) -> None:
        """Do nothing: training ends with the best weights."""

    def variances(self) -> list[float]:
        """Return the variance of predictions for the validation genes, in the population where it is largest."""
        return [self.genes.predict(self.network, self.trainee.validation).var(dim=0).max().item()]


class StackedTraining:
    """Training of several networks as one stack. Every result is a list of one number per network.

    A step trains all networks, with the same number of genes each; genes that fill up a last batch have weight 0. On CUDA,
    the step is captured once and launched as a whole. Losses stay on the device until the epoch ends.
    """

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: StackInputs, recipe: Recipe):
        self.trainees, self.genes, self.epochs = trainees, genes, recipe.epochs
        cuda = genes.device.type == "cuda"
        rounded = cuda and torch.cuda.get_device_capability(genes.device) >= (8, 0)
        precision = torch.bfloat16 if rounded else torch.float32
        self.stack = Stack([trainee.network for trainee in trainees], genes.table, precision)
        # A graph replays captured addresses, so the learning rate has to be a tensor.
        self.optimizers = [
            Adam(
                trainee.network.parameters(),
                lr=torch.tensor(recipe.learning_rate, device=genes.device),
                fused=True,
                capturable=cuda,
            )
            for trainee in trainees
        ]
        self.schedules = [plateau(optimizer, recipe) for optimizer in self.optimizers]
        scalings = [trainee.network.expression for trainee in trainees]
        self.expression = torch.from_numpy(data.expression).float().to(genes.device)
        self.mean = torch.stack([scaling.mean for scaling in scalings])[:, None]
        self.sd = torch.stack([scaling.sd for scaling in scalings])[:, None]

        # Genes of the next step, and the sum of losses in this epoch.
        shape = len(trainees), min(recipe.batch_size, max(len(trainee.train) for trainee in trainees))
        self.rows = torch.zeros(shape, dtype=torch.int64, device=genes.device)
        self.weight = torch.zeros(shape, device=genes.device)
        self.totals = torch.zeros(len(trainees), device=genes.device)
        self.graph = self._captured() if cuda else None

    def train(self) -> list[float]:
        """Train one epoch; return the training losses."""
        with tensor_cores():
            return self._epoch()

    def _epoch(self) -> list[float]:
        self._set_mode(training=True)
        orders = [trainee.order() for trainee in self.trainees]
        rows, weight = self._stacked_rows(orders, self.rows.shape[1])
        self.totals.zero_()
        for start in range(0, rows.shape[1], self.rows.shape[1]):
            self.rows.copy_(rows[:, start : start + self.rows.shape[1]])
            self.weight.copy_(weight[:, start : start + self.rows.shape[1]])
            optimizers = [mine for mine, order in zip(self.optimizers, orders, strict=True) if len(order) > start]
            if self.graph is not None and len(optimizers) == len(self.optimizers):
                self.graph.replay()
            else:
                self.step(optimizers)
        return [total / len(order) for total, order in zip(self.totals.tolist(), orders, strict=True)]

    def step(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Make one step of the networks of these optimizers on self.rows; the other networks have no gene in it."""
        self.stack.zero_grad()
        outputs = self.stack.forward(self.rows, self.genes.annotation[self.rows])
        losses = self._losses(outputs, self.rows) * self.weight
        (losses.sum(dim=1) / self.weight.sum(dim=1).clamp(min=1)).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
        self.totals += losses.detach().sum(dim=1)

    def warm_up(self) -> None:
        """Make three steps with weight 0: they allocate what a first step allocates, and change no parameter."""
        self._set_mode(training=True)
        self.weight.zero_()
        for _ in range(3):
            self.step(self.optimizers)
        for optimizer in self.optimizers:
            for state in optimizer.state.values():
                state["step"].zero_()

    def validate(self) -> list[float]:
        """Return the losses of the validation genes."""
        rows, weight = self._stacked_rows([trainee.validation for trainee in self.trainees])
        losses = self._losses(self._predict(rows), rows) * weight
        return (losses.sum(dim=1) / weight.sum(dim=1)).tolist()

    def rates(self) -> list[float]:
        """Return the learning rates, with the digits that float32 holds."""
        return [float(f"{optimizer.param_groups[0]['lr'].item():.6g}") for optimizer in self.optimizers]

    def adjust(self, losses: list[float]) -> None:
        """Adjust each learning rate to the validation loss of its network."""
        for schedule, loss in zip(self.schedules, losses, strict=True):
            schedule.step(loss)

    def finish(self) -> None:
        """Do nothing: training ends with the best weights."""

    def variances(self) -> list[float]:
        """Return the variance of predictions for the validation genes, in the population where it is largest."""
        counts = [len(trainee.validation) for trainee in self.trainees]
        outputs = self._predict(self._stacked_rows([trainee.validation for trainee in self.trainees])[0])
        mine = [values[:count].var(dim=0).max() for values, count in zip(outputs, counts, strict=True)]
        return torch.stack(mine).tolist()

    def _captured(self) -> torch.cuda.CUDAGraph | None:
        """Capture a step as a CUDA graph, after a warm-up on another stream, as PyTorch requires; None if it fails."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with tensor_cores(), torch.cuda.stream(aside):
            self.warm_up()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        try:
            with tensor_cores(), torch.cuda.graph(graph):
                self.step(self.optimizers)
        except RuntimeError as error:
            log(f"WARNING training without CUDA graph, more slowly: {error}")
            return None
        return graph

    def _set_mode(self, training: bool) -> None:
        for trainee in self.trainees:
            trainee.network.train(training)

    def _stacked_rows(self, orders: list[torch.Tensor], multiple: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Stack lists of genes as rows, with weight 1 for each gene; rows are padded with 0 to a multiple of `multiple`."""
        longest = max(len(order) for order in orders)
        rows = torch.zeros(len(orders), -(-longest // multiple) * multiple, dtype=torch.int64)
        weight = torch.zeros(rows.shape)
        for order, row, ones in zip(orders, rows, weight, strict=True):
            row[: len(order)] = order
            ones[: len(order)] = 1
        return rows.to(self.genes.device), weight.to(self.genes.device)

    def _losses(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Compute the mean squared error over populations of each gene: networks × B."""
        return ((outputs - z_scaled(self.expression[rows], self.mean, self.sd)) ** 2).mean(dim=2)

    @torch.no_grad()
    def _predict(self, rows: torch.Tensor) -> torch.Tensor:
        """Predict without dropout and in float32: networks × B × populations."""
        self._set_mode(training=False)
        batches = rows.split(max(1, GENES_AT_ONCE // len(rows)), dim=1)
        return torch.cat([self.stack.forward(batch, self.genes.annotation[batch]) for batch in batches], dim=1)


def plateau_training(
    trainees: list[Trainee], data: TrainingData, genes: GeneInputs, recipe: Recipe
) -> SingleTraining | StackedTraining:
    """Make the training of one network or a stack, depending on the form of the genes."""
    if isinstance(genes, StackInputs):
        return StackedTraining(trainees, data, genes, recipe)
    return SingleTraining(trainees, data, genes, recipe)

"""The published recipe: MSE, Adam, a plateau schedule, the best validation epoch, replicates (paper 2.2)."""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from scxpresso.annotation import log_half_life
from scxpresso.console import log
from scxpresso.features import mean_and_sd
from scxpresso.network import NETWORKS
from scxpresso.prediction import Genes
from scxpresso.problems import InputError, Problem
from scxpresso.stacked import Stack
from scxpresso.store import HISTORY_COLUMNS, Features

COLLAPSED_VARIANCE = 1e-5  # of z-scaled predictions over genes; the published code's threshold
ATTEMPTS = 4  # of a replicate: the first, and three more when it collapsed
GENES_AT_ONCE = 4096  # that a stack predicts, in about as many megabytes


@dataclass(frozen=True)
class Recipe:
    """How to train. Learning rate and dropout have no unit; the plateau is counted in epochs."""

    network: str = "scxpresso"
    inputs: str = "both"
    replicates: int = 5
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 5e-4
    plateau_factor: float = 0.1
    plateau_patience: int = 5
    validation_genes: int = 1000
    seed: int = 1


@dataclass
class Split:
    """Genes that train and genes that validate while a fold is held out: sorted row numbers."""

    train: np.ndarray
    validation: np.ndarray


@dataclass
class TrainingData:
    """Genes of a level as arrays: codes (genes × window), log half-life (genes × 5), expression (genes × populations).

    splits: one for each fold that is trained.
    """

    codes: np.ndarray
    half_life: np.ndarray
    expression: np.ndarray
    splits: dict[int, Split]


@dataclass
class TrainedFold:
    """networks: one a replicate. history: HISTORY_COLUMNS, an epoch a row. collapsed: replicates still constant."""

    networks: list[nn.Module]
    history: list[dict]
    collapsed: list[int]

    @property
    def history_table(self) -> pd.DataFrame:
        return pd.DataFrame(self.history, columns=HISTORY_COLUMNS)


def tune_cpu() -> None:
    """Two things that slow training on CPU several times, and change no result that matters."""
    # Moments of weights without gradient decay into numbers below 1e-38, on which arithmetic takes a hundred times longer.
    torch.set_flush_denormal(True)
    # glibc gives large blocks back to the system at every step, and fetches them again at the next.
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-4, 0)  # M_MMAP_MAX: large blocks come from the heap too
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: and stay there


def training_data(
    features: Features, expression: pd.DataFrame, folds: pd.Series, held_out: list[int], recipe: Recipe
) -> TrainingData:
    """Arrays of the genes that have expression and, for each fold that is held out in turn, who trains and who validates.

    The validation genes, 1,000 or a tenth of the training genes where those are fewer than 10,000, come first in an order
    of all the genome's genes, so that models of two atlases validate on the same genes. Raises InputError for a fold
    without genes on either side.
    """
    rows = features.rows(expression.index)
    return TrainingData(
        codes=features.codes[rows],
        half_life=log_half_life(features.half_life[rows]).astype(np.float32),
        expression=expression.to_numpy(dtype=np.float64),
        splits={fold: split(expression.index, folds, fold, recipe) for fold in held_out},
    )


def split(genes: pd.Index, folds: pd.Series, fold: int, recipe: Recipe) -> Split:
    """Who of the genes trains and who validates while a fold is held out; see training_data."""
    shuffled = np.random.default_rng([recipe.seed, fold]).permutation(np.sort(folds.index.to_numpy(dtype=str)))
    rank = pd.Series(np.arange(len(shuffled)), index=shuffled)
    rest = np.flatnonzero(folds.reindex(genes).to_numpy() != fold)
    if len(rest) < 20 or len(rest) == len(genes):
        raise InputError(
            Problem(
                f"fold {fold}",
                f"{len(rest)} genes to train on and {len(genes) - len(rest)} held out",
                "at least 20 genes to train on and one held out",
                "use fewer folds, or check that atlas and annotation are of the same genome",
            )
        )
    rest = rest[np.argsort(rank.reindex(genes[rest]).to_numpy(), kind="stable")]
    validating = min(recipe.validation_genes, len(rest) // 10)
    return Split(train=np.sort(rest[validating:]), validation=np.sort(rest[:validating]))


def train_folds(
    data: TrainingData,
    recipe: Recipe,
    device: torch.device,
    engine: str = "auto",
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> dict[int, TrainedFold]:
    """All replicates of all folds of the data; together where the engine can, else one after the other.

    A replicate that collapsed to a constant is trained again with the next seed.
    """
    tune_cpu()
    genes = Genes(recipe.network, recipe.inputs, data.codes, data.half_life, device, engine)
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
    return {
        fold: TrainedFold(
            networks=[networks[fold, replicate] for replicate in range(1, recipe.replicates + 1)],
            history=[row for row in history if row["fold"] == fold],
            collapsed=[replicate for other, replicate in waiting if other == fold],
        )
        for fold in data.splits
    }


def train_group(
    data: TrainingData,
    genes: Genes,
    recipe: Recipe,
    jobs: list[tuple[int, int, int]],
    on_epoch: Callable[[dict], None],
) -> list[tuple[nn.Module, list[dict], bool]]:
    """Networks trained side by side, one for each (fold, replicate, attempt).

    Of each: its weights of the best validation epoch, a history row an epoch, and whether it is constant. The training loss
    of a row is the mean over the epoch's batches, while the weights moved.
    """
    trainees = [Trainee(data, recipe, genes.device, *job) for job in jobs]
    engine = (Together if genes.stacked else Alone)(trainees, data, genes, recipe)
    for epoch in range(1, recipe.epochs + 1):
        for trainee, train_loss, validation_loss in zip(trainees, engine.train(), engine.validate(), strict=True):
            on_epoch(trainee.end_epoch(epoch, train_loss, validation_loss))
    for trainee in trainees:
        trainee.take_best()
    return [
        (trainee.network.cpu(), trainee.rows, variance < COLLAPSED_VARIANCE)
        for trainee, variance in zip(trainees, engine.variances(), strict=True)
    ]


class Trainee:
    """A network in training, with all that is its own: genes, their order, schedule, history and best weights."""

    def __init__(
        self, data: TrainingData, recipe: Recipe, device: torch.device, fold: int, replicate: int, attempt: int
    ):
        seed = int(np.random.SeedSequence([recipe.seed, fold, replicate, attempt]).generate_state(1)[0])
        torch.manual_seed(seed)
        self._shuffle = torch.Generator().manual_seed(seed)
        self._about = {"fold": fold, "replicate": replicate, "attempt": attempt, "seed": seed}
        train, validation = data.splits[fold].train, data.splits[fold].validation
        self.train, self.validation = torch.from_numpy(train), torch.from_numpy(validation)

        network = NETWORKS[recipe.network](data.expression.shape[1], data.codes.shape[1], recipe.inputs)
        network.half_life.fit(*mean_and_sd(data.half_life[train]))
        network.expression.fit(*mean_and_sd(data.expression[train]))
        self.network = network.to(device)
        self.rows, self._best_loss, self._best_epoch, self._best_weights = [], float("inf"), None, None

    def optimize(self, recipe: Recipe, **options) -> torch.optim.Adam:
        """The network's own optimizer, whose rate falls on its own plateaus."""
        self._optimizer = torch.optim.Adam(self.network.parameters(), **options)
        self._schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self._optimizer, factor=recipe.plateau_factor, patience=recipe.plateau_patience
        )
        return self._optimizer

    def order(self) -> torch.Tensor:
        """The training genes in the order of the next epoch."""
        return self.train[torch.randperm(len(self.train), generator=self._shuffle)]

    def end_epoch(self, epoch: int, train_loss: float, validation_loss: float) -> dict:
        """Its row of the history; keeps the weights if they are the best so far, and lowers the rate on a plateau."""
        rate = self._optimizer.param_groups[0]["lr"]
        rate = rate if isinstance(rate, float) else float(f"{rate.item():.6g}")  # as many digits as a tensor holds
        row = self._about | {"epoch": epoch, "learning_rate": rate}
        row |= {"train_loss": train_loss, "validation_loss": validation_loss}
        if validation_loss < self._best_loss:
            self._best_loss, self._best_epoch = validation_loss, epoch
            self._best_weights = {name: values.clone() for name, values in self.network.state_dict().items()}
        self._schedule.step(validation_loss)
        self.rows.append(row)
        return row

    def take_best(self) -> None:
        """Give the network the weights of its best epoch, which the history marks."""
        if self._best_weights is None:
            seed = self._about["seed"]
            raise FloatingPointError(f"the loss is not a number with seed {seed}: is an expression value infinite?")
        self.network.load_state_dict(self._best_weights)
        for row in self.rows:
            row["best"] = int(row["epoch"] == self._best_epoch)


class Alone:
    """Epochs of one network in the form that `genes` has for it. Every result is a list of one number."""

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: Genes, recipe: Recipe):
        torch.backends.cudnn.deterministic = True
        (self.trainee,) = trainees
        self.network, self.genes, self.batch_size = self.trainee.network, genes, recipe.batch_size
        self.criterion = nn.MSELoss()
        self.optimizer = self.trainee.optimize(recipe, lr=recipe.learning_rate)
        self.target = self.network.expression.apply_to(torch.from_numpy(data.expression).float().to(genes.device))

    def train(self) -> list[float]:
        """One epoch; its loss."""
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
        """Loss of the validation genes."""
        rows = self.trainee.validation
        return [self.criterion(self.genes.predict(self.network, rows), self.target[rows]).item()]

    def variances(self) -> list[float]:
        """How much predictions for the validation genes vary, in the population where they vary most."""
        return [self.genes.predict(self.network, self.trainee.validation).var(dim=0).max().item()]


class Together:
    """Epochs of several networks as one stack. Every result is a list of a number for each network.

    A step is of all networks and of as many genes of each; what a network lacks in its last batch counts with weight 0.
    On CUDA the step is captured once and launched as a whole. Losses stay on the device until an epoch has ended.
    """

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: Genes, recipe: Recipe):
        self.trainees, self.genes = trainees, genes
        cuda = genes.device.type == "cuda"
        # Tensor cores round what they multiply to 11 bits (TF32) or 8 (bfloat16, where the GPU has it), and add up in 24.
        if cuda:
            torch.set_float32_matmul_precision("high")
        rounded = cuda and torch.cuda.get_device_capability(genes.device) >= (8, 0)
        precision = torch.bfloat16 if rounded else torch.float32
        self.stack = Stack([trainee.network for trainee in trainees], genes.table, precision)
        # A graph replays the addresses that it captured: the rate has to be one of them.
        self.optimizers = [
            trainee.optimize(
                recipe, lr=torch.tensor(recipe.learning_rate, device=genes.device), fused=True, capturable=cuda
            )
            for trainee in trainees
        ]
        scalings = [trainee.network.expression for trainee in trainees]
        self.expression = torch.from_numpy(data.expression).float().to(genes.device)
        self.mean = torch.stack([scaling.mean for scaling in scalings])[:, None]
        self.sd = torch.stack([scaling.sd for scaling in scalings])[:, None]

        # The next step's genes, and the epoch's sum of losses so far.
        shape = len(trainees), min(recipe.batch_size, max(len(trainee.train) for trainee in trainees))
        self.rows = torch.zeros(shape, dtype=torch.int64, device=genes.device)
        self.weight = torch.zeros(shape, device=genes.device)
        self.totals = torch.zeros(len(trainees), device=genes.device)
        self.graph = self._captured() if cuda else None

    def train(self) -> list[float]:
        """One epoch; the losses."""
        self._set_mode(training=True)
        orders = [trainee.order() for trainee in self.trainees]
        rows, weight = self._beside(orders, self.rows.shape[1])
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

    def step(self, optimizers: list[torch.optim.Optimizer]) -> None:
        """One step with self.rows of the networks of these optimizers; the others have no gene in it."""
        self.stack.zero_grad()
        outputs = self.stack.forward(self.rows, self.genes.half_life[self.rows])
        losses = self._losses(outputs, self.rows) * self.weight
        (losses.sum(dim=1) / self.weight.sum(dim=1).clamp(min=1)).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
        self.totals += losses.detach().sum(dim=1)

    def warm_up(self) -> None:
        """Three steps of genes without weight: they make what a first step makes, and move nothing."""
        self._set_mode(training=True)
        self.weight.zero_()
        for _ in range(3):
            self.step(self.optimizers)
        for optimizer in self.optimizers:
            for state in optimizer.state.values():
                state["step"].zero_()

    def validate(self) -> list[float]:
        """Losses of the validation genes."""
        rows, weight = self._beside([trainee.validation for trainee in self.trainees])
        losses = self._losses(self._predict(rows), rows) * weight
        return (losses.sum(dim=1) / weight.sum(dim=1)).tolist()

    def variances(self) -> list[float]:
        """How much predictions for the validation genes vary, in the population where they vary most."""
        counts = [len(trainee.validation) for trainee in self.trainees]
        outputs = self._predict(self._beside([trainee.validation for trainee in self.trainees])[0])
        mine = [values[:count].var(dim=0).max() for values, count in zip(outputs, counts, strict=True)]
        return torch.stack(mine).tolist()

    def _captured(self) -> torch.cuda.CUDAGraph | None:
        """A step of all networks as a CUDA graph, after a warm-up aside, as PyTorch asks for; None where it fails."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self.warm_up()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.step(self.optimizers)
        except RuntimeError as error:
            log(f"WARNING training without CUDA graph, more slowly: {error}")
            return None
        return graph

    def _set_mode(self, training: bool) -> None:
        for trainee in self.trainees:
            trainee.network.train(training)

    def _beside(self, orders: list[torch.Tensor], multiple: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Lists of genes as rows, and 1 for each gene; the shorter lists, and a multiple of genes, are filled up with 0."""
        longest = max(len(order) for order in orders)
        rows = torch.zeros(len(orders), -(-longest // multiple) * multiple, dtype=torch.int64)
        weight = torch.zeros(rows.shape)
        for order, row, ones in zip(orders, rows, weight, strict=True):
            row[: len(order)] = order
            ones[: len(order)] = 1
        return rows.to(self.genes.device), weight.to(self.genes.device)

    def _losses(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Mean squared error over the populations, of each gene: S × B."""
        return ((outputs - (self.expression[rows] - self.mean) / self.sd) ** 2).mean(dim=2)

    @torch.no_grad()
    def _predict(self, rows: torch.Tensor) -> torch.Tensor:
        """Without dropout and in float32: S × B × populations."""
        self._set_mode(training=False)
        batches = rows.split(max(1, GENES_AT_ONCE // len(rows)), dim=1)
        return torch.cat([self.stack.forward(batch, self.genes.half_life[batch]) for batch in batches], dim=1)

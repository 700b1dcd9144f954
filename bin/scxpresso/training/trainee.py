"""A network in training, for any recipe."""

from typing import Any

import numpy as np
import torch

from scxpresso.genome.features import mean_and_sd
from scxpresso.networks.weights import build_network
from scxpresso.training.data import Recipe, TrainingData


class Trainee:
    """A network in training, with its own seed, genes, order of genes, history and best weights."""

    def __init__(
        self, data: TrainingData, recipe: Recipe, device: torch.device, fold: int, replicate: int, attempt: int
    ):
        numbers = [recipe.seed, fold, replicate, attempt, *([data.task] if data.task else [])]
        seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
        torch.manual_seed(seed)
        self.shuffle = torch.Generator().manual_seed(seed)
        population = data.populations[0] if data.task else ""
        self.job: dict[str, Any] = {
            "fold": fold,
            "replicate": replicate,
            "population": population,
            "attempt": attempt,
            "seed": seed,
        }
        train, validation = data.splits[fold].train, data.splits[fold].validation
        self.train, self.validation = torch.from_numpy(train), torch.from_numpy(validation)

        downstream = data.codes.shape[1] - data.upstream
        network = build_network(
            recipe.network, data.expression.shape[1], data.upstream, downstream, recipe.inputs, data.annotation.shape[1]
        )
        network.expression.fit(*mean_and_sd(data.expression[train]))
        network.annotation.fit(*mean_and_sd(data.annotation[train]))
        self.network: Any = network.to(device)  # its trainer knows its type
        self.rows: list[dict] = []
        self._best_loss = float("inf")
        self._best_epoch: int | None = None
        self._best_weights: dict[str, torch.Tensor] | None = None

    def order(self) -> torch.Tensor:
        """Return the training genes in the order of the next epoch."""
        return self.train[torch.randperm(len(self.train), generator=self.shuffle)]

    def end_epoch(self, epoch: int, learning_rate: float, train_loss: float, validation_loss: float) -> dict:
        """Add and return a row of the history; keep the weights if they are the best so far."""
        row = self.job | {"epoch": epoch, "learning_rate": learning_rate}
        row |= {"train_loss": train_loss, "validation_loss": validation_loss}
        if validation_loss < self._best_loss:
            self._best_loss, self._best_epoch = validation_loss, epoch
            self._best_weights = {name: values.clone() for name, values in self.network.state_dict().items()}
        self.rows.append(row)
        return row

    def take_best(self) -> None:
        """Restore the weights of the best epoch, and mark it in the history."""
        if self._best_weights is None:
            seed = self.job["seed"]
            raise FloatingPointError(f"the loss is not a number with seed {seed}: is an expression value infinite?")
        self.network.load_state_dict(self._best_weights)
        for row in self.rows:
            row["best"] = int(row["epoch"] == self._best_epoch)

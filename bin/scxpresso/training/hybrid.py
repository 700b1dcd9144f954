"""Training of the hybrid network: a few epochs with a one-cycle learning rate and an exponential moving average (EMA) of the
weights, then trees on the same features."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from scxpresso.genome.features import mean_and_sd
from scxpresso.networks.gradient_boosted_trees import Bins
from scxpresso.networks.hybrid import MAX_SHIFT, Hybrid, HybridGeneInputs
from scxpresso.training.data import Recipe, TrainingData
from scxpresso.training.optimizers import AdamW
from scxpresso.training.trainee import Trainee

MIN_EPOCHS = 12
MIN_STEPS = 300  # more epochs are needed to reach it if an atlas is small
BATCH = 32
LEARNING_RATE = 1e-3
WARM_UP = 0.1  # share of all steps
WEIGHT_DECAY = 0.01
# The linear layer on k-mers has one weight per count and population: it needs a low rate and strong decay.
KMER_LEARNING_RATE = LEARNING_RATE / 3
KMER_WEIGHT_DECAY = 1.0
EMA_DECAY = 0.99


class HybridTraining:
    """Training of one hybrid network. The trainee's network holds the EMA of the weights, and gets its trees at the end.

    Every result is a list of one number, as in published.py.
    """

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: HybridGeneInputs, recipe: Recipe):
        (self.trainee,) = trainees
        self.genes = genes
        self.averaged: Hybrid = self.trainee.network
        if self.averaged.inputs != "half_life":
            counts = genes.read.counts[self.trainee.train.to(genes.device)].double().cpu().numpy()
            self.averaged.kmer_counts.fit(*mean_and_sd(counts))
        self.network = deepcopy(self.averaged)
        self.moving_average = MovingAverage(self.averaged, self.network)
        self.target = self.network.expression.apply_to(torch.from_numpy(data.expression).float().to(genes.device))
        self.criterion = nn.MSELoss()
        # Batch norm needs more than one gene: a last batch of a single gene is skipped.
        batches = sum(len(batch) > 1 for batch in self.trainee.train.split(BATCH))
        self.epochs = max(MIN_EPOCHS, -(-MIN_STEPS // batches))
        named = list(self.network.named_parameters())
        on_kmers = [parameter for name, parameter in named if name.startswith("kmer_linear.")]
        others = [parameter for name, parameter in named if not name.startswith("kmer_linear.")]
        groups: list[dict[str, Any]] = [
            {"params": others, "lr": LEARNING_RATE, "weight_decay": WEIGHT_DECAY},
            {"params": on_kmers, "lr": KMER_LEARNING_RATE, "weight_decay": KMER_WEIGHT_DECAY},
        ]
        self.optimizer = AdamW(groups)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            [group["lr"] for group in groups],
            total_steps=self.epochs * batches,
            pct_start=WARM_UP,
        )
        self.step = 0

    def train(self) -> list[float]:
        """Train one epoch; return the training loss of the network before averaging."""
        self.network.train()
        self.rate = float(self.schedule.get_last_lr()[0])
        total, order = torch.zeros((), device=self.genes.device), self.trainee.order()
        for batch in order.split(BATCH):
            if len(batch) == 1:
                continue
            shift = int(torch.randint(-MAX_SHIFT, MAX_SHIFT + 1, (), generator=self.trainee.shuffle))
            rows = batch.to(self.genes.device)
            outputs = self.network.neural(self.genes.read.of(rows, shift), self.genes.annotation[rows])
            loss = self.criterion(outputs, self.target[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self.step += 1
            self.moving_average.update(min(EMA_DECAY, (1 + self.step) / (10 + self.step)))
            total += loss.detach() * len(batch)
        return [total.item() / len(order)]

    @torch.no_grad()
    def validate(self) -> list[float]:
        """Return the loss of the validation genes, by the EMA of the weights and without trees."""
        self.averaged.eval()
        rows = self.trainee.validation.to(self.genes.device)
        outputs = self.averaged.neural(self.genes.read.of(rows), self.genes.annotation[rows])
        return [self.criterion(outputs, self.target[rows]).item()]

    def rates(self) -> list[float]:
        """Return the learning rate at the start of the epoch."""
        return [self.rate]

    def adjust(self, losses: list[float]) -> None:
        """Do nothing: the rate is adjusted at every step."""

    def finish(self) -> None:
        """Fit the trees beside the best weights. They need no validation genes, and are fitted to these too."""
        rows = torch.cat([self.trainee.train, self.trainee.validation]).to(self.genes.device)
        features = self.averaged.features(self.genes.read.of(rows), self.genes.annotation[rows])
        target = self.target[rows].cpu().numpy().astype(np.float64)
        bins = Bins.of(features.cpu().numpy(), self.averaged.trees.settings)
        self.averaged.trees.fit(bins, target, self.trainee.job["seed"])

    def variances(self) -> list[float]:
        """Return the variance of predictions for the validation genes, in the population where it is largest."""
        return [self.genes.predict(self.averaged, self.trainee.validation).var(dim=0).max().item()]


class MovingAverage:
    """The EMA of a network's parameters in another network, which also gets the statistics of its batch norms."""

    def __init__(self, averaged: nn.Module, network: nn.Module):
        # Found once: to look for them takes longer than to update them.
        self.parameters = list(zip(averaged.parameters(), network.parameters(), strict=True))
        self.statistics = [
            (layer.get_buffer(name), source.get_buffer(name))
            for layer, source in zip(averaged.modules(), network.modules(), strict=True)
            if isinstance(layer, nn.BatchNorm1d)
            for name in ("running_mean", "running_var")
        ]

    @torch.no_grad()
    def update(self, keep: float) -> None:
        """Move the average by one step. keep: its share in the new average."""
        for mine, theirs in self.parameters:
            mine.lerp_(theirs, 1 - keep)
        for statistic, source in self.statistics:
            statistic.copy_(source)

"""How the network `grammar` is trained: in one step, each part on what the parts before it leave."""

import numpy as np
import torch
from torch import nn

from scxpresso.networks.grammar import Grammar, GrammarGeneInputs
from scxpresso.training.data import Recipe, TrainingData
from scxpresso.training.motifs import fit_motif_part
from scxpresso.training.trainee import Trainee

CPU = torch.device("cpu")  # on which everything is fitted
SAMPLED = 0.8  # of the training genes: what a replicate learns from, so that replicates differ as far as genes do


class GrammarTraining:
    """The one epoch of a `grammar` network. Every result is a list of one number, as those of published.py."""

    epochs = 1

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: GrammarGeneInputs, recipe: Recipe):
        (self.trainee,) = trainees
        self.genes, self.names, self.replicates = genes, data.annotation_features, recipe.replicates
        self.network: Grammar = self.trainee.network
        self.target = self.network.expression.apply_to(torch.from_numpy(data.expression).float().to(genes.device))
        self.criterion = nn.MSELoss()

    def train(self) -> list[float]:
        """Fit the smooth part, and the motifs to what it leaves of genes that it has not seen; the loss of all of it."""
        rows, seed = self._sampled(), self.trainee.job["seed"]
        at = rows.to(self.genes.device)
        target = self.target[at].cpu().numpy().astype(np.float64)
        composition = self.genes.composition.of(at).to(CPU)
        annotation = self.network.scaled_annotation(self.genes.annotation[at]).cpu()
        self.network.cpu()
        held_out = self.network.smooth.fit(composition, annotation, self.names, target, seed)
        if self.network.inputs != "half_life":
            fit_motif_part(self.network.motifs, self.genes.codes[rows].numpy(), target - held_out, seed)
        self.network.to(self.genes.device)
        return [self._loss(rows)]

    def _sampled(self) -> torch.Tensor:
        """Rows of the genes that this replicate learns from; all of them where there is one replicate."""
        order = self.trainee.order()
        return order.sort().values if self.replicates == 1 else order[: round(SAMPLED * len(order))].sort().values

    @torch.no_grad()
    def _loss(self, rows: torch.Tensor) -> float:
        return self.criterion(self.genes.predict(self.network, rows), self.target[rows.to(self.genes.device)]).item()

    def validate(self) -> list[float]:
        """Loss of the validation genes."""
        return [self._loss(self.trainee.validation)]

    def rates(self) -> list[float]:
        """There is no learning rate."""
        return [0.0]

    def adjust(self, losses: list[float]) -> None:
        """There is nothing to adjust."""

    def finish(self) -> None:
        """Nothing is left to do."""

    def variances(self) -> list[float]:
        """How much predictions for the validation genes vary, in the population where they vary most."""
        return [self.genes.predict(self.network, self.trainee.validation).var(dim=0).max().item()]

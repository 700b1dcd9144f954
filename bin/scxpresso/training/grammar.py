"""How the network `grammar` is trained: in one step, each part on what the parts before it leave."""

import numpy as np
import torch
from torch import nn

from scxpresso.networks.grammar import Grammar, GrammarGeneInputs
from scxpresso.training.data import Recipe, TrainingData
from scxpresso.training.motifs import fit_motif_part
from scxpresso.training.trainee import Trainee

CPU = torch.device("cpu")  # on which everything is fitted
SAMPLED = 0.97  # of the genes: what a replicate learns from; fewer cost small atlases accuracy


class GrammarTraining:
    """The one epoch of a `grammar` network. Every result is a list of one number, as those of published.py.

    Nothing is chosen by the fold's validation genes: inner folds decide. So each replicate draws its own genes from all that
    are not held out, and those that are not drawn are its validation genes.
    """

    epochs = 1

    def __init__(self, trainees: list[Trainee], data: TrainingData, genes: GrammarGeneInputs, recipe: Recipe):
        (self.trainee,) = trainees
        self.genes, self.names = genes, data.annotation_features
        every = torch.cat([self.trainee.train, self.trainee.validation])
        order = every[torch.randperm(len(every), generator=self.trainee.shuffle)]
        number = min(round(SAMPLED * len(order)), len(order) - 2)  # the variance of predictions needs two
        self.learned, self.left_out = order[:number].sort().values, order[number:].sort().values
        self.network: Grammar = self.trainee.network
        self.target = self.network.expression.apply_to(torch.from_numpy(data.expression).float().to(genes.device))
        self.criterion = nn.MSELoss()

    def train(self) -> list[float]:
        """Fit motifs to what composition and transcript leave, then the smooth part to what motifs leave; the loss of it all."""
        rows, seed = self.learned, self.trainee.job["seed"]
        at = rows.to(self.genes.device)
        target = self.target[at].cpu().numpy().astype(np.float64)
        composition = self.genes.composition.of(at).to(CPU)
        annotation = self.network.scaled_annotation(self.genes.annotation[at]).cpu()
        self.network.cpu()
        smooth, motifs = self.network.smooth, self.network.motifs
        genes = smooth.scale(composition, annotation, self.names)
        if self.network.inputs != "half_life":
            guess = smooth.first_guess(genes, target, seed)
            fit_motif_part(motifs, self.genes.codes[rows].numpy(), target - guess, seed)
            target = target - motifs(self.genes.codes[rows]).numpy()
        smooth.fit(genes, target, seed)
        self.network.to(self.genes.device)
        return [self.criterion(self.genes.predict(self.network, rows), self.target[at]).item()]

    @torch.no_grad()
    def validate(self) -> list[float]:
        """Loss of the genes that were not drawn."""
        predicted = self.genes.predict(self.network, self.left_out)
        self.variance = predicted.var(dim=0).max().item()
        return [self.criterion(predicted, self.target[self.left_out.to(self.genes.device)]).item()]

    def rates(self) -> list[float]:
        """There is no learning rate."""
        return [0.0]

    def adjust(self, losses: list[float]) -> None:
        """There is nothing to adjust."""

    def finish(self) -> None:
        """Nothing is left to do."""

    def variances(self) -> list[float]:
        """How much predictions for the genes that were not drawn vary, in the population where they vary most."""
        return [self.variance]  # the network is that of its only epoch

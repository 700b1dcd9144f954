#!/usr/bin/env python3
"""Does a convolution that is shared by two species predict better than one of its own? P. falciparum and human, five folds.

The published network, trained on one species, and on both: each batch is of one species, the layers that read sequence are
shared, and each species has a head of its own. Reads the results of `make bench-accuracy`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402
from torch import nn  # noqa: E402

from scxpresso.genome.feature_store import Features  # noqa: E402
from scxpresso.metrics import pearson, specificity  # noqa: E402
from scxpresso.networks.forms import gene_inputs  # noqa: E402
from scxpresso.store import read_expression, read_folds  # noqa: E402
from scxpresso.training.data import Recipe, TrainingData, training_data  # noqa: E402
from scxpresso.training.published import plateau  # noqa: E402
from scxpresso.training.train import tune_cpu  # noqa: E402
from scxpresso.training.trainee import Trainee  # noqa: E402

CPU = torch.device("cpu")
FOLDS = [1, 2, 3, 4, 5]  # that are held out
RECIPE = Recipe(network="scxpresso", epochs=30)
ATLASES = {
    "*P. falciparum*, 4 populations": ("accuracy", "pfalciparum_3D7", "malaria"),
    "human, 54 tissues": ("human", "human", "gtex"),
}


class Species:
    """A species in training: its data, and its network while a fold is held out."""

    def __init__(self, data: TrainingData, fold: int):
        self.data = data
        self.genes = gene_inputs(RECIPE.network, RECIPE.inputs, data.codes, data.upstream, data.annotation, CPU, "auto")
        self.trainee = Trainee(data, RECIPE, CPU, fold, 1, 1)
        self.network = self.trainee.network
        self.target = self.network.expression.apply_to(torch.from_numpy(data.expression).float())
        known = np.concatenate([data.splits[fold].train, data.splits[fold].validation])
        self.held_out = np.setdiff1d(np.arange(len(data.codes)), known)

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        """Mean squared error of genes."""
        return nn.functional.mse_loss(self.genes.forward(self.network, rows), self.target[rows])

    def scores(self) -> tuple[float, float]:
        """Mean correlation over genes, and specificity, of the genes that are held out."""
        predicted = self.network.expression.undo(self.genes.predict(self.network, torch.from_numpy(self.held_out)))
        observed = self.data.expression[self.held_out]
        return float(pearson(observed, predicted.numpy()).mean()), specificity(observed, predicted.numpy())


def train(several: Sequence[Species]) -> list[tuple[float, float]]:
    """Train species together, and score each with the weights of its own best epoch."""
    for one in several[1:]:
        one.network.sequence = several[0].network.sequence
    networks = nn.ModuleList(one.network for one in several)
    optimizer = torch.optim.Adam(networks.parameters(), lr=RECIPE.learning_rate)  # shared parameters count once
    schedule = plateau(optimizer, RECIPE)
    shuffle = torch.Generator().manual_seed(1)
    for epoch in range(1, RECIPE.epochs + 1):
        networks.train()
        batches = [(one, rows) for one in several for rows in one.trainee.order().split(RECIPE.batch_size)]
        for number in torch.randperm(len(batches), generator=shuffle).tolist():
            one, rows = batches[number]
            optimizer.zero_grad()
            one.loss(rows).backward()
            optimizer.step()
        networks.eval()
        with torch.no_grad():
            losses = [one.loss(one.trainee.validation).item() for one in several]
        for one, loss in zip(several, losses, strict=True):
            one.trainee.end_epoch(epoch, optimizer.param_groups[0]["lr"], float("nan"), loss)
        schedule.step(float(np.mean(losses)))
    scores = []
    for one in several:
        one.trainee.take_best()  # shared layers are then those of this species' best epoch
        scores.append(one.scores())
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=ROOT / "results", help="of make bench-accuracy")
    results = parser.parse_args().results
    tune_cpu()
    data = []
    for outdir, genome, atlas in ATLASES.values():
        features = Features(results / outdir / "genomes" / genome / "features.h5")
        expression = read_expression(results / outdir / "expression" / atlas / "cell_type.tsv.gz")
        folds = read_folds(results / outdir / "genomes" / genome / "folds.tsv")
        data.append(training_data(features, expression, folds, FOLDS, RECIPE))
    alone, together = [], []
    for fold in FOLDS:
        alone.append([train([Species(one, fold)])[0] for one in data])
        together.append(train([Species(one, fold) for one in data]))
        print(f"fold {fold}: alone {alone[-1]}, together {together[-1]}", flush=True)
    lines = ["| trained on | " + " | ".join(ATLASES) + " |", "|---|---|---|"]
    for name, scores in (("the species itself", alone), ("both species", together)):
        means = np.mean(scores, axis=0)
        lines.append(f"| {name} | " + " | ".join(f"{r:.3f} / {own:.3f}" for r, own in means) + " |")
    write("benchmarks/several_genomes.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What tables of gene features (--gene_features) do to accuracy: tables that tell something, and tables of noise.

Human tissues (GTEx) of `make bench-human`, whose results it reads, with simulated tables of gene features. Their information
is the expression itself: its first principal components, with noise of 1.5 times their standard deviation.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.genome.feature_store import Features  # noqa: E402
from scxpresso.genome.features import mean_and_sd  # noqa: E402
from scxpresso.genome.gene_features import PREFIX  # noqa: E402
from scxpresso.metrics import pearson  # noqa: E402
from scxpresso.networks.forms import gene_inputs  # noqa: E402
from scxpresso.networks.promoter_composition import promoter_composition  # noqa: E402
from scxpresso.networks.scaling import MAX_DEVIATIONS  # noqa: E402
from scxpresso.networks.smooth_part import SmoothPart, principal_components  # noqa: E402
from scxpresso.store import read_expression, read_folds  # noqa: E402
from scxpresso.training.data import Recipe, TrainingData, training_data  # noqa: E402
from scxpresso.training.train import train_folds  # noqa: E402

CPU = torch.device("cpu")
FOLDS = [1, 2, 3]  # that are held out
NOISE = 1.5  # standard deviations


def tables(scores: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Simulate tables (genes × columns) from the scores of genes on principal components of expression."""
    draw = np.random.default_rng(5).standard_normal
    genes = len(scores)
    z = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    yield "none", np.zeros((genes, 0))
    yield "3 columns, a component in each", z[:, :3] + NOISE * draw((genes, 3))
    latent = z[:, :6] + NOISE * draw((genes, 6))
    yield "256 columns, 6 components mixed", latent @ draw((6, 256)) / np.sqrt(6) + draw((genes, 256))
    sparse = draw((genes, 256))
    sparse[:, :5] = z[:, :5] + NOISE * draw((genes, 5))
    yield "256 columns, of which 5 have a component", sparse
    for columns in (256, 1024):
        yield f"{columns:,} columns of noise", draw((genes, columns))


def with_table(data: TrainingData, table: np.ndarray) -> TrainingData:
    """Add a table of gene features to the annotation."""
    names = tuple(f"{PREFIX}{number}" for number in range(table.shape[1]))
    annotation = np.hstack([data.annotation, table.astype(np.float32)])
    return replace(data, annotation=annotation, annotation_features=data.annotation_features + names)


def smooth_part(data: TrainingData) -> float:
    """Fit the smooth part of `grammar` to all genes: mean r of its held-out predictions."""
    mean, sd = mean_and_sd(data.annotation.astype(float))
    scaled = np.nan_to_num((data.annotation - mean) / sd).clip(-MAX_DEVIATIONS, MAX_DEVIATIONS)
    mean, sd = mean_and_sd(data.expression)
    expression = (data.expression - mean) / sd
    composition, annotation = promoter_composition(data.codes, data.upstream), torch.from_numpy(scaled).float()
    part = SmoothPart(len(data.populations))
    predicted = part.fit(part.scale(composition, annotation, data.annotation_features), expression, 1)
    return float(pearson(expression, predicted).mean())


def hybrid(data: TrainingData, fold: np.ndarray) -> float:
    """Train `hybrid` without each of FOLDS: mean r of the genes that are held out."""
    trained = train_folds(data, Recipe(network="hybrid", replicates=1), CPU)
    genes = gene_inputs("hybrid", "both", data.codes, data.upstream, data.annotation, CPU, "auto")
    scores = []
    for number, one in trained.items():
        rows = np.flatnonzero(fold == number)
        network = one.networks[0]
        predicted = network.expression.undo(genes.predict(network, torch.from_numpy(rows))).numpy()
        scores.append(pearson(data.expression[rows], predicted).mean())
    return float(np.mean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=ROOT / "results" / "human", help="of make bench-human")
    results = parser.parse_args().results
    features = Features(results / "genomes" / "human" / "features.h5")
    expression = read_expression(results / "expression" / "gtex" / "cell_type.tsv.gz")
    folds = read_folds(results / "genomes" / "human" / "folds.tsv")
    data = {
        name: training_data(features, expression, folds, FOLDS, Recipe(network=name)) for name in ("grammar", "hybrid")
    }
    fold = folds.reindex(expression.index).to_numpy()
    mean, sd = mean_and_sd(data["grammar"].expression)
    scores = principal_components((data["grammar"].expression - mean) / sd)[1]
    lines = ["| gene features | `grammar` | `hybrid` |", "|---|---|---|"]
    for name, table in tables(scores):
        both = {network: with_table(one, table) for network, one in data.items()}
        numbers = [smooth_part(both["grammar"]), hybrid(both["hybrid"], fold)]
        lines.append(f"| {name} | {' | '.join(f'{number:.3f}' for number in numbers)} |")
        print(lines[-1], flush=True)
    write("benchmarks/gene_features.py", lines)


if __name__ == "__main__":
    main()

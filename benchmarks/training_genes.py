#!/usr/bin/env python3
"""How well networks predict GTEx by the number of genes that they learn from: a quarter, half, three quarters, all.

Trains two replicates of each network on parts of the training genes of each fold. Reads the results of `make bench-human`,
and writes a table of docs/evidence.md.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.genome.feature_store import Features  # noqa: E402
from scxpresso.metrics import pearson, specificity  # noqa: E402
from scxpresso.networks.forms import gene_inputs  # noqa: E402
from scxpresso.networks.registry import NETWORKS  # noqa: E402
from scxpresso.store import read_expression, read_folds  # noqa: E402
from scxpresso.training.data import Recipe, Split, TrainingData, training_data  # noqa: E402
from scxpresso.training.train import train_folds  # noqa: E402

CPU = torch.device("cpu")
SHARES = [0.25, 0.5, 0.75, 1.0]  # of the training genes
REPLICATES = 2
SEED = 1  # of the choice of genes
GOAL = 0.73  # mean correlation


def load(results: Path, network: str) -> TrainingData:
    """Read the genes, with all folds."""
    genome = results / "genomes" / "human"
    folds = read_folds(genome / "folds.tsv")
    expression = read_expression(results / "expression" / "gtex" / "cell_type.tsv.gz")
    recipe = Recipe(network=network)
    return training_data(Features(genome / "features.h5"), expression, folds, sorted(set(folds)), recipe)


def part_of(split: Split, share: float) -> Split:
    """Draw a share of the genes of a fold; a larger share has the genes of a smaller one."""
    drawn = [
        np.sort(np.random.default_rng(SEED).permutation(rows)[: round(share * len(rows))])
        for rows in (split.train, split.validation)
    ]
    return Split(*drawn)


def scores(data: TrainingData, network: str, share: float) -> tuple[float, float, float]:
    """Train on a share of the genes: mean over the folds of the number of these genes, of r and of specificity."""
    splits = {fold: part_of(split, share) for fold, split in data.splits.items()}
    trained = train_folds(replace(data, splits=splits), Recipe(network=network, replicates=REPLICATES), CPU)
    genes = gene_inputs(network, "both", data.codes, data.upstream, data.annotation, CPU, "auto")
    found = []
    for fold, split in data.splits.items():
        known = np.concatenate([split.train, split.validation])
        held_out = np.setdiff1d(np.arange(len(data.codes)), known)
        outputs = [
            one.expression.undo(genes.predict(one, torch.from_numpy(held_out))) for one in trained[fold].networks
        ]
        predicted, observed = torch.stack(outputs).mean(dim=0).numpy(), data.expression[held_out]
        learned = len(splits[fold].train) + len(splits[fold].validation)
        found.append((learned, pearson(observed, predicted).mean(), specificity(observed, predicted)))
    number, r, own = np.mean(found, axis=0)
    return float(number), float(r), float(own)


def genes_needed(genes: list[float], r: list[float]) -> float:
    """Extrapolate the number of genes for GOAL, if each doubling gains as much as that from half of the genes to all."""
    half = SHARES.index(0.5)
    return genes[-1] * 2 ** ((GOAL - r[-1]) / (r[-1] - r[half]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=ROOT / "results" / "human", help="of make bench-human")
    results = parser.parse_args().results
    lines: list[str] = []
    for network in NETWORKS:
        data = load(results, network)
        genes, r, own = zip(*(scores(data, network, share) for share in SHARES), strict=True)
        if not lines:
            lines = [
                f"| training genes | {' | '.join(f'{number:.0f}' for number in genes)} |",
                "|---" * (1 + len(SHARES)) + "|",
            ]
        cells = [f"{mean:.3f} / {specific:.3f}" for mean, specific in zip(r, own, strict=True)]
        lines.append(f"| `{network}` | {' | '.join(cells)} |")
        if network == "grammar":
            needed = genes_needed(list(genes), list(r))
            lines += ["", f"If the gain of a doubling lasts, `grammar` reaches r = {GOAL} with {needed:,.0f} genes."]
    write("benchmarks/training_genes.py", lines)


if __name__ == "__main__":
    main()

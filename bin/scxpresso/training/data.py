"""Inputs of training: the recipe's settings, the genes as arrays, and training and validation genes (paper 2.2)."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scxpresso.genome.extended import XPRESSO_GC
from scxpresso.genome.feature_store import Features
from scxpresso.networks.registry import NETWORKS
from scxpresso.problems import InputError, Problem
from scxpresso.store import fold_of


@dataclass(frozen=True)
class Recipe:
    """How to train. Learning rate and dropout have no unit; the plateau is counted in epochs.

    name: of the recipe, '' for the network's. annotation_features: `half_life`, the five; `extended`, all sets that the
    network reads and features.h5 has; or `xpresso`, the five and the GC content of three regions. To each of them are added
    gene features of the user, where the network reads them and features.h5 has them. tasks: `multi`, one
    network for all populations, or `single`, one per population (paper, Figure S5). A network may bring its own epochs,
    batch size and rates (NetworkEntry.options).
    """

    name: str = ""
    network: str = "scxpresso"
    inputs: str = "both"
    annotation_features: str = "extended"
    tasks: str = "multi"
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
    """Training and validation genes while a fold is held out: sorted row numbers."""

    train: np.ndarray
    validation: np.ndarray


@dataclass
class TrainingData:
    """Genes of a level as arrays: codes (genes × window), annotation (genes × features), expression (genes × populations).

    upstream: bases of the codes before the TSS. annotation_features: names of the annotation's columns; half-life features
    are log10(x + 0.1). splits: one for each fold that is trained. populations: names of the columns of expression. task: 0
    for multi-task data; in single-task data, the number of the population, from 1.
    """

    codes: np.ndarray
    upstream: int
    annotation: np.ndarray
    annotation_features: tuple[str, ...]
    expression: np.ndarray
    splits: dict[int, Split]
    populations: tuple[str, ...]
    task: int = 0

    def single_tasks(self) -> "list[TrainingData]":
        """Split the data into one single-task dataset per population."""
        return [
            replace(self, expression=self.expression[:, [column]], populations=(population,), task=column + 1)
            for column, population in enumerate(self.populations)
        ]


def training_data(
    features: Features, expression: pd.DataFrame, folds: pd.Series, held_out: list[int], recipe: Recipe
) -> TrainingData:
    """Build arrays of the genes that have expression and, for each held-out fold, its training and validation genes.

    There are 1,000 validation genes, or a tenth of the genes that are not held out if that is fewer. They come first in a
    shuffled order of all genes of the genome, so that models of two atlases validate on the same genes. Raises InputError
    if a fold leaves too few genes to train on, or holds out none, and for genes without a fold.
    """
    rows = features.rows(expression.index)
    sets = NETWORKS[recipe.network].annotation
    if recipe.annotation_features != "extended":
        sets = tuple(one for one in sets if one in ("half_life", "gene_features"))
    names = features.annotation_features(sets)
    if recipe.annotation_features == "xpresso":
        names += tuple(XPRESSO_GC)
    return TrainingData(
        codes=features.codes[rows],
        upstream=features.upstream,
        annotation=features.annotation(rows, names),
        annotation_features=names,
        expression=expression.to_numpy(dtype=np.float64),
        splits={fold: split(expression.index, folds, fold, recipe) for fold in held_out},
        populations=tuple(expression.columns),
    )


def split(genes: pd.Index, folds: pd.Series, fold: int, recipe: Recipe) -> Split:
    """Choose training and validation genes while a fold is held out; see training_data."""
    shuffled = np.random.default_rng([recipe.seed, fold]).permutation(np.sort(folds.index.to_numpy(dtype=str)))
    rank = pd.Series(np.arange(len(shuffled)), index=shuffled)
    rest = np.flatnonzero(fold_of(folds, genes) != fold)
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

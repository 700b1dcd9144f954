"""From the networks of all folds to one model: out-of-fold predictions of every gene (paper 2.6)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso import __version__
from scxpresso.genome.feature_store import Features
from scxpresso.intervals import Intervals
from scxpresso.metrics import pearson
from scxpresso.networks.description import ModelDescription
from scxpresso.networks.prediction import predict
from scxpresso.networks.weights import load_network
from scxpresso.problems import InputError, Problem
from scxpresso.store import last_attempts, read_history


@dataclass
class TrainedFold:
    """A trained fold: its number, its folder, the files of its replicates, and those that the ensemble uses."""

    fold: int
    folder: str
    files: list[Path]
    used: list[Path]


def read_fold_dirs(folders: list[Path], ensemble: str) -> list[TrainedFold]:
    """Read the folds, in order. ensemble: `mean` uses all replicates, `best` the one with the lowest validation loss.

    The loss of single-task networks is the mean over the populations, as for a multi-task network.
    """
    trained = []
    for folder in folders:
        history = read_history(folder / "history.tsv")
        best = last_attempts(history).groupby(["replicate", "population"])["validation_loss"].min()
        loss = best.groupby("replicate").mean()
        files = [folder / f"replicate_{replicate}.safetensors" for replicate in loss.index]
        used = files if ensemble == "mean" else [files[int(np.argmin(loss))]]
        trained.append(TrainedFold(int(history["fold"].iloc[0]), folder.name, files, used))
    return sorted(trained, key=lambda part: part.fold)


def predict_held_out(
    trained: list[TrainedFold], features: Features, observed: pd.DataFrame, fold: np.ndarray
) -> np.ndarray:
    """Predict every gene by the networks for which it was held out: replicates × genes × populations, log10."""
    rows = features.rows(observed.index)
    missing = set(np.unique(fold).tolist()) - {part.fold for part in trained}
    if missing:
        raise InputError(Problem("the folds' folders", f"none of fold {sorted(missing)}", "one folder per fold"))
    numbers = {len(part.used) for part in trained}
    if len(numbers) > 1:
        raise InputError(Problem("the folds' folders", f"{sorted(numbers)} replicates", "as many of each fold"))
    outputs = np.empty((len(trained[0].used), *observed.shape))
    for part in trained:
        held_out = fold == part.fold
        networks = [load_network(path) for path in part.used]
        mine = rows[held_out]
        annotation = features.annotation(mine, networks[0][1].annotation_features)
        outputs[:, held_out] = predict(networks, features.codes[mine], annotation)
    return outputs


def describe_model(
    trained: list[TrainedFold],
    observed: pd.DataFrame,
    outputs: np.ndarray,
    fold: pd.Series,
    parents: pd.Series,
    targets: list[str],
    **names: str,
) -> ModelDescription:
    """Describe a model: together with the weights, everything needed to use it elsewhere.

    observed: genes × populations. outputs: replicates × genes × populations, out-of-fold. fold: fold of each gene of the
    genome. parents: parent of each population. targets: what the networks predict, the mean first. names: atlas, level,
    recipe, genome and ensemble; an empty recipe means that of the weights. The scalings of expression and annotation features
    are in each weight file.
    """
    predicted = outputs.mean(axis=0)
    over_populations = pearson(observed.to_numpy().T, predicted.T)
    metadata = load_network(trained[0].files[0])[1]
    recipe = names.pop("recipe") or metadata.recipe or metadata.network
    return ModelDescription(
        code_version=__version__,
        **names,
        recipe=recipe,
        network=metadata.network,
        inputs=metadata.inputs,
        tasks=metadata.tasks,
        targets=targets,
        upstream=metadata.upstream,
        downstream=metadata.downstream,
        populations=list(observed.columns),
        annotation_features=list(metadata.annotation_features),
        parents={population: parents[population] for population in observed.columns},
        folds={
            str(part.fold): {
                "replicates": [f"{part.folder}/{path.name}" for path in part.files],
                "used": [f"{part.folder}/{path.name}" for path in part.used],
            }
            for part in trained
        },
        fold_of_gene={gene: int(number) for gene, number in fold.items()},
        gene_pearson={
            gene: None if np.isnan(value) else round(float(value), 4)
            for gene, value in zip(observed.index, over_populations, strict=True)
        },
        intervals=Intervals.fit(observed.to_numpy(), predicted, outputs.std(axis=0)).content(),
    )

"""Expression of new sequences: promoter windows in a FASTA, or the genes of another assembly."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.genome.promoter_windows import read_windows
from scxpresso.identifiers import match_ids
from scxpresso.intervals import INTERVAL_COLUMNS
from scxpresso.networks.model import Model
from scxpresso.networks.prediction import predict
from scxpresso.problems import InputError, Problem

COLUMNS = ["sequence", "fold", "population", "predicted", "sd", *INTERVAL_COLUMNS, "annotation"]


@dataclass
class Sequences:
    """Windows to predict. names: one per window. codes: windows × bases (uint8). annotation: windows × the model's features.

    Unknown annotation features are NaN, and are read as the mean of the training genes.
    """

    names: list[str]
    codes: np.ndarray
    annotation: np.ndarray

    @classmethod
    def of_genes(cls, features: Features, model: Model) -> "Sequences":
        """Use the genes of a features.h5. Raises InputError if its window is not that of the model."""
        model.check_window(features.upstream, features.downstream)
        rows = np.arange(len(features.gene_id))
        annotation = features.annotation(rows, model.annotation_features)
        return cls(list(features.gene_id), features.codes, annotation)

    @classmethod
    def of_windows(
        cls, fasta: str, features: Features | None, model: Model, bases: tuple[int, int] | None = None
    ) -> "Sequences":
        """Read the records of a FASTA, each a window on the gene's own strand, and cut them to the model's window.

        bases: bases of each record upstream and downstream of the TSS; by default those of the model's window. A record named
        after a gene of `features`, by its id in any version, has the annotation features of that gene.

        Raises InputError for records that read_windows refuses, and if they are shorter than the model's window.
        """
        upstream, downstream = bases or (model.upstream, model.downstream)
        if upstream < model.upstream or downstream < model.downstream:
            found = f"windows of {upstream:,} bases upstream and {downstream:,} downstream of the TSS"
            expected = f"at least {model.upstream:,} and {model.downstream:,}, as the model {model.name} reads"
            raise InputError(Problem(fasta, found, expected))
        cut = slice(upstream - model.upstream, upstream + model.downstream)
        windows = {name: codes[cut] for name, codes in read_windows(fasta, upstream, downstream)}
        annotation = np.full((len(windows), len(model.annotation_features)), np.nan, dtype=np.float32)
        # By the id in any version, as the model finds the fold of a gene.
        gene_of = match_ids(windows, features.gene_id) if features else {}
        if features and gene_of:
            mine = [row for row, name in enumerate(windows) if name in gene_of]
            rows = features.rows(list(gene_of.values()))
            annotation[mine] = features.annotation(rows, model.annotation_features)
        return cls(list(windows), np.stack(list(windows.values())), annotation)


def predict_sequences(model: Model, sequences: Sequences, device: torch.device) -> pd.DataFrame:
    """Predict sequences: COLUMNS, one row per sequence and population. Mean and standard deviation are over the networks.

    A sequence named after a gene of the model is predicted by the networks for which this gene was held out. Any other
    sequence is predicted by the networks of all folds, and its fold is empty. annotation: `own`, or `mean` if its features
    are not known. Intervals are those of held-out genes, from the standard deviation of replicates, of which networks of
    several folds have the mean over folds; there are none by a model of version 0.1.
    """
    folds = [model.fold_of(name) for name in sequences.names]
    shape = (len(folds), len(model.populations))
    predicted, sd, of_replicates = np.empty(shape), np.empty(shape), np.empty(shape)
    for fold in dict.fromkeys(folds):
        rows = np.array([row for row, mine in enumerate(folds) if mine == fold])
        outputs = predict(model.networks(fold), sequences.codes[rows], sequences.annotation[rows], device)
        predicted[rows], sd[rows] = outputs.mean(axis=0), outputs.std(axis=0)
        by_fold = np.split(outputs, np.cumsum(model.numbers_of_networks(fold))[:-1])
        of_replicates[rows] = np.mean([part.std(axis=0) for part in by_fold], axis=0)
    unknown = np.full((len(INTERVAL_COLUMNS), *shape), np.nan)
    bounds = model.intervals.bounds(predicted, of_replicates) if model.intervals else unknown
    known = ~np.isnan(sequences.annotation).all(axis=1)
    populations = len(model.populations)
    columns = [
        np.repeat(sequences.names, populations),
        np.repeat(["" if fold is None else str(fold) for fold in folds], populations),
        np.tile(model.populations, len(folds)),
        predicted.ravel(),
        sd.ravel(),
        *(bound.ravel() for bound in bounds),
        np.repeat(np.where(known, "own", "mean"), populations),
    ]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

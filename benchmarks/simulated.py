"""Simulated genes, to measure training."""

from collections.abc import Sequence

import numpy as np

from scxpresso.genome.annotation import HALF_LIFE
from scxpresso.training.data import Split, TrainingData


def random_genes(
    genes: int, populations: int, window: int, splits: dict[int, Split], features: Sequence[str] = HALF_LIFE
) -> TrainingData:
    """Draw random codes, annotation features and expression; two thirds of the window are upstream, as in the paper."""
    rng = np.random.default_rng(1)
    return TrainingData(
        codes=rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=(genes, window)),
        upstream=window * 2 // 3,
        annotation=rng.normal(size=(genes, len(features))).astype(np.float32),
        annotation_features=tuple(features),
        expression=rng.normal(size=(genes, populations)),
        splits=splits,
        populations=tuple(map(str, range(populations))),
    )


def last_tenth_validates(genes: int) -> dict[int, Split]:
    """Make one fold: nine tenths of the genes for training, one tenth for validation."""
    train = genes - genes // 10
    return {1: Split(train=np.arange(train), validation=np.arange(train, genes))}

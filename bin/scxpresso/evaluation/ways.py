"""Which populations a model predicts, and how well it does in every fold (paper 2.6, 3.2, 3.3)."""

from collections.abc import Iterator, Sequence

import numpy as np

from scxpresso.evaluation.levels import Level, bulk_of_tissue, same_populations
from scxpresso.evaluation.predictions import Predictions
from scxpresso.metrics import pearson, spearman

MODEL = ["model_atlas", "model_level", "recipe"]  # what names a model or baseline in PAIR_COLUMNS
PAIR_COLUMNS = [*MODEL, "network", "model_population", "target_atlas", "target_level", "target_population"]
POPULATION_SCORE_COLUMNS = [*PAIR_COLUMNS, "fold", "n_genes", "pearson", "spearman"]


def targets(model: Predictions, levels: Sequence[Level]) -> Iterator[tuple[str, Level, str]]:
    """Yield the populations that a model predicts: (model population, target level, target population).

    Its own populations; the other populations of its level; finer populations of its atlas, by their ancestor; the same
    populations of another atlas of the genome; and, from bulk, every population of the tissue's single-cell atlases.
    """
    level = model.level
    own = level.labels
    yield from ((population, level, target) for population in own for target in own)
    for other in levels:
        if other is level or other.genome != level.genome:
            continue
        if other.atlas == level.atlas:
            finer = ((ancestor(other, target, level, levels), target) for target in other.labels)
            yield from ((population, other, target) for population, target in finer if population)
        elif bulk_of_tissue(level, other):
            yield from ((population, other, target) for population in own for target in other.labels)
        else:
            yield from ((population, other, target) for population, target in same_populations(level, other))


def ancestor(fine: Level, population: str, coarse: Level, levels: Sequence[Level]) -> str | None:
    """Find the population of a coarser level of the atlas that holds a population, by its chain of parents."""
    chain = [level for level in levels if level.atlas == fine.atlas]
    position, goal = chain.index(fine), chain.index(coarse)
    if goal >= position:
        return None
    while position > goal and population:
        population = chain[position].parents.get(population, "")
        position -= 1
    return population or None


def population_rows(model: Predictions, levels: Sequence[Level]) -> Iterator[dict]:
    """Yield rows of populations.tsv of a model; baselines predict only their own populations."""
    pairs = [
        pair
        for pair in targets(model, levels)
        if not model.is_baseline or (pair[0] == pair[2] and pair[1] is model.level)
    ]
    for target_level in levels:
        predicts = [(population, target) for population, level, target in pairs if level is target_level]
        if not predicts:
            continue
        genes = model.predicted.index.intersection(target_level.observed.index)
        predicted = model.predicted.loc[genes, [population for population, _ in predicts]].to_numpy()
        observed = target_level.observed.loc[genes, [target for _, target in predicts]].to_numpy()
        fold = model.fold.loc[genes].to_numpy()
        for number in np.unique(fold):
            test = fold == number
            r, rho = pearson(observed[test], predicted[test]), spearman(observed[test], predicted[test])
            for column, (population, target) in enumerate(predicts):
                yield {
                    "model_atlas": model.level.atlas,
                    "model_level": model.level.level,
                    "recipe": model.recipe,
                    "network": model.network,
                    "model_population": population,
                    "target_atlas": target_level.atlas,
                    "target_level": target_level.level,
                    "target_population": target,
                    "fold": number,
                    "n_genes": int(test.sum()),
                    "pearson": r[column],
                    "spearman": rho[column],
                }

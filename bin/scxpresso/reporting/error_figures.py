"""Data of the figures on errors: by traits of genes and populations, against replicates' s.d., and near training genes."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from scxpresso.reporting.data import Matrices, MeasuredLevel, Run
from scxpresso.reporting.figures import significant
from scxpresso.reporting.gene_traits import GeneTraits, nearest_similarity

BINS = 10  # of about as many genes each
MAX_COMPARED = 4000  # genes whose nearest gene is searched; more would take minutes
SEED = 20240306  # the same genes are compared whenever a report is made

AverageOf = Callable[[pd.Series], list[float]]


def error_plots(run: Run) -> list[dict]:
    """Build for each level: mean |error| of each recipe in bins of genes, by trait, and of each population."""
    plots, traits = [], traits_of(run)
    for level in run.levels:
        known = known_matrices(level)
        if not known:
            continue
        observed = next(iter(known.values())).observed
        errors = {level.label(recipe): (one.predicted - one.observed).abs() for recipe, one in known.items()}
        by_gene = {recipe: error.mean(axis=1) for recipe, error in errors.items()}
        plots.append(
            {
                "name": level.name,
                "populations": level.labels,
                "traits": [
                    *gene_traits(observed, traits[level.genome], by_gene),
                    by_population(level, errors),
                ],
            }
        )
    return plots


def known_matrices(level: MeasuredLevel) -> dict[str, Matrices]:
    """Return the predictions of each recipe that has any, baselines and their mean included."""
    return {recipe: one for recipe in level.recipes if (one := level.matrices(recipe))}


def traits_of(run: Run) -> dict[str, GeneTraits]:
    """Open the traits of the genes of each genome of the levels."""
    return {genome: GeneTraits(run, genome) for genome in {level.genome for level in run.levels}}


def gene_traits(observed: pd.DataFrame, traits: GeneTraits, by_gene: dict[str, pd.Series]) -> list[dict]:
    """Average errors in bins of genes, for each trait that is known."""
    numbers = [
        ("expression", "mean observed expression, log10", False, observed.mean(axis=1)),
        ("gene length", "length of the transcript with introns, bases", True, traits.length()),
        ("GC content of the promoter", "GC content, −1,000 to +499", False, traits.gc_content()),
    ]
    found = [
        {"trait": trait, "axis": title, "log": log, **binned_errors(values, by_gene)}
        for trait, title, log, values in numbers
        if values is not None
    ]
    if (island := traits.has_island()) is not None:
        labels = island.map({True: "CpG island", False: "no CpG island"})
        found.append({"trait": "CpG island in the promoter", "axis": "", "log": False, **grouped(labels, by_gene)})
    return found


def binned_errors(values: pd.Series, by_gene: dict[str, pd.Series]) -> dict:
    """Average errors in bins of genes sorted by a trait: x is the median of the trait in each bin."""
    values = values.reindex(next(iter(by_gene.values())).index).dropna()
    if values.empty:
        return {"x": [], "labels": None, "n": [], "recipes": []}
    bins = bins_of(values)
    return {
        "x": significant(values.groupby(bins).median()),
        "labels": None,
        **in_groups(bins, by_gene),
    }


def bins_of(values: pd.Series) -> pd.Series:
    """Number the bins of values, at most BINS of about the same size; a constant has one."""
    return pd.qcut(values, BINS, labels=False, duplicates="drop").fillna(0)


def grouped(labels: pd.Series, by_gene: dict[str, pd.Series]) -> dict:
    """Average errors of genes with the same label."""
    labels = labels.reindex(next(iter(by_gene.values())).index).dropna()
    names = sorted(labels.unique())
    return {"x": list(range(len(names))), "labels": names, **in_groups(labels, by_gene)}


def in_groups(group: pd.Series, by_gene: dict[str, pd.Series]) -> dict:
    """Average the errors of each recipe in groups of genes, in the order of the groups; n counts their genes."""
    return {
        "n": [int(number) for number in group.groupby(group).size()],
        "recipes": [
            {"recipe": recipe, "error": significant(error.groupby(group).mean())} for recipe, error in by_gene.items()
        ],
    }


def by_population(level: MeasuredLevel, errors: dict[str, pd.DataFrame]) -> dict:
    """Average the errors of each population over genes, by its number of cells."""
    table = level.populations.sort_values("cells", kind="stable")
    labels = list(table["population"])
    return {
        "trait": "cells of the population",
        "axis": "cells",
        "log": True,
        "x": [float(cells) for cells in table["cells"]],
        "labels": labels,
        "n": [int(number) for number in next(iter(errors.values()))[labels].notna().sum()],
        "recipes": [{"recipe": recipe, "error": significant(error[labels].mean())} for recipe, error in errors.items()],
    }


def calibration_plots(run: Run) -> list[dict]:
    """Build for each model with replicates: root mean squared error in bins of predictions sorted by their s.d."""
    plots = []
    for level in run.levels:
        for recipe in level.trained:
            one = level.matrices(recipe)
            if one is None or not (one.sd.to_numpy() > 0).any():
                continue
            sd = pd.Series(one.sd.to_numpy().ravel())
            error = pd.Series((one.predicted - one.observed).to_numpy().ravel())
            keep = sd.notna() & error.notna()
            sd, error = sd[keep], error[keep]
            bins = bins_of(sd)
            plots.append(
                {
                    "name": level.model_name(recipe),
                    "populations": level.labels,
                    "recipe": level.label(recipe),
                    "sd": significant(sd.groupby(bins).mean()),
                    "error": significant(np.sqrt((error**2).groupby(bins).mean())),
                    "n": [int(number) for number in sd.groupby(bins).size()],
                    "rank_correlation": sd.corr(error.abs(), method="spearman") if sd.nunique() > 1 else np.nan,
                    "within": [float((error.abs() <= times * sd).mean()) for times in (1, 2)],
                }
            )
    return plots


def leakage_plots(run: Run) -> list[dict]:
    """Build for each level: mean |error| of each recipe in bins of genes sorted by similarity to a training gene.

    Recipes are grouped by their folds, which decide what a training gene is.
    """
    plots, traits = [], traits_of(run)
    measured: dict[tuple, tuple[pd.Series, int] | None] = {}  # levels of an atlas have the same genes and folds
    for level in run.levels:
        groups: dict[tuple, dict[str, Matrices]] = {}
        for recipe, one in known_matrices(level).items():
            key = (level.genome, tuple(one.fold.index), tuple(one.fold))
            groups.setdefault(key, {})[recipe] = one
        for key, same_folds in groups.items():
            if key not in measured:
                measured[key] = near_training(next(iter(same_folds.values())), traits[level.genome])
            if (found := measured[key]) is not None:
                plots.append(leakage_plot(level, same_folds, *found, alone=len(groups) == 1))
    return plots


def leakage_plot(
    level: MeasuredLevel, same_folds: dict[str, Matrices], similarity: pd.Series, total: int, alone: bool
) -> dict:
    """Average errors of recipes with the same folds; `alone`: no recipe of the level has others."""
    by_gene = {
        level.label(recipe): (one.predicted - one.observed).abs().mean(axis=1)[similarity.index]
        for recipe, one in same_folds.items()
    }
    return {
        "name": level.name if alone else f"{level.name} · {', '.join(by_gene)}",
        "populations": level.labels,
        "compared": len(similarity),
        "total": total,
        **binned_errors(similarity, by_gene),
    }


def near_training(matrices: Matrices, traits: GeneTraits) -> tuple[pd.Series, int] | None:
    """Measure the similarity of genes to the nearest gene of another fold; None without promoters or with one fold.

    Returns the similarities of at most MAX_COMPARED random genes, and the number of all genes.
    """
    if matrices.fold.nunique() < 2 or (found := traits.words()) is None:
        return None
    genes, words = found
    rows = genes.get_indexer(matrices.fold.index)
    known = np.flatnonzero(rows >= 0)
    if not len(known):
        return None
    asked = np.sort(np.random.default_rng(SEED).permutation(len(known))[:MAX_COMPARED])
    fold = matrices.fold.iloc[known]
    similarity = nearest_similarity(words[rows[known]], fold.to_numpy(), asked)
    return pd.Series(similarity, index=fold.index[asked]), len(known)

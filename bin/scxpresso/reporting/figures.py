"""Data of the figures on training and held-out performance."""

from collections.abc import Iterable

import pandas as pd

from scxpresso.reporting.data import MeasuredLevel, Run, own, rows
from scxpresso.store import NETWORK_OF_MODEL


def training_plots(views: list[dict]) -> list[dict]:
    """Build learning curves: for each model, the losses of its networks, and the epochs whose weights were kept.

    Networks that are trained in one step have no curve.
    """
    return [
        {
            "name": view["name"],
            "runs": [learning_curve(*run) for run in view["history"].groupby(NETWORK_OF_MODEL, sort=False)],
        }
        for view in views
        if view["epochs"] > 1
    ]


def learning_curve(key: tuple, history: pd.DataFrame) -> dict:
    """Build the learning curve of one network, to four digits. key: the values of NETWORK_OF_MODEL."""
    fold, replicate, population = key
    return {
        "fold": int(fold),
        "replicate": int(replicate),
        "population": population,
        "epoch": [int(epoch) for epoch in history["epoch"]],
        "train": significant(history["train_loss"]),
        "validation": significant(history["validation_loss"]),
        "kept": [int(epoch) for epoch in history.loc[history["best"] == 1, "epoch"]],
    }


def performance_plots(run: Run) -> list[dict]:
    """Build for each level: populations, noise ceilings, and Pearson of each recipe by population and fold."""
    plots = []
    for level in run.levels:
        mine = own(rows(run.scores, **level.target), "model")
        folds = fold_order(mine)
        tables = {level.label(recipe): rows(mine, recipe=recipe) for recipe in level.scored}
        recipes = pearsons("recipe", tables, level, folds)
        if recipes:
            plots.append(
                {
                    "name": level.name,
                    **level.key,
                    "populations": level.labels,
                    "folds": folds,
                    "ceilings": significant(level.populations["noise_ceiling"]),
                    "cells": list(level.populations["cells"]),
                    "genes_detected": list(level.populations["genes_detected"]),
                    "recipes": recipes,
                }
            )
    return plots


def coarse_plots(run: Run) -> list[dict]:
    """Build for each level and recipe: its populations predicted by its own and by coarser levels' models (Fig. 4B)."""
    plots = []
    for level in run.levels:
        mine = rows(run.scores, **level.target, model_atlas=level.atlas)
        folds = fold_order(mine)
        order = [other.level for other in run.levels if other.atlas == level.atlas][::-1]
        for recipe in level.trained:
            scores = rows(mine, recipe=recipe)
            tables = {name: level_scores(rows(scores, model_level=name), level) for name in order}
            models = pearsons("level", tables, level, folds)
            if len(models) > 1:
                plots.append(
                    {
                        "name": level.model_name(recipe),
                        "level": level.name,
                        "populations": level.labels,
                        "folds": folds,
                        "models": models,
                        "comparisons": coarse_comparisons(run, level, recipe),
                    }
                )
    return plots


def level_scores(scores: pd.DataFrame, target: MeasuredLevel) -> pd.DataFrame:
    """Select the predictions of each population of `target` by models of one level: by itself, or by its parent."""
    return scores[(scores["model_level"] != target.level) | (scores["model_population"] == scores["target_population"])]


def coarse_comparisons(run: Run, level: MeasuredLevel, recipe: str) -> list[dict]:
    """Select the tests of a level's model against those of other levels, on its populations."""
    same = {"model_atlas": level.atlas, "other_atlas": level.atlas, "recipe": recipe, "other_recipe": recipe}
    table = rows(run.comparisons, **level.target, **same)
    table = table[table["kind"].isin(["level", "ancestor"])]
    what = ["target_population", "model_level", "other_level"]
    return table[[*what, "median_pearson", "other_median_pearson", "delta", "p_value"]].to_dict("records")


def transfer_plots(run: Run) -> list[dict]:
    """Build for each level and recipe: median Pearson of every model population on every target population (Fig. 3)."""
    plots = []
    for level in run.levels:
        mine = rows(run.scores, **level.target)
        mine = mine[(mine["model_atlas"] != level.atlas) | (mine["model_level"] == level.level)]
        for recipe in level.trained:
            table = rows(mine, recipe=recipe)
            if len(own(table, "model")) < len(table):
                plots.append(
                    {
                        "name": level.model_name(recipe),
                        "level": level.name,
                        "populations": level.labels,
                        **transfer_matrix(table, level),
                    }
                )
    return plots


def transfer_matrix(scores: pd.DataFrame, level: MeasuredLevel) -> dict:
    """Compute medians over folds: one row per target population, one column per model, own populations first."""
    model = ["model_atlas", "model_level", "model_population"]
    wide = scores.pivot_table(index="target_population", columns=model, values="pearson", aggfunc="median")
    own = [(level.atlas, level.level, label) for label in level.labels]
    others = [key for key in wide.columns if key[0] != level.atlas]
    wide = wide.reindex(index=level.labels, columns=pd.MultiIndex.from_tuples(own + others, names=model))
    return {
        "models": [label for *_, label in own] + [f"{label} ({atlas} · {name})" for atlas, name, label in others],
        "median": [significant(row, 3) for row in wide.to_numpy()],
    }


def fold_order(scores: pd.DataFrame) -> list[int]:
    """List the folds of a table."""
    return [int(fold) for fold in sorted(scores["fold"].unique())]


def pearsons(what: str, tables: dict[str, pd.DataFrame], level: MeasuredLevel, folds: list) -> list[dict]:
    """Return for each table with rows its name (under the key `what`) and Pearson: target populations × folds."""
    found = []
    for name, table in tables.items():
        if len(table):
            wide = table.pivot_table(index="target_population", columns="fold", values="pearson", aggfunc="first")
            wide = wide.reindex(index=level.labels, columns=folds).to_numpy(dtype=float)
            found.append({what: name, "pearson": [significant(row) for row in wide]})
    return found


def significant(values: Iterable[float], digits: int = 4) -> list[float]:
    """Round values to `digits` significant digits: enough for a plot, in fewer bytes."""
    return [float(f"{value:.{digits}g}") for value in values]

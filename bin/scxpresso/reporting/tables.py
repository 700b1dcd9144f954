"""Tables that the template prints: genomes, atlases, training and scores."""

from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.console import NOTE
from scxpresso.problems import preview
from scxpresso.reporting.data import (
    SIGNIFICANT,
    Run,
    ceiling,
    demand,
    demand_file,
    difference,
    file_of,
    label,
    load,
    load_if,
    metric,
    rows,
)
from scxpresso.store import HISTORY_COLUMNS, NETWORK_OF_MODEL, last_attempts, read_history
from scxpresso.text import span

# Columns that the report reads; the tables may have more.
GENOME_GENES = ["gene_id", "gene_name", "padded_bases"]
FOLDS = ["gene_id", "fold"]
DROPPED_GENES = ["gene", "reason"]
DROPPED_POPULATIONS = ["level", "population", "cells", "reason"]


def genome_view(run: Run, entry: dict) -> dict:
    """Summarise one genome: genes kept and dropped, windows padded, folds."""
    genes = load(run.folder / entry["genes"], GENOME_GENES)
    sizes = load_if(file_of(run, entry, "folds"), FOLDS)["fold"].value_counts()
    dropped = load(run.folder / entry["dropped"], DROPPED_GENES)
    return {
        "genome": entry["genome"],
        "kept": len(genes),
        "dropped": len(dropped),
        "reasons": reasons(dropped),
        "padded": int((genes["padded_bases"] > 0).sum()),
        "padded_bases": genes["padded_bases"].sum(),
        "folds": len(sizes),
        "fold_sizes": span(sizes, "gene") if len(sizes) else None,
        "names": dict(zip(genes["gene_id"], genes["gene_name"], strict=True)),
    }


def atlas_view(run: Run, entry: dict) -> dict:
    """Summarise one atlas: its populations, and those excluded, with the reason."""
    folder = run.folder / entry["path"]
    excluded = load(folder / "dropped_populations.tsv", DROPPED_POPULATIONS)
    dropped = load(folder / "dropped_genes.tsv", DROPPED_GENES)
    levels = [
        {
            "level": level.level,
            "populations": level.populations.to_dict("records"),
            "most": level.populations["cells"].max(),
        }
        for level in run.levels
        if level.atlas == entry["atlas"]
    ]
    return {
        "atlas": entry["atlas"],
        "genome": entry["genome"],
        "protocol": entry["protocol"],
        "levels": levels,
        "has_parents": any(row["parent"] for level in levels for row in level["populations"]),
        "has_donors": any("donors" in row for level in levels for row in level["populations"]),
        "populations": sum(len(level["populations"]) for level in levels),
        "excluded": excluded.to_dict("records"),
        "dropped": len(dropped),
        "reasons": reasons(dropped),
    }


def warnings_view(run: Run) -> list[dict]:
    """Collect what tasks logged: kind (warning or note), process, message, the tasks that logged it, and their number."""
    tasks_of: dict[tuple[str, str], list[str]] = {}
    for entry in run.manifest["warnings"]:
        for file in entry["warnings"]:
            demand_file(run.folder / file)
            for line in (run.folder / file).read_text(encoding="utf-8").splitlines():
                tasks_of.setdefault((entry["process"], line), []).append(entry["task"])
    return [
        {
            "kind": "Note" if line.startswith(NOTE) else "Warning",
            "process": process,
            "message": line.removeprefix(NOTE),
            "tasks": preview(list(dict.fromkeys(tasks))),
            "count": len(tasks),
        }
        for (process, line), tasks in sorted(tasks_of.items())
    ]


def reasons(table: pd.DataFrame) -> list[dict]:
    """Count dropped genes by reason, the most frequent first: [{reason, n, share}]; share is relative to the first."""
    counts = table["reason"].value_counts()
    return [{"reason": reason, "n": n, "share": n / counts.iloc[0]} for reason, n in counts.items()]


def load_history(path: str | Path) -> pd.DataFrame:
    """Load a history.tsv. Raises InputError if the file or a column is missing."""
    demand_file(path)
    history = read_history(path)
    demand(path, "column", HISTORY_COLUMNS, history.columns)
    return history


def training_view(run: Run) -> list[dict]:
    """Summarise the training of each model: convergence of its networks, and networks that collapsed."""
    views = []
    for level in run.levels:
        for recipe, paths in level.histories.items():
            tables = [load_history(path) for path in paths]
            history = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
            if history.empty:
                continue
            history = last_attempts(history)
            kept = history[history["best"] == 1]
            runs = history.groupby(NETWORK_OF_MODEL, sort=False)["epoch"]
            ends = runs.transform("max")
            retrained = kept[kept["attempt"] > 1].drop_duplicates(NETWORK_OF_MODEL)
            constant = kept[kept["collapsed"] == 1].drop_duplicates(NETWORK_OF_MODEL)
            views.append(
                {
                    "name": level.model_name(recipe),
                    "runs": runs.ngroups,
                    "history": history,
                    "folds": history["fold"].nunique(),
                    "replicates": history["replicate"].nunique(),
                    "epochs": runs.nunique().max(),
                    "kept_epoch": kept["epoch"].median(),
                    "kept_loss": kept["validation_loss"].mean(),
                    "kept_last": (kept["epoch"] == ends[kept.index]).sum(),
                    "retrained": retrained[[*NETWORK_OF_MODEL, "attempt"]].to_dict("records"),
                    "constant": constant[NETWORK_OF_MODEL].to_dict("records"),
                }
            )
    return views


def intervals_table(run: Run) -> list[dict]:
    """Say how often prediction intervals hold: one row per model and coverage, baselines excluded."""
    found = []
    for level in run.levels:
        for recipe in level.trained:
            for coverage, table in rows(run.intervals, **level.key, recipe=recipe).groupby("coverage"):
                covered, width = table["covered"], table["median_width"]
                found.append(
                    {
                        "name": level.model_name(recipe),
                        "coverage": coverage,
                        "covered": covered.mean(),
                        "lowest": covered.min(),
                        "highest": covered.max(),
                        "width": width.median(),
                    }
                )
    return found


def numbers_table(run: Run) -> list[dict]:
    """Pivot summary.tsv to one row per atlas, level and recipe, baselines included."""
    metrics = ("pearson", "spearman", "specificity")
    return [
        {
            **level.key,
            "recipe": recipe,
            "network": network,
            "baseline": level.is_baseline(recipe),
            "populations": len(level.labels),
            "ceiling": ceiling(run, level),
            "metrics": [metric(run, level, recipe, name)[:2] for name in metrics],
        }
        for level in run.levels
        for recipe, network in level.networks.items()
    ]


def differences_table(run: Run) -> list[dict]:
    """List the difference of each recipe to all other recipes and baselines of its level with the same folds."""
    return [
        {
            **level.key,
            "recipe": level.label(recipe),
            "other": level.label(other),
            "baseline": level.is_baseline(other),
            "metrics": [difference(run, level, recipe, other, name) for name in ("pearson", "specificity")],
        }
        for level in run.levels
        for recipe in level.trained
        for other in level.scored
        if other != recipe and np.isfinite(difference(run, level, recipe, other)[0])
    ]


def comparison_kinds(run: Run) -> list[dict]:
    """Count comparisons by kind: all, those in which the model is ahead, and those with p < 0.05."""
    return [
        {
            "kind": kind,
            "other_recipe": label(recipe, network),
            "tests": len(table),
            "ahead": (table["delta"] > 0).sum(),
            "significant": (table["p_value"] < SIGNIFICANT).sum(),
            "delta": table["delta"].median(),
        }
        for (kind, recipe, network), table in run.comparisons.groupby(
            ["kind", "other_recipe", "other_network"], sort=False
        )
    ]

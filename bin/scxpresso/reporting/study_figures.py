"""Data of the figures that compare ways to predict a population, and expression between atlases (paper 3.1 and 3.2)."""

import numpy as np
import pandas as pd

from scxpresso.evaluation.agreement import AGREEMENT_COLUMNS
from scxpresso.evaluation.distributions import DISTRIBUTION_COLUMNS, HISTOGRAM_COLUMNS
from scxpresso.evaluation.leakage import LEAKAGE_COLUMNS
from scxpresso.evaluation.targets import GENE_SETS, TARGET_COLUMNS
from scxpresso.expression.targets import FURTHER, MEAN
from scxpresso.reporting.data import MeasuredLevel, Run, label, load, rows
from scxpresso.reporting.figures import significant
from scxpresso.reporting.gene_figures import ShownGenes, pack, shuffled
from scxpresso.store import EXTERNAL

N_AGREEMENT_GENES = 3000  # drawn per pair of populations
N_AGREEMENT_POPULATIONS = 60  # whose expression is drawn
KINDS = ["atlas", "population", "level", "tissue", "protocol", "transfer"]  # of comparisons of populations' models


def study_table(run: Run, name: str, columns: list[str]) -> pd.DataFrame:
    """Load a table of evaluation/ that results of version 0.1 lack; without rows where it is absent."""
    path = run.folder / (run.manifest["evaluation"] or "") / f"{name}.tsv"
    return load(path, columns) if path.is_file() else pd.DataFrame(columns=columns)


def agreement_plot(run: Run, names: ShownGenes) -> dict | None:
    """Build the pairs of populations of one tissue, the strongest agreement first, and their expression; None without any.

    genes: those drawn of each genome. values: a packed vector per population, over the genes of its genome. Pairs refer to
    genomes and populations by number.
    """
    table = study_table(run, "agreement", AGREEMENT_COLUMNS).sort_values("pearson", ascending=False, kind="stable")
    levels = {(level.atlas, level.level): level for level in run.levels}
    table = table[[key in levels for key in zip(table["atlas"], table["level"], strict=True)]]
    if table.empty:
        return None
    sides = [table[[f"{side}{what}" for what in ("atlas", "level", "population")]] for side in ("", "other_")]
    ends = [list(side.itertuples(index=False, name=None)) for side in sides]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(ends[0] + ends[1]))}
    drawn = [key for key in list(numbers)[:N_AGREEMENT_POPULATIONS] if key[:2] in levels]
    genes = shared_genes([levels[key[:2]] for key in drawn])
    protocols = dict(zip(ends[0] + ends[1], [*table["protocol"], *table["other_protocol"]], strict=True))
    columns = {}
    for key in drawn:
        level = levels[key[:2]]
        columns[key] = pack(level.observed[key[2]].reindex(genes[level.genome]))
    return {
        "populations": [" · ".join([*key, protocols[key]]) for key in numbers],
        "genes": [names.number(genome, of_genome) for genome, of_genome in genes.items()],
        "values": [columns.get(key) for key in numbers],
        "pairs": [
            {
                "tissue": row.tissue,
                "genome": list(genes).index(genome) if (genome := levels[first[:2]].genome) in genes else 0,
                "x": numbers[first],
                "y": numbers[second],
                "n": int(row.n_genes),
                "r": row.pearson,
            }
            for row, first, second in zip(table.itertuples(), *ends, strict=True)
        ],
    }


def shared_genes(levels: list[MeasuredLevel]) -> dict[str, list[str]]:
    """Choose random genes of each genome that all of its levels have."""
    shared: dict[str, set[str]] = {}
    for level in levels:
        genes = set(level.observed.index)
        shared[level.genome] = shared.get(level.genome, genes) & genes
    return {genome: sorted(shuffled(genes)[:N_AGREEMENT_GENES]) for genome, genes in shared.items()}


def distribution_plots(run: Run) -> list[dict]:
    """Build for each level: how many genes of each population are expressed how much, as shares of all genes."""
    histograms = study_table(run, "histograms", HISTOGRAM_COLUMNS)
    about = study_table(run, "distributions", DISTRIBUTION_COLUMNS)
    plots = []
    for level in run.levels:
        mine, facts = rows(histograms, **level.key), rows(about, **level.key).set_index("population")
        populations = [one for one in level.labels if one in set(facts.index)]
        if mine.empty or not populations:
            continue
        wide = mine.pivot(index="lower", columns="population", values="n_genes")[populations].fillna(0)
        plots.append(
            {
                "name": level.name,
                "populations": populations,
                "x": significant(((mine.groupby("lower")["upper"].first() + wide.index) / 2).to_numpy()),
                "share": [significant(column, 3) for column in (wide / wide.sum()).T.to_numpy()],
                "at_floor": significant(facts.loc[populations, "share_at_floor"]),
                "bimodality": significant(facts.loc[populations, "bimodality"]),
            }
        )
    return plots


def comparison_plots(run: Run) -> list[dict]:
    """Build for each level and recipe: Δ of each population's own model to those of other populations, as columns.

    Of kind `transfer`, Δ is that of the other model to the one of the coarsest ancestor.
    """
    plots = []
    for level in run.levels:
        for recipe in level.trained:
            mine = rows(run.comparisons, **level.target, recipe=recipe, other_recipe=recipe)
            mine = mine[mine["kind"].isin(KINDS)]
            if mine.empty:
                continue
            resemblance = mine["observed_pearson"] if "observed_pearson" in mine else [np.nan] * len(mine)
            plots.append(
                {
                    "name": level.model_name(recipe),
                    "populations": level.labels,
                    "kind": list(mine["kind"]),
                    "population": list(mine["target_population"]),
                    "other": [other_name(row, level) for row in mine.to_dict("records")],
                    "other_level": [f"{row.other_atlas} · {row.other_level}" for row in mine.itertuples()],
                    "resemblance": significant(resemblance, 3),
                    "delta": significant(mine["delta"], 3),
                    "p_value": significant(mine["p_value"], 2),
                    "own_folds": int(mine["n_folds"].max()),
                }
            )
    return plots


def other_name(row: dict, level: MeasuredLevel) -> str:
    """Name the population whose model is not the own one, with its atlas and level where they are not the target's."""
    side = "model" if row["kind"] == "transfer" else "other"
    where = [row[f"{side}_atlas"]] if row[f"{side}_atlas"] != level.atlas else []
    where += [row[f"{side}_level"]] if row[f"{side}_level"] != level.level else []
    return " · ".join([row[f"{side}_population"], *where])


def recipe_plots(run: Run) -> list[dict]:
    """Build for each level: the median over populations of Δ of each recipe to each other one, baseline and other model."""
    plots = []
    for level in run.levels:
        mine = rows(run.comparisons, **level.target, model_atlas=level.atlas, model_level=level.level)
        mine = mine[mine["kind"].isin(["recipe", "baseline", "folds", EXTERNAL])]
        if mine.empty:
            continue
        cells = mine.groupby(["recipe", "other_recipe"], sort=False).agg(
            delta=("delta", "median"),
            tests=("delta", "size"),
            significant=("p_value", lambda values: int((values < 0.05).sum())),
        )
        recipes = [one for one in level.trained if one in cells.index.get_level_values(0)]
        others = [one for one in level.recipes if one in cells.index.get_level_values(1)]
        plots.append(
            {
                "name": level.name,
                "populations": level.labels,
                "rows": [level.label(one) for one in recipes],
                "columns": [level.label(one) for one in others],
                **{
                    name: [[number(cells, (one, other), name) for other in others] for one in recipes]
                    for name in ("delta", "tests", "significant")
                },
            }
        )
    return plots


def number(cells: pd.DataFrame, key: tuple[str, str], name: str) -> float:
    """Look up a cell; NaN if it is missing."""
    return float(cells.loc[key, name]) if key in cells.index else np.nan


def fold_method_plots(run: Run) -> list[dict]:
    """Build for each level: scores of each recipe by fold method, from leakage.tsv."""
    table = study_table(run, "leakage", LEAKAGE_COLUMNS)
    plots = []
    for level in run.levels:
        mine = rows(table, **level.key)
        if len(mine):
            found = [fold_method_row(one) for one in mine.to_dict("records")]
            plots.append({"name": level.name, "populations": level.labels, "rows": found})
    return plots


def fold_method_row(row: dict) -> dict:
    """Describe one comparison of two fold methods."""
    return {
        "recipe": label(row["recipe"], row["network"]),
        "other_recipe": row["other_recipe"],
        "methods": [row["fold_method"], row["other_fold_method"]],
        "metric": row["metric"],
        "values": significant([row["value"], row["other_value"]]),
        "delta": row["delta"],
        "p_value": row["p_value"],
    }


def further_target_plots(run: Run) -> list[dict]:
    """Build for each level: by target and set of genes, the scores of each recipe in each population, from targets.tsv."""
    table = study_table(run, "targets", TARGET_COLUMNS)
    scores = [(target, genes) for target in (MEAN, *FURTHER) for genes in GENE_SETS if target in set(table["target"])]
    plots = []
    for level in run.levels:
        mine = rows(table, **level.key)
        if len(mine):
            found = [
                {
                    "score": f"{target}, {genes.replace('_', ' ')} genes",
                    "rows": [
                        further_target_row(level, of_recipe)
                        for _, of_recipe in rows(mine, target=target, gene_set=genes).groupby("recipe", sort=False)
                    ],
                }
                for target, genes in scores
            ]
            plots.append({"name": level.name, "populations": level.labels, "scores": found})
    return plots


def further_target_row(level: MeasuredLevel, table: pd.DataFrame) -> dict:
    """Describe a recipe's scores of a target and set of genes, by population; table: its rows of targets.tsv."""
    first, own = table.iloc[0], table.set_index("population").reindex(level.labels)
    other = first["other_recipe"] if isinstance(first["other_recipe"], str) else ""
    return {
        "recipe": label(first["recipe"], first["network"]),
        "other": level.label(other) if other else "",
        **{
            name: significant(own[column])
            for name, column in (("values", "median_pearson"), ("deltas", "delta"), ("p_values", "p_value"))
        },
    }

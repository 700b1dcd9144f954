"""Data of the figures on genes: predictions against observations, and correlation across populations."""

import base64
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scxpresso.intervals import INTERVAL_COLUMNS
from scxpresso.reporting.data import MeasuredLevel, Run, load, rows
from scxpresso.reporting.figures import significant
from scxpresso.store import PREDICTION_COLUMNS

N_SCATTER_GENES = 4000  # drawn per population; more would only make the page larger
N_TOP_GENES = 25  # the most variable genes of a level
TREND_BINS = 20
# What figures read of a table; those of version 0.1 have no intervals.
PREDICTED = [name for name in PREDICTION_COLUMNS if name not in INTERVAL_COLUMNS]
SEED = 20240306  # the same genes are drawn whenever a report is made


class ShownGenes:
    """Names of the genes on the page; each is stored once, and referred to by number."""

    def __init__(self, genomes: list[dict]):
        self.known = {genome["genome"]: genome["names"] for genome in genomes}
        self.numbers: dict[tuple[str, str], int] = {}

    def number(self, genome: str, genes: Iterable[str]) -> list[int]:
        """Return the numbers of gene ids; new ones get the next numbers."""
        return [self.numbers.setdefault((genome, gene), len(self.numbers)) for gene in genes]

    def listed(self) -> list[str]:
        """List the names by number; a gene without a name is listed by id."""
        return [self.known.get(genome, {}).get(gene) or gene for genome, gene in self.numbers]


def prediction_plots(run: Run, names: ShownGenes) -> list[dict]:
    """Build for each level: observed and predicted log10 expression of 4,000 random genes and the most variable ones.

    The first `drawn` genes are random, for the scatter plots. The most variable ones follow, so that they can be looked up.
    Pearson and n are over all genes.
    """
    plots = []
    for level in run.levels:
        observed: pd.DataFrame | None = None
        recipes = []
        for recipe in level.scored:
            table = load(level.predictions[recipe], PREDICTED) if recipe in level.predictions else ()
            if not len(table):
                continue
            if observed is None:  # the same in every table of a level
                observed = matrix(table, "observed", level)
                genes, drawn = shown_genes(run, level, observed.index)
            recipes.append(prediction(level.label(recipe), table, observed, level, genes))
        if observed is not None:
            plots.append(
                {
                    "name": level.name,
                    "populations": level.labels,
                    "parents": list(level.populations["parent"]),
                    "genes": names.number(level.genome, genes),
                    "drawn": drawn,
                    "total": len(observed),
                    "observed": packed(observed, genes),
                    "recipes": recipes,
                }
            )
    return plots


def prediction(
    label: str, table: pd.DataFrame, observed: pd.DataFrame, level: MeasuredLevel, genes: Sequence[str]
) -> dict:
    """Build the part of one recipe in a prediction plot."""
    predicted = matrix(table, "predicted", level)
    return {
        "recipe": label,
        "pearson": [observed[one].corr(predicted[one]) for one in level.labels],
        "n": [int((observed[one].notna() & predicted[one].notna()).sum()) for one in level.labels],
        "predicted": packed(predicted, genes),
        "sd": packed(matrix(table, "sd", level), genes),
    }


def matrix(table: pd.DataFrame, values: str, level: MeasuredLevel) -> pd.DataFrame:
    """Pivot a column of a table of predictions to genes × populations."""
    return table.pivot(index="gene_id", columns="population", values=values).reindex(columns=level.labels)


def packed(wide: pd.DataFrame, genes: Sequence[str]) -> list[dict] | None:
    """Pack one vector per population; None if all values are missing (baselines have no sd)."""
    wide = wide.reindex(index=genes)
    return [pack(wide[label]) for label in wide.columns] if wide.notna().to_numpy().any() else None


def shown_genes(run: Run, level: MeasuredLevel, genes: Iterable[str]) -> tuple[list[str], int]:
    """Choose genes: random ones with a fixed seed, then further top genes. Returns the genes and the number of random ones."""
    genes = sorted(genes)
    picked = np.random.default_rng(SEED).permutation(len(genes))[:N_SCATTER_GENES]
    drawn = [genes[i] for i in sorted(picked)]
    extra = set(top_genes(run, level)) & set(genes) - set(drawn)
    return drawn + sorted(extra), len(drawn)


def gene_plots(run: Run, names: ShownGenes) -> list[dict]:
    """Build for each level of several populations: variance of each gene, and its Pearson by recipe (Fig. 4C)."""
    plots = []
    for level in run.levels:
        mine = rows(run.genes, **level.key)
        mine = mine[(mine["variance"] > 0) & mine["pearson"].notna()]
        if mine.empty:
            continue
        variance = mine.groupby("gene_id")["variance"].first()
        tables = [(level.label(one), rows(mine, recipe=one).set_index("gene_id")) for one in level.recipes]
        plots.append(
            {
                "name": level.name,
                "populations": level.labels,
                "genes": names.number(level.genome, variance.index),
                "log_variance": pack(np.log10(variance)),
                "top": names.number(level.genome, top_genes(run, level)),
                "recipes": [
                    {"recipe": name, "pearson": pack(table["pearson"].reindex(variance.index)), "trend": trend(table)}
                    for name, table in tables
                    if len(table)
                ],
            }
        )
    return plots


def top_genes(run: Run, level: MeasuredLevel) -> list[str]:
    """Find the ids of the most variable genes of a level."""
    mine = rows(run.genes, **level.key).drop_duplicates("gene_id")
    return list(mine.nlargest(N_TOP_GENES, "variance")["gene_id"])


def trend(table: pd.DataFrame) -> list[list[float]]:
    """Compute the median Pearson in bins of genes sorted by variance, of equal size: [[variance, pearson]…]."""
    table = table.sort_values("variance")
    bins = [part for part in np.array_split(np.arange(len(table)), min(TREND_BINS, len(table))) if len(part)]
    return [significant(table.iloc[part][["variance", "pearson"]].median()) for part in bins]


def pack(values: ArrayLike) -> dict:
    """Pack numbers as base64 of 16-bit steps between their extremes (65535: missing), a third of the size of JSON."""
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    step = (high - low) / 65534 or 1.0
    codes = np.where(np.isfinite(values), np.round((values - low) / step), 65535)
    return {"low": float(low), "step": float(step), "codes": base64.b64encode(codes.astype("<u2").tobytes()).decode()}

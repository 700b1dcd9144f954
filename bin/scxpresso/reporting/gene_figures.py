"""What the page draws of single genes: predictions against observations, and genes across populations."""

import base64
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scxpresso.reporting.data import MeasuredLevel, Run, load, rows
from scxpresso.reporting.figures import significant
from scxpresso.store import PREDICTION_COLUMNS

N_SCATTER_GENES = 4000  # drawn per population; more only make the page heavier and the cloud blacker
N_TOP_GENES = 25  # the most variable genes of a level
TREND_BINS = 20
SEED = 20240306  # which genes are drawn must not change between two renderings of a run


class ShownGenes:
    """Names of the genes that the page shows, each stored once and pointed to by number."""

    def __init__(self, genomes: list[dict]):
        self.known = {genome["genome"]: genome["names"] for genome in genomes}
        self.numbers: dict[tuple[str, str], int] = {}

    def number(self, genome: str, genes: Iterable[str]) -> list[int]:
        """Number these gene ids; new ones get the next numbers."""
        return [self.numbers.setdefault((genome, gene), len(self.numbers)) for gene in genes]

    def listed(self) -> list[str]:
        """List the names by number; the id where a gene has no name."""
        return [self.known.get(genome, {}).get(gene) or gene for genome, gene in self.numbers]


def prediction_plots(run: Run, names: ShownGenes) -> list[dict]:
    """Make, per level: observed and, by recipe, predicted log10 expression of a random 4,000 genes (and the top ones).

    The first `drawn` genes are the random ones, for the scatter plots; the most variable follow, so that they can be
    looked up. Pearson and n are over all genes.
    """
    plots = []
    for level in run.levels:
        observed: pd.DataFrame | None = None
        recipes = []
        for recipe in level.scored:
            table = load(level.predictions[recipe], PREDICTION_COLUMNS) if recipe in level.predictions else ()
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
    """Make one recipe's part of a prediction plot."""
    predicted = matrix(table, "predicted", level)
    return {
        "recipe": label,
        "pearson": [observed[one].corr(predicted[one]) for one in level.labels],
        "n": [int((observed[one].notna() & predicted[one].notna()).sum()) for one in level.labels],
        "predicted": packed(predicted, genes),
        "sd": packed(matrix(table, "sd", level), genes),
    }


def matrix(table: pd.DataFrame, values: str, level: MeasuredLevel) -> pd.DataFrame:
    """Pivot one column of a predictions file to genes × populations."""
    return table.pivot(index="gene_id", columns="population", values=values).reindex(columns=level.labels)


def packed(wide: pd.DataFrame, genes: Sequence[str]) -> list[dict] | None:
    """Pack one vector per population; None if all is missing (a baseline has no sd)."""
    wide = wide.reindex(index=genes)
    return [pack(wide[label]) for label in wide.columns] if wide.notna().to_numpy().any() else None


def shown_genes(run: Run, level: MeasuredLevel, genes: Iterable[str]) -> tuple[list[str], int]:
    """Choose genes, the drawn ones first, and count these: random ones with a fixed seed, then top genes not yet among them."""
    genes = sorted(genes)
    picked = np.random.default_rng(SEED).permutation(len(genes))[:N_SCATTER_GENES]
    drawn = [genes[i] for i in sorted(picked)]
    extra = set(top_genes(run, level)) & set(genes) - set(drawn)
    return drawn + sorted(extra), len(drawn)


def gene_plots(run: Run, names: ShownGenes) -> list[dict]:
    """Make, per level of several populations: each gene's variance and, by recipe, its Pearson across them (Fig. 4C)."""
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
    """Return the median Pearson in bins of equally many genes by variance: [[variance, pearson]…]."""
    table = table.sort_values("variance")
    bins = [part for part in np.array_split(np.arange(len(table)), min(TREND_BINS, len(table))) if len(part)]
    return [significant(table.iloc[part][["variance", "pearson"]].median()) for part in bins]


def pack(values: ArrayLike) -> dict:
    """Pack numbers as base64 of 16-bit steps between their extremes (65535 = missing): a third of JSON's bytes."""
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    step = (high - low) / 65534 or 1.0
    codes = np.where(np.isfinite(values), np.round((values - low) / step), 65535)
    return {"low": float(low), "step": float(step), "codes": base64.b64encode(codes.astype("<u2").tobytes()).decode()}

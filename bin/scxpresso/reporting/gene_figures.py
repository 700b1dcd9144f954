"""Data of the figures on genes: predictions against observations, and correlation across populations."""

import base64
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scxpresso.reporting.data import Matrices, MeasuredLevel, Run, rows
from scxpresso.reporting.figures import significant

N_SCATTER_GENES = 4000  # drawn per population; more would only make the page larger
N_TOP_GENES = 25  # the most variable genes of a level
MAX_VALUES = 2_200_000  # of genes that can be looked up, in all levels; about 6 MB
TREND_BINS = 20


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
    """Build for each level: observed and predicted log10 expression of its genes, for scatter plots and to look up.

    The first `drawn` genes are random, for the scatter plots. Then follow the others, the most variable ones first, as far
    as there is room (MAX_VALUES). Baselines have the first genes only. Pearson and n are over all genes.
    """
    plots, room = [], genes_with_room(run)
    for level in run.levels:
        known = {recipe: matrices for recipe in level.scored if (matrices := level.matrices(recipe))}
        if not known:
            continue
        observed = next(iter(known.values())).observed  # the same in every table of a level
        genes, drawn, sampled = shown_genes(run, level, observed, room)
        plots.append(
            {
                "name": level.name,
                **level.key,
                "populations": level.labels,
                "parents": list(level.populations["parent"]),
                "genes": names.number(level.genome, genes),
                "drawn": drawn,
                "total": len(observed),
                "observed": packed(observed, genes),
                "recipes": [
                    prediction(level.label(recipe), matrices, genes[:sampled] if level.is_baseline(recipe) else genes)
                    for recipe, matrices in known.items()
                ],
            }
        )
    return plots


def prediction(label: str, matrices: Matrices, genes: Sequence[str]) -> dict:
    """Build the part of one recipe in a prediction plot."""
    observed, predicted = matrices.observed, matrices.predicted
    return {
        "recipe": label,
        "pearson": [observed[one].corr(predicted[one]) for one in observed],
        "n": [int((observed[one].notna() & predicted[one].notna()).sum()) for one in observed],
        "predicted": packed(predicted, genes),
        "sd": packed(matrices.sd, genes, bits=8),
    }


def packed(wide: pd.DataFrame, genes: Sequence[str], bits: int = 16) -> list[dict] | None:
    """Pack one vector per population; None if all values are missing (baselines have no sd)."""
    wide = wide.reindex(index=genes)
    return [pack(wide[label], bits) for label in wide.columns] if wide.notna().to_numpy().any() else None


def genes_with_room(run: Run) -> int:
    """Compute for how many genes the page has room for the values of all levels of several populations."""
    per_gene = [len(level.labels) * (1 + 1.5 * len(level.trained)) for level in run.levels if len(level.labels) > 1]
    return int(MAX_VALUES / (sum(per_gene) or 1))


def shown_genes(run: Run, level: MeasuredLevel, observed: pd.DataFrame, room: int) -> tuple[list[str], int, int]:
    """Choose genes: random ones, top genes, then the most variable others as far as there is room.

    Genes of a level with one population are not looked up. Returns the genes, the number of random ones, and that of
    random and top genes.
    """
    genes = set(observed.index)
    drawn = sorted(shuffled(genes)[:N_SCATTER_GENES])
    extra = sorted(set(top_genes(run, level)) & genes - set(drawn))
    if len(level.labels) < 2:
        return drawn + extra, len(drawn), len(drawn + extra)
    others = observed.drop(index=drawn + extra).var(axis=1).sort_values(ascending=False, kind="stable").index
    looked_up = [*drawn, *extra, *others[: max(room - len(drawn + extra), 0)]]
    return looked_up, len(drawn), len(drawn + extra)


def shuffled(genes: Iterable[str]) -> list[str]:
    """Order genes at random, by a hash of their ids: levels whose genes differ draw much the same ones."""
    return sorted(genes, key=lambda gene: hashlib.md5(gene.encode(), usedforsecurity=False).digest())


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


def pack(values: ArrayLike, bits: int = 16) -> dict:
    """Pack numbers as base64 of steps between their extremes, of 16 or 8 bits: a third of the size of JSON, or a sixth.

    The largest code means missing.
    """
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    missing = 2**bits - 1
    step = (high - low) / (missing - 1) or 1.0
    codes = np.where(np.isfinite(values), np.round((values - low) / step), missing).astype(f"<u{bits // 8}")
    packed = {"low": float(low), "step": float(step), "codes": base64.b64encode(codes.tobytes()).decode()}
    return packed if bits == 16 else packed | {"bits": bits}

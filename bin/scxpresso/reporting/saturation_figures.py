"""Data of the figures on saturation mutagenesis: profiles of genes, means around the TSS, and motifs."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.genome.sequence import ALTERNATIVES, BASE_OF_CODE, decode
from scxpresso.reporting.data import SIGNIFICANT, Run, file_of, load, load_if, model_name, model_of
from scxpresso.reporting.figures import significant
from scxpresso.reporting.gene_figures import ShownGenes, pack
from scxpresso.reporting.locus import Loci
from scxpresso.saturation.effects_store import Effects
from scxpresso.saturation.profiles import MIN_EFFECT, profile

N_PROFILES = 8  # genes per model whose profiles are on the page
MAX_NUMBERS = 250_000  # positions × populations of all profiles of a run, and of all its mean profiles
NEAR_TSS = 500  # bases around the TSS whose effects decide which genes are shown
BIN = 50  # bases per column of the heat map
N_MOTIFS = 60  # rows of the motifs' heat map
POSITIONS = ["tss_distance", "population", "genes", "mean_effect"]
MOTIF_NUMBERS = ["hits", "importance", "background_importance", "difference", "p_value", "q_value"]
MOTIF_EFFECTS = ["population", "motif", "motif_name", *MOTIF_NUMBERS]


def open_effects(folder: Path) -> Effects:
    """Open effects.h5 of a model's saturation. Raises InputError if there is none."""
    return Effects(folder / "effects.h5")


def around(effects: Effects, gene: str, start: int, end: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Read (first, codes, effects) from `start` to `end` bases from the TSS (inclusive), within the window.

    first: distance of the first position from the TSS. codes: uint8, on the gene's strand. effects: positions ×
    alternatives × populations; 0 if the reference is ambiguous.
    """
    part = slice(max(effects.upstream + start, 0), max(effects.upstream + end + 1, 0))
    codes = effects.codes[effects.row(gene), part]
    of_bases = effects.effects(gene, part.start, part.stop)
    of_bases[BASE_OF_CODE[codes] == 4] = 0
    return part.start - effects.upstream, codes, of_bases


def largest(effects: Effects, count: int, first: Collection[str]) -> list[str]:
    """Choose up to `count` genes: saturated genes of `first`, then those with the largest effects near the TSS."""
    chosen, others = [gene for gene in first if gene in effects], effects.gene_id
    if len(others) > count > len(chosen):
        near = {gene: np.abs(around(effects, gene, -NEAR_TSS, NEAR_TSS)[2]).max(initial=0) for gene in others}
        others = sorted(others, key=lambda gene: near[gene], reverse=True)
    return list(dict.fromkeys([*chosen, *others]))[:count]


def saturation_plots(run: Run, names: ShownGenes, loci: Loci, wanted: dict) -> list[dict]:
    """Build for each saturated model: profiles of a few genes, the mean profile, and motifs.

    wanted: genes to show first, by (atlas, level, recipe): those with the largest significant variant effects.
    """
    plots = []
    most = MAX_NUMBERS // max(len(run.manifest["saturation"]), 1)
    for entry in run.manifest["saturation"]:
        folder = run.folder / entry["path"]
        with open_effects(folder) as effects:
            shown = largest(effects, N_PROFILES, wanted.get(model_of(entry), ()))
            room = most // max(len(shown) * len(effects.populations), 1)
            plots.append(
                {
                    "name": model_name(entry),
                    "populations": effects.populations,
                    "upstream": effects.upstream,
                    "downstream": effects.downstream,
                    "total": len(effects.gene_id),
                    "genes": [gene_profile(effects, gene, room, names, loci) for gene in shown],
                    "mean": mean_profile(load(folder / "positions.tsv", POSITIONS), effects.populations, most),
                    "motifs": motif_effects(file_of(run, entry, "motifs"), effects.populations),
                }
            )
    return plots


def gene_profile(effects: Effects, gene: str, room: int, names: ShownGenes, loci: Loci) -> dict:
    """Build the profile of a gene: at most `room` positions with the largest effects, by population.

    effect: the signed largest effect of the three substitutions. alternatives: its base. importance: minus the mean effect of
    the three substitutions. bins: mean of |effect| in bins of BIN bases.
    """
    genome = effects.about.genome
    first, codes, of_bases = around(effects, gene, -effects.upstream, effects.downstream)
    effect, best = profile(of_bases, codes)
    size = np.nan_to_num(np.abs(effect)).max(axis=1, initial=0)
    kept = np.sort(np.argsort(-size, kind="stable")[: min(room, int((size >= MIN_EFFECT).sum()))])
    distances = first + np.arange(len(codes))
    return {
        "gene": names.number(genome, [gene])[0],
        "locus": loci.number(genome, gene, -effects.upstream, effects.downstream - 1),
        "bases": decode(codes),
        "predicted": significant(effects.predicted[effects.row(gene)], 3),
        "distances": pack(distances[kept]),
        "effect": by_population(effect[kept]),
        "alternatives": ["".join(ALTERNATIVES[base] for base in column) for column in best[kept].T],
        "importance": by_population(importance(of_bases[kept])),
        "bins": binned(np.abs(effect), distances),
        "omitted": int((size >= MIN_EFFECT).sum()) - len(kept),
    }


def importance(effects: np.ndarray) -> np.ndarray:
    """Compute minus the mean effect of the three substitutions: positions × populations. The reference has effect 0."""
    return -effects.sum(axis=1) / 3


def by_population(values: np.ndarray) -> list[dict]:
    """Pack one vector per column."""
    return [pack(column) for column in values.T]


def binned(values: np.ndarray, distances: np.ndarray) -> dict:
    """Average the finite values (positions × populations) in bins of BIN bases: {first: the first bin's start, values}."""
    bins = pd.DataFrame(values).groupby(np.asarray(distances) // BIN).mean()
    return {"first": int(bins.index[0]) * BIN if len(bins) else 0, "values": by_population(bins.to_numpy())}


def mean_profile(table: pd.DataFrame, populations: list[str], most: int) -> dict:
    """Build the mean over genes of the largest |effect| by position, over several bases where there are over `most` numbers."""
    wide = table.pivot(index="tss_distance", columns="population", values="mean_effect").reindex(columns=populations)
    if len(wide):
        wide = wide.reindex(range(int(wide.index.min()), int(wide.index.max()) + 1))
    step = -(-wide.size // most) or 1
    positions = np.asarray(wide.index)
    means = wide.groupby(positions // step).mean()
    return {
        "genes": int(table["genes"].max()) if len(table) else 0,
        "step": step,
        "first": int(means.index[0]) * step if len(means) else 0,
        "values": by_population(means.to_numpy()),
        "bins": binned(wide.to_numpy(), positions),
    }


def motif_effects(path: Path | None, populations: list[str]) -> list[dict]:
    """Build for each motif of the table: its effect and q-value in each population.

    Motifs that are significant in any population come first, by their largest |difference| there; then the others, by q.
    """
    table = load_if(path, MOTIF_EFFECTS)
    motifs = []
    for (motif, name), rows in table.groupby(["motif", "motif_name"], sort=False):
        rows = rows.drop_duplicates("population").set_index("population").reindex(populations)
        numbers = {column: significant(rows[column], 3) for column in MOTIF_NUMBERS}
        motifs.append({"motif": motif, "name": name, **numbers})
    return sorted(motifs, key=_motif_order)[:N_MOTIFS]


def _motif_order(one: dict) -> tuple[float, float]:
    q = np.array([*one["q_value"], np.inf], dtype=float)
    significant_in = q[:-1] < SIGNIFICANT
    sizes = np.abs(np.array(one["difference"], dtype=float))[significant_in]
    return (0.0, -sizes.max()) if significant_in.any() else (np.nanmin(q), 0.0)

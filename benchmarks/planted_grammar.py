#!/usr/bin/env python3
"""What networks find of a simulated genome's grammar: predictions and variant effects, beside the truth.

Simulates the genome (planted.py), runs the pipeline into results/planted (with -resume, so that it may be stopped), and
prints the tables. docs/evidence.md has places for the tables of some commands (make bench-planted); others are only printed.
Runs with the default window and number of replicates are also recorded in the table that reports read.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pipeline  # noqa: E402
from pages import write  # noqa: E402
from planted import (  # noqa: E402
    CODES,
    DOWNSTREAM,
    KINDS,
    POPULATIONS,
    REACHED,
    UPSTREAM,
    Simulation,
    population_names,
    simulate,
    write_simulation,
)
from scipy.stats import false_discovery_control, kstest  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from scxpresso.genome.shuffling import dinucleotide_shuffle  # noqa: E402
from scxpresso.metrics import pearson, specificity  # noqa: E402
from scxpresso.motifs.comparison import best_known  # noqa: E402
from scxpresso.motifs.matrices import Motif, read_motifs  # noqa: E402
from scxpresso.networks.registry import NETWORKS  # noqa: E402
from scxpresso.store import BASELINES, read_table, write_table  # noqa: E402

NAMES = {
    "half_life": "half-life features alone, ridge",
    "gc_cpg": "GC and CpG content, ridge",
    "kmer": "4-mers and half-life, ridge",
    "scxpresso": "`scxpresso` (published)",
    "best": "best that can be reached",
}
SIGNIFICANT = 0.05
PREDICTION_SCORES = ["r_mean", "r_planted", "specificity_mean", "specificity_planted"]
BEST_EFFECTS = {"auroc": 1.0, "right_signs": 1.0, "no_effect": 0.0, "slope": 1.0, "controls": SIGNIFICANT}
EFFECT_SCORES = ["auroc", "right_signs", "no_effect", "slope", "power", "false", "controls"]
CALIBRATION_SCORES = ["ks", "ks_p", "ks_specificity", "ks_specificity_p"]
MOTIF_SCORES = ["motifs_found", "motifs_false"]
SCORES = [*PREDICTION_SCORES, *EFFECT_SCORES, *CALIBRATION_SCORES, *MOTIF_SCORES]
SHUFFLED, SUBSTITUTIONS = 200, 100  # genes whose windows are shuffled for the best power, and substitutions of each
SHUFFLE_SEED = 1
EVIDENCE = ROOT / "assets" / "report" / "planted_grammar.tsv"  # what reports say of each network
EVIDENCE_KEYS = ["kind", "genes", "cells", "seed", "network"]
SCORED = "scores.tsv"  # in the folder of a run
SIMULATOR = ROOT / "benchmarks" / "planted.py"
FOLDS, REPLICATES = 5, 3
CELLS = 150  # per population
KEYS = ["variant_id", "gene_id", "population"]


def score_predictions(predictions: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Compare held-out predictions with the true mean and with the planted part: mean over populations and folds.

    Parameters
    ----------
    predictions: gene_id, fold, population, predicted.
    truth: gene_id, population, mean, planted.
    """
    table = predictions.merge(truth, on=["gene_id", "population"], validate="one_to_one")
    scores = []
    for _, fold in table.groupby("fold"):
        predicted, mean, planted = (
            fold.pivot(index="gene_id", columns="population", values=name).to_numpy()
            for name in ("predicted", "mean", "planted")
        )
        scores.append(
            {
                "r_mean": pearson(mean, predicted).mean(),
                "r_planted": pearson(planted, predicted).mean(),
                "specificity_mean": specificity(mean, predicted),
                "specificity_planted": specificity(planted, predicted),
            }
        )
    return pd.DataFrame(scores).mean().to_dict()


def score_variants(scores: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Compare predicted with true effects. A functional pair of a variant and a population has a true effect.

    Parameters
    ----------
    scores: variant_id, gene_id, population, effect, p_value, q_value; where there is one, pooled_p_value.
    truth: variant_id, gene_id, population, effect.

    Returns
    -------
    auroc: of |effect|, functional pairs against all others. right_signs: share of the functional pairs with an effect
    other than 0 whose sign is right. no_effect: share of the functional pairs with effect 0. slope: of predicted on true
    effect through functional pairs and the origin. power: share of them at q < 0.05. false: share of others among all pairs
    at q < 0.05 (NaN without any). controls: share of the pairs of variants without any true effect that have p < 0.05. ks,
    ks_p: how far the p-values of these are from uniform ones, as `uniformity` has it; the same of specificity's.
    """
    table = truth.merge(scores, on=KEYS, suffixes=("_true", ""), validate="one_to_one")
    if len(table) < len(truth):
        raise SystemExit(
            f"{len(truth) - len(table):,} of {len(truth):,} planted effects are not in the table of scores"
        )
    true, effect = table["effect_true"].to_numpy(), table["effect"].to_numpy()
    functional, found = true != 0, (table["q_value"] < SIGNIFICANT).to_numpy()
    control = (table["effect_true"].abs().groupby(table["variant_id"]).transform("max") == 0).to_numpy()
    p_value = table.get("pooled_p_value", table["p_value"])  # the one that q-values are computed from
    signed = functional & (effect != 0)
    return {
        "auroc": roc_auc_score(functional, np.abs(effect)),
        "right_signs": share(np.sign(effect[signed]) == np.sign(true[signed])),
        "no_effect": share(effect[functional] == 0),
        "slope": (effect @ true) / (true @ true),
        "power": share(found[functional]),
        "false": share(~functional[found]),
        "controls": share(p_value.to_numpy()[control] < SIGNIFICANT),
        **uniformity(p_value[control], table["population"][control], "ks"),
        **uniformity(specificity_p_value(table)[control], table["population"][control], "ks_specificity"),
    }


def specificity_p_value(table: pd.DataFrame) -> pd.Series:
    """Give the p-values of specificity: the pooled ones where there are any; NaN if the table has none."""
    columns = ("pooled_specificity_p_value", "specificity_p_value")
    return next((table[name] for name in columns if name in table), pd.Series(np.nan, table.index))


def uniformity(p_values: pd.Series, population: pd.Series, name: str) -> dict[str, float]:
    """Compare p-values with a uniform distribution, within each population: those of a variant are alike over populations.

    Returns
    -------
    name: Kolmogorov–Smirnov statistic (the largest distance of the distributions), mean over populations. name_p: the
    smallest p-value of this test over populations, times their number. Both are NaN without p-values.
    """
    tests = [kstest(own, "uniform") for _, own in p_values.dropna().groupby(population)]
    if not tests:
        return {name: np.nan, f"{name}_p": np.nan}
    smallest = min(test.pvalue for test in tests) * len(tests)
    return {name: float(np.mean([test.statistic for test in tests])), f"{name}_p": min(float(smallest), 1.0)}


def score_motifs(learned: list[Motif], planted: pd.DataFrame) -> dict[str, float]:
    """Compare learned with planted motifs, by alignment: a match has q < 0.05 over all pairs.

    Parameters
    ----------
    planted: motif and sequence, one row each.

    Returns
    -------
    motifs_found: share of the planted motifs that are the best match of a learned one. motifs_false: number of learned motifs
    that match none.
    """
    known = [Motif(name, name, np.eye(4)[["ACGT".index(base) for base in word]]) for name, word in planted.to_numpy()]
    matrices = [motif.counts / motif.counts.sum(axis=1, keepdims=True) for motif in learned]
    matches = best_known(matrices, known) if learned else []
    found = {match.known.motif for match in matches if match.q_value < SIGNIFICANT}
    return {
        "motifs_found": len(found) / len(known),
        "motifs_false": sum(match.q_value >= SIGNIFICANT for match in matches),
    }


def power_of_truth(simulation: Simulation, effects: pd.DataFrame) -> dict[str, float]:
    """Say what the true effects would find, if they were ranked among those of substitutions in shuffled windows.

    Random sequence has motifs by chance, the more the less exact they are: a p-value against random sequence has a limit.

    Parameters
    ----------
    effects: of the variants, with a column effect.

    Returns
    -------
    power and false, as score_variants has them.
    """
    rng, grammar = np.random.default_rng(SHUFFLE_SEED), simulation.grammar
    windows = simulation.codes[:SHUFFLED, REACHED].copy()
    for window in windows:
        window[:] = dinucleotide_shuffle(window, rng)
    genes, found = np.arange(len(windows)), []
    for _ in range(SUBSTITUTIONS):
        at = rng.integers(windows.shape[1], size=len(windows))
        mutant = windows.copy()
        # Codes of bases are powers of two: the next one or two or three, in a circle.
        others = np.log2(mutant[genes, at]).astype(int) + rng.integers(1, len(CODES), len(windows))
        mutant[genes, at] = 1 << others % len(CODES)
        found.append(grammar.expression(mutant) - grammar.expression(windows))
    background = np.sort(np.abs(np.concatenate(found)), axis=0)
    p_values = np.empty(len(effects))
    for number, population in enumerate(population_names()):
        own = (effects["population"] == population).to_numpy()
        below = np.searchsorted(background[:, number], effects["effect"].abs()[own])
        p_values[own] = (1 + len(background) - below) / (1 + len(background))
    functional, significant = effects["effect"].to_numpy() != 0, false_discovery_control(p_values) < SIGNIFICANT
    return {"power": share(significant[functional]), "false": share(~functional[significant])}


def share(true: np.ndarray) -> float:
    """Share of what is true; NaN of nothing."""
    return float(true.mean()) if len(true) else float("nan")


def folder_of(kind: str, genes: int, cells: int, seed: int) -> Path:
    """Name the folder of a run; cells: per population."""
    depth = "" if cells == CELLS else f"_{cells}_cells"
    return ROOT / "results" / "planted" / f"{kind}_{genes}_{seed}{depth}"


def run(folder: Path, simulation: Simulation, networks: list[str], replicates: int, window: tuple[int, int]) -> None:
    """Run the pipeline on a simulation; what was computed before is taken from the cache.

    A sheet of recipes names the networks: with --network, ablations would be trained too.
    """
    inputs = folder / "inputs"
    last = inputs / "truth" / "motifs.tsv"
    if not last.exists() or last.stat().st_mtime < SIMULATOR.stat().st_mtime:
        write_simulation(simulation, inputs)
    sheet = folder / "recipes.csv"
    sheet.write_text("recipe,network\n" + "".join(f"{network},{network}\n" for network in networks))
    options = {
        "input": inputs / "atlases.csv",
        "fasta": inputs / "genome.fa.gz",
        "gtf": inputs / "genes.gtf.gz",
        "variants": inputs / "variants.csv",
        "outdir": folder,
        "folds": FOLDS,
        "replicates": replicates,
        "recipes": sheet,
        "upstream": window[0],
        "downstream": window[1],
    }
    pipeline.run(*(word for name, value in options.items() for word in (f"--{name}", str(value))))


def measure(folder: Path, networks: list[str], simulation: Simulation) -> pd.DataFrame:
    """Score baselines, networks and the planted part itself: one row each, without effects for all but networks."""
    truth = read_table(folder / "inputs" / "truth" / "expression.tsv.gz")
    effects = read_table(folder / "inputs" / "truth" / "effects.tsv.gz")
    planted = read_table(folder / "inputs" / "truth" / "motifs.tsv")[["motif", "sequence"]].drop_duplicates()
    rows = []
    for network in [*BASELINES, *networks]:
        if network != "mean":
            predictions = read_table(folder / "predictions" / "simulated" / f"cell_type.{network}.tsv.gz")
            row = {"network": network, **score_predictions(predictions, truth)}
            if network in networks:
                scores = read_table(folder / "variants" / "planted" / f"simulated.cell_type.{network}.tsv.gz")
                row |= score_variants(scores, effects)
                if (motifs := folder / "models" / "simulated" / "cell_type" / network / "motifs.meme").exists():
                    row |= score_motifs(read_motifs(motifs), planted)
            rows.append(row)
    best = predictions[["gene_id", "fold", "population"]].merge(truth.assign(predicted=truth["planted"]))
    best_scores = score_predictions(best.drop(columns=["mean", "planted"]), truth)
    rows.append({"network": "best", **best_scores, **BEST_EFFECTS, **power_of_truth(simulation, effects)})
    table = pd.DataFrame(rows, columns=["network", *SCORES])
    write_table(folder / SCORED, table)
    return table


def record(table: pd.DataFrame, kind: str, genes: int, cells: int, seed: int, path: Path = EVIDENCE) -> None:
    """Put the rows of networks into the table that reports read; those of an earlier run of the same are replaced.

    cells: per population.
    """
    new = table[table["network"].isin(list(NETWORKS))].assign(kind=kind, genes=genes, cells=cells, seed=seed)
    if path.exists():
        old = read_table(path)
        same = old.set_index(EVIDENCE_KEYS).index.isin(new.set_index(EVIDENCE_KEYS).index)
        new = pd.concat([old[~same], new], ignore_index=True)
    write_table(path, new.sort_values(EVIDENCE_KEYS)[[*EVIDENCE_KEYS, *PREDICTION_SCORES, *EFFECT_SCORES]].round(3))


def pages(table: pd.DataFrame) -> Iterator[str]:
    """Make the two tables of a run in Markdown."""
    yield "| predictions | r with the true mean | r with the planted part | specificity, true mean | specificity, planted part |"
    yield "|---|---|---|---|---|"
    for scores in table.to_dict("records"):
        yield row(scores, PREDICTION_SCORES)
    yield ""
    yield (
        "| variant effects | AUROC | right signs | no effect | slope | functional pairs at q < 0.05 "
        "| false among all at q < 0.05 | controls at p < 0.05 |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for scores in table[table["auroc"].notna()].to_dict("records"):
        yield row(scores, EFFECT_SCORES)


def row(scores: dict, columns: Iterable[str]) -> str:
    """A row of a table; empty cells for numbers that are not defined."""
    name = NAMES.get(scores["network"], f"`{scores['network']}`")
    return f"| {name} | {' | '.join('' if np.isnan(scores[one]) else f'{scores[one]:.3f}' for one in columns)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=2000, help="genes of the genome (%(default)s)")
    parser.add_argument("--kind", choices=KINDS, default="exact", help="what motifs are like (%(default)s)")
    parser.add_argument("--cells", type=int, default=CELLS, help="cells per population (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (%(default)s)")
    parser.add_argument("--network", default=",".join(NETWORKS), help="networks joined by commas (%(default)s)")
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="per fold (%(default)s)")
    parser.add_argument(
        "--window", type=int, nargs=2, default=(UPSTREAM, DOWNSTREAM), metavar="BASES",
        help=f"bases before and after the TSS that networks read ({UPSTREAM} {DOWNSTREAM})",
    )  # fmt: skip
    args = parser.parse_args()
    folder = folder_of(args.kind, args.genes, args.cells, args.seed)
    networks = args.network.split(",")
    simulation = simulate(args.kind, args.genes, args.cells * POPULATIONS, args.seed)
    run(folder, simulation, networks, args.replicates, tuple(args.window))
    table = measure(folder, networks, simulation)
    if args.replicates == REPLICATES and tuple(args.window) == (UPSTREAM, DOWNSTREAM):
        record(table, args.kind, args.genes, args.cells, args.seed)
    write(" ".join(["benchmarks/planted_grammar.py", *sys.argv[1:]]), list(pages(table)))


if __name__ == "__main__":
    main()

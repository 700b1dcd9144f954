#!/usr/bin/env python3
"""What networks find of a simulated genome's grammar: predictions and variant effects, beside the truth.

Simulates the genome (planted.py), runs the pipeline into results/planted (with -resume, so that it may be stopped), and
prints the tables. docs/evidence.md has places for the tables of some commands (make bench-planted); others are only printed.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from pages import write  # noqa: E402
from planted import DOWNSTREAM, KINDS, UPSTREAM, simulate, write_simulation  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from scxpresso.metrics import pearson, specificity  # noqa: E402
from scxpresso.networks.registry import NETWORKS  # noqa: E402
from scxpresso.store import BASELINES, read_table  # noqa: E402

NAMES = {
    "half_life": "half-life features alone, ridge",
    "kmer": "4-mers and half-life, ridge",
    "scxpresso": "`scxpresso` (published)",
}
SIMULATOR = ROOT / "benchmarks" / "planted.py"
FOLDS, REPLICATES = 5, 3
SIGNIFICANT = 0.05
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
    at q < 0.05 (NaN without any). controls: share of the pairs of variants without any true effect that have p < 0.05.
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
    }


def share(true: np.ndarray) -> float:
    """Share of what is true; NaN of nothing."""
    return float(true.mean()) if len(true) else float("nan")


def run(
    folder: Path, kind: str, genes: int, seed: int, networks: list[str], replicates: int, window: tuple[int, int]
) -> None:
    """Simulate, and run the pipeline on it; what was computed before is taken from the cache.

    A sheet of recipes names the networks: with --network, ablations would be trained too.
    """
    inputs = folder / "inputs"
    last = inputs / "truth" / "motifs.tsv"
    if not last.exists() or last.stat().st_mtime < SIMULATOR.stat().st_mtime:
        write_simulation(simulate(kind, genes, seed=seed), inputs)
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
    command = [str(ROOT / "setup" / "nextflow"), "run", str(ROOT), "-resume"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    subprocess.run(command, cwd=ROOT, check=True)


def table(folder: Path, networks: list[str]) -> Iterator[str]:
    """Make the two tables of a run in Markdown."""
    truth = read_table(folder / "inputs" / "truth" / "expression.tsv.gz")
    yield "| predictions | r with the true mean | r with the planted part | specificity, true mean | specificity, planted part |"
    yield "|---|---|---|---|---|"
    for model in [*BASELINES, *networks]:
        if model != "mean":
            predictions = read_table(folder / "predictions" / "simulated" / f"cell_type.{model}.tsv.gz")
            yield row(NAMES.get(model, f"`{model}`"), score_predictions(predictions, truth))
    best = predictions[["gene_id", "fold", "population"]].merge(truth.assign(predicted=truth["planted"]))
    yield row("best that can be reached", score_predictions(best.drop(columns=["mean", "planted"]), truth))
    yield ""
    yield (
        "| variant effects | AUROC | right signs | no effect | slope | functional pairs at q < 0.05 "
        "| false among all at q < 0.05 | controls at p < 0.05 |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    effects = read_table(folder / "inputs" / "truth" / "effects.tsv.gz")
    for network in networks:
        scores = read_table(folder / "variants" / "planted" / f"simulated.cell_type.{network}.tsv.gz")
        yield row(NAMES.get(network, f"`{network}`"), score_variants(scores, effects))
    yield "| best that can be reached | 1 | 1 | 0 | 1 | 1 | 0 | 0.050 |"


def row(name: str, scores: dict[str, float]) -> str:
    """A row of a table; empty cells for numbers that are not defined."""
    return f"| {name} | {' | '.join('' if np.isnan(score) else f'{score:.3f}' for score in scores.values())} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=2000, help="genes of the genome (%(default)s)")
    parser.add_argument("--kind", choices=KINDS, default="exact", help="what motifs are like (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (%(default)s)")
    parser.add_argument("--network", default=",".join(NETWORKS), help="networks joined by commas (%(default)s)")
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="per fold (%(default)s)")
    parser.add_argument(
        "--window", type=int, nargs=2, default=(UPSTREAM, DOWNSTREAM), metavar="BASES",
        help=f"bases before and after the TSS that networks read ({UPSTREAM} {DOWNSTREAM})",
    )  # fmt: skip
    args = parser.parse_args()
    folder = ROOT / "results" / "planted" / f"{args.kind}_{args.genes}_{args.seed}"
    networks = args.network.split(",")
    run(folder, args.kind, args.genes, args.seed, networks, args.replicates, tuple(args.window))
    write(" ".join(["benchmarks/planted_grammar.py", *sys.argv[1:]]), list(table(folder, networks)))


if __name__ == "__main__":
    main()

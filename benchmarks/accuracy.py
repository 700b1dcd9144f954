#!/usr/bin/env python3
"""Held-out accuracy of all networks: on the demo atlas at the paper's window (malaria), and on human tissues and blood cells.

Runs the pipeline into results/accuracy and results/human (with -resume, so that it can be interrupted), and writes the tables
of README.md and docs/evidence.md. The demo is run with 10 random folds, 2 replicates and 40 epochs; -profile human says how
the human atlases are.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from pages import write  # noqa: E402
from pipeline import run  # noqa: E402

from scxpresso.store import BASELINES, read_table  # noqa: E402

NAMES = {
    "half_life": "half-life features, ridge",
    "gc_cpg": "GC and CpG content, ridge",
    "kmer": "4-mers and half-life, ridge",
    "scxpresso": "published network",
    "hybrid": "hybrid network",
    "grammar_promoter": "grammar network, promoter alone",
    "grammar": "grammar network",
}
NETWORKS = ["--network", "scxpresso,hybrid,grammar"]
OPTIONS = [*NETWORKS, "--folds", "10", "--replicates", "2", "--epochs", "40", "--batch_size", "128"]
HUMAN = {
    "gtex": "**GTEx**, 54 tissues (bulk), 917 genes:",
    "pbmc3k": "**PBMC 3k**, 9 populations of blood cells (10x), 588 genes:",
}


def measured(summary: pd.DataFrame, network: str, metric: str, sign: str = "") -> str:
    """Format the mean and standard deviation over folds."""
    row = summary.loc[(network, metric)]
    return f"{row['value']:{sign}.3f} ± {row['sd']:.3f}"


def difference(summary: pd.DataFrame, network: str) -> str:
    """Format the difference between a network or baseline and the published network, fold by fold."""
    if network == "scxpresso":
        return ""
    if network not in BASELINES:
        return measured(summary, network, "pearson_minus_scxpresso", "+")
    row = summary.loc[("scxpresso", f"pearson_minus_{network}")]
    return f"{-row['value']:+.3f} ± {row['sd']:.3f}"


def run_malaria(outdir: Path) -> None:
    """Run the pipeline on one level of the demo atlas; earlier results are taken from the cache."""
    run("-profile", "test", "--input", write_sheet(outdir), "--outdir", outdir, *OPTIONS)


def write_sheet(outdir: Path) -> Path:
    """Write a sheet of one level of the demo atlas into a folder."""
    outdir.mkdir(parents=True, exist_ok=True)
    sheet, atlas = outdir / "atlases.csv", ROOT / "assets" / "demo" / "atlas.h5ad"
    sheet.write_text(f"atlas,counts,protocol,genome,levels\nmalaria,{atlas},10x,pfalciparum_3D7,cell_type\n")
    return sheet


def table(summary: pd.DataFrame, atlas: str) -> Iterator[str]:
    """Make the table of an atlas at the level cell_type, in Markdown. summary: summary.tsv."""
    own = summary[(summary["atlas"] == atlas) & (summary["level"] == "cell_type")].set_index(["recipe", "metric"])
    yield "| | mean Pearson | specificity | Pearson minus the published network's |"
    yield "|---|---|---|---|"
    for network, name in NAMES.items():
        cells = [measured(own, network, metric) for metric in ("pearson", "specificity")]
        yield f"| {name} | {' | '.join(cells)} | {difference(own, network)} |"
    if not np.isnan(ceiling := own.loc[("hybrid", "ceiling"), "value"]):
        yield f"| noise ceiling | {ceiling:.2f} | | |"


def section(results: Path, atlas: str) -> Iterator[str]:
    """Make the table of an atlas and what is said below it. results: of the run."""
    yield from table(read_table(results / "evaluation" / "summary.tsv"), atlas)
    yield ""
    yield from coverages(read_table(results / "evaluation" / "intervals.tsv"), atlas)


def coverages(intervals: pd.DataFrame, atlas: str) -> Iterator[str]:
    """Say how often prediction intervals of networks hold, over networks and populations. intervals: intervals.tsv."""
    own = intervals[(intervals["atlas"] == atlas) & (intervals["level"] == "cell_type")]
    own = own[own["recipe"].isin(set(NAMES) - set(BASELINES))]
    for coverage, rows in own.groupby("coverage"):
        low, high = 100 * rows["covered"].min(), 100 * rows["covered"].max()
        yield f"- {100 * coverage:.0f} % prediction intervals of networks hold {low:.1f} to {high:.1f} % of genes."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("species", nargs="?", choices=["malaria", "human"], help="by default both")
    species = parser.parse_args().species
    results = ROOT / "results"
    if species != "human":
        run_malaria(results / "accuracy")
        write("benchmarks/accuracy.py", list(section(results / "accuracy", "malaria")))
    if species != "malaria":
        run("-profile", "human", "--outdir", results / "human")
        lines = [line for atlas, title in HUMAN.items() for line in (title, "", *section(results / "human", atlas), "")]
        write("benchmarks/accuracy.py human", lines[:-1])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Held-out accuracy on the demo atlas at the paper's window: 10 random folds, 2 replicates, 40 epochs, level cell_type.

Runs the pipeline into results/accuracy (with -resume, so that it can be interrupted) and writes the README's table.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import pandas as pd  # noqa: E402
from pages import write  # noqa: E402

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


def run(outdir: Path) -> None:
    """Run the pipeline on one level of the demo atlas; earlier results are taken from the cache."""
    outdir.mkdir(parents=True, exist_ok=True)
    sheet = outdir / "atlases.csv"
    atlas = ROOT / "assets" / "demo" / "atlas.h5ad"
    sheet.write_text(f"atlas,counts,protocol,genome,levels\nmalaria,{atlas},10x,pfalciparum_3D7,cell_type\n")
    command = [ROOT / "setup" / "nextflow", "run", ROOT, "-profile", "test", "-resume"]
    subprocess.run([*command, "--input", sheet, "--outdir", outdir, *OPTIONS], cwd=ROOT, check=True)


def report(outdir: Path) -> None:
    """Write the README's table from a run's summary.tsv."""
    summary = read_table(outdir / "evaluation" / "summary.tsv")
    summary = summary[summary["level"] == "cell_type"].set_index(["recipe", "metric"])
    lines = [
        "| | mean Pearson | specificity | Pearson minus the published network's |",
        "|---|---|---|---|",
    ]
    for network, name in NAMES.items():
        cells = [measured(summary, network, metric) for metric in ("pearson", "specificity")]
        lines.append(f"| {name} | {' | '.join(cells)} | {difference(summary, network)} |")
    lines.append(f"| noise ceiling | {summary.loc[('hybrid', 'ceiling'), 'value']:.2f} | | |")
    write("benchmarks/accuracy.py", lines)


if __name__ == "__main__":
    OUTDIR = ROOT / "results" / "accuracy"
    run(OUTDIR)
    report(OUTDIR)

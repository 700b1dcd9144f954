#!/usr/bin/env python3
"""Held-out accuracy on the demo atlas at the paper's window: 10 random folds, 1 replicate, 40 epochs, level cell_type.

Runs the pipeline into results/accuracy (with -resume, so that it may be stopped) and writes the README's table.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

from readme import write_table  # noqa: E402

from scxpresso.store import read_table  # noqa: E402

NAMES = {
    "half_life": "half-life features alone, ridge",
    "kmer": "4-mers and half-life, ridge",
    "scxpresso": "published network",
}
OPTIONS = [
    "--upstream",
    "7000",
    "--downstream",
    "3500",
    "--folds",
    "10",
    "--replicates",
    "1",
    "--epochs",
    "40",
    "--batch_size",
    "128",
]


def main() -> None:
    outdir = ROOT / "results" / "accuracy"
    outdir.mkdir(parents=True, exist_ok=True)
    sheet = outdir / "atlases.csv"
    atlas = ROOT / "assets" / "demo" / "atlas.h5ad"
    sheet.write_text(f"atlas,counts,protocol,genome,levels\nmalaria,{atlas},10x,pfalciparum_3D7,cell_type\n")
    command = [ROOT / "setup" / "nextflow", "run", ROOT, "-profile", "test", "-resume"]
    subprocess.run([*command, "--input", sheet, "--outdir", outdir, *OPTIONS], cwd=ROOT, check=True)
    summary = read_table(outdir / "evaluation" / "summary.tsv")
    summary = summary[summary["level"] == "cell_type"].set_index(["network", "metric"])
    lines = ["| | mean Pearson | specificity | noise ceiling |", "|---|---|---|---|"]
    for network, name in NAMES.items():
        cells = [
            f"{summary.loc[(network, metric), 'value']:.2f} ± {summary.loc[(network, metric), 'sd']:.2f}"
            for metric in ("pearson", "specificity")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {summary.loc[(network, 'ceiling'), 'value']:.2f} |")
    write_table("benchmarks/accuracy.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What further targets gain on the demo atlas: fractions of cells and dispersions, beside networks of the mean alone.

Runs the pipeline into results/targets (with -resume, so that it can be interrupted), and writes the table of
docs/evidence.md.
"""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import pandas as pd  # noqa: E402
from accuracy import write_sheet  # noqa: E402
from pages import write  # noqa: E402
from pipeline import run  # noqa: E402

from scxpresso.evaluation.targets import ALL_GENES, HARDLY_DETECTED  # noqa: E402
from scxpresso.expression.targets import DISPERSION, FRACTION, MEAN  # noqa: E402
from scxpresso.store import read_table  # noqa: E402

OPTIONS = ["--folds", "5", "--replicates", "1"]
NETWORKS = ["hybrid", "grammar"]
TARGETS = ["mean", "mean+fraction", "mean+dispersion", "mean+fraction+dispersion"]
COLUMNS = {
    "mean": (MEAN, ALL_GENES),
    "mean, hardly detected genes": (MEAN, HARDLY_DETECTED),
    "fraction": (FRACTION, ALL_GENES),
    "dispersion": (DISPERSION, ALL_GENES),
}


def name_of(network: str, targets: str) -> str:
    """Name a recipe."""
    return f"{network}_{targets.replace('+', '_')}"


def table(scores: pd.DataFrame) -> Iterator[str]:
    """Make the table in Markdown: of the populations, the median of the correlation. scores: targets.tsv."""
    medians = scores.groupby(["recipe", "target", "gene_set"])[["median_pearson", "delta"]].median()
    yield f"| network, targets | {' | '.join(COLUMNS)} |"
    yield "|---|" + "---|" * len(COLUMNS)
    for network, targets in product(NETWORKS, TARGETS):
        recipe = name_of(network, targets)
        cells = [shown(medians, (recipe, *column)) for column in COLUMNS.values()]
        yield f"| `{network}`, `{targets}` | {' | '.join(cells)} |"


def shown(medians: pd.DataFrame, key: tuple[str, str, str]) -> str:
    """Format a correlation, with its change in brackets where there is one; empty where a network has no such target."""
    if key not in medians.index:
        return ""
    found = medians.loc[key]
    change = "" if pd.isna(found["delta"]) else f" ({found['delta']:+.3f})"
    return f"{found['median_pearson']:.3f}{change}"


def main() -> None:
    outdir = ROOT / "results" / "targets"
    sheet = write_sheet(outdir)
    rows = [f"{name_of(*both)},{','.join(both)},no" for both in product(NETWORKS, TARGETS)]
    recipes = outdir / "recipes.csv"
    recipes.write_text("\n".join(["recipe,network,targets,downstream_analyses", *rows]) + "\n")
    genomes = ROOT / "assets" / "demo" / "genomes.csv"
    run("--input", sheet, "--genomes", genomes, "--recipes", recipes, *OPTIONS, "--outdir", outdir)
    write("benchmarks/further_targets.py", list(table(read_table(outdir / "evaluation" / "targets.tsv"))))


if __name__ == "__main__":
    main()

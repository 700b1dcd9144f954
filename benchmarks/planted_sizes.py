#!/usr/bin/env python3
"""What `grammar` finds of a planted grammar of exact motifs, by numbers of genes and of cells per population.

Runs benchmarks/planted_grammar.py's simulations of the sizes given, and writes the table of all sizes of which there are
results into docs/evidence.md.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from pages import write  # noqa: E402
from planted import DOWNSTREAM, POPULATIONS, UPSTREAM, simulate  # noqa: E402
from planted_grammar import REPLICATES, SCORED, folder_of, measure, record, run  # noqa: E402

from scxpresso.store import read_table  # noqa: E402

KIND, SEED, NETWORK = "exact", 1, "grammar"
GENES, CELLS = [500, 2000, 8000], [50, 500]
TABLES = {
    "predictions": ["r_mean", "r_planted", "specificity_mean", "specificity_planted", "motifs_found", "motifs_false"],
    "variant effects": ["auroc", "right_signs", "slope", "power", "false"],
    "controls": ["controls", "ks", "ks_p", "ks_specificity", "ks_specificity_p"],
}
HEADINGS = {
    "r_mean": "r with the true mean",
    "r_planted": "r with the planted part",
    "specificity_mean": "specificity, true mean",
    "specificity_planted": "specificity, planted part",
    "motifs_found": "planted motifs found",
    "motifs_false": "motifs that match none",
    "auroc": "AUROC",
    "right_signs": "right signs",
    "power": "functional pairs at q < 0.05",
    "false": "false among all at q < 0.05",
    "controls": "p < 0.05",
    "ks": "distance from uniform",
    "ks_p": "p of the distance",
    "ks_specificity": "specificity: distance from uniform",
    "ks_specificity_p": "p of the distance",
}


def scored(genes: int, cells: int) -> pd.Series | None:
    """Give the scores of a run; None if there is none."""
    path = folder_of(KIND, genes, cells, SEED) / SCORED
    return read_table(path).set_index("network").loc[NETWORK] if path.exists() else None


def pages(runs: dict[tuple[int, int], pd.Series | None]) -> Iterator[str]:
    """Make the tables in Markdown. runs: scores by numbers of genes and of cells per population."""
    for title, columns in TABLES.items():
        yield f"| {title} | cells per population | {' | '.join(HEADINGS.get(name, name) for name in columns)} |"
        yield "|---|---|" + "---|" * len(columns)
        for (genes, cells), scores in runs.items():
            unknown = ["not measured yet", *[""] * (len(columns) - 1)]
            values = unknown if scores is None else [shown(name, scores[name]) for name in columns]
            yield f"| {genes:,} genes | {cells} | {' | '.join(values)} |"
        yield ""


def shown(name: str, value: float) -> str:
    """Format a score; empty if it is not defined."""
    if name.endswith("_p") and value < 0.001:
        return "< 0.001"
    return "" if np.isnan(value) else f"{value:.{0 if name == 'motifs_false' else 3}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, nargs="*", default=GENES, help="numbers of genes (%(default)s)")
    parser.add_argument("--cells", type=int, nargs="*", default=CELLS, help="cells per population (%(default)s)")
    args = parser.parse_args()
    for genes, cells in product(args.genes, args.cells):
        simulation = simulate(KIND, genes, cells * POPULATIONS, SEED)
        folder = folder_of(KIND, genes, cells, SEED)
        run(folder, simulation, [NETWORK], REPLICATES, (UPSTREAM, DOWNSTREAM))
        record(measure(folder, [NETWORK], simulation), KIND, genes, cells, SEED)
    sizes = sorted({*product(GENES, CELLS), *product(args.genes, args.cells)})
    write("benchmarks/planted_sizes.py", list(pages({size: scored(*size) for size in sizes}))[:-1])


if __name__ == "__main__":
    main()

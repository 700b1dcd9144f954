#!/usr/bin/env python3
"""Size of the report on simulated results: 20,000 genes, levels of 1, 4 and 20 populations, and bulk of the same tissue.

Two networks (20 folds, 5 replicates, 40 epochs) and the four baselines predict each level, as in a run with the defaults.
evaluate.py and report.py run from start to end, each on one core. The largest parts of the page are listed.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from measure import run  # noqa: E402
from pages import LINE_LENGTH, write  # noqa: E402

from scxpresso.genome.sequence import encode  # noqa: E402
from scxpresso.store import (  # noqa: E402
    BASELINES,
    DROPPED_GENE_COLUMNS,
    DROPPED_POPULATION_COLUMNS,
    HISTORY_COLUMNS,
    prediction_table,
    write_json,
    write_table,
)

NETWORKS = ["scxpresso", "grammar"]
FOLDS, REPLICATES, EPOCHS = 20, 5, 40
UPSTREAM, DOWNSTREAM = 1000, 500  # of the windows: what the report reads of them
N_PARTS = 5
ONE_CORE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


def make_results(folder: Path, genes: int, populations: int) -> Path:
    """Write the tables that evaluate.py and report.py read, and return their manifest."""
    rng = np.random.default_rng(1)
    ids = pd.Index([f"ENSG{number:011}" for number in range(genes)], name="gene_id")
    write_genome(folder, ids, rng)
    classes = [f"class {number}" for number in range(1, max(populations // 5, 1) + 1)]
    types = {f"cell type {number}": classes[number % len(classes)] for number in range(1, populations + 1)}
    levels = {"all": {"all": ""}, "class": dict.fromkeys(classes, "all"), "type": types}
    shared = rng.normal(-3, 1, genes)
    models, predictions = [], []
    for atlas, of_atlas in (("cells", levels), ("bulk", {"all": {"all": ""}})):
        for level, parents in of_atlas.items():
            write_level(folder / atlas, level, parents, ids, shared, rng)
            for recipe in [*NETWORKS, *BASELINES]:
                path = f"predictions/{atlas}.{level}.{recipe}.tsv.gz"
                write_predictions(folder / path, folder / atlas / f"{level}.tsv.gz", recipe, rng)
                about = {"atlas": atlas, "level": level, "recipe": recipe, "network": recipe}
                predictions.append(about | {"path": path})
                if recipe in NETWORKS:
                    models.append(about | {"histories": ["history.tsv"]})
    write_history(folder / "history.tsv", rng)
    genome = {"genome": "g", "genes": "genes.tsv", "dropped": "dropped.tsv", "features": "features.h5"}
    atlases = [
        {"atlas": "cells", "genome": "g", "protocol": "10x", "tissue": "t", "levels": list(levels), "path": "cells"},
        {"atlas": "bulk", "genome": "g", "protocol": "bulk", "tissue": "t", "levels": ["all"], "path": "bulk"},
    ]
    described = dict.fromkeys(["revision", "container", "profile", "nextflow", "command"]) | {"version": "simulated"}
    empty: dict = {name: [] for name in ("notes", "saturation", "variants", "sets", "warnings")}
    manifest = {
        "run": described, "params": {}, "versions": {}, "genomes": [genome], "atlases": atlases, "models": models,
        "predictions": predictions, "evaluation": "evaluation", "motifs": None, **empty,
    }  # fmt: skip
    write_json(folder / "manifest.json", manifest)
    return folder / "manifest.json"


def write_genome(folder: Path, ids: pd.Index, rng: np.random.Generator) -> None:
    lengths = {f"{part}_length": rng.integers(100, 9000, len(ids)) for part in ("orf", "utr5", "utr3", "intron")}
    names = {"gene_id": ids, "gene_name": [f"GENE{number}" for number in range(len(ids))], "padded_bases": 0}
    write_table(folder / "genes.tsv", pd.DataFrame(names | lengths))
    write_table(folder / "dropped.tsv", pd.DataFrame(columns=DROPPED_GENE_COLUMNS))
    with h5py.File(folder / "features.h5", "w") as file:
        file.attrs["upstream"] = UPSTREAM
        file["gene_id"] = list(ids)
        file["codes"] = rng.choice(encode("ACGT"), (len(ids), UPSTREAM + DOWNSTREAM))


def write_level(
    folder: Path, level: str, parents: dict[str, str], ids: pd.Index, shared: np.ndarray, rng: np.random.Generator
) -> None:
    """Write the expression of a level: a part of each gene that all populations share, and one of its own."""
    values = shared[:, None] + rng.normal(0, 0.7, (len(ids), len(parents)))
    write_table(folder / f"{level}.tsv.gz", pd.DataFrame(np.maximum(values, -4), ids, list(parents)).reset_index())
    about = {"population": list(parents), "parent": list(parents.values())}
    numbers = {"cells": 500, "genes_detected": len(ids) // 2, "noise_ceiling": 0.95}
    write_table(folder / f"{level}.populations.tsv", pd.DataFrame(about).assign(**numbers))
    write_table(folder / "dropped_populations.tsv", pd.DataFrame(columns=DROPPED_POPULATION_COLUMNS))
    write_table(folder / "dropped_genes.tsv", pd.DataFrame(columns=DROPPED_GENE_COLUMNS))


def write_predictions(path: Path, expression: Path, recipe: str, rng: np.random.Generator) -> None:
    observed = pd.read_csv(expression, sep="\t", index_col="gene_id")
    fold = np.arange(len(observed)) % FOLDS + 1
    replicates = 1 if recipe in BASELINES else REPLICATES
    outputs = observed.to_numpy() + rng.normal(0, 0.8, (replicates, *observed.shape))
    table = prediction_table(observed, fold, outputs)
    write_table(path, table.assign(sd=np.nan) if recipe in BASELINES else table)


def write_history(path: Path, rng: np.random.Generator) -> None:
    epochs = np.arange(1, EPOCHS + 1)
    loss = 0.5 + 0.5 / epochs
    runs = [
        pd.DataFrame({
            "fold": fold, "replicate": replicate, "population": "", "attempt": 1, "seed": 1, "epoch": epochs,
            "learning_rate": 5e-4, "train_loss": loss + rng.normal(0, 0.01, EPOCHS),
            "validation_loss": loss + rng.normal(0, 0.01, EPOCHS), "best": (epochs == EPOCHS // 2).astype(int),
            "collapsed": 0,
        }, columns=HISTORY_COLUMNS)
        for fold in range(1, FOLDS + 1) for replicate in range(1, REPLICATES + 1)
    ]  # fmt: skip
    write_table(path, pd.concat(runs))


def largest_parts(page: str) -> list[tuple[str, float]]:
    """Return the name and MB of the largest parts of the page's data, and of Plotly's script with the rest."""
    start = page.index(">", page.index('id="report-data"')) + 1
    text = page[start : page.index("</script>", start)]
    sizes = {name: len(json.dumps(part, separators=(",", ":"))) / 1e6 for name, part in json.loads(text).items()}
    sizes["Plotly with scripts and tables"] = (len(page.encode()) - len(text.encode())) / 1e6
    return sorted(sizes.items(), key=lambda one: -one[1])[:N_PARTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--populations", type=int, nargs="+", default=[5, 20], help="of the finest level")
    args = parser.parse_args()
    lines = [
        "| populations | page | evaluate.py (CPU) | memory | report.py (CPU) | memory |",
        "|---|---|---|---|---|---|",
    ]
    largest = []
    for populations in args.populations:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            manifest = make_results(folder, args.genes, populations)
            evaluated = run([sys.executable, ROOT / "bin/evaluate.py", "--manifest", manifest, "--outdir",
                             folder / "evaluation"], **ONE_CORE)  # fmt: skip
            page = folder / "report.html"
            reported = run([sys.executable, ROOT / "bin/report.py", "--manifest", manifest, "--template",
                            ROOT / "assets/report", "--output", page], **ONE_CORE)  # fmt: skip
            size, parts = page.stat().st_size / 1e6, largest_parts(page.read_text(encoding="utf-8"))
        lines.append(
            f"| {populations} | {size:.1f} MB | {evaluated.cpu:.0f} s | {evaluated.memory:.1f} GB | "
            f"{reported.cpu:.0f} s | {reported.memory:.1f} GB |"
        )
        largest = parts
    listed = ", ".join(f"{name} {mb:.1f} MB" for name, mb in largest)
    write("benchmarks/report_size.py", [*lines, "", *wrap(f"Largest parts of the last one: {listed}.", LINE_LENGTH)])


if __name__ == "__main__":
    main()

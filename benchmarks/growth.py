#!/usr/bin/env python3
"""How time and memory grow when one quantity is doubled three times and the others stay the same.

Quantities: genes, populations, window and replicates of a training fold of the published network; genes and populations of one
network each of the others, with all of their features and the paper's window; cells of a pseudobulk; variants, two per gene,
that five replicates of the published network score. Each point is a process of its own on one core. CPU seconds are the better
of two runs, after a small one that compiles the kernels. Memory is the peak of the process, programs included.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from pages import LINE_LENGTH, write  # noqa: E402
from pseudobulk_size import LEVELS, gene_ids, make_atlas  # noqa: E402

TRAINING = {"genes": 500, "populations": 4, "window": 2500, "replicates": 1}
WHOLE_WINDOW = 10500
OTHER_NETWORKS = ("hybrid", "grammar")
HUMAN = {"genes": 19_000, "populations": 22, "networks": 100}
N_CELLS, N_VARIANTS = 20_000, 250
FIRST = TRAINING | {"cells": N_CELLS, "variants": N_VARIANTS}
N_EPOCHS = 3
DOUBLINGS = (1, 2, 4, 8)
COLOURS = {
    "genes": "#0072b2",
    "populations": "#e69f00",
    "window": "#009e73",
    "replicates": "#cc79a7",
    "cells": "#d55e00",
    "variants": "#56b4e9",
}
PLOT = ROOT / "docs" / "images" / "growth.svg"


def train(genes: int, populations: int, window: int, replicates: int, network: str = "scxpresso") -> None:
    """Train one fold on random data; a tenth of the genes are for validation."""
    import torch
    from simulated import last_tenth_validates, random_genes

    from scxpresso.genome.annotation import HALF_LIFE
    from scxpresso.genome.extended import EXTENDED
    from scxpresso.genome.transcript_features import TRANSCRIPT
    from scxpresso.training.data import Recipe
    from scxpresso.training.train import train_folds

    torch.set_num_threads(1)
    features = {"scxpresso": HALF_LIFE, "hybrid": [*HALF_LIFE, *EXTENDED]}.get(
        network, [*HALF_LIFE, *EXTENDED, *TRANSCRIPT]
    )
    data = random_genes(genes, populations, window, last_tenth_validates(genes), features)
    train_folds(data, Recipe(network=network, replicates=replicates, epochs=N_EPOCHS), torch.device("cpu"))


def pseudobulk_of(path: Path) -> None:
    from scxpresso.expression.atlas import Atlas
    from scxpresso.expression.pseudobulk import PseudobulkOptions, pseudobulk_cells

    genes = pd.DataFrame({"gene_id": gene_ids(), "gene_name": gene_ids()})
    with Atlas(path) as atlas:
        pseudobulk_cells(atlas, genes, PseudobulkOptions("10x", tuple(LEVELS)))


def scoring_of(folder: Path, number: int) -> Callable[[int], None]:
    """Make a world, and return a function that scores the first of so many variants of it."""
    import torch
    import variant_scoring

    from scxpresso.genome.feature_store import Features
    from scxpresso.networks.model import Model
    from scxpresso.store import read_table
    from scxpresso.variants.pooled import PooledEffects
    from scxpresso.variants.scoring import Scorer, score_variants

    torch.set_num_threads(1)
    variant_scoring.N_GENES = number // 2
    with ProcessPoolExecutor(1, get_context("fork")) as other:  # whose memory is not that of scoring
        bases, genes = other.submit(variant_scoring.make_world, folder).result()
    found = variant_scoring.variants(bases, genes, 2)
    model, table = Model(folder / "scxpresso"), read_table(folder / "genes.tsv", index="gene_id")
    pooled = PooledEffects.read(folder / "scxpresso.pooled.h5", model)

    def score(number: int) -> None:
        scorer = Scorer(model, Features(folder / "features.h5"), table, torch.device("cpu"), pooled=pooled)
        for _ in score_variants(scorer, lambda: found[:number], str(folder / "genome.fa")):
            pass

    return score


def point(what: str, sizes: dict) -> None:
    """Measure one point, and print its seconds and GB."""
    with tempfile.TemporaryDirectory() as name:
        small, atlas = Path(name) / "small.h5ad", Path(name) / "atlas.h5ad"
        if what == "cells":
            make_atlas(small, 2_000)
            make_atlas(atlas, sizes["cells"], at_once=2_000)
            warm, measured = (lambda: pseudobulk_of(small)), (lambda: pseudobulk_of(atlas))
        elif what == "variants":
            score = scoring_of(Path(name), sizes["variants"])
            warm, measured = (lambda: score(4)), (lambda: score(sizes["variants"]))
        else:
            small_one = sizes | {"genes": 100, "populations": 2, "window": 500}
            warm, measured = (lambda: train(**small_one)), (lambda: train(**sizes))
        warm()
        seconds = min(cpu_seconds(measured) for _ in range(2))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"seconds": seconds, "memory": memory}))


def cpu_seconds(measured: Callable) -> float:
    start = time.process_time()
    measured()
    return time.process_time() - start


def measure(what: str, **sizes: int) -> dict:
    command = [sys.executable, __file__, what, json.dumps(sizes)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def measure_all() -> dict[str, list[dict]]:
    """Measure seconds and memory at all points of each quantity."""
    base = measure("training", **TRAINING)
    points = {
        name: [base] + [measure("training", **TRAINING | {name: size * times}) for times in DOUBLINGS[1:]]
        for name, size in TRAINING.items()
    }
    others = {"cells": N_CELLS, "variants": N_VARIANTS}
    points |= {name: [measure(name, **{name: size * times}) for times in DOUBLINGS] for name, size in others.items()}
    for network in OTHER_NETWORKS:
        sizes = TRAINING | {"window": WHOLE_WINDOW, "network": network}
        for name in ("genes", "populations"):
            row = [measure("training", **sizes | {name: sizes[name] * times}) for times in DOUBLINGS]
            points[f"{name}, `{network}`"] = row
    return points


def plot(points: dict[str, list[dict]]) -> str:
    """Draw two panels as SVG: time and memory relative to the first point, both axes log2. The dashed line is proportional."""
    size, left, top, apart = 240, 50, 40, 350
    box = f"0 0 {2 * apart + 10} {size + 90}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for panel, measured in enumerate(("seconds", "memory")):
        x0, y0 = left + panel * apart, top + size

        def place(times: float, value: float, x0=x0, y0=y0) -> str:
            return f"{x0 + np.log2(times) / 3 * size:.1f},{y0 - np.log2(value) / 3.5 * size:.1f}"

        title = {"seconds": "CPU time", "memory": "peak memory"}[measured]
        parts.append(f'<text x="{x0}" y="{top - 16}" font-size="14">{title}, relative to the base</text>')
        for tick in DOUBLINGS:
            x, y = place(tick, tick).split(",")
            parts.append(f'<path d="M{x0} {y}h{size}" stroke="#ddd"/>')
            parts.append(f'<text x="{x0 - 8}" y="{y}" dy="4" text-anchor="end">{tick}×</text>')
            parts.append(f'<text x="{x}" y="{y0 + 34}" text-anchor="middle">{tick}×</text>')
        parts.append(f'<path d="M{place(1, 1)} L{place(8, 8)}" stroke="#999" stroke-dasharray="4 4"/>')
        for name in COLOURS:
            row = points[name]
            # Noise below the base stays within the panel.
            line = [
                place(times, max(each[measured] / row[0][measured], 2**-0.3))
                for times, each in zip(DOUBLINGS, row, strict=True)
            ]
            parts.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
    for number, (name, colour) in enumerate(COLOURS.items()):
        x = left + number * 105
        parts.append(f'<path d="M{x} {top + size + 46}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 26}" y="{top + size + 46}" dy="4">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def whole_run(points: dict[str, list[dict]]) -> str:
    """Extrapolate each other network to a human atlas: linear in genes; more populations cost what eight times as many do."""
    hours = []
    for network in OTHER_NETWORKS:
        genes, populations = (points[f"{name}, `{network}`"] for name in ("genes", "populations"))
        each = genes[-1]["seconds"] * HUMAN["genes"] / (TRAINING["genes"] * DOUBLINGS[-1])
        each *= populations[-1]["seconds"] / populations[0]["seconds"]
        hours.append(f"{each * HUMAN['networks'] / 3600:.1f} for `{network}`")
    size = "{genes:,} genes, {populations} populations, {networks} networks".format(**HUMAN)
    return f"Extrapolated CPU hours of one level of a human atlas ({size}): {', '.join(hours)}."


def main() -> None:
    if sys.argv[1:]:
        point(sys.argv[1], json.loads(sys.argv[2]))
        return
    points = measure_all()
    PLOT.write_text(plot(points))
    lines = [
        "| doubled | from | CPU seconds | 2× | 4× | 8× | GB | 2× | 4× | 8× |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in points.items():
        cells = [name, f"{FIRST[name.split(',')[0]]:,}"]
        for measured in ("seconds", "memory"):
            cells += [f"{row[0][measured]:.2f}", *(f"{each[measured] / row[0][measured]:.1f}" for each in row[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *wrap(whole_run(points), LINE_LENGTH), ""]
    lines.append("![The first rows as two plots, both axes logarithmic](images/growth.svg)")
    write("benchmarks/growth.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""CPU time, memory and disk of a variant map at two numbers of genes, what follows for a human genome, and the estimate.

The genome is random. Networks are untrained, of the size of trained ones; effects of trained ones compress better. Cost is
linear in genes: the line through both sizes gives that of 20,000. Preflight's estimate has the constants of
bin/scxpresso/variant_map/size.py, which are chosen so that it is not below what is measured here.

The pipeline then maps all genes of the demo by the models of `make demo`, which must have run, into results/demo_map.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import torch  # noqa: E402
import variant_scoring  # noqa: E402
from measure import Taken, run  # noqa: E402
from pages import write  # noqa: E402
from task_costs import finished_tasks  # noqa: E402

from scxpresso.store import read_table  # noqa: E402
from scxpresso.variant_map.parts import write_parts  # noqa: E402
from scxpresso.variant_map.size import MapSize  # noqa: E402

NETWORKS = ("scxpresso", "grammar")
N_GENES = (10, 30)
N_POPULATIONS = 22
ALL_GENES = 20_000


def mapped(folder: Path, kind: str, genes: int) -> tuple[Taken, int]:
    """Map the first genes of a world by a model: what the process took, and the bytes of its part."""
    made = folder / f"{kind}_{genes}"
    command = [sys.executable, ROOT / "bin" / "map_variants.py", "--model", folder / kind, "--device", "cpu"]
    command += ["--part", folder / f"{genes}.h5", "--pooled", folder / f"{kind}.pooled.h5", "--outdir", made]
    taken = run([*command, "--genes_per_part", max(N_GENES)])
    return taken, sum(path.stat().st_size for path in made.rglob("*") if path.is_file())


def demo_maps() -> Iterator[str]:
    """Map the demo by each of NETWORKS; yield the rows of the table."""
    results = ROOT / "results/demo_map"
    models = results / "models"
    for trained in (ROOT / "results/demo/models/malaria/cell_type" / network for network in NETWORKS):
        if not trained.is_dir():
            sys.exit("no models in results/demo: run `make demo` first")
        shutil.copytree(trained, models / "malaria/cell_type" / trained.name, dirs_exist_ok=True)
    command = [
        ROOT / "setup/nextflow",
        "run",
        ROOT,
        "-resume",
        "--models",
        models,
        "--variant_map",
        "--outdir",
        results,
    ]
    subprocess.run([*command, "--genomes", ROOT / "assets/demo/genomes.csv"], cwd=ROOT, check=True)
    tasks = finished_tasks(results / "pipeline_info/trace.txt")
    tasks = tasks[tasks["process"].isin(["POOL_EFFECTS", "MAP_VARIANTS", "JOIN_MAP"])]
    for made in sorted((results / "variant_map").glob("*/*/genes.tsv")):
        atlas, model = made.parts[-3:-1]
        level, network = model.rsplit(".", 1)
        content = json.loads((models / atlas / level / network / "model.json").read_text())
        own = tasks[tasks["tag"] == f"{atlas}.{model}"]
        size = sum(path.stat().st_size for path in made.parent.rglob("*") if path.is_file())
        replicates = len(next(iter(content["folds"].values()))["used"])
        yield (
            f"| `{network}`, the demo ({len(content['populations'])} populations, {replicates} replicates) "
            f"| {len(read_table(made)):,} | {own['cpu'].sum() / 60:.0f} min | {own['memory'].max():.1f} GB "
            f"| {size / 1e9:.1f} GB |"
        )


def main() -> None:
    torch.set_num_threads(1)
    variant_scoring.N_POPULATIONS, variant_scoring.N_GENES = N_POPULATIONS, max(N_GENES)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _, genes = variant_scoring.make_world(folder)
        for number in N_GENES:
            # So large a limit that all genes are one part, whatever their ids
            (part,) = write_parts(folder / "features.h5", genes.head(number), 10**9, folder / "parts")
            part.rename(folder / f"{number}.h5")
        found = {kind: [mapped(folder, kind, number) for number in N_GENES] for kind in NETWORKS}
    lines = [
        f"| {variant_scoring.N_REPLICATES} replicates, {N_POPULATIONS} populations, {variant_scoring.WINDOW:,} bases, "
        "1 thread | genes | CPU time | memory | on disk |",
        "|---|---|---|---|---|",
    ]
    few, many = N_GENES
    for kind, ((small, size), (large, larger)) in found.items():
        for number, taken, bytes_ in ((few, small, size), (many, large, larger)):
            lines.append(f"| `{kind}` | {number} | {taken.cpu:.1f} s | {taken.memory:.1f} GB | {bytes_ / 1e9:.3f} GB |")
        hours = (large.cpu - small.cpu) / (many - few) * ALL_GENES / 3600
        disk = (larger - size) / (many - few) * ALL_GENES / 1e9
        lines.append(f"| `{kind}`, extrapolated | {ALL_GENES:,} | {hours:.1f} h | | {disk:.0f} GB |")
    estimate = MapSize(ALL_GENES, variant_scoring.WINDOW, N_POPULATIONS, variant_scoring.N_REPLICATES)
    lines.append(
        f"| preflight's estimate | {ALL_GENES:,} | {estimate.cpu_seconds / 3600:.1f} h | | {estimate.bytes / 1e9:.0f} GB |"
    )
    lines += demo_maps()
    write("benchmarks/variant_map.py", lines)


if __name__ == "__main__":
    main()

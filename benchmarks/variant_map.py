#!/usr/bin/env python3
"""CPU time, memory and disk of a variant map at two numbers of genes, and what follows for a human genome.

The genome is random, networks are of the published kind and untrained, whose effects compress less than those of trained
ones. Cost is linear in genes: the line through both sizes gives that of 20,000. A map with one population separates what a
base costs from what a population adds; both are the constants of bin/scxpresso/variants/map_size.py.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import torch  # noqa: E402
import variant_scoring  # noqa: E402
from measure import Taken, run  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.genome.feature_store import Features  # noqa: E402
from scxpresso.networks.model import Model  # noqa: E402
from scxpresso.variants.map_parts import write_parts  # noqa: E402
from scxpresso.variants.pooled import pool_effects  # noqa: E402

N_GENES = (10, 30)
N_POPULATIONS = (1, 22)
N_POOLED = 4  # genes of the pooled background, whose size does not change the time of a map
ALL_GENES = 20_000
MAX_GENES = max(N_GENES)


def mapped(folder: Path, genes: int) -> tuple[Taken, int]:
    """Map the first genes of a world: what the process took, and the bytes of its part."""
    part, made = folder / f"{genes}.h5", folder / f"part_{genes}"
    command = [sys.executable, ROOT / "bin" / "map_variants.py", "--model", folder / "model", "--part", part]
    command += ["--pooled", folder / "pooled_effects.h5", "--genes_per_part", MAX_GENES, "--device", "cpu"]
    taken = run([*command, "--outdir", made])
    return taken, sum(path.stat().st_size for path in made.rglob("*") if path.is_file())


def measured(folder: Path, populations: int) -> list[tuple[Taken, int]]:
    """Map both numbers of genes with this number of populations."""
    folder.mkdir()
    variant_scoring.N_POPULATIONS, variant_scoring.N_GENES = populations, MAX_GENES
    _, genes = variant_scoring.make_world(folder)
    model, features = Model(folder / "model"), Features(folder / "features.h5")
    pool_effects(model, features, list(features.gene_id[:N_POOLED]), torch.device("cpu")).write(
        folder / "pooled_effects.h5"
    )
    for number in N_GENES:
        # So large a limit that all genes are one part, whatever their ids
        (made,) = write_parts(folder / "features.h5", genes.head(number).assign(chrom="1"), 10**9, folder / "parts")
        made.rename(folder / f"{number}.h5")
    return [mapped(folder, number) for number in N_GENES]


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        found = {number: measured(Path(temporary) / str(number), number) for number in N_POPULATIONS}
    few, many = N_GENES
    lines = [
        f"| {variant_scoring.N_REPLICATES} replicates, {variant_scoring.WINDOW:,} bases, 1 thread | genes "
        "| CPU seconds | memory | on disk |",
        "|---|---|---|---|---|",
    ]
    slopes = {}
    for populations, ((small, size), (large, larger)) in found.items():
        name = f"{populations} population{'s' if populations > 1 else ''}"
        lines.append(f"| {name} | {few} | {small.cpu:.1f} | {small.memory:.1f} GB | {size / 1e6:,.0f} MB |")
        lines.append(f"| {name} | {many} | {large.cpu:.1f} | {large.memory:.1f} GB | {larger / 1e6:,.0f} MB |")
        seconds, bytes_ = (large.cpu - small.cpu) / (many - few), (larger - size) / (many - few)
        slopes[populations] = seconds, bytes_
        lines.append(
            f"| {name}, extrapolated | {ALL_GENES:,} | {seconds * ALL_GENES:,.0f} ({seconds * ALL_GENES / 3600:.1f} h) | "
            f"| {bytes_ * ALL_GENES / 1e9:,.1f} GB |"
        )
    one, all_ = N_POPULATIONS
    reads = variant_scoring.WINDOW * variant_scoring.N_REPLICATES
    per_output = (slopes[all_][0] - slopes[one][0]) / (all_ - one) / reads
    per_base = slopes[one][0] / reads - per_output
    per_value = slopes[all_][1] / (3 * variant_scoring.WINDOW * all_)
    lines += [
        "",
        f"Per base and network: {per_base * 1e6:.2f} µs, and {per_output * 1e6:.2f} µs per population. "
        f"Per value: {per_value:.2f} bytes.",
    ]
    write("benchmarks/variant_map.py", lines)


if __name__ == "__main__":
    main()

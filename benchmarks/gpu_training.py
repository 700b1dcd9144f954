#!/usr/bin/env python3
"""Training on a GPU at human size (19,000 genes of 10,500 bases, random): plain and as stacks of 5, 20 and 100 networks.

Beside a time stands the share that it reaches of the bound which bandwidth sets: bytes that a step must move for each gene and
network, against what a copy within the GPU's memory reaches in the same run. Must move, if a layer is one kernel and all that
is small stays in the caches: the gene's windows (10,499 · 4 bytes, read once), and of the first pooling's 350 · 128 positions
the values (4 bytes: written, read by the second convolution and by its backward pass), the places of the maxima (4 bytes:
written, read) and the gradients (4 bytes: written, read). Times are of whole epochs with their validation, whose bytes are not
counted. Without CUDA it says so and measures nothing. --profile adds the ten operations that take most of a stack's time.
"""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402
from simulated import random_genes  # noqa: E402

from scxpresso.training.data import Recipe, Split, TrainingData  # noqa: E402
from scxpresso.training.train import train_folds  # noqa: E402

GENES, VALIDATION, WINDOW, POPULATIONS, FOLDS, REPLICATES, EPOCHS = 19_000, 1000, 10_500, 22, 20, 5, 40
MEASURED = 2  # epochs, after a first one
BYTES = 4 * (WINDOW - 1) + 4 * 350 * 128 * (3 + 2 + 2)  # of a gene, network and step
DEVICE = torch.device("cuda")


def random_data(genes: int, folds: int) -> TrainingData:
    """Random genes, and the first folds of twenty."""
    rng = np.random.default_rng(1)
    splits = {}
    for fold in range(1, folds + 1):
        rest = rng.permutation(np.flatnonzero(np.arange(genes) % FOLDS != fold - 1))
        splits[fold] = Split(train=np.sort(rest[VALIDATION:]), validation=np.sort(rest[:VALIDATION]))
    return random_genes(genes, POPULATIONS, WINDOW, splits)


def bandwidth() -> float:
    """Bytes a second that a copy within the device's memory reads and writes."""
    source = torch.zeros(2**28, device=DEVICE)
    target = torch.empty_like(source)
    target.copy_(source)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        target.copy_(source)
    torch.cuda.synchronize()
    return 20 * 2 * source.nbytes / (time.perf_counter() - start)


def measure(engine: str, folds: int, replicates: int, peak: float) -> str:
    """The table's row of an engine, from its second and third epoch."""
    data, networks, marks = random_data(GENES, folds), folds * replicates, []
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    train_folds(
        data,
        Recipe(replicates=replicates, epochs=1 + MEASURED),
        DEVICE,
        engine,
        lambda row: marks.append(time.perf_counter()),
    )
    seconds = marks[-1] - marks[networks - 1]
    before = marks[networks - 1] - start - seconds / MEASURED
    steps = MEASURED * replicates * sum(len(genes.train) for genes in data.splits.values())
    whole = FOLDS * REPLICATES / networks * (before + EPOCHS * seconds / MEASURED)
    return (
        f"| {'one by one' if engine == 'plain' else 'together'} | {networks} | {before:.1f} | {1000 * seconds / steps:.4f} | "
        f"{BYTES * steps / seconds / peak:.0%} | {torch.cuda.max_memory_allocated() / 1e9:.1f} | {whole / 60:.0f} |"
    )


def profile() -> None:
    """Print the ten operations that take most of the time of an epoch of a stack of five, with fewer genes."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        train_folds(random_data(4000, 1), Recipe(replicates=5, epochs=1), DEVICE)
    print(profiler.key_averages().table(sort_by="self_cuda_time_total", row_limit=10))


def main() -> None:
    if not torch.cuda.is_available():
        print("not run: torch sees no CUDA device here")
        return
    peak = bandwidth()
    lines = [
        f"{torch.cuda.get_device_name()}: a copy within its memory moves {peak / 1e9:,.0f} GB/s.",
        "",
        "| networks train | networks of a task | set-up, s | ms a gene, network and step | of the bandwidth bound "
        f"| GPU memory, GB | {FOLDS} folds × {REPLICATES} replicates × {EPOCHS} epochs, minutes |",
        "|---|---|---|---|---|---|---|",
        *(measure(*case, peak) for case in (("plain", 1, 1), ("auto", 1, 5), ("auto", 4, 5), ("auto", 20, 5))),
    ]
    write("benchmarks/gpu_training.py", lines)
    if sys.argv[1:] == ["--profile"]:
        profile()


if __name__ == "__main__":
    main()

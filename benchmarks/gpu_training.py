#!/usr/bin/env python3
"""Training on a GPU at human size (19,000 random genes of 10,500 bases): one by one, and in stacks of 5, 20 and 100 networks.

Each time is compared with the limit set by memory bandwidth: the bytes that a step has to move per gene and network, at the
speed of a copy within the GPU's memory in the same run. If every layer is one kernel and small tensors stay in the caches, a
step has to move:

- the gene's 6-mers (10,499 · 4 bytes, read once);
- for each of the 350 · 128 positions after the first pooling: values (4 bytes, written once, and read by the second
  convolution and its backward pass), positions of the maxima (4 bytes, written and read) and gradients (likewise).

Times are those of whole epochs, including validation, whose bytes are not counted. Without CUDA, nothing is measured.
--profile adds the ten operations that take most of a stack's time.
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

N_GENES, N_VALIDATION, WINDOW, N_POPULATIONS, N_FOLDS, N_REPLICATES, N_EPOCHS = 19_000, 1000, 10_500, 22, 20, 5, 40
N_MEASURED_EPOCHS = 2  # after a first one
BYTES = 4 * (WINDOW - 1) + 4 * 350 * 128 * (3 + 2 + 2)  # per gene, network and step
DEVICE = torch.device("cuda")


def random_data(genes: int, folds: int) -> TrainingData:
    """Make random genes, and the first folds of twenty."""
    rng = np.random.default_rng(1)
    splits = {}
    for fold in range(1, folds + 1):
        rest = rng.permutation(np.flatnonzero(np.arange(genes) % N_FOLDS != fold - 1))
        splits[fold] = Split(train=np.sort(rest[N_VALIDATION:]), validation=np.sort(rest[:N_VALIDATION]))
    return random_genes(genes, N_POPULATIONS, WINDOW, splits)


def bandwidth() -> float:
    """Measure the bytes per second that a copy within the device's memory reads and writes."""
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
    """Make the table's row for an engine, from its second and third epoch."""
    data, networks, marks = random_data(N_GENES, folds), folds * replicates, []
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    train_folds(
        data,
        Recipe(replicates=replicates, epochs=1 + N_MEASURED_EPOCHS),
        DEVICE,
        engine,
        lambda row: marks.append(time.perf_counter()),
    )
    seconds = marks[-1] - marks[networks - 1]
    before = marks[networks - 1] - start - seconds / N_MEASURED_EPOCHS
    steps = N_MEASURED_EPOCHS * replicates * sum(len(genes.train) for genes in data.splits.values())
    whole = N_FOLDS * N_REPLICATES / networks * (before + N_EPOCHS * seconds / N_MEASURED_EPOCHS)
    return (
        f"| {'one by one' if engine == 'plain' else 'together'} | {networks} | {before:.1f} | {1000 * seconds / steps:.4f} | "
        f"{BYTES * steps / seconds / peak:.1%} | {torch.cuda.max_memory_allocated() / 1e9:.1f} | {whole / 60:.0f} |"
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
        "| training | networks per task | set-up, s | ms per gene, network and step | share of the bandwidth limit "
        f"| GPU memory, GB | {N_FOLDS} folds × {N_REPLICATES} replicates × {N_EPOCHS} epochs, minutes |",
        "|---|---|---|---|---|---|---|",
        *(measure(*case, peak) for case in (("plain", 1, 1), ("auto", 1, 5), ("auto", 4, 5), ("auto", 20, 5))),
    ]
    write("benchmarks/gpu_training.py", lines)
    if sys.argv[1:] == ["--profile"]:
        profile()


if __name__ == "__main__":
    main()

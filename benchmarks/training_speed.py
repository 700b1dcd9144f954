#!/usr/bin/env python3
"""Training on CPU, in one run: a plain PyTorch loop as published, and this pipeline.

The plain loop does what the published code does: a DataLoader of float one-hot sequences, batches of 128, and after each epoch
an evaluation of every training and validation gene, one at a time. It runs twice, with glibc's default memory settings and
with those of this pipeline (train.tune_cpu). Data are random, of human size except for the number of genes. Times are CPU
time of one epoch on two threads that wait without spinning, so that other programs on the machine count for little. Memory is
what training adds to the process, compiled kernels included. A whole hybrid network is measured, too. A processor with AVX-512
is measured again with all libraries and kernels restricted to AVX2.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import torch  # noqa: E402
from pages import vector_instructions, write  # noqa: E402
from simulated import last_tenth_validates, random_genes  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from scxpresso.compiled import LEVEL  # noqa: E402
from scxpresso.genome.sequence import ONE_HOT  # noqa: E402
from scxpresso.networks.published import ScXpresso  # noqa: E402
from scxpresso.training.data import Recipe, TrainingData  # noqa: E402
from scxpresso.training.train import train_folds, tune_cpu  # noqa: E402

N_GENES, WINDOW, N_POPULATIONS, N_THREADS = 2000, 10_500, 22, 2
PASSIVE = {"OMP_WAIT_POLICY": "passive"}  # as the pipeline sets it
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NUMBA_CPU_NAME": LEVEL, "NUMBA_CPU_FEATURES": "",
}  # fmt: skip


def random_data(genes: int = N_GENES) -> TrainingData:
    return random_genes(genes, N_POPULATIONS, WINDOW, last_tenth_validates(genes))


def published_epoch(data: TrainingData) -> float:
    """Return the CPU seconds of one epoch of the published loop. The network is networks/published.py's, given one-hot."""
    torch.manual_seed(1)
    network = ScXpresso(N_POPULATIONS, WINDOW)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)
    criterion = torch.nn.MSELoss()
    tensors = torch.from_numpy(data.codes), torch.from_numpy(data.annotation), torch.from_numpy(data.expression).float()
    table = torch.from_numpy(ONE_HOT)

    def outputs(codes, half_life):
        hidden = network.sequence(table[codes.int()].transpose(1, 2))
        return network.head(torch.cat([hidden, half_life], dim=1))

    start = time.process_time()
    network.train()
    train = TensorDataset(*(tensor[data.splits[1].train] for tensor in tensors))
    for codes, half_life, target in DataLoader(train, batch_size=128, shuffle=True):
        optimizer.zero_grad()
        criterion(outputs(codes, half_life), target).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        for codes, half_life, target in DataLoader(TensorDataset(*tensors), batch_size=1):
            criterion(outputs(codes, half_life), target).item()
    return time.process_time() - start


def our_epoch(data: TrainingData) -> float:
    """Return the CPU seconds of one epoch of train_folds: the last of three, as kernels and tables are made once per fold."""
    marks = []
    recipe = Recipe(replicates=1, epochs=3)
    train_folds(data, recipe, torch.device("cpu"), "auto", lambda row: marks.append(time.process_time()))
    return marks[-1] - marks[-2]


def hybrid_replicate(data: TrainingData) -> float:
    """Return the CPU seconds of one hybrid network: all of its epochs, and its trees."""
    start = time.process_time()
    train_folds(data, Recipe(network="hybrid", replicates=1), torch.device("cpu"))
    return time.process_time() - start


def measured(what: str, instructions: dict[str, str]) -> tuple[float, float]:
    """Measure CPU seconds and MB of memory added, in a process of its own, because memory settings cannot be undone."""
    environment = os.environ | PASSIVE | instructions
    command = [sys.executable, __file__, what]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def compared(name: str, instructions: dict[str, str]) -> tuple[list[str], float]:
    """Measure the three loops with some instructions; return their rows, and the seconds of this pipeline's epoch."""
    loops = ("published", "tuned", "ours")
    (plain, memory), (tuned, _), (ours, ours_memory) = (measured(loop, instructions) for loop in loops)
    step = 1000 / N_GENES
    return [
        f"| published loop | {name} | {plain * step:.1f} | 1 | {memory:,.0f} MB |",
        f"| published loop, memory settings tuned | {name} | {tuned * step:.1f} | {plain / tuned:.1f} | |",
        f"| this pipeline | {name} | {ours * step:.2f} | {plain / ours:.0f} ({tuned / ours:.0f} against the tuned loop) | "
        f"{ours_memory:,.0f} MB |",
    ], ours


def main() -> None:
    torch.set_num_threads(N_THREADS)
    if len(sys.argv) > 1:
        few, data = random_data(200), random_data()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if sys.argv[1] != "published":
            tune_cpu()
        train = {"ours": our_epoch, "hybrid": hybrid_replicate}.get(sys.argv[1], published_epoch)
        train(few)  # the first step allocates memory and compiles kernels
        print(train(data), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        return
    widest = vector_instructions()
    rows, ours = compared(widest, {})
    hybrid, _ = measured("hybrid", {})
    epochs = Recipe().epochs
    lines = [
        "| | instructions | CPU ms per gene and epoch | speed-up | training memory |",
        "|---|---|---|---|---|",
        *rows,
        f"| `hybrid` with its trees, averaged over {epochs} epochs | {widest} | {hybrid * 1000 / N_GENES / epochs:.2f} | "
        f"{hybrid / (epochs * ours):.0%} of the time of a `scxpresso` network | |",
        *(compared("AVX2", AVX2)[0] if widest == "AVX-512" else []),
    ]
    write("benchmarks/training_speed.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Training on CPU, in one run: a plain PyTorch loop as published, and this pipeline.

The plain loop does what the published code does: a DataLoader of float one-hot sequences, batches of 128, and after each epoch
an evaluation of every training and validation gene, one at a time. It runs twice, with glibc's default memory settings and
with those of this pipeline (train.tune_cpu). Data are random, of human size except for the number of genes. Times are those of
one epoch. Memory is what training adds to the process, compiled kernels included. A whole hybrid network is measured, too.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import torch  # noqa: E402
from pages import write  # noqa: E402
from simulated import last_tenth_validates, random_genes  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from scxpresso.genome.sequence import ONE_HOT  # noqa: E402
from scxpresso.networks.published import ScXpresso  # noqa: E402
from scxpresso.training.data import Recipe, TrainingData  # noqa: E402
from scxpresso.training.train import train_folds, tune_cpu  # noqa: E402

N_GENES, WINDOW, N_POPULATIONS, N_THREADS = 2000, 10_500, 22, 2


def random_data(genes: int = N_GENES) -> TrainingData:
    return random_genes(genes, N_POPULATIONS, WINDOW, last_tenth_validates(genes))


def published_epoch(data: TrainingData) -> float:
    """Return the seconds of one epoch of the published loop. The network is that of networks/published.py, given one-hot."""
    torch.manual_seed(1)
    network = ScXpresso(N_POPULATIONS, WINDOW)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)
    criterion = torch.nn.MSELoss()
    tensors = torch.from_numpy(data.codes), torch.from_numpy(data.annotation), torch.from_numpy(data.expression).float()
    table = torch.from_numpy(ONE_HOT)

    def outputs(codes, half_life):
        hidden = network.sequence(table[codes.int()].transpose(1, 2))
        return network.head(torch.cat([hidden, half_life], dim=1))

    start = time.perf_counter()
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
    return time.perf_counter() - start


def our_epoch(data: TrainingData) -> float:
    """Return the seconds of one epoch of train_folds: the last of three, as kernels and tables are made once per fold."""
    marks = []
    recipe = Recipe(replicates=1, epochs=3)
    train_folds(data, recipe, torch.device("cpu"), "auto", lambda row: marks.append(time.perf_counter()))
    return marks[-1] - marks[-2]


def hybrid_replicate(data: TrainingData) -> float:
    """Return the seconds of one hybrid network: all of its epochs, and its trees."""
    start = time.perf_counter()
    train_folds(data, Recipe(network="hybrid", replicates=1), torch.device("cpu"))
    return time.perf_counter() - start


def measured(what: str) -> tuple[float, float]:
    """Measure seconds and MB of memory added, in a process of its own, because memory settings cannot be undone."""
    done = subprocess.run([sys.executable, __file__, what], stdout=subprocess.PIPE, text=True, check=True)
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


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
    (plain, memory), (tuned, _), (ours, ours_memory), (hybrid, _) = map(
        measured, ("published", "tuned", "ours", "hybrid")
    )
    step = 1000 / N_GENES
    epochs = Recipe().epochs
    lines = [
        "| | ms per gene and epoch | speed-up | training memory |",
        "|---|---|---|---|",
        f"| published loop | {plain * step:.1f} | 1 | {memory:,.0f} MB |",
        f"| published loop, memory settings tuned | {tuned * step:.1f} | {plain / tuned:.1f} | |",
        f"| this pipeline | {ours * step:.2f} | {plain / ours:.0f} ({tuned / ours:.0f} against the tuned loop) | "
        f"{ours_memory:,.0f} MB |",
        f"| `hybrid` with its trees, averaged over {epochs} epochs | {hybrid * step / epochs:.2f} | "
        f"{hybrid / (epochs * ours):.0%} of the time of a `scxpresso` network | |",
    ]
    write("benchmarks/training_speed.py", lines)


if __name__ == "__main__":
    main()

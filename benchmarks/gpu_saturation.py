#!/usr/bin/env python3
"""All substitutions of genes, and predictions of genes, on a GPU and on the CPUs beside it, in one run.

Windows are random, of the paper's size; five replicates of each network are one untrained network, of which the hybrid's trees
are fitted to noise. Genes go to the GPU and effects come back. Without CUDA it says so and measures nothing.
"""

import statistics
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import torch  # noqa: E402
from pages import write  # noqa: E402
from saturation_speed import N_GENES, N_POPULATIONS, WINDOW, untrained  # noqa: E402
from simulated import last_tenth_validates, random_genes  # noqa: E402

from scxpresso.networks.prediction import predict  # noqa: E402
from scxpresso.networks.weights import Network  # noqa: E402
from scxpresso.saturation.incremental import incremental  # noqa: E402
from scxpresso.training.data import TrainingData  # noqa: E402

N_REPLICATES, N_REPEATS = 5, 7
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def seconds(compute: Callable[[int], object]) -> float:
    """The median time of some calls, after one that is not counted; they get their number."""
    taken = []
    for number in range(N_REPEATS + 1):
        start = time.perf_counter()
        compute(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def measure(kind: str, networks: list[Network], data: TrainingData, device: torch.device) -> dict[str, float]:
    """Milliseconds per gene and network, by what is computed."""
    form = incremental(networks, device)
    saturation = seconds(lambda number: form.effects(data.codes[number], data.annotation[number]))
    prediction = seconds(lambda number: predict(networks, data.codes, data.annotation, device)) / N_GENES
    each = 1000 / len(networks)
    return {
        f"`{kind}`: all substitutions of a gene": each * saturation,
        f"`{kind}`: prediction, {N_GENES} genes at once": each * prediction,
    }


def main() -> None:
    if not torch.cuda.is_available():
        print("not run: torch sees no CUDA device here")
        return
    data = random_genes(N_GENES, N_POPULATIONS, WINDOW, last_tenth_validates(N_GENES))
    times: dict[str, dict[str, float]] = {"gpu": {}, "cpu": {}}
    memory = {}
    for kind in ("scxpresso", "hybrid"):
        network, about = untrained(kind, data)
        torch.cuda.reset_peak_memory_stats()
        networks = [(deepcopy(network), about) for _ in range(N_REPLICATES)]
        times["gpu"] |= measure(kind, networks, data, CUDA)
        memory[kind] = torch.cuda.max_memory_allocated() / 1e9
        times["cpu"] |= measure(kind, [(network, about)], data, CPU)
    lines = [
        f"{torch.cuda.get_device_name()}, and {torch.get_num_threads()} threads of the CPU:",
        "",
        "| ms per gene and network | GPU | CPU |",
        "|---|---|---|",
        *(f"| {what} | {took:.2f} | {times['cpu'][what]:.2f} |" for what, took in times["gpu"].items()),
        "",
        "Peak of GPU memory: " + ", ".join(f"`{kind}` {size:.1f} GB" for kind, size in memory.items()) + ".",
    ]
    write("benchmarks/gpu_saturation.py", lines)


if __name__ == "__main__":
    main()

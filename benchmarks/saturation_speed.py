#!/usr/bin/env python3
"""All substitutions of a gene's window on CPU, in one run: one mutant at a time, in batches, and incrementally.

Windows are random and have the paper's size. Networks are untrained, except for the hybrid's trees, which are fitted to noise.
Slow methods are measured on some mutants and extrapolated. For the hybrid network, only mutants of bases that it reads count.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402
from simulated import last_tenth_validates, random_genes  # noqa: E402

from scxpresso.genome.sequence import ALTERNATIVE_CODES  # noqa: E402
from scxpresso.networks.gradient_boosted_trees import Bins  # noqa: E402
from scxpresso.networks.hybrid import Hybrid  # noqa: E402
from scxpresso.networks.weights import Network, NetworkMetadata  # noqa: E402
from scxpresso.saturation.effects import BruteForce  # noqa: E402
from scxpresso.saturation.incremental import incremental  # noqa: E402

N_GENES, WINDOW, N_POPULATIONS, N_THREADS = 400, 10_500, 20, 2
UPSTREAM = WINDOW * 2 // 3
N_POSITIONS = 128  # whose mutants are measured by the slow methods
N_REPEATS = 5
FORMS = {"auto": "numba", "plain": "PyTorch"}
CPU = torch.device("cpu")


def untrained(kind: str, data) -> Network:
    """Make an untrained network; the hybrid's trees are fitted to the genes."""
    torch.manual_seed(1)
    about = NetworkMetadata(kind, "both", UPSTREAM, WINDOW - UPSTREAM, tuple(map(str, range(N_POPULATIONS))))
    network = about.build().eval()
    if isinstance(network, Hybrid):
        read = network.read(data.codes, UPSTREAM)
        network.kmer_counts.fit(read.counts.mean(0), read.counts.std(0).clamp(min=0.1))
        with torch.no_grad():
            features = network.features(read.of(torch.arange(N_GENES)), torch.from_numpy(data.annotation))
        network.trees.fit(Bins.of(features.numpy(), network.trees.settings), data.expression, seed=1)
    return network, about


def seconds(compute: Callable, data, start: int, end: int) -> float:
    """Return the median over some genes for substitutions from `start` to `end`, after one gene that is not counted."""
    taken = []
    for codes, annotation in zip(data.codes[: N_REPEATS + 1], data.annotation, strict=False):
        begun = time.perf_counter()
        compute(codes, annotation, start, end)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


@torch.no_grad()
def one_at_a_time(network: torch.nn.Module, codes: np.ndarray, annotation: np.ndarray, start: int, end: int) -> None:
    annotation = torch.from_numpy(annotation[None])
    for index in range(start, end):
        for code in ALTERNATIVE_CODES[codes[index] != ALTERNATIVE_CODES]:
            mutant = torch.from_numpy(codes[None].copy())
            mutant[0, index] = int(code)
            network.expression.undo(network(mutant, annotation))


def main() -> None:
    torch.set_num_threads(N_THREADS)
    data = random_genes(N_GENES, N_POPULATIONS, WINDOW, last_tenth_validates(N_GENES))
    lines = ["| | substitutions | ms per gene and network | speed-up |", "|---|---|---|---|"]
    for kind in ("scxpresso", "hybrid"):  # which need no training to have all their layers
        networks = [untrained(kind, data)]
        forms = {FORMS[engine]: incremental(networks, CPU, engine) for engine in FORMS}
        if type(forms["PyTorch"]) is type(forms["numba"]):
            del forms["PyTorch"]
        _, effects = forms["numba"].effects(data.codes[0], data.annotation[0])
        mutants = 3 * int(np.ptp(np.flatnonzero(effects.any(axis=(0, 2, 3)))) + 1)
        part = UPSTREAM, UPSTREAM + N_POSITIONS
        alone = seconds(partial(one_at_a_time, networks[0][0]), data, *part) / (3 * N_POSITIONS) * mutants
        batches = seconds(BruteForce(networks, CPU).effects, data, *part) / (3 * N_POSITIONS) * mutants
        times = {"one mutant at a time, plain PyTorch": alone, "mutants in batches": batches} | {
            f"incremental, {name}": seconds(form.effects, data, 0, WINDOW) for name, form in forms.items()
        }
        lines += [
            f"| `{kind}`: {name} | {mutants:,} | {took * 1000:,.{0 if took > 1 else 1}f} | {alone / took:,.0f} |"
            for name, took in times.items()
        ]
    write("benchmarks/saturation_speed.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""GPU memory at human size (19,000 genes of 10,500 bases, 22 populations), estimated without a GPU.

PyTorch runs each step with tensors that have a shape and a device, but no values (FakeTensorMode). Counted is what they would
hold on the device at the same time, in the blocks of 512 bytes of PyTorch's allocator. Not counted: what CUDA and its
libraries take for themselves (about 0.5 GB), and what an operation needs while it runs. Backward passes ask for a real CUDA
device, so that training is counted as if it were on the CPU, with a GPU's precision.
"""

import sys
import weakref
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.optim import Adam, AdamW  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from scxpresso.genome.annotation import HALF_LIFE  # noqa: E402
from scxpresso.networks.forms import gene_inputs  # noqa: E402
from scxpresso.networks.hybrid import HybridGeneInputs  # noqa: E402
from scxpresso.networks.kmers import KmerTable  # noqa: E402
from scxpresso.networks.published_gpu import Stack, StackInputs  # noqa: E402
from scxpresso.networks.weights import Network, NetworkMetadata  # noqa: E402
from scxpresso.saturation.incremental import incremental  # noqa: E402
from scxpresso.training import hybrid as hybrid_training  # noqa: E402
from scxpresso.training.data import Recipe  # noqa: E402
from scxpresso.training.published import GENES_AT_ONCE  # noqa: E402
from scxpresso.variants.scoring import BATCH as N_WINDOWS  # noqa: E402

N_GENES, N_VALIDATION, WINDOW, N_POPULATIONS, N_REPLICATES = 19_000, 1000, 10_500, 22, 5
UPSTREAM = WINDOW * 2 // 3
BLOCK = 512  # bytes
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class DeviceMemory(TorchDispatchMode):
    """Counts the bytes of all tensors that are on a device while this is on. peak: the most at a time."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device, self.bytes, self.peak = device, 0, 0
        self.seen: weakref.WeakSet = weakref.WeakSet()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.device.type == self.device.type:
                self.count(tensor.untyped_storage())
        return result

    def count(self, storage: torch.UntypedStorage) -> None:
        """Count a storage until it is gone, once."""
        if storage not in self.seen:
            self.seen.add(storage)
            size = -(-storage.nbytes() // BLOCK) * BLOCK
            self.bytes += size
            self.peak = max(self.peak, self.bytes)
            weakref.finalize(storage, self.free, size)

    def free(self, size: int) -> None:
        self.bytes -= size


def peak(device: torch.device, use: Callable[[], None]) -> float:
    """GB that is taken on a device."""
    with FakeTensorMode(allow_non_fake_inputs=True), DeviceMemory(device) as memory:
        use()
    return memory.peak / 1e9


def untrained(kind: str, count: int) -> list[Network]:
    """Networks as they are loaded."""
    about = NetworkMetadata(kind, "both", UPSTREAM, WINDOW - UPSTREAM, tuple(map(str, range(N_POPULATIONS))))
    return [(about.build().eval(), about) for _ in range(count)]


def codes_and_annotation(genes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nobody reads their values."""
    return np.zeros((genes, WINDOW), dtype=np.uint8), np.zeros((genes, len(HALF_LIFE)), dtype=np.float32)


def train_stack(count: int) -> None:
    """A step of networks that train together, and their validation, as StackedTraining has them."""
    networks = [network for network, _ in untrained("scxpresso", count)]
    table = KmerTable(np.zeros((N_GENES, WINDOW - 1), dtype=np.uint16), np.zeros((4096, 24), dtype=np.float32))
    genes = StackInputs(table, codes_and_annotation(N_GENES)[1], CPU)
    stack = Stack(networks, genes.table, torch.bfloat16)
    optimizers = [Adam(network.train().parameters(), fused=True) for network in networks]
    rows = torch.zeros(count, Recipe().batch_size, dtype=torch.int64)
    stack.forward(rows, genes.annotation[rows]).sum().backward()
    for optimizer in optimizers:
        optimizer.step()
    with torch.no_grad():
        for network in networks:
            network.eval()
        for batch in torch.zeros(count, N_VALIDATION, dtype=torch.int64).split(max(1, GENES_AT_ONCE // count), dim=1):
            stack.forward(batch, genes.annotation[batch])


def train_hybrid() -> None:
    """A step of one network, its validation, and what its trees read, as HybridTraining has them."""
    ((network, _),) = untrained("hybrid", 1)
    codes, annotation = codes_and_annotation(N_GENES)
    genes = HybridGeneInputs.of(codes, UPSTREAM, annotation, CPU, "both")
    del codes
    optimizer = AdamW(network.parameters())
    rows = torch.arange(N_GENES)
    network.neural(
        genes.read.of(rows[: hybrid_training.BATCH]), genes.annotation[: hybrid_training.BATCH]
    ).sum().backward()
    optimizer.step()
    with torch.no_grad():
        network.neural(genes.read.of(rows[:N_VALIDATION]), genes.annotation[:N_VALIDATION])
        network.features(genes.read.of(rows), genes.annotation)


def predict(kind: str, windows: int) -> Callable[[], None]:
    """Windows, by one network."""
    ((network, _),) = untrained(kind, 1)  # made before tensors are fake: PyTorch cannot move fake weights
    codes, annotation = codes_and_annotation(windows)

    def use() -> None:
        genes = gene_inputs(kind, "both", codes, UPSTREAM, annotation, CUDA, "plain")
        genes.predict(network.to(CUDA), torch.arange(windows))

    return use


def saturate(kind: str) -> Callable[[], None]:
    """All substitutions of a window, by all replicates of a fold."""
    networks = untrained(kind, N_REPLICATES)

    def use() -> None:
        codes, annotation = (
            torch.zeros(WINDOW, dtype=torch.uint8, device=CUDA),
            torch.zeros(len(HALF_LIFE), device=CUDA),
        )
        incremental(networks, CUDA).on_device(codes, annotation, 0, WINDOW)

    return use


def main() -> None:
    estimates = {
        f"training, `scxpresso`, {count} networks together": peak(CPU, lambda count=count: train_stack(count))
        for count in (5, 20, 100)
    }
    estimates["training, `hybrid`, one network after the other"] = peak(CPU, train_hybrid)
    for kind in ("scxpresso", "hybrid"):
        estimates |= {
            f"prediction of {N_GENES:,} genes, `{kind}`": peak(CUDA, predict(kind, N_GENES)),
            f"prediction of {N_WINDOWS} windows for variants, `{kind}`": peak(CUDA, predict(kind, N_WINDOWS)),
            f"saturation of a gene, `{kind}`, {N_REPLICATES} replicates": peak(CUDA, saturate(kind)),
        }
    lines = [
        "| step | GPU memory, GB |",
        "|---|---|",
        *(f"| {step} | {size:.2f} |" for step, size in estimates.items()),
    ]
    write("benchmarks/gpu_memory.py", lines)


if __name__ == "__main__":
    main()

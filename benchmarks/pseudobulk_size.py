#!/usr/bin/env python3
"""Time and memory of pseudobulk.py on a simulated atlas, compared with anndata and scipy in memory.

The atlas has 20,000 genes, 1,000 non-zero counts per cell (5 %), and levels of 1, 20 and 100 populations. It is uncompressed
float32, as anndata writes it: 8 kB per cell in the temporary folder. pseudobulk.py runs from start to written tables, noise
ceilings included. anndata only reads, normalises and sums, as scanpy does (normalize_total, get.aggregate). If that needs more
memory than is available, it is skipped, and the table says so. Each uses one core.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import anndata  # noqa: E402
import h5py  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.sparse  # noqa: E402
from measure import Taken, available_memory, run  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.store import read_expression, write_table  # noqa: E402

N_GENES, N_STORED, N_CLASSES, N_TYPES = 20_000, 1_000, 20, 100
LEVELS = ["all", "class", "type"]
GB_PER_CELL = 17e-6  # of anndata in memory: float32 counts, int32 indices, and the counts again as float64
ONE_CORE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


def make_atlas(path: Path, cells: int, at_once: int = 20_000) -> None:
    """Write a CSR atlas with N_STORED counts per cell. Every cell has one gene of each of N_STORED neighbourhoods.

    Neighbourhoods have 1 to about 200 genes: the fewer genes, the more cells have each of them.
    """
    rng = np.random.default_rng(1)
    width = rng.lognormal(sigma=1.2, size=N_STORED)
    edges = np.round(np.cumsum(width) / width.sum() * (N_GENES - N_STORED)).astype(np.int32) + np.arange(
        1, N_STORED + 1
    )
    first = np.concatenate([[0], edges[:-1]]).astype(np.int32)
    width = (edges - first).astype(np.float32)
    counts = np.sort(rng.geometric(0.45, 256)).astype(np.float32)
    kind = rng.integers(0, N_TYPES, cells)
    names = {
        "class": [f"class {number:02}" for number in range(N_CLASSES)],
        "type": [f"type {number:03}" for number in range(N_TYPES)],
    }
    obs = {
        "class": pd.Categorical.from_codes(kind // (N_TYPES // N_CLASSES), names["class"]),
        "type": pd.Categorical.from_codes(kind, names["type"]),
    }
    with h5py.File(path, "w") as file:
        anndata.io.write_elem(file, "obs", pd.DataFrame(obs, index=np.arange(cells).astype(str)))
        anndata.io.write_elem(file, "var", pd.DataFrame(index=gene_ids()))
        matrix = file.create_group("X")
        matrix.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [cells, N_GENES]})
        stored = np.arange(cells + 1, dtype=np.int64) * N_STORED
        matrix["indptr"] = stored.astype(np.int32 if stored[-1] < 2**31 else np.int64)
        data = matrix.create_dataset("data", cells * N_STORED, dtype=np.float32)
        indices = matrix.create_dataset("indices", cells * N_STORED, dtype=np.int32)
        for start in range(0, cells, at_once):
            shape = min(at_once, cells - start), N_STORED
            place = slice(start * N_STORED, (start + shape[0]) * N_STORED)
            data[place] = counts[rng.integers(0, 256, shape, dtype=np.uint8)].ravel()
            within = (rng.random(shape, dtype=np.float32) * width).astype(np.int32)
            indices[place] = (first + np.minimum(within, width.astype(np.int32) - 1)).ravel()


def gene_ids() -> list[str]:
    return [f"G{number:05}" for number in range(N_GENES)]


def in_memory(path: Path, output: Path) -> None:
    """Compute the pseudobulk with anndata. output: log10 of the means of level `class`, for comparison."""
    atlas = anndata.read_h5ad(path)
    size = np.asarray(atlas.X.sum(axis=1)).ravel()
    atlas.X.data *= np.repeat(1e4 / size, np.diff(atlas.X.indptr))
    for level in LEVELS:
        number = np.zeros(len(size), dtype=int) if level == "all" else atlas.obs[level].cat.codes.to_numpy()
        member = scipy.sparse.coo_matrix((np.broadcast_to(1.0, len(size)), (number, np.arange(len(size)))))
        mean = (member @ atlas.X).toarray() / np.bincount(number)[:, None]
        if level == "class":
            np.save(output, np.log10(np.maximum(mean, 1e-4)).T)


def measure(cells: int) -> tuple[Taken, Taken | None]:
    """What pseudobulk.py and anndata's side take on an atlas of so many cells, and that they agree."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_atlas(folder / "atlas.h5ad", cells)
        write_table(folder / "genes.tsv", pd.DataFrame({"gene_id": gene_ids(), "gene_name": gene_ids()}))
        ours = run(
            [sys.executable, ROOT / "bin" / "pseudobulk.py", "--counts", folder / "atlas.h5ad", "--protocol", "10x",
             "--levels", ";".join(LEVELS), "--genes", folder / "genes.tsv", "--outdir", folder], **ONE_CORE
        )  # fmt: skip
        if cells * GB_PER_CELL > available_memory():
            return ours, None
        theirs = run([sys.executable, __file__, "--anndata", folder], **ONE_CORE)
        np.testing.assert_allclose(read_expression(folder / "class.tsv.gz"), np.load(folder / "class.npy"), atol=1e-3)
        return ours, theirs


def row(cells: int, ours: Taken, theirs: Taken | None) -> str:
    mine = f"| {cells:,} | {ours.seconds:.0f} s ({ours.cpu:.0f} s) | {ours.memory:.2f} GB "
    if theirs is None:
        return f"{mine}| needs {cells * GB_PER_CELL:.0f} GB, {available_memory():.0f} GB are free | | |"
    return (
        f"{mine}| {theirs.seconds:.0f} s ({theirs.cpu:.0f} s) | {theirs.memory:.2f} GB | "
        f"{ours.seconds / theirs.seconds:.2f} ({ours.cpu / theirs.cpu:.2f}) |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--cells", type=int, default=1_000_000, help="cells of the larger atlas; the smaller one has a quarter of these"
    )
    parser.add_argument("--anndata", type=Path, help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.anndata:
        in_memory(options.anndata / "atlas.h5ad", options.anndata / "class.npy")
        return
    sizes = [options.cells // 4, options.cells]
    taken = [measure(cells) for cells in sizes]
    (few, _), (many, _) = taken
    per_cell = (many.cpu - few.cpu) / (sizes[1] - sizes[0])
    large = many.cpu + per_cell * (10_000_000 - sizes[1])
    lines = [
        "| cells | pseudobulk.py (CPU) | memory | anndata in memory (CPU) | memory | relative time (CPU) |",
        "|---|---|---|---|---|---|",
        *(row(cells, *both) for cells, both in zip(sizes, taken, strict=True)),
        "",
        f"At {per_cell * 1e6:.0f} CPU seconds per million cells, 10,000,000 cells would take {large / 60:.0f} minutes, "
        "plus the time to read 80 GB.",
    ]
    write("benchmarks/pseudobulk_size.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What compiling kernels in a task costs, and whether the image's kernels, made for any processor, are slower.

Compiles kernels and makes inputs with containers/compile_kernels.sh, as the image does, then runs each executable that has
kernels. Times are CPU seconds, the best of two; kernels compile on one core.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "bin")]

from measure import run  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.compiled import LEVEL  # noqa: E402

N_REPEATS = 2
DEMO = ROOT / "assets" / "demo"
NOWHERE = "/nowhere"  # as SCXPRESSO_KERNELS: no kernels compiled beforehand


def commands(work: Path) -> dict[str, list]:
    """Return short tasks on the files that compile_kernels.sh made."""
    shared = ["--features", work / "features.h5", "--genes", work / "genes.tsv"]
    train = [
        "--features", work / "features.h5", "--expression", work / "expression/cell_type.tsv.gz",
        "--folds", work / "folds.tsv", "--fold", 1, "--replicates", 1, "--device", "cpu", "--outdir", work / "trained",
    ]  # fmt: skip
    saturate = [*shared, "--chunk", work / "chunks/1.txt", "--device", "cpu", "--outdir", work / "saturated"]
    score = [
        *shared, "--set", "demo", "--fasta", DEMO / "genome.fa.gz", "--variants", work / "variants/chunks/1.tsv.gz",
        "--device", "cpu", "--output", work / "scored.tsv.gz",
    ]  # fmt: skip
    return {
        "train_fold.py, network scxpresso, 1 epoch": ["train_fold.py", *train, "--epochs", 1],
        "saturate.py, network scxpresso": ["saturate.py", "--model", work / "cell_type/scxpresso", *saturate],
        "saturate.py, network hybrid": ["saturate.py", "--model", work / "cell_type/hybrid", *saturate],
        "score_variants.py, network scxpresso": ["score_variants.py", "--model", work / "cell_type/scxpresso", *score],
        "pseudobulk.py": [
            "pseudobulk.py", "--counts", DEMO / "atlas.h5ad", "--protocol", "10x", "--levels", "cell_type",
            "--genes", work / "genes.tsv", "--outdir", work / "again",
        ],
        "match_motifs.py": [
            "match_motifs.py", "--effects", work / "saturation/effects.h5", "--genes", work / "genes.tsv",
            "--motifs", DEMO / "motifs.meme", "--output", work / "motifs.tsv", "--seqlets", work / "seqlets.tsv.gz",
        ],
    }  # fmt: skip


def best(command: list, ready: Path | str, cache: Path | None) -> float:
    """Measure seconds of an executable with the kernels in a folder and in a cache; None: an empty cache each time."""

    def once() -> float:
        with tempfile.TemporaryDirectory() as empty:
            kept = {"NUMBA_CACHE_DIR": str(cache or empty), "SCXPRESSO_KERNELS": str(ready)}
            return run([sys.executable, ROOT / "bin" / command[0], *command[1:]], **kept).cpu

    return min(once() for _ in range(N_REPEATS))


def same(work: Path, native: Path, level: Path) -> str:
    """Compare results of kernels for this processor with those for any processor: weights and effects of substitutions."""
    weights = [load_file(folder / "trained/fold_1/replicate_1.safetensors") for folder in (native, level)]
    effects = [h5py.File(folder / "saturated/effects.h5")["effects"][:] for folder in (native, level)]
    pairs = [*((weights[0][name], weights[1][name]) for name in weights[0]), effects]
    return "identical" if all(np.array_equal(*pair, equal_nan=True) for pair in pairs) else "not identical"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        work, ready, cache = (Path(folder) / name for name in ("work", "ready", "cache"))
        for path in (work, ready, cache):
            path.mkdir()
        made = {"NUMBA_CACHE_DIR": str(ready), "SCXPRESSO_KERNELS": str(ready)}
        script = [ROOT / "containers" / "compile_kernels.sh", ROOT]
        subprocess.run(script, cwd=work, env=os.environ | made, check=True, capture_output=True)
        lines = [
            "| task | compiled in the task | cached by an earlier task | from the image |",
            "|---|---|---|---|",
        ]
        for name, command in commands(work).items():
            anew = best(command, NOWHERE, None)
            run([sys.executable, ROOT / "bin" / command[0], *command[1:]], NUMBA_CACHE_DIR=str(cache))
            times = [anew, best(command, NOWHERE, cache), best(command, ready, None)]
            executable, _, rest = name.partition(",")
            lines.append(
                f"| `{executable}`{', ' * bool(rest)}{rest.strip()} | {' | '.join(f'{t:.1f} s' for t in times)} |"
            )
        lines += ["", *long_tasks(work, ready, cache)]
    write("benchmarks/kernel_compilation.py", lines)


def long_tasks(work: Path, ready: Path, cache: Path) -> list[str]:
    """Measure longer tasks, in which speed matters, with kernels for this processor and for any processor."""
    genes = [line.split("\t")[0] for line in (work / "genes.tsv").read_text().splitlines()[1:1001]]
    (work / "chunks/1.txt").write_text("\n".join(genes) + "\n")
    every_gene = ["--expression", work / "again/cell_type.tsv.gz"]  # as pseudobulk.py wrote it
    lines = [f"| | kernels for this processor | for any processor ({LEVEL}) |", "|---|---|---|"]
    for name, what, option in (
        (
            "train_fold.py, network scxpresso, 1 epoch",
            "training, 20 epochs of all genes",
            ["--epochs", 20, *every_gene],
        ),
        ("saturate.py, network scxpresso", f"saturation, {len(genes):,} genes", []),
    ):
        command, times = [*commands(work)[name], *option], []
        for kind, (folder, kept) in {"native": (NOWHERE, cache), "level": (ready, None)}.items():
            output = work / kind / ("trained" if "train" in what else "saturated")
            times.append(best([*command, "--outdir", output], folder, kept))
        lines.append(f"| {what} | {times[0]:.1f} s | {times[1]:.1f} s |")
    return [*lines, "", f"Their results are {same(work, work / 'native', work / 'level')}, bit for bit."]


if __name__ == "__main__":
    main()

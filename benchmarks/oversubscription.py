#!/usr/bin/env python3
"""How long heavy tasks take with two threads beside a busy process, and what it costs alone that threads wait without spinning.

Runs on the demo's genes and atlas, with a window of 2,000 + 1,000 bases. Needs two cores and an otherwise idle machine.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks")]

from measure import run  # noqa: E402
from pages import write  # noqa: E402

DEMO = ROOT / "assets" / "demo"
NETWORKS = ["scxpresso", "hybrid", "grammar"]
WINDOW = ["--upstream", 2000, "--downstream", 1000]
N_THREADS = 2
N_GENES = 300  # to saturate
N_REPEATS = 4  # alone; the best one counts, as times of training vary by 5 %


def execute(name: str, *options: object, **environment: str) -> float:
    """Run an executable; return its seconds of wall time."""
    return run([sys.executable, ROOT / "bin" / f"{name}.py", *options], **environment).seconds


def prepare(work: Path) -> None:
    """Make what tasks read: features, folds, expression, alleles, and genes to saturate."""
    genome = ["--fasta", DEMO / "genome.fa.gz", "--genes", work / "genes.tsv", *WINDOW]
    execute("extract_features", *genome[:2], "--gtf", DEMO / "genes.gtf.gz", *WINDOW, "--outdir", work)
    execute(
        "split_folds", "--genes", work / "genes.tsv", "--features", work / "features.h5", "--folds", 2,
        "--output", work / "folds.tsv",
    )  # fmt: skip
    execute(
        "pseudobulk", "--counts", DEMO / "atlas.h5ad", "--protocol", "10x", "--levels", "cell_type",
        "--genes", work / "genes.tsv", "--outdir", work,
    )  # fmt: skip
    execute(
        "read_variants", "--set", "demo", "--file", DEMO / "variants" / "simulated.vcf.gz", *genome, "--outdir",
        work / "variants",
    )  # fmt: skip
    genes = [line.split("\t")[0] for line in (work / "genes.tsv").read_text().splitlines()[1 : N_GENES + 1]]
    (work / "1.txt").write_text("\n".join(genes) + "\n")


def training(work: Path, network: str) -> list:
    """Return the command that trains both folds."""
    return [
        "train_fold", "--features", work / "features.h5", "--expression", work / "cell_type.tsv.gz", "--folds",
        work / "folds.tsv", "--fold", "1,2", "--network", network, "--replicates", 1, "--device", "cpu", "--outdir",
        work / network,
    ]  # fmt: skip


def others(work: Path) -> dict[str, list]:
    """Return the commands of other tasks; some use the networks of the first."""
    features = ["--features", work / "features.h5"]
    model = [*features, "--model", work / NETWORKS[0], "--genes", work / "genes.tsv", "--device", "cpu"]
    return {
        f"saturation of {N_GENES} genes, `{NETWORKS[0]}`": [
            "saturate", *model, "--chunk", work / "1.txt", "--outdir", work / "saturated",
        ],
        f"variants, `{NETWORKS[0]}`": [
            "score_variants", *model, "--set", "demo", "--fasta", DEMO / "genome.fa.gz", "--variants",
            work / "variants/chunks/1.tsv.gz", "--output", work / "scores.tsv.gz",
        ],
        "baselines": [
            "fit_baselines", *features, "--expression", work / "cell_type.tsv.gz", "--folds", work / "folds.tsv",
            "--outdir", work,
        ],
    }  # fmt: skip


def describe(work: Path) -> None:
    """Make a model of the first network."""
    folder = work / NETWORKS[0]
    execute(
        "ensemble", "--features", work / "features.h5", "--expression", work / "cell_type.tsv.gz", "--folds",
        work / "folds.tsv", "--populations", work / "cell_type.populations.tsv", "--atlas", "malaria", "--level",
        "cell_type", "--genome", "demo", "--predictions", work / "predictions.tsv.gz", "--model", folder / "model.json",
        folder / "fold_1", folder / "fold_2",
    )  # fmt: skip


@contextmanager
def busy_process() -> Iterator[None]:
    """Run a process that computes all the time, with the priority of the tasks."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measured(name: str, command: list) -> str:
    """Run a task each way; return its row of the table."""
    command = [*command, "--threads", N_THREADS]
    execute(*command)  # compiles kernels
    times = [(execute(*command, OMP_WAIT_POLICY="active"), execute(*command)) for _ in range(N_REPEATS)]
    spinning, alone = (min(column) for column in zip(*times, strict=True))
    with busy_process():
        beside = execute(*command)
    cells = (
        f"{spinning:.1f} s",
        f"{alone:.1f} s",
        f"{alone / spinning - 1:+.0%}",
        f"{beside:.1f} s",
        f"{beside / alone:.1f}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    lines = [
        f"| task with {N_THREADS} threads | threads spin | alone | cost of sleeping | beside a busy process | ratio |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(work)
        lines += [measured(f"training, `{network}`", training(work, network)) for network in NETWORKS]
        describe(work)
        lines += [measured(*task) for task in others(work).items()]
    write("benchmarks/oversubscription.py", lines)


if __name__ == "__main__":
    main()

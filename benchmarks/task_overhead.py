#!/usr/bin/env python3
"""Overhead of Nextflow and of Python's start per training task, on the demo with many folds and a window of 300 bases.

Runs the pipeline into results/task_overhead, without a cache, and reads Nextflow's trace and the logs of the tasks.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks")]

from pages import write  # noqa: E402

N_EPOCHS = 3
OPTIONS = [
    "--upstream", "200", "--downstream", "100", "--network", "scxpresso", "--replicates", "1", "--epochs", str(N_EPOCHS),
]  # fmt: skip
TRACE = "trace.raw = true\ntrace.fields = 'name,submit,start,complete,realtime,workdir'\n"  # raw: in milliseconds


def run_pipeline(outdir: Path, work: Path, folds: int) -> pd.DataFrame:
    """Run the pipeline and return its trace, with times in seconds. start_up: that of a training task's script."""
    outdir.mkdir(parents=True, exist_ok=True)
    sheet, config = outdir / "atlases.csv", outdir / "trace.config"
    atlas = ROOT / "assets" / "demo" / "atlas.h5ad"
    sheet.write_text(f"atlas,counts,protocol,genome,levels\nmalaria,{atlas},10x,pfalciparum_3D7,all\n")
    config.write_text(TRACE)
    command = [ROOT / "setup" / "nextflow", "run", ROOT, "-profile", "test", "-c", config, "-w", work]
    subprocess.run(
        [*command, "--input", sheet, "--outdir", outdir, "--folds", str(folds), *OPTIONS], cwd=outdir, check=True
    )
    trace = pd.read_csv(outdir / "pipeline_info" / "trace.txt", sep="\t")
    trace[["submit", "start", "complete", "realtime"]] /= 1000
    trace["training"] = trace["name"].str.contains("TRAIN_FOLD ")
    trace["start_up"] = trace["workdir"][trace["training"]].map(start_up)
    return trace


def start_up(folder: str) -> float:
    """Return the seconds before a task starts to train: imports, inputs, compiled kernels, PyTorch's first step.

    That is the time at which the first epoch was logged, minus the duration of an epoch, known from the lines after it.
    """
    lines = (Path(folder) / ".command.err").read_text()
    first, *_, last = [float(time) for time in re.findall(r"^\[ *([0-9.]+) s\] .* epoch ", lines, re.MULTILINE)][
        :N_EPOCHS
    ]
    return first - (last - first) / (N_EPOCHS - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100, help="folds; a task trains several (--folds_per_task auto)")
    tasks = parser.parse_args().tasks
    with tempfile.TemporaryDirectory() as work:
        trace = run_pipeline(ROOT / "results" / "task_overhead", Path(work), tasks)
    training, cores = trace[trace["training"]], os.cpu_count()
    first, last = training["submit"].min(), training["complete"].max()
    # During training, the cores also fit baselines, which are not overhead.
    shared = (trace["complete"].clip(upper=last) - trace["start"].clip(lower=first)).clip(lower=0)
    others = shared[~trace["training"]].sum()
    realtime, starting = training["realtime"].mean(), training["start_up"].mean()
    added = (cores * (last - first) - others) / len(training) - realtime
    lines = [
        "| part of a training task | seconds per task | share |",
        "|---|---|---|",
        *(
            f"| {part} | {seconds:.2f} | {seconds / (realtime + added):.0%} |"
            for part, seconds in {
                "Python's start: imports, inputs, compiled kernels, PyTorch's first step": starting,
                f"training for {N_EPOCHS} epochs, writing": realtime - starting,
                "Nextflow: creating the folder, starting the script, noticing its end": added,
            }.items()
        ),
        "",
        f"{len(training)} tasks, {cores} at a time, took {last - first:.0f} s. Of the cores' {cores * (last - first):.0f} s, "
        f"their scripts took {training['realtime'].sum():.0f} s and other steps {others:.0f} s.",
    ]
    write("benchmarks/task_overhead.py", lines)


if __name__ == "__main__":
    main()

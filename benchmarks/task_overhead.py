#!/usr/bin/env python3
"""What Nextflow adds to training tasks, and what starting Python adds: the demo, many folds, a window of 300.

Runs the pipeline into results/task_overhead, all tasks anew, and reads Nextflow's trace and the lines that the tasks log.
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

EPOCHS = 3
OPTIONS = [
    "--upstream", "200", "--downstream", "100", "--network", "scxpresso", "--replicates", "1", "--epochs", str(EPOCHS),
]  # fmt: skip
TRACE = "trace.raw = true\ntrace.fields = 'name,submit,start,complete,realtime,workdir'\n"  # raw: in milliseconds


def run_pipeline(outdir: Path, work: Path, folds: int) -> pd.DataFrame:
    """The trace of a run, times in seconds; start_up: of the script of a training task."""
    outdir.mkdir(parents=True, exist_ok=True)
    sheet, config = outdir / "atlases.csv", outdir / "trace.config"
    atlas = ROOT / "assets" / "demo" / "atlas.h5ad"
    sheet.write_text(f"atlas,counts,protocol,genome,levels\nmalaria,{atlas},10x,pfalciparum_3D7,all\n")
    config.write_text(TRACE)
    command = [ROOT / "setup" / "nextflow", "run", ROOT, "-profile", "test", "-c", config, "-w", work]
    subprocess.run(
        [*command, "--input", sheet, "--outdir", outdir, "--folds", str(folds), *OPTIONS], cwd=ROOT, check=True
    )
    trace = pd.read_csv(outdir / "pipeline_info" / "trace.txt", sep="\t")
    trace[["submit", "start", "complete", "realtime"]] /= 1000
    trace["training"] = trace["name"].str.contains("TRAIN_FOLD ")
    trace["start_up"] = trace["workdir"][trace["training"]].map(start_up)
    return trace


def start_up(folder: str) -> float:
    """Seconds that a training task's script takes before it trains: imports, inputs, compiled kernels, PyTorch's first step.

    The time of its first epoch's line less what an epoch takes, which is known from the lines after it.
    """
    lines = (Path(folder) / ".command.err").read_text()
    first, *_, last = [float(time) for time in re.findall(r"^\[ *([0-9.]+) s\] .* epoch ", lines, re.MULTILINE)][
        :EPOCHS
    ]
    return first - (last - first) / (EPOCHS - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100, help="training tasks, one a fold")
    tasks = parser.parse_args().tasks
    with tempfile.TemporaryDirectory() as work:
        trace = run_pipeline(ROOT / "results" / "task_overhead", Path(work), tasks)
    training, cores = trace[trace["training"]], os.cpu_count()
    first, last = training["submit"].min(), training["complete"].max()
    # While they train the cores also run baselines, which are no overhead.
    shared = (trace["complete"].clip(upper=last) - trace["start"].clip(lower=first)).clip(lower=0)
    others = shared[~trace["training"]].sum()
    realtime, starting = training["realtime"].mean(), training["start_up"].mean()
    added = (cores * (last - first) - others) / len(training) - realtime
    lines = [
        "| part of a training task | seconds a task | of all |",
        "|---|---|---|",
        *(
            f"| {part} | {seconds:.2f} | {seconds / (realtime + added):.0%} |"
            for part, seconds in {
                "Python starts: imports, inputs, compiled kernels, PyTorch's first step": starting,
                f"trains {EPOCHS} epochs, writes": realtime - starting,
                "Nextflow: makes the folder, starts the script, sees its end": added,
            }.items()
        ),
        "",
        f"{len(training)} tasks, {cores} at a time, took {last - first:.0f} s. Of the cores' {cores * (last - first):.0f} s "
        f"their scripts took {training['realtime'].sum():.0f} s, and other steps {others:.0f} s.",
    ]
    write("benchmarks/task_overhead.py", lines)


if __name__ == "__main__":
    main()

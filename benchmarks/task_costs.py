#!/usr/bin/env python3
"""Tasks, time and memory of each process of a run, from Nextflow's trace. Writes the table into docs/running.md.

Reads the trace of the demo (`make demo`) unless another one is named.
"""

import argparse
import re
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks")]

from pages import write  # noqa: E402

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "B": 1e-9, "KB": 1e-6, "MB": 1e-3, "GB": 1}


def significant(seconds: float) -> str:
    """Write seconds with two digits, or all digits before the point."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def amount(text: str) -> float:
    """Convert a duration (`1m 5s`) to seconds, or a size (`1.2 GB`) to GB; 0 if there is none (`-`)."""
    found = re.findall(r"([0-9.]+) ?(ms|[smhd]|[KMG]?B)\b", text)
    return sum(float(number) * UNITS[unit] for number, unit in found)


def finished_tasks(path: Path) -> pd.DataFrame:
    """Read the tasks of a trace that succeeded: process, tag, seconds, CPU seconds (cpu) and peak memory (GB)."""
    trace = pd.read_csv(path, sep="\t", dtype=str)
    trace = trace[trace["status"].isin(["COMPLETED", "CACHED"])]
    process, tag = trace["name"].str.extract(r"(\S+)(?: \((.*)\))?").T.to_numpy()
    seconds = trace["realtime"].map(amount)
    share = pd.to_numeric(trace["%cpu"].str.rstrip("%"), errors="coerce") / 100  # of tasks too short for it, none
    return trace.assign(
        process=[name.split(":")[-1] for name in process],
        tag=tag,
        seconds=seconds,
        cpu=(seconds * share).fillna(0),
        memory=trace["peak_rss"].map(amount),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", nargs="?", default=ROOT / "results/demo/pipeline_info/trace.txt", type=Path)
    trace = finished_tasks(parser.parse_args().trace)
    lines = ["| process | tasks | seconds per task | longest | peak memory |", "|---|---|---|---|---|"]
    for process, tasks in trace.groupby("process", sort=False):
        seconds, longest, memory = tasks["seconds"].mean(), tasks["seconds"].max(), tasks["memory"].max()
        lines.append(
            f"| `{process}` | {len(tasks)} | {significant(seconds)} | {significant(longest)} | {memory:.1f} GB |"
        )
    lines += ["", f"{len(trace)} tasks took {trace['seconds'].sum() / 60:.0f} minutes in total."]
    write("benchmarks/task_costs.py", lines)


if __name__ == "__main__":
    main()

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", nargs="?", default=ROOT / "results/demo/pipeline_info/trace.txt", type=Path)
    trace = pd.read_csv(parser.parse_args().trace, sep="\t", dtype=str)
    trace = trace[trace["status"].isin(["COMPLETED", "CACHED"])]
    trace["process"] = trace["name"].str.split(" ").str[0].str.split(":").str[-1]
    trace["seconds"], trace["memory"] = trace["realtime"].map(amount), trace["peak_rss"].map(amount)
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

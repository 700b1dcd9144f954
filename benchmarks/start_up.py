#!/usr/bin/env python3
"""Seconds until each executable has printed its --help, and until it has rejected an unknown option."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks")]

from measure import run  # noqa: E402
from pages import write  # noqa: E402

N_REPEATS = 3


def best(executable: Path, option: str, status: int) -> float:
    return min(run([sys.executable, executable, option], status).seconds for _ in range(N_REPEATS))


def main() -> None:
    lines = ["| executable | `--help` | wrong option |", "|---|---|---|"]
    for executable in sorted((ROOT / "bin").glob("*.py")):
        shown, refused = best(executable, "--help", 0), best(executable, "--no-such-option", 2)
        lines.append(f"| `{executable.name}` | {shown:.2f} s | {refused:.2f} s |")
    write("benchmarks/start_up.py", lines)


if __name__ == "__main__":
    main()

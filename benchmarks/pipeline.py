"""Run the pipeline for a benchmark of what it finds, rather than of its speed."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*options: str | Path) -> None:
    """Run the pipeline; earlier results are taken from the cache.

    Tasks have one thread each: two at once are done sooner than one after the other with two.
    """
    command = [ROOT / "setup" / "nextflow", "run", ROOT, "-resume", "-c", ROOT / "benchmarks" / "pipeline.config"]
    subprocess.run([*command, *options], cwd=ROOT, check=True)

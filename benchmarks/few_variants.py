#!/usr/bin/env python3
"""Seconds from the command to the scores of ten variants, and to the end of the run with its report, after `make demo`.

The demo is run again with ten of its simulated variants, under new names, by all of its models. What `make demo` computed is
taken from the cache. Results go to results/few_variants.
"""

import gzip
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks")]

from pages import write  # noqa: E402

N_VARIANTS = 10
POLL = 0.05  # seconds


def write_set(folder: Path, name: str) -> Path:
    """Write a set of variants, whose ids begin with its name; return the sheet of it."""
    with gzip.open(ROOT / "assets/demo/variants/simulated.vcf.gz", "rt") as file:
        lines = list(file)
    header = [line for line in lines if line.startswith("#")]
    records = [line.split("\t") for line in islice((line for line in lines if line[0] != "#"), N_VARIANTS)]
    renamed = ["\t".join([*record[:2], f"{name}_{number}", *record[3:]]) for number, record in enumerate(records)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.vcf").write_text("".join([*header, *renamed]))
    sheet = folder / "variants.csv"
    sheet.write_text(f"set,file,genome\n{name},{name}.vcf,pfalciparum_3D7\n")
    return sheet


def main() -> None:
    results, name = ROOT / "results/few_variants", f"set{time.time_ns()}"
    models = len(list((ROOT / "results/demo/saturation").glob("*/*/effects.h5")))
    if not models:
        sys.exit("no results/demo: run `make demo` first")
    command = [ROOT / "setup/nextflow", "run", ROOT, "-profile", "test", "-resume", "--outdir", results]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--variants", write_set(results, name)], cwd=ROOT, stdout=subprocess.DEVNULL)
    scored = 0.0
    while process.poll() is None:
        tables = (results / "variants" / name).glob("*.tsv.gz")
        if not scored and sum(not path.name.endswith(".motifs.tsv.gz") for path in tables) == models:
            scored = time.perf_counter() - start
        time.sleep(POLL)
    if process.returncode or not scored:
        sys.exit(f"the run ended with status {process.returncode}")
    whole = time.perf_counter() - start
    write(
        "benchmarks/few_variants.py",
        [
            f"Scores of {N_VARIANTS} variants by {models} models: after {scored:.1f} s. "
            f"The run with its report: {whole:.1f} s."
        ],
    )


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Time and memory of read_variants.py as a VCF grows tenfold: simulated variants all over a genome, in random order."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from measure import Taken, run  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.store import write_table  # noqa: E402

N_CONTIGS, LENGTH, N_GENES = 10, 30_000_000, 4_000
MIN_LINES = 100  # lines of the smallest VCF, some in a window
N_SAMPLES = 500
BLOCK = 20_000  # lines that are written at once
BASES = np.frombuffer(b"ACGT", dtype=np.uint8)


def make_genome(folder: Path) -> np.ndarray:
    """Write genome.fa, and genes.tsv with windows on about a seventh of it; return its bases as numbers, contigs × LENGTH."""
    rng = np.random.default_rng(1)
    genome = rng.integers(0, 4, (N_CONTIGS, LENGTH), dtype=np.uint8)
    with (folder / "genome.fa").open("wb") as fasta:
        for contig, bases in enumerate(genome, start=1):
            fasta.write(f">chr{contig}\n".encode() + BASES[bases].tobytes() + b"\n")
    names = [f"G{gene:05}" for gene in range(N_GENES)]
    genes = {
        "gene_id": names,
        "gene_name": names,
        "chrom": [f"chr{contig}" for contig in rng.integers(1, N_CONTIGS + 1, N_GENES)],
        "strand": rng.choice(["+", "-"], N_GENES),
        "tss": rng.integers(10_000, LENGTH - 10_000, N_GENES),
    }
    write_table(folder / "genes.tsv", pd.DataFrame(genes))
    return genome


def make_vcf(path: Path, genome: np.ndarray, lines: int, samples: int = 0) -> None:
    """Write a VCF of substitutions in random order, with phased genotypes if there are samples."""
    rng = np.random.default_rng(2)
    names = "".join(f"\ts{sample}" for sample in range(samples))
    with path.open("w") as vcf:
        vcf.write("##fileformat=VCFv4.3\n" + "".join(f"##contig=<ID=chr{c}>\n" for c in range(1, N_CONTIGS + 1)))
        vcf.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        vcf.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO{chr(9) + 'FORMAT' if samples else ''}{names}\n")
        for start in range(0, lines, BLOCK):
            count = min(BLOCK, lines - start)
            contig, pos = rng.integers(0, N_CONTIGS, count), rng.integers(0, LENGTH, count)
            ref = genome[contig, pos]
            alt = (ref + rng.integers(1, 4, count, dtype=np.uint8)) % 4
            called = list(phased_calls(rng, count, samples)) if samples else None
            for row in range(count):
                vcf.write(
                    f"chr{contig[row] + 1}\t{pos[row] + 1}\trs{start + row}\t{'ACGT'[ref[row]]}\t{'ACGT'[alt[row]]}"
                    f"\t.\tPASS\t.{called[row] if called else ''}\n"
                )


def phased_calls(rng: np.random.Generator, lines: int, samples: int) -> Iterator[str]:
    """Yield FORMAT and the samples of each line; alleles have frequencies of 1 to 50 %, rare ones most often."""
    text = np.tile(np.frombuffer(b"\t0|0", dtype=np.uint8), (lines, samples, 1))
    frequency = 0.5 * 0.02 ** rng.random((lines, 1, 1))
    text[..., [1, 3]] += rng.random((lines, samples, 2)) < frequency
    yield from (f"\tGT{row.tobytes().decode()}" for row in text)


def measure(folder: Path, vcf: Path, *options: str) -> tuple[Taken, dict]:
    """Read a VCF; return time and memory, and the counts."""
    taken = run(
        [sys.executable, ROOT / "bin" / "read_variants.py", "--set", "simulated", "--file", vcf,
         "--fasta", folder / "genome.fa", "--genes", folder / "genes.tsv", "--outdir", folder / "out", *options]
    )  # fmt: skip
    return taken, json.loads((folder / "out" / "counts.json").read_text())


def make(folder: Path, sizes: list[tuple[int, int]]) -> None:
    """Write the genome, and a VCF for each number of lines and samples."""
    genome = make_genome(folder)
    for lines, samples in sizes:
        make_vcf(folder / f"{lines}_{samples}.vcf", genome, lines, samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the larger VCF")
    most = parser.parse_args().lines
    sizes = [(MIN_LINES, 0), (most // 10, 0), (most, 0), (most // 10, N_SAMPLES), (most, N_SAMPLES)]
    table = [
        "| lines of the VCF | rows written | CPU seconds | lines per CPU second | memory |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: children start as copies of this process, so its memory would count as theirs.
        with ProcessPoolExecutor(1) as process:
            process.submit(make, folder, sizes).result()
        for lines, samples in sizes:
            options = ["--haplotypes"] if samples else []
            taken, counts = measure(folder, folder / f"{lines}_{samples}.vcf", *options)
            what = f"{lines:,}" + (f", {samples} phased samples, `--haplotypes`" if samples else "")
            speed = "" if lines == MIN_LINES else f"{lines / taken.cpu:,.0f}"
            table.append(f"| {what} | {counts['pairs']:,} | {taken.cpu:.1f} | {speed} | {taken.memory:.2f} GB |")
    write("benchmarks/variant_reading.py", table)


if __name__ == "__main__":
    main()

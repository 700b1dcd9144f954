#!/usr/bin/env python3
"""Time and memory of extract_features.py on a random genome: 24 contigs and 20,000 genes, of human size by default.

In the same run, `bedtools getfasta` extracts the same windows. The temporary folder must have room for the genome.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks")]

from measure import Taken, run  # noqa: E402
from pages import write  # noqa: E402

N_CONTIGS, N_GENES, UPSTREAM, DOWNSTREAM = 24, 20_000, 7000, 3500


def make_genome(folder: Path, size: int) -> None:
    """Write genome.fa (lines of 60 bases), genes.gtf (evenly spaced genes of two exons) and windows.bed (their windows)."""
    rng = np.random.default_rng(1)
    length, per_contig = size // N_CONTIGS // 60 * 60, N_GENES // N_CONTIGS + 1
    with (
        (folder / "genome.fa").open("wb") as fasta,
        (folder / "genes.gtf").open("w") as gtf,
        (folder / "windows.bed").open("w") as bed,
    ):
        for contig in range(1, N_CONTIGS + 1):
            fasta.write(f">chr{contig}\n".encode())
            for start in range(0, length, 60_000_000):
                bases = np.frombuffer(b"ACGT", dtype=np.uint8)[
                    rng.integers(0, 4, min(60_000_000, length - start), dtype=np.uint8)
                ]
                lines = np.full((len(bases) // 60, 61), ord("\n"), dtype=np.uint8)
                lines[:, :60] = bases.reshape(-1, 60)
                fasta.write(lines.tobytes())
            for gene in range(min(per_contig, N_GENES - (contig - 1) * per_contig)):
                name, tss = f"G{contig:02}{gene:05}", 20_000 + gene * (length // per_contig - 100)
                about = f'gene_id "{name}"; transcript_id "{name}.1"; gene_name "{name}";'
                for part, first, last in (
                    ("exon", 0, 999),
                    ("exon", 5000, 7999),
                    ("CDS", 100, 999),
                    ("CDS", 5000, 5998),
                ):
                    gtf.write(f"chr{contig}\tx\t{part}\t{tss + first}\t{tss + last}\t.\t+\t.\t{about}\n")
                bed.write(f"chr{contig}\t{tss - 1 - UPSTREAM}\t{tss - 1 + DOWNSTREAM}\n")


def measure(size: int) -> tuple[Taken, Taken]:
    """Measure extract_features.py and bedtools."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_genome(folder, size)
        genome = folder / "genome.fa"
        ours = run(
            [sys.executable, ROOT / "bin" / "extract_features.py", "--fasta", genome, "--gtf", folder / "genes.gtf",
             "--upstream", UPSTREAM, "--downstream", DOWNSTREAM, "--outdir", folder]
        )  # fmt: skip
        windows = ["-bed", folder / "windows.bed", "-fo", folder / "windows.fa"]
        return ours, run(["bedtools", "getfasta", "-fi", genome, *windows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bases", type=float, default=3.1e9, help="size of the genome")
    bases = int(parser.parse_args().bases)
    ours, bedtools = measure(bases)
    lines = [
        f"| {N_GENES:,} genes of a {bases / 1e9:.1f} Gb genome | seconds (CPU) | memory | relative time (CPU) |",
        "|---|---|---|---|",
        f"| `bedtools getfasta`: the windows | {bedtools.seconds:.1f} ({bedtools.cpu:.1f}) | {bedtools.memory:.2f} GB | 1 |",
        f"| `extract_features.py`: windows, annotation features, `features.h5` | {ours.seconds:.1f} ({ours.cpu:.1f}) "
        f"| {ours.memory:.2f} GB | {ours.seconds / bedtools.seconds:.1f} ({ours.cpu / bedtools.cpu:.1f}) |",
    ]
    write("benchmarks/genome_size.py", lines)


if __name__ == "__main__":
    main()

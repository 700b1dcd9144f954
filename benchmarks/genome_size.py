#!/usr/bin/env python3
"""Time and memory of extract_features.py on a random genome of human size: 24 contigs, 3.1 Gb, 20,000 genes.

Beside it, in the same run, `bedtools getfasta` cuts the same windows. Needs 4 GB of disk in the temporary folder.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CONTIGS, BASES, GENES, UPSTREAM, DOWNSTREAM = 24, 3_100_000_000, 20_000, 7000, 3500


def make_genome(folder: Path) -> None:
    """genome.fa in lines of 60 bases, genes.gtf with a two-exon gene every 155 kb, windows.bed of their windows."""
    rng = np.random.default_rng(1)
    length, per_contig = BASES // CONTIGS // 60 * 60, GENES // CONTIGS + 1
    with (
        (folder / "genome.fa").open("wb") as fasta,
        (folder / "genes.gtf").open("w") as gtf,
        (folder / "windows.bed").open("w") as bed,
    ):
        for contig in range(1, CONTIGS + 1):
            fasta.write(f">chr{contig}\n".encode())
            for start in range(0, length, 60_000_000):
                bases = np.frombuffer(b"ACGT", dtype=np.uint8)[
                    rng.integers(0, 4, min(60_000_000, length - start), dtype=np.uint8)
                ]
                lines = np.full((len(bases) // 60, 61), ord("\n"), dtype=np.uint8)
                lines[:, :60] = bases.reshape(-1, 60)
                fasta.write(lines.tobytes())
            for gene in range(min(per_contig, GENES - (contig - 1) * per_contig)):
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


def seconds_of(command: list) -> float:
    start = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_genome(folder)
        ours = seconds_of(
            [sys.executable, ROOT / "bin" / "extract_features.py", "--fasta", folder / "genome.fa", "--gtf", folder / "genes.gtf",
             "--upstream", UPSTREAM, "--downstream", DOWNSTREAM, "--outdir", folder]
        )  # fmt: skip
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        bedtools = seconds_of(
            [
                "bedtools",
                "getfasta",
                "-fi",
                folder / "genome.fa",
                "-bed",
                folder / "windows.bed",
                "-fo",
                folder / "w.fa",
            ]
        )
    print(
        f"extract_features.py: {ours:.0f} s, at most {memory:.1f} GB of memory ({GENES:,} genes of a {BASES / 1e9:.1f} Gb genome)"
    )
    print(f"bedtools getfasta, the same windows and nothing else: {bedtools:.0f} s ({ours / bedtools:.1f} times)")


if __name__ == "__main__":
    main()

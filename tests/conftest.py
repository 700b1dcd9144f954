"""Fixtures that several test files share: the package on the path, small inputs made by hand, the real demo."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))
sys.dont_write_bytecode = True

# First of all that is compiled: it tells numba how many threads PyTorch has, which holds for the whole process.
import scxpresso.networks.fast  # noqa: E402, F401


@pytest.fixture(scope="session")
def demo() -> Path:
    """The embedded demo: a whole genome and its atlas."""
    return ROOT / "assets" / "demo"


@pytest.fixture(scope="session")
def chr9() -> Path:
    """The first megabase of human chromosome 9 with its Ensembl annotation."""
    return ROOT / "tests" / "data" / "human_chr9_1Mb"


@pytest.fixture(scope="session")
def run_cli():
    """Run an executable of bin/ as a process; the completed process, whatever its exit status."""

    def run(executable: str, *options, cwd=None) -> subprocess.CompletedProcess:
        command = [sys.executable, str(ROOT / "bin" / executable), *map(str, options)]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)

    return run


@pytest.fixture(scope="session")
def demo_genome(demo, tmp_path_factory, run_cli) -> Path:
    """genes.tsv, features.h5 (1,000 + 500 bases) and folds.tsv (5) of the demo genome."""
    folder = tmp_path_factory.mktemp("genome")
    made = run_cli(
        "extract_features.py", "--fasta", demo / "genome.fa.gz", "--gtf", demo / "genes.gtf.gz",
        "--upstream", 1000, "--downstream", 500, "--outdir", folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    made = run_cli(
        "split_folds.py", "--genes", folder / "genes.tsv", "--features", folder / "features.h5", "--folds", 5,
        "--output", folder / "folds.tsv",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="session")
def demo_expression(demo, demo_genome, tmp_path_factory, run_cli) -> Path:
    """Expression of the demo atlas at the levels all and cell_type."""
    folder = tmp_path_factory.mktemp("expression")
    made = run_cli(
        "pseudobulk.py", "--counts", demo / "atlas.h5ad", "--protocol", "10x", "--levels", "all;cell_type",
        "--genes", demo_genome / "genes.tsv", "--outdir", folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def gene_frame():
    """A genes.tsv of the given ids; other columns filled with plausible numbers."""

    def make(ids, **columns) -> pd.DataFrame:
        count = len(ids)
        table = {
            "gene_id": list(ids),
            "gene_name": list(ids),
            "transcript_id": [f"{name}-t" for name in ids],
            "chrom": ["1"] * count,
            "strand": ["+"] * count,
            "tss": np.arange(count) * 10_000 + 5_000,
            "orf_length": [900] * count,
            "utr5_length": [50] * count,
            "utr3_length": [150] * count,
            "intron_length": [0] * count,
            "exon_junction_density": [1.1] * count,
            "padded_bases": [0] * count,
        }
        return pd.DataFrame(table | columns)

    return make

"""Fixtures that several test files share: the package on the path, small inputs made by hand, the real demo."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Before numpy is loaded: small products and loops by several threads only take more CPU time (see two_threads).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "2")

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))
sys.dont_write_bytecode = True

# The package first: it says how threads wait, and where numba keeps kernels, which another package may import.
import scxpresso  # noqa: E402, I001
import scxpresso.compiled  # noqa: E402, F401
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Where tests run in several processes (make test), those of a module share one, for its fixtures; of test_pipeline.py,
    those of a Nextflow and parser."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFixtures(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module, _, test = nodeid.partition("::")
            launcher = re.search(r"\[([\w.]+-v[12])", test) if module.endswith("test_pipeline.py") else None
            return module + (launcher[1] if launcher else "")

    return ByFixtures(config, log)


SLOW_MARKERS = ("nextflow", "browser", "containers", "slurm", "sge", "checkers")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config, items):
    """Tests that do not depend on Nextflow's parser run once; the longest come first, so that none is left for the end.

    Tests that start a large program are slow.
    """
    for item in items:
        if any(item.get_closest_marker(name) for name in SLOW_MARKERS):
            item.add_marker("slow")
    once = [
        item for item in items if item.get_closest_marker("one_parser") and item.callspec.params["project"][1] != "v1"
    ]
    if once and not os.environ.get("NXF_TEST_LAUNCHERS"):
        config.hook.pytest_deselected(items=once)
        items[:] = [item for item in items if item not in once]
    items.sort(key=lambda item: item.path.name != "test_pipeline.py")


@pytest.fixture
def two_threads():
    """Two threads for PyTorch and for kernels."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo() -> Path:
    """The embedded demo: a whole genome and its atlas."""
    return ROOT / "assets" / "demo"


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small inputs of faults that users meet: folders annotation, atlas, variants."""
    return ROOT / "tests" / "data" / "cases"


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
        del environment["NUMBA_NUM_THREADS"]  # that of the tests
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


@pytest.fixture(scope="session")
def tiny_model(demo_genome, tmp_path_factory) -> Path:
    """Two models of the demo genome, tiny/level/{scxpresso,hybrid}: random weights, scales of real genes, fitted trees.

    Three populations, two folds of two replicates. The last ten genes of genes.tsv are absent from training.
    """

    from scxpresso.genome.feature_store import Features
    from scxpresso.networks.gradient_boosted_trees import Bins, GradientBoostedTrees
    from scxpresso.networks.weights import NetworkMetadata, save_network
    from scxpresso.store import read_table, write_json

    features = Features(demo_genome / "features.h5")
    genes = read_table(demo_genome / "genes.tsv")["gene_id"]
    rows = features.rows(genes[::50])
    codes, half_life = features.codes[rows], features.annotation(rows, features.annotation_features(["half_life"]))
    expression = np.stack([half_life[:, 0], -half_life[:, 0], half_life[:, 3]], axis=1)
    expression += np.random.default_rng(1).normal(0, 0.3, expression.shape)
    folder = tmp_path_factory.mktemp("models") / "tiny" / "level"
    populations = ("NA", 'L2/3 "IT";ü\'$(x)', "B cell")
    trees = None
    for name in ("scxpresso", "hybrid"):
        about = NetworkMetadata(name, "both", features.upstream, features.downstream, populations)
        files = {str(fold): [f"fold_{fold}/replicate_{number}.safetensors" for number in (1, 2)] for fold in (1, 2)}
        for seed, file in enumerate(files["1"] + files["2"]):
            torch.manual_seed(seed)
            network = about.build()
            network.expression.fit(expression.mean(axis=0) - 2, expression.std(axis=0))
            sd = half_life.std(axis=0)
            network.annotation.fit(half_life.mean(axis=0), np.where(sd > 0, sd, 1))  # the demo genome has no UTRs
            if name == "scxpresso":  # as trained ones, it sees single bases
                network.sequence[0].weight.data.mul_(4)
                network.sequence[3].weight.data.mul_(4)
            if name == "hybrid":
                read = network.read(codes, features.upstream)
                network.kmer_counts.fit(read.counts.mean(dim=0), read.counts.std(dim=0) + 0.1)
                torch.nn.init.normal_(network.kmer_linear.weight, std=0.01)
                if trees is None:  # of every tenth feature: of all of them they would take a minute
                    trees = GradientBoostedTrees(len(populations))
                    seen = network.features(read, torch.from_numpy(half_life)).numpy()[:, ::10]
                    trees.fit(Bins.of(seen, trees.settings), expression - expression.mean(axis=0), seed=1)
                network.trees.load_state_dict(trees.state_dict())
                network.trees.feature.mul_(10)
                network.trees.value.mul_(1 + 0.2 * seed)
            save_network(folder / name / file, network, about)
        write_json(
            folder / name / "model.json",
            {
                "atlas": "tiny", "level": "level", "genome": "demo", "network": name, "inputs": "both",
                "upstream": features.upstream, "downstream": features.downstream, "populations": populations,
                "annotation_features": about.annotation_features,
                "folds": {fold: {"replicates": names, "used": names} for fold, names in files.items()},
                "fold_of_gene": {gene: 1 + number % 2 for number, gene in enumerate(genes[:-10])},
                "gene_pearson": {gene: [None, 0.9, 0.1, -0.5][number % 4] for number, gene in enumerate(genes[:-10])},
            },
        )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def schemas(tmp_path_factory) -> Path:
    """A folder with the schemas of parameters and sheets."""
    from preflight_project import SCHEMAS

    folder = tmp_path_factory.mktemp("schemas")
    for name in SCHEMAS:
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="session")
def checked_files(tmp_path_factory, schemas) -> Path:
    """genome.fa, genes.gtf and atlas.h5ad of a preflight project, made once."""
    from preflight_project import Project

    folder = tmp_path_factory.mktemp("files")
    Project(folder, schemas)
    for sheet in folder.glob("*.csv"):
        sheet.unlink()
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

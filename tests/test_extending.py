"""docs/extending.md: its network, taken from the page, runs from training to variant scores."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from scxpresso.metrics import pearson
from scxpresso.store import TEXT_COLUMNS, read_table, write_table

N_GENES = 400


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run an executable of a copy of bin/ that has the page's network in it."""
    folder = tmp_path_factory.mktemp("pipeline") / "bin"
    shutil.copytree(ROOT / "bin", folder, ignore=shutil.ignore_patterns("__pycache__"))
    module, entry = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.S)
    (folder / "scxpresso/networks/gc.py").write_text(module)
    registry = folder / "scxpresso/networks/registry.py"
    before, bracket, after = registry.read_text().partition("\n]\nNETWORKS = ")
    assert bracket
    registry.write_text(f"{before}\n{entry.rstrip()}{bracket}{after}")

    def run_executable(name, *options):
        command = [sys.executable, str(folder / f"{name}.py"), *map(str, options)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run_executable


@pytest.mark.slow
@pytest.mark.parametrize("tasks", ["multi", "single"])
def test_the_network_of_the_page_runs_end_to_end(run, demo, demo_genome, demo_expression, tmp_path, tasks):
    features, genes = demo_genome / "features.h5", demo_genome / "genes.tsv"
    expression = read_table(demo_expression / "cell_type.tsv.gz", index="gene_id", text=["gene_id"])
    write_table(tmp_path / "cell_type.tsv.gz", expression[:N_GENES].reset_index())
    data = "--features", features, "--expression", tmp_path / "cell_type.tsv.gz", "--folds", demo_genome / "folds.tsv"

    model = tmp_path / "model"
    run(
        "train_fold", *data, "--fold", "1,2,3,4,5", "--network", "gc", "--tasks", tasks,
        "--replicates", 2 if tasks == "multi" else 1, "--epochs", 8, "--learning_rate", 0.01, "--outdir", model,
    )  # fmt: skip
    history = read_table(model / "fold_1" / "history.tsv")
    assert (
        history.groupby(["replicate", "population"])["train_loss"]
        .apply(lambda loss: loss.iloc[-1] < loss.iloc[0])
        .all()
    )

    run(
        "ensemble", *data, "--populations", demo_expression / "cell_type.populations.tsv", "--atlas", "malaria",
        "--level", "cell_type", "--genome", "pf", "--predictions", model / "predictions.tsv.gz", "--model",
        model / "model.json", *sorted(model.glob("fold_*")),
    )  # fmt: skip
    description = json.loads((model / "model.json").read_text())
    assert (description["recipe"], description["network"], description["tasks"]) == ("gc", "gc", tasks)
    held_out = read_table(model / "predictions.tsv.gz")
    assert len(held_out) == N_GENES * len(description["populations"]) and np.isfinite(held_out["predicted"]).all()
    ring = held_out[held_out["population"] == "ring"]
    assert pearson(ring[["observed"]].to_numpy(), ring[["predicted"]].to_numpy())[0] > 0.1

    run("predict", "--model", model, "--features", features, "--device", "cpu", "--output", tmp_path / "new.tsv.gz")
    predicted = read_table(tmp_path / "new.tsv.gz").merge(held_out, left_on=["sequence", "population"],
                                                          right_on=["gene_id", "population"])  # fmt: skip
    np.testing.assert_allclose(predicted["predicted_x"], predicted["predicted_y"], atol=1e-4)

    gene = expression.index[0]
    (tmp_path / "chunk.txt").write_text(f"{gene}\n")
    log = run(
        "saturate", "--model", model, "--features", features, "--genes", genes, "--chunk", tmp_path / "chunk.txt",
        "--device", "cpu", "--outdir", tmp_path,
    )  # fmt: skip
    assert "gc: no incremental form" in log
    assert read_table(tmp_path / "profiles.tsv.gz", text=TEXT_COLUMNS)["gene_id"].unique().tolist() == [gene]

    genome = demo / "genome.fa.gz"
    run(
        "read_variants", "--set", "demo", "--file", demo / "variants" / "simulated.vcf.gz", "--fasta", genome,
        "--genes", genes, "--upstream", 1000, "--downstream", 500, "--outdir", tmp_path / "variants",
    )  # fmt: skip
    run(
        "score_variants", "--set", "demo", "--model", model, "--features", features, "--genes", genes, "--fasta", genome,
        "--variants", tmp_path / "variants" / "chunks" / "1.tsv.gz", "--device", "cpu", "--output", tmp_path / "scores.tsv.gz",
    )  # fmt: skip
    scores = read_table(tmp_path / "scores.tsv.gz", text=TEXT_COLUMNS | {"pos"})
    assert len(scores) and (scores["effect"] != 0).any() and scores["p_value"].between(0, 1).all()

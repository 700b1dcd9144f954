"""One network per population: trained alone, and used together as a network of all populations."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from test_saturation import check, hybrid, published, window  # noqa: F401, a fixture
from test_training import toy  # noqa: F401, a fixture

from scxpresso.networks.model import Model
from scxpresso.networks.prediction import predict
from scxpresso.networks.single_task import SingleTaskNetworks
from scxpresso.networks.weights import load_network, save_network
from scxpresso.saturation.effects_store import Effects
from scxpresso.saturation.incremental import incremental
from scxpresso.store import last_attempts, read_history, read_table, write_table
from scxpresso.training import train
from scxpresso.training.data import Recipe, training_data
from scxpresso.training.ensemble import read_fold_dirs
from scxpresso.training.train import train_folds

CPU = torch.device("cpu")


@pytest.fixture
def members(hybrid, request):  # noqa: F811
    """Two populations' networks of a kind, and the same as replicates of one network of both."""

    def make(kind, inputs="both"):
        if kind == "scxpresso":
            parts = [published(900, 1, inputs), published(900, 1, inputs)]
            for network, _ in parts[1]:
                network.expression.fit([-2.0], [0.7])
                network.head[3].weight.data.mul_(-1.3)
        else:
            parts = [hybrid(600, 900, 1, inputs), hybrid(600, 900, 1, inputs)]
            for network, _ in parts[1]:
                network.expression.fit([-2.0], [0.7])
                network.kmer_linear.weight.data.mul_(-0.5)
        metadata = replace(parts[0][0][1], populations=("a", "b"), tasks="single")
        joined = [(SingleTaskNetworks([one[0], other[0]]).eval(), metadata) for one, other in zip(*parts, strict=True)]
        return parts, joined

    return make


@pytest.mark.parametrize("kind", ["scxpresso", "hybrid"])
def test_predictions_are_those_of_the_members(members, kind, tmp_path):
    parts, joined = members(kind)
    codes = np.stack([window(900, seed) for seed in range(3)])
    annotation = np.random.default_rng(1).uniform(1, 3, (3, 5))
    expected = np.concatenate([predict(part, codes, annotation) for part in parts], axis=2)
    assert not np.allclose(expected[..., 0], expected[..., 1])
    np.testing.assert_array_equal(predict(joined, codes, annotation), expected)
    network = joined[0][0]
    with torch.no_grad():
        whole = network.expression.undo(
            network(torch.from_numpy(codes), torch.from_numpy(annotation.astype(np.float32)))
        )
    np.testing.assert_allclose(whole.numpy(), expected[0], atol=1e-5)
    save_network(tmp_path / "replicate_1.safetensors", *joined[0])
    loaded = load_network(tmp_path / "replicate_1.safetensors")
    assert loaded[1] == joined[0][1]
    np.testing.assert_array_equal(predict([loaded], codes, annotation), expected[:1])


@pytest.mark.parametrize(("kind", "engine"), [("scxpresso", "auto"), ("scxpresso", "plain"), ("hybrid", "auto")])
def test_substitutions_have_the_effects_of_brute_force(members, kind, engine):
    _, joined = members(kind)
    form = partial(incremental, device=CPU, engine=engine)
    check([form], joined, window(900), np.array([3.0, 2.0, 2.0, 3.0, 0.5]), 560, 640)


def test_networks_without_sequence_have_no_effects(members):
    _, joined = members("scxpresso", "half_life")
    expression, effects = incremental(joined, CPU).effects(window(900), np.zeros(5), 10, 20)
    assert expression.shape == (2, 2) and effects.shape == (2, 10, 4, 2) and not effects.any()


@pytest.mark.parametrize("engine", ["auto", "plain", "stacked"])
@pytest.mark.slow
def test_each_population_is_trained_alone_with_seeds_of_its_own(toy, engine, tmp_path):  # noqa: F811
    recipe = Recipe(tasks="single", replicates=2, epochs=2, batch_size=16, seed=7)
    data = training_data(*toy, [1, 2], recipe)
    trained = train_folds(data, recipe, CPU, engine)
    for fold in (1, 2):
        history = trained[fold].history_table
        rows = history[["replicate", "population", "epoch"]].to_numpy().tolist()
        assert rows == [[r, population, epoch] for r in (1, 2) for population in ("a", "b") for epoch in (1, 2)]
        assert history["seed"].nunique() == 4 and not trained[fold].collapsed
    # As a model of that population alone, but for the seed.
    (alone,) = data.single_tasks()[1:]
    assert alone.populations == ("b",)
    alone_trained = train_folds(alone, replace(recipe, tasks="multi"), CPU, engine)
    for one, other in zip(trained[1].networks, alone_trained[1].networks, strict=True):
        states = one.members[1].state_dict(), other.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
    assert one.members[0].head[-1].out_features == 1  # the single-output head


def test_a_collapsed_network_of_a_population_is_trained_again_alone(toy, monkeypatch):  # noqa: F811
    plain = train.train_group

    def collapses_once(data, genes, recipe, jobs, on_epoch):
        results = plain(data, genes, recipe, jobs, on_epoch)
        return [
            (network, rows, data.task == 2 and attempt == 1)
            for (_, _, attempt), (network, rows, _) in zip(jobs, results, strict=True)
        ]

    monkeypatch.setattr(train, "train_group", collapses_once)
    recipe = Recipe(tasks="single", replicates=1, epochs=1, batch_size=16)
    fold = train_folds(training_data(*toy, [1], recipe), recipe, CPU)[1]
    assert [(row["population"], row["attempt"]) for row in fold.history] == [("a", 1), ("b", 1), ("b", 2)]
    assert last_attempts(fold.history_table)[["population", "attempt"]].to_numpy().tolist() == [["a", 1], ["b", 2]]
    monkeypatch.setattr(
        train, "train_group", lambda data, *rest: [(*one[:2], data.task == 2) for one in plain(data, *rest)]
    )
    assert train_folds(training_data(*toy, [1], recipe), recipe, CPU)[1].collapsed == [(1, "b")]


def test_the_best_replicate_has_the_lowest_mean_loss_over_populations(tmp_path):
    rows = [(1, "a", 0.5), (1, "b", 0.9), (2, "a", 0.6), (2, "b", 0.6), (3, "a", 0.1), (3, "b", 1.5)]
    for number, (replicate, population, loss) in enumerate(rows):
        rows[number] = {
            "fold": 1,
            "replicate": replicate,
            "population": population,
            "attempt": 1,
            "validation_loss": loss,
        }
    table = pd.DataFrame(rows)
    write_table(tmp_path / "fold_1" / "history.tsv", table)
    (part,) = read_fold_dirs([tmp_path / "fold_1"], "best")
    assert [path.stem for path in part.used] == ["replicate_2"] and len(part.files) == 3


def test_histories_of_version_0_1_are_of_all_populations(tmp_path):
    (tmp_path / "history.tsv").write_text("fold\treplicate\tattempt\n1\t1\t1\n1\t1\t2\n")
    history = read_history(tmp_path / "history.tsv")
    assert history["population"].tolist() == ["", ""] and last_attempts(history)["attempt"].tolist() == [2]


@pytest.mark.slow
def test_the_executables_make_a_model_of_single_tasks(demo_genome, demo_expression, tmp_path, run_cli):
    table = read_table(demo_expression / "cell_type.tsv.gz", index="gene_id", text=["gene_id"])
    write_table(tmp_path / "expression.tsv.gz", table[:400].reset_index())
    data = (
        "--features", demo_genome / "features.h5", "--expression", tmp_path / "expression.tsv.gz",
        "--folds", demo_genome / "folds.tsv",
    )  # fmt: skip
    done = run_cli(
        "train_fold.py", *data, "--fold", "1,2,3,4,5", "--replicates", 1, "--epochs", 1, "--tasks", "single",
        "--recipe", "one_each", "--outdir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "replicate 1 schizont epoch 1: train" in done.stderr
    done = run_cli(
        "ensemble.py", *data, "--populations", demo_expression / "cell_type.populations.tsv", "--atlas", "malaria",
        "--level", "cell_type", "--genome", "pf", *(tmp_path / f"fold_{fold}" for fold in range(1, 6)), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    model = Model(tmp_path)
    assert (model.name, model.network) == ("malaria.cell_type.one_each", "scxpresso")
    assert '"tasks": "single"' in (tmp_path / "model.json").read_text()
    (tmp_path / "chunk.txt").write_text(read_table(demo_genome / "genes.tsv")["gene_id"][0] + "\n")
    done = run_cli(
        "saturate.py", "--model", tmp_path, "--features", demo_genome / "features.h5", "--genes",
        demo_genome / "genes.tsv", "--chunk", tmp_path / "chunk.txt", "--device", "cpu", "--outdir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Effects(tmp_path / "effects.h5") as effects:
        assert effects.populations == model.populations and len(model.populations) == 4

"""Training: it learns, repeats, keeps the best epoch, retries what collapsed; weights that say what they are."""

import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from scxpresso.genome.annotation import HALF_LIFE
from scxpresso.genome.extended import EXTENDED
from scxpresso.genome.feature_store import Features, write_features
from scxpresso.metrics import pearson
from scxpresso.networks.forms import gene_inputs
from scxpresso.networks.prediction import predict, resolve_device
from scxpresso.networks.published_gpu import Stack
from scxpresso.networks.registry import NETWORKS
from scxpresso.networks.weights import NetworkMetadata, load_network, save_network
from scxpresso.problems import InputError
from scxpresso.store import read_table
from scxpresso.training import published, train
from scxpresso.training.data import Recipe, split, training_data
from scxpresso.training.ensemble import predict_held_out, read_fold_dirs
from scxpresso.training.published import StackedTraining
from scxpresso.training.train import train_folds

CPU = torch.device("cpu")


@pytest.fixture
def toy(tmp_path):
    """200 genes of 400 bases whose expression is a motif and a half-life feature; expression of 2 populations, 4 folds."""
    rng = np.random.default_rng(1)
    genes = [f"g{number:03}" for number in range(200)]
    codes = rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=(200, 400))
    motif = rng.random(200) < 0.5
    codes[motif, 200:208] = [8, 8, 8, 1, 8, 8, 8, 1]
    half_life = rng.lognormal(5, 1, size=(200, 5))
    signal = np.stack([2.0 * motif, -1.0 * motif], axis=1) + np.log10(half_life[:, :1])
    write_features(tmp_path / "features.h5", genes, codes, half_life, half_life, 200)
    expression = pd.DataFrame(signal + rng.normal(0, 0.05, signal.shape), index=genes, columns=["a", "b"])
    return Features(tmp_path / "features.h5"), expression, pd.Series(np.arange(200) % 4 + 1, index=genes)


def fit(toy, fold=1, engine="auto", **options):
    recipe = Recipe(**{"replicates": 1, "epochs": 3, "batch_size": 16, "seed": 7} | options)
    data = training_data(*toy, [fold], recipe)
    return data, train_folds(data, recipe, CPU, engine)[fold]


def losses(trained):
    return [row[name] for row in trained.history for name in ("train_loss", "validation_loss")]


def test_training_and_validation_genes_never_include_the_held_out_fold(toy):
    for fold, genes in training_data(*toy, [2, 4], Recipe()).splits.items():
        assert set(genes.train) | set(genes.validation) == set(np.flatnonzero(toy[2].to_numpy() != fold))
        assert not set(genes.train) & set(genes.validation)
        assert len(genes.validation) == 15  # a tenth of 150
    assert len(split(toy[1].index, toy[2], 2, Recipe(validation_genes=9)).validation) == 9


def test_a_recipe_may_leave_the_extended_annotation_features_out(toy):
    features, expression, folds = toy
    features.extended = np.ones((200, len(EXTENDED)))
    for options, names in (
        ({"network": "hybrid"}, (*HALF_LIFE, *EXTENDED)),
        ({"network": "hybrid", "annotation_features": "half_life"}, tuple(HALF_LIFE)),
        ({"network": "scxpresso"}, tuple(HALF_LIFE)),
        ({"annotation_features": "xpresso"}, (*HALF_LIFE, "gc_utr5", "gc_orf", "gc_utr3")),
    ):
        data = training_data(features, expression, folds, [1], Recipe(**options))
        assert data.annotation_features == names and data.annotation.shape == (200, len(names))


def test_a_network_reads_the_sets_of_annotation_features_that_its_entry_names(toy, monkeypatch):
    features, expression, folds = toy
    features.extended = np.ones((200, len(EXTENDED)))
    features.transcript, features.transcript_names = np.ones((200, 2)), ["exons", "aa_A"]
    entry = replace(NETWORKS["hybrid"], name="other", annotation=("half_life", "extended", "transcript"))
    monkeypatch.setitem(NETWORKS, "other", entry)
    for options, names in (
        ({"network": "other"}, (*HALF_LIFE, *EXTENDED, "exons", "aa_A")),
        ({"network": "other", "annotation_features": "half_life"}, tuple(HALF_LIFE)),
        ({"network": "hybrid"}, (*HALF_LIFE, *EXTENDED)),
        ({"network": "scxpresso"}, tuple(HALF_LIFE)),
    ):
        assert training_data(features, expression, folds, [1], Recipe(**options)).annotation_features == names


@pytest.mark.parametrize("engine", ["plain", "auto", "stacked"])
def test_the_published_network_reads_the_eight_features_of_xpresso(toy, engine):
    features, expression, folds = toy
    features.extended = np.random.default_rng(3).random((200, len(EXTENDED)))
    features.extended[:, EXTENDED.index("gc_utr5")] = np.nan  # a gene without a 5'UTR, and so all genes of some genomes
    expression["a"] += 5 * features.extended[:, EXTENDED.index("gc_orf")]
    five, eight = (
        fit((features, expression, folds), engine=engine, epochs=6, annotation_features=name)[1]
        for name in ("half_life", "xpresso")
    )
    assert np.isfinite(losses(eight)).all() and min(losses(eight)) < min(losses(five))


def test_two_atlases_validate_on_the_same_genes(toy):
    _, expression, folds = toy
    whole = split(expression.index, folds, 1, Recipe())
    part = split(expression.index[::2], folds, 1, Recipe())
    shared = set(expression.index[whole.validation]) & set(expression.index[::2])
    assert set(expression.index[::2][part.validation]) <= shared | set(expression.index[whole.train])
    assert shared <= set(expression.index[::2][part.validation])


def test_expression_without_features_and_folds_without_genes_are_errors(toy):
    features, expression, folds = toy
    with pytest.raises(InputError, match="no features"):
        training_data(features, expression.rename({"g000": "other"}), folds, [1], Recipe())
    with pytest.raises(InputError, match="0 held out"):
        training_data(features, expression, folds, [1, 9], Recipe())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "plain"])
def test_the_same_seed_gives_the_same_weights(toy, engine):
    first, again, other = (fit(toy, engine=engine, seed=seed)[1].networks[0].state_dict() for seed in (7, 7, 8))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.0.weight"], other["head.0.weight"])


@pytest.mark.slow
def test_fast_and_plain_training_agree(toy):
    _, fast = fit(toy)
    _, plain = fit(toy, engine="plain")
    assert losses(fast) == pytest.approx(losses(plain), rel=2e-3)


@pytest.fixture
def uneven(toy):
    """The toy with folds of 48, 32 and 120 genes: stacks of them have networks that end an epoch a batch earlier."""
    return *toy[:2], pd.Series(np.repeat([1, 2, 3], [48, 32, 120]), index=toy[1].index)


@pytest.mark.slow
@pytest.mark.parametrize("inputs", ["both", "sequence"])
def test_networks_train_in_a_stack_as_they_train_alone(uneven, monkeypatch, inputs):
    monkeypatch.setattr(torch.nn.functional, "dropout", lambda values, *_: values)  # the one thing drawn in common
    recipe = Recipe(inputs=inputs, replicates=2, epochs=9, batch_size=16, learning_rate=2e-3, plateau_patience=1)
    data = training_data(*uneven, [1, 2], recipe)
    assert {len(genes.train) for genes in data.splits.values()} == {137, 152}
    stacked, alone = (train_folds(data, recipe, CPU, engine) for engine in ("stacked", "plain"))
    for fold in (1, 2):
        assert losses(stacked[fold]) == pytest.approx(losses(alone[fold]), rel=2e-3)
        tables = stacked[fold].history_table, alone[fold].history_table
        pd.testing.assert_frame_equal(*tables, rtol=2e-3)  # whole numbers are compared as they are
        assert tables[0]["learning_rate"].nunique() > 1
        for one, other in zip(stacked[fold].networks, alone[fold].networks, strict=True):
            assert one.expression.mean.tolist() == other.expression.mean.tolist()
            for name, values in one.state_dict().items():
                torch.testing.assert_close(values, other.state_dict()[name], rtol=0, atol=2e-3, msg=name)


@pytest.mark.slow
def test_losses_in_bfloat16_are_those_of_float32(toy, monkeypatch):
    plain = fit(toy, engine="stacked", replicates=3, epochs=2)[1]
    monkeypatch.setattr(published, "Stack", lambda networks, table, _: Stack(networks, table, torch.bfloat16))
    half = fit(toy, engine="stacked", replicates=3, epochs=2)[1]
    assert losses(half) != losses(plain) and losses(half) == pytest.approx(losses(plain), rel=2e-2)


@pytest.fixture
def captured(monkeypatch):
    """CUDA's part in a stand-in: stacks warm up, and what stands for their graph makes the step and counts the replays.

    Set its `error` for captures that fail.
    """

    class Stream:
        def wait_stream(self, other):
            pass

    class Graph:
        replays, error = 0, None

        def replay(self):
            Graph.replays += 1
            self.engine.step(self.engine.optimizers)

    @contextmanager
    def capture(graph):
        if Graph.error:
            raise Graph.error
        with monkeypatch.context() as during:
            during.setattr(StackedTraining, "step", lambda *_: None)  # a capture launches nothing
            yield

    class Captured(StackedTraining):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            random = torch.get_rng_state()
            self.graph = self._captured()
            torch.set_rng_state(random)
            if self.graph is not None:
                self.graph.engine = self

    for name, stand_in in {
        "Stream": Stream,
        "current_stream": Stream,
        "stream": lambda stream: nullcontext(),
        "CUDAGraph": Graph,
        "graph": capture,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(published, "StackedTraining", Captured)
    return Graph


def train_uneven(uneven):
    recipe = Recipe(epochs=2, replicates=2, batch_size=16)
    trained = train_folds(training_data(*uneven, [1, 2], recipe), recipe, CPU, "stacked")
    return [losses(trained[fold]) for fold in (1, 2)]


@pytest.mark.slow
def test_the_graph_makes_the_steps_of_all_networks_and_its_warm_up_changes_nothing(uneven, request):
    expected = train_uneven(uneven)
    graph = request.getfixturevalue("captured")
    assert train_uneven(uneven) == expected
    assert graph.replays == 2 * 9  # of the ten steps an epoch, the tenth is of two networks only


@pytest.mark.slow
def test_training_goes_on_without_a_graph_where_capture_fails(uneven, request, capsys):
    expected = train_uneven(uneven)
    graph = request.getfixturevalue("captured")
    graph.error = RuntimeError("operation not permitted when stream is capturing")
    assert train_uneven(uneven) == expected
    assert graph.replays == 0 and capsys.readouterr().err.count("WARNING training without CUDA graph") == 1


def test_the_weights_are_those_of_the_best_validation_epoch(toy):
    data, trained = fit(toy, epochs=12, learning_rate=0.02)
    losses = [row["validation_loss"] for row in trained.history]
    best = [row["epoch"] for row in trained.history if row["best"]]
    assert best == [int(np.argmin(losses)) + 1] and best != [12]
    network = trained.networks[0]
    genes = gene_inputs("scxpresso", "both", data.codes, data.upstream, data.annotation, CPU, "auto")
    target = network.expression.apply_to(torch.from_numpy(data.expression).float())
    rows = torch.from_numpy(data.splits[1].validation)
    assert ((genes.predict(network, rows) - target[rows]) ** 2).mean().item() == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.slow
def test_the_rate_falls_after_epochs_without_a_better_loss(toy):
    _, trained = fit(toy, epochs=30, learning_rate=0.02)
    rates = [row["learning_rate"] for row in trained.history]
    assert rates[0] == 0.02 and rates[-1] < 0.0021


@pytest.mark.slow
def test_it_learns_sequence_and_half_life_and_predicts_in_log10_units(toy):
    _, expression, folds = toy
    data, trained = fit(toy, epochs=30, learning_rate=0.002)
    held_out = folds.to_numpy() == 1
    about = NetworkMetadata("scxpresso", "both", 200, 200, ("a", "b"))
    (predicted,) = predict([(trained.networks[0], about)], data.codes[held_out], data.annotation[held_out])
    observed = expression.to_numpy()[held_out]
    assert (pearson(observed, predicted) > 0.8).all()
    assert predicted.mean(axis=0) == pytest.approx(observed.mean(axis=0), abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("auto", [[(1, 1, 1)], [(1, 2, 1)], [(1, 1, 2)], [(1, 1, 3)]]),
        ("stacked", [[(1, 1, 1), (1, 2, 1)], [(1, 1, 2)], [(1, 1, 3)]]),
    ],
)
def test_a_collapsed_replicate_is_trained_again_with_the_next_seed_and_reported(toy, monkeypatch, engine, expected):
    rounds = []
    plain = train.train_group

    def collapses_twice(data, genes, recipe, jobs, on_epoch):
        rounds.append(jobs)
        return [
            (network, rows, replicate == 1 and attempt <= 2)
            for (_, replicate, attempt), (network, rows, _) in zip(
                jobs, plain(data, genes, recipe, jobs, on_epoch), strict=True
            )
        ]

    monkeypatch.setattr(train, "train_group", collapses_twice)
    _, trained = fit(toy, engine=engine, epochs=1, replicates=2)
    assert rounds == expected
    assert len(trained.networks) == 2 and trained.collapsed == []
    assert [(row["replicate"], row["attempt"]) for row in trained.history] == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert len({row["seed"] for row in trained.history}) == 4
    monkeypatch.setattr(train, "train_group", lambda *args: [(*result[:2], True) for result in plain(*args)])
    assert fit(toy, engine=engine, epochs=1, replicates=2)[1].collapsed == [(1, ""), (2, "")]


def test_a_network_that_cannot_move_counts_as_collapsed(toy):
    _, trained = fit(toy, epochs=1, inputs="half_life", learning_rate=1e-30)
    assert trained.collapsed == []  # random weights are not constant
    features, expression, folds = toy
    features.half_life[:] = 1.0  # but constant inputs give constant outputs
    _, trained = fit((features, expression, folds), epochs=1, inputs="half_life")
    assert trained.collapsed == [(1, "")]
    assert max(row["attempt"] for row in trained.history) == train.MAX_ATTEMPTS


def test_weights_say_what_they_are_and_come_back_whole(toy, tmp_path):
    data, trained = fit(toy, epochs=1)
    about = NetworkMetadata("scxpresso", "both", 200, 200, ("a", 'L2/3 "IT"'))
    save_network(tmp_path / "replicate_1.safetensors", trained.networks[0], about)
    loaded, metadata = load_network(tmp_path / "replicate_1.safetensors")
    assert metadata == about
    before = predict([(trained.networks[0], about)], data.codes[:5], data.annotation[:5])
    np.testing.assert_array_equal(before, predict([(loaded, metadata)], data.codes[:5], data.annotation[:5]))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle", b"\x00" * 100])
def test_a_file_that_is_no_weights_is_an_error_and_never_unpickled(tmp_path, content):
    (tmp_path / "replicate_1.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="no weights"):
        load_network(tmp_path / "replicate_1.safetensors")


@pytest.mark.slow
def test_the_ensemble_predicts_each_gene_by_the_fold_that_held_it_out(toy, tmp_path):
    features, expression, folds = toy
    for fold in (1, 2, 3, 4):
        _, trained = fit(toy, fold=fold, replicates=2)
        for replicate, network in enumerate(trained.networks, start=1):
            about = NetworkMetadata("scxpresso", "both", 200, 200, ("a", "b"))
            save_network(tmp_path / f"fold_{fold}" / f"replicate_{replicate}.safetensors", network, about)
        trained.history_table.to_csv(tmp_path / f"fold_{fold}" / "history.tsv", sep="\t", index=False)
    # In whatever order they come: fold 10 sorts before fold 2 as text.
    parts = read_fold_dirs([tmp_path / f"fold_{fold}" for fold in (3, 1, 4, 2)], "mean")
    outputs = predict_held_out(parts, features, expression, folds.to_numpy())
    assert outputs.shape == (2, 200, 2) and not np.isnan(outputs).any()
    gene = 5  # in fold 2
    network = load_network(tmp_path / "fold_2" / "replicate_1.safetensors")
    annotation = features.annotation([gene], network[1].annotation_features)
    np.testing.assert_allclose(
        outputs[0, gene], predict([network], features.codes[[gene]], annotation)[0, 0], rtol=1e-5
    )
    best = read_fold_dirs([tmp_path / "fold_1"], "best")[0]
    history = read_table(tmp_path / "fold_1" / "history.tsv").groupby("replicate")["validation_loss"].min()
    assert [path.stem for path in best.used] == [f"replicate_{history.idxmin()}"]
    with pytest.raises(InputError, match=r"fold \[2, 3, 4\]"):
        predict_held_out([best], features, expression, folds.to_numpy())
    with pytest.raises(InputError, match=r"\[1, 2\] replicates"):
        predict_held_out([best, *parts[1:]], features, expression, folds.to_numpy())


def test_cuda_without_cuda_is_an_error_not_a_fall_back():
    assert resolve_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(InputError, match="no CUDA device"):
        resolve_device("cuda")


@pytest.mark.slow
def test_the_executable_trains_folds_of_the_demo(demo_genome, demo_expression, tmp_path, run_cli):
    made = run_cli(
        "train_fold.py", "--features", demo_genome / "features.h5", "--expression", demo_expression / "cell_type.tsv.gz",
        "--folds", demo_genome / "folds.tsv", "--fold", "3,1", "--replicates", 1, "--epochs", 2, "--outdir", tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "device cpu (--device auto)" in made.stderr or torch.cuda.is_available()
    assert "fold 3 replicate 1 epoch 2: train" in made.stderr
    for fold in (1, 3):
        history = read_table(tmp_path / f"fold_{fold}" / "history.tsv")
        assert history["fold"].tolist() == [fold] * 2 and history["epoch"].tolist() == [1, 2]
        assert history["train_loss"].is_monotonic_decreasing
    _, about = load_network(tmp_path / "fold_3" / "replicate_1.safetensors")
    assert about.populations == ("early_troph", "late_troph", "ring", "schizont")
    made = run_cli(
        "ensemble.py", "--features", demo_genome / "features.h5", "--expression", demo_expression / "cell_type.tsv.gz",
        "--folds", demo_genome / "folds.tsv", "--populations", demo_expression / "cell_type.populations.tsv",
        "--atlas", "malaria", "--level", "cell_type", "--genome", "pf",
        tmp_path / "fold_3", tmp_path / "fold_1", cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 1 and "none of fold [2, 4, 5]" in made.stderr
    assert not (tmp_path / "predictions.tsv.gz").exists()


@pytest.mark.parametrize("folds", ["0", "1,,2", "1,1", "a", "1;2"])
def test_the_executable_wants_different_numbers_of_folds(demo, run_cli, folds):
    any_file = demo / "atlases.csv"
    made = run_cli(
        "train_fold.py", "--features", any_file, "--expression", any_file, "--folds", any_file, "--fold", folds
    )
    assert made.returncode == 2 and "not a list of different whole numbers" in " ".join(made.stderr.split())


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_optimizers_are_those_of_pytorch(name):
    """Without the import of its compiler, which is why they exist."""
    script = f"""
import sys, torch
from scxpresso.training import optimizers

def train(optimizer):
    torch.manual_seed(1)
    layer = torch.nn.Linear(5, 3)
    groups = [{{"params": [layer.weight], "lr": 0.1}}, {{"params": [layer.bias]}}]
    steps = optimizer(groups, lr=0.01, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(steps, patience=1)
    for _ in range(5):
        steps.zero_grad()
        layer(torch.ones(4, 5)).square().mean().backward()
        steps.step()
        schedule.step(1.0)
    return torch.cat([layer.weight.flatten(), layer.bias]).detach()

mine = train(optimizers.{name})
assert "torch._dynamo" not in sys.modules
assert torch.equal(mine, train(torch.optim.{name}))
"""
    environment = os.environ | {"PYTHONPATH": str(Path(train.__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)

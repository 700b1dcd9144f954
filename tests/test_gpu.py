"""What a GPU computes is what the CPU computes: training, prediction, saturation, scores of variants. Skipped without one."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from test_grammar import metadata as grammar_metadata
from test_grammar import simulated as grammar_data
from test_hybrid import random_codes
from test_saturation import TOLERANCE, hybrid, published, window  # noqa: F401, a fixture
from test_scoring import World, of_every_kind, random_letters, score_cli
from test_scoring import chunk as variants_of
from test_training import losses, toy  # noqa: F401, a fixture

from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.prediction import predict
from scxpresso.saturation.effects import BruteForce
from scxpresso.saturation.incremental import incremental
from scxpresso.store import TEXT_COLUMNS, read_table
from scxpresso.training import published as published_training
from scxpresso.training.data import Recipe, Split, TrainingData, training_data
from scxpresso.training.train import train_folds

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: the GPU path is not run")


@pytest.fixture
def no_dropout(monkeypatch):
    """Each device draws its own random numbers."""
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda self, values: values)


def both_trained(data, recipe, engine="auto"):
    return [train_folds(data, recipe, device, engine) for device in (CPU, CUDA)]


@pytest.mark.parametrize(("rounded", "tolerance"), [(False, 1e-3), (True, 4e-2)])
def test_networks_trained_together_reach_the_losses_of_the_cpu(toy, no_dropout, rounded, tolerance, monkeypatch, capfd):  # noqa: F811
    """rounded: to bfloat16 and TF32, as tensor cores do."""
    if not rounded:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
        monkeypatch.setattr(published_training, "tensor_cores", nullcontext)
    recipe = Recipe(replicates=3, epochs=3, batch_size=16)
    cpu, gpu = both_trained(training_data(*toy, [1, 2], recipe), recipe)
    for fold in (1, 2):
        assert losses(gpu[fold]) == pytest.approx(losses(cpu[fold]), rel=tolerance)
    assert torch.get_float32_matmul_precision() == "highest"
    assert "WARNING" not in capfd.readouterr().err  # the step was captured as a graph


def test_a_network_trained_alone_reaches_the_losses_of_the_cpu(toy, no_dropout):  # noqa: F811
    recipe = Recipe(replicates=1, epochs=3, batch_size=16)
    cpu, gpu = both_trained(training_data(*toy, [1], recipe), recipe, "plain")
    assert losses(gpu[1]) == pytest.approx(losses(cpu[1]), rel=1e-3)


def test_hybrid_reaches_the_losses_of_the_cpu(no_dropout):
    codes = random_codes(300)
    rng = np.random.default_rng(2)
    rows = np.arange(300)
    data = TrainingData(
        codes, 2050, rng.normal(2, 1, (300, 5)).astype(np.float32), tuple("abcde"), rng.normal(-3, 1, (300, 3)),
        {1: Split(train=np.setdiff1d(rows, rows[::10]), validation=rows[::10])}, tuple("xyz"),
    )  # fmt: skip
    cpu, gpu = both_trained(data, Recipe(network="hybrid", replicates=1, epochs=4))
    assert losses(gpu[1]) == pytest.approx(losses(cpu[1]), rel=1e-2, abs=2e-3)


@pytest.mark.parametrize("inputs", ["both", "sequence", "half_life"])
def test_predictions_are_those_of_the_cpu(inputs):
    codes = np.stack([window(900, seed) for seed in range(12)])
    annotation = np.random.default_rng(1).uniform(1, 3, (12, 5))
    cpu, gpu = (predict(published(900, 3, inputs), codes, annotation, device) for device in (CPU, CUDA))
    np.testing.assert_allclose(gpu, cpu, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("length", "populations"), [(10_500, 3), (615, 20), (900, 1)])
def test_saturation_is_brute_force_on_the_cpu(length, populations):
    codes, annotation = window(length), np.array([3.0, 2.0, 2.0, 3.0, 0.5])
    start = length // 3
    form = incremental(published(length, populations), CUDA)
    expression, effects = form.effects(codes, annotation, start, start + 90)
    expected, by_force = BruteForce(published(length, populations), CPU).effects(codes, annotation, start, start + 90)
    assert np.abs(by_force).max() > 1e-3
    np.testing.assert_allclose(expression, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(effects, by_force, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("upstream", "length", "populations", "inputs"),
    [(2300, 3400, 3, "both"), (300, 500, 3, "both"), (0, 400, 1, "sequence"), (7000, 10_500, 3, "both")],
)
def test_saturation_by_hybrid_is_that_of_the_cpu(hybrid, upstream, length, populations, inputs, capsys):  # noqa: F811
    codes, annotation = window(length), np.array([3.0, 2.0, np.nan, 3.0, 0.5])
    cpu, gpu = (
        incremental(hybrid(upstream, length, populations, inputs), device).effects(codes, annotation)
        for device in (CPU, CUDA)
    )
    assert np.abs(cpu[1]).max() > 1e-3 and capsys.readouterr().err == ""
    for one, other in zip(cpu, gpu, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-5)
    assert np.abs(gpu[1][cpu[1] == 0]).max(initial=0) < 1e-7


def test_hybrid_reads_and_predicts_as_on_the_cpu(hybrid):  # noqa: F811
    codes = np.stack([window(3400, seed) for seed in range(12)])
    on_cpu, on_gpu = (Hybrid.read(torch.from_numpy(codes).to(device), 2300) for device in (CPU, CUDA))
    assert all(torch.equal(one, other.cpu()) for one, other in zip(on_cpu, on_gpu, strict=True))
    annotation = np.random.default_rng(1).uniform(1, 3, (12, 5))
    cpu, gpu = (predict(hybrid(2300, 3400, 3), codes, annotation, device) for device in (CPU, CUDA))
    np.testing.assert_allclose(gpu, cpu, rtol=0, atol=1e-5)


def test_grammar_trains_on_the_cpu_and_predicts_as_on_it(capfd):
    data = grammar_data(150)
    cpu, gpu = (one[1].networks[0] for one in both_trained(data, Recipe(network="grammar", replicates=1)))
    assert "grammar: fitted on the CPU" in capfd.readouterr().err
    weights = (network.cpu().state_dict().values() for network in (cpu, gpu))
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
    networks, fresh = [(cpu, grammar_metadata())], grammar_data(30, 3)
    of_cpu, of_gpu = (predict(networks, fresh.codes, fresh.annotation, device) for device in (CPU, CUDA))
    np.testing.assert_allclose(of_gpu, of_cpu, rtol=0, atol=1e-5)
    codes, annotation = fresh.codes[-1], fresh.annotation[-1]  # networks are on the GPU now
    by_force = BruteForce(networks, CUDA).effects(codes, annotation, 880, 1110)[1]
    effects = incremental(networks, CUDA).effects(codes, annotation, 880, 1110)[1]
    assert np.abs(by_force).max() > 1e-4 and "substitutions are evaluated on the CPU" in capfd.readouterr().err
    np.testing.assert_allclose(effects, by_force, rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_saturation_repeats_to_the_last_bit(hybrid, network):  # noqa: F811
    networks = published(3400, 3) if network == "scxpresso" else hybrid(2300, 3400, 3)
    form = incremental(networks, CUDA)
    first, second = (form.effects(window(3400), np.zeros(5)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_variants_score_as_on_the_cpu(network, tmp_path, run_cli):
    one = World(tmp_path / "world", random_letters(5000, 1), {"plus": (2000, "+"), "minus": (2300, "-")}, network)
    path = variants_of(tmp_path / "chunk.tsv.gz", of_every_kind(one, "plus") + of_every_kind(one, "minus"))
    tables = []
    for device in ("cpu", "cuda"):
        done = score_cli(run_cli, one, path, tmp_path / f"{device}.tsv.gz", "--device", device)
        assert done.returncode == 0, done.stderr
        tables.append(read_table(tmp_path / f"{device}.tsv.gz", text=TEXT_COLUMNS | {"pos"}))
    cpu, gpu = tables
    assert gpu[["variant_id", "population"]].equals(cpu[["variant_id", "population"]])
    np.testing.assert_allclose(gpu["effect"], cpu["effect"], rtol=0, atol=5e-6)
    np.testing.assert_allclose(gpu["p_value"], cpu["p_value"], rtol=0, atol=0.01)

"""The network `grammar` as a whole: trained on genes with a planted motif, saved, loaded, and asked for substitutions."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_grammar_motifs import planted, random_codes

from scxpresso.networks.prediction import predict
from scxpresso.networks.weights import NetworkMetadata, load_network, save_network
from scxpresso.saturation.effects import BruteForce
from scxpresso.saturation.grammar import GrammarEffects
from scxpresso.training import train
from scxpresso.training.data import Recipe, Split, TrainingData
from scxpresso.training.train import train_folds

CPU = torch.device("cpu")
NAMES = ("utr5_length", "orf_length", "codon_AAA", "aa_K", "dipeptide_KK", "utr3_A", "gene_features:one")
UPSTREAM = 1000


def simulated(genes: int = 300, seed: int = 1) -> TrainingData:
    codes, has = planted(genes, "TGACGTCA", seed)
    rng = np.random.default_rng(seed)
    annotation = rng.normal(size=(genes, len(NAMES)))
    annotation[::7, 5] = np.nan
    expression = np.stack([has + annotation[:, 0], has * 1.0, annotation[:, 0] * 0.5], axis=1)
    rows = np.arange(genes)
    split = {1: Split(train=rows[rows % 10 > 1], validation=rows[rows % 10 == 1])}
    return TrainingData(
        codes, UPSTREAM, annotation, NAMES, expression + rng.normal(0, 0.3, expression.shape), split, ("a", "b", "c")
    )


def trained(data: TrainingData, **options):
    return train_folds(data, Recipe(network="grammar", replicates=1, **options), CPU)[1].networks[0]


@pytest.fixture(scope="module")
def network():
    return trained(simulated())


def metadata(inputs: str = "both") -> NetworkMetadata:
    return NetworkMetadata("grammar", inputs, UPSTREAM, 500, ("a", "b", "c"), NAMES)


def test_it_learns_what_is_there(network):
    fresh = simulated(200, 5)
    predicted = predict([(network, metadata())], fresh.codes, fresh.annotation, CPU)[0]
    r = pd.DataFrame(predicted).corrwith(pd.DataFrame(fresh.expression))
    assert r.min() > 0.7, r
    assert len(network.motifs.offsets) >= 1


def test_training_is_deterministic_and_survives_a_file(network, tmp_path):
    again = trained(simulated())
    assert all(
        torch.equal(one, other)
        for one, other in zip(network.state_dict().values(), again.state_dict().values(), strict=True)
    )
    save_network(tmp_path / "network.safetensors", network, metadata())
    loaded, found = load_network(tmp_path / "network.safetensors")
    assert found == metadata()
    fresh = simulated(20, 7)
    np.testing.assert_array_equal(
        *(predict([(one, metadata())], fresh.codes, fresh.annotation, CPU) for one in (network, loaded))
    )


@pytest.mark.parametrize(("start", "end"), [(0, 130), (880, 1110), (1400, 1500)])
def test_effects_of_substitutions_are_those_of_whole_predictions(network, start, end):
    fresh = simulated(40, 3)
    codes, annotation = fresh.codes[-1].copy(), fresh.annotation[-1].astype(np.float32)
    codes[[40, 900, 1001, 1050, 1498]] = [15, 3, 15, 12, 15]
    networks = [(network, metadata())]
    expression, effects = GrammarEffects(networks).effects(codes, annotation, start, end)
    expected, by_force = BruteForce(networks, CPU).effects(codes, annotation, start, end)
    assert np.abs(by_force).max() > 1e-4
    np.testing.assert_allclose(expression, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(effects, by_force, rtol=0, atol=1e-6)


def test_effects_far_from_the_tss_are_those_of_whole_predictions():
    data, rng = simulated(120), np.random.default_rng(2)
    data.codes = np.hstack([random_codes(120, 3, 6200), data.codes, random_codes(120, 4, 3200)])
    data.upstream += 6200
    data.expression[:, 2] = (data.codes[:, :4000] == 4).mean(axis=1) * 30 + rng.normal(0, 0.1, 120)  # far bases
    one = trained(data)
    networks = [(one, NetworkMetadata("grammar", "both", data.upstream, 3700, ("a", "b", "c"), NAMES))]
    codes, annotation = data.codes[5].copy(), data.annotation[5].astype(np.float32)
    incremental, by_force = GrammarEffects(networks), BruteForce(networks, CPU)
    for start in (190, 4190, 6190, 10_690):  # around bounds of regions
        effects = incremental.effects(codes, annotation, start, start + 20)[1]
        expected = by_force.effects(codes, annotation, start, start + 20)[1]
        assert np.abs(expected).max() > 1e-4
        np.testing.assert_allclose(effects, expected, rtol=0, atol=1e-6)


def test_effects_of_a_network_without_annotation_are_those_of_whole_predictions():
    networks = [(trained(simulated(150), inputs="sequence"), metadata("sequence"))]
    fresh = simulated(30, 3)
    codes, annotation = fresh.codes[-1], fresh.annotation[-1].astype(np.float32)
    expression, effects = GrammarEffects(networks).effects(codes, annotation, 900, 1100)
    expected, by_force = BruteForce(networks, CPU).effects(codes, annotation, 900, 1100)
    assert np.abs(by_force).max() > 1e-4
    np.testing.assert_allclose(expression, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(effects, by_force, rtol=0, atol=1e-6)


@pytest.mark.parametrize("inputs", ["sequence", "half_life"])
def test_it_can_do_without_annotation_or_sequence(inputs):
    one = trained(simulated(150), inputs=inputs)
    fresh = simulated(30, 3)
    changed = fresh.annotation + 1 if inputs == "sequence" else fresh.annotation
    codes = fresh.codes if inputs == "sequence" else fresh.codes[:, ::-1].copy()
    np.testing.assert_array_equal(
        predict([(one, metadata(inputs))], fresh.codes, fresh.annotation, CPU),
        predict([(one, metadata(inputs))], codes, changed, CPU),
    )


@pytest.mark.parametrize(
    ("network", "device", "logged"), [("grammar", "meta", True), ("grammar", "cpu", False), ("hybrid", "meta", False)]
)
def test_the_log_says_that_it_is_fitted_on_the_cpu_of_another_device(network, device, logged, monkeypatch, capsys):
    monkeypatch.setattr(train, "_train_folds", lambda *_: {})
    monkeypatch.setattr(train, "gene_inputs", lambda *_: None)
    assert train_folds(simulated(20), Recipe(network=network), torch.device(device)) == {}
    assert ("grammar: fitted on the CPU" in capsys.readouterr().err) == logged

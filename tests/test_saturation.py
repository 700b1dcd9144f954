"""Every substitution of a window: the incremental forms give what brute force gives, wherever and whatever the bases are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import ALTERNATIVE_CODES, N_CODE, encode
from scxpresso.networks.gradient_boosted_trees import Bins
from scxpresso.networks.hybrid import END, START, Hybrid
from scxpresso.networks.prediction import predict
from scxpresso.networks.published import ScXpresso
from scxpresso.networks.registry import NETWORKS, NetworkEntry
from scxpresso.networks.scaling import Scaling
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.effects import BruteForce
from scxpresso.saturation.hybrid import HybridEffects
from scxpresso.saturation.hybrid_gpu import HybridEffectsGPU
from scxpresso.saturation.incremental import NoSequence, incremental
from scxpresso.saturation.published_cpu import PublishedEffectsCPU
from scxpresso.saturation.published_gpu import PublishedEffects

pytestmark = pytest.mark.usefixtures("two_threads")

CPU = torch.device("cpu")
FORMS = [PublishedEffectsCPU, lambda networks: PublishedEffects(networks, CPU)]
HYBRID_FORMS = [HybridEffects, lambda networks: HybridEffectsGPU(networks, CPU)]
TOLERANCE = 1e-6  # log10 units


def window(length, seed=1):
    """Codes with what comes with contig ends, assembly gaps and IUPAC letters."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=length)
    codes[:21] = codes[-33:] = codes[length // 2 : length // 2 + 40] = N_CODE
    codes[rng.integers(0, length, length // 50)] = rng.integers(1, 16, length // 50)
    return codes


def about(network, inputs, upstream, length, populations):
    return NetworkMetadata(
        network, inputs, upstream, length - upstream, tuple(f"p{number}" for number in range(populations))
    )


def scaled(scaling, rng, low=0.5, high=2.0):
    columns = len(scaling.mean)
    scaling.fit(rng.normal(-3, 0.5, columns), rng.uniform(low, high, columns))


def published(length, populations, inputs="both", replicates=2):
    """Untrained networks whose weights are so large that substitutions have effects of trained ones, or larger."""
    networks = []
    for seed in range(replicates):
        torch.manual_seed(seed)
        network = ScXpresso(populations, length, inputs).eval()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.5)
            if populations == 1:
                network.head[3].bias.copy_(torch.tensor([0.3, -0.1]))  # not both of the last two are silent
        rng = np.random.default_rng(seed)
        scaled(network.annotation, rng)
        scaled(network.expression, rng, high=1.0)
        networks.append((network, about("scxpresso", inputs, length * 2 // 3, length, populations)))
    return networks


@pytest.fixture(scope="module")
def hybrid():
    """Makes hybrid networks whose trees are fitted to counts, and whose normalisations are not trivial."""
    weights = {}

    def make(upstream, length, populations, inputs="both"):
        if (populations, inputs) not in weights:
            weights[populations, inputs] = fitted(populations, inputs).state_dict()
        network = Hybrid(populations, upstream, inputs).eval()
        network.load_state_dict(weights[populations, inputs])
        return [(network, about("hybrid", inputs, upstream, length, populations))]

    return make


def fitted(populations, inputs):
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    network = Hybrid(populations, 2000, inputs).eval()
    codes = rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=(120, END - START))
    read = network.read(codes, 2000).of(torch.arange(120))
    with torch.no_grad():
        network.kmer_linear.weight.normal_(0, 0.02)
        for norm in (network.batch_norm, network.head[0]):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.2, 1.5)
            norm.weight.normal_(1, 0.3)
            norm.bias.normal_(0, 0.3)
        scaled(network.annotation, rng)
        scaled(network.expression, rng, high=1.0)
        network.kmer_counts.fit(read.counts.mean(0), read.counts.std(0).clamp(min=0.3))
        features = network.features(read, torch.randn(120, 5)).numpy()
    targets = features @ rng.normal(0, rng.random((features.shape[1], populations)) < 0.03)
    network.trees.fit(Bins.of(features, network.trees.settings), targets, seed=1)
    return network


def check(forms, networks, codes, annotation, start=0, end=None, least=1e-3):
    """Forms give what brute force gives, and effects that are worth comparing."""
    expected, by_force = BruteForce(networks, CPU).effects(codes, annotation, start, end)
    assert np.abs(by_force).max() > least
    own = codes[start:end, None] == ALTERNATIVE_CODES
    for form in forms:
        expression, effects = form(networks).effects(codes, annotation, start, end)
        assert effects.dtype == np.float32 and expression.shape == expected.shape and effects.shape == by_force.shape
        np.testing.assert_allclose(expression, expected, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(effects, by_force, rtol=0, atol=TOLERANCE)
        assert (effects[:, own] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("length", "populations", "inputs", "start", "end"),
    [
        (299, 4, "both", 0, None),  # one position is left after the poolings
        (328, 2, "both", 0, None),  # pooling windows that the sequence ends in, at every phase
        (500, 1, "both", 0, None),  # one population has a head of its own
        (777, 3, "sequence", 0, None),
        (601, 1, "sequence", 0, None),
        (3100, 25, "both", 1400, 1500),
        (10_500, 3, "both", 6990, 7030),
        (10_500, 3, "both", 10_440, None),
    ],
)
def test_the_published_network_by_what_changes_is_the_network(length, populations, inputs, start, end):
    networks = published(length, populations, inputs)
    check(FORMS, networks, window(length), np.random.default_rng(2).normal(size=5), start, end)


@pytest.mark.parametrize("length", range(300, 331))
def test_pooling_windows_end_anywhere(length):
    check(FORMS, published(length, 2, replicates=1), window(length), np.zeros(5), length - 45)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("upstream", "length", "populations", "inputs", "start", "end"),
    [
        (300, 500, 3, "both", 130, 330),  # the regions read reach beyond the window
        (0, 400, 1, "sequence", 0, 200),
        (450, 450, 3, "both", 300, None),  # nothing after the TSS
        (2100, 3200, 3, "both", 80, 240),  # from where nothing is read
        (2100, 3200, 3, "both", 1000, 1230),  # regions begin and end
        (2100, 3200, 1, "sequence", 1790, 2130),
        (2100, 3200, 3, "both", 3060, 3160),
        (7000, 10_500, 3, "both", 6690, 6730),
    ],
)
def test_the_hybrid_network_by_what_changes_is_the_network(hybrid, upstream, length, populations, inputs, start, end):
    networks = hybrid(upstream, length, populations, inputs)
    check(HYBRID_FORMS, networks, window(length), np.random.default_rng(2).normal(size=5), start, end)


@pytest.mark.slow
def test_ambiguous_bins_and_unknown_annotation_of_the_hybrid_network(hybrid):
    networks = hybrid(2100, 3200, 3)
    codes = window(3200)
    codes[1840:2110] = N_CODE
    codes[1900:1905] = encode("ACGTA")  # one base for the last N makes the only 6-mer of its bin
    annotation = np.array([np.nan, 1.0, np.nan, 50.0, -50.0])
    check(HYBRID_FORMS, networks, codes, annotation, 1830, 1920)


@pytest.mark.slow
def test_trees_that_change_are_part_of_the_effect(hybrid):
    networks = hybrid(300, 500, 3)
    with_trees = HybridEffects(networks).effects(window(500), np.zeros(5))[1]
    networks[0][0].trees.components.zero_()
    without = HybridEffects(networks).effects(window(500), np.zeros(5))[1]
    assert ((with_trees != without).any(axis=(0, 3))).mean() > 0.2


@pytest.mark.slow
def test_the_demo_genome(demo_genome, hybrid):
    features = Features(demo_genome / "features.h5")
    rng = np.random.default_rng(3)
    length = features.codes.shape[1]
    for row in rng.integers(0, len(features.gene_id), 2):
        codes, annotation = features.codes[row], features.half_life[row]
        annotation = np.log10(annotation + 0.1)
        start = int(rng.integers(700, 1200))
        check(FORMS, published(length, 4), codes, annotation, start, start + 60)
        check(HYBRID_FORMS, hybrid(features.upstream, length, 3), codes, annotation, start, start + 60)


@pytest.mark.parametrize("form", ["auto", "plain"])
@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_a_part_is_the_part_of_the_whole_and_none_is_the_reference(network, form, hybrid):
    codes, annotation = window(900), np.zeros(5)
    networks = hybrid(500, 900, 3) if network == "hybrid" else published(900, 3)
    engine = incremental(networks, CPU, form)
    expression, whole = engine.effects(codes, annotation)
    for start, end in [(0, 1), (57, 413), (899, 900), (450, 450), (0, 0), (900, 900)]:
        reference, part = engine.effects(codes, annotation, start, end)
        np.testing.assert_array_equal(reference, expression)
        np.testing.assert_allclose(part, whole[:, start:end], rtol=0, atol=1e-7)


@pytest.mark.parametrize("form", ["auto", "plain"])
@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_positions_anywhere_in_several_genes_are_those_of_the_whole(network, form, hybrid):
    codes, annotation = np.stack([window(1900, 1), window(1900, 2), window(1900, 3)]), np.ones((3, 5))
    networks = hybrid(1000, 1900, 3) if network == "hybrid" else published(1900, 3)
    engine = incremental(networks, CPU, form)
    positions = [np.array([0, 1, 2, 290, 291, 950, 1899]), np.arange(0), np.arange(31, 1900, 97)]
    genes = engine.of_genes(codes, annotation)
    found = genes.at(positions)
    for gene in range(3):
        expression, whole = engine.effects(codes[gene], annotation[gene])
        np.testing.assert_allclose(genes.expression()[gene], expression, rtol=0, atol=1e-9)
        np.testing.assert_allclose(found[gene], whole[:, positions[gene]], rtol=0, atol=1e-7)


@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_chunks_of_positions_join(network, hybrid):
    codes, annotation = window(500), np.zeros(5)
    engine = incremental(hybrid(300, 500, 3) if network == "hybrid" else published(500, 3), CPU, "plain")
    whole = engine.effects(codes, annotation)[1]
    engine.chunk = 7
    np.testing.assert_allclose(engine.effects(codes, annotation)[1], whole, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", ["scxpresso", "hybrid"])
def test_the_way_back_is_the_opposite(kind, hybrid):
    """Alternative for reference in the mutant: the same, the other way; no brute force is needed to see that."""
    codes, annotation = window(900), np.zeros(5)
    networks = hybrid(500, 900, 3) if kind == "hybrid" else published(900, 3)
    engine = incremental(networks, CPU)
    expression, effects = engine.effects(codes, annotation)
    rng = np.random.default_rng(1)
    for index in rng.choice(np.flatnonzero(np.isin(codes, ALTERNATIVE_CODES)), 20):
        mutant, alt = codes.copy(), rng.integers(4)
        reference = np.flatnonzero(codes[index] == ALTERNATIVE_CODES)[0]
        mutant[index] = ALTERNATIVE_CODES[alt]
        changed, back = engine.effects(mutant, annotation, index, index + 1)
        np.testing.assert_allclose(back[:, 0, reference], -effects[:, index, alt], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(changed - expression, effects[:, index, alt], rtol=0, atol=TOLERANCE)


def test_without_sequence_nothing_has_an_effect(hybrid):
    annotation = np.random.default_rng(1).normal(size=5)
    for networks in (published(600, 3, "half_life"), [hybrid_without_sequence()]):
        engine = incremental(networks, CPU)
        assert isinstance(engine, NoSequence)
        expression, effects = engine.effects(window(600), annotation, 10, 30)
        np.testing.assert_array_equal(expression, predict(networks, window(600)[None], annotation[None])[:, 0])
        assert effects.shape == (len(networks), 20, 4, 3) and not effects.any()


def hybrid_without_sequence():
    return Hybrid(3, 400, "half_life").eval(), about("hybrid", "half_life", 400, 600, 3)


class Own(nn.Module):
    """A network of somebody else's, of which nothing is known but that it predicts."""

    def __init__(self):
        super().__init__()
        self.expression = Scaling(2)

    def forward(self, codes, annotation):
        return torch.stack([(codes == 1).sum(1), (codes == 2).sum(1)], dim=1).float()


def test_a_network_without_a_form_is_evaluated_whole_and_the_log_says_so(monkeypatch, capsys):
    monkeypatch.setitem(NETWORKS, "own", NetworkEntry("own", f"{__name__}:Own"))
    networks = [(Own().eval(), about("own", "both", 20, 30, 2))]
    engine = incremental(networks, CPU)
    assert isinstance(engine, BruteForce) and "own: no incremental form" in capsys.readouterr().err
    effects = engine.effects(encode("ACGT" * 7 + "NN"), np.zeros(5))[1]
    np.testing.assert_array_equal(effects[0, 0], [[0, 0], [-1, 1], [-1, 0], [-1, 0]])
    np.testing.assert_array_equal(effects[0, 29], [[1, 0], [0, 1], [0, 0], [0, 0]])


def test_the_form_is_that_of_network_device_and_engine(hybrid, monkeypatch, capsys):
    networks = published(600, 2, replicates=1)
    assert isinstance(incremental(networks, CPU), PublishedEffectsCPU)
    assert isinstance(incremental(networks, CPU, "plain"), PublishedEffects)
    networks = hybrid(400, 600, 3)
    assert isinstance(incremental(networks, CPU), HybridEffects)
    assert isinstance(incremental(networks, CPU, "plain"), HybridEffectsGPU)
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(NETWORKS, "hybrid", replace(NETWORKS["hybrid"], gpu_saturation=None))
    assert isinstance(incremental(networks, torch.device("cuda")), HybridEffects)
    assert "hybrid: substitutions are evaluated on the CPU" in capsys.readouterr().err

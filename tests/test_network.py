"""The published network: its size, shapes and variants, and its fast form."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from scxpresso.genome.sequence import N_CODE
from scxpresso.networks.forms import CodeInputs, gene_inputs
from scxpresso.networks.kmers import MAX_KMERS, KmerTable
from scxpresso.networks.published import ScXpresso
from scxpresso.networks.published_cpu import KmerInputs, _Convolve, _LookUp, forward
from scxpresso.networks.published_gpu import DeviceTable, Stack

pytestmark = pytest.mark.usefixtures("two_threads")


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def random_genes(count, window, seed=1):
    """Codes with ambiguous bases, runs of N and padding at both ends; log half-life features."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=(count, window))
    codes[0, :50] = codes[1, -70:] = N_CODE
    codes[2, 100:140] = N_CODE
    codes[3, rng.integers(0, window, 20)] = rng.integers(1, 16, 20)
    return codes, rng.normal(size=(count, 5)).astype(np.float32)


def form_of(codes, annotation, inputs, engine="auto"):
    return gene_inputs("scxpresso", inputs, codes, codes.shape[1] // 2, annotation, torch.device("cpu"), engine)


def test_parameters_are_those_of_the_paper():
    assert parameters(ScXpresso(22, 10_500)) == 113_590
    # Without sequence: (5 + 1) × 64 and (64 + 1) × 22; without half-life: five inputs of 64 less.
    assert parameters(ScXpresso(22, 10_500, "half_life")) == 384 + 1430
    assert parameters(ScXpresso(22, 10_500, "sequence")) == 113_590 - 5 * 64
    # One output has a second layer of two: 64·2 + 2 and 2·1 + 1 in place of 64·22 + 22.
    assert parameters(ScXpresso(1, 10_500)) == 113_590 - 1430 + 130 + 3


@pytest.mark.parametrize(("window", "positions"), [(10_500, 35), (7000, 23), (15_000, 50), (1500, 5), (299, 1)])
def test_output_shape_for_other_windows(window, positions):
    codes, half_life = random_genes(5, window)
    network = ScXpresso(3, window)
    assert network.positions(window) == positions
    assert network(torch.from_numpy(codes), torch.from_numpy(half_life)).shape == (5, 3)


def test_a_window_too_short_for_the_poolings_is_an_error():
    with pytest.raises(ValueError, match="at least 299"):
        ScXpresso(3, 298)


@pytest.mark.parametrize(("inputs", "ignored"), [("sequence", "half_life"), ("half_life", "codes")])
def test_a_variant_ignores_the_input_that_it_leaves_out(inputs, ignored):
    codes, half_life = map(torch.from_numpy, random_genes(6, 600))
    network = ScXpresso(3, 600, inputs).eval()
    changed = {"codes": (codes.flip(0), half_life), "half_life": (codes, half_life.flip(0))}
    with torch.no_grad():
        assert torch.equal(network(codes, half_life), network(*changed[ignored]))
        other = "codes" if ignored == "half_life" else "half_life"
        assert not torch.equal(network(codes, half_life), network(*changed[other]))


def test_scaling_is_kept_with_the_weights():
    network = ScXpresso(2, 600)
    network.expression.fit([1.0, -2.0], [3.0, 0.5])
    copy = ScXpresso(2, 600)
    copy.load_state_dict(network.state_dict())
    scaled = torch.tensor([[1.0, 1.0]])
    assert copy.expression.undo(scaled).tolist() == [[4.0, -1.5]]
    assert copy.expression.apply_to(copy.expression.undo(scaled)).tolist() == scaled.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("populations", "window", "inputs"),
    [(4, 1500, "both"), (1, 1500, "both"), (3, 10_500, "sequence"), (2, 331, "both")],
)
def test_the_fast_form_gives_the_same_outputs_and_gradients(populations, window, inputs):
    codes, half_life = random_genes(20, window)
    torch.manual_seed(1)
    network = ScXpresso(populations, window, inputs).eval()
    assert isinstance(form_of(codes, half_life, inputs), KmerInputs)
    rows = np.array([0, 3, 2, 19, 1, 5, 3])
    plain = network(torch.from_numpy(codes[rows]), torch.from_numpy(half_life[rows]))
    (plain**2).sum().backward()
    expected = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()
    fast = forward(network, KmerTable.of(codes), rows, torch.from_numpy(half_life[rows]))
    (fast**2).sum().backward()
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-5)
    for name, parameter in network.named_parameters():
        largest = expected[name].abs().max()
        assert (parameter.grad - expected[name]).abs().max() <= 2e-5 * largest, name


def whole_numbers(*shape, seed=1, low=-3, high=3):
    """Small whole numbers, whose float32 sums are exact in any order, and of which many are equal."""
    return torch.from_numpy(np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.float32))


def look_ups(window):
    """Numbers of 6-mers, with ambiguous bases and padding; without a window, of as many 6-mers as there may be."""
    if window:
        return KmerTable.of(random_genes(8, window)[0]).index
    return np.random.default_rng(1).integers(0, MAX_KMERS, (8, 500)).astype(np.uint16)


@pytest.mark.parametrize("window", [299, 300, 328, 329, 331, 1500, None])  # of 329, the last bin has 29 positions
def test_look_ups_give_pytorch_s_maxima_and_the_gradient_goes_to_the_first_of_equal_ones(window):
    index = look_ups(window)
    table = whole_numbers(int(index.max()) + 1, 128)
    table[:, :5] = -1  # nothing is left of these filters
    table.requires_grad_()
    outputs = table[torch.from_numpy(index.astype(int))].transpose(1, 2)
    expected = functional.max_pool1d(functional.relu(outputs), 30, padding=1)
    slopes = whole_numbers(*expected.shape, seed=2)
    (gradient,) = torch.autograd.grad(expected, table, slopes)
    pooled = _LookUp.apply(table, index)
    assert pooled.shape[1] == expected.shape[2] + 8 and not pooled[:, :4].any() and not pooled[:, -4:].any()
    assert torch.equal(pooled[:, 4:-4], expected.transpose(1, 2))
    with_ends = functional.pad(slopes.transpose(1, 2), (0, 0, 4, 4), value=1.0)  # ends have no row to go to
    assert torch.equal(torch.autograd.grad(pooled, table, with_ends)[0], gradient)


@pytest.mark.parametrize("length", [10, 11, 19, 50])
def test_the_second_convolution_gives_pytorch_s_maxima_and_gradients(length):
    inputs = functional.pad(whole_numbers(6, length, 128, low=0), (0, 0, 4, 4)).requires_grad_()
    inputs.data[2:4] = 0  # only the bias is left, which is below 0 for half of the filters: equal maxima, and none
    weight = whole_numbers(32, 128, 9, seed=2, low=-1, high=1).requires_grad_()
    bias = whole_numbers(32, seed=3).requires_grad_()
    outputs = functional.conv1d(inputs.transpose(1, 2), weight, bias)
    expected = functional.max_pool1d(functional.relu(outputs), 10)
    slopes = whole_numbers(*expected.shape, seed=4)
    gradients = torch.autograd.grad(expected, (inputs, weight, bias), slopes)
    pooled = _Convolve.apply(inputs, weight, bias)
    assert torch.equal(pooled, expected.transpose(1, 2))
    made = torch.autograd.grad(pooled, (inputs, weight, bias), slopes.transpose(1, 2))
    for one, other in zip(made, gradients, strict=True):
        assert torch.equal(one, other)


def test_the_table_of_kmers_gives_back_each_kmer():
    codes, _ = random_genes(5, 400)
    table = KmerTable.of(codes)
    network = ScXpresso(2, 400)
    plain = network.sequence[0](network.one_hot[torch.from_numpy(codes).int()].transpose(1, 2))
    rows = table.one_hot @ network.sequence[0].weight.reshape(128, -1).T + network.sequence[0].bias
    torch.testing.assert_close(
        rows[torch.from_numpy(table.index.astype(int))].transpose(1, 2), plain, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("engine", ["auto", "stacked", "plain"])
def test_networks_without_sequence_read_codes(engine):
    assert isinstance(form_of(*random_genes(5, 600), "half_life", engine), CodeInputs)


@pytest.mark.parametrize(
    ("populations", "window", "inputs"),
    [
        (4, 1500, "both"),
        (1, 1500, "both"),
        (3, 10_500, "sequence"),
        (2, 331, "both"),
        (2, 299, "both"),
        (2, 328, "both"),
    ],
)
def test_a_stack_gives_the_outputs_and_gradients_of_each_of_its_networks(populations, window, inputs):
    codes, half_life = random_genes(20, window)
    codes, half_life = torch.from_numpy(codes), torch.from_numpy(half_life)
    rows = torch.tensor([[0, 3, 2, 19, 1, 5, 3], [1, 1, 0, 7, 8, 9, 2], [2, 11, 10, 3, 14, 0, 1]])
    networks, expected = [], []
    for seed, batch in enumerate(rows):
        torch.manual_seed(seed)
        network = ScXpresso(populations, window, inputs).eval()
        network.annotation.fit(np.full(5, 0.1 * seed), np.full(5, 1.0 + seed))
        outputs = network(codes[batch], half_life[batch])
        (outputs**2).sum().backward()
        expected.append((outputs.detach(), {name: values.grad for name, values in network.named_parameters()}))
        networks.append(network)
    stack = Stack(networks, DeviceTable(KmerTable.of(codes.numpy()), torch.device("cpu")))
    together = stack.forward(rows, half_life[rows])
    (together**2).sum().backward()
    for network, outputs, (plain, gradients) in zip(networks, together, expected, strict=True):
        torch.testing.assert_close(outputs, plain, rtol=0, atol=1e-5)
        for name, parameter in network.named_parameters():
            largest = gradients[name].abs().max()
            assert (parameter.grad - gradients[name]).abs().max() <= 2e-5 * largest, name
    stack.zero_grad()
    assert not any(parameter.grad.any() for network in networks for parameter in network.parameters())

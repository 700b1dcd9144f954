"""The motif part of `grammar`: words that are found, matrices that are fitted, and what substitutions change of matches."""

import numpy as np
import pytest
import torch

from scxpresso.genome.sequence import ALTERNATIVE_CODES, encode, reverse_complement, reverse_complement_numbers
from scxpresso.networks.motif_part import LENGTH, MotifPart, best_matches
from scxpresso.saturation.motif_part import MotifEffects
from scxpresso.training.motifs import EXACT, Matrices, certain_weights, components, fit_motif_part, merged, similarity
from scxpresso.training.words import find_words, word_presence

UPSTREAM = 1000
BASES = np.array([1, 2, 4, 8], dtype=np.uint8)


def random_codes(genes: int, seed: int = 0, length: int = 1500) -> np.ndarray:
    return np.random.default_rng(seed).choice(BASES, size=(genes, length))


def word(text: str) -> np.ndarray:
    """Bases of a word (0–3 by channel)."""
    return np.log2(encode(text)).astype(np.uint8)


def planted(genes: int, text: str, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Codes with a word in the second half of the genes, on either strand, and which genes have it."""
    codes, rng = random_codes(genes, seed), np.random.default_rng(seed)
    has = np.arange(genes) >= genes // 2
    for gene in np.flatnonzero(has):
        copy = encode(text) if rng.random() < 0.5 else reverse_complement(encode(text))
        start = UPSTREAM - rng.integers(50, 250)
        codes[gene, start : start + len(copy)] = copy
    return codes, has


@pytest.fixture
def part() -> MotifPart:
    """Random motifs, soft enough that most windows matter a little."""
    torch.manual_seed(1)
    made = MotifPart(3, UPSTREAM)
    made.matrices, made.offsets = -3 * torch.rand(7, 4, LENGTH), 6 + 6 * torch.rand(7)
    made.weights = 0.4 * torch.randn(7, 3)
    made.regions = torch.tensor([[-700, 100]] * 5 + [[-100, 30], [-700, -600]])
    return made


def test_a_word_is_also_its_reverse_complement():
    numbers = reverse_complement_numbers(3)
    as_number = {text: int(word(text) @ [16, 4, 1]) for text in ("AAC", "GTT", "ACT", "AGT")}
    assert numbers[as_number["AAC"]] == as_number["GTT"]
    assert numbers[as_number["ACT"]] == as_number["AGT"]
    present = word_presence(np.stack([encode("AACN"), encode("GTTN"), encode("ANCN")]), 3).tocsr()
    assert present[0].nnz == present[1].nnz == 1
    assert (present[0] != present[1]).nnz == 0
    assert present[2].nnz == 0  # ambiguous


def test_components_are_the_mean_and_what_sets_populations_apart():
    expression = np.random.default_rng(0).normal(size=(50, 4))
    target, directions = components(expression)
    np.testing.assert_allclose(directions @ directions.T, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(target[:, 0], expression.mean(axis=1) * 2, atol=1e-12)
    np.testing.assert_allclose(target @ directions, expression, atol=1e-12)
    one, only = components(expression[:, :1])
    assert one.shape == (50, 1)
    np.testing.assert_allclose(one @ only, expression[:, :1])


@pytest.mark.parametrize("columns", [[0, 0], [0, 2, 2], [0, 0, 1], [0, 1, 2, 2], [2, 2]])
def test_populations_that_are_alike_or_constant_have_orthonormal_components(columns):
    expression = np.random.default_rng(0).normal(size=(50, 3))[:, columns] * (np.array(columns) < 2)
    target, directions = components(expression)
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-12)
    np.testing.assert_allclose(target @ directions, expression, atol=1e-12)


def test_a_constant_population_changes_no_weight_of_the_others():
    rng = np.random.default_rng(1)
    matches = torch.from_numpy(rng.integers(0, 2, (400, 1))).float()
    # The second weight is four standard errors from 0: enough beside a more certain one of its sign, not by itself.
    expression = matches @ torch.tensor([[1.8, 0.4]]) + torch.from_numpy(rng.normal(size=(400, 2))).float()
    alone = certain_weights(matches, expression)[0]
    with_constant = certain_weights(matches, torch.cat([expression, torch.zeros(400, 1)], dim=1))[0]
    torch.testing.assert_close(with_constant, torch.cat([alone, torch.zeros(1, 1)], dim=1))
    assert (alone != 0).all()


def test_words_that_are_one_motif_are_merged():
    assert similarity(word("ACGTTGCA"), word("ACGTTGCA")) == 8
    assert similarity(word("ACCATTGG"), word("CCATTGGA")) == 7  # one base further
    assert similarity(word("AACCATTG"), reverse_complement_word("AACCATTG")) == 8
    assert merged([word("ACCATTGG"), word("CCATTGGA"), word("ACCATTGC"), word("TATATAAA")]) == [0, 3]


def reverse_complement_word(text: str) -> np.ndarray:
    return np.log2(reverse_complement(encode(text))).astype(np.uint8)


def test_an_exact_word_matches_where_it_is_on_either_strand_and_nowhere_else():
    matrices = Matrices.of([word("ACCATTGG")], [(-1000, -960)], *EXACT)
    codes = np.stack([random_codes(1, 3, 40)[0] for _ in range(3)])
    codes[:] = encode("A" * 40)
    codes[0, 10:18] = encode("ACCATTGG")
    codes[1, 20:28] = reverse_complement(encode("ACCATTGG"))
    codes[2, 10:18] = encode("ACCATTGC")
    best = best_matches(torch.from_numpy(codes), matrices.matrices(), matrices.regions)
    matches = torch.sigmoid(best.scores + matrices.offsets)[:, 0]
    assert matches.tolist() == pytest.approx([1, 1, 0], abs=1e-4)
    assert best.first[:2, 0].tolist() == [10 - (LENGTH - 8) // 2, 20 - (LENGTH - 8) // 2]
    assert best.reverse[:2, 0].tolist() == [False, True]


@pytest.mark.parametrize("codes", [random_codes(12), np.full((60, 1500), 15, dtype=np.uint8)])
def test_where_no_word_is_in_enough_genes_the_part_predicts_the_mean(codes):
    expression = np.random.default_rng(1).normal(size=(len(codes), 2))
    part = MotifPart(2, UPSTREAM)
    fit_motif_part(part, codes, expression, seed=1)
    np.testing.assert_allclose(
        part(torch.from_numpy(codes)), np.tile(expression.mean(axis=0), (len(codes), 1)), rtol=1e-5
    )


def test_planted_words_are_found_and_fitted_and_noise_is_not():
    codes, has = planted(400, "TGACGTCA")
    rng = np.random.default_rng(2)
    expression = np.stack([has * 2.0, has * 0.0], axis=1) + rng.normal(0, 0.5, (400, 2))
    expression = (expression - expression.mean(axis=0)) / expression.std(axis=0)
    (found,) = find_words(codes, UPSTREAM, [components(expression)[0]], seed=1)
    assert found.error < 0.7
    assert any("".join("ACTG"[base] for base in one) in "TGACGTCA" for one in found.words)
    part = MotifPart(2, UPSTREAM)
    fit_motif_part(part, codes, expression, seed=1)
    fresh, fresh_has = planted(200, "TGACGTCA", seed=9)
    predicted = part(torch.from_numpy(fresh)).numpy()
    assert np.corrcoef(predicted[:, 0], fresh_has)[0, 1] > 0.9
    assert np.abs(predicted[:, 1]).max() < 0.5 * np.abs(predicted[:, 0]).max()

    part = MotifPart(2, UPSTREAM)
    fit_motif_part(part, random_codes(300, 5), rng.normal(size=(300, 2)), seed=1)
    assert np.ptp(part(torch.from_numpy(fresh)).numpy(), axis=0).max() < 0.7  # next to nothing


def test_weights_of_chance_are_0_where_others_of_the_motif_are_certain():
    rng = np.random.default_rng(4)
    matches = torch.from_numpy(rng.integers(0, 2, (400, 2))).float()
    noise = torch.from_numpy(rng.normal(0, 1, (400, 3))).float()
    expression = matches @ torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]) + noise
    weights, intercept = certain_weights(matches, expression)
    assert weights[0, 0] == pytest.approx(2, abs=0.4) and weights[0, 1:].tolist() == [0, 0]
    assert (weights[1] != 0).all()  # nothing says in which population it acts
    left = expression - matches @ weights - intercept
    assert left.mean(dim=0).tolist() == pytest.approx([0, 0, 0], abs=1e-5)


def test_fitting_is_deterministic_and_degenerate_copies_make_soft_matrices():
    codes, has = planted(600, "TGACGTCATG")
    rng = np.random.default_rng(3)
    wrong = rng.random(600) < 0.5  # a copy with one base replaced
    for gene in np.flatnonzero(has & wrong):
        copies = [
            at
            for at in range(UPSTREAM - 260, UPSTREAM)
            if np.array_equal(codes[gene, at : at + 10], encode("TGACGTCATG"))
        ]
        for at in copies:
            codes[gene, at + 4] = 4
    expression = (has * 2.0 + rng.normal(0, 0.3, 600))[:, None]
    expression = (expression - expression.mean()) / expression.std()
    tensors = []
    for _ in range(2):
        part = MotifPart(1, UPSTREAM)
        fit_motif_part(part, codes, expression, seed=4)
        tensors.append({name: values.clone() for name, values in part.state_dict().items()})
    for name, values in tensors[0].items():
        assert torch.equal(values, tensors[1][name]), name


def test_motifs_of_any_number_survive_their_file(part):
    fresh = MotifPart(3, UPSTREAM)
    fresh.load_state_dict(part.state_dict())
    codes = torch.from_numpy(random_codes(4, 8))
    assert torch.equal(fresh(codes), part(codes))
    with pytest.raises(RuntimeError, match="weights"):
        MotifPart(2, UPSTREAM).load_state_dict(part.state_dict())


def test_a_part_without_motifs_predicts_its_intercept():
    part = MotifPart(2, UPSTREAM)
    part.intercept = torch.tensor([0.5, -1.0])
    assert part(torch.from_numpy(random_codes(3))).tolist() == [[0.5, -1.0]] * 3
    assert not MotifEffects(part).effects(random_codes(1)[0], np.arange(100)).any()


@pytest.mark.parametrize(("start", "end"), [(0, 320), (950, 1130), (290, 330)])
def test_effects_of_substitutions_are_those_of_whole_predictions(part, start, end):
    codes = random_codes(1, 4)[0]
    codes[[310, 400, 1000, 1050]] = [15, 3, 12, 7]  # ambiguous bases
    effects = MotifEffects(part).effects(codes, np.arange(start, end))
    assert np.abs(effects).max() > 1e-3
    places = [(at, number) for at in range(start, end) for number in range(4)]
    mutants = np.repeat(codes[None], len(places), axis=0)
    for row, (at, number) in zip(mutants, places, strict=True):
        row[at] = ALTERNATIVE_CODES[number]
    expected = (part(torch.from_numpy(mutants)) - part(torch.from_numpy(codes[None]))).numpy()
    np.testing.assert_allclose(effects.reshape(expected.shape), expected, rtol=0, atol=1e-6)


def test_the_other_strand_is_read_alike(part):
    """A motif's best match does not depend on the strand that its copy lies on."""
    codes = random_codes(5, 6)
    part.upstream = 750  # so that the region lies symmetrically
    part.regions = torch.tensor([[-750, 750]] * 7)
    flipped = reverse_complement(codes)
    torch.testing.assert_close(part(torch.from_numpy(codes)), part(torch.from_numpy(np.ascontiguousarray(flipped))))

"""Alleles of any kind through the published network by what they change: whole predictions of every shifted window."""

import numpy as np
import pytest
from test_saturation import CPU, TOLERANCE, published

from scxpresso.genome.sequence import N_CODE
from scxpresso.networks.prediction import predict
from scxpresso.saturation.effects import AlleleEffects
from scxpresso.saturation.incremental import incremental
from scxpresso.variants.windows import Edit, FlankingSequence, edited_windows, shifts, without_overlaps

MARGIN = 700
ANNOTATION = np.array([0.2, -0.5, -0.4, -2.4, 1.8])
UNAMBIGUOUS = np.array([1, 2, 4, 8], dtype=np.uint8)


def around_of(length, seed=1):
    """A gene's sequence with ambiguous bases and a run of N; the window's first third is upstream."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(UNAMBIGUOUS, length + 2 * MARGIN)
    codes[MARGIN + length // 2 : MARGIN + length // 2 + 45] = N_CODE
    codes[rng.integers(0, len(codes), 20)] = rng.integers(1, 16, 20)
    return FlankingSequence(codes, MARGIN + length // 3)


def edit(around, start, deleted, inserted):
    """Replace bases from a distance to the TSS on by others."""
    at = around.tss + start
    return Edit(start, start + deleted, np.array(inserted, dtype=np.uint8), around.codes[at : at + deleted])


def random_alleles(around, length, count, seed=2):
    """Alleles of one to four edits, of which some reach over the window's ends and the TSS."""
    rng = np.random.default_rng(seed)
    places = [-(length // 3), -(length // 3) - 3, -2, -1, 0, 1, length - length // 3 - 1, length - length // 3 - 4]
    alleles = []
    for number in range(count):
        edits = []
        for _ in range(rng.integers(1, 5)):
            start = places[number] if number < len(places) else rng.integers(-(length // 3), length - length // 3)
            deleted, inserted = rng.choice(
                [0, 1, 2, 3, 29, 30, 31, 150], 2, p=[0.2, 0.3, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05]
            )
            edits.append(edit(around, int(start), int(deleted), rng.choice(UNAMBIGUOUS, inserted)))
        alleles.append(without_overlaps(sorted(edits, key=lambda one: (one.start, one.end))))
    return alleles


def by_whole_predictions(networks, windows):
    def predicted(windows):
        return predict(networks, windows, np.repeat(ANNOTATION[None], len(windows), axis=0))

    cut = [slice(start, start + windows.size) for start in windows.starts]
    reference = predicted(
        np.stack([windows.reference[start : start + windows.size] for start in windows.reference_starts])
    )
    return np.stack([predicted(np.stack([codes[here] for here in cut])) - reference for codes in windows.codes], axis=1)


@pytest.mark.parametrize(
    ("length", "populations", "inputs"), [(700, 3, "both"), (999, 1, "both"), (1811, 4, "sequence"), (3030, 40, "both")]
)
def test_effects_are_those_of_whole_predictions(length, populations, inputs):
    networks, around = published(length, populations, inputs), around_of(length)
    engine = incremental(networks, CPU)
    assert isinstance(engine, AlleleEffects)
    alleles = random_alleles(around, length, 24)
    for by in (np.array([-150, -31, 0, 7, 149]), np.array([0])):
        windows = edited_windows(around, alleles, length // 3, length - length // 3, by)
        effects = engine.allele_effects(windows, ANNOTATION)
        expected = by_whole_predictions(networks, windows)
        assert effects.shape == expected.shape and np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(effects, expected, rtol=0, atol=2 * TOLERANCE)
        np.testing.assert_allclose(effects.mean(axis=2), expected.mean(axis=2), rtol=0, atol=TOLERANCE)


@pytest.fixture(scope="module")
def engine():
    return incremental(published(900, 3), CPU)


def mean_effects(engine, around, alleles):
    windows = edited_windows(around, alleles, 300, 600, shifts(300, 23))
    return engine.allele_effects(windows, ANNOTATION).mean(axis=2)


def test_an_allele_that_is_the_reference_has_no_effect(engine):
    around = around_of(900)
    same = [edit(around, start, 9, around.codes[around.tss + start :][:9]) for start in (-300, -4, 0, 200, 591)]
    windows = edited_windows(around, [[one] for one in same], 300, 600, np.array([0]))
    assert not windows.moved
    np.testing.assert_allclose(engine.allele_effects(windows, ANNOTATION), 0, atol=TOLERANCE)
    assert not mean_effects(engine, around, [[]]).any()


@pytest.mark.parametrize("start", [-280, -40, 5, 250, 580])
@pytest.mark.parametrize("length", [1, 3, 30, 100])
def test_an_insertion_and_its_deletion_are_opposite(engine, start, length):
    around, inserted = around_of(900), np.random.default_rng(3).choice(UNAMBIGUOUS, length)
    insertion = edit(around, start, 0, inserted)
    edited = around.edited([insertion])
    back = edit(edited, start if start > 0 else start - length, length, [])
    np.testing.assert_array_equal(edited.edited([back]).codes, around.codes)
    there, back_again = mean_effects(engine, around, [[insertion]]), mean_effects(engine, edited, [[back]])
    assert np.abs(there).max() > 1e-4
    np.testing.assert_allclose(back_again, -there, rtol=0, atol=TOLERANCE)


def test_alleles_together_are_alleles_one_by_one(engine):
    around = around_of(900)
    alleles = [one for one in random_alleles(around, 900, 90) if any(edit.longer for edit in one)]
    assert len(alleles) > 70  # more than are computed at once
    together = mean_effects(engine, around, alleles)
    for number in (0, 3, 9, 20, 63, 64, 70):
        alone = mean_effects(engine, around, [alleles[number]])
        np.testing.assert_array_equal(together[:, [number]], alone)

"""The pooled background of variants: what its p-values are, by hand, by brute force, and for substitutions at random."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, permutations

import h5py
import numpy as np
import pytest
from scipy.stats import chisquare, false_discovery_control
from test_scoring import CPU, POPULATIONS, UPSTREAM, World, chunk, other, random_letters, score_cli

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import ALTERNATIVES, encode
from scxpresso.genome.shuffling import dinucleotide_shuffle
from scxpresso.networks.model import Model
from scxpresso.problems import InputError
from scxpresso.saturation.effects_store import resolved
from scxpresso.saturation.incremental import incremental
from scxpresso.store import TEXT_COLUMNS, read_table, write_rows, write_table
from scxpresso.variant_map.effects import gene_values
from scxpresso.variant_map.store import p_values_of
from scxpresso.variants import scoring
from scxpresso.variants.background import spread
from scxpresso.variants.joining import join_scores
from scxpresso.variants.pooled import (
    MIN_SCALE,
    N_GENES,
    N_INTERVALS,
    STRETCH,
    Histograms,
    PooledEffects,
    histogram,
    interval_of,
    pool_effects,
    root_mean_square,
    sample_genes,
    shuffled_windows,
    window_bins,
)
from scxpresso.variants.score_table import SCORE_COLUMNS
from scxpresso.variants.scoring import Scorer
from scxpresso.variants.significance import N_SAMPLED, specificity

GENES = {f"g{number:02}": (1000 + 900 * number, "+-"[number % 2]) for number in range(24)} | {"minus": (23_000, "-")}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("pooled") / "world", random_letters(25_000, 2), GENES)


def pooled_of(world, genes):
    return pool_effects(Model(world.folder / "model"), Features(world.folder / "features.h5"), genes, CPU)


@pytest.fixture(scope="module")
def pooled(world):
    return pooled_of(world, sample_genes(Model(world.folder / "model"), sorted(GENES)))


def scorer(world, pooled):
    return Scorer(
        Model(world.folder / "model"),
        Features(world.folder / "features.h5"),
        read_table(world.folder / "genes.tsv", index="gene_id"),
        CPU,
        pooled=pooled,
    )


def every_substitution(world, gene, codes):
    """Effects of the substitutions of a window: positions × A, C, G, T × populations, and which of them are substitutions."""
    _, effects = incremental(world.networks(gene), CPU).effects(codes, world.annotation(gene)[0])
    return resolved(effects.mean(axis=0)), codes[:, None] != encode(ALTERNATIVES)


def sample(effects, members):
    """The substitutions at the fixed sample of a bin's positions: substitutions × populations."""
    positions = spread(np.arange(len(effects)))[:N_SAMPLED]
    return effects[positions][members[positions]]


def scaled(of_genes):
    """Absolute values of all genes over their scale, and the smallest scale (populations). of_genes: all, and a sample."""
    scales = [np.sqrt((some.astype(float) ** 2).mean(axis=0)) for _, some in of_genes]
    least = MIN_SCALE * np.sqrt(np.square(scales).mean(axis=0))
    ratios = [np.abs(every) / np.maximum(own, least) for (every, _), own in zip(of_genes, scales, strict=True)]
    return np.concatenate(ratios), least


def histograms(ratios, scale=1.0):
    """Of one bin and one population."""
    return Histograms(histogram(np.array(ratios, dtype=float)[:, None])[None], np.array([[scale]]))


def of(alleles, stretch=0):
    """The first bin, and a stretch, for each allele."""
    return np.zeros(alleles, dtype=int), np.full(alleles, stretch)


def test_p_values_by_hand():
    """Ten substitutions, ratios 0, 0, 0, 0.5, 1, 1, 1, 2, 3, 4: (1 + number at least as large) / (1 + 10)."""
    background = histograms([0, 0, 0, 0.5, 1, 1, 1, 2, 3, 4])
    values = np.array([0, 0.5, 1, -1, 1.5, -4, 5, 1e9, 1e-6])[:, None]
    found = background.p_values(*of(len(values)), values, np.ones_like(values))
    np.testing.assert_allclose(found[:, 0] * 11, [11, 8, 7, 7, 4, 2, 1, 1, 11])
    # By a gene whose effects are twice as large, the same effect is half as unusual.
    assert background.p_values(*of(1), np.array([[2.0]]), np.array([[2.0]]))[0, 0] == 7 / 11
    # A gene without a response gains nothing: its scale is at least half of that of all genes.
    still = background.p_values(*of(1), np.array([[0.5]]), np.array([[1e-9]]))
    assert still[0, 0] == background.p_values(*of(1), np.array([[0.5]]), np.array([[MIN_SCALE]]))[0, 0] == 7 / 11


def test_ties_at_zero_count_as_at_least_as_large():
    """Of a network of few motifs nearly all substitutions do nothing; the few that do something are rare, and never p = 0."""
    background = histograms([0] * 9990 + [30] * 10)
    p = background.p_values(*of(3), np.array([[0.0], [30], [31]]), np.ones((3, 1)))[:, 0]
    np.testing.assert_allclose(p, [1, 11 / 10_001, 1 / 10_001])
    nothing = histograms([0] * 100, scale=0.0)
    p = nothing.p_values(*of(2), np.array([[0.0], [1e-5]]), np.zeros((2, 1)))[:, 0]
    np.testing.assert_allclose(p, [1, 1 / 101])


def test_intervals_grow_with_the_value_and_are_narrow():
    values = np.geomspace(2.0**-10, 2.0**7, 100_001)[:-1]
    numbers = interval_of(values)
    assert numbers[0] == 1 and numbers[-1] == N_INTERVALS - 1 and (np.diff(numbers) >= 0).all()
    assert set(numbers) == set(range(1, N_INTERVALS))
    assert interval_of(np.array([0, 2.0**-11, 2.0**7, 1e30, np.inf])).tolist() == [0, 0, *[N_INTERVALS - 1] * 3]
    widest = max(np.ptp(np.log(values[numbers == number])) for number in (1, 100, 700, N_INTERVALS - 1))
    assert widest < 1 / 64


def test_pooled_p_values_are_those_of_every_substitution_in_shuffled_windows(world, pooled):
    """By brute force, without histograms: only what lies in the value's own interval may be counted as well."""
    assert pooled.genes == sorted(GENES)
    bin_ = slice(0, UPSTREAM)
    of_genes = []
    features = Features(world.folder / "features.h5")
    starts, _ = window_bins(UPSTREAM, 300, pooled.reads)
    assert starts.tolist() == [0, UPSTREAM]
    windows = shuffled_windows(features.codes[features.rows(pooled.genes)], starts)
    for gene, codes in zip(pooled.genes, windows, strict=True):
        effects, members = every_substitution(world, gene, codes)
        of_genes.append((effects[bin_][members[bin_]], sample(effects[bin_], members[bin_])))
    ratios, least = scaled(of_genes)
    own_ratios, own_least = scaled([(specificity(every), specificity(some)) for every, some in of_genes])
    variants = [world.variant("g03", at, 1, other(world.letter("g03", at)), f"{at}") for at in range(-390, 0, 13)]
    (scores,) = world.score(variants, scorer=scorer(world, pooled))
    effects, members = every_substitution(world, "g03", features.codes[features.rows(["g03"])[0]])
    own = sample(effects[bin_], members[bin_])
    stretches = np.tile(np.arange(UPSTREAM).repeat(3) // STRETCH, len(of_genes))
    for name, every, smallest, values, gene_own in (
        ("pooled_p_value", ratios, least, scores.effect, own),
        ("pooled_specificity_p_value", own_ratios, own_least, scores.specificity, specificity(own)),
    ):
        ratio = np.abs(values) / np.maximum(root_mean_square(gene_own), smallest)
        there = [every[stretches == (UPSTREAM + at) // STRETCH] for at in range(-390, 0, 13)]
        exact = [
            (1 + (each >= own_ratio).sum(axis=0)) / (1 + len(each))
            for each, own_ratio in zip(there, ratio, strict=True)
        ]
        found = getattr(scores, name)
        assert (found >= np.array(exact) - 1e-12).all() and (found > 0).all()
        np.testing.assert_allclose(found, exact, rtol=0.06, atol=1 / len(there[0]))
    assert not np.array_equal(scores.pooled_p_value, scores.p_value)


class OneMotif:
    """Substitutions of a network of one motif: 0.4 in its ten bases, which a tenth of genes have, and else next to nothing."""

    def effects_at(self, codes, annotation, positions):
        size = np.where(spread(np.arange(700))[positions] < 14, 0.02, 0.0005)  # a few bases do a little
        has_motif = np.unique(codes[300:340], return_counts=True)[1].max() > 17
        size[has_motif & (positions >= 100) & (positions < 110)] = 0.4
        return np.zeros((1, 3)), np.broadcast_to(size[None, :, None, None], (1, len(positions), 4, 3)).astype(
            np.float32
        )


def test_samples_that_miss_what_matters_do_not_hide_a_motif(world, monkeypatch):
    """Where they do, what little else a network does would seem enormous beside nothing, in shuffled windows as in others."""
    monkeypatch.setattr("scxpresso.variants.pooled.incremental", lambda networks, device, engine: OneMotif())
    pooled = pooled_of(world, sorted(GENES))
    motif, little = np.full((1, 3), 0.4), np.full((1, 3), 0.02)
    nothing = np.full((1, 3), 0.0005)
    assert (pooled.effect.p_values(*of(1, stretch=1), motif, nothing) < 0.01).all()
    assert (pooled.effect.p_values(*of(1, stretch=1), motif, motif / 8) < 0.01).all()
    assert (pooled.effect.p_values(*of(1, stretch=1), little, nothing) > 0.01).all()


class Noise:
    """Substitutions at random, with larger effects downstream of the TSS than upstream."""

    def __init__(self, upstream):
        self.upstream, self.rng = upstream, np.random.default_rng(1)

    def effects_at(self, codes, annotation, positions):
        size = np.where(positions < self.upstream, 0.01, 0.05)
        effects = self.rng.normal(size=(1, len(positions), 4, 3)) * size[None, :, None, None]
        effects[0][codes[positions, None] == encode(ALTERNATIVES)] = 0
        return np.zeros((1, 3)), effects.astype(np.float32)


def test_where_little_of_a_bin_is_read_pooled_p_values_are_uniform_too(tmp_path, monkeypatch):
    """The network reads 100 bases of the bin from the TSS on: all are divided by the scale of the bin before it."""
    upstream, reads = 1000, (-500, 100)
    monkeypatch.setattr("scxpresso.variants.pooled.incremental", lambda *networks: Noise(upstream))
    monkeypatch.setattr("scxpresso.variants.pooled.bases_read", lambda *model: reads)
    world = World(tmp_path / "world", random_letters(25_000, 2), GENES, window=(upstream, 1000))
    pooled = pooled_of(world, sorted(GENES))
    assert pooled.compared_with(np.array([500, 1000, 1099]))[0].tolist() == [1, 1, 1]
    noise, (first, end) = Noise(upstream), (upstream + read for read in reads)
    found = {name: [] for name in ("pooled_p_value", "pooled_specificity_p_value")}
    for seed in range(20):
        codes = encode(random_letters(2000, seed))
        predicted, effects = noise.effects_at(codes, None, np.arange(first, end))
        values = gene_values(codes, predicted, effects, upstream, reads, pooled).values
        for name, of_kind in found.items():
            of_kind.append(p_values_of(values[name]))
    for of_kind in found.values():
        for part in (slice(0, 500), slice(500, 600)):
            p = np.stack(of_kind)[:, part]
            shares = [(p <= threshold).mean() for threshold in (0.5, 0.2, 0.05)]
            np.testing.assert_allclose(shares, [0.5, 0.2, 0.05], rtol=0.2)


def test_pooled_effects_of_a_development_version_are_refused(world, pooled, tmp_path):
    pooled.write(tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5", "a") as file:
        del file.attrs["stretch"]
    with pytest.raises(InputError, match="delete the file"):
        PooledEffects.read(tmp_path / "new.h5", Model(world.folder / "model"))


@pytest.mark.parametrize("count", [1, 2, 7, 50, 150, 399, 500])
def test_the_first_positions_lie_evenly_among_all(count):
    positions = spread(1000 + np.arange(500))
    assert sorted(positions) == list(range(1000, 1500))
    gaps = np.diff(np.sort(positions[:count]))
    assert count == 1 or len(set(gaps.tolist())) <= 3
    assert count == 1 or gaps.max() <= 3 * 500 / count


def test_ranks_by_a_sample_are_exact_where_they_are_small_and_valid_elsewhere(world, pooled):
    """Of every substitution of a gene, beside pooled p-values and without: see STAGES."""
    variants = [
        world.variant("g05", at, 1, letter, f"{at} {letter}")
        for at in range(-UPSTREAM, 0)
        for letter in "ACGT"
        if letter != world.letter("g05", at)
    ]
    (sampled,) = world.score(variants, scorer=scorer(world, pooled))
    (exact,) = world.score(variants)
    for name in ("effect", "sd", "specificity", "predicted_ref"):
        np.testing.assert_array_equal(getattr(sampled, name), getattr(exact, name))
    small = exact.p_value.min(axis=1) <= 0.01
    assert small.sum() > 10
    for name in ("p_value", "percentile", "specificity_p_value"):
        np.testing.assert_array_equal(getattr(sampled, name)[small], getattr(exact, name)[small])
    assert (sampled.p_value[sampled.p_value != exact.p_value] > 0.02).all()
    assert (sampled.p_value != exact.p_value).mean() > 0.5
    for p in (sampled.p_value, sampled.specificity_p_value):
        for threshold in (0.5, 0.2, 0.05, 0.01):
            assert (p <= threshold).mean() < 1.3 * threshold


@pytest.mark.parametrize("limits", [{}, {"MAX_REFERENCES": 7}, {"MAX_EFFECTS": 1}])
def test_genes_together_are_genes_one_by_one(world, pooled, limits, monkeypatch):
    for name, value in limits.items():
        monkeypatch.setattr(scoring, name, value)
    variants = [
        world.variant(gene, at, 1, other(world.letter(gene, at)), f"{at}")
        for gene in ("g01", "g02", "g20", "minus")
        for at in (-300, -20, 4, 250)
    ]
    together = world.score(variants, scorer=scorer(world, pooled))
    for gene in together:
        (alone,) = world.score([one for one in variants if one.gene_id == gene.gene_id], scorer=scorer(world, pooled))
        for name, value in vars(gene).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(value, getattr(alone, name), err_msg=name)


def dinucleotides(sequence):
    return sorted(pairwise(sequence))


def test_shuffled_sequences_keep_their_dinucleotides_and_all_are_as_likely():
    codes = encode("ACGTACCA")
    possible = {
        bases
        for bases in permutations(codes.tolist())
        if dinucleotides(bases) == dinucleotides(codes.tolist()) and bases[0] == codes[0]
    }
    rng = np.random.default_rng(1)
    counts = Counter(tuple(dinucleotide_shuffle(codes, rng).tolist()) for _ in range(3000))
    assert counts.keys() == possible and len(possible) > 2
    assert chisquare(list(counts.values())).pvalue > 0.001
    for short in ("", "A", "AC", "AAA"):
        assert dinucleotide_shuffle(encode(short), rng).tolist() == encode(short).tolist()


def test_windows_are_shuffled_bin_by_bin_around_ambiguous_bases():
    codes = np.stack([encode(random_letters(900, seed)) for seed in (1, 2)])
    codes[0, 100:140] = codes[1, 499] = 15
    starts = np.array([0, 400])
    shuffled = shuffled_windows(codes, starts)
    np.testing.assert_array_equal(shuffled, shuffled_windows(codes, starts))
    np.testing.assert_array_equal(shuffled == 15, codes == 15)
    for number, start, end in [(0, 0, 100), (0, 140, 400), (0, 400, 900), (1, 0, 400), (1, 400, 499), (1, 500, 900)]:
        before, after = codes[number, start:end].tolist(), shuffled[number, start:end].tolist()
        assert before != after and dinucleotides(before) == dinucleotides(after)


@pytest.mark.slow
def test_pooled_p_values_of_substitutions_at_random_are_uniform(world):
    """In genes that are not in the sample, whichever gene."""
    inside, outside = sorted(GENES)[::2], sorted(GENES)[1::2]
    by = scorer(world, pooled_of(world, inside))
    rng = np.random.default_rng(3)
    shares = []
    for gene in outside:
        distances = rng.integers(-UPSTREAM, 290, 400).tolist()
        variants = [world.variant(gene, at, 1, other(world.letter(gene, at)), f"{at}") for at in distances]
        (scores,) = world.score(variants, scorer=by)
        for p in (scores.pooled_p_value, scores.pooled_specificity_p_value):
            shares.append([(p <= threshold).mean() for threshold in (0.5, 0.2, 0.05)])
    np.testing.assert_allclose(np.mean(shares, axis=0), [0.5, 0.2, 0.05], rtol=0.1)
    assert (np.abs(np.array(shares)[:, 0] - 0.5) < 0.12).all()


def test_nothing_is_compared_with_nothing(world, pooled):
    variants = [
        world.variant("g04", 5, 1, other(world.letter("g04", 5)), "read"),
        world.variant("g04", 297, 1, other(world.letter("g04", 297)), "unread"),
    ]
    (scores,) = world.score(variants, scorer=scorer(world, pooled))
    assert np.isfinite(scores.pooled_p_value[0]).all() and np.isnan(scores.pooled_p_value[1]).all()
    rows = [dict(zip(SCORE_COLUMNS, row, strict=True)) for row in scores.rows("s")]
    assert [row["pooled_p_value"] == "" for row in rows] == [False] * 3 + [True] * 3
    (scores,) = world.score(variants)
    assert np.isnan(scores.pooled_p_value).all() and np.isnan(scores.pooled_specificity_p_value).all()


def test_a_fixed_sample_of_the_genes_that_the_model_knows(world):
    model = Model(world.folder / "model")
    many = sorted({**GENES, **dict.fromkeys(f"x{number}" for number in range(500))})
    assert sample_genes(model, many) == sorted(GENES)
    strangers = [f"x{number}" for number in range(500)]
    drawn = sample_genes(model, strangers)
    assert drawn == sample_genes(model, strangers) and len(set(drawn)) == N_GENES and set(drawn) < set(strangers)


@pytest.mark.slow
def test_whatever_the_chunks_and_by_the_executables(world, pooled, tmp_path, run_cli):
    done = run_cli(
        "pool_effects.py", "--model", world.folder / "model", "--features", world.folder / "features.h5",
        "--device", "cpu", "--output", tmp_path / "pooled.h5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read = PooledEffects.read(tmp_path / "pooled.h5", Model(world.folder / "model"))
    for kind in ("effect", "specificity"):
        for name in ("counts", "scale"):
            np.testing.assert_array_equal(getattr(getattr(read, kind), name), getattr(getattr(pooled, kind), name))
    genes = ["g01", "g02", "minus"]
    variants = {
        gene: [world.variant(gene, at, 1, other(world.letter(gene, at)), f"{at}") for at in (-300, -20, 4, 250)]
        for gene in genes
    }
    tables = {}
    for name, chunks in (("one", [genes]), ("three", [[gene] for gene in genes])):
        parts = []
        for number, of_chunk in enumerate(chunks):
            path = chunk(
                tmp_path / f"{name}{number}.chunk.tsv.gz", [one for gene in of_chunk for one in variants[gene]]
            )
            parts.append(tmp_path / f"{name}{number}.tsv.gz")
            done = score_cli(run_cli, world, path, parts[-1], "--pooled", tmp_path / "pooled.h5")
            assert done.returncode == 0, done.stderr
        join_scores(parts, tmp_path / f"{name}.tsv")
        tables[name] = (tmp_path / f"{name}.tsv").read_text()
    assert tables["one"] == tables["three"]
    table = read_table(tmp_path / "one.tsv", text=TEXT_COLUMNS)
    assert len(table) == len(genes) * 4 * len(POPULATIONS)
    np.testing.assert_allclose(table["q_value"], false_discovery_control(table["pooled_p_value"]), rtol=1e-5)


@pytest.mark.slow
def test_a_model_that_reads_no_sequence_pools_nothing_and_scores_no_allele(tmp_path, run_cli):
    genes = {"plus": (2000, "+"), "minus": (2300, "-")}
    world = World(tmp_path / "world", random_letters(5000, 1), genes, inputs="half_life")
    done = run_cli(
        "pool_effects.py", "--model", world.folder / "model", "--features", world.folder / "features.h5",
        "--device", "cpu", "--output", tmp_path / "pooled.h5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0 substitutions of 2 genes" in done.stderr
    variants = [world.variant("plus", at, 1, other(world.letter("plus", at)), f"{at}") for at in (-300, 0, 250)]
    path = chunk(tmp_path / "chunk.tsv.gz", [*variants, world.variant("plus", 5, 9, world.letter("plus", 5))])
    done = score_cli(run_cli, world, path, tmp_path / "scores.tsv.gz", "--pooled", tmp_path / "pooled.h5")
    assert done.returncode == 0, done.stderr
    assert "4 of them are not scorable: scxpresso reads no sequence" in done.stderr
    join_scores([tmp_path / "scores.tsv.gz"], tmp_path / "joined.tsv")
    table = read_table(tmp_path / "joined.tsv", text=SCORE_COLUMNS)
    assert len(table) == 4 * len(POPULATIONS) and table["flag"].str.contains("not_scorable").all()
    assert (table[["effect", "p_value"]] == ["0", "1"]).all(axis=None)
    assert (table[["pooled_p_value", "q_value"]] == "").all(axis=None)


def test_a_gene_of_the_sample_whose_bases_are_all_ambiguous_adds_nothing(tmp_path):
    letters = random_letters(5000, 1)
    genes = {"plus": (2000, "+"), "minus": (2300, "-")}
    world = World(tmp_path / "world", letters[:3300] + "N" * 1000 + letters[4300:], {**genes, "n": (3800, "+")})
    found, expected = pooled_of(world, ["minus", "n", "plus"]), pooled_of(world, ["minus", "plus"])
    for kind in ("effect", "specificity"):
        for name in ("counts", "scale"):
            np.testing.assert_array_equal(getattr(getattr(found, kind), name), getattr(getattr(expected, kind), name))


def test_files_of_another_model_are_refused(world, pooled, tmp_path):
    model = Model(world.folder / "model")
    replace(pooled, populations=["another"]).write(tmp_path / "other.h5")
    with pytest.raises(InputError, match="other populations than the model has"):
        PooledEffects.read(tmp_path / "other.h5", model)
    replace(pooled, upstream=401).write(tmp_path / "window.h5")
    with pytest.raises(InputError, match="other upstream than the model has"):
        PooledEffects.read(tmp_path / "window.h5", model)
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(InputError, match="no pooled effects"):
        PooledEffects.read(tmp_path / "empty.h5", model)


def test_q_values_are_of_pooled_p_values_if_there_are_any(tmp_path):
    """Tables of version 0.1 have none, nor do those of --variant_null gene."""
    p, pooled = ["0.01", "0.5", "1", "1"], ["0.2", "0.00001", "0.3", ""]
    rows = [
        (dict.fromkeys(SCORE_COLUMNS, "") | {"p_value": one, "pooled_p_value": other, "flag": flag}).values()
        for one, other, flag in zip(p, pooled, ["", "", "", "not_scorable"], strict=True)
    ]
    write_rows(tmp_path / "new.tsv", SCORE_COLUMNS, rows)
    old = read_table(tmp_path / "new.tsv", text=SCORE_COLUMNS)
    write_table(tmp_path / "gene.tsv", old.assign(pooled_p_value=""))
    write_table(tmp_path / "old.tsv", old.drop(columns=["pooled_p_value", "pooled_specificity_p_value"]))
    for name, of in (("new", pooled), ("gene", p), ("old", p)):
        join_scores([tmp_path / f"{name}.tsv"], tmp_path / "joined.tsv")
        joined = read_table(tmp_path / "joined.tsv", text=SCORE_COLUMNS)
        assert joined.columns.tolist() == SCORE_COLUMNS and joined["q_value"].iloc[-1] == ""
        expected = false_discovery_control([float(text) for text in of[:3]])
        np.testing.assert_allclose(joined["q_value"][:3].astype(float), expected, rtol=1e-5)

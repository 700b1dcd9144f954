"""Scoring of variants: against a slow rebuild of each window, on both strands, and what its p-values mean."""

import csv
import gzip
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import false_discovery_control, kstest

from scxpresso.cpus import available_cpus
from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.sequence import ALTERNATIVES, encode, window_codes
from scxpresso.networks.gradient_boosted_trees import Bins, GradientBoostedTrees
from scxpresso.networks.hybrid import N_COUNTS, Hybrid
from scxpresso.networks.model import Model
from scxpresso.networks.prediction import predict
from scxpresso.networks.published import ScXpresso
from scxpresso.networks.weights import NetworkMetadata, save_network
from scxpresso.problems import InputError
from scxpresso.saturation.effects_store import resolved
from scxpresso.saturation.incremental import incremental
from scxpresso.store import TEXT_COLUMNS, read_table, write_rows, write_table
from scxpresso.variants.chunks import CHUNK_COLUMNS
from scxpresso.variants.gene_alleles import alleles_of
from scxpresso.variants.haplotypes import haplotype_combinations
from scxpresso.variants.joining import join_scores
from scxpresso.variants.reading import read_variants
from scxpresso.variants.score_table import SCORE_COLUMNS, ScorableVariant, read_chunk
from scxpresso.variants.scoring import SHIFTS, Scorer, score_variants
from scxpresso.variants.significance import MIN_POSITIONS, bins, compared_bins, specificity
from scxpresso.variants.windows import Edit, FlankingSequence, shifts, without_overlaps

BIN = Path(__file__).resolve().parent.parent / "bin"
CPU = torch.device("cpu")
UPSTREAM, DOWNSTREAM = 400, 300
POPULATIONS = ("alpha", "beta", 'the "third"')
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
# TSS (1-based) and strand; `edge` has N where its window leaves the contig, `far` lies in a run of N.
GENES = {"plus": (2000, "+"), "minus": (2300, "-"), "edge": (4900, "+"), "unknown": (3000, "-")}
LENGTH = 5000


def random_letters(count, seed):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), count))


def flipped(letters):
    return letters[::-1].translate(COMPLEMENT)


@cache
def fitted_trees():
    rng = np.random.default_rng(1)
    trees = GradientBoostedTrees(len(POPULATIONS))
    bins = Bins.of(rng.normal(size=(60, N_COUNTS + 5)).astype(np.float32), trees.settings)
    trees.fit(bins, rng.normal(size=(60, len(POPULATIONS))), 1)
    return trees


def random_network(kind, seed, upstream=UPSTREAM, downstream=DOWNSTREAM, inputs="both"):
    """Untrained, but with weights large enough that replicates disagree and scalings that are not trivial."""
    torch.manual_seed(seed)
    network = kind.build(len(POPULATIONS), upstream, downstream, inputs, 5)
    rng = np.random.default_rng(seed)
    if kind is Hybrid:
        network.trees = fitted_trees()
        torch.nn.init.normal_(network.kmer_linear.weight, std=0.1)
    network.annotation.fit([3.0, 2.0, 2.0, 3.0, 0.5], [0.5] * 5)
    network.expression.fit(rng.normal(-3, 1, len(POPULATIONS)), rng.uniform(0.5, 2, len(POPULATIONS)))
    return network.eval()


class World:
    """A genome of one contig with genes, its features, and a model of two folds with three replicates each."""

    def __init__(
        self, folder, letters, genes, network="scxpresso", window=(UPSTREAM, DOWNSTREAM), contig="1", inputs="both"
    ):
        self.folder, self.letters, self.genes, self.window, self.inputs = folder, letters, genes, window, inputs
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "genome.fa").write_text(f">chr{contig} a contig\n{letters}\n>other\nACGT\n")
        ids = sorted(genes)
        table = pd.DataFrame(
            {
                "gene_id": ids,
                "gene_name": [f"name of {gene}" for gene in ids],
                "transcript_id": ids,
                "chrom": contig,
                "strand": [genes[gene][1] for gene in ids],
                "tss": [genes[gene][0] for gene in ids],
            }
        )
        write_table(folder / "genes.tsv", table)
        codes = np.stack([window_codes(letters, *genes[gene], *window)[0] for gene in ids])
        half_life = np.array([[1000.0, 100, 90, 2000, 3]] * len(ids)) * (1 + np.arange(len(ids)))[:, None]
        write_features(folder / "features.h5", ids, codes, half_life, half_life, window[0])
        self.network = network
        self._write_model({"scxpresso": ScXpresso, "hybrid": Hybrid}[network])

    def _write_model(self, kind):
        about = NetworkMetadata(self.network, self.inputs, *self.window, POPULATIONS)
        folds = {}
        for fold in (1, 2):
            files = [f"fold_{fold}/replicate_{replicate}.safetensors" for replicate in (1, 2, 3)]
            for number, file in enumerate(files):
                network = random_network(kind, 10 * fold + number, *self.window, self.inputs)
                save_network(self.folder / "model" / file, network, about)
            folds[fold] = {"used": files}
        content = {
            "atlas": "a", "level": "l", "genome": "g", "network": self.network, "inputs": self.inputs,
            "upstream": self.window[0], "downstream": self.window[1], "populations": POPULATIONS,
            "annotation_features": about.annotation_features, "folds": folds,
            "fold_of_gene": {gene: 1 + (gene == "minus") for gene in self.genes if gene != "unknown"},
            "gene_pearson": {"plus": 0.9, "minus": 0.1, "edge": None},
        }  # fmt: skip
        (self.folder / "model" / "model.json").write_text(json.dumps(content))

    @property
    def scorer(self):
        table = read_table(self.folder / "genes.tsv", index="gene_id")
        return Scorer(Model(self.folder / "model"), Features(self.folder / "features.h5"), table, CPU)

    def variant(self, gene, distance, ref_length, alt, name="v", carriers=""):
        """A variant by the distance to the TSS of its first base on the gene's strand, alt on the gene's strand too."""
        tss, strand = self.genes[gene]
        if strand == "+":
            pos = tss + distance
        else:
            pos, alt = tss - distance - ref_length + 1, flipped(alt)
        return ScorableVariant(name, "1", pos, self.letters[pos - 1 : pos - 1 + ref_length], alt, gene, carriers)

    def letter(self, gene, distance):
        tss, strand = self.genes[gene]
        letter = self.letters[tss + distance - 1] if strand == "+" else self.letters[tss - distance - 1]
        return letter if strand == "+" else letter.translate(COMPLEMENT)

    def score(self, variants, haplotypes=False, scorer=None):
        variants = sorted(variants, key=lambda variant: variant.gene_id)
        return list(score_variants(scorer or self.scorer, lambda: variants, self.folder / "genome.fa", haplotypes))

    def networks(self, gene):
        model = Model(self.folder / "model")
        return model.networks(model.fold_of(gene))

    def annotation(self, gene):
        features = Features(self.folder / "features.h5")
        return features.annotation(features.rows([gene]), Model(self.folder / "model").annotation_features)

    def predictions(self, gene, windows):
        return predict(self.networks(gene), windows, np.repeat(self.annotation(gene), len(windows), axis=0))

    def slow(self, gene, variants):
        """Effects of variants together, replicates × populations: letters one by one, from the TSS outward."""
        tss, strand = self.genes[gene]
        far = 2500
        # What each base of the + strand becomes; what is inserted goes to the base before it.
        letters = {pos: self.letters[pos - 1] if 0 < pos <= LENGTH else "N" for pos in range(tss - far, tss + far)}
        for variant in variants:
            for at in range(len(variant.ref)):
                letters[variant.pos + at] = variant.alt[at : at + 1]
            letters[variant.pos + len(variant.ref) - 1] += variant.alt[len(variant.ref) :]
        moved = any(len(variant.ref) != len(variant.alt) for variant in variants)
        alt, start = "", None
        # On the gene's strand: the TSS is the first base that is left of it and what follows.
        order = sorted(letters) if strand == "+" else sorted(letters, reverse=True)
        for pos in order:
            piece = letters[pos] if strand == "+" else flipped(letters[pos])
            if pos == tss:
                # Inserted bases follow their base on the + strand, and so come before it on the other.
                start = len(alt) + (max(len(piece) - 1, 0) if strand == "-" else 0)
            alt += piece
        ref = "".join(self.letters[pos - 1] if 0 < pos <= LENGTH else "N" for pos in sorted(letters))
        ref, ref_start = (ref, far) if strand == "+" else (flipped(ref), far - 1)
        windows = []
        moves = shifts(300 if self.network == "scxpresso" else 1, SHIFTS) if moved else [0]
        for letters, anchor in ((alt, start), (ref, ref_start)):
            windows += [letters[anchor - UPSTREAM + by : anchor + DOWNSTREAM + by] for by in moves]
        predicted = self.predictions(gene, np.stack([encode(window) for window in windows]))
        return (predicted[:, : len(moves)] - predicted[:, len(moves) :]).mean(axis=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("scoring") / "world", random_letters(LENGTH, 1), GENES)


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    return World(tmp_path_factory.mktemp("scoring") / "hybrid", random_letters(LENGTH, 1), GENES, "hybrid")


def other(letter):
    return "ACGT"["ACGT".index(letter) - 1]


def of_every_kind(world, gene):
    """Variants whose name says what they are, at the window's edges too."""
    end = min(DOWNSTREAM, LENGTH - GENES[gene][0] + 1) if gene == "edge" else DOWNSTREAM
    found = [
        world.variant(gene, distance, 1, other(world.letter(gene, distance)), f"snv {distance}")
        for distance in (-UPSTREAM, -1, 0, end - 1)
    ]

    def edited(distance, ref_length, alt, name):
        return world.variant(gene, distance, ref_length, alt, f"{name} {distance}")

    for distance in (-300, -2, end - 3):
        letters = "".join(other(world.letter(gene, distance + at)) for at in range(3))
        found.append(edited(distance, 3, letters, "mnv"))
    first = GENES[gene][1] == "+"
    for distance in (-UPSTREAM, -301, -2, 3, end - 9):
        # VCF's anchor is the base before on the + strand, which is the last one on the gene's strand if that is −.
        anchor = world.letter(gene, distance + (0 if first else 7))
        found.append(edited(distance, 8, anchor, "deletion"))
        place = (
            distance if first else distance + 1
        )  # that of the anchor: bases go in before distance + 1 on both strands
        anchor = world.letter(gene, place)
        found.append(edited(place, 1, anchor + "GATTACA" if first else "GATTACA" + anchor, "insertion"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "gene"),
    [("world", "plus"), ("world", "minus"), ("world", "edge"), ("hybrid", "plus"), ("hybrid", "minus")],
)
def test_effects_are_those_of_windows_rebuilt_letter_by_letter(kind, gene, request):
    world = request.getfixturevalue(kind)
    variants = of_every_kind(world, gene)
    (scores,) = world.score(variants)
    assert [allele.variant_id for allele in scores.alleles] == [variant.variant_id for variant in variants]
    for number, variant in enumerate(variants):
        expected = world.slow(gene, [variant])
        np.testing.assert_allclose(scores.effect[number], expected.mean(axis=0), atol=2e-6, err_msg=variant.variant_id)
        np.testing.assert_allclose(scores.sd[number], expected.std(axis=0), atol=2e-6)
        agree = (np.sign(expected) == np.sign(expected.mean(axis=0))).mean(axis=0)
        clear = np.abs(expected).min(axis=0) > 1e-5
        np.testing.assert_allclose(scores.sign_agreement[number][clear], agree[clear])
    reference = world.predictions(
        gene, Features(world.folder / "features.h5").codes[world.scorer.features.rows([gene])]
    )
    np.testing.assert_allclose(scores.predicted_ref, reference.mean(axis=0)[0], atol=1e-5)


def test_a_substitution_has_the_effect_of_the_saturation_and_is_one_of_its_own_background(world):
    gene, distances = "minus", [-400, -77, 0, 250]
    variants = [world.variant(gene, d, 1, other(world.letter(gene, d)), f"{d}") for d in distances]
    (scores,) = world.score(variants)
    codes = Features(world.folder / "features.h5").codes[world.scorer.features.rows([gene])[0]]
    _, effects = incremental(world.networks(gene), CPU).effects(codes, world.annotation(gene)[0])
    mean = resolved(effects.mean(axis=0))
    for number, distance in enumerate(distances):
        here = slice(0, UPSTREAM) if distance < 0 else slice(UPSTREAM, UPSTREAM + 292)  # the network reads no further
        index, letter = distance + UPSTREAM, ALTERNATIVES.index(other(world.letter(gene, distance)))
        np.testing.assert_array_equal(scores.effect[number], mean[index, letter])
        background = mean[here].reshape(-1, 3)[(codes[here, None] != encode(ALTERNATIVES)).ravel()]
        assert len(background) == 3 * len(codes[here])
        own, mine = specificity(background), specificity(mean[index, letter])
        np.testing.assert_array_equal(scores.specificity[number], mine)
        np.testing.assert_allclose(mine, mean[index, letter] - mean[index, letter].mean(), atol=2e-6)
        at_least = np.abs(background) >= np.abs(mean[index, letter])
        np.testing.assert_allclose(scores.p_value[number], at_least.mean(axis=0))
        assert (scores.p_value[number] > 0).all()
        np.testing.assert_allclose(scores.percentile[number], 100 * (1 - at_least.mean(axis=0)))
        at_least = np.abs(own) >= np.abs(mine)
        np.testing.assert_allclose(scores.specificity_p_value[number], at_least.mean(axis=0))


def test_what_is_no_substitution_is_ranked_beside_the_background(world):
    distance = -200
    letters = "".join(other(world.letter("plus", distance + at)) for at in range(2))
    mnv, snv = world.score(
        [world.variant("plus", distance, 2, letters), world.variant("plus", distance, 1, letters[0])]
    )[0].p_value
    size = 3 * UPSTREAM
    np.testing.assert_allclose(mnv * (size + 1), np.round(mnv * (size + 1)), atol=1e-6)
    np.testing.assert_allclose(snv * size, np.round(snv * size), atol=1e-6)


def test_p_values_of_substitutions_drawn_at_random_are_uniform(world):
    rng = np.random.default_rng(3)
    variants = []
    for distance in rng.integers(-UPSTREAM, DOWNSTREAM, 400):
        letter = world.letter("plus", int(distance))
        variants.append(
            world.variant("plus", int(distance), 1, rng.choice([base for base in "ACGT" if base != letter]))
        )
    (scores,) = world.score(variants)
    for name in ("p_value", "specificity_p_value"):
        for column in getattr(scores, name).T:
            assert kstest(column, "uniform").pvalue > 0.01


def test_both_strands_score_alike(world, tmp_path):
    mirrored = World(
        tmp_path / "mirrored",
        flipped(world.letters),
        {gene: (LENGTH + 1 - tss, "-" if strand == "+" else "+") for gene, (tss, strand) in GENES.items()},
    )
    for gene in ("plus", "edge"):
        variants = [
            world.variant(gene, distance, length, alt)
            for distance, length, alt in [(-5, 1, "A"), (0, 1, "C"), (7, 3, "TTT"), (-40, 4, "ACGTACG"), (12, 9, "C")]
            if alt != world.letter(gene, distance)
        ]
        turned = [
            ScorableVariant(
                "v",
                "1",
                LENGTH + 1 - (variant.pos + len(variant.ref) - 1),
                flipped(variant.ref),
                flipped(variant.alt),
                gene,
                "",
            )
            for variant in variants
        ]
        (one,), (other_,) = world.score(variants), mirrored.score(turned)
        for name in ("effect", "sd", "p_value", "percentile", "specificity"):
            np.testing.assert_allclose(getattr(one, name), getattr(other_, name), atol=2e-6)
        assert [allele.tss_distance for allele in one.alleles] == [allele.tss_distance for allele in other_.alleles]


@pytest.mark.slow
def test_alleles_in_repeats_are_placed_and_score_alike_on_both_strands(tmp_path):
    """Read from files and scored: a genome of repeats and its mirror image, each allele written where it may lie."""
    rng = np.random.default_rng(5)
    letters = "".join(rng.choice(["A", "AA", "CAC", "T", "G"], LENGTH // 2))[:LENGTH]
    genes = {"plus": (2000, "+"), "minus": (2300, "-")}
    mirrored_genes = {gene: (LENGTH + 1 - tss, "-" if strand == "+" else "+") for gene, (tss, strand) in genes.items()}
    letters = letters[:1990] + "A" * 20 + letters[2010:2290] + "CT" * 10 + letters[2310:]
    letters = letters.ljust(LENGTH, "G")
    scores = []
    deleted = [
        (int(start), int(size), alt)
        for start, size, alt in [
            *[(start, size, "") for start in range(1985, 2015, 3) for size in (1, 2, 5)],
            *[(start, 0, alt) for start in range(2285, 2315, 3) for alt in ("CT", "T", "G")],
            *[(start, 3, "") for start in rng.integers(1650, 2650, 30)],
            *[(start, 0, "AC") for start in rng.integers(1650, 2650, 30)],
            *[(start, 2, "TGT") for start in rng.integers(1650, 2650, 10)],
        ]
    ]
    for name, contig, of_genes in (("one", letters, genes), ("mirrored", flipped(letters), mirrored_genes)):
        world = World(tmp_path / name, contig, of_genes)
        lines = []
        for number, (start, size, alt) in enumerate(deleted):
            # The same bases of both genomes, with the base before them on the + strand, as a VCF is written.
            at, bases = (start, alt) if name == "one" else (LENGTH - start - size, flipped(alt))
            lines.append(("1", at, contig[at - 1 : at + size], contig[at - 1] + bases, f"v{number}"))
        write_rows(world.folder / "v.tsv", ["chrom", "pos", "ref", "alt", "variant_id"], lines)
        paths = (world.folder / "v.tsv", world.folder / "genome.fa", world.folder / "genes.tsv")
        read_variants("s", *paths, UPSTREAM, DOWNSTREAM, False, 10_000, world.folder)
        rows = list(read_chunk(world.folder / "chunks" / "1.tsv.gz"))
        found = {}
        for gene in world.score(rows):
            for allele, effect, p_value in zip(gene.alleles, gene.effect, gene.p_value, strict=True):
                found[gene.gene_id, allele.variant_id] = allele.tss_distance, effect, p_value, allele.edits[0]
        scores.append(found)
    one, mirrored = scores
    assert one.keys() == mirrored.keys() and len(one) > 100
    same: dict[bytes, set] = {}
    for key, (distance, effect, p_value, edit) in one.items():
        assert distance == mirrored[key][0]
        np.testing.assert_array_equal(effect, mirrored[key][1])
        np.testing.assert_array_equal(p_value, mirrored[key][2])
        # Alleles that make the same sequence are one.
        start, size, alt = deleted[int(key[1][1:])]
        result = (letters[:start] + alt + letters[start + size :]).encode() + key[0].encode()
        same.setdefault(result, set()).add((distance, effect.tobytes(), p_value.tobytes()))
        # The changed base nearest to the TSS does change, and none between it and the TSS.
        window = window_codes(letters, *genes[key[0]], UPSTREAM, DOWNSTREAM)[0]
        around = FlankingSequence(
            window_codes(letters, *genes[key[0]], UPSTREAM + 50, DOWNSTREAM + 50)[0], UPSTREAM + 50
        )
        changed = np.flatnonzero(around.edited([edit]).window(UPSTREAM, DOWNSTREAM) != window) - UPSTREAM
        assert distance == min(changed, key=abs) or edit.start <= 0 < edit.end
    assert {len(scored) for scored in same.values()} == {1} and len(same) < len(one) - 20


def test_an_allele_that_slid_past_another_of_its_haplotype_lies_where_it_was_written(world):
    """Together they would make another sequence than the file says."""
    letters = world.letters[:1900] + "CAAAAAAAAAAC" + world.letters[1912:]
    codes = encode(letters)

    def haplotype(pos, slid):
        deletion = ScorableVariant(
            "d", "1", pos, letters[pos - 1 : pos + 1], letters[pos - 1], "plus", "0.0:", slid=slid
        )
        substitution = ScorableVariant("s", "1", 1908, "A", "G", "plus", "0.0:")
        *_, both = alleles_of([deletion, substitution], 2000, "+", True, (UPSTREAM, DOWNSTREAM))
        return FlankingSequence(codes, 1999).edited(both.edits).codes

    first = haplotype(1901, 0)  # written as a VCF is normalised
    last = haplotype(1901, -9)  # written at the other end of the repeat, and placed alike
    np.testing.assert_array_equal(first[1900:1911], encode("CAAAAAGAAAC"))
    np.testing.assert_array_equal(last[1900:1911], encode("CAAAAAAGAAC"))


def test_alleles_of_a_haplotype_that_slide_to_one_place_stay_apart(world):
    """A→ATCG and G→GCA in ATCGCAG: the first may slide to where the second is written, and that one further."""
    letters = world.letters[:2100] + "ATCGCAG" + world.letters[2107:]
    parts = [
        ScorableVariant("a", "1", 2104, "G", "GTCG", "plus", "0.0:", slid=3),
        ScorableVariant("b", "1", 2106, "A", "ACA", "plus", "0.0:", slid=2),
    ]
    *_, both = alleles_of(parts, 2000, "+", True, (UPSTREAM, DOWNSTREAM))
    assert not both.overlapping
    found = FlankingSequence(encode(letters), 1999).edited(both.edits).codes
    np.testing.assert_array_equal(found[2100:2112], encode("ATCGTCGCACAG"))


@pytest.mark.parametrize(
    ("start", "end", "alt"),
    [
        (-5, -3, "CA"),
        (-9, -2, "CATGCAT"),
        (-9, -2, "CAT"),
        (-7, -4, "CATGCATG"),
        (-9, 2, "CATGCATGCAT"),
        (-9, 2, "CAT"),
    ],
)
def test_an_edit_that_begins_before_the_known_sequence_keeps_the_tss(start, end, alt):
    """Sequence is known from four bases before the TSS on; edits of as many bases begin before it."""
    letters, tss = "GACGTTGCAACCGGTT", 9
    edited = letters[: tss + start] + alt + letters[tss + end :]
    new_tss = len(edited) - (len(letters) - tss) if end <= 0 else tss + min(0, len(alt) + start)
    edit = [Edit(start, end, encode(alt), encode(letters[tss + start : tss + end]))]
    whole = FlankingSequence(encode(letters), tss).edited(edit)
    assert whole.tss == new_tss
    np.testing.assert_array_equal(whole.codes, encode(edited))
    cut = FlankingSequence(encode(letters[tss - 4 :]), 4).edited(edit)
    known = cut.tss  # the allele, and what follows it
    np.testing.assert_array_equal(cut.window(known, 3), whole.window(known, 3))


@pytest.mark.parametrize("gene", ["plus", "minus"])
def test_a_substitution_of_several_bases_across_the_edge_of_the_window_is_that_of_its_bases_inside(world, gene):
    bases = [world.letter(gene, -UPSTREAM - 1), world.letter(gene, -UPSTREAM)]
    both = world.variant(gene, -UPSTREAM - 1, 2, "".join(map(other, bases)), "both")
    inside = world.variant(gene, -UPSTREAM, 1, other(bases[1]), "inside")
    scores = world.score([both, inside])[0]
    assert np.abs(scores.effect[1]).max() > 1e-5
    np.testing.assert_allclose(scores.effect[0], scores.effect[1], rtol=0, atol=2e-6)


def test_what_changes_nothing_of_the_window_has_effect_0(world):
    last = DOWNSTREAM - 1
    beyond = world.variant("plus", last - 1, 1, world.letter("plus", last - 1) + "ACGT", "behind what is read")
    far = world.variant("plus", last + 400, 30, world.letter("plus", last + 400), "deletion far behind")
    same = world.variant("plus", -50, 2, world.letter("plus", -50) + world.letter("plus", -49), "ref is alt")
    scores = world.score([beyond, far, same])[0]
    assert (scores.effect[1:] == 0).all() and (scores.p_value[1:] == 1).all()
    assert (scores.sign_agreement[1:] == 1).all()
    # The shifts of the phase see it, which is why it is not 0 for a network that pools.
    assert (scores.effect[0] != 0).any()


def test_an_indel_in_sequence_that_the_network_ignores_scores_about_0(tmp_path):
    """Only what lies behind the TSS is read by the head: an indel upstream moves nothing of it."""
    world = World(tmp_path / "ignoring", random_letters(LENGTH, 4), {"plus": GENES["plus"]})
    scorer = world.scorer
    networks = scorer.model.networks(1)
    for network, _ in networks:
        with torch.no_grad():
            weight = network.head[0].weight[:, : 32 * network.positions(UPSTREAM + DOWNSTREAM)]
            weight.view(64, 32, -1)[:, :, :1] = 0
    ignored = world.variant("plus", -390, 5, world.letter("plus", -390))
    read = world.variant("plus", 120, 5, world.letter("plus", 120))
    (scores,) = world.score([ignored, read], scorer=scorer)
    assert np.abs(scores.effect[0]).max() < 1e-6 < np.abs(scores.effect[1]).max()


def test_shifts_are_spread_over_the_phase_and_over_that_of_the_first_pooling():
    assert shifts(1, SHIFTS).tolist() == [0]
    moved = shifts(300, SHIFTS)
    assert len(moved) == SHIFTS and moved.min() >= -150 and moved.max() < 150
    assert abs(moved.mean()) < 3 and np.ptp(np.diff(moved)) <= 1
    assert len(set(moved % 30)) == min(SHIFTS, 30)


def called(*calls):
    """Variants of these carriers, each with whose call is not known after a blank."""
    return [
        ScorableVariant(f"v{at}", "1", at, "A", "C", "G", *call.split(" ")) for at, call in enumerate(calls, start=1)
    ]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (["0.0:,0.1:,2.1:", "0.1:,1.0:", "", "0.1:,2.1:,0.0:"], [((0, 1, 3), False), ((0, 3), False)]),
        # Phased within a set only; homozygous calls go with both, and what another set carries is not known.
        (["0.0:7", "0.0:8", "0.0:7", "0.1:8"], [((0, 2), True)]),
        (["0.0:7", "0.0,0.1", "0.1:8", ""], [((0, 1), True), ((1, 2), True)]),
        # Not flagged where another sample's calls are complete.
        (["0.0:7,1.0:", "0.0:8,1.1:", "0.0:7,1.0:", "0.1:8"], [((0, 2), False)]),
        # A call that is not known, of the sample, of the haplotype, of the other haplotype, of another sample.
        (["0.0,0.1", " 0", "0.0,0.1"], [((0, 2), True)]),
        (["0.0,0.1", "0.1: 0.0", "0.0,0.1"], [((0, 1, 2), False), ((0, 2), True)]),
        (["0.0:", "0.0: 0.1", "0.0:"], [((0, 1, 2), False)]),
        (["0.0,0.1", " 1", "0.0,0.1"], [((0, 2), False)]),
    ],
)
def test_haplotypes_are_the_sets_that_calls_say_to_be_haplotype_combinations(calls, expected):
    assert haplotype_combinations(called(*calls)) == expected


def test_an_allele_that_comes_again_is_the_first_one():
    first, second, third = called("0.0:", "0.0:", "0.0:")
    again = first._replace(variant_id="again")
    assert haplotype_combinations([first, again, second, third]) == [((0, 2, 3), False)]


@pytest.mark.parametrize("gene", ["plus", "minus"])
def test_haplotypes_are_windows_with_all_their_alleles(world, gene):
    first = GENES[gene][1] == "+"
    snv = world.variant(gene, -60, 1, other(world.letter(gene, -60)), "s", "0.0:,1.0:")
    anchor = world.letter(gene, 30)
    insertion = world.variant(gene, 30, 1, anchor + "CCA" if first else "CCA" + anchor, "i", "0.0:,0.1:")
    deletion = world.variant(gene, -200, 6, world.letter(gene, -200 if first else -195), "d", "0.1:,1.0:,0.0:")
    variants = sorted([snv, insertion, deletion], key=lambda variant: variant.pos)
    (scores,) = world.score(variants, haplotypes=True)
    of_name = dict(zip("sid", (snv, insertion, deletion), strict=True))
    together = scores.alleles[3:]
    assert {frozenset(allele.variant_id.split("+")) for allele in together} == {*map(frozenset, ("sid", "id", "sd"))}
    for number, allele in enumerate(together, start=3):
        members = [of_name[name] for name in allele.variant_id.split("+")]
        assert allele.pos == ";".join(str(member.pos) for member in members)
        assert allele.alt == ";".join(member.alt for member in members)
        expected = world.slow(gene, members).mean(axis=0)
        np.testing.assert_allclose(scores.effect[number], expected, atol=2e-6)
    assert len(world.score(variants)[0].alleles) == 3


def test_of_overlapping_alleles_the_first_counts(world):
    deletion = world.variant("plus", -100, 9, world.letter("plus", -100), "d", "0.0:")
    inside = world.variant("plus", -97, 1, other(world.letter("plus", -97)), "s", "0.0:")
    (scores,) = world.score([deletion, inside], haplotypes=True)
    assert [allele.overlapping for allele in scores.alleles] == [False, False, True]
    np.testing.assert_array_equal(scores.effect[2], scores.effect[0])
    assert [row[-1].split(",")[-1] for row in scores.rows("s")][-1] == "overlapping_alleles"

    def edit(start, end, codes=1):
        return Edit(start, end, encode("A" * codes), encode("C" * (end - start)))

    assert edit(3, 3).overlaps(edit(3, 3)) and edit(2, 5).overlaps(edit(3, 3)) and edit(3, 3).overlaps(edit(2, 5))
    assert not edit(3, 3).overlaps(edit(3, 5)) and not edit(2, 3).overlaps(edit(3, 4))
    edits = [edit(0, 4), edit(2, 6), edit(5, 6)]
    assert [kept.start for kept in without_overlaps(edits)] == [0, 5]


def test_a_gene_that_the_model_does_not_know_gets_all_folds(world):
    variants = [world.variant("unknown", 5, 1, other(world.letter("unknown", 5)))]
    (scores,) = world.score(variants)
    effects = []
    model = Model(world.folder / "model")
    codes = Features(world.folder / "features.h5").codes[world.scorer.features.rows(["unknown"])]
    alt = codes.copy()
    alt[0, UPSTREAM + 5] = encode(other(world.letter("unknown", 5)))[0]
    for fold in (1, 2):
        both = predict(model.networks(fold), np.vstack([codes, alt]), np.repeat(world.annotation("unknown"), 2, axis=0))
        effects.append(both[:, 1] - both[:, 0])
    np.testing.assert_allclose(scores.effect[0], np.concatenate(effects).mean(axis=0), atol=2e-6)
    row = dict(zip(SCORE_COLUMNS, next(scores.rows("s")), strict=True))
    assert row["fold"] == "" and "all_folds" in row["flag"]


def test_plain_pytorch_scores_alike(world):
    table = read_table(world.folder / "genes.tsv", index="gene_id")
    features = Features(world.folder / "features.h5")
    variants = [world.variant("plus", d, 1, other(world.letter("plus", d))) for d in (-10, 200)]
    one, plain = (
        world.score(variants, scorer=Scorer(Model(world.folder / "model"), features, table, CPU, engine))[0]
        for engine in ("auto", "plain")
    )
    np.testing.assert_allclose(one.effect, plain.effect, atol=1e-6)
    np.testing.assert_allclose(one.p_value, plain.p_value, atol=0.01)


def test_what_reading_writes_is_what_scoring_reads():
    assert list(ScorableVariant._fields) == CHUNK_COLUMNS


def test_bins_are_500_bases_and_few_bases_join_their_neighbour_towards_the_tss():
    unambiguous = np.ones(10_500, dtype=bool)
    assert bins(unambiguous, 7000).tolist() == list(range(0, 10_500, 500))
    unambiguous[0:300] = unambiguous[9_000:9_300] = False
    assert bins(unambiguous, 7000).tolist() == [0, *range(1000, 9000, 500), *range(9500, 10_500, 500)]
    assert bins(np.ones(900, dtype=bool), 600).tolist() == [0, 600]
    assert bins(np.zeros(900, dtype=bool), 600).tolist() == [0]
    assert bins(np.ones(1000, dtype=bool), 1000).tolist() == [0, 500] and MIN_POSITIONS == 250


def test_bins_of_which_little_is_read_are_compared_with_the_next_ones():
    starts, counted = np.arange(0, 10_500, 500), np.zeros(10_500, dtype=bool)
    counted[4998:8003] = True
    assert compared_bins(starts, counted) == (10, 15)
    counted[5000:5300] = False
    assert compared_bins(starts, counted) == (11, 15)
    assert compared_bins(np.array([0, 100]), np.arange(200) > 90) == (1, 1)


def chunk(path, variants):
    write_rows(path, ScorableVariant._fields, sorted(variants, key=lambda variant: variant.gene_id))
    return path


def score_cli(run_cli, world, variants, output, *options):
    done = run_cli(
        "score_variants.py", "--model", world.folder / "model", "--features", world.folder / "features.h5",
        "--genes", world.folder / "genes.tsv", "--fasta", world.folder / "genome.fa", "--variants", variants,
        "--set", "NA", "--device", "cpu", "--output", output, *options,
    )  # fmt: skip
    return done


@pytest.mark.slow
def test_scored_and_joined_by_the_executables(world, tmp_path, run_cli):
    genes = {"first": ["minus", "plus"], "second": ["unknown"]}
    outputs = []
    for name, ids in genes.items():
        variants = [
            world.variant(gene, d, 1, other(world.letter(gene, d)), f"NA {d}", "0" if d < 0 else "0,1")
            for gene in ids
            for d in (-150, -20, 14)
        ]
        path = chunk(tmp_path / f"{name}.chunk.tsv.gz", variants)
        assert next(read_chunk(path)).variant_id == "NA -150"
        done = score_cli(run_cli, world, path, tmp_path / f"{name}.tsv.gz", "--haplotypes")
        assert done.returncode == 0, done.stderr
        outputs.append(tmp_path / f"{name}.tsv.gz")
    done = run_cli("join_scores.py", "--output", tmp_path / "joined.tsv.gz", *outputs)
    assert done.returncode == 0, done.stderr
    joined = read_table(tmp_path / "joined.tsv.gz", text=TEXT_COLUMNS | {"pos"})
    assert joined.columns.tolist() == SCORE_COLUMNS
    assert len(joined) == 3 * (3 + 1) * len(POPULATIONS)
    assert joined["population"].unique().tolist() == list(POPULATIONS)
    assert set(joined["set"]) == {"NA"}
    parts = pd.concat(
        [read_table(path, text=TEXT_COLUMNS | {"pos"}) for path in outputs],
        ignore_index=True,
    )
    assert parts["q_value"].isna().all()
    columns = joined.columns.drop("q_value")
    pd.testing.assert_frame_equal(joined[columns], parts[columns])
    np.testing.assert_allclose(joined["q_value"], false_discovery_control(parts["p_value"]), rtol=1e-5)
    assert joined.loc[joined["gene_id"] == "minus", "flag"].str.contains("gene_badly_predicted").all()
    again = score_cli(run_cli, world, tmp_path / "first.chunk.tsv.gz", tmp_path / "again.tsv.gz", "--haplotypes")
    assert again.returncode == 0 and (tmp_path / "again.tsv.gz").read_bytes() == outputs[0].read_bytes()


def test_joining_leaves_out_missing_p_values_and_needs_the_columns(tmp_path):
    rng = np.random.default_rng(1)
    p = np.round(rng.random(3000) ** 3, 3)
    p[::50] = np.nan
    paths = []
    for number, part in enumerate(np.split(p, 3)):
        paths.append(tmp_path / f"{number}.tsv.gz")
        texts = ["" if np.isnan(value) else f"{value:.6g}" for value in part]
        blank = dict.fromkeys(SCORE_COLUMNS, 'a "name"') | {"pooled_p_value": ""}
        rows = [(blank | {"p_value": text}).values() for text in texts]
        write_rows(paths[-1], SCORE_COLUMNS, rows)
    assert join_scores(paths, tmp_path / "joined.tsv") == 3000
    with open(tmp_path / "joined.tsv", newline="") as file:
        found = [row["q_value"] for row in csv.DictReader(file, delimiter="\t")]
    known = ~np.isnan(p)
    assert all(text == "" for text, is_known in zip(found, known, strict=True) if not is_known)
    q = [float(text) for text in found if text]
    np.testing.assert_allclose(q, false_discovery_control(p[known]), rtol=1e-5)
    assert join_scores([], tmp_path / "none.tsv") == 0
    with gzip.open(tmp_path / "bad.tsv.gz", "wt") as file:
        file.write("variant_id\tp_value\n")
    with pytest.raises(InputError, match="no column 'set'"):
        join_scores([tmp_path / "bad.tsv.gz"], tmp_path / "joined.tsv")


IN_SMALL_PARTS = """
import os, runpy, sys
sys.path.insert(0, sys.argv[1])
from scxpresso.variants import scoring
scoring.MIN_PARTS = scoring.MAX_REFERENCES = 1
if sys.argv[2] == "killed":
    scoring.Scorer.score_part = lambda self, genes: os.kill(os.getpid(), 9)
del sys.argv[2]
sys.argv[:] = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.skipif(available_cpus() < 2, reason="needs two CPUs")
def test_genes_scored_in_several_processes_are_those_of_one(world, tmp_path):
    """Begun as a process, since one that has run parallel kernels may not fork."""
    variants = []
    for gene in ("minus", "plus", "unknown"):
        kept = 14 if GENES[gene][1] == "+" else 16  # the first base of a deletion on the + strand
        variants.append(world.variant(gene, -150, 1, other(world.letter(gene, -150)), "substitution", "0,1"))
        variants.append(world.variant(gene, 14, 3, world.letter(gene, kept), "deletion", "0,1"))
    wrong = [one._replace(ref=other(one.ref), alt=one.ref) if one.gene_id == "plus" else one for one in variants[::2]]

    def score(rows, threads, case="good"):
        path, output = chunk(tmp_path / "chunk.tsv.gz", rows), tmp_path / "scores.tsv"
        options = {
            "model": world.folder / "model", "features": world.folder / "features.h5",
            "genes": world.folder / "genes.tsv", "fasta": world.folder / "genome.fa", "variants": path, "set": "a",
            "device": "cpu", "threads": threads, "output": output,
        }  # fmt: skip
        output.unlink(missing_ok=True)
        command = [sys.executable, "-c", IN_SMALL_PARTS, BIN, case, BIN / "score_variants.py"]
        command += [text for name, value in options.items() for text in (f"--{name}", value)]
        environment = os.environ | {"NUMBA_NUM_THREADS": "2"}
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment)
        return done, output.read_bytes() if output.exists() else None

    (one, expected), (several, found) = score(variants, 1), score(variants, 2)
    assert one.returncode == several.returncode == 0, several.stderr
    assert expected == found and expected.count(b"\n") == 1 + 6 * len(POPULATIONS)
    failed, nothing = score(wrong, 2)
    assert (failed.returncode, nothing) == (1, None)
    assert "REF is not the sequence of 'plus'" in failed.stderr and "Traceback" not in failed.stderr
    killed, nothing = score(variants, 2, "killed")
    assert (killed.returncode, nothing) == (137, None)  # Nextflow tries again with more memory
    assert "killed, probably for lack of memory" in killed.stderr and "Traceback" not in killed.stderr


@pytest.mark.slow
def test_what_does_not_belong_together_is_refused(world, tmp_path, run_cli):
    letter = world.letter("plus", 5)
    good = world.variant("plus", 5, 1, other(letter))
    with pytest.raises(InputError, match="REF is not the sequence of 'plus'"):
        world.score([good._replace(ref=other(letter), alt=letter)])
    with pytest.raises(InputError, match="no gene 'else'"):
        world.score([good._replace(gene_id="else")])
    indel = world.variant("plus", 5, 1, letter + "A")
    for fasta, message in [(">other\nACGT\n", "no contig '1'"), (f">1\n{'A' * LENGTH}\n", "another sequence than")]:
        (tmp_path / "genome.fa").write_text(fasta)
        with pytest.raises(InputError, match=message):
            list(score_variants(world.scorer, lambda: [indel], tmp_path / "genome.fa"))
    table = read_table(world.folder / "genes.tsv", index="gene_id")
    features = Features(world.folder / "features.h5")
    features.upstream += 1
    with pytest.raises(InputError, match="windows of 401 bases upstream"):
        Scorer(Model(world.folder / "model"), features, table, CPU)
    (tmp_path / "chunk.tsv").write_text("variant_id\tchrom\n")
    done = score_cli(run_cli, world, tmp_path / "chunk.tsv", tmp_path / "out.tsv.gz")
    assert done.returncode == 1 and "no column 'pos'" in done.stderr and not (tmp_path / "out.tsv.gz").exists()


NARROW = (200, 100)


def a_set_of_variants(world):
    """Variants on both sides of the ends of a window of 200 + 100 bases, in a repeat too, and haplotypes over its ends."""
    variants = []
    for gene in ("plus", "minus"):
        _, strand = world.genes[gene]
        for number, distance in enumerate((-399, -330, -203, -200, -197, -60, 0, 60, 96, 99, 100, 103, 190)):
            letter = world.letter(gene, distance)
            carriers = "0.0:,0.1:,1.0:" if -210 < distance < 120 else "0.0:,1.1:"
            variants.append(world.variant(gene, distance, 1, other(letter), f"snv {distance}", carriers))
            length = 8 if number % 2 else 1
            anchor = world.letter(gene, distance + (0 if strand == "+" else length - 1))
            alt = anchor + ("" if length > 1 else "GATTACA")
            alt = alt if strand == "+" else alt[::-1]
            variants.append(
                world.variant(gene, distance, length, alt, f"indel {distance}", "0.0:" if number % 3 else "")
            )
            letters = "".join(other(world.letter(gene, distance + at)) for at in range(3))
            variants.append(world.variant(gene, distance, 3, letters, f"mnv {distance}"))
    return variants


@pytest.mark.slow
@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_a_chunk_of_wider_windows_scores_what_lies_inside_alike_and_nothing_outside(tmp_path, run_cli, network):
    """Variants are read once, for the widest window of all models; a model of a narrower one gets rows outside of it."""
    letters = random_letters(LENGTH, 7)
    letters = letters[:1795] + "A" * 10 + letters[1805:]  # a repeat over the end of the narrow window of `plus`
    genes = {"plus": GENES["plus"], "minus": GENES["minus"]}
    world = World(tmp_path / "world", letters, genes, network, NARROW)
    repeat = ScorableVariant("in a repeat", "1", 1804, "AAA", "A", "plus", "2.0:")
    listed = [*a_set_of_variants(world), repeat]
    header = "##fileformat=VCFv4.2\n##contig=<ID=1>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=G>\n"
    header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts0\ts1\ts2\n"
    rows = [
        f"1\t{one.pos}\t{one.variant_id.replace(' ', '_')}_{one.gene_id}\t{one.ref}\t{one.alt}\t.\t.\t.\tGT\t"
        + "\t".join(
            "|".join(str(int(f"{sample}.{place}:" in one.carriers)) for place in (0, 1)) for sample in (0, 1, 2)
        )
        for one in sorted(listed, key=lambda one: one.pos)
    ]
    (tmp_path / "v.vcf").write_text(header + "\n".join(rows) + "\n")
    scores = {}
    for name, window in (("narrow", NARROW), ("wide", (UPSTREAM, 200))):
        read_variants(
            "s", tmp_path / "v.vcf", world.folder / "genome.fa", world.folder / "genes.tsv", *window, True, 10**6,
            tmp_path / name,
        )  # fmt: skip
        done = score_cli(
            run_cli, world, tmp_path / name / "chunks/1.tsv.gz", tmp_path / f"{name}.tsv.gz", "--haplotypes"
        )
        assert done.returncode == 0, done.stderr
        scores[name] = read_table(tmp_path / f"{name}.tsv.gz", text=SCORE_COLUMNS)
    narrow, wide = scores["narrow"], scores["wide"]
    key = ["gene_id", "variant_id", "pos", "ref", "alt", "population"]
    single = ~narrow["pos"].str.contains(";")
    merged = wide.merge(narrow[single], on=key, how="left", suffixes=("", "_narrow"), indicator=True)
    inside = merged[merged["_merge"] == "both"]
    assert len(inside) == single.sum() > 100
    for column in set(SCORE_COLUMNS) - set(key):
        assert (inside[column] == inside[f"{column}_narrow"]).all(), column
    outside = merged[(merged["_merge"] != "both") & ~merged["pos"].str.contains(";")]
    assert len(outside) > 30 and outside["flag"].str.contains("not_scorable").all()
    empty = {"effect": "0", "sd": "0", "percentile": "0", "p_value": "1", "q_value": "", "specificity": "0"}
    for column, value in empty.items():
        assert (outside[column] == value).all(), column
    # A haplotype is scored by its alleles in the window: as the haplotype of these alone.
    numbers = ["effect", "sd", "percentile", "p_value", "specificity", "specificity_p_value"]
    columns = ["gene_id", "variant_id", "population", *numbers]
    alone = {tuple(row[:3]): row[3:] for row in narrow[columns].to_numpy().tolist()}
    in_window = {*zip(narrow["gene_id"][single], narrow["variant_id"][single], strict=True)}
    together = wide[wide["pos"].str.contains(";")]
    partly = 0
    for row in together.to_dict("records"):
        names = row["variant_id"].split("+")
        kept = [name for name in names if (row["gene_id"], name) in in_window]
        partly += 0 < len(kept) < len(names)
        if not kept:
            assert "not_scorable" in row["flag"] and row["effect"] == "0" and row["p_value"] == "1"
        else:
            assert alone[row["gene_id"], "+".join(kept), row["population"]] == [row[name] for name in numbers]
    assert partly

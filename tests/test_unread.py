"""Noise is no signal: variants that a network does not read, or that only rounding tells from the reference."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control
from test_scoring import CPU, POPULATIONS, World, chunk, other, random_letters, random_network, score_cli

from scxpresso.external_scores.comparison import compare, read_external
from scxpresso.genome.sequence import ALTERNATIVES, encode, read_fasta
from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.published import ScXpresso
from scxpresso.networks.registry import NETWORKS, NetworkEntry, bases_read
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.effects_store import SMALLEST_EFFECT, STEP, Effects, resolved
from scxpresso.saturation.incremental import incremental
from scxpresso.store import TEXT_COLUMNS, read_table
from scxpresso.variants.reading import read_variants
from scxpresso.variants.significance import at_least_as_large, p_values

CASES = Path(__file__).parent / "data" / "cases" / "variants"
EMPTY = dict.fromkeys(["p_value", "q_value", "specificity", "specificity_p_value", "gene_pearson", "fold"], "")
WINDOW = (2600, 1600)
GENES = {"plus": (4000, "+"), "minus": (4600, "-")}


def scores_of(path):
    return pd.read_csv(path, sep="\t", dtype={name: str for name in TEXT_COLUMNS | {"pos", "chrom", "flag"}},
                       keep_default_na=False, na_values=EMPTY)  # fmt: skip


@pytest.fixture(scope="module", params=["hybrid", "scxpresso"])
def any_world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unread") / request.param
    return World(folder, random_letters(9000, 1), GENES, request.param, WINDOW)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Of hybrid networks, with windows larger than what they read."""
    return World(tmp_path_factory.mktemp("unread") / "h", random_letters(9000, 1), GENES, "hybrid", WINDOW)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "window", "reads"),
    [
        (Hybrid, "hybrid", WINDOW, (-2002, 1003)),
        (Hybrid, "hybrid", (400, 300), (-400, 300)),
        (ScXpresso, "scxpresso", (7000, 3500), (-7000, 3500)),
        (ScXpresso, "scxpresso", (400, 300), (-400, 292)),
        (ScXpresso, "scxpresso", (500, 250), (-500, 222)),
    ],
)
def test_what_lies_beyond_the_bases_read_has_no_effect(kind, name, window, reads):
    assert bases_read(name, "both", *window) == reads
    assert bases_read(name, "half_life", *window) == (0, 0)
    if sum(window) > 5000:
        return
    networks = [
        (random_network(kind, seed, *window), NetworkMetadata(name, "both", *window, POPULATIONS)) for seed in range(3)
    ]
    first, end = (window[0] + place for place in reads)
    at_first, at_end = [], []
    for seed in range(20):
        codes = encode(random_letters(sum(window), seed))
        _, effects = incremental(networks, CPU).effects(codes, np.full(5, 3.0))
        seen = np.abs(effects).max(axis=(0, 2, 3)) > 0
        assert not seen[:first].any() and not seen[end:].any()
        at_first.append(seen[first])
        at_end.append(seen[end - 1])
    assert any(at_first) and any(at_end)


def test_a_network_of_somebody_elses_is_taken_to_read_the_whole_window(monkeypatch):
    monkeypatch.setitem(NETWORKS, "own", NetworkEntry("own", "torch.nn:Module"))
    assert bases_read("own", "both", 20, 30) == (-20, 30) and bases_read("own", "half_life", 20, 30) == (0, 0)


def nothing(scores, number):
    """Whether an allele's scores are those of what a network cannot see."""
    rows = [row[-1] for row, allele in zip(scores.rows("s"), np.repeat(range(len(scores.alleles)), len(POPULATIONS)),
                                           strict=True) if allele == number]  # fmt: skip
    return (
        not scores.scorable[number]
        and not scores.effect[number].any()
        and not scores.sd[number].any()
        and (scores.sign_agreement[number] == 1).all()
        and (scores.percentile[number] == 0).all()
        and (scores.p_value[number] == 1).all()
        and not scores.specificity[number].any()
        and (scores.specificity_p_value[number] == 1).all()
        and all("not_scorable" in flag.split(",") and "replicates_disagree" not in flag for flag in rows)
    )


@pytest.mark.parametrize("gene", GENES)
def test_only_what_changes_a_base_that_is_read_is_scored(world, gene):
    first = GENES[gene][1] == "+"

    def changed(distance, length):
        letters = "".join(other(world.letter(gene, distance + at)) for at in range(length))
        return world.variant(gene, distance, length, letters, f"{length} at {distance}")

    def deletion(begin, length):
        """Of `length` bases from `begin` on, and the base that VCF keeps before them on the + strand."""
        anchor = begin - 1 if first else begin
        return world.variant(gene, anchor, length + 1, world.letter(gene, begin - 1 if first else begin + length), "d")

    def insertion(before):
        base = world.letter(gene, before - 1 if first else before)
        alt = base + "ACGTACG" if first else "ACGTACG" + base
        return world.variant(gene, before - 1 if first else before, 1, alt, "i")

    # hybrid reads −2,002 … +1,002.
    unread = [changed(-2003, 1), changed(-2010, 8), changed(1003, 1), changed(1003, 4), changed(-2600, 1),
              deletion(-2040, 30), deletion(1003, 30), insertion(-2010), insertion(1010), insertion(1400)]  # fmt: skip
    read = [changed(-2002, 1), changed(-2003, 2), changed(1002, 1), changed(1002, 5), changed(0, 1),
            deletion(-2040, 45), deletion(997, 30), deletion(-2400, 1000), insertion(-1996), insertion(997)]  # fmt: skip
    (scores,) = world.score([*unread, *read])
    assert scores.scorable.tolist() == [False] * len(unread) + [True] * len(read)
    assert all(nothing(scores, number) for number in range(len(unread)))
    assert (np.abs(scores.effect[len(unread) :]).max(axis=1) > 0).all()
    assert not any("not_scorable" in row[-1] for row in list(scores.rows("s"))[len(unread) * len(POPULATIONS) :])
    # Edges are compared with the bins that are read, not with bases that nothing reads: they do not stand out there.
    codes = world.scorer.features.codes[world.scorer.features.rows([gene])[0]]
    mean = resolved(incremental(world.networks(gene), CPU).effects(codes, world.annotation(gene)[0])[1].mean(axis=0))
    for number, bin_ in ((len(unread), (-2000, -1500)), (len(unread) + 2, (500, 1000))):
        part = slice(WINDOW[0] + bin_[0], WINDOW[0] + bin_[1])
        background = mean[part][codes[part, None] != encode(ALTERNATIVES)]
        at_least = at_least_as_large(background, scores.effect[number : number + 1])
        np.testing.assert_array_equal(scores.percentile[number], 100 * (1500 - at_least[0]) / 1500)
        np.testing.assert_array_equal(scores.p_value[number], p_values(at_least, 1500, np.array([False]))[0])


def test_a_haplotype_is_scored_by_what_is_read_of_it(world):
    near = world.variant("plus", -300, 1, other(world.letter("plus", -300)), "near", "0.0:,0.1:")
    far = world.variant("plus", -2100, 1, other(world.letter("plus", -2100)), "far", "0.0:,1.0:")
    farther = world.variant("plus", -2200, 9, world.letter("plus", -2200), "farther", "1.0:")
    behind = world.variant("plus", 1200, 1, other(world.letter("plus", 1200)), "behind", "1.1:")
    other_end = world.variant("plus", -1900, 1, other(world.letter("plus", -1900)), "start", "1.1:")
    variants = sorted([near, far, farther, behind, other_end], key=lambda variant: variant.pos)
    (scores,) = world.score(variants, haplotypes=True)
    of_name = {allele.variant_id: number for number, allele in enumerate(scores.alleles)}
    np.testing.assert_allclose(scores.effect[of_name["far+near"]], scores.effect[of_name["near"]], atol=SMALLEST_EFFECT)
    assert scores.scorable[of_name["far+near"]] and (scores.effect[of_name["near"]] != 0).any()
    assert nothing(scores, of_name["farther+far"]) and nothing(scores, of_name["far"])
    # It is compared where the allele lies that is read, though another is nearer to the TSS.
    alone, together = of_name["start"], of_name["start+behind"]
    np.testing.assert_allclose(scores.percentile[together], scores.percentile[alone], atol=0.2)


def test_networks_that_read_no_sequence_score_nothing(world):
    scorer = world.scorer
    scorer.reads = (0, 0)
    variants = [world.variant("plus", at, 1, other(world.letter("plus", at)), carriers="0.0:") for at in (-9, 0)]
    variants.append(world.variant("plus", 5, 9, world.letter("plus", 5)))
    (scores,) = world.score(variants, haplotypes=True, scorer=scorer)
    assert len(scores.alleles) == 4 and all(nothing(scores, number) for number in range(4))
    assert np.isfinite(scores.predicted_ref).all()


def test_rounding_alone_is_no_effect(any_world, monkeypatch):
    """Whole predictions of what changes nothing, with the noise that sums of float32 have: as if nothing were predicted."""
    scorer = any_world.scorer
    monkeypatch.setattr(scorer, "engine", "plain")  # predicts alleles as a whole, whatever the network
    monkeypatch.setattr(scorer, "_of_fold", {})
    rng = np.random.default_rng(1)

    def noisy(networks, windows, annotation):
        return -3 + rng.uniform(-5e-7, 5e-7, (len(networks), len(windows), len(POPULATIONS)))

    monkeypatch.setattr(scorer, "_predict", noisy)
    places = (-700, -20, 60)
    others = {at: "".join(other(any_world.letter("plus", at + more)) for more in (0, 1)) for at in places}
    variants = [any_world.variant("plus", at, 2, others[at], "m") for at in places]
    variants += [any_world.variant("plus", at, 4, any_world.letter("plus", at), "d") for at in places]
    (scores,) = any_world.score([*variants, variants[0]._replace(carriers="0.1:"), variants[1]._replace(carriers="0.1:")],
                                haplotypes=True, scorer=scorer)  # fmt: skip
    assert scores.scorable.all() and not scores.effect.any() and not scores.specificity.any()
    assert (scores.p_value == 1).all() and (scores.percentile == 0).all() and (scores.specificity_p_value == 1).all()
    assert not any("replicates_disagree" in row[-1] for row in scores.rows("s"))


@pytest.mark.slow
def test_p_and_q_are_those_of_effects_h5_and_of_the_table(any_world, tmp_path, run_cli):
    """Nothing but the two files: effects of every substitution, and the table's own effects as text."""
    world = any_world
    distances = [-2600, -2450, -2003, -1999, -1200, -1010, -731, -480, -33, -1, 0, 7, 260, 499, 640, 1002, 1003, 1550]
    variants = [
        world.variant(gene, at, 1, letter, f"{gene} {at}")
        for gene in GENES
        for at in distances
        for letter in "ACGT"
        if letter != world.letter(gene, at)
    ]
    two = other(world.letter("plus", -300)) + other(world.letter("plus", -299))
    variants.append(world.variant("plus", -300, 2, two, "mnv"))
    path = chunk(tmp_path / "chunk.tsv.gz", variants)
    assert score_cli(run_cli, world, path, tmp_path / "part.tsv.gz").returncode == 0
    assert run_cli("join_scores.py", "--output", tmp_path / "t.tsv.gz", tmp_path / "part.tsv.gz").returncode == 0
    (tmp_path / "genes.txt").write_text("plus\nminus\n")
    done = run_cli(
        "saturate.py", "--model", world.folder / "model", "--features", world.folder / "features.h5", "--genes",
        world.folder / "genes.tsv", "--chunk", tmp_path / "genes.txt", "--device", "cpu", "--outdir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = scores_of(tmp_path / "t.tsv.gz")
    scorable = table["flag"].str.split(",").map(lambda flags: "not_scorable" not in flags)
    first, end = bases_read(world.network, "both", *WINDOW)
    assert (scorable == ((first <= table["tss_distance"]) & (table["tss_distance"] < end))).all()
    with Effects(tmp_path / "effects.h5") as stored:
        assert stored.about.reads == (first, end) and stored.is_read().sum() == end - first
        for row, is_scored in zip(table.to_dict("records"), scorable, strict=True):
            if not is_scored:
                assert (row["effect"], row["percentile"], row["p_value"]) == (0, 0, 1) and np.isnan(row["q_value"])
                continue
            k, at = POPULATIONS.index(row["population"]), row["tss_distance"]
            effects = stored.effects(row["gene_id"]).astype(float)
            codes = stored.codes[stored.row(row["gene_id"])]
            # Bins of 500 bases; those of 100 at the window's ends are joined to the next, and of hybrid the last is read.
            ends = [-2600, *range(-2000, 1001, 500), 1600] if world.network == "scxpresso" else range(-2000, 1001, 500)
            lowest, highest = next(pair for pair in pairwise(ends) if at < pair[1] or pair[1] == ends[-1])
            part = slice(lowest + WINDOW[0], highest + WINDOW[0])
            background = effects[part][codes[part, None] != encode(ALTERNATIVES)]
            own = resolved(background - background.mean(axis=1, keepdims=True))
            is_member = len(row["ref"]) == 1 and lowest <= at < highest
            if is_member:
                letter = row["alt"] if world.genes[row["gene_id"]][1] == "+" else row["alt"].translate(
                    str.maketrans("ACGT", "TGCA"))  # fmt: skip
                stored_effect = effects[at + WINDOW[0], ALTERNATIVES.index(letter), k]
                assert row["effect"] == pytest.approx(stored_effect, abs=1e-15)  # pandas reads 17 digits
            for name, of, p in (("effect", background, "p_value"), ("specificity", own, "specificity_p_value")):
                at_least = (np.abs(of[:, k]) >= abs(row[name])).sum()
                expected = at_least / len(of) if is_member else (1 + at_least) / (1 + len(of))
                assert row[p] == pytest.approx(expected, rel=1e-5), (name, row)
            smaller = (np.abs(background[:, k]) < abs(row["effect"])).mean()
            assert row["percentile"] == pytest.approx(100 * smaller, rel=1e-5)
    assert table["q_value"].notna().tolist() == scorable.tolist()
    expected = false_discovery_control(table["p_value"][scorable])
    np.testing.assert_allclose(table["q_value"][scorable], expected, rtol=1e-5)
    sizes = table["effect"].abs()
    sizes = (sizes / STEP).round(6) * STEP
    assert ((sizes == 0) | (sizes >= SMALLEST_EFFECT)).all() and (sizes % STEP == 0).all()
    assert (table["p_value"][sizes < SMALLEST_EFFECT] == 1).all()


@pytest.mark.slow
def test_other_tools_are_not_compared_with_what_is_not_read(world, tmp_path, run_cli):
    variants = [
        world.variant("plus", at, 1, other(world.letter("plus", at)), f"v{at}") for at in range(-2030, -1970, 7)
    ]
    path = chunk(tmp_path / "chunk.tsv.gz", variants)
    done = score_cli(run_cli, world, path, tmp_path / "scores.tsv.gz")
    assert "4 of them are not scorable: hybrid reads bases -2,002 to +1,002 from the TSS" in done.stderr
    rows = "".join(f"{variant.variant_id}\tplus\tE\tt\t{number}\n" for number, variant in enumerate(variants))
    (tmp_path / "external.tsv").write_text("variant\tgene\tmodel\ttrack\tscore\n" + rows)
    found = compare(tmp_path / "scores.tsv.gz", read_external(tmp_path / "external.tsv"), tmp_path / "c.tsv")
    assert set(found.correlations["n"]) == {len(variants) - 4}
    beside = read_table(tmp_path / "c.tsv")
    assert (beside["effect"].isna() == beside["variant_id"].isin([f"v{at}" for at in range(-2030, -2002, 7)])).all()


@pytest.fixture(scope="module")
def demo_contigs(demo):
    wanted = {"LN999945.1", "AL844501.2"}
    return {name: letters for name, letters in read_fasta(str(demo / "genome.fa.gz")) if name in wanted}


@pytest.mark.slow
@pytest.mark.parametrize("network", ["hybrid", "scxpresso"])
@pytest.mark.parametrize(
    ("file", "contig", "gene", "tss", "strand"),
    [
        ("edges_plus.tsv", "LN999945.1", "PF3D7_1133400", 1_293_856, "+"),
        ("edges_minus.tsv", "AL844501.2", "PF3D7_0102500", 115_799, "-"),
    ],
)
def test_the_case_beyond_reach(file, contig, gene, tss, strand, network, demo_contigs, tmp_path, run_cli):
    world = World(tmp_path / "world", demo_contigs[contig], {gene: (tss, strand)}, network, (7000, 3500), contig)
    read_variants(
        "edges", CASES / "beyond_reach" / file, world.folder / "genome.fa", world.folder / "genes.tsv", 7000, 3500,
        False, 1000, tmp_path,
    )  # fmt: skip
    assert score_cli(run_cli, world, tmp_path / "chunks/1.tsv.gz", tmp_path / "part.tsv.gz").returncode == 0
    assert run_cli("join_scores.py", "--output", tmp_path / "scores.tsv.gz", tmp_path / "part.tsv.gz").returncode == 0
    table = scores_of(tmp_path / "scores.tsv.gz")
    unread = table[table["flag"].str.contains("not_scorable")]
    if network == "scxpresso":
        assert unread.empty and table["q_value"].notna().all()
        return
    in_every_window = {
        "left_edge",
        "right_edge",
        "mnv_edge",
    }  # 10 deleted bases, of which some are inside; 2 replaced ones
    edges = in_every_window | {
        "last_base",
        "first_base",
        "ins_left_in",
        "ins_right_in",
        "mnv_over_edge",
        "mnv_over_right",
    }
    edges |= {"outside_left", "outside_right"}
    assert set(unread["variant_id"]) == edges & set(table["variant_id"]) >= in_every_window
    for column, value in (("effect", 0), ("percentile", 0), ("p_value", 1), ("specificity", 0),
                          ("specificity_p_value", 1), ("sd", 0)):  # fmt: skip
        assert (unread[column] == value).all(), column
    assert unread["q_value"].isna().all() and not unread["flag"].str.contains("disagree").any()
    read = table.drop(unread.index)
    assert read["q_value"].notna().all() and (read["effect"] != 0).any()

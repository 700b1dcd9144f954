"""The simulated grammar of benchmarks/planted.py: what it plants, what variants do, and that the pipeline reads the same."""

import dataclasses
import gzip

import numpy as np
import pandas as pd
import planted
import pytest
from planted import DOWNSTREAM, KINDS, REACH, REACHED, UPSTREAM, Grammar, simulate, write_simulation
from planted_grammar import (
    EFFECT_SCORES,
    PREDICTION_SCORES,
    folder_of,
    record,
    score_motifs,
    score_predictions,
    score_variants,
    uniformity,
)
from planted_sizes import TABLES, pages

from scxpresso.genome.features import extract_features
from scxpresso.genome.sequence import ALTERNATIVES, decode, encode, read_fasta, reverse_complement
from scxpresso.motifs.matrices import Motif
from scxpresso.store import read_table

GENES = 60
WORD, OTHER = encode("ACGTTGCAAC"), encode("CCGATAAG")


def grammar(kind: str = "exact", **changes) -> Grammar:
    """One motif, which acts within a reach of 40 bases, in the first of two populations."""
    made = Grammar(kind, [WORD], [(0, 40)], [(0,)], np.array([[0.5, 0.0]]))
    return dataclasses.replace(made, **changes)


def reach(*planted: tuple[int, np.ndarray]) -> np.ndarray:
    """40 Ts with words at places, as a single gene."""
    codes = encode("T" * 40)
    for start, word in planted:
        codes[start : start + len(word)] = word
    return codes[None]


def changed(word: np.ndarray, **bases: str) -> np.ndarray:
    """A word with other bases at places named `at<place>`."""
    word = word.copy()
    for place, base in bases.items():
        word[int(place.removeprefix("at"))] = encode(base)[0]
    return word


@pytest.fixture(scope="module")
def simulations():
    return {kind: simulate(kind, GENES, cells=60) for kind in KINDS}


@pytest.fixture(scope="module")
def files(simulations, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    write_simulation(simulations["exact"], folder)
    return folder


# ---- What motifs do --------------------------------------------------------------------------------------------------


def test_a_copy_acts_in_its_population_and_on_either_strand():
    assert grammar().expression(reach()).tolist() == [[0, 0]]
    assert grammar().expression(reach((12, WORD))).tolist() == [[0.5, 0]]
    assert grammar().expression(reach((12, reverse_complement(WORD)))).tolist() == [[0.5, 0]]
    assert grammar().expression(reach((0, WORD), (30, WORD))).tolist() == [[0.5, 0]]


def test_one_wrong_base_costs_all_of_an_exact_copy_and_a_third_of_a_degenerate_one():
    one, two = changed(WORD, at0="T"), changed(WORD, at0="T", at9="G")
    assert grammar().expression(reach((5, one))).tolist() == [[0, 0]]
    degenerate = grammar("degenerate")
    assert degenerate.expression(reach((5, WORD)))[0, 0] == pytest.approx(0.5)
    assert degenerate.expression(reach((5, one)))[0, 0] == pytest.approx(0.5 * 2 / 3)
    assert degenerate.expression(reach((5, two)))[0, 0] == pytest.approx(0.5 / 3)
    assert degenerate.expression(reach((5, two), (20, reverse_complement(one))))[0, 0] == pytest.approx(0.5 * 2 / 3)


def test_a_positional_motif_acts_only_where_all_of_it_lies_in_its_stretch():
    positional = grammar("positional", stretches=[(10, 25)])
    acts = [positional.expression(reach((start, WORD)))[0, 0] for start in (9, 10, 15, 16)]
    assert acts == [0, 0.5, 0.5, 0]


def test_two_motifs_of_a_pair_act_only_together():
    pairs = grammar("pairs", words=[WORD, OTHER], stretches=[(0, 40)] * 2, units=[(0, 1)])
    assert pairs.expression(reach((3, WORD))).tolist() == [[0, 0]]
    assert pairs.expression(reach((3, OTHER))).tolist() == [[0, 0]]
    assert pairs.expression(reach((3, WORD), (20, OTHER))).tolist() == [[0.5, 0]]


# ---- What is planted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_where_the_truth_says(simulations, kind):
    simulation = simulations[kind]
    assert len(simulation.copies) > GENES / 2
    wrong = 0
    for copy in simulation.copies:
        found = simulation.codes[copy.gene, REACHED][copy.start : copy.start + len(copy.codes)]
        assert np.array_equal(found, copy.codes)
        word = simulation.grammar.words[copy.motif]
        wrong += (found != (word if copy.strand == "+" else reverse_complement(word))).sum()
    bases = sum(len(copy.codes) for copy in simulation.copies)
    assert wrong / bases == (pytest.approx(0.12, abs=0.04) if kind == "degenerate" else 0)


def test_each_kind_plants_as_many_copies_that_act(simulations):
    active = {kind: (s.grammar.activity(s.codes[:, REACHED]) == 1).mean() for kind, s in simulations.items()}
    assert [active[kind] for kind in ("exact", "positional", "pairs")] == pytest.approx([0.12] * 3, abs=0.04)
    numbers = {kind: len(s.copies) for kind, s in simulations.items()}
    assert numbers["positional"] > 1.6 * numbers["exact"]  # half of the copies lie where their motif does nothing
    assert numbers["pairs"] > 1.2 * numbers["exact"]  # a third of them are without the other motif


def test_four_motifs_in_ten_act_in_one_population(simulations):
    acting = (simulations["exact"].grammar.effects != 0).sum(axis=1)
    assert acting.tolist() == [1] * 4 + [6] * 6


def test_expression_is_the_planted_part_and_noise():
    simulation = simulate("exact", 500, cells=60)
    assert simulation.planted == pytest.approx(simulation.grammar.expression(simulation.codes[:, REACHED]))
    r = [np.corrcoef(simulation.planted[:, number], simulation.mean[:, number])[0, 1] for number in range(6)]
    assert np.mean(r) == pytest.approx(0.82, abs=0.04)
    assert (10**simulation.mean).sum(axis=0) == pytest.approx([10_000] * 6)
    library = np.asarray(simulation.counts.sum(axis=1)).ravel()
    assert library.mean() == pytest.approx(5000, rel=0.15)
    assert np.bincount(simulation.population).tolist() == [10] * 6
    share = np.asarray(simulation.counts[simulation.population == 2].sum(axis=0)).ravel() / library[20:30].sum()
    assert np.corrcoef(share, 10 ** simulation.mean[:, 2])[0, 1] > 0.95


def test_the_same_seed_gives_the_same_files(simulations, files, tmp_path):
    write_simulation(simulate("exact", GENES, cells=60), tmp_path)
    names = sorted(path.relative_to(files) for path in files.rglob("*") if path.is_file() and path.suffix != ".h5ad")
    assert len(names) == 10
    for name in names:
        assert (tmp_path / name).read_bytes() == (files / name).read_bytes(), name
    again, other = simulate("exact", GENES, cells=60), simulate("exact", GENES, cells=60, seed=2)
    assert (again.counts != simulations["exact"].counts).nnz == 0
    assert (other.counts != simulations["exact"].counts).nnz > 0


# ---- Variants --------------------------------------------------------------------------------------------------------


def test_a_variant_of_the_last_copy_loses_what_it_did(simulations):
    simulation = simulations["exact"]
    lost = 0
    for row, effect in zip(simulation.variants.itertuples(), simulation.effects, strict=True):
        if not row.motif:
            assert not effect.any()
            continue
        motif = int(row.motif.removeprefix("motif_")) - 1
        word = simulation.grammar.words[motif]
        mutated = simulation.codes[row.gene].copy()
        mutated[row.index] = row.alt
        sequence = decode(mutated[REACHED])
        if decode(word) in sequence or decode(reverse_complement(word)) in sequence:
            assert not effect.any()  # another copy, planted or there by chance, still acts
        else:
            assert effect == pytest.approx(-simulation.grammar.effects[motif])
            lost += 1
    assert lost > 20


def test_a_third_of_the_variants_lies_in_copies(simulations):
    variants = simulations["exact"].variants
    assert (variants["motif"] != "").sum() * 3 == len(variants)
    assert variants["index"].between(REACHED.start, REACHED.stop - 1).all()
    assert not variants.duplicated(["gene", "index"]).any()


def test_variants_fit_the_genome(simulations, files):
    contigs = dict(read_fasta(str(files / "genome.fa.gz")))
    with gzip.open(files / "variants.vcf.gz", "rt") as vcf:
        lines = [line.split() for line in vcf if not line.startswith("#")]
    assert len(lines) == len(simulations["exact"].variants)
    for chrom, pos, _, ref, alt, *_ in lines:
        assert contigs[chrom][int(pos) - 1] == ref != alt
    truth = read_table(files / "truth" / "variants.tsv")
    assert {line[2] for line in lines} == set(truth["variant_id"])
    assert truth["tss_distance"].between(REACH[0], REACH[1] - 1).all()


# ---- The pipeline reads the same -------------------------------------------------------------------------------------


def test_the_pipeline_finds_the_simulated_windows(simulations, files):
    simulation = simulations["exact"]
    found = extract_features(str(files / "genome.fa.gz"), str(files / "genes.gtf.gz"), None, UPSTREAM, DOWNSTREAM)
    genes = planted.gene_table(simulation)
    assert len(found.dropped) == 0
    for column in ("gene_id", "chrom", "strand", "tss"):
        assert found.genes[column].tolist() == genes[column].tolist()
    assert set(genes["strand"]) == {"+", "-"}
    assert np.array_equal(found.codes, simulation.codes)
    assert not found.genes["padded_bases"].any()


def test_coding_regions_are_translated(simulations, files):
    found = extract_features(str(files / "genome.fa.gz"), str(files / "genes.gtf.gz"), None, UPSTREAM, DOWNSTREAM)
    for block, exons, (_, gene) in zip(
        simulations["exact"].codes, simulations["exact"].transcripts, found.genes.iterrows(), strict=True
    ):
        coding = "".join(decode(block[UPSTREAM + start : UPSTREAM + end]) for start, end in exons.coding)
        codons = [coding[place : place + 3] for place in range(0, len(coding), 3)]
        assert codons[0] == "ATG" and len(coding) % 3 == 0
        assert [codon in ("TAA", "TAG", "TGA") for codon in codons] == [False] * (len(codons) - 1) + [True]
        assert gene["orf_length"] == len(coding) - 3
        assert gene["utr5_length"] == exons.coding[0][0] >= REACH[1]
        assert gene["utr3_length"] == exons.exons[-1][1] - exons.coding[-1][1] + 3
        assert exons.exons[-1][1] < DOWNSTREAM


# ---- What the benchmark measures -------------------------------------------------------------------------------------


def test_predictions_are_compared_with_the_truth():
    genes, populations = ["a", "b", "c", "d", "e", "f"], ["p", "q"]
    truth = pd.DataFrame([(gene, population) for gene in genes for population in populations])
    truth.columns = ["gene_id", "population"]
    truth["mean"] = [1, 1, 2, 3, 3, 2, 1, 1, 2, 3, 3, 2]
    truth["planted"] = [3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2]
    predictions = truth.assign(fold=[1] * 6 + [2] * 6, predicted=10 * truth["mean"] + 5)
    scores = score_predictions(predictions[["gene_id", "population", "fold", "predicted"]].sample(frac=1), truth)
    assert scores == pytest.approx({"r_mean": 1, "r_planted": -1, "specificity_mean": 1, "specificity_planted": -1})


def test_variants_are_compared_with_the_truth():
    truth = pd.DataFrame(
        [
            ("v1", "g", "p", 1.0), ("v1", "g", "q", -2.0),
            ("v2", "g", "p", 0.0), ("v2", "g", "q", 1.0),
            ("v3", "g", "p", 0.0), ("v3", "g", "q", 0.0),
        ],
        columns=["variant_id", "gene_id", "population", "effect"],
    )  # fmt: skip
    scores = truth.assign(
        effect=[0.5, -0.2, 0.3, 0.0, -0.1, 0.0],
        q_value=[0.01, 0.2, 0.04, 1, 1, 1],
        p_value=[0.01, 0.02, 0.01, 1, 0.04, 0.5],
    )
    found = score_variants(scores, truth)
    # |effect| of functional pairs: 0.5, 0.2, 0; of others: 0.3, 0.1, 0. Won: 3 + 2 + a tie.
    assert found["auroc"] == pytest.approx(5.5 / 9)
    assert found["right_signs"] == 1 and found["no_effect"] == pytest.approx(1 / 3)
    assert found["slope"] == pytest.approx((0.5 + 0.4) / (1 + 4 + 1))
    assert found["power"] == pytest.approx(1 / 3) and found["false"] == pytest.approx(1 / 2)
    assert found["controls"] == pytest.approx(1 / 2)  # v3 alone has no effect in any population


def test_uniform_p_values_are_told_from_others_within_each_population():
    even = pd.Series(np.arange(0.05, 1, 0.1))  # ten, each in the middle of its tenth
    found = uniformity(even, pd.Series(["p"] * 10), "ks")
    assert found == pytest.approx({"ks": 0.05, "ks_p": 1})
    # All of q below 0.1: the distance is 0.91 where the last one lies, and the mean over p and q (0.05 + 0.91) / 2.
    both = pd.concat([even, even / 10 - 0.005], ignore_index=True)
    found = uniformity(both, pd.Series(["p"] * 10 + ["q"] * 10), "ks")
    assert found["ks"] == pytest.approx((0.05 + 0.91) / 2) and found["ks_p"] < 1e-6
    assert np.isnan(uniformity(pd.Series([np.nan]), pd.Series(["p"]), "ks")["ks"])


def test_p_values_of_controls_are_the_pooled_ones_of_effect_and_specificity():
    truth = pd.DataFrame([(f"v{number}", "g", "p", 0.0) for number in range(10)] + [("w", "g", "p", 1.0)])
    truth.columns = ["variant_id", "gene_id", "population", "effect"]
    even = [*np.arange(0.05, 1, 0.1), 1e-9]
    scores = truth.assign(p_value=0.0, q_value=1.0, pooled_p_value=even, pooled_specificity_p_value=0.5)
    found = score_variants(scores, truth)
    assert found["ks"] == pytest.approx(0.05) and found["ks_specificity"] == pytest.approx(0.5)
    without = score_variants(scores.drop(columns="pooled_specificity_p_value"), truth)
    assert np.isnan(without["ks_specificity"]) and np.isnan(without["ks_specificity_p"])


def test_planted_motifs_are_found_by_alignment_on_either_strand():
    planted = pd.DataFrame({"motif": ["one", "two"], "sequence": ["ACGTTGCAAC", "CCGATAAGTA"]})

    def learned(sequence):
        return Motif(sequence, sequence, 10 * np.eye(4)[[ALTERNATIVES.index(base) for base in sequence]] + 0.1)

    assert score_motifs([learned("GTTGCAACG"), learned("GGGGGGGG")], planted) == {
        "motifs_found": 0.5,
        "motifs_false": 1,
    }
    assert score_motifs([learned("TACTTATC"), learned("ACGTTGCAA")], planted) == {"motifs_found": 1, "motifs_false": 0}
    assert score_motifs([], planted) == {"motifs_found": 0, "motifs_false": 0}


def test_sizes_without_results_are_not_measured_yet():
    scores = pd.Series(
        {name: 0.5 for columns in TABLES.values() for name in columns}
        | {"motifs_false": 3, "false": np.nan, "ks_p": 1e-9}
    )
    lines = list(pages({(500, 50): scores, (8000, 500): None}))
    assert lines[2] == "| 500 genes | 50 | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 | 3 |"
    assert lines[3] == "| 8,000 genes | 500 | not measured yet |  |  |  |  |  |"
    assert lines[7] == "| 500 genes | 50 | 0.500 | 0.500 | 0.500 | 0.500 |  |"
    assert lines[12] == "| 500 genes | 50 | 0.500 | 0.500 | < 0.001 | 0.500 | 0.500 |"


def test_runs_of_other_depths_have_folders_of_their_own():
    names = [folder_of("exact", 2000, cells, 1).name for cells in (150, 50)]
    assert names == ["exact_2000_1", "exact_2000_1_50_cells"]


def test_scores_that_lack_variants_are_refused():
    truth = pd.DataFrame({"variant_id": ["v"], "gene_id": ["g"], "population": ["p"], "effect": [1.0]})
    scores = truth.assign(p_value=1.0, q_value=1.0).iloc[:0]
    with pytest.raises(SystemExit, match="1 of 1 planted effects are not in the table of scores"):
        score_variants(scores, truth)


def test_what_reports_say_of_a_network_is_replaced_by_its_next_run(tmp_path):
    def table(network, value):
        scores = [*PREDICTION_SCORES, *EFFECT_SCORES]
        return pd.DataFrame([{"network": name} | dict.fromkeys(scores, value) for name in (network, "best", "kmer")])

    path = tmp_path / "planted_grammar.tsv"
    for kind, network, value in (("pairs", "grammar", 0.1), ("exact", "grammar", 0.2), ("pairs", "grammar", 0.3)):
        record(table(network, value), kind, 2000, 150, 1, path)
    record(table("hybrid", 0.4), "exact", 2000, 150, 1, path)
    record(table("hybrid", 0.5), "exact", 2000, 50, 1, path)
    found = read_table(path)
    assert found[["kind", "network", "slope"]].to_numpy().tolist() == [
        ["exact", "hybrid", 0.5], ["exact", "grammar", 0.2], ["exact", "hybrid", 0.4], ["pairs", "grammar", 0.3],
    ]  # fmt: skip

"""The paper's questions: bulk against pseudobulk, resolutions, leakage, the same population elsewhere; hand-made tables."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from scxpresso.evaluation.comparisons import PAIRED, UNPAIRED
from scxpresso.evaluation.distributions import bimodality, distribution_rows, histogram_rows, share_at_floor
from scxpresso.evaluation.evaluation import evaluate
from scxpresso.evaluation.fold_methods import RecipeFolds
from scxpresso.evaluation.levels import Level, bulk_of_tissue, same_populations
from scxpresso.metrics import rank_sum_greater
from scxpresso.store import prediction_table, write_table

GENE_IDS = [f"g{number:02}" for number in range(40)]
BY_METHOD = {"random": np.arange(40) % 4 + 1, "family": np.arange(40) // 8 + 1}
ATLASES = [
    {"atlas": "cells", "protocol": "10x", "tissue": "lung", "levels": {
        "all": {"all": ""}, "type": {"B": "all", "T": "all"}, "subtype": {"B1": "B", "T1": "T"},
    }},
    {"atlas": "nuclei", "protocol": "smartseq2", "tissue": "lung", "levels": {"type": {"B": "", "T": ""}}},
    {"atlas": "bulk", "protocol": "bulk", "tissue": "lung", "levels": {"all": {"all": ""}}},
    {"atlas": "spleen", "protocol": "10x", "tissue": "spleen", "levels": {"label": {"B cell": "", "T": ""}}},
]  # fmt: skip
RECIPES = {  # network and folds
    "scxpresso": ("scxpresso", "random"), "by_family": ("scxpresso", "family"),
    "kmer": ("kmer", "random"), "kmer_family": ("kmer", "family"),
    "mean": ("mean", "random"), "mean_family": ("mean", "family"),
}  # fmt: skip
SYNONYMS = [{"atlas": "spleen", "level": "label", "population": "B cell", "name": "B"}]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three rows of one tissue, of which one is bulk, and another tissue; a network and a baseline on two kinds of folds."""
    root = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(1)
    write_table(root / "genes.tsv", pd.DataFrame({"gene_id": GENE_IDS, "gene_name": GENE_IDS}))
    manifest = {"genomes": [{"genome": "g", "genes": "genes.tsv"}], "atlases": [], "predictions": []}
    observed = {}
    for atlas in ATLASES:
        folder = f"expression/{atlas['atlas']}"
        manifest["atlases"].append(atlas | {"genome": "g", "levels": list(atlas["levels"]), "path": folder})
        for level, parents in atlas["levels"].items():
            index = pd.Index(GENE_IDS, name="gene_id")
            values = pd.DataFrame(rng.normal(size=(40, len(parents))), index=index, columns=list(parents))
            observed[atlas["atlas"], level] = values
            populations = {
                "population": list(parents),
                "parent": parents.values(),
                "cells": 50,
                "genes_detected": 40,
                "noise_ceiling": 0.9,
            }
            write_table(root / folder / f"{level}.tsv.gz", values.reset_index())
            write_table(root / folder / f"{level}.populations.tsv", pd.DataFrame(populations))
            for recipe, (network, method) in RECIPES.items():
                output = values.to_numpy() + rng.normal(0, 0.5, size=(1, *values.shape))
                path = f"predictions/{len(manifest['predictions'])}.tsv.gz"
                write_table(root / path, prediction_table(values, BY_METHOD[method], output))
                names = {"atlas": atlas["atlas"], "level": level, "recipe": recipe, "network": network}
                manifest["predictions"].append(names | {"path": path})
    manifest["populations"] = SYNONYMS
    manifest["recipes"] = [
        {"recipe": recipe, "fold_method": method, "settings": {"network": network}}
        for recipe, (network, method) in RECIPES.items()
    ]
    (root / "manifest.json").write_text(json.dumps(manifest))
    return evaluate(root / "manifest.json"), observed


def rows(table, **values):
    return table[(table[list(values)] == pd.Series(values)).all(axis=1)]


def test_ways_with_different_genes_are_compared_over_those_that_they_share(tmp_path):
    # Atlas B lacks the silent half of the genes. Both models predict the others alike, so that neither is better.
    rng = np.random.default_rng(1)
    silent = np.arange(40) % 2 == 0
    observed = np.where(silent, -4, rng.normal(size=40))
    predicted = np.where(silent, -3, 0) + rng.normal(0, 0.5, size=40)
    write_table(tmp_path / "genes.tsv", pd.DataFrame({"gene_id": GENE_IDS, "gene_name": GENE_IDS}))
    manifest = {"genomes": [{"genome": "g", "genes": "genes.tsv"}], "atlases": [], "predictions": []}
    for name, kept in {"A": np.ones(40, dtype=bool), "B": ~silent}.items():
        values = pd.DataFrame({"T": observed[kept]}, index=pd.Index(np.array(GENE_IDS)[kept], name="gene_id"))
        write_table(tmp_path / name / "type.tsv.gz", values.reset_index())
        about = {"population": ["T"], "parent": [""], "cells": 50, "genes_detected": 40, "noise_ceiling": 0.9}
        write_table(tmp_path / name / "type.populations.tsv", pd.DataFrame(about))
        write_table(
            tmp_path / f"{name}.tsv", prediction_table(values, BY_METHOD["family"][kept], predicted[None, kept, None])
        )
        manifest["atlases"].append(
            {"atlas": name, "protocol": "10x", "tissue": "lung", "genome": "g", "levels": ["type"], "path": name}
        )
        manifest["predictions"].append(
            {"atlas": name, "level": "type", "recipe": "net", "network": "hybrid", "path": f"{name}.tsv"}
        )
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    result = evaluate(tmp_path / "manifest.json")
    by_fold = rows(result["populations"], model_atlas="B", target_atlas="B")["pearson"]
    found = result["comparisons"]
    assert sorted(found["kind"]) == ["atlas", "atlas", "protocol", "protocol"]
    assert (found["n_genes"] == 20).all() and (found["delta"] == 0).all() and (found["p_value"] > 0.99).all()
    assert found["median_pearson"].to_numpy() == pytest.approx(np.full(4, by_fold.median()))
    own = rows(result["populations"], model_atlas="A", target_atlas="A")["pearson"]
    assert own.median() > by_fold.median() + 0.1  # over all of its genes


# ---- Statistics, by hand ---------------------------------------------------------------------------------------------


def test_the_rank_sum_of_unpaired_folds_is_counted_by_hand():
    # All of 3 above all of 2: one of the 10 ways to choose 2 of 5 ranks.
    assert rank_sum_greater([3, 4, 5], [1, 2]) == pytest.approx(1 / 10)
    # Ranks 5, 4 and 2 against 3 and 1: the sum 11 or more in two of the 10 ways ({5, 4, 3}, {5, 4, 2}).
    assert rank_sum_greater([5, 4, 2], [3, 1]) == pytest.approx(2 / 10)
    assert rank_sum_greater([1, 2, np.nan], [3, 4, 5]) == 1
    assert rank_sum_greater([1, 1], [1, 1]) == 1 and np.isnan(rank_sum_greater([1], [2, 3]))


def test_bimodality_is_computed_by_hand():
    # Skewness 0 and excess kurtosis 3/2 · (5 · −2 + 6) = −6 of four values: 1 / (−6 + 27/2) = 2/15.
    assert bimodality(np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(2 / 15)
    assert bimodality(np.repeat([0.0, 1.0], 5000)) == pytest.approx(1, abs=0.001)
    assert bimodality(np.linspace(0, 1, 10_000)) == pytest.approx(5 / 9, abs=0.001)
    normal = scipy.stats.norm.ppf((np.arange(10_000) + 0.5) / 10_000)
    assert bimodality(normal) == pytest.approx(1 / 3, abs=0.001)
    assert np.isnan(bimodality(np.ones(9))) and np.isnan(bimodality(np.arange(3.0)))


def test_distributions_and_histograms_are_counted_by_hand(tmp_path):
    values = pd.DataFrame({"gene_id": list("abcde"), "x": [-4.0, -4.0, -3.75, -3.3, 0.1]})
    write_table(tmp_path / "all.tsv.gz", values)
    level = Level("A", "all", "g", tmp_path, pd.DataFrame({"population": ["x"], "genes_detected": 3}))
    (row,) = distribution_rows(level)
    assert (row["population"], row["n_genes"], row["share_at_floor"]) == ("x", 5, 2 / 5)
    assert row["mean"] == pytest.approx(-2.99) and row["sd"] == pytest.approx(
        np.std([-4, -4, -3.75, -3.3, 0.1], ddof=1)
    )
    bins = list(histogram_rows(level))
    assert [(bin["lower"], bin["n_genes"]) for bin in bins if bin["n_genes"]] == [
        (-4, 2),
        (-3.75, 1),
        (-3.5, 1),
        (0, 1),
    ]
    assert len(bins) == 17 and all(bin["upper"] - bin["lower"] == 0.25 for bin in bins)


def test_the_floor_is_that_of_undetected_genes_and_not_the_lowest_value():
    values = np.array([-4.3, -4.0, -4.0, 1.0])  # one count in very many cells lies below the floor
    assert share_at_floor(values, undetected=2) == 2 / 4
    assert share_at_floor(values, undetected=1) == 1 / 4
    assert share_at_floor(np.array([-1.0, 0.0, 1.0, 2.0]), undetected=0) == 0  # the lowest is one detected gene
    assert share_at_floor(np.array([-4.0, -4.0, -4.0, 2.0]), undetected=2) == 3 / 4  # a median of 0, but detected


# ---- Which populations are compared ----------------------------------------------------------------------------------


def test_bulk_predicts_every_population_of_its_tissue(study):
    result, _ = study
    bulk = rows(result["populations"], model_atlas="bulk", recipe="scxpresso")
    assert set(bulk[["target_atlas", "target_level", "target_population"]].itertuples(index=False, name=None)) == {
        ("bulk", "all", "all"), ("cells", "all", "all"), ("cells", "type", "B"), ("cells", "type", "T"),
        ("cells", "subtype", "B1"), ("cells", "subtype", "T1"), ("nuclei", "type", "B"), ("nuclei", "type", "T"),
    }  # fmt: skip
    tissue = rows(result["comparisons"], kind="tissue")
    assert len(tissue) == 14 and set(tissue["other_atlas"]) == {"bulk"}  # 7 populations × 2 recipes
    assert (tissue["test"] == PAIRED).all() and (tissue["n_folds"] == tissue["other_n_folds"]).all()
    # From single cells to bulk only by name, as between any two atlases.
    other_way = rows(result["comparisons"], target_atlas="bulk", recipe="scxpresso", other_atlas="cells")
    assert other_way["kind"].tolist() == ["atlas"] + ["protocol"] * 5


def test_tissues_are_those_of_one_genome_and_a_bulk_atlas():
    def level(protocol, tissue, genome="g"):
        return Level("x", "all", genome, "", None, protocol, tissue)

    assert bulk_of_tissue(level("bulk", "lung"), level("10x", "lung"))
    assert not bulk_of_tissue(level("bulk", "lung"), level("10x", "spleen"))
    assert not bulk_of_tissue(level("bulk", "lung"), level("10x", "lung", "other"))
    assert not bulk_of_tissue(level("bulk", ""), level("10x", ""))
    assert not bulk_of_tissue(level("bulk", "lung"), level("bulk", "lung"))
    assert not bulk_of_tissue(level("10x", "lung"), level("bulk", "lung"))


def test_agreement_of_bulk_and_pseudobulk_and_of_protocols(study):
    result, observed = study
    agreement = result["agreement"]
    pairs = agreement[["atlas", "population", "other_atlas", "other_level", "other_population"]]
    assert set(pairs.itertuples(index=False, name=None)) == {
        ("bulk", "all", "cells", "all", "all"), ("bulk", "all", "cells", "type", "B"), ("bulk", "all", "cells", "type", "T"),
        ("bulk", "all", "cells", "subtype", "B1"), ("bulk", "all", "cells", "subtype", "T1"),
        ("bulk", "all", "nuclei", "type", "B"), ("bulk", "all", "nuclei", "type", "T"),
        ("cells", "B", "nuclei", "type", "B"), ("cells", "T", "nuclei", "type", "T"),
    }  # fmt: skip
    assert len(agreement) == 9 and set(agreement["tissue"]) == {"lung"}
    row = rows(agreement, atlas="cells", population="T").iloc[0]
    values = observed["cells", "type"]["T"], observed["nuclei", "type"]["T"]
    assert (row["protocol"], row["other_protocol"], row["n_genes"]) == ("10x", "smartseq2", 40)
    assert row["pearson"] == pytest.approx(scipy.stats.pearsonr(*values)[0], abs=1e-5)
    assert row["spearman"] == pytest.approx(scipy.stats.spearmanr(*values)[0], abs=1e-5)


def test_the_sheet_of_populations_says_which_are_the_same(study):
    result, _ = study
    across = rows(result["comparisons"], kind="atlas", target_atlas="spleen", recipe="scxpresso")
    found = set(across[["target_population", "other_atlas", "other_population"]].itertuples(index=False, name=None))
    assert found == {("B cell", "cells", "B"), ("B cell", "nuclei", "B")}  # T is at a level of another name


def test_labels_are_the_same_at_levels_of_one_name_and_synonyms_anywhere():
    def level(atlas, name, labels, **synonyms):
        return Level(atlas, name, "g", "", pd.DataFrame({"population": labels}), synonyms=synonyms)

    one = level("a", "type", ["B", "T", "NK"])
    assert list(same_populations(one, level("b", "type", ["T", "B"]))) == [("B", "B"), ("T", "T")]
    assert list(same_populations(one, level("b", "kind", ["T", "B"]))) == []
    split = level("b", "kind", ["B1", "B2", "T"], B1="B", B2="B")
    assert list(same_populations(one, split)) == [("B", "B1"), ("B", "B2")]
    assert list(same_populations(split, one)) == [("B1", "B"), ("B2", "B")]
    assert list(same_populations(one, level("b", "type", ["B"], B="plasma"))) == []  # named otherwise


def test_the_whole_of_two_tissues_is_not_the_same():
    def whole(tissue):
        return Level("x", "all", "g", "", pd.DataFrame({"population": ["all"]}), tissue=tissue)

    assert list(same_populations(whole("lung"), whole("spleen"))) == []
    assert list(same_populations(whole("lung"), whole("lung"))) == [("all", "all")]
    assert list(same_populations(whole(""), whole("spleen"))) == [("all", "all")]  # unknown, as in version 0.1


# ---- Comparisons -----------------------------------------------------------------------------------------------------


def test_a_finer_level_is_compared_with_its_ancestor_beside_how_alike_they_are(study):
    result, observed = study
    row = rows(result["comparisons"], kind="level", target_population="T", recipe="scxpresso").iloc[0]
    assert (row["other_level"], row["other_population"], row["test"]) == ("all", "all", PAIRED)
    truth = scipy.stats.pearsonr(observed["cells", "type"]["T"], observed["cells", "all"]["all"])[0]
    assert row["observed_pearson"] == pytest.approx(truth, abs=1e-5)
    same = result["comparisons"]["kind"].isin(["recipe", "baseline", "folds"])
    assert (result["comparisons"]["observed_pearson"].isna() == same).all()


def test_coarser_levels_are_compared_with_each_other(study):
    result, _ = study
    ancestor = rows(result["comparisons"], kind="ancestor", recipe="scxpresso")
    columns = ["target_population", "model_level", "model_population", "other_level", "other_population"]
    assert set(ancestor[columns].itertuples(index=False, name=None)) == {
        ("B1", "type", "B", "all", "all"), ("T1", "type", "T", "all", "all"),
    }  # fmt: skip
    row = rows(ancestor, target_population="B1").iloc[0]
    scores = rows(result["populations"], target_population="B1", recipe="scxpresso", model_atlas="cells")
    by_level = {level: scores.loc[scores["model_level"] == level, "pearson"].to_numpy() for level in ("type", "all")}
    assert row["delta"] == pytest.approx(np.median(by_level["type"]) - np.median(by_level["all"]))
    expected = scipy.stats.wilcoxon(by_level["type"] - by_level["all"], alternative="greater").pvalue
    assert row["p_value"] == pytest.approx(expected) and row["test"] == PAIRED


def test_other_models_are_compared_with_that_of_the_whole(study):
    result, _ = study
    transfer = rows(result["comparisons"], kind="transfer", recipe="scxpresso", target_population="B1")
    columns = ["model_atlas", "model_level", "model_population", "other_level", "other_population"]
    assert set(transfer[columns].itertuples(index=False, name=None)) == {
        ("cells", "subtype", "T1", "all", "all"), ("bulk", "all", "all", "all", "all"),
    }  # fmt: skip
    scores = rows(result["populations"], recipe="scxpresso", target_population="B1").set_index("model_population")
    values = {name: scores.loc[name, "pearson"] for name in ("T1", "all")}
    whole = values["all"][(scores.loc["all", "model_atlas"] == "cells").to_numpy()].to_numpy()
    row = rows(transfer, model_population="T1").iloc[0]
    assert row["delta"] == pytest.approx(np.median(values["T1"]) - np.median(whole)) and row["test"] == PAIRED
    expected = scipy.stats.wilcoxon(values["T1"].to_numpy() - whole, alternative="greater").pvalue
    assert row["p_value"] == pytest.approx(expected)
    elsewhere = rows(
        result["comparisons"], kind="transfer", target_level="type", recipe="scxpresso", model_atlas="nuclei"
    )
    assert elsewhere[["model_population", "target_population"]].to_numpy().tolist() == [["B", "B"], ["T", "T"]]


def test_protocols_are_compared_each_on_its_own_data(study):
    result, observed = study
    protocol = rows(result["comparisons"], kind="protocol", recipe="scxpresso")
    columns = ["target_atlas", "target_level", "target_population", "other_atlas", "other_level", "other_population"]
    pairs = set(protocol[columns].itertuples(index=False, name=None))
    assert len(pairs) == len(protocol) == 18  # both orders of the pairs of agreement.tsv
    assert pairs > {("nuclei", "type", "B", "cells", "type", "B"), ("bulk", "all", "all", "cells", "type", "T")}
    assert set(protocol["other_recipe"]) == {"scxpresso"} and (protocol["test"] == PAIRED).all()
    assert set(rows(result["comparisons"], kind="protocol")["recipe"]) == {"scxpresso", "by_family"}
    row = rows(protocol, target_atlas="cells", target_population="B", other_atlas="nuclei").iloc[0]
    scores = rows(result["populations"], recipe="scxpresso", target_population="B", model_population="B")
    mine, theirs = (
        rows(scores, target_atlas=atlas, model_atlas=atlas)["pearson"].to_numpy() for atlas in ("cells", "nuclei")
    )
    assert (row["median_pearson"], row["other_median_pearson"]) == (np.median(mine), np.median(theirs))
    assert row["p_value"] == scipy.stats.wilcoxon(mine - theirs, alternative="greater").pvalue
    truth = scipy.stats.pearsonr(observed["cells", "type"]["B"], observed["nuclei", "type"]["B"])[0]
    assert row["observed_pearson"] == pytest.approx(truth, abs=1e-5)


def test_fold_methods_are_compared_unpaired_the_easier_folds_first(study):
    result, _ = study
    folds = rows(result["comparisons"], kind="folds")
    assert set(folds[["recipe", "other_recipe"]].itertuples(index=False, name=None)) == {("scxpresso", "by_family")}
    assert len(folds) == 10 and (folds["test"] == UNPAIRED).all()  # one per population
    assert (folds["n_folds"] == 4).all() and (folds["other_n_folds"] == 5).all()
    own = rows(result["populations"], target_atlas="cells", model_atlas="cells", target_population="B")
    own = rows(own, model_population="B").set_index("recipe")["pearson"]
    row = rows(folds, target_atlas="cells", target_population="B").iloc[0]
    random, family = own["scxpresso"], own["by_family"]
    assert row["delta"] == pytest.approx(random.median() - family.median())
    expected = scipy.stats.mannwhitneyu(random, family, alternative="greater", method="exact").pvalue
    assert row["p_value"] == pytest.approx(expected)


def test_what_leakage_costs_is_the_difference_of_two_rows_of_the_summary(study):
    result, _ = study
    leakage = result["leakage"]
    assert set(leakage[["recipe", "other_recipe"]].itertuples(index=False, name=None)) == {
        ("scxpresso", "by_family"), ("kmer", "kmer_family"),
    }  # fmt: skip
    row = rows(leakage, atlas="cells", level="type", recipe="scxpresso", metric="specificity").iloc[0]
    assert (row["fold_method"], row["other_fold_method"], row["n_folds"], row["other_n_folds"]) == (
        "random",
        "family",
        4,
        5,
    )
    summary = rows(result["summary"], atlas="cells", level="type", metric="specificity").set_index("recipe")["value"]
    assert row["value"] == pytest.approx(summary["scxpresso"]) and row["other_value"] == summary["by_family"]
    assert row["delta"] == row["value"] - row["other_value"]


def test_recipes_that_differ_in_more_than_folds_are_not_compared():
    random, family = RecipeFolds("random", "a"), RecipeFolds("family", "a")
    assert random.easier_than(family) and family.easier_than(RecipeFolds("chromosome", "a"))
    assert not family.easier_than(random) and not random.easier_than(random)
    assert not random.easier_than(RecipeFolds("family", "b"))

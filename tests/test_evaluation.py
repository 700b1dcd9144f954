"""Evaluation tables from hand-made predictions of two atlases and two levels."""

import json

import numpy as np
import pandas as pd
import pytest

from scxpresso.evaluation.comparisons import COMPARISON_COLUMNS
from scxpresso.evaluation.evaluation import GENE_SCORE_COLUMNS, SUMMARY_COLUMNS, evaluate
from scxpresso.evaluation.predictions import INTERVAL_SCORE_COLUMNS, interval_rows
from scxpresso.evaluation.ways import POPULATION_SCORE_COLUMNS
from scxpresso.metrics import pearson
from scxpresso.store import PREDICTION_COLUMNS, prediction_table, write_table

GENE_IDS = [f"g{number:02}" for number in range(40)]
FOLD = np.arange(40) % 4 + 1
PARENT = {"coarse": {"N": "", "M": ""}, "fine": {"N1": "N", "N2": "N", "M/1": "M"}}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Atlas A with two levels, atlas B with the coarse one; a network that sees the truth through noise, and the mean."""
    root = tmp_path_factory.mktemp("evaluation")
    rng = np.random.default_rng(1)
    write_table(root / "genomes/1/genes.tsv", pd.DataFrame({"gene_id": GENE_IDS, "gene_name": GENE_IDS}))
    manifest = {"genomes": [{"genome": "g", "genes": "genomes/1/genes.tsv"}], "atlases": [], "predictions": []}
    observed = {}
    for number, (atlas, levels) in enumerate({"A": ["coarse", "fine"], "B": ["coarse"]}.items(), start=1):
        folder = f"expression/{number}"
        manifest["atlases"].append({"atlas": atlas, "genome": "g", "levels": levels, "path": folder})
        for level in levels:
            names = list(PARENT[level])
            values = pd.DataFrame(
                rng.normal(size=(40, len(names))), index=pd.Index(GENE_IDS, name="gene_id"), columns=names
            )
            observed[atlas, level] = values
            about = pd.DataFrame(
                {
                    "population": names,
                    "parent": PARENT[level].values(),
                    "cells": 50,
                    "genes_detected": 40,
                    "noise_ceiling": 0.9,
                }
            )
            write_table(root / folder / f"{level}.tsv.gz", values.reset_index())
            write_table(root / folder / f"{level}.populations.tsv", about)
            outputs = {
                "scxpresso": values.to_numpy() + rng.normal(0, 0.3, size=(3, *values.shape)),
                "mean": np.ones((1, *values.shape)),
            }
            for network, output in outputs.items():
                path = f"predictions/{len(manifest['predictions'])}.tsv.gz"
                write_table(root / path, prediction_table(values, FOLD, output))
                manifest["predictions"].append({"atlas": atlas, "level": level, "network": network, "path": path})
                observed[atlas, level, network] = output.mean(axis=0)
    (root / "manifest.json").write_text(json.dumps(manifest))
    return evaluate(root / "manifest.json"), observed


def test_predictions_hold_mean_and_deviation_over_replicates():
    observed = pd.DataFrame([[1.0, 2.0]], index=["g"], columns=["x", "y"])
    table = prediction_table(observed, np.array([3]), np.array([[[1.0, 2.0]], [[3.0, 2.0]]]))
    assert table.columns.tolist() == PREDICTION_COLUMNS
    assert table[PREDICTION_COLUMNS[:6]].to_numpy().tolist() == [
        ["g", 3, "x", 1.0, 2.0, 1.0],
        ["g", 3, "y", 2.0, 2.0, 0.0],
    ]


def test_columns_are_the_contracts(tables):
    for name, columns in (
        ("populations", POPULATION_SCORE_COLUMNS),
        ("genes", GENE_SCORE_COLUMNS),
        ("summary", SUMMARY_COLUMNS),
        ("comparisons", COMPARISON_COLUMNS),
        ("intervals", INTERVAL_SCORE_COLUMNS),
    ):
        assert tables[0][name].columns.tolist() == columns and len(tables[0][name])


def test_intervals_are_counted_by_hand():
    table = pd.DataFrame(
        {
            "population": ["x"] * 4 + ["y"],
            "observed": [0.0, 1.0, 2.0, 3.0, 5.0],
            "lower_80": [0.0, -1.0, 2.5, np.nan, np.nan],
            "upper_80": [1.0, 2.0, 4.5, np.nan, np.nan],
            "lower_95": np.nan,
            "upper_95": np.nan,
        }
    )
    found = list(interval_rows(table))
    assert found[0] == ("x", 0.8, 3, 2 / 3, 2.0) and found[1][:3] == ("y", 0.8, 0)
    assert np.isnan(found[1][3]) and [row[:3] for row in found[2:]] == [("x", 0.95, 0), ("y", 0.95, 0)]
    assert not list(interval_rows(table.drop(columns="lower_95")))  # of version 0.1


def rows(table, **values):
    return table[(table[list(values)] == pd.Series(values)).all(axis=1)]


def test_own_predictions_are_correlated_per_population_and_fold(tables):
    result, observed = tables
    own = rows(
        result["populations"],
        model_atlas="A",
        model_level="fine",
        network="scxpresso",
        model_population="M/1",
        target_population="M/1",
    )
    assert own["fold"].tolist() == [1, 2, 3, 4] and own["n_genes"].tolist() == [10] * 4
    test = FOLD == 2
    truth, predicted = observed["A", "fine"].to_numpy()[test], observed["A", "fine", "scxpresso"][test]
    assert own["pearson"].iloc[1] == pytest.approx(pearson(truth, predicted)[2], abs=1e-5)


def test_a_coarse_level_predicts_each_finer_population_by_its_parent(tables):
    coarse = rows(tables[0]["populations"], model_level="coarse", target_level="fine", network="scxpresso")
    pairs = set(zip(coarse["model_population"], coarse["target_population"], strict=True))
    assert pairs == {("N", "N1"), ("N", "N2"), ("M", "M/1")}
    assert rows(tables[0]["populations"], model_level="fine", target_level="coarse").empty


def test_across_atlases_the_same_population_predicts(tables):
    across = rows(tables[0]["populations"], model_atlas="A", target_atlas="B")
    assert (across["model_population"] == across["target_population"]).all() and set(across["model_population"]) == {
        "N",
        "M",
    }


def test_baselines_are_asked_only_for_their_own_populations(tables):
    mean = rows(tables[0]["populations"], network="mean")
    assert (mean["model_population"] == mean["target_population"]).all() and (mean["pearson"] == 0).all()


def test_genes_are_correlated_across_populations(tables):
    result, observed = tables
    gene = rows(result["genes"], atlas="A", level="fine", network="scxpresso", gene_id="g07").iloc[0]
    truth, predicted = observed["A", "fine"].to_numpy()[7], observed["A", "fine", "scxpresso"][7]
    assert gene["pearson"] == pytest.approx(np.corrcoef(truth, predicted)[0, 1], abs=1e-4)
    assert gene["variance"] == pytest.approx(truth.var(), rel=1e-4)


def test_the_summary_is_the_mean_over_populations_then_folds_beside_its_ceiling(tables):
    result, _ = tables
    summary = rows(result["summary"], atlas="A", level="fine", network="scxpresso").set_index("metric")
    own = rows(result["populations"], model_atlas="A", model_level="fine", network="scxpresso", target_level="fine")
    by_fold = own[own["model_population"] == own["target_population"]].groupby("fold")["pearson"].mean()
    assert summary.loc["pearson", "value"] == pytest.approx(by_fold.mean())
    assert summary.loc["pearson", "sd"] == pytest.approx(by_fold.std())
    assert summary.loc["pearson", "n_folds"] == 4 and summary.loc["ceiling", "value"] == pytest.approx(0.9)
    assert summary.loc["specificity", "value"] > 0.8
    assert rows(result["summary"], network="mean", metric="specificity")["value"].eq(0).all()


def test_the_summary_says_how_much_better_a_network_is_fold_by_fold(tables):
    result, _ = tables
    summary = rows(result["summary"], atlas="A", level="fine").set_index(["network", "metric"])
    mine, mean = (summary.loc[(network, "pearson"), "value"] for network in ("scxpresso", "mean"))
    assert summary.loc[("scxpresso", "pearson_minus_mean"), "value"] == pytest.approx(mine - mean)
    # Against a baseline that scores 0 in every fold, the spread of the differences is the network's own.
    assert summary.loc[("scxpresso", "pearson_minus_mean"), "sd"] == summary.loc[("scxpresso", "pearson"), "sd"]
    assert summary.loc[("scxpresso", "specificity_minus_mean"), "n_folds"] == 4
    assert not any("_minus_" in metric for metric in summary.loc["mean"].index)


def test_comparisons_have_each_kind_with_delta_and_p(tables):
    comparisons = tables[0]["comparisons"]
    assert set(comparisons["kind"]) == {"baseline", "level", "population", "atlas", "transfer"}
    assert (comparisons["recipe"] == comparisons["network"]).all()  # named after it, as the manifest names none
    row = rows(comparisons, kind="level", target_population="M/1").iloc[0]
    assert (row["model_level"], row["other_level"], row["other_population"]) == ("fine", "coarse", "M")
    assert row["delta"] == pytest.approx(row["median_pearson"] - row["other_median_pearson"])
    assert row["p_value"] == pytest.approx(1 / 16) and row["n_folds"] == 4  # better in all of 4 folds


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """Three recipes of one network, one with folds of its own, and the baselines of both methods of folds."""
    root = tmp_path_factory.mktemp("recipes")
    rng = np.random.default_rng(2)
    write_table(root / "genes.tsv", pd.DataFrame({"gene_id": GENE_IDS, "gene_name": GENE_IDS}))
    values = pd.DataFrame(rng.normal(size=(40, 2)), index=pd.Index(GENE_IDS, name="gene_id"), columns=["x", "y"])
    populations = pd.DataFrame({"population": ["x", "y"], "parent": "", "genes_detected": 40, "noise_ceiling": 0.9})
    write_table(root / "expression/all.tsv.gz", values.reset_index())
    write_table(root / "expression/all.populations.tsv", populations)
    predictions = []
    by_family = np.arange(40) // 10 + 1
    for recipe, network, fold, noise in (
        ("scxpresso", "scxpresso", FOLD, 0.5),
        ("short", "scxpresso", FOLD, 1.0),
        ("by family", "scxpresso", by_family, 1.0),
        ("kmer", "kmer", FOLD, 2.0),
        ("kmer_family", "kmer", by_family, 2.0),
    ):
        entry = {"atlas": "A", "level": "all", "recipe": recipe, "network": network, "path": f"{recipe}.tsv.gz"}
        output = values.to_numpy() + rng.normal(0, noise, size=(1, *values.shape))
        write_table(root / entry["path"], prediction_table(values, fold, output))
        predictions.append(entry)
    atlas = {"atlas": "A", "genome": "g", "levels": ["all"], "path": "expression"}
    manifest = {"genomes": [{"genome": "g", "genes": "genes.tsv"}], "atlases": [atlas], "predictions": predictions}
    (root / "manifest.json").write_text(json.dumps(manifest))
    return evaluate(root / "manifest.json")


def test_recipes_of_one_network_are_told_apart_in_every_table(recipes):
    networks = {"scxpresso": "scxpresso", "short": "scxpresso", "by family": "scxpresso"}
    networks |= {"kmer": "kmer", "kmer_family": "kmer"}
    for name in ("populations", "genes", "summary"):
        assert dict(zip(recipes[name]["recipe"], recipes[name]["network"], strict=True)) == networks, name
        assert list(recipes[name]).index("recipe") + 1 == list(recipes[name]).index("network")
    own = rows(recipes["populations"], model_population="x", target_population="x").groupby("recipe")["pearson"].mean()
    assert own["scxpresso"] > own["short"] > own["kmer"]


def test_recipes_are_compared_where_every_gene_has_the_same_fold_in_both(recipes):
    comparisons = recipes["comparisons"]
    assert set(comparisons["kind"]) == {"recipe", "baseline", "population"}
    other = comparisons[comparisons["kind"] != "population"]
    pairs = set(other[["kind", "recipe", "other_recipe"]].itertuples(index=False, name=None))
    assert pairs == {
        ("recipe", "scxpresso", "short"),
        ("recipe", "short", "scxpresso"),
        ("baseline", "scxpresso", "kmer"),
        ("baseline", "short", "kmer"),
        ("baseline", "by family", "kmer_family"),
    }
    assert set(other[other["kind"] == "baseline"]["other_network"]) == {"kmer"}
    metrics = recipes["summary"].groupby("recipe")["metric"].agg(set)
    assert "pearson_minus_short" in metrics["scxpresso"] and "pearson_minus_by family" not in metrics["scxpresso"]
    assert "specificity_minus_kmer_family" in metrics["by family"]
    assert not any("_minus_" in metric for metric in metrics["kmer_family"])
    row = rows(comparisons, recipe="short", other_recipe="kmer", target_population="y").iloc[0]
    assert row["n_folds"] == 4 and row["delta"] == pytest.approx(row["median_pearson"] - row["other_median_pearson"])

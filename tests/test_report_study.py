"""The report's figures of the study: bulk beside pseudobulk, resolutions, two models, cells, atlases, recipes and folds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_report import HOSTILE, make_run, page_of, plain_levels

from scxpresso.evaluation.comparisons import NEW_COMPARISON_COLUMNS
from scxpresso.evaluation.evaluation import evaluate
from scxpresso.reporting import study_figures, verdicts
from scxpresso.reporting.data import MeasuredLevel, read_run
from scxpresso.store import EXTERNAL, PREDICTION_COLUMNS, read_table, write_json, write_table

BULK, OTHER = "bulk of blood", "atlas two"


def make_study(folder: Path, tissue: str = "blood") -> Path:
    """make_run, and beside it: bulk of its tissue, an atlas with the same finest level, recipes with other folds and targets."""
    manifest = make_run(folder, plain_levels())
    content = json.loads(manifest.read_text())
    content["atlases"][0]["tissue"] = tissue
    add_atlas(content, folder, BULK, "bulk", "all", ["all"])
    content["atlases"][-1]["tissue"] = tissue
    add_atlas(content, folder, OTHER, "smartseq2", "type", ["a1", "a2", "b1"])
    add_other_folds(content, folder)
    add_further_target(content, folder)
    write_json(manifest, content)
    for name, table in evaluate(manifest).items():
        write_table(folder / f"v/{name}.tsv", table)
    return manifest


def add_atlas(content: dict, folder: Path, atlas: str, protocol: str, level: str, populations: list[str]) -> None:
    """Another atlas of the genome with one level: expression like that of the first one's level, and predictions."""
    rng, source = np.random.default_rng(7), read_table(folder / f"e/{level}.tsv.gz", "gene_id", ["gene_id"])
    home = folder / atlas
    observed = source[populations] + rng.normal(0, 0.5, (len(source), len(populations)))
    table = pd.DataFrame(
        {"population": populations, "parent": "", "cells": 20, "genes_detected": 70, "noise_ceiling": 0.8}
    )
    write_table(home / f"{level}.populations.tsv", table)
    write_table(home / f"{level}.tsv.gz", observed.reset_index())
    for name, columns in (("populations", ["level", "population", "cells", "reason"]), ("genes", ["gene", "reason"])):
        write_table(home / f"dropped_{name}.tsv", pd.DataFrame(columns=columns))
    rows = [
        (gene, number % 6, population, value, value + rng.normal(0, 1), 0.1)
        for population in populations
        for number, (gene, value) in enumerate(observed[population].items())
    ]
    write_table(home / "p.tsv.gz", pd.DataFrame(rows, columns=PREDICTION_COLUMNS[:6]))
    content["atlases"].append(
        {"atlas": atlas, "genome": "hg", "protocol": protocol, "levels": [level], "path": atlas}
    )  # fmt: skip
    model = {"atlas": atlas, "level": level, "network": "scxpresso"}
    content["models"].append({**model, "histories": ["h/all.tsv"]})
    content["predictions"].append({**model, "path": f"{atlas}/p.tsv.gz"})


def add_other_folds(content: dict, folder: Path) -> None:
    """The finest level's scxpresso once more, with folds by family and larger errors."""
    table = read_table(folder / "p/type.scxpresso.tsv.gz")
    shifted = table.assign(fold=(table["fold"] + 1) // 2, predicted=table["predicted"] * 0.3)
    shifted["predicted"] += np.random.default_rng(3).normal(0, 1, len(table))
    write_table(folder / "p/family.tsv.gz", shifted)
    model = {"atlas": "atlas one", "level": "type", "recipe": "by_family", "network": "scxpresso"}
    content["predictions"].append({**model, "path": "p/family.tsv.gz"})
    content["models"].append({**model, "histories": ["h/type.tsv"]})
    content["recipes"] = [
        {"recipe": recipe, "fold_method": method, "settings": {"targets": []}}
        for recipe, method in [("scxpresso", "random"), ("by_family", "family")]
    ]


def add_further_target(content: dict, folder: Path) -> None:
    """The finest level's scxpresso once more, which also predicts fractions of cells, and the mean a little worse."""
    table = read_table(folder / "p/type.scxpresso.tsv.gz")
    observed = read_table(folder / "e/type.tsv.gz", "gene_id", ["gene_id"])
    fraction = observed.rank(pct=True) ** 3
    write_table(folder / "e/fraction/type.tsv.gz", fraction.reset_index())
    by_gene = fraction.stack().reindex(pd.MultiIndex.from_frame(table[["gene_id", "population"]])).to_numpy()
    noise = np.random.default_rng(5).normal(0, 0.3, len(table))
    write_table(folder / "p/further.tsv.gz", table.assign(predicted=table["predicted"] + noise))
    write_table(folder / "p/fraction.tsv.gz", table.assign(observed=by_gene, predicted=by_gene + noise))
    model = {"atlas": "atlas one", "level": "type", "recipe": "further", "network": "scxpresso"}
    content["predictions"].append({**model, "path": "p/further.tsv.gz", "fraction": "p/fraction.tsv.gz"})
    content["models"].append({**model, "histories": ["h/type.tsv"]})
    content["recipes"].append({"recipe": "further", "fold_method": "random", "settings": {"targets": ["fraction"]}})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict:
    return page_of(make_study(tmp_path_factory.mktemp("study"))).data


def test_pairs_of_a_tissue_and_their_expression(data):
    found = data["agreement"]
    assert len(found["pairs"]) == 6 and {one["tissue"] for one in found["pairs"]} == {"blood"}  # 1 + 2 + 3 populations
    assert found["populations"][found["pairs"][0]["x"]] == f"{BULK} · all · all · bulk"
    rs = [one["r"] for one in found["pairs"]]
    assert rs == sorted(rs, reverse=True) and rs[0] > 0.8 > rs[1]  # bulk was made from the level `all`
    assert [len(genes) for genes in found["genes"]] == [120] and all(found["values"])


def test_genes_are_drawn_by_genome():
    def level(genome: str, genes: str) -> MeasuredLevel:
        made = MeasuredLevel("a", "l", genome, Path(), pd.DataFrame())
        made.observed = pd.DataFrame(index=list(genes))
        return made

    found = study_figures.shared_genes([level("x", "abc"), level("y", "ab"), level("x", "bcd")])
    assert found == {"x": ["b", "c"], "y": ["a", "b"]}


def test_shares_of_genes_add_up(data):
    assert data["distributions"][0]["name"] == "atlas one · all" and len(data["distributions"]) == 5
    for one in data["distributions"]:
        np.testing.assert_allclose(np.sum(one["share"], axis=1), 1, atol=0.01)
        assert len(one["x"]) == len(one["share"][0]) and np.allclose(np.diff(one["x"]), 0.25)


def test_other_models_predictions_are_what_models_are_compared_with(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    content = json.loads(manifest.read_text())
    table = read_table(tmp_path / "p/type.scxpresso.tsv.gz")
    noise = np.random.default_rng(3).normal(0, 0.1, len(table))
    write_table(tmp_path / "p/rival.tsv.gz", table.assign(predicted=table["observed"] + noise))
    rival = {"atlas": "atlas one", "level": "type", "recipe": "rival", "network": EXTERNAL}
    content["predictions"].append({**rival, "path": "p/rival.tsv.gz"})
    write_json(manifest, content)
    for name, table in evaluate(manifest).items():
        write_table(tmp_path / f"v/{name}.tsv", table)
    run = read_run(manifest)
    cards = [verdicts.card(run, level, recipe) for level in run.levels for recipe in level.trained]
    (other,) = [card for card in cards if card["external"]]
    assert other["recipe"] == "rival (external)" and other["verdicts"][0] == verdicts.UNKNOWN_TRAINING
    sentences = verdicts.overall(cards)
    ours = sum(not card["external"] for card in cards)
    assert ours == len(cards) - 1 and any(sentence.endswith(f" of {ours} models.") for sentence in sentences)
    assert sentences[-1].startswith("Against other models' predictions: worse in ")
    (drawn,) = [one for one in study_figures.recipe_plots(run) if one["name"] == "atlas one · type"]
    assert "rival (external)" in drawn["rows"] and "rival (external)" in drawn["columns"]
    assert drawn["delta"][0][drawn["columns"].index("rival (external)")] < 0


def test_own_models_are_compared_with_every_other_way(data):
    (one,) = [one for one in data["comparisons"] if one["name"] == "atlas one · type · scxpresso"]
    kinds = pd.Series(one["kind"]).value_counts().to_dict()
    # Of each population: 2 others, 2 levels, bulk, and another atlas; and all but the levels against the whole.
    assert kinds == {"population": 6, "level": 6, "tissue": 3, "atlas": 3, "protocol": 3, "transfer": 12}
    assert {"a2", f"a1 · {OTHER}", f"all · {BULK} · all"} == {
        other for kind, name, other in zip(one["kind"], one["population"], one["other"], strict=True)
        if (kind, name) == ("transfer", "a1") and other != "b1"
    }  # fmt: skip
    first = dict(zip(zip(one["kind"], one["population"], strict=True), one["other"], strict=True))
    assert first["atlas", "a1"] == f"a1 · {OTHER}" and first["tissue", "a1"] == f"all · {BULK} · all"
    assert one["own_folds"] == 6 and all(value is not None for value in one["resemblance"])


def test_recipes_are_compared_in_pairs_and_by_fold_method(data):
    one = next(one for one in data["recipe_map"] if one["name"] == "atlas one · type")
    # Folds by family are compared with easier ones, not the other way round.
    assert one["rows"] == ["scxpresso", "hybrid", "further (scxpresso)"]
    row = dict(
        zip(one["columns"], zip(one["delta"][0], one["tests"][0], one["significant"][0], strict=True), strict=True)
    )
    assert row["by_family (scxpresso)"][0] > 0 and row["by_family (scxpresso)"][1:] == (3, 3)
    assert one["delta"][0][one["columns"].index("scxpresso")] is None  # itself
    (level,) = data["fold_methods"]
    pearson = next(row for row in level["rows"] if row["metric"] == "pearson" and row["recipe"] == "scxpresso")
    assert pearson["methods"] == ["random", "family"] and pearson["values"][0] > pearson["values"][1]
    assert pearson["delta"] == pytest.approx(pearson["values"][0] - pearson["values"][1], abs=1e-3)


def test_further_targets_are_shown_beside_the_recipe_without_them(data):
    (level,) = data["further_targets"]
    scores = {one["score"]: {row["recipe"]: row for row in one["rows"]} for one in level["scores"]}
    assert list(scores) == [
        "mean, all genes", "mean, hardly detected genes", "fraction, all genes", "fraction, hardly detected genes",
    ]  # fmt: skip
    mean = scores["mean, all genes"]
    further, alone = mean["further (scxpresso)"], mean["scxpresso"]
    assert further["other"] == "scxpresso" and alone["other"] == "" and alone["deltas"] == [None] * 3
    np.testing.assert_allclose(np.subtract(further["values"], alone["values"]), further["deltas"], atol=1e-3)
    assert list(scores["fraction, all genes"]) == ["further (scxpresso)"]


def test_too_many_populations_and_genes_are_left_out(data, tmp_path, monkeypatch):
    monkeypatch.setattr(study_figures, "N_AGREEMENT_GENES", 10)
    monkeypatch.setattr(study_figures, "N_AGREEMENT_POPULATIONS", 3)
    found = page_of(make_study(tmp_path, tissue=HOSTILE[0])).data["agreement"]
    assert len(found["genes"][0]) == 10 and len(found["pairs"]) == 6
    assert sum(one is not None for one in found["values"]) == 3


@pytest.mark.slow
def test_results_without_the_tables_of_the_study_render(tmp_path):
    manifest = make_study(tmp_path)
    for name in ("agreement", "distributions", "histograms", "leakage", "targets"):
        (tmp_path / f"v/{name}.tsv").unlink()
    comparisons = read_table(tmp_path / "v/comparisons.tsv").drop(columns=NEW_COMPARISON_COLUMNS)
    write_table(tmp_path / "v/comparisons.tsv", comparisons)
    page = page_of(manifest)
    assert (
        page.data["agreement"] is None
        and page.data["distributions"] == page.data["fold_methods"] == page.data["further_targets"] == []
    )
    assert page.data["comparisons"][0]["resemblance"][0] is None
    assert "Tables of this run have no distributions" in page.text

"""Predictions of other models: how they are read, scaled, checked and evaluated beside ours."""

import csv
import json

import anndata
import numpy as np
import pandas as pd
import pytest
from preflight_project import GENES, Project

from scxpresso.evaluation.evaluation import evaluate
from scxpresso.evaluation.external_predictions import (
    check_missing,
    looks_linear,
    on_genes,
    on_scale,
    read_external_predictions,
)
from scxpresso.metrics import pearson
from scxpresso.problems import InputError
from scxpresso.store import EXTERNAL, prediction_table, read_table, write_table

POPULATIONS = ["B cell", "NA"]
TABLE = pd.DataFrame([[1.0, 2.0], [3.0, np.nan], [5.0, 6.5]], index=["g1", "g2", "g3"], columns=POPULATIONS)


def written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_tables_of_text_are_read_with_their_missing_values(tmp_path, separator):
    text = "gene|other|NA|B cell\ng1|x|2|1\ng2||NA|3\ng3|y|6.5|5e0\n".replace("|", separator)
    pd.testing.assert_frame_equal(read_external_predictions(written(tmp_path / "t", text), None, POPULATIONS), TABLE)


@pytest.mark.parametrize(("separator", "label"), [("\t", "CD4, alpha, beta"), (";", "CD4, alpha")])
def test_labels_may_have_commas(tmp_path, separator, label):
    labels = [label, "B"]
    text = f"gene|{'|'.join(labels)}\ng1|1|2\n".replace("|", separator)
    assert read_external_predictions(written(tmp_path / "t", text), None, labels).loc["g1"].tolist() == [1, 2]


@pytest.mark.parametrize("turned", [False, True])
def test_an_h5ad_may_have_genes_on_either_side_and_names_its_layer(tmp_path, turned):
    data = anndata.AnnData(TABLE.T if turned else TABLE)
    data.write_h5ad(tmp_path / "x.h5ad")
    pd.testing.assert_frame_equal(read_external_predictions(tmp_path / "x.h5ad", None, POPULATIONS), TABLE)
    data.layers["preds"] = data.X + 1
    data.write_h5ad(tmp_path / "x.h5ad")
    found = read_external_predictions(tmp_path / "x.h5ad", "preds", POPULATIONS)
    pd.testing.assert_frame_equal(found, TABLE + 1)
    with pytest.raises(InputError, match="X and the layers 'preds'"):
        read_external_predictions(tmp_path / "x.h5ad", None, POPULATIONS)
    with pytest.raises(InputError, match="did you mean 'preds'"):
        read_external_predictions(tmp_path / "x.h5ad", "pred", POPULATIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\tB cells\tNA\ng1\t1\t2\n", "no column for 1 of 2 populations: 'B cell'\n.*\n.*did you mean 'B cells'"),
        ("gene\tB cell\tNA\tNA\ng1\t1\t2\t3\n", "'NA' more than once"),
        ("gene\tB cell\tNA\ng1\t1\thigh\n", "row 2: 'high' for the gene 'g1'"),
        ("gene\tB cell\tNA\ng1\t1\t-inf\n", "1 values are infinite, the first of the gene 'g1' in 'NA'"),
        ("", "no column for 2 of 2"),
        ("gene\tB cell\tNA\ng1\t1\t2\ng2\t1\n", "row 3: 2 cells under a header of 3"),
        ("gene\tB cell\tNA\ng1\t1\t2\t3\n", "row 2: 4 cells under a header of 3"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_external_predictions(written(tmp_path / "t.tsv", text), None, POPULATIONS)


def test_genes_are_matched_by_id_without_version_or_name():
    genes = pd.DataFrame({"gene_id": ["ENSG1.5", "ENSG2.1", "G3"], "gene_name": ["", "MYC", ""]})
    table = TABLE.set_axis(["ENSG1", "MYC", "unknown"])
    found = on_genes(table, genes, ["ENSG2.1", "ENSG1.5", "G3"])
    assert found["B cell"].tolist()[:2] == [3.0, 1.0] and found.loc["G3"].isna().all()
    with pytest.raises(InputError, match=r"no value for 2 of 3 genes of the atlas: 'ENSG2\.1', 'G3'"):
        check_missing("t.tsv", found)
    check_missing("t.tsv", found.loc[["ENSG1.5"]])
    twice = table.set_axis(["ENSG1", "ENSG1", "unknown"])
    with pytest.raises(InputError, match="genes more than once: 'ENSG1'"):
        on_genes(twice, genes, ["ENSG1.5"])
    assert on_genes(table.set_axis(["MYC", "unknown", "unknown"]), genes, ["ENSG2.1"])["B cell"].tolist() == [1.0]


def test_values_get_the_training_genes_mean_and_deviation():
    """By hand: trained on 1 and 3 (mean 2, deviation 1), whose observed values are -4 and 0 (mean -2, deviation 2)."""
    table = pd.DataFrame({"x": [1.0, 3.0, 4.0, np.nan], "constant": 7.0})
    observed = pd.DataFrame({"x": [-4.0, 0.0, -1.0, -3.0], "constant": [-4.0, 0.0, 1.0, 1.0]})
    scaled = on_scale(table, observed, np.array([1, 1, 2, 2]))
    np.testing.assert_allclose(scaled[2:, 0], [-2 + 2 * 2, -2])
    np.testing.assert_allclose(scaled[2:, 1], [-2, -2])
    np.testing.assert_allclose(scaled[:2, 0], -2)  # from one training value, there is no deviation


def test_correlations_do_not_depend_on_the_scale():
    rng = np.random.default_rng(1)
    observed = pd.DataFrame(rng.normal(-3, 1, (60, 2)))
    table = observed * 0.5 + rng.normal(size=(60, 2))
    fold = np.arange(60) % 3
    scaled, other = (on_scale(one, observed, fold) for one in (table, table * [100, 0.001] + [5, -70]))
    np.testing.assert_allclose(scaled, other, atol=1e-9)
    for number in range(3):
        test = fold == number
        r = pearson(observed.to_numpy()[test], table.to_numpy()[test])
        np.testing.assert_allclose(pearson(observed.to_numpy()[test], scaled[test]), r)


def test_counts_are_told_from_logarithms():
    counts = pd.DataFrame(np.exp(np.random.default_rng(1).normal(0, 2, (200, 2))))
    assert looks_linear(counts) and not looks_linear(np.log10(counts)) and not looks_linear(np.log10(counts + 1))


def test_the_executable_writes_predictions_like_those_of_a_network(tmp_path, run_cli):
    observed = pd.DataFrame({"gene_id": ["g1", "g2", "g3"], "B cell": [-4.0, -2.0, -1.0], "NA": [-4.0, -3.0, -1.0]})
    write_table(tmp_path / "e.tsv.gz", observed)
    write_table(tmp_path / "genes.tsv", pd.DataFrame({"gene_id": ["g1", "g2", "g3"], "gene_name": ""}))
    write_table(tmp_path / "folds.tsv", pd.DataFrame({"gene_id": ["g1", "g2", "g3"], "fold": [1, 2, 2]}))
    (tmp_path / "t.tsv").write_text("gene\tB cell\tNA\ng1\t1\t2\ng2\t2\t\ng3\t3\t4\n")
    options = [
        "import_predictions.py", "--predictions", tmp_path / "t.tsv", "--expression", tmp_path / "e.tsv.gz",
        "--genes", tmp_path / "genes.tsv", "--folds", tmp_path / "folds.tsv", "--output", tmp_path / "out.tsv.gz",
    ]  # fmt: skip
    refused = run_cli(*options)
    assert refused.returncode == 1 and "no value for 1 of 3 genes" in refused.stderr
    write_table(tmp_path / "of_others.tsv", pd.DataFrame({"gene_id": ["g1", "g4"], "fold": [1, 2]}))
    refused = run_cli(*options, "--missing_genes", "mean", "--folds", tmp_path / "of_others.tsv")
    assert refused.returncode == 1 and "no fold for 2 of 3 genes: 'g2', 'g3'" in refused.stderr
    assert not (tmp_path / "out.tsv.gz").exists()
    done = run_cli(*options, "--missing_genes", "mean")
    assert done.returncode == 0, done.stderr
    table = read_table(tmp_path / "out.tsv.gz").set_index(["gene_id", "population"])
    # Trained on 2 and 3, whose observed values are -2 and -1; and on 4 alone, beside a gene without a value.
    assert table.loc[("g1", "B cell"), "predicted"] == pytest.approx(-1.5 + 0.5 * (1 - 2.5) / 0.5)
    assert table.loc[("g1", "NA"), "predicted"] == pytest.approx(-2.0)


def test_another_model_is_evaluated_and_compared_like_a_network(tmp_path):
    rng = np.random.default_rng(3)
    genes = [f"g{number:02d}" for number in range(40)]
    fold = np.arange(40) % 4 + 1
    observed = pd.DataFrame(rng.normal(size=(40, 2)), index=pd.Index(genes, name="gene_id"), columns=["x", "y"])
    write_table(tmp_path / "genes.tsv", pd.DataFrame({"gene_id": genes, "gene_name": genes}))
    write_table(tmp_path / "e/all.tsv.gz", observed.reset_index())
    populations = pd.DataFrame({"population": ["x", "y"], "parent": "", "genes_detected": 40, "noise_ceiling": 0.9})
    write_table(tmp_path / "e/all.populations.tsv", populations)
    predictions = []
    for name, network, noise in (("scxpresso", "scxpresso", 1.0), ("enformer", EXTERNAL, 0.5), ("kmer", "kmer", 2.0)):
        output = observed.to_numpy() + rng.normal(0, noise, size=(1, 40, 2))
        write_table(tmp_path / f"{name}.tsv.gz", prediction_table(observed, fold, output))
        entry = {"atlas": "A", "level": "all", "recipe": name, "network": network, "path": f"{name}.tsv.gz"}
        predictions.append(entry)
    atlas = {"atlas": "A", "genome": "g", "levels": ["all"], "path": "e"}
    manifest = {"genomes": [{"genome": "g", "genes": "genes.tsv"}], "atlases": [atlas], "predictions": predictions}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    tables = evaluate(tmp_path / "manifest.json")
    for name in ("populations", "genes", "summary"):
        assert "enformer" in set(tables[name]["recipe"]), name
    comparisons = tables["comparisons"]
    pairs = {tuple(row) for row in comparisons[["kind", "recipe", "other_recipe"]].to_numpy()}
    assert {
        ("external", "scxpresso", "enformer"), ("external", "enformer", "scxpresso"), ("baseline", "enformer", "kmer"),
    } <= pairs  # fmt: skip
    assert not any(kind == "recipe" for kind, *_ in pairs)
    metrics = tables["summary"].query("recipe == 'scxpresso'").set_index("metric")["value"]
    assert metrics["pearson_minus_enformer"] < 0 < metrics["pearson_minus_kmer"]


# ---- Checks before the run -------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    made = Project(tmp_path, schemas, checked_files)
    lines = [f"{gene}\t{number / 7}\n" for number, gene in enumerate(GENES)]
    (tmp_path / "enformer.tsv").write_text("gene\tB cell\n" + "".join(lines))
    return made


def give(project, *rows):
    usual = {"name": "enformer", "atlas": "tiny", "level": "kind", "file": "enformer.tsv"}
    rows = [usual | row for row in rows]
    with open(project.folder / "predictions.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, dict.fromkeys(column for row in rows for column in row))
        writer.writeheader()
        writer.writerows(rows)
    project.params["external_predictions"] = str(project.folder / "predictions.csv")
    return project


def test_good_predictions_have_a_note_of_what_they_may_have_seen(project):
    notes = give(project, {}).notes()
    assert "'enformer': such a model may have been trained on genes or cells that are held out here" in notes


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "kmer"}, ["column name: 'kmer', which a baseline has"]),
        ({"name": "Hybrid"}, ["'Hybrid', which a network has"]),
        ({"name": "mean_family"}, ["a baseline has"]),
        ({"name": "a/b"}, ["'a/b'", "safe as a file name"]),
        ({"atlas": "tin"}, ["no atlas 'tin' in --input", "did you mean 'tiny'"]),
        ({"level": "kinds"}, ["no level 'kinds' of 'tiny'", "did you mean 'kind'"]),
        ({"level": "all"}, ["no column for 1 of 1 populations: 'all'", "the file has 'B cell'"]),
        ({"file": "none.tsv"}, ["no file 'none.tsv'"]),
        ({"missing_genes": "ignore"}, ["'ignore'", "one of 'error', 'mean'"]),
    ],
)
def test_bad_rows_are_problems(project, row, words):
    give(project, row).problem(*words)


def test_genes_without_a_prediction_are_a_problem_unless_the_mean_is_asked_for(project):
    text = (project.folder / "enformer.tsv").read_text().splitlines()
    (project.folder / "enformer.tsv").write_text("\n".join(text[:-3]) + "\n")
    give(project, {}).problem(f"no value for 3 of {len(GENES)} genes of the atlas: '{GENES[-3]}'", "missing_genes")
    assert "3 of 60 genes have no value" in give(project, {"missing_genes": "mean"}).notes()


def test_a_model_is_given_once_per_level(project):
    give(project, {}, {"name": "Enformer"}).problem("'Enformer' of the same atlas and level as in row 1")
    (project.folder / "all.tsv").write_text("".join([f"{gene}\t{n}\n" for n, gene in enumerate(["gene", *GENES])]))
    text = (project.folder / "all.tsv").read_text().replace("gene\t0", "gene\tall")
    (project.folder / "all.tsv").write_text(text)
    assert give(project, {}, {"level": "all", "file": "all.tsv"}).check().report() == ""


def test_a_recipe_of_the_same_name_is_a_problem(project):
    (project.folder / "recipes.csv").write_text("recipe,network\nEnformer,scxpresso\n")
    project.params["recipes"] = str(project.folder / "recipes.csv")
    give(project, {}).problem("'enformer', which a recipe has")

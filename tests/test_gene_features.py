"""Gene features of the user: how tables are read, checked and planned, and what networks read of them."""

import csv
import json

import anndata
import numpy as np
import pandas as pd
import pytest
from preflight_project import GENES, Project

from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.gene_features import PREFIX, check_complete, read_gene_features
from scxpresso.problems import InputError
from scxpresso.training.data import Recipe, training_data

IDS, NAMES = ["ENSG00000000001.4", "g2", "g3"], ["A", "B", ""]
VALUES = np.array([[1, 2], [3, np.nan], [np.nan, np.nan]], dtype=np.float32)


def written(path, text):
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


def give_table(project, values=None, genes=GENES, name="embedding.tsv"):
    """Write a table of two columns, by default for every gene of the genome."""
    values = np.random.default_rng(1).normal(size=(len(genes), 2)) if values is None else values
    table = pd.DataFrame(values, index=list(genes), columns=["first", "second"])
    table.to_csv(project.folder / name, sep="\t", index_label="gene_id")
    project.params["gene_features"] = name


def give_recipes(project, *rows):
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with open(project.folder / "recipes.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    project.params["recipes"] = str(project.folder / "recipes.csv")


# ---- Tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_ids_match_without_version_and_by_name(tmp_path, separator):
    text = "gene|one|two\nENSG00000000001.7|1|2\nother|5|6\nB|3|NA\n\n".replace("|", separator)
    found = read_gene_features(written(tmp_path / "t", text), IDS, NAMES)
    assert found.names == [PREFIX + "one", PREFIX + "two"] and found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.unknown == ["other"] and found.incomplete == ["g2", "g3"]
    with pytest.raises(InputError, match=r"(?s)no value for 2 of 3 genes of the genome: 'g2', 'g3'.*_missing mean"):
        check_complete("t", found)


@pytest.mark.parametrize("turned", [False, True])
def test_an_h5ad_may_have_genes_on_either_side(tmp_path, turned):
    table = pd.DataFrame([[1.0, 2.0], [3.0, np.nan]], index=["ENSG00000000001", "g2"], columns=["one", "two"])
    anndata.AnnData(table.T if turned else table).write_h5ad(tmp_path / "x.h5ad")
    np.testing.assert_array_equal(read_gene_features(tmp_path / "x.h5ad", IDS, NAMES).values, VALUES)


def test_constant_and_empty_columns_are_named(tmp_path):
    text = "gene\ta\tb\tc\tg\nENSG00000000001\t1\t2\t\t0\ng2\t3\t2\t\t\ng3\t1\t2\t\t\n"
    assert read_gene_features(written(tmp_path / "t", text), IDS, NAMES).constant == [
        PREFIX + name for name in ("b", "c", "g")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\na\n", "a single column: 'gene'"),
        ("gene\tone\n", "a header without rows"),
        ("gene\tone\tone\ng2\t1\t2\n", "columns of the same name: 'one'"),
        ("gene\tone\t\ng2\t1\t2\n", "a column without a name"),
        ("gene\tone\ng2\t1\t2\n", "row 2: 3 cells under a header of 2"),
        ("gene\tone\ttwo\ng2\t1\tB\n", "row 2, column two: 'B' for the gene 'g2'"),
        ("gene\tone\ng2\t1\ng3\tinf\n", "1 values are infinite, the first of the gene 'g3' in 'one'"),
        ("gene\tone\ng2\t1\ng2\t2\n", "genes more than once: 'g2'"),
        (
            "gene\tone\ng2\t1e-10\ng3\t9e-10\n",
            "column one: values with a mean of 5e-10 and a standard deviation of 4e-10",
        ),
        ("gene\tone\ng2\t1000000000\ng3\t1000000100\n", "column one: values with a mean of 1e\\+09"),
    ],
)
def test_tables_that_are_not_read(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_gene_features(written(tmp_path / "t", text), IDS, NAMES)


def test_a_gene_that_the_genome_lacks_may_be_listed_twice(tmp_path):
    found = read_gene_features(written(tmp_path / "t", "gene\tone\ng2\t1\nx\t1\nx\t2\n"), IDS, NAMES)
    assert found.unknown == ["x", "x"]


# ---- features.h5 and networks ----------------------------------------------------------------------------------------


@pytest.fixture
def features(tmp_path):
    genes = [f"g{number:02d}" for number in range(40)]
    text = "gene\tone\ttwo\n" + "".join(f"{gene}\t{number}\t{number % 7}\n" for number, gene in enumerate(genes[:-1]))
    table = read_gene_features(written(tmp_path / "t", text), genes, [""] * 40)
    codes, half_life = np.full((40, 20), 1, dtype=np.uint8), np.ones((40, 5))
    write_features(tmp_path / "f.h5", genes, codes, half_life, half_life, 10, gene_features=table)
    return Features(tmp_path / "f.h5")


def test_they_are_read_as_they_are_beside_other_annotation(features):
    names = [PREFIX + "two", "orf_length", PREFIX + "one"]
    assert features.annotation_features(["half_life", "gene_features"])[-2:] == (PREFIX + "one", PREFIX + "two")
    read = features.annotation(np.array([9, 39]), names)
    assert read[0].tolist() == pytest.approx([2, np.log10(1.1), 9])
    assert np.isnan(read[1, [0, 2]]).all()
    digest = features.gene_features_digest(names)
    assert digest and digest != features.gene_features_digest(names[1:])
    assert features.gene_features_digest(["orf_length"]) == ""
    with pytest.raises(InputError, match="extract them again, with --gene_features"):
        features.annotation(np.array([0]), [PREFIX + "three"])


@pytest.mark.parametrize(
    ("network", "chosen", "number"),
    [("hybrid", "extended", 7), ("grammar", "half_life", 7), ("scxpresso", "extended", 5)],
)
def test_networks_that_can_read_them_do(features, network, chosen, number):
    expression = pd.DataFrame(np.arange(40.0)[:, None], index=features.gene_id, columns=["p"])
    folds = pd.Series(np.arange(40) % 2 + 1, index=features.gene_id)
    recipe = Recipe(network=network, annotation_features=chosen)
    assert len(training_data(features, expression, folds, [1], recipe).annotation_features) == number


# ---- Preflight -------------------------------------------------------------------------------------------------------


def test_a_table_of_the_only_genome(project):
    give_table(project)
    assert "genome g1: 2 gene features beside the annotation features" in project.notes()
    project.params |= {"genomes": None, "fasta": "genome.fa", "gtf": "genes.gtf"}
    assert "2 gene features beside" in project.notes()


def test_a_table_in_the_sheet_of_genomes(project):
    give_table(project)
    project.genome["gene_features"] = project.params.pop("gene_features")
    project.write_sheets()
    assert "2 gene features beside" in project.notes()
    project.params["network"] = "scxpresso"
    assert "genomes.csv, row 1 (line 2), column gene_features: gene features that no recipe reads" in project.notes()


def test_a_table_that_nothing_reads_or_of_several_genomes(project):
    give_table(project)
    project.params["network"] = "scxpresso"
    project.problem("--gene_features: gene features that no recipe reads", "'hybrid', 'grammar'")
    project.params["network"] = "hybrid"
    project.genome["gene_features"] = "embedding.tsv"
    project.write_sheets()
    project.problem("--gene_features: given beside a sheet of genomes with a table in its column gene_features")
    project.params["gene_features"] = "no.tsv"
    del project.genome["gene_features"]
    project.write_sheets()
    project.problem("--gene_features: no file 'no.tsv'")


def test_genes_that_the_table_lacks(project):
    give_table(project, genes=[*GENES[3:], "else"])
    project.problem("--gene_features, file 'embedding.tsv': no value for 3 of 60 genes", f"'{GENES[0]}'")
    project.params["gene_features_missing"] = "mean"
    notes = project.notes()
    assert "3 of 60 genes lack gene features, and have the mean of the training genes" in notes
    assert "1 genes of embedding.tsv are not genes of the genome: 'else'" in notes
    give_table(project, genes=["x", "y"])
    project.problem("no value for any gene of the genome, which has 'ENSG", "genes that only the table has: 'x', 'y'")


def test_columns_that_say_nothing_are_noted(project):
    give_table(project, values=np.ones((60, 2)))
    assert "2 gene features are the same for all genes" in project.notes()


def test_each_network_that_reads_them_is_also_trained_without(project):
    give_table(project)
    project.params["network"] = "scxpresso,grammar"
    recipes = {one["recipe"]: one for one in project.plan()["recipes"]}
    assert list(recipes) == ["scxpresso", "grammar", "grammar_promoter", "grammar_no_gene_features"]
    windows = {name: one["window"] for name, one in recipes.items()}
    assert windows.pop("grammar") == "7000_3500_extended_gene_features"
    assert set(windows.values()) == {"7000_3500_extended"}  # not trained again after a change of the table
    without = recipes["grammar_no_gene_features"]
    assert without["training"] == recipes["grammar"]["training"] and not without["downstream_analyses"]
    assert without["atlases"] == ["tiny"]
    settings = {one["recipe"]: one["settings"] for one in project.plan()["evaluation"]["recipes"]}
    assert settings["grammar"] != settings["grammar_no_gene_features"]
    assert [one["gene_features"] for one in project.plan()["windows"]] == [False, True]


def test_recipes_say_which_networks_read_them(project):
    give_table(project)
    give_recipes(project, {"recipe": "all", "network": "hybrid"}, {"recipe": "published", "network": "scxpresso"})
    assert "repeat a recipe's row with another name and gene_features no" in project.notes()
    give_recipes(
        project,
        {"recipe": "all", "network": "hybrid"},
        {"recipe": "less", "network": "hybrid", "gene_features": "no"},
        {"recipe": "published", "network": "scxpresso", "gene_features": "yes"},
    )
    notes = project.notes()
    assert "repeat a recipe's row" not in notes
    assert "column gene_features: not used: the network scxpresso has no such option" in notes
    assert [one["gene_features"] for one in project.plan()["recipes"]] == [True, False, False]


def test_models_need_the_table_that_they_were_trained_with(project):
    content = {
        "atlas": "tiny", "level": "kind", "genome": "g1", "network": "hybrid", "inputs": "both", "upstream": 2000,
        "downstream": 1000, "populations": ["B cell"], "annotation_features": ["orf_length", PREFIX + "first"],
        "folds": {"1": {"used": ["fold_1/replicate_1.safetensors"]}}, "fold_of_gene": {"g": 1},
    }  # fmt: skip
    (project.folder / "model.json").write_text(json.dumps(content))
    project.models["model.json"] = ["fold_1/replicate_1.safetensors"]
    project.params |= {"models": "models", "saturate": "all", "input": None}
    project.problem("tiny.kind.hybrid reads 1 gene features, and the genome 'g1' has no table of them")
    give_table(project)
    project.notes()
    assert [one["window"] for one in project.plan()["windows"]] == ["2000_1000_half_life_gene_features"]
    assert "not those of training" not in project.notes()
    table = read_gene_features(project.folder / "embedding.tsv", GENES[::-1], [""] * 60)
    content["gene_features"] = table.digest([PREFIX + "first"])
    (project.folder / "model.json").write_text(json.dumps(content))
    assert "not those of training" not in project.notes()
    give_table(project, values=np.random.default_rng(2).normal(size=(60, 2)))
    assert "tiny.kind.hybrid: the gene features of the genome 'g1' are not those of training" in project.notes()
    content["annotation_features"][1] = PREFIX + "third"
    (project.folder / "model.json").write_text(json.dumps(content))
    project.problem("reads gene features that the table of the genome 'g1' lacks: 'gene_features:third'")
    content["annotation_features"].pop()
    (project.folder / "model.json").write_text(json.dumps(content))
    project.problem("gene features that no model reads")

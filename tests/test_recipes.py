"""Recipes: the sheet, what each recipe takes from parameters, and what main.nf is told to run."""

import csv
import json
import shutil

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from preflight_project import Project

from scxpresso.checks.schemas import coerced


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


def give_recipes(project, *rows):
    """Write a sheet of recipes; columns that a row lacks are empty."""
    path = project.folder / "recipes.csv"
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    project.params["recipes"] = str(path)


def planned(project, *names):
    """Recipes of a sheet without problems, as main.nf gets them, by name."""
    project.notes()
    recipes = {recipe["recipe"]: recipe for recipe in project.plan()["recipes"]}
    return [recipes[name] for name in names] if names else recipes


def test_without_a_sheet_each_network_is_a_recipe(project):
    project.params |= {"replicates": 3, "epochs": "7"}
    project.params["network"] = "scxpresso,hybrid"
    published, hybrid = planned(project, "scxpresso", "hybrid")
    assert list(planned(project)) == ["scxpresso", "hybrid"]
    assert published["network"] == "scxpresso" and hybrid["network"] == "hybrid"
    assert published["training"]["replicates"] == hybrid["training"]["replicates"] == 3
    assert published["window"] == hybrid["window"] == "7000_3500_extended"
    assert published["downstream_analyses"] and published["atlases"] is published["levels"] is None


def test_a_network_that_asks_for_it_is_also_trained_on_the_promoter_alone(project):
    project.params["network"] = "grammar"
    whole, promoter = planned(project, "grammar", "grammar_promoter")
    assert list(planned(project)) == ["grammar", "grammar_promoter"]
    assert (whole["training"]["inputs"], promoter["training"]["inputs"]) == ("both", "sequence")
    assert whole["downstream_analyses"] and not promoter["downstream_analyses"]
    project.params["inputs"] = "sequence"
    assert list(planned(project)) == ["grammar"]


def test_training_has_only_options_that_the_network_uses(project):
    """Another value of an option that a network does not use must not train it again."""
    project.params |= {"epochs": 7, "network": "scxpresso,hybrid"}
    published, hybrid = planned(project, "scxpresso", "hybrid")
    assert published["training"]["epochs"] == 7 and "annotation_features" not in published["training"]
    assert not {"epochs", "batch_size", "learning_rate"} & hybrid["training"].keys()
    assert hybrid["training"]["annotation_features"] == "extended"


def test_empty_cells_take_the_parameters(project):
    project.params |= {"fold_method": "family", "replicates": 4, "network": "hybrid"}
    give_recipes(
        project,
        {"recipe": "plain"},
        {"recipe": "ablation", "network": "scxpresso", "inputs": "sequence", "epochs": "3", "tasks": "single"},
        {"recipe": "narrow", "upstream": "900", "downstream": "100", "replicates": "1", "fold_method": "random"},
        {"recipe": "five", "features": "half_life", "downstream_analyses": "no", "levels": "kind", "atlases": "tiny"},
    )
    plain, ablation, narrow, five = planned(project, "plain", "ablation", "narrow", "five")
    assert (plain["network"], plain["fold_method"], plain["training"]["replicates"]) == ("hybrid", "family", 4)
    assert plain["training"]["tasks"] == "multi" and plain["training"]["inputs"] == "both"
    assert ablation["training"] == {
        "inputs": "sequence", "tasks": "single", "replicates": 4, "epochs": 3, "batch_size": 128, "learning_rate": 0.0005,
        "validation_genes": 1000, "seed": 1, "engine": "auto",
    }  # fmt: skip
    assert narrow["window"] == "900_100_extended" and narrow["fold_method"] == "random"
    assert five["window"] == plain["window"] and five["training"]["annotation_features"] == "half_life"
    assert not five["downstream_analyses"] and five["levels"] == ["kind"] and five["atlases"] == ["tiny"]


def test_windows_and_fold_methods_start_with_the_parameters(project):
    give_recipes(
        project,
        {
            "recipe": "far",
            "network": "hybrid",
            "upstream": "10000",
            "fold_method": "family",
            "downstream_analyses": "no",
        },
        {"recipe": "near", "network": "hybrid", "upstream": "900", "downstream": "4000"},
    )
    project.notes()
    plan = project.plan()
    assert [one["window"] for one in plan["windows"]] == [
        "7000_3500_extended", "10000_3500_extended", "900_4000_extended"
    ]  # fmt: skip
    assert plan["fold_methods"] == ["random", "family"]
    assert plan["widest"] == {"upstream": 900, "downstream": 4000}  # of what variants are scored with


def test_extended_features_are_extracted_for_the_recipe_that_reads_them(project):
    project.params["features"] = "half_life"
    give_recipes(
        project, {"recipe": "a", "network": "hybrid", "features": "extended"}, {"recipe": "b", "network": "hybrid"}
    )
    rich, plain = planned(project, "a", "b")
    assert rich["window"] == "7000_3500_extended" and plain["window"] == "7000_3500_half_life"


def test_any_network_may_read_the_eight_features_of_xpresso(project):
    project.params["features"] = "half_life"
    give_recipes(
        project,
        {"recipe": "a", "network": "scxpresso", "features": "xpresso"},
        {"recipe": "b", "network": "hybrid", "features": "xpresso"},
    )
    for recipe in planned(project, "a", "b"):
        assert recipe["training"]["annotation_features"] == "xpresso" and recipe["window"] == "7000_3500_extended"
    assert "column features: not used" not in project.notes()


def test_the_papers_experiments_are_a_sheet_of_recipes(project):
    shutil.copy(ROOT / "assets/recipes/paper.csv", project.folder / "recipes.csv")
    project.params |= {"recipes": str(project.folder / "recipes.csv"), "folds": 2}
    recipes, base = planned(project), planned(project, "scxpresso")[0]
    assert "recipes.csv" not in project.notes()
    different = {
        name: {column for column in base if one[column] != base[column]} - {"recipe", "downstream_analyses"}
        | {option for option, value in one["training"].items() if base["training"].get(option) != value}
        for name, one in recipes.items()
    }
    assert different == {
        "scxpresso": set(),
        "sequence": {"training", "inputs"},
        "half_life_only": {"training", "inputs"},
        "window_3500_3500": {"window", "upstream"},
        "window_10000_5000": {"window", "upstream", "downstream"},
        "single_task": {"training", "tasks"},
        "by_chromosome": {"fold_method"},
        "by_family": {"fold_method"},
        "xpresso": {"training", "annotation_features", "replicates", "ensemble"},
    }


PROBLEMS = {
    "name": ({"recipe": "a/b", "network": "hybrid"}, "row 1 (line 2), column recipe: 'a/b'", "safe as a file name"),
    "baseline": ({"recipe": "kmer", "network": "hybrid"}, "column recipe: 'kmer', the name of a baseline"),
    "no network": ({"recipe": "a"}, "column network: an empty cell", "one of 'scxpresso', 'grammar'"),
    "network": ({"recipe": "a", "network": "hybird"}, "an unknown network 'hybird'", "did you mean 'hybrid'?"),
    "window": (
        {"recipe": "a", "network": "scxpresso", "upstream": "100", "downstream": "50"},
        "row 1 (line 2), columns upstream and downstream: a window of 150 bases", "at least 299",
    ),
    "level": ({"recipe": "a", "network": "hybrid", "levels": "knd"}, "no level 'knd' in --input", "did you mean 'kind'?"),
    "atlas": ({"recipe": "a", "network": "hybrid", "atlases": "tony"}, "no atlas 'tony'", "did you mean 'tiny'?"),
    "tasks": ({"recipe": "a", "network": "hybrid", "tasks": "one"}, "column tasks: 'one'", "one of 'multi', 'single'"),
    "column": ({"recipe": "a", "network": "hybrid", "epoch": "3"}, "an unknown column 'epoch'", "'epochs'"),
    "yes": ({"recipe": "a", "network": "hybrid", "downstream_analyses": "true"}, "'true'", "one of 'yes', 'no'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PROBLEMS)
def test_problems_of_a_recipe(project, kind):
    row, *words = PROBLEMS[kind]
    give_recipes(project, row)
    project.problem("recipes.csv", *words)


def test_a_recipe_twice(project):
    give_recipes(project, {"recipe": "a", "network": "hybrid"}, {"recipe": "a", "network": "scxpresso"})
    project.problem("recipes.csv, row 2 (line 3), column recipe: 'a', as in row 1", "each recipe once")


def test_names_that_would_share_a_file(project):
    """`all.x` + `y` and `all` + `x.y` are both `all.x.y`."""
    project.write_atlas(obs={"all.x": ["B cell", "T cell"] * 20})
    project.atlas["levels"] = "all;all.x"
    project.write_sheets()
    give_recipes(project, {"recipe": "y", "network": "hybrid"}, {"recipe": "x.y", "network": "hybrid"})
    project.problem("models or baselines of the same name", "'tiny.all.x.y'")


def test_an_option_that_the_network_does_not_use_is_noted(project):
    give_recipes(
        project,
        {"recipe": "a", "network": "hybrid", "epochs": "3"},
        {"recipe": "b", "network": "scxpresso", "features": "extended"},
    )
    notes = project.notes()
    assert "recipes.csv, row 1 (line 2), column epochs: not used" in notes
    assert "recipes.csv, row 2 (line 3), column features: not used" in notes


def test_folds_are_checked_for_each_method(project):
    give_recipes(
        project, {"recipe": "a", "network": "hybrid"}, {"recipe": "b", "network": "hybrid", "fold_method": "chromosome"}
    )
    project.problem("--fold_method chromosome", "only 2 contigs with genes")


def test_bulk_options_are_columns_of_the_atlas(project):
    project.atlas |= {"aggregation": "median", "pseudocount": "0"}
    project.write_sheets()
    project.problem("atlases.csv, row 1 (line 2), column aggregation: 'median' for single cells", "bulk atlases only")
    project.atlas |= {"aggregation": "", "pseudocount": ""}
    project.write_sheets()
    project.params |= {"aggregation": "median", "pseudocount": "0.1"}
    notes = project.notes()
    assert "atlas tiny: --aggregation median is not used" in notes and "--pseudocount 0.1 is not used" in notes


@pytest.mark.parametrize("name", ["mean_family", "KMER", "half_life_random"])
def test_names_of_baselines_are_taken(project, name):
    give_recipes(project, {"recipe": name, "network": "hybrid"})
    assert "the name of a baseline" in project.check().report()


def test_names_that_would_share_a_file_in_some_way(project):
    """In a folder that ignores case; and the scores of `a.motifs` beside the changed motifs of `a`."""
    rows = [{"recipe": name, "network": "hybrid"} for name in ("a", "A", "b", "b.motifs")]
    give_recipes(project, *rows[:2])
    project.problem("'tiny.all.A', 'tiny.all.a'")
    give_recipes(project, *rows[2:])
    project.problem("'tiny.all.b.motifs'")


def test_a_level_that_is_no_name_is_one_problem(project):
    give_recipes(project, {"recipe": "a", "network": "hybrid", "levels": "all,kind"})
    project.problem("column levels: 'all,kind'")


def test_analyses_without_a_model(project):
    give_recipes(project, {"recipe": "a", "network": "hybrid", "downstream_analyses": "no"})
    project.params["saturate"] = "hvg:5"
    project.problem("--recipes: no recipe with downstream analyses, beside --saturate")


def test_a_contrast_is_of_a_model_that_is_analysed(project):
    project.write_atlas(obs={"kind": ["B cell", "T cell"] * 20})
    rows = [{"recipe": name, "network": "hybrid", "levels": name} for name in ("all", "kind")]
    give_recipes(project, rows[0] | {"downstream_analyses": "yes"}, rows[1] | {"downstream_analyses": "no"})
    project.params |= {"saturate": "hvg:5", "contrast": "B cell;T cell"}
    project.problem("--contrast: no level has both")
    give_recipes(project, *rows)
    project.notes()


def test_a_level_without_a_recipe_is_noted(project):
    give_recipes(project, {"recipe": "a", "network": "hybrid", "levels": "all"})
    assert "atlas tiny: level kind: no recipe trains it; baselines only" in project.notes()


def test_a_set_of_a_genome_without_a_model(project):
    """Sets and samples are of genomes of which a recipe with downstream analyses trains a model."""
    (project.folder / "genomes.csv").write_text("genome,fasta,gtf\ng1,genome.fa,genes.gtf\ng2,genome.fa,genes.gtf\n")
    (project.folder / "windows.fa").write_text(">a\n" + "ACGTA" * 2100 + "\n")
    path = project.folder / "samples.csv"
    project.params["predict"] = str(path)
    path.write_text("sample,fasta,genome\none,windows.fa,g2\n")
    project.problem("column genome: the genome 'g2', of which there is no model", "one of 'g1'")
    path.write_text("sample,fasta,genome\none,windows.fa,g1\n")
    project.notes()


def test_the_plan_names_the_fold_method_of_every_recipe_and_baseline(project):
    a, b = {"recipe": "a", "network": "scxpresso"}, {"recipe": "b", "network": "scxpresso", "fold_method": "family"}
    give_recipes(project, a, b, b | {"recipe": "c", "upstream": 2000})
    recipes = {one.pop("recipe"): one for one in project.plan()["evaluation"]["recipes"]}
    methods = {name: one["fold_method"] for name, one in recipes.items()}
    assert methods["a"] == methods["kmer"] == "random" and methods["b"] == methods["kmer_family"] == "family"
    assert recipes["a"]["settings"] == recipes["b"]["settings"] != recipes["c"]["settings"]
    assert recipes["kmer"]["settings"] == recipes["kmer_family"]["settings"] != recipes["mean"]["settings"]


def test_the_sheets_of_the_study_have_columns_of_their_schemas():
    for name in ("atlases", "populations", "recipes"):
        schema = json.loads((ROOT / f"assets/schema_{name}.json").read_text())
        rules = schema["items"]["properties"]
        rows = list(csv.DictReader((ROOT / f"assets/demo/study/{name}.csv").open()))
        values = [{column: coerced(cell, rules[column]) for column, cell in row.items() if cell} for row in rows]
        assert not list(Draft202012Validator(schema).iter_errors(values)), name

"""Preflight of downstream analyses, and of models that were trained before: one test for each kind of problem."""

import csv
import json

import pytest
from preflight_project import GENES, Project
from test_damage import write_damaged


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


def give_sheet(project, option, **row):
    path = project.folder / f"{option}.csv"
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    project.params[option] = str(path)


def give_model(project, name="model.json", **changes):
    """A model.json, as it is or spoilt, with its network beside it."""
    content = {
        "atlas": "tiny", "level": "kind", "genome": "g1", "network": "hybrid", "inputs": "both", "upstream": 2000,
        "downstream": 1000, "populations": ["B cell", "L2/3 IT"], "annotation_features": ["orf_length"],
        "folds": {"1": {"used": ["fold_1/replicate_1.safetensors"]}}, "fold_of_gene": {"g": 1},
    } | changes  # fmt: skip
    (project.folder / name).write_text(json.dumps(content))
    project.models[name] = ["fold_1/replicate_1.safetensors"]
    project.params |= {"models": "models", "saturate": "all"}


# ---- What is well ----------------------------------------------------------------------------------------------------


def test_every_analysis_at_once(project):
    (project.folder / "variants.tsv").write_text("chrom\tpos\tref\talt\n1\t1000\tA\tC\n")
    (project.folder / "motifs.jaspar").write_text(">M1 name\nA [1 0]\nC [0 1]\nG [0 0]\nT [1 1]\n")
    (project.folder / "scores.tsv").write_text("variant\tgene\tmodel\ttrack\tscore\nv\tg\tm\tt\t0.5\n")
    (project.folder / "genes.txt").write_text(f"{GENES[0]}\n# a comment\nNAME5\n")
    give_sheet(project, "variants", set="mine", file="variants.tsv", genome="g1")
    give_sheet(project, "predict", sample="other", fasta="genome.fa", gtf="genes.gtf", genome="g1")
    project.write_atlas(obs={"kind": ["B cell", "T cell"] * 20})
    project.params |= {
        "motifs": "motifs.jaspar", "external_scores": "scores.tsv", "saturate": "genes.txt", "haplotypes": "true",
        "contrast": "B cell; T cell",
    }  # fmt: skip
    project.notes()
    for selection in ("all", "hvg:10", f"{GENES[3]}, NAME4"):
        project.params["saturate"] = selection
        project.notes()


def test_models_need_no_atlas_and_bring_their_window(project):
    project.params["input"] = None
    give_model(project)
    assert "windows reach over the end of a contig" in project.notes()
    give_model(project, upstream=0, downstream=299)
    assert "windows reach over the end" not in project.notes()


# ---- Genes and populations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("NAME4,NAM5", ["'NAM5'", "did you mean 'NAME5'?"]),
        ("genes/list.txt", ["no file 'genes/list.txt'"]),
        ("hvg:many", ["'hvg:many'", "hvg:2000"]),
        (", ,", ["no gene", "hvg:<number>"]),
    ],
)
def test_genes_that_nobody_knows(project, selection, words):
    project.params["saturate"] = selection
    project.problem("--saturate", *words)


def test_a_list_of_unknown_genes(project):
    (project.folder / "genes.txt").write_text("NAME4\nNOSUCH\n")
    project.params["saturate"] = "genes.txt"
    assert "NAME4'" not in project.problem("--saturate", "'NOSUCH'")


@pytest.mark.parametrize("text", ["# my genes\n\n", "\n"])
def test_a_list_without_genes(project, text):
    (project.folder / "genes.txt").write_text(text)
    project.params["saturate"] = "genes.txt"
    project.problem("--saturate: no gene", "a list with one gene per line")


def test_variable_genes_of_no_atlas(project):
    project.params["input"] = None
    give_model(project)
    project.params["saturate"] = "hvg:20"
    project.problem("--saturate", "highly variable genes of 'tiny' without its cells", "--input beside --models")


def test_a_contrast_of_unknown_populations(project):
    project.write_atlas(obs={"kind": ["B cell", "T cell"] * 20})
    project.params |= {"saturate": "all", "contrast": "B cell;T cel"}
    project.problem("--contrast", "no level has both of 'B cell', 'T cel'", "did you mean 'T cell'?")
    project.params["contrast"] = "B cell"
    project.problem("--contrast", "'B cell'", "two populations joined by a semicolon")
    project.params["contrast"] = "B cell; B cell"
    project.problem("--contrast: 'B cell' twice", "two populations")
    project.params |= {"saturate": None, "contrast": "B cell;T cell"}
    project.problem("--contrast", "given without --saturate")


# ---- Files -----------------------------------------------------------------------------------------------------------


def test_sets_of_variants(project):
    give_sheet(project, "variants", set="mine", file="genes.gtf", genome="g1")
    project.problem("variants.csv, row 1 (line 2), column file, file 'genes.gtf'", "VCF")
    give_sheet(project, "variants", set="mine", file="gone.vcf", genome="g1")
    project.problem("no file 'gone.vcf'")
    give_sheet(project, "variants", set="../mine", file="genes.gtf", genome="g2")
    report = project.check().report()
    assert "'../mine'" in report and "an unknown genome 'g2'" in report


def test_samples(project):
    give_sheet(project, "predict", sample="mine", fasta="genome.fa", genome="g1")
    project.problem("column fasta", "records that are not 10,500 bases long: '1 (70,000)', '2 (70,000)'", "name a gtf")
    window = "ACGTN" * 2100
    (project.folder / "windows.fa").write_text(f">a\n{window}\n")
    give_sheet(project, "predict", sample="mine", fasta="windows.fa", genome="g1")
    project.notes()
    give_sheet(project, "predict", sample="mine", fasta="windows.fa", gtf="genes.gtf", genome="g1")
    project.problem("predict.csv, row 1", "genes are on contigs that the FASTA lacks")


def test_windows_that_predict_would_refuse(project):
    give_sheet(project, "predict", sample="mine", fasta="windows.fa", genome="g1")
    window = "ACGTN" * 2100
    records = {"SST one": window, "SST two": window, "a": window[1:] + "*", "b one": "ACG", "b two": window}
    (project.folder / "windows.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in records.items()))
    report = project.check().report()
    assert "3 problems" in report
    for found in ("'b (3)'", "not nucleotides: 'a (* at base 10,500)'", "records of the same name: 'SST', 'b'"):
        assert "column fasta, file 'windows.fa': " in report and found in report


@pytest.mark.parametrize(("option", "with_it"), [("motifs", "saturate"), ("external_scores", "variants")])
def test_single_files(project, option, with_it):
    (project.folder / "variants.tsv").write_text("chrom\tpos\tref\talt\n1\t1000\tA\tC\n")
    give_sheet(project, "variants", set="mine", file="variants.tsv", genome="g1")
    project.params |= {option: "gone.txt", "saturate": "all"}
    project.problem(f"--{option}", "no file 'gone.txt'")
    project.params[option] = "genes.gtf"
    project.problem(f"--{option}, file 'genes.gtf'")
    (project.folder / "genes.gtf.empty").write_text("")
    project.params[option] = "genes.gtf.empty"
    project.problem(f"--{option}", "an empty file")
    write_damaged(project.folder / "damaged.gz", "variant\tgene\tmodel\ttrack\tscore\n" * 500)
    project.params[option] = "damaged.gz"
    project.problem(f"--{option}")
    scores, motif = "variant\tgene\tmodel\ttrack\tscore\nv\tg\tm\tt\t1\n", ">M\nA [1]\nC [1]\nG [1]\nT [1]\n"
    (project.folder / "fine").write_text(scores if option == "external_scores" else motif)
    project.params |= {option: "fine", "saturate": None, "variants": None, "network": "scxpresso,hybrid"}
    assert f"--{with_it}" in project.problem(f"--{option}: given without")


def test_motifs_are_compared_with_those_that_networks_learn(project):
    (project.folder / "motifs.jaspar").write_text(">M1 name\nA [1 0]\nC [0 1]\nG [0 0]\nT [1 1]\n")
    project.params |= {"motifs": "motifs.jaspar", "network": "scxpresso,grammar"}
    project.notes()


# ---- Models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"populations": None}, ["model.json", "no 'populations'"]),
        ({"atlas": "../up"}, ["model.json, 'atlas'", "'../up'"]),
        ({"genome": "hg38"}, ["models of the genome 'hg38', which is not given", "add it to the sheet of genomes"]),
        ({"folds": {"1": {"used": ["fold_1/gone.safetensors"]}}}, ["no 'fold_1/gone.safetensors' beside it"]),
        ({"folds": {}}, ["no networks"]),
        ({"folds": {"1": None}}, ["no 'folds'"]),
        ({"annotation_features": [{}]}, ["no 'annotation_features'"]),
        ({"populations": [1, 2]}, ["no 'populations'"]),
        ({"recipe": "../up"}, ["model.json, 'recipe'", "'../up'"]),
        ({"tasks": "some"}, ["model.json, 'tasks': 'some'", "one of 'multi', 'single'"]),
        ({"network": "hybird"}, ["model.json, 'network': 'hybird'", "one of"]),
    ],
)
def test_models_that_cannot_be_used(project, changes, words):
    give_model(project, **changes)
    project.problem(*words)


def test_models_that_are_none_or_do_not_agree(project):
    give_model(project)
    (project.folder / "model.json").write_text("[1")
    project.problem("nothing that can be read")
    project.models = {}
    project.problem("--models: no model.json in 'models'")
    give_model(project)
    give_model(project, "other.json", upstream=3500)
    project.problem("--models: models of the same name: 'tiny.kind.hybrid'", "each only once")


def test_models_without_a_downstream_analysis(project):
    give_model(project)
    project.params["saturate"] = None
    project.problem(
        "--models: given without a downstream analysis", "--saturate, --variants, --predict and --variant_map"
    )

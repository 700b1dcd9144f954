"""Real Nextflow runs on a small simulated genome and atlas: results, caching, bad and hostile input.

With both parsers of the Nextflow that set-up chose, or of each one that NXF_TEST_LAUNCHERS names (paths joined by colons).
"""

import csv
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import warnings
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse
import yaml
from conftest import ROOT

from scxpresso.evaluation.comparisons import COMPARISON_COLUMNS
from scxpresso.evaluation.evaluation import GENE_SCORE_COLUMNS, SUMMARY_COLUMNS
from scxpresso.evaluation.ways import POPULATION_SCORE_COLUMNS
from scxpresso.genome.annotation import GENE_COLUMNS, HALF_LIFE
from scxpresso.genome.extended import EXTENDED
from scxpresso.motifs.learned import LEARNED_COLUMNS
from scxpresso.networks.new_sequences import COLUMNS as SAMPLE_COLUMNS
from scxpresso.reporting.provenance import UNDESCRIBED
from scxpresso.saturation.effects_store import STEP, Effects
from scxpresso.store import (
    HISTORY_COLUMNS,
    POPULATION_COLUMNS,
    PREDICTION_COLUMNS,
    TEXT_COLUMNS,
    read_expression,
    read_json,
    read_table,
)
from scxpresso.variant_map.store import LOG_FACTOR
from scxpresso.variants.score_table import SCORE_COLUMNS

pytestmark = pytest.mark.nextflow

HOSTILE_FOLDER = "it's a $(touch PWNED) `touch PWNED` ; touch PWNED & ünï"
HOSTILE_LABELS = ["L2/3 IT", 'a "b" <script>alert(1)</script>', "$(touch PWNED) `touch PWNED`; touch PWNED", "größer"]
HOSTILE_COLUMN = "it's $(touch PWNED) `touch PWNED`; a total"
HOSTILE_ID = "rs1;$(touch${IFS}PWNED)<script>"
SMALL = [
    "--upstream", "300", "--downstream", "200", "--network", "scxpresso", "--folds", "2", "--replicates", "1",
    "--epochs", "1",
]  # fmt: skip
ANALYSES = {
    "READ_VARIANTS", "SELECT_GENES", "SATURATE", "JOIN_SATURATION", "MATCH_MOTIFS", "POOL_EFFECTS", "SCORE_VARIANTS",
    "JOIN_SCORES", "MOTIF_CHANGES", "COMPARE_SCORES", "PREDICT", "SPLIT_MAP", "MAP_VARIANTS", "JOIN_MAP",
}  # fmt: skip
OTHERS = {"IMPORT_PREDICTIONS", "IMPORT_SCORES", "BENCHMARK_EFFECTS"}  # other people's models and measurements
STEPS = {
    "PREFLIGHT", "EXTRACT_FEATURES", "SPLIT_FOLDS", "PSEUDOBULK", "FIT_BASELINES", "TRAIN_FOLD", "ENSEMBLE", "EVALUATE",
    "REPORT", "CHECKSUM", "WRITE_CRATE",
}  # fmt: skip


@dataclass
class Run:
    """What a Nextflow run left: its exit status, its output, and the status of each step's tasks from the trace."""

    status: int
    output: str
    outdir: Path

    @property
    def tasks(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for row in csv.DictReader((self.outdir / "pipeline_info" / "trace.txt").open(), delimiter="\t"):
            found[row["name"].split(" ")[0].split(":")[-1]].append(row["status"])
        return found

    @property
    def rerun(self) -> set[str]:
        """Steps of which at least one task was not taken from the cache."""
        return {step for step, statuses in self.tasks.items() if set(statuses) != {"CACHED"}}


@dataclass
class Project:
    """A copy of the pipeline to edit, a folder to run it in, its inputs, and the Nextflow that runs it."""

    pipeline: Path
    folder: Path
    inputs: Path
    launcher: Path
    parser: str

    def nextflow(self, *words) -> subprocess.CompletedProcess:
        environment = os.environ | {"NXF_SYNTAX_PARSER": self.parser, "NXF_ANSI_LOG": "false"}
        command = [str(word) for word in (self.launcher, *words)]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def run(self, *options, small=True) -> Run:
        if small:
            options = [
                "--input",
                self.inputs / "atlases.csv",
                "--genomes",
                self.inputs / "genomes.csv",
                *SMALL,
                *options,
            ]
        done = self.nextflow("run", self.pipeline, "-ansi-log", "false", "-c", "small.config", *options)
        return Run(done.returncode, done.stdout + done.stderr, self.folder / "results")


def make_inputs(folder: Path) -> None:
    """120 genes on two contigs, 240 cells of four populations, sheets beside them."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    genes, lines = [f"G{number:03}" for number in range(120)], []
    with gzip.open(folder / "genome & co.fa.gz", "wt") as fasta:
        contigs = {contig: "".join(rng.choice(list("ACGT"), 70_000)) for contig in "12"}
        for contig, letters in contigs.items():
            fasta.write(f">chr{contig}\n{letters}\n")
    for number, gene in enumerate(genes):
        start, strand = 1000 * (number // 2) + 2000, "+-"[number % 3 == 0]
        for part in ("exon", "CDS"):
            lines.append(
                f"{number % 2 + 1}\tt\t{part}\t{start}\t{start + 300 + number}\t.\t{strand}\t.\t"
                f'gene_id "{gene}"; gene_name "{gene}"; transcript_id "{gene}.t";'
            )
    (folder / "genes.gtf").write_text("\n".join(lines) + "\n")
    counts = rng.poisson(rng.lognormal(0, 1, 120), size=(240, 120)).astype(np.float32)
    obs = {"kind": rng.choice(HOSTILE_LABELS, 240), HOSTILE_COLUMN: counts.sum(axis=1) + 100}
    obs = pd.DataFrame(obs, index=[f"c{number}" for number in range(240)])
    atlas = anndata.AnnData(scipy.sparse.csr_matrix(counts), obs, pd.DataFrame(index=genes))
    atlas.write_h5ad(folder / "atlas.h5ad")
    (folder / "genomes.csv").write_text("genome,fasta,gtf\ntiny,genome & co.fa.gz,genes.gtf\n")
    (folder / "atlases.csv").write_text("atlas,counts,protocol,genome,levels\nfirst,atlas.h5ad,10x,tiny,all;kind\n")
    make_analyses(folder, contigs)


def make_analyses(folder: Path, contigs: dict[str, str]) -> None:
    """Variants near the TSS of G002 (contig 1, position 3,000, strand +), motifs, another tool's scores, new sequences."""
    rows, vcf = ["chrom\tpos\tref\talt\tvariant_id"], ["##fileformat=VCFv4.2", "##contig=<ID=1>"]
    vcf += [
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">',
        "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT x y",
    ]
    for number, pos in enumerate(range(2900, 3000, 10)):
        ref = contigs["1"][pos - 1]
        alt = "ACGT"["ACGT".index(ref) - 1] if number else contigs["1"][pos - 1 : pos] + "GG"
        vcf.append(f"1 {pos} {HOSTILE_ID if number == 1 else '.'} {ref} {alt} . . . GT 0|1 1|1")
        rows.append(f"1\t{pos}\t{ref}\t\tv{number}")
    (folder / "all three.tsv").write_text("\n".join(rows) + "\n")
    (folder / "phased.vcf").write_text("\n".join(line.replace(" ", "\t") for line in vcf) + "\n")
    (folder / "variants.csv").write_text("set,file,genome\nthree,all three.tsv,tiny\nphased,phased.vcf,tiny\n")
    # The second is too short to have a hit; the others are broken by the first variant, and by the last.
    motifs = {"M1 <b>x</b>": "ACGA", "short": "AA", "far": contigs["1"][2899:2903], "near": contigs["1"][2989:2993]}
    (folder / "motifs.jaspar").write_text(
        "".join(
            f">{name}\n" + "".join(f"{base} [{' '.join(str(9 * (one == base)) for one in word)}]\n" for base in "ACGT")
            for name, word in motifs.items()
        )
    )
    (folder / "scores.tsv").write_text(
        "variant\tgene\tmodel\ttrack\tscore\n" + "".join(f"v{n}\tG002\tother\tbrain\t{n / 10}\n" for n in range(10))
    )
    (folder / "other model.tsv").write_text(
        "gene\t" + "\t".join(HOSTILE_LABELS[::-1]) + "\n" + "".join(f"G{n:03}\t{n}\t1\t2\t3\n" for n in range(120))
    )
    (folder / "predictions.csv").write_text("name,atlas,level,file\nother,first,kind,other model.tsv\n")
    (folder / "tool's.tsv").write_text("chrom\tpos\tref\talt\tbrain\n1\t2900\tA\tC\t0.5\n")
    (folder / "tools.csv").write_text("tool,file,genome,tracks,model\ntool,tool's.tsv,tiny,brain,$(touch PWNED)\n")
    (folder / "measured.tsv").write_text("variant\tgene\tpopulation\teffect\tp\nv1\tG002\tliver\t0.5\t0.01\n")
    (folder / "benchmark.csv").write_text("benchmark,file,set\nmeasured,measured.tsv,three\n")
    (folder / "windows.fa").write_text(f">G002\n{contigs['1'][2699:3199]}\n>new\n{'ACGTN' * 100}\n")
    (folder / "predict.csv").write_text(
        "sample,fasta,gtf,genome\nwindows,windows.fa,,tiny\nsame,genome & co.fa.gz,genes.gtf,tiny\n"
    )


LAUNCHERS = [Path(path) for path in os.environ.get("NXF_TEST_LAUNCHERS", "").split(":") if path]


@pytest.fixture(
    scope="module",
    params=[(launcher, parser) for launcher in LAUNCHERS or [ROOT / "setup" / "nextflow"] for parser in ("v1", "v2")],
    ids=lambda chosen: f"{chosen[0].parent.name}-{chosen[1]}",
)
def project(request, tmp_path_factory) -> Project:
    base = tmp_path_factory.mktemp("pipeline")
    for part in ("bin", "functions", "modules", "subworkflows", "conf", "assets/report"):
        shutil.copytree(ROOT / part, base / "pipeline" / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("main.nf", "nextflow.config", "nextflow_schema.json", *(ROOT / "assets").glob("*.json")):
        shutil.copy(ROOT / part, base / "pipeline" / (ROOT / part).relative_to(ROOT))
    made = Project(base / "pipeline", base / "run", base / HOSTILE_FOLDER, *request.param)
    make_inputs(made.inputs)
    made.folder.mkdir()
    (made.folder / "small.config").write_text("process.resourceLimits = [cpus: 1, memory: 4.GB, time: 1.h]\n")
    return made


@pytest.fixture(scope="module")
def first_run(project) -> Run:
    run = project.run()
    assert run.status == 0, run.output
    return run


def columns(path: Path) -> list[str]:
    return list(pd.read_csv(path, sep="\t", nrows=0))


def test_every_file_of_the_contract_with_its_columns(first_run):
    out = first_run.outdir
    assert len(first_run.tasks["TRAIN_FOLD"]) == 2  # one per level: a genome of few genes has all folds in one task
    assert columns(out / "genomes/tiny/genes.tsv") == GENE_COLUMNS + EXTENDED
    assert columns(out / "genomes/tiny/folds.tsv") == ["gene_id", "fold"]
    assert columns(out / "genomes/tiny/dropped_genes.tsv") == ["gene", "reason"]
    assert (out / "genomes/tiny/features.h5").stat().st_size > 1000
    for level in ("all", "kind"):
        assert columns(out / f"expression/first/{level}.tsv.gz")[0] == "gene_id"
        assert columns(out / f"expression/first/{level}.populations.tsv") == POPULATION_COLUMNS
        for network in ("scxpresso", "mean", "half_life", "gc_cpg", "kmer"):
            assert columns(out / f"predictions/first/{level}.{network}.tsv.gz") == PREDICTION_COLUMNS
        model = out / f"models/first/{level}/scxpresso"
        for fold in (1, 2):
            assert columns(model / f"fold_{fold}/history.tsv") == HISTORY_COLUMNS
            assert set(read_table(model / f"fold_{fold}/history.tsv")["fold"]) == {fold}
            assert (model / f"fold_{fold}/replicate_1.safetensors").stat().st_size > 1000
        described = read_json(model / "model.json")
        assert {len(described["fold_of_gene"]), described["upstream"], described["genome"]} == {120, 300, "tiny"}
        assert described["annotation_features"] == HALF_LIFE
    for name, expected in (
        ("populations", POPULATION_SCORE_COLUMNS),
        ("genes", GENE_SCORE_COLUMNS),
        ("summary", SUMMARY_COLUMNS),
        ("comparisons", COMPARISON_COLUMNS),
    ):
        assert columns(out / f"evaluation/{name}.tsv") == expected
    for name in ("trace.txt", "timeline.html", "report.html", "versions.json", "preflight.json", "params.json"):
        assert (out / "pipeline_info" / name).exists(), name
    versions = read_json(out / "pipeline_info/versions.json")
    assert {"nf-scxpresso", "nextflow", "python", "torch", "bedtools"} <= versions.keys()
    assert "container" not in versions  # there is none


def test_nothing_is_published_as_a_link_into_the_work_folder(first_run):
    assert not [path for path in first_run.outdir.rglob("*") if path.is_symlink()]


def test_hostile_labels_and_paths_are_labels_and_paths(project, first_run):
    assert not list(project.folder.rglob("PWNED")) and not list(project.inputs.rglob("PWNED"))
    populations = read_table(first_run.outdir / "expression/first/kind.populations.tsv")["population"]
    assert sorted(populations) == sorted(HOSTILE_LABELS)
    predicted = read_table(first_run.outdir / "predictions/first/kind.scxpresso.tsv.gz")["population"]
    assert set(predicted) == set(HOSTILE_LABELS)
    page = (first_run.outdir / "report.html").read_text()
    assert "<script>alert(1)" not in page and "L2/3 IT" in page


def test_contigs_are_matched_without_chr_and_said_so(first_run):
    assert len(read_table(first_run.outdir / "genomes/tiny/genes.tsv")) == 120
    assert "chr1" in str(read_json(first_run.outdir / "pipeline_info/preflight.json"))


def test_resume_runs_nothing_again_when_nothing_changed(project, first_run):
    run = project.run("-resume")
    assert run.status == 0, run.output
    assert run.rerun == set() and run.tasks.keys() == STEPS
    check_record(run, project)


@pytest.mark.one_parser
def test_a_changed_parameter_runs_what_depends_on_it(project, first_run):
    run = project.run("-resume", "--learning_rate", "0.001")
    assert run.status == 0, run.output
    assert run.rerun == {"PREFLIGHT", "TRAIN_FOLD", "ENSEMBLE", "EVALUATE", "REPORT", "WRITE_CRATE"}


@pytest.fixture(scope="module")
def folders(project, first_run) -> Run:
    """The first run's counts in a 10x folder, with their labels in a table, and in a zarr: one tissue."""
    data = anndata.read_h5ad(project.inputs / "atlas.h5ad")
    folder = project.inputs / "10x folder"
    folder.mkdir()
    scipy.io.mmwrite(folder / "matrix.mtx", scipy.sparse.coo_matrix(data.X.T.astype(int)))
    (folder / "barcodes.tsv").write_text("\n".join(data.obs_names))
    (folder / "features.tsv").write_text("\n".join(data.var_names))
    data.obs.assign(batch=["a", "b"] * 120).to_csv(project.inputs / "labels.csv", index_label="cell")
    with anndata.settings.override(zarr_write_format=3), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zarr's and anndata's next versions
        data.write_zarr(project.inputs / "atlas.zarr")
    (project.inputs / "folders.csv").write_text(
        "atlas,counts,protocol,genome,levels,annotations,cells,donor_column,tissue\n"
        "mtx,10x folder,10x,tiny,kind,labels.csv,\"batch in ['a', 'b'] & kind != 'größer'\",batch,l'ung\n"
        "zarr,atlas.zarr,10x,tiny,kind,,,,l'ung\n"
    )
    (project.inputs / "same.csv").write_text("atlas,level,population,name\nzarr,kind,größer,L2/3 IT\n")
    same = ["--input", project.inputs / "folders.csv", "--populations", project.inputs / "same.csv"]
    run = project.run("-resume", *same, "--outdir", "folders", "--saturate", "hvg:1")
    assert run.status == 0, run.output
    return Run(run.status, run.output, project.folder / "folders")


@pytest.mark.one_parser
def test_counts_in_folders(project, first_run, folders):
    out = folders.outdir
    first = read_expression(first_run.outdir / "expression/first/kind.tsv.gz")
    pd.testing.assert_frame_equal(read_expression(out / "expression/zarr/kind.tsv.gz"), first)
    mtx = read_expression(out / "expression/mtx/kind.tsv.gz")
    pd.testing.assert_frame_equal(mtx, first.drop(columns="größer"))
    assert read_table(out / "expression/mtx/kind.populations.tsv")["donors"].tolist() == [2, 2, 2]
    assert "meet the condition in the column cells" in str(read_json(out / "pipeline_info/preflight.json"))
    record = (out / "pipeline_info/ro-crate-metadata.json").read_text()
    assert "10x%20folder/matrix.mtx" in record and "atlas.zarr/obs/" in record
    assert not list(project.folder.rglob("PWNED"))


@pytest.mark.one_parser
def test_sheets_say_what_is_of_one_tissue_and_which_populations_are_the_same(folders):
    agreement = read_table(folders.outdir / "evaluation/agreement.tsv")
    assert set(agreement["tissue"]) == {"l'ung"} and len(agreement) == 4
    assert agreement["pearson"].between(0.999999, 1).sum() == 3  # the same cells
    comparisons = read_table(folders.outdir / "evaluation/comparisons.tsv")
    across = comparisons[(comparisons["kind"] == "atlas") & (comparisons["target_population"] == "L2/3 IT")]
    assert set(across["other_population"]) == {"L2/3 IT", "größer"}


@pytest.mark.one_parser
def test_an_edit_within_a_folder_is_seen_by_resume_and_another_tissue_is_not(project, folders):
    (part,) = (project.inputs / "atlas.zarr/X/data").glob("**/0")
    part.write_bytes(part.read_bytes())
    sheet = project.inputs / "folders.csv"
    sheet.write_text(sheet.read_text().replace("l'ung", "spleen"))
    options = ["-resume", "--input", project.inputs / "folders.csv", "--outdir", "folders", "--saturate", "hvg:1"]
    run = project.run(*options)
    run.outdir = project.folder / "folders"
    assert run.status == 0, run.output
    assert sorted(run.tasks["PSEUDOBULK"]) == ["CACHED", "COMPLETED"]  # the other folder is as it was
    assert run.tasks["PREFLIGHT"] == ["COMPLETED"]


@pytest.fixture(scope="module")
def recipes(project, asked) -> Run:
    """The first run's network beside other recipes: other networks, a narrower window, one network per population."""
    (project.inputs / "recipes.csv").write_text(
        "recipe,network,inputs,upstream,downstream,tasks,targets,fold_method,levels,downstream_analyses\n"
        "scxpresso,,,,,,,,,\n"
        "sequence_only,,sequence,,,,mean+fraction+dispersion,,kind,no\n"
        "narrow,hybrid,,60,100,,,,kind,yes\n"
        "single_task,,,,,single,,family,kind,no\n"
        "grammar,grammar,,,,,,,kind,yes\n"
    )
    (project.inputs / "three.csv").write_text("set,file,genome\nthree,all three.tsv,tiny\n")
    (project.inputs / "windows.csv").write_text("sample,fasta,gtf,genome\nwindows,windows.fa,,tiny\n")
    # The options given last take precedence.
    fewer = ["--variants", project.inputs / "three.csv", "--predict", project.inputs / "windows.csv"]
    asked_too = [word for word in analyses(project.inputs) if word != "--variant_map"]
    options = ["--recipes", project.inputs / "recipes.csv", *asked_too, *fewer]
    run = project.run("-resume", "--outdir", "recipes", *options)
    assert run.status == 0, run.output
    return Run(run.status, run.output, project.folder / "recipes")


@pytest.mark.one_parser
def test_recipes_train_models_of_their_own(recipes):
    """The model that was trained without a sheet is not trained again."""
    # A task has both folds, but for single_task.
    assert sorted(recipes.tasks["TRAIN_FOLD"]) == ["CACHED"] * 2 + ["COMPLETED"] * 5
    models = {
        path.parent.relative_to(recipes.outdir / "models") for path in recipes.outdir.glob("models/*/*/*/model.json")
    }
    names = ["sequence_only", "narrow", "single_task", "grammar", "scxpresso"]
    assert models == {Path("first/kind") / name for name in names} | {Path("first/all/scxpresso")}
    narrow = read_json(recipes.outdir / "models/first/kind/narrow/model.json")
    assert (narrow["recipe"], narrow["network"], narrow["upstream"], narrow["downstream"]) == (
        "narrow",
        "hybrid",
        60,
        100,
    )
    assert narrow["annotation_features"] == HALF_LIFE + EXTENDED
    assert read_json(recipes.outdir / "models/first/kind/single_task/model.json")["tasks"] == "single"
    genome = recipes.outdir / "genomes/tiny"
    assert [path.name for path in genome.glob("windows/*")] == ["60_100_extended"]
    assert {path.name for path in genome.glob("folds*.tsv")} == {"folds.tsv", "folds.family.tsv"}


@pytest.mark.one_parser
def test_further_targets_are_published_and_evaluated(recipes):
    for target, (lowest, highest) in {"fraction": (0, 1), "dispersion": (-2, 2)}.items():
        predicted = read_table(recipes.outdir / f"predictions/first/{target}/kind.sequence_only.tsv.gz")
        observed = read_expression(recipes.outdir / f"expression/first/{target}/kind.tsv.gz")
        assert list(predicted) == PREDICTION_COLUMNS and predicted["observed"].dropna().between(lowest, highest).all()
        assert predicted.pivot(index="gene_id", columns="population", values="observed").equals(observed)
    model = read_json(recipes.outdir / "models/first/kind/sequence_only/model.json")
    assert model["targets"] == ["mean", "fraction", "dispersion"] and model["populations"] == list(observed)
    assert columns(recipes.outdir / "predictions/first/kind.sequence_only.tsv.gz") == PREDICTION_COLUMNS
    targets = read_table(recipes.outdir / "evaluation/targets.tsv").set_index("target")
    assert set(targets.loc[["fraction", "dispersion"], "recipe"]) == {"sequence_only"}


@pytest.mark.one_parser
def test_recipes_have_rows_of_their_own(recipes):
    summary = read_table(recipes.outdir / "evaluation/summary.tsv")
    found = set(summary.loc[summary["level"] == "kind", ["recipe", "network"]].itertuples(index=False, name=None))
    baselines = {
        (f"{name}{method}", name) for name in ("mean", "half_life", "gc_cpg", "kmer") for method in ("", "_family")
    }
    assert found == baselines | {
        ("scxpresso", "scxpresso"), ("sequence_only", "scxpresso"), ("narrow", "hybrid"), ("single_task", "scxpresso"),
        ("grammar", "grammar"),
    }  # fmt: skip
    rows = summary.set_index(["level", "recipe", "metric"])
    difference = rows.loc[("kind", "narrow", "pearson_minus_scxpresso")]
    mine, other = (rows.loc[("kind", recipe, "pearson"), "value"] for recipe in ("narrow", "scxpresso"))
    assert difference["n_folds"] == 2 and difference["value"] == pytest.approx(mine - other, abs=1e-5)
    leakage = read_table(recipes.outdir / "evaluation/leakage.tsv")  # no two recipes differ in the folds alone
    assert set(leakage["recipe"] + " " + leakage["other_recipe"]) == {
        f"{name} {name}_family" for name in ("half_life", "gc_cpg", "kmer")
    }
    text = (recipes.outdir / "report.html").read_text()
    assert all(name in text for name in ("sequence_only", "single_task", "narrow", "Which recipe to use"))


@pytest.mark.one_parser
def test_motifs_that_networks_learn_are_published_with_their_model(recipes):
    assert recipes.tasks["LEARNED_MOTIFS"] == ["COMPLETED"]
    folder = recipes.outdir / "models/first/kind/grammar"
    assert columns(folder / "motifs.tsv") == LEARNED_COLUMNS
    assert (folder / "motifs.meme").read_text().startswith("MEME version 4")
    assert columns(recipes.outdir / "variants/three/first.kind.grammar.tsv.gz") == SCORE_COLUMNS


@pytest.mark.one_parser
def test_downstream_analyses_are_of_the_recipes_that_have_them(recipes):
    assert {path.name for path in recipes.outdir.glob("saturation/first/*")} == {
        "all.scxpresso",
        "kind.scxpresso",
        "kind.narrow",
        "kind.grammar",
    }
    wide, narrow = (
        read_table(recipes.outdir / f"variants/three/first.kind.{recipe}.tsv.gz", text=TEXT_COLUMNS | {"pos"})
        for recipe in ("scxpresso", "narrow")
    )
    rows = ["variant_id", "gene_id", "population"]
    assert wide[rows].to_numpy().tolist() == narrow[rows].to_numpy().tolist()
    outside = (narrow["tss_distance"] < -60) | (narrow["tss_distance"] >= 100)
    assert outside.any() and not outside.all()
    assert narrow.loc[outside, "flag"].str.contains("not_scorable").all() and (narrow.loc[outside, "effect"] == 0).all()
    assert not narrow.loc[~outside, "flag"].fillna("").str.contains("not_scorable").any()
    # What is outside of a model's window changes no motif, though another model of the run knows the sequence there.
    allele = ["variant_id", "alt", "gene_id"]
    of_wide, of_narrow = (
        {*read_table(path, text=TEXT_COLUMNS | {"pos"})[allele].itertuples(index=False, name=None)}
        for path in (
            recipes.outdir / f"variants/three/first.kind.{recipe}.motifs.tsv.gz" for recipe in ("scxpresso", "narrow")
        )
    )
    beyond = {*narrow.loc[outside, allele].itertuples(index=False, name=None)}
    assert of_narrow and of_wide & beyond and not of_narrow & beyond
    predicted = read_table(recipes.outdir / "samples/windows/first.kind.narrow.tsv.gz")
    assert set(predicted["sequence"]) == {"G002", "new"}


@pytest.mark.one_parser
def test_models_of_several_windows_are_used_together(project, recipes):
    for recipe in ("scxpresso", "narrow", "single_task", "grammar"):
        shutil.copytree(recipes.outdir / "models/first/kind" / recipe, project.inputs / "several" / recipe)
    run = project.run(
        "-resume", "--models", project.inputs / "several", "--genomes", project.inputs / "genomes.csv", "--predict",
        project.inputs / "windows.csv", "--outdir", "several", small=False,
    )  # fmt: skip
    assert run.status == 0, run.output
    for recipe in ("scxpresso", "narrow"):
        before, after = (
            read_table(folder / f"samples/windows/first.kind.{recipe}.tsv.gz")
            for folder in (recipes.outdir, project.folder / "several")
        )
        pd.testing.assert_frame_equal(before, after)
    assert (project.folder / "several/samples/windows/first.kind.single_task.tsv.gz").exists()
    # Models that were trained before show their motifs again, here without known ones.
    before, after = (
        read_table(folder / "models/first/kind/grammar/motifs.tsv")
        for folder in (recipes.outdir, project.folder / "several")
    )
    known = [column for column in before if column.startswith("known_")]
    pd.testing.assert_frame_equal(before.drop(columns=known), after.drop(columns=known))


@contextmanager
def edited(path: Path):
    """A comment at the end of a file; text and time are put back, as Nextflow knows executables by both."""
    text, status = path.read_text(), path.stat()
    path.write_text(text + ("\n// edited\n" if path.suffix == ".js" else "\n# edited\n"))
    try:
        yield
    finally:
        path.write_text(text)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


FINGERPRINTS = """
include { digest ; fingerprint } from './functions/scripts'

workflow {
    def codes = files("${projectDir}/bin/*.py").collectEntries { path -> [path.name, fingerprint(path.name)] }
    println("CODES " + groovy.json.JsonOutput.toJson(codes + [page: digest('assets/report')]))
}
"""


@pytest.mark.one_parser
def test_a_fingerprint_is_of_the_modules_that_an_executable_depends_on(project):
    (project.pipeline / "fingerprints.nf").write_text(FINGERPRINTS)

    def codes() -> dict[str, str]:
        # Resumed, because later runs resume the last one.
        done = project.nextflow("run", project.pipeline / "fingerprints.nf", "-resume", "--outdir", "fingerprints")
        return json.loads(re.search("^CODES (.*)$", done.stdout, re.MULTILINE)[1])

    before = codes()
    for file, expected in {
        "scxpresso/metrics.py": {
            "benchmark_effects.py", "compare_scores.py", "ensemble.py", "evaluate.py", "preflight.py", "pseudobulk.py",
            "report.py",
        },
        "scxpresso/training/words.py": {"train_fold.py", "ensemble.py"},  # which the registry names, and no import
        "../assets/report/scripts/main.js": {"page"},
    }.items():  # fmt: skip
        with edited(project.pipeline / "bin" / file):
            assert {name for name, code in codes().items() if code != before[name]} == expected


@pytest.mark.one_parser
@pytest.mark.parametrize(
    ("file", "rerun"), [("scxpresso/reporting/report.py", {"REPORT"}), ("evaluate.py", {"EVALUATE", "REPORT"})]
)
def test_an_edited_module_or_executable_runs_what_depends_on_it(project, first_run, file, rerun):
    with edited(project.pipeline / "bin" / file):
        run = project.run("-resume")
    assert run.status == 0, run.output
    # What reads a table that came out the same as before is cached, so a step may stay out; nothing else may come in, but
    # for a new check of the input, whose time the record has.
    assert run.rerun - {"PREFLIGHT", "WRITE_CRATE"} <= rerun and run.rerun & rerun


@pytest.mark.one_parser
def test_another_atlas_leaves_the_first_cached(project, first_run):
    sheet = project.inputs / "atlases.csv"
    former, status = sheet.read_text(), sheet.stat()
    header, first = former.splitlines()
    second = f"second,atlas.h5ad,smartseq2,tiny,kind,{HOSTILE_COLUMN},{HOSTILE_LABELS[2]};{HOSTILE_LABELS[3]}"
    sheet.write_text(f"{header},library_column,exclude\n{first},,\n{second}\n")
    try:
        run = project.run("-resume")
    finally:
        sheet.write_text(former)
        os.utime(sheet, ns=(status.st_atime_ns, status.st_mtime_ns))  # as tasks know it
    assert run.status == 0, run.output
    assert run.tasks["EXTRACT_FEATURES"] == run.tasks["SPLIT_FOLDS"] == ["CACHED"]
    assert sorted(run.tasks["PSEUDOBULK"]) == ["CACHED", "COMPLETED"]
    assert sorted(run.tasks["TRAIN_FOLD"]) == ["CACHED"] * 2 + ["COMPLETED"]
    assert (run.outdir / "predictions/second/kind.scxpresso.tsv.gz").exists()
    assert not list(project.folder.rglob("PWNED")) and not list(project.inputs.rglob("PWNED"))
    expression = read_expression(run.outdir / "expression/second/kind.tsv.gz")
    assert sorted(expression.columns) == sorted(HOSTILE_LABELS[:2])
    atlas = anndata.read_h5ad(project.inputs / "atlas.h5ad")
    chosen = atlas[atlas.obs["kind"] == HOSTILE_LABELS[0]]
    mean = (chosen.X.toarray() / chosen.obs[[HOSTILE_COLUMN]].to_numpy()).mean(axis=0) * 1e6
    np.testing.assert_allclose(expression.loc[atlas.var_names, HOSTILE_LABELS[0]], np.log10(mean), atol=1e-4)


def analyses(inputs: Path) -> list:
    """Every downstream analysis at once."""
    files = {
        "variants": "variants.csv",
        "motifs": "motifs.jaspar",
        "external_scores": "scores.tsv",
        "predict": "predict.csv",
    }
    named = [word for name, file in files.items() for word in (f"--{name}", inputs / file)]
    populations = f"{HOSTILE_LABELS[0]};{HOSTILE_LABELS[3]}"
    return [
        *named,
        "--saturate",
        "G002,G003,hvg:3",
        "--contrast",
        populations,
        "--haplotypes",
        "--variant_map",
        "--motif_p_value",
        "0.005",
    ]


@pytest.fixture(scope="module")
def asked(project, first_run) -> Run:
    run = project.run("-resume", "--outdir", "asked", "--genes_per_task", "3", *analyses(project.inputs))
    assert run.status == 0, run.output
    return Run(run.status, run.output, project.folder / "asked")


@pytest.mark.one_parser
def test_analyses_leave_the_models_as_they_are(asked):
    assert asked.tasks.keys() == STEPS | ANALYSES
    # The features of another assembly, and the checksums of further files
    assert asked.rerun == ANALYSES | {"PREFLIGHT", "EXTRACT_FEATURES", "REPORT", "CHECKSUM", "WRITE_CRATE"}
    assert sorted(asked.tasks["EXTRACT_FEATURES"]) == ["CACHED", "COMPLETED"]
    assert len(asked.tasks["SATURATE"]) >= 2 * 2  # two levels, and more than one chunk


@pytest.mark.one_parser
def test_every_file_of_the_analyses_with_its_columns(project, asked):
    out = asked.outdir
    assert not list(project.folder.rglob("PWNED"))
    for level in ("all", "kind"):
        saturation = out / f"saturation/first/{level}.scxpresso"
        names = {"effects.h5", "profiles.tsv.gz", "positions.tsv", "motifs.tsv", "seqlets.tsv.gz"}
        assert {path.name for path in saturation.iterdir()} == names | (
            {"contrasts.tsv.gz"} if level == "kind" else set()
        )
        with Effects(saturation / "effects.h5") as effects:
            assert {"G002", "G003"} <= set(effects.gene_id) and effects.effects("G002").shape[:2] == (500, 4)
        for name in ("three", "phased"):
            assert columns(out / f"variants/{name}/first.{level}.scxpresso.tsv.gz") == SCORE_COLUMNS
            assert columns(out / f"variants/{name}/first.{level}.scxpresso.external.tsv")[0] == "variant_id"
            assert columns(out / f"variants/{name}/first.{level}.scxpresso.motifs.tsv.gz")[0] == "variant_id"
        for sample in ("windows", "same"):
            assert columns(out / f"samples/{sample}/first.{level}.scxpresso.tsv.gz") == SAMPLE_COLUMNS
    scores = read_table(out / "variants/three/first.kind.scxpresso.tsv.gz")
    here = scores[scores["gene_id"] == "G002"]
    assert len(here) == 10 * 3 * 4 and set(here["tss_distance"]) == set(range(-100, 0, 10))
    assert here["pooled_p_value"].between(0, 1).all() and not here["pooled_p_value"].equals(here["p_value"])
    phased = read_table(out / "variants/phased/first.kind.scxpresso.tsv.gz", text=TEXT_COLUMNS | {"pos"})
    assert phased["variant_id"].str.contains("+", regex=False).any() and HOSTILE_ID in set(phased["variant_id"])
    compared = read_table(out / "variants/three/first.kind.scxpresso.correlations.tsv")
    assert set(compared["population"]) == set(HOSTILE_LABELS) and (compared["n"] == 10).all()
    page = (out / "report.html").read_text()
    assert "Saturation mutagenesis" in page and "<script>" + "alert(1)" not in page and "PWNED)<script>" not in page


@pytest.mark.one_parser
def test_warnings_of_tasks_reach_the_report_and_the_console(project, asked):
    """Of tasks that ran, and of cached ones."""
    again = project.run("-resume", "--outdir", "warned", "--genes_per_task", "3", *analyses(project.inputs))
    assert again.status == 0, again.output
    again.outdir = project.folder / "warned"
    assert again.rerun <= {"PREFLIGHT", "REPORT", "WRITE_CRATE"}
    for run in (asked, again):
        for step, tasks in {"MATCH_MOTIFS": 2, "MOTIF_CHANGES": 4}.items():  # models; and sets
            assert len(re.findall(rf"{step} \(.*so they have no hits", run.output)) == tasks, run.output
        page = (run.outdir / "report.html").read_text()
        assert "Warning from MATCH_MOTIFS" in page and "so they have no hits" in page


def check_record(run: Run, project: Project) -> dict:
    """The crate of a run: its files are those that were published, its checksums those of the inputs. Its entities."""
    described = read_json(run.outdir / "pipeline_info/ro-crate-metadata.json")["@graph"]
    found = {entity["@id"]: entity for entity in described}
    assert len(found) == len(described)
    files = {unquote(name) for name, entity in found.items() if "File" in entity["@type"]}
    here = {path for path in files if "://" not in path}
    published = {path.relative_to(run.outdir).as_posix() for path in run.outdir.rglob("*") if path.is_file()}
    # Nextflow writes its own records when everything else is done.
    published -= {
        f"pipeline_info/{name}" for name in ("trace.txt", "timeline.html", "report.html", "ro-crate-metadata.json")
    }
    assert {os.path.normpath(f"pipeline_info/{path}") for path in here} == published
    assert UNDESCRIBED not in {entity.get("description") for entity in described}
    for path in files - here:
        local = Path(path.removeprefix("file://"))
        file = found[next(name for name in found if unquote(name) == path)]
        assert file["sha256"] == hashlib.sha256(local.read_bytes()).hexdigest()
        assert int(file["contentSize"]) == local.stat().st_size
    started = datetime.fromisoformat(found["#run"]["startTime"])
    assert abs((datetime.now(UTC) - started).total_seconds()) < 24 * 3600
    return found


@pytest.mark.one_parser
def test_the_record_of_a_run_has_all_that_was_read_and_written(project, asked):
    found = check_record(asked, project)
    names = {entity["name"] for entity in found.values() if "sha256" in entity}
    assert names == {
        "atlases.csv", "atlas.h5ad", "genomes.csv", "genome & co.fa.gz", "genes.gtf", "variants.csv", "all three.tsv",
        "phased.vcf", "motifs.jaspar", "scores.tsv", "predict.csv", "windows.fa",
    }  # fmt: skip
    assert found["#value-folds"]["value"] == 2 and found["#value-haplotypes"]["value"] is True
    for pattern in yaml.safe_load((ROOT / "tower.yml").read_text())["reports"]:
        assert list(asked.outdir.glob(pattern)), pattern


@contextmanager
def served(folder: Path):
    """The port of a web server that hands out a folder's files."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_words):
        pass


@pytest.mark.one_parser
def test_secrets_of_signed_addresses_do_not_reach_the_record(project, first_run):
    (project.inputs / "c c.bed").write_text("chr1\t10\t20\tx\n")
    with served(project.inputs) as port:
        signed = f"http://joe:PASSWORD@127.0.0.1:{port}/c%20c.bed?X-Amz-Signature=SIGNATURE&x=1"
        (project.inputs / "signed.csv").write_text(
            f"genome,fasta,gtf,ccres\ntiny,genome & co.fa.gz,genes.gtf,{signed}\n"
        )
        run = project.run("-resume", "--genomes", project.inputs / "signed.csv", "--outdir", "signed")
    assert run.status == 0, run.output
    text = (project.folder / "signed/pipeline_info/ro-crate-metadata.json").read_text()
    assert not re.search("joe|PASSWORD|SIGNATURE|X-Amz", text)
    found = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
    digest = hashlib.sha256((project.inputs / "c c.bed").read_bytes()).hexdigest()
    assert found[f"http://127.0.0.1:{port}/c%20c.bed"]["sha256"] == digest


@pytest.mark.one_parser
def test_samples_that_are_the_genome_are_predicted_as_the_genome(asked):
    held_out = read_table(asked.outdir / "predictions/first/kind.scxpresso.tsv.gz")
    same = read_table(asked.outdir / "samples/same/first.kind.scxpresso.tsv.gz")
    assert same["sequence"].tolist() == held_out["gene_id"].tolist() and (same["fold"] == held_out["fold"]).all()
    np.testing.assert_allclose(same["predicted"], held_out["predicted"], rtol=1e-5)
    windows = read_table(asked.outdir / "samples/windows/first.kind.scxpresso.tsv.gz").set_index("sequence")
    own = held_out[held_out["gene_id"] == "G002"]
    np.testing.assert_allclose(windows.loc["G002", "predicted"], own["predicted"], rtol=1e-5)
    assert windows.loc["new", "fold"].isna().all() and set(windows.loc["new", "annotation"]) == {"mean"}


def with_models(project, models: Path, outdir: str, *options) -> Run:
    """A run of every analysis with the models of another run, copied elsewhere: nothing is trained."""
    elsewhere = project.inputs / "models of $(touch PWNED) last year"
    shutil.copytree(models / "first", elsewhere / "first", dirs_exist_ok=True)  # a later run adds another atlas
    run = project.run(
        "--genomes", project.inputs / "genomes.csv", "--input", project.inputs / "atlases.csv", "--models", elsewhere,
        "--outdir", outdir, *analyses(project.inputs), *options, small=False,
    )  # fmt: skip
    assert run.status == 0, run.output
    run = Run(run.status, run.output, project.folder / outdir)
    steps = {"PREFLIGHT", "EXTRACT_FEATURES", "REPORT", "CHECKSUM", "WRITE_CRATE"}
    assert run.tasks.keys() | {"POOL_EFFECTS"} == ANALYSES | steps
    assert not list(project.folder.rglob("PWNED")) and not (run.outdir / "models").exists()
    return run


def test_models_from_another_folder_are_not_trained_again(project, first_run):
    """As a stub, with either parser."""
    with_models(project, first_run.outdir / "models", "stub_again", "-stub")


@pytest.mark.one_parser
def test_models_from_another_folder_answer_alike(project, asked):
    used = asked.outdir / "variant_map/first/kind.scxpresso"
    run = with_models(project, asked.outdir / "models", "again", "--use_variant_map", used)
    assert "POOL_EFFECTS" not in run.tasks  # pooled effects are those beside the models
    for file in (
        "variants/phased/first.kind.scxpresso.tsv.gz", "variants/three/first.all.scxpresso.tsv.gz",
        "samples/windows/first.kind.scxpresso.tsv.gz", "saturation/first/kind.scxpresso/motifs.tsv",
        "saturation/first/kind.scxpresso/positions.tsv",
    ):  # fmt: skip
        pd.testing.assert_frame_equal(*(pd.read_csv(out / file, sep="\t") for out in (asked.outdir, run.outdir)))
    # Of one level, single-nucleotide variants were looked up in the map of the earlier run; the map made anew is the same.
    computed, looked_up = (
        read_table(out / "variants/three/first.kind.scxpresso.tsv.gz") for out in (asked.outdir, run.outdir)
    )
    error = read_json(asked.outdir / "variant_map/first/kind.scxpresso/map.json")["largest_effect_error"]
    np.testing.assert_allclose(looked_up["effect"], computed["effect"], rtol=0, atol=error + STEP)
    ratio = looked_up["pooled_p_value"] / computed["pooled_p_value"]
    assert ratio.between(1 / LOG_FACTOR - 1e-5, LOG_FACTOR + 1e-5).mean() > 0.98 and (ratio != 1).any()
    maps = [out / "variant_map/first" for out in (asked.outdir, run.outdir)]
    files = {path.relative_to(maps[0]) for path in maps[0].rglob("*") if path.is_file()}
    assert {path.parts[1] for path in files} == {"1.zarr", "2.zarr", "genes.tsv", "map.json"}
    assert all((maps[0] / path).read_bytes() == (maps[1] / path).read_bytes() for path in files)
    assert "models of an earlier run" in (run.outdir / "report.html").read_text()
    found = check_record(run, project)
    assert sum(entity.get("name") == "replicate_1.safetensors" and "sha256" in entity for entity in found.values()) == 4


@pytest.mark.one_parser
def test_variants_of_another_assembly_end_the_run_before_any_training(project):
    text = (project.inputs / "all three.tsv").read_text().splitlines()
    moved = [line.split("\t") for line in text[1:]]
    lines = ["\t".join([chrom, str(int(pos) + 1000), ref, *rest]) for chrom, pos, ref, *rest in moved]
    (project.inputs / "moved.tsv").write_text("\n".join([text[0], *lines]) + "\n")
    (project.inputs / "moved.csv").write_text("set,file,genome\nmoved,moved.tsv,tiny\n")
    run = project.run("--seed", "7", "--outdir", "moved", "--variants", project.inputs / "moved.csv")
    assert run.status != 0 and "another assembly" in run.output
    assert "TRAIN_FOLD" not in Run(1, "", project.folder / "moved").tasks


@pytest.fixture(scope="module")
def stub(project) -> list:
    """Options of a stub of everything, with two GPUs, which has run: each task leaves the device that it had."""
    (project.folder / "devices.config").write_text(
        "process.afterScript = 'echo ${CUDA_VISIBLE_DEVICES-none} > device'\ntrace.fields = 'name,status,workdir'\n"
    )
    # The second parser of Nextflow 25.04 does not know a profile where -c names a file that lacks it.
    gpus = ["-profile", "gpu", "--local_gpus", "3,5"] if project.parser == "v1" else []
    sheets = {"external_predictions": "predictions.csv", "external_scores": "tools.csv", "benchmark": "benchmark.csv"}
    others = [word for name, file in sheets.items() for word in (f"--{name}", project.inputs / file)]
    options = ["-stub", *gpus, "-c", "devices.config", *analyses(project.inputs), *others]
    run = project.run(*options, "--outdir", "stub")
    assert run.status == 0, run.output
    return options


def test_the_whole_pipeline_runs_as_a_stub(project, stub):
    for file in (
        "saturation/first/kind.scxpresso/motifs.tsv", "variants/three/first.kind.scxpresso.tsv.gz", "report.html",
        "models/first/kind/scxpresso/model.json", "predictions/first/kind.other.tsv.gz", "external_scores/tool.unused.tsv",
        "benchmark/measured/first.kind.scxpresso.metrics.tsv", "variants/three/first.all.scxpresso.external.tsv",
    ):  # fmt: skip
        assert (project.folder / "stub" / file).exists()
    others = [word for word in stub if word != "--variant_map"]
    run = project.run(*others, "-resume", "--outdir", "stub_gene", "--variant_null", "gene")
    assert run.status == 0, run.output
    left_out = {"POOL_EFFECTS", "SPLIT_MAP", "MAP_VARIANTS", "JOIN_MAP"}
    assert Run(0, "", project.folder / "stub_gene").tasks.keys() == (STEPS | ANALYSES | OTHERS) - left_out


@pytest.mark.one_parser
def test_tasks_with_a_gpu_take_a_device_each_and_others_none(project, stub):
    taken = defaultdict(set)
    for row in csv.DictReader((project.folder / "stub/pipeline_info/trace.txt").open(), delimiter="\t"):
        taken[row["name"].split(" ")[0].split(":")[-1]].add((Path(row["workdir"]) / "device").read_text().strip())
    with_gpu = {"TRAIN_FOLD", "SATURATE", "POOL_EFFECTS", "SCORE_VARIANTS", "PREDICT", "MAP_VARIANTS"}
    assert len(Run(0, "", project.folder / "stub").tasks["TRAIN_FOLD"]) == 4  # a fold has a GPU to itself
    assert set.union(*(taken[step] for step in with_gpu)) == {"3", "5"}
    assert set.union(*(taken[step] for step in taken.keys() - with_gpu)) == {"none"}


THREE_FOLDS = ["--folds", "3", "--folds_per_task", "2"]


@pytest.fixture(scope="module")
def killed(project) -> Run:
    """A stub of which the first attempt of a task is killed, and of whose three folds a task trains two."""
    (project.folder / "killed.config").write_text(
        "trace.fields = 'name,status,attempt,memory'\n"
        "process { withName: SPLIT_FOLDS {\n"
        "    ext = [memory: 1.GB]\n"
        "    beforeScript = { task.attempt == 1 ? 'exit 137' : '' }\n"
        "} }\n"
    )
    run = project.run("-stub", "-c", "killed.config", *THREE_FOLDS, "--outdir", "killed")
    assert run.status == 0, run.output
    return Run(0, run.output, project.folder / "killed")


def test_a_task_killed_for_memory_tries_again_with_more(killed):
    assert "Execution is retried (1)" in killed.output
    rows = csv.DictReader((killed.outdir / "pipeline_info/trace.txt").open(), delimiter="\t")
    attempts = {row["attempt"]: row["memory"] for row in rows if "SPLIT_FOLDS" in row["name"]}
    assert attempts == {"1": "1 GB", "2": "2 GB"}


def test_a_task_may_train_several_folds(killed):
    rows = csv.DictReader((killed.outdir / "pipeline_info/trace.txt").open(), delimiter="\t")
    folds = [re.search(r"TRAIN_FOLD \((.*)\)", row["name"]) for row in rows]
    models = ("first.all.scxpresso", "first.kind.scxpresso")
    assert {found[1] for found in folds if found} == {
        f"{model} {held_out}" for model in models for held_out in ("1,2", "3")
    }
    for fold in (1, 2, 3):
        assert (killed.outdir / f"models/first/kind/scxpresso/fold_{fold}").is_dir()


@pytest.mark.one_parser
def test_a_table_of_gene_features_trains_only_what_reads_it(project, killed):
    (project.folder / "table.tsv").write_text("gene\tone\nG001\t1\nG002\t2\n")
    options = ["--gene_features", "table.tsv", "--gene_features_missing", "mean", "--network", "scxpresso,hybrid"]
    run = project.run("-stub", "-resume", *THREE_FOLDS, *options, "--outdir", "table")
    assert run.status == 0, run.output
    rows = list(csv.DictReader((project.folder / "table/pipeline_info/trace.txt").open(), delimiter="\t"))
    ran = {row["name"].split(":")[-1] for row in rows if row["status"] != "CACHED"}
    assert "EXTRACT_FEATURES (tiny 300_200_extended_gene_features)" in ran
    assert {one.split(".")[-1] for one in ran if one.startswith("TRAIN_FOLD")} == {
        f"{recipe} {folds})" for recipe in ("hybrid", "hybrid_no_gene_features") for folds in ("1,2", "3")
    }
    assert not any(one.startswith(("SPLIT_FOLDS", "FIT_BASELINES")) for one in ran)


def test_a_parameter_is_the_same_wherever_it_is_given(project, killed):
    """Text on the command line or in a file, and numbers that are written otherwise, run no task again."""
    numbers = {"seed": 1, "learning_rate": 0.0005, "haplotypes": False, "genes_per_task": 50}
    (project.folder / "numbers.json").write_text(json.dumps(numbers))
    (project.folder / "text.json").write_text(json.dumps({name: str(value) for name, value in numbers.items()}))
    (project.folder / "own.config").write_text("params.seed = '01'\n")
    places = [
        ["-c", "own.config", "--learning_rate", "5e-4", "--haplotypes", "false", "--genes_per_task", "50"],
        ["-params-file", "numbers.json"], ["-params-file", "text.json"],
    ]  # fmt: skip
    for options in (
        places if project.parser == "v1" else places[:1]
    ):  # parsers read configurations, not files of parameters
        run = project.run("-stub", "-resume", *THREE_FOLDS, "--outdir", "given", *options)
        assert run.status == 0, run.output
        run.outdir = project.folder / "given"
        assert run.rerun <= {"PREFLIGHT", "REPORT", "WRITE_CRATE"}, options


@pytest.mark.one_parser
def test_no_task_names_a_folder_of_this_machine(project, first_run, asked):
    """Tasks see what is staged and bin/ alone, so that they run where nothing else of the project is."""
    scripts = list((project.folder / "work").glob("*/*/.command.sh"))
    assert len(scripts) > 20
    for script in scripts:
        text = script.read_text().replace("#!/bin/bash", "")
        assert not re.search(r"(^|[\s='\"])/[\w.]", re.sub(r"^\{.*\}$", "", text, flags=re.MULTILINE)), script


def test_bad_input_stops_before_anything_is_made(project):
    (project.inputs / "bad.csv").write_text(
        "atlas,counts,protocol,genome,levels\n; touch PWNED,atlas.h5ad,10X,tiny,all\nok,gone.h5ad,10x,other,all;typ\n"
    )
    run = project.run("--input", project.inputs / "bad.csv", "--outdir", "bad", "--epoch", "3")
    assert run.status != 0
    for words in ("; touch PWNED", "10X", "gone.h5ad", "other", "epoch", "epochs"):
        assert words in run.output
    assert not list(project.folder.rglob("PWNED"))
    made = {path.name for path in (project.folder / "bad").iterdir()} if (project.folder / "bad").exists() else set()
    assert made <= {"pipeline_info"}


def test_resume_checks_again_what_was_fixed_outside_of_the_files(project, tmp_path):
    shutil.copy(project.folder / "small.config", tmp_path)
    elsewhere = replace(project, folder=tmp_path)
    with (project.inputs / "atlas.h5ad").open() as atlas:
        fcntl.flock(atlas, fcntl.LOCK_EX)
        run = elsewhere.run("-stub")
        assert run.status != 0 and "locked it" in run.output
    run = elsewhere.run("-stub", "-resume")
    assert run.status == 0, run.output


@pytest.fixture
def script(project, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Run a workflow that has no tasks beside main.nf, in a folder of its own: text of the script, options."""

    def run(text: str, *options) -> subprocess.CompletedProcess:
        (project.pipeline / "script.nf").write_text(text)
        return replace(project, folder=tmp_path).nextflow("run", project.pipeline / "script.nf", *options)

    return run


# What main.nf does with its parameters before its first task
BEFORE_TASKS = """
include { check_outdir ; typed } from './functions/parameters'
include { read_inputs } from './functions/sheets'
workflow {
    options = typed(params)
    check_outdir(workflow, options)
    println("results in ${workflow.outputDir.name}, list ${read_inputs(options).list}")
}
"""


def test_an_outdir_that_the_configuration_has_not_read_ends_the_run(script, tmp_path):
    (tmp_path / "own.config").write_text("params.outdir = 'mine'\n")
    run = script(BEFORE_TASKS, "-c", "own.config")
    assert run.returncode != 0 and "--outdir: 'mine', but the results would go to" in run.stdout + run.stderr
    assert "results in there," in script(BEFORE_TASKS, "-c", "own.config", "-output-dir", "there").stdout
    assert "results in 7," in script(BEFORE_TASKS, "--outdir", "7").stdout


def test_a_folder_that_is_named_like_a_gene_is_no_list_of_genes(script, tmp_path):
    (tmp_path / "SST").mkdir()
    (tmp_path / "list").write_text("SST\n")
    assert "results in SST, list []" in script(BEFORE_TASKS, "--outdir", "SST/", "--saturate", "SST").stdout
    assert f"list {tmp_path / 'list'}" in script(BEFORE_TASKS, "--saturate", "list").stdout


IN_ORDER = """
include { in_order } from './subworkflows/summary'
include { part } from './functions/manifest'
workflow {
    def parts = ['b', 'a'].collectMany { folder ->
        ['y', 'x'].collect { name -> part('variants', [set: 's'], 'benchmarks', file("${folder}/metrics.tsv")) + [order: name] }
    }
    in_order(channel.fromList(parts))
        .mix(in_order(channel.fromList(parts.reverse())))
        .view { ordered -> "order: " + ordered.collect { one -> "${one.order}${one.file.parent.name}" } }
}
"""


def test_the_order_of_files_does_not_depend_on_which_task_finished_first(script):
    shown = script(IN_ORDER).stdout
    assert shown.count("order: [xa, xb, ya, yb]") == 2, shown


def test_help_lists_every_parameter(project):
    run = project.run("--help", small=False)
    assert run.status == 0
    for name in ("--input", "--genomes", "--folds", "--learning_rate", "--device"):
        assert name in run.output


def test_profiles_of_what_to_run_are_valid(project):
    expected = {
        "test": "folds = 5",
        "xpresso": "aggregation = 'median'",
        "test_full": "pfalciparum|assets/demo",
        "test_study": "demo/study/populations.csv",
        "human": "assets/human/atlases.csv",
    }
    for profile, text in expected.items():
        shown = project.nextflow("config", project.pipeline, "-profile", profile)
        assert shown.returncode == 0 and re.search(text, shown.stdout), shown.stderr

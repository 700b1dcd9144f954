"""Real Nextflow runs on a small made-up genome and atlas: results, caching, both parsers, bad and hostile input."""

import csv
import gzip
import os
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import ROOT

from scxpresso.evaluation.evaluation import COMPARISONS, GENES, POPULATIONS, SUMMARY
from scxpresso.genome.annotation import GENE_COLUMNS, HALF_LIFE
from scxpresso.genome.extended import EXTENDED
from scxpresso.store import HISTORY_COLUMNS, POPULATION_COLUMNS, PREDICTION_COLUMNS, read_json, read_table

HOSTILE_FOLDER = "it's a $(touch PWNED) `touch PWNED` ; touch PWNED & ünï"
HOSTILE_LABELS = ["L2/3 IT", 'a "b" <script>alert(1)</script>', "$(touch PWNED) `touch PWNED`; touch PWNED", "größer"]
SMALL = [
    "--upstream", "300", "--downstream", "200", "--network", "scxpresso", "--folds", "2", "--replicates", "1",
    "--epochs", "1",
]  # fmt: skip
STEPS = {
    "PREFLIGHT", "EXTRACT_FEATURES", "SPLIT_FOLDS", "PSEUDOBULK", "FIT_BASELINES", "TRAIN_FOLD", "ENSEMBLE", "EVALUATE",
    "REPORT",
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
            found[row["name"].split(" ")[0]].append(row["status"])
        return found

    @property
    def rerun(self) -> set[str]:
        """Steps of which at least one task was not taken from the cache."""
        return {step for step, statuses in self.tasks.items() if set(statuses) != {"CACHED"}}


@dataclass
class Project:
    """A copy of the pipeline to edit, a folder to run it in, and its inputs."""

    pipeline: Path
    folder: Path
    inputs: Path

    def run(self, *options, parser="v1", small=True) -> Run:
        command = [ROOT / "setup" / "nextflow", "run", self.pipeline, "-ansi-log", "false", "-c", "small.config"]
        if small:
            options = [
                "--input",
                self.inputs / "atlases.csv",
                "--genomes",
                self.inputs / "genomes.csv",
                *SMALL,
                *options,
            ]
        environment = os.environ | {"NXF_SYNTAX_PARSER": parser, "NXF_ANSI_LOG": "false"}
        done = subprocess.run(
            [str(word) for word in [*command, *options]],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        return Run(done.returncode, done.stdout + done.stderr, self.folder / "results")


def make_inputs(folder: Path) -> None:
    """120 genes on two contigs, 240 cells of four populations, sheets beside them."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    genes, lines = [f"G{number:03}" for number in range(120)], []
    with gzip.open(folder / "genome & co.fa.gz", "wt") as fasta:
        for contig in "12":
            fasta.write(f">chr{contig}\n{''.join(rng.choice(list('ACGT'), 70_000))}\n")
    for number, gene in enumerate(genes):
        start, strand = 1000 * (number // 2) + 2000, "+-"[number % 3 == 0]
        for part in ("exon", "CDS"):
            lines.append(
                f"{number % 2 + 1}\tt\t{part}\t{start}\t{start + 300 + number}\t.\t{strand}\t.\t"
                f'gene_id "{gene}"; gene_name "{gene}"; transcript_id "{gene}.t";'
            )
    (folder / "genes.gtf").write_text("\n".join(lines) + "\n")
    counts = rng.poisson(rng.lognormal(0, 1, 120), size=(240, 120)).astype(np.float32)
    obs = pd.DataFrame({"kind": rng.choice(HOSTILE_LABELS, 240)}, index=[f"c{number}" for number in range(240)])
    atlas = anndata.AnnData(scipy.sparse.csr_matrix(counts), obs, pd.DataFrame(index=genes))
    atlas.write_h5ad(folder / "atlas.h5ad")
    (folder / "genomes.csv").write_text("genome,fasta,gtf\ntiny,genome & co.fa.gz,genes.gtf\n")
    (folder / "atlases.csv").write_text("atlas,counts,protocol,genome,levels\nfirst,atlas.h5ad,10x,tiny,all;kind\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    base = tmp_path_factory.mktemp("pipeline")
    for part in ("bin", "modules", "conf", "assets/report"):
        shutil.copytree(ROOT / part, base / "pipeline" / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("main.nf", "nextflow.config", "nextflow_schema.json", "assets/schema_atlases.json"):
        shutil.copy(ROOT / part, base / "pipeline" / part)
    shutil.copy(ROOT / "assets/schema_genomes.json", base / "pipeline/assets")
    made = Project(base / "pipeline", base / "run", base / HOSTILE_FOLDER)
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
    return list(read_table(path).columns)


def test_every_file_of_the_contract_with_its_columns(first_run):
    out = first_run.outdir
    assert columns(out / "genomes/tiny/genes.tsv") == GENE_COLUMNS + EXTENDED
    assert columns(out / "genomes/tiny/folds.tsv") == ["gene_id", "fold"]
    assert columns(out / "genomes/tiny/dropped_genes.tsv") == ["gene", "reason"]
    assert (out / "genomes/tiny/features.h5").stat().st_size > 1000
    for level in ("all", "kind"):
        assert columns(out / f"expression/first/{level}.tsv.gz")[0] == "gene_id"
        assert columns(out / f"expression/first/{level}.populations.tsv") == POPULATION_COLUMNS
        for network in ("scxpresso", "mean", "half_life", "kmer"):
            assert columns(out / f"predictions/first/{level}.{network}.tsv.gz") == PREDICTION_COLUMNS
        model = out / f"models/first/{level}/scxpresso"
        for fold in (1, 2):
            assert columns(model / f"fold_{fold}/history.tsv") == HISTORY_COLUMNS
            assert (model / f"fold_{fold}/replicate_1.safetensors").stat().st_size > 1000
        described = read_json(model / "model.json")
        assert {len(described["fold_of_gene"]), described["upstream"], described["genome"]} == {120, 300, "tiny"}
        assert described["annotation_features"] == HALF_LIFE
    for name, expected in (
        ("populations", POPULATIONS),
        ("genes", GENES),
        ("summary", SUMMARY),
        ("comparisons", COMPARISONS),
    ):
        assert columns(out / f"evaluation/{name}.tsv") == expected
    for name in ("trace.txt", "timeline.html", "report.html", "versions.json", "preflight.json", "params.json"):
        assert (out / "pipeline_info" / name).exists(), name
    assert read_json(out / "pipeline_info/versions.json")["torch"]


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


def test_a_changed_parameter_runs_what_depends_on_it(project, first_run):
    run = project.run("-resume", "--learning_rate", "0.001")
    assert run.status == 0, run.output
    assert run.rerun == {"PREFLIGHT", "TRAIN_FOLD", "ENSEMBLE", "EVALUATE", "REPORT"}


def test_a_second_network_joins_the_first_which_stays_cached(project, first_run):
    both = ["-resume", "--network", "scxpresso,hybrid", "--outdir", "both"]
    run = project.run(*both)
    assert run.status == 0, run.output
    run.outdir = project.folder / "both"
    assert sorted(run.tasks["TRAIN_FOLD"]) == ["CACHED"] * 4 + ["COMPLETED"] * 4
    described = read_json(run.outdir / "models/first/kind/hybrid/model.json")
    assert described["annotation_features"] == HALF_LIFE + EXTENDED
    summary = read_table(run.outdir / "evaluation/summary.tsv").set_index(["level", "network", "metric"])
    difference = summary.loc[("kind", "hybrid", "pearson_minus_scxpresso")]
    mine, other = (summary.loc[("kind", network, "pearson"), "value"] for network in ("hybrid", "scxpresso"))
    assert difference["n_folds"] == 2 and difference["value"] == pytest.approx(mine - other, abs=1e-5)
    assert "Which network to use" in (run.outdir / "report.html").read_text()
    # The rate is the published network's: the hybrid is not trained again for it.
    run = project.run(*both, "--learning_rate", "0.002")
    run.outdir = project.folder / "both"
    assert run.status == 0, run.output
    assert sorted(run.tasks["TRAIN_FOLD"]) == ["CACHED"] * 4 + ["COMPLETED"] * 4


def edited(path: Path):
    """Append a comment to a Python file; gives its former text."""
    text = path.read_text()
    path.write_text(text + "\n# edited\n")
    return text


@pytest.mark.parametrize(
    ("file", "rerun"),
    [
        ("scxpresso/reporting/report.py", {"REPORT"}),
        (
            "scxpresso/evaluation/metrics.py",
            {"PSEUDOBULK", "FIT_BASELINES", "TRAIN_FOLD", "ENSEMBLE", "EVALUATE", "REPORT"},
        ),
        ("evaluate.py", {"EVALUATE", "REPORT"}),
    ],
)
def test_an_edited_module_or_executable_runs_what_depends_on_it(project, first_run, file, rerun):
    path = project.pipeline / "bin" / file
    former = edited(path)
    try:
        run = project.run("-resume")
    finally:
        path.write_text(former)
    assert run.status == 0, run.output
    # What reads a table that came out the same as before is cached, so a step may stay out; nothing else may come in.
    assert run.rerun - {"PREFLIGHT"} <= rerun and run.rerun & rerun


def test_another_atlas_leaves_the_first_cached(project, first_run):
    sheet = project.inputs / "atlases.csv"
    former = sheet.read_text()
    sheet.write_text(former + "second,atlas.h5ad,smartseq2,tiny,all\n")
    try:
        run = project.run("-resume")
    finally:
        sheet.write_text(former)
    assert run.status == 0, run.output
    assert run.tasks["EXTRACT_FEATURES"] == run.tasks["SPLIT_FOLDS"] == ["CACHED"]
    assert sorted(run.tasks["PSEUDOBULK"]) == ["CACHED", "COMPLETED"]
    assert sorted(run.tasks["TRAIN_FOLD"]) == ["CACHED"] * 4 + ["COMPLETED"] * 2
    assert (run.outdir / "predictions/second/all.scxpresso.tsv.gz").exists()


def test_both_parsers_run_the_whole_pipeline_as_a_stub(project):
    for parser in ("v1", "v2"):
        run = project.run("-stub", "-output-dir", f"stub_{parser}", parser=parser)
        assert run.status == 0, run.output
        assert (project.folder / f"stub_{parser}" / "report.html").exists()
        assert (project.folder / f"stub_{parser}" / "models/first/kind/scxpresso/model.json").exists()


def test_the_strict_parser_runs_it_for_real_with_parameters_as_text(project):
    options = ["--inputs", "half_life", "--folds", "3", "--folds_per_task", "2"]
    run = project.run("-output-dir", "strict", *options, parser="v2")
    assert run.status == 0, run.output
    for level in ("all", "kind"):  # folds 1 and 2 by one task, 3 by another
        for fold in (1, 2, 3):
            history = read_table(project.folder / f"strict/models/first/{level}/scxpresso/fold_{fold}/history.tsv")
            assert set(history["fold"]) == {fold}
        predicted = read_table(project.folder / f"strict/predictions/first/{level}.scxpresso.tsv.gz")
        assert predicted["gene_id"].nunique() == 120


def test_a_task_killed_for_memory_tries_again_with_more(project):
    (project.folder / "killed.config").write_text(
        "process { withName: SPLIT_FOLDS { beforeScript = { task.attempt == 1 ? 'exit 137' : '' } } }\n"
    )
    run = project.run("-stub", "-c", "killed.config", "-output-dir", "killed")
    assert run.status == 0, run.output
    assert "Execution is retried (1)" in run.output


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


def test_help_lists_every_parameter(project):
    for parser in ("v1", "v2"):
        run = project.run("--help", parser=parser, small=False)
        assert run.status == 0
        for name in ("--input", "--genomes", "--folds", "--learning_rate", "--device"):
            assert name in run.output


@pytest.mark.parametrize(
    "profile",
    ["test", "test_full", "xpresso", "docker", "podman", "singularity", "apptainer", "gpu", "slurm", "test,docker,gpu"],
)
def test_every_profile_is_a_valid_configuration(project, profile):
    done = subprocess.run(
        [ROOT / "setup" / "nextflow", "config", project.pipeline, "-profile", profile],
        cwd=project.folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = {"test": "folds = 5", "xpresso": "aggregation = 'median'", "slurm": "executor = 'slurm'"}
    assert expected.get(profile, "params") in done.stdout

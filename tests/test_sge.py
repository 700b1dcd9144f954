"""The pipeline on a real Grid Engine of one node: GPUs and their queue, CPUs, time, a job that qsub refuses."""

import pandas as pd
import pytest
from conftest import ROOT
from places import ran_here, read_table
from schedulers.runs import Cluster, at_first
from schedulers.sge import one_node_grid_engine
from test_pipeline import STEPS

pytestmark = pytest.mark.sge

# Without containers: a job of Grid Engine begins in a login shell, with nothing of the environment it was sent from.
HERE = f"env.PATH = '{ROOT}/.tools/venv/bin:$PATH'\n"
TELL = """process { withName: '.*' { beforeScript = 'echo "GIVEN $QUEUE"' } }"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Cluster:
    with one_node_grid_engine(tmp_path_factory.mktemp("sge")) as engine:
        yield Cluster(engine.env, tmp_path_factory.mktemp("runs"), "#$")


def test_pipeline_runs_to_its_report(cluster):
    run = cluster.run("plain", "sge", config=HERE)
    assert run.status == 0, run.output
    assert run.tasks.keys() == STEPS
    assert len(pd.read_csv(run.outdir / "predictions/first/kind.scxpresso.tsv.gz", sep="\t")) == 120 * 4
    assert "<html" in (run.outdir / "report.html").read_text()
    assert not [job for job in run.jobs if "gpu" in str(job.options)]
    cluster.seen.append("report")


@pytest.mark.parametrize(("profile", "parser"), [("sge,gpu", "v1"), ("gpu,sge", "v2")])
def test_only_gpu_tasks_ask_for_a_gpu_and_go_to_its_queue(cluster, profile, parser):
    options = ["-stub", "--device", "cpu", "--queue", "cpu.q", "--gpu_queue", "gpu.q"]
    run = cluster.run(f"gpu_{parser}", profile, *options, config=TELL, parser=parser)
    assert run.status == 0, run.output
    assert {job.step for job in run.jobs} == STEPS
    for job in run.jobs:
        gpu = job.step == "TRAIN_FOLD"
        assert ("-l gpu=1" in str(job.options)) == gpu, job
        assert f"GIVEN {'gpu.q' if gpu else 'cpu.q'}\n" in job.log, job
    if parser == "v2":
        cluster.seen.append("GPUs and their queue")


def test_cpus_are_those_of_one_node_and_a_task_killed_for_time_gets_twice_as_much(cluster):
    config = "process.resourceLimits = [cpus: 2, memory: 12.GB]\n"
    config += at_first("SPLIT_FOLDS", "sleep 120", "ext = [memory: 1.GB, time: 20.sec]")
    run = cluster.run("cpus", "sge", "-stub", config=config)
    assert run.status == 0, run.output
    assert {job.asked(r"-pe smp (\d)") for job in run.attempts("TRAIN_FOLD")} == {"2"}
    first, second = run.attempts("SPLIT_FOLDS")
    assert (first.folder / ".exitcode").read_text() == "140"  # SIGUSR2
    assert (first.time, second.time) == (20, 40) and first.memory == second.memory
    cluster.seen += ["parallel environment", "killed for time"]


def test_a_job_that_qsub_refuses_ends_the_run_with_its_words(cluster):
    run = cluster.run("refused", "sge", "-stub", "--cluster_options=-l nonsense=1", seconds=90)
    assert run.status != 0
    assert "Failed to submit process to grid scheduler" in run.output and "unknown resource" in run.output, run.output
    cluster.seen.append("resource refused")


def test_the_table_of_places_says_what_ran(cluster):
    ran = ", ".join(cluster.seen)
    ran_here("sge", ran)
    assert read_table()["`sge`"][1] == ran

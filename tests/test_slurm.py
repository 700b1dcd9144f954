"""The pipeline on a real SLURM of one node: GPUs, job arrays, memory, a node that goes, a job that is refused."""

import time
from pathlib import Path

import pandas as pd
import pytest
from places import ran_here, read_table
from schedulers.daemons import until
from schedulers.runs import Cluster, at_first, read_job
from schedulers.slurm import one_node_slurm
from test_pipeline import STEPS, analyses

pytestmark = pytest.mark.slurm

GPU_STEPS = {"TRAIN_FOLD", "SATURATE", "POOL_EFFECTS", "SCORE_VARIANTS", "PREDICT"}
# Where a job ran and the devices that SLURM gave it, in its log.
TELL = """process { withName: '.*' { beforeScript = 'echo "GIVEN $SLURM_JOB_PARTITION ${CUDA_VISIBLE_DEVICES:-none}"' } }"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with one_node_slurm(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture(scope="module")
def cluster(slurm, tmp_path_factory) -> Cluster:
    return Cluster(slurm.env, tmp_path_factory.mktemp("runs"), "#SBATCH")


@pytest.fixture(scope="module")
def plain(cluster):
    return cluster.run("plain", "slurm")


def predictions(run) -> pd.DataFrame:
    return pd.read_csv(run.outdir / "predictions/first/kind.scxpresso.tsv.gz", sep="\t")


def test_pipeline_runs_to_its_report(cluster, plain):
    assert plain.status == 0, plain.output
    assert plain.tasks.keys() == STEPS and len(predictions(plain)) == 120 * 4
    assert "<html" in (plain.outdir / "report.html").read_text()
    assert len(plain.jobs) == sum(map(len, plain.tasks.values()))
    small = {"PREFLIGHT", "EXTRACT_FEATURES", "SPLIT_FOLDS", "CHECKSUM", "WRITE_CRATE"}
    assert {(job.step in small, job.memory) for job in plain.jobs} == {(True, 4096), (False, 8192)}
    assert not [job for job in plain.jobs if "--gres" in str(job.options) or "-p gpu" in job.options]
    cluster.seen.append("report")


@pytest.mark.parametrize(("profile", "parser"), [("slurm,gpu", "v1"), ("gpu,slurm", "v2")])
def test_only_gpu_tasks_ask_for_a_gpu_and_go_to_its_queue(cluster, plain, profile, parser):
    run = cluster.run(
        f"gpu_{parser}", profile, "--device", "cpu", "--queue", "cpu", "--gpu_queue", "gpu", config=TELL, parser=parser
    )
    assert run.status == 0, run.output
    pd.testing.assert_frame_equal(predictions(run), predictions(plain))
    assert {job.step for job in run.jobs} == STEPS
    for job in run.jobs:
        gpu = job.step in GPU_STEPS
        assert ("--gres=gpu:1" in job.options) == gpu, job
        assert (f"-p {'gpu' if gpu else 'cpu'}") in job.options, job
        assert f"GIVEN {'gpu 0' if gpu else 'cpu none'}\n" in job.log, job


def test_every_question_asks_for_its_gpus_with_other_words_for_them(cluster):
    run = cluster.run(
        "analyses", "gpu,slurm", "-stub", "--device", "cpu", "--gpu_options=--gpus=1", *analyses(cluster.inputs)
    )
    assert run.status == 0, run.output
    assert {job.step for job in run.jobs if "--gpus=1" in job.options} == GPU_STEPS
    assert not [job for job in run.jobs if "--gres" in str(job.options)]
    cluster.seen.append("GPUs and their queue")


def test_job_arrays_give_the_same_results(cluster, plain):
    run = cluster.run("arrays", "slurm", "--array_size", "2", "--folds_per_task", "1")
    assert run.status == 0, run.output
    arrays = [job for job in run.jobs if "--array 0-1" in job.options]
    assert [job.step for job in arrays] == ["TRAIN_FOLD"] * 2, run.jobs
    tasks = [job for job in run.attempts("TRAIN_FOLD") if job not in arrays]
    assert len({(job.memory, job.time) for job in arrays + tasks}) == 1
    assert len(run.tasks["TRAIN_FOLD"]) == 4
    pd.testing.assert_frame_equal(predictions(run), predictions(plain))


def test_job_arrays_of_every_question_under_the_strict_parser(cluster):
    config = at_first("TRAIN_FOLD", "sleep 15")  # longer than a task that left no exit status is waited for
    options = ["-stub", "--array_size", "2", "--folds_per_task", "1", *analyses(cluster.inputs)]
    run = cluster.run("arrays_v2", "gpu,slurm", *options, config=config, parser="v2")
    assert run.status == 0 and "retried" not in run.output, run.output
    arrays = [job for job in run.jobs if "--array" in str(job.options)]
    assert {job.step for job in arrays} == GPU_STEPS - {"POOL_EFFECTS", "PREDICT"}
    assert all("--gres=gpu:1" in job.options for job in arrays)
    cluster.seen.append("job arrays")


@pytest.fixture(scope="module")
def killed(cluster):
    """A run whose first attempts are killed: by SLURM for memory or time, or as a control group does, for memory."""
    config = (
        at_first("EXTRACT_FEATURES", "exit 137")
        + at_first("SPLIT_FOLDS", 'python3 -c "import time; taken = 4_600_000_000 * bytes([1]); time.sleep(60)"')
        + at_first("PSEUDOBULK", "sleep 300", "ext = [memory: 1.GB, time: 1.min]")
    )
    run = cluster.run("killed", "slurm", "-stub", config=config)
    assert run.status == 0, run.output
    return run


@pytest.mark.parametrize("step", ["EXTRACT_FEATURES", "SPLIT_FOLDS"])
def test_a_task_killed_for_memory_is_tried_again_with_twice_as_much(cluster, killed, step):
    first, second = killed.attempts(step)
    assert second.memory == 2 * first.memory
    if step == "SPLIT_FOLDS":  # the whole job is gone, without an exit status
        assert "exceeded memory limit" in first.log and not (first.folder / ".exitcode").exists()
        cluster.seen.append("killed for memory")


def test_a_task_killed_for_time_is_tried_again_with_twice_as_much(cluster, killed):
    first, second = killed.attempts("PSEUDOBULK")
    assert "DUE TO TIME LIMIT" in first.log
    assert second.time == 2 * first.time
    cluster.seen.append("killed for time")


def test_jobs_wait_for_a_drained_node(slurm, cluster):
    started = cluster.start("drained", "slurm", "-stub", config=at_first("EXTRACT_FEATURES", "sleep 5"))
    try:
        until(lambda: "EXTRACT_FEATURES" in slurm.queue("R"), 60, slurm.logs)
        slurm.node("drain")
        until(lambda: "SPLIT_FOLDS" in slurm.queue("PD"), 60, slurm.logs)
        time.sleep(12)  # longer than a job that left no exit status is waited for
        assert started.poll() is None and "SPLIT_FOLDS" in slurm.queue("PD")
    finally:
        slurm.node("resume")
        run = cluster.end("drained", started, 120)
    assert run.status == 0, run.output
    assert "retried" not in run.output
    cluster.seen.append("node drained")


def ended(folder: Path, step: str) -> bool:
    """Whether a step's job of a run in this folder has left its exit status."""
    scripts = (status.parent / ".command.run" for status in folder.glob("work/*/*/.exitcode"))
    return any(read_job(script, "#SBATCH").step == step for script in scripts)


def test_tasks_of_a_node_that_is_taken_down_are_tried_again(slurm, cluster):
    started = cluster.start("down", "slurm", "-stub", config=at_first("SPLIT_FOLDS", "sleep 90"))
    try:
        # Alone: a job that is told to end while Nextflow's script stages its files fails with status 1.
        until(lambda: ended(cluster.folder / "down", "PSEUDOBULK"), 60, slurm.logs)
        until(lambda: len(slurm.queue("R,PD").split()) == 1, 60, slurm.logs)
        slurm.node("down")
    finally:
        slurm.node("resume")
        run = cluster.end("down", started, 120)
    assert run.status == 0, run.output
    assert len(run.attempts("SPLIT_FOLDS")) == 2
    cluster.seen.append("node down")


REFUSED = {
    "memory": (
        "process { resourceLimits = [:]; withName: SPLIT_FOLDS { memory = 900.GB } }", [],
        "Memory specification can not be satisfied",
    ),
    "queue": ("", ["--queue", "nowhere"], "invalid partition specified: nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("refused", REFUSED)
def test_a_job_that_sbatch_refuses_ends_the_run_with_its_words(cluster, refused):
    config, options, reason = REFUSED[refused]
    run = cluster.run(f"refused_{refused}", "slurm", "-stub", *options, config=config, seconds=90)
    assert run.status != 0
    assert "Failed to submit process to grid scheduler" in run.output and reason in run.output, run.output
    cluster.seen.append(f"{refused} refused")


def test_the_table_of_places_says_what_ran(cluster):
    ran = ", ".join(cluster.seen)
    ran_here("slurm", ran)
    assert read_table()["`slurm`"][1] == ran

"""The CPUs that a process may use, and that the threads of libraries are no more."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

from scxpresso.cpus import VARIABLES, available_cpus

MACHINE = 64


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Make files of control groups, by their paths; the root folder to read them in. The machine has 64 CPUs."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: range(MACHINE), raising=False)

    def make(mine: str, **files: str):
        for path, text in {"proc/self/cgroup": mine, **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return make


def quota(folder: str, limit: int, period: int = 100_000) -> dict[str, str]:
    """The files of cgroup v1."""
    top = "sys/fs/cgroup"
    return {f"{top}/{folder}/cpu.cfs_quota_us": f"{limit}\n", f"{top}/{folder}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, MACHINE),
        ({"": "200000 100000"}, 2),  # the only group that a container sees
        ({"slurm/job_7/task_0": "max 100000"}, MACHINE),
        ({"slurm/job_7/task_0": "150000 100000"}, 2),  # a CPU and a half
        ({"slurm/job_7/task_0": "1000 100000"}, 1),
        ({"slurm/job_7": "300000 100000", "slurm/job_7/task_0": "max 100000"}, 3),  # of a group above
        ({"slurm/job_7": "300000 100000", "slurm/job_7/task_0": "800000 100000"}, 3),
        ({"slurm/job_8": "300000 100000"}, MACHINE),  # of another process
    ],
)
def test_a_quota_of_cgroup_v2_is_the_number_of_cpus(groups, limits, expected):
    files = {f"sys/fs/cgroup/{group}/cpu.max": f"{limit}\n" for group, limit in limits.items()}
    assert available_cpus(groups("0::/slurm/job_7/task_0\n", **files)) == expected


@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(
    ("group", "limit", "expected"),
    [("docker/abc", 400_000, 4), ("docker", 400_000, 4), ("", 50_000, 1), ("docker/abc", -1, MACHINE)],
)
def test_a_quota_of_cgroup_v1_is_the_number_of_cpus(groups, controllers, group, limit, expected):
    mine = f"5:cpuset:/elsewhere\n4:{controllers}:/docker/abc\n0::/\n"
    files = quota(f"{controllers}/{group}", limit) | quota("cpuset/elsewhere", 100_000)
    assert available_cpus(groups(mine, **files)) == expected


def test_without_control_groups_the_cpus_are_those_that_the_process_may_run_on(groups, monkeypatch):
    assert available_cpus(groups("")) == MACHINE
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {3, 5}, raising=False)
    assert available_cpus(groups("0::/\n", **{"sys/fs/cgroup/cpu.max": "800000 100000"})) == 2
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert available_cpus(groups("")) == 8


@pytest.mark.parametrize(
    ("options", "own", "expected"),
    [
        ([], {}, ["1", "1"]),
        (["--threads", "2"], {}, ["2", "2"]),
        (["--threads", "999"], {}, ["2", "2"]),
        (["--threads", "2"], {"OMP_NUM_THREADS": "3"}, ["3", "2"]),
    ],
)
def test_libraries_start_as_many_threads_as_the_task_has(options, own, expected):
    """By the environment that they read when they are loaded. The process has two CPUs."""
    script = f"""
import os, sys
sys.path.insert(0, "bin")
os.sched_getaffinity = lambda process: range(2)
import click
from scxpresso.console import reports_problems
from scxpresso.options import threads_option

@click.command()
@threads_option
@reports_problems
def main(threads):
    print(*(os.environ[name] for name in {VARIABLES}), threads)

main()
"""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | own
    command = [sys.executable, "-c", script, *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [*expected, expected[1]], done.stderr

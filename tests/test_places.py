"""What the configuration gives to tasks in each place, and when a task is tried again."""

import json
import os
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import ROOT
from places import PLACES, Place, read_table, write_table

FILES = sorted(path.stem for path in (ROOT / "conf").glob("*.config"))
LEASE = ROOT / "conf" / "lease_gpu.sh"


def nextflow(*words, cwd: Path, parser: str = "v1") -> subprocess.CompletedProcess:
    """Nextflow's output, with the parser of the configuration that is asked for and without the plugins of clouds."""
    env = os.environ | {"NXF_SYNTAX_PARSER": parser, "NXF_PLUGINS_DEFAULT": "false"}
    command = [str(word) for word in (ROOT / "setup" / "nextflow", *words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=env)


class Resolved:
    """Directives of processes, and the scopes beside them, as the configuration of some profiles gives them."""

    def __init__(self, folder: Path, profile: str, params: dict[str, str], parser: str = "v1"):
        options = [f"--{name}={value}" for name, value in params.items()]
        done = nextflow(
            "-q", "run", ROOT / "tests/data/resolve.nf", "-c", ROOT / "nextflow.config", "-profile", profile, *options,
            cwd=folder, parser=parser,
        )  # fmt: skip
        lines = [line.split(" ", 1) for line in done.stdout.splitlines() if " " in line]
        rows = [json.loads(rest) for kind, rest in lines if kind == "RESOLVED"]
        assert done.returncode == 0 and rows, done.stdout + done.stderr
        self.of = {row["process"]: row for row in rows if "failure" not in row}
        self.retries = {
            (row["failure"]["exitStatus"], row["failure"]["message"]): row for row in rows if "failure" in row
        }
        self.scopes = {}
        for kind, rest in lines:
            if kind == "SCOPE":
                self.scopes |= json.loads(rest)

    def scope(self, name: str):
        value = self.scopes
        for part in name.split("."):
            value = value[part]
        return value


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.mark.nextflow
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.profile)
def test_a_place_gives_tasks_what_its_table_says(folder, place: Place):
    params = {"registry": "registry.test/lab", "image_version": "9"} | place.params
    found = Resolved(folder, f"gpu,{place.profile}", params)
    for process in ("PREFLIGHT", "PSEUDOBULK"):
        row = found.of[process]
        assert row["container"] == "registry.test/lab/nf-scxpresso:9"
        assert {name: row[name] for name in place.every} == place.every
        assert row["accelerator"] is row["before_script"] is None and row["array"] == 0
        assert row["container_options"] == place.every.get("container_options")
    trained = found.of["TRAIN_FOLD"]
    assert {name: trained[name] for name in place.gpu} == place.gpu
    sizes = {name: (row["cpus"], row["gigabytes"]) for name, row in found.of.items()}
    assert sizes == {"PREFLIGHT": (1, 4), "PSEUDOBULK": (2, 8), "TRAIN_FOLD": (2, 8)}
    assert {name: found.scope(name) for name in place.scope} == place.scope


def test_the_table_of_places_is_what_is_asserted():
    """`make places` writes it; test-slurm, test-sge and test-containers write what ran."""
    rows = {f"`{place.profile}`": place.asserted() for place in PLACES}
    if os.environ.get("SCXPRESSO_WRITE_PLACES"):
        ran = {name: row[1] for name, row in read_table().items()}
        write_table({name: [name, ran.get(name, "no"), *asserted] for name, asserted in rows.items()})
    assert {name: row[2:] for name, row in read_table().items()} == rows


def test_every_place_has_a_file_and_every_file_a_place():
    others = {"base", "gpu", "human", "paper", "test", "test_full", "test_study", "xpresso"}
    assert set(FILES) - others == {place.profile for place in PLACES}


@pytest.mark.nextflow
@pytest.mark.parametrize("parser", ["v1", "v2"])
@pytest.mark.parametrize("profile", ["slurm", "googlebatch", "docker"])
def test_profiles_work_in_either_order(folder, profile, parser):
    orders = (f"gpu,{profile}", f"{profile},gpu")
    shown = [nextflow("config", ROOT, "-profile", order, cwd=folder, parser=parser).stdout for order in orders]
    # In one of the orders the strict parser of 25.04 says of each selector's setting that it does not know it, and heeds it.
    lines = [sorted(line for line in text.splitlines() if not line.startswith("WARN: ")) for text in shown]
    assert lines[0] == lines[1] and "cuda" in shown[0]


@pytest.mark.nextflow
def test_only_this_machine_limits_its_tasks_and_takes_no_heed_of_time(folder):
    row = Resolved(folder, "docker", {}).of["PSEUDOBULK"]
    assert row["limits"]["cpus"] == os.cpu_count() and row["hours"] is None


@pytest.mark.nextflow
def test_a_killed_task_gets_more_of_what_it_lacked(folder):
    found = Resolved(folder, "slurm,gpu", {})
    killed = {status: row for (status, message), row in found.retries.items() if message == "Process terminated"}
    asked = {status: (row["strategy"], row["gigabytes"], row["hours"]) for status, row in killed.items()}
    for status in (137, 104, 176):
        assert asked[status] == ("RETRY", 16, 12)
    assert asked[140] == ("RETRY", 8, 24)
    assert asked[143] == asked[139] == asked[2147483647] == ("RETRY", 16, 24)
    assert asked[50001] == ("RETRY", 8, 12)
    host = found.retries[2147483647, "Host EC2 (instance i-0) terminated."]
    assert (host["strategy"], host["gigabytes"], host["hours"]) == ("RETRY", 8, 12)


@pytest.mark.nextflow
def test_failures_of_its_own_and_refused_jobs_are_final(folder):
    found = Resolved(folder, "slurm", {})
    final = [
        (1, "Process terminated"),
        (2, "Process terminated"),
        (2147483647, "Error submitting process 'X' for execution"),
    ]
    assert {found.retries[failure]["strategy"] for failure in final} == {"FINISH"}


@pytest.mark.nextflow
def test_gpu_options_replace_the_request_and_a_type_is_part_of_it(folder):
    own = Resolved(folder, "slurm,gpu", {"gpu_options": "--gpus=a100:1 --constraint=big"})
    assert own.of["TRAIN_FOLD"]["cluster_options"] == "--gpus=a100:1 --constraint=big"
    typed = Resolved(folder, "slurm,gpu", {"gpu_type": "a100"})
    assert typed.of["TRAIN_FOLD"]["cluster_options"] == "--gres=gpu:a100:1"


@pytest.mark.nextflow
def test_this_machine_runs_as_many_gpu_tasks_as_it_has_devices(folder):
    row = Resolved(folder, "gpu", {"local_gpus": "0,2"}).of["TRAIN_FOLD"]
    assert row["max_forks"] == 2 and row["before_script"] == "source 'conf/lease_gpu.sh' '0,2'"


@pytest.mark.nextflow
@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_profiles_of_an_institute_load(folder, parser):
    """The layout of nf-core/configs: nfcore_custom.config includes a file for each institute."""
    base = folder / "configs"
    (base / "conf").mkdir(parents=True, exist_ok=True)
    (base / "nfcore_custom.config").write_text(
        'profiles { uni { includeConfig "${params.custom_config_base}/conf/uni.config" } }\n'
    )
    (base / "conf" / "uni.config").write_text(
        "params { config_profile_name = 'uni' }\n"
        "process {\n    executor = 'slurm'\n    queue = 'uni'\n    resourceLimits = [memory: 700.GB, cpus: 64]\n"
        "    withLabel: process_medium { cpus = 6 }\n    withLabel: process_gpu { cpus = 8; memory = 40.GB; time = 3.d }\n}\n"
    )
    pipeline = folder / f"run_{parser}"
    pipeline.mkdir()
    found = Resolved(pipeline, "uni,gpu", {"custom_config_base": str(base)}, parser)
    rows = found.of.values()
    assert {(row["executor"], row["queue"], row["limits"]["cpus"]) for row in rows} == {("slurm", "uni", 64)}
    assert [(row["cpus"], row["gigabytes"], row["hours"]) for row in rows] == [(1, 4, 4), (6, 8, 4), (8, 40, 72)]
    file = pipeline / "params.json"
    file.write_text(json.dumps({"custom_config_base": str(base)}))
    shown = nextflow("config", ROOT, "-profile", "uni", cwd=pipeline, parser=parser)
    assert shown.returncode != 0 and "uni" in shown.stdout + shown.stderr  # without the base there is no such profile


def lease(folder: Path, devices: str, script: str) -> subprocess.Popen:
    """A task that needs a GPU, in a shell as Nextflow's."""
    command = f"source '{LEASE}' '{devices}'; {script}"
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command], env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_each_task_has_a_device_of_its_own(tmp_path):
    tasks = [
        lease(tmp_path, "0,1", "date +%s.%N; echo $CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER; sleep 0.7; date +%s.%N")
        for _ in range(5)
    ]
    spans = []
    for task in tasks:
        begin, device, end = task.communicate(timeout=60)[0].splitlines()
        spans.append((device.split()[0], float(begin), float(end)))
        assert device.split()[1] == "PCI_BUS_ID"
    assert {device for device, _, _ in spans} == {"0", "1"}
    for device in "01":
        times = sorted((begin, end) for own, begin, end in spans if own == device)
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(times))


def test_a_device_is_free_again_however_its_task_ends(tmp_path):
    for ending in ("exit 3", "kill -9 $$", "kill -TERM $$"):
        assert lease(tmp_path, "0", ending).wait(timeout=20) != 0
        assert lease(tmp_path, "0", "echo $CUDA_VISIBLE_DEVICES").communicate(timeout=20)[0] == "0\n"


@pytest.mark.slow
def test_a_device_is_taken_until_the_last_program_of_its_task_has_ended(tmp_path):
    task = lease(tmp_path, "0", "sleep 2.5 & disown; kill -9 $$")
    task.wait(timeout=20)
    begin = time.monotonic()
    assert lease(tmp_path, "0", "echo $CUDA_VISIBLE_DEVICES").communicate(timeout=20)[0] == "0\n"
    assert time.monotonic() - begin > 1


@pytest.mark.slow
def test_devices_are_those_that_nvidia_smi_lists(tmp_path):
    stand_in = tmp_path / "nvidia-smi"
    stand_in.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    stand_in.chmod(0o755)
    first = lease(
        tmp_path, "auto", f"true; PATH={tmp_path}:$PATH; source '{LEASE}' auto; echo $CUDA_VISIBLE_DEVICES; sleep 1"
    )
    assert first.stdout.readline() == "0\n"
    second = lease(tmp_path, "none", f"PATH={tmp_path}:$PATH; source '{LEASE}' auto; echo $CUDA_VISIBLE_DEVICES")
    assert second.communicate(timeout=20)[0] == "1\n"
    first.wait(timeout=20)


def test_without_a_gpu_or_under_a_scheduler_nothing_is_leased(tmp_path):
    for devices in ("auto", "none"):
        assert lease(tmp_path, devices, "echo ${CUDA_VISIBLE_DEVICES-}").communicate(timeout=20)[0] == "\n"


@pytest.mark.nextflow
@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_a_cloud_without_a_registry_is_told_so_at_once(folder, parser):
    done = nextflow("-q", "run", ROOT, "-profile", "test,googlebatch", cwd=folder, parser=parser)
    assert done.returncode != 0 and "--registry: not given" in done.stdout + done.stderr

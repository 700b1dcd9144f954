"""The pipeline inside its image, under podman and under the docker client (which talks to podman here)."""

import csv
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from scxpresso import __version__

pytestmark = pytest.mark.containers

ROOT = Path(__file__).parent.parent
IMAGE = f"nf-scxpresso:{__version__}"
BASE = "docker.io/library/debian:bookworm-slim"


@pytest.fixture(scope="module")
def podman_env() -> dict[str, str]:
    """The environment in which podman works on this machine, with the pipeline's image built."""
    assert shutil.which("podman"), "apt-get install podman buildah runc containernetworking-plugins debootstrap"
    subprocess.run([ROOT / "containers/base_image.sh"], check=True)
    env = dict(os.environ)
    if subprocess.run(["podman", "run", "--rm", BASE, "true"], capture_output=True).returncode:
        env["CONTAINERS_CONF"] = str(ROOT / "containers/containers.conf")
    build = ["podman", "build", "--format", "docker", "-t", IMAGE, "-f", "containers/Dockerfile", "."]
    subprocess.run(build, cwd=ROOT, env=env, check=True)
    return env


@pytest.fixture(scope="module")
def docker_env(podman_env, tmp_path_factory):
    """An environment whose docker client is answered by podman."""
    if not shutil.which("docker"):
        pytest.skip("no docker client on PATH")
    socket = tmp_path_factory.mktemp("docker") / "socket"
    env = podman_env | {"DOCKER_HOST": f"unix://{socket}"}
    service = subprocess.Popen(["podman", "system", "service", "--time", "0", env["DOCKER_HOST"]], env=env)
    try:
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert time.monotonic() < deadline, "podman's docker socket did not appear"
            time.sleep(0.1)
        yield env
    finally:
        service.terminate()
        service.wait()


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_pipeline_runs_in_its_image(engine, request, tmp_path):
    env = request.getfixturevalue(f"{engine}_env")
    run = [ROOT / "setup/nextflow", "run", ROOT, "-profile", f"test,{engine}", "-ansi-log", "false"]
    run += ["-with-trace", tmp_path / "trace.tsv", "--outdir", tmp_path / "results", "--epochs", "1", "--folds", "2"]
    assert subprocess.run(run, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL).returncode == 0

    with open(tmp_path / "trace.tsv") as lines:
        tasks = list(csv.DictReader(lines, delimiter="\t"))
    assert tasks
    assert {task["status"] for task in tasks} == {"COMPLETED"}
    for command in (tmp_path / "work").glob("*/*/.command.run"):
        assert f"{engine} run" in command.read_text()
    report = tmp_path / "results/report.html"
    assert report.stat().st_uid == os.getuid()
    assert "<html" in report.read_text()

"""The images: what is in them, the pipeline in them under podman and the docker client, a registry, files of Apptainer.

The docker client talks to podman here. What ran is noted in docs/running.md where SCXPRESSO_WRITE_PLACES is set.
"""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from places import ran_here
from schedulers.runs import Cluster
from schedulers.slurm import one_node_slurm
from test_pipeline import ANALYSES, STEPS, Project, Run, analyses, make_inputs

from scxpresso import __version__

pytestmark = pytest.mark.containers

CPU, CUDA = f"nf-scxpresso:{__version__}", f"nf-scxpresso:{__version__}-cuda"
WITH_GPU = {"TRAIN_FOLD", "SATURATE", "POOL_EFFECTS", "SCORE_VARIANTS", "PREDICT"}
# What tasks stage of the project, as files of their own.
STAGED = ["main.nf", "nextflow_schema.json", "assets"]


def podman(*words, **options) -> subprocess.CompletedProcess:
    """A podman command that has to succeed; its output."""
    return subprocess.run(["podman", *map(str, words)], check=True, stdout=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """An environment in which podman works on this machine, and has the base image."""
    assert shutil.which("podman"), "apt-get install podman buildah runc containernetworking-plugins debootstrap"
    subprocess.run([ROOT / "containers/base_image.sh"], check=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DOCKER_HOST", "unix:///no/daemon")  # podman is meant, whatever else is here
        base = "docker.io/library/debian:bookworm-slim"
        if subprocess.run(["podman", "run", "--rm", base, "true"], capture_output=True).returncode:
            environment.setenv("CONTAINERS_CONF", str(ROOT / "containers/containers.conf"))
        yield


@pytest.fixture(scope="module")
def images(engine) -> None:
    """Both images, made by `make image`."""
    subprocess.run(["make", "image"], cwd=ROOT, check=True)
    if os.environ.get("SCXPRESSO_WRITE_PLACES"):
        write_sizes()


def write_sizes() -> None:
    """The size of each image, and what of it is NVIDIA's libraries, into containers/README.md."""
    lines = ["| image | PyTorch | unpacked | of which `nvidia` |", "| --- | --- | --- | --- |"]
    script = "python -c 'import torch; print(torch.__version__)'; du -sbc /opt/venv/lib/python3*/site-packages/nvidia || true"
    for image in (CPU, CUDA):
        size = int(podman("inspect", "--format", "{{.Size}}", image).stdout)
        torch, *parts = podman("run", "--rm", image, "bash", "-c", script).stdout.splitlines()
        of_nvidia = int(parts[-1].split()[0])
        lines.append(f"| `{image}` | {torch} | {size / 1e9:.1f} GB | {of_nvidia / 1e9:.1f} GB |")
    page = ROOT / "containers/README.md"
    begin, end = "<!-- tests/test_containers.py writes this -->\n", "<!-- end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1], encoding="utf-8")


@pytest.fixture
def docker(images, tmp_path, monkeypatch) -> Iterator[None]:
    """An environment whose docker client is answered by podman."""
    if not shutil.which("docker"):
        pytest.skip("no docker client on PATH")
    address = f"unix://{tmp_path}/socket"
    service = subprocess.Popen(["podman", "system", "service", "--time", "0", address])
    monkeypatch.setenv("DOCKER_HOST", address)
    try:
        deadline = time.monotonic() + 30
        while subprocess.run(["docker", "info"], capture_output=True).returncode:
            assert time.monotonic() < deadline, "podman does not answer the docker client"
            time.sleep(0.2)
        yield
    finally:
        service.terminate()
        service.wait()


@pytest.mark.parametrize("image", [CPU, CUDA])
def test_an_image_has_what_tasks_need_whoever_runs_it(images, image):
    assert podman("inspect", "--format", "{{.Config.User}}", image).stdout == "1000:1000\n"
    script = (
        "ps -o pid= >/dev/null; bedtools --version; touch ~/written; ! command -v aws\n"
        "python -c 'import torch, scanpy, pybedtools; print(torch.version.cuda, torch.ones(2).sum().item())'"
    )
    for user in ([], ["--user", "0:0"], ["--user", "23456:23456"]):
        said = podman("run", "--rm", "--network", "none", *user, image, "bash", "-euo", "pipefail", "-c", script).stdout
        version, tensors = said.splitlines()
        assert version.startswith("bedtools v2") and tensors.endswith(" 2.0")
        assert image == CPU or not tensors.startswith("None"), "no CUDA in the image for GPUs"


@pytest.mark.parametrize("image", [CPU, CUDA])
def test_kernels_are_in_the_image_wherever_bin_lies_and_whoever_runs_it(images, image, tmp_path):
    """All that has kernels runs again as while the image was built, and compiles none."""
    place = tmp_path / "some" / "where else"
    for part in ("bin", "assets/demo"):
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "containers/compile_kernels.sh", place)
    script = (
        'export NUMBA_CACHE_DIR=$HOME/compiled; mkdir "$NUMBA_CACHE_DIR"; cd "$(mktemp -d)"\n'
        "/place/compile_kernels.sh /place >log 2>&1 || { cat log >&2; exit 1; }\n"
        "for folder in $NUMBA_CACHE_DIR $SCXPRESSO_KERNELS; do find $folder -name '*.nbc' | wc -l; done\n"
        "stat -c %U:%a $SCXPRESSO_KERNELS"
    )
    run = ["run", "--rm", "--network", "none", "--user", "23456:23456", "-v", f"{place}:/place:ro", image]
    compiled, ready, access = podman(*run, "bash", "-euc", script).stdout.splitlines()
    assert (compiled, access) == ("0", "root:755") and int(ready) > 0


def test_the_aws_client_is_inside_if_it_is_asked_for(engine):
    build = (
        "build",
        "--target",
        "base",
        "--build-arg",
        "AWS_CLI=1",
        "-t",
        "nf-scxpresso-aws",
        "-f",
        "containers/Dockerfile",
    )
    podman(*build, ".", cwd=ROOT)
    assert podman("run", "--rm", "nf-scxpresso-aws", "aws", "--version").stdout.startswith("aws-cli/1")
    podman("rmi", "nf-scxpresso-aws")


def tasks(trace: Path) -> list[tuple[str, str, str]]:
    """The process, the folder's short name and the status of each task of a run."""
    with open(trace) as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [(row["name"].split(" ")[0].split(":")[-1], row["hash"], row["status"]) for row in rows]


def test_the_demo_in_podman(images, tmp_path):
    run = [ROOT / "setup/nextflow", "run", ROOT, "-profile", "test,podman", "-ansi-log", "false"]
    run += ["--outdir", tmp_path / "results", "--epochs", "1", "--folds", "2", "-c", tmp_path / "kernels.config"]
    (tmp_path / "kernels.config").write_text("env.NUMBA_CACHE_DIR = 'compiled'\n")  # in each task's folder
    assert subprocess.run(run, cwd=tmp_path, stdin=subprocess.DEVNULL).returncode == 0
    ran = tasks(tmp_path / "results/pipeline_info/trace.txt")
    assert {process for process, _, _ in ran} >= STEPS and {status for *_, status in ran} == {"COMPLETED"}
    assert not list((tmp_path / "work").glob("*/*/compiled/*/*.nbc")), "kernels that the image should have had"
    report = tmp_path / "results/report.html"
    assert report.stat().st_uid == os.getuid()
    assert "<html" in report.read_text()


@pytest.fixture
def sealed(tmp_path) -> Project:
    """A copy of the pipeline whose tasks have no network, a read-only file system, and nothing of the project but bin/.

    Nextflow mounts the folder in which pipeline, inputs and work folder are: an empty one hides the project in it.
    """
    pipeline = tmp_path / "pipeline"
    for part in ("bin", "functions", "modules", "subworkflows", "conf", "assets/report"):
        shutil.copytree(ROOT / part, pipeline / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("main.nf", "nextflow.config", "nextflow_schema.json", *(ROOT / "assets").glob("schema_*.json")):
        shutil.copy(ROOT / file, pipeline / (ROOT / file).relative_to(ROOT))
    project = Project(pipeline, tmp_path / "run", tmp_path / "inputs", ROOT / "setup/nextflow", "v2")
    make_inputs(project.inputs)
    (project.inputs / "atlases.csv").write_text("atlas,counts,protocol,genome,levels\nfirst,atlas.h5ad,10x,tiny,kind\n")
    project.folder.mkdir()
    seals = ["--network none", "--read-only", "--tmpfs /tmp", f"--tmpfs {pipeline}"]
    seals += [f"-v {pipeline}/{part}:{pipeline}/{part}:ro" for part in ("bin", *STAGED)]
    # Nextflow 25.04 with the strict parser wants every file of -c to know the profiles.
    (project.folder / "small.config").write_text(
        "profiles { docker {}; podman {}; gpu {} }\n"
        "process.resourceLimits = [cpus: 1, memory: 4.GB, time: 1.h]\n"
        "process { withLabel: process_gpu { containerOptions = null } }\n"  # no GPU here
        f"docker.runOptions = '-u $(id -u):$(id -g) {' '.join(seals)}'\n"
        f"podman.runOptions = '--user 0:0 {' '.join(seals)}'\n"
    )
    return project


def containers(project: Project, run: Run, engine: str) -> dict[str, set[str]]:
    """The images in which the tasks of each process ran, after a look at what each task could see."""
    assert run.status == 0, run.output
    found = {}
    for process, name, status in tasks(run.outdir / "pipeline_info/trace.txt"):
        assert status == "COMPLETED"
        (task,) = (project.folder / "work").glob(f"{name}*/.command.run")
        text = task.read_text()
        words = shlex.split(re.search(rf"^ *{engine} run .*$", text, re.MULTILINE)[0].split(" /bin/bash ")[0])
        mounted = {words[at + 1].split(":")[0] for at, word in enumerate(words) if word == "-v"}
        assert mounted == {str(project.pipeline.parent)} | {str(project.pipeline / part) for part in ("bin", *STAGED)}
        assert {"none", "--read-only", str(project.pipeline)} <= set(words)
        # Of the project, a task reaches bin/ and what it staged.
        reached = re.findall(rf"{re.escape(str(project.pipeline))}/([\w./]+)", text.split(f"{engine} run")[0])
        assert all(part.startswith(("bin", *STAGED)) for part in reached)
        found.setdefault(process, set()).add(words[-1])
    return found


def test_every_process_in_its_image_sees_no_network_and_nothing_of_the_project_but_bin(images, sealed):
    gpu = ["-profile", "podman,gpu", "--device", "cpu", "--local_gpus", "none"]
    run = sealed.run(*gpu, *analyses(sealed.inputs))
    used = containers(sealed, run, "podman")
    assert {process for process, names in used.items() if names == {CUDA}} == WITH_GPU
    assert {process for process, names in used.items() if names == {CPU}} == (STEPS | ANALYSES) - WITH_GPU
    ran_here("podman", "yes, `make test-containers`: the demo; every process, strict parser, no network, both images")


def test_the_docker_client_runs_the_same(docker, sealed):
    run = sealed.run("-profile", "docker")
    used = containers(sealed, run, "docker")
    assert used.keys() == STEPS and set.union(*used.values()) == {CPU}
    assert (run.outdir / "report.html").stat().st_uid == os.getuid()
    ran_here(
        "docker", "yes, `make test-containers`: every step of training, strict parser, no network (podman's socket)"
    )


def test_jobs_of_slurm_run_in_the_images(images, tmp_path):
    """A GPU task's job asks for its GPU and runs in the image for GPUs; a job's folder on the node is seen in the container."""
    if not shutil.which("slurmctld"):
        pytest.skip("no SLURM: make test-slurm installs it")
    (tmp_path / "slurm").mkdir()
    with one_node_slurm(tmp_path / "slurm") as slurm:
        cluster = Cluster(slurm.env, tmp_path, "#SBATCH")
        config = "process { withLabel: process_gpu { containerOptions = null } }"  # no GPU here
        run = cluster.run("contained", "podman,slurm,gpu", "--device", "cpu", config=config, parser="v2", seconds=900)
    assert run.status == 0, run.output
    assert {job.step for job in run.jobs} == STEPS
    for job in run.jobs:
        image, gpu = (CUDA, "--gres=gpu:1") if job.step in WITH_GPU else (CPU, None)
        (command,) = re.findall(r"^ *podman run .*$", (job.folder / ".command.run").read_text(), re.MULTILINE)
        assert f" {image} /bin/bash " in command and (gpu is None or gpu in job.options), job


@pytest.fixture
def small_images(engine, tmp_path, monkeypatch) -> dict[str, str]:
    """The id of each of two images of a few bytes that bear the names of the real ones, in a storage of its own."""
    settings = f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/storage"\nrunroot = "{tmp_path}/run"\n'
    (tmp_path / "storage.conf").write_text(settings)
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(tmp_path / "storage.conf"))
    made = {}
    for image in (CPU, CUDA):
        (tmp_path / "name").write_text(image)
        (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY name /name\nUSER 1000:1000\n")
        podman("build", "-q", "-t", image, tmp_path)
        made[image] = podman("inspect", "--format", "{{.Id}}", image).stdout
    return made


@pytest.fixture
def registry(tmp_path) -> Iterator[str]:
    """The address of a registry on this machine."""
    program = shutil.which("docker-registry")
    if not program:
        pytest.skip("no registry: apt-get install docker-registry")
    settings = {"version": "0.1", "storage": {"filesystem": {"rootdirectory": str(tmp_path / "pushed")}}}
    (tmp_path / "registry.yml").write_text(json.dumps(settings | {"http": {"addr": "127.0.0.1:0"}}))
    command = [program, "serve", tmp_path / "registry.yml"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        listening = next((line for line in server.stderr if "listening on" in line), None)
        assert listening, "the registry did not start"
        yield re.search(r"127\.0\.0\.1:\d+", listening)[0]
        server.terminate()


def test_pushed_images_come_back_from_the_registry(small_images, registry):
    subprocess.run(["make", "push", f"REGISTRY={registry}/lab"], cwd=ROOT, check=True)
    with urllib.request.urlopen(f"http://{registry}/v2/lab/nf-scxpresso/tags/list") as answer:
        assert sorted(json.load(answer)["tags"]) == [__version__, f"{__version__}-cuda"]
    podman("rmi", "--all", "--force")
    for image, made in small_images.items():
        podman("pull", "-q", "--tls-verify=false", f"{registry}/lab/{image}")
        assert podman("inspect", "--format", "{{.Id}}", f"{registry}/lab/{image}").stdout == made


def test_files_of_apptainer_are_made_from_archives_of_the_images(small_images, tmp_path, monkeypatch):
    """Up to Apptainer itself, which cannot be had here: a program of its name keeps what it is given."""
    stand_in = tmp_path / "apptainer"
    stand_in.write_text(
        '#!/bin/bash\n[[ "$1 $2" == "build --force" && $4 == docker-archive:* ]] && cp "${4#*:}" "$3"\n'
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    files = {image: ROOT / f"{image.replace(':', '-')}.sif" for image in small_images}
    assert not [file for file in files.values() if file.exists()], "files of make sif would be overwritten"
    try:
        subprocess.run(["make", "sif"], cwd=ROOT, check=True)
        for image, file in files.items():
            with tarfile.open(file) as archive:
                (described,) = json.load(archive.extractfile("manifest.json"))
            assert described["RepoTags"] == [f"localhost/{image}"]
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)

"""The places where the pipeline's tasks run, and the table in docs/running.md that says what was run and checked of each."""

import os
from dataclasses import dataclass

from conftest import ROOT

PAGE = ROOT / "docs" / "running.md"
BEGIN, END = "<!-- tests/places.py writes this -->\n", "<!-- end -->\n"
HEADER = ["place", "ran here", "checked for every task", "for GPU tasks", "other settings"]
WORDS = {"accelerator": "request", "before_script": "lease", "cluster_options": "options", "max_forks": "forks"}


@dataclass(frozen=True)
class Place:
    """A profile, the parameters that its section in docs/running.md sets, and what its configuration has to give."""

    profile: str
    params: dict[str, str]
    every: dict[str, object]  # directives of every process
    gpu: dict[str, object]  # of TRAIN_FOLD beside `-profile gpu`
    scope: dict[str, object]  # other settings, by dotted name

    def asserted(self) -> list[str]:
        """What is asserted, in words for the last cells of the table."""
        groups = [self.every, self.gpu, [name.split(".")[-1] for name in self.scope]]
        return [", ".join(WORDS.get(name, name.replace("_", " ")) for name in names) or "–" for names in groups]


QUEUES = {"queue": "normal", "gpu_queue": "gpu", "account": "lab"}
ON_CLUSTER = {"scratch": True, "limits": {}}
CUDA = {"container": "registry.test/lab/nf-scxpresso:9-cuda", "accelerator": 1, "before_script": None}
ENV = (
    "CUDA_DEVICE_ORDER,CUDA_VISIBLE_DEVICES,GOMP_SPINCOUNT,HDF5_USE_FILE_LOCKING,NVIDIA_VISIBLE_DEVICES,OMP_WAIT_POLICY"
)


def engine(name: str, gpu_option: str, **scope: object) -> Place:
    """A container engine on this machine."""
    scope = {f"{name}.enabled": True, f"{name}.envWhitelist": ENV} | {
        f"{name}.{key}": value for key, value in scope.items()
    }
    return Place(name, {"local_gpus": "0,1"}, {}, {"container_options": gpu_option, "max_forks": 2}, scope)


def cluster(profile: str, executor: str, request: str, options: str = "--nice", array: int = 50) -> Place:
    """A scheduler of a cluster: its request for a GPU, the options of every job, and the tasks of a job array."""
    return Place(
        profile,
        QUEUES | {"array_size": "50", "cluster_options": "--nice"},
        {"executor": executor, "queue": "normal", "cluster_options": options} | ON_CLUSTER,
        CUDA | {"queue": "gpu", "cluster_options": f"{options} {request}", "array": array, "max_forks": 0},
        {"executor.account": "lab", "executor.queueSize": 100},
    )


PLACES = [
    engine("docker", "--gpus all"),
    engine("podman", "--device nvidia.com/gpu=all"),
    engine("singularity", "--nv", autoMounts=True, ociAutoPull=True, pullTimeout="2h"),
    engine("apptainer", "--nv", autoMounts=True, ociAutoPull=True, pullTimeout="2h"),
    Place("conda", {}, {"conda": "containers/environment.yml"}, {}, {"conda.enabled": True}),
    cluster("slurm", "slurm", "--gres=gpu:1"),
    cluster("lsf", "lsf", "-gpu num=1", array=0),
    cluster("pbs", "pbspro", "-l select=1:ncpus=2:mem=8192mb:ngpus=1", array=0),
    cluster("sge", "sge", "-l gpu=1", options="-S /bin/bash --nice", array=0),
    Place(
        "awsbatch",
        QUEUES | {"region": "eu-west-1", "array_size": "50"},
        {"executor": "awsbatch", "queue": "normal", "limits": {}},
        CUDA | {"queue": "gpu", "container_options": None, "array": 50, "max_forks": 0},
        {"aws.region": "eu-west-1", "aws.batch.maxSpotAttempts": 3},
    ),
    Place(
        "googlebatch",
        {"account": "lab", "region": "europe-west1", "array_size": "50"},
        {"executor": "google-batch", "disk": 100, "container_options": "--user 0:0", "limits": {}},
        CUDA
        | {"gpu_type": "nvidia-tesla-t4", "container_options": "--user 0:0 --gpus all", "array": 50, "max_forks": 0},
        {"google.project": "lab", "google.location": "europe-west1", "google.batch.maxSpotAttempts": 3},
    ),
    Place(
        "azurebatch",
        QUEUES | {"region": "westeurope"},
        {"executor": "azurebatch", "queue": "normal", "disk": 100, "container_options": "--user 0:0", "limits": {}},
        CUDA | {"queue": "gpu", "container_options": "--user 0:0 --gpus all", "max_forks": 0},
        {"azure.batch.accountName": "lab", "azure.batch.location": "westeurope", "azure.batch.autoPoolMode": False},
    ),
    Place(
        "k8s",
        {"storage_claim": "claim"},
        {"executor": "k8s", "limits": {}},
        CUDA | {"container_options": None, "max_forks": 0},
        {
            "k8s.storageClaimName": "claim",
            "k8s.storageMountPath": "/workspace",
            "k8s.computeResourceType": "Job",
            "k8s.securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
        },
    ),
]


def read_table() -> dict[str, list[str]]:
    """The rows of the table in docs/running.md, by place."""
    lines = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: row for row in rows}


def write_table(rows: dict[str, list[str]]) -> None:
    """Put the rows into docs/running.md."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    lines = ["| " + " | ".join(row) + " |" for row in [HEADER, ["---"] * len(HEADER), *rows.values()]]
    PAGE.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


def ran_here(profile: str, text: str) -> None:
    """Note in the table that tasks of a place ran, and what a test saw of them; only where SCXPRESSO_WRITE_PLACES is set."""
    if os.environ.get("SCXPRESSO_WRITE_PLACES"):
        rows = read_table()
        rows[f"`{profile}`"][1] = text
        write_table(rows)

"""What can be checked of the container images and the conda environment without making them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from scxpresso import __version__


def pins(file: Path) -> dict[str, str]:
    """The pinned version of each package in a file of pip's."""
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
    return dict(line.split("==") for line in lines if line)


def test_the_conda_environment_has_the_packages_of_the_images():
    environment = yaml.safe_load((ROOT / "containers/environment.yml").read_text())
    programs = {part.split("=")[0] for part in environment["dependencies"] if isinstance(part, str)}
    assert programs >= {"python", "pip", "bash", "bedtools", "procps-ng"}
    (packages,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    pinned = pins(ROOT / "containers/requirements.txt") | pins(ROOT / "containers/constraints.txt")
    assert sorted(packages) == sorted(f"{name}=={version}" for name, version in pinned.items())


def test_the_version_is_the_same_wherever_it_is_written():
    config = (ROOT / "nextflow.config").read_text()
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    written = [
        re.search(r"params\.image_version += params\.image_version \?: '([^']*)'", config)[1],
        re.search(r"^ +version += '([^']*)'", config, re.MULTILINE)[1],
        *(
            group["properties"]["image_version"]["default"]
            for group in schema["$defs"].values()
            if "image_version" in group["properties"]
        ),
    ]
    assert written == [__version__] * 3


@pytest.fixture
def bare(tmp_path) -> dict[str, str]:
    """An environment with make and a shell, but neither container engines nor Apptainer."""
    for program in ("bash", "dirname", "make", "sed"):
        (tmp_path / program).symlink_to(shutil.which(program))
    return os.environ | {"PATH": str(tmp_path), "MAKEFLAGS": ""}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (["sif"], "make sif: needs apptainer or singularity on PATH"),
        (["image"], "make image: neither docker nor podman answers"),
        (["push", "REGISTRY=localhost:5000"], "make push: neither docker nor podman answers"),
        (["push"], "make push REGISTRY=…: name the registry"),
    ],
)
def test_what_is_missing_is_said_in_one_line(bare, target, said):
    done = subprocess.run(["make", "--no-print-directory", *target], cwd=ROOT, env=bare, capture_output=True, text=True)
    first, *others = done.stderr.splitlines()
    assert done.returncode != 0 and first.startswith(said)
    assert not done.stdout and [line.split(":")[0].split("[")[0] for line in others] == ["make"]  # make's own line

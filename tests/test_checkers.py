"""What others' programs say of the files that they read: nf-core, cffconvert, RO-Crate's validator (make lint-schema)."""

import os
import subprocess

import pytest
from conftest import ROOT
from test_provenance import manifest

from scxpresso.reporting.provenance import describe_run
from scxpresso.store import write_json

pytestmark = pytest.mark.checkers
CHECKERS = ROOT / ".tools" / "checkers"


def run(*command, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
    )


def test_nf_core_has_nothing_to_say_about_the_schema(tmp_path):
    launcher = tmp_path / "nextflow"
    launcher.write_text(f'#!/bin/sh\nexec "{ROOT}/setup/nextflow" "$@"\n')
    launcher.chmod(0o755)
    said = run(
        CHECKERS / "nf-core/bin/nf-core", "pipelines", "schema", "lint", "nextflow_schema.json",
        PATH=f"{tmp_path}:{os.environ['PATH']}", NFCORE_NO_VERSION_CHECK="1",
    )  # fmt: skip
    text = said.stdout + said.stderr
    assert said.returncode == 0 and "Pipeline schema looks valid" in text, text
    assert not [word for word in ("WARNING", "ERROR", "✗") if word in text], text


def test_the_citation_is_valid():
    said = run(CHECKERS / "cffconvert/bin/cffconvert", "--validate", "-i", "CITATION.cff")
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_record_of_a_run_is_a_valid_crate(schemas, tmp_path):
    for path in [*manifest()["outputs"], "pipeline_info/main.nf"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    write_json(tmp_path / "pipeline_info/ro-crate-metadata.json", describe_run(manifest(), schemas))
    validate = [CHECKERS / "roc-validator/bin/python", ROOT / "setup/validate_crate.py", tmp_path / "pipeline_info"]
    said = run(*validate)
    assert said.returncode == 0, said.stdout + said.stderr
    (tmp_path / "report.html").unlink()
    assert run(*validate).returncode == 1

"""Preflight of variant maps: their size, and maps of an earlier run that are not of the models."""

import hashlib
import json
from collections import namedtuple

import pytest
from preflight_project import GENES, Project
from test_preflight_analyses import give_model, give_sheet

from scxpresso.checks.preflight import preflight
from scxpresso.variant_map.size import BYTES_PER_VALUE, MapSize

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    made = Project(tmp_path, schemas, checked_files)
    made.params["variant_map"] = True
    return made


def give_map(project, **changes):
    """The map.json of the model's map; with the checksum of model.json."""
    digest = hashlib.sha256((project.folder / "model.json").read_bytes()).hexdigest()
    content = {"atlas": "tiny", "level": "kind", "recipe": "hybrid", "model_sha256": digest} | changes
    (project.folder / "map.json").write_text(json.dumps(content))
    (project.folder / "variants.tsv").write_text("chrom\tpos\tref\talt\n1\t1000\tA\tC\n")
    give_sheet(project, "variants", set="s", file="variants.tsv", genome="g1")
    project.params |= {"use_variant_map": "maps", "variant_map": False}
    request = project.request()
    request["sources"].append(
        {"sheet": "use_variant_map", "row": 1, "value": "maps/map.json", "staged_path": "map.json", "folder": False}
    )
    return preflight(request, project.folder, project.schemas)[0].report()


def test_the_size_by_hand():
    """Two genes of 10 bases, three alternatives each, in 4 populations: 240 values."""
    assert MapSize(2, 10, 4, 5).bytes == pytest.approx(240 * BYTES_PER_VALUE)
    human = MapSize(20_000, 10_500, 22, 5)
    assert human.bytes < 60e9
    assert human.cpu_seconds < 2 * 6 * 3600
    assert human.genes_per_part == 200
    assert MapSize(20_000, 10_500, 400, 5).genes_per_part == 22  # 2 GB of 7 bytes per value


def test_the_size_of_each_model_is_a_note(project):
    project.params |= {"network": "scxpresso", "replicates": 3}
    notes = project.notes()
    found = (
        f"--variant_map: tiny.kind.scxpresso: {len(GENES)} genes of 10,500 bases; populations: 1; networks per gene: 3."
    )
    assert found in notes
    assert "GB in the work folder, as much in --outdir, and" in notes


def test_the_size_of_models_that_were_trained_before(project):
    give_model(project)
    del project.params["saturate"]
    assert "tiny.kind.hybrid: 60 genes of 3,000 bases; populations: 2; networks per gene: 1" in project.notes()


def test_a_model_that_reads_no_sequence_has_no_map(project):
    project.params |= {"network": "scxpresso", "inputs": "half_life"}
    project.problem("--variant_map", "no model that reads sequence")
    assert project.plan()["mapped_recipes"] == []


def test_a_disk_that_is_too_small(project, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**9, 10**9, 1_000_000))
    request = project.request()
    assert preflight(request, project.folder, project.schemas)[0].report() == ""  # nothing is known of the disk
    report = preflight(request | {"shares_disk": True}, project.folder, project.schemas)[0].report()
    assert report.startswith("1 problem to fix")
    assert "--variant_map: maps of about " in report
    assert "0.0 GB free" in report
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**12, 0, 10**12))
    assert preflight(request | {"shares_disk": True}, project.folder, project.schemas)[0].report() == ""


def test_a_map_of_the_model_is_well(project):
    give_model(project)
    assert give_map(project) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_sha256": "0"}, ["maps/map.json", "other networks than the model tiny.kind.hybrid of --models has"]),
        ({"level": "all"}, ["--use_variant_map", "maps of 'tiny.all.hybrid', and of none of the models"]),
        ({"recipe": None, "atlas": []}, ["--use_variant_map", "of none of the models"]),
    ],
)
def test_a_map_of_something_else(project, changes, words):
    give_model(project)
    report = give_map(project, **changes)
    assert report.startswith("1 problem to fix"), report
    for word in words:
        assert word in report


def test_a_folder_without_maps_and_a_map_without_variants(project):
    project.params |= {"use_variant_map": "nowhere", "variant_map": False}
    report = project.check().report()
    assert "no map.json in 'nowhere'" in report
    assert "--use_variant_map: given without --variants" in report

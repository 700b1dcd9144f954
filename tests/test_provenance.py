"""The record of a run: checksums, addresses without secrets, and an RO-Crate that says what was read and written."""

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pytest
import yaml
from conftest import ROOT

from scxpresso import __version__
from scxpresso.reporting.addresses import file_name, file_uri, without_secrets
from scxpresso.reporting.checksums import checksums
from scxpresso.reporting.provenance import FORMATS, OUTPUTS, UNDESCRIBED, describe_run, image_entity, output_file

HOSTILE = 'it\'s "a" <script>alert(1)</script> #1 50% ?x=1 é; $(touch PWNED)'
# One path for each kind of output.
PATHS = sorted(pattern.replace("fold_*", "fold_1").replace("*", "x") for pattern in OUTPUTS)


def manifest() -> dict:
    """A run on a local atlas of a hostile name, a signed genome, annotation on S3 and models of an earlier run."""
    signed = "https://joe:PASSWORD@host.org/a%20b/genome.fa.gz?X-Amz-Signature=SIGNATURE&x=1#FRAGMENT"
    sheet, atlas, gtf, models = (
        "/data/atlases.csv",
        f"/data/{HOSTILE}.h5ad",
        "s3://bucket/50% & co.gtf",
        "/old/models/a",
    )

    def digest(number, path=""):
        return {
            "number": number,
            "path": path,
            "sha256": hashlib.sha256(f"{number}{path}".encode()).hexdigest(),
            "size": 10**11,
        }

    return {
        "run": {"version": __version__, "revision": "abc123", "command": f"nextflow run . --fasta {signed}", "profile": "x"},
        "params": {
            "input": sheet, "genomes": None, "fasta": signed, "gtf": gtf, "epochs": 40, "learning_rate": 0.0005,
            "haplotypes": False, "outdir": "s3://KEY:PASSWORD@bucket/results?X-Amz-Signature=SIGNATURE", "models": "/old/models",
            "contrast": HOSTILE, "saturate": None, "custom_config_base": "elsewhere",
        },
        "versions": {
            "nf-scxpresso": __version__, "nextflow": "25.04.4", "python": "3.11.7", "torch": "2.15.0",
            "container": f"ghcr.io/lab/nf-scxpresso:{__version__}",
            "container_gpu": f"ghcr.io/lab/nf-scxpresso:{__version__}-cuda",
        },
        "checked": "2026-11-25T12:00:00+00:00",
        "uses": [
            {"address": sheet, "parameter": "input", "column": None},
            {"address": atlas, "parameter": "input", "column": "counts"},
            {"address": signed, "parameter": "genomes", "column": "fasta"},
            {"address": signed, "parameter": "predict", "column": "fasta"},
            {"address": gtf, "parameter": "genomes", "column": "gtf"},
        ],
        "inputs": [
            {"addresses": [address], "files": [digest(1)]} for address in (sheet, atlas, signed, gtf)
        ] + [{
            "addresses": [f"{models}/model.json", f"{models}/fold_1"],
            "files": [digest(1), digest(2, "history.tsv"), digest(2, f"{HOSTILE}/replicate_1.safetensors")],
        }],
        "outputs": PATHS,
    }  # fmt: skip


@pytest.fixture
def crate(schemas) -> dict:
    return describe_run(manifest(), schemas)


def entities(crate: dict) -> dict:
    return {entity["@id"]: entity for entity in crate["@graph"]}


def references(value):
    """Every @id that an entity refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        assert value.keys() == {"@id"}  # a crate is flat
        yield value["@id"]


def test_every_reference_leads_to_one_entity(crate):
    found = entities(crate)
    assert len(found) == len(crate["@graph"])
    outside = {
        "https://w3id.org/ro/crate/1.1", "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE",
        "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE", "https://www.nextflow.io/",
        "https://w3id.org/ro/terms/workflow-run#DockerImage",
    }  # fmt: skip
    for entity in crate["@graph"]:
        for name, value in entity.items():
            assert name[0] == "@" or set(references(value)) <= found.keys() | outside, (entity, name)


def test_all_that_was_read_and_written_is_part_of_the_crate_and_of_the_run(crate):
    found = entities(crate)
    files = {name for name, entity in found.items() if "File" in entity["@type"]}
    assert set(references(found["./"]["hasPart"])) == files
    run = found["#run"]
    results = set(references(run["result"]))
    assert {name for name in files if name not in results and name != "main.nf"} <= set(references(run["object"]))
    assert {unquote(name) for name in results} == {f"../{path}".replace("../pipeline_info/", "") for path in PATHS}
    assert all(found[name]["description"] and "/" in found[name]["encodingFormat"] for name in files)
    for name in files - results - {"main.nf"}:
        assert re.fullmatch("[0-9a-f]{64}", found[name]["sha256"]) and found[name]["contentSize"] == "100000000000"


def test_names_are_percent_encoded_and_readable(crate):
    found = entities(crate)
    assert not [name for name in found if re.search(r"[\s\"<>\\^`{|}]", name) or not name.isascii()]
    names = {file["name"] for file in found.values() if "sha256" in file}
    # The hostile name has a slash in it, which parts folders.
    assert names == {
        "atlases.csv", "genome.fa.gz", "50% & co.gtf", "model.json", "history.tsv", "replicate_1.safetensors",
        f"{HOSTILE}.h5ad".rsplit("/", 1)[1],
    }  # fmt: skip
    assert f"/data/{HOSTILE}.h5ad" in {unquote(name.removeprefix("file://")) for name in found}
    assert "s3://bucket/50%25%20&%20co.gtf" in found and "https://host.org/a%20b/genome.fa.gz" in found


def test_secrets_of_addresses_are_left_out(crate):
    text = json.dumps(crate)
    assert not re.search("PASSWORD|SIGNATURE|FRAGMENT|X-Amz|joe|KEY", text)
    assert entities(crate)["#value-outdir"]["value"] == "s3://bucket/results"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a:b@c@host/x?y=1", "https://host/x"),
        ("s3://bucket/a b?versionId=1", "s3://bucket/a b"),
        ("az://container/x?sv=1&sig=a'b c", "az://container/x"),
        ("G1,G2", "G1,G2"),
        ("/data/what?#.fa", "/data/what?#.fa"),
        ("G1 and ftp://u:p@h/x?y G2", "G1 and ftp://h/x G2"),
        ("https://host?token=1", "https://host"),
        ("", ""),
    ],
)
def test_without_secrets(text, expected):
    assert without_secrets(text) == expected


def test_addresses_as_uris():
    assert file_uri("/a b/ü?#%.fa") == "file:///a%20b/%C3%BC%3F%23%25.fa"
    assert file_uri("gs://bucket/a%20b") == "gs://bucket/a%2520b"
    assert file_uri("https://u@h/a%20b c?d") == "https://h/a%20b%20c"
    assert file_name(file_uri("/a b/ü?#%.fa")) == "ü?#%.fa"


def test_parameters_have_values_or_files(crate):
    found = entities(crate)
    assert found["#value-learning_rate"]["value"] == 0.0005 and found["#value-haplotypes"]["value"] is False
    assert found["#value-contrast"]["value"] == HOSTILE
    assert "#value-saturate" not in found and "#value-custom_config_base" not in found
    for name in ("input", "fasta", "gtf", "models"):
        parameter = found[f"#parameter-{name}"]
        assert parameter["additionalType"] == "File" and f"#value-{name}" not in found
        assert all("sha256" in found[file] for file in references(parameter["workExample"]))
    assert len(list(references(found["#parameter-models"]["workExample"]))) == 3
    assert found["#parameter-epochs"]["additionalType"] == "Integer"
    # What a sheet names is no parameter's value, but is said to be what the sheet's column is.
    atlas = next(entity for entity in found.values() if entity.get("name", "").endswith(".h5ad"))
    assert "exampleOfWork" not in atlas and "raw counts" in atlas["description"].lower()
    assert "; " in found["https://host.org/a%20b/genome.fa.gz"]["description"]  # given for two things


def test_software_is_in_the_crate(crate):
    found = entities(crate)
    assert found["main.nf"]["version"] == __version__ and found["main.nf"]["identifier"] == "abc123"
    assert found["#software-torch"]["softwareVersion"] == "2.15.0"
    language = found[found["main.nf"]["programmingLanguage"]["@id"]]
    assert (language["name"], language["version"]) == ("Nextflow", "25.04.4")
    assert set(references(found["#run"]["containerImage"])) == {"#container", "#container_gpu"}


@pytest.mark.parametrize(
    ("image", "registry", "name", "tag", "digest"),
    [
        ("nf-scxpresso:0.1.0", None, "nf-scxpresso", "0.1.0", None),
        ("lab/nf-scxpresso", None, "lab/nf-scxpresso", None, None),
        ("localhost:5000/nf-scxpresso:0.1.0-cuda", "localhost:5000", "nf-scxpresso", "0.1.0-cuda", None),
        ("ghcr.io/lab/x@sha256:" + "a" * 64, "ghcr.io", "lab/x", None, "a" * 64),
        ("docker://ghcr.io/lab/x:1", "ghcr.io", "lab/x", "1", None),
        ("/images/x.sif", None, "/images/x.sif", None, None),
    ],
)
def test_images(image, registry, name, tag, digest):
    found = image_entity("container", image)
    assert found["additionalType"]["@id"].endswith("#SIFImage" if image.endswith(".sif") else "#DockerImage")
    assert tuple(found.get(key) for key in ("registry", "name", "tag", "sha256")) == (registry, name, tag, digest)


def test_a_run_without_containers_downstream_analyses_and_revision(schemas):
    bare = manifest() | {"inputs": [], "uses": [], "outputs": ["report.html"], "params": {"epochs": 3}}
    bare["run"] |= {"revision": None}
    bare["versions"] = {"nf-scxpresso": __version__}
    run = entities(describe_run(bare, schemas))["#run"]
    assert "containerImage" not in run
    assert (run["object"], run["result"]) == ({"@id": "#value-epochs"}, {"@id": "../report.html"})


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(schemas, tmp_path, run_cli):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest()))
    texts = []
    for name in ("a.json", "b.json"):
        made = run_cli(
            "write_crate.py",
            "--manifest",
            tmp_path / "manifest.json",
            "--schemas",
            schemas,
            "--output",
            tmp_path / name,
        )
        assert made.returncode == 0, made.stderr
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]


def test_a_result_that_nothing_describes_ends_no_run():
    assert output_file("news/of/today.txt") == {
        "@id": "../news/of/today.txt", "@type": "File", "name": "news/of/today.txt", "description": UNDESCRIBED,
        "encodingFormat": "text/plain",
    }  # fmt: skip


def test_checksums_of_files_and_folders(tmp_path, run_cli):
    contents = {
        "1/a b <script>.fa": b"x" * 3_000_000,
        "2/fold_1/history.tsv": b"",
        "2/fold_1/deep/é": b"y",
        "10/model.json": b"{}",
    }
    for path, content in contents.items():
        (tmp_path / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / path).write_bytes(content)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "replicate").write_bytes(b"z")
    (tmp_path / "files/3").mkdir()
    (tmp_path / "files/3/fold_2").symlink_to(tmp_path / "elsewhere")  # as Nextflow stages
    made = run_cli("checksum.py", "--folder", tmp_path / "files", "--output", tmp_path / "checksums.json")
    assert made.returncode == 0, made.stderr
    found = json.loads((tmp_path / "checksums.json").read_text())
    assert found == checksums(tmp_path / "files")
    assert [(one["number"], one["path"], one["size"]) for one in found] == [
        (1, "", 3_000_000), (2, "deep/é", 1), (2, "history.tsv", 0), (3, "replicate", 1), (10, "", 2)
    ]  # fmt: skip
    expected = [b"x" * 3_000_000, b"y", b"", b"z", b"{}"]
    assert [one["sha256"] for one in found] == [hashlib.sha256(content).hexdigest() for content in expected]


# ---- Files that others read ------------------------------------------------------------------------------------------


def test_the_citation_has_the_version_and_its_date():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    date = re.search(rf"^## \[{re.escape(__version__)}\] - (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)[1]
    assert citation["date-released"] == date
    assert citation["preferred-citation"]["doi"] in (ROOT / "CITATIONS.md").read_text()


def test_versions_agree():
    text = (ROOT / "nextflow.config").read_text()
    assert re.search(r"^    version\s*= '(.*)'$", text, re.M)[1] == __version__


def test_tower_shows_files_that_are_published():
    for pattern, report in yaml.safe_load((ROOT / "tower.yml").read_text())["reports"].items():
        shown = [path for path in PATHS if PurePosixPath(path).match(pattern.removeprefix("**/"))]
        assert shown, pattern
        assert {FORMATS[Path(path).suffix[1:]] for path in shown} == {report["mimeType"]}, pattern
        assert report["display"]


def test_the_documentation_names_every_published_file():
    text = re.sub(r"<\w+>", "*", (ROOT / "docs/output.md").read_text())
    for pattern in OUTPUTS:
        assert re.sub(r"^\*\.?", "", PurePosixPath(pattern).name) in text, pattern

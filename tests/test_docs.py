"""The documents and the code name the same parameters, columns, executables, tests and files."""

import importlib.util
import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT

from scxpresso.evaluation.agreement import AGREEMENT_COLUMNS
from scxpresso.evaluation.comparisons import COMPARISON_COLUMNS as MODEL_COMPARISON_COLUMNS
from scxpresso.evaluation.distributions import DISTRIBUTION_COLUMNS, HISTOGRAM_COLUMNS
from scxpresso.evaluation.evaluation import GENE_SCORE_COLUMNS, SUMMARY_COLUMNS
from scxpresso.evaluation.leakage import LEAKAGE_COLUMNS
from scxpresso.evaluation.predictions import INTERVAL_SCORE_COLUMNS
from scxpresso.evaluation.targets import TARGET_COLUMNS
from scxpresso.evaluation.ways import POPULATION_SCORE_COLUMNS
from scxpresso.external_scores.comparison import COMPARISON_COLUMNS, CORRELATION_COLUMNS
from scxpresso.external_scores.importing import IMPORTED_COLUMNS, UNUSED_COLUMNS
from scxpresso.genome.annotation import GENE_COLUMNS
from scxpresso.genome.extended import EXTENDED
from scxpresso.genome.transcript_features import LOGARITHMIC, TRANSCRIPT
from scxpresso.motifs.changes import CHANGE_COLUMNS
from scxpresso.motifs.learned import LEARNED_COLUMNS
from scxpresso.motifs.matching import MOTIF_COLUMNS, SEQLET_COLUMNS
from scxpresso.networks.new_sequences import COLUMNS as NEW_SEQUENCE_COLUMNS
from scxpresso.reporting.data import MANIFEST
from scxpresso.reporting.saturation_figures import POSITIONS as POSITION_COLUMNS
from scxpresso.saturation.profiles import CONTRAST_COLUMNS, PROFILE_COLUMNS
from scxpresso.store import (
    DONOR_COLUMNS,
    DROPPED_GENE_COLUMNS,
    DROPPED_POPULATION_COLUMNS,
    FOLD_COLUMNS,
    HISTORY_COLUMNS,
    POPULATION_COLUMNS,
    PREDICTION_COLUMNS,
)
from scxpresso.variants.benchmark import METRIC_COLUMNS, PAIR_COLUMNS
from scxpresso.variants.chunks import REJECTED_COLUMNS
from scxpresso.variants.score_table import SCORE_COLUMNS

PAGES = {path: path.read_text() for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]}
TEXT = "\n".join(PAGES.values())

# Options in the documents that belong to other programs.
OTHERS_OPTIONS = {
    "--check-ref": "bcftools norm",
    "--constraint": "sbatch",
    "--gpus": "docker, podman",
    "--gres": "sbatch",
    "--qos": "sbatch",
    "--user": "docker",
}

EXAMPLE = "/bin/scxpresso/networks/gc.py"  # what docs/extending.md adds (tests/test_extending.py)

# The published tables, by the section of docs/output.md and the file's name without its placeholders.
TABLES = {
    "genomes/genes.tsv": GENE_COLUMNS + EXTENDED,
    "genomes/dropped_genes.tsv": DROPPED_GENE_COLUMNS,
    "genomes/folds.tsv": FOLD_COLUMNS,
    "expression/*.populations.tsv": POPULATION_COLUMNS + DONOR_COLUMNS,
    "expression/dropped_populations.tsv": DROPPED_POPULATION_COLUMNS,
    "expression/dropped_genes.tsv": DROPPED_GENE_COLUMNS,
    "models/history.tsv": HISTORY_COLUMNS,
    "models/motifs.tsv": LEARNED_COLUMNS,
    "predictions/*.tsv.gz": PREDICTION_COLUMNS,
    "evaluation/summary.tsv": SUMMARY_COLUMNS,
    "evaluation/populations.tsv": POPULATION_SCORE_COLUMNS,
    "evaluation/genes.tsv": GENE_SCORE_COLUMNS,
    "evaluation/comparisons.tsv": MODEL_COMPARISON_COLUMNS,
    "evaluation/intervals.tsv": INTERVAL_SCORE_COLUMNS,
    "evaluation/leakage.tsv": LEAKAGE_COLUMNS,
    "evaluation/targets.tsv": TARGET_COLUMNS,
    "evaluation/agreement.tsv": AGREEMENT_COLUMNS,
    "evaluation/distributions.tsv": DISTRIBUTION_COLUMNS,
    "evaluation/histograms.tsv": HISTOGRAM_COLUMNS,
    "saturation/profiles.tsv.gz": PROFILE_COLUMNS,
    "saturation/positions.tsv": POSITION_COLUMNS,
    "saturation/contrasts.tsv.gz": CONTRAST_COLUMNS,
    "saturation/motifs.tsv": MOTIF_COLUMNS,
    "saturation/seqlets.tsv.gz": SEQLET_COLUMNS,
    "variants/rejected.tsv": REJECTED_COLUMNS,
    "variants/*.tsv.gz": SCORE_COLUMNS,
    "variants/*.motifs.tsv.gz": CHANGE_COLUMNS,
    "variants/*.external.tsv": COMPARISON_COLUMNS,
    "variants/*.correlations.tsv": CORRELATION_COLUMNS,
    "benchmark/*.tsv.gz": PAIR_COLUMNS,
    "benchmark/*.metrics.tsv": METRIC_COLUMNS,
    "external_scores/*.tsv.gz": IMPORTED_COLUMNS,
    "external_scores/*.unused.tsv": UNUSED_COLUMNS,
    "samples/*.tsv.gz": NEW_SEQUENCE_COLUMNS,
}


def parameters() -> set[str]:
    """Names of the pipeline's parameters."""
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    return {name for group in schema["$defs"].values() for name in group["properties"]}


def loaded(path: Path) -> ModuleType:
    """An executable as a module."""
    spec = importlib.util.spec_from_file_location(f"executable_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def executables_options() -> set[str]:
    """Options of all executables in bin/, as their commands declare them."""
    commands = [loaded(path).main for path in (ROOT / "bin").glob("*.py")]
    return {option for command in commands for parameter in command.params for option in parameter.opts}


def code_spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def tables(text: str) -> list[tuple[list[str], list[str]]]:
    """Each table of a text in Markdown: the cells of its header, and the first cell of each row."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE):
        header, _, *rows = block.splitlines()
        found.append((cells(header), [cells(row)[0] for row in rows]))
    return found


# ---- Parameters, executables, tests, links ---------------------------------------------------------------------------


def test_every_parameter_is_in_the_documents():
    assert [name for name in parameters() if not re.search(rf"--{name}\b(?!-)", TEXT)] == []


def test_parameters_that_the_configuration_reads_are_documented():
    read = set(re.findall(r"^params\.(\w+) ", (ROOT / "nextflow.config").read_text(), re.MULTILINE)) - {"help"}
    listed = re.search(
        r"\*\*Some parameters cannot be set in a file given with `-c`\*\*(.*?)and on Azure", TEXT, re.DOTALL
    )
    assert len(read) > 10 and set(re.findall(r"`(\w+)`", listed[1])) == read


def test_every_option_in_the_documents_exists():
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*", re.sub(r"https?://\S+", "", TEXT)))
    hidden = {f"--{name}" for name in re.findall(r"params\.(\w+) ", (ROOT / "nextflow.config").read_text())}
    benchmarks = set(re.findall(r'"(--\w+)"', "".join(path.read_text() for path in ROOT.glob("benchmarks/*.py"))))
    exist = {f"--{name}" for name in parameters()} | executables_options() | benchmarks | hidden | {"--help"}
    assert named - exist - set(OTHERS_OPTIONS) == set()
    assert set(OTHERS_OPTIONS) <= named - exist


def test_every_executable_is_in_the_documents():
    assert [path.name for path in (ROOT / "bin").glob("*.py") if not re.search(rf"\b{path.name}\b", TEXT)] == []


def test_every_script_in_the_documents_exists():
    files = [path for folder in ("bin", "benchmarks", "setup", "tests") for path in (ROOT / folder).rglob("*")]
    for page, text in PAGES.items():
        for script in re.findall(r"[\w./]*\b\w+\.(?:py|sh)\b", text):
            name = "/" + script.removeprefix("../")
            exists = name == EXAMPLE or any(path.as_posix().endswith(name) for path in files)
            assert exists, f"{page.name}: {script}"


def test_every_test_in_the_documents_exists():
    defined = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in (ROOT / "tests").glob("*.py"))))
    others = {path.stem for pattern in ("tests/test_*.py", "conf/*.config") for path in ROOT.glob(pattern)}
    for name, shortened in re.findall(r"\b(test_\w+)(…?)", TEXT):
        assert name in defined | others or (shortened and any(other.startswith(name) for other in defined)), name


def anchors(text: str) -> set[str]:
    """Anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.replace("\\", "").lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text()), target


def test_imports_go_the_way_that_the_documents_say():
    paragraph = PAGES[ROOT / "CONTRIBUTING.md"].split("## The import rule")[1].split("\n\n")[1]
    order = ["scxpresso", *code_spans(paragraph)[2:]]
    assert set(order[1:]) == {path.parent.name for path in (ROOT / "bin/scxpresso").glob("*/__init__.py")}
    for path in (ROOT / "bin" / "scxpresso").rglob("*.py"):
        for part in re.findall(r"^\s*from scxpresso\.(?:(\w+)\.)?\w+ import", path.read_text(), re.MULTILINE):
            assert order.index(part or "scxpresso") <= order.index(path.parent.name), path


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("word " * 24, False),
        ("word " * 24 + "s", True),
        ("| " + "word | " * 30, False),
        ("- https://example.org/" + "a" * 120, False),
        ("1. see https://example.org/" + "a" * 120, True),
        ("ü" * 120, False),
    ],
)
def test_lines_that_can_be_broken_are_too_long(line, found, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n{line}\n", encoding="utf-8")
    assert loaded(ROOT / "setup" / "check_markdown.py").main([str(page)]) == found
    assert capsys.readouterr().out.startswith(f"{page}:2: {len(line)} characters") == found


# ---- Sheets ----------------------------------------------------------------------------------------------------------


def test_tables_of_the_sheets_have_the_columns_of_the_schemas():
    schemas = [json.loads(path.read_text()) for path in ROOT.glob("assets/schema_*.json")]
    expected = {schema["title"]: sorted(schema["items"]["properties"]) for schema in schemas}
    documented = [
        sorted(name for cell in rows for name in code_spans(cell))
        for header, rows in tables(TEXT)
        if header[0] == "column" and header[1] in ("needed", "required")
    ]
    assert sorted(documented) == sorted(expected.values())


def test_examples_of_sheets_have_columns_of_a_schema():
    sheets = [json.loads(path.read_text())["items"]["properties"].keys() for path in ROOT.glob("assets/schema_*.json")]
    for header in re.findall(r"^```csv\n(.*)$", TEXT, re.MULTILINE):
        assert any(set(header.split(",")) <= sheet for sheet in sheets), header


# ---- Published tables ------------------------------------------------------------------------------------------------


def sections(text: str) -> dict[str, str]:
    """The paragraphs and tables that describe each published table, by section and file name as in TABLES."""
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        folder = re.match(r"\w*", section)[0]
        starts = [*re.finditer(r"^`([^`\n]+\.tsv(?:\.gz)?)`", section, re.MULTILINE), None]
        for start, following in pairwise(starts):
            name = re.sub(r"(<[^>]*>\.)+", "*.", Path(start[1]).name)
            found[f"{folder}/{name}"] = section[start.start() : following.start() if following else len(section)]
    return found


def documented_columns(text: str) -> tuple[set[str], set[str]]:
    """Columns that a description names, and prefixes of those that it abbreviates: `model_…`, `codon_AAA` … `codon_TTT`.

    They are the first cells of tables of columns; without one, what stands as code in the first paragraph.
    """
    listed = [(header, rows) for header, rows in tables(text) if header[0] == "column" or header[0].startswith("`")]
    if not any(header[0] == "column" for header, _ in listed):
        return set(code_spans(text.split("\n\n")[0])), set()
    columns = [cell for header, rows in listed if header[0] == "column" for cell in rows]
    columns += [header[0] for header, _ in listed if header[0] != "column"]
    names = {name for cell in columns if "` … `" not in cell for name in code_spans(cell)}
    prefixes = {re.split(r"[A-Z]", code_spans(cell)[0])[0] for cell in columns if "` … `" in cell}
    prefixes |= {name.removesuffix("…") for name in names if name.endswith("…")}
    return {name for name in names if not name.endswith("…")}, prefixes


@pytest.mark.parametrize("table", TABLES)
def test_columns_of_published_tables_are_documented(table):
    description = sections((ROOT / "docs" / "output.md").read_text())[table]
    names, prefixes = documented_columns(description)
    columns = set(TABLES[table])
    assert {name for name in columns - names if not name.startswith(tuple(prefixes))} == set()
    assert all(any(name.startswith(prefix) for name in columns) for prefix in prefixes)
    if "| column |" in description:
        assert names - columns == set()


def test_features_of_the_spliced_transcript_are_documented():
    section = PAGES[ROOT / "docs" / "output.md"].split("### Features of the spliced transcript")[1].split("\n## ")[0]
    documented = []
    for cell in next(rows for header, rows in tables(section) if header[0] == "feature"):
        first, *others = [TRANSCRIPT.index(name) for name in code_spans(cell)]
        documented += range(first, others[0] + 1) if "` … `" in cell else [first, *others]
    assert documented == list(range(len(TRANSCRIPT)))
    logged = [row.split("|")[1] for row in section.splitlines() if "| yes |" in row]
    assert {name for cell in logged for name in code_spans(cell)} == LOGARITHMIC
    assert f"genes × {len(TRANSCRIPT)}," in TEXT and f"genes × {len(EXTENDED)} " in TEXT


def test_the_manifest_is_documented():
    section = PAGES[ROOT / "docs" / "output.md"].split("## manifest.json")[1]
    documented = {name for _, rows in tables(section) for cell in rows for name in code_spans(cell)}
    example = PAGES[ROOT / "docs" / "executables.md"].split("manifest.json <<END\n")[1].split("\nEND\n")[0]
    assert documented == set(re.findall(r'^  "(\w+)":', example, re.MULTILINE)) == set(MANIFEST)

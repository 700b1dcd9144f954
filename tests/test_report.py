"""The report: a whole page from tables, hostile labels as text, nothing loaded, empty tables survived."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scxpresso.console import log
from scxpresso.evaluation.evaluation import evaluate
from scxpresso.problems import InputError
from scxpresso.reporting import gene_figures, report, verdicts
from scxpresso.reporting.data import BASELINE_NAMES, MeasuredLevel, Run, load
from scxpresso.store import HISTORY_COLUMNS, POPULATION_COLUMNS, PREDICTION_COLUMNS, read_table, write_json, write_table

TEMPLATE = Path(__file__).resolve().parent.parent / "assets" / "report"
HOSTILE = [
    "<script>alert(1)</script>",
    'L2/3 IT "x"',
    "T\ncell",
    "NA",
    "__proto__",
    "</script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} %{x} & <b>bold</b>",
]
NETWORKS = {
    "scxpresso": 0.5,
    "hybrid": 0.2,
    "half_life": 3.0,
    "kmer": 0.1,
    "mean": None,
}  # deviation of the error; None: a constant


GENOME = {"genome": "hg", "genes": "g/genes.tsv", "folds": "g/folds.tsv", "dropped": "g/dropped_genes.tsv"}


def make_run(folder: Path, levels: dict, folds: int = 6, genes: int = 120, label: str = "atlas one") -> Path:
    """The tables of a small run: one atlas, `levels` from coarse to fine as {level: {population: parent}}."""
    rng = np.random.default_rng(0)
    ids = [f"G{number:03}" for number in range(genes)]
    fold = np.arange(genes) % folds
    names = [label, *ids[1:]]
    write_table(
        folder / "g/genes.tsv",
        pd.DataFrame({"gene_id": ids, "gene_name": names, "padded_bases": [7] + [0] * (genes - 1)}),
    )
    write_table(folder / "g/folds.tsv", pd.DataFrame({"gene_id": ids, "fold": fold}))
    write_table(
        folder / "g/dropped_genes.tsv", pd.DataFrame({"gene": ["x", "y"], "reason": ["no coding region", label]})
    )
    dropped = pd.DataFrame(
        {"level": ["all", "all"], "population": [label, ""], "cells": [3, 5], "reason": ["few", "no label"]}
    )
    write_table(folder / "e/dropped_populations.tsv", dropped)
    write_table(folder / "e/dropped_genes.tsv", pd.DataFrame({"gene": ["z"], "reason": [label]}))
    models, predictions = [], []
    for level, parents in levels.items():
        observed = {population: rng.normal(size=genes) for population in parents}
        table = pd.DataFrame({"population": list(parents), "parent": list(parents.values())})
        write_table(folder / f"e/{level}.populations.tsv", table.assign(cells=9, genes_detected=50, noise_ceiling=0.9))
        write_table(folder / f"e/{level}.tsv.gz", pd.DataFrame({"gene_id": ids, **observed}))
        for network, error in NETWORKS.items():
            path = f"p/{level}.{network}.tsv.gz"
            rows = [
                (gene, fold[i], population, value, 0.0 if error is None else value + rng.normal(0, error), 0.1)
                for population, values in observed.items()
                for i, (gene, value) in enumerate(zip(ids, values, strict=True))
            ]
            write_table(folder / path, pd.DataFrame(rows, columns=PREDICTION_COLUMNS[:6]))
            predictions.append({"atlas": label, "level": level, "network": network, "path": path})
        history = [
            (f, 1, "", 1 + (f == 2), 1, e, 5e-4, 1 / e, 1.1 / e, int(e == 3), int(f == 1))
            for f in range(folds)
            for e in (1, 2, 3)
        ]
        write_table(folder / f"h/{level}.tsv", pd.DataFrame(history, columns=HISTORY_COLUMNS))
        for network in ("scxpresso", "hybrid"):
            models.append({"atlas": label, "level": level, "network": network, "histories": [f"h/{level}.tsv"]})
    manifest = {
        "run": dict.fromkeys(["revision", "container", "profile", "nextflow"])
        | {"version": "1", "command": f"nextflow \\\n run {label}"},
        "params": {"upstream": 7000, "downstream": 3500, "title": label, "fasta": None},
        "notes": [{"where": label, "message": label}],
        "versions": {"python": "3.11"},
        "genomes": [GENOME],
        "atlases": [{"atlas": label, "genome": "hg", "protocol": "10x", "levels": list(levels), "path": "e"}],
        "models": models,
        "predictions": predictions,
        "evaluation": "v",
        "saturation": [],
        "variants": [],
        "sets": [],
        "motifs": None,
        "warnings": [],
    }
    write_json(folder / "manifest.json", manifest)
    for name, table in evaluate(folder / "manifest.json").items():
        write_table(folder / f"v/{name}.tsv", table)
    return folder / "manifest.json"


class Page(HTMLParser):
    """Tags, their attributes, and the text in and outside of scripts, as a browser would read them."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.words, self._open = [], [], [], None
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())
        self.data = json.loads(next(body for attributes, body in self.scripts if attributes.get("id") == "report-data"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open == "script":
            attributes, body = self.scripts[-1]
            self.scripts[-1] = (attributes, body + data)
        elif self._open != "style":
            self.words.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def page_of(manifest: Path, template: Path = TEMPLATE) -> Page:
    output = manifest.parent / "report.html"
    report.write_report(manifest, template, output)
    return Page(output.read_text(encoding="utf-8"))


def plain_levels() -> dict:
    return {"all": {"all": ""}, "class": {"A": "all", "B": "all"}, "type": {"a1": "A", "a2": "A", "b1": "B"}}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    return page_of(make_run(tmp_path_factory.mktemp("plain"), plain_levels()))


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory) -> Page:
    levels = {"all": {"all": ""}, "type": dict.fromkeys(HOSTILE, "all")}
    return page_of(make_run(tmp_path_factory.mktemp("hostile"), levels, label=HOSTILE[-2]))


@pytest.mark.slow
def test_page_says_what_was_run_and_how_good_it_is(page):
    assert "Models of atlas one (as a whole, 2 populations of class, 3 populations of type)" in page.text
    assert (
        "120 genes of hg; 6 folds, 1 replicate, 3 epochs; windows of 7,000 bases upstream and 3,500 downstream"
        in page.text
    )
    assert "Against half-life features alone: better in 6 of 6 models." in page.text
    assert "Against the k-mer ridge: worse in 6 of 6 models." in page.text
    assert "It predicts held-out genes better than the recipe scxpresso: 0.98 against 0.89" in page.text
    assert "Which recipe to use: differences, fold by fold" in page.text
    assert "1 window extends beyond the end of a contig and is padded with N (7 bases)" in page.text
    assert "cells without a label" in page.text
    assert "1 replicate collapsed to a constant prediction and was retrained" in page.text
    assert "fold 2 replicate 1 (2 attempts)" in page.text
    assert "1 replicate still constant after every attempt, and included in the mean: fold 1 replicate 1" in page.text


def test_every_plot_has_its_data(page):
    data = page.data
    assert [len(data[part]) for part in ("training", "performance", "coarse", "transfer", "predictions", "genes")] == [
        6,
        3,
        4,
        4,
        3,
        2,
    ]
    fine = data["performance"][2]
    assert fine["populations"] == ["a1", "a2", "b1"] and fine["folds"] == list(range(6))
    assert [one["recipe"] for one in fine["recipes"]] == ["scxpresso", "hybrid", "half_life", "kmer"]
    assert [model["level"] for model in data["coarse"][2]["models"]] == ["type", "class", "all"]
    assert len(data["training"][0]["runs"]) == 6


def test_hostile_labels_are_text(page, hostile_page):
    # A tag that the template does not use, a fourth script or an on… attribute would be a label's.
    assert {tag for tag, _ in hostile_page.tags} <= {tag for tag, _ in page.tags}
    assert hostile_page.count("script") == page.count("script") == 3
    assert not [attributes for _, attributes in hostile_page.tags if any(name.startswith("on") for name in attributes)]
    for label in HOSTILE:
        shown = label.replace("\n", "\\n")
        assert shown in hostile_page.text
        assert shown in hostile_page.data["performance"][1]["populations"]
    assert "49" not in [word.strip() for word in hostile_page.words]


def test_data_cannot_end_their_script(tmp_path):
    manifest = make_run(tmp_path, {"type": dict.fromkeys(HOSTILE, "")}, label=HOSTILE[5])
    report.write_report(manifest, TEMPLATE, tmp_path / "report.html")
    island = re.search(r'id="report-data">(.*?)</script>', (tmp_path / "report.html").read_text(encoding="utf-8"), re.S)
    assert not set("<>&\u2028") & set(island[1])


@pytest.mark.slow
def test_warnings_of_tasks_are_in_the_page(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    for number, lines in enumerate(["too short\n", f"too short\n{HOSTILE[0]}\nNOTE left out\n"]):
        (tmp_path / f"warnings_{number}").write_text(lines)
    entries = [{"process": "MATCH", "task": f"chunk {n}", "warnings": [f"warnings_{n}"]} for n in range(2)]
    write_json(manifest, json.loads(manifest.read_text()) | {"warnings": entries})
    page = page_of(manifest)
    assert "Warning from MATCH too short (2 tasks: 'chunk 0', 'chunk 1')" in page.text
    assert f"Warning from MATCH {HOSTILE[0]} (1 task: 'chunk 1')" in page.text
    assert "Note from MATCH left out (1 task: 'chunk 1')" in page.text
    classes = [attributes.get("class") for _, attributes in page.tags]
    notes = classes[classes.index("notes") + 1 :]
    assert notes[:4] == ["note warning", None, None, "note warning"] and "note" in notes  # warnings first


def test_tasks_record_warnings_and_notes_for_the_page(tmp_path, monkeypatch):
    monkeypatch.setenv("SCXPRESSO_WARNINGS", str(tmp_path / "warnings.txt"))
    for message in ("WARNING too\nshort", "12 genes read", "NOTE left out: 3"):
        log(message)
    assert (tmp_path / "warnings.txt").read_text() == "too short\nNOTE left out: 3\n"


def test_labels_are_escaped_for_plotly_too():
    script = (TEMPLATE / "scripts/shared/text.js").read_text(encoding="utf-8")
    assert '.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")' in script


def test_page_asks_no_server(page):
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "data", "poster", "action", "background"):
            assert name not in attributes, (tag, attributes)
        if tag != "a":
            assert "href" not in attributes, (tag, attributes)
    policy = next(attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'") and "http" not in policy and "connect-src" not in policy
    style = (TEMPLATE / "report.css").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style


def evaluated(manifest: Path) -> Path:
    """The manifest, with the tables of an evaluation made from it."""
    for name, table in evaluate(manifest).items():
        write_table(manifest.parent / f"v/{name}.tsv", table)
    return manifest


@pytest.mark.slow
def test_recipes_are_named_beside_their_network_where_the_two_differ(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    content = json.loads(manifest.read_text())
    for entry in content["models"] + content["predictions"]:
        short = entry["network"] == "hybrid"
        entry |= {"recipe": "short", "network": "scxpresso"} if short else {"recipe": entry["network"]}
        entry |= {"upstream": 2000, "downstream": 1003} if short else {"upstream": 7000, "downstream": 3500}
    write_json(manifest, content)
    page = page_of(evaluated(manifest))
    assert [one["recipe"] for one in page.data["recipes"]] == [
        "scxpresso", "short (scxpresso)", "half_life", "kmer", "mean",
    ]  # fmt: skip
    assert len({one["colour"] for one in page.data["recipes"]}) == 5
    assert [one["recipe"] for one in page.data["predictions"][2]["recipes"]][:2] == ["scxpresso", "short (scxpresso)"]
    assert "atlas one · type · short (scxpresso)" in [one["name"] for one in page.data["training"]]
    assert "windows of 7,000 + 3,500 and 2,000 + 1,003 bases around the TSS" in page.text
    assert "It predicts held-out genes better than the recipe scxpresso: 0.98 against 0.89" in page.text
    assert "type short scxpresso 3 0.98" in page.text  # of all numbers


def test_how_often_prediction_intervals_hold(tmp_path):
    manifest = make_run(tmp_path, {"type": {"a": "all", "b": "all"}})
    path = tmp_path / "v/intervals.tsv"
    columns = read_table(path).columns
    values = [("a", 0.8, 120, 0.75, 1.5), ("b", 0.8, 120, 0.85, 2.5)]
    write_table(
        path, pd.DataFrame([("atlas one", "type", "hybrid", "hybrid", *row) for row in values], columns=columns)
    )
    assert "atlas one · type · hybrid 0.80 0.80 0.75 0.85 2.00" in page_of(manifest).text


def test_networks_trained_in_one_step_have_no_curve_and_ask_for_no_more_epochs(tmp_path):
    manifest = make_run(tmp_path, {"type": {"a": "all", "b": "all"}})
    every_epoch = page_of(manifest)
    assert "Most networks were still improving" in every_epoch.text and len(every_epoch.data["training"]) == 2
    history = read_table(tmp_path / "h/type.tsv")
    write_table(tmp_path / "h/type.tsv", history[history["epoch"] == 1].assign(best=1))
    page = page_of(manifest)
    assert "Most networks were still improving" not in page.text and not page.data["training"]
    assert "6 folds, 1 replicate; windows" in page.text


def test_ten_recipes_have_ten_colours():
    networks = {f"recipe {number}": "hybrid" for number in range(10)} | {name: name for name in BASELINE_NAMES}
    level = MeasuredLevel("a", "l", "g", Path(), pd.DataFrame(), networks=networks)
    empty = pd.DataFrame()
    palette = Run({}, Path(), [level], *[empty] * 5).palette()
    assert len(set(palette.values())) == len(palette) == 14


@pytest.mark.slow
def test_a_recipe_is_judged_against_those_with_the_same_folds(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    content = json.loads(manifest.read_text())
    for entry in content["predictions"]:
        entry["recipe"] = entry["network"]
        if entry["network"] in ("hybrid", "kmer", "mean"):  # of other folds
            table = pd.read_csv(tmp_path / entry["path"], sep="\t")
            write_table(tmp_path / entry["path"], table.assign(fold=(table["fold"] + 1) // 2))
            entry["recipe"] += "_family"
    for entry in content["models"]:
        entry["recipe"] = "hybrid_family" if entry["network"] == "hybrid" else "scxpresso"
    write_json(manifest, content)
    page = page_of(evaluated(manifest))
    assert "better than the recipe" not in page.text and "worse than the recipe" not in page.text
    assert "Against half-life features alone: better in 3 of 3 models." in page.text
    assert "Against the k-mer ridge: untested in 3 of 3 models." in page.text  # of hybrid_family, which has 4 folds
    assert "kmer_family (kmer)" in page.text


@pytest.mark.slow
def test_tables_and_manifests_of_version_0_1_name_no_recipe(tmp_path, page):
    manifest = make_run(tmp_path, plain_levels())
    for name in ("agreement", "distributions", "histograms", "leakage", "intervals", "targets"):
        (tmp_path / f"v/{name}.tsv").unlink()
    for path in [*(tmp_path / "v").iterdir(), *(tmp_path / "e").glob("*.populations.tsv")]:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table = table.drop(columns=["recipe", "other_recipe"], errors="ignore")
        write_table(path, table.rename(columns={"genes_detected": "genes_seen"}))
    assert not any("recipe" in entry for entry in json.loads(manifest.read_text())["predictions"])
    assert page_of(manifest).data == page.data | {"distributions": []}


def test_header_only_tables_render(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    for path in tmp_path.rglob("*.tsv*"):
        write_table(path, pd.read_csv(path, sep="\t").iloc[:0])
    page = page_of(manifest)
    assert page.data["performance"] == page.data["predictions"] == page.data["training"] == page.data["genes"] == []
    assert "No verdict: this run has no baseline" in page.text


def test_nothing_trained_renders(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    content = json.loads(manifest.read_text())
    write_json(manifest, content | {key: [] for key in ("models", "predictions", "atlases", "genomes", "notes")})
    assert "No model was trained in this run." in page_of(manifest).text


def test_one_population_and_one_fold_render(tmp_path):
    page = page_of(make_run(tmp_path, {"all": {"all": ""}}, folds=1))
    assert page.data["coarse"] == page.data["transfer"] == page.data["genes"] == []
    assert "It scores higher than half-life features alone" in page.text
    assert (
        "not tested, because a test needs at least 5 folds" in page.text and "tell populations apart" not in page.text
    )


@pytest.mark.slow
def test_too_few_folds_are_no_verdict(tmp_path):
    assert (
        "not tested, because a test needs at least 5 folds" in page_of(make_run(tmp_path, plain_levels(), folds=4)).text
    )


@pytest.mark.parametrize(
    ("p_values", "delta", "kind"),
    [([0.001, 0.02, 0.3], 0.1, "better"), ([0.99, 0.97, 0.3], -0.1, "worse"), ([0.2, 0.5, 0.01], 0.1, "same")],
)
def test_verdict_follows_the_tests(p_values, delta, kind):
    assert verdicts.side_taken(pd.DataFrame({"p_value": p_values, "n_folds": 20}), delta) == kind


@pytest.mark.slow
def test_scatter_draws_a_fixed_sample_and_keeps_the_top_genes(tmp_path, monkeypatch):
    manifest = make_run(tmp_path, plain_levels())
    monkeypatch.setattr(gene_figures, "N_SCATTER_GENES", 10)
    monkeypatch.setattr(gene_figures, "N_TOP_GENES", 3)
    first, second = (page_of(manifest).data for _ in range(2))
    assert first == second
    shown = first["predictions"][2]
    assert shown["drawn"] == 10 and shown["total"] == 120
    assert set(first["genes"][1]["top"]) <= set(shown["genes"]) and len(shown["genes"]) == 120
    lengths = {one["recipe"]: length(one["predicted"][0]) for one in shown["recipes"]}
    assert lengths["scxpresso"] == 120 and 10 <= lengths["kmer"] <= 13
    monkeypatch.setattr(gene_figures, "MAX_VALUES", 400)  # of 2 + 3 populations × (1 + 1.5 × 2 networks): 20 genes
    fewer = page_of(manifest).data
    assert gene_names(fewer) == gene_names(first)[:20] and fewer["predictions"][2]["drawn"] == 10


def gene_names(data: dict) -> list[str]:
    return [data["names"][number] for number in data["predictions"][2]["genes"]]


def length(packed: dict) -> int:
    return len(base64.b64decode(packed["codes"])) * 8 // packed.get("bits", 16)


def test_levels_with_other_genes_draw_the_same_ones():
    genes = [f"G{number}" for number in range(100)]
    drawn, others = gene_figures.shuffled(genes)[:20], gene_figures.shuffled(genes[5:])[:20]
    assert drawn != sorted(drawn) and len(set(drawn) & set(others)) >= 15


def test_genes_beyond_the_random_ones_are_the_most_variable(monkeypatch):
    monkeypatch.setattr(gene_figures, "N_SCATTER_GENES", 1)
    observed = pd.DataFrame({"a": [0.0, 0, 0, 0], "b": [1.0, 3, 2, 0.5]}, index=list("wxyz"))
    level = MeasuredLevel("a", "l", "g", Path(), pd.DataFrame({"population": ["a", "b"]}))
    genes = pd.DataFrame(columns=["atlas", "level", "gene_id", "variance"]).astype({"variance": float})
    run = Run({}, Path(), [level], pd.DataFrame(), genes, *[pd.DataFrame()] * 3)
    chosen, drawn, sampled = gene_figures.shown_genes(run, level, observed, room=3)
    assert drawn == sampled == 1 and chosen[1:] == [gene for gene in "xywz" if gene != chosen[0]][:2]


def test_packed_numbers_come_back():
    values = np.array([-4.0, np.nan, 0.1234, 3.5])
    packed = gene_figures.pack(values)
    codes = np.frombuffer(base64.b64decode(packed["codes"]), dtype="<u2")
    assert codes[1] == 65535
    np.testing.assert_allclose(packed["low"] + codes[[0, 2, 3]] * packed["step"], values[[0, 2, 3]], atol=1e-4)
    assert gene_figures.pack([np.nan, np.nan])["step"] == 1.0
    small = gene_figures.pack(values, bits=8)
    codes = np.frombuffer(base64.b64decode(small["codes"]), dtype="u1")
    assert small["bits"] == 8 and codes.tolist() == [0, 255, 140, 254]


def test_missing_column_is_named(tmp_path):
    manifest = make_run(tmp_path, plain_levels())
    table = pd.read_csv(tmp_path / "e/type.populations.tsv", sep="\t")
    write_table(tmp_path / "e/type.populations.tsv", table.drop(columns="noise_ceiling"))
    with pytest.raises(InputError, match=r"type\.populations\.tsv: no column 'noise_ceiling'"):
        report.write_report(manifest, TEMPLATE, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_executable(tmp_path, run_cli):
    manifest = make_run(tmp_path, {"all": {"all": ""}})
    assert run_cli("report.py", "--help").returncode == 0
    made = run_cli("report.py", "--manifest", manifest, "--template", TEMPLATE, "--output", tmp_path / "report.html")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "report.html").stat().st_size > 1_000_000
    (tmp_path / "v/summary.tsv").unlink()
    made = run_cli("report.py", "--manifest", manifest, "--template", TEMPLATE, "--output", tmp_path / "report.html")
    assert made.returncode == 1 and "summary.tsv: no such file" in made.stderr and "Traceback" not in made.stderr


@pytest.mark.slow
def test_ceilings_between_donors_are_shown_where_they_are_known(page, tmp_path):
    assert "Ceiling between donors" not in page.text
    manifest = make_run(tmp_path, plain_levels())
    for path in (tmp_path / "e").glob("*.populations.tsv"):
        write_table(path, read_table(path).assign(donors=4, noise_ceiling_donors=0.87))
    text = page_of(manifest).text
    assert "Ceiling between donors" in text and "0.87" in text


def test_a_table_of_populations_of_version_0_1_is_read(tmp_path):
    old = pd.DataFrame({"population": ["B"], "parent": [""], "cells": [9], "genes_seen": [50], "noise_ceiling": [0.9]})
    write_table(tmp_path / "old.tsv", old)
    assert load(tmp_path / "old.tsv", POPULATION_COLUMNS)["genes_detected"].tolist() == [50]


@pytest.mark.slow
def test_a_page_of_20_populations_and_20000_genes_is_below_15_mb(tmp_path):
    """Two networks and two baselines, which share one table here. Noise is what compresses least."""
    populations, genes = [f"population {number}" for number in range(20)], [f"G{number:05}" for number in range(20_000)]
    manifest = make_run(tmp_path, {"type": dict.fromkeys(populations, "")}, folds=2, genes=20)
    content = json.loads(manifest.read_text())
    content["predictions"] = [entry | {"path": "p/all.tsv"} for entry in content["predictions"]]
    write_json(manifest, content)
    rows = pd.MultiIndex.from_product([genes, populations], names=["gene_id", "population"]).to_frame(index=False)
    values = np.random.default_rng(0).normal(size=(3, len(rows))).round(4)
    columns = dict(zip(["observed", "predicted", "sd"], values, strict=True))
    write_table(tmp_path / "p/all.tsv", rows.assign(fold=1, **columns)[PREDICTION_COLUMNS[:6]])
    scores = read_table(tmp_path / "v/genes.tsv").drop_duplicates("recipe").drop(columns=["gene_id", "pearson"])
    scores = scores.merge(pd.DataFrame({"gene_id": genes, "pearson": values[0, : len(genes)]}), how="cross")
    write_table(tmp_path / "v/genes.tsv", scores)
    page = page_of(manifest)
    assert len(page.data["predictions"][0]["genes"]) == 20_000  # any gene can be looked up
    assert (tmp_path / "report.html").stat().st_size < 15e6

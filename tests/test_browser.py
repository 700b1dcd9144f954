"""The report in a real browser: every figure is drawn, every control works by mouse and by keyboard, at every width.

Needs Chromium (make test-browser): the first of chromium, chromium-browser and google-chrome on PATH, or the one that
SCXPRESSO_BROWSER names.
"""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_report import HOSTILE, TEMPLATE, page_of
from test_report_errors import add_traits
from test_report_study import make_study
from test_report_variants import LEVEL, add_learned, make_analyses, make_effects, make_scores

from scxpresso.motifs.matching import MOTIF_COLUMNS
from scxpresso.reporting import variant_tables
from scxpresso.reporting.gene_figures import pack
from scxpresso.reporting.scripts import join_modules
from scxpresso.store import read_table, write_json, write_table

pytestmark = pytest.mark.browser
WIDE, PHONE = 1280, 375
HELD_OUT = [
    "training", "levels", "performance", "specificity", "coarse", "transfer", "scatter", "variance", "gene", "gene-scatter",
    "errors", "calibration", "leakage", "agreement", "distributions", "resemblance", "two-models", "cells", "elsewhere",
    "recipe-map", "fold-methods", "further-targets",
]  # fmt: skip
DOWNSTREAM = [
    "learned-weights",
    "profile", "mean-profile", "positions", "motifs", "alleles", "variant-logo", "locus", "variant-map", "external",
]  # fmt: skip

DRAWN = """() => [...document.querySelectorAll("[data-plot]")].every((panel) =>
  panel.hidden || panel.classList.contains("blank") || panel.querySelector(".main-svg"))"""

# What a panel shows.
SEEN = """(name) => {
  const panel = document.querySelector(`[data-plot="${name}"]`), { data, layout } = panel.querySelector(".plot");
  return JSON.stringify([data, layout, panel.querySelector(".plot-title").textContent]);
}"""

# What has the focus, null after the last of the page, and whether it shows; Plotly's own buttons are still fading in.
FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return [null, true];
  const outlined = getComputedStyle(one).outlineStyle !== "none" && one.matches(":focus-visible");
  const visible = one.checkVisibility({ opacityProperty: !one.closest(".modebar") });
  return [one.dataset.stop ?? one.outerHTML.slice(0, 80), outlined && visible];
}"""


def find_browser() -> str | None:
    names = [os.environ.get("SCXPRESSO_BROWSER"), "chromium", "chromium-browser", "google-chrome"]
    return next(filter(None, map(shutil.which, filter(None, names))), None)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: run 'make setup'")
    path = find_browser()
    if not path:
        pytest.skip("no Chromium on PATH: run 'make test-browser', or name one in SCXPRESSO_BROWSER")
    with playwright.sync_playwright() as driver:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which does not start as root
        browser = driver.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


def add_second_model(manifest: Path, populations: list) -> Path:
    """A second saturated model and a second set of variants, so that each select has something to choose."""
    folder, content = manifest.parent, json.loads(manifest.read_text())
    make_effects(folder / "s2", populations[::-1], "atlas one")
    motifs = [(name, "M2", "two", 12, 9, 0.01, 0.002, -0.008, "lowers", 1e-5, 0.001, 3) for name in populations]
    write_table(folder / "s2/motifs.tsv", pd.DataFrame(motifs, columns=MOTIF_COLUMNS))
    write_table(folder / "scores2.tsv.gz", make_scores(populations, "rs0", gwas=3))
    add_learned(folder, content["models"][1], populations[::-1], "other", "learned2")
    model = {"atlas": "atlas one", "level": LEVEL, "network": "hybrid"}
    content["saturation"].append({**model, "path": "s2", "motifs": "s2/motifs.tsv"})
    content["variants"].append({"set": "gwas", **model, "path": "scores2.tsv.gz"})
    write_json(manifest, content)
    return manifest


def distinguish_networks(manifest: Path) -> Path:
    """Give the network hybrid learning curves of its own, of single-task networks; make_run shares those of scxpresso."""
    content = json.loads(manifest.read_text())
    for model in content["models"]:
        if model["network"] == "hybrid":
            history = read_table(manifest.parent / model["histories"][0])
            model["histories"] = [model["histories"][0].replace(".tsv", ".hybrid.tsv")]
            history["validation_loss"] *= 2
            history["population"] = "<i>b"
            write_table(manifest.parent / model["histories"][0], history)
    write_json(manifest, content)
    return manifest


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict:
    """Paths of pages: of training alone, of all sections, and of one whose every label is hostile."""
    folder = tmp_path_factory.mktemp("pages")
    manifests = {
        "trained": add_traits(make_study(folder / "trained", tissue=HOSTILE[0])),
        "full": add_second_model(make_analyses(folder / "full", ["a", "b", "c"]), ["a", "b", "c"]),
        "hostile": make_analyses(folder / "hostile", HOSTILE, label=HOSTILE[5], atlas=HOSTILE[0]),
    }
    for manifest in manifests.values():
        page_of(distinguish_networks(manifest))
    return {name: manifest.parent / "report.html" for name, manifest in manifests.items()}


class Tab:
    """A page in the browser, drawn. faults: what it should not do: errors, dialogs, requests of other files."""

    def __init__(self, browser, file: Path, width: int):
        self.faults = []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        self.page.on("console", lambda message: message.type == "error" and self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append(dialog.message), dialog.dismiss()))
        self.page.on("request", self.note_request)
        self.page.goto(file.as_uri())
        self.wait(DRAWN)

    def note_request(self, request) -> None:
        if request.url.partition(":")[0] not in ("data", "blob") and not request.is_navigation_request():
            self.faults.append(request.url)

    def wait(self, condition: str, argument=None) -> None:
        self.page.wait_for_function(condition, arg=argument, timeout=60_000)

    def seen(self, panel: str) -> str:
        return self.page.evaluate(SEEN, panel)

    def wait_for_change(self, panel: str, before: str) -> None:
        self.wait(f"([name, before]) => ({SEEN})(name) !== before", [panel, before])

    def title(self, panel: str) -> str:
        return self.page.locator(f'[data-plot="{panel}"] .plot-title').inner_text()

    def control(self, panel: str, label: str):
        return self.page.locator(f'[data-plot="{panel}"] [data-control="{label}"]')

    def width(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth")


@pytest.fixture(scope="module")
def tabs(browser, files):
    """A function that opens a page at a width, once a module."""
    opened = {}

    def tab(name: str, width: int) -> Tab:
        if (name, width) not in opened:
            opened[name, width] = Tab(browser, files[name], width)
        return opened[name, width]

    yield tab
    for one in opened.values():
        one.page.close()


@pytest.fixture(params=["trained-1280", "trained-375", "full-1280", "full-375", "hostile-1280", "hostile-375"])
def tab(request, tabs):
    name, _, width = request.param.partition("-")
    tab = tabs(name, int(width))
    yield tab
    assert not tab.faults


@pytest.fixture
def trained(tabs):
    tab = tabs("trained", WIDE)
    yield tab
    assert not tab.faults


@pytest.fixture
def full(tabs):
    tab = tabs("full", WIDE)
    yield tab
    assert not tab.faults


# ---------------------------------------------------------------- drawn


BLANK = {  # panels of the pages `full` and `hostile`, which have one atlas of one level
    "agreement": "No two rows of --input are of one tissue: give them the same one in its column `tissue`.",
    "fold-methods": "All recipes have the same folds: name a recipe with another fold_method.",
    "further-targets": "No recipe predicts more than the mean: name one with targets mean+fraction+dispersion.",
    "coarse": "No coarser level predicts a finer one in this run.",
    "leakage": "Promoters are not among the inputs of this page, or there is one fold.",
    "resemblance": "No coarser level or bulk predicts these populations: name several levels, or a tissue.",
}


def test_every_section_draws(tab, request):
    kinds = tab.page.evaluate("""() => [...document.querySelectorAll("[data-plot]")].map((panel) => {
      const plot = panel.querySelector(".plot"), marks = ".trace, .points path, .hm image, .heatmaplayer image, canvas";
      const drawn = Boolean(plot.querySelector(".main-svg") && plot.querySelector(marks) && plot.clientHeight > 50);
      const state = panel.classList.contains("blank") ? plot.textContent : drawn ? "drawn" : "empty";
      return [panel.dataset.plot, panel.hidden ? "hidden" : state];
    })""")
    states = dict(kinds)
    is_trained = "trained" in request.node.name
    blank = {} if is_trained else BLANK
    assert list(states) == HELD_OUT + ([] if is_trained else DOWNSTREAM)
    assert {name: state for name, state in states.items() if state != "drawn"} == blank
    empty = [
        table.get_attribute("data-table")
        for table in tab.page.locator("[data-table]").all()
        if not table.locator("tbody tr").count()
    ]
    assert empty == [name for name in ("coarse", "agreement") if name in blank]


def test_the_page_does_not_scroll_sideways(tab, request):
    assert tab.width() == tab.page.viewport_size["width"]


def test_a_page_follows_its_width(full):
    label = "document.querySelector('[data-plot=alleles] .plot').layout.font.size"
    sizes = []
    for width in (PHONE, WIDE):
        full.page.set_viewport_size({"width": width, "height": 900})
        full.wait(f"{label} === {11 if width == PHONE else 12.5}")
        full.wait(f"document.documentElement.scrollWidth === {width}")
        sizes.append(full.page.locator("[data-plot=alleles] .main-svg").first.bounding_box()["width"])
    assert sizes[0] < PHONE < sizes[1]


def test_without_webgl_points_are_svg(browser, files):
    page = browser.new_page()
    page.add_init_script("""const { getContext } = HTMLCanvasElement.prototype;
      HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
        return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...options);
      };""")
    page.goto(files["trained"].as_uri())
    page.wait_for_function(DRAWN)
    kinds = page.evaluate("document.querySelector('[data-plot=scatter] .plot').data.map((trace) => trace.type)")
    page.close()
    assert kinds == ["scatter", "scatter"]


def test_without_javascript_there_are_the_tables(browser, files):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["trained"].as_uri())
    assert page.locator("noscript p").is_visible()
    assert page.get_by_text("All numbers").is_visible()
    context.close()


FINDINGS = """() => Object.fromEntries([...document.querySelectorAll("[data-plot]")]
  .filter((panel) => !panel.hidden && !panel.classList.contains("blank"))
  .map((panel) => [panel.dataset.plot, panel.querySelector(".finding").textContent]))"""


def test_a_sentence_below_each_figure_says_what_its_numbers_say(tab, request):
    findings = tab.page.evaluate(FINDINGS)
    assert {name: text for name, text in findings.items() if not text.endswith(".")} == {}
    assert [text for text in findings.values() if re.search("NaN|undefined|null|Infinity", text)] == []


def test_sections_without_data_are_folded_and_say_how_to_fill_them(trained):
    states = trained.page.evaluate("""() => [...document.querySelectorAll("main section")]
      .map((one) => [one.id, one.querySelector("details").open])""")
    assert [name for name, is_open in states if not is_open] == ["motifs", "saturation", "variants"]
    link = trained.page.locator('.toc a[href="#saturation"]')
    link.click()
    assert trained.page.get_by_text("No gene was saturated: name genes with --saturate.").is_visible()
    trained.page.locator("#saturation > details > summary").click()


def test_the_skip_link_leads_past_the_contents(trained):
    trained.page.locator(".skip").focus()
    trained.page.keyboard.press("Enter")
    assert trained.page.evaluate("document.activeElement.id") == "top"
    names = trained.page.evaluate("""() => [...document.querySelectorAll("nav, section")]
      .map((one) => one.ariaLabel ?? document.getElementById(one.getAttribute("aria-labelledby"))?.textContent)""")
    assert all(names) and len(set(names)) == len(names)


def test_a_dark_page_turns_light(browser, files):
    page = browser.new_page(color_scheme="dark")
    page.goto(files["trained"].as_uri())
    page.wait_for_function(DRAWN)
    colours = """() => [getComputedStyle(document.documentElement).backgroundColor,
      ...["levels", "transfer"].map((name) =>
        document.querySelector(`[data-plot=${name}] .plot`)._fullLayout.paper_bgcolor)]"""
    is_dark = [sum(map(int, re.findall(r"\d+", colour)[:3])) < 200 for colour in normal(page.evaluate(colours))]
    assert is_dark == [True] * 3
    page.locator("#theme").click()
    is_dark = [sum(map(int, re.findall(r"\d+", colour)[:3])) < 200 for colour in normal(page.evaluate(colours))]
    assert is_dark == [False] * 3
    page.close()


def normal(colours: list[str]) -> list[str]:
    """Colours as rgb(…), also those of Plotly, which may be hexadecimal."""
    return [
        f"rgb{tuple(bytes.fromhex(colour[1:]))}" if colour.startswith("#") else colour
        for colour in colours
    ]  # fmt: skip


def download(tab, panel: str, kind: str) -> str:
    with tab.page.expect_download() as download:
        tab.page.locator(f'[data-plot="{panel}"] [data-save="{kind}"]').click()
    assert download.value.suggested_filename == f"{panel}.{'tsv' if kind == 'data' else 'svg'}"
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_the_data_of_a_figure_are_saved(full):
    rows = [line.split("\t") for line in download(full, "scatter", "data").splitlines()]
    assert rows[0] == ["series", "observed, log10", "predicted, log10", "error", "label"] and len(rows) == 121
    assert rows[1][4].startswith("atlas one")
    cells = [line.split("\t") for line in download(full, "transfer", "data").splitlines()]
    assert cells[0] == ["row", "column", "r"] and [cell[:2] for cell in cells[1:3]] == [["a", "a"], ["a", "b"]]


# What the button would save, without a file: Chromium saves few in a row.
SAVED = """(panel) => {
  const { createObjectURL } = URL, { click } = HTMLAnchorElement.prototype;
  let saved;
  Object.assign(URL, { createObjectURL: (blob) => { saved = blob; return ""; } });
  HTMLAnchorElement.prototype.click = () => {};
  document.querySelector(`[data-plot="${panel}"] [data-save=data]`).click();
  Object.assign(URL, { createObjectURL });
  HTMLAnchorElement.prototype.click = click;
  return saved.text();
}"""


def test_every_figure_has_data_to_save(tab):
    for panel in tab.page.evaluate(FINDINGS):
        tsv = tab.page.evaluate(SAVED, panel).splitlines()
        assert len(tsv) > 1 and len({line.count("\t") for line in tsv}) == 1, panel
        assert not any(word in "\n".join(tsv) for word in ("&lt;", "&amp;", "<br>", "undefined")), panel


def test_the_image_of_a_figure_is_saved(full):
    for panel in ("levels", "scatter", "profile", "variant-map"):
        svg = download(full, panel, "image")
        assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")
        assert "<script" not in svg


# ---------------------------------------------------------------- controls


def visible_selects(tab) -> list[tuple[str, str]]:
    """(panel, label) of each select that has something to choose."""
    return tab.page.evaluate("""() => [...document.querySelectorAll("[data-control]")]
      .filter((select) => select.checkVisibility())
      .map((select) => [select.closest("[data-plot]").dataset.plot, select.dataset.control])""")


@pytest.mark.parametrize("name", ["trained", "full"])
def test_every_select_changes_its_figure(tabs, name):
    tab = tabs(name, WIDE)
    chosen = []
    for panel, label in visible_selects(tab):
        select = tab.control(panel, label)
        now = select.evaluate("(select) => select.selectedIndex")
        for index in (1 if now == 0 else 0, now):  # the select of a population is gone where a level has one
            before = tab.seen(panel)
            select.select_option(index=index)
            tab.wait_for_change(panel, before)
        chosen.append(f"{panel} {label}")
    assert chosen == {
        "trained": [
            "training Model", "performance Level", "performance Scale", "coarse Level", "transfer Level", "scatter Level",
            "scatter Recipe", "scatter Population", "variance Level", "variance Recipe", "errors Level", "errors By",
            "calibration Model", "leakage Level", "distributions Level", "distributions Beside", "resemblance Model",
            "two-models Level", "two-models Population", "two-models Silent in", "two-models First model",
            "two-models Second model", "cells Level", "cells Against", "elsewhere Model", "elsewhere Against",
            "recipe-map Level", "fold-methods Score", "further-targets Score",
        ],
        "full": [
            "training Model", "performance Scale", "transfer Level", "scatter Recipe", "scatter Population",
            "variance Recipe", "errors By", "calibration Model", "two-models Population", "two-models Silent in",
            "two-models First model", "two-models Second model", "cells Against", "elsewhere Model", "profile Model",
            "profile Gene",
            "profile Population", "profile Minus", "profile View",
            "mean-profile Model", "mean-profile Population", "mean-profile Smoothing", "positions Model",
            "positions Gene", "motifs Model", "locus Gene", "locus Population", "locus View", "variant-map Rows",
        ],
    }[name]  # fmt: skip
    assert not tab.faults


def test_a_sign_has_its_probability_and_a_sentence_or_the_reason_not_to_use_it(full):
    signs = full.page.locator('[data-table="variants"] tbody td span')
    assert signs.first.text_content() == "90 %"
    assert signs.first.get_attribute("title").endswith(" raises expression is 90 %.")
    assert signs.last.text_content() == "do not use: replicates disagree; gene badly predicted"


def test_set_and_model_of_variants(full):
    alleles = full.page.locator('[data-table="variants"] tbody tr')
    assert alleles.count() == 36
    full.page.get_by_label("Set and model").select_option(index=1)
    full.wait("document.querySelectorAll('[data-table=variants] tbody tr').length === 9")
    assert full.page.locator("#no-correlations").is_visible()
    full.page.get_by_label("Set and model").select_option(index=0)
    full.wait("document.querySelectorAll('[data-table=variants] tbody tr').length === 36")
    assert full.page.locator("#no-correlations").is_hidden()


def test_model_of_learned_motifs(full):
    rows = full.page.locator('[data-table="learned-motifs"] tbody tr')
    assert rows.count() == 2 and rows.first.locator("svg path").count() == 4
    assert rows.first.locator("svg").get_attribute("aria-label") == "ATGACGTGGC"
    assert rows.first.inner_text().split("\t")[-4:-1] == ["a", "+0.21", "MA0018.4 · rs0"]
    before = full.seen("learned-weights")
    full.page.locator("#motif-model").select_option(index=1)
    full.wait_for_change("learned-weights", before)
    assert rows.first.inner_text().split("\t")[-4:-1] == ["c", "+0.21", "MA0018.4 · other"]
    full.page.locator("#motif-model").select_option(index=0)


def test_single_task_networks_are_named_after_their_population(trained):
    texts = "document.querySelector('[data-plot=training] .plot').data.at(-1).text"
    model = trained.control("training", "Model")
    model.select_option(label=f"atlas one · {LEVEL} · hybrid")
    trained.wait(f"{texts}[0].startsWith('fold 0 · replicate 1 · &lt;i&gt;b: epoch ')")
    model.select_option(label=f"atlas one · {LEVEL} · scxpresso")
    trained.wait(f"{texts}[0].startsWith('fold 0 · replicate 1: epoch ')")


def test_a_gene_is_chosen_by_name(trained):
    gene = trained.page.get_by_label("Gene", exact=True)
    gene.fill("g007")
    gene.press("Enter")
    trained.wait("document.querySelector('[data-plot=gene] .plot-title').textContent.startsWith('G007 · ')")
    gene.fill("no such gene")
    gene.press("Enter")
    assert gene.evaluate("(input) => input.validationMessage") == "not among the genes of this page"
    assert trained.title("gene").startswith("G007 · ")
    gene.fill("G008")
    gene.press("Enter")
    trained.wait("document.querySelector('[data-plot=gene] .plot-title').textContent.startsWith('G008 · ')")
    assert gene.evaluate("(input) => input.validity.valid")


def search(tab, text: str) -> None:
    field = tab.page.get_by_label("Find", exact=True)
    field.fill(text)
    field.press("Enter")


def test_a_gene_is_found_from_anywhere(trained):
    search(trained, "g011")
    trained.wait("document.querySelector('[data-plot=gene] .plot-title').textContent.startsWith('G011 · ')")
    assert trained.page.get_by_role("status").inner_text() == "Shown: G011"
    assert trained.page.locator("#one-gene").bounding_box()["y"] < 900
    search(trained, "G")
    field = trained.page.get_by_label("Find", exact=True)
    assert field.evaluate("(one) => one.validationMessage") == "not among the genes and variants of this page"
    field.press("End")
    field.type("0")
    offered = trained.page.locator("#search-offers option").evaluate_all("(all) => all.map((one) => one.value)")
    assert len(offered) == 30 and all(one.startswith("G0") for one in offered)


def test_a_variant_is_found_from_anywhere(full):
    name = full.page.evaluate("""() => {
      const { textContent } = document.getElementById("report-data"), { variants, names } = JSON.parse(textContent);
      const { variant, ref, alt, gene } = variants[1].variants[4];
      return `${variant} ${ref}>${alt} · ${names[gene]}`;
    }""")
    search(full, name)
    full.wait("(name) => document.querySelector('[data-plot=alleles] .plot-title').textContent.startsWith(name)", name)
    full.page.locator("#variant-model").select_option(index=0)


def test_a_variant_without_figures_is_found(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(variant_tables, "N_VARIANTS", 1)
    monkeypatch.setattr(variant_tables, "N_PER_LOCUS", 1)
    page_of(make_analyses(tmp_path, ["a", "<b>"]))
    tab = Tab(browser, tmp_path / "report.html", WIDE)
    name = tab.page.evaluate("""() => {
      const { textContent } = document.getElementById("report-data"), { variants, names } = JSON.parse(textContent);
      const { variant, ref, alt, gene } = variants[0].listed;
      return `${variant.at(-1)} ${ref.at(-1)}>${alt.at(-1)} · ${names[gene.at(-1)]}`;
    }""")
    search(tab, name)
    found = tab.page.locator("#variant-found").inner_text()
    assert found.startswith(name) and "All" not in found and "It is not in the table below" in found
    assert not tab.faults
    tab.page.close()


def click_point(tab, panel: str, choose: str) -> None:
    """Click with the mouse on a point of a figure; choose: its [trace, number] by a function of the plot's data."""
    tab.page.locator(f'[data-plot="{panel}"] .plot').scroll_into_view_if_needed()
    x, y = tab.page.evaluate(
        """([panel, choose]) => {
          const plot = document.querySelector(`[data-plot="${panel}"] .plot`), box = plot.getBoundingClientRect();
          const { xaxis, yaxis } = plot._fullLayout, [trace, i] = eval(choose)(plot.data);
          const at = (axis, value) => axis._offset + axis.d2p(value);
          return [box.x + at(xaxis, plot.data[trace].x[i]), box.y + at(yaxis, plot.data[trace].y[i])];
        }""",
        [panel, choose],
    )
    tab.page.mouse.move(x - 2, y)
    tab.page.mouse.move(x, y)
    tab.wait(f"document.querySelector('[data-plot={panel}] .hoverlayer .hovertext')")
    tab.page.mouse.click(x, y)


def test_a_click_on_a_point_chooses_its_gene(trained):
    trained.page.locator('[data-table="top"] tbody button').nth(3).click()
    before = trained.title("gene")
    click_point(trained, "variance", "(data) => [0, data[0].x.indexOf(Math.max(...data[0].x))]")
    trained.wait("(before) => document.querySelector('[data-plot=gene] .plot-title').textContent !== before", before)


def test_a_click_on_a_point_chooses_its_variant(full):
    before = full.title("alleles")
    click_point(full, "locus", "(data) => { const k = data.findIndex((one) => one.customdata); return [k, 9]; }")
    full.wait("(before) => document.querySelector('[data-plot=alleles] .plot-title').textContent !== before", before)


def test_zooming_shows_a_logo_and_its_view(full):
    view, logo = full.control("profile", "View"), full.page.locator("[data-plot=profile] .shapelayer path")
    view.select_option("whole window")
    full.wait("document.querySelector('[data-plot=profile] .plot').layout.yaxis3 === undefined")
    view.select_option("100 bases")
    full.wait("document.querySelector('[data-plot=profile] .plot').layout.yaxis3 !== undefined")
    assert logo.count() >= 4
    full.page.locator('[data-table="sites"] tbody tr').first.click()
    full.wait("document.querySelector('[data-plot=profile] select[data-control=View]').value === 'as zoomed'")
    full.page.locator("[data-plot=profile] .nsewdrag").first.dblclick()
    full.wait("document.querySelector('[data-plot=profile] select[data-control=View]').value === 'whole window'")


def test_dragging_zooms(full):
    full.control("locus", "View").select_option("whole window")
    area = full.page.locator("[data-plot=locus] .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    full.page.mouse.move(box["x"] + 100, box["y"] + 50)
    full.page.mouse.down()
    full.page.mouse.move(box["x"] + 300, box["y"] + 60, steps=4)
    full.page.mouse.up()
    full.wait("document.querySelector('[data-plot=locus] select[data-control=View]').value === 'as zoomed'")


def column(tab, table: str, number: int) -> list[str]:
    return tab.page.locator(f"{table} tbody tr td:nth-child({number})").all_inner_texts()


def test_tables_are_sorted_by_a_click(trained):
    table = '[data-table="top"]'
    head = trained.page.locator(f"{table} thead th").nth(2)
    head.locator("button").click()
    falling = column(trained, table, 3)
    assert head.get_attribute("aria-sort") == "descending"
    assert falling == sorted(falling, key=lambda text: float(text.replace("−", "-")), reverse=True)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    rising = column(trained, table, 3)
    assert rising == sorted(rising, key=lambda text: float(text.replace("−", "-")))


def test_missing_numbers_stay_last(trained):
    trained.page.evaluate("""() => {
      const rows = [["1", 1], ["–", NaN], ["3", 3], ["2", 2]];
      document.querySelector("main").insertAdjacentHTML("beforeend", `<table class="sortable" id="made"><thead><tr>
        <th class="n"><button type="button">n</button></th></tr></thead><tbody>${rows.map(([text, value]) =>
        `<tr><td data-value="${value}">${text}</td></tr>`).join("")}</tbody></table>`);
    }""")
    for wanted in (["3", "2", "1", "–"], ["1", "2", "3", "–"]):
        trained.page.locator("#made button").click()
        assert column(trained, "#made", 1) == wanted
    trained.page.evaluate("document.getElementById('made').remove()")


def test_printing_unfolds_and_folds_again(trained):
    folded = "document.querySelectorAll('details:not([open])').length"
    before = trained.page.evaluate(folded)
    trained.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert before and not trained.page.evaluate(folded)
    trained.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert trained.page.evaluate(folded) == before
    assert trained.width() == WIDE


# ---------------------------------------------------------------- keyboard

# All that can be operated, numbered in the order of the page: of a table's rows one is in the Tab order.
OPERABLE = """() => [...document.querySelectorAll("a[href], summary, select, input, button")]
  .filter((one) => one.checkVisibility() && one.tabIndex >= 0)
  .map((one, number) => one.dataset.stop = `${number} ${one.outerHTML.slice(0, 80)}`)"""


@pytest.mark.parametrize("name", ["trained", "full"])
def test_all_is_reached_by_tab_and_shows_its_focus(tabs, name):
    tab = tabs(name, WIDE)
    stops = tab.page.evaluate("""() => [...document.querySelectorAll("[data-table] tbody")]
      .map((body) => [...body.querySelectorAll("button")].filter((one) => one.tabIndex === 0).length)""")
    assert set(stops) <= {0, 1} and 1 in stops
    tab.wait("!document.querySelector('.notifier-close')")  # Plotly's tip after zooming goes by itself
    wanted = tab.page.evaluate(OPERABLE)
    tab.page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    reached, invisible = [], []
    for _ in range(len(wanted) + 60):  # boxes that scroll take the focus too
        tab.page.keyboard.press("Tab")
        focused, shows = tab.page.evaluate(FOCUSED)
        if focused is None:
            break
        reached.append(focused)
        if not shows:
            invisible.append(focused)
    assert [one for one in wanted if one not in reached] == [] and invisible == []
    assert [one for one in reached if one in wanted] == wanted


@pytest.mark.parametrize("name", ["trained", "full"])
def test_everything_to_operate_has_a_name(tabs, name):
    nameless = tabs(name, WIDE).page.evaluate("""() => [...document.querySelectorAll("select, input, button, summary")]
      .filter((one) => !(one.labels?.length ? one.labels[0].firstChild : one).textContent.trim() && !one.ariaLabel)
      .map((one) => one.outerHTML)""")
    assert nameless == []


def test_a_select_is_operated_by_keys(full):
    for panel, label in [("mean-profile", "Smoothing"), ("variant-map", "Rows")]:
        select = full.control(panel, label)
        select.select_option(index=0)
        before = full.seen(panel)
        select.focus()
        full.page.keyboard.press("ArrowDown")
        full.wait_for_change(panel, before)


@pytest.mark.parametrize(
    ("table", "panel"),
    [("top", "gene"), ("variants", "alleles"), ("sites", "profile")],
    ids=["top", "variants", "sites"],
)
def test_rows_are_chosen_by_keys(tabs, table, panel):
    tab = tabs("trained" if table == "top" else "full", WIDE)
    rows = tab.page.locator(f'[data-table="{table}"] tbody tr')
    rows.first.click()
    rows.first.locator("button").focus()
    before = tab.seen(panel)
    for key, row in (("ArrowDown", 1), ("End", rows.count() - 1), ("Home", 0), ("ArrowDown", 1), ("ArrowDown", 2)):
        tab.page.keyboard.press(key)
        assert rows.nth(row).locator("button").evaluate("(button) => button === document.activeElement")
    tab.page.keyboard.press("Enter")
    tab.wait_for_change(panel, before)
    if table != "sites":
        assert rows.nth(2).get_attribute("aria-current") == "true"
        assert tab.page.locator(f'[data-table="{table}"] [aria-current]').count() == 1


def test_a_column_is_sorted_by_keys(trained):
    head = trained.page.locator('[data-table="top"] thead th').first
    head.locator("button").focus()
    trained.page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort")


# ---------------------------------------------------------------- hostile labels


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_labels_are_text(tabs, width):
    tab = tabs("hostile", width)
    assert tab.page.locator("img, script script, b script, main script, main b > b").count() == 0
    labels = [label.replace("\n", "\\n") for label in HOSTILE]
    options = tab.control("scatter", "Population").evaluate("(select) => [...select.options].map((one) => one.text)")
    assert [" ".join(label.split()) for label in labels] == options
    ticks = tab.page.locator("[data-plot=positions] .ytick text").all_text_contents()
    length = 15 if width == PHONE else 34
    assert ticks == [label if len(label) <= length else label[: length - 1] + "…" for label in labels]
    assert not tab.faults


# ---------------------------------------------------------------- modules

BARE = '<!DOCTYPE html><script type="application/json" id="report-data">{"loci": [null]}</script>'


@pytest.fixture(scope="module")
def functions(browser):
    """A function that evaluates JavaScript where `m` has the modules that touch no page."""
    names = ["packed", "statistics", "text", "colours"]
    entries = [f"shared/{name}.js" for name in names] + ["saturation/effects.js", "window/stack.js", "window/genome.js"]
    script = join_modules(TEMPLATE / "scripts", entries)
    page = browser.new_page()
    page.set_content(BARE)
    page.add_script_tag(content=script.replace("const modules = {};", "const modules = {}; window.m = modules;"))
    yield page.evaluate
    page.close()


def test_modules_link_as_they_stand(browser):
    """What joining cannot see, a browser does: a name that is imported but not exported."""
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    empty = {name: [] for name in ("loci", "names", "recipes", "saturation", "variants")}
    body = f'<script type="application/json" id="report-data">{json.dumps(empty)}</script>'
    page.route("https://report.test/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.route(
        "https://report.test/scripts/**",
        lambda route: route.fulfill(path=TEMPLATE / route.request.url.removeprefix("https://report.test/")),
    )
    page.goto("https://report.test/")
    paths = sorted(path.relative_to(TEMPLATE).as_posix() for path in (TEMPLATE / "scripts").rglob("*.js"))
    failed = page.evaluate(
        """async (paths) => {
          const failed = [];
          for (const path of paths) await import(`/${path}`).catch((error) => failed.push([path, String(error)]));
          return failed.filter(([, error]) => error.includes("SyntaxError") || error.includes("fetch"));
        }""",
        paths,
    )
    page.close()
    assert failed == []


def test_packed_vectors_come_back(functions):
    values = np.array([-4.0, np.nan, 0.1234, 3.5])
    back = functions("(packed) => m['shared/packed.js'].unpack(packed).map(String)", pack(values))
    np.testing.assert_allclose([float(value) for value in back], values, atol=1e-4)


def test_statistics_are_those_of_numpy(functions):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 101))
    call = "([name, ...arguments_]) => m['shared/statistics.js'][name](...arguments_)"
    assert functions(call, ["median", list(x)]) == pytest.approx(np.median(x))
    assert functions(call, ["median", list(x[:100])]) == pytest.approx(np.median(x[:100]))
    assert functions(call, ["pearson", list(x), list(y)]) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert functions(call, ["pearson", [*x, None], [*y, 5]]) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert functions(call, ["rangeWithZero", [3, None, 5]]) == [0, 5]
    assert functions(call, ["mostFrequent", [-4.3, None, -4, 2, -4, None, None]]) == -4
    assert functions(call, ["largestAbsolute", [3, -7, None]]) == 7
    assert functions(call, ["smoothed", [1, 2, 6, 2, 1], 3]) == pytest.approx([1.5, 3, 10 / 3, 3, 1.5])
    assert functions(call, ["byMedian", [[1, 2], [5, None], [3, 4]]]) == [1, 2, 0]
    assert functions("() => m['shared/statistics.js'].rangeWithZero(Array(1e6).fill(2))") == [0, 2]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("decimal(-0.001)", "0.00"), ("decimal(-1.5, 1)", "−1.5"), ("decimal(NaN)", "–"), ("decimal(null)", "–"),
        ("pValue(0.0312)", "0.031"), ("pValue(0.00012)", "1.2e-4"), ("pValue(NaN)", "–"), ("pValue(1)", "1"),
        ("signed(0.12345)", "+0.123"), ("signed(-2e-5)", "−0.00002"), ("signed(0)", "0"), ("unsigned(0.234)", "0.23"),
        ("distanceText(-1200)", "−1,200"), ("distanceText(35)", "+35"), ("distanceText(0)", "0"),
        ("plural(1, 'gene')", "1 gene"), ("plural(1234, 'gene')", "1,234 genes"), ("cut('ABCDE', 4)", "ABC…"),
        ("cut('👩‍🔬', 9)", "👩‍🔬"), ("shorten('<b>&', 9)", "&lt;b&gt;&amp;"), ("shorten('<b>&', 3)", "&lt;b…"),
    ],
)  # fmt: skip
def test_numbers_and_labels_as_text(functions, call, text):
    assert functions(f"() => m['shared/text.js'].{call}") == text


def test_the_strongest_sites_stand_apart(functions):
    points = [{"x": x, "y": y} for x, y in [(0, 1), (5, -3), (15, 2), (16, 2.5), (-4, 2.9), (-5, 0.5)]]
    found = functions("(points) => m['saturation/effects.js'].strongest(points)", points)
    assert [point["x"] for point in found] == [5, 16, -5]


def test_transcripts_are_stacked_without_overlap(functions):
    spans = [{"span": span} for span in ([0, 9], [5, 20], [10, 12], [40, 50])]
    assert functions("(spans) => m['window/stack.js'].stack(spans, 0)", spans) == [0, 1, 0, 0]
    assert functions("(spans) => m['window/stack.js'].stack(spans, 30)", spans) == [0, 1, 2, 0]


def test_positions_follow_the_strand(functions):
    call = "([strand, value]) => m['window/genome.js'].{}({{ chrom: 'chr1', tss: 1001, strand }}, value)"
    assert functions(call.format("onGenome"), ["+", -1]) == "chr1:1,000"
    assert functions(call.format("onGenome"), ["-", -1]) == "chr1:1,002"
    assert [functions(call.format("distanceOf"), [strand, 1011]) for strand in "+-"] == [10, -10]

"""The report: one self-contained HTML page made from the tables of a run.

data.py reads the tables that manifest.json lists. verdicts.py and tables.py build what the template prints; the modules of
figures, and locus.py, build what the scripts draw. `render` puts everything into one page.

Labels (populations, atlases, genes, parameters) may contain anything. Three places escape them: autoescape of jinja2 with
`finalize`; `plain` for the JSON data; and `safe` in scripts/shared/text.js for the HTML subset that plotly understands.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from scxpresso.reporting.benchmarks import benchmark_view
from scxpresso.reporting.data import BASELINE_NAMES, Run, label, read_run
from scxpresso.reporting.error_figures import calibration_plots, error_plots, leakage_plots
from scxpresso.reporting.figures import coarse_plots, performance_plots, training_plots, transfer_plots
from scxpresso.reporting.gene_figures import N_TOP_GENES, ShownGenes, gene_plots, prediction_plots
from scxpresso.reporting.locus import Loci
from scxpresso.reporting.motif_figures import learned_motif_plots
from scxpresso.reporting.planted import planted_view
from scxpresso.reporting.saturation_figures import saturation_plots
from scxpresso.reporting.scripts import join_modules
from scxpresso.reporting.sections import has_bulk, sections_view
from scxpresso.reporting.specificity_figure import specificity_plots
from scxpresso.reporting.study_figures import (
    agreement_plot,
    comparison_plots,
    distribution_plots,
    fold_method_plots,
    further_target_plots,
    recipe_plots,
)
from scxpresso.reporting.tables import (
    atlas_view,
    comparison_kinds,
    differences_table,
    genome_view,
    intervals_table,
    numbers_table,
    training_view,
    warnings_view,
)
from scxpresso.reporting.variant_figures import FLAGS, variant_plots
from scxpresso.reporting.variant_tables import read_scores, set_view, wanted_genes
from scxpresso.reporting.verdicts import card, headline, overall
from scxpresso.saturation.effects_store import SMALLEST_EFFECT
from scxpresso.store import EXTERNAL, atomic_write
from scxpresso.text import count, decimal, moment, p_text, percent, plural, shown

PAPER = {
    "doi": "10.3389/fbinf.2024.1347276",
    "cite": "Michielsen, Reinders, Mahfouz (2024), Frontiers in Bioinformatics 4",
}


def write_report(manifest: str | Path, template: str | Path, output: str | Path) -> None:
    """Write the report of `manifest` to `output`, completely or not at all. Raises InputError."""
    page = render(read_run(manifest), template)
    with atomic_write(output) as partial:
        partial.write_text(page, encoding="utf-8")


def render(run: Run, template: str | Path) -> str:
    """Render the page; `template` is the folder of report.html.j2, its style and its scripts."""
    from plotly.offline import get_plotlyjs  # slow to import, and only needed here

    template = Path(template)
    genomes = [genome_view(run, entry) for entry in run.manifest["genomes"]]
    training = training_view(run)
    palette = run.palette()
    data = plain(page_data(run, genomes, training))
    cards = [card(run, level, recipe) for level in run.levels for recipe in level.trained]
    page = environment(template).get_template("report.html.j2")
    return page.render(
        run=run.manifest["run"] | {"written": datetime.now(UTC).isoformat()},
        params=run.manifest["params"],
        versions=run.manifest["versions"],
        notes=run.manifest["notes"],
        warnings=warnings_view(run),
        paper=PAPER,
        headline=headline(run, genomes, training),
        overall=overall(cards),
        cards=cards,
        numbers=numbers_table(run),
        differences=differences_table(run),
        intervals=intervals_table(run),
        palette=[
            {"name": label(recipe, network), "colour": palette[recipe]}
            for recipe, network in run.networks().items()
            if network != "mean"
        ],
        genomes=genomes,
        atlases=[atlas_view(run, entry) for entry in run.manifest["atlases"]],
        training=training,
        reused=run.manifest["models"] if not run.levels else [],
        sections=sections_view(data, bool(run.levels), bool(run.manifest["sets"])),
        kinds=comparison_kinds(run),
        top=N_TOP_GENES,
        sets=[set_view(run, entry) for entry in run.manifest["sets"]],
        planted=planted_view(run, template) if run.manifest["variants"] else [],
        benchmarks=benchmark_view(run),
        flags=FLAGS,
        smallest_effect=f"{SMALLEST_EFFECT:.1g}",
        data=data,
        css=Markup((template / "report.css").read_text(encoding="utf-8")),
        js=Markup(script(template, data, bool(run.levels))),
        plotly=Markup(get_plotlyjs()),
    )


def page_data(run: Run, genomes: list[dict], training: list[dict]) -> dict:
    """Collect the data that the scripts draw, as JSON-ready lists. Labels are values, never keys: one may be __proto__."""
    names = ShownGenes(genomes)
    palette = run.palette()
    loci, tables = Loci(run, names), read_scores(run)
    return {
        "recipes": [
            {
                "recipe": label(recipe, network),
                "colour": palette[recipe],
                "baseline": network in BASELINE_NAMES,
                "external": network == EXTERNAL,
            }
            for recipe, network in run.networks().items()
        ],
        "training": training_plots(training),
        "performance": performance_plots(run),
        "coarse": coarse_plots(run),
        "transfer": transfer_plots(run),
        "specificity": specificity_plots(run),
        "predictions": prediction_plots(run, names),
        "genes": gene_plots(run, names),
        "errors": error_plots(run),
        "calibration": calibration_plots(run),
        "leakage": leakage_plots(run),
        "agreement": agreement_plot(run, names),
        "distributions": distribution_plots(run),
        "comparisons": comparison_plots(run),
        "recipe_map": recipe_plots(run),
        "fold_methods": fold_method_plots(run),
        "further_targets": further_target_plots(run),
        "tissues": tissues(run),
        "motifs": learned_motif_plots(run),
        "saturation": saturation_plots(run, names, loci, wanted_genes(tables)),
        "variants": variant_plots(run, tables, names, loci),
        "loci": loci.listed(),
        "names": names.listed(),
    }


def tissues(run: Run) -> list[dict]:
    """List the genome, tissue and protocol of each atlas; '' if the sheet names no tissue."""
    return [
        {name: entry.get(name) or "" for name in ("atlas", "genome", "tissue", "protocol")}
        for entry in run.manifest["atlases"]
    ]


def script(template: Path, data: dict, trained: bool) -> str:
    """Join the scripts of the sections that the page has."""
    has = {"trained": trained, "bulk": has_bulk(data)} | {
        name: data[name] for name in ("motifs", "saturation", "variants")
    }
    return join_modules(template / "scripts", ["main.js", *(f"{name}.js" for name, one in has.items() if one)])


def environment(template: str | Path) -> Environment:
    """Set up jinja2 with autoescape, and the formatting functions as filters."""
    env = Environment(
        loader=FileSystemLoader(template),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        {f.__name__: f for f in (count, decimal, percent, plural, moment, p_text, verbatim, parameter, tally)}
    )
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return env


def finalize(value: object) -> object:
    """Prepare a value for printing by jinja2: keep markup, make labels printable, show None as a dash."""
    if isinstance(value, Markup):
        return value
    return shown(value) if isinstance(value, str) else "–" if value is None else value


def plain(value: Any) -> Any:
    """Convert `value` for JSON: printable labels, None for NaN, Python's numbers for numpy's."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return shown(value)
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def verbatim(text: object) -> Markup:
    """Escape text and keep its line breaks (for commands)."""
    return escape("\n".join(shown(line) for line in str(text).splitlines()))


def tally(value: object) -> object:
    """Format a value of counts.json if it is a number; keep it otherwise."""
    return count(value) if isinstance(value, (int, float)) else value


def parameter(value: object) -> str | None:
    """Format a parameter as a user would type it."""
    return value if value is None or isinstance(value, str) else json.dumps(value)

"""Checks of other models' predictions: their names, the levels that they are for, and their genes and populations."""

import re

import pandas as pd

from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.checks.recipes import RESERVED, Recipe
from scxpresso.evaluation.external_predictions import (
    EXPECTED,
    check_missing,
    looks_linear,
    on_genes,
    read_external_predictions,
)
from scxpresso.expression.grouping import WHOLE
from scxpresso.genome.folds import METHODS
from scxpresso.genome.transcript import Transcript
from scxpresso.networks.registry import NETWORKS
from scxpresso.problems import preview
from scxpresso.text import did_you_mean


def check_external_predictions(
    rows: list[Row],
    atlases: list[Row],
    recipes: list[Recipe],
    genes: dict[str | None, list[Transcript]],
    params: dict,
    findings: Findings,
) -> None:
    """Check every row of --external_predictions."""
    if params["external_predictions"] is None:
        return
    if params["models"] is not None:
        findings.problem(
            "--external_predictions", "given beside --models, which evaluates nothing", "a run that trains",
            "leave one of them out",
        )  # fmt: skip
        return
    check_once(rows, findings)
    by_name = {row.values["atlas"]: row for row in atlases if "atlas" in row.values}
    for row in rows:
        check_name(row, recipes, findings)
        atlas = find_atlas(row, by_name, findings)
        if atlas and "file" in row.paths:
            check_file(row, atlas, genes.get(atlas.values.get("genome"), []), findings)
    if names := sorted({row.values["name"] for row in rows if "name" in row.values}):
        findings.note(
            "--external_predictions",
            f"{preview(names)}: such a model may have been trained on genes or cells that are held out here, which flatters "
            "it; what it has seen is not known to this run",
        )


def check_once(rows: list[Row], findings: Findings) -> None:
    """A model's predictions of a level once; names that differ in case alone share files on some disks."""
    first: dict[tuple, Row] = {}
    for row in rows:
        if not {"name", "atlas", "level"} <= row.values.keys():
            continue
        before = first.setdefault((row.values["name"].lower(), row.values["atlas"], row.values["level"]), row)
        if before is not row:
            found = f"{row.values['name']!r} of the same atlas and level as in {before.place.rsplit(', ', 1)[1]}"
            findings.problem(row.at("name"), found, "each model once per level", "rename one of them, or remove a row")


def check_name(row: Row, recipes: list[Recipe], findings: Findings) -> None:
    """A name that no network, baseline or recipe has, and that is not one of them with a fold method."""
    name = row.values.get("name", "")
    written = {name.lower(), *(f"{name}_{method}".lower() for method in METHODS)}
    owners = {"a baseline": RESERVED, "a network": NETWORKS, "a recipe": [recipe.name for recipe in recipes]}
    for owner, taken in owners.items():
        if name and written & {one.lower() for one in taken}:
            findings.problem(
                row.at("name"), f"{name!r}, which {owner} has or would have with a fold method", "another name",
                f"write {name + '_external'!r}, for instance",
            )  # fmt: skip
            return
    if re.search(r"\.motifs$", name, re.IGNORECASE):
        findings.problem(row.at("name"), f"{name!r}", "a name that does not end in '.motifs'", "rename it")


def find_atlas(row: Row, atlases: dict[str, Row], findings: Findings) -> Row | None:
    """The atlas that a row names, if it has the row's level."""
    name, level = row.values.get("atlas"), row.values.get("level")
    if not name or not level or not atlases:
        return None
    if name not in atlases:
        near = did_you_mean(name, atlases) or "name one of them"
        findings.problem(
            row.at("atlas"), f"no atlas {name!r} in --input", f"one of {preview(sorted(atlases), 20)}", near
        )
        return None
    levels = atlases[name].values.get("levels", [])
    if levels and level not in levels:
        near = did_you_mean(level, levels) or "name one of them, or add the level to the sheet of atlases"
        findings.problem(
            row.at("level"), f"no level {level!r} of {name!r} in --input", f"one of {preview(levels)}", near
        )
        return None
    return atlases[name]


def check_file(row: Row, atlas: Row, genes: list[Transcript], findings: Findings) -> None:
    """Every population and gene of the level has a prediction."""
    level = row.values["level"]
    populations = [WHOLE] if level == WHOLE else atlas.populations.get(level)
    if not populations:  # a problem of the atlas
        return
    with reading(row, "file", EXPECTED, findings):
        table = read_external_predictions(row.paths["file"], row.values.get("layer"), populations)
        if looks_linear(table):
            findings.note(
                row.at("file"),
                "values look like counts or TPM, not like their logarithms; expression is log10 here, so that Pearson "
                "correlations need logarithms (Spearman correlations do not)",
            )
        if not atlas.genes or not genes:
            return
        names = pd.DataFrame([(one.gene_id, one.gene_name) for one in genes], columns=["gene_id", "gene_name"])
        matched = on_genes(table, names, atlas.genes)
        lacking = int(matched.isna().any(axis=1).sum())
        if row.values.get("missing_genes", "error") == "error":
            check_missing(str(row.paths["file"]), matched)
        elif lacking:
            findings.note(
                row.at("file"),
                f"{lacking:,} of {len(matched):,} genes have no value and are predicted as the mean of the training genes",
            )

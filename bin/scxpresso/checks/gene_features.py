"""Checks of gene features that the user brings: their genome, their genes, and the recipes and models that read them."""

import numpy as np

from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.checks.recipes import Recipe
from scxpresso.checks.sheets import Request, find_files
from scxpresso.genome.gene_features import (
    EXPECTED,
    GeneFeatures,
    check_complete,
    is_gene_feature,
    read_gene_features,
)
from scxpresso.genome.transcript import Transcript
from scxpresso.networks.registry import NETWORKS
from scxpresso.problems import preview
from scxpresso.text import shown

COLUMN = "gene_features"


def find_tables(
    request: Request, params: dict, schema: dict, genomes: list[Row], findings: Findings
) -> dict[str | None, Row]:
    """The table of each genome that has one, as the row whose cell names it; the parameter is one of a row without place."""
    value = params[COLUMN]
    in_cells = {row.values.get("genome"): row for row in genomes if COLUMN in row.text}
    if value is None or params["genomes"] is None:
        return in_cells
    if len(genomes) != 1 or in_cells:
        found = "a table in its column gene_features" if in_cells else f"{len(genomes)} genomes"
        findings.problem(
            "--gene_features", f"given beside a sheet of genomes with {found}", "the table of the only genome",
            "write the table of each genome into the column gene_features of the sheet, and leave out --gene_features",
        )  # fmt: skip
        return in_cells
    name = genomes[0].values.get("genome")
    row = Row("", {COLUMN: value}, {COLUMN: value} | ({"genome": name} if name else {}))
    find_files("genomes", 1, row, schema["items"]["properties"], request, findings)
    return {name: row}


def check_gene_features(
    tables: dict[str | None, Row],
    genes: dict[str | None, list[Transcript]],
    recipes: list[Recipe],
    models: list[dict],
    params: dict,
    findings: Findings,
) -> None:
    """Tables fit the genes of their genomes, are read, and have what models of an earlier run read."""
    read: dict[str | None, GeneFeatures | None] = {}
    for genome, row in tables.items():
        read[genome] = check_table(row, genes.get(genome, []), params["gene_features_missing"], findings)
        check_read(row, genome, recipes, models, findings)
    if tables and params["recipes"] is not None:
        note_ablation(recipes, findings)
    for model in models:
        check_model(model, read, findings)


def check_table(row: Row, genes: list[Transcript], missing: str, findings: Findings) -> GeneFeatures | None:
    """Every gene of the genome has a value in every column, or may lack it. Returns the table if it can be read."""
    if COLUMN not in row.paths or not genes:
        return None
    features = None
    with reading(row, COLUMN, EXPECTED, findings):
        path = row.paths[COLUMN]
        features = read_gene_features(path, [one.gene_id for one in genes], [one.gene_name for one in genes])
        if np.isnan(features.values).all():
            others = f"; genes that only the table has: {preview(features.unknown)}" if features.unknown else ""
            findings.problem(
                row.file(COLUMN), f"no value for any gene of the genome, which has {preview(features.genes)}{others}",
                "ids or names of the annotation's genes", "take a table of this genome, with its ids",
            )  # fmt: skip
            return features
        if missing == "error":
            check_complete(str(path), features)
        note_table(row, features, findings)
    return features


def note_table(row: Row, features: GeneFeatures, findings: Findings) -> None:
    """What a table has, and what of it says nothing."""
    findings.note(row.genome, f"{len(features.names):,} gene features beside the annotation features")
    if lacking := features.incomplete:
        message = f"{len(lacking):,} of {len(features.genes):,} genes lack gene features"
        findings.note(row.genome, f"{message}, and have the mean of the training genes: {preview(lacking)}")
    if features.unknown:
        message = f"{len(features.unknown):,} genes of {shown(row.text[COLUMN])} are not genes of the genome"
        findings.note(row.genome, f"{message}: {preview(features.unknown)}")
    if features.constant:
        message = f"{len(features.constant):,} gene features are the same for all genes, and tell networks nothing"
        findings.note(row.genome, f"{message}: {preview(features.constant)}")


def check_read(row: Row, genome: str | None, recipes: list[Recipe], models: list[dict], findings: Findings) -> None:
    """A recipe or model reads the table: a problem for the parameter, a note for a cell, which may serve other runs."""
    read = [
        model
        for model in models
        if model["genome"] == genome and any(map(is_gene_feature, model["annotation_features"]))
    ]
    if read or any(recipe.reads_gene_features for recipe in recipes) or not (recipes or models):
        return
    able = [name for name, entry in NETWORKS.items() if COLUMN in entry.annotation]
    found = "gene features that no model reads" if models else "gene features that no recipe reads"
    if row.place:
        findings.note(row.at(COLUMN), found)
        return
    fix = f"train a network that reads them ({preview(able)}) with annotation features, or leave out --gene_features"
    findings.problem("--gene_features", found, "gene features that something reads", fix)


def note_ablation(recipes: list[Recipe], findings: Findings) -> None:
    """Note a sheet of recipes without one that leaves out gene features: nothing then says what they add."""
    able = [recipe for recipe in recipes if COLUMN in NETWORKS[recipe.values["network"]].annotation]
    if any(recipe.reads_gene_features for recipe in able) and all(recipe.reads_gene_features for recipe in able):
        findings.note(
            "--recipes", "to see what gene features add, repeat a recipe's row with another name and gene_features no"
        )


def check_model(model: dict, tables: dict[str | None, GeneFeatures | None], findings: Findings) -> None:
    """A model that reads gene features is used with a table that has them. tables: of each genome, None if unreadable."""
    read = [name for name in model["annotation_features"] if is_gene_feature(name)]
    if not read:
        return
    genome, label = model["genome"], f"{model['atlas']}.{model['level']}.{model['recipe']}"
    fix = (
        "name the table that it was trained with: --gene_features, or the column gene_features of the sheet of genomes"
    )
    if genome not in tables:
        findings.problem(
            "--models", f"{label} reads {len(read):,} gene features, and the genome {genome!r} has no table of them",
            "the table that it was trained with", fix,
        )  # fmt: skip
        return
    table = tables[genome]
    if table is None:
        return
    if lacking := sorted(set(read) - set(table.names)):
        findings.problem(
            "--models", f"{label} reads gene features that the table of the genome {genome!r} lacks: {preview(lacking)}",
            "the table that it was trained with", fix,
        )  # fmt: skip
    elif model.get("gene_features") and table.digest(read) != model["gene_features"]:
        findings.note(
            "--models", f"{label}: the gene features of the genome {genome!r} are not those of training (other values or genes); "
            "the model reads the ones that are given",
        )  # fmt: skip

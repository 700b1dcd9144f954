"""Everything that can be known to be wrong before anything is computed: parameters, sheets, files, and how they fit.

A check never stops another one: what it finds goes into `Findings`, and the user sees all of it in one report.
"""

import json
from pathlib import Path

import pandas as pd

from scxpresso.checks.atlas import check_atlas
from scxpresso.checks.benchmark import check_benchmarks
from scxpresso.checks.downstream_analyses import (
    check_contrast,
    check_samples,
    check_saturate,
    check_sets,
    check_single_files,
    check_use,
)
from scxpresso.checks.external_predictions import check_external_predictions
from scxpresso.checks.external_scores import check_external_scores, read_external_sheet
from scxpresso.checks.findings import Findings
from scxpresso.checks.gene_features import check_gene_features, find_tables
from scxpresso.checks.genome import check_folds, check_genome, check_held_out
from scxpresso.checks.models import check_genomes_of_models, read_models
from scxpresso.checks.params import check_options, check_params
from scxpresso.checks.plan import run_plan
from scxpresso.checks.populations import read_populations
from scxpresso.checks.recipes import check_analysed, check_models, read_recipes
from scxpresso.checks.sheets import Request, check_genome_names, read_sheet, single_genome
from scxpresso.checks.tissues import note_tissues
from scxpresso.checks.variant_map import check_map_size, check_used_maps
from scxpresso.expression.grouping import WHOLE
from scxpresso.genome.transcript import Transcript


def preflight(content: dict, folder: Path, schemas: Path) -> tuple[Findings, dict]:
    """Check a request (see bin/preflight.py) whose staged paths are relative to `folder`; bad input raises nothing.

    Returns what was found, and what main.nf is to run if nothing is wrong (see plan.py).
    """
    findings = Findings()
    request = Request(content, folder)
    schema = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in schemas.glob("*.json")}
    params = check_params(content["params"], schema["nextflow_schema"], findings)
    check_options(params, findings)

    atlases = read_sheet("input", "atlas", request, schema["schema_atlases"], findings)
    if params["genomes"] is None:
        genomes = single_genome(request, params, schema["schema_genomes"], findings)
    else:
        genomes = read_sheet("genomes", "genome", request, schema["schema_genomes"], findings)
    tables = find_tables(request, params, schema["schema_genomes"], genomes, findings)

    names = schema["schema_genomes"]["$defs"]["name"]
    models = read_models(request, params, names, findings)
    with_table = [
        row.values["atlas"] for row in atlases if row.values.get("genome") in tables and "atlas" in row.values
    ]
    recipes = read_recipes(request, params, schema["schema_recipes"], findings, with_table)
    plan = run_plan(recipes, models, params, bool(tables))
    params |= plan["widest"]

    sets = read_sheet("variants", "set", request, schema["schema_variants"], findings)
    benchmarks = read_sheet("benchmark", "benchmark", request, schema["schema_benchmark"], findings)
    samples = read_sheet("predict", "sample", request, schema["schema_predict"], findings)
    predictions = read_sheet(
        "external_predictions", "table of predictions", request, schema["schema_external_predictions"], findings
    )
    scores = read_external_sheet(request, schema["schema_external_scores"], findings)
    check_genome_names(atlases + sets + samples + scores, genomes, findings)
    check_genomes_of_models(models, genomes, findings)

    genes: dict[str | None, list[Transcript]] = {}
    folds: dict[tuple[str | None, str], pd.Series] = {}
    for row in genomes:
        chosen = genes[row.values.get("genome")] = check_genome(row, params, findings)
        for method in plan["fold_methods"] if chosen else ():
            fold = check_folds(row, chosen, params | {"fold_method": method}, findings)
            if fold is not None:
                folds[row.values.get("genome"), method] = fold
    check_gene_features(tables, genes, recipes, models, params, findings)
    atlas_names = [row.values.get("atlas") for row in atlases]
    for row in atlases:
        check_atlas(row, genes.get(row.values.get("genome"), []), params, findings)
        used = {
            one["fold_method"] for one in plan["recipes"] if row.values.get("atlas") in (one["atlases"] or atlas_names)
        }
        for (genome, method), fold in folds.items():
            if row.genes and method in used and row.values.get("genome") == genome:
                check_held_out(row, fold, method, params["folds"], findings)
    note_tissues(atlases, findings)
    plan["evaluation"]["populations"] = read_populations(
        request, params, schema["schema_populations"], atlases, findings
    )
    check_models(recipes, atlases, findings)
    check_external_predictions(predictions, atlases, recipes, genes, params, findings)
    check_analysed(recipes, models, atlases, sets + samples, params, findings)
    check_use(params, plan, findings)
    check_saturate(request, params, genes, models, atlases, findings)
    check_contrast(params, models, recipes, atlases, findings)
    plan["genes_per_part"] = check_map_size(request, params, genes, models, recipes, atlases, findings)
    check_used_maps(request, params, models, findings)
    check_sets(sets, findings)
    check_samples(samples, params, findings)
    check_external_scores(scores, findings)
    known = {label for model in models for label in model["populations"]}
    known |= {label for row in atlases for labels in row.populations.values() for label in labels}
    known |= {WHOLE for row in atlases if WHOLE in row.values.get("levels", ())}
    check_benchmarks(benchmarks, sets, known, findings)
    check_single_files(request, params, findings)
    return findings, plan

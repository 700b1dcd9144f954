"""Checks of downstream analyses: genes to saturate, populations to compare, variants, motifs, other tools' scores."""

import re

import pandas as pd

from scxpresso.checks.external_scores import is_sheet
from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.checks.genome import check_genome
from scxpresso.checks.recipes import ANALYSES, Recipe
from scxpresso.checks.sheets import Request, missing
from scxpresso.damage import AGAIN, first_fault
from scxpresso.external_scores.comparison import read_external
from scxpresso.genome.promoter_windows import read_windows
from scxpresso.genome.transcript import Transcript
from scxpresso.layouts.opening import EXPECTED, holds_layout
from scxpresso.motifs.matrices import read_motifs
from scxpresso.problems import InputError, Problem, preview
from scxpresso.saturation.selection import find_genes, no_gene, parse_selection, read_gene_list
from scxpresso.text import did_you_mean
from scxpresso.variants.tables import open_source


def check_saturate(
    request: Request,
    params: dict,
    genes: dict[str | None, list[Transcript]],
    models: list[dict],
    atlases: list[Row],
    findings: Findings,
) -> None:
    """Check that every genome has the genes to saturate, and that there is an atlas if highly variable ones are selected."""
    if params["saturate"] is None:
        return
    list_path = request.path(request.source("saturate"))
    try:
        if list_path:
            wanted, variable, everything = read_gene_list(list_path), None, False
        else:
            wanted, variable, everything = parse_selection(params["saturate"])
        if not list_path and re.search(r"[/\\]|\.(txt|tsv|csv|list)$", params["saturate"]):
            found = f"no file {params['saturate']!r}"
            findings.problem("--saturate", found, "a file with one gene per line", "check the spelling, and the folder")
            return
        if not (wanted or variable or everything):
            raise InputError(no_gene("--saturate"))
        for chosen in filter(None, genes.values()):
            table = pd.DataFrame([(one.gene_id, one.gene_name) for one in chosen], columns=["gene_id", "gene_name"])
            find_genes(table, wanted)
    except InputError as error:
        findings.problems += [
            Problem("--saturate", problem.found, problem.expected, problem.fix or "name other genes, or fix the list")
            for problem in error.problems
        ]
        return
    if variable:
        check_variable(models, atlases, findings)


def check_variable(models: list[dict], atlases: list[Row], findings: Findings) -> None:
    """Cells of every atlas whose highly variable genes are asked for."""
    given = {row.values.get("atlas"): row for row in atlases}
    for name in sorted({model["atlas"] for model in models} - given.keys()):
        findings.problem(
            "--saturate", f"highly variable genes of {name!r} without its cells", f"the atlas {name!r} in --input",
            "give --input beside --models, or name genes",
        )  # fmt: skip
    for row in atlases:
        if "counts" in row.paths and not holds_layout(row.paths["counts"]):
            found = "highly variable genes of a table of samples"
            findings.problem(row.file("counts"), found, EXPECTED, "name genes in --saturate, or give an h5ad")


def check_contrast(
    params: dict, models: list[dict], recipes: list[Recipe], atlases: list[Row], findings: Findings
) -> None:
    """Two populations of one model that is analysed."""
    if params["contrast"] is None:
        return
    if params["saturate"] is None:
        findings.problem("--contrast", "given without --saturate", "profiles to compare", "add --saturate")
    wanted = [name.strip() for name in params["contrast"].split(";")]
    if len(set(wanted)) == 1:
        found = f"{wanted[0]!r} twice"
        findings.problem("--contrast", found, "two populations, whose profiles differ", "name another one")
        return
    together = [model["populations"] for model in models]
    together += [
        labels
        for row in atlases
        for level, labels in row.populations.items()
        if any(recipe.analysed and recipe.trains(row.values.get("atlas", ""), level) for recipe in recipes)
    ]
    analysed = models or any(recipe.analysed for recipe in recipes)
    readable = together or any(row.populations for row in atlases)
    if analysed and readable and not any(set(wanted) <= set(labels) for labels in together):
        known = sorted({label for labels in together for label in labels})
        expected = f"two of {preview(known, 30)}" if known else "two populations of a level whose models are analysed"
        near = " ".join(filter(None, (did_you_mean(name, known) for name in wanted if name not in known)))
        findings.problem(
            "--contrast", f"no level has both of {preview(wanted)}", expected, near or "name other populations"
        )


def check_sets(sets: list[Row], findings: Findings) -> None:
    """Files of variants that are of a known kind; their alleles are read by a step of their own, before any training."""
    for row in sets:
        if "file" in row.paths:
            with reading(
                row,
                "file",
                "a VCF, BCF, summary statistics, or a table of the GWAS Catalog or of chrom, pos, ref, alt",
                findings,
            ):
                open_source(row.paths["file"])


def check_samples(samples: list[Row], params: dict, findings: Findings) -> None:
    """Check samples: assemblies with their genes, like genomes, and windows as the models read them."""
    for row in samples:
        if "gtf" in row.text:
            check_genome(row, params, findings)
        elif "fasta" in row.paths:
            with reading(row, "fasta", "a FASTA of windows", findings):
                for _ in read_windows(row.paths["fasta"], params["upstream"], params["downstream"]):
                    pass


def check_single_files(request: Request, params: dict, findings: Findings) -> None:
    """Motifs and scores of other tools, read to their end."""
    for option, expected, read in (
        ("motifs", "motifs in JASPAR or MEME format", read_motifs),
        ("external_scores", "a TSV with the columns variant, gene, model, track, score", read_external),
    ):
        if params[option] is None or (option == "external_scores" and is_sheet(request)):
            continue
        source = request.source(option)
        path = request.path(source)
        row = Row("", {option: str(params[option])}, {}, {option: path} if path else {})
        if path is None:
            findings.problem(
                f"--{option}", missing(source), expected, "check the spelling, and the folder that you are in"
            )
        elif fault := first_fault(path):
            findings.problem(row.file(option), fault, expected, AGAIN)
        else:
            with reading(row, option, expected, findings):
                read(path)


def check_use(params: dict, plan: dict, findings: Findings) -> None:
    """Options that go with others, and something to do for models that were trained before.

    plan: of the run (see plan.py). Motifs are compared with those that networks learn, too.
    """
    if params["models"] is not None and not any(params[name] for name in ANALYSES):
        findings.problem(
            "--models", "given without a downstream analysis",
            "at least one of --saturate, --variants, --predict and --variant_map", "say what the models are used for",
        )  # fmt: skip
    options_with = [(name, ["variants"]) for name in ("external_scores", "haplotypes", "benchmark")]
    if not any(one["network"] in plan["motif_networks"] for one in plan["recipes"] + plan["models"]):
        options_with.append(("motifs", ANALYSES[:2]))
    for name, needed in options_with:
        if params[name] and not any(params[other] for other in needed):
            options = " or ".join(f"--{other}" for other in needed)
            findings.problem(f"--{name}", f"given without {options}", options, f"add it, or leave out --{name}")

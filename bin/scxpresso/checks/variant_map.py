"""Checks of variant maps: the size of those that are to be made, and whether those of an earlier run are of the models."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from scxpresso.checks.findings import Findings, Row
from scxpresso.checks.plan import model_id
from scxpresso.checks.recipes import Recipe
from scxpresso.checks.sheets import Request
from scxpresso.genome.transcript import Transcript
from scxpresso.networks.registry import bases_read
from scxpresso.problems import preview
from scxpresso.text import shown
from scxpresso.variant_map.size import GENES_PER_PART, MapSize

GIGABYTE = 1e9


def check_map_size(
    request: Request,
    params: dict,
    genes: dict[str | None, list[Transcript]],
    models: list[dict],
    recipes: list[Recipe],
    atlases: list[Row],
    findings: Findings,
) -> int:
    """Note how large maps will be, and how long they take; a problem if the disk of the work folder is too small.

    The disk is that of the request, if the request says that it is the work folder's. Returns the most genes of a task.
    """
    if not params["variant_map"]:
        return GENES_PER_PART
    numbers = {name: len(chosen) for name, chosen in genes.items()}
    of_models = [trained_size(model, numbers) for model in models]
    sizes = dict(of_models + list(planned_sizes(recipes, atlases, numbers)))
    for name, size in sizes.items():
        if size is None:
            findings.note("--variant_map", f"{shown(name)} reads no sequence: it has no map")
            continue
        findings.note(
            "--variant_map",
            f"{shown(name)}: {size.genes:,} genes of {size.bases:,} bases; populations: {size.populations:,}; "
            f"networks per gene: {size.networks:,}. This takes about "
            f"{size.bytes / GIGABYTE:,.1f} GB in the work folder, as much in --outdir, and "
            f"{size.cpu_seconds / 3600:,.1f} CPU hours (far more if the network has no incremental form)",
        )
    made = [size for size in sizes.values() if size]
    if sizes and not made:
        findings.problem("--variant_map", "no model that reads sequence", "a model of the promoter", "leave it out")
    needed = sum(size.bytes for size in made)
    free = shutil.disk_usage(request.folder).free if request.content.get("shares_disk") else None
    if free is not None and free < needed:
        findings.problem(
            "--variant_map",
            f"maps of about {needed / GIGABYTE:,.1f} GB, where the work folder's disk has {free / GIGABYTE:,.1f} GB free",
            "room for all maps in the work folder, and as much again for --outdir",
            "choose a work folder on a larger disk (-w), or models of fewer recipes, levels or atlases",
        )  # fmt: skip
    return min((size.genes_per_part for size in made), default=GENES_PER_PART)


def trained_size(model: dict, genes: dict[str | None, int]) -> tuple[str, MapSize | None]:
    """The name of a trained model, and the size of its map; None if it reads no sequence."""
    networks = max((len(files.get("used", ())) for files in model["folds"].values()), default=0)
    window = model["upstream"], model["downstream"]
    return model_id(model), map_size(
        genes.get(model["genome"], 0), model["network"], model.get("inputs", "both"), *window,
        len(model["populations"]), networks,
    )  # fmt: skip


def planned_sizes(
    recipes: list[Recipe], atlases: list[Row], genes: dict[str | None, int]
) -> Iterator[tuple[str, MapSize | None]]:
    """The name of each model that the run trains for downstream analyses, and the size of its map."""
    for row in atlases:
        for level, populations in row.populations.items():
            for recipe in recipes:
                atlas, values = row.values.get("atlas", ""), recipe.values
                if recipe.analysed and recipe.trains(atlas, level):
                    networks = 1 if values["ensemble"] == "best" else values["replicates"]
                    window = values["upstream"], values["downstream"]
                    yield f"{atlas}.{level}.{recipe.name}", map_size(
                        genes.get(row.values.get("genome"), 0), values["network"], values["inputs"], *window,
                        len(populations), networks,
                    )  # fmt: skip


def map_size(
    genes: int, network: str, inputs: str, upstream: int, downstream: int, populations: int, networks: int
) -> MapSize | None:
    """The size of the map of a model with these options; None if it reads no sequence."""
    first, end = bases_read(network, inputs, upstream, downstream)
    return MapSize(genes, end - first, populations, networks) if first < end else None


def check_used_maps(request: Request, params: dict, models: list[dict], findings: Findings) -> None:
    """Check that --use_variant_map has maps, and that each one of a model of --models is of its very networks.

    Where a run trains, its tasks check the maps.
    """
    if params["use_variant_map"] is None:
        return
    where = "--use_variant_map"
    sources = [source for source in request.content["sources"] if source["sheet"] == "use_variant_map"]
    if not sources:
        findings.problem(
            where, f"no map.json in {params['use_variant_map']!r}", "the variant_map/ folder of a run with --variant_map",
            "check the spelling, and the folder that you are in",
        )  # fmt: skip
    if not params["variants"]:
        findings.problem(where, "given without --variants", "--variants", f"add it, or leave out {where}")
    digests = {}
    described = [source for source in request.content["sources"] if source["sheet"] == "models"]
    for source in described:
        path = request.path(source)
        if path is not None and path.is_file():
            content = path.read_bytes()
            digests[_id(path)] = hashlib.sha256(content).hexdigest()
    found = []
    for source in sources:
        path = request.path(source)
        name = _id(path) if path else None
        if name is None or path is None:
            findings.problem(
                source["value"], "nothing that can be read", "the map.json of a map", "copy the folder again"
            )
            continue
        found.append(name)
        recorded = json.loads(path.read_text(encoding="utf-8")).get("model_sha256")
        if name in digests and recorded != digests[name]:
            findings.problem(
                source["value"],
                f"a variant map of other networks than the model {shown(name)} of --models has",
                "the map that was made of this model",
                f"leave out {where}, or make the map again with --variant_map",
            )
    known = {model_id(model) for model in models}
    if models and found and not known & set(found):
        findings.problem(
            where, f"maps of {preview(sorted(found))}, and of none of the models", f"a map of {preview(sorted(known))}",
            f"leave out {where}",
        )  # fmt: skip


def _id(path: Path) -> str | None:
    """The name of the model that a model.json or map.json is of; None where it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return model_id({"recipe": content.get("network"), **content})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None

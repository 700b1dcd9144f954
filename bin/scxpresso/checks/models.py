"""Checks of models that were trained before, against each other and against the genomes that are given."""

import json

from jsonschema import Draft202012Validator

from scxpresso.checks.findings import Findings, Row
from scxpresso.checks.schemas import misfit
from scxpresso.checks.sheets import Request
from scxpresso.expression.targets import MEAN
from scxpresso.networks.description import unfit_keys, with_further_targets
from scxpresso.networks.registry import INPUTS, NETWORKS, TASKS
from scxpresso.problems import preview

EXPECTED = "the model.json of a models/<atlas>/<level>/<recipe>/ folder of this pipeline"


def read_models(request: Request, params: dict, names: dict, findings: Findings) -> list[dict]:
    """Every model.json of --models; none without the option. names: what a file name may be, as a schema.

    A model of 0.1 names no recipe: it has that of its network's name.
    """
    if params["models"] is None:
        return []
    sources = [source for source in request.content["sources"] if source["sheet"] == "models"]
    if not sources:
        findings.problem(
            "--models", f"no model.json in {params['models']!r}", "the models/ folder of an earlier run, or a part of it",
            "check the spelling, and the folder that you are in",
        )  # fmt: skip
    models = []
    for source in sources:
        path = request.path(source)
        try:
            content = json.loads(path.read_text(encoding="utf-8") if path else "")
            wrong = unfit_keys(content)
        except (OSError, ValueError, AttributeError) as error:
            findings.problem(source["value"], f"nothing that can be read ({error})", EXPECTED, "copy the folder again")
            continue
        if wrong:
            findings.problem(source["value"], f"no {preview(wrong)}", EXPECTED, "take a models/ folder of this version")
            continue
        content.setdefault("recipe", content["network"])
        if problem := with_further_targets(source["value"], content.get("targets", [MEAN])):
            findings.problems.append(problem)
        check_names(source["value"], content, names, findings)
        check_networks(source, content, findings)
        models.append(content)
    check_names_once(models, findings)
    return models


def check_names(where: str, content: dict, schema: dict, findings: Findings) -> None:
    """Names that become names of files are safe ones; what the networks are is known."""
    for key in ("atlas", "level", "genome", "network", "recipe"):
        for error in Draft202012Validator(schema).iter_errors(content[key]):
            findings.problems.append(misfit(f"{where}, {key!r}", content[key], error, "train the model again"))
    for key, known in (("network", list(NETWORKS)), ("inputs", INPUTS), ("tasks", TASKS)):
        if (value := content.get(key, known[0])) not in known:
            expected = f"one of {preview(known, 20)}"
            findings.problem(f"{where}, {key!r}", repr(value), expected, "use the version that trained the model")


def check_networks(source: dict, content: dict, findings: Findings) -> None:
    """Every network that the model uses is beside it."""
    used = [name for files in content["folds"].values() for name in files.get("used", ())]
    missing = sorted(set(used) - set(source["networks"]))
    if missing or not used:
        found = f"no {preview(missing)} beside it" if used else "no networks"
        findings.problem(source["value"], found, "the networks that it names", "copy the whole folder of the model")


def check_names_once(models: list[dict], findings: Findings) -> None:
    """Each model once, by the name that files have of it."""
    names = [f"{model['atlas']}.{model['level']}.{model['recipe']}" for model in models]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        findings.problem(
            "--models", f"models of the same name: {preview(repeated)}", "each only once", "name one folder"
        )


def check_genomes_of_models(models: list[dict], genomes: list[Row], findings: Findings) -> None:
    """Every model's genome is given, by its name."""
    known = {row.values.get("genome") for row in genomes}
    for name in sorted({model["genome"] for model in models} - known):
        findings.problem(
            "--models", f"models of the genome {name!r}, which is not given", f"one of {preview(sorted(filter(None, known)))}",
            "add it to the sheet of genomes under this name; it has to be the same assembly",
        )  # fmt: skip

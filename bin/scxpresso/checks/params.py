"""Checks of the parameters, by their schema and against each other."""

import re
from collections import Counter
from collections.abc import Iterable

from jsonschema import Draft202012Validator

from scxpresso.checks.findings import Findings
from scxpresso.checks.schemas import coerced, expectation, misfit
from scxpresso.text import did_you_mean, shown


def check_params(given: dict, schema: dict, findings: Findings) -> dict:
    """Parameters by their schema: the valid ones as their types, the default of every other one."""
    groups = schema["$defs"].values()
    rules = {name: rule for group in groups for name, rule in group["properties"].items()}
    for name in unknown_params(given, rules, schema["patternProperties"]):
        near = did_you_mean(name, [f"--{known}" for known in rules])
        findings.problem(f"--{shown(name)}", "no such parameter", "one that --help lists", near or "leave it out")
    defaults = {name: default_of(rule) for name, rule in rules.items()}
    values = {name: coerced(given[name], rule) for name, rule in rules.items() if given.get(name) is not None}
    for name in [name for group in groups for name in group.get("required", ()) if name not in values]:
        findings.problem(f"--{name}", "not given", expectation(rules[name]), f"add --{name}")
    for error in list(Draft202012Validator(schema).iter_errors(values)):
        if error.path:
            name = error.path[0]
            default = defaults[name]
            fix = rules[name]["help_text"] if default is None else f"leave it out to have the default, {default}"
            findings.problems.append(misfit(f"--{name}", given[name], error, fix))
            values[name] = default
    return defaults | values


def default_of(rule: dict) -> object:
    """The default of a parameter. A schema for nf-core names no default that is empty, null or false."""
    return rule.get("default", False if rule["type"] == "boolean" else None)


def unknown_params(given: dict, rules: dict, allowed: Iterable[str]) -> list[str]:
    """Names that the schema lacks. Nextflow may hand `--min-cells` over as `minCells` too: it is named once."""
    unknown = [name for name in given if name not in rules and not any(re.search(rule, name) for rule in allowed)]
    camels = {re.sub(r"-(\w)", lambda found: found[1].upper(), name) for name in unknown if "-" in name}
    return [name for name in unknown if name not in camels]


def network_names(params: dict) -> list[str]:
    """The networks that --network names."""
    return re.split(r"[, ]+", params["network"])


def check_options(params: dict, findings: Findings) -> None:
    """Parameters against each other."""
    if params["input"] is None and params["models"] is None:
        findings.problem(
            "--input", "not given", "a CSV sheet of atlases, one per row",
            "add --input, or --models to use models that were trained before",
        )  # fmt: skip
    for name, times in Counter(network_names(params)).items():
        if times > 1:
            findings.problem("--network", f"{name!r} {times} times", "each network once", "name it once")
    lacking = [f"--{name}" for name in ("fasta", "gtf") if params[name] is None]
    ways = "--genomes SHEET, or --fasta FILE and --gtf FILE together"
    if params["genomes"] is None and lacking:
        where = lacking[0] if len(lacking) == 1 else "--genomes"
        findings.problem(where, "not given", ways, f"add {where}")
    if params["genomes"] is not None and len(lacking) < 2:
        findings.problem(
            "--genomes", "given beside --fasta or --gtf", ways,
            "leave one of them out (--genomes may come from a profile such as test, or from a params file)",
        )  # fmt: skip
    if params["device"] == "auto":
        findings.note("--device", "auto: tasks that train or use networks take a GPU where they find one, else the CPU")

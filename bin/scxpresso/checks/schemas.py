"""Validation of single values against their JSON Schema, with messages in plain words."""

import re

from jsonschema import ValidationError

from scxpresso.problems import Problem, preview
from scxpresso.text import did_you_mean


def coerced(value: object, rule: dict) -> object:
    """Convert a value to the type in its schema, if its text can be read so; Nextflow passes text or numbers."""
    kind, text = rule.get("type"), str(value)
    if value is True and kind != "boolean":
        return value  # an option without a value
    if kind == "integer":
        return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else text
    if kind == "number":
        return float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "array":
        return [item.strip(" ") for item in text.split(";") if item.strip(" ")]
    return text


def expectation(rule: dict) -> str:
    """Describe in words what a schema allows."""
    if "errorMessage" in rule:
        return rule["errorMessage"]
    if "enum" in rule:
        return f"one of {preview(rule['enum'], 20)}"
    kind = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}[rule["type"]]
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    within = [f"{words} {rule[limit]:,}" for limit, words in limits.items() if limit in rule]
    return f"{kind}, {' and '.join(within)}" if within else kind


def misfit(where: str, given: object, error: ValidationError, fix: str) -> Problem:
    """Convert an error of jsonschema to a problem."""
    text = error.instance if isinstance(error.instance, str) else str(given)
    found = "no value" if given is True else repr(text if len(text) <= 200 else f"{text[:200]}…")
    near = did_you_mean(given, error.schema.get("enum", ()))
    return Problem(where, found, expectation(error.schema), f"{near} {fix}".strip())

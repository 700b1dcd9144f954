"""Checks of the sheet of populations: which populations of two atlases are the same."""

from collections import defaultdict

from scxpresso.checks.findings import Findings, Row
from scxpresso.checks.sheets import Request, read_sheet
from scxpresso.expression.grouping import WHOLE
from scxpresso.problems import preview
from scxpresso.text import did_you_mean, shown

COLUMNS = ["atlas", "level", "population", "name"]


def read_populations(
    request: Request, params: dict, schema: dict, atlases: list[Row], findings: Findings
) -> list[dict[str, str]]:
    """Read --populations: rows of COLUMNS whose populations the atlases have, each once."""
    if params["populations"] is None:
        return []
    if params["models"] is not None:
        findings.note("--populations", "not used: with --models, nothing is trained and evaluated")
        return []
    rows = read_sheet("populations", "population of an atlas", request, schema, findings)
    rows = [row for row in rows if all(column in row.values for column in COLUMNS)]
    of_atlas = {row.values["atlas"]: row for row in atlases if "atlas" in row.values}
    known = [row for row in rows if of_atlas and check_population(row, of_atlas, findings)]
    first: dict[tuple, Row] = {}
    for row in known:
        key = tuple(row.values[column] for column in COLUMNS[:3])
        if key in first:
            found = f"{row.values['population']!r}, as in {first[key].place.rsplit(', ', 1)[1]}"
            findings.problem(row.at("population"), found, "each population of an atlas once", "remove one of the rows")
        first.setdefault(key, row)
    note_unmatched(known, of_atlas, findings)
    return [{column: row.values[column] for column in COLUMNS} for row in first.values()]


def check_population(row: Row, atlases: dict[str, Row], findings: Findings) -> bool:
    """Check atlas, level and label of a row; return whether all three are known.

    atlases: rows of the sheet of atlases, by name.
    """
    atlas, level, population = (row.values[column] for column in COLUMNS[:3])
    if atlas not in atlases:
        return unknown(row, "atlas", "atlas", list(atlases), findings)
    levels = atlases[atlas].values.get("levels", [])
    if level not in levels:
        return unknown(row, "level", f"level of the atlas {atlas}", levels, findings)
    labels = [WHOLE] if level == WHOLE else atlases[atlas].populations.get(level)
    if labels is not None and population not in labels:
        return unknown(row, "population", f"population of the level {level} (or it is excluded)", labels, findings)
    return labels is not None


def unknown(row: Row, column: str, what: str, known: list[str], findings: Findings) -> bool:
    """Report a cell that names nothing that is known; return False."""
    value = row.values[column]
    fix = did_you_mean(value, known) or "correct it, or remove the row"
    findings.problem(row.at(column), f"{value!r} is no {what}", f"one of {preview(known, 20)}", fix)
    return False


def note_unmatched(rows: list[Row], atlases: dict[str, Row], findings: Findings) -> None:
    """Note names that only populations of one atlas have: they match nothing."""
    having = defaultdict(set)
    for row in rows:
        having[row.values["name"]].add(row.values["atlas"])
    for atlas, row in atlases.items():
        for labels in row.populations.values():
            for name in having.keys() & set(labels):
                having[name].add(atlas)
    for name in sorted(name for name, found in having.items() if len(found) == 1):
        findings.note(
            "--populations", f"the name {shown(name)} is that of populations of one atlas only: nothing matches"
        )

"""Checks of measured effects of variants: their tables, and the sets that have their variants."""

from collections.abc import Collection

from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.problems import preview
from scxpresso.text import did_you_mean
from scxpresso.variants.measured import EXPECTED, read_measured


def check_benchmarks(rows: list[Row], sets: list[Row], known: Collection[str], findings: Findings) -> None:
    """Check every row of --benchmark. known: populations of all levels, as far as they are known."""
    names = [row.values["set"] for row in sets if "set" in row.values]
    for row in rows:
        name = row.values.get("set")
        if name and names and name not in names:
            near = did_you_mean(name, names) or "name one of them"
            findings.problem(row.at("set"), f"no set {name!r} in --variants", f"one of {preview(names, 20)}", near)
        if "file" not in row.paths:
            continue
        with reading(row, "file", EXPECTED, findings):
            measured = {one.population for one in read_measured(row.paths["file"])}
            if known and (others := sorted(measured - set(known) - {""})):
                findings.note(
                    row.at("file"),
                    f"measured in {preview(others)}, which no level has as a population: compared with every population",
                )

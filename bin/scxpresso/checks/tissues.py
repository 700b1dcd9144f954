"""Checks of the column tissue in the sheet of atlases."""

from collections import Counter

from scxpresso.checks.findings import Findings, Row
from scxpresso.text import shown


def note_tissues(rows: list[Row], findings: Findings) -> None:
    """Note tissues that a single row of a genome has: nothing is compared."""
    named = [(row.values.get("tissue"), row.values.get("genome")) for row in rows]
    times = Counter(named)
    for row, key in zip(rows, named, strict=True):
        if key[0] is not None and times[key] == 1:
            findings.note(
                row.atlas, f"no other row of its genome has the tissue {shown(key[0])}: nothing to compare it with"
            )

"""Checks of other tools' scores: a table, or a sheet of files in the tools' own formats."""

from itertools import islice

from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.checks.sheets import Request, read_sheet
from scxpresso.damage import DAMAGE
from scxpresso.external_scores.importing import read_scores
from scxpresso.external_scores.liftover import EXPECTED as CHAIN
from scxpresso.external_scores.liftover import Chains
from scxpresso.files import open_text

READ = 1000  # scores of a file that are read; import_scores.py reads the rest before anything is trained


def is_sheet(request: Request) -> bool:
    """Tell whether --external_scores names a sheet of files, rather than a table of scores."""
    path = request.path(request.source("external_scores"))
    try:
        with open_text(path) as file:  # type: ignore[arg-type]  # None is a TypeError
            return "file" in [name.strip(' "\ufeff') for name in file.readline(10_000).rstrip("\n").split(",")]
    except (*DAMAGE, TypeError):
        return False


def read_external_sheet(request: Request, schema: dict, findings: Findings) -> list[Row]:
    """Rows of the sheet of other tools' files; none without one."""
    return read_sheet("external_scores", "tool", request, schema, findings) if is_sheet(request) else []


def check_external_scores(rows: list[Row], findings: Findings) -> None:
    """Files whose format is known, that have the wanted tracks; and chains."""
    for row in rows:
        if "file" in row.paths:
            expected = "scores of variants by another tool"
            with reading(row, "file", expected, findings):
                settings = [row.values.get(name) for name in ("format", "tracks", "score")]
                for _ in islice(read_scores(row.paths["file"], *settings), READ):
                    pass
        if "chain" in row.paths:
            with reading(row, "chain", CHAIN, findings):
                Chains(row.paths["chain"])

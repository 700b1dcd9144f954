"""What the checks find: problems that the user has to fix, and notes of what was decided for the user."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scxpresso.damage import AGAIN, damage, gzip_fault
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown


@dataclass
class Findings:
    """problems: what the user has to fix. notes: what was decided for the user, {"where", "message"}."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def problem(self, where: str, found: str, expected: str, fix: str = "") -> None:
        """Something to fix; see problems.Problem."""
        self.problems.append(Problem(where, found, expected, fix))

    def note(self, where: str, message: str) -> None:
        """Something that was decided for the user."""
        self.notes.append({"where": where, "message": message})

    def report(self) -> str:
        """Every problem once, in the order of the checks; '' when there are none."""
        problems = list(dict.fromkeys(map(str, self.problems)))
        title = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} to fix before anything is run:"
        return "\n\n".join([title, *problems]) + "\n" if problems else ""


@dataclass
class Row:
    """A row of a sheet. place: how messages name it; '' if --fasta and --gtf replace the sheet.

    text: cells as they were written. values: those that agree with the schema. paths: files that were found. populations:
    of an atlas, those that each level keeps. genes: of an atlas, gene_ids of the annotation that it has.
    """

    place: str
    text: dict[str, str] = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    populations: dict[str, list[str]] = field(default_factory=dict)
    genes: list[str] = field(default_factory=list)

    def at(self, column: str) -> str:
        """How messages name a cell."""
        return f"{self.place}, column {column}" if self.place else f"--{column}"

    def file(self, column: str) -> str:
        """How messages name the file of a cell."""
        return f"{self.at(column)}, file {self.text[column]!r}"

    def placed(self, column: str, problem: Problem) -> Problem:
        """A problem that a reader raised, with sheet, row and column before what the reader knew of the place."""
        if problem.where.startswith("column "):
            where = self.at(problem.where.removeprefix("column "))
        else:
            path = self.paths[column]
            place = problem.where.removeprefix(str(path)).removeprefix(path.name).removeprefix("counts").lstrip(", ")
            where = self.file(column) + (f" ({place})" if place else "")
        return Problem(where, problem.found, problem.expected, problem.fix or f"fix the file, or {AGAIN}")

    @property
    def genome(self) -> str:
        """How notes name the genome of this row."""
        return f"genome {shown(self.values['genome'])}" if "genome" in self.values else self.place or "--gtf"

    @property
    def atlas(self) -> str:
        """How notes name the atlas of this row."""
        return f"atlas {self.values['atlas']}" if "atlas" in self.values else self.place


@contextmanager
def reading(row: Row, column: str, expected: str, findings: Findings) -> Iterator[None]:
    """Whatever goes wrong with the file of this cell becomes a problem of the cell, and the next check goes on."""
    path = row.paths[column]
    try:
        yield
    except Exception as error:  # a damaged file may break any reader in any way
        if isinstance(error, InputError) and not gzip_fault(path):
            findings.problems += [row.placed(column, problem) for problem in error.problems]
        else:
            findings.problem(row.file(column), damage(path, error), expected, AGAIN)

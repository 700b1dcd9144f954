"""Problems of the input, and how messages describe them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A problem of the input: where it is, what was found there, what was expected, and how to fix it."""

    where: str
    found: str
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.found}", f"    expected:   {self.expected}"]
        if self.fix:
            lines.append(f"    how to fix: {self.fix}")
        return "\n".join(lines)


class InputError(Exception):
    """One or more problems of the input; an executable prints them and exits with status 1."""

    def __init__(self, *problems: Problem):
        self.problems = list(problems)
        super().__init__("\n".join(map(str, problems)))

    def __reduce__(self) -> tuple:
        """As it is made: it may come from another process."""
        return type(self), tuple(self.problems)


def preview(items: Iterable[object], count: int = 5) -> str:
    """List the first items for a message: `'a', 'b', … (7 in all)`; control characters are escaped."""
    items = list(items)
    shown = ", ".join(repr(str(item)) for item in items[:count])
    return shown if len(items) <= count else f"{shown}, … ({len(items):,} in all)"

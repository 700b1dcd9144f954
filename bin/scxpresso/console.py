"""What an executable tells its user: progress, and problems in one clear message."""

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scxpresso.problems import InputError

_START = time.monotonic()


WARNING = "WARNING "


def log(message: str) -> None:
    """A plain line on stderr with the seconds since the start.

    One that begins with WARNING also goes to the file that SCXPRESSO_WARNINGS names, as the pipeline's tasks have it: from
    there it comes into the report and to the end of the run.
    """
    print(f"[{time.monotonic() - _START:7.1f} s] {message}", file=sys.stderr, flush=True)
    file = os.environ.get("SCXPRESSO_WARNINGS")
    if file and message.startswith(WARNING):
        with open(file, "a", encoding="utf-8") as lines:
            lines.write(" ".join(message.removeprefix(WARNING).split()) + "\n")


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, plain lines otherwise; the function it gives counts one step and shows a message."""
    if not sys.stderr.isatty():
        yield log
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda message: bar.update(task, advance=1, description=message)


def reports_problems(command: Callable) -> Callable:
    """An InputError of the command becomes its message on stderr and exit status 1, without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except InputError as error:
            print(f"ERROR\n{error}", file=sys.stderr)
            sys.exit(1)

    return wrapped

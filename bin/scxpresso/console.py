"""Messages of the executables: progress on stderr, and problems in one clear message."""

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scxpresso.cpus import limit_threads
from scxpresso.problems import InputError

_START = time.monotonic()


WARNING, NOTE = "WARNING ", "NOTE "  # something to look at, and something that was decided for the user


def log(message: str) -> None:
    """Print a line to stderr with the seconds since the start.

    A line that begins with WARNING or NOTE is also appended to the file that SCXPRESSO_WARNINGS names, notes with their
    NOTE. The pipeline's tasks set it: such lines are shown in the report and at the end of the run.
    """
    print(f"[{time.monotonic() - _START:7.1f} s] {message}", file=sys.stderr, flush=True)
    file = os.environ.get("SCXPRESSO_WARNINGS")
    if file and message.startswith((WARNING, NOTE)):
        with open(file, "a", encoding="utf-8") as lines:
            lines.write(" ".join(message.removeprefix(WARNING).split()) + "\n")


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[str], None]]:
    """Show progress: a bar on a terminal, plain lines otherwise.

    Yields
    ------
    A function that counts one step and shows a message.
    """
    if not sys.stderr.isatty():
        yield log
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda message: bar.update(task, advance=1, description=message)


def reports_problems(command: Callable) -> Callable:
    """Make a command print an InputError to stderr and exit with status 1, without a traceback.

    Libraries that the command loads start as many threads as its `threads`, one if it has no such option.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        threads = limit_threads(kwargs.get("threads", 1))
        if "threads" in kwargs:
            kwargs["threads"] = threads
        try:
            return command(*args, **kwargs)
        except InputError as error:
            print(f"ERROR\n{error}", file=sys.stderr)
            sys.exit(1)

    return wrapped

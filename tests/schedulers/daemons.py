"""Starting, asking and stopping the programs of a scheduler."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


def program(name: str) -> str:
    """Where a program is; daemons are in folders that only root's PATH has."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed: see the Makefile's targets test-slurm and test-sge"
    return found


def call(name: str, *options, env: dict[str, str]) -> str:
    """What a program prints, without the last line's end."""
    command = [program(name), *map(str, options)]
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def until(holds: Callable[[], bool], seconds: float, explain: Callable[[], str]) -> None:
    """Wait for something to hold; after so many seconds fail with an explanation."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.2)


@contextmanager
def told_to_end():
    """Meanwhile a request to end (SIGTERM) interrupts as Ctrl-C does, so that what was started is stopped."""
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def stop(pid_file: Path, seconds: float = 20) -> None:
    """End the daemon that wrote its process id to a file, by force if it does not go."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)

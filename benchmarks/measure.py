"""Run processes, and measure their time and memory."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Taken:
    """seconds: wall time. cpu: CPU seconds over all cores. memory: peak, in GB."""

    seconds: float
    cpu: float
    memory: float


def run(command: Sequence, status: int = 0, **environment: str) -> Taken:
    """Run a process that should end with this status. Raises RuntimeError with its standard error if it does not."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )
    messages = process.stderr.read()
    _, ended, usage = os.wait4(process.pid, 0)
    taken = Taken(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)
    process.returncode = os.waitstatus_to_exitcode(ended)
    if process.returncode != status:
        raise RuntimeError(f"{command} ended with status {process.returncode}\n{messages.decode()}")
    return taken


def available_memory() -> float:
    """Return the GB of memory that are available without swapping (Linux)."""
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024 / 1e9

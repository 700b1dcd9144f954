"""The CPUs that a process may use, and the number of threads of the libraries that are loaded after this module."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

# What libraries read when they are loaded: OpenMP, OpenBLAS and MKL the first, numba the second.
VARIABLES = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
_SET_BY_USER = frozenset(VARIABLES) & os.environ.keys()


def limit_threads(threads: int) -> int:
    """Let libraries that are loaded from now on start this many threads, unless the user's environment says how many.

    Returns
    -------
    The number of threads: no more than the CPUs that the process may use.
    """
    allowed = min(threads, available_cpus())
    os.environ.update({name: str(allowed) for name in VARIABLES if name not in _SET_BY_USER})
    return allowed


def available_cpus(root: Path = Path("/")) -> int:
    """Count the CPUs that the process may use: those that it may run on, or the quota of its control groups if lower.

    A machine's number of CPUs is neither: schedulers and containers give a process fewer. A quota of 1.5 CPUs counts as 2.
    """
    runs_on = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([runs_on, *(max(1, math.ceil(quota)) for quota in _quotas(root))])


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quota, in CPUs, of each control group of the process that has one (cgroup v1 and v2)."""
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for mount in (controllers, "cpu") if controllers else ("", "unified"):
            top = root / "sys" / "fs" / "cgroup" / mount
            group = top / path.lstrip("/")
            # A group is limited by those above it. A container may see its own at the top, and not under its path.
            for folder in (group, *group.parents[: len(group.parts) - len(top.parts)]):
                yield from _quota(folder)


def _quota(group: Path) -> Iterator[float]:
    """Yield the quota of one control group, if it has one."""
    limit, period = [*_text(group / "cpu.max").split(), "", ""][:2]
    if not limit:
        limit, period = _text(group / "cpu.cfs_quota_us").strip(), _text(group / "cpu.cfs_period_us").strip()
    if limit.isdecimal() and period.isdecimal():  # not "max" or -1, which mean none
        yield int(limit) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

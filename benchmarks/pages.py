"""Write the tables of benchmarks, and the machine that they ran on, into README.md and docs/."""

import os
from importlib.metadata import version
from pathlib import Path
from platform import machine, python_version
from textwrap import wrap

from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

ROOT = Path(__file__).resolve().parent.parent
LINE_LENGTH = 120  # of Markdown
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("evidence", "performance", "running", "science")),
]


def write(benchmark: str, lines: list[str]) -> None:
    """Print Markdown and the machine, and insert both into each page that has a place for them.

    A place begins with `<!-- {benchmark} writes this -->` and ends with `<!-- end -->`. benchmark: the command.
    """
    text = "\n".join([*lines, "", *wrap(f"*{this_machine()}*", LINE_LENGTH)]) + "\n"
    print(text, end="")
    comment = f"<!-- {benchmark} writes this -->\n"
    for page in PAGES:
        before, found, after = page.read_text().partition(comment)
        if found:
            page.write_text(before + comment + text + after[after.index("<!-- end -->") :])


def this_machine() -> str:
    """Describe the machine: processor, generation, vector instructions, cores, memory, versions of numerical libraries."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    generation = ", ".join(filter(None, (get_host_cpu_name(), vector_instructions())))
    return (
        f"{names[0] if names else machine()} ({generation}), {os.cpu_count()} cores, {memory:.0f} GB of memory, "
        f"Python {python_version()}, {versions}"
    )


def vector_instructions() -> str:
    """Name the widest vector instructions of this processor, AVX-512 or AVX2; empty for other processors."""
    features = get_host_cpu_features()
    return next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if features.get(flag)), "")


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []

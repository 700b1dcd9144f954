"""What benchmarks write: the README's tables, and the sections of docs/performance.md with the machine that they ran on."""

import os
from importlib.metadata import version
from pathlib import Path
from platform import machine, python_version

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PERFORMANCE = ROOT / "docs" / "performance.md"


def write_table(benchmark: str, lines: list[str]) -> None:
    """Print a Markdown table and put it below the README's comment `<!-- {benchmark} writes this table -->`."""
    print("\n".join(lines))
    comment = f"<!-- {benchmark} writes this table -->\n"
    before, after = README.read_text().split(comment)
    README.write_text(before + comment + "\n".join(lines) + "\n\n" + after.split("\n\n", 1)[1])


def write_section(benchmark: str, lines: list[str]) -> None:
    """Print Markdown and put it into docs/performance.md, from `<!-- {benchmark} writes the rest … -->` to the next heading."""
    text = "\n".join([*lines, "", f"This machine: {this_machine()}."]) + "\n"
    print(text, end="")
    comment = f"<!-- {benchmark} writes the rest of this section -->\n"
    before, after = PERFORMANCE.read_text().split(comment)
    _, heading, others = after.partition("\n## ")
    PERFORMANCE.write_text(before + comment + text + heading + others)


def this_machine() -> str:
    """Processor, cores, memory, and the versions of what computes."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    return (
        f"{names[0] if names else machine()}, {os.cpu_count()} cores, {memory:.0f} GB of memory, "
        f"Python {python_version()}, {versions}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []

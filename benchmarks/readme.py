"""The README's tables, each between its comment and the next blank line, written by the benchmark that the comment names."""

from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def write_table(benchmark: str, lines: list[str]) -> None:
    """Print a Markdown table and put it below the README's comment `<!-- {benchmark} writes this table -->`."""
    print("\n".join(lines))
    comment = f"<!-- {benchmark} writes this table -->\n"
    before, after = README.read_text().split(comment)
    README.write_text(before + comment + "\n".join(lines) + "\n\n" + after.split("\n\n", 1)[1])

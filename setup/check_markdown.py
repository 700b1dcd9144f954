#!/usr/bin/env python3
"""Check that no line of the Markdown files given has more than 120 characters, so that a diff shows what changed.

Rows of tables may be longer, and so may a line that is a single word, such as an address: neither can be broken.
"""

import re
import sys
from pathlib import Path

MAX_LENGTH = 120


def is_too_long(line: str) -> bool:
    """Whether a line is too long and could be broken."""
    text = re.sub(r"^\s*([-*>]|\d+\.)?\s*", "", line)
    return len(line) > MAX_LENGTH and not line.lstrip().startswith("|") and " " in text


def main(paths: list[str]) -> int:
    """Print each line that is too long; the number of them is the exit status, at most 1."""
    found = [
        f"{path}:{number}: {len(line)} characters, at most {MAX_LENGTH}: break the line"
        for path in paths
        for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1)
        if is_too_long(line)
    ]
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

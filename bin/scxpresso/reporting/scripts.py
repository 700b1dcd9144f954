"""The script of the page: the ES modules of assets/report/scripts, joined into one.

A browser loads no modules from a file:// address, but the page must open with a double click. So each module becomes a
function that returns the exports of the module, and runs after those that it imports. Modules must have a simple form:
`import "./a.js";` or `import { b, c } from "./a.js";` at the start of a line, and `export function` or `export const`.
"""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from posixpath import normpath

IMPORT = re.compile(r'^import (?:(\{[\w$, ]+\}) from )?"(\.{1,2}/[\w./-]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:function|const) (\w+))", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def join_modules(folder: Path, entries: Iterable[str]) -> str:
    """Join modules and all their imports into one script that runs each module once.

    Parameters
    ----------
    folder
        Folder of the modules.
    entries
        Names of modules below `folder`, in the order in which they run.

    Raises
    ------
    ValueError
        If a module uses another form of import or export, or if modules import each other.
    """
    joined: dict[str, str] = {}

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise ValueError(f"{folder}: modules import each other: {' -> '.join([*importers, name])}")
        if name in joined:
            return
        source = (folder / name).read_text(encoding="utf-8")
        for _, path in IMPORT.findall(source):
            add(resolve(name, path), (*importers, name))
        joined[name] = as_function(name, source)

    for entry in entries:
        add(entry, ())
    return "\n".join(['(() => {\n"use strict";\nconst modules = {};', *joined.values(), "})();"])


def resolve(importer: str, path: str) -> str:
    """Return the name of a module that `importer` imports from `path`."""
    return normpath(PurePosixPath(importer).parent / path)


def as_function(name: str, source: str) -> str:
    """Return a statement that runs a module and stores its exports as modules[name]."""

    def local_names(found: re.Match) -> str:
        names, path = found.groups()
        return f'const {names} = modules["{resolve(name, path)}"];' if names else ""

    body = EXPORT.sub("", IMPORT.sub(local_names, source))
    left = LEFT.search(body)
    if left:
        raise ValueError(f"{name}: cannot be joined to a page: {left[0]}")
    return f'modules["{name}"] = (() => {{\n{body}return {{ {", ".join(EXPORT.findall(source))} }};\n}})();'

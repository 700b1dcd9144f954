"""The report's ES modules, joined to one script."""

import re

import pytest
from test_report import TEMPLATE

from scxpresso.reporting.scripts import EXPORT, IMPORT, join_modules, resolve

SCRIPTS = TEMPLATE / "scripts"
ENTRIES = ["main.js", "trained.js", "bulk.js", "motifs.js", "saturation.js", "variants.js"]


@pytest.fixture
def write(tmp_path):
    def write(**sources: str):
        (tmp_path / "shared").mkdir()
        for name, source in sources.items():
            (tmp_path / f"{name.replace('_', '/')}.js").write_text(source)
        return tmp_path

    return write


def test_each_module_runs_once_after_what_it_imports(write):
    folder = write(
        main='import { b } from "./shared/b.js";\nimport "./shared/c.js";\nb();\n',
        shared_b='import { C } from "./c.js";\nexport function b() {\n  return C;\n}\n',
        shared_c="export const C = 1;\nconst D = 2;\n",
    )
    assert join_modules(folder, ["main.js", "shared/c.js"]).splitlines() == [
        "(() => {", '"use strict";', "const modules = {};",
        'modules["shared/c.js"] = (() => {', "const C = 1;", "const D = 2;", "return { C };", "})();",
        'modules["shared/b.js"] = (() => {', 'const { C } = modules["shared/c.js"];', "function b() {", "  return C;",
        "}", "return { b };", "})();",
        'modules["main.js"] = (() => {', 'const { b } = modules["shared/b.js"];', "", "b();", "return {  };", "})();",
        "})();",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "export let a = 1;", "export default 1;", "export { a };", 'import a from "./a.js";', 'import * as a from "./a.js";',
        'import { a as b } from "./shared/../main.js"; // why',
    ],
)  # fmt: skip
def test_other_forms_are_refused(write, line):
    with pytest.raises(ValueError, match=r"main\.js: cannot be joined to a page: " + re.escape(line)):
        join_modules(write(main=f"const a = 1;\n{line}\n"), ["main.js"])


def test_modules_that_import_each_other_are_named(write):
    folder = write(main='import "./shared/b.js";\n', shared_b='import "./c.js";\n', shared_c='import "./b.js";\n')
    with pytest.raises(
        ValueError, match=r"import each other: main\.js -> shared/b\.js -> shared/c\.js -> shared/b\.js"
    ):
        join_modules(folder, ["main.js"])


def test_every_module_is_in_the_page_and_every_export_is_imported():
    joined = join_modules(SCRIPTS, ENTRIES)
    exported, imported = set(), set()
    for path in SCRIPTS.rglob("*.js"):
        name, source = path.relative_to(SCRIPTS).as_posix(), path.read_text(encoding="utf-8")
        assert f'modules["{name}"] = ' in joined, name
        exported |= {(name, export) for export in EXPORT.findall(source)}
        for names, module in IMPORT.findall(source):
            imported |= {(resolve(name, module), word) for word in re.findall(r"[\w$]+", names)}
    assert exported == imported

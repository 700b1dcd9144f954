"""What holds for every executable of bin/ and every module that they share."""

import ast
import os
import resource
import subprocess
import sys

import pytest
from conftest import ROOT

EXECUTABLES = sorted((ROOT / "bin").glob("*.py"))
SOURCES = EXECUTABLES + sorted((ROOT / "bin" / "scxpresso").rglob("*.py"))


@pytest.fixture
def run_quickly(run_cli):
    """run_cli, and that the process takes less than a second of CPU: torch alone takes more, however idle the machine."""

    def run(*command):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = run_cli(*command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
        return done

    return run


@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_help_is_quick_and_shows_an_example(path, run_quickly):
    shown = run_quickly(path.name, "--help")
    assert shown.returncode == 0
    assert f"{path.name} --" in " ".join(shown.stdout.split())
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_a_wrong_option_is_an_error_at_once(path, run_quickly):
    wrong = run_quickly(path.name, "--no-such-option")
    assert wrong.returncode == 2 and "No such option" in wrong.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_imports_are_of_the_form_that_the_fingerprint_reads(path):
    """functions/scripts.nf follows `from scxpresso.part.x import y`; any other form would hide a module from -resume."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.split(".")[0] == "scxpresso" for name in node.names)
            assert not any(name.name == "pickle" for name in node.names)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "scxpresso":
            module = ROOT / "bin" / (node.module.replace(".", "/") + ".py")
            assert module.exists() or [name.name for name in node.names] == ["__version__"]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, "passive 3000"),
        ({"OMP_WAIT_POLICY": "active"}, "active None"),
        ({"OMP_WAIT_POLICY": "passive"}, "passive None"),
        ({"GOMP_SPINCOUNT": "7"}, "passive 7"),
    ],
)
def test_threads_hardly_spin_while_they_wait_unless_the_user_says_otherwise(own, expected):
    names = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
    shown = f"import sys; sys.path.insert(0, 'bin'); import scxpresso, os; print(*map(os.environ.get, {names}))"
    env = {name: value for name, value in os.environ.items() if name not in names} | own
    done = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_the_package_comes_before_libraries_with_threads(path):
    """It says how threads wait before PyTorch is loaded."""
    modules = [
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    first = next(place for place, name in enumerate(modules) if name.startswith("scxpresso"))
    assert not {"torch", "numpy", "pandas", "sklearn"} & set(modules[:first])


def imported(nodes):
    """Names of the modules that statements import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_only_executables_that_name_torch_load_it(path):
    """Loading it takes more than a second, longer than many of them work."""
    waiting = list(imported(ast.walk(ast.parse(path.read_text()))))
    if "torch" in waiting:
        return
    reached = set()
    while waiting:
        name = waiting.pop()
        module = ROOT / "bin" / (name.replace(".", "/") + ".py")
        if name not in reached and module.exists():
            waiting += imported(ast.parse(module.read_text()).body)
        reached.add(name)
    assert not {name for name in reached if name.split(".")[0] == "torch"}

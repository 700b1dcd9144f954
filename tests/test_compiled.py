"""Compiled kernels: where they are kept, and that those compiled beforehand are used."""

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT

from scxpresso.compiled import LEVEL, _cache_folder, _ready_folder

KERNEL = """
from scxpresso.compiled import njit, numba
from constants import OFFSET

@njit()
def add(value):
    return value + OFFSET

if __name__ == "__main__":
    print(add(1))
    print(sum(add.stats.cache_hits.values()), sum(add.stats.cache_misses.values()), numba.config.CPU_NAME)
"""

INTRINSIC = """
from scxpresso.compiled import intrinsic, types

@intrinsic
def constant(typing):
    return types.int64(), lambda context, builder, *_: context.get_constant(types.int64, {})
"""


def test_compiled_kernels_are_kept_only_where_nobody_else_could_put_them(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert _cache_folder() == str(tmp_path / "cache" / "nf-scxpresso")
    (tmp_path / "cache" / "nf-scxpresso").chmod(0o777)
    assert _cache_folder() == str(tmp_path / f"nf-scxpresso-{os.getuid()}")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # as for a container's user, who has no home
    assert _cache_folder() == str(tmp_path / f"nf-scxpresso-{os.getuid()}")
    monkeypatch.setattr("os.getuid", lambda: 12345)  # the folders are another user's now
    assert _cache_folder().startswith(str(tmp_path / "nf-scxpresso-")) and not _cache_folder().endswith("-12345")


def test_kernels_compiled_beforehand_are_read_only_where_others_could_not_put_them(tmp_path, monkeypatch):
    monkeypatch.delenv("SCXPRESSO_KERNELS", raising=False)
    assert _ready_folder() is None
    monkeypatch.setenv("SCXPRESSO_KERNELS", str(tmp_path / "none"))
    assert _ready_folder() is None
    monkeypatch.setenv("SCXPRESSO_KERNELS", str(tmp_path))
    tmp_path.chmod(0o755)
    assert _ready_folder() == str(tmp_path)
    for mode in (0o775, 0o757):
        tmp_path.chmod(mode)
        assert _ready_folder() is None
    tmp_path.chmod(0o755)
    os.chown(tmp_path, 12345, -1) if os.getuid() == 0 else monkeypatch.setattr("os.getuid", lambda: 12345)
    assert _ready_folder() is None


@pytest.fixture
def run_kernel(tmp_path):
    """Run a kernel in a process of its own: its result, cache hits and misses, and the processor that it is compiled for."""

    def run(
        folder: str,
        cache: str,
        ready: str | None = None,
        source: str = KERNEL,
        constants: str = "OFFSET = 1",
        **variables: str,
    ) -> list[str]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "kernel.py").write_text(source)
        (tmp_path / folder / "constants.py").write_text(constants)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
        environment |= {"NUMBA_CACHE_DIR": str(tmp_path / cache), "PYTHONPATH": str(ROOT / "bin")}
        environment |= ({"SCXPRESSO_KERNELS": str(tmp_path / ready)} if ready else {}) | variables
        command = [sys.executable, tmp_path / folder / "kernel.py"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@pytest.mark.slow
def test_a_kernel_is_found_wherever_its_source_lies_and_only_if_that_is_the_same(run_kernel):
    assert run_kernel("here", "cache")[:3] == ["2", "0", "1"]
    assert run_kernel("here", "cache")[:3] == ["2", "1", "0"]
    assert run_kernel("there", "cache")[:3] == ["2", "1", "0"]
    assert run_kernel("there", "cache", source=KERNEL.replace("value + ", "value * 5 + "))[:3] == ["6", "0", "1"]


@pytest.mark.slow
def test_a_kernel_for_several_threads_is_not_that_for_one(run_kernel):
    kernel = KERNEL.replace("@njit()", "@njit(parallel=True)").replace("numba.config.CPU_NAME", "add.targetoptions")
    for found in (["2", "0", "1"], ["2", "1", "0"]):
        for threads in "12":
            made = run_kernel("here", "cache", source=kernel, NUMBA_NUM_THREADS=threads)
            assert made[:3] == found and str(threads == "2") in " ".join(made[3:])


MEANS_AND_EFFECTS = """
import hashlib
import numpy as np
import torch
from scxpresso.networks.bin_means import BinMeans
from scxpresso.networks.weights import NetworkMetadata, build_network
from scxpresso.saturation.incremental import incremental

rng = np.random.default_rng(1)
table = torch.from_numpy(rng.normal(size=(64, 64)).astype(np.float32)).requires_grad_()
means = BinMeans.apply(table, torch.from_numpy(rng.integers(0, 65, (6, 300), dtype=np.int32)), 100)
means.backward(torch.from_numpy(rng.normal(size=means.shape).astype(np.float32)))
torch.manual_seed(1)
network = build_network("scxpresso", 2, 400, 200, "both", 5).eval()
codes = rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), size=600)
about = NetworkMetadata("scxpresso", "both", 400, 200, ("a", "b"))
form = incremental([(network, about)], torch.device("cpu"))
found = [means.detach().numpy(), table.grad.numpy(), *form.effects(codes, rng.normal(size=5).astype(np.float32))]
print(*(hashlib.sha256(array.tobytes()).hexdigest() for array in found if array.any()))
"""


@pytest.mark.slow
def test_kernels_for_one_thread_give_what_those_for_several_give():
    """Tests run those for several, tasks of one CPU the others."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", MEANS_AND_EFFECTS], check=True, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "bin"), "NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": "1"},
        ).stdout
        for threads in "12"
    ]  # fmt: skip
    assert printed[0] == printed[1] and len(printed[0].split()) == 4


def kernels():
    """Every kernel: its module, name, whether it is for several threads, and its tree."""
    for file in (ROOT / "bin" / "scxpresso").rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            made = getattr(node, "decorator_list", [])
            if made and getattr(getattr(made[0], "func", None), "id", "") == "njit":
                yield file.stem, node.name, "parallel" in {option.arg for option in made[0].keywords}, node


def test_no_kernel_calls_one_for_several_threads():
    """It would be kept with what it calls, whatever the number of threads."""
    parallel = {name for _, name, is_parallel, _ in kernels() if is_parallel}
    assert len(parallel) > 10
    for module, name, _, node in kernels():
        called = {call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and hasattr(call.func, "id")}
        assert not called & parallel, f"{module}.{name}"


@pytest.mark.slow
def test_a_kernel_is_compiled_anew_where_a_constant_that_it_imports_differs(run_kernel):
    assert run_kernel("here", "cache")[0] == "2"
    assert run_kernel("here", "cache", constants="OFFSET = 7")[:3] == ["8", "0", "1"]


@pytest.mark.slow
def test_a_kernel_is_compiled_anew_where_an_intrinsic_that_it_imports_differs(run_kernel):
    kernel = KERNEL.replace("value + OFFSET", "constant() + value").replace("import OFFSET", "import constant")
    for number in (1, 7):
        made = run_kernel("here", "cache", source=kernel, constants=INTRINSIC.format(number))
        assert made[:3] == [str(number + 1), "0", "1"]


@pytest.mark.slow
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the level is one of x86-64")
def test_a_kernel_compiled_beforehand_is_used_and_its_folder_left_alone(run_kernel, tmp_path):
    (tmp_path / "ready").mkdir(mode=0o755)
    assert run_kernel("image", "ready", "ready") == ["2", "0", "1", LEVEL]
    before = {file: file.read_bytes() for file in (tmp_path / "ready").rglob("*") if file.is_file()}
    assert run_kernel("task", "cache", "ready") == ["2", "1", "0", LEVEL]
    assert not list((tmp_path / "cache").rglob("*.nbc"))
    # What it lacks is compiled, and kept elsewhere.
    changed = KERNEL.replace("value + ", "value * 5 + ")
    assert run_kernel("task", "cache", "ready", changed) == ["6", "0", "1", LEVEL]
    assert run_kernel("task", "cache", "ready", changed) == ["6", "1", "0", LEVEL]
    assert before == {file: file.read_bytes() for file in (tmp_path / "ready").rglob("*") if file.is_file()}


@pytest.mark.containers  # it compiles them all: minutes
def test_every_kernel_is_compiled_for_the_image(tmp_path):
    work, ready = tmp_path / "work", tmp_path / "ready"
    for folder in (work, ready):
        folder.mkdir(mode=0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"NUMBA_CACHE_DIR": str(ready), "SCXPRESSO_KERNELS": str(ready)}
    script = ROOT / "containers" / "compile_kernels.sh"
    done = subprocess.run([script, ROOT], cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = Counter({f"{module}.{name}": 1 + is_parallel for module, name, is_parallel, _ in kernels()})
    compiled = Counter(file.name.split("-")[0] for file in ready.rglob("*.nbc"))
    assert compiled.keys() == expected.keys()
    assert compiled >= expected  # for one thread and for several, and for each type of data

"""numba, set up for the pipeline: its threads, and where compiled kernels are kept. Kernels take `njit` and `prange` here.

A kernel that was compiled once is kept in a folder of the user's. It is found by the *content* of its source file, and by the
constants, kernels and intrinsics that this imports: bin/ lies elsewhere on every machine of a cloud. The image brings
kernels compiled beforehand, in a folder that its environment names in SCXPRESSO_KERNELS; that one is only read.
"""

import functools
import hashlib
import inspect
import os
import platform
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scxpresso.cpus import available_cpus


def _only_theirs(folder: str | Path, *owners: int) -> bool:
    """Whether a folder is of one of these users, and not for others to write."""
    found = os.stat(folder)
    return found.st_uid in owners and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _cache_folder() -> str:
    """Where compiled kernels are kept between tasks: the user's cache, or a temporary folder where there is none.

    Only a folder that nobody else could have filled: numba believes what it finds there.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME") or "/") / ".cache")
    for folder in (cache / "nf-scxpresso", Path(tempfile.gettempdir()) / f"nf-scxpresso-{os.getuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if _only_theirs(folder, os.getuid()) and os.access(folder, os.W_OK):
            return str(folder)
    return tempfile.mkdtemp(prefix="nf-scxpresso-")


def _ready_folder() -> str | None:
    """The kernels that were compiled beforehand, if any: of root or of the user, and not for others to write."""
    folder = os.environ.get("SCXPRESSO_KERNELS")
    ready = folder and os.path.isdir(folder) and _only_theirs(folder, 0, os.getuid())
    return folder if ready else None


# All of this before numba is imported. By default it keeps compiled kernels beside their source (bin/ holds only code), and
# starts a thread a core, whose idle ones spin and take a core from the task beside this one.
os.environ.setdefault("NUMBA_CACHE_DIR", _cache_folder())
_torch = sys.modules.get("torch")
os.environ.setdefault("NUMBA_NUM_THREADS", str(min(_torch.get_num_threads(), available_cpus()) if _torch else 1))

# Kernels compiled beforehand are for any x86-64 processor since 2013 (level v3: AVX2, FMA), not for that of the machine
# that compiled them. Elsewhere, and on older ones, each is compiled for the machine at hand.
LEVEL = "x86-64-v3"
_FEATURES = {
    "avx", "avx2", "bmi", "bmi2", "cx16", "f16c", "fma", "lzcnt", "movbe", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2",
    "ssse3", "xsave",
}  # fmt: skip
_READY = _ready_folder()
if _READY and platform.machine() == "x86_64":
    from llvmlite.binding import get_host_cpu_features

    _host = get_host_cpu_features()
    if all(_host.get(feature) for feature in _FEATURES):
        os.environ.setdefault("NUMBA_CPU_NAME", LEVEL)
        os.environ.setdefault("NUMBA_CPU_FEATURES", "")  # no more than the level has

import numba  # noqa: E402
import numpy as np  # noqa: E402
from numba import prange, types  # noqa: E402, F401
from numba.core import cgutils  # noqa: E402, F401
from numba.core.caching import (  # noqa: E402
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    UserProvidedCacheLocator,
)
from numba.core.codegen import get_host_cpu_features as _host_features  # noqa: E402
from numba.core.dispatcher import Dispatcher  # noqa: E402
from numba.extending import _Intrinsic, intrinsic, models, register_model  # noqa: E402, F401
from numba.np.unsafe.ndarray import to_fixed_tuple  # noqa: E402, F401

_compiled_for = _host_features() if numba.config.CPU_FEATURES is None else numba.config.CPU_FEATURES
# Whether kernels are compiled for a processor with 32 registers of vectors instead of 16.
AVX512 = "+avx512f" in _compiled_for
# Whether for one that multiplies and adds in one instruction.
FMA = numba.config.CPU_NAME == LEVEL or "+fma" in _compiled_for


def use_threads(threads: int) -> None:
    """Let parallel kernels use this many threads, or as many as numba was started with where those are fewer."""
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))


class _ByContent(UserProvidedCacheLocator):
    """A folder of the cache for each content of a source file, wherever the file lies."""

    def __init__(self, py_func: Callable, py_file: str):
        super().__init__(py_func, py_file)
        self.content = _content(py_file)
        self._cache_path = os.path.join(numba.config.CACHE_DIR, self.content)


class _Implementation(CompileResultCacheImpl):
    _locator_classes = (_ByContent,)


@functools.cache
def _content(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _imported(function: Callable) -> str:
    """Digest of what a function's module has and a kernel takes in: numbers, and the files of kernels and intrinsics."""
    numbers = (int, float, tuple, np.generic, np.ndarray)
    values: dict[str, Any] = {}
    for name, value in function.__globals__.items():
        if isinstance(value, numbers):
            values[name] = value.tobytes() if isinstance(value, np.ndarray) else value
        elif isinstance(value, Dispatcher):
            values[name] = _content(value.py_func.__code__.co_filename)
        elif isinstance(value, _Intrinsic):
            values[name] = _content(inspect.getfile(value.__wrapped__))
    return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()


class KernelCache(FunctionCache):
    """The cache of one kernel: what was compiled beforehand is looked up first, anything else is kept as by numba."""

    _impl_class = _Implementation
    _cache_file: Any  # of numba's FunctionCache

    def __init__(self, function: Callable, parallel: bool):
        super().__init__(function)
        self._parallel = parallel
        self._own, locator = self._cache_file, self._impl.locator
        self._ready = _READY and IndexDataCacheFile(
            os.path.join(_READY, locator.content), self._impl.filename_base, locator.get_source_stamp()
        )

    def _index_key(self, sig: Any, codegen: Any) -> tuple:
        return *super()._index_key(sig, codegen), _imported(self._py_func), self._parallel

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        if self._ready:
            self._cache_file = self._ready
            found = super()._load_overload(sig, target_context)
            self._cache_file = self._own
        return found or super()._load_overload(sig, target_context)


def njit(parallel: bool = False, **options: Any) -> Callable[[Callable], Callable]:
    """numba.njit for a kernel that is kept once it is compiled.

    parallel: whether its `prange` is divided among threads, where there are several. For one thread, it is compiled without,
    in about 60 % of the time. No kernel calls such a kernel.
    """
    parallel = parallel and numba.config.NUMBA_NUM_THREADS > 1

    def kernel(function: Callable) -> Callable:
        dispatcher = numba.njit(parallel=parallel, **options)(function)
        dispatcher._cache = KernelCache(function, parallel)  # what enable_caching() does, with a cache of its own
        return dispatcher

    return kernel


@njit()
def copy(source: np.ndarray, target: np.ndarray) -> None:
    """Do `target[:] = source` for as many numbers. numba compiles that for two seconds, for the message about lengths."""
    for place in range(len(target)):
        target[place] = source[place]

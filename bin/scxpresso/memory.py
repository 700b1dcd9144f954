"""How memory is allocated."""

import ctypes
import math
import sys
from typing import Any

import numpy as np

LINE = 64  # bytes of a line of the cache


def aligned(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """Make an array, not filled, that begins with a line of the cache: a vector on two lines takes twice as long to load."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + LINE, dtype=np.uint8)
    first = -memory.ctypes.data % LINE
    return memory[first : first + size].view(dtype).reshape(shape)


def keep_large_blocks() -> None:
    """Make glibc reuse large blocks: returned to the system, they would have to be cleared each time."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-4, 0)  # M_MMAP_MAX: large blocks come from the heap too
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: and stay there

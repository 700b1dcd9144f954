"""Settings of the memory allocator."""

import ctypes
import sys


def keep_large_blocks() -> None:
    """Make glibc reuse large blocks: returned to the system, they would have to be cleared each time."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-4, 0)  # M_MMAP_MAX: large blocks come from the heap too
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: and stay there

"""What glibc does with large blocks of memory that are no longer used."""

import ctypes
import sys


def keep_large_blocks() -> None:
    """Keep them for the next ones: glibc gives them back to the system, which then has to clear them again and again."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-4, 0)  # M_MMAP_MAX: large blocks come from the heap too
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: and stay there

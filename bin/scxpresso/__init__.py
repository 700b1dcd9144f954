"""The package behind the executables of bin/: from a genome and an atlas to models of expression."""

import os

# Set before any library with OpenMP is loaded: its threads spin while they wait, which takes cores from other programs. They
# shall sleep, but not at once: to be woken for each of many short loops costs as much as the work (benchmarks/
# oversubscription.py). So they look 3,000 times first, for some 50 µs. A setting of the user takes precedence.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

__version__ = "0.1.0"

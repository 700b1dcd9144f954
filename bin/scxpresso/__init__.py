"""The package behind the executables of bin/: from a genome and an atlas to models of expression."""

import os

# Set before any library with OpenMP is loaded: its threads spin while they wait, which takes cores from other programs and
# doubles the time of training `hybrid` with two threads on two cores. A setting of the user takes precedence.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

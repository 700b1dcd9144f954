"""The vocabulary that the executables of bin/ share: from a genome and an atlas to models of expression."""

import os

# Before any library with OpenMP is loaded: its threads spin while they wait, which takes the cores from whatever else runs,
# and doubles the time of training `hybrid` with two threads on two cores. A setting of the user's stays.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

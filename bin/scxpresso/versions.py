"""Versions of everything that the pipeline computes with."""

import platform
import shutil
import subprocess
from importlib import metadata

from scxpresso import __version__

PACKAGES = [
    "anndata", "biopython", "h5py", "numba", "numpy", "pandas", "plotly", "pybedtools", "pysam", "safetensors", "scanpy",
    "scikit-learn", "scipy", "torch",
]  # fmt: skip


def software_versions() -> dict[str, str]:
    """Versions of everything that the pipeline computes with, read without importing it."""
    found = {"nf-scxpresso": __version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in PACKAGES}
    if shutil.which("bedtools"):
        said = subprocess.run(["bedtools", "--version"], capture_output=True, text=True, check=True).stdout
        found["bedtools"] = said.strip().removeprefix("bedtools v")
    return found

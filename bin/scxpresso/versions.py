"""Versions of the software that the pipeline uses, read without importing it."""

import platform
import shutil
import subprocess
from importlib import metadata

from scxpresso import __version__

PACKAGES = [
    "anndata", "biopython", "h5py", "numba", "numpy", "pandas", "plotly", "pybedtools", "pysam", "safetensors", "scanpy",
    "scikit-learn", "scipy", "torch",
]  # fmt: skip


def software_versions(known: dict[str, str | None]) -> dict[str, str]:
    """List versions of the software that the pipeline uses.

    Parameters
    ----------
    known: versions that the caller knows; None is ignored.
    """
    found = {"nf-scxpresso": __version__} | {name: version for name, version in known.items() if version}
    found["python"] = platform.python_version()
    found |= {name: metadata.version(name) for name in PACKAGES}
    if shutil.which("bedtools"):
        output = subprocess.run(["bedtools", "--version"], capture_output=True, text=True, check=True).stdout
        found["bedtools"] = output.strip().removeprefix("bedtools v")
    return found

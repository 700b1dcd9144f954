"""Whether pooled effects that are kept beside a model are of its networks."""

import hashlib
from pathlib import Path

import h5py

from scxpresso.problems import InputError, Problem

ATTRIBUTE = "networks"


def record_origin(path: str | Path, folder: str | Path) -> None:
    """Write the digest of the model's networks into pooled_effects.h5."""
    with h5py.File(path, "a") as file:
        file.attrs[ATTRIBUTE] = networks_digest(Path(folder))


def check_origin(path: str | Path, folder: str | Path) -> None:
    """Raise InputError if pooled_effects.h5 is of other networks than the model has; a file without a digest may be."""
    try:
        with h5py.File(path) as file:
            recorded = file.attrs.get(ATTRIBUTE)
    except OSError:  # no such file: for its reader to say
        return
    if recorded not in (None, networks_digest(Path(folder))):
        raise InputError(
            Problem(
                str(path),
                "pooled effects of other networks than the model's folder has",
                "those of these networks",
                "delete pooled_effects.h5 in the model's folder: it is made again",
            )
        )


def networks_digest(folder: Path) -> str:
    """Return the SHA-256 of the weights of all networks in a model's folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("fold_*/*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()

"""Checksums of a run's inputs."""

import hashlib
import os
from pathlib import Path


def checksums(folder: Path) -> list[dict]:
    """Return `number`, `path`, `sha256` and `size` of each file below folder/<number>/<entry>, sorted; see checksum.py.

    Files are read in blocks, so they may be larger than memory.
    """
    found = []
    for staged in sorted(folder.iterdir(), key=lambda path: int(path.name)):
        (entry,) = staged.iterdir()
        files = files_in(entry) if entry.is_dir() else [""]
        for path in files:
            with (entry / path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                found.append({"number": int(staged.name), "path": path, "sha256": digest, "size": file.tell()})
    return found


def files_in(folder: Path) -> list[str]:
    """List the paths of all files in a folder, relative to it, sorted; links are followed, because Nextflow stages links."""
    found = [Path(where, name) for where, _, names in os.walk(folder, followlinks=True) for name in names]
    return sorted(path.relative_to(folder).as_posix() for path in found)

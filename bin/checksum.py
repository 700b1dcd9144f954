#!/usr/bin/env python3
"""SHA-256 and size of files, for the record of a run."""

from pathlib import Path

import click

from scxpresso.console import log
from scxpresso.options import FOLDER


@click.command(epilog="Example: checksum.py --folder files --output checksums.json")
@click.option("--folder", required=True, type=FOLDER, help="Folder with the subfolders 1, 2, …; each has one entry.")
@click.option("--output", default="checksums.json", show_default=True, help="JSON file to write.")
def main(folder, output):
    """Write `number`, `path`, `sha256` and `size` of each file in folder/<number>/.

    The entry of a subfolder is a file, whose `path` is then empty, or a folder, to which `path` is relative.
    """
    from scxpresso.reporting.checksums import checksums
    from scxpresso.store import write_json

    found = checksums(Path(folder))
    write_json(output, found)
    log(f"{output}: {len(found)} files")


if __name__ == "__main__":
    main()

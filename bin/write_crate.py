#!/usr/bin/env python3
"""The record of a run as an RO-Crate: ro-crate-metadata.json."""

import click

from scxpresso.console import log
from scxpresso.options import FILE, FOLDER


@click.command(epilog="Example: write_crate.py --manifest manifest.json --schemas schemas")
@click.option("--manifest", required=True, type=FILE, help="JSON: the run.")
@click.option("--schemas", required=True, type=FOLDER, help="Folder of schemas.")
@click.option("--output", default="ro-crate-metadata.json", show_default=True, help="The metadata to write.")
def main(manifest, schemas, output):
    """Describe inputs, parameters, software and results of a run by the profile Workflow Run RO-Crate.

    The manifest is JSON. As the report's (docs/output.md) it has `run`, `params` and `versions`; and `checked`, when the
    input was checked; `inputs`, a list of `addresses` and of their `files` as checksum.py writes them; `uses`, a list of
    `address`, `parameter` and `column`, what each was given for; and `outputs`, paths in the results' folder.
    """
    from scxpresso.reporting.provenance import describe_run
    from scxpresso.store import read_json, write_json

    crate = describe_run(read_json(manifest), schemas)
    write_json(output, crate)
    log(f"{output}: {len(crate['@graph'])} entities")


if __name__ == "__main__":
    main()

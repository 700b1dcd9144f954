#!/usr/bin/env python3
"""The record of a run as an RO-Crate: ro-crate-metadata.json."""

import click

from scxpresso.console import log
from scxpresso.options import FILE, FOLDER


@click.command(epilog="Example: write_crate.py --manifest manifest.json --schemas schemas")
@click.option("--manifest", required=True, type=FILE, help="JSON: a description of the run.")
@click.option("--schemas", required=True, type=FOLDER, help="Folder of the JSON Schemas.")
@click.option("--output", default="ro-crate-metadata.json", show_default=True, help="JSON-LD file to write.")
def main(manifest, schemas, output):
    """Describe inputs, parameters, software and results of a run as a Workflow Run RO-Crate.

    The manifest is JSON. Like that of the report (docs/output.md), it has `run`, `params` and `versions`. `checked` is the
    time when the input was checked. `inputs` lists `addresses` with their `files`, as checksum.py writes them. `uses` lists
    `address`, `parameter` and `column`: what each input is used for. `outputs` lists paths in the results folder.
    """
    from scxpresso.reporting.provenance import describe_run
    from scxpresso.store import read_json, write_json

    crate = describe_run(read_json(manifest), schemas)
    write_json(output, crate)
    log(f"{output}: {len(crate['@graph'])} entities")


if __name__ == "__main__":
    main()

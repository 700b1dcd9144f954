#!/usr/bin/env python3
"""Checks of parameters, sheets and files, and of these against each other, before anything expensive."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from scxpresso.console import log
from scxpresso.options import FILE, FOLDER, outdir_option


@click.command(epilog="Example: preflight.py --request request.json --schemas schemas")
@click.option("--request", required=True, type=FILE, help="Parameters and files.")
@click.option("--schemas", required=True, type=FOLDER, help="Folder of schemas.")
@outdir_option("problems.txt and four .json files")
def main(request, schemas, outdir):
    """Write every problem of the input in one report (empty when all is well); exit with 1 when there are any.

    The request is JSON: `params` (name: value), `genome` (its name where there is no sheet of genomes), and `sources`,
    one for each sheet and each file that a sheet names: `sheet` (input or genomes), `row` and `column` (not for a sheet
    itself), `value` (as the user wrote it), `staged_path` (its path, relative to the request; null where there is no file)
    and `folder` (whether there is a folder instead).

    plan.json says what to run (see checks/plan.py). params.json repeats `params`; versions.json has the software's
    versions, with those that only Nextflow knows: `software` (name: version or image, null where there is none).
    """
    from scxpresso.checks.preflight import preflight
    from scxpresso.store import atomic_write, read_json, write_json
    from scxpresso.versions import software_versions

    content = read_json(request)
    found, plan = preflight(content, Path(request).parent, Path(schemas))
    report = found.report()
    outdir = Path(outdir)
    with atomic_write(outdir / "problems.txt") as partial:
        partial.write_text(report, encoding="utf-8")
    checked = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(outdir / "preflight.json", {"checked": checked, "notes": found.notes})
    write_json(outdir / "plan.json", plan)
    write_json(outdir / "versions.json", software_versions(content["software"]))
    write_json(outdir / "params.json", content["params"])
    if report:
        print(report, file=sys.stderr, end="")
        sys.exit(1)
    log("no problems")


if __name__ == "__main__":
    main()

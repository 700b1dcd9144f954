#!/usr/bin/env python3
"""Checks of parameters, sheets and files, alone and against each other, before anything expensive runs."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from scxpresso.console import log
from scxpresso.options import FILE, FOLDER, outdir_option


@click.command(epilog="Example: preflight.py --request request.json --schemas schemas")
@click.option("--request", required=True, type=FILE, help="JSON: parameters and files.")
@click.option("--schemas", required=True, type=FOLDER, help="Folder of the JSON Schemas.")
@outdir_option("problems.txt and four .json files")
def main(request, schemas, outdir):
    """Check the input, and report all problems at once; exit with status 1 if there are any.

    problems.txt lists the problems; it is empty if there are none.

    The request is JSON. `params` has the parameters by name. `genome` is the name of the genome if there is no sheet of
    genomes. `software` has versions and images that only Nextflow knows, by name, or null. `shares_disk` says whether the
    request is on the disk of the work folder. `sources` has one entry per sheet and per file that a sheet names: `sheet`
    (its parameter), `row` and `column` (not for a sheet itself), `value` (as the user wrote it), `staged_path` (relative to
    the request; null if there is no file) and `folder` (whether it is a folder).

    plan.json says what to run (see checks/plan.py). preflight.json has the notes, params.json repeats `params`, and
    versions.json has the versions of all software.
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

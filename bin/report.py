#!/usr/bin/env python3
"""The report of a run: one HTML page that needs no network."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import FILE, FOLDER


@click.command(epilog="Example: report.py --manifest manifest.json --template assets/report --output report.html")
@click.option(
    "--manifest",
    required=True,
    type=FILE,
    help="JSON: the run and where its tables are, relative to the manifest's folder (see docs/output.md).",
)
@click.option(
    "--template",
    required=True,
    type=FOLDER,
    help="Folder of report.html.j2, its style and its scripts.",
)
@click.option("--output", default="report.html", show_default=True, help="The page to write.")
@reports_problems
def main(manifest, template, output):
    """Write what was run and what came out as one page that holds its data, style and plotly.js."""
    from scxpresso.reporting.report import write_report

    write_report(manifest, template, output)
    log(f"{output}: written")


if __name__ == "__main__":
    main()

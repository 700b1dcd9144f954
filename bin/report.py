#!/usr/bin/env python3
"""The report of a run: one HTML page that works offline."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import FILE, FOLDER


@click.command(epilog="Example: report.py --manifest manifest.json --template assets/report --output report.html")
@click.option(
    "--manifest",
    required=True,
    type=FILE,
    help="JSON: a description of the run and the paths of its tables, relative to the manifest (see docs/output.md).",
)
@click.option(
    "--template",
    required=True,
    type=FOLDER,
    help="Folder with report.html.j2, its style and its scripts.",
)
@click.option("--output", default="report.html", show_default=True, help="HTML file to write.")
@reports_problems
def main(manifest, template, output):
    """Write what was run and what came out as one self-contained page, with its data, style and plotly.js inside."""
    from scxpresso.reporting.report import write_report

    write_report(manifest, template, output)
    log(f"{output}: written")


if __name__ == "__main__":
    main()

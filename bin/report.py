#!/usr/bin/env python3
"""Write the report of a run: one HTML page that needs no network."""

import click


@click.command(
    epilog="""\b
    Example:
      report.py --manifest manifest.json --template assets/report --output report.html"""
)
@click.option(
    "--manifest",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="JSON that lists the run's tables; its paths are relative to its own folder.",
)
@click.option(
    "--template",
    required=True,
    type=click.Path(exists=True, file_okay=False),
    help="Folder of report.html.j2, report.css and report.js.",
)
@click.option("--output", required=True, type=click.Path(dir_okay=False), help="The page to write.")
def main(manifest, template, output):
    """Write the report of a run as one self-contained HTML page.

    The page holds its data, its style and plotly.js: it opens from a disk or a mail and asks
    no server for anything.
    """
    # Here and not above: pandas and plotly take seconds that --help need not wait for.
    from scxpresso.problems import InputError
    from scxpresso.report import write_report

    try:
        write_report(manifest, template, output)
    except InputError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()

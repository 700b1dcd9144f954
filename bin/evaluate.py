#!/usr/bin/env python3
"""Accuracy of every model and baseline on held-out genes."""

from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import FILE, outdir_option


@click.command(epilog="Example: evaluate.py --manifest manifest.json --outdir evaluation")
@click.option(
    "--manifest",
    required=True,
    type=FILE,
    help="JSON: paths of the genomes, the observed expression and the predictions (see docs/output.md).",
)
@outdir_option("ten tables (see docs/output.md)")
@reports_problems
def main(manifest, outdir):
    """Correlate predictions with observations: per population and fold, per gene, and across levels, atlases and recipes."""
    from scxpresso.evaluation.evaluation import evaluate
    from scxpresso.store import write_table

    for name, table in evaluate(Path(manifest)).items():
        write_table(Path(outdir) / f"{name}.tsv", table)
        log(f"{name}: {len(table):,} rows")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Join the scores of a set's chunks into one table."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING


@click.command(epilog="Example: join_scores.py --output atlas.level.scxpresso.tsv.gz scores_1.tsv.gz scores_2.tsv.gz")
@click.option("--output", required=True, type=click.Path(), help="Output table (TSV): all rows, with q-values.")
@click.argument("scores", nargs=-1, required=True, type=EXISTING)
@reports_problems
def main(output, scores):
    """Join SCORES, the tables that score_variants.py wrote, in the order given.

    Adds q-values (Benjamini-Hochberg) over all rows.
    """
    from scxpresso.variants.joining import join_scores

    log(f"{join_scores(scores, output):,} rows")


if __name__ == "__main__":
    main()

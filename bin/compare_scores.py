#!/usr/bin/env python3
"""Scores of variants, compared with those of other tools."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING


@click.command(
    epilog="Example: compare_scores.py --scores atlas.level.scxpresso.tsv.gz --external enformer.tsv "
    "--output comparison.tsv --correlations correlations.tsv. Effects are in log10 expression, scores in the units of their tool."
)
@click.option("--scores", required=True, type=EXISTING, help="Table of scores, as join_scores.py writes it.")
@click.option(
    "--external",
    required=True,
    multiple=True,
    type=EXISTING,
    help="TSV with the columns variant, gene (id or name), model, track and score; ref and alt if a variant has several "
    "alleles. Several files: give it several times.",
)
@click.option("--output", required=True, type=click.Path(), help="Output table (TSV): effects and scores side by side.")
@click.option(
    "--correlations", required=True, type=click.Path(), help="Output table (TSV): rank correlations by population."
)
@reports_problems
def main(scores, external, output, correlations):
    """Join scores of other tools to ours by variant and gene, and compute rank correlations."""
    from scxpresso.external_scores.comparison import compare, read_external
    from scxpresso.problems import preview
    from scxpresso.store import write_table

    compared = compare(scores, [one for path in external for one in read_external(path)], output)
    write_table(correlations, compared.correlations)
    log(f"{compared.joined:,} external scores joined, {len(compared.unmatched):,} of variants or genes not scored here")
    unclear = sum(bool(one.alt and not one.ref) for one in compared.unmatched)
    if compared.joined and unclear:
        log(
            f"NOTE external scores: {unclear:,} of those not joined name alt without ref, and are left out if several alleles of "
            "their variant fit; add the column ref"
        )
    if not compared.joined:
        names = preview(sorted({one.variant for one in compared.unmatched}), 3)
        log(
            f"WARNING external scores: none is of a variant and gene of this set; their ids ({names}) have to be the set's"
        )


if __name__ == "__main__":
    main()

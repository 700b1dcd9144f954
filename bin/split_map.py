#!/usr/bin/env python3
"""Divide the genes of a genome into the parts of a variant map, one per task."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import features_option, genes_option, outdir_option


@click.command(epilog="Example: split_map.py --features features.h5 --genes genes.tsv --outdir parts")
@features_option
@genes_option
@click.option(
    "--genes_per_part", default=200, show_default=True, type=click.IntRange(1), help="Maximum number of genes per part."
)
@outdir_option("<checksum of its gene ids>.h5, one per part", default="parts")
@reports_problems
def main(features, genes, genes_per_part, outdir):
    """Write what a task needs of the genes of its part: their windows, annotation features and places.

    Parts are of neighbouring genes. A gene more or less changes its own part, and at most the next one.
    """
    from scxpresso.store import read_table
    from scxpresso.variant_map.parts import write_parts

    parts = write_parts(features, read_table(genes), genes_per_part, outdir)
    log(f"{len(parts):,} parts of at most {genes_per_part:,} genes")


if __name__ == "__main__":
    main()

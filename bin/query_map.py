#!/usr/bin/env python3
"""Look up variants in a variant map."""

from itertools import chain
from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, FOLDER


@click.command(
    epilog="Example: query_map.py --map results/variant_map/atlas/cell_type.scxpresso --region chr22:39570000-39571500 "
    "--output effects.tsv.gz. Effects are differences of predicted log10 expression, alternative minus reference."
)
@click.option(
    "--map", "folder", required=True, type=FOLDER, help="Folder of a map: variant_map/<atlas>/<level>.<recipe>."
)
@click.option("--region", help="Every variant of a region: contig:first-last (1-based, both included).")
@click.option("--variants", type=EXISTING, help="Variants to look up: VCF, BCF, or a table as --variants takes it.")
@click.option(
    "--output", required=True, type=click.Path(), help="Output table (TSV): one row per variant, gene and population."
)
@reports_problems
def main(folder, region, variants, output):
    """Write effect, specificity and pooled p-values of single-nucleotide variants, without computing anything.

    Variants of a file are read as read_variants.py does. Those that are not in reach of any gene have no row. The log counts
    them, and what is no single-nucleotide variant of the map's genome. Too many of another reference base are an error.
    """
    from scxpresso.store import write_rows
    from scxpresso.variant_map.queries import Counts, file_rows, parse_region, texts
    from scxpresso.variant_map.reading import LOOK_UP_COLUMNS, VariantMap

    if (region is None) == (variants is None):
        raise click.UsageError("give either --region or --variants")
    counts = Counts()
    with VariantMap(folder) as variant_map:
        of_region = variant_map.region(*parse_region(region)) if region else ()
        of_file = file_rows(variant_map, Path(variants), counts) if variants else ()
        write_rows(output, LOOK_UP_COLUMNS, texts(chain(of_region, of_file)))
    for text in counts.lines() if variants else ():
        log(text)


if __name__ == "__main__":
    main()

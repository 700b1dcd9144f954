#!/usr/bin/env python3
"""Join the parts of a variant map into one Zarr store per contig."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import FOLDER, outdir_option


@click.command(epilog="Example: join_map.py --outdir variant_map part_*")
@click.argument("parts", nargs=-1, required=True, type=FOLDER)
@outdir_option("<contig>.zarr, genes.tsv and map.json", default="variant_map")
@reports_problems
def main(parts, outdir):
    """Join PARTS, the folders that map_variants.py wrote for all genes of a model.

    Contigs with few genes (fewer than 1 in 500) share the store other.zarr. Files of parts are linked where the file system
    allows it, else copied.
    """
    from scxpresso.variant_map.store import join_parts

    genes, error = join_parts(parts, outdir)
    stores = genes["store"].nunique()
    log(f"{len(genes):,} genes of {len(parts):,} parts in {stores:,} stores; errors of effects are at most {error:.2g}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Join the effects and profiles of a model's chunks of genes."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import FOLDER, genes_option, outdir_option


@click.command(
    epilog="Example: join_saturation.py --genes genes.tsv --contrast 'T cell;B cell' --outdir saturation part_*"
)
@click.argument("parts", nargs=-1, required=True, type=FOLDER)
@genes_option
@click.option(
    "--contrast",
    multiple=True,
    help="Two populations joined by ';': the profile of the first minus that of the second.",
)
@outdir_option("effects.h5, profiles.tsv.gz, positions.tsv and, with --contrast, contrasts.tsv.gz")
@reports_problems
def main(parts, genes, contrast, outdir):
    """Join PARTS, the folders that saturate.py wrote, in the order of genes.tsv; add means over genes, and contrasts.

    positions.tsv has the mean over genes of the largest absolute effect at each position relative to the TSS. With
    --contrast, contrasts.tsv.gz has differences of profiles. All values are in log10 expression.
    """
    from scxpresso.saturation.joining import join_saturation
    from scxpresso.store import read_table

    genes, populations, contrasts = join_saturation(parts, read_table(genes), contrast, outdir)
    log(
        f"{genes:,} genes and {populations:,} populations of {len(parts):,} parts; {contrasts} of {len(contrast)} contrasts"
    )
    if contrasts < len(contrast):
        log("WARNING --contrast: the model does not have the populations of the other contrasts")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Cross-validation folds of a genome's genes."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import features_option, genes_option, seed_option


@click.command(epilog="Example: split_folds.py --genes genes.tsv --features features.h5 --folds 20 --method random")
@genes_option
@features_option
@click.option("--folds", default=20, show_default=True, type=click.IntRange(2), help="Number of folds.")
@click.option(
    "--method",
    default="random",
    show_default=True,
    type=click.Choice(["random", "chromosome", "family"]),
    help="Which genes share a fold: only isoforms of a locus, whole chromosomes, or near copies.",
)
@seed_option("The same genes and seed give the same folds everywhere.")
@click.option("--output", default="folds.tsv", show_default=True)
@reports_problems
def main(genes, features, folds, method, seed, output):
    """Assign every gene to a fold; all models of the genome with this method share the folds."""
    from scxpresso.genome.feature_store import Features
    from scxpresso.genome.folds import split_folds
    from scxpresso.store import read_table, write_table

    split = split_folds(read_table(genes), Features(features), folds, method, seed)
    write_table(output, split)
    size = split["fold"].value_counts()
    log(f"{len(split):,} genes in {folds} folds of {size.min():,} to {size.max():,}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Scores of variants by another tool, imported from its own format."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, fasta_option


@click.command(
    epilog="Example: import_scores.py --scores enformer.h5 --model enformer --tracks 'CAGE:brain' --fasta genome.fa "
    "--chain hg19ToHg38.over.chain.gz --output scores.tsv.gz --unused unused.tsv"
)
@click.option(
    "--scores", required=True, type=EXISTING, help="File of the other tool: a table in text, parquet, or HDF5."
)
@click.option("--model", required=True, help="Name of the other tool in the output.")
@click.option(
    "--format", "kind", help="Kind of table, where its columns do not say it; see docs/downstream_analyses.md."
)
@click.option("--tracks", help="Words that names of tracks contain, joined by ';'; all tracks if not given.")
@click.option("--score", help="Which score, where the file has several, such as SAR or quantile_score.")
@click.option("--chain", type=EXISTING, help="Chain file from the assembly of the scores to the genome.")
@fasta_option
@click.option("--output", required=True, type=click.Path(), help="Output table (TSV), as compare_scores.py reads it.")
@click.option("--unused", required=True, type=click.Path(), help="Output table (TSV): alleles without use, and why.")
@reports_problems
def main(scores, model, kind, tracks, score, chain, fasta, output, unused):
    """Import scores of another tool, lift their positions over, and check their references."""
    from functools import partial
    from pathlib import Path

    from scxpresso.external_scores.importing import IMPORTED_COLUMNS, UNUSED_COLUMNS, import_scores, read_scores
    from scxpresso.external_scores.liftover import Chains
    from scxpresso.store import write_rows

    read = partial(read_scores, Path(scores), kind, tracks, score)
    imported = import_scores(read, fasta, Chains(chain) if chain else None, scores)
    write_rows(output, IMPORTED_COLUMNS, ([*row[:2], model, *row[2:]] for row in imported.rows(read())))
    write_rows(unused, UNUSED_COLUMNS, ([*allele, reason] for allele, reason in imported.unused.items()))
    log(f"{model}: {imported.written:,} scores imported, {len(imported.unused):,} alleles not used")
    if imported.repeated:
        log(
            f"WARNING {model}: {imported.repeated:,} scores repeat an allele, gene and track; the first of each is used"
        )
    if chain:
        log(f"{model}: {imported.lifted:,} alleles lifted over, {imported.turned:,} of them on the other strand")


if __name__ == "__main__":
    main()

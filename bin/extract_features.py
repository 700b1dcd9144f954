#!/usr/bin/env python3
"""Promoter sequence and annotation features of every gene of a genome."""

from pathlib import Path

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING, downstream_option, fasta_option, outdir_option, upstream_option


@click.command(epilog="Example: extract_features.py --fasta genome.fa.gz --gtf genes.gtf.gz --outdir features")
@fasta_option
@click.option("--gtf", required=True, type=EXISTING, help="Genes: GTF or GFF3, plain or gzipped.")
@click.option("--canonical", type=EXISTING, help="Canonical transcripts: a file with their ids.")
@upstream_option
@downstream_option
@click.option(
    "--features",
    default="extended",
    show_default=True,
    type=click.Choice(["half_life", "extended"]),
    help="Annotation features: the five half-life features, or also codons, GC content, transcript and neighbours.",
)
@click.option("--gene_features", type=EXISTING, help="Your own features: TSV or h5ad of genes × numbers.")
@click.option(
    "--gene_features_missing",
    default="error",
    show_default=True,
    type=click.Choice(["error", "mean"]),
    help="Genes that --gene_features lacks: an error, or read as the mean of the training genes.",
)
@outdir_option("genes.tsv, features.h5, dropped_genes.tsv and transcripts.bed")
@reports_problems
def main(fasta, gtf, canonical, upstream, downstream, features, gene_features, gene_features_missing, outdir):
    """Choose one transcript per gene, and write its promoter window and annotation features."""
    from scxpresso.genome.annotation import HALF_LIFE
    from scxpresso.genome.bed import write_bed
    from scxpresso.genome.extended import EXTENDED
    from scxpresso.genome.feature_store import write_features
    from scxpresso.genome.features import extract_features, scaled_half_life
    from scxpresso.genome.gene_features import check_complete, read_gene_features
    from scxpresso.store import write_table

    extended = EXTENDED if features == "extended" else []
    genome = extract_features(fasta, gtf, canonical, upstream, downstream, bool(extended), log)
    table = None
    if gene_features:
        table = read_gene_features(gene_features, genome.genes["gene_id"], genome.genes["gene_name"])
        if gene_features_missing == "error":
            check_complete(gene_features, table)
        lacking = len(table.incomplete)
        warning = "WARNING " if lacking == len(table.genes) else ""
        log(f"{warning}{len(table.names):,} gene features; {lacking:,} of {len(table.genes):,} genes lack a value")
    half_life = genome.genes[HALF_LIFE].to_numpy(dtype=float)
    outdir = Path(outdir)
    write_features(
        outdir / "features.h5",
        genome.genes["gene_id"],
        genome.codes,
        half_life,
        scaled_half_life(half_life),
        upstream,
        genome.genes[extended].to_numpy(dtype=float),
        genome.transcript_features,
        table,
    )
    write_table(outdir / "genes.tsv", genome.genes)
    write_table(outdir / "dropped_genes.tsv", genome.dropped)
    write_bed(outdir / "transcripts.bed", genome.transcripts)
    padded = int((genome.genes["padded_bases"] > 0).sum())
    log(f"{len(genome.genes):,} genes written; {padded:,} windows extend beyond a contig's end and are padded with N")


if __name__ == "__main__":
    main()

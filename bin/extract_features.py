#!/usr/bin/env python3
"""Promoter sequence and half-life features of every gene of a genome."""

from pathlib import Path

import click

from scxpresso.console import log, reports_problems


@click.command(epilog="Example: extract_features.py --fasta genome.fa.gz --gtf genes.gtf.gz --outdir features")
@click.option("--fasta", required=True, type=click.Path(exists=True), help="Genome: FASTA, plain, gzipped or bgzipped.")
@click.option("--gtf", required=True, type=click.Path(exists=True), help="Genes: GTF or GFF3, plain or gzipped.")
@click.option("--canonical", type=click.Path(exists=True), help="Canonical transcripts: a file with their ids.")
@click.option("--upstream", default=7000, show_default=True, type=click.IntRange(0), help="Bases before the TSS.")
@click.option("--downstream", default=3500, show_default=True, type=click.IntRange(1), help="Bases from the TSS on.")
@click.option(
    "--features",
    default="extended",
    show_default=True,
    type=click.Choice(["half_life", "extended"]),
    help="Of the annotation: five half-life features, or codons, GC content and neighbours too.",
)
@click.option("--outdir", default=".", show_default=True, help="Gets genes.tsv, features.h5, transcripts.bed, …")
@reports_problems
def main(fasta, gtf, canonical, upstream, downstream, features, outdir):
    """Choose one transcript a gene and write its window around the TSS and its features of the annotation."""
    from scxpresso.genome.annotation import HALF_LIFE
    from scxpresso.genome.bed import write_bed
    from scxpresso.genome.extended import EXTENDED
    from scxpresso.genome.feature_store import write_features
    from scxpresso.genome.features import extract_features, scaled_half_life
    from scxpresso.store import write_table

    extended = EXTENDED if features == "extended" else []
    genome = extract_features(fasta, gtf, canonical, upstream, downstream, bool(extended), log)
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
    )
    write_table(outdir / "genes.tsv", genome.genes)
    write_table(outdir / "dropped_genes.tsv", genome.dropped)
    write_bed(outdir / "transcripts.bed", genome.transcripts)
    padded = int((genome.genes["padded_bases"] > 0).sum())
    log(f"{len(genome.genes):,} genes written; {padded:,} windows reach over a contig's end and are padded with N")


if __name__ == "__main__":
    main()

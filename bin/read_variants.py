#!/usr/bin/env python3
"""Which variants of a file can be scored, and for which genes."""

import click

from scxpresso.console import log, reports_problems


@click.command(
    epilog="Example: read_variants.py --set gwas --file gwas.tsv --fasta genome.fa.gz --genes genes.tsv --outdir variants"
)
@click.option("--set", "name", required=True, help="What the variants are called in tables.")
@click.option(
    "--file",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="VCF, BCF, summary statistics, or a table of the GWAS Catalog or of chrom, pos (from 1), ref and alt; gzipped or not.",
)
@click.option("--fasta", required=True, type=click.Path(exists=True), help="Genome: FASTA, plain, gzipped or bgzipped.")
@click.option("--genes", required=True, type=click.Path(exists=True), help="genes.tsv of the genome.")
@click.option("--upstream", default=7000, show_default=True, type=click.IntRange(0), help="Bases before the TSS.")
@click.option("--downstream", default=3500, show_default=True, type=click.IntRange(1), help="Bases from the TSS on.")
@click.option("--haplotypes", is_flag=True, help="With the haplotypes that carry each allele (phased VCF or BCF).")
@click.option(
    "--rows_per_chunk",
    default=50_000,
    show_default=True,
    type=click.IntRange(1),
    help="Rows of a table, each a variant and a gene; more only where one gene has more.",
)
@click.option("--outdir", default=".", show_default=True, help="Gets chunks/, rejected.tsv and counts.json.")
@reports_problems
def main(name, file, fasta, genes, upstream, downstream, haplotypes, rows_per_chunk, outdir):
    """Check the variants of a file against the genome, and place them in the windows of genes."""
    from scxpresso.text import plural
    from scxpresso.variants.reading import read_variants

    counts = read_variants(name, file, fasta, genes, upstream, downstream, haplotypes, rows_per_chunk, outdir, log)
    log(
        f"{plural(counts['variants'], 'variant')} of {plural(counts['rows'], 'row')}: {counts['scorable']:,} scorable, "
        f"{counts['not_scorable']:,} not scorable, {sum(counts['rejected'].values()):,} rejected, "
        f"{counts['repeated']:,} repeated"
    )
    for reason, times in counts["rejected"].items():
        log(f"  rejected: {times:,} because {reason}")
    log(
        f"{plural(counts['alleles'], 'allele')} in the windows of genes, {plural(counts['pairs'], 'row')} in "
        f"{plural(counts['chunks'], 'chunk')}"
    )


if __name__ == "__main__":
    main()

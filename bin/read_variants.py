#!/usr/bin/env python3
"""Find out which variants of a file can be scored, and for which genes."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import FILE, downstream_option, fasta_option, genes_option, outdir_option, upstream_option


@click.command(
    epilog="Example: read_variants.py --set gwas --file gwas.tsv --fasta genome.fa.gz --genes genes.tsv --outdir variants"
)
@click.option("--set", "name", required=True, help="Name of the set of variants.")
@click.option(
    "--file",
    required=True,
    type=FILE,
    help="VCF, BCF, summary statistics, GWAS Catalog, or a table of chrom, pos (1-based), ref and alt; plain or gzipped.",
)
@fasta_option
@genes_option
@upstream_option
@downstream_option
@click.option("--haplotypes", is_flag=True, help="Also list the haplotypes that carry each allele (phased VCF or BCF).")
@click.option(
    "--rows_per_chunk",
    default=50_000,
    show_default=True,
    type=click.IntRange(1),
    help="Rows (pairs of a variant and a gene) per chunk; more only if a single gene has more.",
)
@outdir_option("chunks/, rejected.tsv and counts.json")
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

#!/usr/bin/env python3
"""Predicted effects of variants against measured ones."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import EXISTING


@click.command(
    epilog="Example: benchmark_effects.py --scores atlas.level.grammar.tsv.gz --measured eqtl.tsv --name eqtl "
    "--output pairs.tsv.gz --metrics metrics.tsv"
)
@click.option("--scores", required=True, type=EXISTING, help="Table of scores, as join_scores.py writes it.")
@click.option(
    "--measured",
    required=True,
    type=EXISTING,
    help="Measured effects (TSV or CSV): variant, or chrom, pos, ref and alt; gene, population, effect; se or p; maf.",
)
@click.option("--name", required=True, help="Name of the benchmark in the output.")
@click.option(
    "--max_p",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Highest p-value of a significant measured effect; the others are controls.",
)
@click.option("--output", required=True, type=click.Path(), help="Output table (TSV): predicted and measured effects.")
@click.option("--metrics", required=True, type=click.Path(), help="Output table (TSV): agreement by population.")
@reports_problems
def main(scores, measured, name, max_p, output, metrics):
    """Compare predicted with measured effects: signs, ranks, and significant effects against controls."""
    from scxpresso.store import write_table
    from scxpresso.variants.benchmark import benchmark
    from scxpresso.variants.measured import read_measured

    effects = read_measured(measured)
    table, joined = benchmark(name, scores, effects, max_p, output, log)
    write_table(metrics, table)
    log(f"{len(joined):,} of {len(effects):,} measured effects have a score")
    left = [one.sought for number, one in enumerate(effects) if number not in joined]
    moved = sum(one.pos > 0 and len(one.ref) != len(one.alt) for one in left)
    if joined and moved:
        log(
            f"WARNING benchmark {name}: {moved:,} of those without a score are insertions or deletions named by position, which "
            "can be written at several positions of a repeat; name them by the set's ids"
        )
    unnamed = sum(not (one.ref and one.alt) for one in left)
    if joined and unnamed:
        log(
            f"NOTE benchmark {name}: {unnamed:,} of those without a score name no allele, or alt without ref, and are left out "
            "if several alleles of their variant fit; add the columns ref and alt"
        )
    if not joined:
        log(
            f"WARNING benchmark {name}: none of its variants and genes is in this set; variants are named by the set's ids, "
            "or by chrom:pos:ref:alt"
        )


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Scores of variants by a model."""

import click

from scxpresso.console import log, reports_problems
from scxpresso.options import (
    EXISTING,
    FILE,
    FOLDER,
    device_option,
    engine_option,
    fasta_option,
    features_option,
    genes_option,
    model_option,
    threads_option,
)


@click.command(
    epilog="Example: score_variants.py --model results/models/atlas/cell_type/scxpresso --features features.h5 "
    "--genes genes.tsv --fasta genome.fa.gz --variants chunk.tsv.gz --set gwas --output scores.tsv.gz. "
    "Effects are differences of predicted log10 expression, alternative minus reference; distances are in bases."
)
@model_option
@features_option
@genes_option
@fasta_option
@click.option(
    "--variants",
    required=True,
    type=EXISTING,
    help="Chunk of scorable variants, sorted by gene, as read_variants.py writes it.",
)
@click.option("--set", "set_name", required=True, help="Name of the set of variants.")
@click.option("--haplotypes", is_flag=True, help="Also score the alleles that a haplotype carries together.")
@click.option("--pooled", type=FILE, help="pooled_effects.h5 of the model; without it, there are no pooled p-values.")
@click.option(
    "--variant_map",
    type=FOLDER,
    help="Variant map of the model: single-nucleotide variants are looked up in it; only what it lacks is computed.",
)
@click.option(
    "--sign_calibration",
    type=FILE,
    help="assets/sign_calibration.json: how probable it is that signs are right; without it, sign_probability is empty.",
)
@device_option
@engine_option
@threads_option
@click.option(
    "--output", required=True, type=click.Path(), help="Output table (TSV): one row per variant, gene and population."
)
@reports_problems
def main(
    model, features, genes, fasta, variants, set_name, haplotypes, pooled, variant_map, sign_calibration, device, engine,
    threads, output,
):  # fmt: skip
    """Score variants and haplotypes in every population, by the networks for which their gene was held out."""
    import torch

    from scxpresso.genome.feature_store import Features
    from scxpresso.memory import keep_large_blocks
    from scxpresso.networks.model import Model
    from scxpresso.networks.prediction import resolve_device
    from scxpresso.store import read_table, write_rows
    from scxpresso.variants.pooled import PooledEffects
    from scxpresso.variants.pooled_origin import check_origin
    from scxpresso.variants.score_table import SCORE_COLUMNS, read_chunk
    from scxpresso.variants.scoring import Scorer, score_variants
    from scxpresso.variants.sign_probability import SignCalibration

    torch.set_num_threads(threads)
    keep_large_blocks()
    chosen = resolve_device(device)
    log(f"device {chosen} (--device {device}), {threads} threads")
    table = read_table(genes, index="gene_id", columns=["gene_id", "gene_name", "chrom", "strand", "tss"])
    trained = Model(model)
    if pooled:
        check_origin(pooled, model)
    background = PooledEffects.read(pooled, trained) if pooled else None
    signs = SignCalibration.read(sign_calibration, trained.network) if sign_calibration else None
    scorer = Scorer(trained, Features(features), table, chosen, engine, background)
    processes = threads if chosen.type == "cpu" else 1
    if variant_map:
        from scxpresso.variant_map.reading import VariantMap  # zarr is slow to import
        from scxpresso.variant_map.scores import MappedScorer, score_with_map

        mapped = MappedScorer(scorer, VariantMap(variant_map), bool(pooled))
        scored = score_with_map(mapped, lambda: read_chunk(variants), fasta, haplotypes, processes)
    else:
        scored = score_variants(scorer, lambda: read_chunk(variants), fasta, haplotypes, processes)
    alleles, unread = [], 0

    def rows():
        nonlocal unread
        for gene in scored:
            alleles.append(len(gene.alleles))
            unread += int((~gene.scorable).sum())
            yield from gene.rows(set_name, signs)

    write_rows(output, SCORE_COLUMNS, rows())
    populations = len(scorer.model.populations)
    log(f"{sum(alleles):,} alleles in windows of {len(alleles):,} genes scored in {populations:,} populations")
    if unread:
        first, end = scorer.reads
        where = f"bases {first:+,} to {end - 1:+,} from the TSS" if first < end else "no sequence"
        log(f"{unread:,} of them are not scorable: {scorer.model.network} reads {where}")


if __name__ == "__main__":
    main()

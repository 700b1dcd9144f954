#!/usr/bin/env python3
"""Effects of every single-nucleotide variant in reach of the genes of one part of a variant map."""

import click

from scxpresso.console import log, progress, reports_problems
from scxpresso.options import FILE, device_option, engine_option, model_option, outdir_option, threads_option


@click.command(
    epilog="Example: map_variants.py --model models/atlas/level/scxpresso --part parts/0123456789abcdef.h5 "
    "--pooled pooled_effects.h5 --outdir part"
)
@model_option
@click.option("--part", required=True, type=FILE, help="Part of the genes, as split_map.py writes it.")
@click.option("--pooled", required=True, type=FILE, help="pooled_effects.h5 of the model.")
@click.option(
    "--genes_per_part", default=200, show_default=True, type=click.IntRange(1), help="Maximum number of genes per part."
)
@device_option
@engine_option
@threads_option
@outdir_option("part.zarr, genes.tsv and map.json", default="part")
@reports_problems
def main(model, part, pooled, genes_per_part, device, engine, threads, outdir):
    """Compute effects and pooled p-values, by the networks for which each gene was held out, and quantise them.

    join_map.py makes the stores of a map from the parts of all genes.
    """
    import torch

    torch.set_num_threads(threads)

    from scxpresso.networks.model import Model
    from scxpresso.networks.prediction import resolve_device
    from scxpresso.variant_map.effects import map_variants
    from scxpresso.variant_map.parts import read_places
    from scxpresso.variants.pooled import PooledEffects
    from scxpresso.variants.pooled_origin import check_origin

    chosen = resolve_device(device)
    log(f"device {chosen} (--device {device}), {threads} threads")
    check_origin(pooled, model)
    trained, genes = Model(model), len(read_places(part))
    with progress(genes, "mapping") as step:
        made = map_variants(trained, part, PooledEffects.read(pooled, trained), genes_per_part, chosen, engine, step)
    made.write(outdir)
    log(f"{genes:,} genes, {made.about.positions:,} bases each, {len(trained.populations):,} populations")


if __name__ == "__main__":
    main()

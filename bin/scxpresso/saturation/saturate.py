"""In silico saturation mutagenesis of a chunk of genes by a model (paper 2.7)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.networks.model import Model
from scxpresso.networks.registry import bases_read
from scxpresso.problems import InputError, Problem, preview
from scxpresso.saturation.effects_store import EFFECTS, EffectsMetadata, resolved, write_effects
from scxpresso.saturation.incremental import incremental
from scxpresso.saturation.profiles import (
    PROFILE_COLUMNS,
    PROFILES,
    Place,
    PositionSums,
    packed,
    profile,
    profile_rows,
    write_rows,
)
from scxpresso.text import shown


def read_chunk(path: str | Path) -> list[str]:
    """Read the gene ids of a file that select_genes.py wrote, one per line. Raises InputError if there are none."""
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    genes = list(dict.fromkeys(line for line in lines if line))
    if not genes:
        raise InputError(Problem("--chunk", "no gene", "a file with one gene id per line"))
    return genes


def saturate(
    model: Model,
    features: Features,
    genes: pd.DataFrame,
    wanted: Sequence[str],
    device: torch.device,
    engine: str,
    outdir: str | Path,
    step: Callable[[str], None] = lambda message: None,
) -> None:
    """Write effects.h5 and profiles.tsv.gz of the genes with ids `wanted`, in their order.

    Effects are means over the networks for which the gene was held out. For a gene absent from training, they are means over
    the networks of all folds, and its fold is 0. genes: genes.tsv. engine: see incremental. step: called for each gene.
    Raises InputError for features of another window, and for genes without features or position.
    """
    model.check_window(features.upstream, features.downstream)
    places = Place.of(genes)
    missing = [gene for gene in wanted if gene not in places]
    if missing:
        raise InputError(
            Problem("genes.tsv", f"none of {preview(missing)}", "the genes.tsv that the features came with")
        )
    rows = features.rows(wanted)
    annotation = features.annotation(rows, model.annotation_features)
    metadata = EffectsMetadata(
        model.atlas, model.level, model.recipe, model.network, model.genome, model.upstream, model.downstream,
        tuple(model.populations), bases_read(model.network, model.inputs, model.upstream, model.downstream),
    )  # fmt: skip
    fold_of = [model.fold_of(gene) for gene in wanted]
    sums, members = PositionSums(model.window, len(model.populations)), [b""] * len(wanted)
    with write_effects(Path(outdir) / EFFECTS, metadata, wanted) as store, ThreadPoolExecutor(1) as writer:

        def keep(number: int, predicted: np.ndarray, effects: np.ndarray) -> None:
            codes, gene = features.codes[rows[number]], wanted[number]
            mean = resolved(effects.mean(axis=0))
            store.write(number, fold_of[number] or 0, codes, predicted.mean(axis=0), mean)
            signed, base = profile(mean, codes)
            sums.add(signed)
            text = profile_rows(places[gene], codes, model.upstream, model.populations, signed, base)
            members[number] = packed(text)
            step(f"{shown(gene)}: largest effect {np.abs(mean).max():.3f}")

        kept = None
        for fold in sorted(set(fold_of), key=lambda fold: fold or 0):
            networks = incremental(model.networks(fold), device, engine)
            for number in [number for number, other in enumerate(fold_of) if other == fold]:
                computed = networks.effects(features.codes[rows[number]], annotation[number])
                if kept:
                    kept.result()
                kept = writer.submit(keep, number, *computed)  # while the next gene is computed
        if kept:
            kept.result()
        store.write_sums(sums)
    write_rows(Path(outdir) / PROFILES, PROFILE_COLUMNS, members)

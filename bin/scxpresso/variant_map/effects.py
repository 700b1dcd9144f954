"""Effects of every single-nucleotide variant in reach of genes, with their ranks, as a variant map stores them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import BASE_OF_CODE, alternatives
from scxpresso.networks.model import Model
from scxpresso.networks.registry import bases_read
from scxpresso.problems import InputError, Problem
from scxpresso.saturation.effects_store import resolved, rounded
from scxpresso.saturation.incremental import incremental
from scxpresso.text import shown
from scxpresso.variant_map.parts import read_places
from scxpresso.variant_map.store import (
    GeneValues,
    MapMetadata,
    MapPart,
    quantised,
    quantised_p_values,
    quantised_sd,
)
from scxpresso.variants.background import gene_bins, spread
from scxpresso.variants.pooled import PooledEffects, root_mean_square
from scxpresso.variants.significance import specificity


def gene_values(
    codes: np.ndarray,
    predicted: np.ndarray,
    by_network: np.ndarray,
    upstream: int,
    reads: tuple[int, int],
    pooled: PooledEffects,
) -> GeneValues:
    """Rank and quantise the effects of a gene's substitutions.

    Parameters
    ----------
    codes: of the whole window. predicted: networks × populations.
    by_network: effects of the substitutions of the bases that networks read (networks × positions × 4 × populations).
    pooled: of the model.
    """
    first, end = (upstream + base for base in reads)
    read = codes[first:end]
    is_ambiguous = BASE_OF_CODE[read] > 3
    by_network = by_network[:, np.arange(len(read))[:, None], alternatives(read)]
    by_network[:, is_ambiguous] = 0
    mean = resolved(by_network.mean(axis=0))
    code, scale = quantised(mean)
    values = {
        "effect": code,
        "sd": quantised_sd(rounded(by_network.std(axis=0))),
        "agreeing": (np.sign(resolved(by_network)) == np.sign(mean)).sum(axis=0).astype(np.uint16),
    }
    kinds = {"pooled_p_value": (pooled.effect, mean)}
    if mean.shape[-1] > 1:
        kinds["pooled_specificity_p_value"] = pooled.specificity, specificity(mean)
    starts, counted, bounds = gene_bins(codes, reads, upstream)
    own_bin = np.searchsorted(starts, np.arange(first, end), side="right") - 1
    compared, (pooled_bin, stretch) = np.clip(own_bin, *bounds), pooled.compared_with(np.arange(first, end))
    for name, (histograms, of_kind) in kinds.items():
        p_values = np.ones(of_kind.shape)
        for bin_ in np.unique(compared):
            here = compared == bin_
            # As where variants are scored: the root mean square is that of a sample of the bin's positions.
            sampled = spread(np.flatnonzero(counted[first:end] & (own_bin == bin_)))[: pooled.positions]
            background = of_kind[sampled].reshape(-1, of_kind.shape[-1])
            of_bin = of_kind[here].reshape(-1, of_kind.shape[-1])
            own_scale = np.broadcast_to(root_mean_square(background), of_bin.shape)
            compared_with = pooled_bin[here].repeat(3), stretch[here].repeat(3)
            found = histograms.p_values(*compared_with, of_bin, own_scale)
            p_values[here] = found.reshape(-1, *of_kind.shape[1:])
        p_values[is_ambiguous] = 1
        values[name] = quantised_p_values(p_values)
    return GeneValues(read, values, {"predicted": predicted.mean(axis=0), "scale": scale})


def map_variants(
    model: Model,
    part: str | Path,
    pooled: PooledEffects,
    genes_per_shard: int,
    device: torch.device,
    engine: str = "auto",
    step: Callable[[str], None] = lambda message: None,
) -> MapPart:
    """Compute the genes of a part by the networks for which each was held out (those of all folds, if absent from training).

    part: as write_parts wrote it. engine: see incremental. step: called for each gene. Raises InputError for features of
    another window, and for a model that reads no sequence.
    """
    features, places = Features(part), read_places(part)
    model.check_window(features.upstream, features.downstream)
    reads = bases_read(model.network, model.inputs, model.upstream, model.downstream)
    if reads[0] >= reads[1]:
        raise InputError(Problem(shown(model.name), "a model that reads no sequence", "one that reads the promoter"))
    annotation = features.annotation(np.arange(len(places)), model.annotation_features)
    fold_of = [model.fold_of(gene) for gene in places["gene_id"]]
    places = places.assign(fold=[fold or 0 for fold in fold_of], networks=0)
    made = MapPart(MapMetadata.of(model, reads, genes_per_shard), places)
    first, end = (model.upstream + base for base in reads)
    for fold in sorted(set(fold_of), key=lambda fold: fold or 0):
        networks = incremental(model.networks(fold), device, engine)
        for row in [row for row, other in enumerate(fold_of) if other == fold]:
            codes = features.codes[row]
            predicted, effects = networks.effects(codes, annotation[row], first, end)
            made.genes.loc[row, "networks"] = len(effects)
            made.set(row, gene_values(codes, predicted, effects, model.upstream, reads, pooled))
            step(shown(places["gene_id"].iloc[row]))
    return made

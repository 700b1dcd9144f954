"""In silico saturation mutagenesis of some genes by a model, and its files (paper 2.7)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.networks.model import Model
from scxpresso.networks.registry import bases_read
from scxpresso.problems import InputError, Problem, preview
from scxpresso.saturation.effects_store import Effects, EffectsMetadata, join_effects, resolved, write_effects
from scxpresso.saturation.incremental import incremental
from scxpresso.saturation.profiles import (
    CONTRAST_COLUMNS,
    PROFILE_COLUMNS,
    Place,
    PositionSums,
    contrast_rows,
    join_rows,
    packed,
    profile,
    profile_rows,
    write_rows,
)
from scxpresso.store import write_table
from scxpresso.text import shown

EFFECTS, PROFILES, POSITIONS, CONTRASTS = "effects.h5", "profiles.tsv.gz", "positions.tsv", "contrasts.tsv.gz"


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


def find_contrast(text: str, populations: Sequence[str]) -> tuple[int, int] | None:
    """Find the indices of the two populations in `A;B`, whose names may contain semicolons; None if one is absent.

    Raises InputError if the text can be read in two ways.
    """
    number = {name: index for index, name in enumerate(populations)}
    exact = [(text[:cut], text[cut + 1 :]) for cut, character in enumerate(text) if character == ";"]
    pairs = dict.fromkeys([*exact, *((one.strip(), other.strip()) for one, other in exact)])
    found = [(number[one], number[other]) for one, other in pairs if one in number and other in number and one != other]
    if len(found) > 1:
        expected = f"two of {preview(populations, 40)}, joined by ';'"
        raise InputError(Problem("--contrast", f"{text!r} may be read in two ways", expected))
    return found[0] if found else None


def join_saturation(
    parts: Sequence[str | Path], genes: pd.DataFrame, contrasts: Sequence[str], outdir: str | Path
) -> tuple[int, int, int]:
    """Join the folders that `saturate` wrote; write positions.tsv and, with contrasts, contrasts.tsv.gz.

    genes: genes.tsv, which gives the order. contrasts: see find_contrast; those whose populations the model lacks are
    skipped. Returns the numbers of genes, populations and contrasts. Raises InputError if the parts do not belong together.
    """
    joined, folders = Path(outdir), [Path(part) for part in parts]
    with Effects(folders[0] / EFFECTS) as effects:
        populations, upstream = effects.populations, effects.upstream
    pairs = [pair for text in contrasts if (pair := find_contrast(text, populations))]
    rank = {gene: number for number, gene in enumerate(genes["gene_id"])}
    folders.sort(key=lambda part: _first_rank(part / EFFECTS, rank))
    sums = join_effects(joined / EFFECTS, [part / EFFECTS for part in folders], genes["gene_id"])
    join_rows(joined / PROFILES, PROFILE_COLUMNS, [part / PROFILES for part in folders])
    write_table(joined / POSITIONS, sums.table(populations, upstream))
    with Effects(joined / EFFECTS) as effects:
        if pairs:
            write_rows(joined / CONTRASTS, CONTRAST_COLUMNS, _contrasts(effects, Place.of(genes), pairs))
        return len(effects.gene_id), len(populations), len(pairs)


def _first_rank(path: Path, rank: dict[str, int]) -> int:
    with Effects(path) as effects:
        return min(rank.get(gene, len(rank)) for gene in effects.gene_id)


def _contrasts(effects: Effects, places: dict[str, Place], pairs: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the packed rows of contrasts.tsv.gz, by gene and contrast."""
    for row, gene in enumerate(effects.gene_id):
        signed, _ = profile(effects.effects(gene), effects.codes[row])
        for one, other in pairs:
            names = effects.populations[one], effects.populations[other]
            yield packed(contrast_rows(places[gene], effects.upstream, names, signed[:, one], signed[:, other]))

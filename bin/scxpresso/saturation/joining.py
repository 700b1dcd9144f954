"""From the chunks of genes that were saturated to the files of a model: effects, profiles, positions and contrasts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from scxpresso.problems import InputError, Problem, preview
from scxpresso.saturation.effects_store import EFFECTS, Effects, join_effects
from scxpresso.saturation.profiles import (
    CONTRAST_COLUMNS,
    PROFILE_COLUMNS,
    PROFILES,
    Place,
    contrast_rows,
    join_rows,
    packed,
    profile,
    write_rows,
)
from scxpresso.store import write_table

POSITIONS, CONTRASTS = "positions.tsv", "contrasts.tsv.gz"


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

"""agreement.tsv: how well bulk and pseudobulk, or two protocols, agree on a tissue (paper 3.1)."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from scxpresso.evaluation.levels import Level, bulk_of_tissue, same_populations
from scxpresso.metrics import pearson, spearman

AGREEMENT_COLUMNS = [
    "tissue", "atlas", "protocol", "level", "population", "other_atlas", "other_protocol", "other_level",
    "other_population", "n_genes", "pearson", "spearman",
]  # fmt: skip


def agreement_rows(levels: Sequence[Level]) -> Iterator[dict]:
    """Yield rows of agreement.tsv: correlations of observed expression over the genes that two populations have.

    The pairs are of two atlases of a tissue and genome: bulk and every single-cell population, or the same population.
    """
    for one, population, other, theirs in tissue_pairs(levels):
        mine, observed = one.observed[population], other.observed[theirs]
        genes = mine.index.intersection(observed.index)
        columns = mine.loc[genes].to_numpy()[:, None], observed.loc[genes].to_numpy()[:, None]
        yield {
            "tissue": one.tissue,
            "atlas": one.atlas,
            "protocol": one.protocol,
            "level": one.level,
            "population": population,
            "other_atlas": other.atlas,
            "other_protocol": other.protocol,
            "other_level": other.level,
            "other_population": theirs,
            "n_genes": len(genes),
            "pearson": pearson(*columns)[0],
            "spearman": spearman(*columns)[0],
        }


def tissue_pairs(levels: Sequence[Level]) -> Iterator[tuple[Level, str, Level, str]]:
    """Yield each pair of populations of two atlases of a tissue and genome: (level, population, level, population).

    The first is bulk if one is.
    """
    for one, other in combinations(levels, 2):
        one, other = (other, one) if bulk_of_tissue(other, one) else (one, other)
        yield from ((one, population, other, theirs) for population, theirs in paired_populations(one, other))


def paired_populations(one: Level, other: Level) -> Iterator[tuple[str, str]]:
    """Yield the populations of two atlases of a tissue whose expression should agree."""
    if bulk_of_tissue(one, other):
        yield from ((population, theirs) for population in one.labels for theirs in other.labels)
    elif one.atlas != other.atlas and one.tissue and (one.tissue, one.genome) == (other.tissue, other.genome):
        yield from same_populations(one, other)

"""What a gene's alleles are compared with: its own substitutions at a similar distance to the TSS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np

from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.saturation.effects import GeneEffects
from scxpresso.saturation.effects_store import resolved
from scxpresso.variants.gene_alleles import Allele, nearest_to_tss
from scxpresso.variants.significance import bins, compared_bins, specificity
from scxpresso.variants.windows import Edit

# Index of a base among the alternatives A, C, G and T, by its code; 4 for ambiguous bases.
ALTERNATIVE_INDEX = np.full(16, 4, dtype=np.uint8)
ALTERNATIVE_INDEX[ALTERNATIVE_CODES] = range(4)
GOLDEN_RATIO = (5**0.5 - 1) / 2
SUBSTITUTIONS = 3  # of an unambiguous base


@dataclass(frozen=True)
class Sites:
    """Where the alleles of a gene lie in its window.

    Of each allele: scorable, whether it changes a base that the networks read; substitution, whether it is a scorable
    substitution; index, of its changed base nearest to the TSS (among those read); base, number (A, C, G, T) of the one
    that a substitution makes; own_bin, the bin that it lies in; compared_bin, the bin that it is compared with.
    Of the window: starts, ends, where its bins begin and end; codes; counted, whether alleles are compared with the
    substitutions of a base.
    """

    scorable: np.ndarray
    substitution: np.ndarray
    index: np.ndarray
    base: np.ndarray
    own_bin: np.ndarray
    compared_bin: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    codes: np.ndarray
    counted: np.ndarray

    @property
    def bin_of(self) -> np.ndarray:
        """Of each allele, the bin that it is compared with; -1 where it is not scorable."""
        return np.where(self.scorable, self.compared_bin, -1)

    def positions(self, bin_: int) -> np.ndarray:
        """Give the positions of a bin whose substitutions alleles are compared with, in the order of `spread`."""
        here = slice(self.starts[bin_], self.ends[bin_])
        return spread(self.starts[bin_] + np.flatnonzero(self.counted[here]))


def spread(positions: np.ndarray) -> np.ndarray:
    """Order positions so that the first ones, however many, lie evenly among all.

    They are in the order of the multiples of the golden ratio, modulo 1.
    """
    return positions[_golden_order(len(positions))]


@cache
def _golden_order(number: int) -> np.ndarray:
    return np.argsort(np.arange(number) * GOLDEN_RATIO % 1, kind="stable")


def gene_bins(
    codes: np.ndarray, reads: tuple[int, int], upstream: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Divide a gene's window (codes) into bins.

    reads: as in find_sites.

    Returns
    -------
    The first index of each bin; of each base, whether its substitutions are something to compare with (unambiguous, and read
    by the networks); the first and the last bin that alleles are compared with.
    """
    return _bins_of((BASE_OF_CODE[codes] < 4).tobytes(), reads, upstream)


@lru_cache(maxsize=64)  # most windows have no ambiguous base
def _bins_of(
    is_unambiguous: bytes, reads: tuple[int, int], upstream: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    unambiguous = np.frombuffer(is_unambiguous, dtype=bool)
    starts = bins(unambiguous, upstream)
    counted = unambiguous.copy()
    counted[: upstream + reads[0]] = counted[upstream + reads[1] :] = False
    return starts, counted, compared_bins(starts, counted)


def find_sites(
    codes: np.ndarray,
    alleles: Sequence[Allele],
    edits_read: Sequence[Sequence[Edit]],
    reads: tuple[int, int],
    upstream: int,
) -> Sites:
    """Where alleles lie in a gene's window (codes), and which substitutions they are compared with.

    Parameters
    ----------
    edits_read: of each allele, the edits that change a base that the networks read.
    reads: the bases that the networks read, relative to the TSS: the first, and the one after the last. What they do not
        read is nothing to compare with: it has effect 0 whatever happens.
    """
    scorable = np.array([bool(edits) for edits in edits_read])
    starts, counted, compared = gene_bins(codes, reads, upstream)
    index = np.array([upstream + nearest_to_tss(edits) if edits else 0 for edits in edits_read])
    index = np.clip(index, 0, len(codes) - 1)
    own_bin = np.searchsorted(starts, index, side="right") - 1
    return Sites(
        scorable=scorable,
        substitution=scorable & [allele.is_substitution for allele in alleles],
        index=index,
        base=np.array(
            [ALTERNATIVE_INDEX[allele.edits[0].codes[0]] if allele.is_substitution else 0 for allele in alleles]
        ),
        own_bin=own_bin,
        compared_bin=np.clip(own_bin, *compared),
        starts=starts,
        ends=np.append(starts[1:], len(codes)),
        codes=codes,
        counted=counted,
    )


@dataclass
class BinBackground:
    """The substitutions of a bin, so far as they were computed.

    positions: all of the bin, in the order of `spread`. effects, specificities: those of the ALTERNATIVES of each of the first
    positions, means over networks, resolved as effects.h5 is (substitutions × populations).
    """

    positions: np.ndarray
    effects: np.ndarray
    specificities: np.ndarray

    def first(self, count: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Give effects and specificities of the substitutions at the first positions: substitutions × populations."""
        end = None if count is None else SUBSTITUTIONS * count
        return self.effects[:end], self.specificities[:end]

    def missing(self, count: int | None) -> np.ndarray:
        """List the positions that it lacks of the first `count` (None: of all)."""
        return self.positions[len(self.effects) // SUBSTITUTIONS : count]

    def extend(self, effects: np.ndarray) -> None:
        """Add the substitutions at the next positions."""
        self.effects = np.concatenate([self.effects, effects])
        self.specificities = np.concatenate([self.specificities, specificity(effects)])


@dataclass
class Background:
    """The substitutions that the alleles of a gene are compared with, and the alleles that are substitutions themselves.

    bins: by number. has_alleles: whether these alleles were computed. Of the alleles that are substitutions, and 0 for
    others: by_network (networks × alleles × populations), and means (alleles × populations), resolved as effects.h5 is.
    """

    sites: Sites
    by_network: np.ndarray
    means: np.ndarray
    bins: dict[int, BinBackground] = field(default_factory=dict)
    has_alleles: bool = False

    @classmethod
    def of(cls, sites: Sites, networks: int, populations: int) -> "Background":
        """Make one without any substitution. networks, populations: numbers of what is predicted."""
        by_network = np.zeros((networks, len(sites.index), populations), dtype=np.float32)
        background = cls(sites, by_network, np.zeros(by_network.shape[1:], dtype=np.float32))
        nothing = np.zeros((0, populations), dtype=np.float32)
        for bin_ in sorted(set(sites.compared_bin[sites.scorable].tolist())):
            background.bins[bin_] = BinBackground(sites.positions(bin_), nothing, specificity(nothing))
        return background

    def inside(self, alleles: np.ndarray, count: int | None) -> np.ndarray:
        """Tell of alleles of one bin whether they are among the substitutions at its first positions."""
        sites = self.sites
        positions = self.bins[int(sites.compared_bin[alleles[0]])].positions[:count]
        return sites.substitution[alleles] & (sites.index[alleles, None] == positions).any(axis=1)

    def pending_alleles(self) -> np.ndarray:
        """Give the numbers of the alleles that are substitutions the first time, none later."""
        pending, self.has_alleles = np.flatnonzero(self.sites.substitution & (not self.has_alleles)), True
        return pending

    def missing(self, counts: Mapping[int, int | None]) -> dict[int, np.ndarray]:
        """List the positions that bins lack. counts: by bin, the number of positions that it should have; None for all."""
        return {bin_: self.bins[bin_].missing(count) for bin_, count in counts.items()}


def extend_backgrounds(
    effects: GeneEffects, backgrounds: Sequence[Background], counts: Sequence[Mapping[int, int | None]]
) -> None:
    """Compute the substitutions that bins of genes lack, and at first the alleles that are substitutions, too.

    Parameters
    ----------
    effects: those of the genes of the backgrounds.
    counts: of each gene and bin, the number of positions that it should have; None for all.
    """
    missing = [background.missing(wanted) for background, wanted in zip(backgrounds, counts, strict=True)]
    alleles = [background.pending_alleles() for background in backgrounds]
    positions = [
        np.unique(np.concatenate([background.sites.index[own], *more.values()]))
        for background, own, more in zip(backgrounds, alleles, missing, strict=True)
    ]
    computed = effects.at(positions)
    for background, own, more, places, by_network in zip(
        backgrounds, alleles, missing, positions, computed, strict=True
    ):
        if not len(places):  # as for most genes after the first stage
            continue
        mean, sites = resolved(by_network.mean(axis=0)), background.sites
        at = np.searchsorted(places, sites.index[own]), sites.base[own]
        background.by_network[:, own], background.means[own] = by_network[:, *at], mean[at]
        for bin_, wanted in more.items():
            alternatives = sites.codes[wanted, None] != ALTERNATIVE_CODES
            background.bins[bin_].extend(mean[np.searchsorted(places, wanted)][alternatives])

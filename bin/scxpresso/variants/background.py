"""What a gene's alleles are compared with: its own substitutions at a similar distance to the TSS."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.saturation.effects_store import resolved
from scxpresso.variants.gene_alleles import Allele, nearest_to_tss
from scxpresso.variants.significance import bins, compared_bins, specificity
from scxpresso.variants.windows import Edit

# Index of a base among the alternatives A, C, G and T, by its code; 4 for ambiguous bases.
ALTERNATIVE_INDEX = np.full(16, 4, dtype=np.uint8)
ALTERNATIVE_INDEX[ALTERNATIVE_CODES] = range(4)


class Saturation(Protocol):
    """The networks of a fold, as `incremental` gives them."""

    def effects(self, codes: np.ndarray, annotation: np.ndarray, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Predictions (networks × populations), and effects of every substitution from `start` to `end` (exclusive)."""


@dataclass(frozen=True)
class Sites:
    """Where the alleles of a gene lie in its window.

    Of each allele: scorable, whether it changes a base that the networks read; substitution, whether it is a scorable
    substitution; index, of its changed base nearest to the TSS (among those read); base, number (A, C, G, T) of the one
    that a substitution makes; own_bin, the bin that it lies in; compared_bin, the bin that it is compared with.
    Of the window: starts, ends, where its bins begin and end; members (positions × A, C, G, T), the substitutions that
    alleles are compared with.
    """

    scorable: np.ndarray
    substitution: np.ndarray
    index: np.ndarray
    base: np.ndarray
    own_bin: np.ndarray
    compared_bin: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    members: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Of each allele, whether it is one of the substitutions that it is compared with."""
        return self.substitution & self.members[self.index].any(axis=1) & (self.own_bin == self.compared_bin)

    @property
    def bin_of(self) -> np.ndarray:
        """Of each allele, the bin that it is compared with; -1 where it is not scorable."""
        return np.where(self.scorable, self.compared_bin, -1)

    def runs(self) -> list[tuple[int, int]]:
        """First and last of each run of neighbouring bins that are needed."""
        return runs_of(np.unique([self.own_bin[self.scorable], self.compared_bin[self.scorable]]))


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
    unambiguous = BASE_OF_CODE[codes] < 4
    starts = bins(unambiguous, upstream)
    index = np.array([upstream + nearest_to_tss(edits) if edits else 0 for edits in edits_read])
    index = np.clip(index, 0, len(codes) - 1)
    counted = unambiguous.copy()
    counted[: upstream + reads[0]] = counted[upstream + reads[1] :] = False
    own_bin = np.searchsorted(starts, index, side="right") - 1
    return Sites(
        scorable=scorable,
        substitution=scorable & [allele.is_substitution for allele in alleles],
        index=index,
        base=np.array(
            [ALTERNATIVE_INDEX[allele.edits[0].codes[0]] if allele.is_substitution else 0 for allele in alleles]
        ),
        own_bin=own_bin,
        compared_bin=np.clip(own_bin, *compared_bins(starts, counted)),
        starts=starts,
        ends=np.append(starts[1:], len(codes)),
        members=counted[:, None] & (codes[:, None] != ALTERNATIVE_CODES),
    )


@dataclass(frozen=True)
class Background:
    """Saturation of the bins that alleles lie in or are compared with.

    predicted: networks × populations (log10). effects: by bin, effects and specificities of its substitutions (each
    substitutions × populations). Of the alleles that are substitutions, and 0 for others: by_network (networks × alleles
    × populations), and means (alleles × populations), resolved as effects.h5 is.
    """

    predicted: np.ndarray
    effects: dict[int, tuple[np.ndarray, np.ndarray]]
    by_network: np.ndarray
    means: np.ndarray


def saturate_bins(
    saturation: Saturation, codes: np.ndarray, annotation: np.ndarray, sites: Sites, networks: int, populations: int
) -> Background:
    """Every substitution of the bins that are needed; the alleles that are substitutions are some of them.

    networks, populations: numbers of what the saturation predicts.
    """
    background = {}
    by_network = np.zeros((networks, len(sites.index), populations), dtype=np.float32)
    means = np.zeros(by_network.shape[1:], dtype=np.float32)
    runs = sites.runs()
    if not runs:
        predicted, _ = saturation.effects(codes, annotation, 0, 0)
    for first, last in runs:
        begin = sites.starts[first]
        predicted, substitutions = saturation.effects(codes, annotation, begin, sites.ends[last])
        mean = resolved(substitutions.mean(axis=0))
        specificities = specificity(mean)
        here = sites.substitution & (first <= sites.own_bin) & (sites.own_bin <= last)
        at = sites.index[here] - begin, sites.base[here]
        by_network[:, here], means[here] = substitutions[:, *at], mean[at]
        for bin_ in range(first, last + 1):
            part = slice(sites.starts[bin_] - begin, sites.ends[bin_] - begin)
            members = sites.members[sites.starts[bin_] : sites.ends[bin_]]
            background[bin_] = mean[part][members], specificities[part][members]
    return Background(predicted, background, by_network, means)


def runs_of(numbers: np.ndarray) -> list[tuple[int, int]]:
    """Sorted whole numbers as first and last of each run without a gap."""
    if not len(numbers):
        return []
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    return list(zip(numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, len(numbers) - 1]], strict=True))

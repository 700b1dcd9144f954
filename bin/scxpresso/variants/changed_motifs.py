"""Which of the motifs that a fold's networks have learned an allele breaks or makes."""

from collections.abc import Sequence

import numpy as np
import torch

from scxpresso.networks.learned_motifs import group_motifs, joined_probabilities, motif_parts
from scxpresso.networks.weights import Network
from scxpresso.saturation.motif_part import MotifEffects
from scxpresso.variants.background import Sites
from scxpresso.variants.gene_alleles import Allele
from scxpresso.variants.windows import FlankingSequence

MIN_CHANGE = 0.2  # of a match, which is from 0 to 1: mean over the networks
MAX_NAMED = 5  # motifs of an allele
BATCH = 256  # windows matched at once


class ChangedMotifs:
    """The motifs of several networks, those that are the same as one."""

    def __init__(self, networks: Sequence[Network]):
        self.parts = [[MotifEffects(part) for part, _ in motif_parts(network)] for network in networks]
        every = [effects.part for own in self.parts for effects in own]
        groups = group_motifs(joined_probabilities(every))
        self.names = [group.consensus for group in groups]
        number = np.zeros(sum(len(part.offsets) for part in every), dtype=int)
        for index, group in enumerate(groups):
            number[group.members] = index
        ends = np.cumsum([sum(len(effects.offsets) for effects in own) for own in self.parts])
        self.group_of = np.split(number, ends[:-1])

    def named(
        self,
        window: FlankingSequence,
        size: tuple[int, int],
        alleles: Sequence[Allele],
        sites: Sites,
    ) -> list[str]:
        """Name the motifs that each allele breaks (−) or makes (+), those that change most first; '' where there are none.

        Parameters
        ----------
        window: sequence of the gene, at least as far as its promoter window.
        size: bases of the promoter window upstream and downstream of the TSS.
        """
        if not self.names:
            return [""] * len(alleles)
        return [self._text(change) for change in self.changes(window, size, alleles, sites)]

    def changes(
        self, window: FlankingSequence, size: tuple[int, int], alleles: Sequence[Allele], sites: Sites
    ) -> np.ndarray:
        """Give by how much alleles change matches, mean over the networks: alleles × groups of motifs.

        Of several motifs of a group in a network, the one counts that changes most.
        """
        reference = window.window(*size)
        substitutions = np.flatnonzero(sites.substitution)
        others = np.flatnonzero(sites.scorable & ~sites.substitution)
        total = np.zeros((len(alleles), len(self.names)))
        for own, groups in zip(self.parts, self.group_of, strict=True):
            changes = np.zeros((len(alleles), len(groups)))
            if len(substitutions):
                changes[substitutions] = _of_substitutions(own, reference, sites, substitutions)
            for first in range(0, len(others), BATCH):
                batch = others[first : first + BATCH]
                windows = np.stack([window.edited(alleles[at].edits).window(*size) for at in batch])
                changes[batch] = _matches(own, windows) - _matches(own, reference[None])
            total += _largest(changes, groups, total.shape[1])
        return total / len(self.parts)

    def _text(self, change: np.ndarray) -> str:
        order = np.argsort(-np.abs(change), kind="stable")[:MAX_NAMED]
        return ";".join(
            f"{'+' if change[at] > 0 else '-'}{self.names[at]}" for at in order if abs(change[at]) >= MIN_CHANGE
        )


def _of_substitutions(
    own: list[MotifEffects], reference: np.ndarray, sites: Sites, substitutions: np.ndarray
) -> np.ndarray:
    """Changes of one network's matches: substitutions × motifs."""
    index, base = sites.index[substitutions], sites.base[substitutions]
    positions, at = np.unique(index, return_inverse=True)
    return np.hstack([effects.match_changes(reference, positions)[at, base] for effects in own])


def _matches(own: list[MotifEffects], windows: np.ndarray) -> np.ndarray:
    """Matches with one network's motifs: windows × motifs."""
    codes = torch.from_numpy(windows)
    parts = [effects.part for effects in own if len(effects.offsets)]
    return np.hstack([np.zeros((len(windows), 0)), *(part.matches(codes).numpy() for part in parts)])


def _largest(changes: np.ndarray, groups: np.ndarray, number: int) -> np.ndarray:
    """Give the largest change in each group: alleles × groups."""
    largest = np.zeros((len(changes), number))
    for motif, group in enumerate(groups):
        larger = np.abs(changes[:, motif]) > np.abs(largest[:, group])
        largest[larger, group] = changes[larger, motif]
    return largest

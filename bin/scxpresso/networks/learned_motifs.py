"""The motifs of trained networks as probabilities of bases, in one group where several networks have learned the same one."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import numpy as np
from Bio.motifs.matrix import FrequencyPositionMatrix

from scxpresso.genome.sequence import CHANNELS
from scxpresso.networks.motif_part import LENGTH, MotifPart
from scxpresso.networks.registry import NETWORKS
from scxpresso.networks.single_task import members_of
from scxpresso.networks.weights import Network

BASES = "ACGT"
MIN_SIMILARITY = 0.7  # of motifs in one group, on average
MIN_OVERLAP = 5  # positions of an alignment
MIN_INFORMATION = 0.2  # bits of the first and the last position of a motif


def motif_parts(network: Network) -> list[tuple[MotifPart, np.ndarray]]:
    """Give copies, on the CPU, of the parts of a network that read motifs; none for a network without motifs.

    With each part comes what its weights are of in log10 expression: motifs × the network's populations. The networks of
    single populations that a network is made of have a part each, whose weights for other populations are 0.
    """
    whole, metadata = network
    if not NETWORKS[metadata.network].motifs:
        return []
    sd = whole.expression.sd.double().cpu().numpy()
    members = members_of(whole)
    width = len(sd) // len(members)
    found = []
    for number, member in enumerate(members):
        part = deepcopy(cast(MotifPart, member.motifs)).cpu()
        weights = np.zeros((len(part.offsets), len(sd)))
        own = slice(number * width, (number + 1) * width)
        weights[:, own] = part.weights.double().numpy() * sd[own]
        found.append((part, weights))
    return found


def base_probabilities(part: MotifPart) -> np.ndarray:
    """Give the probabilities of A, C, G and T at each position of a part's motifs: motifs × LENGTH × 4.

    They are the softmax of its scores: the bases of matches in sequence in which all bases are equally frequent.
    """
    order = [CHANNELS.index(base) for base in BASES]
    scores = part.matrices.double().numpy()[:, order].transpose(0, 2, 1)
    odds = np.exp(scores - scores.max(axis=2, keepdims=True))
    return odds / odds.sum(axis=2, keepdims=True)


@dataclass(frozen=True)
class MotifGroup:
    """Motifs that are one. members: their numbers. probabilities: their mean, aligned: width × A, C, G, T."""

    members: np.ndarray
    probabilities: np.ndarray

    @property
    def consensus(self) -> str:
        """The mean as IUPAC characters, by Cavener's rules."""
        counts = dict(zip(BASES, self.probabilities.T.tolist(), strict=True))
        return str(FrequencyPositionMatrix(BASES, counts).degenerate_consensus)


def group_motifs(probabilities: np.ndarray) -> list[MotifGroup]:
    """Group motifs (motifs × LENGTH × 4) that are the same on either strand, by average linkage of their similarity.

    A group's matrix is on the strand whose consensus comes first in the alphabet, without uninformative flanks.
    """
    if not len(probabilities):
        return []
    pairs = align(probabilities)
    distance = np.clip(1 - (pairs.similarity + pairs.similarity.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    labels = np.ones(1, dtype=int)
    if len(probabilities) > 1:
        from scipy.cluster.hierarchy import fcluster, linkage  # slow to import
        from scipy.spatial.distance import squareform

        tree = linkage(squareform(distance, checks=False), "average")
        labels = fcluster(tree, 1 - MIN_SIMILARITY, "distance")
    return [_group(np.flatnonzero(labels == label), probabilities, pairs) for label in dict.fromkeys(labels.tolist())]


@dataclass(frozen=True)
class Alignments:
    """The best alignment without gaps of every motif (row) with every other (column): motifs × motifs each.

    similarity: cosine of the two matrices, less 1/4 everywhere and 0 beyond their ends: 1 for the same motif. shift: position
    of the row's motif at which the column's begins. reverse: whether the column's is read on the other strand.
    """

    similarity: np.ndarray
    shift: np.ndarray
    reverse: np.ndarray


def align(probabilities: np.ndarray) -> Alignments:
    """Align every two motifs (motifs × positions × 4) on both strands."""
    centred = probabilities - 1 / len(BASES)
    centred = centred / np.maximum(np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)), 1e-12)
    number, length = centred.shape[:2]
    best = np.full((number, number), -np.inf)
    shifts, reverses = np.zeros((number, number), dtype=int), np.zeros((number, number), dtype=bool)
    for reverse, others in ((False, centred), (True, centred[:, ::-1, ::-1])):
        for shift in sorted(range(MIN_OVERLAP - length, length - MIN_OVERLAP + 1), key=abs):
            first, last = max(0, shift), min(length, length + shift)
            one, other = centred[:, first:last], others[:, first - shift : last - shift]
            score = one.reshape(number, -1) @ other.reshape(number, -1).T
            better = score > best + 1e-9  # a palindrome stays on its strand, whatever rounding does
            best[better], shifts[better], reverses[better] = score[better], shift, reverse
    return Alignments(best, shifts, reverses)


def _group(members: np.ndarray, probabilities: np.ndarray, pairs: Alignments) -> MotifGroup:
    """Average motifs along the one that is most similar to the others."""
    center = members[np.argmax(pairs.similarity[np.ix_(members, members)].sum(axis=1))]
    total = np.zeros((3 * LENGTH, len(BASES)))
    for member in members:
        matrix = probabilities[member]
        start = LENGTH + pairs.shift[center, member]
        aligned = np.full(total.shape, 1 / len(BASES))
        aligned[start : start + LENGTH] = matrix[::-1, ::-1] if pairs.reverse[center, member] else matrix
        total += aligned
    mean = trimmed(total / len(members))
    strands = MotifGroup(members, mean), MotifGroup(members, mean[::-1, ::-1])
    return min(strands, key=lambda group: group.consensus)


def trimmed(probabilities: np.ndarray) -> np.ndarray:
    """Leave out flanks of less than MIN_INFORMATION (width × 4); a matrix that says nothing anywhere stays LENGTH wide."""
    logs = np.log2(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    informative = np.flatnonzero(np.log2(len(BASES)) + (probabilities * logs).sum(axis=1) >= MIN_INFORMATION)
    if not len(informative):
        return probabilities[LENGTH : 2 * LENGTH]
    return probabilities[informative[0] : informative[-1] + 1]


def joined_probabilities(parts: Sequence[MotifPart]) -> np.ndarray:
    """Stack the probabilities of several parts: motifs × LENGTH × 4."""
    return np.concatenate([np.empty((0, LENGTH, len(BASES))), *(base_probabilities(part) for part in parts)])

"""Every substitution of a window through the network `grammar`: only what it changes is computed, on the CPU.

Matches of motifs and counts of k-mers change locally. GC and CpG content in nested windows change in few ways, whatever the
number of substitutions: one prediction of each is enough.
"""

from collections.abc import Sequence

import numpy as np
import torch

from scxpresso.compiled import njit
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE, region
from scxpresso.networks.grammar import Grammar
from scxpresso.networks.hybrid import END, K_BEFORE, K
from scxpresso.networks.promoter_composition import (
    REACHES,
    WINDOWS,
    C,
    G,
    promoter_composition,
    window_counts,
    window_features,
)
from scxpresso.networks.smooth_part import MAX_DEVIATIONS, SmoothPart
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.kmer_changes import ALTERNATIVE_CHANNELS, FIRST, MAX_CHANGED, count_changes
from scxpresso.saturation.motif_part import MotifEffects

BOUNDS = np.unique(WINDOWS)  # relative to the TSS


class GrammarEffects:
    """The effects of substitutions by several networks, as BruteForce gives them, on the CPU."""

    def __init__(self, networks: Sequence[tuple[Grammar, NetworkMetadata]]):
        self.networks = [network.cpu() for network, _ in networks]
        self.motifs = [MotifEffects(network.motifs) for network in self.networks]
        self.upstream, self.populations = self.networks[0].upstream, len(networks[0][1].populations)

    @torch.no_grad()
    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""
        end = len(codes) if end is None else end
        effects = np.zeros((len(self.networks), end - start, 4, self.populations), dtype=np.float32)
        features = torch.from_numpy(annotation[None].astype(np.float32))
        composition = promoter_composition(codes[None], self.upstream)
        kinds, windows = window_kinds(codes, self.upstream, start, end)
        expression = []
        for network, motifs, own in zip(self.networks, self.motifs, effects, strict=True):
            output = network.add_up(composition, torch.from_numpy(codes[None]), features)
            expression.append(network.expression.undo(output)[0].numpy())
            change = motifs.effects(codes, start, end)
            part = network.smooth
            scores = kmer_effects(part, codes, composition.kmers[0].numpy(), self.upstream, start, end)
            scores += window_effects(network, windows, features)[kinds]
            change += scores * part.shrinkage.double().numpy() @ part.components.double().numpy()
            change[codes[start:end, None] == ALTERNATIVE_CODES] = 0
            own[:] = change * network.expression.sd.double().numpy()
        return np.stack(expression), effects


def kmer_effects(
    part: SmoothPart, codes: np.ndarray, roots: np.ndarray, upstream: int, start: int, end: int
) -> np.ndarray:
    """What counts of k-mers make of substitutions from index `start` to `end`: positions × alternatives × components.

    roots: square roots of the counts.
    """
    weights = part.kernels.kmer_weight.double().numpy()
    effects = np.zeros((end - start, 4, weights.shape[1]))
    bases = BASE_OF_CODE[region(codes[None], upstream, FIRST, END + K - 1 - K_BEFORE)][0]
    offset = upstream + FIRST
    first = min(max(start, offset, 0), end)
    last = max(min(end, offset + len(bases), len(codes)), first)
    counts = np.square(roots).round().astype(np.int64)
    mean, sd = part.kmers.mean.numpy(), part.kmers.sd.numpy()
    _kmer_effects(bases, counts, mean, sd, weights, first - offset, effects[first - start : last - start])
    return effects


@njit()
def _kmer_effects(
    bases: np.ndarray,
    counts: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    weights: np.ndarray,
    first: int,
    effects: np.ndarray,
) -> None:
    """Fill `effects` (positions × alternatives × components) from the base `first` on."""
    columns, steps = np.empty(MAX_CHANGED, dtype=np.int64), np.empty(MAX_CHANGED, dtype=np.int64)
    limit = np.float32(MAX_DEVIATIONS)
    for position in range(len(effects)):
        for number in range(4):
            if ALTERNATIVE_CHANNELS[number] == bases[first + position]:
                continue
            found = count_changes(bases, first + position, ALTERNATIVE_CHANNELS[number], columns, steps)
            for at in range(found):
                column = columns[at]
                # The very operations of SmoothPart.scaled_kmers, in single precision.
                old = (np.sqrt(np.float32(counts[column])) - mean[column]) / sd[column]
                new = (np.sqrt(np.float32(counts[column] + steps[at])) - mean[column]) / sd[column]
                change = np.float64(min(max(new, -limit), limit)) - np.float64(min(max(old, -limit), limit))
                for component in range(effects.shape[2]):
                    effects[position, number, component] += change * weights[column, component]


def window_kinds(codes: np.ndarray, upstream: int, start: int, end: int) -> tuple[np.ndarray, torch.Tensor]:
    """Sort substitutions by what they change of the nested windows.

    Returns
    -------
    The kind of each substitution from index `start` to `end` (positions × alternatives), and the window features of each
    kind (kinds × N_WINDOWS); the first kind is the gene as it is.
    """
    reach = max(REACHES)
    bases = BASE_OF_CODE[region(codes[None], upstream, -reach - 1, reach + 1)][0].astype(np.int64)
    place = np.arange(start, end) - upstream  # relative to the TSS
    inside = (place >= -reach) & (place < reach)
    at = np.clip(place, -reach, reach - 1) + reach + 1  # in `bases`
    old, before, after = (bases[at + step][:, None] for step in (0, -1, 1))
    new = BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int64)[None]
    gc = _strong(new).astype(int) - _strong(old)
    known = np.broadcast_to(old > 3, gc.shape).astype(int)
    left = ((before == C) & (new == G)).astype(int) - ((before == C) & (old == G))
    right = ((new == C) & (after == G)).astype(int) - ((old == C) & (after == G))
    segment = np.searchsorted(BOUNDS, place, side="right")[:, None]
    first_of = np.isin(place, [start for start, _ in WINDOWS])[:, None]
    last_of = np.isin(place + 1, [end for _, end in WINDOWS])[:, None]
    key = np.ravel_multi_index(
        np.broadcast_arrays(segment, first_of, last_of, gc + 1, known, left + 1, right + 1),
        (len(BOUNDS) + 1, 2, 2, 3, 2, 3, 3),
    )
    unchanged = ~inside[:, None] | ((gc == 0) & (known == 0) & (left == 0) & (right == 0))
    key = np.where(unchanged, -1, key)
    _, example, kinds = np.unique(np.append(-1, key.ravel()), return_index=True, return_inverse=True)
    row, alternative = np.divmod(example[1:] - 1, 4)
    here, (starts, ends) = place[row][:, None], np.array(WINDOWS).T
    holds = (starts <= here) & (here < ends)
    gc, known, left, right = (
        np.broadcast_to(part, key.shape)[row, alternative][:, None] for part in (gc, known, left, right)
    )
    changes = [holds * gc, (holds & (here > starts)) * left + (holds & (here < ends - 1)) * right, holds * known]
    counts = window_counts(codes[None], upstream)
    mutants = [np.vstack([count, count + change]) for count, change in zip(counts, changes, strict=True)]
    return kinds[1:].reshape(key.shape), torch.from_numpy(window_features(*mutants))


def _strong(bases: np.ndarray) -> np.ndarray:
    return (bases == C) | (bases == G)


def window_effects(network: Grammar, windows: torch.Tensor, annotation: torch.Tensor) -> np.ndarray:
    """What windows make of components, less what the first makes: windows × components."""
    annotation = network.scaled_annotation(annotation).expand(len(windows), -1)
    scores = network.smooth.curved(network.smooth.features_of(windows, annotation)).double().numpy()
    return scores - scores[0]

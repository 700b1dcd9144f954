"""Every substitution of a window through the motif part of `grammar`: only windows that hold it are scored anew."""

import numpy as np

from scxpresso.compiled import njit
from scxpresso.genome.sequence import ALTERNATIVE_CODES, ONE_HOT, region
from scxpresso.networks.motif_part import MotifPart, reverse_complement


class MotifEffects:
    """What substitutions change of the matches of one network's motifs, on the CPU.

    weights: motifs × populations, as those of the part.
    """

    def __init__(self, part: MotifPart):
        self.part = part
        filters = np.stack([part.matrices.numpy(), reverse_complement(part.matrices).numpy()], axis=1)
        self.scores_of_codes = np.einsum("cb,msbl->mslc", ONE_HOT.astype(np.float64), filters.astype(np.float64))
        self.offsets = part.offsets.numpy().astype(np.float64)
        self.weights = part.weights.numpy().astype(np.float64)

    def effects(self, codes: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Effects on z-scaled expression of a window's substitutions at some positions, in rising order.

        codes: window (uint8). Gives positions × alternatives (A, C, G, T) × populations.
        """
        return self.match_changes(codes, positions) @ self.weights

    def match_changes(self, codes: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """As effects, of each motif's match: positions × alternatives × motifs."""
        changes = np.zeros((len(positions), 4, len(self.offsets)))
        if not len(self.offsets):
            return changes
        first, last = self.part.bounds()
        scanned = region(codes[None], self.part.upstream, first, last)[0]
        places = positions - (first + self.part.upstream)  # in the bases that are scanned
        begin, end = np.searchsorted(places, (0, len(scanned)))
        if begin < end:
            windows = self.part.regions.numpy() - int(self.part.regions[:, 0].min())
            _match_changes(
                scanned, self.scores_of_codes, self.offsets, windows, places[begin:end], ALTERNATIVE_CODES,
                changes[begin:end],
            )  # fmt: skip
        return changes


@njit()
def _match_changes(
    codes: np.ndarray,
    scores_of_codes: np.ndarray,
    offsets: np.ndarray,
    regions: np.ndarray,
    places: np.ndarray,
    alternatives: np.ndarray,
    changes: np.ndarray,
) -> None:
    """Fill `changes` (positions × alternatives × motifs). places: of the positions in the codes, in rising order."""
    motifs, strands, length, _ = scores_of_codes.shape
    for motif in range(motifs):
        table = scores_of_codes[motif]
        left = regions[motif, 0]
        windows = regions[motif, 1] - left - length + 1
        scores = np.empty((strands, windows))
        for strand in range(strands):
            for window in range(windows):
                score = 0.0
                for place in range(length):
                    score += table[strand, place, codes[left + window + place]]
                scores[strand, window] = score
        before, after = np.empty(windows + 1), np.empty(windows + 1)  # the best window before, and from, each
        before[0] = after[windows] = -np.inf
        for window in range(windows):
            before[window + 1] = max(before[window], scores[0, window], scores[1, window])
        for window in range(windows - 1, -1, -1):
            after[window] = max(after[window + 1], scores[0, window], scores[1, window])
        reference = 1 / (1 + np.exp(-(before[windows] + offsets[motif])))
        for at in range(np.searchsorted(places, left), np.searchsorted(places, regions[motif, 1])):
            index = places[at]
            position = index - left
            first, end = max(position - length + 1, 0), min(position + 1, windows)
            elsewhere = max(before[first], after[end])
            for number in range(4):
                code = alternatives[number]
                if code == codes[index]:
                    continue
                best = elsewhere
                for strand in range(strands):
                    for window in range(first, end):
                        of_codes = table[strand, position - window]
                        best = max(best, scores[strand, window] - of_codes[codes[index]] + of_codes[code])
                if best != before[windows]:
                    changes[at, number, motif] = 1 / (1 + np.exp(-(best + offsets[motif]))) - reference

"""Effects of all substitutions in a window: the interface of all forms, and brute force for any network."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from scxpresso.genome.sequence import ALTERNATIVE_CODES
from scxpresso.networks.prediction import predict
from scxpresso.networks.weights import Network

BATCH = 768  # mutants predicted at once


class SubstitutionEffects(Protocol):
    """A way to compute the effects of substitutions: brute force, or the incremental form of a network."""

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As BruteForce.effects."""


class BruteForce:
    """Prediction of every mutant by the whole network; incremental forms must give the same effects.

    networks: of one kind, as Model.networks returns them.
    """

    def __init__(self, networks: Sequence[Network], device: torch.device):
        self.networks, self.device = list(networks), device

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict log10 expression, and the effect of every substitution from index `start` to `end` (exclusive).

        Parameters
        ----------
        codes: a window (uint8; see sequence.py).
        annotation: features of the gene, as Features.annotation returns them.

        Returns
        -------
        Expression: networks × populations. Effects: networks × positions × alternatives (A, C, G, T) × populations (float32),
        alternative minus reference in log10 units. The reference base has effect 0. At an ambiguous base, an effect is that
        of making it unambiguous.
        """
        end = len(codes) if end is None else end
        reference = self._predict(codes[None], annotation)
        effects = np.zeros((len(self.networks), end - start, 4, reference.shape[2]), dtype=np.float32)
        places = [
            (index, alt) for index in range(start, end) for alt in range(4) if codes[index] != ALTERNATIVE_CODES[alt]
        ]
        for first in range(0, len(places), BATCH):
            index, alt = np.array(places[first : first + BATCH]).T
            mutants = np.repeat(codes[None], len(index), axis=0)
            mutants[np.arange(len(index)), index] = ALTERNATIVE_CODES[alt]
            effects[:, index - start, alt] = self._predict(mutants, annotation) - reference
        return reference[:, 0], effects

    def _predict(self, codes: np.ndarray, annotation: np.ndarray) -> np.ndarray:
        return predict(self.networks, codes, np.repeat(annotation[None], len(codes), axis=0), self.device)

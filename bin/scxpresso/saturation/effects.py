"""Effects of all substitutions in a window: the interface of all forms, and brute force for any network."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch

from scxpresso.genome.sequence import ALTERNATIVE_CODES
from scxpresso.networks.prediction import predict
from scxpresso.networks.weights import Network

BATCH = 768  # mutants predicted at once
MAX_GAP = 500  # bases between positions that are computed as one range


class SubstitutionEffects(ABC):
    """A way to compute the effects of substitutions: brute force, or the incremental form of a network."""

    @abstractmethod
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

    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `effects`, of the substitutions at some positions of the window, in rising order."""
        if not len(positions):
            return self.effects(codes, annotation, 0, 0)
        parts = np.split(positions, np.flatnonzero(np.diff(positions) > MAX_GAP) + 1)
        found = [self.effects(codes, annotation, part[0], part[-1] + 1) for part in parts]
        chosen = [effects[:, part - part[0]] for part, (_, effects) in zip(parts, found, strict=True)]
        return found[0][0], np.concatenate(chosen, axis=1)

    def of_genes(self, codes: np.ndarray, annotation: np.ndarray) -> "GeneEffects":
        """Prepare the effects of several genes. codes: genes × window. annotation: genes × features."""
        return OneByOne(self, codes, annotation)


class EditedWindows(NamedTuple):
    """Windows of a gene's alleles, and those of the reference that they are compared with, in several shifts.

    reference: codes around the reference's windows. codes: those around the alleles' (alleles × bases). origin: index of each
    base in the reference, −1 if it is new (alleles × bases). reference_starts, starts: where windows begin in both, by shift.
    size: bases of a window. moved: whether any allele moves bases.
    """

    reference: np.ndarray
    codes: np.ndarray
    origin: np.ndarray
    reference_starts: np.ndarray
    starts: np.ndarray
    size: int
    moved: bool


@runtime_checkable
class AlleleEffects(Protocol):
    """A form that computes the effects of alleles of any kind, too."""

    def allele_effects(self, windows: EditedWindows, annotation: np.ndarray) -> np.ndarray:
        """Compute the difference of predictions: networks × alleles × shifts × populations.

        annotation: features of the gene.
        """


class GeneEffects(ABC):
    """The effects of substitutions in several genes, for which only what concerns a position is computed each time."""

    @abstractmethod
    def expression(self) -> np.ndarray:
        """Predict log10 expression: genes × networks × populations."""

    @abstractmethod
    def at(self, positions: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute the effects of each gene as SubstitutionEffects.effects does, at its positions, in rising order."""


class OneByOne(GeneEffects):
    """The effects of genes by a form that computes one gene at a time."""

    def __init__(self, form: SubstitutionEffects, codes: np.ndarray, annotation: np.ndarray):
        self.form, self.codes, self.annotation = form, codes, annotation
        self.known: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # expression of a gene, and effects at no position

    def expression(self) -> np.ndarray:
        """As GeneEffects.expression."""
        nowhere = np.arange(0)
        return np.stack([self._known(gene, nowhere)[0] for gene in range(len(self.codes))])

    def at(self, positions: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As GeneEffects.at."""
        return [self._known(gene, of_gene)[1] for gene, of_gene in enumerate(positions)]

    def _known(self, gene: int, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute a gene's expression and effects, unless nothing is new about it."""
        if len(positions) or gene not in self.known:
            expression, effects = self.form.effects_at(self.codes[gene], self.annotation[gene], positions)
            self.known[gene] = expression, effects[:, :0]
            return expression, effects
        return self.known[gene]


class PositionEffects(SubstitutionEffects):
    """A way that computes effects position by position, wherever these lie."""

    @abstractmethod
    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""

    def effects(
        self, codes: np.ndarray, annotation: np.ndarray, start: int = 0, end: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects."""
        return self.effects_at(codes, annotation, np.arange(start, len(codes) if end is None else end))


class TogetherEffects(PositionEffects):
    """A way that computes several genes together; a single gene is computed as one of them."""

    @abstractmethod
    def of_genes(self, codes: np.ndarray, annotation: np.ndarray) -> GeneEffects:
        """As SubstitutionEffects.of_genes."""

    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""
        genes = self.of_genes(codes[None], annotation[None])
        return genes.expression()[0], genes.at([positions])[0]


class BruteForce(PositionEffects):
    """Prediction of every mutant by the whole network; incremental forms must give the same effects.

    networks: of one kind, as Model.networks returns them.
    """

    def __init__(self, networks: Sequence[Network], device: torch.device):
        self.networks, self.device = list(networks), device

    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""
        reference = self._predict(codes[None], annotation)
        effects = np.zeros((len(self.networks), len(positions), 4, reference.shape[2]), dtype=np.float32)
        places = np.argwhere(codes[positions, None] != ALTERNATIVE_CODES)
        for first in range(0, len(places), BATCH):
            place, alt = places[first : first + BATCH].T
            mutants = np.repeat(codes[None], len(place), axis=0)
            mutants[np.arange(len(place)), positions[place]] = ALTERNATIVE_CODES[alt]
            effects[:, place, alt] = self._predict(mutants, annotation) - reference
        return reference[:, 0], effects

    def _predict(self, codes: np.ndarray, annotation: np.ndarray) -> np.ndarray:
        return predict(self.networks, codes, np.repeat(annotation[None], len(codes), axis=0), self.device)

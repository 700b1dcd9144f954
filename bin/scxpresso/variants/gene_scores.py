"""Scores of a gene's alleles, and the rows of a table of scores that they make."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from scxpresso.variants.gene_alleles import Allele
from scxpresso.variants.score_table import NOT_SCORABLE
from scxpresso.variants.sign_probability import SignCalibration

MIN_SIGN_AGREEMENT = 0.8  # below which replicates are flagged as discordant
MIN_GENE_PEARSON = 0.3  # below which a gene is flagged as badly predicted
# Of an effect: it is 0, or replicates agree on its sign, or they disagree.
STATES = NO_EFFECT, CONCORDANT, DISCORDANT = 0, 1, 2
NO_EFFECT_PREDICTED, NOT_READ = "no effect predicted", "base outside the region that networks read"


@dataclass(frozen=True)
class GeneScores:
    """Scores of the alleles of a gene (see docs/output.md).

    scorable: of each allele, whether it changes a base that the network reads. changed_motifs: of each allele, the motifs
    that it breaks or makes, as text. without_motifs: whether networks that look for motifs found none. predicted_ref:
    populations. Further arrays: alleles × populations; those of the pooled background are NaN without one, and for alleles
    that are not scorable.
    """

    gene_id: str
    gene_name: str
    chrom: str
    fold: int | None
    gene_pearson: float
    alleles: Sequence[Allele]
    populations: Sequence[str]
    scorable: np.ndarray
    changed_motifs: Sequence[str]
    without_motifs: bool
    predicted_ref: np.ndarray
    effect: np.ndarray
    sd: np.ndarray
    sign_agreement: np.ndarray
    percentile: np.ndarray
    p_value: np.ndarray
    pooled_p_value: np.ndarray
    specificity: np.ndarray
    specificity_p_value: np.ndarray
    pooled_specificity_p_value: np.ndarray

    def rows(self, set_name: str, signs: SignCalibration | None = None) -> Iterator[tuple]:
        """Yield rows of SCORE_COLUMNS, with q_value empty. signs: of the network; without it, no sign has a probability."""
        signs = signs or SignCalibration()
        p_values = {"pooled_p_value": self.pooled_p_value, "p_value": self.p_value}
        predicted, pearson = _texts(self.predicted_ref), _texts(np.array([self.gene_pearson]))[0]
        agree = self.sign_agreement >= MIN_SIGN_AGREEMENT
        of_effect = (
            self.sd, self.sign_agreement, signs.probability(self.effect, agree, p_values), self.percentile, self.p_value,
            self.pooled_p_value,
        )  # fmt: skip
        of_specificity = self.specificity_p_value, self.pooled_specificity_p_value
        no_q = [""] * len(self.populations)
        states = np.where(agree, CONCORDANT, DISCORDANT)
        states[self.effect == 0] = NO_EFFECT
        fold = "" if self.fold is None else self.fold
        notes_of = cache(self._notes)  # for few distinct arguments
        for number, allele in enumerate(self.alleles):
            distance = allele.tss_distance
            identity = (
                set_name, allele.variant_id, self.chrom, allele.pos, allele.ref, allele.alt, self.gene_id,
                self.gene_name, distance,
            )  # fmt: skip
            scorable, uncalibrated = bool(self.scorable[number]), signs.reason_against(distance)
            notes = notes_of(scorable, allele.overlapping, allele.incomplete, uncalibrated)
            shared = allele.risk_allele, allele.gwas_beta, allele.gwas_p_value, self.changed_motifs[number]
            columns = [_exact(self.effect[number]), *(_texts(matrix[number]) for matrix in of_effect), no_q]
            columns += [_exact(self.specificity[number]), *(_texts(matrix[number]) for matrix in of_specificity)]
            for population, state, *numbers in zip(
                self.populations, states[number].tolist(), predicted, *columns, strict=True
            ):
                yield (*identity, population, fold, *numbers, pearson, *shared, *notes[state])

    def _notes(self, scorable: bool, overlapping: bool, incomplete: bool, uncalibrated: str) -> list[tuple[str, str]]:
        """Write the columns `abstain` and `flag` of an allele, for each of STATES."""
        badly_predicted = self.gene_pearson < MIN_GENE_PEARSON
        # A model of one population has no correlation over populations.
        not_evaluated = np.isnan(self.gene_pearson) and len(self.populations) > 1
        notes = []
        for state in STATES:
            flags = {
                NOT_SCORABLE: not scorable,
                "replicates_disagree": state == DISCORDANT,
                "gene_badly_predicted": badly_predicted,
                "gene_not_evaluated": not_evaluated,
                "all_folds": self.fold is None,
                "overlapping_alleles": overlapping,
                "incomplete_calls": incomplete,
            }
            reasons = {
                "replicates disagree": state == DISCORDANT,
                "gene badly predicted": badly_predicted,
                "gene not evaluated": not_evaluated,
                "no motifs learned": self.without_motifs,
                uncalibrated: uncalibrated,
            }
            if state == NO_EFFECT:
                reasons = {NO_EFFECT_PREDICTED if scorable else NOT_READ: True}
            notes.append(("; ".join(_that_hold(reasons)), ",".join(_that_hold(flags))))
        return notes


def _that_hold(terms: Mapping[str, object]) -> list[str]:
    return [term for term, holds in terms.items() if holds]


def _texts(values: np.ndarray) -> list[str]:
    return ["" if value != value else "%.6g" % value for value in values.tolist()]  # noqa: UP031 (the quickest)


def _exact(values: np.ndarray) -> list[str]:
    """Write multiples of 2^-20 with all of their digits, so that they rank among those of effects.h5 as they do here.

    Without an exponent: pandas reads 17 digits of a number, which never makes it larger than it is.
    """
    return ["" if value != value else f"{value:.20f}".rstrip("0").rstrip(".") for value in values.tolist()]

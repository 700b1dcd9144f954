"""Scores of a gene's alleles, and the rows of a table of scores that they make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scxpresso.variants.gene_alleles import Allele
from scxpresso.variants.score_table import NOT_SCORABLE
from scxpresso.variants.sign_probability import SignCalibration

MIN_SIGN_AGREEMENT = 0.8  # below which replicates are flagged as discordant
MIN_GENE_PEARSON = 0.3  # below which a gene is flagged as badly predicted
# Of an effect: it is 0, or replicates agree on its sign, or they disagree.
STATES = NO_EFFECT, CONCORDANT, DISCORDANT = 0, 1, 2


@dataclass(frozen=True)
class GeneScores:
    """Scores of the alleles of a gene (see docs/output.md).

    scorable: of each allele, whether it changes a base that the network reads. changed_motifs: of each allele, the motifs
    that it breaks or makes, as text. predicted_ref: populations. Further arrays: alleles × populations; those of the pooled
    background are NaN without one, and for alleles that are not scorable.
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
        of_effect = (
            self.sd, self.sign_agreement, signs.probability(self.effect, p_values), self.percentile, self.p_value,
            self.pooled_p_value,
        )  # fmt: skip
        of_specificity = self.specificity_p_value, self.pooled_specificity_p_value
        no_q = [""] * len(self.populations)
        states = np.where(self.sign_agreement < MIN_SIGN_AGREEMENT, DISCORDANT, CONCORDANT)
        states[self.effect == 0] = NO_EFFECT
        fold = "" if self.fold is None else self.fold
        for number, allele in enumerate(self.alleles):
            identity = (
                set_name, allele.variant_id, self.chrom, allele.pos, allele.ref, allele.alt, self.gene_id,
                self.gene_name, allele.tss_distance,
            )  # fmt: skip
            notes = [(self._abstain(number, state, signs), self._flag(number, state)) for state in STATES]
            shared = allele.risk_allele, allele.gwas_beta, allele.gwas_p_value, self.changed_motifs[number]
            columns = [_exact(self.effect[number]), *(_texts(matrix[number]) for matrix in of_effect), no_q]
            columns += [_exact(self.specificity[number]), *(_texts(matrix[number]) for matrix in of_specificity)]
            for population, state, *numbers in zip(
                self.populations, states[number].tolist(), predicted, *columns, strict=True
            ):
                yield (*identity, population, fold, *numbers, pearson, *shared, *notes[state])

    def _flag(self, number: int, state: int) -> str:
        """Write the terms of the column `flag` for an allele's effects of a state."""
        terms = {
            NOT_SCORABLE: not self.scorable[number],
            "replicates_disagree": state == DISCORDANT,
            "gene_badly_predicted": self.gene_pearson < MIN_GENE_PEARSON,
            "all_folds": self.fold is None,
            "overlapping_alleles": self.alleles[number].overlapping,
            "incomplete_calls": self.alleles[number].incomplete,
        }
        return ",".join(term for term, holds in terms.items() if holds)

    def _abstain(self, number: int, state: int, signs: SignCalibration) -> str:
        """Write the reasons not to use the sign of an allele's effects of a state."""
        if not self.scorable[number]:
            return "base outside the region that networks read"
        if state == NO_EFFECT:
            return "no effect predicted"
        reasons = {
            "replicates disagree": state == DISCORDANT,
            "gene badly predicted": self.gene_pearson < MIN_GENE_PEARSON,
            "network not calibrated": not signs.curves,
            "distance not calibrated": signs.curves and not signs.covers(self.alleles[number].tss_distance),
        }
        return "; ".join(reason for reason, holds in reasons.items() if holds)


def _texts(values: np.ndarray) -> list[str]:
    return ["" if value != value else "%.6g" % value for value in values.tolist()]  # noqa: UP031 (the quickest)


def _exact(values: np.ndarray) -> list[str]:
    """Write multiples of 2^-20 with all of their digits, so that they rank among those of effects.h5 as they do here.

    Without an exponent: pandas reads 17 digits of a number, which never makes it larger than it is.
    """
    return ["" if value != value else f"{value:.20f}".rstrip("0").rstrip(".") for value in values.tolist()]

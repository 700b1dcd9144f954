"""Scores of a gene's alleles, and the rows of a table of scores that they make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scxpresso.variants.gene_alleles import Allele
from scxpresso.variants.score_table import NOT_SCORABLE

MIN_SIGN_AGREEMENT = 0.8  # below which replicates are flagged as discordant
MIN_GENE_PEARSON = 0.3  # below which a gene is flagged as badly predicted


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

    def rows(self, set_name: str) -> Iterator[tuple]:
        """Yield rows of SCORE_COLUMNS, with q_value empty."""
        predicted, pearson = _texts(self.predicted_ref), _texts(np.array([self.gene_pearson]))[0]
        matrices = (
            self.sd, self.sign_agreement, self.percentile, self.p_value, self.pooled_p_value, self.specificity_p_value,
            self.pooled_specificity_p_value,
        )  # fmt: skip
        discordant = (self.sign_agreement < MIN_SIGN_AGREEMENT) & (self.effect != 0)
        fold = "" if self.fold is None else self.fold
        for number, allele in enumerate(self.alleles):
            identity = (
                set_name, allele.variant_id, self.chrom, allele.pos, allele.ref, allele.alt, self.gene_id,
                self.gene_name, allele.tss_distance,
            )  # fmt: skip
            flags = {
                value: ",".join(
                    flag
                    for flag, holds in [
                        (NOT_SCORABLE, not self.scorable[number]),
                        ("replicates_disagree", value),
                        ("gene_badly_predicted", self.gene_pearson < MIN_GENE_PEARSON),
                        ("all_folds", self.fold is None),
                        ("overlapping_alleles", allele.overlapping),
                        ("incomplete_calls", allele.incomplete),
                    ]
                    if holds
                )
                for value in (False, True)
            }
            shared = allele.risk_allele, allele.gwas_beta, allele.gwas_p_value, self.changed_motifs[number]
            columns = [_exact(matrix[number]) for matrix in (self.effect, self.specificity)]
            columns += [_texts(matrix[number]) for matrix in matrices]
            for population, ref, effect, own, sd, agreement, percentile, p, pooled, own_p, own_pooled, doubt in zip(
                self.populations, predicted, *columns, discordant[number].tolist(), strict=True
            ):
                yield (
                    *identity, population, fold, ref, effect, sd, agreement, percentile, p, pooled, "", own, own_p,
                    own_pooled, pearson, *shared, flags[doubt],
                )  # fmt: skip


def _texts(values: np.ndarray) -> list[str]:
    return ["" if value != value else "%.6g" % value for value in values.tolist()]  # noqa: UP031 (the quickest)


def _exact(values: np.ndarray) -> list[str]:
    """Write multiples of 2^-20 with all of their digits, so that they rank among those of effects.h5 as they do here.

    Without an exponent: pandas reads 17 digits of a number, which never makes it larger than it is.
    """
    return ["" if value != value else f"{value:.20f}".rstrip("0").rstrip(".") for value in values.tolist()]

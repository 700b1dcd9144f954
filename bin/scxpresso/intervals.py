"""How far predictions may be off: conformal intervals from the errors of held-out genes.

An error is divided by the spread of the replicates at that gene, to which the population's typical spread is added, so that
replicates that agree by chance do not make an interval too narrow. Intervals have two sides of their own: genes that are not
detected lie far below their predictions. With exchangeable genes, an interval holds about the share of genes that it is named
after: at least that share if the networks of all folds were one (split conformal prediction, Papadopoulos et al. 2002).
"""

from dataclasses import dataclass

import numpy as np

COVERAGES = (80, 95)  # percent of genes
INTERVAL_COLUMNS = [f"{side}_{coverage}" for coverage in COVERAGES for side in ("lower", "upper")]


@dataclass(frozen=True)
class Intervals:
    """Intervals of a model's predictions.

    spread: of each population, the typical standard deviation of the replicates, log10; 1 if they do not differ. errors: how
    far INTERVAL_COLUMNS lie from the prediction, in units of spread: intervals × populations, NaN for too few genes.
    """

    spread: np.ndarray
    errors: np.ndarray

    @classmethod
    def fit(cls, observed: np.ndarray, predicted: np.ndarray, sd: np.ndarray) -> "Intervals":
        """Learn from held-out predictions. All are genes × populations, log10; genes observed as NaN count for nothing."""
        typical = np.median(sd, axis=0) if len(sd) else np.zeros(sd.shape[1])
        spread = np.where(typical > 0, typical, 1.0)
        errors = np.sort((observed - predicted) / (sd + spread), axis=0)  # NaN last
        known = np.isfinite(errors).sum(axis=0)
        errors = np.vstack([errors, np.full(sd.shape[1], np.nan)])  # where ranks of 0 point
        # Of one more gene than these, at most this share lies beyond the error of that rank, on either side.
        ranks = [(100 - coverage) * (known + 1) // 200 for coverage in COVERAGES]
        places = [place for rank in ranks for place in (rank - 1, known - rank)]
        return cls(spread, np.take_along_axis(errors, np.array(places), axis=0))

    def bounds(self, predicted: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Give INTERVAL_COLUMNS of predictions (genes × populations), log10: intervals × genes × populations."""
        return predicted + self.errors[:, None] * (sd + self.spread)

    def content(self) -> dict:
        """Give what model.json has of them: a number per population, null where it is not known."""
        errors = {
            name: [None if np.isnan(value) else round(float(value), 4) for value in values]
            for name, values in zip(INTERVAL_COLUMNS, self.errors, strict=True)
        }
        return {"spread": [round(float(value), 6) for value in self.spread], **errors}

    @classmethod
    def of(cls, content: dict) -> "Intervals":
        """Read what model.json has of them."""
        errors = np.array([content[name] for name in INTERVAL_COLUMNS], dtype=float)
        return cls(np.array(content["spread"], dtype=float), errors)


def held_out_bounds(observed: np.ndarray, predicted: np.ndarray, sd: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Give INTERVAL_COLUMNS of each gene, learned from the genes of other folds: intervals × genes × populations.

    Parameters
    ----------
    observed, predicted, sd: genes × populations, log10; predictions are out-of-fold.
    fold: of each gene.
    """
    bounds = np.empty((len(INTERVAL_COLUMNS), *observed.shape))
    for number in np.unique(fold):
        own = fold == number
        intervals = Intervals.fit(observed[~own], predicted[~own], sd[~own])
        bounds[:, own] = intervals.bounds(predicted[own], sd[own])
    return bounds

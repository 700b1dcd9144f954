"""The probability that the sign of an effect is right, calibrated on simulated genomes with a known grammar.

benchmarks/sign_calibration.py writes the file that is read here; docs/science.md says what is estimated.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scxpresso.problems import InputError, Problem

BACKGROUNDS = ("pooled_p_value", "p_value")  # in the order in which they are preferred
AGREEMENT = {"replicates_agree": True, "replicates_disagree": False}  # for each, a network has a curve of its own


@dataclass(frozen=True)
class Curve:
    """Probabilities by p-value: `p_value` rises, `probability` does not. Between its p-values, linear in log p."""

    p_value: np.ndarray
    probability: np.ndarray

    def at(self, p_value: np.ndarray) -> np.ndarray:
        """Give the probability of each p-value; NaN stays NaN."""
        return np.interp(np.log(p_value), np.log(self.p_value), self.probability)


@dataclass(frozen=True)
class SignCalibration:
    """What is known of the signs of a network's effects.

    curves: by the column of p-values (of BACKGROUNDS) and whether replicates agree on the sign; none for a network that was
    not calibrated. tss_distances: the smallest and the largest one that was calibrated; none are by default.
    """

    curves: Mapping[tuple[str, bool], Curve] = field(default_factory=dict)
    tss_distances: tuple[int, int] = (0, -1)

    @classmethod
    def read(cls, path: str | Path, network: str) -> "SignCalibration":
        """Read the calibration of a network. Raises InputError for another file."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            first, last = (int(distance) for distance in content["tss_distances"])
            curves = {
                (background, AGREEMENT[name]): Curve(
                    *(np.array(curve[key], float) for key in ("p_value", "probability"))
                )
                for background, by_agreement in content["networks"].get(network, {}).items()
                for name, curve in by_agreement.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            expected = "assets/sign_calibration.json, as benchmarks/sign_calibration.py writes it"
            raise InputError(Problem(str(path), f"no calibration of signs ({error})", expected)) from None
        return cls(curves, (first, last))

    def probability(self, effect: np.ndarray, agree: np.ndarray, p_values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Give the probability that each sign is right; NaN where the effect is 0, or nothing was calibrated.

        effect: of any shape. agree: whether replicates agree on its sign. p_values: by the columns of BACKGROUNDS; NaN where
        there are none. All in the same shape.
        """
        found = np.full(effect.shape, np.nan)
        for background in BACKGROUNDS:
            curves = [self.curves.get((background, agrees)) for agrees in (True, False)]
            if all(curves):
                of_background = np.where(agree, *(curve.at(p_values[background]) for curve in curves if curve))
                found = np.where(np.isnan(found), of_background, found)
        return np.where(effect == 0, np.nan, found)

    def reason_against(self, tss_distance: int) -> str:
        """Say why there is no calibration for an allele at this distance from the TSS; empty if there is one."""
        if not self.curves:
            return "network not calibrated"
        first, last = self.tss_distances
        return "" if first <= tss_distance <= last else "distance not calibrated"

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

    curves: by the column of p-values (of BACKGROUNDS); none for a network that was not calibrated. tss_distances: the
    smallest and the largest one that was calibrated; none are by default.
    """

    curves: Mapping[str, Curve] = field(default_factory=dict)
    tss_distances: tuple[int, int] = (0, -1)

    @classmethod
    def read(cls, path: str | Path, network: str) -> "SignCalibration":
        """Read the calibration of a network. Raises InputError for another file."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            first, last = (int(distance) for distance in content["tss_distances"])
            curves = {
                background: Curve(np.array(curve["p_value"], float), np.array(curve["probability"], float))
                for background, curve in content["networks"].get(network, {}).items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            expected = "assets/sign_calibration.json, as benchmarks/sign_calibration.py writes it"
            raise InputError(Problem(str(path), f"no calibration of signs ({error})", expected)) from None
        return cls(curves, (first, last))

    def probability(self, effect: np.ndarray, p_values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Give the probability that each sign is right; NaN where the effect is 0, or nothing was calibrated.

        effect: of any shape. p_values: by the columns of BACKGROUNDS, in the same shape; NaN where there are none.
        """
        found = np.full(effect.shape, np.nan)
        for background in BACKGROUNDS:
            if background in self.curves:
                found = np.where(np.isnan(found), self.curves[background].at(p_values[background]), found)
        return np.where(effect == 0, np.nan, found)

    def reason_against(self, tss_distance: int) -> str:
        """Say why there is no calibration for an allele at this distance from the TSS; empty if there is one."""
        if not self.curves:
            return "network not calibrated"
        first, last = self.tss_distances
        return "" if first <= tss_distance <= last else "distance not calibrated"

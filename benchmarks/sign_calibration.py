#!/usr/bin/env python3
"""How often the signs of variant effects are right, by p-value, on simulated genomes whose grammar is known.

Runs benchmarks/planted_grammar.py's simulations that have no results yet, fits the probability of a right sign for each
network, writes assets/sign_calibration.json, which score_variants.py reads, and puts the tables into docs/evidence.md.
Each kind of motif is judged by what was fitted on the other kinds.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from pages import write  # noqa: E402
from planted import DOWNSTREAM, KINDS, POPULATIONS, REACH, UPSTREAM, simulate  # noqa: E402
from planted_grammar import CELLS, KEYS, REPLICATES, folder_of, run  # noqa: E402
from sklearn.isotonic import IsotonicRegression  # noqa: E402

from scxpresso.store import read_table  # noqa: E402
from scxpresso.variants.gene_scores import MIN_GENE_PEARSON, MIN_SIGN_AGREEMENT  # noqa: E402
from scxpresso.variants.sign_probability import AGREEMENT, BACKGROUNDS, Curve, SignCalibration  # noqa: E402

ASSET = ROOT / "assets" / "sign_calibration.json"
SHORT = (1000, 500)  # window of the smaller simulations, whose motifs lie from −600 to +50
EDGES = [0, 0.002, 0.01, 0.05, 0.2, 1]  # of intervals of p-values
PRIOR = POPULATIONS  # pairs, half of them right, that each interval has besides: those of one variant
INTERVALS = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]  # of the probabilities in the tables
REASONS = {
    "none": lambda pairs: agree(pairs) & ~(pairs["gene_pearson"] < MIN_GENE_PEARSON),
    "replicates disagree": lambda pairs: ~agree(pairs),
    "gene badly predicted": lambda pairs: pairs["gene_pearson"] < MIN_GENE_PEARSON,
}


class Run(NamedTuple):
    """A simulation, and the networks whose effects of it are used. window: bases before and after the TSS."""

    kind: str
    genes: int
    seed: int
    networks: tuple[str, ...]
    window: tuple[int, int]

    @property
    def folder(self) -> Path:
        return folder_of(self.kind, self.genes, CELLS, self.seed)

    def scores(self, network: str) -> Path:
        """Name the table of scores of a network."""
        return self.folder / "variants" / "planted" / f"simulated.cell_type.{network}.tsv.gz"


RUNS = [
    *(Run(kind, 2000, 1, ("grammar",), (UPSTREAM, DOWNSTREAM)) for kind in KINDS),
    *(Run(kind, 500, 2, ("scxpresso", "hybrid"), SHORT) for kind in KINDS),
]


def functional_pairs(runs: Sequence[Run]) -> pd.DataFrame:
    """Read the pairs of a variant and a population with a true and a predicted effect; `right`: whether the signs agree.

    Without a true effect, no sign is right.
    """
    tables = []
    for one in runs:
        truth = read_table(one.folder / "inputs" / "truth" / "effects.tsv.gz")
        for network in one.networks:
            table = truth.merge(read_table(one.scores(network)), on=KEYS, suffixes=("_true", ""), validate="one_to_one")
            tables.append(table.assign(network=network, kind=one.kind))
    pairs = pd.concat(tables, ignore_index=True)
    pairs = pairs[(pairs["effect"] != 0) & (pairs["effect_true"] != 0)].reset_index(drop=True)
    return pairs.assign(right=np.sign(pairs["effect"]) == np.sign(pairs["effect_true"]))


def fitted_curve(p_values: pd.Series, right: pd.Series) -> Curve:
    """Fit the share of right signs by p-value: by intervals, shrunk towards ½, then by isotonic regression."""
    table = pd.DataFrame({"log_p": np.log(p_values), "right": right})
    groups = table.groupby(pd.cut(p_values, EDGES), observed=True)
    sizes, centres = groups.size() + PRIOR, groups["log_p"].mean()
    shrunk = (groups["right"].sum() + PRIOR / 2) / sizes
    fit = IsotonicRegression(increasing=False, y_min=0.5, y_max=1).fit(centres, shrunk, sample_weight=sizes)
    return Curve(np.exp(centres.to_numpy()), fit.predict(centres))


def calibration_of(pairs: pd.DataFrame) -> SignCalibration:
    """Fit the curves of a network."""
    curves = {
        (background, agrees): fitted_curve(part[background], part["right"])
        for agrees in AGREEMENT.values()
        for part in [pairs[agree(pairs) == agrees]]
        for background in BACKGROUNDS
    }
    return SignCalibration(curves, (REACH[0], REACH[1] - 1))


def probabilities(pairs: pd.DataFrame, calibration: SignCalibration) -> np.ndarray:
    """Give the probability of each pair."""
    p_values = {background: pairs[background].to_numpy() for background in BACKGROUNDS}
    return calibration.probability(pairs["effect"].to_numpy(), agree(pairs).to_numpy(), p_values)


def agree(pairs: pd.DataFrame) -> pd.Series:
    """Tell of pairs whether the replicates agree on their sign."""
    return pairs["sign_agreement"] >= MIN_SIGN_AGREEMENT


def judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """Add the column `probability`, by calibrations fitted on the same network's other kinds of motifs."""
    parts = []
    for (_, kind), part in pairs.groupby(["network", "kind"], sort=False):
        others = pairs[(pairs["network"] == part["network"].iloc[0]) & (pairs["kind"] != kind)]
        parts.append(part.assign(probability=probabilities(part, calibration_of(others))))
    return pd.concat(parts)


def content(pairs: pd.DataFrame) -> dict:
    """Make the content of ASSET, from all pairs."""
    networks = {}
    for network, part in pairs.groupby("network", sort=False):
        curves = calibration_of(part).curves
        networks[network] = {
            background: {name: curve_content(curves[background, agrees]) for name, agrees in AGREEMENT.items()}
            for background in BACKGROUNDS
        }
    return {
        "written_by": "benchmarks/sign_calibration.py",
        "tss_distances": [REACH[0], REACH[1] - 1],
        "networks": networks,
    }


def curve_content(curve: Curve) -> dict[str, list[float]]:
    """Round the numbers of a curve."""
    return {
        "p_value": [float(f"{value:.4g}") for value in curve.p_value],
        "probability": [round(float(value), 4) for value in curve.probability],
    }


def pages(pairs: pd.DataFrame) -> Iterator[str]:
    """Make the tables in Markdown. pairs: as `judged` gives them."""
    yield "| network | motifs | probability | pairs | mean probability | right signs |"
    yield "|---|---|---|---|---|---|"
    used = pairs[REASONS["none"](pairs)]
    for network, part in used.groupby("network", sort=False):
        for interval, group in part.groupby(pd.cut(part["probability"], INTERVALS, include_lowest=True), observed=True):
            yield f"| `{network}` | all | {max(interval.left, 0.5):.1f} to {interval.right:.1f} | {cells(group)} |"
        for kind, group in part.groupby("kind", sort=False):
            yield f"| `{network}` | {kind} | all | {cells(group)} |"
    yield ""
    yield "| network | reason to abstain | pairs | mean probability | right signs |"
    yield "|---|---|---|---|---|"
    for network, part in pairs.groupby("network", sort=False):
        for reason, holds in REASONS.items():
            yield f"| `{network}` | {reason} | {cells(part[holds(part)])} |"


def cells(pairs: pd.DataFrame) -> str:
    """Write the cells of a row: the number of pairs, their mean probability, and the share of right signs."""
    shares = [pairs["probability"].mean(), pairs["right"].mean()]
    return " | ".join([f"{len(pairs):,}", *("" if np.isnan(share) else f"{share:.3f}" for share in shares)])


def main() -> None:
    for one in RUNS:
        if not all(one.scores(network).exists() for network in one.networks):
            simulation = simulate(one.kind, one.genes, CELLS * POPULATIONS, one.seed)
            run(one.folder, simulation, list(one.networks), REPLICATES, one.window)
    pairs = functional_pairs(RUNS)
    ASSET.write_text(json.dumps(content(pairs), indent=1) + "\n", encoding="utf-8")
    write("benchmarks/sign_calibration.py", list(pages(judged(pairs))))


if __name__ == "__main__":
    main()

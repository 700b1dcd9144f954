"""Predicted effects of variants against measured ones: signs, ranks, and whether they find what has an effect."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.metrics import rank_correlation
from scxpresso.store import write_rows
from scxpresso.variants.matching import matched_rows
from scxpresso.variants.measured import MeasuredEffect

PAIR_COLUMNS = [
    "benchmark", "variant_id", "alt", "gene_id", "population", "effect", "tss_distance", "measured_in", "measured", "measured_p",
    "maf", "significant",
]  # fmt: skip
METRIC_COLUMNS = [
    "benchmark", "population", "measured_in", "n", "n_significant", "sign_agreement", "sign_p_value", "spearman",
    "spearman_p_value", "auroc", "auroc_matched", "auroc_distance",
]  # fmt: skip
_OURS = ["variant_id", "alt", "gene_id", "population", "effect", "tss_distance"]
DISTANCE_BINS = [100, 300, 1000, 3000]  # bases from the TSS, between which controls are matched
MAF_BINS = [0.05, 0.1, 0.2, 0.3, 0.4]


def benchmark(
    name: str,
    scores: str | Path,
    measured: list[MeasuredEffect],
    max_p: float,
    output: str | Path,
    log: Callable[[str], None] = lambda message: None,
) -> tuple[pd.DataFrame, set[int]]:
    """Write PAIR_COLUMNS, one row per measured effect and population of ours, and compute METRIC_COLUMNS.

    An effect that was measured in a population of ours is compared with ours in this population; any other one with ours in
    every population. One that names no allele counts only if its variant has one allele of ours: others have other signs. Of
    several effects of one allele, gene and population of the measurement, under other names, the first counts.

    Parameters
    ----------
    scores: table that join_scores.py wrote.
    max_p: highest p-value of a significant measured effect; the others are controls.
    output: table to write.
    log: is called with a note on effects that do not count.

    Returns
    -------
    The metrics, and which measured effects have a score of ours.
    """
    found = list(matched_rows(scores, [one.sought for one in measured], [*_OURS, "ref"], any_allele=False))
    populations = {row[3] for _, row in found}
    kept: dict[tuple[int, str], list] = {}
    first: dict[tuple, int] = {}  # number of the first effect of an allele, gene and population of the measurement
    effect_of: dict[int, tuple] = {}
    for number, (*row, ref) in found:
        one = measured[number]
        # A variant that a set has twice has two rows of ours, which are the same.
        if row[4] and one.population in (row[3], *({one.population} - populations)):
            kept.setdefault((number, row[3]), [name, *row, *_columns(one, max_p)])
            effect = effect_of.setdefault(number, (row[0], ref, row[1], row[2], one.population))
            first[effect] = min(first.get(effect, number), number)
    repeated = {number for number, effect in effect_of.items() if first[effect] != number}
    if repeated:
        log(
            f"NOTE benchmark {name}: {len(repeated):,} effects are of the variant, gene and population of an earlier row, under "
            "another name; the first of each counts"
        )
    kept = {key: row for key, row in kept.items() if key[0] not in repeated}
    write_rows(output, PAIR_COLUMNS, kept.values())
    pairs = pd.DataFrame(list(kept.values()), columns=PAIR_COLUMNS)
    pairs["number"] = [number for number, _ in kept]
    numeric = ["effect", "tss_distance", "measured", "maf", "significant"]
    pairs[numeric] = pairs[numeric].apply(pd.to_numeric, errors="coerce")
    table = pd.DataFrame(list(metric_rows(name, pairs)), columns=METRIC_COLUMNS)
    return table, set(effect_of)


def _columns(one: MeasuredEffect, max_p: float) -> list:
    known = not math.isnan(one.p_value)
    numbers = ["" if math.isnan(value) else f"{value:.6g}" for value in (one.effect, one.p_value, one.maf)]
    return [one.population, *numbers, int(one.p_value <= max_p) if known else ""]


def metric_rows(name: str, pairs: pd.DataFrame) -> Iterator[tuple]:
    """Yield METRIC_COLUMNS: one row per population of ours and of the measurements, and one with all of them pooled.

    In the pooled row, ours is the mean over the populations that a measured effect is compared with. It has no p-values where
    a variant and gene were measured in several populations: these measurements depend on each other.

    Parameters
    ----------
    pairs: PAIR_COLUMNS, and the `number` of the measured effect.
    """
    for (population, measured_in), rows in pairs.groupby(["population", "measured_in"], sort=True):
        yield name, population, measured_in, *metrics(rows)
    if len(pairs):
        mean = pairs.groupby("number")["effect"].transform("mean")
        pooled = pairs.assign(effect=mean).drop_duplicates("number")
        found = dict(zip(METRIC_COLUMNS[3:], metrics(pooled), strict=True))
        if pooled.duplicated(["variant_id", "alt", "gene_id"]).any():
            found |= {"sign_p_value": np.nan, "spearman_p_value": np.nan}
        yield name, "", "", *found.values()


def metrics(pairs: pd.DataFrame) -> tuple:
    """Compute METRIC_COLUMNS after `measured_in`; NaN where there is nothing to compute from.

    Signs are of significant effects, or of all where the table has no p-values. AUROCs are of our |effect| for significant
    effects against controls: all of them, those in the same bins of distance and allele frequency, and, in its place, of the
    distance to the TSS.
    """
    ours, theirs = pairs["effect"].to_numpy(), pairs["measured"].to_numpy()
    labelled = pairs["significant"].notna().to_numpy()
    positive = (pairs["significant"] == 1).to_numpy()
    size, distance = np.abs(ours)[labelled], pairs["tss_distance"].abs().to_numpy()[labelled]
    positive_labelled = positive[labelled]
    bins = _bins(distance, pairs["maf"].to_numpy()[labelled])
    return (
        len(pairs),
        int(positive.sum()) if labelled.any() else np.nan,
        *sign_agreement(ours[positive | ~labelled], theirs[positive | ~labelled]),
        *rank_correlation(ours, theirs),
        auroc(size, positive_labelled, np.zeros(len(size))),
        auroc(size, positive_labelled, bins),
        auroc(-distance, positive_labelled, np.zeros(len(size))),
    )


def sign_agreement(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the share of effects of the same sign, zeros left out, and the one-sided binomial p-value against a half."""
    from scipy.stats import binomtest  # slow to import

    signed = (ours != 0) & (theirs != 0)
    if not signed.any():
        return math.nan, math.nan
    same = int((np.sign(ours) == np.sign(theirs))[signed].sum())
    return same / int(signed.sum()), float(binomtest(same, int(signed.sum()), alternative="greater").pvalue)


def auroc(values: np.ndarray, positive: np.ndarray, bins: Iterable[object]) -> float:
    """Return how often a positive value is above a control of the same bin; ties count half. NaN without such a pair."""
    from scipy.stats import rankdata

    places_of = defaultdict(list)
    for place, one in enumerate(bins):
        places_of[one].append(place)
    above = pairs = 0.0
    for places in places_of.values():
        of_bin = positive[places]
        n, controls = int(of_bin.sum()), int((~of_bin).sum())
        above += rankdata(values[places])[of_bin].sum() - n * (n + 1) / 2
        pairs += n * controls
    return above / pairs if pairs else math.nan


def _bins(distance: np.ndarray, maf: np.ndarray) -> list[tuple[int, int]]:
    """Return the bin of each variant: of its distance to the TSS, and of its allele frequency where that is known."""
    frequency = np.where(np.isnan(maf), -1, np.digitize(maf, MAF_BINS))
    return list(zip(np.digitize(distance, DISTANCE_BINS).tolist(), frequency.tolist(), strict=True))

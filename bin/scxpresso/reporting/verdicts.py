"""Verdicts on the models, in key numbers and in words: the start of the page."""

import numpy as np
import pandas as pd

from scxpresso.reporting.data import (
    BASELINE_NAMES,
    SIGNIFICANT,
    MeasuredLevel,
    Run,
    ceiling,
    difference,
    metric,
    own,
    rows,
)
from scxpresso.store import EXTERNAL
from scxpresso.text import count, decimal, listed, p_text, plural, span

# Networks of the others over which verdicts are summed up: their names, and what is counted.
_SUMMED = {network: (name, "model") for network, name in BASELINE_NAMES.items()}
_SUMMED[EXTERNAL] = ("other models' predictions", "comparison")
UNKNOWN_TRAINING = {
    "kind": "untested",
    "other": None,
    "text": "Predictions of another model. If it was trained on genes that are held out here, it is flattered.",
}


def headline(run: Run, genomes: list[dict], training: list[dict]) -> str:
    """Describe the run in one sentence."""
    populations: dict[str, list[str]] = {entry["atlas"]: [] for entry in run.manifest["atlases"]}
    for level in run.levels:
        size = len(level.labels)
        populations[level.atlas].append("as a whole" if size == 1 else f"{plural(size, 'population')} of {level.level}")
    atlases = listed(f"{atlas} ({', '.join(levels)})" for atlas, levels in populations.items())
    if not run.levels:
        atlases = listed(dict.fromkeys(model["atlas"] for model in run.manifest["models"]))
    genes = listed(f"{plural(genome['kept'], 'gene')} of {genome['genome']}" for genome in genomes)
    parts = [f"Models of {atlases or 'no atlas'} from the promoters of {genes or 'no gene'}"]
    if training:
        numbers = [span([view[what + "s"] for view in training], what) for what in ("fold", "replicate")]
        epochs = [view["epochs"] for view in training if view["epochs"] > 1]
        parts.append(", ".join(numbers + ([span(epochs, "epoch")] if epochs else [])))
    if sizes := window_sizes(run):
        parts.append(sizes)
    return "; ".join(parts) + "."


def window_sizes(run: Run) -> str:
    """Describe the promoter windows of the models, or of the parameters; '' if neither has any."""
    params = run.manifest["params"]
    models = [model for model in run.manifest["models"] if "upstream" in model]
    known = models or ([params] if "upstream" in params and "downstream" in params else [])
    sizes = dict.fromkeys(tuple(count(float(one[side])) for side in ("upstream", "downstream")) for one in known)
    if not sizes:
        return ""
    if len(sizes) == 1:
        ((up, down),) = sizes
        return f"windows of {up} bases upstream and {down} downstream of the TSS"
    return f"windows of {listed(f'{up} + {down}' for up, down in sizes)} bases around the TSS"


def overall(cards: list[dict]) -> list[str]:
    """Summarise the verdicts on the models of this run, one sentence per baseline; none if there is only one model.

    Other models' predictions have cards too, but they count only as what the models of this run are compared with.
    """
    mine = [card for card in cards if not card["external"]]
    if len(mine) < 2:
        return []
    sides = {"better": "better", "worse": "worse", "same": "not clearly different", "untested": "untested"}
    sentences = []
    for other, (name, what) in _SUMMED.items():
        kinds = [v["kind"] for c in mine for v in c["verdicts"] if v["other"] == other]
        counts = [f"{words} in {kinds.count(side)}" for side, words in sides.items() if side in kinds]
        if counts:
            sentences.append(f"Against {name}: {listed(counts)} of {plural(len(kinds), what)}.")
    return sentences


def card(run: Run, level: MeasuredLevel, recipe: str) -> dict:
    """Collect the key numbers and verdicts of one trained recipe at one level."""
    pearson, sd, _ = metric(run, level, recipe, "pearson")
    palette = run.palette()
    comparable = [one for one in level.recipes if np.isfinite(difference(run, level, recipe, one)[0])]
    baselines = [one for one in comparable if level.is_baseline(one) and one in level.scored]
    rivals = [one for one in comparable if not level.is_baseline(one)]
    verdicts = [verdict_on_other(run, level, recipe, one) for one in rivals + baselines]
    specific = verdict_on_specificity(run, level, recipe)
    external = level.networks[recipe] == EXTERNAL
    return {
        **level.key,
        "recipe": level.label(recipe),
        "external": external,
        "populations": len(level.labels),
        "pearson": pearson,
        "sd": sd,
        "ceiling": ceiling(run, level),
        "specificity": metric(run, level, recipe, "specificity"),
        "colour": palette[recipe],
        "baselines": [
            {"name": level.label(one), "value": metric(run, level, one, "pearson")[0], "colour": palette[one]}
            for one in baselines
        ],
        "verdicts": ([UNKNOWN_TRAINING] if external else []) + verdicts + ([specific] if specific else []),
    }


def verdict_on_other(run: Run, level: MeasuredLevel, recipe: str, other: str) -> dict:
    """Judge a recipe against a baseline or another recipe with the same folds: {kind, other, text}. other: its network."""
    mine, theirs = metric(run, level, recipe, "pearson")[0], metric(run, level, other, "pearson")[0]
    numbers = f"{decimal(mine)} against {decimal(theirs)}"
    compared = rows(run.comparisons, **level.target, recipe=recipe, other_recipe=other)
    tested = own(compared, "model", "other")
    kind = side_taken(tested, mine - theirs)
    opening = {
        "better": "It predicts held-out genes better than",
        "worse": "It predicts held-out genes worse than",
        "same": "It does not clearly differ from",
        "untested": "It scores higher than" if mine > theirs else "It scores no higher than",
    }[kind]
    network = level.networks[other]
    kind_of_other = "other model" if network == EXTERNAL else "recipe"
    name = BASELINE_NAMES[network] if level.is_baseline(other) else f"the {kind_of_other} {level.label(other)}"
    return {"kind": kind, "other": network, "text": f"{opening} {name}: {numbers}{evidence(tested, kind)}."}


def side_taken(tested: pd.DataFrame, delta: float) -> str:
    """Decide what the one-sided tests say: better, worse, same, or untested if there are too few folds."""
    if tested.empty or 0.5 ** tested["n_folds"].max() > SIGNIFICANT:
        return "untested"  # with n folds, no signed-rank p-value is below 1/2^n
    if delta > 0 and (tested["p_value"] < SIGNIFICANT).mean() > 0.5:
        return "better"
    if delta < 0 and (tested["p_value"] > 1 - SIGNIFICANT).mean() > 0.5:
        return "worse"
    return "same"


def evidence(tested: pd.DataFrame, kind: str) -> str:
    """Describe the Wilcoxon tests behind a verdict, as a clause."""
    if tested.empty:
        return ", without a test"
    folds = tested["n_folds"].max()
    if kind == "untested":
        return "; not tested, because a test needs at least 5 folds"
    if len(tested) == 1:
        p = p_text(tested["p_value"].iloc[0])
        return f" (one-sided Wilcoxon over {plural(folds, 'fold')} that it is better: p = {p})"
    if kind == "worse":
        behind, significant = (tested["delta"] < 0).sum(), (tested["p_value"] > 1 - SIGNIFICANT).sum()
        return (
            f" (behind in {behind} of {len(tested)} populations, in {significant} with Wilcoxon p > {1 - SIGNIFICANT})"
        )
    ahead, significant = (tested["delta"] > 0).sum(), (tested["p_value"] < SIGNIFICANT).sum()
    return f" (ahead in {ahead} of {len(tested)} populations, in {significant} with Wilcoxon p < {SIGNIFICANT})"


def verdict_on_specificity(run: Run, level: MeasuredLevel, recipe: str) -> dict | None:
    """Judge whether a model tells populations apart: {kind, other: None, text}, or None for a single population."""
    value, sd, folds = metric(run, level, recipe, "specificity")
    if len(level.labels) < 2 or np.isnan(value):
        return None
    if np.isnan(sd):
        kind = "untested"
        text = f"One fold is too few to judge whether it tells populations apart: specificity {decimal(value)}."
    else:
        apart = value > 2 * sd / np.sqrt(folds) + 0.005  # two standard errors, and more than a rounded 0
        kind = "better" if apart else "worse"
        score = f"specificity {decimal(value)} ± {decimal(sd)} over {plural(folds, 'fold')}"
        text = f"It {'tells' if apart else 'does not tell'} populations apart: {score}, where a constant scores 0."
    return {"kind": kind, "other": None, "text": text}

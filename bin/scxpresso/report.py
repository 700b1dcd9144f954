"""The report: one self-contained HTML page made from the tables of a run.

`read_run` loads what manifest.json points to, the `*_view` functions turn tables into what the template
prints, the `*_plots` functions into what report.js draws, and `render` puts both into one page.

Labels (populations, atlases, genes, parameters) are hostile until proven otherwise. Three places
make them text, so that no view has to remember: jinja2's autoescape with `printable` as its `finalize`;
`plain` for the JSON island; and `safe` in report.js for the HTML subset that plotly understands.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from scxpresso.evaluation import COMPARISONS, GENES, SUMMARY
from scxpresso.evaluation import POPULATIONS as SCORES
from scxpresso.problems import InputError, Problem, some
from scxpresso.store import (
    HISTORY_COLUMNS,
    POPULATION_COLUMNS,
    PREDICTION_COLUMNS,
    TEXT_COLUMNS,
    read_json,
    read_table,
    whole,
)

PAPER = {
    "doi": "10.3389/fbinf.2024.1347276",
    "cite": "Michielsen, Reinders, Mahfouz (2024), Frontiers in Bioinformatics 4",
}

BASELINE_NAMES = {
    "half_life": "half-life features alone",
    "kmer": "the k-mer ridge",
    "mean": "the mean of the training genes",
}
# Okabe and Ito's colours: safe for the colour blind.
BASELINE_COLOURS = {"half_life": "#E69F00", "kmer": "#009E73", "mean": "#8A8F98"}
NETWORK_COLOURS = ("#0072B2", "#CC79A7", "#56B4E9", "#D55E00", "#6A4C93")

SCATTER_GENES = 4000  # genes drawn a population; more only makes the page heavier and the cloud blacker
TOP_GENES = 25
TREND_BINS = 20
SEED = 20240306  # which genes are drawn must not change between two renderings of a run
SIGNIFICANT = 0.05


# What the report reads of each table; the tables may hold more.
MANIFEST = ["run", "params", "notes", "versions", "genomes", "atlases", "models", "predictions", "evaluation"]
GENOME_GENES = ["gene_id", "gene_name", "padded_bases"]
FOLDS = ["gene_id", "fold"]
DROPPED_GENES = ["gene", "reason"]
DROPPED_POPULATIONS = ["level", "population", "cells", "reason"]


# ---------------------------------------------------------------- reading


def load(path: str | Path, columns: list) -> pd.DataFrame:
    """These columns of a table. Raises InputError where the file or a column is missing."""
    if not Path(path).is_file():
        raise InputError(Problem(str(path), "no such file", "a table that manifest.json lists"))
    table = read_table(path)
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise InputError(Problem(str(path), f"no column {some(absent)}", f"columns {some(columns, len(columns))}"))
    # A table of no rows has no numbers to tell its numeric columns by.
    return table[columns].astype({name: float for name in columns if name not in TEXT_COLUMNS and table.empty})


@dataclass
class Level:
    """One atlas at one annotation resolution, with everything that was measured at it."""

    atlas: str
    level: str
    genome: str
    populations: pd.DataFrame  # population parent cells genes_seen noise_ceiling
    networks: list  # names, networks before baselines
    predictions: dict  # network -> path
    histories: dict  # network -> paths

    @property
    def labels(self) -> list[str]:
        return list(self.populations["population"])

    @property
    def name(self) -> str:
        return f"{self.atlas} · {self.level}"

    @property
    def trained(self) -> list[str]:
        """Networks that are no baselines."""
        return [name for name in self.networks if name not in BASELINE_NAMES]

    @property
    def scored(self) -> list[str]:
        """Networks but for the mean: a constant has no correlation over genes and no cloud."""
        return [name for name in self.networks if name != "mean"]


@dataclass
class Run:
    """The manifest with its small tables read; paths of the large ones stay paths until they are drawn."""

    manifest: dict
    folder: Path
    levels: list[Level]
    scores: pd.DataFrame
    genes: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame

    def networks(self) -> list[str]:
        """Names of all networks of the run, networks first, baselines last."""
        return order_networks(name for level in self.levels for name in level.networks)

    def palette(self) -> dict[str, str]:
        """network -> colour, the same in every plot."""
        trained = [name for name in self.networks() if name not in BASELINE_NAMES]
        cycle = {name: NETWORK_COLOURS[i % len(NETWORK_COLOURS)] for i, name in enumerate(trained)}
        return cycle | BASELINE_COLOURS


def order_networks(names) -> list[str]:
    """Unique `names` in the order seen, baselines last."""
    names = list(dict.fromkeys(names))
    return [name for name in names if name not in BASELINE_NAMES] + [name for name in BASELINE_NAMES if name in names]


def read_run(manifest_path: str | Path) -> Run:
    """Run from manifest.json. Raises InputError naming the file that is missing or malformed."""
    folder = Path(manifest_path).resolve().parent
    manifest = read_json(manifest_path)
    absent = [key for key in MANIFEST if key not in manifest]
    if absent:
        raise InputError(Problem(str(manifest_path), f"no key {some(absent)}", f"keys {some(MANIFEST, len(MANIFEST))}"))
    evaluation = folder / manifest["evaluation"]
    summary = load(evaluation / "summary.tsv", SUMMARY)
    return Run(
        manifest=manifest,
        folder=folder,
        levels=read_levels(manifest, folder, summary),
        scores=load(evaluation / "populations.tsv", SCORES),
        genes=load(evaluation / "genes.tsv", GENES),
        summary=summary,
        comparisons=load(evaluation / "comparisons.tsv", COMPARISONS),
    )


def read_levels(manifest: dict, folder: Path, summary: pd.DataFrame) -> list[Level]:
    """Every Level of the manifest, atlases in its order, coarse before fine."""
    levels = []
    for atlas in manifest["atlases"]:
        for name in atlas["levels"]:
            mine = {"atlas": atlas["atlas"], "level": name}
            predictions = {p["network"]: folder / p["path"] for p in select(manifest["predictions"], **mine)}
            histories = {m["network"]: [folder / h for h in m["histories"]] for m in select(manifest["models"], **mine)}
            scored = rows(summary, **mine)["network"]
            levels.append(
                Level(
                    **mine,
                    genome=atlas["genome"],
                    populations=load(folder / atlas["path"] / f"{name}.populations.tsv", POPULATION_COLUMNS),
                    networks=order_networks([*histories, *predictions, *(n for n in scored if n)]),
                    predictions=predictions,
                    histories=histories,
                )
            )
    return levels


def select(entries, **values) -> list[dict]:
    """The manifest entries whose keys have these values."""
    return [entry for entry in entries if all(entry[key] == value for key, value in values.items())]


def rows(table: pd.DataFrame, **values) -> pd.DataFrame:
    """The rows of a table whose columns have these values."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        keep &= (table[column] == value).to_numpy()
    return table[keep]


# ---------------------------------------------------------------- text


def printable(text: str) -> str:
    """A label on one line: control and invisible characters as escapes ("T\\ncell" reads T\\ncell)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def finalize(value):
    """jinja2's hook on every printed value: markup as it is, labels printable, None as a dash."""
    if isinstance(value, Markup):
        return value
    return printable(value) if isinstance(value, str) else "–" if value is None else value


def plain(value):
    """`value` as JSON can hold it: labels printable, NaN as None, numpy's numbers as Python's."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return printable(value)
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def count(value) -> str:
    """1234567.0 as 1,234,567."""
    return "–" if pd.isna(value) else f"{value:,.0f}"


def decimal(value, digits=2) -> str:
    """0.4567 as 0.46, a missing number as a dash, and no minus before a zero."""
    return "–" if value is None or pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def percent(share) -> str:
    """A share as a CSS percentage between 0 and 100."""
    return "0" if pd.isna(share) else f"{100 * min(max(share, 0), 1):.1f}"


def p_text(value) -> str:
    """A p-value as people print it: 0.013, 9.5e-07."""
    return "–" if pd.isna(value) else f"{value:.2g}" if value >= 0.001 else f"{value:.1e}"


def plural(number, one: str, many=None) -> str:
    """'1 fold', '20 folds'."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(items) -> str:
    """'a', 'a and b', 'a, b and c'."""
    items = [str(item) for item in items]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def verbatim(text) -> Markup:
    """Text that keeps its line breaks (a command)."""
    return escape("\n".join(printable(line) for line in str(text).splitlines()))


def moment(stamp: str | None) -> str | None:
    """2025-11-23T06:48:12.345Z to the minute."""
    return stamp and stamp[:16].replace("T", " ")


def parameter(value) -> str | None:
    """A parameter as it would be typed."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def span(values, one: str) -> str:
    """'20 folds' where all values are 20, '18–20 folds' where they differ."""
    low, high = min(values), max(values)
    return plural(high, one) if low == high else f"{count(low)}–{plural(high, one)}"


# ---------------------------------------------------------------- genomes and data


def reasons(table: pd.DataFrame) -> list[dict]:
    """Dropped genes counted by reason, most first: [{reason, genes, share}]; share is of the largest."""
    counts = table["reason"].value_counts()
    return [{"reason": reason, "genes": n, "share": n / counts.iloc[0]} for reason, n in counts.items()]


def genome_view(run: Run, entry: dict) -> dict:
    """What the page says of one genome: genes kept and dropped, windows padded, folds."""
    folder = run.folder / entry["path"]
    genes = load(folder / "genes.tsv", GENOME_GENES)
    sizes = load(folder / "folds.tsv", FOLDS)["fold"].value_counts()
    dropped = load(folder / "dropped_genes.tsv", DROPPED_GENES)
    return {
        "genome": entry["genome"],
        "kept": len(genes),
        "dropped": len(dropped),
        "reasons": reasons(dropped),
        "padded": int((genes["padded_bases"] > 0).sum()),
        "padded_bases": genes["padded_bases"].sum(),
        "folds": len(sizes),
        "fold_sizes": span(sizes, "gene") if len(sizes) else None,
        "names": dict(zip(genes["gene_id"], genes["gene_name"], strict=True)),
    }


def atlas_view(run: Run, entry: dict) -> dict:
    """What the page says of one atlas: its populations, and what was left out and why."""
    folder = run.folder / entry["path"]
    left_out = load(folder / "dropped_populations.tsv", DROPPED_POPULATIONS)
    dropped = load(folder / "dropped_genes.tsv", DROPPED_GENES)
    levels = [
        {
            "level": level.level,
            "populations": level.populations.to_dict("records"),
            "most": level.populations["cells"].max(),
        }
        for level in run.levels
        if level.atlas == entry["atlas"]
    ]
    return {
        "atlas": entry["atlas"],
        "genome": entry["genome"],
        "protocol": entry["protocol"],
        "levels": levels,
        "has_parents": any(row["parent"] for level in levels for row in level["populations"]),
        "populations": sum(len(level["populations"]) for level in levels),
        "left_out": left_out.to_dict("records"),
        "dropped": len(dropped),
        "reasons": reasons(dropped),
    }


# ---------------------------------------------------------------- headline


def metric(run: Run, level: Level, network: str, name: str) -> tuple:
    """One row of summary.tsv: (value, sd, folds); NaN where it is missing."""
    found = rows(run.summary, atlas=level.atlas, level=level.level, network=network, metric=name)
    if found.empty:
        return (np.nan, np.nan, np.nan)
    return tuple(found.iloc[0][["value", "sd", "n_folds"]])


def ceiling(run: Run, level: Level) -> float:
    """The level's mean noise ceiling: a property of the data, whichever network's row has it."""
    values = rows(run.summary, atlas=level.atlas, level=level.level, metric="ceiling")["value"].dropna()
    return values.iloc[0] if len(values) else level.populations["noise_ceiling"].mean()


def own_comparisons(run: Run, level: Level, network: str, baseline: str) -> pd.DataFrame:
    """Comparisons of a network with a baseline where each predicts the population it learned."""
    table = rows(run.comparisons, network=network, other_network=baseline)
    for side in ("target", "model", "other"):
        table = rows(table, **{f"{side}_atlas": level.atlas, f"{side}_level": level.level})
    own = (table[["model_population", "other_population"]].to_numpy() == table[["target_population"]].to_numpy()).all(
        axis=1
    )
    return table[own]


def verdict_on_baseline(run: Run, level: Level, network: str, baseline: str) -> dict | None:
    """Better, worse or undecided against a baseline, in words, from the numbers: {kind, baseline, text} or None."""
    mine, other = metric(run, level, network, "pearson")[0], metric(run, level, baseline, "pearson")[0]
    if np.isnan(mine) or np.isnan(other):
        return None
    numbers = f"{decimal(mine)} against {decimal(other)}"
    tested = own_comparisons(run, level, network, baseline)
    kind = side_taken(tested, mine - other)
    opening = {
        "better": "It predicts held-out genes better than",
        "worse": "It predicts held-out genes worse than",
        "same": "It does not clearly differ from",
        "untested": "It scores higher than" if mine > other else "It scores no higher than",
    }[kind]
    return {
        "kind": kind,
        "baseline": baseline,
        "text": f"{opening} {BASELINE_NAMES[baseline]}: {numbers}{evidence(tested, kind)}.",
    }


def side_taken(tested: pd.DataFrame, delta: float) -> str:
    """Which way the one-sided tests point: better, worse, same, or untested where they could not."""
    if tested.empty or 0.5 ** tested["n_folds"].max() > SIGNIFICANT:
        return "untested"  # with n folds no signed rank p is below 1/2^n
    if delta > 0 and (tested["p_value"] < SIGNIFICANT).mean() > 0.5:
        return "better"
    if delta < 0 and (tested["p_value"] > 1 - SIGNIFICANT).mean() > 0.5:
        return "worse"
    return "same"


def evidence(tested: pd.DataFrame, kind: str) -> str:
    """The Wilcoxon tests behind a verdict, as a clause."""
    if tested.empty:
        return ", without a test"
    folds = tested["n_folds"].max()
    if kind == "untested":
        return f"; {plural(folds, 'fold')} cannot tell: a test needs 5"
    if len(tested) == 1:
        p = p_text(tested["p_value"].iloc[0])
        return f" (one-sided Wilcoxon over {plural(folds, 'fold')} that it is better: p = {p})"
    if kind == "worse":
        behind, sure = (tested["delta"] < 0).sum(), (tested["p_value"] > 1 - SIGNIFICANT).sum()
        return f" (behind in {behind} of {len(tested)} populations, in {sure} with Wilcoxon p > {1 - SIGNIFICANT})"
    ahead, sure = (tested["delta"] > 0).sum(), (tested["p_value"] < SIGNIFICANT).sum()
    return f" (ahead in {ahead} of {len(tested)} populations, in {sure} with Wilcoxon p < {SIGNIFICANT})"


def verdict_on_specificity(run: Run, level: Level, network: str) -> dict | None:
    """Whether the network tells populations apart: {kind, baseline: None, text}, or None for a single population."""
    value, sd, folds = metric(run, level, network, "specificity")
    if len(level.labels) < 2 or np.isnan(value):
        return None
    if np.isnan(sd):
        kind, text = (
            "untested",
            f"One fold cannot tell whether it tells populations apart: specificity {decimal(value)}.",
        )
    else:
        numbers = (
            f"specificity {decimal(value)} ± {decimal(sd)} over {plural(folds, 'fold')}, where a constant scores 0"
        )
        apart = value > 2 * sd / np.sqrt(folds) + 0.005  # two standard errors, and not a zero once rounded
        kind = "better" if apart else "worse"
        text = f"It {'tells' if apart else 'does not tell'} populations apart: {numbers}."
    return {"kind": kind, "baseline": None, "text": text}


def card(run: Run, level: Level, network: str) -> dict:
    """The key numbers and verdict of one trained network at one level."""
    pearson, sd, folds = metric(run, level, network, "pearson")
    palette = run.palette()
    others = [name for name in level.scored if name in BASELINE_NAMES]
    baselines = [
        {"name": name, "value": metric(run, level, name, "pearson")[0], "colour": palette[name]} for name in others
    ]
    verdicts = [verdict_on_baseline(run, level, network, name) for name in others]
    return {
        "atlas": level.atlas,
        "level": level.level,
        "network": network,
        "populations": len(level.labels),
        "pearson": pearson,
        "sd": sd,
        "folds": folds,
        "ceiling": ceiling(run, level),
        "specificity": metric(run, level, network, "specificity"),
        "colour": palette[network],
        "baselines": [b for b in baselines if np.isfinite(b["value"])],
        "verdicts": [v for v in [*verdicts, verdict_on_specificity(run, level, network)] if v],
    }


def overall(cards: list) -> list[str]:
    """The verdicts of all models in a sentence a baseline; none where a single card says it already."""
    if len(cards) < 2:
        return []
    sides = {"better": "better", "worse": "worse", "same": "not clearly different", "untested": "untested"}
    sentences = []
    for baseline, name in BASELINE_NAMES.items():
        kinds = [v["kind"] for c in cards for v in c["verdicts"] if v["baseline"] == baseline]
        said = [f"{words} in {kinds.count(side)}" for side, words in sides.items() if side in kinds]
        if said:
            sentences.append(f"Against {name}: {listed(said)} of {plural(len(kinds), 'model')}.")
    return sentences


def numbers_table(run: Run) -> list[dict]:
    """summary.tsv, wide: a row each atlas × level × network, baselines included."""
    metrics = ("pearson", "spearman", "specificity")
    return [
        {
            "atlas": level.atlas,
            "level": level.level,
            "network": network,
            "baseline": network in BASELINE_NAMES,
            "populations": len(level.labels),
            "ceiling": ceiling(run, level),
            "metrics": [metric(run, level, network, name)[:2] for name in metrics],
        }
        for level in run.levels
        for network in level.networks
    ]


def headline(run: Run, genomes: list, training: list) -> str:
    """The run in one sentence."""
    params = run.manifest["params"]
    sizes = {entry["atlas"]: [] for entry in run.manifest["atlases"]}
    for level in run.levels:
        size = len(level.labels)
        sizes[level.atlas].append("as a whole" if size == 1 else f"{plural(size, 'population')} of {level.level}")
    atlases = listed(f"{atlas} ({', '.join(levels)})" for atlas, levels in sizes.items())
    genes = listed(f"{plural(genome['kept'], 'gene')} of {genome['genome']}" for genome in genomes)
    parts = [f"Models of {atlases or 'no atlas'} from the promoters of {genes or 'no gene'}"]
    if training:
        parts.append(
            ", ".join(span([view[what + "s"] for view in training], what) for what in ("fold", "replicate", "epoch"))
        )
    if "upstream" in params and "downstream" in params:
        up, down = (count(float(params[side])) for side in ("upstream", "downstream"))
        parts.append(f"windows of {up} bases upstream and {down} downstream of the TSS")
    return "; ".join(parts) + "."


# ---------------------------------------------------------------- training


def training_view(run: Run) -> list[dict]:
    """One row a trained model for the table: how its replicates converged, and which collapsed first."""
    views = []
    for level in run.levels:
        for network, paths in level.histories.items():
            tables = [load(path, HISTORY_COLUMNS) for path in paths]
            history = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
            if history.empty:
                continue
            history = last_attempts(history)
            kept = history[history["best"] == 1]
            runs = history.groupby(["fold", "replicate"], sort=False)["epoch"]
            ends = runs.transform("max")
            retrained = kept[kept["attempt"] > 1].drop_duplicates(["fold", "replicate"])
            views.append(
                {
                    "name": f"{level.name} · {network}",
                    "runs": runs.ngroups,
                    "history": history,
                    "folds": history["fold"].nunique(),
                    "replicates": history["replicate"].nunique(),
                    "epochs": runs.nunique().max(),
                    "kept_epoch": kept["epoch"].median(),
                    "kept_loss": kept["validation_loss"].mean(),
                    "kept_last": (kept["epoch"] == ends[kept.index]).sum(),
                    "retrained": retrained[["fold", "replicate", "attempt"]].to_dict("records"),
                }
            )
    return views


def last_attempts(history: pd.DataFrame) -> pd.DataFrame:
    """The epochs of each replicate's final attempt: earlier ones collapsed and were thrown away."""
    last = history.groupby(["fold", "replicate"])["attempt"].transform("max")
    return history[history["attempt"] == last]


def training_plots(views: list) -> list[dict]:
    """Learning curves: per model the losses of each fold × replicate, and the index of its kept epoch."""
    return [
        {
            "name": view["name"],
            "runs": [learning_curve(*run) for run in view["history"].groupby(["fold", "replicate"], sort=False)],
        }
        for view in views
    ]


def learning_curve(key: tuple, history: pd.DataFrame) -> dict:
    """One replicate's losses, to four digits."""
    return {
        "fold": int(key[0]),
        "replicate": int(key[1]),
        "epoch": [int(epoch) for epoch in history["epoch"]],
        "train": significant(history["train_loss"]),
        "validation": significant(history["validation_loss"]),
        "kept": [int(epoch) for epoch in history.loc[history["best"] == 1, "epoch"]],
    }


def significant(values, digits=4) -> list[float]:
    """Values with `digits` significant digits: what a plot can show, in fewer bytes."""
    return [float(f"{value:.{digits}g}") for value in values]


# ---------------------------------------------------------------- held-out performance


def fold_order(scores: pd.DataFrame) -> list[int]:
    """The folds of a table."""
    return [int(fold) for fold in sorted(scores["fold"].unique())]


def by_fold(scores: pd.DataFrame, populations: list, folds: list) -> list[list[float]]:
    """Pearson as [[one a fold] one a target population]."""
    wide = scores.pivot_table(index="target_population", columns="fold", values="pearson", aggfunc="first")
    return [significant(row) for row in wide.reindex(index=populations, columns=folds).to_numpy(dtype=float)]


def own_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows where a model predicts the population that it learned."""
    same = np.ones(len(scores), dtype=bool)
    for what in ("atlas", "level", "population"):
        same &= (scores[f"model_{what}"] == scores[f"target_{what}"]).to_numpy()
    return scores[same]


def performance_plots(run: Run) -> list[dict]:
    """Per level: populations, their ceilings and parents, and each network's Pearson by population and fold."""
    own = own_scores(run.scores)
    plots = []
    for level in run.levels:
        mine = rows(own, target_atlas=level.atlas, target_level=level.level)
        folds = fold_order(mine)
        tables = [(name, rows(mine, network=name)) for name in level.scored]
        networks = [
            {"network": name, "pearson": by_fold(table, level.labels, folds)} for name, table in tables if len(table)
        ]
        if networks:
            plots.append(
                {
                    "name": level.name,
                    "atlas": level.atlas,
                    "level": level.level,
                    "populations": level.labels,
                    "folds": folds,
                    "ceilings": significant(level.populations["noise_ceiling"]),
                    "networks": networks,
                }
            )
    return plots


def coarse_plots(run: Run) -> list[dict]:
    """Per level × network: its populations predicted by itself and by each coarser level's model (Fig. 4B)."""
    plots = []
    for level in run.levels:
        mine = rows(run.scores, target_atlas=level.atlas, target_level=level.level, model_atlas=level.atlas)
        order = [other.level for other in run.levels if other.atlas == level.atlas][::-1]
        for network in level.trained:
            folds = fold_order(mine)
            tables = [(name, level_scores(rows(mine, network=network, model_level=name), level)) for name in order]
            models = [
                {"level": name, "pearson": by_fold(table, level.labels, folds)} for name, table in tables if len(table)
            ]
            if len(models) > 1:
                plots.append(
                    {
                        "name": f"{level.name} · {network}",
                        "populations": level.labels,
                        "folds": folds,
                        "models": models,
                        "comparisons": coarse_comparisons(run, level, network),
                    }
                )
    return plots


def level_scores(scores: pd.DataFrame, target: Level) -> pd.DataFrame:
    """What a model of one level says of each population of `target`: by itself, or by its parent where coarser."""
    return scores[(scores["model_level"] != target.level) | (scores["model_population"] == scores["target_population"])]


def coarse_comparisons(run: Run, level: Level, network: str) -> list[dict]:
    """The tests of one level's model against another level's, on this level's populations."""
    mine = {f"{side}_atlas": level.atlas for side in ("target", "model", "other")}
    table = rows(run.comparisons, **mine, target_level=level.level, network=network, other_network=network)
    table = table[table["model_level"] != table["other_level"]]
    what = ["target_population", "model_level", "other_level"]
    return table[[*what, "median_pearson", "other_median_pearson", "delta", "p_value"]].to_dict("records")


def transfer_plots(run: Run) -> list[dict]:
    """Per level × network: median Pearson of every model population on every target population (Fig. 3)."""
    plots = []
    for level in run.levels:
        mine = rows(run.scores, target_atlas=level.atlas, target_level=level.level)
        mine = mine[(mine["model_atlas"] != level.atlas) | (mine["model_level"] == level.level)]
        for network in level.trained:
            table = rows(mine, network=network)
            if len(own_scores(table)) < len(table):
                plots.append(
                    {"name": f"{level.name} · {network}", "populations": level.labels, **transfer_matrix(table, level)}
                )
    return plots


def transfer_matrix(scores: pd.DataFrame, level: Level) -> dict:
    """Medians over folds: a row a target population, a column a model; own populations first."""
    model = ["model_atlas", "model_level", "model_population"]
    wide = scores.pivot_table(index="target_population", columns=model, values="pearson", aggfunc="median")
    own = [(level.atlas, level.level, label) for label in level.labels]
    others = [key for key in wide.columns if key[0] != level.atlas]
    wide = wide.reindex(index=level.labels, columns=pd.MultiIndex.from_tuples(own + others, names=model))
    return {
        "models": [label for *_, label in own] + [f"{label} ({atlas} · {name})" for atlas, name, label in others],
        "median": [significant(row, 3) for row in wide.to_numpy()],
    }


def comparison_kinds(run: Run) -> list[dict]:
    """comparisons.tsv in a row a kind: how many, in how many the model is ahead, in how many with p < 0.05."""
    return [
        {
            "kind": kind,
            "other_network": network,
            "tests": len(table),
            "ahead": (table["delta"] > 0).sum(),
            "sure": (table["p_value"] < SIGNIFICANT).sum(),
            "delta": table["delta"].median(),
        }
        for (kind, network), table in run.comparisons.groupby(["kind", "other_network"], sort=False)
    ]


# ---------------------------------------------------------------- predictions and genes


class GeneNames:
    """Names of the genes that the page shows, each stored once and pointed to by number."""

    def __init__(self, genomes: list):
        self.known = {genome["genome"]: genome["names"] for genome in genomes}
        self.numbers = {}

    def number(self, genome: str, genes) -> list[int]:
        """The numbers of these gene ids, new ones given the next."""
        return [self.numbers.setdefault((genome, gene), len(self.numbers)) for gene in genes]

    def listed(self) -> list[str]:
        """Names by number; the id where a gene has no name."""
        return [self.known.get(genome, {}).get(gene) or gene for genome, gene in self.numbers]


def pack(values) -> dict:
    """Numbers as base64 of 16-bit steps between their extremes (65535 = missing): a third of JSON's bytes."""
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    step = (high - low) / 65534 or 1.0
    codes = np.where(np.isfinite(values), np.round((values - low) / step), 65535)
    return {"low": float(low), "step": float(step), "codes": base64.b64encode(codes.astype("<u2").tobytes()).decode()}


def prediction_plots(run: Run, names: GeneNames) -> list[dict]:
    """Per level: observed and, by network, predicted log10 expression of a random 4,000 genes (and the top ones).

    The first `drawn` genes are the random ones, for the scatter plots; the most variable follow, so that they can be
    looked up. Pearson and n are over all genes.
    """
    plots = []
    for level in run.levels:
        observed, networks = None, []
        for name in level.scored:
            table = load(level.predictions[name], PREDICTION_COLUMNS) if name in level.predictions else ()
            if not len(table):
                continue
            if observed is None:  # the same in every table of a level
                observed = matrix(table, "observed", level)
                genes, drawn = shown_genes(run, level, observed.index)
            networks.append(prediction(name, table, observed, level, genes))
        if networks:
            plots.append(
                {
                    "name": level.name,
                    "populations": level.labels,
                    "parents": list(level.populations["parent"]),
                    "genes": names.number(level.genome, genes),
                    "drawn": drawn,
                    "total": len(observed),
                    "observed": packed(observed, genes),
                    "networks": networks,
                }
            )
    return plots


def matrix(table: pd.DataFrame, values: str, level: Level) -> pd.DataFrame:
    """A genes × populations table of one column of a predictions file."""
    return table.pivot(index="gene_id", columns="population", values=values).reindex(columns=level.labels)


def packed(wide: pd.DataFrame, genes) -> list[dict] | None:
    """One packed vector a population, or None where all is missing (a baseline has no sd)."""
    wide = wide.reindex(index=genes)
    return [pack(wide[label]) for label in wide.columns] if wide.notna().to_numpy().any() else None


def prediction(network: str, table: pd.DataFrame, observed: pd.DataFrame, level: Level, genes) -> dict:
    """One network's part of a prediction plot."""
    predicted = matrix(table, "predicted", level)
    return {
        "network": network,
        "pearson": [observed[label].corr(predicted[label]) for label in level.labels],
        "n": [int((observed[label].notna() & predicted[label].notna()).sum()) for label in level.labels],
        "predicted": packed(predicted, genes),
        "sd": packed(matrix(table, "sd", level), genes),
    }


def shown_genes(run: Run, level: Level, genes) -> tuple[list[str], int]:
    """(genes, drawn): a random SCATTER_GENES of them with a fixed seed, then the top genes not yet among them."""
    genes = sorted(genes)
    picked = np.random.default_rng(SEED).permutation(len(genes))[:SCATTER_GENES]
    drawn = [genes[i] for i in sorted(picked)]
    extra = set(top_genes(run, level)) & set(genes) - set(drawn)
    return drawn + sorted(extra), len(drawn)


def top_genes(run: Run, level: Level) -> list[str]:
    """Ids of the most variable genes of a level."""
    mine = rows(run.genes, atlas=level.atlas, level=level.level).drop_duplicates("gene_id")
    return list(mine.nlargest(TOP_GENES, "variance")["gene_id"])


def gene_plots(run: Run, names: GeneNames) -> list[dict]:
    """Per level of several populations: each gene's variance and, by network, its Pearson across them (Fig. 4C)."""
    plots = []
    for level in run.levels:
        mine = rows(run.genes, atlas=level.atlas, level=level.level)
        mine = mine[(mine["variance"] > 0) & mine["pearson"].notna()]
        if mine.empty:
            continue
        variance = mine.groupby("gene_id")["variance"].first()
        tables = [(name, rows(mine, network=name).set_index("gene_id")) for name in level.networks]
        plots.append(
            {
                "name": level.name,
                "populations": level.labels,
                "genes": names.number(level.genome, variance.index),
                "log_variance": pack(np.log10(variance)),
                "top": names.number(level.genome, top_genes(run, level)),
                "networks": [
                    {"network": name, "pearson": pack(table["pearson"].reindex(variance.index)), "trend": trend(table)}
                    for name, table in tables
                    if len(table)
                ],
            }
        )
    return plots


def trend(table: pd.DataFrame) -> list[list[float]]:
    """Median Pearson in bins of equally many genes by variance: [[variance, pearson]…]."""
    table = table.sort_values("variance")
    bins = [part for part in np.array_split(np.arange(len(table)), min(TREND_BINS, len(table))) if len(part)]
    return [significant(table.iloc[part][["variance", "pearson"]].median()) for part in bins]


# ---------------------------------------------------------------- the page


def page_data(run: Run, genomes: list, training: list) -> dict:
    """What report.js draws, as JSON-ready lists. Labels are always values, never keys: one may be __proto__."""
    names = GeneNames(genomes)
    palette = run.palette()
    return {
        "networks": [{"network": name, "colour": palette[name]} for name in run.networks()],
        "training": training_plots(training),
        "performance": performance_plots(run),
        "coarse": coarse_plots(run),
        "transfer": transfer_plots(run),
        "predictions": prediction_plots(run, names),
        "genes": gene_plots(run, names),
        "names": names.listed(),
    }


def environment(template: str | Path) -> Environment:
    """jinja2 with autoescape, and this module's formats as filters."""
    env = Environment(
        loader=FileSystemLoader(template),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update({f.__name__: f for f in (count, decimal, percent, plural, moment, verbatim, parameter)})
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return env


def render(run: Run, template: str | Path) -> str:
    """The whole page as a string; `template` is the folder of report.html.j2, report.css and report.js."""
    from plotly.offline import get_plotlyjs  # here: importing plotly is slow, and only the page needs it

    template = Path(template)
    genomes = [genome_view(run, entry) for entry in run.manifest["genomes"]]
    training = training_view(run)
    cards = [card(run, level, name) for level in run.levels for name in level.trained]
    page = environment(template).get_template("report.html.j2")
    return page.render(
        run=run.manifest["run"],
        params=run.manifest["params"],
        versions=run.manifest["versions"],
        notes=run.manifest["notes"],
        paper=PAPER,
        headline=headline(run, genomes, training),
        overall=overall(cards),
        cards=cards,
        numbers=numbers_table(run),
        palette=[{"name": name, "colour": run.palette()[name]} for name in run.networks() if name != "mean"],
        genomes=genomes,
        atlases=[atlas_view(run, entry) for entry in run.manifest["atlases"]],
        training=training,
        kinds=comparison_kinds(run),
        top=TOP_GENES,
        data=plain(page_data(run, genomes, training)),
        css=Markup((template / "report.css").read_text(encoding="utf-8")),
        js=Markup((template / "report.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


def write_report(manifest: str | Path, template: str | Path, output: str | Path) -> None:
    """Write the report of `manifest` to `output`, whole or not at all. Raises InputError."""
    page = render(read_run(manifest), template)
    with whole(output) as partial:
        partial.write_text(page, encoding="utf-8")

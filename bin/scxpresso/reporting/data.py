"""What a report is made from: the tables that manifest.json lists, read and checked for their columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.evaluation.evaluation import COMPARISONS, GENES, SUMMARY
from scxpresso.evaluation.evaluation import POPULATIONS as SCORES
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import POPULATION_COLUMNS, TEXT_COLUMNS, read_json, read_table

BASELINE_NAMES = {
    "half_life": "half-life features alone",
    "kmer": "the k-mer ridge",
    "mean": "the mean of the training genes",
}
# Okabe and Ito's colours: safe for the colour blind.
BASELINE_COLOURS = {"half_life": "#E69F00", "kmer": "#009E73", "mean": "#8A8F98"}
NETWORK_COLOURS = ("#0072B2", "#CC79A7", "#56B4E9", "#D55E00", "#6A4C93")

SIGNIFICANT = 0.05  # p-values below it count as certain

# What the report reads of the manifest; it may hold more.
MANIFEST = [
    "run", "params", "notes", "versions", "genomes", "atlases", "models", "predictions", "evaluation", "saturation",
    "variants", "sets", "motifs", "warnings",
]  # fmt: skip
# The tables of an evaluation, which a run that trains nothing has not.
EVALUATION = {"populations": SCORES, "genes": GENES, "summary": SUMMARY, "comparisons": COMPARISONS}


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
        """Names of the populations."""
        return list(self.populations["population"])

    @property
    def key(self) -> dict[str, str]:
        """What rows of this level have in a table, for `rows`."""
        return {"atlas": self.atlas, "level": self.level}

    @property
    def target(self) -> dict[str, str]:
        """As `key`, in the tables that name target and model."""
        return {f"target_{column}": value for column, value in self.key.items()}

    @property
    def name(self) -> str:
        """How the page names it."""
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
        return dict(zip(trained, cycle(NETWORK_COLOURS), strict=False)) | BASELINE_COLOURS


def order_networks(names) -> list[str]:
    """Unique `names` in the order seen, baselines last."""
    names = list(dict.fromkeys(names))
    return [name for name in names if name not in BASELINE_NAMES] + [name for name in BASELINE_NAMES if name in names]


def read_run(manifest_path: str | Path) -> Run:
    """Run from manifest.json. Raises InputError naming the file that is missing or malformed."""
    folder = Path(manifest_path).resolve().parent
    manifest = read_json(manifest_path)
    demand(manifest_path, "key", MANIFEST, manifest)
    tables = folder / manifest["evaluation"] if manifest["evaluation"] else None
    evaluation = {name: load_if(tables and tables / f"{name}.tsv", columns) for name, columns in EVALUATION.items()}
    return Run(
        manifest=manifest,
        folder=folder,
        levels=read_levels(manifest, folder, evaluation["summary"]),
        scores=evaluation["populations"],
        genes=evaluation["genes"],
        summary=evaluation["summary"],
        comparisons=evaluation["comparisons"],
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


def load(path: str | Path, columns: list) -> pd.DataFrame:
    """These columns of a table. Raises InputError where the file or a column is missing."""
    demand_file(path)
    table = read_table(path)
    demand(path, "column", columns, table.columns)
    # A table of no rows has no numbers to tell its numeric columns by.
    return table[columns].astype({name: float for name in columns if name not in TEXT_COLUMNS and table.empty})


def load_if(path: Path | None, columns: list) -> pd.DataFrame:
    """As load; no rows where there is no file."""
    return load(path, columns) if path else pd.DataFrame(columns=columns)


def file_of(run: Run, entry: dict, role: str) -> Path | None:
    """The file that a manifest entry has under a role; None where it has none."""
    return run.folder / entry[role] if entry.get(role) else None


def demand_file(path: str | Path) -> None:
    """Raises InputError where a file is missing."""
    if not Path(path).is_file():
        raise InputError(Problem(str(path), "no such file", "a file that manifest.json lists"))


def demand(path: str | Path, what: str, wanted: list[str], found: Iterable[str]) -> None:
    """Raises InputError naming the wanted columns or keys that a file lacks."""
    names = set(found)
    if absent := [name for name in wanted if name not in names]:
        raise InputError(Problem(str(path), f"no {what} {preview(absent)}", f"{what}s {preview(wanted, len(wanted))}"))


def select(entries, **values) -> list[dict]:
    """The manifest entries whose keys have these values."""
    return [entry for entry in entries if all(entry[key] == value for key, value in values.items())]


def rows(table: pd.DataFrame, **values) -> pd.DataFrame:
    """The rows of a table whose columns have these values."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        keep &= (table[column] == value).to_numpy()
    return table[keep]


def own(table: pd.DataFrame, *sides: str) -> pd.DataFrame:
    """Rows where the models of these sides (model, other) learned the population that they predict, the target."""
    same = np.ones(len(table), dtype=bool)
    for side in sides:
        for what in ("atlas", "level", "population"):
            same &= (table[f"{side}_{what}"] == table[f"target_{what}"]).to_numpy()
    return table[same]


def metric(run: Run, level: Level, network: str, name: str) -> tuple:
    """One row of summary.tsv: (value, sd, folds); NaN where it is missing."""
    found = rows(run.summary, **level.key, network=network, metric=name)
    if found.empty:
        return (np.nan, np.nan, np.nan)
    return tuple(found.iloc[0][["value", "sd", "n_folds"]])


def ceiling(run: Run, level: Level) -> float:
    """The level's mean noise ceiling: a property of the data, whichever network's row has it."""
    values = rows(run.summary, **level.key, metric="ceiling")["value"].dropna()
    return values.iloc[0] if len(values) else level.populations["noise_ceiling"].mean()

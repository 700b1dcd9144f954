"""Input of the report: the tables that manifest.json lists, read and checked for their columns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.evaluation.comparisons import COMPARISON_COLUMNS, NEW_COMPARISON_COLUMNS
from scxpresso.evaluation.evaluation import GENE_SCORE_COLUMNS, SUMMARY_COLUMNS
from scxpresso.evaluation.levels import Level
from scxpresso.evaluation.predictions import INTERVAL_SCORE_COLUMNS
from scxpresso.evaluation.ways import POPULATION_SCORE_COLUMNS
from scxpresso.manifest import read_manifest
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import DONOR_COLUMNS, POPULATION_COLUMNS, TEXT_COLUMNS, read_table

BASELINE_NAMES = {
    "half_life": "half-life features alone",
    "gc_cpg": "GC and CpG content alone",
    "kmer": "the k-mer ridge",
    "mean": "the mean of the training genes",
}
# Okabe and Ito's colours, and more that differ from them under every kind of colour blindness. Baselines have a shade for
# each fold method.
BASELINE_COLOURS = {
    "half_life": ("#E69F00", "#B37A00", "#F5C970"),
    "gc_cpg": ("#B5655A", "#7D4039", "#DBA59E"),
    "kmer": ("#009E73", "#00634A", "#66C5AB"),
    "mean": ("#8A8F98", "#5C616B", "#B9BDC4"),
}
RECIPE_COLOURS = (
    "#0072B2", "#CC79A7", "#56B4E9", "#D55E00", "#6A4C93", "#5B2C00", "#DDCC77", "#332288", "#882255", "#A6DBA0",
)  # fmt: skip

SIGNIFICANT = 0.05  # p-values below it are significant

# Keys that the report reads; the manifest may have more.
MANIFEST = [
    "run", "params", "notes", "versions", "genomes", "atlases", "models", "predictions", "evaluation", "saturation",
    "variants", "sets", "motifs", "warnings",
]  # fmt: skip
# The tables of an evaluation; a run that trains nothing has none.
EVALUATION = {
    "populations": POPULATION_SCORE_COLUMNS,
    "genes": GENE_SCORE_COLUMNS,
    "summary": SUMMARY_COLUMNS,
    "comparisons": [name for name in COMPARISON_COLUMNS if name not in NEW_COMPARISON_COLUMNS],
    "intervals": INTERVAL_SCORE_COLUMNS,
}
# What the report reads of a table of predictions.
PREDICTED = ["gene_id", "fold", "population", "observed", "predicted", "sd"]
# Columns that tables of version 0.1 lack, and the columns used instead: a recipe was named after its network.
RENAMED = {"recipe": "network", "other_recipe": "other_network", "genes_detected": "genes_seen"}


@dataclass
class Matrices:
    """A table of predictions as genes × populations, in log10; sd is NaN throughout where there is none.

    fold: of each gene.
    """

    observed: pd.DataFrame
    predicted: pd.DataFrame
    sd: pd.DataFrame
    fold: pd.Series


@dataclass(eq=False)
class MeasuredLevel(Level):
    """A level with its models and results.

    networks: network (or baseline) of each recipe; trained ones come first. predictions, histories: table of predictions,
    and history.tsv of each fold, by recipe.
    """

    networks: dict[str, str] = field(default_factory=dict)
    predictions: dict[str, Path] = field(default_factory=dict)
    histories: dict[str, list[Path]] = field(default_factory=dict)
    _matrices: dict[Path, Matrices | None] = field(default_factory=dict)

    @property
    def recipes(self) -> list[str]:
        """Names of all recipes, baselines included."""
        return list(self.networks)

    @property
    def trained(self) -> list[str]:
        """Recipes of networks."""
        return [recipe for recipe in self.networks if not self.is_baseline(recipe)]

    @property
    def scored(self) -> list[str]:
        """Recipes except the mean baseline: a constant has no correlation over genes and no scatter plot."""
        return [recipe for recipe, network in self.networks.items() if network != "mean"]

    def is_baseline(self, recipe: str) -> bool:
        """Whether a recipe is a baseline."""
        return self.networks[recipe] in BASELINE_NAMES

    def matrices(self, recipe: str) -> Matrices | None:
        """Read the predictions of a recipe, once; None if it has no table or a table without rows."""
        path = self.predictions.get(recipe)
        if path is None:
            return None
        if path not in self._matrices:
            table = load(path, PREDICTED)
            self._matrices[path] = matrices_of(table, self.labels) if len(table) else None
        return self._matrices[path]

    def label(self, recipe: str) -> str:
        """Name a recipe on the page, with its network if the two names differ."""
        return label(recipe, self.networks[recipe])

    def model_name(self, recipe: str) -> str:
        """Name the model of a recipe on the page."""
        return f"{self.name} · {self.label(recipe)}"


def matrices_of(table: pd.DataFrame, populations: list[str]) -> Matrices:
    """Pivot the columns PREDICTED of a table of predictions."""
    fold = table.drop_duplicates("gene_id").set_index("gene_id")["fold"].sort_index()
    observed, predicted, sd = (
        table.pivot(index="gene_id", columns="population", values=name).reindex(columns=populations)
        for name in ("observed", "predicted", "sd")
    )
    return Matrices(observed, predicted, sd, fold)


@dataclass
class Run:
    """The manifest and its small tables; large tables are read when they are drawn."""

    manifest: dict
    folder: Path
    levels: list[MeasuredLevel]
    scores: pd.DataFrame
    genes: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    intervals: pd.DataFrame

    def networks(self) -> dict[str, str]:
        """Return the network (or baseline) of each recipe of the run, baselines last."""
        return in_order({recipe: network for level in self.levels for recipe, network in level.networks.items()})

    def palette(self) -> dict[str, str]:
        """Return the colour of each recipe, the same in every plot."""
        networks = self.networks()
        trained = [recipe for recipe, network in networks.items() if network not in BASELINE_NAMES]
        colours = dict(zip(trained, cycle(RECIPE_COLOURS), strict=False))
        for baseline, shades in BASELINE_COLOURS.items():
            recipes = [recipe for recipe, network in networks.items() if network == baseline]
            colours |= dict(zip(recipes, cycle(shades), strict=False))
        return colours


def label(recipe: str, network: str) -> str:
    """Name a recipe on the page, with its network if the two names differ."""
    return recipe if recipe == network else f"{recipe} ({network})"


def model_of(entry: dict) -> tuple[str, str, str]:
    """Return atlas, level and recipe of an entry of the manifest, which identify a model."""
    return entry["atlas"], entry["level"], entry["recipe"]


def model_name(entry: dict) -> str:
    """Name the model of an entry of the manifest on the page."""
    return " · ".join([entry["atlas"], entry["level"], label(entry["recipe"], entry["network"])])


def in_order(networks: dict[str, str]) -> dict[str, str]:
    """Sort networks by recipe: those named after their network, which figures show first, others, baselines by kind."""
    order = list(BASELINE_NAMES)

    def place(one: tuple[str, str]) -> int:
        recipe, network = one
        return order.index(network) if network in order else -1 if recipe != network else -2

    return dict(sorted(networks.items(), key=place))


def read_run(manifest_path: str | Path) -> Run:
    """Read manifest.json and its small tables. Raises InputError if a file is missing or malformed."""
    folder = Path(manifest_path).resolve().parent
    manifest = read_manifest(manifest_path)
    demand(manifest_path, "key", MANIFEST, manifest)
    # A run that trains nothing has no evaluation.
    tables = folder / manifest["evaluation"] if manifest["evaluation"] else None
    paths = {name: tables and tables / f"{name}.tsv" for name in EVALUATION}
    if paths["intervals"] and not paths["intervals"].is_file():
        paths["intervals"] = None  # of version 0.1
    evaluation = {name: load_if(paths[name], columns, NEW_COMPARISON_COLUMNS) for name, columns in EVALUATION.items()}
    return Run(
        manifest=manifest,
        folder=folder,
        levels=read_levels(manifest, folder, evaluation["summary"]),
        scores=evaluation["populations"],
        genes=evaluation["genes"],
        summary=evaluation["summary"],
        comparisons=evaluation["comparisons"],
        intervals=evaluation["intervals"],
    )


def read_levels(manifest: dict, folder: Path, summary: pd.DataFrame) -> list[MeasuredLevel]:
    """Read every level of the manifest, atlases in its order, coarse before fine."""
    levels = []
    for atlas in manifest["atlases"]:
        for name in atlas["levels"]:
            mine = {"atlas": atlas["atlas"], "level": name}
            models, predictions = select(manifest["models"], **mine), select(manifest["predictions"], **mine)
            summarised = rows(summary, **mine)[["recipe", "network"]].to_dict("records")
            levels.append(
                MeasuredLevel(
                    **mine,
                    genome=atlas["genome"],
                    folder=folder / atlas["path"],
                    populations=load(
                        folder / atlas["path"] / f"{name}.populations.tsv", POPULATION_COLUMNS, DONOR_COLUMNS
                    ),
                    networks=in_order({one["recipe"]: one["network"] for one in [*models, *predictions, *summarised]}),
                    predictions={one["recipe"]: folder / one["path"] for one in predictions},
                    histories={one["recipe"]: [folder / path for path in one["histories"]] for one in models},
                )
            )
    return levels


def load(path: str | Path, columns: list[str], optional: Iterable[str] = ()) -> pd.DataFrame:
    """Read columns of a table, and those of `optional` that it has. Raises InputError if the file or a column is missing."""
    demand_file(path)
    table = read_table(path)
    for column, named in RENAMED.items():
        if column in columns and column not in table and named in table:
            table[column] = table[named]
    demand(path, "column", columns, table.columns)
    columns = columns + [name for name in optional if name in table]
    # In a table without rows, numeric columns cannot be recognised by their values.
    return table[columns].astype({name: float for name in columns if name not in TEXT_COLUMNS and table.empty})


def load_if(path: Path | None, columns: list[str], optional: Iterable[str] = ()) -> pd.DataFrame:
    """Load a table; without a path, return one without rows."""
    return load(path, columns, optional) if path else pd.DataFrame(columns=columns)


def file_of(run: Run, entry: dict, role: str) -> Path | None:
    """Return the path of the file that an entry of the manifest has under a key; None if it has none."""
    return run.folder / entry[role] if entry.get(role) else None


def demand_file(path: str | Path) -> None:
    """Raise InputError if a file is missing."""
    if not Path(path).is_file():
        raise InputError(Problem(str(path), "no such file", "a file that manifest.json lists"))


def demand(path: str | Path, what: str, wanted: list[str], found: Iterable[str]) -> None:
    """Raise InputError if a file lacks columns or keys."""
    names = set(found)
    if absent := [name for name in wanted if name not in names]:
        raise InputError(Problem(str(path), f"no {what} {preview(absent)}", f"{what}s {preview(wanted, len(wanted))}"))


def select(entries: Iterable[dict], **values: object) -> list[dict]:
    """Select the manifest entries whose keys have these values."""
    return [entry for entry in entries if all(entry[key] == value for key, value in values.items())]


def rows(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Select the rows of a table whose columns have these values."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        keep &= (table[column] == value).to_numpy()
    return table[keep]


def own(table: pd.DataFrame, *sides: str) -> pd.DataFrame:
    """Select rows in which the models of these sides (model, other) predict the population on which they were trained."""
    same = np.ones(len(table), dtype=bool)
    for side in sides:
        for what in ("atlas", "level", "population"):
            same &= (table[f"{side}_{what}"] == table[f"target_{what}"]).to_numpy()
    return table[same]


def metric(run: Run, level: Level, recipe: str, name: str) -> tuple[float, float, float]:
    """Look up a row of summary.tsv: (value, sd, folds); NaN if it is missing."""
    found = rows(run.summary, **level.key, recipe=recipe, metric=name)
    if found.empty:
        return (np.nan, np.nan, np.nan)
    return tuple(found.iloc[0][["value", "sd", "n_folds"]])


def difference(run: Run, level: Level, recipe: str, other: str, name: str = "pearson") -> tuple[float, float, float]:
    """Look up the difference between two recipes in a metric; NaN if they have different folds."""
    return metric(run, level, recipe, f"{name}_minus_{other}")


def ceiling(run: Run, level: Level) -> float:
    """Look up the mean noise ceiling of a level, a property of the data that any recipe's row may hold."""
    values = rows(run.summary, **level.key, metric="ceiling")["value"].dropna()
    return values.iloc[0] if len(values) else level.noise_ceiling

"""The levels of a run's atlases: their populations and observed expression."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from scxpresso.expression.grouping import WHOLE
from scxpresso.expression.targets import FURTHER
from scxpresso.store import read_expression


@dataclass(eq=False)
class Level:
    """One atlas at one annotation resolution.

    folder: of the atlas's expression. populations: <level>.populations.tsv. protocol, tissue: of the atlas; '' if unknown.
    synonyms: names from the sheet of populations, by label.
    """

    atlas: str
    level: str
    genome: str
    folder: Path
    populations: pd.DataFrame
    protocol: str = ""
    tissue: str = ""
    synonyms: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """Names of the populations."""
        return list(self.populations["population"])

    @cached_property
    def parents(self) -> dict[str, str]:
        """Parent of each population, a population of the next coarser level; '' at the coarsest."""
        return dict(zip(self.labels, self.populations["parent"], strict=True))

    @property
    def noise_ceiling(self) -> float:
        """Mean noise ceiling of the populations."""
        return self.populations["noise_ceiling"].mean()

    @cached_property
    def observed(self) -> pd.DataFrame:
        """Observed expression: genes × populations, log10."""
        return read_expression(self.folder / f"{self.level}.tsv.gz")

    @cached_property
    def further(self) -> dict[str, pd.DataFrame]:
        """Observed FURTHER targets: genes × populations each; none for bulk, and before version 0.2."""
        paths = {target: self.folder / target / f"{self.level}.tsv.gz" for target in FURTHER}
        return {target: read_expression(path) for target, path in paths.items() if path.exists()}

    @property
    def key(self) -> dict[str, str]:
        """Atlas and level, as rows of tables have them."""
        return {"atlas": self.atlas, "level": self.level}

    @property
    def target(self) -> dict[str, str]:
        """As `key`, in tables that name a target and a model."""
        return {f"target_{column}": value for column, value in self.key.items()}

    @property
    def name(self) -> str:
        """How the report names it."""
        return f"{self.atlas} · {self.level}"


def bulk_of_tissue(bulk: Level, other: Level) -> bool:
    """Return whether these are a bulk atlas and a single-cell atlas of one tissue and genome."""
    same = bulk.tissue != "" and (bulk.tissue, bulk.genome) == (other.tissue, other.genome)
    return same and bulk.protocol == "bulk" != other.protocol


def same_populations(one: Level, other: Level) -> Iterator[tuple[str, str]]:
    """Yield the pairs of populations of two atlases that are the same: they have one name.

    The name is that of the sheet of populations, else the label. Two labels are the same only at levels of one name; the
    whole of one tissue is not that of another.
    """
    if one.level == other.level == WHOLE and one.tissue and other.tissue and one.tissue != other.tissue:
        return
    named = defaultdict(list)
    for label in other.labels:
        named[other.synonyms.get(label, label)].append(label)
    for label in one.labels:
        for found in named[one.synonyms.get(label, label)]:
            if one.level == other.level or label in one.synonyms or found in other.synonyms:
                yield label, found

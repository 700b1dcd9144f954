"""The levels of a run's atlases: their populations and observed expression."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from scxpresso.store import read_expression


@dataclass(eq=False)
class Level:
    """One atlas at one annotation resolution.

    folder: of the atlas's expression. populations: <level>.populations.tsv.
    """

    atlas: str
    level: str
    genome: str
    folder: Path
    populations: pd.DataFrame

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

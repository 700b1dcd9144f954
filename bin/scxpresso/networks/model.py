"""A trained model, read from its folder: model.json, and its networks when they are needed."""

import json
from functools import lru_cache
from pathlib import Path

from scxpresso.identifiers import GeneNames
from scxpresso.intervals import INTERVAL_COLUMNS, Intervals
from scxpresso.networks.description import ModelDescription, with_further_targets
from scxpresso.networks.weights import Network, load_network
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown


class Model:
    """models/<atlas>/<level>/<recipe>/: the networks of every fold, and for which of them a gene was held out (paper 2.6).

    atlas, level, recipe, genome, network: names. populations: outputs, in order. parents: parent of each population, '' if
    there is none. upstream, downstream: bases of the promoter window. annotation_features: names of those that are read.
    folds: their numbers. gene_pearson: for each gene on which the model was evaluated, the Pearson correlation of
    observed and held-out predicted expression over populations; NaN if it is not defined. intervals: of predictions; None
    in a model of version 0.1.
    Raises InputError for a folder that is no model.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / "model.json"
        try:
            description = ModelDescription.of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError) as error:
            raise self._problem(path, error) from None
        if problem := with_further_targets(str(path), description.targets):
            raise InputError(problem)
        self.atlas, self.level, self.recipe = description.atlas, description.level, description.recipe
        self.genome, self.network, self.inputs = description.genome, description.network, description.inputs
        self.populations, self.parents = description.populations, description.parents
        self.upstream, self.downstream = description.upstream, description.downstream
        self.annotation_features = description.annotation_features
        self.gene_pearson: dict[str, float] = {
            gene: float("nan") if value is None else value for gene, value in description.gene_pearson.items()
        }
        self.intervals = self._intervals(description.intervals)
        self._fold_of_gene = description.fold_of_gene
        self._genes = GeneNames(self._fold_of_gene, [""] * len(self._fold_of_gene))
        self._used = {int(fold): files["used"] for fold, files in description.folds.items()}

    def _intervals(self, content: dict) -> Intervals | None:
        """Read the intervals of model.json."""
        if not content:
            return None
        try:
            intervals = Intervals.of(content)
        except (KeyError, TypeError, ValueError) as error:
            raise self._problem(self.folder / "model.json", f"intervals: {error}") from None
        if intervals.errors.shape != (len(INTERVAL_COLUMNS), len(self.populations)):
            raise self._problem(self.folder / "model.json", "intervals of other populations")
        return intervals

    @staticmethod
    def _problem(path: Path, error: object) -> InputError:
        expected = "the model.json of a models/<atlas>/<level>/<recipe>/ folder of this pipeline"
        return InputError(Problem(str(path), f"no description of a model ({error})", expected))

    @property
    def name(self) -> str:
        """The model's name in file names."""
        return f"{self.atlas}.{self.level}.{self.recipe}"

    @property
    def window(self) -> int:
        """Bases of the promoter window."""
        return self.upstream + self.downstream

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds."""
        return sorted(self._used)

    def check_window(self, upstream: int, downstream: int) -> None:
        """Raise InputError if features have another window than the model reads."""
        if (upstream, downstream) != (self.upstream, self.downstream):
            raise InputError(
                Problem(
                    "features.h5",
                    f"windows of {upstream:,} bases upstream and {downstream:,} downstream",
                    f"{self.upstream:,} and {self.downstream:,}, as the model {shown(self.name)} reads",
                    f"extract features with --upstream {self.upstream} --downstream {self.downstream}",
                )
            )

    def fold_of(self, gene_id: str) -> int | None:
        """Return the fold in which a gene was held out, by its id in any version; None if it is absent from training."""
        known = self._genes.gene(gene_id)
        return None if known is None else self._fold_of_gene.get(known)

    def pearson_of(self, gene_id: str) -> float:
        """Return the held-out correlation of a gene over populations, by its id in any version; NaN if it has none."""
        known = self._genes.gene(gene_id)
        return self.gene_pearson.get(gene_id if known is None else known, float("nan"))

    def numbers_of_networks(self, fold: int | None) -> list[int]:
        """Count the networks that `networks` gives for a fold; of each fold if `fold` is None."""
        return [len(self._used[part]) for part in (self.folds if fold is None else [fold])]

    def number_of_networks(self, fold: int | None) -> int:
        """Count the networks that `networks` gives for a fold, all together."""
        return sum(self.numbers_of_networks(fold))

    @lru_cache(maxsize=2)  # noqa: B019 (a model exists until the task ends)
    def networks(self, fold: int | None) -> list[Network]:
        """Load the replicates of a fold that its predictions use, or those of all folds if `fold` is None."""
        files = [name for part in (self.folds if fold is None else [fold]) for name in self._used[part]]
        for name in files:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise self._problem(self.folder / "model.json", f"{name!r} is outside its folder")
        networks = [load_network(self.folder / name) for name in files]
        for name, (_, metadata) in zip(files, networks, strict=True):
            if list(metadata.populations) != self.populations:
                raise self._problem(self.folder / "model.json", f"{name!r} has other populations")
        return networks

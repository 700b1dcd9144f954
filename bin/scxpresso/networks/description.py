"""model.json: the description of a model, beside its weights. The only list of its keys, for writing and reading."""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints

from scxpresso.expression.targets import MEAN
from scxpresso.problems import Problem


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """The keys of model.json, in order. Those with a default are not needed to use the model.

    atlas, level, recipe, genome, network: names. ensemble: `mean` or `best`. inputs: one of registry.INPUTS. tasks: `multi`,
    one network for all populations, or `single`, one per population. targets: what the networks predict of each population;
    `mean` is expression, and a model with others serves no downstream analysis. upstream, downstream: bases of the promoter
    window.
    populations: outputs, in order. annotation_features: names of those that are read. gene_features: digest of those of the
    user among them (GeneFeatures.digest), '' if there are none. parents: parent of each population.
    folds: for each fold, its weight files: all `replicates`, and those `used`. fold_of_gene: fold of every gene of the genome.
    gene_pearson: for each gene with expression, the correlation over populations of observed and held-out predicted
    expression; None if it is not defined. intervals: of predictions (see intervals.py); nothing in files of version 0.1.
    """

    code_version: str = ""
    atlas: str
    level: str
    recipe: str = ""
    genome: str
    ensemble: str = "mean"
    network: str
    inputs: str
    tasks: str = "multi"
    targets: list[str] = field(default_factory=lambda: [MEAN])
    upstream: int
    downstream: int
    populations: list[str]
    annotation_features: list[str]
    gene_features: str = ""
    parents: dict[str, str] = field(default_factory=dict)
    units: str = "log10 expression"
    folds: dict[str, dict]
    fold_of_gene: dict[str, int]
    gene_pearson: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, list] = field(default_factory=dict)

    @classmethod
    def of(cls, content: dict) -> "ModelDescription":
        """Read the content of a model.json. Raises ValueError if a key is missing or has the wrong type.

        Files of version 0.1 have no recipe: it is named after the network.
        """
        if unfit := unfit_keys(content):
            raise ValueError(f"no {unfit[0]!r} in it")
        known = {key.name: content[key.name] for key in fields(cls) if key.name in content}
        return cls(**{"recipe": content["network"]} | known)


def unfit_keys(content: object) -> list[str]:
    """List the required keys of a model.json that are missing, and keys of the wrong type."""
    types = get_type_hints(ModelDescription)
    content = content if isinstance(content, dict) else {}
    needed = {key.name for key in fields(ModelDescription) if key.default is MISSING and key.default_factory is MISSING}
    return [
        name
        for name, kind in types.items()
        if (name in needed or name in content) and not _fits(content.get(name), kind)
    ]


def with_further_targets(where: str, targets: list[str]) -> Problem | None:
    """Describe a model whose networks predict more than expression, which nothing after its evaluation can use."""
    if targets == [MEAN]:
        return None
    found = f"a model that was trained on {'+'.join(targets)}"
    fix = "train the recipe without the column targets, or name another model"
    return Problem(where, found, "a model of expression alone (targets: mean), for downstream analyses", fix)


def _fits(value: object, hint: Any) -> bool:
    """Whether a value has a type; also checks the items of a list and the folds."""
    kind = get_origin(hint) or hint
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if isinstance(value, list):
        return all(isinstance(item, get_args(hint)[0]) for item in value)
    return hint != dict[str, dict] or all(isinstance(item, dict) for item in value.values())

"""model.json: what a model says of itself, beside its weights. The one list of its keys, for who writes and who reads it."""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """The keys of model.json, in their order. Those with a default are not needed to use the model again.

    atlas, level, recipe, genome, network: names. ensemble: `mean` or `best`. inputs: one of registry.INPUTS. tasks: `multi`,
    one network for all populations, or `single`, one per population. upstream, downstream: bases of the promoter window.
    populations: outputs, in their order. annotation_features: names of those that are read. parents: of each population.
    folds: `replicates` and `used`, files of weights, of each fold. fold_of_gene: of every gene of the genome. gene_pearson:
    of each gene with expression, the correlation over populations of observed and held-out predicted expression; None where
    it is not defined.
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
    upstream: int
    downstream: int
    populations: list[str]
    annotation_features: list[str]
    parents: dict[str, str] = field(default_factory=dict)
    units: str = "log10 expression"
    folds: dict[str, dict]
    fold_of_gene: dict[str, int]
    gene_pearson: dict[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, content: dict) -> "ModelDescription":
        """Read the content of a model.json. Raises ValueError where a key is missing or holds another type.

        Files of version 0.1 name no recipe: it is that of the network's name.
        """
        if unfit := unfit_keys(content):
            raise ValueError(f"no {unfit[0]!r} in it")
        known = {key.name: content[key.name] for key in fields(cls) if key.name in content}
        return cls(**{"recipe": content["network"]} | known)


def unfit_keys(content: object) -> list[str]:
    """Name the keys of a model.json that are missing though they are needed, or that hold another type."""
    types = get_type_hints(ModelDescription)
    content = content if isinstance(content, dict) else {}
    needed = {key.name for key in fields(ModelDescription) if key.default is MISSING and key.default_factory is MISSING}
    return [
        name
        for name, kind in types.items()
        if (name in needed or name in content) and not _fits(content.get(name), kind)
    ]


def _fits(value: object, hint: Any) -> bool:
    """Whether a value has a type, and the items of a list, or the folds, too."""
    kind = get_origin(hint) or hint
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if isinstance(value, list):
        return all(isinstance(item, get_args(hint)[0]) for item in value)
    return hint != dict[str, dict] or all(isinstance(item, dict) for item in value.values())

"""The fold method of each recipe, and which recipes differ in it alone."""

import json
from dataclasses import dataclass

# The first lets most leak from training to held-out genes.
EASIEST_FIRST = ["random", "family", "chromosome"]


@dataclass(frozen=True)
class RecipeFolds:
    """How a recipe or baseline splits the genes. settings: all that it has besides, as text."""

    method: str
    settings: str

    @property
    def of_the_mean(self) -> "RecipeFolds":
        """The same without further targets."""
        return RecipeFolds(self.method, _text(json.loads(self.settings) | {"targets": []}))

    def easier_than(self, other: "RecipeFolds") -> bool:
        """Return whether the other differs in the fold method alone, and its folds let less leak."""
        known = self.method in EASIEST_FIRST and other.method in EASIEST_FIRST
        return (
            known
            and self.settings == other.settings
            and EASIEST_FIRST.index(self.method) < EASIEST_FIRST.index(other.method)
        )


def read_recipe_folds(content: dict) -> dict[str, RecipeFolds]:
    """Read the fold method of each recipe from a manifest; those of version 0.1 have none."""
    return {
        one["recipe"]: RecipeFolds(one["fold_method"], _text(one["settings"])) for one in content.get("recipes", [])
    }


def _text(settings: dict) -> str:
    return json.dumps(settings, sort_keys=True)

"""manifest.json: which file is what, for the steps that see all models at once (docs/output.md)."""

from pathlib import Path

from scxpresso.store import read_json

OF_MODELS = ["predictions", "models", "saturation", "variants"]  # lists whose entries each belong to a model


def read_manifest(path: str | Path) -> dict:
    """Read a manifest, and add the recipe to entries that lack it.

    An entry without `recipe`, as version 0.1 wrote them, was trained by the recipe that is named after its network.
    """
    content = read_json(path)
    for kind in OF_MODELS:
        for entry in content.get(kind, []):
            entry.setdefault("recipe", entry["network"])
    return content

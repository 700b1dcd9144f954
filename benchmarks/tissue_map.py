#!/usr/bin/env python3
"""No measurement: draws docs/images/human.svg, correlations by tissue, from the run of benchmarks/accuracy.py human."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from accuracy import HUMAN, NAMES  # noqa: E402

from scxpresso.store import read_table  # noqa: E402

EVALUATION = ROOT / "results" / "human" / "evaluation" / "populations.tsv"
PICTURE = ROOT / "docs" / "images" / "human.svg"
CELL, LEFT, TOP, LABELS = (
    15,
    210,
    30,
    190,
)  # pixels: of a cell; of the names of networks; above the map; of tissues below it
LIGHT, DARK = np.array([247, 251, 255]), np.array([8, 48, 107])  # colours of the lowest and of the highest correlation


def correlations(populations: pd.DataFrame, atlas: str) -> pd.DataFrame:
    """Give the mean correlation over folds at the level cell_type: predictors × tissues, both from low to high.

    populations: populations.tsv.
    """
    own = populations
    for name in ("atlas", "level", "population"):
        own = own[own[f"model_{name}"] == own[f"target_{name}"]]
    own = own[(own["target_atlas"] == atlas) & (own["target_level"] == "cell_type")]
    table = own.groupby(["recipe", "target_population"])["pearson"].mean().unstack()
    table = table.loc[[name for name in NAMES if name in table.index]]
    return table.loc[table.mean(axis=1).sort_values().index, table.mean().sort_values().index]


def svg(table: pd.DataFrame) -> str:
    """Draw predictors × tissues as an SVG; the mean of each row stands beside it."""
    lowest, highest = table.min().min(), table.max().max()
    width, height = LEFT + CELL * table.shape[1] + 60, TOP + CELL * table.shape[0] + LABELS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="{TOP - 12}">held-out Pearson correlation, {lowest:.2f} (light) to {highest:.2f} (dark)</text>',
        f'<text x="{width - 52}" y="{TOP - 12}">mean</text>',
    ]
    for row, (recipe, values) in enumerate(table.iloc[::-1].iterrows()):
        y = TOP + CELL * row
        parts.append(f'<text x="{LEFT - 6}" y="{y + 11}" text-anchor="end">{NAMES[str(recipe)]}</text>')
        parts.append(f'<text x="{width - 52}" y="{y + 11}">{values.mean():.2f}</text>')
        for column, value in enumerate(values):
            colour = LIGHT + (DARK - LIGHT) * (value - lowest) / (highest - lowest)
            fill = "#" + "".join(f"{round(part):02x}" for part in colour)
            x = LEFT + CELL * column
            parts.append(f'<rect x="{x}" y="{y}" width="{CELL - 1}" height="{CELL - 1}" fill="{fill}"/>')
    for column, tissue in enumerate(table.columns):
        x, y = LEFT + CELL * column + 11, TOP + CELL * table.shape[0] + 6
        name = tissue.replace("_", " ")
        parts.append(
            f'<text x="{x}" y="{y}" text-anchor="end" font-size="9" transform="rotate(-90 {x} {y})">{name}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(svg(correlations(read_table(EVALUATION), next(iter(HUMAN)))))

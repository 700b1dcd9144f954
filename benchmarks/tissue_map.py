#!/usr/bin/env python3
"""No measurement: draws docs/images/human.png, a promoter's bases by tissue, from the run of benchmarks/accuracy.py human."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin")]

import pandas as pd  # noqa: E402
import plotly.graph_objects as go  # noqa: E402

from scxpresso.store import read_table  # noqa: E402

PROFILES = ROOT / "results" / "human" / "saturation" / "gtex" / "cell_type.grammar" / "profiles.tsv.gz"
PICTURE = ROOT / "docs" / "images" / "human.png"
GENE, FIRST, LAST = "SYN1", -250, 100  # bases from the TSS
WIDTH, HEIGHT = 1000, 860
ROW_LABEL = 10  # pixels
COLOURS = [(0, "#d55e00"), (0.5, "#ffffff"), (1, "#0072b2")]  # those of the report: lowers, raises


def tissue_map(profiles: pd.DataFrame, gene: str, first: int, last: int) -> pd.DataFrame:
    """Give the effect of the substitution with the largest absolute effect: tissues × bases from the TSS.

    Parameters
    ----------
    profiles: profiles.tsv.gz. first, last: both included.
    """
    own = profiles[(profiles["gene_name"] == gene) & profiles["tss_distance"].between(first, last)]
    return own.pivot(index="population", columns="tss_distance", values="effect")


def figure(table: pd.DataFrame) -> go.Figure:
    """Draw the map, tissues in alphabetical order from the top."""
    table = table.sort_index(ascending=False)
    largest = table.abs().to_numpy().max()
    heat = go.Heatmap(
        z=table.to_numpy(), x=table.columns, y=table.index.str.replace("_", " "), zmin=-largest, zmax=largest,
        colorscale=COLOURS, colorbar={"title": "effect,<br>log10", "thickness": 12},
    )  # fmt: skip
    made = go.Figure(heat)
    made.update_layout(template="plotly_white", width=WIDTH, height=HEIGHT, margin={"l": 10, "r": 10, "t": 10, "b": 50})
    made.update_xaxes(title=f"bases from the TSS of {GENE}, on the gene's strand")
    made.update_yaxes(tickfont={"size": ROW_LABEL}, dtick=1, automargin=True)
    return made


def main() -> None:
    made = figure(tissue_map(read_table(PROFILES), GENE, FIRST, LAST))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "map.html"
        made.write_html(page, config={"staticPlot": True}, full_html=True)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        options += [f"--user-data-dir={folder}/profile", "--virtual-time-budget=10000"]
        size = f"--window-size={WIDTH + 16},{HEIGHT + 16}"
        subprocess.run(["chromium", *options, size, f"--screenshot={PICTURE}", f"file://{page}"], check=True)


if __name__ == "__main__":
    main()

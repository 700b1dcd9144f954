"""What the page draws of the motifs that networks have learned: logos, and weights by population."""

import numpy as np
import pandas as pd

from scxpresso.motifs.matrices import read_motifs
from scxpresso.reporting.data import Run, demand_file, load, model_name
from scxpresso.reporting.figures import significant
from scxpresso.reporting.variant_figures import logo_heights

N_LEARNED = 60  # motifs shown of a model, the first of its table
SHOWN = [
    "motif", "consensus", "networks", "total_networks", "region_start", "region_end", "genes_matched", "known_motif",
    "known_motif_name", "known_p_value", "known_q_value",
]  # fmt: skip


def learned_motif_plots(run: Run) -> list[dict]:
    """Make, per model whose networks have learned motifs: each motif's logo, and its weight in every population."""
    plots = []
    for entry in run.manifest["models"]:
        if not entry.get("motifs"):
            continue
        table = load(run.folder / entry["motifs"], [*SHOWN, "population", "weight", "weight_sd"])
        if len(table):
            demand_file(run.folder / entry["motif_matrices"])
            motifs = {motif.motif: motif for motif in read_motifs(run.folder / entry["motif_matrices"])}
            rows = [(name, of_motif) for name, of_motif in table.groupby("motif", sort=False)]
            plots.append(
                {
                    "name": model_name(entry),
                    "populations": table["population"].drop_duplicates().tolist(),
                    "total": len(rows),
                    "motifs": [learned_motif(of_motif, motifs[name].counts) for name, of_motif in rows[:N_LEARNED]],
                }
            )
    return plots


def learned_motif(table: pd.DataFrame, counts: np.ndarray) -> dict:
    """Make a motif's row: what is the same in every population, and two vectors over populations."""
    return {
        **table.iloc[0][SHOWN].to_dict(),
        "heights": [significant(row, 2) for row in logo_heights(counts)],
        "weight": significant(table["weight"], 3),
        "weight_sd": significant(table["weight_sd"], 2),
    }

"""What the networks of a run find of a known grammar: simulated genomes (benchmarks/planted_grammar.py) near the run's size."""

from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.reporting.data import Run
from scxpresso.store import read_json, read_table

TABLE = "planted_grammar.tsv"  # in the folder of the template


def planted_view(run: Run, template: Path) -> list[dict]:
    """List what each network of the run found of each kind of motifs, at the number of genes nearest to the run's.

    Each row has the columns of TABLE, and own_genes, the median number of genes of the run's models of that network.
    """
    path = template / TABLE
    genes = genes_of_networks(run)
    if not path.is_file() or not genes:
        return []
    found = []
    table = read_table(path)
    for (kind, network), rows in table.groupby(["kind", "network"], sort=False):
        if network in genes:
            nearest = rows.loc[distances(rows["genes"], genes[network]).idxmin()]
            found.append(nearest.to_dict() | {"kind": kind, "own_genes": genes[network]})
    return sorted(found, key=lambda row: (row["kind"] != "exact", row["kind"], -row["r_planted"]))


def distances(sizes: pd.Series, size: float) -> pd.Series:
    """Give the distance of each number of genes to another one, as the logarithm of their ratio."""
    return np.log(sizes / size).abs()


def genes_of_networks(run: Run) -> dict[str, float]:
    """Give the median number of genes that the models of each network know."""
    numbers: dict[str, list[int]] = {}
    for entry in run.manifest["models"]:
        if entry.get("description"):
            known = read_json(run.folder / entry["description"]).get("fold_of_gene", {})
            numbers.setdefault(entry["network"], []).append(len(known))
    return {network: float(np.median(counts)) for network, counts in numbers.items() if max(counts)}

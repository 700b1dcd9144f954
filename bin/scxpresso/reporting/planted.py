"""What the networks of a run find of a known grammar: simulated genomes (benchmarks/planted_grammar.py) of several sizes."""

from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.reporting.data import Run
from scxpresso.store import read_json, read_table

TABLE = "planted_grammar.tsv"  # in the folder of the template
EXACT = "exact"  # motifs


def planted_view(run: Run, template: Path) -> list[dict]:
    """List what each network of the run found: of exact motifs at every number of genes, of others at the nearest to the run's.

    Each row has the columns of TABLE; own_genes, the median number of genes of the run's models of that network; and
    nearest, whether no other number of genes is nearer to it. Numbers of cells are those nearest to the run's, or the
    largest if nothing was trained.
    """
    path = template / TABLE
    genes = genes_of_networks(run)
    if not path.is_file() or not genes:
        return []
    found = []
    table = read_table(path)
    counts = [count for level in run.levels for count in level.populations["cells"]]
    cells = float(np.median(counts) if counts else table["cells"].max())
    for (kind, network), rows in table.groupby(["kind", "network"], sort=False):
        if network in genes:
            away = distances(rows["cells"], cells)
            sizes = rows.loc[away.groupby(rows["genes"]).idxmin()]
            nearest = distances(sizes["genes"], genes[network]).idxmin()
            found += [
                size.to_dict() | {"own_genes": genes[network], "nearest": at == nearest}
                for at, size in sizes.iterrows()
                if kind == EXACT or at == nearest
            ]
    return sorted(found, key=lambda row: (row["kind"] != EXACT, row["kind"], row["network"], row["genes"]))


def distances(sizes: pd.Series, size: float) -> pd.Series:
    """Give the distance of each number of genes or cells to another one, as the logarithm of their ratio."""
    return np.log(sizes / size).abs()


def genes_of_networks(run: Run) -> dict[str, float]:
    """Give the median number of genes that the models of each network learned from, over all folds."""
    numbers: dict[str, list[int]] = {}
    for entry in run.manifest["models"]:
        if entry.get("description"):
            evaluated = read_json(run.folder / entry["description"]).get("gene_pearson", {})
            numbers.setdefault(entry["network"], []).append(len(evaluated))
    return {network: float(np.median(counts)) for network, counts in numbers.items() if max(counts)}

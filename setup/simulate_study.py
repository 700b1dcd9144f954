#!/usr/bin/env python3
"""Make assets/demo/study: the demo's cells as two atlases and as bulk, which `-profile test_study` compares.

Nobody measured these: cells are split at random, and bulk samples are sums of random halves of the cells.
"""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd

DEMO = Path(__file__).parent.parent / "assets" / "demo"
SEED = 1
STAGES = {
    "early_troph": "early trophozoite",
    "late_troph": "late trophozoite",
    "ring": "ring stage",
    "schizont": "schizont",
}


def main() -> None:
    """Write cells.csv.gz and bulk.tsv.gz."""
    atlas = anndata.read_h5ad(DEMO / "atlas.h5ad")
    random = np.random.default_rng(SEED)
    cells = labels(atlas.obs, random_halves(len(atlas), random))
    tpm = bulk_samples(atlas, random_halves(len(atlas), random))
    compression = {"method": "gzip", "mtime": 0}  # the same bytes in every run
    cells.to_csv(DEMO / "study" / "cells.csv.gz", compression=compression)
    tpm.to_csv(DEMO / "study" / "bulk.tsv.gz", sep="\t", float_format="%.2f", compression=compression)


def random_halves(cells: int, random: np.random.Generator) -> np.ndarray:
    """Draw True for half of the cells."""
    return random.permutation(cells) < cells // 2


def labels(obs: pd.DataFrame, first: np.ndarray) -> pd.DataFrame:
    """Name the half and two more levels of each cell.

    stage: the cell type in other words, as another laboratory might call it. subtype: each cell type in two, at its median
    of the pseudotime that came with the atlas; the cell without one has no label.
    """
    time = obs["clock_pseudotime"]
    late = time > time.groupby(obs["cell_type"], observed=True).transform("median")
    subtype = obs["cell_type"].astype(str) + np.where(late, " 2", " 1")
    table = {"half": np.where(first, "first", "second"), "stage": obs["cell_type"].map(STAGES).astype(str)}
    return pd.DataFrame(table | {"subtype": subtype.where(time.notna(), "")}, index=pd.Index(obs.index, name="cell"))


def bulk_samples(atlas: anndata.AnnData, first: np.ndarray) -> pd.DataFrame:
    """Sum the counts of both halves of the cells, per million: genes × samples.

    Counts of molecules do not depend on the genes' lengths, so these are TPM.
    """
    sums = np.stack([np.asarray(atlas.X[half].sum(axis=0)).ravel() for half in (first, ~first)], axis=1)
    index = pd.Index(atlas.var_names, name="gene_id")
    return pd.DataFrame(sums / sums.sum(axis=0) * 1e6, index=index, columns=["sample_1", "sample_2"])


if __name__ == "__main__":
    main()

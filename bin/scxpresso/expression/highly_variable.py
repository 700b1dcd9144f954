"""The highly variable genes of an atlas, as scanpy finds them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import scipy.sparse

from scxpresso.expression.atlas import Atlas
from scxpresso.expression.features import annotated_names
from scxpresso.expression.library import library_from_obs
from scxpresso.identifiers import match_genes

N_CELLS = 20_000  # sampled to find variable genes
TARGET_SUM = 1e4  # counts of a cell after normalisation


def sample_cells(atlas: Atlas, seed: int, n_cells: int = N_CELLS) -> np.ndarray:
    """Draw up to `n_cells` random cells: their rows, in the order of the atlas."""
    count = atlas.shape[0]
    return np.sort(np.random.default_rng(seed).choice(count, min(n_cells, count), replace=False))


def sample_counts(atlas: Atlas, rows: np.ndarray) -> scipy.sparse.csr_matrix:
    """Read the counts of some cells (rows in the order of the atlas): cells × features, one chunk in memory at a time."""
    parts = []
    for where, _, block in atlas.chunks():
        mine = rows[(rows >= where.start) & (rows < where.stop)] - where.start
        if len(mine):
            parts.append(block[mine].astype(np.float32))
    stack = scipy.sparse.hstack if atlas.by_columns else scipy.sparse.vstack
    return stack(parts, format="csr")


def highly_variable_genes(
    atlas: Atlas,
    genes: pd.DataFrame,
    number: int,
    seed: int,
    log: Callable[[str], None] = lambda message: None,
    library_column: str | None = None,
) -> list[str]:
    """Find the most variable genes of an atlas among those with features.

    scanpy's default flavour is applied to log1p of counts per 10,000 in a random sample of N_CELLS cells. The library of a
    cell is the sum over all of its genes, as in pseudobulk; dispersions are compared only among genes with features.

    Parameters
    ----------
    genes: genes.tsv.
    number: of highly variable genes.
    library_column: column of obs with the library size of each cell; None for the sum of its genes.

    Returns
    -------
    gene_id of each; all genes that the atlas shares with genes.tsv if these are not more than `number`.
    """
    kept = atlas.not_genes(annotated_names(genes)) == ""
    ids = np.array(atlas.gene_ids, dtype=object)[kept]
    match = match_genes(ids, genes["gene_id"], genes["gene_name"]).gene_of
    if number >= len(match):
        log(f"hvg:{number}: the atlas has {len(match):,} genes with features, and all of them are selected")
        return list(match.values())

    # Imported first: it sets numba's cache, and scanpy compiles while it is imported.
    from scxpresso.compiled import numba  # noqa: F401, I001
    import anndata
    import scanpy

    rows = sample_cells(atlas, seed)
    counts = sample_counts(atlas, rows)[:, kept]
    data = anndata.AnnData(counts, var=pd.DataFrame({"atlas_id": ids}).rename(index=str))
    log(f"hvg:{number}: {data.n_obs:,} cells of {atlas.shape[0]:,} sampled")
    if library_column:
        library = library_from_obs(atlas.obs, library_column)[rows]
        scale = TARGET_SUM / np.where(library > 0, library, 1)
        data.X = scipy.sparse.csr_matrix(data.X.multiply(scale[:, None]), dtype=np.float32)
    else:
        scanpy.pp.normalize_total(data, target_sum=TARGET_SUM)
    scanpy.pp.log1p(data)
    data = data[:, data.var["atlas_id"].isin(match.keys()).to_numpy()].copy()
    table = scanpy.pp.highly_variable_genes(data, n_top_genes=number, inplace=False)
    chosen = data.var["atlas_id"].to_numpy()[table["highly_variable"].to_numpy(dtype=bool)]
    if len(chosen) < number:
        log(f"hvg:{number}: only {len(chosen):,} genes vary over the cells, and all of them are selected")
    return [match[name] for name in chosen]

"""Which genes are saturated: named ones, those of a list, the highly variable ones of an atlas, or all."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse

from scxpresso.expression.atlas import Atlas
from scxpresso.expression.features import annotated_names
from scxpresso.expression.library import library_from_obs
from scxpresso.files import open_text
from scxpresso.identifiers import GeneNames, match_genes
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

CELLS = 20_000  # that highly variable genes are sought in
LIBRARY = 1e4  # counts of a cell after normalisation
SUGGESTIONS = 5  # unknown genes for which a near name is sought


def parse_selection(spec: str) -> tuple[list[str], int | None, bool]:
    """The words of `--select` as genes by id or name, number of highly variable genes (None for none) and whether all.

    Raises InputError for an `hvg:` without a number of genes.
    """
    words = [word.strip() for word in spec.split(",") if word.strip()]
    genes = [word for word in words if word != "all" and not word.startswith("hvg:")]
    numbers = [word.removeprefix("hvg:") for word in words if word.startswith("hvg:")]
    for number in numbers:
        if not (number.isascii() and number.isdecimal() and int(number)):
            raise InputError(
                Problem("--select", f"'hvg:{number}'", "hvg:<number of highly variable genes>, such as hvg:2000")
            )
    return genes, max(map(int, numbers), default=None), "all" in words


def read_gene_list(path: str | Path) -> list[str]:
    """Genes of a text file, one a line, gzipped or not; empty lines and those that start with # are comments."""
    try:
        with open_text(path) as lines:
            words = [line.strip().removeprefix("\ufeff") for line in lines]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(
            Problem("--list", f"no text ({error})", "a text file (UTF-8), plain or gzipped, with one gene a line")
        ) from None
    return [word for word in words if word and not word.startswith("#")]


def find_genes(genes: pd.DataFrame, wanted: Iterable[str]) -> list[str]:
    """gene_id of each gene given by id, id without version, or unique name (identifiers.GeneNames).

    genes: genes.tsv. Raises InputError that names all unknown ones, with the nearest names.
    """
    names = GeneNames(genes["gene_id"], genes["gene_name"])
    found = {word: names.gene(word) for word in wanted}
    if unknown := [word for word, gene in found.items() if gene is None]:
        raise InputError(_unknown(genes, unknown))
    return list(dict.fromkeys(found.values()))


def _unknown(genes: pd.DataFrame, words: list[str]) -> Problem:
    known = {*genes["gene_id"], *genes["gene_name"]} - {""}
    hints = []
    for word in words[:SUGGESTIONS]:
        bearers = genes.loc[genes["gene_name"] == word, "gene_id"]
        hint = f"it is the name of {preview(bearers)}" if len(bearers) else did_you_mean(word, known)
        hints += [f"{word!r}: {hint}"] if hint else []
    return Problem(
        "the genes to saturate",
        f"{preview(words, 20)}: no genes with features",
        "gene ids, or names that only one gene has, of the genome's genes.tsv (dropped_genes.tsv says why one is not)",
        "; ".join(hints),
    )


def sample_cells(atlas: Atlas, seed: int, cells: int = CELLS) -> np.ndarray:
    """Up to `cells` random cells, in the atlas' order."""
    count = atlas.shape[0]
    return np.sort(np.random.default_rng(seed).choice(count, min(cells, count), replace=False))


def sample_counts(atlas: Atlas, rows: np.ndarray) -> scipy.sparse.csr_matrix:
    """Counts of some cells (in the atlas' order) and all features, read a chunk at a time."""
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
    """gene_id of the most variable genes of an atlas, among those with features, as scanpy finds them.

    scanpy's default flavour on log1p of counts per 10,000 of a random sample of CELLS cells. genes: genes.tsv. The library of
    a cell is the sum over all genes, or `library_column` of obs, as in pseudobulk; dispersions are compared among genes with
    features alone. All genes that the atlas shares with genes.tsv where more are asked for.
    """
    kept = atlas.not_genes(annotated_names(genes)) == ""
    ids = np.array(atlas.gene_ids, dtype=object)[kept]
    match = match_genes(ids, genes["gene_id"], genes["gene_name"]).gene_of
    if number >= len(match):
        log(f"hvg:{number}: the atlas has {len(match):,} genes with features, and all of them are taken")
        return list(match.values())

    # First: it says where numba keeps what it compiles, and scanpy compiles while it is imported.
    from scxpresso.compiled import numba  # noqa: F401, I001
    import anndata
    import scanpy

    rows = sample_cells(atlas, seed)
    counts = sample_counts(atlas, rows)[:, kept]
    data = anndata.AnnData(counts, var=pd.DataFrame({"atlas_id": ids}).rename(index=str))
    log(f"hvg:{number}: {data.n_obs:,} cells of {atlas.shape[0]:,} sampled")
    if library_column:
        library = library_from_obs(atlas.obs, library_column)[rows]
        scale = LIBRARY / np.where(library > 0, library, 1)
        data.X = scipy.sparse.csr_matrix(data.X.multiply(scale[:, None]), dtype=np.float32)
    else:
        scanpy.pp.normalize_total(data, target_sum=LIBRARY)
    scanpy.pp.log1p(data)
    data = data[:, data.var["atlas_id"].isin(match.keys()).to_numpy()].copy()
    table = scanpy.pp.highly_variable_genes(data, n_top_genes=number, inplace=False)
    chosen = data.var["atlas_id"].to_numpy()[table["highly_variable"].to_numpy(dtype=bool)]
    if len(chosen) < number:
        log(f"hvg:{number}: only {len(chosen):,} genes vary over the cells, and all of them are taken")
    return [match[name] for name in chosen]


def select_genes(
    genes: pd.DataFrame,
    spec: str | None,
    listed: Iterable[str] = (),
    variable: Callable[[int], list[str]] | None = None,
) -> list[str]:
    """gene_id of every selected gene, each once, in the order of genes.tsv (`genes`).

    spec: `--select`, whose words add up. listed: further genes by id or name. variable: gives so many highly variable
    genes, None where there is no atlas. Raises InputError for unknown genes, or none at all.
    """
    named, number, everything = parse_selection(spec or "")
    chosen = set(find_genes(genes, [*named, *listed]))
    if number and variable is None:
        raise InputError(
            Problem(
                "--select", f"'hvg:{number}' without an atlas", "the atlas whose genes vary", "give --counts as well"
            )
        )
    chosen |= set(genes["gene_id"]) if everything else set(variable(number)) if number else set()
    if not chosen:
        raise InputError(
            Problem("--select and --list", "no gene", "gene ids or names, hvg:<number>, all, or a list of genes")
        )
    return [gene for gene in genes["gene_id"] if gene in chosen]

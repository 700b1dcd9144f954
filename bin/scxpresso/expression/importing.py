"""Write counts of any layout, with their annotations, as one h5ad that the pipeline reads."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse
from anndata.io import sparse_dataset, write_elem

from scxpresso.expression.atlas import SOURCE_NAME, Atlas, AtlasColumns
from scxpresso.expression.features import TYPE_COLUMNS
from scxpresso.expression.raw_counts import counts_fault
from scxpresso.identifiers import match_genes
from scxpresso.layouts.count_table import Side, open_count_table
from scxpresso.layouts.layout import Layout, X
from scxpresso.layouts.opening import holds_layout, open_layout
from scxpresso.layouts.triples import Triples, by_cells
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import atomic_write

MIN_MATCHED_SHARE = 0.1  # of the names on one side of a table, to be taken for the genes
HDF5_CHUNK = 1 << 17  # values that are compressed together
SAMPLE = "sample"  # column of obs with the name of each file


@dataclass(frozen=True)
class Source:
    """A file or folder of counts. name: put before its cells' names, if there are several."""

    path: Path
    name: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `PATH` or `NAME=PATH`."""
        name, sign, path = text.partition("=")
        return cls(Path(path), name) if sign and not Path(text).exists() else cls(Path(text))


@dataclass(frozen=True)
class Imported:
    """What was written. levels: columns of obs that may be levels, with their number of labels."""

    cells: int
    genes: int
    kinds: set[str]
    levels: dict[str, int]


def import_atlas(
    sources: Sequence[Source],
    output: Path,
    columns: AtlasColumns,
    genes_in: Callable[[Sequence[str], Sequence[str]], Side],
    log: Callable[[str], None],
) -> Imported:
    """Write one h5ad of the cells of all sources, in chunks.

    X has the raw counts (CSR), the index of var the ids of genes, and obs the labels. Names of columns become names that
    the sheet allows. var keeps what says which features are not genes: their types, and their names in the source.

    Parameters
    ----------
    genes_in: says which side of a table has the genes, see gene_side.

    Raises
    ------
    InputError, for sources that cannot be read, that have no raw counts, or that have different genes.
    """
    if len(sources) > 1 and not all(source.name for source in sources):
        raise InputError(
            Problem("counts", f"{len(sources)} files, of which some have no name", "NAME=PATH for each", "name them")
        )
    with ExitStack() as stack:
        atlases = [stack.enter_context(_opened(source, columns, genes_in)) for source in sources]
        for atlas, source in zip(atlases, sources, strict=True):
            _check_counts(atlas, source)
            for note in atlas.notes:
                log(f"{source.path}: {note}")
        genes = atlases[0].gene_ids
        orders = [_order_of(atlas, genes, source) for atlas, source in zip(atlases, sources, strict=True)]
        obs = _joined_obs(atlases, sources, log)
        kind = np.result_type(*(atlas.dtype for atlas in atlases))
        var = _joined_var(atlases, orders)
        with atomic_write(output) as partial, h5py.File(partial, "w") as file:
            write_elem(file, "/", anndata.AnnData(obs=obs, var=_storable(var)))
            empty = scipy.sparse.csr_matrix((0, len(genes)), dtype=kind)
            write_elem(file, "X", empty, dataset_kwargs={"compression": "gzip", "chunks": (HDF5_CHUNK,)})
            matrix = sparse_dataset(file["X"])
            for atlas, order, source in zip(atlases, orders, sources, strict=True):
                for block in _blocks(atlas):
                    matrix.append(block[:, order].astype(kind) if order is not None else block.astype(kind))
                log(f"{source.path}: {atlas.shape[0]:,} cells written")
        return Imported(len(obs), len(genes), {atlas.kind for atlas in atlases}, _possible_levels(obs))


def gene_side(
    given: Side | None, ids: Sequence[str], names: Sequence[str]
) -> Callable[[Sequence[str], Sequence[str]], Side]:
    """Make a function that says which side of a table has the genes: as given, else the one that the annotation has.

    Parameters
    ----------
    ids, names: of the annotation's genes, in parallel; empty if there is none.
    """

    def side(rows: Sequence[str], columns: Sequence[str]) -> Side:
        if given:
            return given
        if not len(ids):
            raise InputError(
                Problem(
                    "counts", "a table, of which it is not known on which side the genes are", "--genes_in or --gtf",
                    "give --genes_in rows if each row is a gene, and --genes_in columns if each column is",
                )
            )  # fmt: skip
        shares = [len(match_genes(side, ids, names).gene_of) / len(side) for side in (rows, columns)]
        if max(shares) < MIN_MATCHED_SHARE:
            found = f"neither rows ({preview(rows, 3)}) nor columns ({preview(columns, 3)}) named as genes"
            fix = f"the annotation has {preview(ids, 3)}: give that of this species, or --genes_in"
            raise InputError(Problem("counts", found, "genes of the annotation on one side", fix))
        return "rows" if shares[0] >= shares[1] else "columns"

    return side


def _opened(source: Source, columns: AtlasColumns, genes_in: Callable) -> Atlas:
    """Open a source, its cells named after it."""
    layout: Layout = open_layout(source.path) if holds_layout(source.path) else open_count_table(source.path, genes_in)
    if source.name:
        layout.obs = layout.obs.assign(**{SAMPLE: source.name}).set_axis(
            [f"{source.name}_{cell}" for cell in layout.obs.index]
        )
    return Atlas(source.path, columns, layout)


def _check_counts(atlas: Atlas, source: Source) -> None:
    """Raise InputError if a sample of cells has no raw counts."""
    if fault := counts_fault(atlas.sample().of_features(atlas.not_genes([]) == "")):
        fix = f"give the file of raw counts, or name their layer; there are {preview(name or X for name in atlas.matrices())}"
        raise InputError(Problem(f"{source.path}", fault, "raw counts: whole numbers, 0 or more", fix))


def _order_of(atlas: Atlas, genes: list[str], source: Source) -> np.ndarray | None:
    """Return the places of `genes` in an atlas; None if they are in this order."""
    if atlas.gene_ids == genes:
        return None
    absent = sorted(set(genes) ^ set(atlas.gene_ids))
    if absent or len(set(genes)) < len(genes):
        found = (
            f"other genes than in the first file: {preview(absent)}" if absent else "genes in another order, some twice"
        )
        raise InputError(
            Problem(f"{source.path}", found, "the same genes in all files", "import it as an atlas of its own")
        )
    place = {name: number for number, name in enumerate(atlas.gene_ids)}
    return np.array([place[name] for name in genes])


def _blocks(atlas: Atlas) -> Iterator[scipy.sparse.csr_matrix]:
    """Yield the counts in the order of the cells; of a matrix by genes after sorting it in temporary files."""

    def entries() -> Iterator[Triples]:
        for cells, genes, block in atlas.chunks():
            found = block.tocoo()
            yield found.row.astype(np.int64) + cells.start, found.col.astype(np.int64) + genes.start, found.data

    if not atlas.by_columns:
        yield from (block.tocsr() for _, _, block in atlas.chunks())
        return
    matrix = by_cells(entries, atlas.shape)
    step = max(int(len(matrix.indptr) * 24_000_000 / max(matrix.stored, 1)), 1)
    for start in range(0, atlas.shape[0], step):
        yield matrix.read(slice(start, min(start + step, atlas.shape[0])), slice(None))


def _joined_var(atlases: list[Atlas], orders: list[np.ndarray | None]) -> pd.DataFrame:
    """Return var of the first atlas, with all that says which features are genes: types that others have, and names."""
    first, typed = atlases[0], [atlas.typed_var for atlas in atlases]
    var = typed[0].set_axis(pd.Index(first.gene_ids, dtype=object)).rename(columns=str)
    for table, order in zip(typed, orders, strict=True):
        for name in [name for name in TYPE_COLUMNS if name in table and name not in var]:
            types = table[name].to_numpy(dtype=object)
            var[name] = types if order is None else types[order]
    names = [str(name) for name in first.var.index]
    return var if names == first.gene_ids or SOURCE_NAME in var else var.assign(**{SOURCE_NAME: names})


def _joined_obs(atlases: list[Atlas], sources: Sequence[Source], log: Callable[[str], None]) -> pd.DataFrame:
    """Join obs of all sources, with names of columns that the sheet allows."""
    shared = set.intersection(*(set(atlas.obs) for atlas in atlases))
    obs = pd.concat([_with_missing(atlas.obs, shared) for atlas in atlases])
    if len(sources) > 1 and obs.index.has_duplicates:
        twice = obs.index[obs.index.duplicated()].unique()
        raise InputError(Problem("counts", f"cells more than once: {preview(twice)}", "each once", "name each file"))
    names = [re.sub(r"[^A-Za-z0-9_.-]+", "_", str(name)).strip("_.-")[:64] or "column" for name in obs]
    if len(set(names)) < len(names):
        found = f"columns of obs that differ only by blanks or punctuation: {preview(obs)}"
        raise InputError(Problem("counts", found, "names that differ", "rename them"))
    renamed = {str(old): new for old, new in zip(obs, names, strict=True) if str(old) != new}
    if renamed:
        log(f"columns of obs are renamed: {', '.join(f'{old!r} to {new!r}' for old, new in renamed.items())}")
    return _storable(obs.set_axis(names, axis=1).rename(index=str))


def _with_missing(obs: pd.DataFrame, shared: set) -> pd.DataFrame:
    """Let whole numbers of columns that some files lack be missing; else they would be floats, and the label 1 be '1.0'."""
    whole = [name for name in obs if name not in shared and pd.api.types.is_integer_dtype(obs[name])]
    return obs.astype(dict.fromkeys(whole, "Int64"))


def _storable(table: pd.DataFrame) -> pd.DataFrame:
    """Convert columns of text to categories, which an h5ad stores with missing values."""
    text = [name for name in table if table[name].dtype == object]
    as_text = {name: table[name].astype(str).where(table[name].notna()).astype("category") for name in text}
    return table.assign(**as_text)


def _possible_levels(obs: pd.DataFrame) -> dict[str, int]:
    """Columns of labels, with their numbers of labels."""
    labels = {name: int(obs[name].nunique()) for name in obs if not pd.api.types.is_float_dtype(obs[name])}
    return {name: number for name, number in labels.items() if 1 < number <= min(1000, len(obs) // 2)}

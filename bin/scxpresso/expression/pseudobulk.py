"""Pseudobulk of an atlas: log10 of the mean normalised count of each gene in each population (paper 2.4)."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse

from scxpresso.expression.annotations import labels_of_samples
from scxpresso.expression.atlas import Atlas, AtlasColumns
from scxpresso.expression.cell_filter import passing_cells
from scxpresso.expression.features import (
    annotated_names,
    excluded_features,
    rows_not_genes,
    share_by_population,
)
from scxpresso.expression.grouping import (
    HALVINGS,
    UNIQUE,
    Grouping,
    describe_several_parents,
    donor_halves,
    donors_of,
    group_levels,
    halves,
    parents,
    several_parents_problem,
    with_donors,
)
from scxpresso.expression.library import check_library, library_from_obs, totals_beyond
from scxpresso.expression.raw_counts import MAX_TPM_SUM, Sample, check_tpm, counts_fault, low_sums, value_fault
from scxpresso.expression.targets import DISPERSION, FRACTION
from scxpresso.files import open_text
from scxpresso.identifiers import GeneMatch, match_genes
from scxpresso.layouts.opening import holds_layout
from scxpresso.metrics import pearson
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import DONOR_COLUMNS, DROPPED_GENE_COLUMNS, DROPPED_POPULATION_COLUMNS, POPULATION_COLUMNS
from scxpresso.text import plural

if TYPE_CHECKING:
    from scxpresso.expression.sums import Sums

SCALE = {"10x": 1e4, "smartseq2": 1e6}  # library size after normalisation
PROTOCOLS = [*SCALE, "bulk"]
# Columns of bulk tables that are not samples but lengths of genes, in lower case without punctuation.
LENGTHS = {"length", "genelength", "transcriptlength", "effectivelength", "efflength", "exonlength", "basepairs"}

PLACES = {"chr", "start", "end", "strand"}  # columns of featureCounts that are not samples, in lower case
MIN_LENGTH = 1  # base; and the median gene has more than MIN_MEDIAN_LENGTH, else these are kilobases
MIN_MEDIAN_LENGTH = 50


@dataclass(frozen=True)
class PseudobulkOptions:
    """How counts become expression.

    floor: log10 value of a gene not detected in any cell. pseudocount: 0, as published. library_column: column of obs with
    the library size of each cell; None for the sum of its genes. exclude: labels of populations to exclude, joined by `;`.
    donor_column: column of obs with each cell's donor; None for `donor_id`, if it is there. parents: `unique` if each
    population lies in one of the level before it; `majority` if the one with most of its cells is the parent.
    """

    protocol: str
    levels: tuple[str, ...]
    floor: float = -4.0
    min_cells: int = 10
    aggregation: str = "mean"
    pseudocount: float = 0.0
    seed: int = 1
    library_column: str | None = None
    exclude: str | None = None
    donor_column: str | None = None
    parents: str = UNIQUE


@dataclass
class LevelExpression:
    """Expression at a level.

    values: genes × populations, log10. populations: POPULATION_COLUMNS, and DONOR_COLUMNS if donors are known. dropped:
    DROPPED_POPULATION_COLUMNS. further: FURTHER targets, genes × populations each; none for bulk.
    """

    values: pd.DataFrame
    populations: pd.DataFrame
    dropped: pd.DataFrame
    further: dict[str, pd.DataFrame] = field(default_factory=dict)


def log_expression(mean: np.ndarray, floor: float, pseudocount: float) -> np.ndarray:
    """Take log10 without a pseudocount, with the floor for 0 (paper 2.4); or log10(x + pseudocount)."""
    if pseudocount:
        return np.log10(mean + pseudocount)
    return np.where(mean > 0, np.log10(np.where(mean > 0, mean, 1)), floor)


def log_below_floor(
    grouping: Grouping, values: np.ndarray, detected: np.ndarray, floor: float, log: Callable[[str], None]
) -> None:
    """Note the genes whose expression is at or below the floor, so that genes not detected rank as high or above them.

    values: genes × populations, log10. detected: of the same shape.
    """
    below = detected & (values <= floor)
    if not below.any():
        return
    lowest = values[below].min()
    genes, populations = (int(below.any(axis=axis).sum()) for axis in (1, 0))
    log(
        f"NOTE level {grouping.level}: {plural(genes, 'gene')} detected in {plural(populations, 'population')}, but not above "
        f"the floor {floor:g} (the lowest: {lowest:.2f}): undetected genes, which have the floor, rank above them; "
        f"a floor of {math.ceil(lowest) - 1} (column floor, --floor) is below them"
    )


def ceiling(first: Iterable[np.ndarray], second: Iterable[np.ndarray]) -> np.ndarray:
    """Estimate the noise ceiling: the highest Pearson correlation that any model could reach in each population.

    The mean correlation of random halves of a population is corrected to the reliability of the whole (Spearman–Brown);
    the ceiling is its square root.

    Parameters
    ----------
    first, second: pseudobulks of the two halves (genes × populations, log10), one array per halving.

    Returns
    -------
    One value per population; NaN for a population of one cell.
    """
    r = np.mean([pearson(a, b) for a, b in zip(first, second, strict=True)], axis=0)
    r = np.clip(r, 0, 1)
    return np.sqrt(2 * r / (1 + r))


def pseudobulk_cells(
    atlas: Atlas, genes: pd.DataFrame, options: PseudobulkOptions, log: Callable[[str], None] = lambda message: None
) -> tuple[dict[str, LevelExpression], pd.DataFrame]:
    """Aggregate a single-cell atlas at every level, in one pass over its chunks.

    Counts are scaled to counts per 10,000 (10x) or per million (Smart-seq2) of the cell's library. Memory grows by only a
    few bytes per cell.

    Parameters
    ----------
    genes: genes.tsv.

    Returns
    -------
    Expression by level, and dropped_genes.tsv.

    Raises
    ------
    InputError, for a value that cannot be a count, for a matrix that lacks genes, and for impossible library sizes.
    """
    from scxpresso.expression.sums import Detections, Sums, library_sizes  # numba takes a while to import

    reasons = atlas.not_genes(annotated_names(genes))
    is_gene = reasons == ""
    ids = atlas.gene_ids
    match = match_genes(np.array(ids, dtype=object)[is_gene], genes["gene_id"], genes["gene_name"])
    column = {name: index for index, name in enumerate(ids) if is_gene[index]}
    matched = np.array([column[name] for name in match.gene_of], dtype=int)
    log(f"{len(matched):,} of {len(ids):,} genes have features")
    if not len(matched):
        raise InputError(no_genes())
    # The checks before a run say so, too, and which matrix to take; here for those who call the executable.
    if fault := counts_fault(atlas.sample().of_features(is_gene)):
        expected = "raw counts: whole numbers, 0 or more"
        raise InputError(
            Problem("counts", fault, expected, "name the layer that holds them, such as 'raw' or 'counts'")
        )

    groupings = checked_groupings(atlas.obs, options)
    sums = [Sums(grouping, len(ids), halves(grouping, options.seed)) for grouping in groupings]
    detections = [Detections(grouping, len(ids)) for grouping in groupings]
    donors = donors_of(atlas.obs, options.donor_column)
    donor_sums, donor_numbers = [], []
    for grouping in groupings if donors is not None else ():
        restricted, donor_number = with_donors(grouping, donors)
        donor_sums.append(Sums(restricted, len(ids), donor_halves(restricted, donors, options.seed)))
        donor_numbers.append(donor_number)
    library = library_from_obs(atlas.obs, options.library_column) if options.library_column else None
    sizes, others = np.zeros((2, atlas.shape[0]))  # counts of genes, and of other features, of each cell

    def add_sizes(cells: slice, columns: slice, counts: scipy.sparse.csr_matrix) -> None:
        of_genes, of_others, good = library_sizes(counts, is_gene[columns])
        if not good:
            raise InputError(bad_value(atlas, cells, columns, counts, is_gene))
        sizes[cells] += of_genes
        others[cells] += of_others

    # A chunk of cells contains their library sizes; a chunk of genes (CSC) needs them beforehand.
    if atlas.by_columns:
        for cells, columns, block in atlas.chunks():
            add_sizes(cells, columns, block.tocsr())
    for cells, columns, block in atlas.chunks():
        counts = block.tocsr()
        if not atlas.by_columns:
            add_sizes(cells, columns, counts)
        size = (sizes if library is None else library)[cells]
        scale = SCALE[options.protocol] / np.where(size > 0, size, 1)
        for level in sums + donor_sums:
            level.add(cells, columns, counts, scale)
        for detected in detections:
            detected.add(cells, columns, counts, scale)
        log(f"{(columns if atlas.by_columns else cells).stop:,} {'genes' if atlas.by_columns else 'cells'} read")
    check_libraries(atlas.obs, options, library, sizes, others)
    if excluded := excluded_features(ids, reasons):
        shares = share_by_population(sizes, others, groupings[-1].of_cell, groupings[-1].labels)
        log(f"NOTE {excluded}; their share of the counts: {shares}")

    gene_ids = [match.gene_of[name] for name in match.gene_of]
    size = sizes if library is None else library
    exclude_empty_cells(size, groupings, [level.grouping for level in donor_sums], log)
    scale = np.where(size > 0, SCALE[options.protocol] / np.where(size > 0, size, 1), 0)
    levels = {}
    for number, (coarse, grouping, level) in enumerate(zip([None, *groupings], groupings, sums, strict=False)):
        whole = level.whole(matched)
        values = mean_log(whole, grouping.cells, options.floor)
        log_below_floor(grouping, values, whole.T > 0, options.floor, log)
        noise = np.where(grouping.cells > 1, ceiling_of_sums(level, matched, options.floor), np.nan)
        made = _level(grouping, coarse, gene_ids, values, (whole > 0).sum(axis=1), noise)
        detected = detections[number]
        made.further = {
            FRACTION: _table(detected.fraction(matched), gene_ids, grouping.labels),
            DISPERSION: _table(detected.dispersion(matched, whole, scale), gene_ids, grouping.labels),
        }
        if donors is not None:
            between = ceiling_of_sums(donor_sums[number], matched, options.floor)
            made.populations = made.populations.assign(**donor_table(donor_numbers[number], between))
        levels[grouping.level] = made
    return levels, unused_genes(match, ids, reasons)


def checked_groupings(obs: pd.DataFrame, options: PseudobulkOptions) -> list[Grouping]:
    """Group cells at each level.

    Raises
    ------
    InputError, for populations in several of the level before them, unless options.parents lets most cells decide.
    """
    groupings = group_levels(obs, options.levels, options.min_cells, options.exclude)
    if options.parents == UNIQUE:
        described = [describe_several_parents(fine, coarse) for coarse, fine in pairwise(groupings)]
        if problems := [several_parents_problem("column levels", text) for text in described if text]:
            raise InputError(*problems)
    return groupings


def exclude_empty_cells(
    size: np.ndarray, groupings: list[Grouping], of_donors: list[Grouping], log: Callable[[str], None]
) -> None:
    """Take cells with a library of 0 out of the populations, with a note: they have no count per library to average.

    Sums over cells need not be corrected, as these cells add nothing.

    Parameters
    ----------
    size: library size of each cell.
    groupings, of_donors: populations, and those restricted to cells of known donors; changed in place.

    Raises
    ------
    InputError, for a population in which all cells are such.
    """
    empty = size == 0
    if not empty.any():
        return
    for grouping in [*groupings, *of_donors]:
        grouping.of_cell = np.where(empty, -1, grouping.of_cell).astype(np.int32)
    for grouping in groupings:
        if nothing := [label for label, cells in zip(grouping.labels, grouping.cells, strict=True) if not cells]:
            raise InputError(
                Problem(
                    "counts", f"no counts in any cell of {preview(nothing)} (level {grouping.level!r})",
                    "cells with counts of genes",
                    "name the populations in the column exclude, or give the matrix with their counts",
                )
            )  # fmt: skip
    log(
        f"NOTE {int(empty.sum()):,} of {len(empty):,} cells have no counts of genes, and are excluded from every population"
    )


def mean_log(total: np.ndarray, cells: np.ndarray, floor: float) -> np.ndarray:
    """Convert sums over cells (populations × genes) to expression: genes × populations, log10."""
    return log_expression(total / np.maximum(cells, 1)[:, None], floor, 0).T


def ceiling_of_sums(sums: "Sums", genes: np.ndarray, floor: float) -> np.ndarray:
    """Estimate the noise ceiling of each population from the sums over its halves."""
    whole, cells = sums.whole(genes), sums.grouping.cells
    # Generators: all halvings at once would take ten times the memory.
    first = (mean_log(sums.half(h, genes), sums.half_cells(h), floor) for h in range(HALVINGS))
    second = (mean_log(whole - sums.half(h, genes), cells - sums.half_cells(h), floor) for h in range(HALVINGS))
    return ceiling(first, second)


def donor_table(donors: np.ndarray, ceilings: np.ndarray) -> dict[str, np.ndarray]:
    """Make the DONOR_COLUMNS; the ceiling of a population of a single donor is missing."""
    return dict(zip(DONOR_COLUMNS, (donors, np.where(donors > 1, ceilings, np.nan)), strict=True))


def bad_value(
    atlas: Atlas, cells: slice, columns: slice, counts: scipy.sparse.csr_matrix, is_gene: np.ndarray
) -> Problem:
    """Name cell and gene of the first value in a chunk that is negative or not finite."""
    cell = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    bad = is_gene[columns][counts.indices] & ~(np.isfinite(counts.data) & (counts.data >= 0))
    first = np.flatnonzero(bad)[0]
    names = str(atlas.obs.index[cells.start + cell[first]]), atlas.gene_ids[columns.start + counts.indices[first]]
    return Problem(
        "counts", value_fault(counts.data[first], *names), "raw counts: finite, 0 or more",
        "write the raw counts again, or name their layer in the column layer",
    )  # fmt: skip


def check_libraries(
    obs: pd.DataFrame, options: PseudobulkOptions, library: np.ndarray | None, sizes: np.ndarray, others: np.ndarray
) -> None:
    """Check library sizes against the matrix.

    Parameters
    ----------
    library: library sizes in obs, if options.library_column names a column.
    sizes, others: counts of genes and of other features in each cell.

    Raises
    ------
    InputError, if obs shows that genes are missing from the matrix, or if its library sizes are impossible.
    """
    if library is not None and options.library_column:
        check_library(options.library_column, library, sizes, obs.index)
        return
    problem, _ = totals_beyond(obs, sizes + others)
    if problem:
        raise InputError(problem)


def pseudobulk_samples(
    table: pd.DataFrame,
    obs: pd.DataFrame,
    genes: pd.DataFrame,
    options: PseudobulkOptions,
    reasons: np.ndarray,
    log: Callable[[str], None] = lambda message: None,
) -> tuple[dict[str, LevelExpression], pd.DataFrame]:
    """Aggregate bulk samples, as pseudobulk_cells does cells: by their mean, or their median (Xpresso, paper 2.8.3).

    Rows that are not genes are dropped, and the TPM of the genes are scaled to the previous sum.

    Parameters
    ----------
    table: TPM, gene ids (index) × samples.
    obs: one row per sample.
    genes: genes.tsv.
    reasons: why a row is not a gene, '' for a gene.

    Raises
    ------
    InputError, for what cannot be TPM, such as counts, logarithms or a sample without expression.
    """
    names = list(table.index)
    # The checks before a run say so, too; here for those who call the executable.
    check_tpm(Sample.of_table(table[reasons == ""]), "counts")
    if note := low_sums(Sample.of_table(table)):
        log(f"NOTE {note}")
    if excluded := excluded_features(names, reasons):
        log(f"NOTE {excluded}; the genes' TPM are scaled to the sum of all")
        total = table.sum()
        table = table[reasons == ""]
        table = table * (total / table.sum())
    match = match_genes(table.index, genes["gene_id"], genes["gene_name"])
    if not match.gene_of:
        raise InputError(no_genes())
    tpm = table.loc[list(match.gene_of)].to_numpy(dtype=np.float64)
    gene_ids = list(match.gene_of.values())
    groupings = checked_groupings(obs, options)
    donors = donors_of(obs, options.donor_column)
    levels = {}
    for coarse, grouping in zip([None, *groupings], groupings, strict=False):
        bits = halves(grouping, options.seed)

        def aggregate(chosen: np.ndarray, grouping: Grouping = grouping) -> np.ndarray:
            columns = [tpm[:, chosen & (grouping.of_cell == number)] for number in range(len(grouping.labels))]
            middle = np.median if options.aggregation == "median" else np.mean
            means = [middle(samples, axis=1) if samples.shape[1] else np.zeros(len(tpm)) for samples in columns]
            return log_expression(np.stack(means, axis=1), options.floor, options.pseudocount)

        everyone = np.ones(len(obs), dtype=bool)
        odd = [((bits >> halving) & 1).astype(bool) for halving in range(HALVINGS)]
        noise = ceiling([aggregate(half) for half in odd], [aggregate(~half) for half in odd])
        samples = [grouping.of_cell == number for number in range(len(grouping.labels))]
        detected = np.array([np.count_nonzero((tpm[:, chosen] > 0).any(axis=1)) for chosen in samples])
        noise = np.where(grouping.cells > 1, noise, np.nan)
        values = aggregate(everyone)
        if not options.pseudocount:
            log_below_floor(grouping, values, values != options.floor, options.floor, log)
        made = _level(grouping, coarse, gene_ids, values, detected, noise)
        if donors is not None:
            restricted, number = with_donors(grouping, donors)
            bits, known = donor_halves(restricted, donors, options.seed), restricted.of_cell >= 0
            odd = [((bits >> halving) & 1).astype(bool) for halving in range(HALVINGS)]
            between = ceiling([aggregate(half & known) for half in odd], [aggregate(~half & known) for half in odd])
            made.populations = made.populations.assign(**donor_table(number, between))
        levels[grouping.level] = made
    return levels, unused_genes(match, names, reasons)


def pseudobulk(
    path: str | Path,
    columns: AtlasColumns,
    genes: pd.DataFrame,
    options: PseudobulkOptions,
    log: Callable,
) -> tuple[dict[str, LevelExpression], pd.DataFrame]:
    """Aggregate an atlas, single-cell or bulk, at every level.

    Parameters
    ----------
    path: counts in any layout of layouts.opening; for bulk also a TSV or CSV.
    columns: what the sheet says about them.
    genes: genes.tsv.

    Returns
    -------
    Expression by level, and dropped_genes.tsv.
    """
    if options.protocol == "bulk" and options.library_column:
        raise InputError(bulk_library())
    annotated = annotated_names(genes)
    if options.protocol == "bulk" and not holds_layout(path):
        table, obs, _ = read_samples(path, columns)
        reasons = rows_not_genes(table.index, annotated)
        return pseudobulk_samples(table, obs, genes, options, reasons, log)
    with Atlas(path, columns) as atlas:
        if options.protocol != "bulk":
            return pseudobulk_cells(atlas, genes, options, log)
        reasons, blocks = atlas.not_genes(annotated), []
        for cells, features, block in atlas.chunks():
            counts = block.tocsr()
            if not (np.isfinite(counts.data) & (counts.data >= 0)).all():
                raise InputError(bad_value(atlas, cells, features, counts, np.ones(len(reasons), dtype=bool)))
            blocks.append(block)
        samples = scipy.sparse.hstack if atlas.by_columns else scipy.sparse.vstack
        table = pd.DataFrame(samples(blocks).toarray().T, index=atlas.gene_ids, columns=atlas.obs.index)
        return pseudobulk_samples(table, atlas.obs, genes, options, reasons, log)


def no_genes() -> Problem:
    """Describe an atlas of which no gene is in the annotation."""
    return Problem(
        "counts", "no gene of the atlas is in the annotation", "counts of genes, by id or name",
        "check the species, the kind of ids, and what the features of the atlas are",
    )  # fmt: skip


def bulk_library() -> Problem:
    """Describe a value of library_column for bulk samples."""
    return Problem(
        "column library_column", "a library column for bulk samples", "single cells: TPM are not divided by a library",
        "leave the cell empty",
    )  # fmt: skip


def _level(
    grouping: Grouping,
    coarse: Grouping | None,
    gene_ids: list[str],
    values: np.ndarray,
    detected: np.ndarray,
    noise: np.ndarray,
) -> LevelExpression:
    populations = pd.DataFrame(
        {
            "population": grouping.labels,
            "parent": parents(grouping, coarse),
            "cells": grouping.cells,
            "genes_detected": detected,
            "noise_ceiling": noise,
        },
        columns=POPULATION_COLUMNS,
    )
    dropped = pd.DataFrame(grouping.dropped, columns=DROPPED_POPULATION_COLUMNS)
    return LevelExpression(_table(values, gene_ids, grouping.labels), populations, dropped)


def _table(values: np.ndarray, gene_ids: list[str], labels: list[str]) -> pd.DataFrame:
    """Make a table of genes × populations, sorted by gene."""
    return pd.DataFrame(values, index=pd.Index(gene_ids, name="gene_id"), columns=labels).sort_index()


def unused_genes(match: GeneMatch, ids: list[str], reasons: np.ndarray) -> pd.DataFrame:
    """Make dropped_genes.tsv of an atlas. reasons: why each of `ids` is not a gene, '' for a gene."""
    others = {(name, reason) for name, reason in zip(ids, reasons, strict=True) if reason}
    return pd.DataFrame(sorted(others | set(match.unused.items())), columns=DROPPED_GENE_COLUMNS)


def read_samples(path: str | Path, columns: AtlasColumns) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read a table of bulk samples, and what the sheet says about them.

    Returns
    -------
    TPM (gene ids × samples), obs (one row per sample), and notes.
    """
    table, notes = read_bulk(path)
    obs, rows, of_labels = labels_of_samples(table.columns, columns.annotations)
    notes += of_labels
    if columns.cells:
        passing = passing_cells(obs, columns.cells)
        notes.append(f"{passing.sum():,} of {len(obs):,} samples meet the condition in the column cells")
        obs, rows = obs[passing], rows[passing]
    return table.iloc[:, rows], obs, notes


def read_bulk(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read bulk samples from a TSV or CSV, gzipped or not, whose first column holds gene ids.

    Raw counts are converted to TPM if the table has the genes' lengths in a column `Length`, as featureCounts writes it
    (its columns Chr, Start, End and Strand, in any case, are ignored).

    Returns
    -------
    TPM (gene ids × samples), and notes.

    Raises
    ------
    InputError, for a table that is neither.
    """
    with open_text(str(path)) as lines:
        skip = 0
        header = lines.readline()
        while header.startswith("#"):
            skip, header = skip + 1, lines.readline()
    separator = "\t" if "\t" in header else ","
    try:
        table = pd.read_csv(open_text(str(path)), sep=separator, skiprows=skip, index_col=0, low_memory=False)
        places = [name for name in table if str(name).lower() in PLACES]
        table = table.drop(columns=places)
        values = table.apply(pd.to_numeric)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(
            Problem("counts", f"a table that cannot be read as numbers ({error})",
                    "gene ids in the first column, then one column of numbers per sample")
        ) from None  # fmt: skip
    values.index = values.index.astype(str)
    if not len(values) or values.shape[1] == 0:
        raise InputError(Problem("counts", "a table without genes or samples", "gene ids × samples"))
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any(axis=None):
        gene, sample = np.argwhere(bad.to_numpy())[0]
        place = f"{values.iloc[gene, sample]:g} of {values.index[gene]!r} in {values.columns[sample]!r}"
        raise InputError(
            Problem("counts", f"negative, infinite or missing values (such as {place})", "TPM or counts, 0 or more")
        )
    notes = [f"columns that are not samples: {preview(places)}"] if places else []
    length = _lengths(values)
    if length is not None:
        rate = values.div(length, axis=0)
        # A sample without counts stays without, which check_tpm says better than NaN would.
        return rate / rate.sum().replace(0, 1) * 1e6, [*notes, "counts were converted to TPM by the column `Length`"]
    whole_numbers = bool((values % 1 == 0).all(axis=None))
    total = values.sum()
    if whole_numbers or total.max() > MAX_TPM_SUM:
        raise InputError(
            Problem(
                "counts",
                f"{'whole numbers' if whole_numbers else 'columns'} that sum to {total.iloc[0]:,.0f} (first sample)",
                "TPM, whose columns sum to at most 1,000,000, or counts with a column `Length` (bases)",
                "give TPM, or add the genes' lengths as featureCounts writes them",
            )
        )
    return values, notes


def _lengths(values: pd.DataFrame) -> pd.Series | None:
    """Remove the genes' lengths from a table of counts and return them; None if it has none.

    Raises
    ------
    InputError, if it is unclear whether a column holds the lengths by which counts are to be divided, or if they cannot be
    in bases.
    """
    named = [name for name in values if re.sub("[^a-z]", "", str(name).lower()) in LENGTHS]
    if not named:
        return None
    if len(named) > 1 or named[0].lower() != "length":
        raise InputError(
            Problem(
                "counts", f"{preview(named)} among the samples", "one column `Length` beside counts, none beside TPM",
                "name the one that counts are to be divided by `Length`, and remove the others; of TPM remove them all",
            )
        )  # fmt: skip
    length = values.pop(named[0])
    if length.min() < MIN_LENGTH or length.median() < MIN_MEDIAN_LENGTH:
        shortest = f"{length.min():g} of {str(length.idxmin())!r}"
        raise InputError(
            Problem(
                "counts", f"lengths in {named[0]!r} from {shortest} on, with a median of {length.median():g}",
                f"lengths in bases, {MIN_LENGTH} or more, with a median of {MIN_MEDIAN_LENGTH} or more",
                "multiply lengths in kilobases by 1,000; remove genes of length 0",
            )
        )  # fmt: skip
    total = values.sum()
    # Estimated counts (RSEM, salmon) have fractions too, but sum to the number of reads.
    normalised = (values % 1 != 0).any() & (total <= MAX_TPM_SUM)
    if normalised.any():
        sample = normalised.idxmax()
        raise InputError(
            Problem(
                "counts",
                f"fractions that sum to {total[sample]:,.0f} in {sample!r}, as TPM and FPKM do, "
                f"beside a column {named[0]!r}",
                "counts with it, or TPM without",
                f"remove the column {named[0]!r} if these are TPM, which are divided by length already; convert FPKM to TPM; "
                "round estimated counts of so few reads to whole numbers",
            )
        )  # fmt: skip
    return length

"""Checks of an atlas: its counts, its levels, and its genes against those of its genome."""

import math
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.checks.findings import Findings, Row, reading
from scxpresso.expression.atlas import Atlas, AtlasColumns, holds_counts
from scxpresso.expression.features import excluded_features, rows_not_genes, share_by_population
from scxpresso.expression.grouping import (
    EXCLUDED,
    MAJORITY,
    WHOLE,
    Grouping,
    describe_several_parents,
    donors_of,
    excluded_populations,
    group_cells,
    labels_of,
    several_parents_problem,
)
from scxpresso.expression.labels import near_labels, suspicious_labels
from scxpresso.expression.library import check_library, library_from_obs, totals_beyond
from scxpresso.expression.pseudobulk import SCALE, bulk_library, read_samples
from scxpresso.expression.raw_counts import (
    PARTIAL,
    Sample,
    by_likelihood,
    check_tpm,
    counts_fault,
    has_fractions,
    low_sums,
)
from scxpresso.genome.transcript import Transcript
from scxpresso.identifiers import OTHER_NUMBER, GeneMatch, match_genes
from scxpresso.layouts.layout import X
from scxpresso.layouts.opening import EXPECTED, holds_layout
from scxpresso.problems import InputError, preview
from scxpresso.text import did_you_mean, shown

MIN_TRAINING_GENES = 20  # genes, as training.data.split requires
MAX_POPULATIONS = 1000  # of a level; more are measurements or the cells' names
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # as in the schemas


def check_atlas(row: Row, genes: list[Transcript], params: dict, findings: Findings) -> None:
    """Check the counts, levels and genes of an atlas; genes are compared with those of its genome, if they are known."""
    protocol = row.values.get("protocol")
    if protocol in SCALE:
        check_single_cells(row, params, findings)
    if "counts" in row.paths:
        expected = f"a table, or {EXPECTED}" if protocol == "bulk" else EXPECTED
        with reading(row, "counts", expected, findings):
            if protocol == "bulk" and not holds_layout(row.paths["counts"]):
                check_table(row, genes, params, findings)
            else:
                check_counts_file(row, genes, params, findings)


def check_single_cells(row: Row, params: dict, findings: Findings) -> None:
    """Single cells are averaged without a pseudocount: the options of bulk atlases are not for them."""
    for name, single in {"aggregation": "mean", "pseudocount": 0}.items():
        if row.values.get(name, single) != single:
            findings.problem(
                row.at(name), f"{row.values[name]!r} for single cells ({row.values['protocol']})",
                "bulk atlases only: single cells are averaged, without a pseudocount", "leave the cell empty",
            )  # fmt: skip
        elif params[name] != single:
            findings.note(
                row.atlas, f"--{name} {params[name]} is not used: single cells are averaged, without a pseudocount"
            )


def check_table(row: Row, genes: list[Transcript], params: dict, findings: Findings) -> None:
    """A bulk atlas that is a table of genes × samples."""
    table, obs, notes = read_samples(row.paths["counts"], columns_of(row))
    for note in notes:
        findings.note(row.atlas, note)
    reasons = rows_not_genes(table.index, names_of(genes))
    check_samples(row, "", Sample.of_table(table[reasons == ""]), findings)
    check_bulk(row, findings)
    check_levels(row, obs, params, findings)
    check_donors(row, obs, findings)
    if excluded := excluded_features(list(table.index), reasons):
        findings.note(row.atlas, excluded)
    check_genes(row, list(table.index[reasons == ""]), {}, genes, params, findings)


def check_counts_file(row: Row, genes: list[Transcript], params: dict, findings: Findings) -> None:
    """A single-cell atlas, or bulk samples as the cells of such a file."""
    with open_atlas(row, findings) as atlas:
        for note in atlas.notes:
            findings.note(row.atlas, note)
        if atlas.columns.annotations or "annotations" not in row.text:  # else obs lacks columns that are in the table
            check_levels(row, atlas.obs, params, findings)
            check_donors(row, atlas.obs, findings)
        check_primary(row, atlas, findings)
        cells, width = atlas.shape
        if not cells or not width:
            fix = "check how it was written"
            findings.problem(row.file("counts"), f"{cells:,} cells and {width:,} genes", "at least one of each", fix)
            return
        if (cells, width) != (len(atlas.obs), len(atlas.var)):
            raise ValueError(f"a matrix of {cells} × {width} beside {len(atlas.obs)} obs and {len(atlas.var)} var")
        reasons = atlas.not_genes(names_of(genes))
        is_gene = reasons == ""
        if not is_gene.any():
            found, fix = excluded_features(atlas.gene_ids, reasons), "give the part of the atlas that has genes"
            findings.problem(row.file("counts"), found, "counts of genes", fix)
            return
        if atlas.columns.layer == row.values.get("layer"):
            check_matrix(row, atlas, reasons, findings)
        if atlas.columns.gene_column == row.values.get("gene_column"):
            ids = list(np.array(atlas.gene_ids, dtype=object)[is_gene])
            check_genes(row, ids, gene_columns(atlas.var[is_gene]), genes, params, findings)


def names_of(genes: list[Transcript]) -> list[str]:
    """Ids and names of the annotation's genes."""
    return [gene.gene_id for gene in genes] + [gene.gene_name for gene in genes if gene.gene_name]


def columns_of(row: Row) -> AtlasColumns:
    """What the row says about the file of counts; without a condition on annotations that are not there."""
    values = {name: row.values.get(name) for name in ("layer", "gene_column", "cells")}
    annotations = row.paths.get("annotations")
    lacking = annotations is None and "annotations" in row.text
    return AtlasColumns(**values | ({"cells": None} if lacking else {}), annotations=annotations)


def open_atlas(row: Row, findings: Findings) -> Atlas:
    """Open the atlas as the row describes it; what cannot be used is a problem and ignored, so that the rest is checked too."""
    columns = columns_of(row)
    while True:
        try:
            return Atlas(row.paths["counts"], columns)
        except InputError as error:
            column = error.problems[0].where.removeprefix("column ")
            if not getattr(columns, column, None):
                raise
            findings.problems += [row.placed("counts", problem) for problem in error.problems]
            columns = replace(columns, **{column: None} | ({"cells": None} if column == "annotations" else {}))


def check_donors(row: Row, obs: pd.DataFrame, findings: Findings) -> None:
    """The donors between which noise ceilings are estimated, too."""
    try:
        donors = donors_of(obs, row.values.get("donor_column"))
    except InputError as error:
        findings.problems += [row.placed("counts", problem) for problem in error.problems]
        return
    if donors is not None:
        unknown = f"; it is unknown or pooled for {donors.isna().sum():,} cells" if donors.isna().any() else ""
        findings.note(row.atlas, f"noise ceilings are also estimated between {donors.nunique():,} donors{unknown}")


def check_primary(row: Row, atlas: Atlas, findings: Findings) -> None:
    """Note cells that CELLxGENE marks as copies of another dataset's."""
    if atlas.is_cellxgene and "is_primary_data" in atlas.obs:
        primary = atlas.obs["is_primary_data"].astype(str).str.lower() == "true"
        if not primary.all():
            findings.note(
                row.atlas,
                f"{(~primary).sum():,} of {len(primary):,} cells are also in another dataset (is_primary_data is false); "
                "is_primary_data in the column cells excludes them",
            )


def check_matrix(row: Row, atlas: Atlas, reasons: np.ndarray, findings: Findings) -> None:
    """The kind of numbers that the protocol asks for, in a sample of cells; and their libraries.

    reasons: why each feature is not a gene, '' for a gene.
    """
    matrix = f"layer {atlas.columns.layer!r}" if atlas.columns.layer else atlas.matrix_name
    if not atlas.columns.layer and atlas.matrix_name != X:
        findings.note(
            row.atlas, f"counts are read from {atlas.matrix_name}, where CELLxGENE's schema has them, not from X"
        )
    if atlas.columns.layer == "raw" and {"layers/raw", "raw/X"} <= set(atlas.matrices()):
        findings.note(
            row.atlas, f"'raw' is {atlas.matrix_name} of the {atlas.kind}, which holds counts; the other one does not"
        )
    protocol = row.values.get("protocol")
    if not protocol:
        return
    sample = atlas.sample()
    of_genes = sample.of_features(reasons == "")
    if protocol == "bulk":
        check_samples(row, f"{matrix}: ", of_genes, findings)
        check_bulk(row, findings)
    elif check_counts(row, matrix, atlas, of_genes, findings):
        check_libraries(row, atlas, sample, of_genes, findings)
    if excluded := excluded_features(atlas.gene_ids, reasons):
        findings.note(row.atlas, excluded + (shares(row, atlas, sample, of_genes) if sample.whole_cells else ""))


def shares(row: Row, atlas: Atlas, sample: Sample, of_genes: Sample) -> str:
    """How much of the counts of each population of the finest level is not of genes, in the sampled cells."""
    level = next((name for name in reversed(row.values.get("levels", [])) if name in atlas.obs), WHOLE)
    grouping = group_cells(atlas.obs.iloc[sample.rows], level, 1)
    text = share_by_population(of_genes.sums, sample.sums - of_genes.sums, grouping.of_cell, grouping.labels)
    return f"; their share of the counts of {len(sample.rows):,} sampled cells: {text}"


def check_libraries(row: Row, atlas: Atlas, sample: Sample, of_genes: Sample, findings: Findings) -> None:
    """The libraries that obs has: those that the sheet names, or totals that show that genes are missing."""
    column = row.values.get("library_column")
    try:
        if column:
            library = library_from_obs(atlas.obs, column)[sample.rows]
            check_library(column, library, of_genes.sums, sample.cells)
            findings.note(row.atlas, f"counts are divided by {column!r} of obs, not by their sum (library_column)")
            return
        if atlas.features_of_raw > atlas.shape[1]:
            widths = f".raw has {atlas.features_of_raw:,} features and this matrix {atlas.shape[1]:,}"
            findings.note(
                row.atlas, f"{widths}: libraries are sums of the latter ('raw' in the column layer takes .raw)"
            )
        if sample.whole_cells:
            problem, notes = totals_beyond(atlas.obs.iloc[sample.rows], sample.sums)
            for note in notes:
                findings.note(row.atlas, note)
            if problem:
                raise InputError(problem)
    except InputError as error:
        findings.problems += [row.placed("counts", problem) for problem in error.problems]


def check_bulk(row: Row, findings: Findings) -> None:
    """What bulk samples cannot have."""
    if row.values.get("library_column"):
        findings.problems.append(row.placed("counts", bulk_library()))


def check_samples(row: Row, matrix: str, sample: Sample, findings: Findings) -> None:
    """TPM in samples × genes. matrix: what a message names it before the fault."""
    try:
        check_tpm(sample, row.file("counts"), matrix)
    except InputError as error:
        findings.problems += error.problems
        return
    if note := low_sums(sample):
        findings.note(row.atlas, note)


def check_counts(row: Row, matrix: str, atlas: Atlas, sample: Sample, findings: Findings) -> bool:
    """Check whether these are raw counts; if not, find which other matrix of the file holds them."""
    if fault := counts_fault(sample):
        fix = where_counts_are(row.paths["counts"], atlas.other_matrices(), atlas.default_matrix)
        findings.problem(row.file("counts"), f"{matrix}: {fault}", "raw counts: whole numbers, 0 or more", fix)
        return False
    if PARTIAL.search(atlas.matrix_name):
        findings.note(row.atlas, f"{matrix} holds, by its name, a part of the molecules alone")
    if has_fractions(sample):
        message = (
            f"{matrix} has fractions, as estimated counts have (RSEM, alevin) and corrected ones (SoupX, CellBender)"
        )
        findings.note(row.atlas, message)
    return True


def where_counts_are(path: Path, others: list[str], default: str) -> str:
    """Advise how to fix a matrix without counts: use another matrix of the file, ranked by name.

    others: '' for the default matrix, whose name is `default`.
    """
    likely = by_likelihood(others)
    best = next((name for name in likely if holds_counts(path, name)), None)
    if best:
        return f"write {best!r} into the column layer: it holds counts"
    if best == "":
        return f"leave the column layer empty, for {default}: it holds counts"
    fix = "save the raw counts in the h5ad too, and name their layer in the column layer"
    parts = [name for name in others if name not in likely and holds_counts(path, name)]
    if parts:
        fix += f"; {preview(parts)} hold a part of the molecules each, and their sum may be what is missing"
    return fix


def check_levels(row: Row, obs: pd.DataFrame, params: dict, findings: Findings) -> None:
    """Check that each level is a column of labels with at least one population that is large enough."""
    where = row.at("levels")
    exclude = check_exclude(row, obs, findings)
    groupings = []
    for level in row.values.get("levels", ()):
        if level == WHOLE:
            groupings.append(group_cells(obs, WHOLE, 1))
        elif not obs.shape[1]:
            findings.problem(
                where, f"{level!r}, but the file says nothing of its cells or samples (obs has no columns)",
                "'all', the whole dataset", "name a table of labels in the column annotations, or give labels in obs",
            )  # fmt: skip
        elif level not in obs:
            fix = did_you_mean(level, map(str, obs.columns)) or "name a column of obs, or all"
            expected = f"'all' or a column of obs{likely_levels(obs)}"
            findings.problem(where, f"no column {level!r} in obs", expected, fix)
        elif is_measurement(obs[level], row.values.get("protocol")):
            findings.problem(
                where, f"{level!r} has {obs[level].nunique():,} values in {len(obs):,} cells: measurements or names?",
                f"a column of labels, {MAX_POPULATIONS:,} at most", f"name a column of obs{likely_levels(obs)}",
            )  # fmt: skip
        else:
            min_cells = row.values.get("min_cells", 1 if row.values.get("protocol") == "bulk" else params["min_cells"])
            groupings.append(check_populations(row, level, obs, min_cells, exclude, findings))
    for larger, smaller in pairwise(groupings):
        check_parents(row, larger, smaller, findings)
    for (coarse, many), (fine, few) in pairwise(row.populations.items()):
        if len(many) > len(few):
            sizes = f"{coarse} has {len(many)} populations and {fine} after it {len(few)}"
            message = f"levels go from coarse to fine, but {sizes}"
            findings.note(row.atlas, message)


def check_exclude(row: Row, obs: pd.DataFrame, findings: Findings) -> list[str]:
    """The populations that the column exclude names."""
    levels = [level for level in row.values.get("levels", ()) if level in obs]
    try:
        return excluded_populations(obs, levels, row.values.get("exclude"))
    except InputError as error:
        findings.problems += [row.placed("counts", problem) for problem in error.problems]
        return []


def likely_levels(obs: pd.DataFrame) -> str:
    """The columns of obs that may be levels, for a message."""
    columns = [name for name in obs if 1 < obs[name].nunique() <= min(MAX_POPULATIONS, len(obs) // 2)]
    columns.sort(key=lambda name: pd.api.types.is_numeric_dtype(obs[name]))  # text first
    return f" such as {preview(columns, 20)}" if columns else ""


def is_measurement(column: pd.Series, protocol: str | None) -> bool:
    """Whether a column of obs holds measurements, or names of the cells, rather than labels of populations."""
    distinct = column.nunique()
    return distinct > MAX_POPULATIONS or (protocol != "bulk" and 1 < len(column) == distinct)


def check_populations(
    row: Row, level: str, obs: pd.DataFrame, min_cells: int, exclude: list[str], findings: Findings
) -> Grouping:
    """Populations that are large enough; a note for each that is not, and for labels that may be none."""
    grouping = group_cells(obs, level, min_cells, exclude)
    note_labels(row, level, labels_of(obs, level).value_counts().drop(exclude, errors="ignore"), min_cells, findings)
    if odd := [label for label in grouping.labels if CONTROL.search(label)]:
        findings.problem(
            row.at("levels"), f"labels of {level!r} with control characters: {preview(odd)}",
            "labels without line breaks, tabs and the like", "rename these labels in obs",
        )  # fmt: skip
    if not grouping.labels:
        labelled = [one for one in grouping.dropped if one["population"]]
        cells = {one["population"]: one["cells"] for one in labelled if one["reason"] != EXCLUDED}
        largest = max(cells, key=lambda name: cells[name], default=None)
        nothing = "the column exclude names them all" if labelled else "no cell has a label"
        size = nothing if largest is None else f"the largest, {largest!r}, has {cells[largest]:,} cells"
        findings.problem(
            row.at("levels"), f"no population of {level!r} is large enough: {size}",
            f"at least one of {min_cells:,} cells", "name another level, or lower min_cells",
        )  # fmt: skip
    for one in grouping.dropped:
        who = f"population {one['population']!r}" if one["population"] else "cells without a label"
        findings.note(row.atlas, f"level {level}: {who} excluded, {one['cells']:,} cells ({one['reason']})")
    row.populations[level] = list(grouping.labels)
    return grouping


def check_parents(row: Row, coarse: Grouping, fine: Grouping, findings: Findings) -> None:
    """Each population lies in one of the level before it, or the sheet says that most of its cells decide."""
    if described := describe_several_parents(fine, coarse):
        if row.values.get("parents") == MAJORITY:
            findings.note(row.atlas, f"{described}; the parent is the one with most cells (column parents)")
        else:
            findings.problems.append(several_parents_problem(row.at("levels"), described))


def note_labels(row: Row, level: str, cells: pd.Series, min_cells: int, findings: Findings) -> None:
    """Notes of populations whose label reads as if there were none, and of labels that are nearly alike.

    cells: number of cells by label.
    """
    if labels := suspicious_labels(sorted(cells.index[cells >= min_cells])):
        listed = ", ".join(f"{label!r} ({cells[label]:,} cells)" for label in labels)
        findings.note(
            row.atlas,
            f"level {level}: these labels are populations like any other: {listed}; the column exclude leaves them out",
        )
    for labels in near_labels(sorted(cells.index)):
        alike = f"level {level}: {preview(labels)} differ by blanks, case or look-alike characters alone"
        findings.note(row.atlas, f"{alike}; rename them in obs if they are one population")


def check_genes(
    row: Row, names: list[str], columns: dict[str, list[str]], genes: list[Transcript], params: dict, findings: Findings
) -> None:
    """Gene ids each once, and enough of them in the annotation. columns: see gene_columns; none for a table."""
    chosen = row.values.get("gene_column", "")
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated and chosen:
        message = f"{len(repeated):,} names are in {shown(chosen)} more than once and excluded: {preview(repeated)}"
        findings.note(row.atlas, message)
    elif repeated:
        unique = [column for column, ids in columns.items() if len(set(ids)) == len(ids)]
        fix = advice(unique, "adata.var_names_make_unique() for an h5ad, one row per gene for a table")
        findings.problem(row.file("counts"), f"gene ids more than once: {preview(repeated)}", "each gene id once", fix)
    if not genes:
        return
    ids, symbols = [gene.gene_id for gene in genes], [gene.gene_name for gene in genes]
    match = match_genes(names, ids, symbols)
    matched = f"{len(match.gene_of):,} of {len(names):,} genes are among the annotation's {len(ids):,}"
    if not is_enough(match, names, ids):
        better = [
            column
            for column, others in columns.items()
            if column != chosen and is_enough(match_genes(others, ids, symbols), others, ids)
        ]
        missed = sorted(set(ids) - set(match.gene_of.values()))
        findings.problem(
            row.at("gene_column") if chosen else row.file("counts"),
            f"only {matched}: the atlas has {preview(sorted(match.unused))}, the annotation {preview(missed)}",
            "at least half of them, by id (versions of accessions, such as '.5', do not matter) or by name",
            advice(better, numbers_advice(match)),
        )  # fmt: skip
        return
    ways = ", ".join(f"{times:,} by {way}" for way, times in match.by.items() if times)
    findings.note(row.atlas, f"{matched}: {ways}")
    row.genes = sorted(match.gene_of.values())
    held_out = math.ceil(len(match.gene_of) / params["folds"])
    if len(match.gene_of) - held_out < MIN_TRAINING_GENES:
        findings.problem(
            row.file("counts"), f"only {len(match.gene_of)} genes, of which a fold holds out {held_out}",
            f"at least {MIN_TRAINING_GENES} to train on", "give an atlas of all genes",
        )  # fmt: skip


def gene_columns(var: pd.DataFrame) -> dict[str, list[str]]:
    """What in an h5ad's var might name its genes: its index (under '') and every column of text."""
    texts = [name for name in var if not pd.api.types.is_numeric_dtype(var[name])]
    return {"": list(map(str, var.index))} | {str(name): list(map(str, var[name])) for name in texts}


def advice(columns: list[str], otherwise: str) -> str:
    """Suggest a value for gene_column, if one of the columns would match."""
    if not columns:
        return otherwise
    return f"write {columns[0]!r} into the column gene_column" if columns[0] else "leave the column gene_column empty"


def numbers_advice(match: GeneMatch) -> str:
    """Advise what to do about unmatched ids, most of which may differ after the last dot."""
    numbered = sum(reason == OTHER_NUMBER for reason in match.unused.values())
    if numbered * 2 < len(match.unused):
        return "check species and kind of id, and take the annotation that the atlas was made with"
    return (
        f"{numbered:,} ids differ from the annotation's in the number behind the last dot, which may be of an isoform or a "
        "gene: write them as the annotation does, and sum up the isoforms of a gene"
    )


def is_enough(match: GeneMatch, names: list[str], ids: list[str]) -> bool:
    """Whether half of the atlas' genes, or half of the annotation's were matched."""
    return len(match.gene_of) * 2 >= min(len(names), len(ids)) > 0

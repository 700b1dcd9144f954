"""The tables that scoring reads and writes, row by row: a set may have millions of variants."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scxpresso.files import open_text
from scxpresso.problems import InputError, Problem

SCORE_COLUMNS = [
    "set", "variant_id", "chrom", "pos", "ref", "alt", "gene_id", "gene_name", "tss_distance", "population", "fold",
    "predicted_ref", "effect", "sd", "sign_agreement", "sign_probability", "percentile", "p_value", "pooled_p_value",
    "q_value", "specificity", "specificity_p_value", "pooled_specificity_p_value", "gene_pearson", "risk_allele",
    "gwas_beta", "gwas_p_value", "changed_motifs", "abstain", "flag",
]  # fmt: skip

# Columns that tables of earlier versions lack, and the value that stands for them.
ADDED_COLUMNS = {
    "risk_allele": "", "gwas_beta": "", "gwas_p_value": "", "uncalled": "", "slid": "0", "pooled_p_value": "",
    "pooled_specificity_p_value": "", "changed_motifs": "", "sign_probability": "", "abstain": "",
}  # fmt: skip

FOUND = ": found "  # between a reason and the text at fault, in rejected.tsv
NOT_SCORABLE = "not_scorable"  # the word of `flag` for an allele outside of the bases that the network reads

csv.field_size_limit(sys.maxsize)  # a variant's carriers are as long as a cohort is large


class ScorableVariant(NamedTuple):
    """An allele in a gene's window: a row of a scorable chunk.

    pos: 1-based. ref, alt: on the + strand. carriers, uncalled: haplotypes that have it, and those whose call is not known
    (see `genotypes`). slid: by how many bases an allele in a repeat was moved to the right from where the file has it.
    risk_allele: its base where the file marks it as a risk allele. gwas_beta, gwas_p_value: the association that the file
    states, beta for `alt`.
    """

    variant_id: str
    chrom: str
    pos: int
    ref: str
    alt: str
    gene_id: str
    carriers: str = ""
    uncalled: str = ""
    slid: int = 0
    risk_allele: str = ""
    gwas_beta: str = ""
    gwas_p_value: str = ""


def is_scorable(flag: str) -> bool:
    """Tell by the column `flag` whether a row of scores is scorable."""
    return NOT_SCORABLE not in flag.split(",")


def read_header(path: str | Path) -> list[str]:
    """Read the names of a TSV's columns."""
    with open_text(path) as file:
        return next(csv.reader(file, delimiter="\t"), [])


def read_rows(path: str | Path, columns: list[str]) -> Iterator[list[str]]:
    """Read columns of a TSV, gzipped or not, one row at a time; those of ADDED_COLUMNS may be absent.

    Raises InputError where another one is.
    """
    with open_text(path) as file:
        rows = csv.reader(file, delimiter="\t")
        header = next(rows, [])
        missing = [column for column in columns if column not in header and column not in ADDED_COLUMNS]
        if missing:
            expected = f"a TSV with the columns {', '.join(columns)}"
            raise InputError(Problem(str(path), f"no column {missing[0]!r} in its first line", expected))
        added = [column for column in columns if column not in header]
        places = [(header + added).index(column) for column in columns]
        substitutes = [ADDED_COLUMNS[column] for column in added]
        for number, row in enumerate(rows, start=2):
            if not row:
                continue
            if len(row) != len(header):
                raise InputError(
                    Problem(
                        f"{path}, row {number:,}", f"{len(row)} cells", f"{len(header)} cells, as the first line has"
                    )
                )
            row += substitutes
            yield [row[place] for place in places]


def read_chunk(path: str | Path) -> Iterator[ScorableVariant]:
    """Read a scorable chunk, as read_variants.py writes it: sorted by gene, then by position."""
    numeric = [ScorableVariant._fields.index(name) for name in ("pos", "slid")]
    for row in read_rows(path, list(ScorableVariant._fields)):
        cells: list[Any] = row
        for place in numeric:
            cells[place] = int(cells[place])
        yield ScorableVariant(*cells)

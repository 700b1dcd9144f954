"""Return which features of an atlas are genes; spike-ins, antibodies, peaks and rows of summaries are not in a library."""

import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd

from scxpresso.problems import preview
from scxpresso.spike_ins import spike_in_kind

TYPE_COLUMNS = ["feature_types", "feature_type", "feature_biotype"]  # scanpy and Cell Ranger; muon; CELLxGENE
GENE_TYPES = {"gene expression", "gex", "rna"}  # `gene` and `mRNA` may stand beside `ncRNA_gene`, `lnc_RNA`: biotypes
# Types that are not genes even if no feature has a type above, as in a column of biotypes.
OTHER_TYPES = re.compile(
    r"antibod|antigen|hashtag|multiplex|crispr|guide|peak|capture|spike|synthetic|^(?:adt|hto|atac|custom|protein|vdj.*)$"
)

MAX_SHARES = 10  # populations listed in a note

# Names that no gene has. They decide only if the annotation has no gene of this name.
NAMES = {
    "row of HTSeq's summary": re.compile(r"^__"),
    "row of STAR's summary": re.compile(r"^N_[a-z]+$", re.IGNORECASE),
    "peak": re.compile(r"^\S+:\d+-\d+$|^chr[\w.]+[-_]\d+[-_]\d+$", re.IGNORECASE),
    "hashtag": re.compile(r"^(hashtag|hto)([-_. ]|\d|$)|^CMO\d{3}$|[-_. ]hto$", re.IGNORECASE),
    "antibody": re.compile(
        r"TotalSeq|\|pAbO$|^(adt|antibody|cite)[-_.: ]|^ab_|^anti-|[-_. ](adt|total[abc]|prot|protein)$", re.IGNORECASE
    ),
    "guide RNA": re.compile(
        r"^(sgrna|grna|guide|protospacer|crispr)[-_. ]|[-_. ](sgrna|grna)([-_. ]|\d|$)|^(non|no)[-_. ]?target"
        r"|^(?-i:sg[A-Z0-9])\w*[-_.]\d+$",  # sgTP53-1; sgk1 is a gene of fish
        re.IGNORECASE,
    ),
}


def not_genes(var: pd.DataFrame, names: Sequence[Collection[str]], annotated: Iterable[str]) -> np.ndarray:
    """Say why each feature of an atlas is not a gene, such as `feature type 'Peaks'` or `spike-in (ERCC)`.

    Columns of `var` with the type of each feature (TYPE_COLUMNS) decide first. If any feature has the type
    `Gene Expression`, no other type is a gene. Names (NAMES, spike-ins) decide whatever the type.

    Parameters
    ----------
    names: all names of each feature.
    annotated: ids and names of the annotation's genes.

    Returns
    -------
    One reason per feature; '' for a gene.
    """
    known = set(annotated)
    reasons = np.array([_by_name(feature, known) for feature in names], dtype=object)
    for column in [name for name in TYPE_COLUMNS if name in var]:
        of_type = _by_type(var[column])
        reasons = np.where(of_type != "", of_type, reasons)
    return reasons


def rows_not_genes(ids: Sequence[str], annotated: Iterable[str]) -> np.ndarray:
    """As not_genes, for the rows of a table, of which only the ids are known."""
    return not_genes(pd.DataFrame(index=ids), [(name,) for name in ids], annotated)


def annotated_names(genes: pd.DataFrame) -> list[str]:
    """Return ids and names of the genes of genes.tsv."""
    return [*genes["gene_id"], *genes["gene_name"]]


def _by_type(types: pd.Series) -> np.ndarray:
    """Say which features are not genes by their type; '' for the others."""
    plain = types.astype(str).str.replace(r"[\s_-]+", " ", regex=True).str.strip().str.lower()
    genes = plain.isin(GENE_TYPES)
    others = plain.str.contains(OTHER_TYPES)
    if genes.any():
        others = ~genes & types.notna() & ~plain.isin(["", "nan", "na", "none"])
    return np.where(others, "feature type " + types.astype(str).map(repr), "")


def _by_name(names: Collection[str], annotated: set[str]) -> str:
    """Say why a feature of these names is not a gene; '' for a gene. Spike-ins are not, even if annotated."""
    if kind := next(filter(None, map(spike_in_kind, names)), ""):
        return kind
    if not annotated.isdisjoint(names):
        return ""
    return next((kind for kind, pattern in NAMES.items() if any(map(pattern.search, names))), "")


def excluded_features(ids: Sequence[str], reasons: np.ndarray) -> str:
    """Summarise the features that are not genes, with numbers and reasons, for a note; '' if all are genes."""
    kinds = pd.Series(list(ids)).groupby(reasons, sort=False)
    parts = [f"{len(names):,} × {reason} ({preview(names, 2)})" for reason, names in kinds if reason]
    excluded = f"{np.count_nonzero(reasons != ''):,} of {len(ids):,} features are not genes and not in a cell's library"
    return f"{excluded}: {', '.join(parts)}" if parts else ""


def share_by_population(genes: np.ndarray, others: np.ndarray, of_cell: np.ndarray, labels: Sequence[str]) -> str:
    """Summarise the share of each population's counts that are not of genes, highest first, for a note.

    Parameters
    ----------
    genes, others: counts of each cell.
    of_cell: index of its population, −1 for none.
    """
    inside = of_cell >= 0
    sums = [np.bincount(of_cell[inside], counts[inside], len(labels)) for counts in (others, genes)]
    share = sums[0] / np.maximum(sums[0] + sums[1], 1e-12)
    order = np.argsort(-share, kind="stable")
    # Values of other features may be negative, such as antibodies after a transformation.
    shares = [f"{value:.1%}" if value >= 0 else "unknown" for value in share]
    shown = ", ".join(f"{labels[number]!r} {shares[number]}" for number in order[:MAX_SHARES])
    return shown if len(order) <= MAX_SHARES else f"{shown}, … ({len(order):,} in all)"

"""Tables of variants, read part by part: counts of a set, and the alleles of a table of scores that the page shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.reporting.data import SIGNIFICANT, Run, demand, demand_file, model_of
from scxpresso.store import read_json
from scxpresso.variants.score_table import FOUND, is_scorable

N_VARIANTS = 200  # variants × genes in the table
N_LOCI = 8  # genes with a figure of their locus: those of the first variants in the table
N_PER_LOCUS = 150  # variants of one gene held, those of the largest effects
ROWS_AT_ONCE = 100_000  # of tables that need not fit into memory

ALLELE = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id"]  # what names a row but for its population
STATISTICS = [
    "predicted_ref", "effect", "sd", "sign_agreement", "percentile", "p_value", "q_value", "specificity",
    "specificity_p_value", "gene_pearson",
]  # fmt: skip
OPTIONAL = ["risk_allele", "gwas_beta", "gwas_p_value", "changed_motifs"]  # which tables of earlier versions lack
SCORES = [*ALLELE, "gene_name", "tss_distance", "population", "flag", *STATISTICS]
NUMERIC = {*STATISTICS, "tss_distance", "score", "start", "ref_score", "alt_score"}  # what `read_parts` reads as such

# What is shown of counts.json, and how it is called.
COUNTS = {
    "format": "format", "variants": "variants in the file", "repeated": "of them repeated", "scorable": "variants scored",
    "not_scorable": "outside every window", "alleles": "alleles scored", "pairs": "alleles × genes",
    "unphased_calls": "unphased calls", "missing_calls": "missing calls",
}  # fmt: skip


def set_view(run: Run, entry: dict) -> dict:
    """Summarise a set of variants: its counts, and rejected alleles by reason, most first."""
    demand_file(run.folder / entry["counts"])
    described = read_json(run.folder / entry["counts"])
    rejected: dict[str, int] = {}
    for table in read_parts(run.folder / entry["rejected"], ["reason"]):
        for reason, number in table["reason"].str.split(FOUND).str[0].value_counts().items():
            rejected[reason] = rejected.get(reason, 0) + int(number)
    most = max(rejected.values(), default=0)
    reasons = [{"reason": reason, "genes": n, "share": n / most} for reason, n in rejected.items()]
    return {
        "set": entry["set"],
        "counts": {label: described[name] for name, label in COUNTS.items() if name in described},
        "rejected": sum(rejected.values()),
        "reasons": sorted(reasons, key=lambda one: -one["genes"]),
    }


@dataclass
class Scores:
    """What is held of the scores of a set by a model, whatever their number.

    entry: of the manifest. rows: their number. significant: of them with q below SIGNIFICANT. unread: of alleles that the
    network does not read. first: the alleles × genes of the table, a row each, in its best population. shown: all populations
    of these, then of others in the same genes; its column `place` numbers the alleles.
    """

    entry: dict
    rows: int
    significant: int
    unread: int
    first: pd.DataFrame
    shown: pd.DataFrame


def read_scores(run: Run) -> list[Scores]:
    """Read the tables of scores of all sets and models. Raises InputError where one or a column is missing."""
    tables = []
    for entry in run.manifest["variants"]:
        path = run.folder / entry["path"]
        total, significant, unread, best = strongest(path)
        tables.append(Scores(entry, total, significant, unread, *all_populations(path, best)))
    return tables


def wanted_genes(tables: list[Scores]) -> dict[tuple, list[str]]:
    """List the genes whose loci the variants' figures show, by (atlas, level, recipe)."""
    wanted: dict[tuple, list[str]] = {}
    for scores in tables:
        wanted.setdefault(model_of(scores.entry), []).extend(locus_genes(scores.first))
    return wanted


def locus_genes(first: pd.DataFrame) -> list[str]:
    """List the genes that get a figure: those of the first variants in the table."""
    return list(first["gene_id"].drop_duplicates()[:N_LOCI])


def read_parts(path: Path, columns: list[str], if_there: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """Read columns of a table part by part, as text but for NUMERIC. Raises InputError where it or a column is missing.

    if_there: further columns of text, '' where the table lacks them.
    """
    demand_file(path)
    numbers = [name for name in columns if name in NUMERIC]
    with pd.read_csv(
        path,
        sep="\t",
        usecols=lambda name: name in columns or name in if_there,
        dtype=dict.fromkeys(if_there, str) | {name: float if name in NUMERIC else str for name in columns},
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
        chunksize=ROWS_AT_ONCE,
    ) as reader:
        for part in reader:
            demand(path, "column", columns, part.columns)
            yield part.reindex(columns=[*columns, *if_there], fill_value="") if if_there else part[columns]


def strongest(path: Path) -> tuple[int, int, int, pd.DataFrame]:
    """Count rows, rows with q below SIGNIFICANT and rows that are not scorable; find the first N_VARIANTS alleles × genes.

    Those with q below SIGNIFICANT come first, by |effect|, then the others, by q and |effect|; each is in the population in
    which it comes first. q says how rare an effect is, not how large: it orders nothing among what is significant.
    """
    total = significant = unread = 0
    best: list[pd.DataFrame] = []
    for part in read_parts(path, [*ALLELE, "population", "q_value", "effect", "flag"]):
        significant_here = part["q_value"] < SIGNIFICANT
        total += len(part)
        significant += int(significant_here.sum())
        unread += int((~part.pop("flag").map(is_scorable)).sum())
        order = part["q_value"].mask(significant_here, 0).fillna(np.inf)
        part = part.assign(order=order, size=-part["effect"].abs())
        if best and len(best[0]) == N_VARIANTS:
            part = part[part["order"] <= best[0]["order"].max()]
        joined = pd.concat([*best, part])
        best = [joined.sort_values(["order", "size"], kind="stable").drop_duplicates(ALLELE)[:N_VARIANTS]]
    return total, significant, unread, best[0].reset_index(drop=True)


def all_populations(path: Path, best: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read (first, shown): the rows of `best` in full; all populations' rows of these alleles, then of others in their genes.

    Others are those of the largest effects, in the genes that get a figure. `place` numbers the alleles of both.
    """
    genes, keys = set(locus_genes(best)), pd.MultiIndex.from_frame(best[ALLELE])
    found = []
    for part in read_parts(path, SCORES, OPTIONAL):
        part = part[part["gene_id"].isin(best["gene_id"])]
        place = keys.get_indexer(pd.MultiIndex.from_frame(part[ALLELE]))
        found.append(part.assign(place=place)[(place >= 0) | part["gene_id"].isin(genes)])
    table = pd.concat(found).drop_duplicates([*ALLELE, "population"]).reset_index(drop=True)
    others = table[table["place"] < 0]
    sizes = others["effect"].abs().groupby([others[column] for column in ALLELE], sort=False).max()
    kept = sizes.sort_values(ascending=False).groupby("gene_id", sort=False).head(N_PER_LOCUS).index
    place = kept.get_indexer(pd.MultiIndex.from_frame(others[ALLELE]))
    table.loc[others.index, "place"] = np.where(place < 0, -1, place + len(best))
    shown = table[table["place"] >= 0].sort_values("place", kind="stable")
    of_table = shown[shown["place"] < len(best)]
    return of_table[of_table["population"].to_numpy() == best["population"].to_numpy()[of_table["place"]]], shown

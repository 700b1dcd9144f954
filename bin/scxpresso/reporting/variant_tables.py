"""Tables of variants, read in parts: counts of a set, and the scores that the page shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.reporting.data import SIGNIFICANT, Run, demand, demand_file, model_of
from scxpresso.store import read_json
from scxpresso.variants.score_table import FOUND, is_scorable

N_VARIANTS = 200  # variants × genes in the table
N_LISTED = 3000  # further ones that the search finds, with their best score alone
N_LOCI = 8  # genes with a figure of their locus: those of the first variants in the table
N_PER_LOCUS = 150  # variants per gene, those with the largest effects
ROWS_AT_ONCE = 100_000  # of tables that may not fit into memory

ALLELE = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id"]  # identify a row, together with its population
STATISTICS = [
    "predicted_ref", "effect", "sd", "sign_agreement", "percentile", "p_value", "q_value", "specificity",
    "specificity_p_value", "gene_pearson",
]  # fmt: skip
# Which tables of earlier versions lack: numbers, and text.
ADDED_STATISTICS = ["pooled_p_value", "sign_probability"]
OPTIONAL = ["risk_allele", "gwas_beta", "gwas_p_value", "changed_motifs", "abstain"]
SCORES = [*ALLELE, "gene_name", "tss_distance", "population", "flag", *STATISTICS]
# What `read_parts` reads as numbers.
NUMERIC = {*STATISTICS, *ADDED_STATISTICS, "tss_distance", "score", "start", "ref_score", "alt_score"}

# Keys of counts.json that are shown, and their labels.
COUNTS = {
    "format": "format", "variants": "variants in the file", "repeated": "repeated", "scorable": "variants scored",
    "not_scorable": "outside every window", "alleles": "alleles scored", "pairs": "alleles × genes",
    "unphased_calls": "unphased calls", "missing_calls": "missing calls",
}  # fmt: skip


def set_view(run: Run, entry: dict) -> dict:
    """Summarise a set of variants: its counts, and rejected alleles by reason, the most frequent first."""
    demand_file(run.folder / entry["counts"])
    described = read_json(run.folder / entry["counts"])
    rejected: dict[str, int] = {}
    for table in read_parts(run.folder / entry["rejected"], ["reason"]):
        for reason, number in table["reason"].str.split(FOUND).str[0].value_counts().items():
            rejected[reason] = rejected.get(reason, 0) + int(number)
    most = max(rejected.values(), default=0)
    reasons = [{"reason": reason, "n": n, "share": n / most} for reason, n in rejected.items()]
    return {
        "set": entry["set"],
        "counts": {label: described[name] for name, label in COUNTS.items() if name in described},
        "rejected": sum(rejected.values()),
        "reasons": sorted(reasons, key=lambda one: -one["n"]),
    }


@dataclass
class Scores:
    """The part of a set's scores by a model that the page shows.

    entry: entry of the manifest. rows, significant, not_scorable: numbers of all rows, of those with q below SIGNIFICANT, and
    of those whose allele the network does not read. first: one row per allele and gene of the table, in the best population.
    shown: rows of these in all populations, then of others in the same genes; the column `place` numbers the alleles.
    listed: further alleles and genes, in the best population: ALLELE, population, effect and q_value.
    """

    entry: dict
    rows: int
    significant: int
    not_scorable: int
    first: pd.DataFrame
    shown: pd.DataFrame
    listed: pd.DataFrame


def read_scores(run: Run) -> list[Scores]:
    """Read the tables of scores of all sets and models. Raises InputError if one or a column is missing."""
    tables = []
    for entry in run.manifest["variants"]:
        path = run.folder / entry["path"]
        total, significant, not_scorable, best = strongest(path)
        first, shown = all_populations(path, best[:N_VARIANTS])
        listed = best[N_VARIANTS:].reset_index(drop=True)
        tables.append(Scores(entry, total, significant, not_scorable, first, shown, listed))
    return tables


def wanted_genes(tables: list[Scores]) -> dict[tuple, list[str]]:
    """List the genes whose loci are shown, by (atlas, level, recipe)."""
    wanted: dict[tuple, list[str]] = {}
    for scores in tables:
        wanted.setdefault(model_of(scores.entry), []).extend(locus_genes(scores.first))
    return wanted


def locus_genes(first: pd.DataFrame) -> list[str]:
    """List the genes whose loci are shown: those of the first variants in the table."""
    return list(first["gene_id"].drop_duplicates()[:N_LOCI])


def read_parts(path: Path, columns: list[str], if_there: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """Read columns of a table in parts, as text except for NUMERIC. Raises InputError if the file or a column is missing.

    if_there: further columns, empty where the table lacks them.
    """
    demand_file(path)
    numbers = [name for name in (*columns, *if_there) if name in NUMERIC]
    with pd.read_csv(
        path,
        sep="\t",
        usecols=lambda name: name in columns or name in if_there,
        dtype={name: float if name in NUMERIC else str for name in (*columns, *if_there)},
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
        chunksize=ROWS_AT_ONCE,
    ) as reader:
        for part in reader:
            demand(path, "column", columns, part.columns)
            absent = {name: np.nan if name in NUMERIC else "" for name in if_there if name not in part}
            yield part.assign(**absent)[[*columns, *if_there]]


def strongest(path: Path) -> tuple[int, int, int, pd.DataFrame]:
    """Count all rows, significant rows and rows that are not scorable; find the first alleles × genes (N_VARIANTS and N_LISTED).

    Those with q below SIGNIFICANT come first, by |effect|; then the others, by q and |effect|. Each is in the population in
    which it ranks first. q says how rare an effect is, not how large, so it does not rank significant effects.
    """
    total = significant = not_scorable = 0
    best: list[pd.DataFrame] = []
    for part in read_parts(path, [*ALLELE, "population", "q_value", "effect", "flag"]):
        significant_here = part["q_value"] < SIGNIFICANT
        total += len(part)
        significant += int(significant_here.sum())
        not_scorable += int((~part.pop("flag").map(is_scorable)).sum())
        order = part["q_value"].mask(significant_here, 0).fillna(np.inf)
        part = part.assign(order=order, size=-part["effect"].abs())
        if best and len(best[0]) == N_VARIANTS + N_LISTED:
            part = part[part["order"] <= best[0]["order"].max()]
        joined = pd.concat([*best, part])
        best = [joined.sort_values(["order", "size"], kind="stable").drop_duplicates(ALLELE)[: N_VARIANTS + N_LISTED]]
    return total, significant, not_scorable, best[0].reset_index(drop=True)


def all_populations(path: Path, best: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read (first, shown): the complete rows of `best`, and rows of these alleles and of others in all populations.

    The others have the largest effects in the genes whose loci are shown. `place` numbers the alleles of both.
    """
    genes, keys = set(locus_genes(best)), pd.MultiIndex.from_frame(best[ALLELE])
    found = []
    for part in read_parts(path, SCORES, [*ADDED_STATISTICS, *OPTIONAL]):
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

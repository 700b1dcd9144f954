"""Data of the figures on variants: the largest significant effects, their loci, and scores of other tools."""

from collections.abc import Hashable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pandas as pd
from pandas.api.typing import SeriesGroupBy

from scxpresso.external_scores.comparison import COMPARISON_COLUMNS, CORRELATION_COLUMNS
from scxpresso.genome.sequence import decode
from scxpresso.motifs.matrices import read_motifs
from scxpresso.reporting.data import Run, load, model_name, model_of, select
from scxpresso.reporting.figures import significant
from scxpresso.reporting.gene_figures import ShownGenes, pack
from scxpresso.reporting.locus import Loci
from scxpresso.reporting.saturation_figures import around, by_population, importance, open_effects
from scxpresso.reporting.variant_tables import (
    ADDED_STATISTICS,
    ALLELE,
    OPTIONAL,
    STATISTICS,
    Scores,
    locus_genes,
    read_parts,
)
from scxpresso.saturation.effects_store import Effects
from scxpresso.store import read_json

MAX_MOTIFS_PER_VARIANT = 6  # those with the largest changes
FLANK = 25  # bases drawn on either side of a variant
N_TRACKS = 30  # of other tools, beside our populations
N_CORRELATIONS = 300  # rows of the table of rank correlations

CHANGES = [*ALLELE, "motif", "motif_name", "strand", "start", "ref_score", "alt_score"]

# Meanings of the terms in the column `flag`.
FLAGS = {
    "replicates_disagree": "fewer than 80 % of the replicates have the sign of their mean",
    "gene_badly_predicted": "the model's held-out correlation over populations is below 0.3 for this gene",
    "gene_not_evaluated": "the gene has no held-out correlation: it is not in the atlas, or the same in all populations",
    "all_folds": "the gene is absent from training, so the networks of all folds were used",
    "not_scorable": "the allele lies outside the bases that this network reads, so its effect is 0 and it has no q-value",
    "overlapping_alleles": "alleles of the haplotype overlap others and were excluded",
    "incomplete_calls": "a call in the window is missing, unphased or in another phase set, or an allele cannot be scored, "
    "so the haplotype may carry more",
}


def variant_plots(run: Run, tables: list[Scores], names: ShownGenes, loci: Loci) -> list[dict]:
    """Build the table and figures of variants, for each set and model."""
    plots = []
    for scores in tables:
        with effects_of(run, scores) as effects:
            plots.append(variant_plot(run, scores, effects, names, loci))
    return plots


def variant_plot(run: Run, scores: Scores, effects: Effects | None, names: ShownGenes, loci: Loci) -> dict:
    """Build the plots of one set and model. Vectors are over `variants`, which start with those of the table."""
    entry, first, shown = scores.entry, scores.first.to_dict("records"), scores.shown
    about = described(run, scores)
    parents = about.get("parents", {})
    order = {label: number for number, label in enumerate(parents)}
    populations = sorted(shown["population"].unique(), key=lambda label: order.get(label, len(order)))
    genome = about["genome"]
    alleles = shown.drop_duplicates("place").set_index("place")
    variants = [variant(allele, genome, names) for allele in alleles.to_dict("records")]
    reach = reach_of(variants, effects)
    wide = {
        column: shown.pivot(index="place", columns="population", values=column).reindex(columns=populations)
        for column in ("effect", "sd", "q_value")
    }
    changes = motif_changes(run, entry, scores.first)
    return {
        "name": f"{entry['set']} · {model_name(entry)}",
        "model": model_name(entry),
        "populations": populations,
        "parents": [parents.get(label, "") for label in populations],
        "rows": scores.rows,
        "significant": scores.significant,
        "not_scorable": scores.not_scorable,
        "genes": [
            {"gene": names.number(genome, [gene])[0], "locus": loci.number(genome, gene, *reach)}
            for gene in locus_genes(scores.first)
        ],
        "variants": variants,
        "effect": by_population(wide["effect"].to_numpy()),
        "sd": by_population(wide["sd"].to_numpy()),
        "log_q": by_population(np.log10(wide["q_value"].clip(lower=1e-30)).to_numpy()),
        "first": [best_row(row, populations) for row in first],
        "listed": listed_variants(scores.listed, genome, names),
        "logos": [logo(effects, row) for row in first],
        "changes": changes,
        "motifs": matrices(run, changes),
        "external": external(run, entry, alleles, populations),
    }


def entries_of(run: Run, kind: str, scores: Scores) -> list[dict]:
    """Select the entries of the manifest's list `kind` for the model of some scores."""
    atlas, level, recipe = model_of(scores.entry)
    return select(run.manifest[kind], atlas=atlas, level=level, recipe=recipe)


def effects_of(run: Run, scores: Scores) -> AbstractContextManager[Effects | None]:
    """Open the saturation of a set's model; None if the run has none."""
    found = entries_of(run, "saturation", scores)
    return open_effects(run.folder / found[0]["path"]) if found else nullcontext()


def described(run: Run, scores: Scores) -> dict:
    """Look up `genome` and `parents` (of populations) of a model, in this run's atlas or in its model.json."""
    atlas, level, _ = model_of(scores.entry)
    known = next((one for one in run.levels if (one.atlas, one.level) == (atlas, level)), None)
    if known:
        return {"genome": known.genome, "parents": known.parents}
    for entry in entries_of(run, "models", scores):
        if entry.get("description"):
            return read_json(run.folder / entry["description"])
    return {"genome": next((entry["genome"] for entry in run.manifest["genomes"]), "")}


def variant(allele: dict, genome: str, names: ShownGenes) -> dict:
    """Describe an allele on the page."""
    return {
        "variant": allele["variant_id"],
        "gene": names.number(genome, [allele["gene_id"]])[0],
        **{column: allele[column] for column in ("chrom", "pos", "ref", "alt")},
        "distance": int(allele["tss_distance"]),
    }


def best_row(row: dict, populations: list[str]) -> dict:
    """Make the table's row of an allele, in its best population."""
    columns = [*STATISTICS, *ADDED_STATISTICS]
    numbers = dict(zip(columns, significant([row[column] for column in columns], 3), strict=True))
    texts = {column: row[column] for column in ["flag", *OPTIONAL]}
    return {"population": populations.index(row["population"]), **texts, **numbers}


def listed_variants(table: pd.DataFrame, genome: str, names: ShownGenes) -> dict:
    """Make the columns of the variants that only the search shows; names longer than the page shows are cut."""
    return {
        "variant": list(table["variant_id"].str[:41]),
        "ref": list(table["ref"].str[:17]),
        "alt": list(table["alt"].str[:17]),
        "gene": names.number(genome, table["gene_id"]),
        "population": list(table["population"]),
        "effect": significant(table["effect"], 3),
        "q_value": significant(table["q_value"], 2),
    }


def reach_of(variants: list[dict], effects: Effects | None) -> tuple[int, int]:
    """Return the first and last base of the loci: the model's window, or the span of the variants."""
    if effects:
        return -effects.upstream, effects.downstream - 1
    places = [0, *(one["distance"] for one in variants)]
    return min(places) - 500, max(places) + 500


def logo(effects: Effects | None, row: dict) -> dict | None:
    """Build the logo of the bases around an allele, in its best population; None without saturation."""
    if effects is None or row["gene_id"] not in effects or row["population"] not in effects.populations:
        return None
    place = int(row["tss_distance"])
    first, codes, of_bases = around(effects, row["gene_id"], place - FLANK, place + FLANK)
    if not len(codes):  # outside the model's window, which may be smaller than that of another model
        return None
    population = effects.populations.index(row["population"])
    return {"first": first, "bases": decode(codes), "importance": pack(importance(of_bases)[:, population])}


def motif_changes(run: Run, entry: dict, first: pd.DataFrame) -> list[dict]:
    """List the motifs that alleles of `first` change most, by allele: site on the + strand, and scores in bits."""
    if not entry.get("changes"):
        return []
    keys, found = pd.MultiIndex.from_frame(first[ALLELE]), []
    for part in read_parts(run.folder / entry["changes"], CHANGES):
        part = part[part["gene_id"].isin(first["gene_id"])]
        number = keys.get_indexer(pd.MultiIndex.from_frame(part[ALLELE]))
        found.append(part.assign(number=number, size=(part["alt_score"] - part["ref_score"]).abs())[number >= 0])
    table = pd.concat(found).sort_values(["number", "size"], ascending=[True, False], kind="stable")
    table = table.groupby("number").head(MAX_MOTIFS_PER_VARIANT).rename(columns={"motif_name": "name"})
    return table[["number", "motif", "name", "strand", "start", "ref_score", "alt_score"]].to_dict("records")


def matrices(run: Run, changes: list[dict]) -> list[dict]:
    """Return for each motif in `changes` the heights of its logo: positions × A, C, G, T, in bits."""
    wanted = {one["motif"] for one in changes}
    if not wanted:
        return []
    known = [motif for motif in read_motifs(run.folder / run.manifest["motifs"]) if motif.motif in wanted]
    return [
        {"motif": motif.motif, "heights": [significant(row, 2) for row in logo_heights(motif.counts)]}
        for motif in known
    ]


def logo_heights(counts: np.ndarray) -> np.ndarray:
    """Compute logo heights from counts (width × 4): each base's share of the information in bits, against equal frequencies."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1, keepdims=True)
    return shares * (2 - entropy)


def external(run: Run, entry: dict, alleles: pd.DataFrame, populations: list[str]) -> dict | None:
    """Join scores of other tools to ours, each z-scored over the variants that it scores; None if there are none.

    alleles: those of the variants on the page, by number. theirs, ours: one packed vector per track and per population, over
    `variants`.
    """
    if not entry.get("comparison"):
        return None
    correlations = rank_correlations(run, entry)
    key = ["variant_id", "alt", "gene_id"]
    numbers = pd.MultiIndex.from_frame(alleles[key])
    ours, theirs, held = Moments(), Moments(), []
    for part in read_parts(run.folder / entry["comparison"], COMPARISON_COLUMNS):
        ours.add(part.groupby("population")["effect"])
        theirs.add(part.groupby(["model", "track"])["score"])
        place = numbers.get_indexer(pd.MultiIndex.from_frame(part[key]))
        held.append(part.assign(number=place)[place >= 0])
    table = pd.concat(held, ignore_index=True)
    tracks = list(dict.fromkeys([*((one["model"], one["track"]) for one in correlations), *theirs.groups()]))
    variants = sorted(table["number"].unique())
    by_track = table.pivot_table(index="number", columns=["model", "track"], values="score", aggfunc="first")
    by_population = table.pivot_table(index="number", columns="population", values="effect", aggfunc="first")
    return {
        "variants": [int(number) for number in variants],
        "tracks": [{"model": model, "track": track} for model, track in tracks[:N_TRACKS]],
        "omitted": max(len(tracks) - N_TRACKS, 0),
        "theirs": [theirs.scaled(by_track, track, variants) for track in tracks[:N_TRACKS]],
        "ours": [ours.scaled(by_population, label, variants) for label in populations],
        "correlations": correlations[:N_CORRELATIONS],
    }


def rank_correlations(run: Run, entry: dict) -> list[dict]:
    """Read the table of rank correlations, the strongest first."""
    if not entry.get("correlations"):
        return []
    table = load(run.folder / entry["correlations"], CORRELATION_COLUMNS)
    table = table.assign(size=-table["spearman"].abs()).sort_values("size", kind="stable")[CORRELATION_COLUMNS]
    return table.to_dict("records")


class Moments:
    """Means and standard deviations of groups of numbers that are read in parts."""

    def __init__(self) -> None:
        self._sums: pd.DataFrame | None = None

    def add(self, groups: SeriesGroupBy) -> None:
        """Add one part: a grouped column."""
        sums = groups.agg(n="count", total="sum", squares=lambda values: (values**2).sum())
        self._sums = sums if self._sums is None else self._sums.add(sums, fill_value=0)

    def groups(self) -> list:
        """List the names of the groups."""
        return [] if self._sums is None else list(self._sums.index)

    def scaled(self, table: pd.DataFrame, group: Hashable, rows: list[int]) -> dict:
        """Scale and pack the column of a group at `rows`; all values are missing if there is no such column."""
        if self._sums is None or group not in table.columns:
            return pack([np.nan] * len(rows))
        n, total, squares = self._sums.loc[group]
        deviation = np.sqrt(max(squares / n - (total / n) ** 2, 0))
        return pack((table[group].reindex(rows) - total / n) / (deviation or 1))

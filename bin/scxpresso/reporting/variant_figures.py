"""What the page draws of variants: the largest significant effects, the loci they lie in, and other tools' scores of them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scxpresso.genome.sequence import decode
from scxpresso.motifs.matrices import read_motifs
from scxpresso.reporting.data import SIGNIFICANT, Run, demand, demand_file, load, select
from scxpresso.reporting.figures import significant
from scxpresso.reporting.gene_figures import GeneNames, pack
from scxpresso.reporting.locus import Loci
from scxpresso.reporting.saturation_figures import around, by_population, importance, open_effects
from scxpresso.saturation.effects_store import Effects
from scxpresso.store import read_json
from scxpresso.variants.external import COMPARISON_COLUMNS, CORRELATION_COLUMNS
from scxpresso.variants.score_table import FOUND, is_scorable

TOP = 200  # variants × genes in the table
GENES = 8  # genes with a figure of their locus: those of the first variants in the table
CHANGED = 6  # motifs a variant, those of the largest changes
A_LOCUS = 150  # variants of one gene held, those of the largest effects
AROUND = 25  # bases drawn on either side of a variant
TRACKS = 30  # of other tools, beside our populations
CORRELATIONS = 300  # rows of the table of rank correlations
ROWS = 100_000  # read at once of tables that need not fit into memory

ALLELE = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id"]  # what names a row but for its population
BEST = [
    "predicted_ref", "effect", "sd", "sign_agreement", "percentile", "p_value", "q_value", "specificity",
    "specificity_p_value", "gene_pearson",
]  # fmt: skip
ASSOCIATION = ["risk_allele", "gwas_beta", "gwas_p_value"]  # as the set's file has them
SCORES = [*ALLELE, "gene_name", "tss_distance", "population", "flag", *BEST]
CHANGES = [*ALLELE, "motif", "motif_name", "strand", "start", "ref_score", "alt_score"]
REJECTED = ["reason"]
NUMBERS = {*BEST, "tss_distance", "score", "start", "ref_score", "alt_score"}  # what `chunks` reads as such

# What is shown of counts.json, and how it is called.
COUNTS = {
    "format": "format", "variants": "variants in the file", "repeated": "of them repeated", "scorable": "variants scored",
    "not_scorable": "outside every window", "alleles": "alleles scored", "pairs": "alleles × genes",
    "unphased_calls": "unphased calls", "missing_calls": "missing calls",
}  # fmt: skip
# What the words of the column `flag` mean.
FLAGS = {
    "replicates_disagree": "fewer than 80 % of the replicates agree with the sign of their mean",
    "gene_badly_predicted": "the model's held-out correlation over populations is below 0.3 for this gene",
    "all_folds": "the model does not know the gene, so that the networks of all folds were used",
    "not_scorable": "the allele lies outside of what this network reads, so that its effect is 0; it has no q-value",
    "overlapping_alleles": "alleles of the haplotype overlap others and were left out",
    "incomplete_calls": "a call in the window is missing, not phased, or in another phase set, or an allele cannot be "
    "scored, so that the haplotype may carry more",
}


def set_view(run: Run, entry: dict) -> dict:
    """What the page says of a set of variants: its counts, and rejected alleles by reason, most first."""
    demand_file(run.folder / entry["counts"])
    said = read_json(run.folder / entry["counts"])
    counts = {}
    for table in chunks(run.folder / entry["rejected"], REJECTED):
        for reason, number in table["reason"].str.split(FOUND).str[0].value_counts().items():
            counts[reason] = counts.get(reason, 0) + int(number)
    most = max(counts.values(), default=0)
    reasons = [{"reason": reason, "genes": n, "share": n / most} for reason, n in counts.items()]
    return {
        "set": entry["set"],
        "counts": {label: said[name] for name, label in COUNTS.items() if name in said},
        "rejected": sum(counts.values()),
        "reasons": sorted(reasons, key=lambda one: -one["genes"]),
    }


@dataclass
class Scores:
    """What is held of the scores of a set by a model, whatever their number.

    entry: of the manifest. rows: how many there are. certain: of them with q below SIGNIFICANT. unread: of alleles that the
    network does not read. first: the alleles × genes of the table, a row each, in its best population. shown: all populations
    of these, then of others in the same genes; its column `place` numbers the alleles.
    """

    entry: dict
    rows: int
    certain: int
    unread: int
    first: pd.DataFrame
    shown: pd.DataFrame

    @property
    def model(self) -> tuple[str, ...]:
        """Atlas, level and network."""
        return tuple(self.entry[part] for part in ("atlas", "level", "network"))


def read_scores(run: Run) -> list[Scores]:
    """The tables of scores of all sets and models. Raises InputError where one or a column is missing."""
    tables = []
    for entry in run.manifest["variants"]:
        path = run.folder / entry["path"]
        *counts, best = strongest(path)
        tables.append(Scores(entry, *counts, *all_populations(path, best)))
    return tables


def wanted_genes(tables: list[Scores]) -> dict[tuple, list[str]]:
    """(atlas, level, network) -> genes whose loci the variants' figures show."""
    wanted = {}
    for scores in tables:
        wanted.setdefault(scores.model, []).extend(locus_genes(scores.first))
    return wanted


def locus_genes(first: pd.DataFrame) -> list[str]:
    """The genes that get a figure: those of the first variants in the table."""
    return list(first["gene_id"].drop_duplicates()[:GENES])


def chunks(path: Path, columns: list[str], if_there: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """These columns of a table part by part, text but for NUMBERS. Raises InputError where it or a column is missing.

    if_there: further columns of text, '' where the table lacks them.
    """
    demand_file(path)
    numbers = [name for name in columns if name in NUMBERS]
    with pd.read_csv(
        path,
        sep="\t",
        usecols=lambda name: name in columns or name in if_there,
        dtype=dict.fromkeys(if_there, str) | {name: float if name in NUMBERS else str for name in columns},
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
        chunksize=ROWS,
    ) as reader:
        for part in reader:
            demand(path, "column", columns, part.columns)
            yield part.reindex(columns=[*columns, *if_there], fill_value="") if if_there else part[columns]


def strongest(path: Path) -> tuple[int, int, int, pd.DataFrame]:
    """(rows, rows of q below SIGNIFICANT, rows of alleles that are not read, the first TOP alleles × genes of the table).

    Those with q below SIGNIFICANT come first, by |effect|, then the others, by q and |effect|; each is in the population in
    which it comes first. q says how rare an effect is, not how large: it orders nothing among what is significant.
    """
    total, certain, unread, best = 0, 0, 0, []
    for part in chunks(path, [*ALLELE, "population", "q_value", "effect", "flag"]):
        significant_here = part["q_value"] < SIGNIFICANT
        total += len(part)
        certain += int(significant_here.sum())
        unread += int((~part.pop("flag").map(is_scorable)).sum())
        order = part["q_value"].mask(significant_here, 0).fillna(np.inf)
        part = part.assign(order=order, size=-part["effect"].abs())
        if best and len(best[0]) == TOP:
            part = part[part["order"] <= best[0]["order"].max()]
        joined = pd.concat([*best, part])
        best = [joined.sort_values(["order", "size"], kind="stable").drop_duplicates(ALLELE)[:TOP]]
    return total, certain, unread, best[0].reset_index(drop=True)


def all_populations(path: Path, best: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(first, shown): the rows of `best` in full; all populations' rows of the same alleles, then of others in their genes.

    Others are those of the largest effects, in the genes that get a figure. `place` numbers the alleles of both.
    """
    genes, keys = set(locus_genes(best)), pd.MultiIndex.from_frame(best[ALLELE])
    found = []
    for part in chunks(path, SCORES, ASSOCIATION):
        part = part[part["gene_id"].isin(best["gene_id"])]
        place = keys.get_indexer(pd.MultiIndex.from_frame(part[ALLELE]))
        found.append(part.assign(place=place)[(place >= 0) | part["gene_id"].isin(genes)])
    table = pd.concat(found).drop_duplicates([*ALLELE, "population"]).reset_index(drop=True)
    others = table[table["place"] < 0]
    sizes = others["effect"].abs().groupby([others[column] for column in ALLELE], sort=False).max()
    kept = sizes.sort_values(ascending=False).groupby("gene_id", sort=False).head(A_LOCUS).index
    place = kept.get_indexer(pd.MultiIndex.from_frame(others[ALLELE]))
    table.loc[others.index, "place"] = np.where(place < 0, -1, place + len(best))
    shown = table[table["place"] >= 0].sort_values("place", kind="stable")
    of_table = shown[shown["place"] < len(best)]
    return of_table[of_table["population"].to_numpy() == best["population"].to_numpy()[of_table["place"]]], shown


def variant_plots(run: Run, tables: list[Scores], names: GeneNames, loci: Loci) -> list[dict]:
    """Per set × model: the variants' table and figures."""
    plots = []
    for scores in tables:
        with effects_of(run, scores) as effects:
            plots.append(variant_plot(run, scores, effects, names, loci))
    return plots


def variant_plot(run: Run, scores: Scores, effects: Effects | None, names: GeneNames, loci: Loci) -> dict:
    """One set × model. Vectors by population run over `variants`, the first of which are those of the table."""
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
        "name": " · ".join([entry["set"], *scores.model]),
        "model": " · ".join(scores.model),
        "populations": populations,
        "parents": [parents.get(label, "") for label in populations],
        "rows": scores.rows,
        "certain": scores.certain,
        "unread": scores.unread,
        "genes": [
            {"gene": names.number(genome, [gene])[0], "locus": loci.number(genome, gene, *reach)}
            for gene in locus_genes(scores.first)
        ],
        "variants": variants,
        "effect": by_population(wide["effect"].to_numpy()),
        "sd": by_population(wide["sd"].to_numpy()),
        "log_q": by_population(np.log10(wide["q_value"].clip(lower=1e-30)).to_numpy()),
        "first": [best_row(row, populations) for row in first],
        "logos": [logo(effects, row) for row in first],
        "changes": changes,
        "motifs": matrices(run, changes),
        "external": external(run, entry, alleles, populations),
    }


def effects_of(run: Run, scores: Scores) -> AbstractContextManager[Effects | None]:
    """The open saturation of a set's model; None where the run has none."""
    atlas, level, network = scores.model
    found = select(run.manifest["saturation"], atlas=atlas, level=level, network=network)
    return open_effects(run.folder / found[0]["path"]) if found else nullcontext()


def described(run: Run, scores: Scores) -> dict:
    """A model's `genome` and `parents` (population -> its parent), by its atlas in this run or by its model.json."""
    atlas, level, network = scores.model
    known = next((one for one in run.levels if (one.atlas, one.level) == (atlas, level)), None)
    if known:
        return {"genome": known.genome, "parents": dict(zip(known.labels, known.populations["parent"], strict=True))}
    for entry in select(run.manifest["models"], atlas=atlas, level=level, network=network):
        if entry.get("description"):
            return read_json(run.folder / entry["description"])
    return {"genome": next((entry["genome"] for entry in run.manifest["genomes"]), "")}


def variant(allele: dict, genome: str, names: GeneNames) -> dict:
    """What names an allele on the page."""
    return {
        "variant": allele["variant_id"],
        "gene": names.number(genome, [allele["gene_id"]])[0],
        **{column: allele[column] for column in ("chrom", "pos", "ref", "alt")},
        "distance": int(allele["tss_distance"]),
    }


def best_row(row: dict, populations: list[str]) -> dict:
    """The row of an allele's best population, for the table."""
    numbers = dict(zip(BEST, significant([row[column] for column in BEST], 3), strict=True))
    said = {column: row[column] for column in ["flag", *ASSOCIATION]}
    return {"population": populations.index(row["population"]), **said, **numbers}


def reach_of(variants: list[dict], effects: Effects | None) -> tuple[int, int]:
    """First and last base of the loci: the model's window, or what the variants span."""
    if effects:
        return -effects.upstream, effects.downstream - 1
    places = [0, *(one["distance"] for one in variants)]
    return min(places) - 500, max(places) + 500


def logo(effects: Effects | None, row: dict) -> dict | None:
    """Reference bases around an allele and their importance in its best population; None without saturation."""
    if effects is None or row["gene_id"] not in effects or row["population"] not in effects.populations:
        return None
    place = int(row["tss_distance"])
    first, codes, of_bases = around(effects, row["gene_id"], place - AROUND, place + AROUND)
    population = effects.populations.index(row["population"])
    return {"first": first, "letters": decode(codes), "importance": pack(importance(of_bases)[:, population])}


def motif_changes(run: Run, entry: dict, first: pd.DataFrame) -> list[dict]:
    """Motifs that the alleles of `first` change most, by the allele's number: the site on the + strand and its scores in bits."""
    if not entry.get("changes"):
        return []
    keys, found = pd.MultiIndex.from_frame(first[ALLELE]), []
    for part in chunks(run.folder / entry["changes"], CHANGES):
        part = part[part["gene_id"].isin(first["gene_id"])]
        number = keys.get_indexer(pd.MultiIndex.from_frame(part[ALLELE]))
        found.append(part.assign(number=number, size=(part["alt_score"] - part["ref_score"]).abs())[number >= 0])
    table = pd.concat(found).sort_values(["number", "size"], ascending=[True, False], kind="stable")
    table = table.groupby("number").head(CHANGED).rename(columns={"motif_name": "name"})
    return table[["number", "motif", "name", "strand", "start", "ref_score", "alt_score"]].to_dict("records")


def matrices(run: Run, changes: list[dict]) -> list[dict]:
    """Of each motif among `changes` the heights of its letters in a logo: positions × A, C, G, T, in bits."""
    wanted = {one["motif"] for one in changes}
    if not wanted:
        return []
    known = [motif for motif in read_motifs(run.folder / run.manifest["motifs"]) if motif.motif in wanted]
    return [
        {"motif": motif.motif, "heights": [significant(row, 2) for row in logo_heights(motif.counts)]}
        for motif in known
    ]


def logo_heights(counts: np.ndarray) -> np.ndarray:
    """Letters' shares of each position's information (bits, against equal bases): width × 4 from width × 4 counts."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1, keepdims=True)
    return shares * (2 - entropy)


def external(run: Run, entry: dict, alleles: pd.DataFrame, populations: list[str]) -> dict | None:
    """Scores of other tools beside ours, each z-scaled over the variants that it scores; None where there are none.

    alleles: of the variants that the page holds, by number. theirs, ours: a packed vector a track and a population, over
    `variants`.
    """
    if not entry.get("comparison"):
        return None
    correlations = rank_correlations(run, entry)
    key = ["variant_id", "alt", "gene_id"]
    numbers = pd.MultiIndex.from_frame(alleles[key])
    ours, theirs, held = Moments(), Moments(), []
    for part in chunks(run.folder / entry["comparison"], COMPARISON_COLUMNS):
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
        "tracks": [{"model": model, "track": track} for model, track in tracks[:TRACKS]],
        "left_out": max(len(tracks) - TRACKS, 0),
        "theirs": [theirs.scaled(by_track, track, variants) for track in tracks[:TRACKS]],
        "ours": [ours.scaled(by_population, label, variants) for label in populations],
        "correlations": correlations[:CORRELATIONS],
    }


def rank_correlations(run: Run, entry: dict) -> list[dict]:
    """Rows of the table of rank correlations, the strongest first."""
    if not entry.get("correlations"):
        return []
    table = load(run.folder / entry["correlations"], CORRELATION_COLUMNS)
    table = table.assign(size=-table["spearman"].abs()).sort_values("size", kind="stable")[CORRELATION_COLUMNS]
    return table.to_dict("records")


class Moments:
    """Means and deviations of groups of numbers that come part by part."""

    def __init__(self):
        self._sums = None

    def add(self, groups) -> None:
        """Counts one part, a pandas groupby of a column."""
        sums = groups.agg(n="count", total="sum", squares=lambda values: (values**2).sum())
        self._sums = sums if self._sums is None else self._sums.add(sums, fill_value=0)

    def groups(self) -> list:
        """Names of the groups."""
        return [] if self._sums is None else list(self._sums.index)

    def scaled(self, table: pd.DataFrame, group, rows: list) -> dict:
        """The group's column of a table, at `rows`, z-scaled and packed; all missing where there is no such column."""
        if group not in table.columns:
            return pack([np.nan] * len(rows))
        n, total, squares = self._sums.loc[group]
        deviation = np.sqrt(max(squares / n - (total / n) ** 2, 0))
        return pack((table[group].reindex(rows) - total / n) / (deviation or 1))

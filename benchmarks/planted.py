"""A simulated genome whose grammar is known: genes, their motifs, counts of cells, and variants with true effects.

Sequences are codes (scxpresso.genome.sequence), on the gene's own strand. Each gene has a block of its own, as long as the
default window, so that no window holds the promoter of another gene.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import anndata
import numpy as np
import pandas as pd
import pysam
import scipy.sparse

from scxpresso.genome.annotation import STOP_CODONS
from scxpresso.genome.sequence import CHANNELS, decode, encode, reverse_complement
from scxpresso.store import atomic_write, write_table

KINDS = ["exact", "degenerate", "positional", "pairs"]
CODES = encode(CHANNELS)

UPSTREAM, DOWNSTREAM = 7000, 3500  # the block of a gene, around its TSS
REACH = -600, 50  # tss_distance of the first base that acts, and of the one after the last
REACHED = slice(UPSTREAM + REACH[0], UPSTREAM + REACH[1])
GENES_PER_CONTIG = 250

MOTIFS, POPULATIONS = 10, 6
SHARE = 0.12  # of the genes that have a copy of a motif that can act
SPECIFIC = 0.4  # share of the motifs that act in one population only
RIGHT_BASE = 0.88  # of a degenerate copy
LOST_PER_BASE = 1 / 3  # of the effect of a degenerate copy, per wrong base
STRETCH = 200  # bases in which a positional motif acts
PLANTED_CORRELATION = 0.82  # of the planted part with the true mean
SHARED_NOISE = 0.85  # share of the genes' other variance that all populations have in common
LIBRARY, LIBRARY_SD = 5000, 0.3  # counts per cell, and their deviation (natural logarithm)
DISPERSION = 0.5  # of the negative binomial: variance = mean + DISPERSION × mean²
VARIANTS = 900  # at most; a third of them in planted copies

# Probability of the next base (columns) after each base (rows), both in the order of CHANNELS: CG is rare.
NEXT_BASE = np.array(
    [[0.32, 0.18, 0.26, 0.24], [0.3, 0.25, 0.3, 0.15], [0.22, 0.22, 0.32, 0.24], [0.28, 0.22, 0.24, 0.26]]
)
SENSE_CODONS = [codon for codon in map("".join, product("ACGT", repeat=3)) if codon not in STOP_CODONS]


class Copy(NamedTuple):
    """A planted copy: numbers of gene and motif, strand (of the gene's own), first base in the reach, its codes."""

    gene: int
    motif: int
    strand: str
    start: int
    codes: np.ndarray


@dataclass(frozen=True)
class Grammar:
    """What motifs do.

    Parameters
    ----------
    kind: one of KINDS.
    words: codes of each motif.
    stretches: of each motif, the first base of the reach at which it acts, and the one after the last.
    units: motifs that act only together; of one motif each but for `pairs`.
    effects: units × populations, log10 expression.
    """

    kind: str
    words: Sequence[np.ndarray]
    stretches: Sequence[tuple[int, int]]
    units: Sequence[tuple[int, ...]]
    effects: np.ndarray

    @classmethod
    def draw(cls, kind: str, rng: np.random.Generator) -> "Grammar":
        """Draw motifs and what they do."""
        words = [rng.choice(CODES, rng.integers(8, 11)) for _ in range(MOTIFS)]
        length = REACH[1] - REACH[0]
        stretches = [(0, length)] * MOTIFS
        if kind == "positional":
            stretches = [(int(start), int(start) + STRETCH) for start in rng.integers(0, length - STRETCH, MOTIFS)]
        size = 2 if kind == "pairs" else 1
        units = [tuple(range(first, first + size)) for first in range(0, MOTIFS, size)]
        effects = np.zeros((len(units), POPULATIONS))
        for unit, row in enumerate(effects):
            effect = rng.uniform(0.25, 0.6) * rng.choice([1, 1, -1])
            if unit < round(SPECIFIC * len(units)):
                row[rng.integers(POPULATIONS)] = 1.2 * effect
            else:
                row[:] = effect * (1 + 0.15 * rng.standard_normal(POPULATIONS))
        return cls(kind, words, stretches, units, effects)

    def activity(self, reach: np.ndarray) -> np.ndarray:
        """Say how much each unit acts, from 0 to 1, by the best copies of its motifs on either strand: genes × units.

        reach: codes of the bases within REACH, genes × bases.
        """
        motifs = np.stack([self._best_copy(reach, motif) for motif in range(len(self.words))], axis=1)
        return np.stack([motifs[:, unit].prod(axis=1) for unit in self.units], axis=1)

    def _best_copy(self, reach: np.ndarray, motif: int) -> np.ndarray:
        start, end = self.stretches[motif]
        word = self.words[motif]
        windows = np.lib.stride_tricks.sliding_window_view(reach[:, start:end], len(word), axis=1)
        wrong = np.full(len(reach), len(word))
        for strand in (word, reverse_complement(word)):
            mismatches = sum((windows[:, :, place] != base).astype(np.int8) for place, base in enumerate(strand))
            wrong = np.minimum(wrong, mismatches.min(axis=1))
        if self.kind == "degenerate":
            return np.maximum(1 - LOST_PER_BASE * wrong, 0)
        return (wrong == 0).astype(float)

    def expression(self, reach: np.ndarray) -> np.ndarray:
        """Give what the motifs add to log10 expression: genes × populations."""
        return self.activity(reach) @ self.effects


class Exons(NamedTuple):
    """Exons and coding regions of a gene (0-based, half-open, from the TSS on); the stop codon ends the last region."""

    exons: list[tuple[int, int]]
    coding: list[tuple[int, int]]


@dataclass(frozen=True)
class Simulation:
    """Genes with their grammar.

    Parameters
    ----------
    codes: genes × (UPSTREAM + DOWNSTREAM), each gene's block on its own strand.
    strands: of each gene, on its contig.
    planted: what the motifs add to the log10 expression of each gene and population.
    mean: true mean of each gene and population, log10 of counts per 10,000.
    counts: cells × genes. population: number of each cell's population.
    variants: variant_id, gene (number), index (in the block), ref and alt on the gene's own strand, motif (of the copy that
        it lies in; empty elsewhere).
    effects: true effect of each variant in each population, log10.
    """

    grammar: Grammar
    codes: np.ndarray
    strands: np.ndarray
    transcripts: list[Exons]
    copies: list[Copy]
    planted: np.ndarray
    mean: np.ndarray
    counts: scipy.sparse.csr_matrix
    population: np.ndarray
    variants: pd.DataFrame
    effects: np.ndarray


def simulate(kind: str = "exact", genes: int = 2000, cells: int = 900, seed: int = 1) -> Simulation:
    """Simulate genes whose expression depends on planted motifs, and variants of them.

    Parameters
    ----------
    kind: what the motifs are like. `exact`: a copy acts if all bases are right. `degenerate`: copies have wrong bases, and
        each costs a third of the effect. `positional`: each motif acts in a stretch of its own, and half of the copies lie
        elsewhere. `pairs`: two motifs act only together, and as many genes have one of them as have both.
    cells: of all populations together.
    seed: the same one gives the same simulation.
    """
    rng = np.random.default_rng([KINDS.index(kind), seed])
    grammar = Grammar.draw(kind, rng)
    codes = background(genes, rng)
    transcripts = [write_transcript(block, rng) for block in codes]
    copies = plant(codes[:, REACHED], grammar, rng)
    planted = grammar.expression(codes[:, REACHED])
    mean = true_mean(planted, rng)
    population = np.arange(cells) * POPULATIONS // cells
    counts = draw_counts(mean, population, rng)
    variants = draw_variants(codes, copies, rng)
    return Simulation(
        grammar=grammar,
        codes=codes,
        strands=rng.choice(["+", "-"], genes),
        transcripts=transcripts,
        copies=copies,
        planted=planted,
        mean=mean,
        counts=counts,
        population=population,
        variants=variants,
        effects=true_effects(grammar, codes, variants),
    )


def background(genes: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the genes' blocks without any gene or motif in them, from a Markov chain of first order."""
    bases = np.empty((genes, UPSTREAM + DOWNSTREAM), dtype=np.int8)
    bases[:, 0] = rng.integers(0, 4, genes)
    bounds = NEXT_BASE.cumsum(axis=1)[:, :3]
    for index in range(1, bases.shape[1]):
        bases[:, index] = (rng.random(genes)[:, None] > bounds[bases[:, index - 1]]).sum(axis=1)
    return CODES[bases]


def write_transcript(block: np.ndarray, rng: np.random.Generator) -> Exons:
    """Write a gene's coding region and the ends of its intron into its block, and say where they are.

    Lengths are random: they have nothing to do with expression. Three genes in ten have no intron.
    """
    utr5, utr3 = int(rng.integers(REACH[1] + 10, 300)), int(rng.integers(100, 600))
    coding = "ATG" + "".join(rng.choice(SENSE_CODONS, rng.integers(100, 400))) + str(rng.choice(sorted(STOP_CODONS)))
    intron = int(rng.integers(100, 800)) if rng.random() < 0.7 else 0
    first = int(rng.integers(30, len(coding) - 30))  # coding bases before the intron
    parts = [(utr5, coding[:first]), (utr5 + first + intron, coding[first:])]
    if intron:
        parts += [(utr5 + first, "GT"), (utr5 + first + intron - 2, "AG")]
    for start, bases in parts:
        block[UPSTREAM + start : UPSTREAM + start + len(bases)] = encode(bases)
    end = utr5 + intron + len(coding)
    if not intron:
        return Exons([(0, end + utr3)], [(utr5, end)])
    exons = [(0, utr5 + first), (utr5 + first + intron, end + utr3)]
    return Exons(exons, [(utr5, exons[0][1]), (exons[1][0], end)])


def plant(reach: np.ndarray, grammar: Grammar, rng: np.random.Generator) -> list[Copy]:
    """Write copies of the motifs into the genes' reach (genes × bases, changed in place); no copy overlaps another."""
    copies, taken = [], np.zeros(reach.shape, dtype=bool)
    for motif, gene, inside in planned_copies(grammar, len(reach), rng):
        word = grammar.words[motif].copy()
        if grammar.kind == "degenerate":
            for place in np.flatnonzero(rng.random(len(word)) > RIGHT_BASE):
                word[place] = rng.choice(CODES[word[place] != CODES])
        strand = str(rng.choice(["+", "-"]))
        if strand == "-":
            word = reverse_complement(word)
        starts = free_starts(taken[gene], len(word))
        first, end = grammar.stretches[motif]
        starts = starts[((first <= starts) & (starts + len(word) <= end)) == inside]
        if not len(starts):
            continue
        start = int(rng.choice(starts))
        reach[gene, start : start + len(word)] = word
        taken[gene, start : start + len(word)] = True
        copies.append(Copy(gene, motif, strand, start, word))
    return copies


def planned_copies(grammar: Grammar, genes: int, rng: np.random.Generator) -> list[tuple[int, int, bool]]:
    """Draw copies: numbers of motif and gene, and whether the copy lies where the motif acts."""
    planned = []
    for unit in grammar.units:
        draws = rng.random(genes)
        for motif in unit:
            planned += [(motif, int(gene), True) for gene in np.flatnonzero(draws < SHARE)]
        # Copies that do nothing: outside of the motif's stretch, or without the other motif of the pair.
        inert = np.flatnonzero((draws >= SHARE) & (draws < 2 * SHARE))
        if grammar.kind == "positional":
            planned += [(unit[0], int(gene), False) for gene in inert]
        if grammar.kind == "pairs":
            planned += [(int(rng.choice(unit)), int(gene), True) for gene in inert]
    return planned


def free_starts(taken: np.ndarray, length: int) -> np.ndarray:
    """Give the places at which a copy of this length overlaps no other."""
    return np.flatnonzero(np.convolve(taken, np.ones(length, dtype=int), mode="valid") == 0)


def true_mean(planted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add to the planted part what else sets genes apart: log10 of counts per 10,000, genes × populations."""
    sd = planted.std(axis=0).mean() * np.sqrt(1 / PLANTED_CORRELATION**2 - 1)
    shared, own = rng.standard_normal((len(planted), 1)), rng.standard_normal(planted.shape)
    level = planted + sd * (np.sqrt(SHARED_NOISE) * shared + np.sqrt(1 - SHARED_NOISE) * own)
    return level - np.log10((10**level).sum(axis=0)) + 4


def draw_counts(mean: np.ndarray, population: np.ndarray, rng: np.random.Generator) -> scipy.sparse.csr_matrix:
    """Draw the counts of each cell (negative binomial): cells × genes."""
    parts = []
    for number in range(mean.shape[1]):
        library = LIBRARY * rng.lognormal(-(LIBRARY_SD**2) / 2, LIBRARY_SD, (population == number).sum())
        expected = library[:, None] * 10 ** (mean[:, number] - 4)
        parts.append(
            scipy.sparse.csr_matrix(rng.poisson(expected * rng.gamma(1 / DISPERSION, DISPERSION, expected.shape)))
        )
    return scipy.sparse.vstack(parts, format="csr").astype(np.int32)


def draw_variants(codes: np.ndarray, copies: list[Copy], rng: np.random.Generator) -> pd.DataFrame:
    """Draw substitutions: a third in planted copies, one per copy, the others elsewhere in reach.

    The columns are those of Simulation.variants.
    """
    length = REACH[1] - REACH[0]
    motif_at = np.full((len(codes), length), -1)
    for copy in copies:
        motif_at[copy.gene, copy.start : copy.start + len(copy.codes)] = copy.motif
    chosen = rng.choice(len(copies), min(VARIANTS // 3, len(copies)), replace=False)
    inside = [copies[number] for number in chosen]
    places = [copy.gene * length + copy.start + rng.integers(len(copy.codes)) for copy in inside]
    elsewhere = rng.choice(np.flatnonzero(motif_at.ravel() < 0), 2 * len(places), replace=False)
    gene, index = np.divmod(np.sort([*places, *elsewhere]), length)
    ref = codes[gene, REACHED.start + index]
    alt = np.array([rng.choice(CODES[code != CODES]) for code in ref], dtype=np.uint8)
    motif = motif_at[gene, index]
    return pd.DataFrame(
        {
            "variant_id": [f"variant_{number}" for number in range(1, len(gene) + 1)],
            "gene": gene,
            "index": REACHED.start + index,
            "ref": ref,
            "alt": alt,
            "motif": [f"motif_{number + 1}" if number >= 0 else "" for number in motif],
        }
    )


def true_effects(grammar: Grammar, codes: np.ndarray, variants: pd.DataFrame) -> np.ndarray:
    """Give the effect of each variant on the log10 expression of its gene: variants × populations.

    The grammar is read anew in the mutated sequence: a copy made by chance counts, as does one that makes up for another.
    """
    reference = codes[variants["gene"], REACHED]
    mutated = reference.copy()
    mutated[np.arange(len(variants)), variants["index"] - REACHED.start] = variants["alt"]
    return (grammar.activity(mutated) - grammar.activity(reference)) @ grammar.effects


# ---- Files -----------------------------------------------------------------------------------------------------------


def write_simulation(simulation: Simulation, folder: Path) -> None:
    """Write the pipeline's inputs, and the truth in a folder of its own.

    genome.fa.gz, genes.gtf.gz, atlas.h5ad, atlases.csv, variants.vcf.gz, variants.csv; truth/expression.tsv.gz (mean and
    planted part per gene and population), truth/variants.tsv, truth/effects.tsv.gz (per variant and population),
    truth/copies.tsv and truth/motifs.tsv.
    """
    folder.mkdir(parents=True, exist_ok=True)
    genes = gene_table(simulation)
    _write_gzipped(folder / "genome.fa.gz", fasta(simulation, genes))
    _write_gzipped(folder / "genes.gtf.gz", gtf(simulation, genes))
    _write_gzipped(folder / "variants.vcf.gz", vcf(simulation, genes))
    labels = pd.Categorical.from_codes(simulation.population, population_names())
    obs = pd.DataFrame({"cell_type": labels}, index=[f"cell_{number}" for number in range(len(labels))])
    var = pd.DataFrame(index=pd.Index(genes["gene_id"], name=None))
    with atomic_write(folder / "atlas.h5ad") as partial:
        anndata.AnnData(simulation.counts.astype(np.float32), obs, var).write_h5ad(partial)
    (folder / "atlases.csv").write_text(
        "atlas,counts,protocol,genome,levels\nsimulated,atlas.h5ad,10x,simulated,cell_type\n"
    )
    (folder / "variants.csv").write_text("set,file,genome\nplanted,variants.vcf.gz,simulated\n")
    for name, table in truth_tables(simulation, genes).items():
        write_table(folder / "truth" / name, table)


def population_names() -> list[str]:
    """Name the populations."""
    return [f"population_{number}" for number in range(1, POPULATIONS + 1)]


def gene_table(simulation: Simulation) -> pd.DataFrame:
    """Say where genes are: gene_id, chrom, strand, tss (1-based)."""
    number = np.arange(len(simulation.codes))
    before = number % GENES_PER_CONTIG * (UPSTREAM + DOWNSTREAM)
    return pd.DataFrame(
        {
            "gene_id": [f"GENE{gene + 1:05}" for gene in number],
            "chrom": [f"chr{1 + gene // GENES_PER_CONTIG}" for gene in number],
            "strand": simulation.strands,
            "tss": before + np.where(simulation.strands == "+", UPSTREAM + 1, DOWNSTREAM),
        }
    )


def position(gene: pd.Series, tss_distance: int) -> int:
    """Give the position (1-based) of a base of a gene."""
    return int(gene["tss"] + (tss_distance if gene["strand"] == "+" else -tss_distance))


def fasta(simulation: Simulation, genes: pd.DataFrame) -> str:
    """The contigs, each with the blocks of its genes side by side."""
    lines = []
    for chrom, rows in genes.groupby("chrom", sort=False):
        blocks = simulation.codes[rows.index].copy()
        minus = (rows["strand"] == "-").to_numpy()
        blocks[minus] = reverse_complement(blocks[minus])
        lines += [f">{chrom}", decode(blocks.ravel())]
    return "\n".join(lines) + "\n"


def gtf(simulation: Simulation, genes: pd.DataFrame) -> str:
    """The genes, each with one transcript; the stop codon is no part of its CDS."""
    lines = []
    for (_, gene), transcript in zip(genes.iterrows(), simulation.transcripts, strict=True):
        *others, (last, end) = transcript.coding
        whole = [(0, transcript.exons[-1][1])]
        parts = {
            "gene": whole,
            "transcript": whole,
            "exon": transcript.exons,
            "CDS": [*others, (last, end - 3)],
            "stop_codon": [(end - 3, end)],
        }
        for feature, spans in parts.items():
            names = f'gene_id "{gene["gene_id"]}";'
            if feature != "gene":
                names += f' transcript_id "{gene["gene_id"]}.1";'
            coding = 0  # bases of the CDS before a span
            for start, stop in spans:
                bounds = sorted((position(gene, start), position(gene, stop - 1)))
                phase = -coding % 3 if feature in ("CDS", "stop_codon") else "."
                coding += stop - start
                fields = [gene["chrom"], "simulated", feature, *bounds, ".", gene["strand"], phase, names]
                lines.append("\t".join(map(str, fields)))
    return "\n".join(lines) + "\n"


def placed_variants(simulation: Simulation, genes: pd.DataFrame) -> pd.DataFrame:
    """The variants on the genome: variant_id, chrom, pos, ref and alt (+ strand), gene_id, tss_distance, motif."""
    variants = simulation.variants
    own = genes.iloc[variants["gene"]].reset_index(drop=True)
    plus = (own["strand"] == "+").to_numpy()
    distance = variants["index"].to_numpy() - UPSTREAM
    alleles = {
        name: list(decode(np.where(plus, codes, reverse_complement(codes[:, None])[:, 0])))
        for name, codes in ((name, variants[name].to_numpy()) for name in ("ref", "alt"))
    }
    return pd.DataFrame(
        {
            "variant_id": variants["variant_id"],
            "chrom": own["chrom"],
            "pos": own["tss"] + np.where(plus, distance, -distance),
            **alleles,
            "gene_id": own["gene_id"],
            "tss_distance": distance,
            "motif": variants["motif"],
        }
    )


def vcf(simulation: Simulation, genes: pd.DataFrame) -> str:
    """The variants, in the order of the genome."""
    order = {chrom: number for number, chrom in enumerate(genes["chrom"].unique())}
    lines = ["##fileformat=VCFv4.3", *(f"##contig=<ID={chrom}>" for chrom in order)]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    placed = placed_variants(simulation, genes)
    placed = placed.iloc[np.lexsort([placed["pos"], placed["chrom"].map(order)])]
    rows = zip(*(placed[name] for name in ("chrom", "pos", "variant_id", "ref", "alt")), strict=True)
    lines += ["\t".join(map(str, [*row, ".", ".", "."])) for row in rows]
    return "\n".join(lines) + "\n"


def truth_tables(simulation: Simulation, genes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What is true of the simulation, by file name."""
    grammar, populations = simulation.grammar, population_names()
    units = {motif: unit for unit, motifs in enumerate(grammar.units) for motif in motifs}
    motifs = pd.DataFrame(
        [
            (f"motif_{motif + 1}", decode(word), start + REACH[0], end + REACH[0] - 1, units[motif] + 1)
            for motif, (word, (start, end)) in enumerate(zip(grammar.words, grammar.stretches, strict=True))
        ],
        columns=["motif", "sequence", "first_tss_distance", "last_tss_distance", "unit"],
    )
    copies = pd.DataFrame(
        [
            (genes["gene_id"][gene], f"motif_{motif + 1}", strand, start + REACH[0], decode(word))
            for gene, motif, strand, start, word in simulation.copies
        ],
        columns=["gene_id", "motif", "strand", "tss_distance", "sequence"],
    )
    by_motif = np.array([grammar.effects[units[motif]] for motif in range(len(grammar.words))])
    return {
        "expression.tsv.gz": _long(genes[["gene_id"]], populations, mean=simulation.mean, planted=simulation.planted),
        "variants.tsv": placed_variants(simulation, genes),
        "effects.tsv.gz": _long(
            placed_variants(simulation, genes)[["variant_id", "gene_id"]], populations, effect=simulation.effects
        ),
        "copies.tsv": copies,
        "motifs.tsv": _long(motifs, populations, effect=by_motif),
    }


def _long(rows: pd.DataFrame, populations: list[str], **values: np.ndarray) -> pd.DataFrame:
    """One row per row and population, with the values (rows × populations) of each."""
    table = rows.loc[rows.index.repeat(len(populations))].reset_index(drop=True)
    table["population"] = populations * len(rows)
    return table.assign(**{name: matrix.ravel() for name, matrix in values.items()})


def _write_gzipped(path: Path, text: str) -> None:
    with atomic_write(path) as partial, pysam.BGZFile(str(partial), "wb") as file:  # type: ignore[call-arg] # its types lack defaults
        file.write(text.encode())

"""Read a variant map: effects, specificities and pooled p-values of single-nucleotide variants, without any computation.

with VariantMap("results/variant_map/atlas/cell_type.scxpresso") as variants:
    variants.look_up("chr22", 39570542, "G", "A")
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import zarr

from scxpresso.genome.sequence import ALTERNATIVES, BASE_OF_CODE, CHANNELS, alternatives
from scxpresso.problems import InputError, Problem
from scxpresso.store import read_table
from scxpresso.text import shown
from scxpresso.variant_map.store import GENES, PER_POPULATION, MapMetadata, p_values_of, sd_of
from scxpresso.variants.contigs import contigs_of
from scxpresso.variants.significance import specificity

if TYPE_CHECKING:  # it loads PyTorch, which reading a map does not need
    from scxpresso.networks.model import Model

LOOK_UP_COLUMNS = [
    "chrom", "pos", "ref", "alt", "gene_id", "gene_name", "tss_distance", "population", "effect", "specificity",
    "pooled_p_value", "pooled_specificity_p_value", "sd", "sign_agreement",
]  # fmt: skip
COMPLEMENT = str.maketrans("ACGT", "TGCA")
N_KEPT = 8  # genes that stay in memory, for variants that are looked up in genomic order


class MappedGene(NamedTuple):
    """Values of the substitutions of the bases that networks read, on the gene's strand.

    codes: of these bases. alternatives: indices in ALTERNATIVES (positions × 3). predicted: populations, log10. Others:
    positions × 3 × populations; 0 (p-values: 1) at ambiguous bases. pooled_specificity_p_value: NaN for one population.
    """

    codes: np.ndarray
    alternatives: np.ndarray
    predicted: np.ndarray
    effect: np.ndarray
    pooled_p_value: np.ndarray
    pooled_specificity_p_value: np.ndarray
    sd: np.ndarray
    sign_agreement: np.ndarray


class VariantMap:
    """A variant map of one model, as --variant_map makes it. Use as a context manager, or leave it to close by itself.

    about: metadata, with the populations. genes: genes.tsv of the map, by gene_id. Raises InputError for another folder.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.about = MapMetadata.read(folder)
        self.genes = read_table(self.folder / GENES, index="gene_id")
        self._of_contig = {chrom: table.sort_values("tss") for chrom, table in self.genes.groupby("chrom")}
        self._stores: dict[str, dict[str, zarr.Array]] = {}
        self.gene = lru_cache(maxsize=N_KEPT)(self._gene)
        self.contig = lru_cache(maxsize=None)(self._contig)

    def __enter__(self) -> "VariantMap":
        return self

    def __exit__(self, *_: object) -> None:
        self.gene.cache_clear()

    def __contains__(self, gene_id: str) -> bool:
        return gene_id in self.genes.index

    def check(self, model: "Model") -> None:
        """Raise InputError if the map is of another model, genome or window."""
        expected = MapMetadata.of(model, self.about.reads, self.about.genes_per_shard)
        for name in MapMetadata._fields:
            found, wanted = getattr(self.about, name), getattr(expected, name)
            if found != wanted:
                what = "networks" if name == "model_sha256" else name
                told = "" if name in ("populations", "model_sha256") else f" ({found}, not {wanted})"
                raise InputError(
                    Problem(
                        shown(str(self.folder)),
                        f"a variant map of other {what} than the model {shown(model.name)} has{told}",
                        "the map that was made of this model",
                        "leave out --use_variant_map, or make the map again with --variant_map",
                    )
                )

    def _contig(self, name: str) -> str:
        """Give the map's name of a contig; '' if it has none."""
        return contigs_of([name], self._of_contig).get(name, "")

    def _gene(self, gene_id: str) -> MappedGene:
        """Read the values of a gene."""
        row = int(self.genes.at[gene_id, "row"])
        store = self.genes.at[gene_id, "store"]
        if store not in self._stores:
            self._stores[store] = dict(zarr.open_group(self.folder / store, mode="r").arrays())
        read = {
            name: np.asarray(self._stores[store][name][row]) for name in (*self.about.values, *PER_POPULATION, "codes")
        }
        codes, effect = read["codes"], read["effect"] * read["scale"]
        own = np.full(effect.shape, np.nan)
        if "pooled_specificity_p_value" in read:
            own = p_values_of(read["pooled_specificity_p_value"])
        return MappedGene(
            codes=codes,
            alternatives=alternatives(codes),
            predicted=read["predicted"],
            effect=effect,
            pooled_p_value=p_values_of(read["pooled_p_value"]),
            pooled_specificity_p_value=own,
            sd=sd_of(read["sd"]),
            sign_agreement=read["agreeing"] / int(self.genes.at[gene_id, "networks"]),
        )

    def in_reach(self, chrom: str, start: int, end: int) -> list[str]:
        """List the genes that have a base from `start` to `end` (1-based, both included) in reach, in genomic order."""
        table = self._of_contig.get(self.contig(chrom))
        if table is None:
            return []
        first, last = self.about.reads[0], self.about.reads[1] - 1
        plus = table["strand"] == "+"
        left = table["tss"] + np.where(plus, first, -last)
        right = table["tss"] + np.where(plus, last, -first)
        return table.index[(left <= end) & (right >= start)].tolist()

    def place(self, gene_id: str, pos: int) -> int:
        """Give the bases from the TSS of a gene to a position of its contig, on the gene's strand."""
        distance = pos - int(self.genes.at[gene_id, "tss"])
        return distance if self.genes.at[gene_id, "strand"] == "+" else -distance

    def look_up(self, chrom: str, pos: int, ref: str, alt: str) -> pd.DataFrame:
        """Look up a variant (pos: 1-based; ref, alt: one base each, on the + strand).

        Returns LOOK_UP_COLUMNS, one row per gene that has it in reach and population; none for an ambiguous base of the
        genome. Raises InputError for what is no single-nucleotide variant, and if REF is not the base of the genome.
        """
        if len(ref) != 1 or len(alt) != 1 or ref == alt or not {ref, alt} <= set(ALTERNATIVES):
            found = f"{chrom}:{pos} {ref}>{alt}"
            raise InputError(Problem("the variant", found, "one of A, C, G and T as ref, and another one as alt"))
        rows: list[tuple] = []
        for gene_id in self.in_reach(chrom, pos, pos):
            base = self._base(gene_id, pos)
            if base not in (ref, ""):
                raise InputError(
                    Problem(
                        f"the variant {chrom}:{pos} {ref}>{alt}",
                        f"REF is {ref}, where the genome of the map has {base}",
                        f"a variant of the genome {shown(self.about.genome)}",
                        "use positions of the assembly that the map was made of, 1-based",
                    )
                )
            rows += self.rows(gene_id, chrom, pos, ref, alt) if base else []
        return pd.DataFrame(rows, columns=LOOK_UP_COLUMNS)

    def region(self, chrom: str, start: int, end: int) -> Iterator[tuple]:
        """Yield rows of LOOK_UP_COLUMNS for every variant from `start` to `end` (1-based, both included)."""
        genes = self.in_reach(chrom, start, end)
        for pos in range(start, end + 1):
            for gene_id in genes:
                ref = self._base(gene_id, pos)
                for alt in ALTERNATIVES if ref else "":
                    if alt != ref:
                        yield from self.rows(gene_id, chrom, pos, ref, alt)

    def base(self, chrom: str, pos: int) -> str:
        """Give the base of the genome on the + strand; N if it is ambiguous, or not in reach of a gene."""
        return next((base for gene_id in self.in_reach(chrom, pos, pos) if (base := self._base(gene_id, pos))), "N")

    def _base(self, gene_id: str, pos: int) -> str:
        """Give the base of the genome on the + strand; '' if it is ambiguous or not in reach."""
        at = self.place(gene_id, pos) - self.about.reads[0]
        if not 0 <= at < self.about.positions:
            return ""
        number = BASE_OF_CODE[self.gene(gene_id).codes[at]]
        if number > 3:
            return ""
        base = CHANNELS[number]
        return base if self.genes.at[gene_id, "strand"] == "+" else base.translate(COMPLEMENT)

    def index(self, gene_id: str, distance: int, alt: str) -> tuple[int, int]:
        """Give the indices of an allele in the arrays of a MappedGene: of its distance to the TSS, and of its base.

        alt: on the gene's strand.
        """
        at = distance - self.about.reads[0]
        return at, self.gene(gene_id).alternatives[at].tolist().index(ALTERNATIVES.index(alt))

    def rows(self, gene_id: str, chrom: str, pos: int, ref: str, alt: str) -> Iterator[tuple]:
        """Yield rows of LOOK_UP_COLUMNS for a variant that a gene has in reach; ref: the base of the genome."""
        gene, distance = self.gene(gene_id), self.place(gene_id, pos)
        strand, name = self.genes.at[gene_id, "strand"], self.genes.at[gene_id, "gene_name"]
        at = self.index(gene_id, distance, alt if strand == "+" else alt.translate(COMPLEMENT))
        effect = gene.effect[at]
        columns = [effect, specificity(effect), gene.pooled_p_value[at], gene.pooled_specificity_p_value[at]]
        columns += [gene.sd[at], gene.sign_agreement[at]]
        for population, *values in zip(self.about.populations, *(one.tolist() for one in columns), strict=True):
            yield chrom, pos, ref, alt, gene_id, name, distance, population, *values

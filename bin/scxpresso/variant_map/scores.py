"""Scores of variants by a variant map; what the map lacks is computed.

A map has substitutions of unambiguous bases that the networks read. Insertions, deletions, longer replacements and genes
that the map lacks are computed, and so are all alleles of a gene of which a haplotype carries several.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import groupby
from typing import Any

import numpy as np

from scxpresso.genome.sequence import decode
from scxpresso.networks.registry import NETWORKS
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variant_map.reading import VariantMap
from scxpresso.variants.background import Sites, find_sites
from scxpresso.variants.changed_motifs import ChangedMotifs
from scxpresso.variants.gene_alleles import Allele, alleles_of
from scxpresso.variants.gene_scores import GeneScores
from scxpresso.variants.score_table import ScorableVariant
from scxpresso.variants.scoring import Scorer, score_variants
from scxpresso.variants.significance import Ranks, specificity
from scxpresso.variants.windows import FlankingSequence

# Fields of GeneScores that have one item per allele.
PER_ALLELE = {field.name for field in fields(GeneScores)} - {
    "gene_id", "gene_name", "chrom", "fold", "gene_pearson", "populations", "predicted_ref", "without_motifs",
}  # fmt: skip


class MappedScorer:
    """A scorer that takes from a map what the map has. pooled: whether pooled p-values are wanted, too.

    Raises InputError if the map is of another model.
    """

    def __init__(self, scorer: Scorer, variants: VariantMap, pooled: bool):
        variants.check(scorer.model)
        self.scorer, self.map, self.pooled = scorer, variants, pooled
        self._motifs: dict[int | None, ChangedMotifs] = {}

    def mapped(self, group: Sequence[ScorableVariant], alleles: Sequence[Allele]) -> np.ndarray:
        """Tell of the variants of a gene whether the map answers. alleles: all that are scored, singly and together."""
        gene = group[0].gene_id
        if gene not in self.map or len(alleles) > len(group):
            return np.zeros(len(group), dtype=bool)
        codes = self._codes(gene)
        return np.array([self._has(codes, allele) for allele in alleles])

    def _codes(self, gene: str) -> np.ndarray:
        """Give the bases of a gene that the networks read, from the features."""
        return self.scorer.features.region(self.scorer.features.rows([gene]), *self.map.about.reads)[0]

    def _has(self, codes: np.ndarray, allele: Allele) -> bool:
        """Whether the map has an allele, or the networks do not read it. codes: bases that they read."""
        if not self.scorer.edits_read(allele):
            return True
        if not allele.is_substitution:
            return False
        edit = allele.edits[0]
        # An ambiguous base, or a wrong REF, is for the scorer.
        return bool(codes[edit.start - self.map.about.reads[0]] == edit.replaced[0])

    def _check(self, gene: str) -> None:
        """Raise InputError if the map has another sequence than the features."""
        if (self._codes(gene) != self.map.gene(gene).codes).any():
            raise InputError(
                Problem(
                    shown(str(self.map.folder)),
                    f"another sequence of {gene!r} than in features.h5",
                    "a variant map of the same genome and annotation",
                    "leave out --use_variant_map, or make the map again with --variant_map",
                )
            )

    def score(self, gene_id: str, alleles: Sequence[Allele]) -> GeneScores:
        """Score alleles that the map has, or that the networks do not read."""
        self._check(gene_id)
        scorer, values, reads = self.scorer, self.map.gene(gene_id), self.map.about.reads
        upstream = scorer.features.upstream
        codes = scorer.features.codes[scorer.features.rows([gene_id])[0]]
        edits_read = [scorer.edits_read(allele) for allele in alleles]
        sites = find_sites(codes, alleles, edits_read, reads, upstream)
        shape = len(alleles), len(self.map.about.populations)
        found = {name: np.zeros(shape) for name in ("effect", "sd")} | {"sign_agreement": np.ones(shape)}
        found |= {name: np.full(shape, np.nan) for name in ("pooled_p_value", "pooled_specificity_p_value")}
        names = ["effect", "sd", "sign_agreement"]
        names += ["pooled_p_value", "pooled_specificity_p_value"] if self.pooled else []
        chosen = np.flatnonzero(sites.scorable)
        at = [
            self.map.index(gene_id, alleles[number].edits[0].start, decode(alleles[number].edits[0].codes))
            for number in chosen.tolist()
        ]
        if at:
            places, bases = np.array(at).T
            for name in names:
                found[name][chosen] = getattr(values, name)[places, bases]
        ranks = self._rank(found["effect"], values.effect, sites)
        fold = scorer.model.fold_of(gene_id)
        motifs, size = self._motifs_of(fold), (scorer.model.upstream, scorer.model.downstream)
        window = FlankingSequence(codes, scorer.model.upstream)
        return GeneScores(
            gene_id=gene_id,
            gene_name=scorer.genes.at[gene_id, "gene_name"],
            chrom=scorer.genes.at[gene_id, "chrom"],
            fold=fold,
            gene_pearson=scorer.model.pearson_of(gene_id),
            alleles=alleles,
            populations=scorer.model.populations,
            scorable=sites.scorable,
            changed_motifs=motifs.named(window, size, alleles, sites) if motifs else [""] * len(alleles),
            without_motifs=motifs is not None and not motifs.names,
            predicted_ref=values.predicted,
            specificity=ranks.own,
            percentile=ranks.percentile,
            p_value=ranks.p_value,
            specificity_p_value=ranks.specificity_p_value,
            **found,
        )

    def _rank(self, effect: np.ndarray, effects: np.ndarray, sites: Sites) -> Ranks:
        """Rank alleles among the substitutions of their bins.

        effect: alleles × populations. effects: of the map (positions × 3 × populations). sites: of the alleles.
        """
        first = self.scorer.features.upstream + self.map.about.reads[0]
        ranks = Ranks(effect, specificity(effect))
        for bin_ in np.unique(sites.bin_of[sites.scorable]).tolist():
            here, positions = np.flatnonzero(sites.bin_of == bin_), sites.positions(bin_)
            background = effects[positions - first].reshape(-1, effects.shape[-1])
            ranks.rank(here, background, specificity(background), np.isin(sites.index[here], positions))
        return ranks

    def _motifs_of(self, fold: int | None) -> ChangedMotifs | None:
        """Give the motifs of a fold's networks, where they learn any; only such networks are loaded."""
        model = self.scorer.model
        if not NETWORKS[model.network].motifs:
            return None
        if fold not in self._motifs:
            self._motifs[fold] = ChangedMotifs(model.networks(fold))
        return self._motifs[fold]


def score_with_map(
    mapped: MappedScorer,
    variants: Callable[[], Iterable[ScorableVariant]],
    fasta: str,
    haplotypes: bool = False,
    processes: int = 1,
) -> Iterator[GeneScores]:
    """Score variants as score_variants does, by a map as far as it goes."""
    scorer = mapped.scorer
    window = scorer.features.upstream, scorer.features.downstream

    def genes() -> Iterator[tuple[list[ScorableVariant], list[Allele], np.ndarray]]:
        for gene, group in groupby(variants(), key=lambda variant: variant.gene_id):
            of_gene = list(group)
            if gene not in scorer.genes.index:  # for the scorer to say
                yield of_gene, [], np.zeros(len(of_gene), dtype=bool)
                continue
            place = int(scorer.genes.at[gene, "tss"]), scorer.genes.at[gene, "strand"]
            alleles = alleles_of(of_gene, *place, haplotypes, window)
            yield of_gene, alleles, mapped.mapped(of_gene, alleles)

    def lacking() -> Iterator[ScorableVariant]:
        for of_gene, _, known in genes():
            yield from (variant for variant, is_known in zip(of_gene, known, strict=True) if not is_known)

    computed = score_variants(scorer, lacking, fasta, haplotypes, processes)
    for of_gene, alleles, known in genes():
        if not known.any():
            yield next(computed)
            continue
        scores = mapped.score(
            of_gene[0].gene_id, [allele for allele, is_known in zip(alleles, known, strict=True) if is_known]
        )
        yield scores if known.all() else merged(scores, next(computed), known)


def merged(mapped: GeneScores, computed: GeneScores, is_mapped: np.ndarray) -> GeneScores:
    """Join the scores of a gene's alleles, in their order. is_mapped: of each allele, which of the two has it."""
    order = np.argsort(np.concatenate([np.flatnonzero(is_mapped), np.flatnonzero(~is_mapped)]))
    joined: dict[str, Any] = {}
    for name in PER_ALLELE:
        one, other = getattr(mapped, name), getattr(computed, name)
        if isinstance(one, np.ndarray):
            joined[name] = np.concatenate([one, other])[order]
        else:
            both = [*one, *other]
            joined[name] = [both[number] for number in order]
    return replace(computed, **joined)

"""Effects of variants on the genes in whose windows they lie, by the networks for which the gene was held out (paper 3.4).

A substitution is looked up in the saturation of its gene. Any other allele is the difference of two predictions: of the
window with the alternative, and of the window with the reference. An insertion or deletion moves all bases beyond it, which
then lie in other pooling bins. Its effect is therefore the mean over shifts of both windows within one phase of pooling.

Effects are rounded like those of effects.h5, so that they can be ranked among these; an effect that may be only rounding is
0. An allele outside the bases that the network reads is not scorable: nothing is predicted for it. The same holds for an
allele outside the model's window, because variants are read once, for the widest window of all models.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from scxpresso.console import log
from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import ALTERNATIVES
from scxpresso.networks.model import Model, Network
from scxpresso.networks.prediction import predict
from scxpresso.networks.registry import NETWORKS, bases_read
from scxpresso.problems import InputError, Problem
from scxpresso.saturation.effects import AlleleEffects, EditedWindows, GeneEffects, SubstitutionEffects
from scxpresso.saturation.effects_store import resolved, rounded
from scxpresso.saturation.incremental import incremental
from scxpresso.variants.background import Background, extend_backgrounds, find_sites
from scxpresso.variants.changed_motifs import ChangedMotifs
from scxpresso.variants.gene_alleles import Allele, alleles_of
from scxpresso.variants.gene_scores import GeneScores
from scxpresso.variants.pooled import PooledEffects, pooled_p_values
from scxpresso.variants.score_table import ScorableVariant
from scxpresso.variants.significance import BIN, STAGES, Ranks, specificity
from scxpresso.variants.windows import Edit, FlankingSequence, edited_windows, read_flanking_sequences, shifts

SHIFTS = 23  # per phase, for insertions and deletions; real ones deviate by 10 % from the mean of all 300 (r = 0.996)
BATCH = 512  # windows predicted at once, or alleles by what they change
MIN_PARTS = 4  # for each of several processes; fewer parts are not worth their start
MAX_REFERENCES = 80  # genes × networks that are computed together
KILLED = 137  # exit status of a process that got SIGKILL
MAX_EFFECTS = 2**26  # of substitutions by each network, in memory at once (float32), unless one gene has more


class GeneAlleles(NamedTuple):
    """The alleles of a gene that are scored.

    flanking: sequence of the gene, its window and the margin of all edits on either side; needed for insertions and
    deletions.
    """

    gene_id: str
    alleles: Sequence[Allele]
    flanking: FlankingSequence | None = None


class Scorer:
    """A model, the genome that its genes lie in, and the networks that it needed so far.

    genes: genes.tsv, by gene_id. pooled: the model's pooled effects, for pooled p-values. Raises InputError where the
    model's windows are not those of the features.
    """

    def __init__(
        self,
        model: Model,
        features: Features,
        genes: pd.DataFrame,
        device: torch.device,
        engine: str = "auto",
        pooled: PooledEffects | None = None,
    ):
        self.model, self.features, self.genes, self.device, self.engine = model, features, genes, device, engine
        self.pooled = pooled
        self.stages = STAGES if pooled else STAGES[-1:]
        model.check_window(features.upstream, features.downstream)
        self.phase = NETWORKS[model.network].phase
        self.reads = bases_read(model.network, model.inputs, model.upstream, model.downstream)
        self._of_fold: dict[int | None, tuple[list[Network], SubstitutionEffects, ChangedMotifs]] = {}

    def margin(self, edits: Iterable[Edit]) -> int:
        """Count the bases beyond a window that edits and shifts within a phase can bring into it."""
        return self.phase // 2 + 1 + sum(edit.end - edit.start for edit in edits)

    def edits_read(self, allele: Allele) -> list[Edit]:
        """List the edits of an allele that change a base that the networks read, in any shifted window."""
        first, end = self.reads
        shift = self.phase // 2 if allele.moves_bases else 0
        return allele.edits_of(first - shift, end + shift) if first < end else []

    def parts(self, genes: Sequence[GeneAlleles]) -> list[list[int]]:
        """Split genes, by their numbers, into those that are scored together: of one fold, fold after fold; memory is bounded."""
        effects_of_bin = BIN * len(ALTERNATIVES) * len(self.model.populations)
        fold_of = [self.model.fold_of(gene.gene_id) for gene in genes]
        parts: list[list[int]] = []
        for fold in dict.fromkeys(fold_of):
            networks = self.model.number_of_networks(fold)
            parts.append([])
            effects = 0
            for number in (number for number, other in enumerate(fold_of) if other == fold):
                bins = min(len(genes[number].alleles), self.model.window // BIN + 1)
                more = effects_of_bin * networks * bins
                if parts[-1] and (effects + more > MAX_EFFECTS or (len(parts[-1]) + 1) * networks > MAX_REFERENCES):
                    parts.append([])
                    effects = 0
                parts[-1].append(number)
                effects += more
        return parts

    def score_part(self, genes: Sequence[GeneAlleles]) -> list[GeneScores]:
        """Score the alleles of genes of one fold in every population.

        Raises
        ------
        InputError: if the sequence of a gene or a REF differs from the sequence of the features.
        """
        fold = self.model.fold_of(genes[0].gene_id)
        rows = self.features.rows([gene.gene_id for gene in genes])
        codes = self.features.codes[rows]
        annotation = self.features.annotation(rows, self.model.annotation_features)
        networks, saturation, motifs = self._networks(fold)
        sites = []
        for gene, window in zip(genes, codes, strict=True):
            self._check(window, gene)
            edits_read = [self.edits_read(allele) for allele in gene.alleles]
            sites.append(find_sites(window, gene.alleles, edits_read, self.reads, self.features.upstream))
        backgrounds = [Background.of(of_gene, len(networks), len(self.model.populations)) for of_gene in sites]
        substitutions = saturation.of_genes(codes, annotation)
        extend_backgrounds(
            substitutions, backgrounds, [dict.fromkeys(one.bins, self.stages[0][0]) for one in backgrounds]
        )
        windows = [
            gene.flanking or FlankingSequence(window, self.features.upstream)
            for gene, window in zip(genes, codes, strict=True)
        ]
        effects = [
            self._effects(networks, saturation, *one)
            for one in zip(annotation, windows, genes, backgrounds, strict=True)
        ]
        ranks = [Ranks(effect, specificity(effect)) for _, effect in effects]
        self._rank(ranks, substitutions, backgrounds)
        named = [
            motifs.named(window, (self.model.upstream, self.model.downstream), gene.alleles, of_gene)
            for window, gene, of_gene in zip(windows, genes, sites, strict=True)
        ]
        predicted = substitutions.expression().mean(axis=1)
        of_genes = zip(genes, predicted, backgrounds, effects, ranks, named, strict=True)
        without_motifs = NETWORKS[self.model.network].motifs and not motifs.names
        return [self._gene_scores(fold, without_motifs, *of_gene) for of_gene in of_genes]

    def _gene_scores(
        self,
        fold: int | None,
        without_motifs: bool,
        gene: GeneAlleles,
        predicted: np.ndarray,
        background: Background,
        effects: tuple[np.ndarray, np.ndarray],
        ranks: Ranks,
        changed_motifs: Sequence[str],
    ) -> GeneScores:
        """Put the results of a gene together. effects: as `_effects` returns them."""
        by_network, effect = effects
        return GeneScores(
            gene_id=gene.gene_id,
            gene_name=self.genes.at[gene.gene_id, "gene_name"],
            chrom=self.genes.at[gene.gene_id, "chrom"],
            fold=fold,
            gene_pearson=self.model.pearson_of(gene.gene_id),
            alleles=gene.alleles,
            populations=self.model.populations,
            scorable=background.sites.scorable,
            changed_motifs=changed_motifs,
            without_motifs=without_motifs,
            predicted_ref=predicted,
            effect=effect,
            sd=rounded(by_network.std(axis=0)),
            sign_agreement=(np.sign(resolved(by_network)) == np.sign(effect)).mean(axis=0),
            percentile=ranks.percentile,
            p_value=ranks.p_value,
            specificity=ranks.own,
            specificity_p_value=ranks.specificity_p_value,
            **pooled_p_values(self.pooled, effect, ranks.own, background),
        )

    def _rank(self, ranks: Sequence[Ranks], substitutions: GeneEffects, backgrounds: Sequence[Background]) -> None:
        """Rank the alleles of genes, those of small ranks among more and more substitutions."""
        open_ = [background.sites.scorable.copy() for background in backgrounds]
        for stage, (count, enough) in enumerate(self.stages):
            if stage > 0:
                counts = [
                    dict.fromkeys(background.sites.compared_bin[left].tolist(), count)
                    for background, left in zip(backgrounds, open_, strict=True)
                ]
                extend_backgrounds(substitutions, backgrounds, counts)
            for rank, background, left in zip(ranks, backgrounds, open_, strict=True):
                for bin_ in set(background.sites.compared_bin[left].tolist()):
                    alleles = np.flatnonzero(left & (background.sites.compared_bin == bin_))
                    inside = background.inside(alleles, count)
                    smallest = rank.rank(alleles, *background.bins[bin_].first(count), inside)
                    left[alleles] = smallest < enough

    def _networks(self, fold: int | None) -> tuple[list[Network], SubstitutionEffects, ChangedMotifs]:
        """Load the networks of a fold (of all for None), their saturation and motifs; those of one fold are kept."""
        if fold not in self._of_fold:
            self._of_fold.clear()
            networks = self.model.networks(fold)
            motifs = ChangedMotifs(networks)
            self._of_fold[fold] = networks, incremental(networks, self.device, self.engine), motifs
        return self._of_fold[fold]

    def _effects(
        self,
        networks: list[Network],
        saturation: SubstitutionEffects,
        annotation: np.ndarray,
        window: FlankingSequence,
        gene: GeneAlleles,
        background: Background,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return effects by network (networks × alleles × populations) and their mean (alleles × populations), resolved.

        Those of substitutions are in the background; others are predicted.
        """
        sites = background.sites
        others = np.flatnonzero(sites.scorable & ~sites.substitution).tolist()
        by_network, effect = background.by_network, background.means
        if others:
            by_network[:, others] = self._differences(
                networks, saturation, annotation, window, [gene.alleles[at] for at in others]
            )
            effect[others] = resolved(by_network[:, others].mean(axis=0))
        return by_network, effect

    def _differences(
        self,
        networks: list[Network],
        saturation: SubstitutionEffects,
        annotation: np.ndarray,
        around: FlankingSequence,
        alleles: Sequence[Allele],
    ) -> np.ndarray:
        """Compute effects of alleles of any kind, means over shifts: networks × alleles × populations."""
        effects = np.zeros((len(networks), len(alleles), len(self.model.populations)))
        for by, chosen in [
            (shifts(self.phase, SHIFTS), [at for at, allele in enumerate(alleles) if allele.moves_bases]),
            (np.zeros(1, dtype=int), [at for at, allele in enumerate(alleles) if not allele.moves_bases]),
        ]:
            size = BATCH if isinstance(saturation, AlleleEffects) else BATCH // len(by)
            for first in range(0, len(chosen), size):
                batch = chosen[first : first + size]
                edits = [alleles[at].edits for at in batch]
                windows = edited_windows(around, edits, self.model.upstream, self.model.downstream, by)
                if isinstance(saturation, AlleleEffects):
                    difference = saturation.allele_effects(windows, annotation)
                else:
                    difference = self._predicted_differences(networks, windows, annotation)
                # If the networks read the same bases, the effect is 0, whatever rounding gives.
                difference[:, ~self._changed(windows)] = 0
                effects[:, batch] = difference.mean(axis=2)
        return effects

    def _changed(self, windows: EditedWindows) -> np.ndarray:
        """Tell whether the networks read other bases in the windows of alleles: alleles × shifts."""
        first, end = (self.model.upstream + base for base in self.reads)
        return np.stack(
            [
                (windows.codes[:, start + first : start + end] != windows.reference[other + first : other + end]).any(
                    axis=1
                )
                for start, other in zip(windows.starts, windows.reference_starts, strict=True)
            ],
            axis=1,
        )

    def _predicted_differences(
        self, networks: list[Network], windows: EditedWindows, annotation: np.ndarray
    ) -> np.ndarray:
        """Compute effects of alleles by complete predictions: networks × alleles × shifts × populations."""
        reference = np.stack([windows.reference[start : start + windows.size] for start in windows.reference_starts])
        edited = np.stack([windows.codes[:, start : start + windows.size] for start in windows.starts], axis=1)
        changed = self._changed(windows)
        difference = np.zeros((len(networks), *changed.shape, len(self.model.populations)))
        if changed.any():
            predicted = self._predict(networks, reference, annotation)
            by_allele = self._predict(networks, edited[changed], annotation)
            difference[:, changed] = by_allele - predicted[:, np.nonzero(changed)[1]]
        return difference

    def _predict(self, networks: list[Network], windows: np.ndarray, annotation: np.ndarray) -> np.ndarray:
        return predict(networks, windows, np.repeat(annotation[None], len(windows), axis=0), self.device)

    def _check(self, codes: np.ndarray, gene: GeneAlleles) -> None:
        """Raise InputError if the alleles or the FASTA do not belong to the window of the features."""
        upstream, flanking = self.features.upstream, gene.flanking
        if flanking and (flanking.window(upstream, self.features.downstream) != codes).any():
            raise InputError(
                Problem(
                    f"the FASTA around the TSS of {gene.gene_id!r}",
                    "another sequence than in features.h5",
                    "the FASTA from which features.h5 was made",
                )
            )
        for allele in gene.alleles:
            for edit in allele.edits:
                first, last = upstream + edit.start, upstream + edit.end
                found = codes[max(first, 0) : max(last, 0)]
                replaced = edit.replaced[max(-first, 0) :][: len(found)]
                if not (found & replaced).all():
                    raise InputError(
                        Problem(
                            f"variant {allele.variant_id!r} at {allele.pos} ({allele.ref} → {allele.alt})",
                            f"REF is not the sequence of {gene.gene_id!r}",
                            "variants that were checked against the genome of the features",
                        )
                    )


def score_variants(
    scorer: Scorer,
    variants: Callable[[], Iterable[ScorableVariant]],
    fasta: str,
    haplotypes: bool = False,
    processes: int = 1,
) -> Iterator[GeneScores]:
    """Score variants, one gene at a time.

    Parameters
    ----------
    variants: returns an iterator over the variants, sorted by gene, each time it is called. They are read twice: to find
        the sequence that insertions and deletions need, and for scoring.
    haplotypes: whether to score combinations of alleles that a haplotype carries, too.
    processes: that score genes at the same time, if there are many; on the CPU only.

    Raises
    ------
    InputError: for genes that genes.tsv lacks, and contigs that the FASTA lacks.
    """
    genes, window = scorer.genes, (scorer.features.upstream, scorer.features.downstream)
    places, margins = {}, {}
    for gene, group in groupby(variants(), key=lambda variant: variant.gene_id):
        if gene not in genes.index:
            raise InputError(Problem("genes.tsv", f"no gene {gene!r}", "every gene of the variants"))
        tss, strand = int(genes.at[gene, "tss"]), genes.at[gene, "strand"]
        edits = (
            Edit.of(variant.pos, variant.ref, variant.alt, tss, strand)
            for variant in group
            if len(variant.ref) != len(variant.alt)
        )
        moving = [edit for edit in edits if edit.touches(*window)]
        if moving:
            places[gene] = genes.at[gene, "chrom"], tss, strand
            margins[gene] = scorer.margin(moving)
    around = read_flanking_sequences(fasta, places, *window, margins)
    lacking = [gene for gene in places if gene not in around]
    if lacking:
        chrom = places[lacking[0]][0]
        raise InputError(Problem(fasta, f"no contig {chrom!r}", "the FASTA from which features.h5 was made"))
    found = []
    for gene, group in groupby(variants(), key=lambda variant: variant.gene_id):
        alleles = alleles_of(list(group), int(genes.at[gene, "tss"]), genes.at[gene, "strand"], haplotypes, window)
        found.append(GeneAlleles(gene, alleles, around.pop(gene, None)))
    parts = scorer.parts(found)
    scores: dict[int, GeneScores] = {}
    for part, scored in zip(parts, score_parts(scorer, found, parts, processes), strict=True):
        scores |= zip(part, scored, strict=True)
    yield from (scores[number] for number in range(len(found)))


def score_parts(
    scorer: Scorer, genes: Sequence[GeneAlleles], parts: Sequence[Sequence[int]], processes: int
) -> Iterator[list[GeneScores]]:
    """Score parts of genes; many of them, by so many processes of one thread each.

    Where one of them is killed, all end as if they were, so that Nextflow tries again with more memory.
    """
    of_parts = ([genes[number] for number in part] for part in parts)
    processes = min(processes, len(parts) // MIN_PARTS)
    if processes < 2:
        yield from map(scorer.score_part, of_parts)
        return
    try:
        with ProcessPoolExecutor(processes, get_context("fork"), _keep_scorer, (scorer,)) as pool:
            yield from pool.map(_score_part, of_parts)
    except BrokenProcessPool:
        log("a process that scored variants was killed, probably for lack of memory")
        sys.exit(KILLED)


_scorer: Scorer  # of a process that `score_parts` began


def _keep_scorer(scorer: Scorer) -> None:
    """Begin a process that scores parts."""
    global _scorer
    _scorer = scorer
    torch.set_num_threads(1)


def _score_part(genes: Sequence[GeneAlleles]) -> list[GeneScores]:
    """Score a part in its process."""
    return _scorer.score_part(genes)

"""Effects of variants on the genes in whose windows they lie, by the networks that never saw those genes (paper 3.4).

A substitution is looked up among its gene's saturation. Anything else is the difference of two predictions, of a window
with the reference's alleles and one with the others. An insertion or deletion moves all bases beyond it, and networks that
pool see them in other pooling windows: its effect is the mean over shifts of both windows by a phase of pooling.

Effects are resolved as those of effects.h5 are, so that they can be ranked among these: what only rounding makes differ from
0 is 0. An allele outside of what the network reads is not scorable: nothing is predicted for it. So is one outside of the
model's window: variants are read once, for the widest window of all models.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.networks.model import Model, Network
from scxpresso.networks.prediction import predict
from scxpresso.networks.registry import NETWORKS, bases_read
from scxpresso.problems import InputError, Problem
from scxpresso.saturation.effects_store import resolved, rounded
from scxpresso.saturation.incremental import incremental
from scxpresso.variants.haplotypes import haplotype_combinations
from scxpresso.variants.score_table import NOT_SCORABLE, ScorableVariant
from scxpresso.variants.significance import bins, compared, compared_bins, specificity
from scxpresso.variants.windows import Edit, FlankingSequence, read_flanking_sequences, shifts, without_overlaps

SHIFTS = 23  # of a phase, for insertions and deletions; on real ones 10 % off the mean of all 300, r 0.996
BATCH = 512  # windows predicted at once
DISAGREE = 0.8  # sign_agreement below which replicates are said to disagree
BADLY_PREDICTED = 0.3  # gene_pearson below which a gene is said to be predicted badly
# Number of an alternative's letter (A, C, G, T) by its code.
NUMBER_OF_CODE = np.full(16, 4, dtype=np.uint8)
NUMBER_OF_CODE[ALTERNATIVE_CODES] = range(4)


def nearest_to_tss(edits: Iterable[Edit]) -> int:
    """Bases from the TSS to the changed base that is nearest to it."""
    return min((edit.nearest for edit in edits), key=abs)


@dataclass(frozen=True)
class Allele:
    """What is scored against a gene's reference: an allele, or those of a haplotype together.

    variant_id, pos, ref, alt: as the table shows them. overlapping: whether some of a haplotype's alleles were left out
    because they overlap others. incomplete: whether no haplotype is known to carry just these. slid: by how many bases an
    allele in a repeat was moved downstream from where the file has it. outside: edits outside of the model's window, of
    which nothing is known there; `edits` are those inside. Others: what the file says of the association.
    """

    variant_id: str
    pos: str
    ref: str
    alt: str
    edits: tuple[Edit, ...]
    overlapping: bool = False
    incomplete: bool = False
    slid: int = 0
    risk_allele: str = ""
    gwas_beta: str = ""
    gwas_p_value: str = ""
    outside: tuple[Edit, ...] = ()

    @property
    def is_substitution(self) -> bool:
        return len(self.edits) == 1 and self.edits[0].is_substitution

    @property
    def tss_distance(self) -> int:
        """Bases from the TSS to the changed base that is nearest to it, on the gene's strand."""
        return nearest_to_tss(self.edits + self.outside)

    @property
    def moves_bases(self) -> bool:
        """Whether anything beyond its own bases lies elsewhere then."""
        return any(edit.longer for edit in self.edits)

    def edits_of(self, first: int, end: int) -> list[Edit]:
        """The edits that replace or move a base from `first` to `end` (exclusive), relative to the TSS."""
        return [edit for edit in self.edits if _overlap(_changed_bases(edit), (first, end))]


def _changed_bases(edit: Edit) -> tuple[float, float]:
    """First base that an edit replaces or moves, relative to the TSS, and the one after the last.

    The TSS stays in its place: an insertion or deletion moves the bases on its far side, as far as the sequence goes.
    """
    upstream, downstream = (edit.end <= 0 or edit.start < 0), edit.end > 0
    low = -np.inf if edit.longer and upstream else edit.start
    high = np.inf if edit.longer and downstream else edit.end
    return low, high


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])


@dataclass(frozen=True)
class GeneScores:
    """Scores of the alleles of a gene (see docs/output.md).

    scorable: of each allele, whether it changes what the network reads. predicted_ref: populations. Others: alleles ×
    populations.
    """

    gene_id: str
    gene_name: str
    chrom: str
    fold: int | None
    gene_pearson: float
    alleles: Sequence[Allele]
    populations: Sequence[str]
    scorable: np.ndarray
    predicted_ref: np.ndarray
    effect: np.ndarray
    sd: np.ndarray
    sign_agreement: np.ndarray
    percentile: np.ndarray
    p_value: np.ndarray
    specificity: np.ndarray
    specificity_p_value: np.ndarray

    def rows(self, set_name: str) -> Iterator[tuple]:
        """Rows of SCORE_COLUMNS, with q_value empty."""
        predicted, pearson = _texts(self.predicted_ref), _texts(np.array([self.gene_pearson]))[0]
        matrices = (self.sd, self.sign_agreement, self.percentile, self.p_value, self.specificity_p_value)
        disagree = (self.sign_agreement < DISAGREE) & (self.effect != 0)
        fold = "" if self.fold is None else self.fold
        for number, allele in enumerate(self.alleles):
            identity = (
                set_name, allele.variant_id, self.chrom, allele.pos, allele.ref, allele.alt, self.gene_id,
                self.gene_name, allele.tss_distance,
            )  # fmt: skip
            flags = {
                value: ",".join(
                    flag
                    for flag, holds in [
                        (NOT_SCORABLE, not self.scorable[number]),
                        ("replicates_disagree", value),
                        ("gene_badly_predicted", self.gene_pearson < BADLY_PREDICTED),
                        ("all_folds", self.fold is None),
                        ("overlapping_alleles", allele.overlapping),
                        ("incomplete_calls", allele.incomplete),
                    ]
                    if holds
                )
                for value in (False, True)
            }
            association = allele.risk_allele, allele.gwas_beta, allele.gwas_p_value
            columns = [_exact(matrix[number]) for matrix in (self.effect, self.specificity)]
            columns += [_texts(matrix[number]) for matrix in matrices]
            for population, ref, effect, own, sd, agreement, percentile, p, own_p, doubt in zip(
                self.populations, predicted, *columns, disagree[number].tolist(), strict=True
            ):
                yield (
                    *identity, population, fold, ref, effect, sd, agreement, percentile, p, "", own, own_p, pearson,
                    *association, flags[doubt],
                )  # fmt: skip


def _texts(values: np.ndarray) -> list[str]:
    return ["" if value != value else "%.6g" % value for value in values.tolist()]  # noqa: UP031 (the quickest)


def _exact(values: np.ndarray) -> list[str]:
    """Multiples of 2^-20 with all of their digits: who ranks them among those of effects.h5 finds the ranks of the table.

    Without an exponent: pandas reads 17 digits of a number, which never makes it larger than it is.
    """
    return ["" if value != value else f"{value:.20f}".rstrip("0").rstrip(".") for value in values.tolist()]


class Scorer:
    """A model, the genome that its genes lie in, and the networks that it needed so far.

    genes: genes.tsv, by gene_id. Raises InputError where the model's windows are not those of the features.
    """

    def __init__(
        self, model: Model, features: Features, genes: pd.DataFrame, device: torch.device, engine: str = "auto"
    ):
        self.model, self.features, self.genes, self.device, self.engine = model, features, genes, device, engine
        model.check_window(features.upstream, features.downstream)
        self.phase = NETWORKS[model.network].phase
        self.reads = bases_read(model.network, model.inputs, model.upstream, model.downstream)
        self._engines: dict[int | None, tuple] = {}

    def margin(self, edits: Iterable[Edit]) -> int:
        """Bases beyond a window that its edits and the shifts of a phase may bring into it."""
        return self.phase // 2 + 1 + sum(edit.end - edit.start for edit in edits)

    def edits_read(self, allele: Allele) -> list[Edit]:
        """The edits of an allele that change a base that the networks read, in any of the windows that are predicted."""
        first, end = self.reads
        shift = self.phase // 2 if allele.moves_bases else 0
        return allele.edits_of(first - shift, end + shift) if first < end else []

    def score(
        self, gene_id: str, alleles: Sequence[Allele], surroundings: FlankingSequence | None = None
    ) -> GeneScores:
        """Scores of the alleles of a gene in every population.

        surroundings: of the gene, its window and the margin of all edits on either side; needed for insertions and
        deletions. Raises InputError where they are not the window of the features.
        """
        row = self.features.rows([gene_id])
        codes = self.features.codes[row[0]]
        annotation = self.features.annotation(row, self.model.annotation_features)[0]
        fold = self.model.fold_of(gene_id)
        networks, engine = self._networks(fold)
        self._check(gene_id, codes, alleles, surroundings)

        # Every substitution of the bins that alleles lie in, or are compared with; the alleles that are substitutions are
        # some of them. What the networks do not read is nothing to compare with: it has effect 0 whatever happens.
        upstream, certain = self.features.upstream, BASE_OF_CODE[codes] < 4
        edits = [self.edits_read(allele) for allele in alleles]
        scorable = np.array([bool(read) for read in edits])
        starts = bins(certain, upstream)
        ends = np.append(starts[1:], len(codes))
        index = np.array([upstream + nearest_to_tss(read) if read else 0 for read in edits])
        index = np.clip(index, 0, len(codes) - 1)
        counted = certain.copy()
        counted[: upstream + self.reads[0]] = counted[upstream + self.reads[1] :] = False
        lies_in = np.searchsorted(starts, index, side="right") - 1
        bin_of = np.clip(lies_in, *compared_bins(starts, counted))
        real = counted[:, None] & (codes[:, None] != ALTERNATIVE_CODES)
        single = scorable & [allele.is_substitution for allele in alleles]
        letter = np.array(
            [NUMBER_OF_CODE[allele.edits[0].codes[0]] if allele.is_substitution else 0 for allele in alleles]
        )

        others = np.flatnonzero(scorable & ~single)
        effects = np.zeros((len(networks), len(alleles), len(self.model.populations)), dtype=np.float32)
        window = surroundings or FlankingSequence(codes, upstream)
        effects[:, others] = self._differences(networks, annotation, window, [alleles[at] for at in others])
        effect = resolved(effects.mean(axis=0))
        backgrounds = {}
        runs = _runs(np.unique([lies_in[scorable], bin_of[scorable]]))
        if not runs:
            reference, _ = engine.effects(codes, annotation, 0, 0)
        for first, last in runs:
            begin = starts[first]
            reference, substitutions = engine.effects(codes, annotation, begin, ends[last])
            mean = resolved(substitutions.mean(axis=0))
            own_mean = specificity(mean)
            here = single & (first <= lies_in) & (lies_in <= last)
            at = index[here] - begin, letter[here]
            effects[:, here], effect[here] = substitutions[:, *at], mean[at]
            for bin_ in range(first, last + 1):
                part = slice(starts[bin_] - begin, ends[bin_] - begin)
                members = real[starts[bin_] : ends[bin_]]
                backgrounds[bin_] = mean[part][members], own_mean[part][members]

        own = specificity(effect)
        inside = single & counted[index] & (lies_in == bin_of)
        signs = np.sign(resolved(effects))
        return GeneScores(
            gene_id=gene_id,
            gene_name=self.genes.at[gene_id, "gene_name"],
            chrom=self.genes.at[gene_id, "chrom"],
            fold=fold,
            gene_pearson=self.model.gene_pearson.get(gene_id, float("nan")),
            alleles=alleles,
            populations=self.model.populations,
            scorable=scorable,
            predicted_ref=reference.mean(axis=0),
            effect=effect,
            sd=rounded(effects.std(axis=0)),
            sign_agreement=(signs == np.sign(effect)).mean(axis=0),
            specificity=own,
            **compared(effect, own, np.where(scorable, bin_of, -1), inside, backgrounds),
        )

    def _networks(self, fold: int | None) -> tuple:
        """The networks of a fold (all for None) and their saturation; kept, because genes come in order of their ids."""
        if fold not in self._engines:
            networks = self.model.networks(fold)
            self._engines[fold] = networks, incremental(networks, self.device, self.engine)
        return self._engines[fold]

    def _differences(
        self, networks: list[Network], annotation: np.ndarray, around: FlankingSequence, alleles: Sequence[Allele]
    ) -> np.ndarray:
        """Effects of alleles by whole predictions: networks × alleles × populations."""
        size = self.model.upstream, self.model.downstream
        read = slice(*(self.model.upstream + end for end in self.reads))
        moved = shifts(self.phase, SHIFTS)
        effects = np.zeros((len(networks), len(alleles), len(self.model.populations)))
        for by, chosen in [
            (moved, [at for at, allele in enumerate(alleles) if allele.moves_bases]),
            (np.zeros(1, dtype=int), [at for at, allele in enumerate(alleles) if not allele.moves_bases]),
        ]:
            if not chosen:
                continue
            references = np.stack([around.window(*size, shift) for shift in by])
            predicted = self._predict(networks, references, annotation)
            for first in range(0, len(chosen), BATCH // len(by)):
                batch = chosen[first : first + BATCH // len(by)]
                edited = [around.edited(alleles[at].edits) for at in batch]
                windows = np.stack([[one.window(*size, shift) for shift in by] for one in edited])
                # What the networks read the same has effect 0, whatever rounding does.
                changed = (windows[..., read] != references[..., read]).any(axis=2)
                difference = np.zeros((len(networks), *changed.shape, effects.shape[2]))
                if changed.any():
                    number = np.nonzero(changed)[1]
                    difference[:, changed] = (
                        self._predict(networks, windows[changed], annotation) - predicted[:, number]
                    )
                effects[:, batch] = difference.mean(axis=2)
        return effects

    def _predict(self, networks: list[Network], windows: np.ndarray, annotation: np.ndarray) -> np.ndarray:
        return predict(networks, windows, np.repeat(annotation[None], len(windows), axis=0), self.device)

    def _check(
        self, gene_id: str, codes: np.ndarray, alleles: Sequence[Allele], surroundings: FlankingSequence | None
    ) -> None:
        """Raises InputError where the alleles or the FASTA do not belong to the window of the features."""
        upstream = self.features.upstream
        if surroundings and (surroundings.window(upstream, self.features.downstream) != codes).any():
            raise InputError(
                Problem(
                    f"the FASTA around the TSS of {gene_id!r}",
                    "another sequence than features.h5 has",
                    "the FASTA that features.h5 was made of",
                )
            )
        for allele in alleles:
            for edit in allele.edits:
                first, last = upstream + edit.start, upstream + edit.end
                found = codes[max(first, 0) : max(last, 0)]
                replaced = edit.replaced[max(-first, 0) :][: len(found)]
                if not (found & replaced).all():
                    raise InputError(
                        Problem(
                            f"variant {allele.variant_id!r} at {allele.pos} ({allele.ref} → {allele.alt})",
                            f"REF is not the sequence of {gene_id!r}",
                            "variants that were checked against the genome that the features were made of",
                        )
                    )


def _runs(numbers: np.ndarray) -> list[tuple[int, int]]:
    """Sorted whole numbers as first and last of each run without a gap."""
    if not len(numbers):
        return []
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    return list(zip(numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, len(numbers) - 1]], strict=True))


def alleles_of(
    variants: Sequence[ScorableVariant], tss: int, strand: str, haplotypes: bool, window: tuple[int, int]
) -> list[Allele]:
    """A gene's variants as alleles, in order, and with `haplotypes` those that one chromosome carries together, after them.

    window: bases upstream and downstream of the TSS that the model's window has.
    """
    alleles = []
    for variant in variants:
        edit = Edit.of(variant.pos, variant.ref, variant.alt, tss, strand)
        inside = edit.touches(*window)
        alleles.append(
            Allele(
                variant.variant_id,
                str(variant.pos),
                variant.ref,
                variant.alt,
                (edit,) if inside else (),
                slid=variant.slid if strand == "+" else -variant.slid,
                risk_allele=variant.risk_allele,
                gwas_beta=variant.gwas_beta,
                gwas_p_value=variant.gwas_p_value,
                outside=() if inside else (edit,),
            )
        )
    together = haplotype_combinations(variants) if haplotypes else []
    return alleles + [_haplotype([alleles[at] for at in indices], incomplete) for indices, incomplete in together]


def _haplotype(parts: Sequence[Allele], incomplete: bool) -> Allele:
    # In the order of the gene, so that both strands keep the same one of alleles that overlap.
    edits = sorted(_where_written([part for part in parts if part.edits]), key=lambda edit: (edit.start, edit.end))
    kept = without_overlaps(edits)
    return Allele(
        "+".join(part.variant_id for part in parts),
        ";".join(part.pos for part in parts),
        ";".join(part.ref for part in parts),
        ";".join(part.alt for part in parts),
        tuple(kept),
        len(kept) < len(edits),
        incomplete,
        outside=tuple(edit for part in parts for edit in part.outside),
    )


def _where_written(parts: Sequence[Allele]) -> list[Edit]:
    """The edits of a haplotype's alleles. One that slid past another in a repeat stays where the file has it.

    Else both together would make another sequence than the file says. So it is where two slid towards the same place.
    """
    placed = [edit for part in parts for edit in part.edits]
    written = [edit.moved(-part.slid) for part, edit in zip(parts, placed, strict=True)]
    ways = [(min(one.start, two.start), max(one.end, two.end)) for one, two in zip(placed, written, strict=True)]
    meets = [
        any(low <= end and high >= start for other, (low, high) in enumerate(ways) if other != number)
        for number, (start, end) in enumerate(ways)
    ]
    return [two if met else one for one, two, met in zip(placed, written, meets, strict=True)]


def score_variants(
    scorer: Scorer,
    variants: Callable[[], Iterable[ScorableVariant]],
    fasta: str,
    haplotypes: bool = False,
) -> Iterator[GeneScores]:
    """Scores of each gene's variants, a gene at a time.

    variants: gives them anew each time it is called, sorted by gene: they are read once for what insertions and deletions
    need of the FASTA, and once for scoring. Raises InputError for genes that genes.tsv lacks.
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
        raise InputError(Problem(fasta, f"no contig {chrom!r}", "the FASTA that features.h5 was made of"))
    for gene, group in groupby(variants(), key=lambda variant: variant.gene_id):
        alleles = alleles_of(list(group), int(genes.at[gene, "tss"]), genes.at[gene, "strand"], haplotypes, window)
        yield scorer.score(gene, alleles, around.pop(gene, None))

"""Every substitution of a window through the network `grammar`: only what it changes is computed, on the CPU.

Matches of motifs and counts of k-mers change locally. GC and CpG content in nested windows change in few ways, whatever the
number of substitutions: one prediction of each is enough. Of the trees only those are walked again in which a changed feature
crosses a threshold on the path that the gene takes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from scxpresso.compiled import copy, njit
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE, region
from scxpresso.networks.counted_kmers import COUNTED_KMERS, N_COUNTS
from scxpresso.networks.grammar import Grammar
from scxpresso.networks.kernel_regression import KernelRegression
from scxpresso.networks.promoter_composition import (
    N_KMERS,
    N_WINDOWS,
    REACHES,
    UNSTRANDED_COLUMNS,
    UNSTRANDED_KMERS,
    WINDOWS,
    C,
    G,
    PromoterComposition,
    promoter_composition,
    unstranded,
    window_counts,
    window_features,
)
from scxpresso.networks.scaling import MAX_DEVIATIONS
from scxpresso.networks.smooth_part import SmoothPart
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.effects import GeneEffects, TogetherEffects
from scxpresso.saturation.hybrid import Trees, add_tree_effects, touch_trees, tree_paths
from scxpresso.saturation.kmer_changes import (
    ALTERNATIVE_CHANNELS,
    CountedRegions,
    count_changes,
    strand_columns,
)
from scxpresso.saturation.motif_part import MotifEffects

KMERS = COUNTED_KMERS + UNSTRANDED_KMERS
FIRST, END = min(start for _, start, _ in KMERS), max(end for _, _, end in KMERS)  # relative to the TSS
PAIRS = [unstranded(k) for k, _, _ in UNSTRANDED_KMERS]
BEGINS = N_COUNTS + np.cumsum([0, *UNSTRANDED_COLUMNS])  # columns of each region
COUNTED = CountedRegions.of(
    FIRST,
    KMERS,
    [*strand_columns(COUNTED_KMERS), *(begin + pair for begin, pair in zip(BEGINS, PAIRS, strict=False))],
)
MAX_CHANGED = COUNTED.max_changed
BOUNDS = np.unique(WINDOWS)  # relative to the TSS


class GrammarEffects(TogetherEffects):
    """The effects of substitutions by several networks, as BruteForce gives them, on the CPU."""

    def __init__(self, networks: Sequence[tuple[Grammar, NetworkMetadata]]):
        self.networks = [network.cpu() for network, _ in networks]
        self.motifs = [MotifEffects(network.motifs) for network in self.networks]
        self.smooth = [SmoothEffects(network.smooth, network.upstream) for network in self.networks]

    def of_genes(self, codes: np.ndarray, annotation: np.ndarray) -> GeneEffects:
        """As SubstitutionEffects.of_genes."""
        return GrammarGenes(self, codes, annotation)


class GrammarGenes(GeneEffects):
    """The effects of several genes, whose references are computed once."""

    @torch.no_grad()
    def __init__(self, form: GrammarEffects, codes: np.ndarray, annotation: np.ndarray):
        self.form, self.codes, self.upstream = form, codes, form.networks[0].upstream
        features = torch.from_numpy(annotation.astype(np.float32))
        composition = promoter_composition(codes, self.upstream)
        self.smooth = [
            SmoothGenes(smooth, codes, composition, network.scaled_annotation(features))
            for network, smooth in zip(form.networks, form.smooth, strict=True)
        ]

    @torch.no_grad()
    def expression(self) -> np.ndarray:
        """As GeneEffects.expression."""
        codes = torch.from_numpy(self.codes)
        by_network = [
            network.expression.undo(torch.from_numpy(smooth.expression()) + network.motifs(codes).double())
            for network, smooth in zip(self.form.networks, self.smooth, strict=True)
        ]
        return torch.stack(by_network, dim=1).numpy()

    @torch.no_grad()
    def at(self, positions: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As GeneEffects.at."""
        return [self._of_gene(gene, of_gene) for gene, of_gene in enumerate(positions)]

    def _of_gene(self, gene: int, positions: np.ndarray) -> np.ndarray:
        """Compute the effects of a gene: networks × positions × alternatives × populations."""
        networks, codes = self.form.networks, self.codes[gene]
        populations = len(networks[0].expression.sd)
        effects = np.zeros((len(networks), len(positions), 4, populations), dtype=np.float32)
        if not len(positions):
            return effects
        kinds, windows = window_kinds(codes, self.upstream, positions)
        for network, motifs, smooth, own in zip(networks, self.form.motifs, self.smooth, effects, strict=True):
            change = smooth.effects(gene, kinds, windows, positions) + motifs.effects(codes, positions)
            change[codes[positions, None] == ALTERNATIVE_CODES] = 0
            own[:] = change * network.expression.sd.double().numpy()
        return effects


class Reference(NamedTuple):
    """What the smooth part makes of a gene.

    features: that trees read. by_kernels: components. leaves, first_node, tree_of, threshold_of: as in the Reference of
    hybrid.py.
    """

    features: np.ndarray
    by_kernels: np.ndarray
    leaves: np.ndarray
    first_node: np.ndarray
    tree_of: np.ndarray
    threshold_of: np.ndarray


class WindowChanges(NamedTuple):
    """What substitutions change of a gene's windows: few kinds of change, the first of which is none.

    kinds: positions × alternatives. windows: kinds × features of windows, scaled. radial: kinds × components, by radial
    kernels less those of the first kind.
    """

    kinds: np.ndarray
    windows: np.ndarray
    radial: np.ndarray


class Kmers(NamedTuple):
    """k-mers as the smooth part reads them: scaling, weights (k-mers × components), tree features."""

    mean: np.ndarray
    sd: np.ndarray
    weights: np.ndarray
    tree_feature: np.ndarray  # that a k-mer is; −1 for most of them


class Table(NamedTuple):
    """Some features of a kernel, for exponents as a product of matrices: the square of a difference multiplied out.

    reads: which of the features. root: by which each is multiplied. values: features and the sum of their squares × inducing
    genes. constant: inducing genes.
    """

    reads: torch.Tensor
    root: torch.Tensor
    values: torch.Tensor
    constant: torch.Tensor

    @classmethod
    def of(cls, precision: torch.Tensor, inducing: torch.Tensor) -> "Table":
        """Arrange those features of the inducing genes that are read."""
        reads = precision > 0
        root = precision[reads].double().sqrt()
        values = (inducing[:, reads].double() * root).T
        minus = torch.full((1, len(inducing)), -1.0, dtype=torch.float64)
        return cls(reads, root, torch.cat([2 * values, minus]), -(values**2).sum(dim=0))

    def exponents(self, features: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Add to the exponents by other features: rows × inducing genes."""
        read = features[:, self.reads].double() * self.root
        squares = (read**2).sum(dim=1, keepdim=True)
        return torch.addmm(others, torch.cat([read, squares], dim=1), self.values)


class RadialKernels:
    """The radial kernels of a network, for genes of which only windows change: the rest is compared once.

    windows: number of features of windows, which are the first.
    """

    def __init__(self, kernels: KernelRegression, windows: int):
        self.intercept = kernels.intercept.double()
        of_windows, others = kernels.inducing.tensor_split([windows], dim=1)
        self.kernels = [
            (
                Table.of(precision[:windows], of_windows),
                Table.of(precision[windows:], others),
                kernels.dual.double() * variance,
            )
            for precision, variance in zip(kernels.precision, kernels.variance.double(), strict=True)
        ]

    def of_others(self, others: torch.Tensor) -> torch.Tensor:
        """Compute the exponents of genes, from all but what windows add: kernels × genes × inducing genes."""
        return torch.stack(
            [
                of_others.exponents(others, windows.constant + of_others.constant)
                for windows, of_others, _ in self.kernels
            ]
        )

    def outputs(self, windows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Predict as KernelRegression.radial does.

        Parameters
        ----------
        windows: features of windows, one row or more for each gene.
        others: as `of_others` gives them, of the gene of each row, or of the one gene of all rows.
        """
        total = self.intercept.expand(len(windows), -1)
        for (of_windows, _, dual), exponents in zip(self.kernels, others, strict=True):
            if of_windows.reads.any():
                exponents = of_windows.exponents(windows, exponents)
            total = total + torch.exp(exponents) @ dual
        return total


class SmoothEffects:
    """The smooth part of one network, arranged for the effects of substitutions on the CPU."""

    def __init__(self, part: SmoothPart, upstream: int):
        self.part, self.upstream = part, upstream
        ensembles = list(part.trees)
        components = torch.cat([one.get_buffer("components") for one in ensembles])  # as far as trees count
        self.tree_share = float(part.tree_share)
        self.trees = Trees.of(ensembles, components * (self.tree_share / len(ensembles)))
        self.baseline = torch.cat([one.get_buffer("baseline") for one in ensembles]).double().numpy()
        self.n_windows = 0 if part.inputs == "half_life" else N_WINDOWS
        self.radial = RadialKernels(part.kernels, self.n_windows)
        tree_feature = np.full(N_KMERS, -1)
        n_features = part.kernels.inducing.shape[1]  # of radial kernels, which the k-mers of trees follow
        tree_feature[part.tree_kmers.numpy()] = n_features + np.arange(len(part.tree_kmers))
        weights = part.kernels.weight[:N_KMERS].double().numpy()
        self.kmers = Kmers(part.kmers.mean.numpy(), part.kmers.sd.numpy(), weights, tree_feature)
        self.center, self.shrinkage = part.center.double().numpy(), part.shrinkage.double().numpy()
        self.components = part.components.double().numpy()


class SmoothGenes:
    """What substitutions in several genes change of the smooth part of one network.

    composition, annotation: of the genes, the latter scaled.
    """

    def __init__(
        self, form: SmoothEffects, codes: np.ndarray, composition: PromoterComposition, annotation: torch.Tensor
    ):
        self.form, part = form, form.part
        features, scaled = part.features(composition, annotation), part.scaled_kmers(composition)
        windows, others = features.tensor_split([form.n_windows], dim=1)
        self.of_others = form.radial.of_others(others)
        blocks = torch.cat(part.blocks(scaled, annotation), dim=1)
        by_kernels = form.radial.outputs(windows, self.of_others) + part.kernels.linear(blocks)
        read = part.tree_features(features, scaled, by_kernels).numpy()
        self.references = [
            Reference(*of_gene, *tree_paths(form.trees, of_gene[0]))
            for of_gene in zip(read, by_kernels.numpy(), strict=True)
        ]
        self.bases = BASE_OF_CODE[region(codes, form.upstream, FIRST, END)]
        self.codes, self.counts = codes, np.square(composition.kmers.numpy()).round().astype(np.int64)

    def expression(self) -> np.ndarray:
        """Predict as SmoothPart.forward does, z-scaled: genes × populations."""
        trees = self.form.trees
        leaves = np.stack([reference.leaves for reference in self.references])
        values = trees.value[np.arange(leaves.shape[1]), leaves].astype(np.float64)
        sums = values.reshape(len(leaves), len(trees.components), -1).sum(axis=2) + self.form.baseline
        scores, both = np.stack([reference.by_kernels for reference in self.references]), trees.components.shape[1]
        scores[:, :both] *= 1 - self.form.tree_share
        scores[:, :both] += sums @ trees.components.astype(np.float64)
        center = self.form.center
        return (center + (scores - center) * self.form.shrinkage) @ self.form.components

    def effects(self, gene: int, kinds: np.ndarray, windows: torch.Tensor, positions: np.ndarray) -> np.ndarray:
        """Compute the effects of substitutions at some positions of a gene, z-scaled: positions × 4 × populations.

        kinds, windows: of these substitutions, as `window_kinds` gives them.
        """
        form = self.form
        scaled = form.part.scaled_windows(windows)
        radial = form.radial.outputs(scaled, self.of_others[:, gene : gene + 1])
        changes = WindowChanges(kinds, scaled.numpy(), (radial - radial[0]).numpy())
        own, places = BASE_OF_CODE[self.codes[gene, positions]], positions - form.upstream - FIRST
        scores = np.zeros((*kinds.shape, len(form.components)))
        _smooth_effects(
            self.bases[gene], own, places, COUNTED, self.counts[gene], form.kmers, changes, self.references[gene],
            form.trees, 1 - form.tree_share, scores,
        )  # fmt: skip
        return scores * form.shrinkage @ form.components


@njit()
def _smooth_effects(
    bases: np.ndarray,
    own: np.ndarray,
    places: np.ndarray,
    counted: CountedRegions,
    counts: np.ndarray,
    kmers: Kmers,
    changes: WindowChanges,
    reference: Reference,
    trees: Trees,
    kernel_share: float,
    effects: np.ndarray,
) -> None:
    """Fill `effects` (positions × alternatives × components).

    own: base of the gene at each position. places: of the positions in `bases`. counts: of its k-mers. kernel_share: of the
    kernels in the mean of kernels and trees.
    """
    columns, steps = np.empty(MAX_CHANGED, dtype=np.int64), np.empty(MAX_CHANGED, dtype=np.int64)
    limit, components, by_trees = np.float32(MAX_DEVIATIONS), effects.shape[2], trees.components.shape[1]
    n_windows, scores_from = changes.windows.shape[1], len(reference.features) - effects.shape[2]
    mutant, changed = reference.features.copy(), np.empty(len(reference.features), dtype=np.int64)
    last_seen, substitution = np.zeros(len(trees.feature), dtype=np.int64), 0
    touched, tree_effect = np.empty(len(trees.feature), dtype=np.int64), np.empty(by_trees, dtype=np.float32)
    for position in range(len(effects)):
        for number in range(4):
            if ALTERNATIVE_CHANNELS[number] == own[position]:
                continue
            substitution += 1
            kind, effect, n_changed, n_touched = changes.kinds[position, number], effects[position, number], 0, 0
            copy(changes.radial[kind], effect)
            for column in range(n_windows):
                if changes.windows[kind, column] != changes.windows[0, column]:
                    mutant[column] = changes.windows[kind, column]
                    changed[n_changed] = column
                    n_changed += 1
            found = 0
            if 0 <= places[position] < len(bases):
                found = count_changes(bases, places[position], ALTERNATIVE_CHANNELS[number], counted, columns, steps)
            for at in range(found):
                column = columns[at]
                # Exactly the operations of SmoothPart.scaled_kmers, in single precision.
                old = (np.sqrt(np.float32(counts[column])) - kmers.mean[column]) / kmers.sd[column]
                new = (np.sqrt(np.float32(counts[column] + steps[at])) - kmers.mean[column]) / kmers.sd[column]
                old, new = min(max(old, -limit), limit), min(max(new, -limit), limit)
                for component in range(components):
                    effect[component] += (np.float64(new) - np.float64(old)) * kmers.weights[column, component]
                if kmers.tree_feature[column] >= 0:
                    mutant[kmers.tree_feature[column]] = new
                    changed[n_changed] = kmers.tree_feature[column]
                    n_changed += 1
            for component in range(components):
                mutant[scores_from + component] = np.float32(reference.by_kernels[component] + effect[component])
                changed[n_changed] = scores_from + component
                n_changed += 1
            for at in range(n_changed):
                column = changed[at]
                old, new = reference.features[column], mutant[column]
                if old != new:
                    n_touched = touch_trees(reference, column, old, new, last_seen, substitution, touched, n_touched)
            for component in range(by_trees):
                effect[component] *= kernel_share
            if n_touched > 0:
                tree_effect[:] = 0
                add_tree_effects(trees, reference.leaves, touched[:n_touched], mutant, tree_effect)
                for component in range(by_trees):
                    effect[component] += tree_effect[component]
            for at in range(n_changed):
                mutant[changed[at]] = reference.features[changed[at]]


def window_kinds(codes: np.ndarray, upstream: int, positions: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
    """Sort substitutions by what they change of the nested windows.

    Returns
    -------
    The kind of each substitution (positions × alternatives), and the window features of each kind (kinds × N_WINDOWS); the
    first kind is the gene as it is.
    """
    reach = max(REACHES)
    bases = BASE_OF_CODE[region(codes[None], upstream, -reach - 1, reach + 1)][0].astype(np.int64)
    place = positions - upstream  # relative to the TSS
    inside = (place >= -reach) & (place < reach)
    at = np.clip(place, -reach, reach - 1) + reach + 1  # in `bases`
    old, before, after = (bases[at + step][:, None] for step in (0, -1, 1))
    new = BASE_OF_CODE[ALTERNATIVE_CODES].astype(np.int64)[None]
    gc = _strong(new).astype(int) - _strong(old)
    known = np.broadcast_to(old > 3, gc.shape).astype(int)
    left = ((before == C) & (new == G)).astype(int) - ((before == C) & (old == G))
    right = ((new == C) & (after == G)).astype(int) - ((old == C) & (after == G))
    segment = np.searchsorted(BOUNDS, place, side="right")[:, None]
    first_of = np.isin(place, [start for start, _ in WINDOWS])[:, None]
    last_of = np.isin(place + 1, [end for _, end in WINDOWS])[:, None]
    key = np.ravel_multi_index(
        np.broadcast_arrays(segment, first_of, last_of, gc + 1, known, left + 1, right + 1),
        (len(BOUNDS) + 1, 2, 2, 3, 2, 3, 3),
    )
    unchanged = ~inside[:, None] | ((gc == 0) & (known == 0) & (left == 0) & (right == 0))
    key = np.where(unchanged, -1, key)
    _, example, kinds = np.unique(np.append(-1, key.ravel()), return_index=True, return_inverse=True)
    row, alternative = np.divmod(example[1:] - 1, 4)
    here, (starts, ends) = place[row][:, None], np.array(WINDOWS).T
    holds = (starts <= here) & (here < ends)
    gc, known, left, right = (
        np.broadcast_to(part, key.shape)[row, alternative][:, None] for part in (gc, known, left, right)
    )
    changes = [holds * gc, (holds & (here > starts)) * left + (holds & (here < ends - 1)) * right, holds * known]
    counts = window_counts(codes[None], upstream)
    mutants = [np.vstack([count, count + change]) for count, change in zip(counts, changes, strict=True)]
    return kinds[1:].reshape(key.shape), torch.from_numpy(window_features(*mutants))


def _strong(bases: np.ndarray) -> np.ndarray:
    return (bases == C) | (bases == G)

"""Every substitution of a window through the network `grammar`: only what it changes is computed, on the CPU.

Matches of motifs and counts of k-mers change locally. GC and CpG content in nested windows change in few ways, whatever the
number of substitutions: one prediction of each is enough. Of the trees only those are walked again in which a changed feature
crosses a threshold on the path that the gene takes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from scxpresso.compiled import njit
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
from scxpresso.networks.smooth_part import TREE_SHARE, SmoothPart
from scxpresso.networks.weights import NetworkMetadata
from scxpresso.saturation.effects import PositionEffects
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


class GrammarEffects(PositionEffects):
    """The effects of substitutions by several networks, as BruteForce gives them, on the CPU."""

    def __init__(self, networks: Sequence[tuple[Grammar, NetworkMetadata]]):
        self.networks = [network.cpu() for network, _ in networks]
        self.upstream, self.populations = self.networks[0].upstream, len(networks[0][1].populations)
        self.motifs = [MotifEffects(network.motifs) for network in self.networks]
        self.smooth = [SmoothEffects(network.smooth, self.upstream) for network in self.networks]

    @torch.no_grad()
    def effects_at(
        self, codes: np.ndarray, annotation: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As SubstitutionEffects.effects_at."""
        effects = np.zeros((len(self.networks), len(positions), 4, self.populations), dtype=np.float32)
        features = torch.from_numpy(annotation[None].astype(np.float32))
        composition = promoter_composition(codes[None], self.upstream)
        kinds, windows = window_kinds(codes, self.upstream, positions)
        expression = []
        for network, motifs, smooth, own in zip(self.networks, self.motifs, self.smooth, effects, strict=True):
            annotated = network.scaled_annotation(features)
            output, change = smooth.effects(codes, composition, annotated, kinds, windows, positions)
            by_motifs = network.motifs(torch.from_numpy(codes[None]))[0].double()
            expression.append(network.expression.undo(torch.from_numpy(output) + by_motifs).numpy())
            change += motifs.effects(codes, positions)
            change[codes[positions, None] == ALTERNATIVE_CODES] = 0
            own[:] = change * network.expression.sd.double().numpy()
        return np.stack(expression), effects


class Reference(NamedTuple):
    """What the smooth part makes of a gene, and of each kind of change of its windows.

    features: that trees read. by_kernels: components. windows: kinds × features of windows, the first kind unchanged.
    radial: kinds × components, by radial kernels less those of the first kind. leaves, first_node, tree_of, threshold_of: as
    in the Reference of hybrid.py.
    """

    features: np.ndarray
    by_kernels: np.ndarray
    windows: np.ndarray
    radial: np.ndarray
    leaves: np.ndarray
    first_node: np.ndarray
    tree_of: np.ndarray
    threshold_of: np.ndarray


class Kmers(NamedTuple):
    """k-mers as the smooth part reads them: scaling, weights (k-mers × components), tree features."""

    mean: np.ndarray
    sd: np.ndarray
    weights: np.ndarray
    tree_feature: np.ndarray  # that a k-mer is; −1 for most of them


class Points(NamedTuple):
    """Some features of the inducing genes of a kernel. reads: which. values: genes × features. squares: sum over them."""

    reads: torch.Tensor
    values: torch.Tensor
    squares: torch.Tensor

    @classmethod
    def of(cls, reads: torch.Tensor, inducing: torch.Tensor) -> "Points":
        """Select the features that are read."""
        values = inducing[:, reads]
        return cls(reads, values, (values**2).sum(dim=1))

    def distances(self, features: torch.Tensor) -> torch.Tensor:
        """Compute squared Euclidean distances: rows of features × inducing genes."""
        read = features[:, self.reads]
        return (read**2).sum(dim=1)[:, None] + self.squares - 2 * read @ self.values.T


class RadialKernels:
    """The radial kernels of a network, for a gene of which only windows change: the rest is compared once.

    windows: number of features of windows, which are the first.
    """

    def __init__(self, kernels: KernelRegression, windows: int):
        self.intercept, self.dual = kernels.intercept.double(), kernels.dual.double()
        self.kernels = []
        inducing, is_window = kernels.inducing.double(), torch.arange(kernels.inducing.shape[1]) < windows
        for reads, scale, variance in zip(kernels.reads, kernels.scale, kernels.variance.double(), strict=True):
            points = Points.of(reads & is_window, inducing), Points.of(reads & ~is_window, inducing)
            self.kernels.append((*points, scale, variance))

    def outputs(self, features: torch.Tensor) -> torch.Tensor:
        """Predict as KernelRegression.radial does. features: all rows are alike but for windows."""
        features = features.double()
        total = self.intercept.expand(len(features), -1)
        for windows, others, scale, variance in self.kernels:
            distances = others.distances(features[:1])
            if windows.reads.any():
                distances = distances + windows.distances(features)
            total = total + torch.exp(-distances.clamp(min=0) / scale) @ self.dual * variance
        return total


class SmoothEffects:
    """What substitutions change of the smooth part of one network, on the CPU."""

    def __init__(self, part: SmoothPart, upstream: int):
        self.part, self.upstream = part, upstream
        self.trees = stacked_trees(part)
        self.baseline = torch.cat([one.get_buffer("baseline") for one in part.trees]).double().numpy()
        n_windows = 0 if part.inputs == "half_life" else N_WINDOWS
        self.radial = RadialKernels(part.kernels, n_windows)
        tree_feature = np.full(N_KMERS, -1)
        n_features = part.kernels.inducing.shape[1]  # of radial kernels, which the k-mers of trees follow
        tree_feature[part.tree_kmers.numpy()] = n_features + np.arange(len(part.tree_kmers))
        weights = part.kernels.weight[:N_KMERS].double().numpy()
        self.kmers = Kmers(part.kmers.mean.numpy(), part.kmers.sd.numpy(), weights, tree_feature)
        self.shrinkage, self.components = part.shrinkage.double().numpy(), part.components.double().numpy()

    def effects(
        self,
        codes: np.ndarray,
        composition: PromoterComposition,
        annotation: torch.Tensor,
        kinds: np.ndarray,
        windows: torch.Tensor,
        positions: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give what the smooth part makes of the gene, and of its substitutions, both z-scaled.

        They are the prediction (populations), and effects (positions × alternatives × populations).

        Parameters
        ----------
        composition, annotation: of the gene alone, the latter scaled.
        kinds, windows: of the substitutions at the positions, as `window_kinds` gives them.
        """
        part = self.part
        alike = PromoterComposition(windows[:, :0], windows)
        features = part.features(alike, annotation.expand(len(windows), -1))
        radial, scaled = self.radial.outputs(features), part.scaled_kmers(composition)
        by_kernels = radial[:1] + part.kernels.linear(torch.cat(part.blocks(composition, annotation), dim=1))
        read = part.tree_features(features[:1], scaled, by_kernels)[0].numpy()
        reference = Reference(
            read, by_kernels[0].numpy(), features[:, : windows.shape[1]].numpy(), (radial - radial[0]).numpy(),
            *tree_paths(self.trees, read),
        )  # fmt: skip
        counts = np.square(composition.kmers[0].numpy()).round().astype(np.int64)
        bases = BASE_OF_CODE[region(codes[None], self.upstream, FIRST, END)][0]
        own, places = BASE_OF_CODE[codes[positions]], positions - self.upstream - FIRST
        scores = np.zeros((*kinds.shape, len(self.components)))
        _smooth_effects(bases, own, places, COUNTED, counts, self.kmers, kinds, reference, self.trees, scores)
        return self._predicted(reference) @ self.components, scores * self.shrinkage @ self.components

    def _predicted(self, reference: Reference) -> np.ndarray:
        """Predict the scores of the gene, as SmoothPart.forward does."""
        leaves = self.trees.value[np.arange(len(reference.leaves)), reference.leaves].astype(np.float64)
        sums = leaves.reshape(len(self.trees.components), -1).sum(axis=1) + self.baseline
        scores, both = reference.by_kernels.copy(), self.trees.components.shape[1]
        scores[:both] = (1 - TREE_SHARE) * scores[:both] + sums @ self.trees.components.astype(np.float64)
        center = self.part.center.double().numpy()
        return center + (scores - center) * self.shrinkage


def stacked_trees(part: SmoothPart) -> Trees:
    """Put the trees of all ensembles after each other; their components are those of the part, as far as trees count."""
    ensembles = list(part.trees)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([one.get_buffer(name).flatten(0, 1).numpy() for one in ensembles])

    components = torch.cat([one.get_buffer("components") for one in ensembles]) * (TREE_SHARE / len(ensembles))
    return Trees(joined("feature"), joined("threshold"), joined("child"), joined("value"), components.numpy())


@njit()
def _smooth_effects(
    bases: np.ndarray,
    own: np.ndarray,
    places: np.ndarray,
    counted: CountedRegions,
    counts: np.ndarray,
    kmers: Kmers,
    kinds: np.ndarray,
    reference: Reference,
    trees: Trees,
    effects: np.ndarray,
) -> None:
    """Fill `effects` (positions × alternatives × components).

    own: base of the gene at each position. places: of the positions in `bases`. counts: of its k-mers.
    """
    columns, steps = np.empty(MAX_CHANGED, dtype=np.int64), np.empty(MAX_CHANGED, dtype=np.int64)
    limit, components, by_trees = np.float32(MAX_DEVIATIONS), effects.shape[2], trees.components.shape[1]
    n_windows, scores_from = reference.windows.shape[1], len(reference.features) - effects.shape[2]
    mutant, changed = reference.features.copy(), np.empty(len(reference.features), dtype=np.int64)
    last_seen, substitution = np.zeros(len(trees.feature), dtype=np.int64), 0
    touched, tree_effect = np.empty(len(trees.feature), dtype=np.int64), np.empty(by_trees, dtype=np.float32)
    for position in range(len(effects)):
        for number in range(4):
            if ALTERNATIVE_CHANNELS[number] == own[position]:
                continue
            substitution += 1
            kind, effect, n_changed, n_touched = kinds[position, number], effects[position, number], 0, 0
            effect[:] = reference.radial[kind]
            for column in range(n_windows):
                if reference.windows[kind, column] != reference.windows[0, column]:
                    mutant[column] = reference.windows[kind, column]
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
            effect[:by_trees] *= 1 - TREE_SHARE
            if n_touched > 0:
                tree_effect[:] = 0
                add_tree_effects(trees, reference.leaves, touched[:n_touched], mutant, tree_effect)
                effect[:by_trees] += tree_effect
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

"""The smooth part of the grammar network: what composition of promoter and transcript say of expression.

Populations are read as their principal components. Kernels predict them: linear ones of the promoter's k-mers and of
dipeptides, radial ones of GC and CpG content around the TSS and of the other annotation, products of these, and one for gene
features of the user. Gradient-boosted trees predict them again, from the kernels' predictions, the k-mers and gene features
that tell most, windows and annotation. A weighted mean of both is taken, by how well they predict held-out genes.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from scxpresso.genome.features import mean_and_sd
from scxpresso.genome.gene_features import is_gene_feature
from scxpresso.networks.fitted import FittedModule
from scxpresso.networks.gradient_boosted_trees import SETTINGS, Bins, GradientBoostedTrees
from scxpresso.networks.kernel_regression import KernelRegression
from scxpresso.networks.promoter_composition import BLOCKS, N_KMERS, N_WINDOWS, NEAR_BLOCK, PromoterComposition
from scxpresso.networks.scaling import MAX_DEVIATIONS, Scaling

COMPONENTS = 10  # of expression, by kernels
TREE_COMPONENTS = 6  # the first of them, by trees too
# Each ensemble of trees learns without one part of the genes, so that every gene has a prediction that did not know it.
PARTS = 10
TREE_SETTINGS = SETTINGS | {"max_iter": 50, "rounds_of_first": 4, "learning_rate": 0.1, "max_bins": 63}
# That trees read: more of them hide what else there is, the more so the fewer genes there are. (Embeddings have thousands of
# columns.)
TREE_KMERS = (100, 400)  # at least and at most; between them, one for each GENES_PER_KMER genes
GENES_PER_KMER, TREE_GENE_FEATURES = 10, 50
# Kinds of annotation features by how their names begin; all others but gene features are of structure.
DIPEPTIDES = ("dipeptide_",)
CODONS, PROTEIN = ("codon_", "aa_", "aa30_"), ("protein_",)
SURROUNDINGS = ("upstream_gap", "upstream_same_strand", "downstream_", "contig_end_", "genes_within_")
UNTRANSLATED = ("tes_", *(f"{region}_{base}" for region in ("utr5", "utr3", "intron1") for base in "ACGT"))


class SmoothInputs(NamedTuple):
    """What the smooth part reads of training genes, scaled and without NaN.

    features: genes × features of radial kernels and trees. groups: columns that radial kernels read. kernels: for each, the
    numbers of its groups. given: the columns that are gene features of the user. kmers: genes × N_KMERS, of which trees read
    some. blocks: for each linear kernel, genes × what it reads.
    """

    features: np.ndarray
    groups: list[np.ndarray]
    kernels: list[tuple[int, ...]]
    given: np.ndarray
    kmers: np.ndarray
    blocks: list[np.ndarray]


class SmoothPart(FittedModule):
    """Expression by composition of promoter and transcript: genes → genes × populations, z-scaled.

    inputs: as of the network. dipeptides: of each annotation feature, whether it is one. tree_kmers: columns of the k-mers
    that trees read. tree_share: of trees in the mean of kernels and trees. components: components × populations. center: of
    each component, the mean. shrinkage: of each component, from 0 (the mean) to 1.
    """

    dipeptides: Tensor
    tree_kmers: Tensor
    tree_share: Tensor
    components: Tensor
    center: Tensor
    shrinkage: Tensor

    def __init__(self, populations: int, inputs: str = "both"):
        super().__init__()
        self.inputs = inputs
        self.declare("dipeptides", "tree_kmers", "tree_share", "components", "center", "shrinkage")
        self.kmers, self.windows = Scaling(N_KMERS), Scaling(N_WINDOWS)
        self.kernels = KernelRegression()
        outputs = min(populations, TREE_COMPONENTS)
        self.trees = nn.ModuleList(GradientBoostedTrees(outputs, TREE_SETTINGS) for _ in range(PARTS))

    @torch.no_grad()
    def scale(self, promoter: PromoterComposition, annotation: Tensor, names: Sequence[str]) -> SmoothInputs:
        """Fit the scalings of what is read of promoters, and give what is read of the training genes.

        Parameters
        ----------
        promoter: of the genes, on the CPU.
        annotation: genes × names, scaled and without NaN, on the CPU.
        """
        self.kmers.fit(*mean_and_sd(promoter.kmers.double().numpy()))
        self.windows.fit(*mean_and_sd(promoter.windows.double().numpy()))
        self.keep(dipeptides=np.array([name.startswith(DIPEPTIDES) for name in names], dtype=bool))
        features, kmers = self.features(promoter, annotation), self.scaled_kmers(promoter)
        blocks = [block.numpy() for block in self.blocks(kmers, annotation)]
        return SmoothInputs(features.numpy(), *self._radial(names), self._gene_features(names), kmers.numpy(), blocks)

    @torch.no_grad()
    def first_guess(self, genes: SmoothInputs, expression: np.ndarray, seed: int) -> np.ndarray:
        """Predict each training gene by the others from what cannot hide a motif: composition and annotation, by kernels alone.

        Parameters and result: as those of `fit`; nothing is kept.
        """
        directions, scores = principal_components(expression)
        blocks = [block for number, block in enumerate(genes.blocks) if number != NEAR_BLOCK]  # 6-mers can hide a motif
        part = parts(len(scores), seed)
        held_out = KernelRegression().fit(genes.features, genes.groups, genes.kernels, blocks, scores, part, seed)
        return shrunk(held_out, scores)[0] @ directions

    @torch.no_grad()
    def fit(self, genes: SmoothInputs, expression: np.ndarray, seed: int) -> np.ndarray:
        """Fit the training genes.

        Parameters
        ----------
        expression: genes × populations, z-scaled.

        Returns
        -------
        A prediction of each gene by fits that did not know it, genes × populations, z-scaled.
        """
        directions, scores = principal_components(expression)
        features, given, part = genes.features, genes.given, parts(len(scores), seed)
        held_out = self.kernels.fit(features, genes.groups, genes.kernels, genes.blocks, scores, part, seed)
        by_kernels = torch.from_numpy(held_out)
        targets = scores[:, :TREE_COMPONENTS]
        # Each ensemble has its own: chosen with a gene, they would seem to predict it.
        own_kmers = chosen_by_part(genes.kmers, targets, part, number_of_tree_kmers(len(scores)))
        own_given = chosen_by_part(features[:, given], targets, part, TREE_GENE_FEATURES)
        self.keep(tree_kmers=np.unique(np.concatenate(own_kmers)))
        read = self.tree_features(torch.from_numpy(features), torch.from_numpy(genes.kmers), by_kernels).numpy()
        unread = [
            np.append(
                np.delete(given, mine), features.shape[1] + np.flatnonzero(~np.isin(self.tree_kmers.numpy(), its))
            )
            for mine, its in zip(own_given, own_kmers, strict=True)
        ]
        by_trees = self._fit_trees(read, unread, targets, part, seed)
        self.keep(tree_share=tree_share(held_out[:, : targets.shape[1]], by_trees, targets))
        predicted = self._mean(by_kernels, torch.from_numpy(by_trees)).numpy()
        fitted, center, shrinkage = shrunk(predicted, scores)
        self.keep(components=directions, center=center, shrinkage=shrinkage)
        return fitted @ directions

    def _radial(self, names: Sequence[str]) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
        """Group the columns of the features, and choose the groups that each radial kernel reads."""
        windows, given = np.arange(self._n_windows), self._gene_features(names)
        read = self._annotation_read(names)
        numbers = len(windows) + np.arange(len(read))
        codons, protein, untranslated = (
            numbers[[name.startswith(kind) for name in read]] for kind in (CODONS, PROTEIN, UNTRANSLATED)
        )
        coding = np.union1d(codons, protein)
        others = np.setdiff1d(numbers, np.concatenate([coding, untranslated, given]))
        structure = np.setdiff1d(others, numbers[[name.startswith(SURROUNDINGS) for name in read]])
        alone = [np.append(windows, others), coding, untranslated]
        if len(coding) or len(untranslated):
            alone.append(np.append(windows, np.setdiff1d(numbers, given)))
        alone = [group for group in [*alone, given] if len(group)]
        # What one of these says depends on the others.
        factors = [group for group in (windows, structure, codons, protein) if len(group)]
        groups = [*alone, *factors]
        products = combinations(range(len(alone), len(groups)), 2)
        return groups, [*((number,) for number in range(len(alone))), *products]

    def _gene_features(self, names: Sequence[str]) -> np.ndarray:
        """Find the columns of the features that are gene features of the user."""
        given = [is_gene_feature(name) for name in self._annotation_read(names)]
        return self._n_windows + np.flatnonzero(given)

    def _annotation_read(self, names: Sequence[str]) -> list[str]:
        """Name the annotation among the features, in their order."""
        return [] if self.inputs == "sequence" else [name for name in names if not name.startswith(DIPEPTIDES)]

    @property
    def _n_windows(self) -> int:
        """Number of window features, which are the first of the features."""
        return 0 if self.inputs == "half_life" else N_WINDOWS

    def _fit_trees(
        self, read: np.ndarray, unread: list[np.ndarray], targets: np.ndarray, part: np.ndarray, seed: int
    ) -> np.ndarray:
        """Fit each ensemble of trees without its part of the genes, and predict that part.

        read: genes × features. unread: columns of it that each ensemble does not read.
        """
        predicted, bins = np.zeros(targets.shape), Bins.of(read, TREE_SETTINGS)
        for number, trees in enumerate(self.trees):
            assert isinstance(trees, GradientBoostedTrees)  # a ModuleList does not say
            left_out = part == number
            columns = np.setdiff1d(np.arange(read.shape[1]), unread[number])
            trees.fit(bins.select(~left_out, columns), targets[~left_out], (seed + number) % 2**32)
            predicted[left_out] = trees(torch.from_numpy(read[left_out])).numpy()
        return predicted

    def features(self, promoter: PromoterComposition, annotation: Tensor) -> Tensor:
        """Give what radial kernels and trees read, genes × features: windows, and annotation but for dipeptides."""
        read = []
        if self.inputs != "half_life":
            read.append(self.scaled_windows(promoter.windows))
        if self.inputs != "sequence":
            read.append(annotation[:, ~self.dipeptides])
        return torch.cat(read, dim=1)

    def scaled_windows(self, windows: Tensor) -> Tensor:
        """Give windows as they are read, genes × N_WINDOWS."""
        return _scaled(self.windows, windows)

    def scaled_kmers(self, promoter: PromoterComposition) -> Tensor:
        """Give the k-mers as they are read, genes × N_KMERS; no columns if no sequence is read."""
        return promoter.kmers[:, :0] if self.inputs == "half_life" else _scaled(self.kmers, promoter.kmers)

    def blocks(self, kmers: Tensor, annotation: Tensor) -> list[Tensor]:
        """Give what each linear kernel reads, genes × features: the BLOCKS of `scaled_kmers`, dipeptides."""
        read: list[Tensor] = []
        if self.inputs != "half_life":
            read += kmers.split(BLOCKS, dim=1)
        if self.inputs != "sequence" and self.dipeptides.any():
            read.append(annotation[:, self.dipeptides])
        return read

    def tree_features(self, features: Tensor, kmers: Tensor, by_kernels: Tensor) -> Tensor:
        """Put what trees read side by side: `features`, some of `scaled_kmers`, and components as kernels predict them."""
        return torch.cat([features, kmers[:, self.tree_kmers], by_kernels.float()], dim=1)

    def forward(self, promoter: PromoterComposition, annotation: Tensor) -> Tensor:
        """z-scaled expression, genes × populations."""
        features, kmers = self.features(promoter, annotation), self.scaled_kmers(promoter)
        by_kernels = self.kernels.radial(features)
        blocks = self.blocks(kmers, annotation)
        if blocks:
            by_kernels = by_kernels + self.kernels.linear(torch.cat(blocks, dim=1))
        read = self.tree_features(features, kmers, by_kernels)
        scores = self._mean(by_kernels, torch.stack([trees(read) for trees in self.trees]).mean(dim=0))
        scores = self.center + (scores - self.center) * self.shrinkage
        return (scores.double() @ self.components.double()).float()

    def _mean(self, by_kernels: Tensor, by_trees: Tensor) -> Tensor:
        """Average components that both predict; the others are those of the kernels."""
        both, share = by_trees.shape[1], self.tree_share.double()
        mixed = (1 - share) * by_kernels[:, :both] + share * by_trees
        return torch.cat([mixed, by_kernels[:, both:]], dim=1)


def _scaled(scaling: Scaling, values: Tensor) -> Tensor:
    return scaling.apply_to(values).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)


def parts(genes: int, seed: int) -> np.ndarray:
    """Put genes into PARTS parts of about the same size: the number of each gene's."""
    return np.random.default_rng(seed).permutation(genes) % PARTS


def principal_components(expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the first directions of expression (components × populations) and the genes' scores (genes × components)."""
    directions = np.linalg.svd(expression, full_matrices=False)[2][:COMPONENTS]
    return directions, expression @ directions.T


def shrunk(predicted: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shrink held-out predictions of scores (genes × components) to their means, which are given too, and by how much."""
    center = scores.mean(axis=0)
    shrinkage = np.array([slope(*pair) for pair in zip((predicted - center).T, (scores - center).T, strict=True)])
    return center + (predicted - center) * shrinkage, center, shrinkage


def tree_share(by_kernels: np.ndarray, by_trees: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Choose how much trees count beside kernels, by held-out predictions of scores (genes × components).

    These are of one ensemble of trees each, those of new genes of all ensembles, which err less. So the share is halfway
    between that with the least squared error and 1. It is 0 where trees err more than the mean of the genes does, as those
    of few genes do, which have no split.
    """
    if ((by_trees - scores) ** 2).sum() >= ((scores - scores.mean(axis=0)) ** 2).sum():
        return np.array(0.0)
    apart = by_trees - by_kernels
    best = (apart * (scores - by_kernels)).sum() / max((apart**2).sum(), 1e-9)
    return np.array((1 + np.clip(best, 0, 1)) / 2)


def number_of_tree_kmers(genes: int) -> int:
    """Say how many k-mers trees read that are fitted to so many genes."""
    return int(np.clip(genes // GENES_PER_KMER, *TREE_KMERS))


def most_associated(features: np.ndarray, targets: np.ndarray, number: int) -> np.ndarray:
    """Choose the columns of scaled features that correlate most with any of the targets, in their order."""
    scaled = (targets - targets.mean(axis=0)) / np.maximum(targets.std(axis=0), 1e-9)
    association = np.abs((features - features.mean(axis=0)).T @ scaled).max(axis=1, initial=0)
    return np.sort(np.argsort(-association, kind="stable")[:number])


def chosen_by_part(features: np.ndarray, targets: np.ndarray, part: np.ndarray, number: int) -> list[np.ndarray]:
    """Choose for each part of the genes the columns that `most_associated` gives for the genes of the other parts."""
    return [most_associated(features[part != one], targets[part != one], number) for one in range(PARTS)]


def slope(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Regress observed on predicted values, both centred: by how much to shrink predictions, from 0 to 1."""
    return float(np.clip(predicted @ observed / max(predicted @ predicted, 1e-9), 0, 1))

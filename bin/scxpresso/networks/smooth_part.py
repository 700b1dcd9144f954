"""The smooth part of the grammar network: what composition of promoter and transcript say of expression.

Populations are read as their principal components. K-mers of the promoter and dipeptides of the protein act linearly. GC and
CpG content around the TSS and the other annotation act by radial kernels and, on what the linear effects leave, by
gradient-boosted trees; the mean of the two is taken. So whatever is not linear reads the promoter by few numbers, of which a
substitution changes those of the windows that hold it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from scxpresso.genome.features import mean_and_sd
from scxpresso.networks.counted_kmers import N_COUNTS
from scxpresso.networks.fitted import FittedModule
from scxpresso.networks.gradient_boosted_trees import SETTINGS, GradientBoostedTrees
from scxpresso.networks.kernel_regression import KernelRegression
from scxpresso.networks.promoter_composition import N_KMERS, N_WINDOWS, PromoterComposition
from scxpresso.networks.scaling import MAX_DEVIATIONS, Scaling

COMPONENTS = 10  # of expression, by kernels
TREE_COMPONENTS = 6  # the first of them, by trees too
# Each ensemble of trees learns without one part of the genes, so that every gene has a prediction that did not know it.
PARTS = 5
TREE_SETTINGS = SETTINGS | {"max_iter": 100, "learning_rate": 0.1, "max_bins": 63, "max_features": 0.3}
# Kinds of annotation features by how their names begin; all others are of structure and surroundings.
DIPEPTIDES = ("dipeptide_",)
CODING = ("codon_", "aa_", "aa30_")
UNTRANSLATED = ("tes_", *(f"{region}_{base}" for region in ("utr5", "utr3", "intron1") for base in "ACGT"))


class SmoothPart(FittedModule):
    """Expression by composition of promoter and transcript: genes → genes × populations, z-scaled.

    inputs: as of the network. dipeptides: of each annotation feature, whether it is one. components: components × populations.
    center: of each component, the mean. shrinkage: of each component, from 0 (the mean) to 1.
    """

    dipeptides: Tensor
    components: Tensor
    center: Tensor
    shrinkage: Tensor

    def __init__(self, populations: int, inputs: str = "both"):
        super().__init__()
        self.inputs = inputs
        self.declare("dipeptides", "components", "center", "shrinkage")
        self.kmers, self.windows = Scaling(N_KMERS), Scaling(N_WINDOWS)
        self.kernels = KernelRegression()
        outputs = min(populations, TREE_COMPONENTS)
        self.trees = nn.ModuleList(GradientBoostedTrees(outputs, TREE_SETTINGS) for _ in range(PARTS))

    @torch.no_grad()
    def fit(
        self, promoter: PromoterComposition, annotation: Tensor, names: Sequence[str], expression: np.ndarray, seed: int
    ) -> np.ndarray:
        """Fit the training genes.

        Parameters
        ----------
        promoter: of the genes, on the CPU.
        annotation: genes × names, scaled and without NaN, on the CPU.
        expression: genes × populations, z-scaled.

        Returns
        -------
        A prediction of each gene by fits that did not know it, genes × populations, z-scaled: another part learns what these
        leave.
        """
        self.kmers.fit(*mean_and_sd(promoter.kmers.double().numpy()))
        self.windows.fit(*mean_and_sd(promoter.windows.double().numpy()))
        self.keep(dipeptides=np.array([name.startswith(DIPEPTIDES) for name in names], dtype=bool))
        directions = np.linalg.svd(expression, full_matrices=False)[2][:COMPONENTS]
        scores = expression @ directions.T
        features = self.features(promoter, annotation).numpy()
        blocks = [block.numpy() for block in self.blocks(promoter, annotation)]
        radial, linear = self.kernels.fit(features, self._groups(names), blocks, scores, seed)
        by_trees = self._fit_trees(features, (scores - linear)[:, :TREE_COMPONENTS], seed)
        held_out = linear + _mean(torch.from_numpy(radial), torch.from_numpy(by_trees)).numpy()
        center = scores.mean(axis=0)
        shrinkage = [slope(*pair) for pair in zip((held_out - center).T, (scores - center).T, strict=True)]
        self.keep(components=directions, center=center, shrinkage=np.array(shrinkage))
        return (center + (held_out - center) * shrinkage) @ directions

    def _groups(self, names: Sequence[str]) -> list[np.ndarray]:
        """Choose the columns of the features that each radial kernel reads."""
        windows = np.arange(0 if self.inputs == "half_life" else N_WINDOWS)
        read = [] if self.inputs == "sequence" else [name for name in names if not name.startswith(DIPEPTIDES)]
        numbers = len(windows) + np.arange(len(read))
        coding = np.array([name.startswith(CODING) for name in read], dtype=bool)
        untranslated = np.array([name.startswith(UNTRANSLATED) for name in read], dtype=bool)
        groups = [np.append(windows, numbers[~coding & ~untranslated]), numbers[coding], numbers[untranslated]]
        if coding.any() or untranslated.any():
            groups.append(np.append(windows, numbers))
        return [group for group in groups if len(group)]

    def _fit_trees(self, features: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
        """Fit each ensemble of trees without its part of the genes, and predict that part."""
        part = np.random.default_rng(seed).permutation(len(features)) % PARTS
        predicted = np.zeros(targets.shape)
        for number, trees in enumerate(self.trees):
            assert isinstance(trees, GradientBoostedTrees)  # a ModuleList does not say
            left_out = part == number
            trees.fit(features[~left_out], targets[~left_out], (seed + number) % 2**32)
            predicted[left_out] = trees(torch.from_numpy(features[left_out])).numpy()
        return predicted

    def features(self, promoter: PromoterComposition, annotation: Tensor) -> Tensor:
        """Give what radial kernels and trees read, genes × features: windows, and annotation but for dipeptides."""
        read = []
        if self.inputs != "half_life":
            read.append(_scaled(self.windows, promoter.windows))
        if self.inputs != "sequence":
            read.append(annotation[:, ~self.dipeptides])
        return torch.cat(read, dim=1)

    def blocks(self, promoter: PromoterComposition, annotation: Tensor) -> list[Tensor]:
        """Give what each linear kernel reads, genes × features: k-mers by strand, k-mers of either strand, dipeptides."""
        read: list[Tensor] = []
        if self.inputs != "half_life":
            read += _scaled(self.kmers, promoter.kmers).tensor_split([N_COUNTS], dim=1)
        if self.inputs != "sequence" and self.dipeptides.any():
            read.append(annotation[:, self.dipeptides])
        return read

    def forward(self, promoter: PromoterComposition, annotation: Tensor) -> Tensor:
        """z-scaled expression, genes × populations."""
        scores = self.curved(self.features(promoter, annotation))
        blocks = self.blocks(promoter, annotation)
        if blocks:
            scores = scores + self.kernels.linear(torch.cat(blocks, dim=1))
        scores = (self.center + (scores - self.center) * self.shrinkage).double()
        return (scores @ self.components.double()).float()

    def curved(self, features: Tensor) -> Tensor:
        """Predict what is not linear, genes × components, from `features`."""
        by_trees = torch.stack([trees(features) for trees in self.trees]).mean(dim=0)
        return _mean(self.kernels.radial(features), by_trees)


def _scaled(scaling: Scaling, values: Tensor) -> Tensor:
    return scaling.apply_to(values).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)


def _mean(by_kernels: Tensor, by_trees: Tensor) -> Tensor:
    """Average components that both predict; the others are those of the kernels."""
    both = by_trees.shape[1]
    return torch.cat([(by_kernels[:, :both] + by_trees) / 2, by_kernels[:, both:]], dim=1)


def slope(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Regress observed on predicted values, both centred: by how much to shrink predictions, from 0 to 1."""
    return float(np.clip(predicted @ observed / max(predicted @ predicted, 1e-9), 0, 1))

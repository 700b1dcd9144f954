"""The smooth part of the grammar network: promoter composition and transcript, by kernels and by gradient-boosted trees.

Expression is read as principal components of the populations. K-mers of the promoter act linearly; GC and CpG content and
the annotation act by kernels and, on what the k-mers leave, by gradient-boosted trees, whose mean is taken. So all that is
not linear in the promoter reads the few numbers of its nested windows.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from scxpresso.genome.features import mean_and_sd
from scxpresso.networks.fitted import FittedModule
from scxpresso.networks.gradient_boosted_trees import SETTINGS, GradientBoostedTrees
from scxpresso.networks.kernel_regression import Kernel, KernelRegression
from scxpresso.networks.promoter_composition import N_COUNTS, N_WINDOWS, PromoterComposition
from scxpresso.networks.scaling import Scaling

COMPONENTS = 10  # of expression
PARTS = 5  # of the training genes: each ensemble of trees leaves one out
TREE_SETTINGS = SETTINGS | {"max_iter": 100, "learning_rate": 0.1, "max_bins": 63, "max_features": 0.3}
MAX_DEVIATIONS = 5.0  # beyond which a feature says no more
# Features by the beginning of their names; all others are of structure and neighbourhood.
CODING = ("codon_", "aa_", "aa30_")
UNTRANSLATED = ("utr5_A", "utr5_C", "utr5_T", "utr5_G", "utr3_A", "utr3_C", "utr3_T", "utr3_G", "intron1_", "tes_")
DIPEPTIDES = ("dipeptide_",)


class SmoothPart(FittedModule):
    """Expression by promoter composition and annotation: genes → genes × populations, z-scaled.

    inputs: as of the network. components: components × populations, the directions that are predicted. shrinkage: of each
    component, from 0 (the mean) to 1.
    """

    components: Tensor
    center: Tensor
    shrinkage: Tensor
    tree_columns: Tensor

    def __init__(self, populations: int, inputs: str = "both"):
        super().__init__()
        self.inputs = inputs
        self.declare("components", "center", "shrinkage", "tree_columns")
        self.kmers, self.windows = Scaling(N_COUNTS), Scaling(N_WINDOWS)
        self.kernels = KernelRegression()
        outputs = min(populations, COMPONENTS)
        self.trees = nn.ModuleList(GradientBoostedTrees(outputs, TREE_SETTINGS) for _ in range(PARTS))

    def fit(
        self,
        promoter: PromoterComposition,
        annotation: Tensor,
        names: Sequence[str],
        expression: np.ndarray,
        seed: int,
    ) -> np.ndarray:
        """Fit the training genes.

        Parameters
        ----------
        annotation: genes × names, scaled and without NaN.
        expression: genes × populations, z-scaled.

        Returns
        -------
        Predictions of each training gene by fits without it, genes × populations: what another part can learn from.
        """
        if self.inputs != "half_life":
            self.kmers.fit(*mean_and_sd(promoter.kmers.double().numpy()))
            self.windows.fit(*mean_and_sd(promoter.windows.double().numpy()))
        directions = np.linalg.svd(expression, full_matrices=False)[2][:COMPONENTS]
        scores = expression @ directions.T
        features, kmers = self.features(promoter, annotation).numpy(), self.scaled_kmers(promoter).numpy()
        windows = N_WINDOWS if self.inputs != "half_life" else 0
        held_out = self.kernels.fit(features, kmers, kernels_of(names, windows, self.inputs), scores, seed)
        dipeptides = [number + windows for number, name in enumerate(names) if name.startswith(DIPEPTIDES)]
        columns = np.setdiff1d(np.arange(features.shape[1]), dipeptides)
        by_trees = self._fit_trees(features[:, columns], scores - held_out.kmers, seed)
        together = held_out.kmers + (held_out.smooth + by_trees) / 2
        center = scores.mean(axis=0)
        shrinkage = [
            slope(guess - mean, score - mean) for guess, score, mean in zip(together.T, scores.T, center, strict=True)
        ]
        self.keep(components=directions, center=center, shrinkage=np.array(shrinkage), tree_columns=columns)
        self.parts = dict(held_out=held_out, by_trees=by_trees, scores=scores)
        return (center + (together - center) * shrinkage) @ directions

    def _fit_trees(self, features: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
        """Fit trees without each part of the genes in turn, and predict that part."""
        part = np.random.default_rng(seed).permutation(len(features)) % PARTS
        predicted = np.zeros(targets.shape)
        for number, trees in enumerate(self.trees):
            left_out = part == number
            trees.fit(features[~left_out], targets[~left_out], (seed + number) % 2**32)
            predicted[left_out] = trees(torch.from_numpy(features[left_out])).numpy()
        return predicted

    def scaled_kmers(self, promoter: PromoterComposition) -> Tensor:
        """Scale the k-mers: genes × N_COUNTS, or no columns where no sequence is read."""
        if self.inputs == "half_life":
            return promoter.kmers[:, :0]
        return self.kmers.apply_to(promoter.kmers).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)

    def features(self, promoter: PromoterComposition, annotation: Tensor) -> Tensor:
        """Put windows, scaled, and annotation side by side, as far as they are read."""
        return self.features_of(promoter.windows, annotation)

    def features_of(self, windows: Tensor, annotation: Tensor) -> Tensor:
        """As features, from the promoters' windows."""
        parts = []
        if self.inputs != "half_life":
            parts.append(self.windows.apply_to(windows).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS))
        if self.inputs != "sequence":
            parts.append(annotation)
        return torch.cat(parts, dim=1)

    def forward(self, promoter: PromoterComposition, annotation: Tensor) -> Tensor:
        """z-scaled expression, genes × populations."""
        features = self.features(promoter, annotation)
        return self.finish(self.curved(features) + self.kernels.by_kmers(self.scaled_kmers(promoter))).float()

    def curved(self, features: Tensor) -> Tensor:
        """Predict components by what is not linear in the promoter."""
        by_trees = torch.stack([trees(features[:, self.tree_columns]) for trees in self.trees]).mean(dim=0)
        return (self.kernels.smooth(features) + by_trees) / 2

    def finish(self, scores: Tensor) -> Tensor:
        """Turn components into populations."""
        return (self.center + (scores - self.center) * self.shrinkage).double() @ self.components.double()


def slope(guess: np.ndarray, truth: np.ndarray) -> float:
    """Regress the truth on a guess, both centred: by how much to shrink it, from 0 to 1."""
    return float(np.clip(guess @ truth / max(guess @ guess, 1e-9), 0, 1))


def kernels_of(names: Sequence[str], windows: int, inputs: str) -> list[Kernel]:
    """Choose the kernels of features: `windows` columns of the promoter, then the annotation by its names."""
    promoter = list(range(windows))
    if inputs == "sequence":
        return [Kernel(np.array(promoter))]
    numbers = list(range(windows, windows + len(names)))
    groups: dict[str, list[int]] = {"structure": [], "coding": [], "untranslated": [], "dipeptides": []}
    for number, name in zip(numbers, names, strict=True):
        kind = next(
            (
                kind
                for kind, starts in (("coding", CODING), ("untranslated", UNTRANSLATED), ("dipeptides", DIPEPTIDES))
                if name.startswith(starts)
            ),
            "structure",
        )
        groups[kind].append(number)
    kernels = [Kernel(np.array(promoter + groups["structure"]))]
    for kind in ("coding", "untranslated", "dipeptides"):
        if groups[kind]:
            kernels.append(Kernel(np.array(groups[kind])))
    if len(kernels) > 1:
        kernels.append(Kernel(np.array(promoter + groups["structure"] + groups["coding"] + groups["untranslated"])))
    if groups["dipeptides"]:
        kernels.append(Kernel(np.array(groups["dipeptides"]), linear=True))
    return kernels

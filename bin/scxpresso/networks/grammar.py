"""The third network: motifs, the composition of the promoter, and the transcript, added up (docs/science.md).

Nothing of it is trained over epochs: kernels and gradient-boosted trees predict what composition and transcript say, and
motifs explain what that leaves.
"""

import numpy as np
import torch
from torch import Tensor

from scxpresso.networks.forms import GeneInputs
from scxpresso.networks.motif_part import MotifPart
from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.promoter_composition import REACHES, PromoterComposition, promoter_composition
from scxpresso.networks.scaling import MAX_DEVIATIONS, Scaling
from scxpresso.networks.smooth_part import SmoothPart


class Grammar(ExpressionNetwork):
    """The sum of a smooth part and a motif part.

    populations: outputs. upstream: bases of the codes before the TSS. inputs: `both`, `sequence` (no annotation) or
    `half_life` (annotation only). annotation: number of annotation features.
    """

    def __init__(self, populations: int, upstream: int, inputs: str = "both", annotation: int = 5):
        super().__init__()
        self.inputs, self.upstream = inputs, upstream
        self.expression = Scaling(populations)
        self.annotation = Scaling(annotation)
        self.smooth = SmoothPart(populations, inputs)
        self.motifs = MotifPart(populations, upstream)

    @classmethod
    def build(cls, populations: int, upstream: int, downstream: int, inputs: str, annotation: int) -> "Grammar":
        """Make a network from what the registry builds networks from; annotation: number of features."""
        return cls(populations, upstream, inputs, annotation)

    @staticmethod
    def bases_read(upstream: int, downstream: int) -> tuple[int, int]:
        """The bases of a window that it reads, relative to the TSS: the first, and the one after the last."""
        return max(-max(REACHES), -upstream), min(max(REACHES), downstream)

    def scaled_annotation(self, annotation: Tensor) -> Tensor:
        """Annotation as features: genes × features."""
        return self.annotation.apply_to(annotation).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)

    def add_up(self, composition: PromoterComposition, codes: Tensor, annotation: Tensor) -> Tensor:
        """z-scaled expression of genes, whose composition was read from their codes."""
        output = self.smooth(composition, self.scaled_annotation(annotation))
        return output if self.inputs == "half_life" else output + self.motifs(codes)

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """z-scaled expression, B × populations, of codes (B × window, uint8) and annotation features (B × features)."""
        composition = promoter_composition(codes.cpu().numpy(), self.upstream).to(annotation.device)
        return self.add_up(composition, codes, annotation)


class GrammarGeneInputs(GeneInputs):
    """Genes as codes and as the composition of their promoters, on any device."""

    def __init__(self, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device):
        super().__init__(annotation, device)
        self.codes = torch.from_numpy(codes)
        self.composition = promoter_composition(codes, upstream).to(device)

    @classmethod
    def of(
        cls, codes: np.ndarray, upstream: int, annotation: np.ndarray, device: torch.device, inputs: str
    ) -> "GrammarGeneInputs":
        """As GeneInputs.of."""
        return cls(codes, upstream, annotation, device)

    def forward(self, network: Grammar, rows: Tensor) -> Tensor:
        """As GeneInputs.forward."""
        at = rows.to(self.device)
        return network.add_up(self.composition.of(at), self.codes[rows.cpu()], self.annotation[at])

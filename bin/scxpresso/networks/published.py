"""The published network: it reads codes and half-life features, and predicts expression in every population."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from scxpresso.genome.sequence import ONE_HOT
from scxpresso.networks.network import ExpressionNetwork
from scxpresso.networks.scaling import Scaling

POOL1, POOL1_PAD = 30, 1  # of the first pooling
K2, PAD2, POOL2 = 9, 4, 10  # of the second convolution, and its pooling
FILTERS1, FILTERS2 = 128, 32  # of the convolutions


class ScXpresso(ExpressionNetwork):
    """The published network (paper 2.1, Figure S1): 113,590 parameters for 22 populations at 10,500 bases.

    populations: outputs; a single output has a different head. window: bases. inputs: one of registry.INPUTS. annotation:
    number of half-life features. Raises ValueError if the window is too short for two poolings.
    """

    FORMER_NAMES: ClassVar = {"half_life": "annotation"}  # of layers in files of version 0.1

    one_hot: Tensor

    def __init__(self, populations: int, window: int, inputs: str = "both", annotation: int = 5):
        super().__init__()
        self.inputs = inputs
        self.annotation = Scaling(annotation)
        self.expression = Scaling(populations)
        self.register_buffer("one_hot", torch.from_numpy(ONE_HOT), persistent=False)

        width = annotation if inputs != "sequence" else 0
        if inputs != "half_life":
            width += FILTERS2 * self.positions(window)
            self.sequence = nn.Sequential(
                nn.Conv1d(4, FILTERS1, kernel_size=6, padding=2),  # B × 4 × 10,500 → B × 128 × 10,499
                nn.ReLU(),
                nn.MaxPool1d(POOL1, padding=POOL1_PAD),  # → B × 128 × 350
                nn.Conv1d(FILTERS1, FILTERS2, kernel_size=K2, padding=PAD2),  # → B × 32 × 350
                nn.ReLU(),
                nn.MaxPool1d(POOL2),  # → B × 32 × 35
                nn.Flatten(),  # → B × 1,120
            )
        head = [nn.Linear(width, 64), nn.ReLU(), nn.Dropout(0.00099)]
        if populations == 1:
            head += [nn.Linear(64, 2), nn.ReLU(), nn.Dropout(0.01546), nn.Linear(2, 1)]
        else:
            head += [nn.Linear(64, populations)]
        self.head = nn.Sequential(*head)

    def weight_and_bias(self, layer: str) -> tuple[nn.Parameter, nn.Parameter]:
        """Return weight and bias of a layer, by its name in weight files, such as `sequence.0`."""
        return self.get_parameter(f"{layer}.weight"), self.get_parameter(f"{layer}.bias")

    @classmethod
    def build(cls, populations: int, upstream: int, downstream: int, inputs: str, annotation: int) -> "ScXpresso":
        """Build a network from the arguments of the registry; annotation: number of features."""
        return cls(populations, upstream + downstream, inputs, annotation)

    @staticmethod
    def positions(window: int) -> int:
        """Count the positions that remain after two convolutions and poolings: 35 for a window of 10,500."""
        after = ((window - 1 + 2 - 30) // 30 + 1) // 10
        if after < 1:
            raise ValueError(f"a window of {window} bases is too short for this network: it needs at least 299")
        return after

    @classmethod
    def bases_read(cls, upstream: int, downstream: int) -> tuple[int, int]:
        """Return the first base of a window that is read, and the one after the last, relative to the TSS.

        Pooling ignores bases that fill no pooling bin: none of 10,500, up to 300 at the end of other windows.
        """
        window = upstream + downstream
        pooled = min((window - 1 + 2 - 30) // 30 + 1, 10 * cls.positions(window) + 4)
        return -upstream, min(30 * pooled + 2, window) - upstream

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """Predict z-scaled expression (B × populations) from codes (B × window, uint8) and log10 half-life features (B × 5)."""
        parts = []
        if self.inputs != "half_life":
            parts.append(self.sequence(self.one_hot[codes.int()].transpose(1, 2)))
        if self.inputs != "sequence":
            parts.append(self.annotation.apply_to(annotation))
        return self.head(torch.cat(parts, dim=1))

"""The published network: it reads codes and half-life features and predicts every population's expression."""

import torch
from torch import Tensor, nn

from scxpresso.genome.sequence import ONE_HOT

INPUTS = ["both", "sequence", "half_life"]


class Scaling(nn.Module):
    """Means and deviations of the training genes, kept with the weights so that no output can forget them."""

    def __init__(self, columns: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("sd", torch.ones(columns))

    def fit(self, mean, sd) -> None:
        self.mean.copy_(torch.as_tensor(mean))
        self.sd.copy_(torch.as_tensor(sd))

    def apply_to(self, values: Tensor) -> Tensor:
        """What is not known (NaN) is read as the mean of the training genes."""
        return ((values - self.mean) / self.sd).nan_to_num(0.0)

    def undo(self, scaled: Tensor) -> Tensor:
        return scaled * self.sd + self.mean


class ScXpresso(nn.Module):
    """The published network (paper 2.1, Figure S1): 113,590 parameters for 22 populations at 10,500 bases.

    populations: outputs; one output has a head of its own. window: bases. inputs: `both`, `sequence` or `half_life`.
    Raises ValueError for a window too short for its two poolings.
    """

    extended = False  # reads the five half-life features of the annotation, whatever else there is
    smallest_window, options = 299, ("epochs", "batch_size", "learning_rate")
    phase = 300  # bases after which its two poolings, of 30 and of 10 positions, begin anew

    def __init__(self, populations: int, window: int, inputs: str = "both", half_life_features: int = 5):
        super().__init__()
        self.inputs = inputs
        self.half_life = Scaling(half_life_features)
        self.expression = Scaling(populations)
        self.register_buffer("one_hot", torch.from_numpy(ONE_HOT), persistent=False)

        width = half_life_features if inputs != "sequence" else 0
        if inputs != "half_life":
            width += 32 * self.positions(window)
            self.sequence = nn.Sequential(
                nn.Conv1d(4, 128, kernel_size=6, padding=2),  # B × 4 × 10,500 → B × 128 × 10,499
                nn.ReLU(),
                nn.MaxPool1d(30, padding=1),  # → B × 128 × 350
                nn.Conv1d(128, 32, kernel_size=9, padding=4),  # → B × 32 × 350
                nn.ReLU(),
                nn.MaxPool1d(10),  # → B × 32 × 35
                nn.Flatten(),  # → B × 1,120
            )
        head = [nn.Linear(width, 64), nn.ReLU(), nn.Dropout(0.00099)]
        if populations == 1:
            head += [nn.Linear(64, 2), nn.ReLU(), nn.Dropout(0.01546), nn.Linear(2, 1)]
        else:
            head += [nn.Linear(64, populations)]
        self.head = nn.Sequential(*head)

    @classmethod
    def build(cls, populations: int, upstream: int, downstream: int, inputs: str, annotation: int) -> "ScXpresso":
        """By what every network is built from; annotation: the number of its features."""
        return cls(populations, upstream + downstream, inputs, annotation)

    @property
    def annotation(self) -> Scaling:
        """As other networks call it; files of weights know it as half_life."""
        return self.half_life

    @staticmethod
    def positions(window: int) -> int:
        """Positions that two convolutions and poolings leave of a window: 35 of 10,500."""
        after = ((window - 1 + 2 - 30) // 30 + 1) // 10
        if after < 1:
            raise ValueError(f"a window of {window} bases is too short for this network: it needs at least 299")
        return after

    @classmethod
    def bases_read(cls, upstream: int, downstream: int) -> tuple[int, int]:
        """The bases of a window that it reads, relative to the TSS: the first, and the one after the last.

        Its poolings leave out what fills no pooling window: 0 bases of 10,500, up to 300 at the end of other windows.
        """
        window = upstream + downstream
        pooled = min((window - 1 + 2 - 30) // 30 + 1, 10 * cls.positions(window) + 4)
        return -upstream, min(30 * pooled + 2, window) - upstream

    def forward(self, codes: Tensor, half_life: Tensor) -> Tensor:
        """z-scaled expression, B × populations, of codes (B × window, uint8) and log10 half-life features (B × 5)."""
        parts = []
        if self.inputs != "half_life":
            parts.append(self.sequence(self.one_hot[codes.int()].transpose(1, 2)))
        if self.inputs != "sequence":
            parts.append(self.half_life.apply_to(half_life))
        return self.head(torch.cat(parts, dim=1))

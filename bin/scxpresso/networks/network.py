"""What every network has to be, whatever its kind."""

from torch import Tensor, nn

from scxpresso.networks.scaling import Scaling


class ExpressionNetwork(nn.Module):
    """A network of the registry: it predicts expression, and keeps the scalings of the genes that trained it.

    expression: scaling of the populations. annotation: scaling of the annotation features.
    """

    expression: Scaling
    annotation: Scaling

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """z-scaled expression, B × populations, of codes (B × window, uint8) and annotation features (B × features)."""
        raise NotImplementedError

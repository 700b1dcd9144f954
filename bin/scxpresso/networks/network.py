"""The base class of all networks."""

from torch import Tensor, nn

from scxpresso.networks.scaling import Scaling


class ExpressionNetwork(nn.Module):
    """A network that predicts expression and keeps the scalings of its training genes.

    expression: scaling of the populations. annotation: scaling of the annotation features.
    """

    expression: Scaling
    annotation: Scaling

    def forward(self, codes: Tensor, annotation: Tensor) -> Tensor:
        """Predict z-scaled expression (B × populations) from codes (B × window, uint8) and annotation features (B × features)."""
        raise NotImplementedError

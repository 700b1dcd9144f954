"""The networks, by the names that `--network` gives them (docs/usage.md says how one of your own joins them)."""

from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.published import ScXpresso

NETWORKS = {"scxpresso": ScXpresso, "hybrid": Hybrid}

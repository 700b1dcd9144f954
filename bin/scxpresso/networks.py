"""The networks, by the names that `--network` gives them (docs/usage.md says how one of your own joins them)."""

from scxpresso.hybrid import Hybrid
from scxpresso.network import ScXpresso

NETWORKS = {"scxpresso": ScXpresso, "hybrid": Hybrid}

"""The networks, by the names that `--network` gives them (docs/usage.md says how one of your own joins them)."""

from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.published import ScXpresso

NETWORKS = {"scxpresso": ScXpresso, "hybrid": Hybrid}


def bases_read(network: str, inputs: str, upstream: int, downstream: int) -> tuple[int, int]:
    """The bases of a window that a network reads, relative to the TSS: the first, and the one after the last.

    A network whose class has no `bases_read` is taken to read the whole window; both are 0 where no sequence is read.
    """
    if inputs == "half_life":
        return 0, 0
    kind = NETWORKS[network]
    return kind.bases_read(upstream, downstream) if hasattr(kind, "bases_read") else (-upstream, downstream)

"""How large a variant map will be, and how long it takes to compute; constants as benchmarks/variant_map.py measured them."""

from typing import NamedTuple

# Bytes on disk per base that networks read, alternative and population, compressed: of networks that were not trained, which
# are the least compressible. A trained model of the demo needed 3.2.
BYTES_PER_VALUE = 4.2
# CPU seconds per base and network, whatever the number of populations, of the slowest network that has an incremental form.
SECONDS_PER_BASE = 4.6e-6
# CPU seconds per base, network and population, with ranks and compression.
SECONDS_PER_OUTPUT = 0.2e-6


class MapSize(NamedTuple):
    """What decides the size of a model's map. bases: that networks read of a gene. networks: that predict a gene."""

    genes: int
    bases: int
    populations: int
    networks: int

    @property
    def bytes(self) -> float:
        """About how many bytes a map has on disk."""
        return BYTES_PER_VALUE * 3 * self.genes * self.bases * self.populations

    @property
    def cpu_seconds(self) -> float:
        """About how many CPU seconds its tasks take, without their start, by a network that has an incremental form."""
        per_base = SECONDS_PER_BASE + SECONDS_PER_OUTPUT * self.populations
        return self.genes * self.bases * self.networks * per_base

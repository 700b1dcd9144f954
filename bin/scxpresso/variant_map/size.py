"""How large a variant map will be, and how long it takes to compute.

benchmarks/variant_map.py compares the estimate with measurements.
"""

from typing import NamedTuple

# Bytes on disk per base that networks read, alternative and population, compressed. benchmarks/variant_map.py measured 3.2,
# and 4.1 were measured where populations do not correlate, which are the least compressible.
BYTES_PER_VALUE = 4.2
# CPU seconds per base and network, whatever the number of populations, of the slowest network that has an incremental form.
SECONDS_PER_BASE = 4.6e-6
# CPU seconds per base, network and population, with ranks and compression.
SECONDS_PER_OUTPUT = 0.2e-6

# A task holds the values of its part until it writes them. Bytes of a value, and of a part: small beside a task's memory.
BYTES_IN_MEMORY = 7
PART_BYTES = 2e9
GENES_PER_PART = 200  # at most: a task starts in some seconds, and computes a gene in less than one


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

    @property
    def genes_per_part(self) -> int:
        """Most genes of a task."""
        return int(min(max(PART_BYTES / (BYTES_IN_MEMORY * 3 * self.bases * self.populations), 1), GENES_PER_PART))

"""Which of a gene's variants one chromosome carries together."""

from collections import defaultdict
from collections.abc import Sequence


def carried_together(carriers: Sequence[str]) -> list[tuple[int, ...]]:
    """Every distinct set of two or more variants that some haplotype carries, as indices, in order.

    carriers: of each variant, numbers of the haplotypes that carry its allele, joined by commas.
    """
    variants_of = defaultdict(list)
    for index, numbers in enumerate(carriers):
        for number in numbers.split(",") if numbers else ():
            variants_of[number].append(index)
    return sorted({tuple(indices) for indices in variants_of.values() if len(indices) > 1})

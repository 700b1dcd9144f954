"""Sequences without their words: bases shuffled so that each dinucleotide stays as frequent as it is."""

from collections.abc import Iterator

import numpy as np


def dinucleotide_shuffle(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle a sequence; all sequences with its dinucleotides and its first and last base are equally likely.

    The bases are the steps of a path from base to base, each dinucleotide a step. A random path takes the steps out of
    each base in random order. To come to its end, its last steps out of the other bases have to lead to the last base
    (Altschul and Erickson 1985, Mol Biol Evol 2:526).
    """
    if len(codes) < 3:
        return codes.copy()
    bases, numbers = np.unique(codes, return_inverse=True)
    steps = [numbers[1:][numbers[:-1] == base] for base in range(len(bases))]
    orders = [rng.permutation(step) for step in steps]
    while not _ends(orders, numbers[-1]):
        orders = [rng.permutation(step) for step in steps]
    following: list[Iterator[int]] = [iter(order.tolist()) for order in orders]
    path = [int(numbers[0])]
    while len(path) < len(codes):
        path.append(next(following[path[-1]]))
    return bases[path]


def _ends(orders: list[np.ndarray], end: int) -> bool:
    """Tell whether the last steps out of all bases but `end` lead to it."""
    for start in range(len(orders)):
        at = start
        for _ in range(len(orders)):
            if at != end:
                at = orders[at][-1]
        if at != end:
            return False
    return True

"""How unusual an effect is: its rank among the gene's own substitutions at the same distance to the TSS.

Beside pooled p-values, ranks are estimated from a sample of the substitutions, which grows while they are small, as in
sequential Monte Carlo tests (Besag and Clifford 1991, Biometrika 78:301).
"""

import numpy as np

from scxpresso.saturation.effects_store import resolved

BIN = 500  # bases of distance to the TSS
MIN_POSITIONS = 250  # unambiguous positions of a bin that stands for itself
FEW = 8  # alleles that are compared with every effect; those of more are sorted
# Where p-values are estimates, an allele is compared with the substitutions at so many positions of its bin (None: at all),
# and then with more, if fewer than so many of them have an effect as large as its own in some population.
N_SAMPLED = 50  # positions that also give the gene's root mean square for pooled p-values
STAGES = ((N_SAMPLED, 6), (150, 10), (None, 0))


def bins(unambiguous: np.ndarray, upstream: int) -> np.ndarray:
    """Give the first index of each bin of a window, in order; a bin ends where the next one begins.

    Bins are BIN bases of distance to the TSS (… −500 to −1, 0 to 499, …); one with fewer than MIN_POSITIONS unambiguous
    positions is joined to its neighbour on the TSS's side. unambiguous: of each position, whether its base is.
    """
    number = (np.arange(len(unambiguous)) - upstream) // BIN
    starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1)).tolist()
    numbers = [int(number[start]) for start in starts]
    while len(starts) > 1:
        counts = np.add.reduceat(unambiguous.astype(int), starts)
        few = np.flatnonzero(counts < MIN_POSITIONS)
        if not len(few):
            break
        bin_ = int(few[0])
        # A bin disappears with its first index, or with that of the bin after it.
        joins_next = bin_ == 0 or (numbers[bin_] < 0 and bin_ + 1 < len(starts))
        removed = bin_ + 1 if joins_next else bin_
        if joins_next and numbers[removed] >= 0:
            numbers[bin_] = numbers[removed]
        del starts[removed], numbers[removed]
    return np.array(starts)


def compared_bins(starts: np.ndarray, counted: np.ndarray) -> tuple[int, int]:
    """Give the first and last bin that alleles are compared with; those of other bins are compared with the nearest.

    These are the bins with MIN_POSITIONS positions that count, or the fullest if there is none.

    Parameters
    ----------
    starts: as `bins` gives them.
    counted: of each position, whether its base is unambiguous and the network reads it.
    """
    counts = np.add.reduceat(counted.astype(int), starts)
    full = np.flatnonzero(counts >= MIN_POSITIONS) if counts.max() >= MIN_POSITIONS else [counts.argmax()]
    return int(full[0]), int(full[-1])


def at_least_as_large(background: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Count the effects of the background that are as large as each value, by absolute value: alleles × populations.

    background: effects × populations. values: alleles × populations.
    """
    background, values = np.abs(background), np.abs(values)
    if len(values) <= FEW:
        return (background >= values[:, None]).sum(axis=1)
    ordered = np.sort(background.T, axis=1)
    smaller = [np.searchsorted(row, column) for row, column in zip(ordered, values.T, strict=True)]
    return len(background) - np.stack(smaller, axis=1)


def p_values(at_least: np.ndarray, size: int, inside: np.ndarray) -> np.ndarray:
    """Give the share of the background whose effect is at least as large: alleles × populations.

    at_least: number of such effects (alleles × populations). size: effects of the background. inside: of each allele,
    whether it is one of them; one that is not is counted as one more, so that no p-value is 0.
    """
    return np.where(inside[:, None], at_least / max(size, 1), (1 + at_least) / (1 + size))


class Ranks:
    """Ranks of a gene's alleles among the substitutions of their bins: percentile, p_value, specificity_p_value.

    Alleles that are not scorable have percentile 0 and p 1. effect, own: effects of the alleles, and their specificities
    (alleles × populations).
    """

    def __init__(self, effect: np.ndarray, own: np.ndarray):
        self.effect, self.own = effect, own
        self.percentile, self.p_value = np.zeros(effect.shape), np.ones(effect.shape)
        self.specificity_p_value = np.where(np.isnan(own), np.nan, 1.0)

    def rank(
        self, alleles: np.ndarray, background: np.ndarray, own_background: np.ndarray, inside: np.ndarray
    ) -> np.ndarray:
        """Rank some alleles; return for each the smallest number of effects as large as its own, of all populations.

        Parameters
        ----------
        alleles: their numbers.
        background, own_background: effects and specificities of substitutions (substitutions × populations).
        inside: of each allele, whether it is one of these substitutions.
        """
        size = len(background)
        at_least = at_least_as_large(background, self.effect[alleles])
        self.percentile[alleles] = 100 * (size - at_least) / max(size, 1)
        self.p_value[alleles] = p_values(at_least, size, inside)
        if self.effect.shape[1] > 1:
            own_at_least = at_least_as_large(own_background, self.own[alleles])
            self.specificity_p_value[alleles] = p_values(own_at_least, size, inside)
        return at_least.min(axis=1)


def specificity(effects: np.ndarray) -> np.ndarray:
    """Subtract the mean over populations from effects (… × populations), and resolve; NaN for a single population."""
    if effects.shape[-1] == 1:
        return np.full(effects.shape, np.nan)
    effects = effects.astype(np.float64)
    return resolved(effects - effects.mean(axis=-1, keepdims=True))

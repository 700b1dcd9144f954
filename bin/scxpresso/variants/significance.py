"""How unusual an effect is: its rank among the gene's own substitutions at the same distance to the TSS."""

from collections.abc import Mapping

import numpy as np

from scxpresso.saturation.effects_store import resolved

BIN = 500  # bases of distance to the TSS
MIN_POSITIONS = 250  # unambiguous positions of a bin that stands for itself


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


def ranks(background: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Count the effects of the background that are smaller than each value, by absolute value: alleles × populations.

    background: effects × populations. values: alleles × populations.
    """
    ordered = np.sort(np.abs(background).T, axis=1)
    found = [np.searchsorted(row, column) for row, column in zip(ordered, np.abs(values).T, strict=True)]
    return np.stack(found, axis=1)


def p_values(smaller: np.ndarray, size: int, inside: np.ndarray) -> np.ndarray:
    """Give the share of the background whose effect is at least as large: alleles × populations.

    smaller: what `ranks` gives (alleles × populations). size: effects of the background. inside: of each allele, whether it
    is one of them; one that is not is counted as one more, so that no p-value is 0.
    """
    at_least = size - smaller
    return np.where(inside[:, None], at_least / max(size, 1), (1 + at_least) / (1 + size))


def compared(
    effect: np.ndarray,
    own: np.ndarray,
    bin_of: np.ndarray,
    inside: np.ndarray,
    backgrounds: Mapping[int, tuple[np.ndarray, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Rank alleles among the effects of their bins: percentile, p_value and specificity_p_value (alleles × populations).

    Parameters
    ----------
    effect, own: effects of the alleles, and their specificities (alleles × populations).
    bin_of: bin of each allele; -1 for one that is not scorable, which has percentile 0 and p 1.
    inside: of each allele, whether it is one of its bin's substitutions.
    backgrounds: by bin, effects and specificities of its substitutions (substitutions × populations).
    """
    percentile, p_value = np.zeros(effect.shape), np.ones(effect.shape)
    own_p_value = np.where(np.isnan(own), np.nan, 1.0)
    for bin_ in np.unique(bin_of[bin_of >= 0]):
        here, (background, own_background) = bin_of == bin_, backgrounds[bin_]
        size, smaller = len(background), ranks(background, effect[here])
        percentile[here] = 100 * smaller / max(size, 1)
        p_value[here] = p_values(smaller, size, inside[here])
        if effect.shape[1] > 1:
            own_p_value[here] = p_values(ranks(own_background, own[here]), size, inside[here])
    return {"percentile": percentile, "p_value": p_value, "specificity_p_value": own_p_value}


def specificity(effects: np.ndarray) -> np.ndarray:
    """Subtract the mean over populations from effects (… × populations), and resolve; NaN for a single population."""
    if effects.shape[-1] == 1:
        return np.full(effects.shape, np.nan)
    effects = effects.astype(np.float64)
    return resolved(effects - effects.mean(axis=-1, keepdims=True))

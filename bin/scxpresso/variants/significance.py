"""How unusual an effect is: its rank among the gene's own substitutions at the same distance to the TSS."""

from collections.abc import Mapping

import numpy as np

from scxpresso.saturation.effects_store import resolved

BIN = 500  # bases of distance to the TSS
MIN_POSITIONS = 250  # certain positions of a bin that stands for itself


def bins(certain: np.ndarray, upstream: int) -> np.ndarray:
    """First index of each bin of a window, in order; a bin ends where the next one begins.

    certain: of each position, whether its base is known. Bins are BIN bases of distance to the TSS (… −500 to −1, 0 to
    499, …); one with fewer than MIN_POSITIONS certain positions is joined to its neighbour on the TSS's side.
    """
    number = (np.arange(len(certain)) - upstream) // BIN
    starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1)).tolist()
    numbers = [int(number[start]) for start in starts]
    while len(starts) > 1:
        counts = np.add.reduceat(certain.astype(int), starts)
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
    """First and last bin that is compared with: those with MIN_POSITIONS positions that count, or the fullest if there is none.

    starts: as `bins` gives them. counted: of each position, whether its base is known and the network reads it, which it
    does from one place to another: an allele of a bin beyond these is compared with the nearest of them.
    """
    counts = np.add.reduceat(counted.astype(int), starts)
    full = np.flatnonzero(counts >= MIN_POSITIONS) if counts.max() >= MIN_POSITIONS else [counts.argmax()]
    return int(full[0]), int(full[-1])


def ranks(background: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of the background's effects are smaller than each value, by absolute value.

    background: effects × populations. values: alleles × populations. Gives alleles × populations.
    """
    ordered = np.sort(np.abs(background).T, axis=1)
    found = [np.searchsorted(row, column) for row, column in zip(ordered, np.abs(values).T, strict=True)]
    return np.stack(found, axis=1)


def p_values(smaller: np.ndarray, size: int, inside: np.ndarray) -> np.ndarray:
    """Share of the background whose effect is at least as large.

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
    """percentile, p_value and specificity_p_value of alleles among the effects of their bins (alleles × populations).

    effect, own: of the alleles, and their specificities. bin_of: of each allele; -1 for one that is not scorable, which has
    percentile 0 and p 1. inside: of each, whether it is one of its bin's. backgrounds: by bin, effects and specificities of
    its substitutions (substitutions × populations).
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
    """Effects (… × populations) minus their mean over populations, resolved as they are; NaN where there is one population."""
    if effects.shape[-1] == 1:
        return np.full(effects.shape, np.nan)
    effects = effects.astype(np.float64)
    return resolved(effects - effects.mean(axis=-1, keepdims=True))

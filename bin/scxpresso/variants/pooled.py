"""The pooled background of variants: effects of all substitutions in shuffled windows of many genes, by distance to the TSS.

A gene has 1,500 substitutions in a bin, so that no p-value against these alone is below 0.0007. With 200 genes, a fifth of a
bin has 60,000: a stretch, within which a network that reads some bases more than others differs less.
Windows are shuffled because those of the genes have motifs, whose substitutions would hide each other. Genes differ in how
much their predictions respond: effects are divided by their root mean square over the substitutions of the gene in the bin.
They are kept as histograms, one per stretch and population. The root mean square is that of the substitutions at a fixed
sample of positions, and no smaller than a part of that of all genes: a sample may miss the only motif of a bin. Both hold
here and where variants are scored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import h5py
import numpy as np
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE
from scxpresso.genome.shuffling import dinucleotide_shuffle
from scxpresso.networks.model import Model
from scxpresso.networks.registry import bases_read
from scxpresso.problems import InputError, Problem
from scxpresso.saturation.effects_store import resolved
from scxpresso.saturation.incremental import incremental
from scxpresso.store import atomic_write
from scxpresso.text import shown
from scxpresso.variants.background import SUBSTITUTIONS, Background, spread
from scxpresso.variants.significance import N_SAMPLED, bins, compared_bins, specificity

N_GENES = 200
SEED = 1  # of the sample of genes and of their shuffled windows, which are the same in every run
# Of the pooled root mean square, the smallest that a gene's may be. Where a gene hardly responds, as most do by a network
# of few motifs, no effect is unusual for being larger than almost nothing.
MIN_SCALE = 0.5
STRETCH = 100  # bases of distance to the TSS, of a histogram
# A histogram has an interval for all below 2^-10, then 64 for each factor of 2, up to 2^7.
MANTISSA_BITS = 6
BELOW_FIRST = int(np.float32(2.0**-10).view(np.int32) >> (23 - MANTISSA_BITS)) - 1
N_INTERVALS = 1 + 17 * 2**MANTISSA_BITS

KINDS = ("effect", "specificity")
P_VALUES = ("pooled_p_value", "pooled_specificity_p_value")


def interval_of(ratios: np.ndarray) -> np.ndarray:
    """Number the interval of each ratio (0 or above): 0 for the smallest, N_INTERVALS − 1 for the largest."""
    # A float32's exponent and the first bits of its mantissa are, as a whole number, in the order of the values.
    number = ratios.astype(np.float32).view(np.int32) >> (23 - MANTISSA_BITS)
    return np.clip(number - BELOW_FIRST, 0, N_INTERVALS - 1)


def root_mean_square(values: np.ndarray) -> np.ndarray:
    """Give the root mean square over the first axis; 0 for no values."""
    return np.sqrt(np.square(values, dtype=np.float64).sum(axis=0) / max(len(values), 1))


def _ratios(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Divide absolute values by their scale; 0 stays 0, whatever the scale."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values == 0, 0, np.abs(values) / scale)


@dataclass(frozen=True)
class Histograms:
    """Absolute values of substitutions by stretch and population, each divided by its gene's root mean square in the bin.

    counts: stretches × populations × N_INTERVALS. scale: bins × populations, the root mean square over all genes.
    """

    counts: np.ndarray
    scale: np.ndarray

    @cached_property
    def _at_least(self) -> np.ndarray:
        """The number of substitutions in each interval and in those above it."""
        return np.cumsum(self.counts[..., ::-1], axis=-1, dtype=self.counts.dtype)[..., ::-1]

    def p_values(self, bin_: np.ndarray, stretch: np.ndarray, values: np.ndarray, own_scale: np.ndarray) -> np.ndarray:
        """Give the share of substitutions that are at least as large, the allele counted as one: alleles × populations.

        What is in the interval of an allele's value counts as at least as large: p-values are too large by a little, and
        never 0.

        Parameters
        ----------
        bin_, stretch: of each allele. values: alleles × populations. own_scale: root mean square of the gene's substitutions
            in the bin (alleles × populations).
        """
        scale = np.maximum(own_scale, MIN_SCALE * self.scale[bin_])
        interval = interval_of(_ratios(values, scale))
        at_least = self._at_least[stretch[:, None], np.arange(values.shape[1]), interval]
        return (1.0 + at_least) / (1.0 + self._at_least[stretch, :, 0])


@dataclass(frozen=True)
class PooledEffects:
    """Effects of the substitutions in shuffled windows of a sample of genes by a model.

    genes: their ids. upstream, downstream: of the model's window. reads: the bases that its networks read, relative to the
    TSS: the first, and the one after the last. populations: of the model. effect, specificity: of both, histograms. positions:
    of a bin, in the order of `spread`, whose substitutions give a gene's root mean square.
    """

    genes: Sequence[str]
    upstream: int
    downstream: int
    reads: tuple[int, int]
    populations: Sequence[str]
    effect: Histograms
    specificity: Histograms
    positions: int = N_SAMPLED

    @cached_property
    def _bins(self) -> tuple[np.ndarray, tuple[int, int]]:
        return window_bins(self.upstream, self.downstream, self.reads)

    def compared_with(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give bin and stretch that alleles are compared with. index: in the window, of the changed base nearest to the TSS."""
        starts, compared = self._bins
        read = np.clip(index, self.upstream + self.reads[0], self.upstream + self.reads[1] - 1)
        bin_ = np.clip(np.searchsorted(starts, index, side="right") - 1, *compared)
        return bin_, stretch_of(read, self.upstream)

    def write(self, path: str | Path) -> None:
        """Write pooled_effects.h5."""
        with atomic_write(path) as partial, h5py.File(partial, "w") as file:
            file.attrs.update(upstream=self.upstream, downstream=self.downstream, reads=self.reads)
            file.attrs.update(positions=self.positions, min_scale=MIN_SCALE, stretch=STRETCH)
            for name, text in (("gene_id", self.genes), ("populations", self.populations)):
                file.create_dataset(name, data=list(text), dtype=h5py.string_dtype())
            for kind in KINDS:
                histograms: Histograms = getattr(self, kind)
                file.create_dataset(f"{kind}_scale", data=histograms.scale)
                file.create_dataset(f"{kind}_counts", data=histograms.counts, shuffle=True, compression="gzip")

    @classmethod
    def read(cls, path: str | Path, model: Model) -> "PooledEffects":
        """Read pooled_effects.h5. Raises InputError where it is none, or of another model."""
        expected = f"the file that pool_effects.py made of the model {shown(model.name)}"
        try:
            with h5py.File(path) as file:
                if "reads" in file.attrs and "stretch" not in file.attrs:
                    found = "effects as a development version pooled them"
                    raise InputError(Problem(str(path), found, expected, "delete the file: it is made again"))
                first, end = (int(base) for base in file.attrs["reads"])
                pooled = cls(
                    genes=file["gene_id"].asstr()[:].tolist(),
                    upstream=int(file.attrs["upstream"]),
                    downstream=int(file.attrs["downstream"]),
                    reads=(first, end),
                    populations=file["populations"].asstr()[:].tolist(),
                    positions=int(file.attrs["positions"]),
                    **{kind: Histograms(file[f"{kind}_counts"][:], file[f"{kind}_scale"][:]) for kind in KINDS},
                )
        except (OSError, KeyError) as error:
            raise InputError(Problem(str(path), f"no pooled effects ({error})", expected)) from None
        for name in ("populations", "upstream", "downstream"):
            if getattr(pooled, name) != getattr(model, name):
                raise InputError(Problem(str(path), f"other {name} than the model has", expected))
        return pooled


def pooled_p_values(
    pooled: PooledEffects | None, effect: np.ndarray, own: np.ndarray, background: Background
) -> dict[str, np.ndarray]:
    """Rank alleles of a gene among the pooled effects: P_VALUES, alleles × populations.

    They are NaN without pooled effects, where an allele is not scorable, and for the specificity of a single population.
    effect, own: effects of the alleles, and their specificities (alleles × populations).
    """
    found = {name: np.full(effect.shape, np.nan) for name in P_VALUES}
    if pooled is None:
        return found
    sites, scales = background.sites, [np.zeros(effect.shape) for _ in KINDS]
    for own_bin, substitutions in background.bins.items():
        here = sites.bin_of == own_bin
        for scale, own_values in zip(scales, substitutions.first(pooled.positions), strict=True):
            scale[here] = root_mean_square(own_values)
    bins_, stretches = (numbers[sites.scorable] for numbers in pooled.compared_with(sites.index))
    for kind, name, values, scale in zip(KINDS, P_VALUES, (effect, own), scales, strict=True):
        if not np.isnan(values).any():
            histograms: Histograms = getattr(pooled, kind)
            found[name][sites.scorable] = histograms.p_values(
                bins_, stretches, values[sites.scorable], scale[sites.scorable]
            )
    return found


def stretch_of(index: np.ndarray, upstream: int) -> np.ndarray:
    """Number the stretch of positions of a window, 0 for that of its first base."""
    return (index - upstream) // STRETCH + -(-upstream // STRETCH)


def window_bins(upstream: int, downstream: int, reads: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Give the first index of each bin of a window, and the first and last bin that alleles are compared with."""
    distance = np.arange(-upstream, downstream)
    starts = bins(np.ones(len(distance), dtype=bool), upstream)
    return starts, compared_bins(starts, (reads[0] <= distance) & (distance < reads[1]))


def sample_genes(model: Model, gene_ids: Sequence[str]) -> list[str]:
    """Draw N_GENES of the genes that the model knows (of all, if it knows none); all of them where there are fewer."""
    known = [gene for gene in gene_ids if model.fold_of(gene) is not None] or list(gene_ids)
    drawn = np.random.default_rng(SEED).permutation(len(known))[:N_GENES]
    return [known[number] for number in sorted(drawn)]


def shuffled_windows(codes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Shuffle each bin of each window with its dinucleotides; ambiguous bases stay in their place.

    codes: genes × positions. starts: first index of each bin.
    """
    rng = np.random.default_rng(SEED)
    shuffled = codes.copy()
    for window in shuffled:
        is_ambiguous = BASE_OF_CODE[window] == 4
        cuts = np.union1d(np.flatnonzero(np.diff(is_ambiguous)) + 1, starts[1:])
        for part in np.split(window, cuts):
            if BASE_OF_CODE[part[0]] < 4:
                part[:] = dinucleotide_shuffle(part, rng)
    return shuffled


def pool_effects(
    model: Model,
    features: Features,
    genes: Sequence[str],
    device: torch.device,
    engine: str = "auto",
    step: Callable[[str], None] = lambda message: None,
) -> PooledEffects:
    """Pool the effects of every substitution in shuffled windows of genes, by the networks for which each was held out.

    Twice over the genes: the smallest scale is known first, from a sample of their positions.

    engine: see incremental. step: called with each gene. Raises InputError for features of another window.
    """
    model.check_window(features.upstream, features.downstream)
    reads = bases_read(model.network, model.inputs, model.upstream, model.downstream)
    starts, compared = window_bins(model.upstream, model.downstream, reads)
    rows = features.rows(genes)
    windows = shuffled_windows(features.codes[rows], starts)
    annotation = features.annotation(rows, model.annotation_features)
    positions = [_positions_of_bins(window, starts, model.upstream, reads) for window in windows]
    networks = [model.fold_of(gene) for gene in genes]
    order = sorted(range(len(genes)), key=lambda number: networks[number] or 0)
    of_fold = cache(lambda fold: incremental(model.networks(fold), device, engine))

    def effects_of(number: int, count: int | None) -> dict[int, np.ndarray]:
        """Effects and specificities of a gene at the first positions of its bins: kinds × substitutions × populations."""
        wanted = {bin_: those[:count] for bin_, those in positions[number].items()}
        if not wanted:  # the networks read no sequence, or none that is unambiguous
            return {}
        at = np.sort(np.concatenate(list(wanted.values())))
        _, by_network = of_fold(networks[number]).effects_at(windows[number], annotation[number], at)
        mean, members = resolved(by_network.mean(axis=0)), windows[number][at, None] != ALTERNATIVE_CODES
        found = {}
        for bin_, those in wanted.items():
            here = np.searchsorted(at, those)
            effects = mean[here][members[here]]
            found[bin_] = np.stack([effects, specificity(effects)])
        return found

    shape = len(KINDS), len(starts), len(model.populations)
    squares, numbers = np.zeros(shape), np.zeros((len(starts), 1))
    for number in order:
        for bin_, values in effects_of(number, N_SAMPLED).items():
            squares[:, bin_] += np.square(values, dtype=np.float64).sum(axis=1)
            numbers[bin_] += values.shape[1]
    scale = np.sqrt(squares / np.maximum(numbers, 1))

    stretches = stretch_of(np.arange(windows.shape[1]), model.upstream)
    counts = np.zeros((len(KINDS), stretches[-1] + 1, len(model.populations), N_INTERVALS), dtype=np.uint32)
    for number in order:
        found = effects_of(number, None)
        for bin_, values in found.items():
            # The scale is that of the bin that a variant here is compared with. Of a bin of which little is read, it is the next.
            scaled_by = int(np.clip(bin_, *compared))
            if scaled_by not in found:  # all of its bases are ambiguous
                continue
            of_substitutions = np.repeat(stretches[positions[number][bin_]], SUBSTITUTIONS)
            for kind, of_kind in enumerate(values[: 1 + (shape[2] > 1)]):
                own = root_mean_square(found[scaled_by][kind, : SUBSTITUTIONS * N_SAMPLED])
                ratios = _ratios(of_kind, np.maximum(own, MIN_SCALE * scale[kind, scaled_by]))
                for stretch in np.unique(of_substitutions):
                    counts[kind, stretch] += histogram(ratios[of_substitutions == stretch])
        step(shown(genes[number]))
    of_effect, of_specificity = (Histograms(*of_kind) for of_kind in zip(counts, scale, strict=True))
    return PooledEffects(genes, model.upstream, model.downstream, reads, model.populations, of_effect, of_specificity)


def _positions_of_bins(
    codes: np.ndarray, starts: np.ndarray, upstream: int, reads: tuple[int, int]
) -> dict[int, np.ndarray]:
    """List the unambiguous positions of a window that networks read, by bin, in the order of `spread`."""
    at = np.arange(upstream + reads[0], upstream + reads[1])
    at = at[BASE_OF_CODE[codes[at]] < 4]
    bin_of = np.searchsorted(starts, at, side="right") - 1
    return {int(bin_): spread(at[bin_of == bin_]) for bin_ in np.unique(bin_of)}


def histogram(ratios: np.ndarray) -> np.ndarray:
    """Count ratios (substitutions × populations) by interval: populations × N_INTERVALS."""
    populations = ratios.shape[1]
    numbers = interval_of(ratios) + N_INTERVALS * np.arange(populations)
    counts = np.bincount(numbers.ravel(), minlength=populations * N_INTERVALS)
    return counts.reshape(populations, N_INTERVALS).astype(np.uint32)

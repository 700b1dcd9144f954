"""Combinations of a gene's variants that one chromosome copy carries, as far as the calls are known."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scxpresso.variants.score_table import ScorableVariant


class Combination(NamedTuple):
    """Sorted indices of variants that a haplotype carries. incomplete: no haplotype is known to carry exactly these."""

    indices: tuple[int, ...]
    incomplete: bool


@dataclass
class SampleCalls:
    """Calls of a sample in a gene's window; alleles are indices.

    unphased: alleles of homozygous and haploid calls, which need no phase, by place. phased: alleles by phase set and place,
    including sets without any. unknown: places with an unknown call; '' for all.
    """

    unphased: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    phased: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    unknown: set[str] = field(default_factory=set)

    def combinations(self) -> Iterable[Combination]:
        """Yield one combination per place and phase set. Alleles of the place in another phase set are unknown."""
        places = {*self.unphased, *(place for of_place in self.phased.values() for place in of_place)}
        for place in places:
            unknown = len(self.phased) > 1 or not self.unknown.isdisjoint(("", place))
            for of_place in self.phased.values() or [{}]:
                yield Combination(tuple(sorted(self.unphased.get(place, []) + of_place.get(place, []))), unknown)


def haplotype_combinations(variants: Sequence[ScorableVariant]) -> list[Combination]:
    """Find every distinct set of two or more variants that some haplotype carries.

    variants: those of one gene. Calls are combined within a phase set only; homozygous and haploid calls are combined with
    every set. A repeated allele counts as the first one.
    """
    samples: dict[str, SampleCalls] = defaultdict(SampleCalls)
    for index, carriers, uncalled in _distinct(variants):
        for token in carriers:
            haplotype, phased, phase_set = token.partition(":")
            sample, _, place = haplotype.partition(".")
            calls = samples[sample]
            (calls.phased[phase_set] if phased else calls.unphased)[place].append(index)
        for token in uncalled:
            haplotype, phased, phase_set = token.partition(":")
            sample, _, place = haplotype.partition(".")
            samples[sample].unknown.add(place)
            if phased:  # its place in other sets is not known
                samples[sample].phased[phase_set][place] += []
    found: dict[tuple[int, ...], bool] = {}
    for calls in samples.values():
        for indices, incomplete in calls.combinations():
            if len(indices) > 1:
                found[indices] = found.get(indices, True) and incomplete
    return [Combination(*one) for one in sorted(found.items())]


def _distinct(variants: Sequence[ScorableVariant]) -> Iterable[tuple[int, set[str], set[str]]]:
    """Yield for each distinct allele its first index, its carriers and its unknown calls."""
    calls: dict[tuple[int, str, str], tuple[int, str, str]] = {}
    for index, one in enumerate(variants):
        key = one.pos, one.ref, one.alt
        mine = one.carriers, one.uncalled
        first, *before = calls.get(key, (index, *mine))
        known = mine if first == index else merged_calls((before[0], before[1]), mine)
        calls[key] = first, *known
    return ((index, _tokens(carriers), _tokens(uncalled)) for index, carriers, uncalled in calls.values())


def merged_calls(one: tuple[str, str], other: tuple[str, str]) -> tuple[str, str]:
    """Merge two records of an allele: its carriers and unknown calls.

    A call that only one record has is taken from it. If the two contradict each other, the call is unknown.
    """
    if one == other:
        return one
    (carriers, uncalled), (carriers_too, uncalled_too) = (tuple(map(_tokens, calls)) for calls in (one, other))

    def unknown(token: str, among: set[str]) -> bool:
        haplotype = token.partition(":")[0]
        return not among.isdisjoint((token, haplotype, haplotype.partition(".")[0]))

    both = carriers & carriers_too
    both |= {token for token in carriers - carriers_too if unknown(token, uncalled_too)}
    both |= {token for token in carriers_too - carriers if unknown(token, uncalled)}
    contradicted = {token.partition(":")[0] for token in (carriers | carriers_too) - both}
    neither = {token for token in uncalled if unknown(token, uncalled_too)}
    neither |= {token for token in uncalled_too if unknown(token, uncalled)}
    return ",".join(sorted(both)), ",".join(sorted(neither | contradicted))


def _tokens(text: str) -> set[str]:
    return set(text.split(",")) if text else set()

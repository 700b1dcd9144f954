"""Which of a gene's variants one chromosome carries together, as far as the calls tell."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scxpresso.variants.score_table import ScorableVariant


class Combination(NamedTuple):
    """Variants that a haplotype carries, as indices, in order. incomplete: no haplotype is known to carry just these."""

    indices: tuple[int, ...]
    incomplete: bool


@dataclass
class SampleCalls:
    """Calls of a sample in a gene's window. Alleles as indices.

    unphased: by place, those of homozygous and haploid calls, which need no phase. phased: by phase set and place, also
    of sets without any. unknown: places with an unknown call; '' for all.
    """

    unphased: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    phased: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    unknown: set[str] = field(default_factory=set)

    def combinations(self) -> Iterable[Combination]:
        """Yield one for each place and phase set. What a place carries in another phase set is not known."""
        places = {*self.unphased, *(place for of_place in self.phased.values() for place in of_place)}
        for place in places:
            unknown = len(self.phased) > 1 or not self.unknown.isdisjoint(("", place))
            for of_place in self.phased.values() or [{}]:
                yield Combination(tuple(sorted(self.unphased.get(place, []) + of_place.get(place, []))), unknown)


def haplotype_combinations(variants: Sequence[ScorableVariant]) -> list[Combination]:
    """Find every distinct set of two or more variants that some haplotype carries.

    variants: of one gene. Calls are phased within a phase set only; homozygous and haploid ones go with every set. An allele
    that comes again is the first one.
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
            if phased:  # in which place of another set it lies is not known
                samples[sample].phased[phase_set][place] += []
    found: dict[tuple[int, ...], bool] = {}
    for calls in samples.values():
        for indices, incomplete in calls.combinations():
            if len(indices) > 1:
                found[indices] = found.get(indices, True) and incomplete
    return [Combination(*one) for one in sorted(found.items())]


def _distinct(variants: Sequence[ScorableVariant]) -> Iterable[tuple[int, set[str], set[str]]]:
    """Yield the index of each allele where it comes first, who carries it, and whose call is not known."""
    calls: dict[tuple[int, str, str], tuple[int, str, str]] = {}
    for index, one in enumerate(variants):
        key = one.pos, one.ref, one.alt
        mine = one.carriers, one.uncalled
        first, *before = calls.get(key, (index, *mine))
        known = mine if first == index else merged_calls((before[0], before[1]), mine)
        calls[key] = first, *known
    return ((index, _tokens(carriers), _tokens(uncalled)) for index, carriers, uncalled in calls.values())


def merged_calls(one: tuple[str, str], other: tuple[str, str]) -> tuple[str, str]:
    """Merge two records of an allele: who carries it, and whose call is not known.

    A call that only one record knows is taken from it; where the two contradict each other, it is not known.
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

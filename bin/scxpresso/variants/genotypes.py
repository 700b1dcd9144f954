"""Genotype calls of a VCF: which haplotypes carry an allele, and which are unknown.

Both are written as short tokens, which chunks contain. A haplotype is `sample.place`. Carriers of an allele: `0.1` in every
phase set (homozygous and haploid calls), `0.1:900` in phase set 900, `0.1:` among the phased calls that name no set. Unknown
calls: `0` for all haplotypes of a sample, `0.1` for one of them, `0.1:900` for one in a phase set.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple


class Call(NamedTuple):
    """A genotype call.

    alternatives: place and allele number of each known alternative. phased: whether they belong to a phase set. unknown:
    places without a known allele; None for all places of the sample. unphased: heterozygous without a phase. called: whether
    any allele is named. reference: whether all alleles are the reference.
    """

    alternatives: tuple[tuple[int, int], ...]
    phased: bool
    unknown: tuple[int, ...] | None
    unphased: bool
    called: bool
    reference: bool = False


@lru_cache(maxsize=10_000)
def call_of(genotype: str) -> Call:
    """Parse a call like `0|1`. Phased, homozygous and haploid calls are known."""
    alleles = re.split("[/|]", genotype.lstrip("/|"))
    missing = tuple(place for place, allele in enumerate(alleles) if not allele.isdecimal())
    alternatives = tuple((place, int(one)) for place, one in enumerate(alleles) if one.isdecimal() and int(one))
    if len(missing) == len(alleles):
        return Call((), False, None, False, False)
    if len(set(alleles)) == 1:
        return Call(alternatives, False, (), False, True, not alternatives)
    if "/" in genotype.lstrip("/|"):
        return Call((), False, None, bool(alternatives), True)
    return Call(alternatives, True, missing, False, True)


@dataclass
class Genotypes:
    """The calls of a file's samples in records that are read, one by one.

    samples: their names. genotyped: indices of samples with an allele in any call (GT). unphased, missing: numbers of
    heterozygous calls without phase, and of calls without an allele.
    """

    samples: list[str]
    genotyped: set[int] = field(default_factory=set)
    unphased: int = 0
    missing: int = 0

    def read(self, layout: str, columns: list[str], alternatives: int) -> tuple[dict[int, str], str]:
        """Parse a record's FORMAT and samples: the carriers of each allele, by its number, and the unknown calls.

        alternatives: number of alternatives in the record; a call of any other is unknown.
        """
        keys = layout.split(":")
        if "GT" not in keys:
            self.missing += len(self.samples)
            return {}, ",".join(map(str, range(len(self.samples))))
        place = keys.index("GT")
        of_set = keys.index("PS") if "PS" in keys else None
        carriers: dict[int, list[str]] = {}
        unknown: list[str] = []
        calls = {column: _call(column, place, of_set) for column in set(columns)}  # samples are many, calls few
        if len(self.genotyped) < len(self.samples):
            self.genotyped.update(sample for sample, column in enumerate(columns) if calls[column][0].called)
        reference = {column for column, (call, _) in calls.items() if call.reference}
        for sample, column in enumerate(columns):
            if column in reference:
                continue
            call, suffix = calls[column]
            if call.alternatives:
                for haplotype, allele in call.alternatives:
                    carriers.setdefault(allele, []).append(f"{sample}.{haplotype}{suffix}")
            if call.unknown is None:
                self.missing += not call.called
                self.unphased += call.unphased
                unknown.append(str(sample))
            elif call.unknown:
                unknown += [f"{sample}.{haplotype}{suffix}" for haplotype in call.unknown]
        for allele in [allele for allele in carriers if allele > alternatives]:
            unknown += carriers.pop(allele)
        return {allele: ",".join(who) for allele, who in carriers.items()}, ",".join(unknown)


def _call(column: str, place: int, of_set: int | None) -> tuple[Call, str]:
    """Parse a sample's column: its call, and what follows the haplotypes in their tokens. place, of_set: of GT and PS."""
    cells = column.split(":")
    call = call_of(cells[place] if place < len(cells) else ".")
    return call, f":{_phase_set(cells, of_set)}" if call.phased else ""


def _phase_set(cells: list[str], place: int | None) -> str:
    """Return the phase set of a call; '' if it names none: all such calls form one set."""
    if place is None:
        return ""
    name = cells[place] if place < len(cells) else "."
    return "" if name == "." else re.sub(r"[,:\s]", "_", name)

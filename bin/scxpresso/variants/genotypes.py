"""What the calls of a VCF say of haplotypes: which are known to carry an allele, and of which nothing is known.

Written as short texts, which go through the chunks. A haplotype is `sample.place`. Who carries an allele: `0.1` in every phase
set (homozygous and haploid calls), `0.1:900` in phase set 900, `0.1:` among the phased calls that name no set. Whose call is
not known: `0` for all of a sample's haplotypes, `0.1` for one, `0.1:900` for one of a phase set.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple


class Call(NamedTuple):
    """A genotype call.

    alternatives: place and allele number of each alternative that is known to lie there. phased: they belong to a phase
    set. unknown: places without a known allele; None for all of the sample's. unphased: heterozygous without a phase.
    called: whether any allele is named. reference: whether every allele is the reference.
    """

    alternatives: tuple[tuple[int, int], ...]
    phased: bool
    unknown: tuple[int, ...] | None
    unphased: bool
    called: bool
    reference: bool = False


@lru_cache(maxsize=10_000)
def call_of(genotype: str) -> Call:
    """Read a call like `0|1`. Phased, homozygous and haploid ones are known."""
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
    """The calls of a file's samples, record by record.

    samples: their names. genotyped: numbers of those with an allele in some call (GT). unphased, missing: how many calls are
    heterozygous without a haplotype, and how many name no allele.
    """

    samples: list[str]
    genotyped: set[int] = field(default_factory=set)
    unphased: int = 0
    missing: int = 0

    def read(self, layout: str, columns: list[str], alternatives: int) -> tuple[dict[int, str], str]:
        """Read a record's FORMAT and samples: who carries each allele, by its number, and whose call is not known.

        alternatives: how many the record names; a call of another one is not known.
        """
        keys = layout.split(":")
        if "GT" not in keys:
            self.missing += len(self.samples)
            return {}, ",".join(map(str, range(len(self.samples))))
        place = keys.index("GT")
        of_set = keys.index("PS") if "PS" in keys else None
        carriers: dict[int, list[str]] = {}
        unknown: list[str] = []
        all_genotyped = len(self.genotyped) == len(self.samples)
        for sample, column in enumerate(columns):
            cells = column.split(":")
            call = call_of(cells[place] if place < len(cells) else ".")
            if call.called and not all_genotyped:
                self.genotyped.add(sample)
            if call.reference:
                continue
            suffix = f":{_phase_set(cells, of_set)}" if call.phased else ""
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


def _phase_set(cells: list[str], place: int | None) -> str:
    """Name a call's phase set; '' if it names none: such calls are of one set."""
    if place is None:
        return ""
    name = cells[place] if place < len(cells) else "."
    return "" if name == "." else re.sub(r"[,:\s]", "_", name)

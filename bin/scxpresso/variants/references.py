"""Comparison of the references in a file of variants with the genome."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from Bio.Seq import reverse_complement

from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import BASES

MAX_MISMATCHES = 0.05  # of the entries that name a reference
MIN_MISMATCHES = 5  # up to this number they may be typing errors
MIN_ENTRIES = 4  # entries that a file needs to be judged by the majority of them
MAJORITY = 0.5
MIN_EXPLAINED = 0.8  # share of mismatches that a cause must explain to be named


class Bases(Protocol):
    """Bases of a contig: a text, or what gives parts of one."""

    def __getitem__(self, places: slice, /) -> str: ...


@dataclass
class References:
    """Numbers of entries that name a reference (checked), and of those whose reference differs from the FASTA (mismatched).

    unnamed: entries that name none. swapped, complement, later, earlier: mismatches that match the FASTA if reference and
    alternative are swapped, on the − strand, at the next base, or at the one before. turned, open: pairs of unordered
    alleles whose second one is the reference, and pairs of which either may be. example: the first mismatch. genome: what
    they are compared with, in words.
    """

    checked: int = 0
    unnamed: int = 0
    mismatched: int = 0
    swapped: int = 0
    complement: int = 0
    later: int = 0
    earlier: int = 0
    turned: int = 0
    open: int = 0
    example: str = ""
    genome: str = "FASTA"

    def in_order(self, sequence: Bases, pos: int, ref: str, alt: str) -> tuple[str, str]:
        """Order two alleles of unknown order: the reference is the one in the FASTA.

        The order is kept if the FASTA has both (an insertion or deletion in a repeat) or neither.
        """
        first, second = _has(sequence, pos, ref), _has(sequence, pos, alt)
        self.open += first and second
        if second and not first:
            self.turned += 1
            return alt, ref
        return ref, alt

    def count_mismatch(self, sequence: Bases, chrom: str, pos: int, ref: str, alt: str, either: bool = False) -> None:
        """Count a mismatch. either: whether the order of the two alleles is unknown."""
        both = [allele for allele in ((ref, alt) if either else (ref,)) if allele and BASES.issuperset(allele)]
        self.mismatched += 1
        self.swapped += bool(alt) and not either and _has(sequence, pos, alt)
        self.complement += any(_has(sequence, pos, reverse_complement(allele)) for allele in both)
        self.later += any(_has(sequence, pos + 1, allele) for allele in both)
        self.earlier += any(_has(sequence, pos - 1, allele) for allele in both)
        if not self.example:
            found = sequence[pos - 1 : pos - 1 + len(ref)].upper()
            has = f"{ref[:20]} and {alt[:20]}" if either else ref[:20]
            self.example = f"{shown(chrom)}:{pos:,} has {has}, the {self.genome} {found[:20]}"

    def decisions(self) -> Iterator[str]:
        """Yield what the log says of alleles of unknown order, and of a file without references."""
        if self.unnamed and not self.checked:
            yield f"NOTE the file names no reference: nothing shows that its positions are of the {self.genome}'s assembly"
        if self.turned:
            yield f"{self.turned:,} alleles swapped: the genome has the effect allele, or the second one"
        if self.open:
            yield (
                f"WARNING {self.open:,} insertions or deletions of which the genome could have either allele: "
                "the other allele (the first one) was taken as the reference"
            )

    @property
    def too_many(self) -> bool:
        """Whether there are too many mismatches for a file of this genome."""
        short = self.checked >= MIN_ENTRIES and self.mismatched > MAJORITY * self.checked
        return short or self.mismatched > max(MIN_MISMATCHES, MAX_MISMATCHES * self.checked)

    def check(self, where: str) -> None:
        """Raise InputError if too many mismatch, with the likely cause."""
        if not self.too_many:
            return
        cause, fix = self.likely_cause()
        raise InputError(
            Problem(
                where,
                f"the reference of {self.mismatched:,} of {self.checked:,} alleles differs from the {self.genome} "
                f"({self.example}); the likely cause is {cause}",
                f"at most {MAX_MISMATCHES:.0%} that differ",
                fix,
            )
        )

    def likely_cause(self) -> tuple[str, str]:
        """Find the cause that explains most mismatches, and how to fix it."""
        swap = f"{self.swapped:,} of them match if reference and alternative are swapped"
        zero = "0-based positions, or positions off by one"
        causes = [
            (
                self.swapped,
                f"alleles swapped: {swap}",
                "write the genome's allele as the reference (bcftools norm --check-ref s, or bcftools +fixref)",
            ),
            (
                self.complement,
                f"alleles of the − strand: {self.complement:,} of them match the complementary strand",
                "write the alleles of the + strand (bcftools +fixref -- -m flip, or complement their bases)",
            ),
            (
                self.later,
                f"{zero}: {self.later:,} of them match the next base",
                "write 1-based positions",
            ),
            (
                self.earlier,
                f"{zero}: {self.earlier:,} of them match the base before",
                "write 1-based positions",
            ),
        ]
        count, cause, fix = max(causes, key=lambda one: one[0])
        if count >= MIN_EXPLAINED * self.mismatched:
            return cause, fix
        return (
            f"another assembly: only {swap}" if self.swapped else "another assembly",
            f"use the {self.genome} of the variants' assembly, or lift the variants over to this one",
        )


def _has(sequence: Bases, pos: int, bases: str) -> bool:
    return pos > 0 and sequence[pos - 1 : pos - 1 + len(bases)].upper() == bases

"""How the references that a file of variants names compare with the FASTA."""

from dataclasses import dataclass

from Bio.Seq import reverse_complement

from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import BASES

MAX_MISMATCHES = 0.05  # of the entries that name a reference
MIN_MISMATCHES = 5  # up to which they may be slips of the pen
MIN_ENTRIES = 4  # from which on it counts that most of them differ, however few they are
MAJORITY = 0.5
MIN_EXPLAINED = 0.8  # the share of mismatches that another reading explains, for it to be named


@dataclass
class References:
    """How many entries name a reference (checked), and of how many it is not the FASTA's (mismatched).

    swapped, complement, later, earlier: mismatches that match the FASTA if reference and alternative change places, on the
    − strand, at the next base, or at the one before. turned, open: pairs of alleles without an order of which the second is
    the reference, and of which either may be. example: the first mismatch.
    """

    checked: int = 0
    mismatched: int = 0
    swapped: int = 0
    complement: int = 0
    later: int = 0
    earlier: int = 0
    turned: int = 0
    open: int = 0
    example: str = ""

    def in_order(self, sequence: str, pos: int, ref: str, alt: str) -> tuple[str, str]:
        """Order two alleles whose order is not known: the reference is the one that the FASTA has.

        The order stays where the FASTA has both (an insertion or deletion in a repeat) or neither.
        """
        first, second = _has(sequence, pos, ref), _has(sequence, pos, alt)
        self.open += first and second
        if second and not first:
            self.turned += 1
            return alt, ref
        return ref, alt

    def count_mismatch(self, sequence: str, chrom: str, pos: int, ref: str, alt: str, either: bool = False) -> None:
        """Count a mismatch. either: the order of the two alleles is not known."""
        both = [allele for allele in ((ref, alt) if either else (ref,)) if allele and BASES.issuperset(allele)]
        self.mismatched += 1
        self.swapped += bool(alt) and not either and _has(sequence, pos, alt)
        self.complement += any(_has(sequence, pos, reverse_complement(allele)) for allele in both)
        self.later += any(_has(sequence, pos + 1, allele) for allele in both)
        self.earlier += any(_has(sequence, pos - 1, allele) for allele in both)
        if not self.example:
            found = sequence[pos - 1 : pos - 1 + len(ref)].upper()
            has = f"{ref[:20]} and {alt[:20]}" if either else ref[:20]
            self.example = f"{shown(chrom)}:{pos:,} has {has}, the FASTA {found[:20]}"

    @property
    def too_many(self) -> bool:
        """Whether so many mismatch that the file is not of this genome."""
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
                f"the reference of {self.mismatched:,} of {self.checked:,} alleles differs from the FASTA "
                f"({self.example}); the likely cause is {cause}",
                f"at most {MAX_MISMATCHES:.0%} that differ",
                fix,
            )
        )

    def likely_cause(self) -> tuple[str, str]:
        """Find what explains the mismatches best, and how to fix it."""
        swap = f"{self.swapped:,} of them match if reference and alternative are swapped"
        zero = "0-based positions, or positions that are off by one"
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
            "take the FASTA of the assembly of the variants, or lift the variants over to this one",
        )


def _has(sequence: str, pos: int, bases: str) -> bool:
    return pos > 0 and sequence[pos - 1 : pos - 1 + len(bases)].upper() == bases

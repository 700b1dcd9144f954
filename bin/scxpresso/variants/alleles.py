"""Alleles: whether they can be scored, their shortest form, and how far they can slide in a repeat."""

BASES = frozenset("ACGT")
SUBSTITUTIONS = {ref: [alt for alt in "ACGT" if alt != ref] for ref in "ACGT"}
ABSENT = "-"  # an allele without bases, as Ensembl and dbSNP write it

NO_ALTERNATIVE = "no alternative allele"
SYMBOLIC = "symbolic allele or breakend, which names no bases"
SPANNING = "the allele * (a deletion that starts at another position)"
NOT_ACGT = "bases other than A, C, G and T"
SAME = "reference and alternative are the same"


def fault_of(ref: str, alt: str) -> str:
    """Say why an allele (upper case, as in VCF) cannot be scored, whatever the genome; '' if nothing is wrong."""
    if alt in ("", "."):
        return NO_ALTERNATIVE
    if alt == "*":
        return SPANNING
    if alt[0] in "<." or alt[-1] == "." or "[" in alt or "]" in alt:
        return SYMBOLIC
    if not (ref and BASES.issuperset(ref) and BASES.issuperset(alt)):
        return NOT_ACGT
    return SAME if ref == alt else ""


def trimmed(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Trim the bases that both alleles share: at the start first, then at the end.

    An insertion or deletion that is written with the base before it thus stays where it was placed.
    """
    shortest = min(len(ref), len(alt))
    start = 0
    while start < shortest and ref[start] == alt[start]:
        start += 1
    end = 0
    while end < shortest - start and ref[-1 - end] == alt[-1 - end]:
        end += 1
    return pos + start, ref[start : len(ref) - end], alt[start : len(alt) - end]


def slides(sequence: str, start: int, ref: str, alt: str) -> tuple[int, int]:
    """Count by how many bases an insertion or deletion can move left and right without changing the sequence.

    A base of the contig is kept on either side, if necessary by a move away from its end (-1).

    Parameters
    ----------
    sequence: the contig.
    start: 0-based position of the first base of `ref`, or of the base before which `alt` is inserted.
    ref, alt: one of the two is empty (see `trimmed`).
    """
    moving, size, end = ref or alt, len(ref or alt), start + len(ref)
    left = right = 0
    # As the allele moves, its bases rotate: it leaves the base that it takes up at the other end.
    while left < start - 1 and sequence[start - 1 - left].upper() == moving[-1 - left % size]:
        left += 1
    while end + right < len(sequence) - 1 and sequence[end + right].upper() == moving[right % size]:
        right += 1
    return -1 if start == 0 and right else left, -1 if end == len(sequence) and left else right


def rotated(bases: str, by: int) -> str:
    """Rotate the bases of an insertion or deletion that moves `by` bases to the right (to the left if negative)."""
    by %= len(bases) or 1
    return bases[by:] + bases[:by]


def anchored(sequence: str, start: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Return position (1-based), REF and ALT with at least one base each, as in a VCF.

    An insertion or deletion gets the base before it, or the base after it at the start of the contig. start: 0-based.
    """
    if ref and alt:
        return start + 1, ref, alt
    if start:
        base = sequence[start - 1].upper()
        return start, base + ref, base + alt
    base = sequence[len(ref)].upper() if len(ref) < len(sequence) else ""
    return 1, ref + base, alt + base

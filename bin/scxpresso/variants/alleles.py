"""Alleles: which can be scored at all, their shortest form, and how far they may slide in a repeat."""

BASES = frozenset("ACGT")
SUBSTITUTIONS = {ref: [alt for alt in "ACGT" if alt != ref] for ref in "ACGT"}
ABSENT = "-"  # an allele without bases, as Ensembl and dbSNP write it

NO_ALTERNATIVE = "no alternative allele"
SYMBOLIC = "symbolic allele or breakend, which names no bases"
SPANNING = "the allele * (a deletion that starts at another position)"
LETTERS = "letters that are no certain bases (A, C, G, T)"
SAME = "reference and alternative are the same"


def fault_of(ref: str, alt: str) -> str:
    """Why an allele (upper case, as in VCF) cannot be scored whatever the genome is; '' where nothing is wrong."""
    if alt in ("", "."):
        return NO_ALTERNATIVE
    if alt == "*":
        return SPANNING
    if alt[0] in "<." or alt[-1] == "." or "[" in alt or "]" in alt:
        return SYMBOLIC
    if not (ref and BASES.issuperset(ref) and BASES.issuperset(alt)):
        return LETTERS
    return SAME if ref == alt else ""


def trimmed(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The allele without the bases that both share: at the start first, then at the end.

    So that an insertion or deletion written with the base before it stays where it was placed.
    """
    shortest = min(len(ref), len(alt))
    start = 0
    while start < shortest and ref[start] == alt[start]:
        start += 1
    end = 0
    while end < shortest - start and ref[-1 - end] == alt[-1 - end]:
        end += 1
    return pos + start, ref[start : len(ref) - end], alt[start : len(alt) - end]


def slides(letters: str, start: int, ref: str, alt: str) -> tuple[int, int]:
    """By how many bases an insertion or deletion may move to the left and to the right, and make the same sequence.

    letters: of the contig. start: 0-based, of the first base of `ref`, or of the base that `alt` is inserted before. One of
    the two is empty (see `trimmed`). A base of the contig is kept on either side, if need be by a move away from its end (-1).
    """
    moving, size, end = ref or alt, len(ref or alt), start + len(ref)
    left = right = 0
    # Moved on, the allele's bases rotate: what is left behind is what is taken up.
    while left < start - 1 and letters[start - 1 - left].upper() == moving[-1 - left % size]:
        left += 1
    while end + right < len(letters) - 1 and letters[end + right].upper() == moving[right % size]:
        right += 1
    return -1 if start == 0 and right else left, -1 if end == len(letters) and left else right


def rotated(bases: str, by: int) -> str:
    """Bases of an insertion or deletion that is moved to the right by so many bases (to the left, if negative)."""
    by %= len(bases) or 1
    return bases[by:] + bases[:by]


def anchored(letters: str, start: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Position (1-based), REF and ALT with a base each: an insertion or deletion gets the base before it, as in VCF.

    start: 0-based. At the contig's first base it gets the base after it.
    """
    if ref and alt:
        return start + 1, ref, alt
    if start:
        base = letters[start - 1].upper()
        return start, base + ref, base + alt
    base = letters[len(ref)].upper() if len(ref) < len(letters) else ""
    return 1, ref + base, alt + base

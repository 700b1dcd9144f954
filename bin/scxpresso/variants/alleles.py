"""Alleles: which can be scored at all, their shortest form, and the bases that they change."""

BASES = frozenset("ACGT")
SUBSTITUTIONS = {ref: [alt for alt in "ACGT" if alt != ref] for ref in "ACGT"}

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


def trimmed(pos: int, ref: str, alt: str, keep: int = 0) -> tuple[int, str, str]:
    """The allele without the bases that both share: at the end first, then at the start; each keeps at least `keep`."""
    shortest = min(len(ref), len(alt)) - keep
    end = 0
    while end < shortest and ref[-1 - end] == alt[-1 - end]:
        end += 1
    start = 0
    while start < shortest - end and ref[start] == alt[start]:
        start += 1
    return pos + start, ref[start : len(ref) - end], alt[start : len(alt) - end]


def normalised(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The shortest form of an allele in which REF and ALT have a base each.

    An insertion or deletion so keeps one base beside it, as in VCF. It is not moved to the left in repeats.
    """
    return trimmed(pos, ref, alt, keep=1)


def changed_bases(pos: int, ref: str, alt: str) -> tuple[int, int]:
    """0-based, half-open contig bounds of the bases that an allele replaces; equal where it only inserts before them."""
    pos, ref, _ = trimmed(pos, ref, alt)
    return pos - 1, pos - 1 + len(ref)

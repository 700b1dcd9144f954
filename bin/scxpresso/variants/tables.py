"""Tables of variants, recognised by their columns: GWAS Catalog, summary statistics, and plain tables."""

import re
from collections.abc import Iterator
from pathlib import Path

from scxpresso.damage import AGAIN, DAMAGE, first_fault, looks_like, start_of
from scxpresso.files import open_text
from scxpresso.identifiers import GENE_COLUMNS
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import ABSENT, BASES, NO_ALTERNATIVE, NOT_ACGT, SAME, fault_of
from scxpresso.variants.association import ASSOCIATION, MISSING, beta_of, of_allele, p_value_of
from scxpresso.variants.delimited import table_of
from scxpresso.variants.sources import BEFORE_START, EXPECTED, Entry, Source, Vcf, damaged

# Names of columns (in lower case) by their role, for each kind of table. The first one present counts.
_PLACE = {"chrom": ["chrom", "chr", "chromosome"], "pos": ["pos", "position", "base_pair_location", "bp"]}
_ASSOCIATION = {
    "beta": ["beta"],
    "odds_ratio": ["odds_ratio", "or"],
    "p_value": ["p_value", "pval", "pvalue", "p-value", "p"],
    "log_p_value": ["neg_log_10_p_value", "mlogp"],
}
_TESTED = ["effect_allele", "a1", "ea", "tested_allele"]  # the allele to which beta refers (A1 in PLINK)
_RS_IDS = ["rsid", "rsids", "rs_id", "snp", "snpid"]
_NAMED = {"id": ["variant_id", *_RS_IDS, "id"], "gene": [*GENE_COLUMNS]}
REF_AND_ALT = {
    **_PLACE,
    **_NAMED,
    **_ASSOCIATION,
    "ref": ["ref", "ref_allele", "reference", "reference_allele"],
    "alt": ["alt", "alt_allele", "alternate", "alternate_allele", "alternative"],
    "effect": _TESTED,
    "test": ["test"],
}
ALLELES = {
    **_PLACE,
    **_NAMED,
    **_ASSOCIATION,
    "alleles": ["alleles", "allele", "allele_string"],
    "effect": _TESTED,
}
SUMMARY = {
    **_PLACE,
    **_ASSOCIATION,
    "id": [*_RS_IDS, "variant_id", "id"],
    "other": ["other_allele", "non_effect_allele"],
    "effect": ["effect_allele"],
    "order": ["ref_allele"],
}
# Original columns of a harmonised file, which may be of another assembly or strand, are not read.
HARMONISED = {
    **_ASSOCIATION,
    "chrom": ["hm_chrom"],
    "pos": ["hm_pos"],
    "other": ["hm_other_allele"],
    "effect": ["hm_effect_allele"],
    "id": ["hm_rsid", "hm_variant_id"],
    "beta": ["hm_beta"],
    "odds_ratio": ["hm_odds_ratio"],
}
CATALOG = {"chrom": ["chr_id"], "pos": ["chr_pos"], "id": ["snps"], "risk": ["strongest snp-risk allele"]}

NO_POSITION = "no position"
NO_NUMBER = "the position is not a whole number"
UNEQUAL = "CHR_ID, CHR_POS and SNPS of the row list different numbers of variants"
NO_REFERENCE = "an alternative of several bases, and no reference"
NO_ALLELE = "an allele is missing"
LONG_RISK = "a risk allele of several bases or of none: not a substitution, and the table names no reference"
FEWER = "fewer cells than the header: the row is truncated"
MORE = "more cells than the header"

ADDITIVE = "ADD"  # what PLINK calls the test of the allele itself, in the column TEST
N_VCF_COLUMNS = 8  # of every VCF, up to INFO

_SEVERAL = re.compile(r"\s*;\s*|\s+x\s+")
_WHOLE = re.compile(r"(-?[0-9]{1,15})(\.0*)?")


def position(text: str) -> tuple[int | None, str]:
    """Parse a 1-based position, also if it is written like 12345.0; the second value says what is wrong with it."""
    if text.upper() in MISSING:
        return None, NO_POSITION
    number = _WHOLE.fullmatch(text)
    if not number:
        return None, NO_NUMBER
    pos = int(number[1])
    return pos, "" if pos > 0 else BEFORE_START


class Table(Source):
    """A text table with a header. columns: index of the column for each role."""

    def __init__(self, path: Path, haplotypes: bool, columns: dict[str, int]):
        super().__init__(path, haplotypes)
        self.columns = columns

    def rows(self) -> Iterator[tuple[dict[str, str], str, str]]:
        """Yield the cells of each row by role; if the row cannot be read, also the reason and its text (else '')."""
        with open_text(self.path) as lines:
            # An empty alt stands for all alternatives, but not if the file was truncated there.
            header, cells = table_of(lines, cut_behind=REF_AND_ALT["alt"])
            width = len(header)
            for row in cells:
                if not "".join(row).strip():
                    continue
                self.lines += 1
                fault = found = ""
                if len(row) != width and (len(row) < width or any(row[width:])):
                    fault, found = FEWER if len(row) < width else MORE, " ".join(row)
                    row += [""] * (width - len(row))
                yield {role: row[at].strip() for role, at in self.columns.items()}, fault, found


class Catalog(Table):
    """Associations of the GWAS Catalog: positions and ids without a reference; a row may have several.

    There is one row per association. A variant with several associations is one entry, with all their risk alleles.
    """

    kind = "table of the GWAS Catalog"
    once = True

    def entries(self) -> Iterator[Entry]:
        """Yield one entry per variant that a row names."""
        for row, fault, found in self.rows():
            chroms, positions, names = (_SEVERAL.split(row[role]) for role in ("chrom", "pos", "id"))
            risks = _SEVERAL.split(row.get("risk", ""))
            if fault or not row["chrom"] or not row["pos"]:
                found = found or row["pos"]
                yield Entry(row["id"], row["chrom"], None, "", "", fault=fault or NO_POSITION, found=found)
            elif not len(chroms) == len(positions) == len(names):
                yield Entry(row["id"], row["chrom"], None, "", "", fault=UNEQUAL, found=row["pos"])
            else:
                if len(risks) != len(names):
                    risks = [""] * len(names)
                for name, chrom, text, risk in zip(names, chroms, positions, risks, strict=True):
                    pos, fault = position(text)
                    allele = risk_allele(name, risk)
                    several = allele == ABSENT or len(allele) > 1
                    fault = (fault if chrom else NO_POSITION) or (LONG_RISK if several else "")
                    yield Entry(
                        name, chrom, pos, "", allele if several else "", risk="" if several else allele,
                        fault=fault, found="" if pos else text,
                    )  # fmt: skip


def risk_allele(name: str, text: str) -> str:
    """Parse the risk allele of `rs123-A`: its bases, `-` for none, '' if it is unknown (`rs123-?`)."""
    allele = (text.removeprefix(f"{name}-") if text.startswith(f"{name}-") else text.rpartition("-")[2]).strip().upper()
    return allele if allele == ABSENT or BASES.issuperset(allele) else ""


class Alleles(Table):
    """Tables with alleles: ref and alt, effect and other allele, or both in one cell (`A/C`).

    If alt is empty, a row names no allele; if ref is empty, the reference is that of the genome.
    """

    def __init__(self, path: Path, haplotypes: bool, columns: dict[str, int], kind: str):
        super().__init__(path, haplotypes, columns)
        self.kind = kind

    def entries(self) -> Iterator[Entry]:
        """Yield one entry per alternative allele."""
        associated = not self.columns.keys().isdisjoint(ASSOCIATION)
        for row, fault, found in self.rows():
            # PLINK has a row for each covariate too.
            if row.get("test", "").upper() not in (ADDITIVE, *MISSING):
                self.other_tests += 1
                continue
            pos, wrong = position(row["pos"])
            fault, found = fault or wrong, found or ("" if pos else row["pos"])
            name = row.get("id", "")
            beta, p_value = (beta_of(row), p_value_of(row)) if associated else ("", "")
            pairs = list(self.alleles(row))
            for ref, alt, either, bad in pairs:
                yield Entry(
                    "" if name.upper() in MISSING else name, row["chrom"], pos, ref, alt, row.get("gene", ""), either=either,
                    beta=beta and of_allele(alt, beta, self.effect_allele(row, pairs), ref),
                    p_value=p_value, fault=fault or bad, found=found,
                )  # fmt: skip

    def effect_allele(self, row: dict[str, str], pairs: list[tuple[str, str, bool, str]]) -> str:
        """Find the allele to which the beta of a row refers; `?` if that is unknown, so that no allele has a beta."""
        (ref, alt, *_), *more = pairs
        effect = row["effect"].upper() if "effect" in row else "?" if "alleles" in row or more else alt
        # With several alternatives, the reference may have been compared with all of them; without one, with any other base.
        return "?" if not effect or (more and effect == ref) or not alt else effect

    def alleles(self, row: dict[str, str]) -> Iterator[tuple[str, str, bool, str]]:
        """Yield ref, alt, whether the genome decides which is the reference, and what is wrong with them."""
        if "other" in row:
            other, effect = row["other"].upper(), row["effect"].upper()
            order = row.get("order", "").upper()
            ref, alt = (effect, other) if order == "EA" else (other, effect)
            yield ref, alt, order not in ("EA", "OA"), pair_fault(ref, alt)
            return
        ref, alt = ("", row["alleles"].upper()) if "alleles" in row else (row["ref"].upper(), row["alt"].upper())
        if "/" in ref and not alt:
            ref, alt = "", ref
        both = "alleles" in row or ("/" in alt and not ref)
        listed = re.split("[,/|>]" if both else "," if "<" in alt else "[,/]", alt) if alt else [""]
        if both and len(listed) > 1:
            # The genome decides which of two alleles is the reference; of more, it is the first one.
            ref, *alts = listed
            for one in alts:
                yield ref, one, len(alts) == 1, pair_fault(ref, one)
            return
        if both:
            yield "", alt, False, NO_ALLELE
            return
        if len(listed) > 1 and "/" in alt and listed[0] == ref:  # both alleles again
            listed = listed[1:]
        for one in listed:
            # An empty cell names no allele; an empty item in a list is an error.
            one = one or ("." if alt else "")
            yield ref, one, False, self.fault(ref, one)

    @staticmethod
    def fault(ref: str, alt: str) -> str:
        if ref and alt:
            return pair_fault(ref, alt)
        if BASES.issuperset(ref + alt):  # one base, or none: the genome has the reference
            return "" if len(ref + alt) <= 1 else NO_REFERENCE if alt else NO_ALTERNATIVE
        return fault_of("", alt) if alt else NOT_ACGT


def pair_fault(ref: str, alt: str) -> str:
    """Return why a pair of alleles cannot be scored, as `fault_of` does; both are required, and one may be `-`."""
    if not ref or not alt:
        return NO_ALLELE
    if ref == alt:
        return SAME
    if ABSENT in (ref, alt):
        return "" if BASES.issuperset(alt if ref == ABSENT else ref) else NOT_ACGT
    return fault_of(ref, alt)


def columns_of(header: list[str], roles: dict[str, list[str]]) -> dict[str, int]:
    """Find the index of the column for each role that is present."""
    found = {role: next((name for name in names if name in header), None) for role, names in roles.items()}
    return {role: header.index(name) for role, name in found.items() if name}


def table_source(path: Path, haplotypes: bool, header: list[str]) -> Source | None:
    """Open a table by its columns; None if it is not a table of variants.

    Raises InputError for repeated columns.
    """
    catalog = columns_of(header, CATALOG)
    if catalog.keys() >= {"chrom", "pos", "id"}:
        return Catalog(path, haplotypes, _unique_columns(path, header, catalog))
    for roles, needed, kind in (
        (HARMONISED, {"other", "effect"}, "harmonised summary statistics"),
        (REF_AND_ALT, {"ref", "alt"}, "table of ref and alt"),
        (SUMMARY, {"other", "effect"}, "summary statistics of effect and other allele"),
        (ALLELES, {"alleles"}, "table of alleles"),
    ):
        columns = columns_of(header, roles)
        if "a1" not in header:  # not PLINK's: a column `test` may have any meaning
            columns.pop("test", None)
        if columns.keys() >= {"chrom", "pos", *needed}:
            return Alleles(path, haplotypes, _unique_columns(path, header, columns), kind)
    return None


def _unique_columns(path: Path, header: list[str], columns: dict[str, int]) -> dict[str, int]:
    repeated = sorted({header[at] for at in columns.values() if header.count(header[at]) > 1})
    if repeated:
        raise InputError(
            Problem(
                shown(path.name), f"several columns named {repeated[0]!r}", "one of each", "rename or remove the others"
            )
        )
    return columns


def open_source(path: str | Path, haplotypes: bool = False) -> Source:
    """Open a file of variants by its content, not by its name. Raises InputError if it is damaged or of another kind.

    haplotypes: read which haplotypes carry each allele (VCF and BCF).
    """
    path = Path(path)
    if fault := first_fault(path):
        raise InputError(Problem(shown(path.name), fault, EXPECTED, AGAIN))
    try:
        start = start_of(path)
        if start.startswith(b"BCF"):
            return Vcf(path, haplotypes)
        with open_text(path) as lines:
            header, _ = table_of(lines)
        # A .pvar file of PLINK may call itself a VCF, but lacks columns that a VCF must have.
        if start.startswith(b"##fileformat=VCF") and (header[:1] != ["chrom"] or len(header) >= N_VCF_COLUMNS):
            return Vcf(path, haplotypes)
    except DAMAGE as error:
        raise damaged(path, "its start", error) from error
    if source := table_source(path, haplotypes, header):
        return source
    raise InputError(
        Problem(shown(path.name), looks_like(path), EXPECTED, "check which file this is, and its first line")
    )

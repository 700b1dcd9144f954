"""Files of variants, row by row: VCF and BCF, tables of the GWAS Catalog, plain tables. Known by what is in them."""

import re
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pysam

from scxpresso.damage import AGAIN, damage, first_fault, looks_like, start_of
from scxpresso.files import is_bgzip, is_gzip, open_text, unzipped_stream
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import BASES, LETTERS, NO_ALTERNATIVE, fault_of

EXPECTED = (
    "a VCF or BCF, a table of the GWAS Catalog (columns CHR_ID, CHR_POS and SNPS) or a table with the columns chrom, pos, "
    "ref and alt (and gene, variant_id), tabs between them; gzipped or not"
)
GWAS_COLUMNS = {"CHR_ID", "CHR_POS", "SNPS"}
PLAIN_COLUMNS = {"chrom", "pos", "ref", "alt"}

NO_POSITION = "no position"
NO_NUMBER = "the position is no whole number"
BEFORE_START = "the position is before the contig's first base"
UNEQUAL = "the row's CHR_ID, CHR_POS and SNPS differ in how many they list"
NO_REFERENCE = "an alternative of several bases, and no reference"

_SEVERAL = re.compile(r"\s*;\s*|\s+x\s+")
_DAMAGE = (OSError, ValueError, EOFError, zlib.error)  # of htslib, of gzip, of text that is not UTF-8
_WHOLE = re.compile(r"-?[0-9]{1,15}")


class Entry(NamedTuple):
    """One allele, or one position where the file names no allele, as the file has it.

    pos: 1-based; None where there is none. ref, alt: upper case; '' where the file names none. gene: id or name that the
    file restricts the entry to. carriers: `sample.place` of each haplotype that has the alternative. fault: why it cannot
    be scored, as far as the file alone shows.
    """

    variant_id: str
    chrom: str
    pos: int | None
    ref: str
    alt: str
    gene: str = ""
    carriers: str = ""
    fault: str = ""


class Source:
    """A file of variants. Iterating over it gives its entries, one row of the file in memory at a time.

    kind: what it is, in words. lines: rows read so far. once: whether entries of the same id and position are one.
    haplotypes: whether carriers are asked for. Then, samples: with genotypes. phase_sets: whether some calls may be phased
    among each other only. unphased: heterozygous calls that do not tell the haplotype. ploidy: the largest of a call, at
    least 2.
    """

    kind = ""
    once = False

    def __init__(self, path: Path, haplotypes: bool):
        self.path = path
        self.haplotypes = haplotypes
        self.lines = 0
        self.samples = 0
        self.phase_sets = False
        self.unphased = 0
        self.ploidy = 2

    def entries(self) -> Iterator[Entry]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Entry]:
        """Raises InputError where the file turns out to be damaged, or no such file."""
        try:
            yield from self.entries()
        except _DAMAGE as error:
            raise damaged(self.path, f"near row {self.lines + 1:,}", error) from error


class Vcf(Source):
    """VCF or BCF, read by htslib: bgzipped, gzipped or plain; an index is not used. FILTER and INFO are not read."""

    kind = "VCF/BCF"

    def entries(self):
        pysam.set_verbosity(0)  # what htslib says of a damaged file, `damage` says better
        # htslib seeks in a file that it opens by name, which it cannot in gzip other than bgzip.
        piped = is_gzip(self.path) and not is_bgzip(self.path)
        with (
            unzipped_stream(self.path) if piped else nullcontext(str(self.path)) as opened,
            pysam.VariantFile(opened, drop_samples=not self.haplotypes) as file,
        ):
            if self.haplotypes:
                self.samples = len(file.header.samples)
                self.phase_sets = "PS" in file.header.formats
            for record in file:
                self.lines += 1
                chrom, pos, name, ref = record.chrom, record.pos, record.id or "", (record.ref or "").upper()
                carriers = self.carriers(record) if self.haplotypes else {}
                for number, alt in enumerate(record.alts or (".",), start=1):
                    alt = alt.upper() if alt.isalpha() else alt
                    fault = BEFORE_START if pos < 1 else fault_of(ref, alt)
                    yield Entry(name, chrom, pos, ref, alt, "", carriers.get(number, ""), fault)

    def carriers(self, record: pysam.VariantRecord) -> dict[int, str]:
        """Allele number → the haplotypes that carry it, `sample.place`, as far as the calls tell."""
        # Far faster than pysam's samples, of which there may be thousands.
        columns = str(record).rstrip("\n").split("\t")
        if len(columns) < 10 or columns[8].partition(":")[0] != "GT":
            return {}
        found: dict[int, list[str]] = {}
        for sample, column in enumerate(columns[9:]):
            carried, ploidy = haplotypes_of(column.partition(":")[0])
            self.ploidy = max(self.ploidy, ploidy)
            if carried is None:
                self.unphased += 1
                continue
            for place, allele in carried:
                found.setdefault(allele, []).append(f"{sample}.{place}")
        return {allele: ",".join(haplotypes) for allele, haplotypes in found.items()}


@lru_cache(maxsize=10_000)
def haplotypes_of(genotype: str) -> tuple[tuple[tuple[int, int], ...] | None, int]:
    """Places and numbers of the alternative alleles of a call like `0|1`, and its ploidy.

    Known are those of phased, homozygous and haploid calls; of another call with an alternative: None.
    """
    phased = "/" not in genotype.lstrip("/|")
    calls = re.split("[/|]", genotype.lstrip("/|"))
    alternatives = tuple((place, int(call)) for place, call in enumerate(calls) if call.isdecimal() and int(call))
    known = phased or len(set(calls)) == 1 or not alternatives
    return (alternatives if known else None), len(calls)


class Table(Source):
    """A text table with a header."""

    def rows(self) -> Iterator[dict[str, str]]:
        """Each row by the header's names; cells that a short row lacks are ''."""
        with open_text(self.path) as lines:
            names = header_of(lines)
            for line in lines:
                if line.strip():
                    self.lines += 1
                    cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
                    yield dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=False))


class Gwas(Table):
    """The GWAS Catalog's associations: positions and ids without alleles, several of them in a row for some.

    An association a row, so that a variant comes again and again: it is one entry.
    """

    kind = "table of the GWAS Catalog"
    once = True

    def entries(self):
        for row in self.rows():
            chroms, positions, names = (_SEVERAL.split(row[column]) for column in ("CHR_ID", "CHR_POS", "SNPS"))
            if not row["CHR_ID"] or not row["CHR_POS"]:
                yield Entry(row["SNPS"], row["CHR_ID"], None, "", "", fault=NO_POSITION)
            elif not len(chroms) == len(positions) == len(names):
                yield Entry(row["SNPS"], row["CHR_ID"], None, "", "", fault=UNEQUAL)
            else:
                for name, chrom, text in zip(names, chroms, positions, strict=True):
                    pos, fault = position(text)
                    yield Entry(name, chrom, pos, "", "", fault=fault if chrom else NO_POSITION)


class Plain(Table):
    """chrom, pos, ref, alt, and gene and variant_id if there. Without alt it names no allele, without ref the genome's."""

    kind = "table of chrom, pos, ref and alt"

    def entries(self):
        for row in self.rows():
            pos, fault = position(row["pos"])
            ref, name, gene = row["ref"].upper(), row.get("variant_id", ""), row.get("gene", "")
            # An empty cell names no allele; an empty place in a list of them is a mistake.
            alts = [alt or "." for alt in row["alt"].upper().split(",")] if row["alt"] else [""]
            for alt in alts:
                yield Entry(name, row["chrom"], pos, ref, alt, gene, fault=fault or self.fault(ref, alt))

    @staticmethod
    def fault(ref: str, alt: str) -> str:
        if ref and alt:
            return fault_of(ref, alt)
        if BASES.issuperset(ref + alt):  # one base, or none: the genome tells the rest
            return "" if len(ref + alt) <= 1 else NO_REFERENCE if alt else NO_ALTERNATIVE
        return fault_of("", alt) if alt else LETTERS


def position(text: str) -> tuple[int | None, str]:
    """A 1-based position, and what is wrong with it."""
    if not text:
        return None, NO_POSITION
    if not _WHOLE.fullmatch(text):
        return None, NO_NUMBER
    pos = int(text)
    return pos, "" if pos > 0 else BEFORE_START


def header_of(lines: Iterator[str]) -> list[str]:
    """Names of a table's columns, from its first line that is neither empty nor a comment (##)."""
    for line in lines:
        line = line.removeprefix("\ufeff").rstrip("\r\n")  # spreadsheets begin a file with this mark
        if line.strip() and not line.startswith("##"):
            return [name.strip() for name in line.removeprefix("#").split("\t")]
    return []


def damaged(path: Path, place: str, error: Exception) -> InputError:
    """What is said of a file that a reader broke off at."""
    mend = f"mend the row if the rest is whole; else {AGAIN}"
    return InputError(Problem(f"{shown(path.name)}, {place}", damage(path, error), EXPECTED, mend))


def open_source(path: str | Path, haplotypes: bool = False) -> Source:
    """A file of variants by what it holds, whatever it is called. Raises InputError where it is none, or damaged.

    haplotypes: read which haplotypes carry each allele (VCF and BCF).
    """
    path = Path(path)
    if fault := first_fault(path):
        raise InputError(Problem(shown(path.name), fault, EXPECTED, AGAIN))
    try:
        start = start_of(path)
        if start.startswith((b"BCF", b"##fileformat=VCF")):
            return Vcf(path, haplotypes)
        with open_text(path) as lines:
            columns = set(header_of(lines))
    except _DAMAGE as error:
        raise damaged(path, "its start", error) from error
    for table, required in ((Gwas, GWAS_COLUMNS), (Plain, PLAIN_COLUMNS)):
        if required <= columns:
            return table(path, haplotypes)
    raise InputError(
        Problem(shown(path.name), looks_like(path), EXPECTED, "check which file this is, and its first line")
    )

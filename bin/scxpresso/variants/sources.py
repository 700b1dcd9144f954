"""Files of variants, row by row: what every kind of them gives, and VCF and BCF."""

import csv
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pysam

from scxpresso.damage import AGAIN, damage
from scxpresso.files import is_bgzip, is_gzip, unzipped_stream
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import fault_of
from scxpresso.variants.genotypes import Genotypes

EXPECTED = (
    "a VCF or BCF, a table of the GWAS Catalog (columns CHR_ID, CHR_POS and SNPS), summary statistics (chromosome, "
    "base_pair_location, effect_allele and other_allele, or their hm_ forms) or a table with the columns chrom, pos, ref and "
    "alt (and gene, variant_id); tabs or commas between columns; gzipped or not"
)
BEFORE_START = "the position is before the contig's first base"

DAMAGE = (OSError, ValueError, EOFError, zlib.error, csv.Error)  # of htslib, of gzip, of text that is not UTF-8


class Entry(NamedTuple):
    """One allele, or one position where the file names no allele, as the file has it.

    pos: 1-based; None if there is none. ref, alt: upper case; '' if the file names none, `-` for no bases. gene: id
    or name that the file restricts the entry to. carriers, uncalled: haplotypes that have the alternative, and those whose
    call is not known (see `genotypes`). either: whether the genome tells which allele is the reference. risk: risk alleles,
    one base each, joined by commas. beta, p_value: of the association, beta for `alt`. fault: why it cannot be scored, as
    far as the file alone shows. found: the text at fault, where that is none of the above. end: last position that it
    spans (1-based), as a VCF states it; 0 if the file does not.
    """

    variant_id: str
    chrom: str
    pos: int | None
    ref: str
    alt: str
    gene: str = ""
    carriers: str = ""
    uncalled: str = ""
    either: bool = False
    risk: str = ""
    beta: str = ""
    p_value: str = ""
    fault: str = ""
    found: str = ""
    end: int = 0


class Source:
    """A file of variants. Iterating over it gives its entries, one row of the file in memory at a time.

    kind: what it is, in words. lines: rows read so far. once: whether entries of the same id and position are one.
    genotypes: calls of its samples, where haplotypes are read and it has samples.
    """

    kind = ""
    once = False

    def __init__(self, path: Path, haplotypes: bool):
        self.path = path
        self.haplotypes = haplotypes
        self.lines = 0
        self.genotypes: Genotypes | None = None

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of the file."""
        raise NotImplementedError

    def library_message(self) -> str:
        """What the library that reads the file prints of damage, beside the error that it raises."""
        return ""

    def __iter__(self) -> Iterator[Entry]:
        """Raises InputError if the file turns out to be damaged, or no such file."""
        try:
            yield from self.entries()
        except DAMAGE as error:
            raise damaged(self.path, f"near row {self.lines + 1:,}", error, self.library_message()) from error


class Vcf(Source):
    """VCF or BCF, read by htslib: bgzipped, gzipped or plain; an index is not used. FILTER and INFO are not read."""

    kind = "VCF/BCF"

    def entries(self) -> Iterator[Entry]:
        """Yield one entry per alternative allele."""
        pysam.set_verbosity(0)  # htslib's message on a damaged file is read where it breaks off
        with self.opened() as file:
            if self.haplotypes and len(file.header.samples):
                self.genotypes = Genotypes(list(file.header.samples))
            for record in file:
                self.lines += 1
                chrom, pos, name, ref = record.chrom, record.pos, record.id or "", (record.ref or "").upper()
                carriers, uncalled = self.calls(record, self.genotypes) if self.genotypes else ({}, "")
                for number, alt in enumerate(record.alts or (".",), start=1):
                    alt = alt.upper() if alt.isalpha() else alt
                    fault = BEFORE_START if pos < 1 else fault_of(ref, alt)
                    yield Entry(
                        name, chrom, pos, ref, alt, carriers=carriers.get(number, ""), uncalled=uncalled, fault=fault,
                        end=record.stop,
                    )  # fmt: skip

    @contextmanager
    def opened(self) -> Iterator[pysam.VariantFile]:
        # htslib seeks in a file that it opens by name, which it cannot in gzip other than bgzip.
        piped = is_gzip(self.path) and not is_bgzip(self.path)
        with (
            unzipped_stream(self.path) if piped else nullcontext(str(self.path)) as opened,
            pysam.VariantFile(opened, drop_samples=not self.haplotypes) as file,
        ):
            yield file

    @staticmethod
    def calls(record: pysam.VariantRecord, genotypes: Genotypes) -> tuple[dict[int, str], str]:
        """See Genotypes.read."""
        # Far faster than pysam's samples, of which there may be thousands.
        columns = str(record).rstrip("\n").split("\t")
        alternatives = len(record.alts or ())
        return genotypes.read(columns[8] if len(columns) > 8 else "", columns[9:], alternatives)

    def library_message(self) -> str:
        """htslib's own reason, which it only prints: the file is read again to the place where it breaks off."""
        with printed() as text:
            verbosity = pysam.set_verbosity(1)
            try:
                with self.opened() as file:
                    for _ in file:
                        pass
            except DAMAGE:
                pass
            finally:
                pysam.set_verbosity(verbosity)
        return "; ".join(line.strip() for line in text if line.strip())


@contextmanager
def printed() -> Iterator[list[str]]:
    """Capture the lines that a library written in C prints to standard error in the block."""
    lines: list[str] = []
    with tempfile.TemporaryFile("w+", errors="replace") as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            lines += file.read().splitlines()


def damaged(path: Path, place: str, error: Exception, message: str = "") -> InputError:
    """Make the error for a damaged file. message: the library's own reason, if it gives one."""
    fix = f"correct the row if the rest is whole; else {AGAIN}"
    reason = f"; htslib says: {shown(message[:300])}" if message else ""
    return InputError(Problem(f"{shown(path.name)}, {place}", damage(path, error) + reason, EXPECTED, fix))

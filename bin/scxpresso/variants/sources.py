"""Files of variants, read row by row: the interface of all formats, and VCF and BCF."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pysam

from scxpresso.damage import AGAIN, DAMAGE, damage
from scxpresso.files import is_bgzip, is_gzip, unzipped_stream
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import fault_of
from scxpresso.variants.genotypes import Genotypes

EXPECTED = (
    "a VCF or BCF, a table of the GWAS Catalog (columns CHR_ID, CHR_POS and SNPS), summary statistics (chromosome, "
    "base_pair_location, effect_allele and other_allele, or their hm_ forms) or a table with the columns chrom, pos, ref and "
    "alt (and gene, variant_id); tabs or commas between columns; plain or gzipped"
)
BEFORE_START = "the position is before the first base of the contig"


class Entry(NamedTuple):
    """An allele, or a position without alleles, as in the file.

    pos: 1-based; None if there is none. ref, alt: upper case; '' if the file names none, `-` for no bases. gene: id or name
    of the only gene for which the entry is scored. carriers, uncalled: haplotypes with the alternative, and those whose call
    is unknown (see `genotypes`). either: whether the genome decides which allele is the reference. risk: risk alleles, one
    base each, joined by commas. beta, p_value: association, with beta of `alt`. fault: why it cannot be scored, as far as
    the file shows. found: the text at fault, if it is none of the above. end: last position that it spans (1-based), as
    stated in a VCF; 0 for other files.
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
    """A file of variants. Iteration yields its entries, with one row of the file in memory at a time.

    in_reach: whether calls matter of alleles on a contig that change bases from a position to another (0-based, half-open).

    kind: the format, in words. lines: rows read so far. once: whether entries of the same id and position are merged.
    genotypes: calls of the samples, if haplotypes are read and there are samples. other_tests: rows of PLINK that are of
    another test than the additive one, such as those of covariates, and are left out.
    """

    kind = ""
    once = False

    def __init__(self, path: Path, haplotypes: bool):
        self.path = path
        self.haplotypes = haplotypes
        self.lines = 0
        self.other_tests = 0
        self.genotypes: Genotypes | None = None
        self.in_reach: Callable[[str, int, int], bool] = lambda chrom, start, end: True

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of the file."""
        raise NotImplementedError

    def library_message(self) -> str:
        """Return what the library prints about damage, besides the error that it raises."""
        return ""

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries. Raises InputError if the file turns out to be damaged or of another format."""
        try:
            yield from self.entries()
        except DAMAGE as error:
            raise damaged(self.path, f"near row {self.lines + 1:,}", error, self.library_message()) from error


class Vcf(Source):
    """VCF or BCF, read by htslib: bgzipped, gzipped or plain. FILTER and INFO are not read.

    An index is not used: each record is reported, also those outside of every window, and reading them without their calls
    takes little.
    """

    kind = "VCF/BCF"

    def entries(self) -> Iterator[Entry]:
        """Yield one entry per alternative allele."""
        pysam.set_verbosity(0)  # the message of htslib about a damaged file is read by library_message
        with self.opened() as file:
            if self.haplotypes and len(file.header.samples):
                self.genotypes = Genotypes(list(file.header.samples))
            for record in file:
                self.lines += 1
                chrom, pos, name, ref = record.chrom, record.pos, record.id or "", (record.ref or "").upper()
                calls: tuple[dict[int, str], str] = {}, ""
                if self.genotypes and (_may_slide(record) or self.in_reach(chrom, pos - 1, max(record.stop, pos))):
                    calls = self.calls(record, self.genotypes)
                carriers, uncalled = calls
                for number, alt in enumerate(record.alts or (".",), start=1):
                    alt = alt.upper() if alt.isalpha() else alt
                    fault = BEFORE_START if pos < 1 else fault_of(ref, alt)
                    yield Entry(
                        name, chrom, pos, ref, alt, carriers=carriers.get(number, ""), uncalled=uncalled, fault=fault,
                        end=record.stop,
                    )  # fmt: skip

    @contextmanager
    def opened(self) -> Iterator[pysam.VariantFile]:
        # htslib seeks in a file that it opens by name, which fails for gzip other than bgzip.
        piped = is_gzip(self.path) and not is_bgzip(self.path)
        with (
            unzipped_stream(self.path) if piped else nullcontext(str(self.path)) as opened,
            pysam.VariantFile(opened, drop_samples=not self.haplotypes) as file,
        ):
            yield file

    @staticmethod
    def calls(record: pysam.VariantRecord, genotypes: Genotypes) -> tuple[dict[int, str], str]:
        """See Genotypes.read."""
        # Far faster than pysam's access to samples, of which there may be thousands.
        columns = str(record).rstrip("\n").split("\t")
        alternatives = len(record.alts or ())
        return genotypes.read(columns[8] if len(columns) > 8 else "", columns[9:], alternatives)

    def library_message(self) -> str:
        """Return the reason that htslib only prints; the file is read again to the point of failure."""
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


def _may_slide(record: pysam.VariantRecord) -> bool:
    """Tell whether a record has an insertion or deletion, which in a repeat may be placed far from its position."""
    return any(len(alt) != len(record.ref or "") and alt.isalpha() for alt in record.alts or ())


@contextmanager
def printed() -> Iterator[list[str]]:
    """Capture the lines that a C library prints to standard error in the block."""
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
    """Make the error for a damaged file. message: the reason of the library, if it gives one."""
    fix = f"correct the row if the rest is whole; else {AGAIN}"
    reason = f"; htslib says: {shown(message[:300])}" if message else ""
    return InputError(Problem(f"{shown(path.name)}, {place}", damage(path, error) + reason, EXPECTED, fix))

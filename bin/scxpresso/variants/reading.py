"""From a file of variants to tables of what can be scored: checked against the genome, placed in the windows of genes.

Every entry of the file (an allele, or a position where it names none) ends in the tables or in rejected.tsv, or it repeats
one that did. Memory is bounded by a contig and a chunk, whatever the file's length and order: the file is read once, into a
database on disk; the FASTA once for its names and once more, contig by contig, each with the entries that lie on it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from scxpresso.genome.features import contig_names
from scxpresso.genome.sequence import read_fasta
from scxpresso.identifiers import GeneNames, match_contigs
from scxpresso.problems import InputError, Problem, some
from scxpresso.store import read_table, write_json, write_rows
from scxpresso.text import shown
from scxpresso.variants.alleles import BASES, SAME, SUBSTITUTIONS, changed_bases, normalised
from scxpresso.variants.gene_windows import Windows
from scxpresso.variants.score_table import ScorableVariant
from scxpresso.variants.sources import Source, open_source
from scxpresso.variants.spill import Spill

CHUNK_COLUMNS = list(ScorableVariant._fields)
REJECTED_COLUMNS = ["set", "variant_id", "chrom", "pos", "ref", "alt", "reason"]

UNKNOWN_CONTIG = "the FASTA has no such contig"
OFF_CONTIG = "the position is beyond the contig's end"
UNCERTAIN = "the FASTA has no certain base (A, C, G, T) there"
MISMATCH = "the reference differs from the FASTA"
UNKNOWN_GENE = "the gene that it names is not in genes.tsv"
NOT_SCORABLE = "not scorable: "
OUTSIDE = NOT_SCORABLE + "outside the window of every gene"
OUTSIDE_GENE = NOT_SCORABLE + "outside the window of the gene that it names"

MOST_MISMATCHES = 0.05  # of the entries that name a reference
FEWEST_MISMATCHES = 5  # more of them than these are no slips of the pen
A_CAUSE = 0.8  # the share of mismatches that another reading explains, for it to be named


@dataclass
class References:
    """How the references that a file names compare with the FASTA.

    swapped, later, earlier: mismatches that agree with it if reference and alternative change places, or at the next
    base, or at the one before.
    """

    checked: int = 0
    mismatched: int = 0
    swapped: int = 0
    later: int = 0
    earlier: int = 0
    example: str = ""

    def differ(self, letters: str, chrom: str, pos: int, ref: str, alt: str) -> None:
        """Count a mismatch."""

        def there(start: int, bases: str) -> bool:
            return start >= 0 and letters[start : start + len(bases)].upper() == bases

        self.mismatched += 1
        self.swapped += bool(alt) and there(pos - 1, alt)
        self.later += there(pos, ref)
        self.earlier += there(pos - 2, ref)
        if not self.example:
            found = letters[pos - 1 : pos - 1 + len(ref)].upper()
            self.example = f"{shown(chrom)}:{pos:,} has {ref[:20]}, the FASTA {found[:20]}"

    def check(self, where: str) -> None:
        """Raises InputError where too many differ, with the likely cause."""
        if self.mismatched <= max(FEWEST_MISMATCHES, MOST_MISMATCHES * self.checked):
            return
        swap = f"{self.swapped:,} of them agree if reference and alternative are swapped"
        shifts = {
            f"{self.later:,} of them agree with the next base": self.later,
            f"{self.earlier:,} of them agree with the base before": self.earlier,
        }
        if self.swapped >= A_CAUSE * self.mismatched:
            cause = f"alleles swapped: {swap}"
            mend = "write the genome's allele as the reference (bcftools norm --check-ref s, or bcftools +fixref)"
        elif max(shifts.values()) >= A_CAUSE * self.mismatched:
            cause = f"positions that count from 0, or are off by one: {max(shifts, key=shifts.get)}"
            mend = "write positions that count from 1"
        else:
            cause = f"another assembly: only {swap}" if self.swapped else "another assembly"
            mend = "take the FASTA of the assembly of the variants, or lift the variants over to this one"
        raise InputError(
            Problem(
                where,
                f"the reference of {self.mismatched:,} of {self.checked:,} alleles differs from the FASTA "
                f"({self.example}); the likely cause is {cause}",
                f"at most {MOST_MISMATCHES:.0%} that differ",
                mend,
            )
        )


@dataclass
class Counts:
    """What became of a file's entries. rejected: by reason, those that are not scorable for want of a window included."""

    scorable: int = 0
    alleles: int = 0
    pairs: int = 0
    rejected: Counter = field(default_factory=Counter)
    references: References = field(default_factory=References)


class Genes:
    """genes.tsv: where the windows are, contig by contig of the FASTA, and what genes are called."""

    def __init__(self, path: str | Path, contigs: list[str], upstream: int, downstream: int):
        columns = ["gene_id", "gene_name", "chrom", "strand", "tss"]
        table = read_table(path, columns=columns).sort_values("gene_id", ignore_index=True)
        self.gene_id: list[str] = table["gene_id"].tolist()
        self.chrom: list[str] = table["chrom"].tolist()
        self._called = GeneNames(self.gene_id, table["gene_name"])
        self._row = {gene: row for row, gene in enumerate(self.gene_id)}
        on_contig = match_contigs(table["chrom"].unique(), contigs)
        if len(table) and not on_contig:
            raise InputError(
                Problem(
                    shown(Path(path).name),
                    f"genes on the contigs {some(table['chrom'].unique())}, the FASTA has {some(contigs)}",
                    "genes on contigs of the FASTA",
                    "take genes.tsv and the FASTA of one genome",
                )
            )
        self._none = Windows.of(table[:0], upstream, downstream)
        self._windows = {
            on_contig[chrom]: Windows.of(genes, upstream, downstream)
            for chrom, genes in table.groupby("chrom")
            if chrom in on_contig
        }

    def windows(self, contig: str) -> Windows:
        """Of a contig by the FASTA's name."""
        return self._windows.get(contig, self._none)

    def row(self, name: str) -> int | None:
        """Row of the gene of this id or name, with or without a version; None where there is none."""
        return self._row.get(self._called.gene(name))


def read_variants(
    name: str,
    file: str | Path,
    fasta: str | Path,
    genes: str | Path,
    upstream: int,
    downstream: int,
    haplotypes: bool,
    rows_per_chunk: int,
    outdir: str | Path,
    log: Callable[[str], None] = lambda message: None,
) -> dict:
    """Write chunks/<number>.tsv.gz, rejected.tsv and counts.json of a set of variants; the latter is returned.

    upstream, downstream: bases of a window, as in extract_features. haplotypes: with the haplotypes that carry each allele.
    rows_per_chunk: of a variant and a gene; a chunk has whole genes. Raises InputError for a file that is no file of variants,
    or damaged, or whose references are not the FASTA's; nothing is written then.
    """
    outdir = Path(outdir)
    outdir.mkdir(parents=True, exist_ok=True)
    source = open_source(file, haplotypes)
    log(f"{shown(Path(file).name)}: {source.kind}")
    with TemporaryDirectory(dir=outdir, prefix=".partial-") as folder, Spill(Path(folder) / "variants") as spill:
        entries = _spill(source, spill, log)
        if haplotypes:
            _tell_of_haplotypes(source, log)
        contigs = contig_names(str(fasta))
        known = Genes(genes, contigs, upstream, downstream)
        counts = _place_all(spill, fasta, contigs, known, Path(file).name)
        counts.references.check(shown(Path(file).name))
        repeated = entries - spill.count("entries")
        unscored = sum(times for reason, times in counts.rejected.items() if reason.startswith(NOT_SCORABLE))
        rejected = {
            reason: times for reason, times in counts.rejected.most_common() if not reason.startswith(NOT_SCORABLE)
        }
        _agree(entries, repeated + counts.scorable + unscored + sum(rejected.values()))
        _agree(spill.count("rejected"), unscored + sum(rejected.values()))
        _agree(spill.count("placed"), counts.pairs)
        written = _write_chunks(spill, known, source.ploidy, rows_per_chunk, outdir / "chunks")
        _agree(sum(written), counts.pairs)
        write_rows(outdir / "rejected.tsv", REJECTED_COLUMNS, _rejected_rows(name, spill))
    report = {
        "set": name,
        "format": source.kind,
        "rows": source.lines,
        "variants": entries,
        "repeated": repeated,
        "scorable": counts.scorable,
        "not_scorable": unscored,
        "rejected": rejected,
        "alleles": counts.alleles,
        "pairs": counts.pairs,
        "chunks": len(written),
        "unphased_calls": source.unphased,
    }
    write_json(outdir / "counts.json", report)
    return report


def _agree(count: int, other: int) -> None:
    if count != other:
        raise RuntimeError(f"variants got lost, or came twice: {count:,} and {other:,} should be the same")


def _spill(source: Source, spill: Spill, log: Callable[[str], None]) -> int:
    """Read the file into the database; the number of its entries."""
    entries = 0

    def counted():
        nonlocal entries
        for entry in source:
            entries += 1
            yield entry
            if entries % 1_000_000 == 0:
                log(f"{entries:,} variants read")

    spill.add(counted(), source.once)
    if not entries:
        raise InputError(
            Problem(
                shown(source.path.name), f"a {source.kind} without variants", "variants", "check which file this is"
            )
        )
    return entries


def _tell_of_haplotypes(source: Source, log: Callable[[str], None]) -> None:
    """What the file does not say of them."""
    if not source.samples:
        log("WARNING --haplotypes: the file has no genotypes, so no haplotypes are known")
    if source.phase_sets:
        log("WARNING --haplotypes: phase sets (PS) are not read; calls are taken as phased along the whole contig")
    if source.unphased:
        log(f"{source.unphased:,} heterozygous calls are not phased: they count for no haplotype")


def _place_all(spill: Spill, fasta: str | Path, contigs: list[str], genes: Genes, file: str) -> Counts:
    """Reject or place every entry. Raises InputError where no contig is one of the FASTA's."""
    counts = Counts()
    chroms = spill.chroms()
    contig_of = match_contigs(chroms, contigs)
    named = [chrom for chrom in chroms if chrom]
    if named and not contig_of:
        raise InputError(
            Problem(
                shown(file),
                f"variants on the contigs {some(named)}, the FASTA has {some(contigs)}",
                "variants on contigs of the FASTA (with or without 'chr')",
                "take the FASTA of the assembly of the variants",
            )
        )
    for chrom in chroms:
        if chrom not in contig_of:
            for block in spill.blocks(chrom):
                reasons = [(number, fault or UNKNOWN_CONTIG) for number, *_, fault in block]
                counts.rejected.update(reason for _, reason in reasons)
                spill.reject(reasons)
    chrom_on = {contig: chrom for chrom, contig in contig_of.items()}
    for contig, letters in read_fasta(str(fasta)):
        chrom = chrom_on.pop(contig, None)
        for block in spill.blocks(chrom) if chrom else ():
            _place(block, chrom, letters, genes.windows(contig), genes, spill, counts)
    return counts


def _place(
    block: list[tuple], chrom: str, letters: str, windows: Windows, genes: Genes, spill: Spill, counts: Counts
) -> None:
    """Reject or place entries of one contig (number, pos, ref, alt, gene, fault)."""
    rejected, numbers, named, alleles, bounds = [], [], [], [], []
    for number, pos, ref, alt, gene, fault in block:
        reason = fault or _fault_on(chrom, letters, pos, ref, alt, counts.references)
        row = genes.row(gene) if gene and not reason else None
        if gene and not reason and row is None:
            reason = UNKNOWN_GENE
        if reason:
            rejected.append((number, reason))
            continue
        ref = ref or letters[pos - 1].upper()
        for alternative in [alt] if alt else SUBSTITUTIONS[ref]:
            allele = normalised(pos, ref, alternative)
            numbers.append(number)
            named.append(row)
            alleles.append(allele)
            bounds.append(changed_bases(*allele))

    start, end = np.array(bounds, dtype=np.int64).reshape(-1, 2).T
    placed, scorable = [], set()
    for number, row, allele, around in zip(numbers, named, alleles, windows.around(start, end), strict=True):
        within = around if row is None else [row] if row in around else []
        if within:
            scorable.add(number)
            counts.alleles += 1
            placed += [(gene, allele[0], number, allele[1], allele[2]) for gene in within]
    outside = {number: row for number, row in zip(numbers, named, strict=True) if number not in scorable}
    rejected += [(number, OUTSIDE if row is None else OUTSIDE_GENE) for number, row in outside.items()]
    spill.reject(rejected)
    spill.place(placed)
    counts.scorable += len(scorable)
    counts.pairs += len(placed)
    counts.rejected.update(reason for _, reason in rejected)


def _fault_on(chrom: str, letters: str, pos: int, ref: str, alt: str, references: References) -> str:
    """Why the contig does not allow for an entry; '' where it does."""
    found = letters[pos - 1 : pos - 1 + (len(ref) or 1)].upper()
    if len(found) < (len(ref) or 1):
        return OFF_CONTIG
    if not BASES.issuperset(found):
        return UNCERTAIN
    if ref:
        references.checked += 1
        if ref != found:
            references.differ(letters, chrom, pos, ref, alt)
            return MISMATCH
    return SAME if found == alt else ""


def _write_chunks(spill: Spill, genes: Genes, ploidy: int, rows_per_chunk: int, folder: Path) -> list[int]:
    """Tables of about so many rows and whole genes, each sorted by gene_id and position; the rows of each."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.tsv.gz"):  # of an earlier run
        old.unlink()
    written: list[int] = []

    def write(rows: list[tuple]) -> None:
        written.append(len(rows))
        write_rows(folder / f"{len(written)}.tsv.gz", CHUNK_COLUMNS, rows)

    chunk: list[tuple] = []
    for gene, rows in groupby(spill.placed(), key=lambda row: row[0]):
        of_gene = list(_chunk_rows(rows, genes.chrom[gene], genes.gene_id[gene], ploidy))
        if chunk and len(chunk) + len(of_gene) > rows_per_chunk:
            write(chunk)
            chunk = []
        chunk += of_gene
    if chunk:
        write(chunk)
    return written


def _chunk_rows(rows: Iterator[tuple], chrom: str, gene: str, ploidy: int) -> Iterator[tuple]:
    """Rows of a gene as CHUNK_COLUMNS."""
    for _, pos, ref, alt, carriers, variant_id, *given in rows:
        name = shown(variant_id) or variant_name(*given)
        indices = []
        for haplotype in carriers.split(",") if carriers else ():
            sample, place = haplotype.split(".")
            indices.append(int(sample) * ploidy + int(place))
        yield name, chrom, pos, ref, alt, gene, ",".join(map(str, indices))


def _rejected_rows(name: str, spill: Spill) -> Iterator[tuple]:
    """REJECTED_COLUMNS of what is rejected, in the file's order and as the file has it."""
    for variant_id, chrom, pos, ref, alt, reason in spill.rejected():
        shown_id = shown(variant_id) or variant_name(chrom, pos, ref, alt)
        yield name, shown_id, shown(chrom), pos, shown(ref), shown(alt), reason


def variant_name(chrom: str, pos: int | None, ref: str, alt: str) -> str:
    """chrom:pos:ref:alt, for a variant that has no id; what it lacks is left out."""
    return ":".join(str(part) for part in (shown(chrom), pos, shown(ref), shown(alt)) if part)

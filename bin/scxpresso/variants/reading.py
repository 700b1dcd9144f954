"""From a file of variants to tables of scorable alleles: checked against the genome, and placed in the windows of genes.

Every entry of the file (an allele, or a position without alleles) ends up in the tables or in rejected.tsv, unless it repeats
an earlier one. Memory is bounded by a contig and a chunk, whatever the length and order of the file. The file is read once,
into a database on disk. The FASTA is read once for its contig names, and once contig by contig.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from scxpresso.genome.features import contig_names
from scxpresso.genome.sequence import read_fasta
from scxpresso.problems import InputError, Problem, preview
from scxpresso.store import write_json, write_rows
from scxpresso.text import shown
from scxpresso.variants.alleles import (
    ABSENT,
    BASES,
    NO_ALTERNATIVE,
    SAME,
    SPANNING,
    SUBSTITUTIONS,
    anchored,
    slides,
    trimmed,
)
from scxpresso.variants.chunks import REJECTED_COLUMNS, rejected_rows, write_chunks
from scxpresso.variants.contigs import contigs_of
from scxpresso.variants.gene_windows import GeneIndex, Reach, Windows
from scxpresso.variants.placement import Sliding, placed_for
from scxpresso.variants.references import Bases, References
from scxpresso.variants.sources import Entry, Source
from scxpresso.variants.spill import Spill
from scxpresso.variants.tables import open_source

UNKNOWN_CONTIG = "the FASTA has no such contig"
OFF_CONTIG = "the position is beyond the end of the contig"
AMBIGUOUS = "the FASTA has an ambiguous base there"
NO_BASE_BEFORE = "a missing allele (-) at the contig's first base, before which there is none"
MISMATCH = "the reference differs from the FASTA"
UNKNOWN_GENE = "the gene that it names is not in genes.tsv"
NOT_SCORABLE = "not scorable: "
OUTSIDE = NOT_SCORABLE + "outside the window of every gene"
OUTSIDE_GENE = NOT_SCORABLE + "outside the window of the gene that it names"

# With these reasons, a haplotype that carries the allele is still known: another record has it, or it is the reference.
# With a missing call there, a haplotype may carry another allele, whatever the reason.
CHANGES_NOTHING = {SPANNING, SAME, NO_ALTERNATIVE}


@dataclass
class Counts:
    """Numbers of entries, by outcome.

    scorable: entries. alleles, pairs: alleles to score, and pairs of an allele and a gene. before: insertions written with
    `-`, which are read as before the base at their position. rejected: by reason, including those outside every window.
    """

    scorable: int = 0
    alleles: int = 0
    pairs: int = 0
    before: int = 0
    rejected: Counter = field(default_factory=Counter)
    references: References = field(default_factory=References)


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
    """Write chunks/<number>.tsv.gz, rejected.tsv and counts.json of a set of variants, and return the latter.

    Parameters
    ----------
    upstream, downstream: bases of the window, as in extract_features.py; for several models, those of the widest window.
    haplotypes: whether to read which haplotypes carry each allele.
    rows_per_chunk: pairs of a variant and a gene per chunk; a chunk has all rows of its genes.

    Raises
    ------
    InputError: if the file is damaged or not a file of variants, or if its references differ from the FASTA; then nothing
        is written.
    """
    outdir = Path(outdir)
    outdir.mkdir(parents=True, exist_ok=True)
    source = open_source(file, haplotypes)
    log(f"{shown(Path(file).name)}: {source.kind}")
    with TemporaryDirectory(dir=outdir, prefix=".partial-") as folder, Spill(Path(folder) / "variants") as spill:
        contigs = contig_names(str(fasta))
        known = GeneIndex(genes, contigs, upstream, downstream)
        source.in_reach = Reach(known.windows, lambda chrom: contigs_of([chrom], contigs).get(chrom))
        entries = _spill(source, spill, log)
        if haplotypes:
            _log_haplotypes(source, log)
        counts = _place_all(spill, fasta, contigs, known, Path(file).name)
        counts.references.check(shown(Path(file).name))
        _check_scorable(counts, spill, shown(Path(file).name))
        _log_decisions(counts, log)
        repeated = entries - spill.count("entries")
        unscored = sum(times for reason, times in counts.rejected.items() if reason.startswith(NOT_SCORABLE))
        rejected = {
            reason: times for reason, times in counts.rejected.most_common() if not reason.startswith(NOT_SCORABLE)
        }
        _check_equal(entries, repeated + counts.scorable + unscored + sum(rejected.values()))
        _check_equal(spill.count("rejected"), unscored + sum(rejected.values()))
        _check_equal(spill.count("placed"), counts.pairs)
        written, merged = write_chunks(spill, known, rows_per_chunk, outdir / "chunks")
        _check_equal(sum(written) + merged, counts.pairs)
        write_rows(outdir / "rejected.tsv", REJECTED_COLUMNS, rejected_rows(name, spill))
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
        "pairs": sum(written),
        "chunks": len(written),
        "unphased_calls": source.genotypes.unphased if source.genotypes else 0,
        "missing_calls": source.genotypes.missing if source.genotypes else 0,
    }
    write_json(outdir / "counts.json", report)
    return report


def _check_equal(count: int, other: int) -> None:
    if count != other:
        raise RuntimeError(f"variants got lost, or came twice: {count:,} and {other:,} should be the same")


def _spill(source: Source, spill: Spill, log: Callable[[str], None]) -> int:
    """Read the file into the database; return the number of its entries."""
    entries = 0

    def counted() -> Iterator[Entry]:
        nonlocal entries
        for entry in source:
            entries += 1
            yield entry
            if entries % 1_000_000 == 0:
                log(f"{entries:,} variants read")

    spill.add(counted(), source.once)
    left_out = f"{source.other_tests:,} rows of PLINK with another TEST than ADD (covariates, or other models)"
    if not entries:
        found = f"a {source.kind} without variants" + (f", but {left_out}" if source.other_tests else "")
        raise InputError(Problem(shown(source.path.name), found, "variants", "check which file this is"))
    if source.other_tests:
        log(f"NOTE {left_out} were left out")
    return entries


def _log_haplotypes(source: Source, log: Callable[[str], None]) -> None:
    """Log what the file lacks for haplotypes, in the windows of genes."""
    calls = source.genotypes
    if not calls or not calls.genotyped:
        log("NOTE --haplotypes: the file has no genotypes (GT), so no haplotypes are known")
        return
    without = [name for sample, name in enumerate(calls.samples) if sample not in calls.genotyped]
    if without:
        log(f"WARNING --haplotypes: samples without any genotype (GT): {preview(without)}")
    if calls.unphased:
        log(f"{calls.unphased:,} heterozygous calls are not phased: they count for no haplotype")
    if calls.missing:
        log(f"{calls.missing:,} calls name no allele")
    if calls.unphased or calls.missing:
        log("haplotypes with such a call in a gene's window are flagged incomplete_calls")


def _log_decisions(counts: Counts, log: Callable[[str], None]) -> None:
    """Log ambiguous entries, and how they were read."""
    for text in counts.references.decisions():
        log(text)
    if counts.before:
        log(
            f"NOTE {counts.before:,} insertions written with '-' were read as before the base of their position, as "
            "Ensembl writes them (MAF and ANNOVAR name the base before the insertion)"
        )


def _check_scorable(counts: Counts, spill: Spill, file: str) -> None:
    """Raise InputError if no entry is scorable, with the reasons."""
    if counts.scorable:
        return
    reasons = "; ".join(f"{times:,} because {reason}" for reason, times in counts.rejected.most_common(5))
    fix = "correct the file, or remove the set from --variants"
    if counts.references.mismatched:
        cause, fix = counts.references.likely_cause()
        reasons += f"; the likely cause is {cause}"
    first = ", ".join(shown(part) for *row, _, found in [next(spill.rejected())] for part in (*row, found) if part)
    raise InputError(
        Problem(
            file,
            f"none of its {sum(counts.rejected.values()):,} variants can be scored: {reasons} (the first: {first})",
            "at least one variant in the window of a gene",
            fix,
        )
    )


def _place_all(spill: Spill, fasta: str | Path, contigs: list[str], genes: GeneIndex, file: str) -> Counts:
    """Reject or place every entry. Raises InputError if no contig is one of the FASTA's."""
    counts = Counts()
    chroms = spill.chroms()
    contig_of = contigs_of(chroms, contigs)
    named = spill.chroms(readable=True)
    if named and not contig_of:
        raise InputError(
            Problem(
                shown(file),
                f"variants on the contigs {preview(named)}, the FASTA has {preview(contigs)}",
                "variants on contigs of the FASTA (with or without 'chr')",
                "use the FASTA of the variants' assembly",
            )
        )
    for chrom in chroms:
        if chrom not in contig_of:
            for block in spill.blocks(chrom):
                reasons = [(number, fault or UNKNOWN_CONTIG) for number, *_, fault, _ in block]
                counts.rejected.update(reason for _, reason in reasons)
                spill.reject(reasons)
    chroms_on: dict[str, list[str]] = {}
    for chrom, contig in contig_of.items():
        chroms_on.setdefault(contig, []).append(chrom)
    for contig, sequence in read_fasta(str(fasta)):
        for chrom in chroms_on.pop(contig, []):
            for block in spill.blocks(chrom):
                _place(block, chrom, sequence, genes.windows(contig), genes, spill, counts)
    return counts


class Candidate(NamedTuple):
    """An allele of an entry, before the windows in which it lies are known.

    gene: row of the gene that the file names. turned: whether the alleles were swapped. sliding: for an insertion or deletion.
    start, end: bounds of the bases that it can change, 0-based, on the contig.
    """

    number: int
    gene: int | None
    turned: bool
    pos: int
    ref: str
    alt: str
    sliding: Sliding | None
    start: int
    end: int

    @classmethod
    def of(
        cls, number: int, gene: int | None, turned: bool, pos: int, ref: str, alt: str, sequence: str
    ) -> "Candidate":
        if len(ref) == len(alt) == 1:
            return cls(number, gene, turned, pos, ref, alt, None, pos - 1, pos)
        pos, ref, alt = trimmed(pos, ref, alt)
        start, end = pos - 1, pos - 1 + len(ref)
        if ref and alt:
            return cls(number, gene, turned, pos, ref, alt, None, start, end)
        left, right = slides(sequence, start, ref, alt)
        sliding = Sliding(start, ref, alt, left, right)
        return cls(
            number, gene, turned, *anchored(sequence, start, ref, alt), sliding, start - left - 1, end + right + 1
        )


def _place(
    block: list[tuple], chrom: str, sequence: str, windows: Windows, genes: GeneIndex, spill: Spill, counts: Counts
) -> None:
    """Reject or place entries of one contig, as Spill.blocks returns them."""
    rejected: list[tuple[int, str]] = []
    unscored: list[tuple[int, int, int, bool]] = []
    candidates: list[Candidate] = []
    for number, pos, ref, alt, gene, either, called, fault, stop in block:
        reason, turned, dashed = fault, False, ABSENT in (ref, alt)
        alternatives: list[str] = []
        if not reason and dashed:
            pos, ref, alt, reason = _with_base_before(sequence, pos, ref, alt)
        if not reason:
            ref, alternatives, turned, reason = on_genome(chrom, sequence, pos, ref, alt, either, counts.references)
        row = genes.row(gene) if gene and not reason else None
        if gene and not reason and row is None:
            reason = UNKNOWN_GENE
        if reason:
            rejected.append((number, reason))
            if called:
                unscored.append((number, pos - 1, max(stop, pos), reason not in CHANGES_NOTHING))
            continue
        counts.before += dashed and len(ref) < len(alternatives[0])
        candidates += [
            Candidate.of(number, row, turned, pos, ref, alternative, sequence) for alternative in alternatives
        ]

    start, end = np.array([(one.start, one.end) for one in candidates], dtype=np.int64).reshape(-1, 2).T
    placed, scorable = [], set()
    for one, around in zip(candidates, windows.around(start, end), strict=True):
        within = around if one.gene is None else [one.gene] if one.gene in around else []
        rows = [made for gene in within if (made := _row(one, gene, sequence, genes))]
        if rows:
            scorable.add(one.number)
            counts.alleles += 1
            placed += rows
    outside = {one.number: one.gene for one in candidates if one.number not in scorable}
    rejected += [(number, OUTSIDE if row is None else OUTSIDE_GENE) for number, row in outside.items()]
    spill.reject(rejected)
    spill.place(placed)
    start, end = np.array([bounds for _, *bounds, _ in unscored], dtype=np.int64).reshape(-1, 2).T
    around_unscored = zip(unscored, windows.around(start, end), strict=True)
    spill.leave_unscored(
        (gene, number, carried) for (number, *_, carried), within in around_unscored for gene in within
    )
    counts.scorable += len(scorable)
    counts.pairs += len(placed)
    counts.rejected.update(reason for _, reason in rejected)


def _row(one: Candidate, gene: int, sequence: str, genes: GeneIndex) -> tuple | None:
    """Make the row of an allele and a gene for Spill.place; None if the allele slides out of the gene's window."""
    if one.sliding is None:
        return gene, one.pos, one.number, one.ref, one.alt, 0, one.turned
    place = placed_for(one.sliding, sequence, genes.tss[gene], genes.strand[gene], genes.upstream, genes.downstream)
    return place and (gene, place.pos, one.number, place.ref, place.alt, place.slid, one.turned)


def _with_base_before(sequence: str, pos: int, ref: str, alt: str) -> tuple[int, str, str, str]:
    """Add the preceding base of the contig to alleles of which one has no bases (-); or return why it cannot be done."""
    if pos < 2:
        return pos, ref, alt, NO_BASE_BEFORE
    if pos - 1 > len(sequence):
        return pos, ref, alt, OFF_CONTIG
    base = sequence[pos - 2].upper()
    return pos - 1, base + ref.replace(ABSENT, ""), base + alt.replace(ABSENT, ""), ""


def on_genome(
    chrom: str, sequence: Bases, pos: int, ref: str, alt: str, either: bool, references: References
) -> tuple[str, list[str], bool, str]:
    """Compare an entry that has no fault with its contig, and fill in the alleles that the file does not name.

    Parameters
    ----------
    sequence: of the contig. ref, alt: '' where the file names none. either: whether the contig decides which allele is the
        reference. references: counts the outcome.

    Returns
    -------
    The reference; the alternatives; whether the alleles were swapped; why the entry does not fit the contig ('' if it does).
    """
    first = ref
    if either:
        ref, alt = references.in_order(sequence, pos, ref, alt)
    turned = ref != first
    if reason := _fault_on(chrom, sequence, pos, ref, alt, either, references):
        return ref, [], turned, reason
    ref = ref or sequence[pos - 1 : pos].upper()
    return ref, [alt] if alt else SUBSTITUTIONS[ref], turned, ""


def _fault_on(chrom: str, sequence: Bases, pos: int, ref: str, alt: str, either: bool, references: References) -> str:
    """Return why an entry does not fit the contig; '' if it does."""
    found = sequence[pos - 1 : pos - 1 + (len(ref) or 1)].upper()
    if len(found) < (len(ref) or 1):
        return OFF_CONTIG
    if not BASES.issuperset(found):
        return AMBIGUOUS
    references.unnamed += not ref
    if ref:
        references.checked += 1
        if ref != found:
            references.count_mismatch(sequence, chrom, pos, ref, alt, either)
            return MISMATCH
    return SAME if found == alt else ""

"""Output of reading variants: chunks of scorable rows, and rejected.tsv."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from scxpresso.store import write_rows
from scxpresso.text import shown
from scxpresso.variants.association import turned
from scxpresso.variants.gene_windows import GeneIndex
from scxpresso.variants.haplotypes import merged_calls
from scxpresso.variants.score_table import FOUND, ScorableVariant
from scxpresso.variants.spill import Spill

CHUNK_COLUMNS = list(ScorableVariant._fields)
REJECTED_COLUMNS = ["set", "variant_id", "chrom", "pos", "ref", "alt", "reason"]


def write_chunks(spill: Spill, genes: GeneIndex, rows_per_chunk: int, folder: Path) -> tuple[list[int], int]:
    """Write tables of about `rows_per_chunk` rows, with all rows of their genes, sorted by gene_id and position.

    Returns
    -------
    The number of rows of each table, and the number of further rows that repeated one.
    """
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.tsv.gz"):  # of an earlier run
        old.unlink()
    written: list[int] = []

    def write(rows: list[ScorableVariant]) -> None:
        written.append(len(rows))
        write_rows(folder / f"{len(written)}.tsv.gz", CHUNK_COLUMNS, rows)

    chunk: list[ScorableVariant] = []
    read = 0
    for gene, placed in groupby(spill.placed(), key=lambda row: row[0]):
        rows = [_chunk_row(row, genes.chrom[gene], genes.gene_id[gene]) for row in placed]
        read += len(rows)
        of_gene = [one for _, group in groupby(rows, key=lambda one: one.pos) for one in _merged(list(group))]
        of_gene = _with_uncalled(set(spill.unscored(gene)), of_gene)
        if chunk and len(chunk) + len(of_gene) > rows_per_chunk:
            write(chunk)
            chunk = []
        chunk += of_gene
    if chunk:
        write(chunk)
    return written, read - sum(written)


def _chunk_row(row: tuple, chrom: str, gene: str) -> ScorableVariant:
    _, pos, ref, alt, slid, turn, carriers, uncalled, risk, beta, p_value, variant_id, *in_file = row
    if turn:
        in_file[-2:] = reversed(in_file[-2:])
    risks = risk.split(",") if risk else ()
    return ScorableVariant(
        variant_id=shown(variant_id) or variant_name(*in_file),
        chrom=chrom,
        pos=pos,
        ref=ref,
        alt=alt,
        gene_id=gene,
        carriers=carriers,
        uncalled=uncalled,
        slid=slid,
        risk_allele=alt if alt in risks else ref if ref in risks else "",
        gwas_beta=turned(beta) if turn else beta,
        gwas_p_value=shown(p_value),
    )


def _with_uncalled(haplotypes: set[str], rows: list[ScorableVariant]) -> list[ScorableVariant]:
    """Mark haplotypes that may carry more alleles in a gene's window as uncalled, in the rows of its first allele.

    All rows of that allele are marked, because a call that one of them lacks is taken from another.
    """
    if not haplotypes:
        return rows
    first, more = rows[0][2:5], sorted(haplotypes)
    return [
        row._replace(uncalled=",".join(filter(None, [row.uncalled, *more]))) if row[2:5] == first else row
        for row in rows
    ]


def _merged(rows: list[ScorableVariant]) -> list[ScorableVariant]:
    """Merge the rows at one position with the same variant and allele, and combine their calls."""
    if len(rows) == 1:
        return rows
    found: dict[tuple, ScorableVariant] = {}
    for row in rows:
        key = row._replace(carriers="", uncalled="", slid=0)
        if first := found.get(key):
            carriers, uncalled = merged_calls((first.carriers, first.uncalled), (row.carriers, row.uncalled))
            row = first._replace(carriers=carriers, uncalled=uncalled)
        found[key] = row
    return list(found.values())


def rejected_rows(name: str, spill: Spill) -> Iterator[tuple]:
    """Yield REJECTED_COLUMNS of each rejected entry, as in the file and in its order."""
    for variant_id, chrom, pos, ref, alt, reason, found in spill.rejected():
        shown_id = shown(variant_id) or variant_name(chrom, pos, ref, alt)
        reason += f"{FOUND}{shown(found[:100])!r}" if found else ""
        yield name, shown_id, shown(chrom), pos, shown(ref), shown(alt), reason


def variant_name(chrom: str, pos: int | None, ref: str, alt: str) -> str:
    """Name a variant without an id: chrom:pos:ref:alt, as far as they are known."""
    return ":".join(str(part) for part in (shown(chrom), pos, shown(ref), shown(alt)) if part)

"""Import scores of another tool: read its file, lift positions over, and compare references with the genome."""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scxpresso.damage import DAMAGE, damage
from scxpresso.external_scores.hdf5 import read_hdf5_scores
from scxpresso.external_scores.liftover import Chains, Lifted
from scxpresso.external_scores.parquet import is_parquet, read_parquet_scores
from scxpresso.external_scores.text_tables import read_text_scores
from scxpresso.external_scores.tracks import FoundScore, Tracks
from scxpresso.files import is_hdf5
from scxpresso.genome.sequence import read_fasta
from scxpresso.identifiers import bare_contig
from scxpresso.problems import InputError, Problem
from scxpresso.variants.alleles import ABSENT, anchored, trimmed
from scxpresso.variants.reading import OFF_CONTIG
from scxpresso.variants.references import References
from scxpresso.variants.tables import pair_fault

IMPORTED_COLUMNS = ["variant", "gene", "model", "track", "score", "alt", "chrom", "pos", "ref"]  # see external.py
UNUSED_COLUMNS = ["variant", "chrom", "pos", "ref", "alt", "reason"]
NO_GENOME_CONTIG = "the genome has no such contig"
OTHER_BASE = "the reference is not the genome's base"
NO_POSITION = "no position to lift"

Allele = tuple[str, str, int, str, str]  # variant, chrom, pos, ref, alt
Place = tuple[str, int, str, str]  # chrom, pos, ref, alt on the genome; pos is 0 if the file has none


@dataclass
class Imported:
    """Alleles of the genome for the scores of a file, and alleles whose scores are not used.

    placed: by allele, as in the file. unused: reason by allele, as in the file. lifted: number of alleles that were lifted
    over; turned: those of them on the other strand. written, repeated: number of scores in `rows`, and of those left out,
    because one before them is of the same allele, gene and track.
    """

    placed: dict[Allele, Place] = field(default_factory=dict)
    unused: dict[Allele, str] = field(default_factory=dict)
    lifted: int = 0
    turned: int = 0
    written: int = 0
    repeated: int = 0

    def rows(self, found: Iterable[FoundScore]) -> Iterator[tuple]:
        """Yield rows of IMPORTED_COLUMNS without `model`, which the sheet names, one score at a time."""
        seen = set()
        for one in found:
            if not (place := self.placed.get(one[:5])):
                continue
            # Equal texts of many rows are one object, so that a row seen takes 150 bytes.
            key = (*map(sys.intern, (one.variant, one.gene, one.track)), place)
            if key in seen:
                self.repeated += 1
                continue
            seen.add(key)
            self.written += 1
            chrom, pos, ref, alt = place
            score = f"{one.score:.6g}"
            yield one.variant, one.gene, one.track, score, alt, chrom, pos or "", ref


def read_scores(path: Path, kind: str | None, tracks: str | None, score: str | None) -> Iterator[FoundScore]:
    """Yield the scores of a file of any known kind.

    Parameters
    ----------
    kind: name of a kind of table; recognised if None.
    tracks: words of tracks' names, joined by ';'; all if None.
    score: which score, where a file has several.
    """
    wanted = Tracks(tracks)
    try:
        yield from _opened(path, kind, wanted, score)
        wanted.check()
    except InputError as error:
        raise InputError(*(_placed(path, problem) for problem in error.problems)) from None
    except (*DAMAGE, KeyError) as error:
        raise InputError(Problem(str(path), damage(path, error), "scores of another tool")) from None


def _opened(path: Path, kind: str | None, tracks: Tracks, score: str | None) -> Iterator[FoundScore]:
    if is_hdf5(path):
        return read_hdf5_scores(path, tracks, score)
    if is_parquet(path):
        return read_parquet_scores(path, kind, tracks, score)
    return read_text_scores(path, kind, tracks, score)


def _placed(path: Path, problem: Problem) -> Problem:
    return problem if problem.where else Problem(str(path), problem.found, problem.expected, problem.fix)


def import_scores(
    read: Callable[[], Iterable[FoundScore]], fasta: str | Path, chains: Chains | None, where: str
) -> Imported:
    """Find the alleles of the genome that scores are of.

    Alleles without a position are kept as they are, to be matched by their ids. The others are lifted over if there are
    chains, and used if the genome has their reference.

    Parameters
    ----------
    read: yields the scores. They are read twice, here and in Imported.rows: a file of millions does not fit into memory.
    fasta: the genome.
    chains: from the assembly of the file to the genome.
    where: how messages name the file.

    Raises
    ------
    InputError, if most references differ from the genome, and if no score can be used.
    """
    imported = Imported()
    lifted = {allele: _lift(allele, chains, imported) for allele in dict.fromkeys(one[:5] for one in read())}
    alleles = {allele: one for allele, one in lifted.items() if not one.reason}
    imported.placed = _on_genome(alleles, fasta, imported, where)
    if not imported.placed:
        reasons = Counter(imported.unused.values())
        listed = "; ".join(f"{times:,} alleles: {reason}" for reason, times in reasons.most_common()) or "no scores"
        fix = "name the chain file, or the genome, of this file's assembly"
        raise InputError(Problem(where, f"no score can be used; {listed}", "scores of alleles of the genome", fix))
    return imported


def _lift(allele: Allele, chains: Chains | None, imported: Imported) -> Lifted:
    """Lift an allele; without chains, it stays where it is."""
    _, chrom, pos, ref, alt = allele
    reason = pair_fault(ref, alt) if ref and alt else ""
    if not reason and chains and not pos:
        reason = NO_POSITION
    lifted = Lifted(chrom, pos, ref, alt, "+", reason)
    if chains and not reason:
        lifted = chains.lift(chrom, pos, ref, alt)
        imported.lifted += not lifted.reason
        imported.turned += lifted.strand == "-"
    if lifted.reason:
        imported.unused[allele] = lifted.reason
    return lifted


def _on_genome(alleles: dict[Allele, Lifted], fasta: str | Path, imported: Imported, where: str) -> dict[Allele, Place]:
    """Return chrom, pos, ref and alt of the alleles that have no position, or whose reference the genome has."""
    placed = {allele: one[:4] for allele, one in alleles.items() if not one.pos}
    by_contig = defaultdict(list)
    for allele, one in alleles.items():
        if one.pos:
            by_contig[bare_contig(one.chrom)].append((allele, one))
    references = References()
    for contig, sequence in read_fasta(str(fasta)) if by_contig else ():
        for allele, one in by_contig.pop(bare_contig(contig), ()):
            ref = one.ref.replace(ABSENT, "")
            references.checked += bool(ref)
            if not ref and one.pos > len(sequence) + 1:
                imported.unused[allele] = OFF_CONTIG
            elif sequence[one.pos - 1 : one.pos - 1 + len(ref)].upper() != ref:
                references.count_mismatch(sequence, one.chrom, one.pos, ref, one.alt)
                imported.unused[allele] = OTHER_BASE
            else:
                placed[allele] = (contig, *_written_as_vcf(sequence, one))
    imported.unused |= {allele: NO_GENOME_CONTIG for of_contig in by_contig.values() for allele, _ in of_contig}
    references.check(where)
    return placed


def _written_as_vcf(sequence: str, one: Lifted) -> tuple[int, str, str]:
    """Return pos, ref and alt; an insertion or deletion has the base that both alleles share, and has it first."""
    absent = ABSENT in (one.ref, one.alt)
    if not absent and (one.strand == "+" or len(one.ref) == len(one.alt)):
        return one.pos, one.ref, one.alt
    pos, ref, alt = trimmed(one.pos, one.ref.replace(ABSENT, ""), one.alt.replace(ABSENT, ""))
    return anchored(sequence, pos - 1, ref, alt)

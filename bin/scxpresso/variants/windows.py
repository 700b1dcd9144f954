"""Windows with alternative alleles, built around the TSS, which stays in place."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scxpresso.genome.features import contig_names
from scxpresso.genome.sequence import N_CODE, encode, read_fasta, reverse_complement, window_codes
from scxpresso.identifiers import match_contigs
from scxpresso.networks.registry import NETWORKS
from scxpresso.saturation.effects import EditedWindows
from scxpresso.variants.alleles import trimmed

# The sequence around a window grows by so many bases, those after which pooling bins repeat: what is computed of it at once
# then does not depend on the alleles that are scored together.
EXTENSION = max(entry.phase for entry in NETWORKS.values())


@dataclass(frozen=True)
class Edit:
    """A replacement of the bases from `start` to `end` (exclusive), relative to the TSS on the gene's strand, by `codes`.

    replaced: codes of those bases in the reference.
    """

    start: int
    end: int
    codes: np.ndarray
    replaced: np.ndarray

    @classmethod
    def of(cls, pos: int, ref: str, alt: str, tss: int, strand: str) -> "Edit":
        """Make the edit of an allele on the + strand, as in a VCF; bases that REF and ALT share are trimmed."""
        pos, ref, alt = trimmed(pos, ref, alt)
        replaced, codes = encode(ref), encode(alt)
        start = pos - tss
        if strand == "+":
            return cls(start, start + len(ref), codes, replaced)
        return cls(1 - start - len(ref), 1 - start, reverse_complement(codes), reverse_complement(replaced))

    def moved(self, by: int) -> "Edit":
        """Move an insertion or deletion in a repeat `by` bases downstream: its bases rotate."""
        return Edit(self.start + by, self.end + by, np.roll(self.codes, -by), np.roll(self.replaced, -by))

    @property
    def nearest(self) -> int:
        """Distance from the TSS to the nearest changed base, or to the nearest inserted base."""
        return max(0, self.start) if self.end > 0 else self.end - 1

    @property
    def longer(self) -> int:
        """Number of bases that the sequence gains."""
        return len(self.codes) - (self.end - self.start)

    @property
    def is_substitution(self) -> bool:
        """Whether one base becomes another."""
        return self.end - self.start == len(self.codes) == 1

    def touches(self, upstream: int, downstream: int) -> bool:
        """Whether a window contains any of its bases; for an insertion, the bases on both sides of it."""
        return self.start < downstream and self.end > -upstream

    def overlaps(self, other: "Edit") -> bool:
        """Whether both change the same base, or insert at the same place."""
        if self.start == self.end == other.start == other.end:
            return True
        return self.start < other.end and other.start < self.end


def without_overlaps(edits: Sequence[Edit]) -> list[Edit]:
    """Drop edits of a haplotype that overlap an earlier one."""
    kept: list[Edit] = []
    for edit in edits:
        if not any(edit.overlaps(other) for other in kept):
            kept.append(edit)
    return kept


@dataclass(frozen=True)
class FlankingSequence:
    """The sequence around a gene's TSS, on its own strand, beyond its window. tss: index of the TSS in the codes."""

    codes: np.ndarray
    tss: int

    def edited(self, edits: Collection[Edit]) -> "FlankingSequence":
        """Apply edits, none of which overlap; one beyond the known sequence is ignored.

        The TSS stays the same base. An edit that replaces it is aligned from its 5′ end. If the allele has no base for the
        TSS, the first base after the edit becomes the TSS.
        """
        pieces, done, tss = [], 0, self.tss
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            start, end = max(self.tss + edit.start, done), min(self.tss + edit.end, len(self.codes))
            if start > end:
                continue
            pieces += [self.codes[done:start], edit.codes]
            done = end
            if edit.start < 0:
                tss += start - (self.tss + edit.start)  # bases before the known sequence, which the edit replaces
            if edit.end <= 0:
                tss += edit.longer
            elif edit.start < 0:
                tss += min(0, len(edit.codes) + edit.start)
        return FlankingSequence(np.concatenate([*pieces, self.codes[done:]]), tss)

    def window(self, upstream: int, downstream: int, shift: int = 0, unknown: int = N_CODE) -> np.ndarray:
        """Cut out the codes from `upstream` bases before the TSS to `downstream` bases from it on, shifted downstream.

        unknown: what stands for bases beyond the known sequence.
        """
        first, last = self.tss - upstream + shift, self.tss + downstream + shift
        window = np.full(upstream + downstream, unknown, dtype=self.codes.dtype)
        inside = self.codes[max(first, 0) : max(last, 0)]
        window[max(-first, 0) : max(-first, 0) + len(inside)] = inside
        return window


def edited_windows(
    around: FlankingSequence, edits: Sequence[Sequence[Edit]], upstream: int, downstream: int, by: np.ndarray
) -> EditedWindows:
    """Make the windows of alleles and those of the reference. edits: of each allele. by: shifts (in bases)."""
    margin = int(np.abs(by).max())
    longest = max(sum(abs(edit.longer) for edit in one) for one in edits)
    further = -(-longest // EXTENSION) * EXTENSION
    # The same edits of the bases' indices say where each base of an allele is from.
    size = upstream + downstream
    before, after = upstream + margin + further, downstream + margin + further
    reference = around.window(before, after)
    indices = FlankingSequence(np.arange(len(reference)), before)
    codes = [around.edited(one).window(upstream + margin, downstream + margin) for one in edits]
    origin = [
        indices.edited([replace(edit, codes=np.full(len(edit.codes), -1)) for edit in one]).window(
            upstream + margin, downstream + margin, unknown=-1
        )
        for one in edits
    ]
    return EditedWindows(
        reference=reference,
        codes=np.stack(codes),
        origin=np.stack(origin),
        reference_starts=margin + further + by,
        starts=margin + by,
        size=size,
        moved=any(edit.longer for one in edits for edit in one),
    )


def read_flanking_sequences(
    fasta: str, genes: Mapping[str, tuple[str, int, str]], upstream: int, downstream: int, margins: Mapping[str, int]
) -> dict[str, FlankingSequence]:
    """Read the sequence around the TSS of genes from a FASTA, one contig in memory at a time.

    Genes whose contig is not in the FASTA have no entry. Bases beyond the end of a contig are N.

    Parameters
    ----------
    genes: contig, TSS (1-based) and strand of each gene.
    upstream, downstream: bases of the window.
    margins: bases to read beyond the window on either side, for each gene.
    """
    contigs = match_contigs({chrom for chrom, _, _ in genes.values()}, contig_names(fasta)) if genes else {}
    by_contig: dict[str, list[str]] = {}
    for gene, (chrom, _, _) in genes.items():
        by_contig.setdefault(contigs.get(chrom, ""), []).append(gene)
    found = {}
    for name, contig in read_fasta(fasta) if genes else ():
        for gene in by_contig.get(name, []):
            _, tss, strand = genes[gene]
            margin = margins[gene]
            codes, _ = window_codes(contig, tss, strand, upstream + margin, downstream + margin)
            found[gene] = FlankingSequence(codes, upstream + margin)
    return found


def shifts(phase: int, count: int) -> np.ndarray:
    """Spread `count` shifts (in bases) evenly over a phase of pooling, around 0; only 0 for a phase of 1."""
    if phase == 1:
        return np.zeros(1, dtype=int)
    return np.floor((np.arange(count) + 0.5) * phase / count - phase / 2).astype(int)

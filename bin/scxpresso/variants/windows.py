"""Windows with other alleles: built again around the TSS, which stays in its place."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scxpresso.genome.features import contig_names
from scxpresso.genome.sequence import N_CODE, encode, read_fasta, reverse_complement, window_codes
from scxpresso.identifiers import match_contigs
from scxpresso.variants.alleles import trimmed


@dataclass(frozen=True)
class Edit:
    """The bases from `start` to `end` (exclusive) relative to the TSS, on the gene's strand, become `codes`.

    replaced: codes of those bases in the reference.
    """

    start: int
    end: int
    codes: np.ndarray
    replaced: np.ndarray

    @classmethod
    def of(cls, pos: int, ref: str, alt: str, tss: int, strand: str) -> "Edit":
        """Make the edit of an allele of the + strand, as a VCF writes it; bases that REF and ALT share are trimmed."""
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
        """Distance to the TSS of the changed base that is nearest to it; of an insertion, where its nearest base lies."""
        return max(0, self.start) if self.end > 0 else self.end - 1

    @property
    def longer(self) -> int:
        """Bases that the sequence gains."""
        return len(self.codes) - (self.end - self.start)

    @property
    def is_substitution(self) -> bool:
        """Whether one base becomes another."""
        return self.end - self.start == len(self.codes) == 1

    def touches(self, upstream: int, downstream: int) -> bool:
        """Whether a window holds any of its bases; of an insertion, the bases on either side of it."""
        return self.start < downstream and self.end > -upstream

    def overlaps(self, other: "Edit") -> bool:
        """Whether both change the same base, or insert at the same place."""
        if self.start == self.end == other.start == other.end:
            return True
        return self.start < other.end and other.start < self.end


def without_overlaps(edits: Sequence[Edit]) -> list[Edit]:
    """Keep the edits of a haplotype, in their order, that overlap no earlier one that is kept."""
    kept: list[Edit] = []
    for edit in edits:
        if not any(edit.overlaps(other) for other in kept):
            kept.append(edit)
    return kept


@dataclass(frozen=True)
class FlankingSequence:
    """A gene's sequence around its TSS on its own strand, further than its window. tss: index of the TSS in the codes."""

    codes: np.ndarray
    tss: int

    def edited(self, edits: Collection[Edit]) -> "FlankingSequence":
        """Apply edits, none of which overlap; one beyond the known sequence is ignored.

        The TSS stays the base that it is. An edit that replaces it is laid from its 5′ end, base by base; where the allele
        has no base for it, the TSS is the first base after the edit.
        """
        pieces, done, tss = [], 0, self.tss
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            start, end = max(self.tss + edit.start, done), min(self.tss + edit.end, len(self.codes))
            if start > end:
                continue
            pieces += [self.codes[done:start], edit.codes]
            done = end
            if edit.end <= 0:
                tss += edit.longer
            elif edit.start < 0:
                tss += min(0, len(edit.codes) + edit.start)
        return FlankingSequence(np.concatenate([*pieces, self.codes[done:]]), tss)

    def window(self, upstream: int, downstream: int, shift: int = 0) -> np.ndarray:
        """Cut the codes from `upstream` bases before the TSS to `downstream` from it on, moved downstream by `shift`."""
        first, last = self.tss - upstream + shift, self.tss + downstream + shift
        window = np.full(upstream + downstream, N_CODE, dtype=np.uint8)
        inside = self.codes[max(first, 0) : max(last, 0)]
        window[max(-first, 0) : max(-first, 0) + len(inside)] = inside
        return window


def read_flanking_sequences(
    fasta: str, genes: Mapping[str, tuple[str, int, str]], upstream: int, downstream: int, margins: Mapping[str, int]
) -> dict[str, FlankingSequence]:
    """Read the sequence around the TSS of genes from a FASTA, one contig in memory at a time.

    Genes whose contig the FASTA lacks have none. Off a contig's end the bases are N.

    Parameters
    ----------
    genes: chromosome, TSS (1-based) and strand of each gene.
    upstream, downstream: bases of the window.
    margins: bases of each gene to read beyond its window on either side.
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
    """Spread whole numbers of bases evenly over a phase of pooling, around 0; only 0 for a phase of 1."""
    if phase == 1:
        return np.zeros(1, dtype=int)
    return np.floor((np.arange(count) + 0.5) * phase / count - phase / 2).astype(int)

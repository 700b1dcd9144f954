"""The variants of a gene as what is scored against its reference: single alleles, and those of a haplotype together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scxpresso.variants.haplotypes import haplotype_combinations
from scxpresso.variants.score_table import ScorableVariant
from scxpresso.variants.windows import Edit, without_overlaps


def nearest_to_tss(edits: Iterable[Edit]) -> int:
    """Count the bases from the TSS to the changed base that is nearest to it."""
    return min((edit.nearest for edit in edits), key=abs)


@dataclass(frozen=True)
class Allele:
    """What is scored against a gene's reference: an allele, or those of a haplotype together.

    variant_id, pos, ref, alt: as the table shows them. overlapping: whether some of a haplotype's alleles were excluded
    because they overlap others. incomplete: whether no haplotype is known to carry just these. slid: by how many bases an
    allele in a repeat was moved downstream from where the file has it. edits, outside: those inside and those outside of
    the model's window. Others: the association that the file states.
    """

    variant_id: str
    pos: str
    ref: str
    alt: str
    edits: tuple[Edit, ...]
    overlapping: bool = False
    incomplete: bool = False
    slid: int = 0
    risk_allele: str = ""
    gwas_beta: str = ""
    gwas_p_value: str = ""
    outside: tuple[Edit, ...] = ()

    @property
    def is_substitution(self) -> bool:
        """Whether one base becomes another."""
        return len(self.edits) == 1 and self.edits[0].is_substitution

    @property
    def tss_distance(self) -> int:
        """Bases from the TSS to the changed base that is nearest to it, on the gene's strand."""
        return nearest_to_tss(self.edits + self.outside)

    @property
    def moves_bases(self) -> bool:
        """Whether bases beyond its own change their distance to the TSS."""
        return any(edit.longer for edit in self.edits)

    def edits_of(self, first: int, end: int) -> list[Edit]:
        """The edits that replace or move a base from `first` to `end` (exclusive), relative to the TSS."""
        return [edit for edit in self.edits if _overlap(_changed_bases(edit), (first, end))]


def _changed_bases(edit: Edit) -> tuple[float, float]:
    """First base that an edit replaces or moves, relative to the TSS, and the one after the last.

    The TSS stays in its place: an insertion or deletion moves the bases on its far side, as far as the sequence goes.
    """
    upstream, downstream = (edit.end <= 0 or edit.start < 0), edit.end > 0
    low = -np.inf if edit.longer and upstream else edit.start
    high = np.inf if edit.longer and downstream else edit.end
    return low, high


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])


def alleles_of(
    variants: Sequence[ScorableVariant], tss: int, strand: str, haplotypes: bool, window: tuple[int, int]
) -> list[Allele]:
    """Make a gene's variants alleles, in order; with `haplotypes`, those that one chromosome carries together follow.

    window: bases upstream and downstream of the TSS in the model's window.
    """
    alleles = []
    for variant in variants:
        edit = Edit.of(variant.pos, variant.ref, variant.alt, tss, strand)
        inside = edit.touches(*window)
        alleles.append(
            Allele(
                variant.variant_id,
                str(variant.pos),
                variant.ref,
                variant.alt,
                (edit,) if inside else (),
                slid=variant.slid if strand == "+" else -variant.slid,
                risk_allele=variant.risk_allele,
                gwas_beta=variant.gwas_beta,
                gwas_p_value=variant.gwas_p_value,
                outside=() if inside else (edit,),
            )
        )
    together = haplotype_combinations(variants) if haplotypes else []
    return alleles + [_haplotype([alleles[at] for at in indices], incomplete) for indices, incomplete in together]


def _haplotype(parts: Sequence[Allele], incomplete: bool) -> Allele:
    # In the order of the gene, so that both strands keep the same one of alleles that overlap.
    edits = sorted(_where_written([part for part in parts if part.edits]), key=lambda edit: (edit.start, edit.end))
    kept = without_overlaps(edits)
    return Allele(
        "+".join(part.variant_id for part in parts),
        ";".join(part.pos for part in parts),
        ";".join(part.ref for part in parts),
        ";".join(part.alt for part in parts),
        tuple(kept),
        len(kept) < len(edits),
        incomplete,
        outside=tuple(edit for part in parts for edit in part.outside),
    )


def _where_written(parts: Sequence[Allele]) -> list[Edit]:
    """The edits of a haplotype's alleles. One that slid past another in a repeat stays where the file has it.

    Else both together would make another sequence than the file says. So it is where two slid towards the same place.
    """
    placed = [edit for part in parts for edit in part.edits]
    written = [edit.moved(-part.slid) for part, edit in zip(parts, placed, strict=True)]
    ways = [(min(one.start, two.start), max(one.end, two.end)) for one, two in zip(placed, written, strict=True)]
    meets = [
        any(low <= end and high >= start for other, (low, high) in enumerate(ways) if other != number)
        for number, (start, end) in enumerate(ways)
    ]
    return [two if met else one for one, two, met in zip(placed, written, meets, strict=True)]

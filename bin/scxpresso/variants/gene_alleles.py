"""The alleles of a gene that are scored against its reference: single ones, and those of a haplotype together."""

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
    """An allele that is scored against a gene's reference, or the alleles of a haplotype.

    variant_id, pos, ref, alt: as in the table. overlapping: whether alleles of a haplotype were excluded because they overlap
    others. incomplete: whether no haplotype is known to carry exactly these alleles. slid: by how many bases an allele in a
    repeat was moved downstream from its position in the file. edits, outside: edits inside and outside the model's window.
    Others: the association in the file.
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
        """Whether it changes the distance of other bases to the TSS."""
        return any(edit.longer for edit in self.edits)

    def edits_of(self, first: int, end: int) -> list[Edit]:
        """List the edits that replace or move a base from `first` to `end` (exclusive), relative to the TSS."""
        return [edit for edit in self.edits if _overlap(_changed_bases(edit), (first, end))]


def _changed_bases(edit: Edit) -> tuple[float, float]:
    """Return the first base that an edit replaces or moves, and the one after the last, relative to the TSS.

    The TSS stays in place: an insertion or deletion moves all bases on its far side.
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
    """Convert a gene's variants to alleles, in order; with `haplotypes`, combinations carried together follow.

    window: bases of the model's window upstream and downstream of the TSS.
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
    combinations = haplotype_combinations(variants) if haplotypes else []
    return alleles + [_haplotype([alleles[at] for at in indices], incomplete) for indices, incomplete in combinations]


def _haplotype(parts: Sequence[Allele], incomplete: bool) -> Allele:
    # In the order of the gene, so that the choice among overlapping alleles does not depend on the strand.
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
    """Return the edits of a haplotype's alleles. One that slid past another in a repeat stays at its position in the file.

    Otherwise, the two together would give another sequence than the file. The same holds for two that slid to one place.
    """
    placed = [edit for part in parts for edit in part.edits]
    written = [edit.moved(-part.slid) for part, edit in zip(parts, placed, strict=True)]
    ways = [(min(one.start, two.start), max(one.end, two.end)) for one, two in zip(placed, written, strict=True)]
    meets = [
        any(low <= end and high >= start for other, (low, high) in enumerate(ways) if other != number)
        for number, (start, end) in enumerate(ways)
    ]
    return [two if met else one for one, two, met in zip(placed, written, meets, strict=True)]

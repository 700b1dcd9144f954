"""Lift positions and alleles from another assembly by a chain file (UCSC's format)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from Bio.Seq import reverse_complement

from scxpresso.damage import readable
from scxpresso.files import open_text
from scxpresso.identifiers import bare_contig
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown
from scxpresso.variants.alleles import ABSENT

EXPECTED = "a chain file of UCSC (hg19ToHg38.over.chain.gz), from the assembly of the scores to the genome"
NO_CONTIG = "not lifted: the contig is not in the chain file"
NO_CHAIN = "not lifted: the genome has no such bases"
SPLIT = "not lifted: a gap of the alignment is inside the allele"
SEVERAL = "not lifted: the genome has the bases at several places"


class Block(NamedTuple):
    """Aligned bases without a gap. start, end: in the other assembly. to: where `start` lies, counted on `strand`.

    Positions are 0-based. size: length of the contig, from whose end positions on the − strand are counted.
    """

    start: int
    end: int
    contig: str
    to: int
    strand: str
    size: int


class Lifted(NamedTuple):
    """An allele on the + strand of the genome. pos: 1-based. reason: why it could not be lifted, '' if it was."""

    chrom: str
    pos: int
    ref: str
    alt: str
    strand: str
    reason: str


class Chains:
    """The chains of a file, by contig of the other assembly, named without `chr`."""

    def __init__(self, path: str | Path):
        blocks: dict[str, list[Block]] = defaultdict(list)
        for contig, block in _read_blocks(Path(path)):
            blocks[bare_contig(contig)].append(block)
        self.blocks = {contig: sorted(listed) for contig, listed in blocks.items()}
        self.starts = {contig: [block.start for block in listed] for contig, listed in self.blocks.items()}
        # The farthest end up to each block, so that a search knows when no earlier one can reach a position.
        self.ends = {
            contig: list(accumulate((block.end for block in listed), max)) for contig, listed in self.blocks.items()
        }

    def lift(self, chrom: str, pos: int, ref: str, alt: str) -> Lifted:
        """Lift an allele of the + strand. An allele on a − block is complemented; pos is 1-based.

        An insertion or deletion on a − block keeps its anchoring base, which then comes last. A `ref` of `-` is an insertion
        before the base at `pos`.
        """
        length = 0 if ref == ABSENT else max(len(ref), 1)
        contig, start, end = bare_contig(chrom), pos - 1, pos - 1 + length
        if contig not in self.blocks:
            return Lifted(chrom, pos, ref, alt, "", NO_CONTIG)
        # An insertion lies between two bases, which have to be neighbours in the genome too.
        last = end if len(alt) > length else end - 1
        at_start, at_end = self._blocks_at(contig, start if length else start - 1), self._blocks_at(contig, last)
        whole = [block for block in at_start if block in at_end]
        if len(whole) != 1:
            reason = SEVERAL if whole else SPLIT if at_start or at_end else NO_CHAIN
            return Lifted(chrom, pos, ref, alt, "", reason)
        (block,) = whole
        first = block.to + start - block.start
        if block.strand == "+":
            return Lifted(block.contig, first + 1, ref, alt, "+", "")
        turned = block.size - (first + end - start)
        return Lifted(block.contig, turned + 1, reverse_complement(ref), reverse_complement(alt), "-", "")

    def _blocks_at(self, contig: str, position: int) -> list[Block]:
        found = []
        number = bisect_right(self.starts[contig], position) - 1
        while number >= 0 and self.ends[contig][number] > position:
            block = self.blocks[contig][number]
            if block.end > position:
                found.append(block)
            number -= 1
        return found


def _read_blocks(path: Path) -> Iterator[tuple[str, Block]]:
    """Yield contig and block of every ungapped alignment of a chain file."""
    found = 0
    with readable(str(path), path), open_text(path) as file:
        chain: _Chain | None = None
        for number, line in enumerate(file, start=1):
            words = line.split()
            if not words or line.startswith("#"):
                continue
            try:
                if words[0] == "chain":
                    chain = _Chain(words)
                elif chain:
                    yield chain.contig, chain.block(*map(int, words))
                    found += 1
                else:
                    raise ValueError("no header")
            except (ValueError, TypeError, IndexError):
                problem = f"a line that starts with {shown(line.strip()[:60])!r}"
                fix = "check which file this is, and write it again"
                raise InputError(Problem(f"{path}, line {number:,}", problem, EXPECTED, fix)) from None
    if not found:
        raise InputError(Problem(str(path), "no alignment", EXPECTED, "check which file this is"))


class _Chain:
    """A chain while its lines are read: the next positions in both assemblies."""

    def __init__(self, header: list[str]):
        _, _, self.contig, _, source_strand, start, _, self.target, size, self.strand, to, *_ = header
        self.start, self.to, self.size = int(start), int(to), int(size)
        if source_strand != "+" or self.strand not in ("+", "-"):
            raise ValueError("a strand")

    def block(self, length: int, gap: int = 0, target_gap: int = 0) -> Block:
        """Make the next block, and move behind the gap that follows it."""
        block = Block(self.start, self.start + length, self.target, self.to, self.strand, self.size)
        self.start += length + gap
        self.to += length + target_gap
        return block

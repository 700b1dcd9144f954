"""Match the contig names of files of variants to those of a genome."""

import re
from collections.abc import Collection

from scxpresso.identifiers import bare_contig, match_contigs

PLINK_CONTIGS = {"23": "X", "24": "Y", "25": "X", "26": "MT"}


def contigs_of(chroms: Collection[str], contigs: Collection[str]) -> dict[str, str]:
    """Match the contig names of the file (chroms) to those of the genome; a file may use both chr1 and 1.

    1.0, as in a column of numbers, means 1. 23 to 26, as in PLINK, mean X, Y, X and MT if there is no such contig.
    """
    found: dict[str, str] = {}
    plain = {chrom: re.sub(r"^(\d+)\.0$", r"\1", chrom) for chrom in chroms}
    plink = {chrom: PLINK_CONTIGS.get(name, chrom) for chrom, name in plain.items()}
    for name_of in ({chrom: chrom for chrom in chroms}, plain, plink):
        names = {name_of[chrom] for chrom in chroms if chrom not in found}
        while names:
            # One spelling of each name at a time, because several at once would be ambiguous.
            spellings = {bare_contig(name): name for name in names}.values()
            matched = match_contigs(spellings, contigs)
            found |= {chrom: matched[name] for chrom, name in name_of.items() if name in matched and chrom not in found}
            names -= set(spellings)
    return found

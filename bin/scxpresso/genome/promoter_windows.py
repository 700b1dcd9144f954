"""New promoter windows: the records of a FASTA."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scxpresso.genome.sequence import INVALID, encode, read_fasta
from scxpresso.problems import InputError, Problem, preview


def read_windows(fasta: str | Path, upstream: int, downstream: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and codes (uint8, one per base) of each window, one in memory at a time.

    Parameters
    ----------
    fasta: a record per window, on the gene's own strand.
    upstream, downstream: bases of each record before the TSS, and from the TSS on.

    Raises
    ------
    InputError, after the last record: for records of another length, with characters that are not nucleotides or with the
    same name, and if there are none.
    """
    window = upstream + downstream
    times: Counter[str] = Counter()
    misfits, invalid, problems = [], [], []
    for name, bases in read_fasta(str(fasta)):
        times[name] += 1
        if len(bases) != window:
            misfits.append(f"{name} ({len(bases):,})")
            continue
        codes = encode(bases)
        if (codes == INVALID).any():
            place = int(np.argmax(codes == INVALID))
            invalid.append(f"{name} ({bases[place]} at base {place + 1:,})")
            continue
        yield name, codes
    if misfits:
        problems.append(
            Problem(
                str(fasta), f"records that are not {window:,} bases long: {preview(misfits)}",
                f"windows of {window:,} bases: {upstream:,} upstream and {downstream:,} downstream of the TSS",
                "cut the windows as the models' are, or name a gtf where this is an assembly",
            )
        )  # fmt: skip
    if invalid:
        found = f"characters that are not nucleotides: {preview(invalid)}"
        fix = "write N for an unknown base; is it a protein FASTA?"
        problems.append(Problem(str(fasta), found, "IUPAC nucleotide codes", fix))
    if repeated := [name for name in times if times[name] > 1]:
        found = f"records of the same name: {preview(repeated)}"
        fix = "rename them; designs of one gene that have its name each need a FASTA, and a sample, of their own"
        problems.append(Problem(str(fasta), found, "each name once (it ends at the first blank)", fix))
    if not times:
        problems.append(Problem(str(fasta), "no record", "a FASTA of windows"))
    if problems:
        raise InputError(*problems)

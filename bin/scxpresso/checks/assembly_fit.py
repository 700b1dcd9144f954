"""Whether annotation and assembly fit each other, as preflight says it: an error with the likely cause, or a note."""

from collections.abc import Collection

from scxpresso.checks.findings import Findings, Row
from scxpresso.genome.assembly_fit import (
    MIN_BARE_REGIONS,
    MIN_COMPLETE,
    MIN_ONE_END,
    MIN_REGIONS,
    Fit,
    contigs_that_do_not_fit,
    measure_fit,
)
from scxpresso.genome.transcript import Transcript
from scxpresso.identifiers import match_contigs
from scxpresso.problems import preview
from scxpresso.text import count

ASSEMBLY = "take FASTA and annotation of one assembly and one source"


def check_fit(row: Row, chosen: list[Transcript], contigs: Collection[str], findings: Findings) -> None:
    """Check of the coding regions that start with ATG and end in a stop codon: how many, and the cause if there are few."""
    name_of = match_contigs({transcript.chrom for transcript in chosen}, contigs)
    fit, by_contig = measure_fit(str(row.paths["fasta"]), chosen, name_of)
    found = fit.summary()
    if fit.regions < MIN_REGIONS:
        findings.note(row.genome, f"{found}: too few to tell whether annotation and assembly fit{partial(fit)}")
    elif fit.correction:
        where = "" if fit.complete < MIN_COMPLETE * fit.regions else " in a part of the annotation"
        ends = ", at one end at least" if fit.correction.other_strand else ""
        more = f"corrected, {max(fit.corrected.values()):,} more would{ends}"
        problem(
            row,
            f"{found}; the likely cause: {fit.correction.cause}{where}; {more}",
            f"{fit.correction.remedy}, or take the annotation anew",
            findings,
        )
    elif not fit.fits and fit.enough:
        found += (
            f" ({fit.starts:,} start with ATG, {fit.stops:,} end in a stop codon), and no shift or other strand helps"
        )
        problem(row, f"{found}; the likely cause: the annotation is of another assembly", ASSEMBLY, findings)
    elif not fit.fits:
        doubt = "is the annotation of another assembly? Without annotated start or stop codons"
        findings.note(
            row.genome, f"{found}: {doubt}, {MIN_BARE_REGIONS} coding regions are needed to tell{partial(fit)}"
        )
    elif misfits := contigs_that_do_not_fit(by_contig):
        parts = [f"{name} ({count(by_contig[name].complete)} of {count(by_contig[name].regions)})" for name in misfits]
        wrong = by_contig[misfits[0]].correction
        cause = f"{wrong.cause} there" if wrong else "these are of another assembly"
        found += f", but on some contigs few do: {preview(parts)}; the likely cause: {cause}"
        problem(row, found, wrong.remedy if wrong else ASSEMBLY, findings)
    elif fit.complete < MIN_COMPLETE * fit.regions and max(fit.starts, fit.stops) >= MIN_ONE_END * fit.regions:
        ends = f"{fit.starts:,} start with ATG, {fit.stops:,} end in a stop codon"
        message = f"{found} ({ends}): annotation and assembly fit at one end; are the other ends annotated?"
        findings.note(row.genome, message + partial(fit))
    elif fit.complete < MIN_COMPLETE * fit.regions:
        message = f"{found}; {fit.open:,} of {fit.long:,} long ones have no stop codon within: partial gene models"
        findings.note(row.genome, message + partial(fit))
    else:
        findings.note(row.genome, f"annotation and assembly fit: {found}{partial(fit)}")


def partial(fit: Fit) -> str:
    """A clause on coding regions that the annotation calls incomplete."""
    return f"; {fit.partial:,} that the annotation calls incomplete are not counted" if fit.partial else ""


def problem(row: Row, found: str, fix: str, findings: Findings) -> None:
    """A problem of the annotation, or of the FASTA beside it."""
    findings.problem(
        row.at("gtf"), found, f"at least {MIN_COMPLETE:.0%} of them, on every contig, and all written alike", fix
    )

"""The sections of the page: which have something to show, and what to do to fill the others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A section of the page. absent: what to say if `has` is false."""

    title: str
    has: bool = True
    absent: str = ""


NOT_TRAINED = "No model was trained in this run, so there is nothing to evaluate."


def has_bulk(data: dict) -> bool:
    """Whether the page has the section on bulk and pseudobulk."""
    return bool(data["agreement"] or data["distributions"])


def sections_view(data: dict, trained: bool, has_sets: bool) -> dict[str, Section]:
    """Describe the sections by id, in the order of the page. data: what the scripts draw (see report.py)."""
    return {
        "results": Section("Results"),
        "data": Section("Genomes and data"),
        "training": Section("Training", trained, "No model was trained in this run."),
        "performance": Section("Held-out performance", trained, NOT_TRAINED),
        "predictions": Section("Observed and predicted", trained, NOT_TRAINED),
        "genes": Section("Genes", trained, NOT_TRAINED),
        "errors": Section("Errors", trained, NOT_TRAINED),
        "bulk": Section(
            "Bulk and pseudobulk",
            has_bulk(data),
            "Tables of this run have no distributions, and no row of --input has a tissue (docs/study.md).",
        ),
        "comparisons": Section("Comparisons", trained, NOT_TRAINED),
        "motifs": Section(
            "Learned motifs", bool(data["motifs"]), "No motif was learned in this run. The network grammar learns them."
        ),
        "saturation": Section(
            "Saturation mutagenesis", bool(data["saturation"]), "No gene was saturated: name genes with --saturate."
        ),
        "variants": Section(
            "Variants", bool(data["variants"]) or has_sets, "No variants were scored: name a sheet with --variants."
        ),
        "run": Section("Run"),
    }

#!/usr/bin/env python3
"""Predicted effects of substitutions in five human promoters beside measured ones (saturation MPRA, Kircher et al. 2019).

Each promoter is placed at its TSS in a window of N, as the reporter held it without the gene's surroundings. Models are those
of benchmarks/accuracy.py human, and models of fewer genes, which are trained here (results/mpra; with -resume).
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import anndata  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402
from pipeline import run  # noqa: E402
from scipy.stats import norm  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from scxpresso.genome.sequence import (  # noqa: E402
    ALTERNATIVES,
    N_CODE,
    decode,
    encode,
    reverse_complement,
)
from scxpresso.networks.model import Model  # noqa: E402
from scxpresso.saturation.incremental import incremental  # noqa: E402

DATA = ROOT / "benchmarks" / "mpra_saturation"
HUMAN = ROOT / "assets" / "human"
ATLAS, LEVEL = "gtex", "cell_type"
NETWORKS = ["scxpresso", "hybrid", "grammar_promoter", "grammar"]
# The tissue of GTEx that is most like the cells of an assay. K562 is GTEx's line of chronic myeloid leukaemia.
POPULATION = {
    "HepG2": "Liver",
    "K562": "Cells_Leukemia_cell_line_CML",
    "HEL 92.1.7": "Cells_Leukemia_cell_line_CML",
    "HEK293T": "Kidney_Cortex",
}
LARGE, SIGNIFICANT = 0.3, 1e-5  # |log2 effect| and p of a substitution that matters (Kircher et al.)
MIN_P = 1e-300  # smaller p-values are rounded to 0 in the table
TRAINING_GENES = [230, 460]  # and all of them: fewer ones for the curve
SEED = 1
SCORES = {"r": "r", "auroc": "AUROC"}


class Element(NamedTuple):
    """A promoter, as in elements.tsv: start and end are 1-based and included, the sequence is on the + strand."""

    element: str
    gene: str
    cells: str
    chrom: str
    start: int
    end: int
    strand: str
    tss: int
    sequence: str


def read_elements() -> list[Element]:
    """Read the promoters."""
    table = pd.read_csv(DATA / "elements.tsv", sep="\t")
    return [Element(*row) for row in table[list(Element._fields)].itertuples(index=False)]


def placed(element: Element, upstream: int, downstream: int) -> np.ndarray:
    """Place a promoter at its TSS in a window of N, on the gene's own strand: codes."""
    codes = np.full(upstream + downstream, N_CODE, dtype=np.uint8)
    own = encode(element.sequence)
    first = window_index(element, element.start if element.strand == "+" else element.end, upstream)
    codes[first : first + len(own)] = own if element.strand == "+" else reverse_complement(own)
    return codes


def window_index(element: Element, pos: int, upstream: int) -> int:
    """Give the index of a position of the genome (1-based) in the window."""
    return upstream + (pos - element.tss if element.strand == "+" else element.tss - pos)


def predicted_effects(model: Model, element: Element, measured: pd.DataFrame) -> np.ndarray:
    """Predict the effects of substitutions, by the networks of all folds: substitutions × populations, log10 expression.

    Features of the annotation are unknown to the model: the mean of its training genes stands for them.

    Parameters
    ----------
    measured: pos, ref and alt of the substitutions, on the + strand.
    """
    codes = placed(element, model.upstream, model.downstream)
    index = np.array([window_index(element, pos, model.upstream) for pos in measured["pos"]])
    own = [own_strand(bases, element.strand) for bases in (measured["ref"], measured["alt"])]
    if decode(codes[index]) != "".join(own[0]):
        raise SystemExit(f"{element.element}: the table's reference bases are not those of the element's sequence")
    annotation = np.full(len(model.annotation_features), np.nan, dtype=np.float32)
    networks = incremental(model.networks(model.fold_of(element.gene)), torch.device("cpu"), "auto")
    first, end = index.min(), index.max() + 1
    effects = networks.effects(codes, annotation, first, end)[1].mean(axis=0)
    return effects[index - first, [ALTERNATIVES.index(base) for base in own[1]]]


def own_strand(bases: pd.Series, strand: str) -> list[str]:
    """Give bases on the + strand as the gene's own strand has them."""
    return list(bases if strand == "+" else bases.map(dict(zip("ACGT", "TGCA", strict=True))))


def scores(predicted: np.ndarray, measured: pd.DataFrame) -> dict[str, float]:
    """Compare predicted with measured effects.

    Returns
    -------
    r: Pearson correlation. auroc: of |predicted effect|, substitutions that matter (LARGE, SIGNIFICANT) against all others.
    Both are NaN if nothing is predicted to differ.
    """
    if not np.ptp(predicted):
        return dict.fromkeys(SCORES, np.nan)
    effect = measured["log2_effect"].to_numpy()
    matters = (np.abs(effect) > LARGE) & (measured["p_value"] < SIGNIFICANT).to_numpy()
    return {
        "r": float(np.corrcoef(predicted, effect)[0, 1]),
        "auroc": roc_auc_score(matters, np.abs(predicted)),
    }


def highest_correlation(measured: pd.DataFrame) -> float:
    """Say which correlation with the measured effects the true ones would have: the square root of their reliability.

    The table has no replicates, but p-values of a normal test, and so standard errors.
    """
    effect = measured["log2_effect"].to_numpy()
    z = norm.isf(np.maximum(measured["p_value"].to_numpy(), MIN_P) / 2)
    error = np.where(z > 0, np.abs(effect) / np.where(z > 0, z, 1), np.nan)
    return float(np.sqrt(max(0, 1 - np.nanmean(error**2) / effect.var())))


def gc_change(measured: pd.DataFrame) -> np.ndarray:
    """Say by how many G and C a substitution changes the sequence: the simplest prediction there is."""
    alt, ref = (measured[name].isin(["G", "C"]).astype(float).to_numpy() for name in ("alt", "ref"))
    return alt - ref


def measure(models: dict[str, Path]) -> pd.DataFrame:
    """Score models and the change in GC content by promoter.

    Parameters
    ----------
    models: folder of each, by name.

    Returns
    -------
    One row per promoter and model: element, model, population, r, auroc. The population is the best-matching one, or `mean`
    for the mean over all; it is empty for what has no populations.
    """
    effects, rows = pd.read_csv(DATA / "effects.tsv.gz", sep="\t"), []
    for element in read_elements():
        measured = effects[effects["element"] == element.element].reset_index(drop=True)
        key = {"element": element.element, "population": ""}
        rows.append({**key, "model": "gc_change", **scores(gc_change(measured), measured)})
        rows.append({**key, "model": "highest", "r": highest_correlation(measured), "auroc": np.nan})
        for name, folder in models.items():
            model = Model(folder)
            predicted = predicted_effects(model, element, measured)
            best = POPULATION[element.cells]
            for population, values in (
                (best, predicted[:, model.populations.index(best)]),
                ("mean", predicted.mean(axis=1)),
            ):
                rows.append({**key, "population": population, "model": name, **scores(values, measured)})
    return pd.DataFrame(rows)


def fewer_genes(genes: int, folder: Path) -> Path:
    """Train `grammar` on a random part of the genes of GTEx: the folder of the models, by recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    atlas = anndata.read_h5ad(HUMAN / "gtex.h5ad")
    chosen = np.sort(np.random.default_rng(SEED).choice(atlas.n_vars, genes, replace=False))
    counts = folder / "gtex.h5ad"
    if not counts.exists():  # its time of writing is part of what -resume compares
        atlas[:, chosen].write_h5ad(counts)
    sheet = folder / "atlases.csv"
    sheet.write_text(f"atlas,counts,protocol,genome,levels,min_cells\n{ATLAS},{counts},bulk,human,{LEVEL},1\n")
    run("-profile", "human", "--input", sheet, "--outdir", folder, "--network", "grammar")
    return folder / "models" / ATLAS / LEVEL


def pages(table: pd.DataFrame, score: str, models: dict[str, str]) -> Iterator[str]:
    """Make a table of a score in Markdown: one row per model and population, one column per promoter."""
    elements = list(dict.fromkeys(table["element"]))
    cells = {one.element: one.cells for one in read_elements()}
    yield f"| {SCORES[score]} | population | {' | '.join(f'{one} ({cells[one]})' for one in elements)} | mean |"
    yield "|---|---|" + "---|" * (len(elements) + 1)
    for model, title in models.items():
        own = table[table["model"] == model]
        kind = own["population"].where(own["population"].isin(["", "mean"]), "matching")
        for population, rows in own.groupby(kind, sort=False):
            values = rows.set_index("element").loc[elements, score]
            if values.isna().all():
                continue
            numbers = ["" if np.isnan(value) else f"{value:.2f}" for value in [*values, values.mean()]]
            yield f"| {title} | {population} | {' | '.join(numbers)} |"


def title(model: str) -> str:
    """Format the name of a model."""
    recipe, _, genes = model.partition(" ")
    return f"`{recipe}` {genes}".strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, nargs="*", default=TRAINING_GENES, help="numbers of genes (%(default)s)")
    folders = {"": ROOT / "results" / "human" / "models" / ATLAS / LEVEL}
    for genes in parser.parse_args().genes:
        folders[f" of {genes} genes"] = fewer_genes(genes, ROOT / "results" / "mpra" / str(genes))
    models = {
        f"{network}{part}": folder / network
        for part, folder in folders.items()
        for network in NETWORKS
        if (folder / network).exists()
    }
    table = measure(models)
    titles = {"gc_change": "change of GC content"} | {name: title(name) for name in models}
    lines = [
        *pages(table, "r", titles | {"highest": "highest that can be reached"}),
        "",
        *pages(table, "auroc", titles),
    ]
    write("benchmarks/mpra.py", lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Calibration of p-values of variants: shares of substitutions with small ones, by expression of their gene.

Every substitution of CONTROLS genes that are not in the pooled background, by each model of a run (results/demo by default,
or the folder named as the only argument). Each substitution is compared with its gene's own background, with the pooled
one, and with plain effects of the same 200 genes, which are not divided by the root mean square of their gene.
"""

import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.genome.feature_store import Features  # noqa: E402
from scxpresso.genome.sequence import ALTERNATIVE_CODES, BASE_OF_CODE  # noqa: E402
from scxpresso.networks.model import Model  # noqa: E402
from scxpresso.networks.registry import bases_read  # noqa: E402
from scxpresso.saturation.effects_store import resolved  # noqa: E402
from scxpresso.saturation.incremental import incremental  # noqa: E402
from scxpresso.store import read_expression  # noqa: E402
from scxpresso.variants.pooled import MIN_SCALE, pool_effects, root_mean_square, sample_genes, window_bins  # noqa: E402

CONTROLS = 450
THRESHOLDS = (0.05, 0.01, 0.001)
CPU = torch.device("cpu")


def bins_of(model: Model) -> list[tuple[int, int, int]]:
    """Number, first index and end of each bin that variants are compared with, as far as it is read."""
    reads = bases_read(model.network, model.inputs, model.upstream, model.downstream)
    starts, (first, last) = window_bins(model.upstream, model.downstream, reads)
    ends = [*starts[1:], model.window]
    begin, end = (model.upstream + base for base in reads)
    return [(bin_, max(starts[bin_], begin), min(ends[bin_], end)) for bin_ in range(first, last + 1)]


def sizes_of(model: Model, features: Features, genes: list[str]) -> dict[str, dict[int, np.ndarray]]:
    """Absolute effects of the substitutions of each gene and bin: substitutions × populations."""
    found = {}
    for gene in sorted(genes, key=lambda gene: (model.fold_of(gene), gene)):
        rows = features.rows([gene])
        codes = features.codes[rows[0]]
        annotation = features.annotation(rows, model.annotation_features)[0]
        if not found or fold != model.fold_of(gene):  # noqa: F821 (that of the gene before)
            fold = model.fold_of(gene)
            saturation = incremental(model.networks(fold), CPU)
        effects = np.abs(resolved(saturation.effects(codes, annotation)[1].mean(axis=0)))
        members = (BASE_OF_CODE[codes] < 4)[:, None] & (codes[:, None] != ALTERNATIVE_CODES)
        found[gene] = {bin_: effects[start:end][members[start:end]] for bin_, start, end in bins_of(model)}
    return found


def at_least(background: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Number of the background at least as large, by population."""
    ordered = np.sort(background, axis=0)
    columns = zip(ordered.T, values.T, strict=True)
    return len(background) - np.stack([np.searchsorted(column, value) for column, value in columns], axis=1)


def calibration(run: Path, folder: Path) -> list[str]:
    """Rows of the table of one model."""
    model = Model(folder)
    features = Features(run / "genomes" / model.genome / "features.h5")
    expression = read_expression(run / "expression" / model.atlas / f"{model.level}.tsv.gz").mean(axis=1)
    genes = sample_genes(model, features.gene_id)
    rest = [gene for gene in expression.index if gene not in set(genes) and model.fold_of(gene) is not None]
    controls = np.random.default_rng(1).permutation(rest)[:CONTROLS].tolist()
    pooled = pool_effects(model, features, genes, CPU)
    sizes = sizes_of(model, features, [*genes, *controls])

    shares: dict[str, list] = {"the gene's own": [], "pooled": [], "pooled, plain effects": []}
    floored = []
    small = np.array(THRESHOLDS)[:, None, None]
    every = {bin_: np.concatenate([sizes[gene][bin_] for gene in genes]) for bin_, *_ in bins_of(model)}
    ordered = {bin_: np.sort(background, axis=0) for bin_, background in every.items()}
    for gene in controls:
        of_gene: dict[str, list] = {name: [] for name in shares}
        for bin_, values in sizes[gene].items():
            if not len(values):
                continue
            scale = np.broadcast_to(root_mean_square(values), values.shape)
            floored.append(scale[0] < MIN_SCALE * pooled.effect.scale[bin_])
            p_values = {
                "the gene's own": at_least(values, values) / len(values),
                "pooled": pooled.effect.p_values(np.full(len(values), bin_), values, scale),
                "pooled, plain effects": (1 + at_least(ordered[bin_], values)) / (1 + len(ordered[bin_])),
            }
            for name, p in p_values.items():
                of_gene[name].append((p < small).mean(axis=(1, 2)))
        for name, of_bins in of_gene.items():
            shares[name].append(np.mean(of_bins, axis=0))

    order = np.argsort(expression[controls].to_numpy())
    parts = [order[start:end] for start, end in pairwise(np.linspace(0, len(order), 4).astype(int))]
    rows = []
    for name, found in shares.items():
        of_genes = np.array(found)
        cells = [" · ".join(f"{of_genes[part, n].mean():.{3 + n}f}" for part in parts) for n in range(len(THRESHOLDS))]
        low, high = np.quantile(of_genes[:, 0], [0.05, 0.95])
        rows.append(f"| `{model.network}` | {name} | {' | '.join(cells)} | {low:.3f}–{high:.3f} |")
    print(f"{model.name}: {np.mean(floored):.2%} of genes, bins and populations have the smallest scale")
    return rows


def main(run: Path) -> None:
    torch.set_num_threads(1)
    folders = sorted(path.parent for path in run.glob("models/*/*/*/model.json"))
    described = Model(folders[0])
    lines = [
        f"| network | background | {' | '.join(f'p < {threshold}' for threshold in THRESHOLDS)} | genes, p < 0.05 |",
        "|---|---|---|---|---|---|",
    ]
    for folder in folders:
        lines += calibration(run, folder)
    lines += [
        "",
        f"Each cell: genes of low · middle · high expression, {CONTROLS // 3} each. Last column: the range of nine tenths",
        f"of the genes. Windows of {described.upstream:,} + {described.downstream:,} bases, {len(described.folds)} folds.",
    ]
    write("benchmarks/variant_calibration.py", lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "demo")

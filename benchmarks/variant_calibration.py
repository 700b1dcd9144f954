#!/usr/bin/env python3
"""Calibration of p-values of variants: shares of substitutions with small ones, by expression of their gene.

Every substitution of CONTROLS genes that are not in the pooled background, by each model of a run (results/demo by default,
or the folder named as the only argument). Each substitution is compared with its gene's own background, with the pooled
one, with one of the same 200 genes whose windows are not shuffled, and with plain effects in the shuffled windows, which
are not divided by the root mean square of their gene.
"""

import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

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
from scxpresso.variants.background import spread  # noqa: E402
from scxpresso.variants.pooled import (  # noqa: E402
    MIN_SCALE,
    pool_effects,
    root_mean_square,
    sample_genes,
    shuffled_windows,
    stretch_of,
    window_bins,
)
from scxpresso.variants.significance import N_SAMPLED  # noqa: E402

CONTROLS = 450
THRESHOLDS = (0.05, 0.01, 0.001)
BACKGROUNDS = ("the gene's own", "pooled", "pooled, not shuffled", "pooled, plain effects")
CPU = torch.device("cpu")


def bins_of(model: Model) -> list[tuple[int, int, int]]:
    """Number, first index and end of each bin that variants are compared with, as far as it is read."""
    reads = bases_read(model.network, model.inputs, model.upstream, model.downstream)
    starts, (first, last) = window_bins(model.upstream, model.downstream, reads)
    ends = [*starts[1:], model.window]
    begin, end = (model.upstream + base for base in reads)
    return [(bin_, max(starts[bin_], begin), min(ends[bin_], end)) for bin_ in range(first, last + 1)]


class Sizes(NamedTuple):
    """Absolute effects of substitutions (substitutions × populations), and the stretch that each lies in.

    Those at the positions that give a gene's root mean square come first.
    """

    values: np.ndarray
    stretch: np.ndarray


def sizes_of(model: Model, features: Features, genes: list[str], windows: np.ndarray) -> list[dict[int, Sizes]]:
    """Sizes of the substitutions in each gene's window, by bin."""
    found: list[dict[int, Sizes]] = [{} for _ in genes]
    annotation = features.annotation(features.rows(genes), model.annotation_features)
    for fold in model.folds:
        saturation = incremental(model.networks(fold), CPU)
        for number in [number for number, gene in enumerate(genes) if model.fold_of(gene) == fold]:
            codes = windows[number]
            effects = np.abs(resolved(saturation.effects(codes, annotation[number])[1].mean(axis=0)))
            members = codes[:, None] != ALTERNATIVE_CODES
            for bin_, start, end in bins_of(model):
                positions = spread(start + np.flatnonzero(BASE_OF_CODE[codes[start:end]] < 4))
                stretch = stretch_of(positions, model.upstream).repeat(3)
                found[number][bin_] = Sizes(effects[positions][members[positions]], stretch)
    return found


def scale_of(values: np.ndarray) -> np.ndarray:
    """Root mean square of a gene's values in a bin, estimated as where variants are scored, by population."""
    return root_mean_square(values[: 3 * N_SAMPLED])


def at_least(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Number of a background (populations × substitutions, sorted) that is at least as large, by population."""
    columns = zip(ordered, values.T, strict=True)
    return ordered.shape[1] - np.stack([np.searchsorted(column, value) for column, value in columns], axis=1)


def in_order(parts: list[np.ndarray]) -> np.ndarray:
    """Join values of genes (each substitutions × populations) and sort them: populations × substitutions."""
    return np.sort(np.concatenate(parts).T, axis=1)


def calibration(run: Path, folder: Path) -> tuple[list[str], str]:
    """Rows of the table of one model, and how many of its genes, bins and populations have the smallest scale."""
    model = Model(folder)
    features = Features(run / "genomes" / model.genome / "features.h5")
    expression = read_expression(run / "expression" / model.atlas / f"{model.level}.tsv.gz").mean(axis=1)
    genes = sample_genes(model, features.gene_id)
    rest = [gene for gene in expression.index if gene not in set(genes) and model.fold_of(gene) is not None]
    controls = np.random.default_rng(1).permutation(rest)[:CONTROLS].tolist()
    pooled = pool_effects(model, features, genes, CPU)
    own_windows = features.codes[features.rows(genes)]
    starts, _ = window_bins(model.upstream, model.downstream, pooled.reads)
    unshuffled = sizes_of(model, features, genes, own_windows)
    shuffled = sizes_of(model, features, genes, shuffled_windows(own_windows, starts))
    natural, plain = {}, {}
    for bin_, *_ in bins_of(model):
        natural[bin_] = in_order([sizes[bin_].values / scale_of(sizes[bin_].values) for sizes in unshuffled])
        plain[bin_] = in_order([sizes[bin_].values for sizes in shuffled])

    shares: dict[str, list] = {name: [] for name in BACKGROUNDS}
    floored = []
    small = np.array(THRESHOLDS)[:, None, None]
    for of_bin in sizes_of(model, features, controls, features.codes[features.rows(controls)]):
        of_gene: dict[str, list] = {name: [] for name in shares}
        for bin_, (values, stretch) in of_bin.items():
            if not len(values):
                continue
            scale = scale_of(values)
            floored.append(scale < MIN_SCALE * pooled.effect.scale[bin_])
            every_scale = np.broadcast_to(scale, values.shape)
            p_values = [
                at_least(in_order([values]), values) / len(values),
                pooled.effect.p_values(np.full(len(values), bin_), stretch, values, every_scale),
                (1 + at_least(natural[bin_], values / scale)) / (1 + natural[bin_].shape[1]),
                (1 + at_least(plain[bin_], values)) / (1 + plain[bin_].shape[1]),
            ]
            for name, p in zip(BACKGROUNDS, p_values, strict=True):
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
        rows.append(f"| `{model.recipe}` | {name} | {' | '.join(cells)} | {low:.3f}–{high:.3f} |")
    return rows, f"{np.mean(floored):.0%} (`{model.recipe}`)".replace("%", " %")


def main(run: Path) -> None:
    torch.set_num_threads(1)
    folders = sorted(path.parent for path in run.glob("models/*/*/*/model.json"))
    described = Model(folders[0])
    lines = [
        f"| network | background | {' | '.join(f'p < {threshold}' for threshold in THRESHOLDS)} | genes, p < 0.05 |",
        "|---|---|---|---|---|---|",
    ]
    shares = []
    for folder in folders:
        rows, smallest = calibration(run, folder)
        lines += rows
        shares.append(smallest)
    lines += [
        "",
        f"Each cell: genes of low · middle · high expression, {CONTROLS // 3} each. Last column: the range of nine tenths",
        f"of the genes. Windows of {described.upstream:,} + {described.downstream:,} bases, {len(described.folds)} folds.",
        "",
        "The smallest scale applies to this share of genes, bins and populations:",
        f"{', '.join(shares)}.",
    ]
    write("benchmarks/variant_calibration.py", lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "demo")

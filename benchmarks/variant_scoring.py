#!/usr/bin/env python3
"""Scoring of variants on CPU: score_variants.py, and one variant at a time by whole predictions in plain PyTorch.

The genome is random and of human size except for the number of genes; networks are untrained, and their populations are as
alike as those of trained ones. At cohort density there is a substitution every 37 bases of a window. The 1000 Genomes Project
found a variant every 37 bases; 4 % of these are insertions and deletions, which have a row of their own here. At GWAS density
there are two substitutions per gene. Haplotypes are those of 1,000 donors with 30 variants per gene, one of them a deletion.

score_variants.py is measured on two sizes. The difference gives what a variant takes, with its p-values (pooled, but for the
row that says otherwise) and a row of the table per population; the rest is the start of Python and reading the model.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from measure import Taken, run  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.genome.annotation import HALF_LIFE  # noqa: E402
from scxpresso.genome.feature_store import Features, write_features  # noqa: E402
from scxpresso.genome.sequence import window_codes  # noqa: E402
from scxpresso.networks.gradient_boosted_trees import Bins, GradientBoostedTrees  # noqa: E402
from scxpresso.networks.grammar import Grammar  # noqa: E402
from scxpresso.networks.model import Model  # noqa: E402
from scxpresso.networks.motif_part import LENGTH  # noqa: E402
from scxpresso.networks.promoter_composition import N_KMERS, N_WINDOWS  # noqa: E402
from scxpresso.networks.published import ScXpresso  # noqa: E402
from scxpresso.networks.smooth_part import COMPONENTS, TREE_SETTINGS, SmoothPart, number_of_tree_kmers  # noqa: E402
from scxpresso.networks.weights import NetworkMetadata, save_network  # noqa: E402
from scxpresso.store import write_rows, write_table  # noqa: E402
from scxpresso.variants.haplotypes import haplotype_combinations  # noqa: E402
from scxpresso.variants.pooled import pool_effects  # noqa: E402
from scxpresso.variants.score_table import ScorableVariant  # noqa: E402
from scxpresso.variants.scoring import SHIFTS  # noqa: E402

UPSTREAM, DOWNSTREAM, N_POPULATIONS, N_REPLICATES, N_THREADS = 7000, 3500, 20, 5, 2
WINDOW = UPSTREAM + DOWNSTREAM
N_GENES = 1000
BASES_PER_SUBSTITUTION = 37
N_ONE_BY_ONE = 30  # variants scored in plain PyTorch
N_POOLED = 4  # genes whose effects are pooled: the number changes no time
N_DONORS, N_CARRIED = 1000, 30  # donors, and variants per gene that they carry
N_INDUCING, N_MOTIFS = 1500, 40  # of the grammar network
N_TREE_KMERS = number_of_tree_kmers(5000)


def make_world(folder: Path) -> tuple[str, pd.DataFrame]:
    """Write a genome, features and a model to a folder; return the genome's bases and genes.tsv."""
    rng = np.random.default_rng(1)
    bases = "".join(rng.choice(list("ACGT"), WINDOW * (N_GENES + 1)))
    (folder / "genome.fa").write_text(f">1\n{bases}\n")
    names = [f"gene_{number:03}" for number in range(N_GENES)]
    genes = pd.DataFrame(
        {
            "gene_id": names,
            "gene_name": names,
            "chrom": "1",
            "strand": ["+-"[number % 2] for number in range(N_GENES)],
            "tss": [WINDOW * number + WINDOW for number in range(N_GENES)],
        }
    )
    write_table(folder / "genes.tsv", genes)
    places = zip(genes["tss"], genes["strand"], strict=True)
    codes = np.stack([window_codes(bases, tss, strand, UPSTREAM, DOWNSTREAM)[0] for tss, strand in places])
    half_life = rng.uniform(100, 1000, (N_GENES, len(HALF_LIFE)))
    write_features(folder / "features.h5", names, codes, half_life, half_life, UPSTREAM)

    write_model(folder / "scxpresso", "scxpresso", names)
    write_model(folder / "grammar", "grammar", names)
    return bases, genes


def write_model(folder: Path, kind: str, names: Sequence[str]) -> None:
    """Write an untrained model of one fold, and pooled effects of it."""
    populations = tuple(f"population {number}" for number in range(N_POPULATIONS))
    about = NetworkMetadata(kind, "both", UPSTREAM, DOWNSTREAM, populations)
    files = [f"fold_1/replicate_{number}.safetensors" for number in range(1, N_REPLICATES + 1)]
    trees = fitted_trees() if kind == "grammar" else []
    for seed, file in enumerate(files):
        torch.manual_seed(seed)
        network = filled(about.build(), trees, seed) if kind == "grammar" else correlated(about.build())
        save_network(folder / file, network, about)
    content = {
        "atlas": "a", "level": "l", "genome": "g", "network": kind, "inputs": "both", "upstream": UPSTREAM,
        "downstream": DOWNSTREAM, "populations": about.populations, "annotation_features": HALF_LIFE,
        "folds": {1: {"used": files}}, "fold_of_gene": dict.fromkeys(names, 1),
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(content))
    features = Features(folder.parent / "features.h5")
    pooled = pool_effects(Model(folder), features, names[:N_POOLED], torch.device("cpu"))
    pooled.write(folder.parent / f"{kind}.pooled.h5")


@torch.no_grad()
def correlated(network: ScXpresso) -> ScXpresso:
    """Make an untrained network's populations alike, as those of trained ones are: their effects correlate by 0.9."""
    weight = network.get_parameter("head.3.weight")
    weight.copy_(0.9**0.5 * weight[:1] + 0.1**0.5 * weight)
    return network


def fitted_trees() -> list[GradientBoostedTrees]:
    """Fit the trees of a grammar network to noise, over features as many as it has."""
    rng, part = np.random.default_rng(4), SmoothPart(N_POPULATIONS)
    features = rng.normal(size=(200, N_WINDOWS + len(HALF_LIFE) + N_TREE_KMERS + COMPONENTS)).astype(np.float32)
    bins = Bins.of(features, TREE_SETTINGS)
    for seed, trees in enumerate(part.trees):
        trees.fit(bins, rng.normal(size=(200, trees.components.shape[1])), seed)
    return list(part.trees)


def filled(network: Grammar, trees: Sequence[GradientBoostedTrees], seed: int) -> Grammar:
    """Fill an untrained grammar network with random numbers, as many as a trained one has."""
    rng, smooth, motifs = np.random.default_rng(seed), network.smooth, network.motifs
    features = N_WINDOWS + len(HALF_LIFE)
    windows = np.arange(features) < N_WINDOWS
    # Five of eleven radial kernels read windows.
    precision = np.stack([np.ones(features)] * 5 + [~windows] * 6) / (2.0 * features)
    smooth.keep(
        dipeptides=np.zeros(len(HALF_LIFE), dtype=bool),
        tree_kmers=np.arange(N_TREE_KMERS),
        tree_share=np.array(0.7),
        components=rng.normal(size=(COMPONENTS, N_POPULATIONS)),
        center=np.zeros(COMPONENTS),
        shrinkage=np.ones(COMPONENTS),
    )
    smooth.kernels.keep(
        inducing=rng.normal(size=(N_INDUCING, features)),
        precision=precision,
        variance=np.full((len(precision), COMPONENTS), 0.1),
        dual=0.01 * rng.normal(size=(N_INDUCING, COMPONENTS)),
        weight=0.001 * rng.normal(size=(N_KMERS, COMPONENTS)),
        intercept=np.zeros(COMPONENTS),
    )
    smooth.trees = torch.nn.ModuleList(trees)
    scores = -rng.exponential(2, (N_MOTIFS, 4, LENGTH)).astype(np.float32)
    motifs.matrices = torch.from_numpy(scores - scores.max(axis=1, keepdims=True))
    motifs.offsets = torch.full((N_MOTIFS,), 5.0)
    motifs.weights = torch.from_numpy(0.1 * rng.normal(size=(N_MOTIFS, N_POPULATIONS)).astype(np.float32))
    motifs.regions = torch.tensor([[-1000, 500]] * N_MOTIFS)
    return network


def variants(bases: str, genes: pd.DataFrame, each: int, deleted: int = 0) -> list[ScorableVariant]:
    """Draw substitutions (or deletions of some bases) over each gene's window, `each` per gene."""
    rng, found = np.random.default_rng(2), []
    for gene in genes.itertuples():
        first = gene.tss - (UPSTREAM if gene.strand == "+" else DOWNSTREAM) + 1
        for number, offset in enumerate(np.sort(rng.choice(WINDOW - 20, each, replace=False))):
            pos = int(first + offset)
            ref = bases[pos - 1 : pos + deleted]
            alt = ref[0] if deleted else "ACGT"["ACGT".index(ref) - 1]
            found.append(ScorableVariant(f"rs{number}", "1", pos, ref, alt, gene.gene_id, ""))
    return found


def carried(found: list[ScorableVariant]) -> list[ScorableVariant]:
    """Give variants the carriers among N_DONORS; frequencies are 1 to 50 %."""
    rng = np.random.default_rng(5)
    frequency = 0.5 * 0.02 ** rng.random(len(found))
    return [
        variant._replace(
            carriers=",".join(f"{at // 2}.{at % 2}:" for at in np.flatnonzero(rng.random(2 * N_DONORS) < share))
        )
        for variant, share in zip(found, frequency, strict=True)
    ]


def scored(folder: Path, model: str, found: list[ScorableVariant], *options: str, pooled: bool) -> Taken:
    """Run score_variants.py on variants; return what the whole process takes."""
    write_rows(folder / "chunk.tsv.gz", ScorableVariant._fields, found)
    command = [sys.executable, ROOT / "bin" / "score_variants.py", "--model", folder / model, "--set", "simulated"]
    for option, file in (("features", "features.h5"), ("genes", "genes.tsv"), ("fasta", "genome.fa")):
        command += [f"--{option}", folder / file]
    command += [
        "--variants",
        folder / "chunk.tsv.gz",
        "--output",
        folder / "scores.tsv.gz",
        "--device",
        "cpu",
        *options,
    ]
    command += ["--pooled", folder / f"{model}.pooled.h5"] if pooled else []
    return run([*command, "--threads", N_THREADS])


class Rate(NamedTuple):
    """What scoring takes: variants per second, CPU milliseconds per variant, and seconds that do not depend on variants."""

    per_second: float
    cpu: float
    start: float


def rate(folder: Path, few: list, many: list, *options: str, model: str = "scxpresso", pooled: bool = True) -> Rate:
    """Measure score_variants.py on few and on many variants; haplotypes count as variants."""
    taken = [scored(folder, model, found, *options, pooled=pooled) for found in (few, many)]
    counts = [sum(map(len, alleles(found, "--haplotypes" in options))) for found in (few, many)]
    more, less = taken[1], taken[0]
    variants = counts[1] - counts[0]
    per_variant = (more.seconds - less.seconds) / variants
    return Rate(1 / per_variant, 1000 * (more.cpu - less.cpu) / variants, less.seconds - counts[0] * per_variant)


def alleles(found: list[ScorableVariant], haplotypes: bool) -> Iterator[list]:
    """Yield the alleles and haplotypes of each gene."""
    for _, group in groupby(found, key=lambda variant: variant.gene_id):
        of_gene = list(group)
        yield [*of_gene, *(haplotype_combinations(of_gene) if haplotypes else [])]


@torch.no_grad()
def one_by_one(folder: Path) -> float:
    """Return the variants per second if each replicate predicts reference and alternative one at a time."""
    networks = [network for network, _ in Model(folder / "scxpresso").networks(1)]
    rng = np.random.default_rng(3)
    windows = torch.from_numpy(rng.choice(np.array([1, 2, 4, 8], dtype=np.uint8), (N_ONE_BY_ONE, 2, 1, WINDOW)))
    annotation = torch.zeros(1, len(HALF_LIFE))
    start = time.perf_counter()
    for reference, alternative in windows:
        for network in networks:
            network(alternative, annotation) - network(reference, annotation)
    return N_ONE_BY_ONE / (time.perf_counter() - start)


def main() -> None:
    torch.set_num_threads(N_THREADS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bases, genes = make_world(folder)

        def of_genes(few: int, many: int, each: int, deleted: int = 0) -> tuple[list, list]:
            return variants(bases, genes.head(few), each, deleted), variants(bases, genes.head(many), each, deleted)

        def donors(number: int) -> list[ScorableVariant]:
            deletions = variants(bases, genes.head(number), 1, deleted=3)
            found = carried([*variants(bases, genes.head(number), N_CARRIED - 1), *deletions])
            return sorted(found, key=lambda variant: (variant.gene_id, variant.pos))

        warm = of_genes(1, 1, 2)[0] + of_genes(1, 1, 1, deleted=3)[0]
        for model in ("scxpresso", "grammar"):
            scored(folder, model, sorted(warm, key=lambda variant: variant.pos), pooled=True)  # compiles
        plain = one_by_one(folder)
        sparse, each = of_genes(300, N_GENES, 2), WINDOW // BASES_PER_SUBSTITUTION
        rates = {
            f"substitutions of cohort density (one in {BASES_PER_SUBSTITUTION} bases)": rate(
                folder, *of_genes(10, 60, each)
            ),
            "substitutions of GWAS density (two per gene)": rate(folder, *sparse),
            "the same, with `--variant_null gene`": rate(folder, *of_genes(300, 700, 2), pooled=False),
            "deletions of three bases, 12 per gene": rate(folder, *of_genes(200, 300, 12, deleted=3)),
            "deletions of three bases, one per gene": rate(folder, *of_genes(300, 500, 1, deleted=3)),
            f"haplotypes of {N_DONORS:,} donors": rate(folder, donors(2), donors(20), "--haplotypes"),
            "`grammar`: substitutions of GWAS density": rate(folder, *of_genes(300, 700, 2), model="grammar"),
        }
    lines = [
        f"| {N_REPLICATES} replicates, {N_POPULATIONS} populations, {WINDOW:,} bases, {N_THREADS} cores "
        "| variants per second | CPU ms per variant | speed-up |",
        "|---|---|---|---|",
        f"| plain PyTorch, one at a time, effects only: substitutions | {plain:.1f} | | 1 |",
        f"| plain PyTorch, one at a time, effects only: deletions, over {SHIFTS} shifts | {plain / SHIFTS:.1f} | | 1 |",
    ]
    for name, (per_second, cpu, _) in rates.items():
        gain = "" if "grammar" in name else f"{per_second / plain * (SHIFTS if 'deletions' in name else 1):,.1f}"
        lines.append(f"| {name} | {per_second:,.0f} | {cpu:.2f} | {gain} |")
    start = statistics.median(one.start for one in rates.values())
    lines += ["", f"Start of the process and reading of the model: {start:.1f} s, for any number of variants."]
    write("benchmarks/variant_scoring.py", lines)


if __name__ == "__main__":
    main()

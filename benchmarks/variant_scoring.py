#!/usr/bin/env python3
"""Scoring of variants on CPU: score_variants.py, and one variant at a time by whole predictions in plain PyTorch.

The genome is random and of human size except for the number of genes; networks are of the published kind and untrained. At
cohort density there is a substitution every 37 bases of a window. The 1000 Genomes Project found a variant every 37 bases;
4 % of these are insertions and deletions, which have a row of their own here. At GWAS density there are two substitutions per
gene. Times of score_variants.py cover the whole process: Python's start, reading, saturation of the 500 bases around each
variant (which its p-values need, and the plain way omits), and writing one row per variant and population.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from measure import run  # noqa: E402
from pages import write  # noqa: E402

from scxpresso.genome.annotation import HALF_LIFE  # noqa: E402
from scxpresso.genome.feature_store import write_features  # noqa: E402
from scxpresso.genome.sequence import window_codes  # noqa: E402
from scxpresso.networks.model import Model  # noqa: E402
from scxpresso.networks.published import ScXpresso  # noqa: E402
from scxpresso.networks.weights import NetworkMetadata, save_network  # noqa: E402
from scxpresso.store import write_rows, write_table  # noqa: E402
from scxpresso.variants.score_table import ScorableVariant  # noqa: E402
from scxpresso.variants.scoring import SHIFTS  # noqa: E402

UPSTREAM, DOWNSTREAM, N_POPULATIONS, N_REPLICATES, N_THREADS = 7000, 3500, 20, 5, 2
WINDOW = UPSTREAM + DOWNSTREAM
N_GENES = 500
N_COHORT_GENES = 40  # genes with variants of cohort density
BASES_PER_SUBSTITUTION = 37
N_ONE_BY_ONE = 30  # variants scored in plain PyTorch


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

    about = NetworkMetadata(
        "scxpresso", "both", UPSTREAM, DOWNSTREAM, tuple(f"population {number}" for number in range(N_POPULATIONS))
    )
    files = [f"fold_1/replicate_{number}.safetensors" for number in range(1, N_REPLICATES + 1)]
    for seed, file in enumerate(files):
        torch.manual_seed(seed)
        save_network(folder / "model" / file, correlated(about.build()), about)
    content = {
        "atlas": "a", "level": "l", "genome": "g", "network": "scxpresso", "inputs": "both", "upstream": UPSTREAM,
        "downstream": DOWNSTREAM, "populations": about.populations, "annotation_features": HALF_LIFE,
        "folds": {1: {"used": files}}, "fold_of_gene": dict.fromkeys(names, 1),
    }  # fmt: skip
    (folder / "model" / "model.json").write_text(json.dumps(content))
    return bases, genes


@torch.no_grad()
def correlated(network: ScXpresso) -> ScXpresso:
    """Make an untrained network's populations alike, as those of trained ones are: their effects correlate by 0.9."""
    weight = network.get_parameter("head.3.weight")
    weight.copy_(0.9**0.5 * weight[:1] + 0.1**0.5 * weight)
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


def scored(folder: Path, found: list[ScorableVariant]) -> float:
    """Return the variants per second of score_variants.py, over the whole process."""
    write_rows(folder / "chunk.tsv.gz", ScorableVariant._fields, found)
    command = [sys.executable, ROOT / "bin" / "score_variants.py", "--model", folder / "model", "--set", "simulated"]
    for option in ("features.h5", "genes.tsv", "genome.fa"):
        command += ["--" + {"genome.fa": "fasta"}.get(option, option.split(".")[0]), folder / option]
    command += ["--variants", folder / "chunk.tsv.gz", "--output", folder / "scores.tsv.gz", "--device", "cpu"]
    return len(found) / run([*command, "--threads", N_THREADS]).seconds


@torch.no_grad()
def one_by_one(folder: Path) -> float:
    """Return the variants per second if each replicate predicts reference and alternative one at a time."""
    networks = [network for network, _ in Model(folder / "model").networks(1)]
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
        scored(folder, variants(bases, genes.head(1), 2))  # compiles
        plain = one_by_one(folder)
        ours = {
            f"this pipeline, substitutions of cohort density (one in {BASES_PER_SUBSTITUTION} bases)": scored(
                folder, variants(bases, genes.head(N_COHORT_GENES), WINDOW // BASES_PER_SUBSTITUTION)
            ),
            "this pipeline, substitutions of GWAS density (two per gene)": scored(folder, variants(bases, genes, 2)),
            "this pipeline, deletions of three bases": scored(folder, variants(bases, genes.head(20), 12, deleted=3)),
        }
    lines = [
        f"| {N_REPLICATES} replicates, {N_POPULATIONS} populations, {WINDOW:,} bases, {N_THREADS} threads "
        "| variants per second | speed-up |",
        "|---|---|---|",
        f"| plain PyTorch, one at a time, effects only: substitutions | {plain:.1f} | 1 |",
        f"| plain PyTorch, one at a time, effects only: deletions, over {SHIFTS} shifts | {plain / SHIFTS:.1f} | 1 |",
    ]
    for name, rate in ours.items():
        lines.append(f"| {name} | {rate:,.1f} | {rate / plain * (SHIFTS if 'deletions' in name else 1):,.1f} |")
    write("benchmarks/variant_scoring.py", lines)


if __name__ == "__main__":
    main()

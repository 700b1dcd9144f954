#!/usr/bin/env python3
"""Make assets/human from a larger human genome and two whole atlases: only what its genes' features need.

Run once; assets/human/README.md says what the files are made from. Sequence is kept where a window, an exon or another
feature reads it, and is N elsewhere. Atlases keep the genes of the annotation.
"""

import argparse
import gzip
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))

import anndata  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.sparse  # noqa: E402

from scxpresso.genome.extended import TES_FLANK  # noqa: E402
from scxpresso.genome.features import GenomeFeatures, extract_features  # noqa: E402
from scxpresso.genome.sequence import N_CODE, read_fasta, window_bounds  # noqa: E402
from scxpresso.genome.transcript import Transcript  # noqa: E402
from scxpresso.genome.transcript_features import INTRON_BASES  # noqa: E402
from scxpresso.identifiers import match_genes  # noqa: E402
from scxpresso.store import atomic_write  # noqa: E402

UPSTREAM, DOWNSTREAM = 7000, 3500
STOP_CODON = 4  # bases after an exon that may hold a stop codon and the base after it
LINE = 10_000  # characters: shorter ones take a seventh more space
# Read beyond what is kept: the whole unspliced transcript, and 10,000 bases on either side of the TSS.
OTHER_FEATURES = ["gc_transcript", "gc_surroundings"]


def kept_bases(transcripts: Iterable[Transcript], length: int) -> np.ndarray:
    """Say which bases of a contig are kept: a mask.

    These are each transcript's window and exons, the first bases of its first intron, and those after its end.
    """
    kept = np.zeros(length, dtype=bool)
    for transcript in transcripts:
        forward = transcript.strand == "+"
        start, end = window_bounds(transcript.tss, transcript.strand, UPSTREAM, DOWNSTREAM)
        kept[max(start, 0) : end] = True
        for first, last in transcript.exons:
            kept[max(first - 1 - STOP_CODON, 0) : last + STOP_CODON] = True
        first, last = (sorted(transcript.exons, reverse=not forward))[0]
        after = (last, last + INTRON_BASES) if forward else (first - 1 - INTRON_BASES, first - 1)
        kept[max(after[0], 0) : after[1]] = True
        first, last = transcript.span
        beyond = (last, last + TES_FLANK) if forward else (first - 1 - TES_FLANK, first - 1)
        kept[max(beyond[0], 0) : beyond[1]] = True
    return kept


def write_genome(fasta: Path, transcripts: list[Transcript], path: Path) -> None:
    """Write a genome in upper case with N for every base that is not kept; gzipped, the same bytes each time."""
    with atomic_write(path) as partial, open(partial, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        for name, sequence in read_fasta(str(fasta)):
            bases = np.frombuffer(sequence.upper().encode(), dtype=np.uint8).copy()
            bases[~kept_bases((one for one in transcripts if one.chrom == name), len(bases))] = ord("N")
            text = bases.tobytes().decode()
            lines = "\n".join(text[start : start + LINE] for start in range(0, len(text), LINE))
            file.write(f">{name}\n{lines}\n".encode())


def unequal_features(full: GenomeFeatures, small: GenomeFeatures) -> list[str]:
    """Name the features and windows that are not the same, to the last bit, in two genomes."""
    columns = [name for name in full.genes if not full.genes[name].equals(small.genes[name])]
    windows = [] if np.array_equal(full.codes, small.codes) else ["windows"]
    same = np.array_equal(full.transcript_features, small.transcript_features, equal_nan=True)
    return columns + windows + ([] if same else ["transcript features"])


def write_atlas(source: Path, genes: pd.DataFrame, single_cells: bool, path: Path) -> tuple[int, int]:
    """Write an atlas with only the genes of a table; of single cells, with their totals over all genes in obs.

    Returns
    -------
    Numbers of samples or cells, and of genes.
    """
    atlas = anndata.read_h5ad(source)
    found = match_genes(atlas.var_names, genes["gene_id"], genes["gene_name"]).gene_of
    small = atlas[:, [name for name in atlas.var_names if name in found]].copy()
    if single_cells:
        small.obs["total_counts"] = np.asarray(atlas.X.sum(axis=1)).ravel().astype(np.int64)
    small.X = scipy.sparse.csr_matrix(small.X, dtype=np.float32)
    with atomic_write(path) as partial:
        small.write_h5ad(partial, compression="gzip", compression_opts=9)
    return small.shape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("genome", type=Path, help="folder with genome.fa.gz, genes.gtf.gz and the atlases")
    parser.add_argument("--outdir", type=Path, default=ROOT / "assets" / "human", help="(%(default)s)")
    args = parser.parse_args()
    args.outdir.mkdir(parents=True, exist_ok=True)
    fasta, gtf = args.genome / "genome.fa.gz", args.genome / "genes.gtf.gz"
    full = extract_features(str(fasta), str(gtf), None, UPSTREAM, DOWNSTREAM, extended=True)
    write_genome(fasta, full.transcripts, args.outdir / "genome.fa.gz")
    shutil.copyfile(gtf, args.outdir / "genes.gtf.gz")
    small = extract_features(str(args.outdir / "genome.fa.gz"), str(gtf), None, UPSTREAM, DOWNSTREAM, extended=True)
    unequal = unequal_features(full, small)
    if set(unequal) - set(OTHER_FEATURES):
        raise SystemExit(f"not as in the whole genome: {', '.join(unequal)}")
    for name in unequal:
        r = full.genes[name].corr(small.genes[name])
        print(f"{name}: computed from the bases that are kept, r = {r:.3f} with the whole genome's")
    print(f"{len(full.genes):,} genes, {(full.codes == N_CODE).any(axis=1).sum():,} of them with N in their window")
    for name, single_cells in (("gtex", False), ("pbmc3k", True)):
        rows, columns = write_atlas(
            args.genome / f"atlas_{name}.h5ad", full.genes, single_cells, args.outdir / f"{name}.h5ad"
        )
        print(f"{name}.h5ad: {rows:,} rows, {columns:,} genes")


if __name__ == "__main__":
    main()

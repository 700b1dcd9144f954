"""Cross-validation folds, made once per genome and method from its sorted gene ids and a seed (paper 2.2)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import scipy.sparse
from pybedtools import BedTool

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import kmer_numbers
from scxpresso.identifiers import isoform_stem
from scxpresso.problems import InputError, Problem
from scxpresso.store import FOLD_COLUMNS

LOCUS = ["gene_id", "chrom", "strand", "start", "end"]  # 1-based, both ends included
METHODS = ["random", "chromosome", "family"]

# Genes are a family if they share this part of the 16-mers in [−1000, +500) around the TSS.
FAMILY_K = 16
FAMILY_REGION = (-1000, 500)
FAMILY_SHARE = 0.5
MAX_GENES_OF_KMER = 50  # a k-mer in more genes than this is a repeat: it does not show that genes are related


def split_folds(genes: pd.DataFrame, features: Features, folds: int, method: str, seed: int) -> pd.DataFrame:
    """Make folds.tsv: gene_id, fold (1 … folds). Isoform ids of a locus always share a fold.

    Parameters
    ----------
    method: `random`; `chromosome`, which keeps contigs whole; or `family`, which keeps genes together whose promoters are
        near copies or whose loci overlap.

    Raises
    ------
    InputError, if there are fewer groups of genes than folds.
    """
    genes = genes.sort_values("gene_id", ignore_index=True)
    loci = _loci(genes)
    links = _overlap_links(loci) + _family_links(genes, features) if method == "family" else []
    groups = groups_of_genes(loci, method, links)
    if len(groups) < folds:
        raise InputError(
            Problem(
                f"--fold_method {method} --folds {folds}",
                f"only {len(groups)} groups of genes that can be separated",
                f"at least {folds}",
                "use fewer folds, or --fold_method random",
            )
        )
    fold = fold_of_genes(groups, folds, seed)
    return pd.DataFrame({"gene_id": genes["gene_id"], "fold": fold}, columns=FOLD_COLUMNS)


def groups_of_genes(loci: pd.DataFrame, method: str, links: Sequence[tuple[int, int]] = ()) -> list[np.ndarray]:
    """Group the genes that share a fold: isoforms, genes of a contig if the method is `chromosome`, and linked pairs.

    Parameters
    ----------
    loci: columns LOCUS, one row per gene, numbered from 0.
    links: pairs of rows.

    Returns
    -------
    The row numbers of each group.
    """
    links = [*links, *_isoform_links(loci), *(_same(loci["chrom"]) if method == "chromosome" else ())]
    return _components(len(loci), links)


def _loci(genes: pd.DataFrame) -> pd.DataFrame:
    """Compute the LOCUS of each gene of genes.tsv, whose lengths sum to the transcript's."""
    span = genes["orf_length"] + genes["utr5_length"] + genes["utr3_length"] + genes["intron_length"]
    start = genes["tss"].where(genes["strand"] == "+", genes["tss"] - span + 1)
    return genes[LOCUS[:3]].assign(start=start, end=start + span - 1)


def fold_of_genes(groups: list[np.ndarray], folds: int, seed: int) -> np.ndarray:
    """Put shuffled groups, large ones first, each into the fold that holds the fewest genes so far.

    groups: as of groups_of_genes, of genes sorted by id. Gives the fold (1 … folds) of each gene.
    """
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    order = sorted(shuffled, key=lambda group: -len(groups[group]))
    fold = np.zeros(sum(map(len, groups)), dtype=int)
    size = np.zeros(folds, dtype=int)
    for group in order:
        emptiest = int(np.argmin(size))
        fold[groups[group]] = emptiest + 1
        size[emptiest] += len(groups[group])
    return fold


def _components(count: int, links: list[tuple[int, int]]) -> list[np.ndarray]:
    """Group the numbers 0 … count − 1 into connected components."""
    pairs = np.array(links, dtype=int).reshape(-1, 2)
    graph = scipy.sparse.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count))
    number, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    order = np.argsort(label, kind="stable")
    return np.split(order, np.cumsum(np.bincount(label, minlength=number))[:-1])


def _same(keys: Iterable) -> list[tuple[int, int]]:
    """Link consecutive rows that have the same key."""
    members = defaultdict(list)
    for row, key in enumerate(keys):
        members[key].append(row)
    return [pair for rows in members.values() for pair in pairwise(rows)]


def _isoform_links(loci: pd.DataFrame) -> list[tuple[int, int]]:
    """Link isoforms: overlapping loci of one strand whose ids differ only after the last dot (`PF3D7_0102700.1`).

    The ids are not sufficient: `MSTRG.1` and `MSTRG.2` are two genes.
    """
    stem = loci["gene_id"].map(isoform_stem)
    shared = loci.assign(stem=stem)[stem.duplicated(keep=False)].sort_values(["stem", "chrom", "strand", "start"])
    links = []
    reach, last = 0, 0
    locus: tuple[str, str, str] | None = None
    for row, chrom, strand, start, end, stem in shared.drop(columns="gene_id").itertuples():
        if locus == (stem, chrom, strand) and start <= reach:
            links.append((last, row))
            reach = max(reach, end)
        else:
            reach = end
        last, locus = row, (stem, chrom, strand)
    return links


def _overlap_links(loci: pd.DataFrame) -> list[tuple[int, int]]:
    """Link genes of one strand whose transcripts overlap."""
    rows = loci[["chrom", "start", "end", "strand"]].itertuples()
    bed = BedTool([(chrom, int(start) - 1, int(end), row, "0", strand) for row, chrom, start, end, strand in rows])
    cluster = {int(interval.name): interval[6] for interval in bed.sort().cluster(s=True, d=-1)}
    return _same(cluster[row] for row in loci.index)


def _family_links(genes: pd.DataFrame, features: Features) -> list[tuple[int, int]]:
    """Link genes that share at least FAMILY_SHARE of their k-mers around the TSS."""
    codes = features.region(features.rows(genes["gene_id"]), *FAMILY_REGION)
    kmer, unambiguous = kmer_numbers(codes, FAMILY_K)
    gene = np.broadcast_to(np.arange(len(codes))[:, None], kmer.shape)[unambiguous]
    _, column = np.unique(kmer[unambiguous], return_inverse=True)
    has = scipy.sparse.csr_matrix((np.ones(len(gene), dtype=np.float32), (gene, column)))
    has.data[:] = 1  # a k-mer counts once per gene
    total = np.maximum(np.asarray(has.sum(axis=1)).ravel(), 1)
    genes_with = np.asarray(has.sum(axis=0)).ravel()
    informative = has[:, (genes_with > 1) & (genes_with <= MAX_GENES_OF_KMER)]
    shared = (informative @ informative.T).tocoo()
    near = (shared.row < shared.col) & (shared.data >= FAMILY_SHARE * np.minimum(total[shared.row], total[shared.col]))
    return list(zip(shared.row[near].tolist(), shared.col[near].tolist(), strict=True))

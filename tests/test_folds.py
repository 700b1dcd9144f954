"""Folds: balanced, repeatable, and never parting what belongs together."""

import anndata
import numpy as np
import pandas as pd
import pytest

from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.folds import LOCUS, groups_of_genes, split_folds
from scxpresso.genome.sequence import N_CODE
from scxpresso.identifiers import match_genes
from scxpresso.problems import InputError
from scxpresso.store import read_table


@pytest.fixture
def features(tmp_path):
    def make(ids, codes=None):
        rng = np.random.default_rng(1)
        codes = rng.choice([1, 2, 4, 8], size=(len(ids), 1500)).astype(np.uint8) if codes is None else codes
        half_life = np.ones((len(ids), 5))
        write_features(tmp_path / "f.h5", sorted(ids), codes, half_life, half_life, 1000)
        return Features(tmp_path / "f.h5")

    return make


def test_random_folds_are_even_and_repeatable_whatever_the_order(gene_frame, features):
    ids = [f"gene{number:03}" for number in range(103)]
    genes = gene_frame(ids)
    first = split_folds(genes, features(ids), 10, "random", 1)
    again = split_folds(genes.sample(frac=1, random_state=2), features(ids), 10, "random", 1)
    other = split_folds(genes, features(ids), 10, "random", 2)
    assert first.equals(again) and not first.equals(other)
    assert first["fold"].value_counts().agg(["min", "max"]).tolist() == [10, 11]
    assert set(first["fold"]) == set(range(1, 11))


def test_isoform_ids_of_a_locus_share_a_fold(gene_frame, features):
    ids = [f"PF_{number}.{isoform}" for number in range(30) for isoform in (1, 2, 3)]
    tss = [number * 10_000 + 500 * isoform for number in range(30) for isoform in (1, 2, 3)]  # of 1,100 bases each
    for strand in "+-":
        genes = gene_frame(ids, tss=tss, strand=[strand] * len(ids))
        split = split_folds(genes, features(ids), 7, "random", 1)
        assert (split.groupby(split["gene_id"].str[:-2])["fold"].nunique() == 1).all()


@pytest.mark.parametrize("stem", ["MSTRG", "evm.TU.Chr1", "Y74C9A", "ENSG00000000001", "NM_000001"])
def test_numbers_behind_the_last_dot_alone_keep_nothing_together(gene_frame, features, stem):
    ids = sorted(f"{stem}.{number}" for number in range(1, 41))
    split = split_folds(gene_frame(ids), features(ids), 40, "random", 1)
    assert split["fold"].nunique() == 40


def test_isoforms_are_of_one_strand_and_contig_and_overlap_themselves(gene_frame):
    loci = pd.DataFrame(
        [
            ("A.1", "1", "+", 100, 200), ("A.2", "1", "+", 200, 300), ("A.3", "1", "+", 301, 400),
            ("A.4", "1", "-", 100, 200), ("A.5", "2", "+", 100, 200), ("B.1", "1", "+", 150, 350), ("A", "2", "+", 90, 101),
        ],
        columns=LOCUS,
    )  # fmt: skip
    together = [set(loci["gene_id"][rows]) for rows in groups_of_genes(loci, "random") if len(rows) > 1]
    assert together == [{"A.1", "A.2"}, {"A.5", "A"}]
    assert len(groups_of_genes(loci, "chromosome")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file"), [("mstrg", "mstrg.gtf"), ("evm", "evm.gff3")])
def test_serial_ids_are_genes_of_their_own(cases, tmp_path, run_cli, name, file):
    folder = cases / "annotation" / "serial_ids"
    made = run_cli(
        "extract_features.py", "--fasta", folder / "g.fa", "--gtf", folder / file, "--upstream", 300,
        "--downstream", 300, "--outdir", tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    genes = read_table(tmp_path / "genes.tsv")
    assert len(genes) == 120
    made = run_cli(
        "split_folds.py", "--genes", tmp_path / "genes.tsv", "--features", tmp_path / "features.h5", "--folds", 2,
        "--output", tmp_path / "folds.tsv",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    folds = read_table(tmp_path / "folds.tsv").merge(genes, on="gene_id")
    assert folds["fold"].value_counts().tolist() == [60, 60]
    assert (folds.groupby("chrom")["fold"].nunique() == 2).all()
    assert len(split_folds(genes, Features(tmp_path / "features.h5"), 120, "random", 1)["fold"].unique()) == 120
    match = match_genes(anndata.read_h5ad(folder / f"{name}.h5ad").var_names, genes["gene_id"], genes["gene_name"])
    assert len(match.gene_of) == match.by["gene id"] == 120


def test_chromosome_folds_keep_contigs_whole(gene_frame, features):
    ids = [f"g{number:02}" for number in range(60)]
    genes = gene_frame(ids, chrom=[f"chr{number % 12}" for number in range(60)])
    split = split_folds(genes, features(ids), 4, "chromosome", 1).merge(genes, on="gene_id")
    assert (split.groupby("chrom")["fold"].nunique() == 1).all()
    assert split["fold"].value_counts().tolist() == [15, 15, 15, 15]


def test_more_chromosome_folds_than_contigs_is_an_error(gene_frame, features):
    ids = ["a", "b", "c"]
    with pytest.raises(InputError, match=r"only 1 groups[\s\S]*fewer folds"):
        split_folds(gene_frame(ids), features(ids), 2, "chromosome", 1)


def test_family_folds_keep_near_copies_and_overlapping_loci_together(gene_frame, features):
    ids = [f"g{number:02}" for number in range(40)]
    rng = np.random.default_rng(1)
    codes = rng.choice([1, 2, 4, 8], size=(40, 1500)).astype(np.uint8)
    codes[7] = codes[3]
    codes[7, ::40] = 1  # a diverged copy: one base in forty
    codes[30, :1200] = N_CODE  # unknown sequence is kin to nobody
    codes[31, :1200] = N_CODE
    genes = gene_frame(ids)
    genes.loc[20, "tss"] = genes.loc[12, "tss"] + 100  # overlapping loci on one strand
    fold = split_folds(genes, features(ids, codes), 20, "family", 1).set_index("gene_id")["fold"]
    assert fold["g07"] == fold["g03"] and fold["g20"] == fold["g12"]
    random = split_folds(genes, features(ids, codes), 20, "random", 1).set_index("gene_id")["fold"]
    assert random["g07"] != random["g03"] or random["g20"] != random["g12"]


def test_demo_isoforms_stay_together(demo_genome):
    folds = read_table(demo_genome / "folds.tsv")
    locus = folds["gene_id"].str.replace(r"\.\d+$", "", regex=True)
    assert (locus.value_counts() > 1).sum() > 50
    assert (folds.groupby(locus)["fold"].nunique() == 1).all()

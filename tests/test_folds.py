"""Folds: balanced, repeatable, and never parting what belongs together."""

import numpy as np
import pytest

from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.folds import split_folds
from scxpresso.genome.sequence import N_CODE
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
    split = split_folds(gene_frame(ids), features(ids), 7, "random", 1)
    assert (split.groupby(split["gene_id"].str[:-2])["fold"].nunique() == 1).all()


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

"""Errors by traits of genes, calibration and leakage in the report: hand-worked cases, and a page that shows them."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from test_report import make_run, page_of

from scxpresso.genome.sequence import encode
from scxpresso.reporting import error_figures, gene_traits
from scxpresso.store import read_table, write_json, write_table


def codes(*sequences: str) -> np.ndarray:
    return np.array([encode(sequence) for sequence in sequences])


def test_gc_share_counts_unambiguous_bases():
    np.testing.assert_allclose(gene_traits.gc_share(codes("GCAT", "GNNN", "ATAT", "NNNN")), [0.5, 1, 0, np.nan])


def test_a_cpg_island_is_a_window_of_200_bases():
    flank = "AT" * 100
    island = "CG" * 50 + "AT" * 50  # half G and C; 50 CpGs where 12.5 are expected
    few = "CG" * 3 + "CA" * 47 + "TG" * 50  # half G and C, but 3 CpGs
    short = "CG" * 49 + "AT" * 51  # 49 % G and C
    rows = codes(*(flank + middle + flank for middle in (island, few, short)))
    assert gene_traits.cpg_islands(rows).tolist() == [True, False, False]
    assert gene_traits.cpg_islands(codes("CGCG")).tolist() == [False]  # shorter than a window


def test_the_nearest_gene_is_one_of_another_fold():
    rng = np.random.default_rng(0)
    first, second, third = ("".join(rng.choice(list("ACGT"), 300)) for _ in range(3))
    reverse = first[::-1].translate(str.maketrans("ACGT", "TGCA"))
    rows = codes(first, reverse, second, second, third)
    near = gene_traits.nearest_similarity(gene_traits.word_profiles(rows), np.array([1, 2, 1, 1, 2]), np.arange(5))
    np.testing.assert_allclose(near[:2], 1, atol=1e-5)  # both strands count
    assert near[2] < 0.6 and near[4] < 0.6  # the copy of the third gene shares its fold


def test_errors_are_averaged_in_bins_of_as_many_genes(monkeypatch):
    monkeypatch.setattr(error_figures, "BINS", 2)
    trait = pd.Series({"a": 1.0, "b": 2.0, "c": 10.0, "d": 20.0, "e": np.nan})
    error = pd.Series({"a": 0.1, "b": 0.3, "c": 1.0, "d": 3.0, "e": 9.0})
    found = error_figures.binned_errors(trait, {"one": error})
    assert found["x"] == [1.5, 15] and found["n"] == [2, 2] and found["recipes"][0]["error"] == [0.2, 2]
    labels = pd.Series({"a": "x", "b": "y", "c": "x", "d": "y"})
    found = error_figures.grouped(labels, {"one": error})
    assert found["labels"] == ["x", "y"] and found["recipes"][0]["error"] == [0.55, 1.65]


def add_traits(manifest, upstream: int = 1000):
    """Lengths and features.h5 of the genes of a manifest."""
    content, folder = json.loads(manifest.read_text()), manifest.parent
    genes = read_table(folder / "g/genes.tsv")
    for k, name in enumerate(gene_traits.LENGTHS):
        genes[name] = np.arange(len(genes)) * 10**k + 1
    write_table(folder / "g/genes.tsv", genes)
    with h5py.File(folder / "features.h5", "w") as file:
        file["gene_id"] = list(genes["gene_id"])
        file["codes"] = np.random.default_rng(0).choice(encode("ACGT"), (len(genes), upstream + 500))
        file.attrs["upstream"] = upstream
    content["genomes"][0]["features"] = "features.h5"
    write_json(manifest, content)
    return manifest


@pytest.mark.slow
def test_the_page_splits_errors_where_traits_are_known(tmp_path):
    manifest = make_run(tmp_path, {"type": {"A": "", "B": ""}})
    (level,) = page_of(manifest).data["errors"]
    assert [one["trait"] for one in level["traits"]] == ["expression", "cells of the population"]
    data = page_of(add_traits(manifest)).data
    assert [one["trait"] for one in data["errors"][0]["traits"]] == [
        "expression", "gene length", "GC content of the promoter", "CpG island in the promoter",
        "cells of the population",
    ]  # fmt: skip
    cells = data["errors"][0]["traits"][-1]
    assert cells["x"] == [9, 9] and cells["n"] == [120, 120] and len(cells["recipes"]) == 5
    assert [sum(one["n"]) for one in data["errors"][0]["traits"][:4]] == [120] * 4
    assert len(data["leakage"]) == 1 and data["leakage"][0]["compared"] == data["leakage"][0]["total"] == 120
    assert [one["recipe"] for one in data["calibration"]] == ["scxpresso", "hybrid"]
    assert data["calibration"][0]["sd"] == [0.1] and data["calibration"][0]["n"] == [240]
    assert data["calibration"][0]["within"][0] == pytest.approx(0.16, abs=0.05)  # P(|N(0, 0.5)| < 0.1)


def test_a_window_that_starts_near_the_tss_is_read_as_far_as_it_reaches(tmp_path):
    manifest = add_traits(make_run(tmp_path, {"type": {"A": "", "B": ""}}), upstream=300)
    assert gene_traits.read_promoters(manifest.parent / "features.h5")[1].shape == (120, 800)

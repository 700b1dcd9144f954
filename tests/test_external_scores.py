"""Scores of other tools beside ours: how they are joined, correlated, and refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from scxpresso.external_scores.comparison import COMPARISON_COLUMNS, CORRELATION_COLUMNS, compare, read_external
from scxpresso.problems import InputError
from scxpresso.store import read_table, write_rows, write_table
from scxpresso.variants.score_table import SCORE_COLUMNS, ScorableVariant, read_chunk

POPULATIONS = ["alpha", "NA"]


@pytest.fixture
def scores(tmp_path):
    """Twelve variants of two genes in two populations; rs3 has two alleles."""
    rng = np.random.default_rng(1)
    path = tmp_path / "scores.tsv.gz"
    rows = [
        dict.fromkeys(SCORE_COLUMNS, "") | {
            "variant_id": f"rs{number}", "ref": "T", "alt": alt, "effect": f"{rng.normal():.6g}", "population": population,
            "gene_id": f"ENSG{number % 2}.7", "gene_name": ["SHH", "MYC"][number % 2],
        }
        for number in range(12) for alt in ("AC" if number == 3 else "A") for population in POPULATIONS
    ]  # fmt: skip
    write_rows(path, SCORE_COLUMNS, [row.values() for row in rows])
    return path


def external(path, rows, columns=("variant", "gene", "model", "track", "score")):
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, sep="\t", index=False)
    return path


@pytest.mark.slow
def test_scores_lie_beside_ours_with_their_rank_correlations(scores, tmp_path, run_cli):
    genes = {0: ["SHH", "ENSG0", "ENSG0.9"], 1: ["MYC", "ENSG1.7", "ENSG1"]}
    rows = [(f"rs{n}", genes[n % 2][n % 3], "Enformer", "CAGE: brain", n * 1.5) for n in range(12)]
    rows += [("rs4", "MYC", "Enformer", "CAGE: brain", 1.0), ("rs99", "SHH", "ExPecto", "", 1.0)]  # neither was scored
    path = external(tmp_path / "external.tsv", rows)
    done = run_cli(
        "compare_scores.py", "--scores", scores, "--external", path,
        "--output", tmp_path / "comparison.tsv", "--correlations", tmp_path / "correlations.tsv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "12 external scores joined, 2 of variants" in done.stderr
    beside = read_table(tmp_path / "comparison.tsv")
    assert beside.columns.tolist() == COMPARISON_COLUMNS and len(beside) == 12 * len(POPULATIONS)
    ours = read_table(scores)
    largest = ours[ours["variant_id"] == "rs3"].sort_values("effect", key=abs).groupby("population")["alt"].last()
    of_two = beside[beside["variant_id"] == "rs3"].set_index("population")["alt"]
    assert of_two.sort_index().equals(largest.sort_index())  # of two alleles, the one of the larger effect
    assert (beside["score"] == 1.5 * beside["variant_id"].str[2:].astype(int)).all()
    found = read_table(tmp_path / "correlations.tsv", index="population")
    assert found.index.tolist() == POPULATIONS
    for population, rows in beside.groupby("population"):
        expected = spearmanr(rows["effect"], rows["score"])
        assert found.loc[population, "n"] == 12 and found.loc[population, "track"] == "CAGE: brain"
        np.testing.assert_allclose(found.loc[population, ["spearman", "p_value"]].astype(float), expected, rtol=1e-4)


def test_an_allele_is_heeded_and_too_few_pairs_have_no_correlation(scores, tmp_path):
    columns = ("variant", "gene", "alt", "model", "track", "score")
    path = external(tmp_path / "e.tsv", [("rs3", "MYC", "c", "m", "t", 1), ("rs3", "MYC", "G", "m", "t", 2)], columns)
    compared = compare(scores, read_external(path), tmp_path / "comparison.tsv")
    assert read_table(tmp_path / "comparison.tsv")["alt"].tolist() == ["C"] * len(POPULATIONS)
    assert (compared.joined, [one.alt for one in compared.unmatched]) == (1, ["G"])
    assert compared.correlations.columns.tolist() == CORRELATION_COLUMNS
    assert compared.correlations["n"].tolist() == [1, 1] and compared.correlations["spearman"].isna().all()


def test_a_variant_with_two_associations_counts_once(tmp_path):
    """A set has a row for each: four variants twice are still four, whose ranks 1 3 2 4 correlate 0.8 with ours."""
    rows = [
        dict.fromkeys(SCORE_COLUMNS, "") | {
            "variant_id": f"rs{number}", "pos": number, "ref": "A", "alt": "G", "gene_id": "G", "population": "NA",
            "effect": f"0.{number}", "gwas_p_value": p_value,
        }
        for number in range(1, 5) for p_value in ("0.01", "0.02")
    ]  # fmt: skip
    write_rows(tmp_path / "scores.tsv", SCORE_COLUMNS, [row.values() for row in rows])
    path = external(
        tmp_path / "e.tsv", [(f"rs{n}", "G", "m", "t", rank) for n, rank in enumerate((1, 3, 2, 4), start=1)]
    )
    (found,) = compare(tmp_path / "scores.tsv", read_external(path), tmp_path / "c.tsv").correlations.itertuples()
    assert (found.n, found.spearman, found.p_value) == (4, pytest.approx(0.8), pytest.approx(0.2))
    assert len(read_table(tmp_path / "c.tsv")) == 4


def test_bad_files_are_refused_with_all_that_is_wrong(scores, tmp_path):
    bad = external(
        tmp_path / "bad.tsv",
        [
            ("rs1", "MYC", "m", "t", "high"),
            ("", "MYC", "m", "t", 1),
            ("rs2", "SHH", "m", "t", 1),
            ("rs2", "SHH", "m", "t", 2),
        ],
    )
    with pytest.raises(InputError) as raised:
        read_external(bad)
    assert [problem.found for problem in raised.value.problems] == [
        "the score 'high'", "no variant", "the variant, gene, model and track of row 4",
    ]  # fmt: skip
    cases = {
        "columns": ("variant\tgene\n", "no column 'model'"),
        "empty": ("variant\tgene\tmodel\ttrack\tscore\n", "no scores"),
        "cells": ("variant\tgene\tmodel\ttrack\tscore\nrs1\tMYC\n", "row 2: 2 cells"),
    }
    for name, (text, message) in cases.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=message):
            read_external(tmp_path / name)
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="no readable text"):
        read_external(tmp_path / "binary")


def test_scores_of_another_set_leave_empty_tables(scores, tmp_path):
    other = external(tmp_path / "other.tsv", [("chr1:5", "MYC", "m", "t", 1)])
    compared = compare(scores, read_external(other), tmp_path / "comparison.tsv")
    assert (compared.joined, len(compared.unmatched)) == (0, 1) and compared.correlations.empty
    assert read_table(tmp_path / "comparison.tsv").columns.tolist() == COMPARISON_COLUMNS


@pytest.mark.parametrize(
    ("ours", "written", "found"),
    [
        ([("CA", "C")], "A", ["C"]),  # a deletion that slid: the base before it is another one
        ([("CA", "C")], "-", ["C"]),
        ([("CA", "C")], "AA", []),
        ([("T", "TACG")], "CCGA", ["TACG"]),
        ([("T", "TACG")], "ACG", ["TACG"]),
        ([("T", "TACG")], "TAGC", []),
        ([("A", "C"), ("A", "G")], "T", []),
        ([("CA", "C"), ("T", "A")], "A", []),  # either
        ([("CA", "C"), ("G", "T")], "T", ["T"]),  # the deletion has C or A before it
        ([("CA", "C"), ("GAA", "G")], "A", []),  # either
        ([("AT", "A")], "C", []),  # a substitution: the deletion has A or T before it
        ([("AA", "A")], "C", ["A"]),  # ours may have slid away from the C before the repeat
        ([("C", "CA")], "A", []),  # a substitution, or a deletion of one of several A
        ([("CA", "C"), ("C", "CA")], "CA", []),  # CAA>CA of a record with CAAA: a deletion, not C>CA
        ([("CA", "C"), ("CAA", "C")], "C", []),
        ([("CA", "C"), ("CAA", "C")], "CAA>C", ["C"]),  # with ref, each is found
        ([("CA", "C"), ("C", "CA")], "CAA>CA", ["C"]),
        ([("CA", "C"), ("C", "CA")], "CAA>CAAA", ["CA"]),
        ([("T", "TACG")], "A>ACGA", ["TACG"]),
        ([("TACG", "T")], "A>ACGA", []),
        ([("CA", "C")], "A>-", ["C"]),
        ([("T", "A"), ("C", "A")], "A", []),  # two substitutions
    ],
)
def test_alleles_that_slid_in_a_repeat_are_found(tmp_path, ours, written, found):
    rows = [
        dict.fromkeys(SCORE_COLUMNS, "")
        | {"variant_id": "rs1", "pos": 9, "ref": ref, "alt": alt, "effect": "1", "population": "NA", "gene_id": "G"}
        for ref, alt in ours
    ]
    write_rows(tmp_path / "scores.tsv", SCORE_COLUMNS, [row.values() for row in rows])
    columns = ["variant", "gene", "model", "track", "score", "ref", "alt"]
    row = ("rs1", "G", "m", "t", 1.0, *("", *written.split(">"))[-2:])
    path = external(tmp_path / "external.tsv", [row], columns)
    compared = compare(tmp_path / "scores.tsv", read_external(path), tmp_path / "out.tsv")
    assert read_table(tmp_path / "out.tsv")["alt"].tolist() == found
    assert (compared.joined, len(compared.unmatched)) == (len(found), 1 - len(found))


def test_tables_of_version_0_1_are_joined_and_compared(scores, tmp_path, run_cli):
    """They have no columns of associations, and chunks none of what is not called."""
    columns = [column for column in SCORE_COLUMNS if column not in ("risk_allele", "gwas_beta", "gwas_p_value")]
    write_table(tmp_path / "old.tsv", read_table(scores).assign(p_value=0.5)[columns])
    done = run_cli("join_scores.py", "--output", tmp_path / "joined.tsv", tmp_path / "old.tsv")
    assert done.returncode == 0, done.stderr
    joined = read_table(tmp_path / "joined.tsv")
    assert joined.columns.tolist() == SCORE_COLUMNS and (joined["q_value"] == 0.5).all()
    path = external(tmp_path / "external.tsv", [("rs0", "SHH", "m", "t", 1.0)])
    assert compare(tmp_path / "old.tsv", read_external(path), tmp_path / "out.tsv").joined == 1
    header = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id", "carriers"]
    write_rows(tmp_path / "chunk.tsv", header, [("rs0", "1", 5, "A", "C", "G", "0.1")])
    assert list(read_chunk(tmp_path / "chunk.tsv")) == [ScorableVariant("rs0", "1", 5, "A", "C", "G", "0.1")]

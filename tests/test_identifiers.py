"""Names that two files spell differently."""

import pytest

from scxpresso.identifiers import bare_contig, match_contigs, match_genes, without_version


@pytest.mark.parametrize(
    ("name", "bare"), [("chr1", "1"), ("Chr1", "1"), ("1", "1"), ("chrM", "MT"), ("MT", "MT"), ("chrX", "X")]
)
def test_bare_contig(name, bare):
    assert bare_contig(name) == bare


def test_contigs_match_with_and_without_chr():
    assert match_contigs(["1", "X", "MT"], ["chr1", "chrX", "chrM"]) == {"1": "chr1", "X": "chrX", "MT": "chrM"}


def test_an_exact_contig_name_wins_and_an_ambiguous_one_matches_nothing():
    assert match_contigs(["1"], ["1", "chr1"]) == {"1": "1"}
    assert match_contigs(["2"], ["chr2", "Chr2"]) == {}


def test_version_suffixes_never_decide():
    assert without_version("ENSG00000100346.17") == "ENSG00000100346"
    match = match_genes(["ENSG1.5", "ENSG2"], ["ENSG1.7", "ENSG2.1"], ["A", "B"])
    assert match.gene_of == {"ENSG1.5": "ENSG1.7", "ENSG2": "ENSG2.1"}


def test_isoform_ids_that_look_like_versions_keep_their_own_gene():
    ids = ["PF3D7_1.1", "PF3D7_1.2"]
    assert match_genes(ids, ids, ids).gene_of == dict(zip(ids, ids, strict=True))
    # One of them alone in the annotation: which isoform `.3` is, nobody knows while both are free.
    assert match_genes(["PF3D7_1.3"], ids, ids).gene_of == {}


def test_symbols_match_where_ids_do_not():
    match = match_genes(["TP53", "ENSG2"], ["ENSG1", "ENSG2"], ["TP53", "MYC"])
    assert match.gene_of == {"TP53": "ENSG1", "ENSG2": "ENSG2"}
    assert match.by == {"gene id": 1, "gene id without version": 0, "gene name": 1}


def test_ambiguous_and_unknown_ids_are_unused_with_a_reason():
    match = match_genes(["A", "A", "B", "C"], ["G1", "G2"], ["B", "B"])
    assert match.gene_of == {}
    assert "more than once" in match.unused["A"]
    assert "annotation" in match.unused["B"] and "annotation" in match.unused["C"]

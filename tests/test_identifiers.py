"""Names that two files spell differently."""

import pytest

from scxpresso.identifiers import (
    OTHER_NUMBER,
    GeneNames,
    bare_contig,
    isoform_stem,
    match_contigs,
    match_genes,
    match_ids,
    without_version,
)


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


@pytest.mark.parametrize(
    ("identifier", "bare"),
    [
        ("ENSG00000100346.17", "ENSG00000100346"), ("ENSMUST00000193812.1", "ENSMUST00000193812"),
        ("ENSG00000223972.5_2", "ENSG00000223972"), ("MGP_CASTEiJ_G0003876.3", "MGP_CASTEiJ_G0003876"),
        ("OTTHUMG00000000961.2", "OTTHUMG00000000961"), ("NM_000546.6", "NM_000546"), ("XR_001737835.1", "XR_001737835"),
        ("uc001aaa.3", "uc001aaa"),
    ],
)  # fmt: skip
def test_accessions_have_versions(identifier, bare):
    assert without_version(identifier) == without_version(bare) == bare


@pytest.mark.parametrize(
    "identifier",
    [
        "MSTRG.12", "STRG.3.1", "evm.TU.Chr1.7", "Y74C9A.3", "SPAC212.11", "AT1G01010.2", "Solyc01g005000.3", "PF3D7_0102700.1",
        "LOC_Os01g01010.1", "AC008770.3", "RP11-34P13.7", "AL627309.1", "TBCE.1", "ENSA.1", "HLA-A.1", "augustus.g12",
        "Tb927.1.10", "ENSG00000182378.15_PAR_Y", "CUFF.7", "g1.t1",
    ],
)  # fmt: skip
def test_serial_numbers_and_isoforms_are_no_versions(identifier):
    assert without_version(identifier) == identifier


def test_what_isoform_ids_have_in_common():
    assert [isoform_stem(name) for name in ("PF3D7_1.2", "PF3D7_1", "a.b.10", "g.t1")] == [
        "PF3D7_1",
        "PF3D7_1",
        "a.b",
        "g.t1",
    ]


def test_versions_are_kept_where_they_tell_ids_of_an_annotation_apart():
    ids = ["NM_1.1", "NM_1.2", "NM_2.1"]
    match = match_genes(["NM_1.1", "NM_1.3", "NM_2.9"], ids, ["a", "b", "c"])
    assert match.gene_of == {"NM_1.1": "NM_1.1", "NM_2.9": "NM_2.1"}
    assert "several genes" in match.unused["NM_1.3"]
    assert match_ids(["NM_1", "NM_1.2", "NM_2.9"], ids) == {"NM_1.2": "NM_1.2", "NM_2.9": "NM_2.1"}
    assert match_ids(["NM_1.9"], ["NM_1", "NM_1.2"]) == {}


def test_one_gene_of_an_atlas_under_two_versions_is_the_gene_of_the_same_version_or_none():
    assert match_genes(["ENSG1.5", "ENSG1.7"], ["ENSG1.7"], [""]).gene_of == {"ENSG1.7": "ENSG1.7"}
    match = match_genes(["ENSG1.5", "ENSG1.7"], ["ENSG1.9"], [""])
    assert match.gene_of == {} and all("another id" in reason for reason in match.unused.values())


def test_numbers_behind_the_last_dot_that_differ_are_a_reason_of_their_own():
    match = match_genes(
        ["AT1G1.2", "AT1G2", "PF1.3", "MSTRG.9", "other"], ["AT1G1", "AT1G2.1", "PF1.1", "MSTRG.1"], [""] * 4
    )
    assert match.gene_of == {}
    assert [match.unused[name] == OTHER_NUMBER for name in ("AT1G1.2", "AT1G2", "PF1.3", "MSTRG.9", "other")] == [
        *[True] * 4,
        False,
    ]


def test_a_gene_by_any_name():
    names = GeneNames(["ENSG1.1", "ENSG2.2", "ENSG2.3", "C", "D.1"], ["x", "y", "y", "ENSG1.1", ""])
    asked = ["ENSG1.1", "ENSG1", "ENSG1.9", "x", "ENSG2.3", "ENSG2", "ENSG2.4", "y", "C", "D.1", "D", ""]
    found = ["ENSG1.1"] * 4 + ["ENSG2.3", None, None, None, "C", "D.1", None, None]
    assert [names.gene(word) for word in asked] == found


def test_version_suffixes_never_decide():
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

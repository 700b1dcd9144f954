"""Canonical lists: plain ids, tables, exports with columns that mark transcripts, and which transcripts they name."""

import pytest

from scxpresso.genome.canonical import read_canonical
from scxpresso.genome.transcript import Transcript
from scxpresso.store import read_table


def transcripts(**genes):
    """gene="t1 t2": transcripts of each gene."""
    return [Transcript(name, gene, "", "1", "+") for gene, names in genes.items() for name in names.split()]


ENSEMBL = transcripts(ENSG1="ENST11.4 ENST12.1 ENST13.2", ENSG2="ENST21.1 ENST22.7", ENSG3="ENST31.3")


@pytest.fixture
def read(tmp_path):
    def make(text, annotated=ENSEMBL):
        (tmp_path / "list").write_text(text, encoding="utf-8")
        return read_canonical(str(tmp_path / "list"), annotated)

    return make


@pytest.mark.parametrize(
    "text",
    [
        "ENST12.1\nENST22.7\n", "ENST12\nENST22\n", "ENST12.9,ENST22.8\n", "\ufeffENST12.9\r\nENST22\r\n", "ENST12; ENST22",
        "# canonical, by hand\nENST12\n\n  ENST22  \n", "ENST12 ENST22", "transcript:ENST12\ntranscript:ENST22\n",
        "gene\ttranscript\nENSG1\tENST12.3\nENSG2\tENST22.3\n", "ENSG1,ENST12\nENSG2,ENST22\n", "ENSG1 ENST12\nENSG2 ENST22\n",
        '"gene";"transcript"\n"ENSG1";"ENST12"\n"ENSG2";"ENST22"\n',
    ],
)  # fmt: skip
def test_plain_lists_and_tables(read, text):
    listed = read(text)
    assert listed.rank == {"ENST12.1": 0, "ENST22.7": 0}
    assert not listed.marks and not listed.unread and not listed.repeated(ENSEMBL)


def test_isoform_numbers_are_kept(read):
    annotated = transcripts(AT1G1="AT1G1.1 AT1G1.2", AT1G2="AT1G2.1", Solyc1="Solyc1.2.1")
    listed = read("AT1G1.2\nAT1G2.4\nSolyc1.2\n", annotated)
    assert listed.rank == {"AT1G1.2": 0} and listed.unknown == ["AT1G2.4", "Solyc1.2"]


def test_an_exact_id_goes_before_one_of_another_version(read):
    annotated = transcripts(G1="NM_1.1", G2="NM_1.2", G3="NM_2.5")
    assert read("NM_1.2\nNM_2.4\nNM_1.7\n", annotated).rank == {"NM_1.2": 0, "NM_2.5": 0}


def test_several_transcripts_of_a_gene_are_said(read):
    listed = read("ENST11\nENST12\nENST21\n")
    assert listed.repeated(ENSEMBL) == {"ENSG1": ["ENST11.4", "ENST12.1"]}


BIOMART = "Gene stable ID,Transcript stable ID,Transcript stable ID version,{}\n" + "".join(
    f"ENSG{name[0]},ENST{name},ENST{name}.9,{{}}\n" for name in ("11", "12", "13", "21", "22", "31")
)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("Ensembl Canonical", ["", "1", "", "1", "", "1"]),
        ("Ensembl Canonical", ["0", "1", "0", "1", "0", "1"]),
        ("Ensembl Canonical", ["NULL", "1.0", "", "1.0", "NaN", "1.0"]),
        ("is_canonical", ["False", "True", "False", "True", "False", "True"]),
        ("RefSeq match transcript (MANE Select)", ["", "NM_3.1", "", "NM_5.2", "", "NM_7.2"]),
        ("MANE_status", ["MANE Plus Clinical", "MANE Select", "", "MANE Select", "MANE Plus Clinical", "MANE Select"]),
        ("APPRIS annotation", ["alternative1", "principal1", "", "principal2", "alternative2", "principal1"]),
        ("APPRIS", ["ALT1", "P1", "A1", "P2", "ALT2", "P5"]),
        ("tag", ["basic", "basic|Ensembl_canonical", "", "Ensembl_canonical|basic", "CCDS", "Ensembl_canonical"]),
        ("", ["MINOR", "PRINCIPAL:1", "ALTERNATIVE:1", "PRINCIPAL:3", "ALTERNATIVE:2", "PRINCIPAL:1"]),
    ],
)
def test_columns_that_mark_transcripts(read, column, cells):
    listed = read(BIOMART.format(column, *cells))
    assert set(listed.rank) == {"ENST12.1", "ENST21.1", "ENST31.3"}
    assert listed.marks == [column or "column 4"] and not listed.repeated(ENSEMBL)


def test_the_better_mark_goes_first_and_clinical_ones_are_none(read):
    rows = [
        "transcript\tEnsembl Canonical\tMANE Select\tRefSeq match transcript (MANE Plus Clinical)\tappris",
        "ENST11\t1\t\t\tprincipal1", "ENST12\t\tNM_1.1\t\tprincipal2", "ENST13\t\t\tNM_2.1\t",
        "ENST21\t1\t\t\t", "ENST22\t\t\t\tprincipal3", "ENST31\t\t\t\tprincipal4",
    ]  # fmt: skip
    listed = read("\n".join(rows))
    assert listed.rank == {"ENST11.4": 1, "ENST12.1": 0, "ENST21.1": 1, "ENST22.7": 3, "ENST31.3": 3}
    assert listed.marks == ["Ensembl Canonical", "MANE Select", "appris"] and not listed.repeated(ENSEMBL)


def test_a_column_that_may_mark_is_named(read):
    listed = read(BIOMART.format("GENCODE basic annotation", *["GENCODE basic", ""] * 3))
    assert len(listed.rank) == 6 and listed.unread == ["GENCODE basic annotation"] and not listed.marks
    assert sorted(listed.repeated(ENSEMBL)) == ["ENSG1", "ENSG2"]


def test_a_column_of_canonical_ids_goes_before_one_of_all(read):
    text = (
        "gene\ttranscript\tcanonical_transcript\nENSG1\tENST11\tENST12\nENSG1\tENST12\tENST12\nENSG2\tENST21\tENST22\n"
    )
    assert read(text).rank == {"ENST12.1": 0, "ENST22.7": 0}


def test_ids_that_genes_have_too_are_not_taken_for_transcripts(read):
    annotated = transcripts(g1="g1 g1.2", g2="g2 g2.2")
    assert read("g1\tg1.2\ng2\tg2\n", annotated).rank == {"g1.2": 0, "g2": 0}


def test_a_mark_that_marks_nothing(read):
    listed = read(BIOMART.format("Ensembl Canonical", *[""] * 6))
    assert listed.rank == {} and listed.marks == ["Ensembl Canonical"] and not listed.unknown


def test_columns_that_mark_every_row(read):
    cells = [["x", flag] for flag in ("1", "", "", "1", "", "1")]
    listed = read(BIOMART.format("primary accession,Ensembl Canonical", *map(",".join, cells)))
    assert set(listed.rank) == {"ENST11.4", "ENST21.1", "ENST31.3"} and listed.marks == ["Ensembl Canonical"]
    listed = read("transcript\tEnsembl Canonical\tMANE Select\nENST12\t1\tNM_1.1\nENST22\t1\t\n")
    assert listed.rank == {"ENST12.1": 0, "ENST22.7": 1}


def test_further_columns_of_ids_are_named(read):
    listed = read("transcript\tother isoform\nENST12\tENST11\nENST22\tENST21\n")
    assert listed.rank == {"ENST12.1": 0, "ENST22.7": 0} and listed.unread == ["other isoform"]


@pytest.mark.parametrize("text", ["", "\n", "a,b\n", "# a\tb\n", "transcript\tcanonical\n", "a,b\nc,d\n"])
def test_lists_without_a_transcript(read, text):
    listed = read(text)
    assert listed.rank == {} and not listed.marks


def test_mane_summary(read):
    header = "#NCBI_GeneID\tEnsembl_Gene\tsymbol\tRefSeq_nuc\tEnsembl_nuc\tMANE_status"
    rows = [
        "GeneID:1\tENSG1.5\tA\tNM_1.3\tENST11.9\tMANE Select",
        "GeneID:1\tENSG1.5\tA\tNM_2.3\tENST12.9\tMANE Plus Clinical",
    ]
    assert read("\n".join([header, *rows])).rank == {"ENST11.4": 0}
    assert read("\n".join([header, *rows]), transcripts(A="NM_1.7 NM_2.1")).rank == {"NM_1.7": 0}


def test_the_listed_isoforms_of_the_case(cases, tmp_path, run_cli):
    folder = cases / "annotation" / "canonical_isoform_suffix"
    made = run_cli(
        "extract_features.py", "--fasta", folder / "g.fa", "--gtf", folder / "g.gtf", "--canonical",
        folder / "representative.txt", "--upstream", 300, "--downstream", 300, "--outdir", tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    genes = read_table(tmp_path / "genes.tsv")
    assert len(genes) == 60 and genes["transcript_id"].str.endswith(".2").all()
    assert genes["tss"].tolist()[:2] == [2300, 4300]

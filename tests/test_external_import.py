"""Scores of other tools in their own formats: read, lifted over, compared with the genome, and joined to ours."""

from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from preflight_project import Project

from scxpresso.external_scores.comparison import ExternalScore, compare, read_external
from scxpresso.external_scores.importing import NO_GENOME_CONTIG, OTHER_BASE, import_scores, read_scores
from scxpresso.external_scores.liftover import NO_CHAIN, NO_CONTIG, SEVERAL, SPLIT, Chains
from scxpresso.external_scores.tracks import FoundScore
from scxpresso.problems import InputError
from scxpresso.store import read_table, write_rows
from scxpresso.variants.alleles import SAME
from scxpresso.variants.reading import OFF_CONTIG
from scxpresso.variants.score_table import SCORE_COLUMNS

DATA = ROOT / "tests/data/external_scores"


def found(path, **settings):
    return list(read_scores(Path(path), **{"kind": None, "tracks": None, "score": None} | settings))


def tracks_of(scores):
    return list(dict.fromkeys(one.track for one in scores))


# ---- Formats ---------------------------------------------------------------------------------------------------------


def test_a_table_of_basenji_has_ids_alone():
    scores = found(DATA / "sad_table.txt")
    assert scores[0] == FoundScore("rs1", "", 0, "A", "C", "", "CNhs1 CAGE:brain, adult", 0.5)
    assert [one.score for one in scores] == [0.5, -0.1, 0.25]
    assert [one.score for one in found(DATA / "sad_table.txt", score="SAR", tracks="dnase")] == [-0.05]


def test_the_output_of_expecto_has_a_column_per_tissue():
    scores = found(DATA / "expecto.csv")
    gene = "ENSG00000000001"
    assert scores[1] == FoundScore("rs1", "chr1", 101, "A", "C", gene, "Brain_Cortex", -0.12)
    assert len(scores) == 4 and tracks_of(scores) == ["Adipose_Subcutaneous", "Brain_Cortex"]


def test_alphagenome_s_tidy_scores_name_scorer_and_track():
    rna, dnase = found(DATA / "alphagenome.csv")
    track = "RNA_SEQ UBERON:0000955 total RNA-seq brain + GeneMaskLFCScorer(requested_output=RNA_SEQ)"
    assert rna == FoundScore("", "chr1", 101, "A", "C", "ENSG00000000001", track, 0.25)
    assert dnase.gene == "" and "width=501" in dnase.track
    assert [one.score for one in found(DATA / "alphagenome.csv", score="quantile_score")] == [0.9, -0.95]


def test_decima_s_table_and_tables_of_tracks():
    assert found(DATA / "decima.tsv")[1] == FoundScore("", "chr1", 101, "A", "C", "AAA", "agg_1", -0.5)
    wide = found(DATA / "enformer_colab.csv", tracks="cage; nothing")
    assert wide == [FoundScore("rs1", "chr1", 101, "A", "C", "", "CAGE:K562", 0.2)]  # the other has none
    assert found(DATA / "scores.tsv") == [FoundScore("", "1", 101, "A", "C", "AAA", "brain", 0.5)]


def test_the_gene_of_a_table_is_read_from_its_usual_columns(tmp_path):
    (tmp_path / "s.csv").write_text("chrom,pos,ref,alt,gene_name,gene_id,score\n1,5,A,C,MYC,ENSG1,1\n1,5,A,C,MYC,.,2\n")
    assert [one.gene for one in found(tmp_path / "s.csv")] == ["ENSG1", "MYC"]
    (tmp_path / "t.csv").write_text("chrom,pos,ref,alt,gene_id,brain\n1,5,A,C,ENSG1,1\n")
    assert found(tmp_path / "t.csv") == [FoundScore("", "1", 5, "A", "C", "ENSG1", "brain", 1.0)]


@pytest.fixture
def parquet(tmp_path):
    """Two variants of decima.tsv's columns, in row groups of one, with a gene's id and the index that pandas writes."""
    row = {"chrom": "chr1", "pos": 101, "ref": "A", "alt": "C", "gene": "AAA", "start": 0, "end": 524288, "strand": "+"}
    row |= {"gene_mask_start": 163840, "gene_mask_end": 170000, "rel_pos": 163820, "ref_tx": "A", "alt_tx": "C"}
    row |= {"tss_dist": -20, "gene_id": "ENSG1", "agg_1": 0.5, "agg_10": np.nan}
    table = pd.DataFrame([row, row | {"pos": 104, "agg_1": -0.25, "agg_10": 2.0}], index=[4, 7])
    table["agg_1"] = table["agg_1"].astype("float32")
    table.to_parquet(tmp_path / "vep.parquet", row_group_size=1)
    return tmp_path / "vep.parquet"


def test_decima_s_parquet(parquet):
    scores = found(parquet)
    assert scores == [
        FoundScore("", "chr1", 101, "A", "C", "AAA", "agg_1", 0.5),
        FoundScore("", "chr1", 104, "A", "C", "AAA", "agg_1", -0.25),
        FoundScore("", "chr1", 104, "A", "C", "AAA", "agg_10", 2.0),
    ]
    assert found(parquet, tracks="agg_1") == scores[:2]
    with pytest.raises(InputError, match="no track with 'brain'"):
        found(parquet, tracks="brain")


def test_long_tables_in_parquet_and_other_columns(tmp_path):
    table = pd.read_csv(DATA / "alphagenome.csv")
    table.to_parquet(tmp_path / "scores.parquet")
    assert found(tmp_path / "scores.parquet", tracks="rna") == found(DATA / "alphagenome.csv", tracks="rna")
    table[["raw_score"]].to_parquet(tmp_path / "scores.parquet")
    with pytest.raises(InputError, match="the columns 'raw_score'"):
        found(tmp_path / "scores.parquet")


def test_damaged_parquet_is_one_message(parquet):
    """Cut short, and with each of its bytes changed: scores, or one error, but nothing else."""
    content = parquet.read_bytes()
    parquet.write_bytes(content[:-20])
    with pytest.raises(InputError, match="a parquet file, which cannot be read"):
        found(parquet)
    for place in range(4, len(content), 97):
        parquet.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with suppress(InputError):
            found(parquet)


@pytest.fixture
def h5(tmp_path):
    """SAD of three variants and two targets, as Enformer's published files have them; SED of two genes."""
    with h5py.File(tmp_path / "sad.h5", "w") as file:
        file["snp"], file["chr"] = np.array(["rs1", "rs2", "rs3"], "S"), np.array(["chr1"] * 3, "S")
        file["pos"], file["ref"] = np.array([101, 104, 9], "uint32"), np.array(["A", "G", "C"], "S")
        file["alt"] = np.array(["C", "T", "CA"], "S")
        file["target_ids"], file["target_labels"] = np.array(["E1", "C1"], "S"), np.array(["DNASE:x", "CAGE:y"], "S")
        file["SAD"] = np.array([[0.5, 1.5], [-2, np.nan], [0, 4]], "float16")
        file["SAR"], file["SAD_pct"] = file["SAD"][:] * 2, np.zeros((2, 2))
    with h5py.File(tmp_path / "sad.h5") as file, h5py.File(tmp_path / "sed.h5", "w") as sed:
        for name in ("snp", "chr", "pos", "target_ids", "target_labels"):
            file.copy(name, sed)
        sed["ref_allele"], sed["alt_allele"] = file["ref"][:], file["alt"][:]
        sed["si"], sed["gene"] = np.array([0, 0, 2]), np.array(["ENSG1.1", "ENSG2.1", "ENSG1.1"], "S")
        sed["logSED"] = np.array([[1, 2], [3, 4], [5, 6]], "float16")
    return tmp_path


def test_hdf5_of_enformer_and_borzoi(h5):
    scores = found(h5 / "sad.h5")
    assert scores[1] == FoundScore("rs1", "chr1", 101, "A", "C", "", "C1 CAGE:y", 1.5) and len(scores) == 5
    assert [one.score for one in found(h5 / "sad.h5", tracks="cage", score="SAR")] == [3.0, 8.0]
    sed = found(h5 / "sed.h5", tracks="DNASE")
    assert [(one.variant, one.gene, one.score) for one in sed] == [
        ("rs1", "ENSG1.1", 1.0), ("rs1", "ENSG2.1", 3.0), ("rs3", "ENSG1.1", 5.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"score": "D2"}, "no score 'D2'"), ({"tracks": "liver"}, "no track with 'liver'")],
)
def test_scores_and_tracks_that_a_file_lacks_are_named(h5, settings, message):
    with pytest.raises(InputError, match=message):
        found(h5 / "sad.h5", **settings)
    with pytest.raises(InputError, match=message):
        found(DATA / "sad_table.txt", **settings)


def test_more_tracks_than_anyone_looks_at_are_refused(tmp_path):
    header = "chrom,pos,ref,alt," + ",".join(f"t{number}" for number in range(101))
    (tmp_path / "wide.csv").write_text(f"{header}\n1,5,A,C{',0' * 101}\n")
    with pytest.raises(InputError, match="more than 100 tracks"):
        found(tmp_path / "wide.csv")
    assert tracks_of(found(tmp_path / "wide.csv", tracks="9")) == [
        "t9",
        *(f"t{n}9" for n in range(1, 9)),
        *(f"t9{n}" for n in range(10)),
    ]
    assert tracks_of(found(tmp_path / "wide.csv", tracks="T9;t100")) == ["t9", "t100"]  # whole names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "the columns 'a', 'b'"),
        (b"chrom,pos,ref,alt,x\n1,five,A,C,1\n", "row 2: the position 'five'"),
        (b"chrom,pos,ref,alt,x\n1,5,A,C,high\n", "row 2: 'high' in 'x'"),
        (b"chrom,pos,ref,alt,x\n1,5,A,C\n", "row 2: 4 cells"),
        (b"PAR1xxxx", "a parquet file, which cannot be read"),
        (b"variant_id,variant_scorer,raw_score\nrs1,x,1\n", "the variant 'rs1'"),
    ],
)
def test_bad_files_are_refused(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=message):
        found(tmp_path / "x")


# ---- Lift-over -------------------------------------------------------------------------------------------------------

# chr1 10–20 → chrA 110–120, 25–35 → 123–133, then chr1 40–50 → the − strand of chrB (60 bases long) from 5, so 55 down to 46.
CHAIN = """chain 100 chr1 200 + 10 35 chrA 300 + 110 133 1
10\t5\t3
10

chain 50 chr1 200 + 40 50 chrB 60 - 5 15 2
10
chain 9 chr2 200 + 0 10 chrA 300 + 0 10 3
10
chain 8 chr2 200 + 5 15 chrB 60 + 0 10 4
10
"""


@pytest.fixture
def chains(tmp_path):
    (tmp_path / "x.chain").write_text(CHAIN)
    return Chains(tmp_path / "x.chain")


@pytest.mark.parametrize(
    ("place", "lifted"),
    [
        (("chr1", 11, "A", "C"), ("chrA", 111, "A", "C", "+", "")),  # position 11 is base 10, counted from 0
        (("1", 20, "A", "C"), ("chrA", 120, "A", "C", "+", "")),
        (("chr1", 26, "AG", "A"), ("chrA", 124, "AG", "A", "+", "")),
        (("chr1", 41, "A", "C"), ("chrB", 55, "T", "G", "-", "")),
        (("chr1", 50, "A", "C"), ("chrB", 46, "T", "G", "-", "")),
        (("chr1", 42, "CAT", "C"), ("chrB", 52, "ATG", "G", "-", "")),
        (("chr1", 22, "A", "C"), NO_CHAIN),
        (("chr1", 20, "AC", "A"), SPLIT),
        (("chr1", 20, "C", "CT"), SPLIT),  # the genome may have other bases in the gap, such as this T
        (("chr1", 19, "C", "CT"), ("chrA", 119, "C", "CT", "+", "")),
        (("chr1", 49, "C", "CT"), ("chrB", 47, "G", "AG", "-", "")),
        (("chr1", 50, "C", "CT"), SPLIT),
        (("chr1", 12, "-", "T"), ("chrA", 112, "-", "T", "+", "")),  # before base 12
        (("chr1", 11, "-", "T"), SPLIT),
        (("chr1", 42, "-", "T"), ("chrB", 55, "-", "A", "-", "")),  # between 41 and 42, so 55 and 54
        (("chr1", 42, "AT", "-"), ("chrB", 53, "AT", "-", "-", "")),
        (("chr2", 7, "A", "C"), SEVERAL),
        (("chr3", 7, "A", "C"), NO_CONTIG),
    ],
)
def test_alleles_are_lifted_by_hand(chains, place, lifted):
    found = chains.lift(*place)
    assert found.reason == lifted if isinstance(lifted, str) else found == lifted


@pytest.mark.parametrize("text", ["", "10\t5\t3\n", "chain 1 chr1 200 + x 35 chrA 300 + 110 133 1\n", "a,b\n"])
def test_files_that_are_no_chain_are_refused(tmp_path, text):
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match="chain file of UCSC"):
        Chains(tmp_path / "x")


@pytest.fixture
def fasta(tmp_path):
    """chrB has CATTG at 50–54: on the − strand, CAATG."""
    bases = list("G" * 60)
    bases[49:54] = "CATTG"
    (tmp_path / "genome.fa").write_text(f">chrA\n{'ACGT' * 75}\n>B\n{''.join(bases)}\n")
    return tmp_path / "genome.fa"


def score(variant, chrom, pos, ref, alt):
    return FoundScore(variant, chrom, pos, ref, alt, "", "t", 1.0)


def test_empty_alleles_are_insertions_and_deletions(tmp_path, fasta):
    """chrA is ACGT again and again; AlphaGenome writes chr:5:>T for T before base 5, so T>TT at 4."""
    (tmp_path / "a.csv").write_text(
        "variant_id,variant_scorer,raw_score\nchrA:5:>T,s,1\nchrA:6:CG>,s,2\nchrA:1:A>,s,3\nchrA:7:>,s,4\nchrA:400:>T,s,5\n"
        "chrA:7:GA>,s,6\n"
    )
    scores = found(tmp_path / "a.csv")
    assert [(one.ref, one.alt) for one in scores[:2]] == [("-", "T"), ("CG", "-")]
    imported = import_scores(lambda: scores, fasta, None, "x")
    assert [row[4:] for row in imported.rows(scores)] == [
        ("TT", "chrA", 4, "T"), ("A", "chrA", 5, "ACG"), ("C", "chrA", 1, "AC"),
    ]  # fmt: skip
    assert [(allele[2], reason) for allele, reason in imported.unused.items()] == [
        (7, SAME), (400, OFF_CONTIG), (7, OTHER_BASE),
    ]  # fmt: skip
    (tmp_path / "s.csv").write_text("chrom,pos,ref,alt,score\nchrA,5,,T,1\nchrA,5,-,T,2\nchrA,6,C,,3\n")
    assert [(one.ref, one.alt) for one in found(tmp_path / "s.csv")] == [("-", "T"), ("-", "T"), ("C", "-")]


def test_an_insertion_is_not_joined_to_a_substitution_of_the_same_alt(tmp_path):
    row = dict.fromkeys(SCORE_COLUMNS, "") | {"chrom": "chrA", "gene_id": "G", "effect": "1", "tss_distance": 5}
    ours = [("snv", 5, "A", "T"), ("insertion", 4, "T", "TT")]
    write_rows(
        tmp_path / "scores.tsv", SCORE_COLUMNS,
        [(row | dict(zip(("variant_id", "pos", "ref", "alt"), one, strict=True))).values() for one in ours],
    )  # fmt: skip
    anchored = ExternalScore("", "", "m", "t", 1.0, "TT", "chrA", 4, "T")
    dashed = ExternalScore("", "", "m", "t", 2.0, "T", "chrA", 5, "-")
    compare(tmp_path / "scores.tsv", [anchored, dashed], tmp_path / "out.tsv")
    assert read_table(tmp_path / "out.tsv")["variant_id"].tolist() == ["insertion"] * 2


def test_lifted_references_are_compared_with_the_genome(chains, fasta):
    """Bases 110, 111 and 118 of chrA are G, T and G; bases 53 and 52 of chrB are T, on the other strand A."""
    scores = [
        score("a", "chr1", 11, "G", "C"), score("b", "chr1", 12, "T", "C"), score("c", "chr1", 19, "G", "A"),
        score("d", "chr1", 43, "A", "C"), score("e", "chr1", 12, "C", "T"), score("f", "chr1", 22, "A", "C"),
        score("g", "chr1", 42, "CA", "C"),  # a deletion of one of two A: on the other strand, behind the A at 51
    ]  # fmt: skip
    imported = import_scores(lambda: scores, fasta, chains, "x")
    rows = list(imported.rows([*scores, scores[0]]))
    assert [row[0] for row in rows] == ["a", "b", "c", "d", "g"]
    by_variant = {row[0]: row[4:] for row in rows}
    assert by_variant["a"] == ("C", "chrA", 111, "G") and by_variant["d"] == ("G", "B", 53, "T")
    assert by_variant["g"] == ("T", "B", 52, "TT")
    assert {allele[0]: reason for allele, reason in imported.unused.items()} == {"e": OTHER_BASE, "f": NO_CHAIN}
    assert (imported.lifted, imported.turned, imported.written, imported.repeated) == (6, 2, 5, 1)


def test_scores_of_another_assembly_are_an_error_without_a_chain(fasta):
    scores = [score(str(pos), "chrA", pos, "ACGT"[pos % 4], "N") for pos in range(20)]
    scores = [one._replace(alt="C" if one.ref != "C" else "A") for one in scores if one.pos]
    with pytest.raises(InputError, match="differs from the FASTA"):
        import_scores(lambda: scores, fasta, None, "x")


def test_ids_are_kept_and_contigs_that_are_not_there_are_listed(fasta, chains):
    scores = [score("rs1", "", 0, "T", "C"), score("", "chr9", 5, "A", "C")]
    imported = import_scores(lambda: scores, fasta, None, "x")
    assert list(imported.rows(scores)) == [("rs1", "", "t", "1", "C", "", "", "T")]
    assert list(imported.unused.values()) == [NO_GENOME_CONTIG]
    with pytest.raises(InputError, match="no score can be used; 1 alleles: no position to lift"):
        import_scores(lambda: scores[:1], fasta, chains, "x")


# ---- Joined to ours --------------------------------------------------------------------------------------------------


def test_scores_are_joined_by_place_and_those_without_a_gene_to_the_nearest(tmp_path):
    rows = [
        dict.fromkeys(SCORE_COLUMNS, "") | {
            "variant_id": name, "chrom": "1", "pos": pos, "ref": "A", "alt": alt, "gene_id": gene, "effect": "1",
            "population": "NA", "tss_distance": distance,
        }
        for gene, distances in (("G1", (-5, 90, 90)), ("G2", (40, -7, -7)))
        for (name, pos, alt), distance in zip((("x", 101, "C"), ("y", 104, "C"), ("y", 104, "G")), distances, strict=True)
    ]  # fmt: skip
    write_rows(tmp_path / "scores.tsv", SCORE_COLUMNS, [row.values() for row in rows])
    here = ExternalScore("", "", "m", "t", 1.0, "C", "chr1", 101, "A")
    external = [
        here, here._replace(pos=104, alt="G", score=2.0), here._replace(gene="G2", score=3.0),
        here._replace(ref="T", score=4.0), here._replace(pos=102, score=5.0),
    ]  # fmt: skip
    compared = compare(tmp_path / "scores.tsv", external, tmp_path / "out.tsv")
    joined = read_table(tmp_path / "out.tsv")
    assert joined[["variant_id", "alt", "gene_id", "score"]].to_numpy().tolist() == [
        ["x", "C", "G1", 1.0], ["x", "C", "G2", 3.0], ["y", "G", "G2", 2.0],
    ]  # fmt: skip
    assert [one.score for one in compared.unmatched] == [4.0, 5.0]


def test_the_executables_import_and_compare(tmp_path, run_cli):
    (tmp_path / "genome.fa").write_text(f">1\n{'C' * 100}ACCG{'C' * 50}\n")
    done = run_cli(
        "import_scores.py", "--scores", DATA / "decima.tsv", "--model", "Decima", "--tracks", "agg_1", "--fasta",
        tmp_path / "genome.fa", "--output", tmp_path / "s.tsv.gz", "--unused", tmp_path / "u.tsv",
    )  # fmt: skip
    assert done.returncode == 0 and "Decima: 1 scores imported, 0 alleles not used" in done.stderr, done.stderr
    assert read_external(tmp_path / "s.tsv.gz") == [
        ExternalScore("", "AAA", "Decima", "agg_1", -0.5, "C", "1", 101, "A")
    ]
    row = dict.fromkeys(SCORE_COLUMNS, "") | {
        "variant_id": "v", "chrom": "1", "pos": 101, "ref": "A", "alt": "C", "gene_id": "G", "gene_name": "AAA", "effect": "1",
    }  # fmt: skip
    write_rows(tmp_path / "scores.tsv", SCORE_COLUMNS, [row.values()])
    done = run_cli(
        "compare_scores.py", "--scores", tmp_path / "scores.tsv", "--external", tmp_path / "s.tsv.gz", "--external",
        tmp_path / "s.tsv.gz", "--output", tmp_path / "c.tsv", "--correlations", tmp_path / "r.tsv",
    )  # fmt: skip
    assert done.returncode == 0 and "2 external scores joined" in done.stderr, done.stderr


# ---- Checks before the run -------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    made = Project(tmp_path, schemas, checked_files)
    (tmp_path / "variants.tsv").write_text("chrom\tpos\tref\talt\n1\t900\tA\tC\n")
    (tmp_path / "variants.csv").write_text("set,file,genome\nmine,variants.tsv,g1\n")
    made.params["variants"] = str(tmp_path / "variants.csv")
    (tmp_path / "x.chain").write_text(CHAIN)
    return made


def give(project, line):
    (project.folder / "scores.csv").write_text(f"tool,file,genome,chain,tracks,score,format\n{line}\n")
    project.params["external_scores"] = str(project.folder / "scores.csv")
    return project


def test_a_sheet_of_other_tools_files_is_checked(project):
    assert give(project, f"expecto,{DATA / 'expecto.csv'},g1,x.chain,cortex,,").check().report() == ""
    give(project, f"expecto,{DATA / 'expecto.csv'},g2,,,,").problem("column genome: an unknown genome 'g2'")
    give(project, f"expecto,{DATA / 'expecto.csv'},g1,none.chain,,,").problem("no file 'none.chain'")
    give(project, f"expecto,{DATA / 'expecto.csv'},g1,genes.gtf,,,").problem("column chain", "UCSC")
    give(project, f"expecto,{DATA / 'expecto.csv'},g1,,liver,,").problem("no track with 'liver'", "Brain_Cortex")
    give(project, f"expecto,{DATA / 'expecto.csv'},g1,,,,decima").problem("not those of 'decima'")
    give(project, "expecto,genes.gtf,g1,,,,").problem("column file, file 'genes.gtf'")
    project.params.pop("variants")
    give(project, f"expecto,{DATA / 'expecto.csv'},g1,,,,").problem("--external_scores", "given without --variants")

"""Variants as people have them: inputs that once went wrong (tests/data/cases), and one list in every dialect."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import read_fasta
from scxpresso.networks.model import Model
from scxpresso.problems import InputError
from scxpresso.store import read_table, write_rows, write_table
from scxpresso.variants.association import p_value_of
from scxpresso.variants.haplotypes import haplotype_combinations
from scxpresso.variants.reading import read_variants
from scxpresso.variants.score_table import SCORE_COLUMNS, read_chunk
from scxpresso.variants.scoring import Scorer, score_variants

CASES = Path(__file__).parent / "data" / "cases" / "variants"
GENE = "PF3D7_1133400"  # + strand, TSS 1293856


@pytest.fixture(scope="module")
def contig(demo, demo_genome, tmp_path_factory):
    """genome.fa and genes.tsv of the demo's contig that all variants lie on."""
    folder = tmp_path_factory.mktemp("contig")
    letters = dict(read_fasta(str(demo / "genome.fa.gz")))["LN999945.1"]
    (folder / "genome.fa").write_text(f">LN999945.1\n{letters}\n")
    genes = read_table(demo_genome / "genes.tsv")
    write_table(folder / "genes.tsv", genes[genes["chrom"] == "LN999945.1"])
    return folder


@pytest.fixture
def read_case(contig, tmp_path):
    """Rows of GENE, rejected, counts and log of a file read against the demo genome."""

    def read(file, haplotypes=False):
        said, outdir = [], tmp_path / "out"
        paths = file, contig / "genome.fa", contig / "genes.tsv"
        counts = read_variants("case", *paths, 1000, 500, haplotypes, 1000, outdir, said.append)
        rows = [row for chunk in sorted((outdir / "chunks").iterdir()) for row in read_chunk(chunk)]
        return [row for row in rows if row.gene_id == GENE], read_table(outdir / "rejected.tsv"), counts, said

    return read


@pytest.fixture
def score(contig, demo_genome, tiny_model):
    """Scores of rows by the tiny model of a network, in its first population."""

    def run(rows, network, haplotypes=False):
        features = Features(demo_genome / "features.h5")
        genes = read_table(demo_genome / "genes.tsv", index="gene_id")
        scorer = Scorer(Model(tiny_model / network), features, genes, torch.device("cpu"))
        found = [
            row
            for gene in score_variants(scorer, lambda: rows, contig / "genome.fa", haplotypes)
            for row in gene.rows("s")
        ]
        table = pd.DataFrame(found, columns=SCORE_COLUMNS)
        return table[table["population"] == "NA"].set_index("variant_id")

    return run


@pytest.mark.slow
@pytest.mark.parametrize("network", ["scxpresso", "hybrid"])
def test_a_deletion_in_a_repeat_at_the_tss_is_one_wherever_it_is_written(read_case, score, network):
    rows, *_ = read_case(CASES / "repeat_placement" / "repeat.tsv")
    assert [(row.pos, row.ref, row.alt) for row in rows] == [(1293851, "CA", "C")] * 3
    scores = score(rows, network)
    assert scores.index.tolist() == ["left", "mid", "right"]
    assert len(scores.drop_duplicates()) == 1 and float(scores["effect"].iloc[0]) != 0
    assert (scores["tss_distance"] == -4).all()


@pytest.mark.slow
def test_haplotypes_break_at_phase_sets(read_case, score):
    rows, *_ = read_case(CASES / "haplotypes" / "phase_blocks.vcf", haplotypes=True)
    scores = score(rows, "hybrid", haplotypes=True)
    together = scores[scores.index.str.contains("+", regex=False)]
    assert together.index.tolist() == ["y2+y1", "x2+x1"]
    assert together["flag"].str.contains("incomplete_calls").all()  # either may come with the other
    assert not scores["flag"].drop(together.index).str.contains("incomplete_calls").any()


@pytest.mark.parametrize("name, together", [("uncalled", "k3+k1"), ("unphased_between", "d+a")])
def test_haplotypes_with_a_call_that_is_not_known_are_flagged(read_case, score, name, together):
    rows, *_ = read_case(CASES / "haplotypes" / f"{name}.vcf", haplotypes=True)
    flags = score(rows, "hybrid", haplotypes=True)["flag"]
    assert len(flags) == 4 and "incomplete_calls" in flags[together].split(",")


@pytest.mark.parametrize("name, left", [("truncated", 1), ("truncated_id", 1)])
def test_cut_rows_are_rejected_and_shown(read_case, name, left):
    rows, rejected, counts, _ = read_case(CASES / "truncated" / f"{name}.tsv")
    assert len(rows) == counts["scorable"] == left
    assert rejected["reason"].str.startswith("fewer cells than the header").all()
    assert len(rejected) == counts["variants"] - left
    cut = {"truncated": "'LN999945.1 129364'", "truncated_id": "'v2 LN999945.1 129371'"}[name]
    assert rejected["reason"].iloc[-1].endswith(f"found {cut}")


def test_a_file_that_ends_before_the_alternative_is_cut(read_case, tmp_path):
    """An empty alt asks for all three substitutions, but not where the file may have been cut there."""
    (tmp_path / "v").write_text("chrom\tpos\tref\talt\nLN999945.1\t1293756\tA\tC\nLN999945.1\t1293719\tT\t")
    _, rejected, counts, _ = read_case(tmp_path / "v")
    assert counts["alleles"] == 1 and rejected["reason"].str.startswith("fewer cells").all()


def test_contigs_with_and_without_chr_in_one_file_are_one(read_case):
    rows, rejected, *_ = read_case(CASES / "mixed_contig_names" / "mixed.tsv")
    assert len(rows) == 10 and rejected.empty and {row.chrom for row in rows} == {"LN999945.1"}


@pytest.mark.parametrize("name", ["finngen.tsv", "harmonised.h.tsv", "ssf.tsv"])
def test_summary_statistics(read_case, score, name):
    rows, rejected, *_ = read_case(CASES / "gwas_summary_statistics" / name)
    found = {(row.variant_id, row.pos, row.ref, row.alt, row.gwas_beta) for row in rows}
    table = pd.read_csv(CASES / "gwas_summary_statistics" / "finngen.tsv", sep="\t")
    columns = [table[column] for column in ("rsids", "pos", "ref", "alt")]
    assert found == {(*row, "0.1") for row in zip(*columns, strict=True)} and rejected.empty
    p_value = "" if name == "harmonised.h.tsv" else "1e-9"  # that file has none
    assert {row.gwas_p_value for row in rows} == {p_value}
    scores = score(rows, "hybrid")
    assert set(scores["gwas_beta"]) == {"0.1"} and set(scores["gwas_p_value"]) == {p_value}


# One list of variants of the demo genome around GENE, as a VCF has it: a substitution, a deletion and an insertion.
VARIANTS = [
    ("rs0", 1293756, "A", "C"),
    ("rs1", 1293719, "T", "A"),
    ("rs2", 1293702, "AAC", "A"),
    ("rs3", 1293709, "T", "TGGC"),
]
DIALECTS = {
    "plain": ("chrom pos ref alt variant_id", "{contig} {pos} {ref} {alt} {name}", "\t"),
    "pvar": ("#CHROM POS ID REF ALT", "{contig} {pos} {name} {ref} {alt}", "\t"),
    "headed VCF without its header": ("#CHROM POS ID REF ALT QUAL", "{contig} {pos} {name} {ref} {alt} .", "\t"),
    "upper case": ("CHR POSITION REF ALT SNP", "{contig} {pos} {ref} {alt} {name}", "\t"),
    "numbers as text": ("chrom pos ref alt variant_id", "{contig} {pos}.0 {ref} {alt} {name}", "\t"),
    "comma": ("chrom pos ref alt variant_id", "{contig} {pos} {ref} {alt} {name}", ","),
    "semicolon": ("Chrom Pos Ref Alt rsid", "{contig} {pos} {ref} {alt} {name}", ";"),
    "blanks": ("chrom pos ref alt variant_id", "{contig}  {pos} {ref} {alt} {name}", " "),
    "quoted": ('"chrom" "pos" "ref" "alt" "variant_id"', '"{contig}" {pos} "{ref}" "{alt}" "{name}"', "\t"),
    "quoted commas": ('"chrom" "pos" "ref" "alt" "variant_id"', '"{contig}" {pos} "{ref}" "{alt}" "{name}"', ","),
    "alleles": ("chrom pos alleles variant_id", "{contig} {pos} {ref}/{alt} {name}", "\t"),
    "alleles in alt": ("chrom pos ref alt variant_id", "{contig} {pos} {ref} {ref}/{alt} {name}", "\t"),
    "alleles without ref, turned": ("chrom pos ref alt variant_id", "{contig} {pos}  {alt}/{ref} {name}", "\t"),
    "dashes": ("chrom pos ref alt variant_id", "{contig} {dash} {cut_ref} {cut_alt} {name}", "\t"),
    "dashes and slashes": ("chrom pos alleles variant_id", "{contig} {dash} {cut_ref}/{cut_alt} {name}", "\t"),
    "GWAS-SSF": (
        "chromosome base_pair_location effect_allele other_allele rsid", "{contig} {pos} {alt} {ref} {name}", "\t",
    ),
    "GWAS-SSF, turned": (
        "chromosome base_pair_location effect_allele other_allele rsid", "{contig} {pos} {ref} {alt} {name}", "\t",
    ),
    "harmonised": (
        "hm_rsid hm_chrom hm_pos hm_other_allele hm_effect_allele chromosome base_pair_location effect_allele other_allele",
        "{name} {contig} {pos} {ref} {alt} {contig} 5 G C", "\t",
    ),
    "FinnGen": ("#chrom pos ref alt rsids nearest_genes pval", "{contig} {pos} {ref} {alt} {name} G 1e-9", "\t"),
    "mixed": ("chrom pos ref alt variant_id", "{mixed} {pos} {ref} {alt} {name}", "\t"),
}  # fmt: skip


def in_dialect(header: str, row: str, between: str) -> str:
    lines = [header.replace(" ", between)]
    for number, (name, pos, ref, alt) in enumerate(VARIANTS):
        cut = len(ref) != len(alt)
        values = {
            "contig": "LN999945.1", "mixed": ("chr", "")[number % 2] + "LN999945.1", "pos": pos, "ref": ref, "alt": alt,
            "dash": pos + cut, "cut_ref": ref[cut:] or "-", "cut_alt": alt[cut:] or "-", "name": name,
        }  # fmt: skip
        lines.append(between.join(cell.format(**values) for cell in row.split(" ")))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_list_in_every_dialect(read_case, tmp_path, dialect):
    header, row, between = DIALECTS[dialect]
    expected = [(name, "LN999945.1", *rest) for name, *rest in VARIANTS]
    (tmp_path / "file").write_text(in_dialect(header, row, between))
    rows, rejected, _, said = read_case(tmp_path / "file")
    assert rejected.empty
    if "turned" in dialect:  # both alleles of the deletion fit: the first one, or the other allele, is the reference
        expected[2] = ("rs2", "LN999945.1", 1293702, "A", "AAC")
        assert any("WARNING 1 insertions or deletions of which the genome could have either" in line for line in said)
    assert sorted((row.variant_id, row.chrom, row.pos, row.ref, row.alt) for row in rows) == expected


def test_beta_is_of_the_alternative(read_case, tmp_path):
    """Whichever allele the genome has; an odds ratio is a beta too; what is missing is not 0."""
    write_rows(
        tmp_path / "ssf",
        ["chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "odds_ratio", "p_value", "rsid"],
        [
            ("LN999945.1", 1293756, "C", "A", "-0.5", "", "1e-400", "given"),
            ("LN999945.1", 1293756, "A", "C", "0.5", "", "NA", "turned"),
            ("LN999945.1", 1293719, "A", "T", "NA", "2", "0.01", "odds"),
            ("LN999945.1", 1293682, "C", "A", "NA", "", "", "missing"),
            ("LN999945.1", 1293682, "", "A", "1", "", "", "no_allele"),
        ],
    )
    rows, rejected, _, said = read_case(tmp_path / "ssf")
    found = {row.variant_id: (row.ref, row.alt, row.gwas_beta, row.gwas_p_value) for row in rows}
    assert found == {
        "given": ("A", "C", "-0.5", "1e-400"),
        "turned": ("A", "C", "-0.5", ""),
        "odds": ("T", "A", f"{math.log(2):.6g}", "0.01"),
        "missing": ("A", "C", "", ""),
    }
    assert rejected["reason"].tolist() == ["an allele is missing"]
    assert any("1 alleles swapped" in line for line in said)


def test_a_decimal_comma_is_a_point(read_case, tmp_path):
    """As spreadsheets of many countries write it, with semicolons between the columns."""
    header, place = "chrom;pos;ref;alt;beta;OR;pval\n", "LN999945.1;1293756;A"
    (tmp_path / "v").write_text(f"{header}{place};C;-0,5;;1,5e-8\n{place};G;;2,0;0.1\n{place};T;1,234,5;;1.234,5\n")
    rows, *_ = read_case(tmp_path / "v")
    assert {row.alt: (row.gwas_beta, row.gwas_p_value) for row in rows} == {
        "C": ("-0.5", "1.5e-8"), "G": (f"{math.log(2):.6g}", "0.1"), "T": ("", ""),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("p_value", "logarithm", "expected"),
    [
        ("0", "350.5", "3.162e-351"),  # FinnGen: too small for its column
        ("0", "", "0"),
        ("1e-400", "", "1e-400"),
        ("0.01", "350.5", "0.01"),
        ("NA", "2", "1e-2"),
    ],
)
def test_a_p_value_of_0_is_that_of_its_logarithm(p_value, logarithm, expected):
    assert p_value_of({"p_value": p_value, "log_p_value": logarithm}) == expected


@pytest.mark.parametrize(
    ("columns", "cells", "expected"),
    [
        ("ref alt A1", "A C A", {"C": "-0.5"}),  # PLINK: the allele that was tested
        ("ref alt A1", "A C C", {"C": "0.5"}),
        ("ref alt A1", "A C,G G", {"C": "", "G": "0.5"}),
        ("ref alt A1", "A C,G A", {"C": "", "G": ""}),  # which of the two was it compared with?
        ("ref alt", "A C,G", {"C": "", "G": ""}),
        ("ref alt", "A \t", {"C": "", "G": "", "T": ""}),
        ("ref alt effect_allele", "A \tA", {"C": "", "G": "", "T": ""}),
        ("alleles effect_allele", "A/C A", {"C": "-0.5"}),
        ("alleles effect_allele", "C/A C", {"C": "0.5"}),
        ("alleles", "A/C", {"C": ""}),
        ("ref alt effect_allele other_allele", "A C A C", {"C": "-0.5"}),
    ],
)
def test_beta_is_of_the_allele_that_was_tested(read_case, tmp_path, columns, cells, expected):
    """And of none where the table does not say which that was."""
    header, row = "chrom pos beta " + columns, f"LN999945.1 1293756 0.5 {cells}"
    (tmp_path / "v").write_text("\n".join(text.replace(" ", "\t") for text in (header, row)) + "\n")
    rows, *_ = read_case(tmp_path / "v")
    assert {row.alt: row.gwas_beta for row in rows} == expected


def test_rows_of_plink_for_covariates_are_left_out(read_case, tmp_path):
    """PLINK 2 has a row for each covariate (TEST); a column `test` without A1 is another one. OR is an odds ratio."""
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "A1", "TEST", "OR", "P"]
    place = ("LN999945.1", 1293756, "rs1", "A", "C", "A")
    write_rows(tmp_path / "v", columns, [(*place, "ADD", 2, 0.01), (*place, "SEX", 9.5, 1e-30), (*place, "PC1", 1, 1)])
    [row], _, counts, said = read_case(tmp_path / "v")
    assert (row.gwas_beta, row.gwas_p_value) == (f"{-math.log(2):.6g}", "0.01") and counts["variants"] == 1
    assert "NOTE 2 rows of PLINK with another TEST than ADD (covariates, or other models) were left out" in said
    write_rows(tmp_path / "v", columns, [(*place, "DOM", 2, 0.01)])
    with pytest.raises(InputError, match="without variants, but 1 rows of PLINK with another TEST than ADD"):
        read_case(tmp_path / "v")
    write_rows(tmp_path / "v", ["chrom", "pos", "ref", "alt", "test"], [(*place[:2], "A", "C", "yes")])
    assert len(read_case(tmp_path / "v")[0]) == 1


def test_ref_and_alt_go_before_effect_and_other_allele(read_case, tmp_path):
    """The genome has both alleles of an insertion in a repeat: the table's own reference decides."""
    columns = ["chrom", "pos", "ref", "alt", "effect_allele", "other_allele"]
    write_rows(tmp_path / "v", columns, [("LN999945.1", 1293851, "C", "CA", "C", "CA")])
    [row], _, _, said = read_case(tmp_path / "v")
    assert (row.ref, row.alt) == ("C", "CA") and not any("WARNING" in line for line in said)


def test_a_table_of_nothing_but_cut_rows_says_so(read_case, tmp_path):
    """Not that its contigs are unknown: R writes row names under a header that is one name shorter."""
    (tmp_path / "v").write_text('"chrom" "pos" "ref" "alt"\n"1" "LN999945.1" 1293756 "A" "C"\n')
    with pytest.raises(InputError, match="more cells than the header"):
        read_case(tmp_path / "v")


def test_risk_alleles_of_the_catalogue(read_case, tmp_path):
    """One base marks its row, from any study; several bases, or none, are no substitution."""
    rows = [
        ("rs0", 1293756, "rs0-C"),
        ("rs1", 1293719, "rs1-?"),
        ("rs1", 1293719, "rs1-T"),
        ("rs2", 1293682, "rs2-CCT"),
        ("rs3", 1293645, "rs3--"),
        ("rs4", 1293608, "rs4-G"),
        ("rs4", 1293608, "rs4-T"),
        ("rs5; rs6", "1293571; 1293534", "rs5-?; rs6-C"),
        ("rs7", 1293497, "rs7-?"),
        ("rs7", 1293497, "rs7-AT"),
    ]
    columns = ["CHR_ID", "CHR_POS", "SNPS", "STRONGEST SNP-RISK ALLELE"]
    lines = [("; ".join(["LN999945.1"] * (1 + (";" in name))), pos, name, risk) for name, pos, risk in rows]
    write_rows(tmp_path / "catalog", columns, lines)
    found, rejected, *_ = read_case(tmp_path / "catalog")
    marks = {(row.variant_id, row.alt): row.risk_allele for row in found}
    assert len(marks) == 5 * 3
    assert {key: risk for key, risk in marks.items() if risk} == {
        ("rs0", "C"): "C",
        **{("rs1", alt): "T" for alt in "ACG"},  # the reference
        ("rs4", "G"): "G",
        ("rs4", "T"): "T",
        ("rs6", "C"): "C",
    }
    assert rejected["variant_id"].tolist() == ["rs2", "rs3", "rs7"]
    assert rejected["reason"].str.startswith("a risk allele of several bases").all()
    assert rejected["alt"].tolist() == ["CCT", "-", "AT"]


@pytest.mark.parametrize(
    "count, alter, words",
    [
        (4, lambda ref, alt: (ref.translate(str.maketrans("ACGT", "TGCA")), alt.translate(str.maketrans("ACGT", "TGCA"))),
         "alleles of the − strand: 4 of them"),
        (4, lambda ref, alt: (alt, ref), "alleles swapped: 4 of them"),
        (2, lambda ref, alt: (alt, ref), "none of its 2 variants can be scored.*alleles swapped: 2 of them"),
    ],
    ids=["strand", "swapped", "nothing_left"],
)  # fmt: skip
def test_a_short_list_whose_references_mostly_differ_stops_with_the_cause(read_case, tmp_path, count, alter, words):
    table = pd.read_csv(CASES / "gwas_summary_statistics" / "finngen.tsv", sep="\t")
    table = table[(table["ref"] + table["alt"]).isin(["AC", "CA"])].head(count)
    rows = [
        ("LN999945.1", pos, *alter(ref, alt))
        for pos, ref, alt in zip(table["pos"], table["ref"], table["alt"], strict=True)
    ]
    write_rows(tmp_path / "v", ["chrom", "pos", "ref", "alt"], rows)
    with pytest.raises(InputError, match=words):
        read_case(tmp_path / "v")
    write_rows(tmp_path / "v", ["chrom", "pos", "ref", "alt"], [*rows[:2], *[("LN999945.1", 1293719, "T", "A")] * 2])
    *_, counts, _ = read_case(tmp_path / "v")  # half of them are not most
    assert counts["rejected"] == {"the reference differs from the FASTA": 2}


def test_plink_numbers_and_numbers_with_a_point(tmp_path):
    contigs = {"X": "ACGTTGCAAC", "1": "CATGCATGCA"}
    (tmp_path / "g.fa").write_text("".join(f">chr{name}\n{letters}\n" for name, letters in contigs.items()))
    columns = ["gene_id", "gene_name", "chrom", "strand", "tss"]
    write_rows(tmp_path / "genes.tsv", columns, [("a", "a", "chrX", "+", 5), ("b", "b", "chr1", "+", 5)])
    rows = [("23", 5, "T", "A"), ("X", 5, "T", "C"), ("chrX", 6, "G", "C"), ("1.0", 5, "C", "A"), ("1", 5, "C", "T")]
    write_rows(tmp_path / "v", ["chrom", "pos", "ref", "alt"], rows)
    counts = read_variants("s", tmp_path / "v", tmp_path / "g.fa", tmp_path / "genes.tsv", 3, 3, False, 100, tmp_path)
    assert counts["scorable"] == len(rows) and not counts["rejected"]


def test_repeated_records_make_no_haplotype_of_their_own(read_case, tmp_path):
    text = (
        (CASES / "haplotypes" / "uncalled.vcf")
        .read_text()
        .replace("k2", "k1")
        .replace("1293733\tk1\tT\tA", "1293740\tk1\tA\tC")
    )
    (tmp_path / "v.vcf").write_text(text)
    rows, _, counts, _ = read_case(tmp_path / "v.vcf", haplotypes=True)
    assert [row.variant_id for row in rows] == ["k3", "k1"] and counts["scorable"] == 3
    assert haplotype_combinations(rows) == [((0, 1), False)]

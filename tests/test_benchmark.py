"""Measured effects of variants: how their tables are read, and how predicted effects are compared with them."""

import math

import numpy as np
import pandas as pd
import pytest
from preflight_project import Project
from scipy.stats import binomtest, spearmanr
from test_report import HOSTILE, page_of
from test_report_variants import make_analyses

from scxpresso.problems import InputError
from scxpresso.reporting.benchmarks import sentence
from scxpresso.store import read_json, read_table, write_json, write_rows, write_table
from scxpresso.variants.benchmark import METRIC_COLUMNS, PAIR_COLUMNS, auroc, benchmark, sign_agreement
from scxpresso.variants.matching import Sought, matched_rows
from scxpresso.variants.measured import MeasuredEffect, read_measured
from scxpresso.variants.score_table import SCORE_COLUMNS


def written(folder, text, name="measured.tsv"):
    (folder / name).write_text(text)
    return folder / name


def test_variants_are_ids_or_places(tmp_path):
    text = (
        "variant\tgene\tpopulation\teffect\tp\tmaf\nrs1\tMYC\tNA\t0.5\t0.01\t0.2\n"
        "HLA_x.2:5:a:G\tMYC\tNA\t-1\t\t\nchr1_7_AT_A_b38\t\t\t2\t1\t\n"
    )
    one, two, three = read_measured(written(tmp_path, text))
    assert one == MeasuredEffect(Sought("rs1", "MYC", "", "", 0, ""), "NA", 0.5, 0.01, 0.2)
    assert two.sought == Sought("HLA_x.2:5:a:G", "MYC", "G", "HLA_x.2", 5, "A") and math.isnan(two.p_value)
    assert three.sought == Sought("chr1_7_AT_A_b38", "", "A", "chr1", 7, "AT") and three.p_value == 1
    text = "chrom,pos,ref,alt,effect,se,af\n1,5,A,G,-1.96,1,0.8\n"
    (only,) = read_measured(written(tmp_path, text))
    assert only.sought == Sought("", "", "G", "1", 5, "A")
    assert only.p_value == pytest.approx(0.05, abs=1e-4) and only.maf == pytest.approx(0.2)


def test_genes_and_p_values_have_their_usual_names(tmp_path):
    header = "variant\tgene\tgene_name\tgene_id\tpval_nominal\tp_value\teffect\n"
    text = header + "rs1\t\tMYC\tENSG1\t0.9\t\t1\nrs2\tSHH\t\tENSG1\t0.9\t0.01\t1\nrs3\t\tMYC\t\tNA\t\t1\n"
    one, two, three = read_measured(written(tmp_path, text))
    assert (one.sought.gene, one.p_value) == ("ENSG1", 0.9) and (two.sought.gene, two.p_value) == ("SHH", 0.01)
    assert three.sought.gene == "MYC" and math.isnan(three.p_value)
    with pytest.raises(InputError, match="'low' in the column pval"):
        read_measured(written(tmp_path, "variant\tpval\teffect\nrs1\tlow\t1\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variant\tgene\n", "no column 'effect'"),
        ("gene\teffect\n", "no column 'variant'"),
        ("variant\teffect\n", "no rows"),
        ("variant\teffect\nrs1\thigh\n", "row 2: 'high' in the column effect"),
        ("variant\teffect\nrs1\t\n", "row 2: the effect ''"),
        ("variant\teffect\n\t1\n", "row 2: no variant"),
        ("variant\teffect\nrs1\t1\nrs1\t2\n", "row 3: the variant, gene and population of row 2"),
        ("variant\teffect\tp\nrs1\t1\t2\n", "out of range"),
        ("variant\teffect\taf\nrs1\t1\t35\n", "row 2: the allele frequency 35"),
        ("variant\teffect\tmaf\nrs1\t1\t-0.2\n", "row 2: the allele frequency -0.2"),
        ("variant\teffect\nrs1\t1\t5\n", "row 2: 3 cells"),
        ("variant\teffect\n" + "rs1\tx\n" * 12, "2 more such rows"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_measured(written(tmp_path, text))


def test_signs_by_hand():
    share, p_value = sign_agreement(np.array([1, -1, 2, 0, 3.0]), np.array([2, -3, -1, 5, 1.0]))
    assert share == 3 / 4 and p_value == pytest.approx(binomtest(3, 4, alternative="greater").pvalue)
    assert np.isnan(sign_agreement(np.zeros(2), np.ones(2))).all()


def test_auroc_by_hand():
    """Of the positives 3 and 1 against the controls 2 and 1: 2 above, 1 below, 1 tie, ... so (2 + 0.5) / 4."""
    values, positive = np.array([3, 1, 2, 1.0]), np.array([True, True, False, False])
    assert auroc(values, positive, [0] * 4) == (1 + 1 + 0 + 0.5) / 4
    # Matched: 3 against 1, and 1 against 2.
    assert auroc(values, positive, ["a", "b", "b", "a"]) == 1 / 2
    assert math.isnan(auroc(values, positive, ["a", "a", "b", "b"])) and math.isnan(
        auroc(values, ~positive & False, [0] * 4)
    )


@pytest.fixture
def scores(tmp_path):
    """Six variants of one gene in two populations; the effect in `beta` is minus that in `alpha`."""
    rows = [
        dict.fromkeys(SCORE_COLUMNS, "") | {
            "variant_id": f"rs{number}", "chrom": "1", "pos": 100 + number, "ref": "A", "alt": "C", "gene_id": "ENSG1.1",
            "population": population, "effect": sign * effect, "tss_distance": 10 if number < 3 else -500,
        }
        for number, effect in enumerate([0.3, -0.2, 0.1, 0.4, 0.05, 0.02])
        for population, sign in (("alpha", 1), ("beta", -1))
    ]  # fmt: skip
    write_rows(tmp_path / "scores.tsv.gz", SCORE_COLUMNS, [row.values() for row in rows])
    return tmp_path / "scores.tsv.gz"


MEASURED = [(0, 1.0, 0.001), (1, -2.0, 0.01), (2, -0.1, 0.5), (3, 0.5, 0.04), (4, 0.2, 0.9), (5, -0.3, 0.03)]


def measured(population, gene="ENSG1"):
    return [
        MeasuredEffect(Sought(f"rs{n}", gene, "C", "", 0, ""), population, effect, p, math.nan)
        for n, effect, p in MEASURED
    ]


def test_agreement_in_the_population_of_the_measurements(scores, tmp_path):
    more = [MeasuredEffect(Sought("rs9", "ENSG1", "", "", 0, ""), "alpha", 1.0, 0.5, math.nan)]  # not in the set
    table, joined = benchmark("eqtl", scores, measured("alpha") + more, 0.05, tmp_path / "pairs.tsv.gz")
    assert joined == set(range(6)) and table.columns.tolist() == METRIC_COLUMNS
    pairs = read_table(
        tmp_path / "pairs.tsv.gz", text=["variant_id", "alt", "gene_id", "population", "measured_in", "benchmark"]
    )
    assert pairs.columns.tolist() == PAIR_COLUMNS and pairs["population"].unique().tolist() == ["alpha"]
    own, pooled = table.iloc[0], table.iloc[1]
    assert (own["population"], pooled["population"]) == ("alpha", "") and own["n"] == 6 and own["n_significant"] == 4
    assert own["sign_agreement"] == 3 / 4  # of 0, 1, 3 and 5, the last has another sign
    expected = spearmanr([0.3, -0.2, 0.1, 0.4, 0.05, 0.02], [one[1] for one in MEASURED])
    assert own["spearman"] == pytest.approx(expected.statistic)
    # |effect| of 0.3, 0.2, 0.4 and 0.02 against controls 0.1 and 0.05
    assert own["auroc"] == 6 / 8
    assert own["auroc_matched"] == (2 + 1) / 4  # near: 0.3 and 0.2 against 0.1; far: 0.4 and 0.02 against 0.05
    assert own["auroc_distance"] == (2 * (0.5 + 1) + 2 * (0 + 0.5)) / 8
    pd.testing.assert_series_equal(own[METRIC_COLUMNS[3:]], pooled[METRIC_COLUMNS[3:]], check_names=False)


def test_measurements_elsewhere_are_compared_with_every_population(scores, tmp_path):
    table, _ = benchmark("mpra", scores, measured("HepG2"), 0.05, tmp_path / "pairs.tsv.gz")
    assert table["population"].tolist() == ["alpha", "beta", ""]
    assert table["spearman"].iloc[0] == -table["spearman"].iloc[1]
    assert table["n"].iloc[2] == 6 and math.isnan(table["spearman"].iloc[2])  # the mean of ours is 0 for all
    unknown = [one._replace(p_value=math.nan) for one in measured("alpha")]
    table, _ = benchmark("mpra", scores, unknown, 0.05, tmp_path / "pairs.tsv.gz")
    assert math.isnan(table["n_significant"].iloc[0]) and table["sign_agreement"].iloc[0] == 4 / 6


def score_table(path, rows):
    """Scores in one population: variant_id, pos, ref, alt, gene_id, gene_name, tss_distance, effect."""
    columns = ["variant_id", "pos", "ref", "alt", "gene_id", "gene_name", "tss_distance", "effect"]
    empty = dict.fromkeys(SCORE_COLUMNS, "") | {"chrom": "1", "population": "alpha"}
    write_rows(path, SCORE_COLUMNS, [(empty | dict(zip(columns, row, strict=True))).values() for row in rows])
    return path


def joined_genes(scores, *sought, any_allele=False):
    """Our variant, gene and alt of each sought row."""
    found = matched_rows(scores, sought, ["variant_id", "gene_id", "alt"], any_allele)
    return sorted((number, *row) for number, row in found)


def test_an_allele_is_found_by_its_id_where_ours_is_written_at_another_position(tmp_path):
    """A deletion in a repeat has a position per gene; substitutions are written without the bases that both alleles share."""
    deletion, written_longer = "chr1_2099_CA_C_b38", "1:1900:GT:AT"
    scores = score_table(
        tmp_path / "scores.tsv",
        [
            (deletion, 2099, "CA", "C", "minus", "", 200, 0.1), (deletion, 2104, "AA", "A", "plus", "", 105, 0.2),
            (written_longer, 1900, "G", "A", "plus", "", -100, 0.3),
        ],
    )  # fmt: skip
    sought = [
        read_measured(written(tmp_path, f"variant\teffect\n{one}\t1\n"))[0].sought for one in (deletion, written_longer)
    ]
    # Without a gene, only that of the nearest TSS, wherever the deletion is written.
    assert joined_genes(scores, *sought) == [(0, deletion, "plus", "A"), (1, written_longer, "plus", "A")]
    assert joined_genes(scores, sought[0]._replace(gene="minus")) == [(0, deletion, "minus", "C")]
    # By position alone, where nothing says that it is the same repeat: the identical allele, however it is written.
    placed = Sought("", "minus", "GC", "chr1", 2098, "GCA")
    assert joined_genes(scores, placed, placed._replace(gene="plus")) == [(0, deletion, "minus", "C")]


def test_a_name_of_several_genes_names_none(tmp_path):
    rows = [("rs1", 5, "A", "C", gene, name, 10, 0.1) for gene, name in (("G1", "TBCE"), ("G2", "TBCE"), ("G3", "MYC"))]
    scores = score_table(tmp_path / "scores.tsv", rows)
    assert joined_genes(scores, Sought("rs1", "TBCE", "C", "", 0, ""), Sought("rs1", "MYC", "C", "", 0, "")) == [
        (1, "rs1", "G3", "C")
    ]


def test_effects_of_no_named_allele_are_left_out_where_there_are_several(tmp_path, run_cli):
    rows = [("rs1", 5, "A", alt, "G1", "", 10, effect) for alt, effect in (("C", 0.1), ("G", -0.3), ("T", 0.2))]
    rows.append(("rs2", 6, "A", "C", "G1", "", 11, 0.5))
    scores = score_table(tmp_path / "scores.tsv", rows)
    sought = Sought("rs1", "", "", "", 0, ""), Sought("rs2", "", "", "", 0, ""), Sought("rs1", "", "T", "", 0, "")
    assert joined_genes(scores, *sought) == [(1, "rs2", "G1", "C"), (2, "rs1", "G1", "T")]
    assert joined_genes(scores, *sought, any_allele=True)[0] == (0, "rs1", "G1", "G")
    text = "variant\teffect\tp\nrs1\t1\t0.01\nrs2\t1\t0.01\n1:90:A:AT\t1\t0.01\n"
    done = run_cli(
        "benchmark_effects.py", "--scores", scores, "--measured", written(tmp_path, text), "--name", "x",
        "--output", tmp_path / "p.tsv.gz", "--metrics", tmp_path / "m.tsv",
    )  # fmt: skip
    assert "1 of 3 measured effects have a score" in done.stderr
    assert "NOTE benchmark x: 1 of those without a score name no allele" in done.stderr
    assert "WARNING benchmark x: 1 of those without a score are insertions or deletions" in done.stderr


def test_ref_tells_alleles_of_one_id_apart_in_a_repeat(tmp_path, run_cli):
    """Of CAA>CA,CAAA, ours are CA>C and C>CA: the alt of the deletion looks like our insertion."""
    rows = [("rs1", 1001, "CA", "C", "G1", "", 10, 0.5), ("rs1", 1001, "C", "CA", "G1", "", 10, -0.4)]
    scores = score_table(tmp_path / "scores.tsv", rows)
    text = "variant\tref\talt\teffect\nrs1\tCAA\tCA\t1\nrs1\t\tCA\t2\nrs1\tCAA\tCAAA\t3\n"
    sought = [one.sought for one in read_measured(written(tmp_path, text))]
    assert joined_genes(scores, *sought) == [(0, "rs1", "G1", "C"), (2, "rs1", "G1", "CA")]
    done = run_cli(
        "benchmark_effects.py", "--scores", scores, "--measured", tmp_path / "measured.tsv", "--name", "x",
        "--output", tmp_path / "p.tsv.gz", "--metrics", tmp_path / "m.tsv",
    )  # fmt: skip
    assert "2 of 3 measured effects have a score" in done.stderr
    assert "NOTE benchmark x: 1 of those without a score name no allele, or alt without ref" in done.stderr


def test_a_place_without_ref_names_no_allele_if_several_fit(tmp_path):
    rows = [
        ("a", 100, "CA", "C", "G1", "", 10, 0.5), ("b", 100, "CAA", "C", "G1", "", 10, 0.9),
        ("c", 200, "A", "G", "G1", "", 110, 0.1), ("d", 200, "A", "T", "G1", "", 110, -0.8),
    ]  # fmt: skip
    scores = score_table(tmp_path / "scores.tsv", rows)
    at = Sought("", "G1", "C", "1", 100, "")
    assert joined_genes(scores, at, at._replace(pos=200, alt="T"), at._replace(pos=200, alt="")) == [
        (1, "d", "G1", "T")
    ]


def test_a_haplotype_is_found_by_its_id_and_alleles(tmp_path):
    scores = score_table(tmp_path / "scores.tsv", [("a+b", "100;200", "A;C", "G;T", "G1", "", 10, 0.5)])
    text = "variant\tpos\tref\talt\teffect\na+b\t100;200\tA;C\tG;T\t1\na+b\t100;200\tA;C\tG;G\t1\na+b\t\t\t\t1\n"
    sought = [one.sought for one in read_measured(written(tmp_path, text))]
    assert joined_genes(scores, *sought) == [(0, "a+b", "G1", "G;T"), (2, "a+b", "G1", "G;T")]


def test_an_id_of_the_set_goes_before_a_position(tmp_path):
    """Other variants lie at the position, or at that of another assembly; alleles have to be those of the id."""
    rows = [
        ("rs1", 100, "A", "G", "G1", "", 10, 0.1), ("rs2", 100, "A", "AT", "G1", "", 10, -0.9),
        ("rs7", 5000, "A", "G", "G1", "", 905, -0.4), ("twice", 300, "C", "T", "G1", "", 20, 0.2),
        ("twice", 400, "C", "T", "G1", "", 30, 0.3), ("23:600:A:G", 600, "A", "G", "G1", "", 10, 0.1),
        ("1:700:A:G", 700, "G", "A", "G1", "", 10, 0.1),
    ]  # fmt: skip
    scores = score_table(tmp_path / "scores.tsv", rows)
    text = (
        "variant\tchrom\tpos\tref\talt\teffect\nrs1\t1\t100\t\t\t1\nrs1\t1\t5000\tA\tG\t1\nrs1\t1\t5000\tA\tC\t1\n"
        "twice\t1\t400\tC\tT\t1\nother\t1\t5000\tA\tG\t1\n23:600:A:G\t\t\t\t\t1\n1:700:A:G\t\t\t\t\t1\n"
    )
    sought = [one.sought for one in read_measured(written(tmp_path, text))]
    assert joined_genes(scores, *sought) == [
        (0, "rs1", "G1", "G"), (1, "rs1", "G1", "G"), (3, "twice", "G1", "T"), (4, "rs7", "G1", "G"),
        (5, "23:600:A:G", "G1", "G"),
    ]  # fmt: skip


def test_an_effect_under_several_names_counts_once(tmp_path):
    """A gene by id, id without version and name; a variant by id and place."""
    scores = score_table(tmp_path / "scores.tsv", [("rs1", 100, "A", "G", "ENSG00000000001.3", "N1", 5, 0.5)])
    names = [("1:100:A:G", "N1"), ("rs1", "ENSG00000000001.1"), ("rs1", "ENSG00000000001"), ("rs1", "")]
    text = "variant\tgene\teffect\n" + "".join(f"{variant}\t{gene}\t{n}\n" for n, (variant, gene) in enumerate(names))
    said = []
    table, joined = benchmark(
        "x", scores, read_measured(written(tmp_path, text)), 0.05, tmp_path / "p.tsv", said.append
    )
    assert table["n"].tolist() == [1, 1] and read_table(tmp_path / "p.tsv")["measured"].tolist() == [0]
    assert joined == {0, 1, 2, 3} and "3 effects are of the variant, gene and population of an earlier row" in said[0]


def test_the_pooled_row_has_no_p_value_where_variants_were_measured_several_times(scores, tmp_path):
    table, _ = benchmark("eqtl", scores, measured("alpha") + measured("beta"), 0.05, tmp_path / "pairs.tsv.gz")
    assert table["population"].tolist() == ["alpha", "beta", ""] and table["n"].tolist() == [6, 6, 12]
    p_values = table[["sign_p_value", "spearman_p_value"]]
    assert p_values.iloc[:2].notna().all(axis=None) and p_values.iloc[2].isna().all()
    assert sentence(table.iloc[2].to_dict()).startswith(
        "50.0 % of significant measured effects have the predicted sign. "
    )


def test_another_set_has_empty_tables(scores, tmp_path, run_cli):
    path = written(tmp_path, "variant\tgene\teffect\tp\nother\tG\t1\t0.5\n")
    done = run_cli(
        "benchmark_effects.py", "--scores", scores, "--measured", path, "--name", "x", "--output", tmp_path / "p.tsv.gz",
        "--metrics", tmp_path / "m.tsv",
    )  # fmt: skip
    assert done.returncode == 0 and "WARNING benchmark x: none of its variants" in done.stderr, done.stderr
    assert read_table(tmp_path / "m.tsv").columns.tolist() == METRIC_COLUMNS


def test_a_sheet_of_measured_effects_is_checked(tmp_path, schemas, checked_files):
    project = Project(tmp_path, schemas, checked_files)
    (tmp_path / "variants.tsv").write_text("chrom\tpos\tref\talt\n1\t900\tA\tC\n")
    (tmp_path / "variants.csv").write_text("set,file,genome\nmine,variants.tsv,g1\n")
    written(tmp_path, "variant\tpopulation\teffect\nrs1\tB cell\t1\nrs1\tliver\t1\n")
    sheet = written(tmp_path, "benchmark,file,set,max_p\neqtl,measured.tsv,mine,0.01\n", "benchmark.csv")
    project.params |= {"variants": str(tmp_path / "variants.csv"), "benchmark": str(sheet)}
    assert "measured in 'liver', which no level has as a population" in project.notes()
    written(tmp_path, "benchmark,file,set,max_p\neqtl,measured.tsv,min,2\n", "benchmark.csv")
    report = project.check().report()
    assert "no set 'min' in --variants" in report and "column max_p: '2'" in report and report.startswith("2 problems")
    written(tmp_path, "benchmark,file,set\neqtl,genes.gtf,mine\n", "benchmark.csv")
    project.problem("column file, file 'genes.gtf'", "no column 'variant'")
    del project.params["variants"]
    assert "--benchmark: given without --variants" in project.check().report()


# ---- The report ------------------------------------------------------------------------------------------------------


def test_a_sentence_says_what_the_pooled_row_shows():
    row = dict.fromkeys(METRIC_COLUMNS, math.nan) | {
        "n": 60, "n_significant": 40, "sign_agreement": 0.75, "sign_p_value": 0.002, "auroc": 0.7, "auroc_matched": 0.6,
        "auroc_distance": 0.61,
    }  # fmt: skip
    assert sentence(row) == (
        "75.0 % of significant measured effects have the predicted sign (p = 0.002). Predicted sizes tell significant effects "
        "from controls with an AUROC of 0.70, above that of the distance to the TSS alone (0.61); among variants at similar "
        "distances it is 0.60, where chance is 0.50."
    )
    assert "0.70, not above that of the distance to the TSS alone (0.80)." in sentence(
        row | {"auroc_distance": 0.8, "auroc_matched": math.nan}
    )
    assert sentence(row | {"n_significant": math.nan, "auroc": math.nan}).startswith("75.0 % of measured effects")
    assert sentence(row | {"n": 0}) == "No measured effect has a predicted one."


def test_the_report_has_a_table_of_hostile_labels(tmp_path):
    manifest = make_analyses(tmp_path, ["a", "b"])
    label = HOSTILE[0]
    rows = [[label, "", "", 5, 3, 2 / 3, 0.5, 0.1, 0.9, 0.5, math.nan, 0.5], [label, "a", label, *[math.nan] * 9]]
    write_table(tmp_path / "metrics.tsv", pd.DataFrame(rows, columns=METRIC_COLUMNS))
    content = read_json(manifest)
    content["variants"][0]["benchmarks"] = ["metrics.tsv"]
    write_json(manifest, content)
    page = page_of(manifest)
    assert "66.7 % of significant measured effects have the predicted sign (p = 0.5)." in page.text
    assert f"{label} atlas one · type · scxpresso pooled 5 3 0.67" in page.text
    assert ("h3", {"id": "measured-effects"}) in page.tags and not any("alert" in body for _, body in page.scripts[:2])

"""Pseudobulk: by hand, the same from every layout of an h5ad, populations, parents and noise ceilings."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from scxpresso.expression.atlas import Atlas, AtlasColumns
from scxpresso.expression.grouping import group_cells, halves
from scxpresso.expression.pseudobulk import PseudobulkOptions, ceiling, log_expression, pseudobulk, read_bulk
from scxpresso.expression.sums import Sums
from scxpresso.problems import InputError
from scxpresso.store import read_expression, read_table, write_table


def atlas(counts, labels, genes, **more):
    obs = pd.DataFrame(labels, index=[f"cell{number}" for number in range(len(counts))])
    return anndata.AnnData(
        scipy.sparse.csr_matrix(np.asarray(counts, dtype=np.float32)), obs, pd.DataFrame(index=genes), **more
    )


COUNTS = [[1, 1, 0, 8], [3, 1, 0, 0], [0, 2, 0, 2], [5, 0, 0, 5]]


def expression(tmp_path, data, gene_frame, levels=("all", "kind"), genes=("A", "B", "C"), **options):
    data.write_h5ad(tmp_path / "a.h5ad")
    columns = AtlasColumns(options.pop("layer", None), options.pop("gene_column", None))
    settings = PseudobulkOptions(
        options.pop("protocol", "10x"), levels, min_cells=options.pop("min_cells", 1), **options
    )
    return pseudobulk(tmp_path / "a.h5ad", columns, gene_frame(genes), settings, lambda message: None)


def test_mean_of_counts_per_ten_thousand_by_hand(tmp_path, gene_frame):
    data = atlas(COUNTS, {"kind": ["x", "x", "y", "y"]}, ["A", "B", "C", "not annotated"])
    levels, unused = expression(tmp_path, data, gene_frame)
    # Libraries, with the unannotated gene: 10, 4, 4, 10. A in x: mean(1/10, 3/4) × 10,000 = 4,250.
    assert levels["kind"].values.loc["A", "x"] == pytest.approx(np.log10(4250))
    assert levels["kind"].values.loc["A", "y"] == pytest.approx(np.log10(2500))
    assert levels["all"].values.loc["B", "all"] == pytest.approx(np.log10((0.1 + 0.25 + 0.5 + 0) / 4 * 1e4))
    assert (levels["kind"].values.loc["C"] == -4).all()  # not detected in any cell: the floor
    assert unused["gene"].tolist() == ["not annotated"]
    populations = levels["kind"].populations.set_index("population")
    assert populations["cells"].tolist() == [2, 2] and populations["parent"].tolist() == ["all", "all"]
    assert populations["genes_detected"].tolist() == [2, 2]


@pytest.mark.parametrize("protocol", ["10x", "bulk"])
def test_several_parents_are_listed_unless_most_cells_may_decide(tmp_path, gene_frame, protocol):
    labels = {"coarse": ["x", "x", "y", "y"], "fine": ["a", "b", "b", "b"]}
    counts = np.array(COUNTS) * (100.5 if protocol == "bulk" else 1)
    data = atlas(counts, labels, ["A", "B", "C", "D"])
    with pytest.raises(InputError) as error:
        expression(tmp_path, data, gene_frame, ("all", "coarse", "fine"), protocol=protocol)
    listed = "column levels: populations of 'fine' with cells in several of 'coarse': 'b (x: 1, y: 2)'"
    assert listed in str(error.value) and "majority" in str(error.value) and "all" not in error.value.problems[0].found
    chosen = {"protocol": protocol, "parents": "majority"}
    levels, _ = expression(tmp_path, data, gene_frame, ("all", "coarse", "fine"), **chosen)
    assert levels["fine"].populations["parent"].tolist() == ["x", "y"]


def test_logarithms_are_refused_by_the_executable_s_own_check(tmp_path, gene_frame):
    counts = np.random.default_rng(0).poisson(3, (40, 30))
    data = atlas(np.log1p(counts), {"kind": ["x"] * 40}, [f"G{n}" for n in range(30)], layers={"counts": counts})
    genes = ("G1", "G2")
    with pytest.raises(InputError, match=r"log-normalised: log\(x \+ 1\) of counts(.|\n)*name the layer"):
        expression(tmp_path, data, gene_frame, genes=genes)
    expression(tmp_path, data, gene_frame, genes=genes, layer="counts")


def test_smartseq2_is_per_million_and_the_floor_can_be_chosen(tmp_path, gene_frame):
    data = atlas(COUNTS, {"kind": ["x", "x", "y", "y"]}, ["A", "B", "C", "D"])
    levels, _ = expression(tmp_path, data, gene_frame, protocol="smartseq2", floor=-5.0)
    assert levels["kind"].values.loc["A", "x"] == pytest.approx(np.log10(425_000))
    assert (levels["kind"].values.loc["C"] == -5).all()


@pytest.mark.parametrize(
    ("protocol", "high", "low", "lowest", "below"),
    [("10x", -1.0, -2.0, np.log10(0.1 / 4), -2), ("bulk", 1.0, 0.0, np.log10(10 / 4), 0)],
)
def test_detected_genes_at_or_below_the_floor_are_noted(tmp_path, gene_frame, protocol, high, low, lowest, below):
    # A is 1 of 100,000 counts in one of four cells: 0.1 per 10,000, or 10 per million.
    counts = np.array([[1, 9, 0, 99_990], *[[0, 50_000, 0, 50_000]] * 3])
    scaled = counts * 10 - [0, 0, 0, 0.5] if protocol == "bulk" else counts  # TPM have fractions
    atlas(scaled, {"kind": list("xxyy")}, list("ABCD")).write_h5ad(tmp_path / "a.h5ad")
    log = []
    for floor in (high, low):
        options = PseudobulkOptions(protocol, ("all", "kind"), floor=floor, min_cells=1)
        pseudobulk(tmp_path / "a.h5ad", AtlasColumns(), gene_frame(("A", "B", "C")), options, log.append)
    assert [line.split(": undetected")[0] for line in log if "floor" in line] == [
        f"NOTE level {level}: 1 gene detected in 1 population, but not above the floor {high:g} (the lowest: {value:.2f})"
        for level, value in (("all", lowest), ("kind", lowest + np.log10(2)))
    ]
    assert all(f"a floor of {below} (column floor, --floor)" in line for line in log if "floor" in line)


@pytest.mark.parametrize("layout", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix])
def test_cells_without_counts_are_in_no_mean(tmp_path, gene_frame, layout):
    labels = {"kind": ["x", "x", "y", "y"], "donor_id": list("abab")}
    full = atlas(COUNTS, labels, ["A", "B", "C", "D"])
    reference, _ = expression(tmp_path, full, gene_frame)
    empty = atlas(np.zeros((4, 4)), labels, ["A", "B", "C", "D"])
    data = anndata.concat([full, empty], index_unique="-")
    data.X = layout(data.X)
    data.write_h5ad(tmp_path / "b.h5ad")
    log = []
    options = PseudobulkOptions("10x", ("all", "kind"), min_cells=1)
    levels, _ = pseudobulk(tmp_path / "b.h5ad", AtlasColumns(), gene_frame(("A", "B", "C")), options, log.append)
    assert "NOTE 4 of 8 cells have no counts of genes, and are excluded from every population" in log
    for name, level in levels.items():
        pd.testing.assert_frame_equal(level.values, reference[name].values)
        for target, values in level.further.items():
            pd.testing.assert_frame_equal(values, reference[name].further[target])
        assert level.populations["cells"].tolist() == reference[name].populations["cells"].tolist()


def test_a_population_of_cells_without_counts_is_refused(tmp_path, gene_frame):
    data = atlas([*COUNTS, [0, 0, 0, 0]], {"kind": ["x", "x", "x", "x", "none"]}, ["A", "B", "C", "D"])
    with pytest.raises(InputError, match=r"no counts in any cell of 'none' \(level 'kind'\)"):
        expression(tmp_path, data, gene_frame)


def test_spike_ins_are_not_part_of_the_library(tmp_path, gene_frame):
    data = atlas([[1, 1, 98]], {"kind": ["x"]}, ["A", "B", "ERCC-00002"])
    levels, unused = expression(tmp_path, data, gene_frame)
    assert levels["all"].values.loc["A", "all"] == pytest.approx(np.log10(5000))
    assert unused.set_index("gene").loc["ERCC-00002", "reason"] == "spike-in (ERCC)"


@pytest.mark.parametrize("layout", ["csr", "csc", "dense", "layer", "raw", "int"])
def test_every_layout_gives_the_same(tmp_path, gene_frame, layout):
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.5, size=(300, 40)).astype(np.float32)
    genes = [f"G{number:02}" for number in range(40)]
    labels = {"kind": rng.choice(["x", "y/z", "ü 'q'"], 300)}
    data = atlas(counts, labels, genes)
    reference, _ = expression(tmp_path, data, gene_frame, genes=genes)
    options = {}
    if layout == "csc":
        data.X = scipy.sparse.csc_matrix(data.X)
    elif layout == "dense":
        data.X = counts
    elif layout == "int":
        data.X = scipy.sparse.csr_matrix(counts.astype(np.int64))
    elif layout == "layer":
        data.layers["raw counts"], data.X = data.X, data.X * 0
        options["layer"] = "raw counts"
    elif layout == "raw":
        data.raw = data
        data = data[:, :7].copy()
        options["layer"] = "raw"
    levels, _ = expression(tmp_path, data, gene_frame, genes=genes, **options)
    for level in ("all", "kind"):
        pd.testing.assert_frame_equal(levels[level].values, reference[level].values)
        pd.testing.assert_frame_equal(levels[level].populations, reference[level].populations)


@pytest.mark.parametrize("layout", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, np.asarray])
def test_chunks_cover_the_matrix_once(tmp_path, layout):
    counts = np.random.default_rng(1).poisson(0.5, size=(53, 17)).astype(np.float32)
    data = atlas(counts, {}, [f"G{number}" for number in range(17)])
    data.X = layout(counts)
    data.write_h5ad(tmp_path / "a.h5ad")
    with Atlas(tmp_path / "a.h5ad") as opened:
        parts = list(opened.chunks(values=60))
        whole = np.zeros_like(counts)
        for cells, genes, block in parts:
            whole[cells, genes] += block.toarray()
    assert len(parts) > 3
    np.testing.assert_array_equal(whole, counts)


def test_populations_below_min_cells_and_cells_without_label_are_left_out_by_name():
    obs = pd.DataFrame({"kind": ["a"] * 5 + ["b"] * 2 + [None] * 3 + ["NA"] * 5})
    grouping = group_cells(obs, "kind", 3)
    assert grouping.labels == ["NA", "a"]
    assert grouping.cells.tolist() == [5, 5]
    assert grouping.dropped == [
        {"level": "kind", "population": "b", "cells": 2, "reason": "fewer than 3 cells"},
        {"level": "kind", "population": "", "cells": 3, "reason": "no label"},
    ]


def test_a_missing_level_names_the_columns_there_are():
    with pytest.raises(InputError, match=r"no column 'typ'[\s\S]*'kind'"):
        group_cells(pd.DataFrame({"kind": ["a"]}), "typ", 1)


def test_halves_of_each_population_differ_by_at_most_one_cell():
    grouping = group_cells(pd.DataFrame({"kind": list("aaaaabbbbbbbbc")}), "kind", 1)
    bits = halves(grouping, seed=3)
    for halving in range(10):
        half = (bits >> halving) & 1
        for number, size in enumerate(grouping.cells):
            assert half[grouping.of_cell == number].sum() == size // 2
    assert len({int(bits[index]) for index in range(14)}) > 5  # and they are random


def test_sums_of_chunks_are_those_of_each_population_and_of_its_halves():
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.5, size=(50, 8)).astype(np.float32)
    scale = rng.random(50)
    grouping = group_cells(pd.DataFrame({"kind": rng.choice(["x", "y", ""], 50)}), "kind", 1)
    sums = Sums(grouping, 8, halves(grouping, seed=1))
    for cells in (slice(0, 20), slice(20, 50)):
        for genes in (slice(0, 3), slice(3, 8)):
            sums.add(cells, genes, scipy.sparse.csr_matrix(counts[cells, genes]), scale[cells])
    chosen = np.array([5, 0, 7])
    for number in range(2):
        member = grouping.of_cell == number
        normalised = counts[:, chosen] * scale[:, None]
        np.testing.assert_allclose(sums.whole(chosen)[number], normalised[member].sum(axis=0))
        for halving in range(10):
            half = member & ((sums.bits >> halving) & 1).astype(bool)
            np.testing.assert_allclose(sums.half(halving, chosen)[number], normalised[half].sum(axis=0))


def test_the_ceiling_is_the_square_root_of_the_spearman_brown_reliability():
    rng = np.random.default_rng(1)
    truth, noise = rng.normal(size=200_000), 0.7
    halves_of = [(truth + rng.normal(size=truth.size) * noise)[:, None] for _ in range(2)]
    whole = np.mean(halves_of, axis=0)
    # The best model predicts the truth: its correlation with the noisy whole is what the ceiling estimates.
    best = np.corrcoef(truth, whole[:, 0])[0, 1]
    assert ceiling([halves_of[0]], [halves_of[1]]) == pytest.approx([best], abs=3e-3)


def test_a_population_of_one_cell_has_no_ceiling(tmp_path, gene_frame):
    data = atlas(COUNTS, {"kind": ["x", "y", "y", "y"]}, ["A", "B", "C", "D"])
    levels, _ = expression(tmp_path, data, gene_frame)
    assert np.isnan(levels["kind"].populations.set_index("population").loc["x", "noise_ceiling"])


def test_log_expression_has_no_pseudocount_unless_xpresso():
    assert log_expression(np.array([0, 1, 100]), -4, 0).tolist() == [-4, 0, 2]
    assert log_expression(np.array([0, 0.9]), -4, 0.1) == pytest.approx([-1, 0])


def test_labels_survive_the_file_whatever_they_are(tmp_path, gene_frame):
    hostile = ["L2/3 IT", 'a "quoted" one', "tab\there", "new\nline", "; touch PWNED", "NA", "größer", "level"]
    data = atlas(np.eye(8) + 1, {"kind": hostile}, list("ABCDEFGH"))
    levels, _ = expression(tmp_path, data, gene_frame, genes=list("ABCDEFGH"))
    write_table(tmp_path / "kind.tsv.gz", levels["kind"].values.reset_index())
    write_table(tmp_path / "kind.populations.tsv", levels["kind"].populations)
    assert sorted(read_expression(tmp_path / "kind.tsv.gz").columns) == sorted(hostile)
    assert sorted(read_table(tmp_path / "kind.populations.tsv")["population"]) == sorted(hostile)
    assert read_expression(tmp_path / "kind.tsv.gz")["; touch PWNED"].dtype == float


def bulk(path, text):
    path.write_text(text)
    return read_bulk(path)[0]


def test_bulk_tpm_is_averaged_over_samples_and_xpresso_takes_the_median(tmp_path, gene_frame):
    (tmp_path / "tpm.csv").write_text("gene,s1,s2,s3\nA,100.5,300,1000\nB,0,0,0\nC,10,20,0\n")
    for settings, a, b in (
        (PseudobulkOptions("bulk", ("all",), min_cells=1), np.log10(1400.5 / 3), -4),
        (PseudobulkOptions("bulk", ("all",), min_cells=1, aggregation="median", pseudocount=0.1), np.log10(300.1), -1),
    ):
        levels, _ = pseudobulk(tmp_path / "tpm.csv", AtlasColumns(), gene_frame("ABC"), settings, print)
        assert levels["all"].values["all"].tolist()[:2] == pytest.approx([a, b])
        assert levels["all"].populations.loc[0, "cells"] == 3


def test_bulk_counts_need_lengths(tmp_path):
    with pytest.raises(InputError, match="Length"):
        bulk(tmp_path / "c.tsv", "gene\ts1\nA\t3\nB\t4\n")
    # featureCounts: 10 reads on 1,000 bases and 10 on 500 are 1 : 2
    table = bulk(
        tmp_path / "f.tsv",
        "# Program\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ts1\nA\t1\t1\t9\t+\t1000\t10\nB\t1\t1\t9\t+\t500\t10\n",
    )
    assert table["s1"].tolist() == pytest.approx([1e6 / 3, 2e6 / 3])


def test_lengths_are_no_sample_and_tpm_need_none(tmp_path):
    table = bulk(tmp_path / "c.tsv", "gene\tlength\ts1\nA\t1000\t10\nB\t500\t10\n")
    assert table.columns.tolist() == ["s1"] and table["s1"].tolist() == pytest.approx([1e6 / 3, 2e6 / 3])
    with pytest.raises(InputError, match="'Effective_Length' among the samples"):
        bulk(tmp_path / "c.tsv", "gene\tEffective_Length\ts1\nA\t100.5\t10.5\nB\t50\t10\n")
    with pytest.raises(InputError, match=r"TPM .* beside a column 'Length'"):
        bulk(tmp_path / "c.tsv", "gene\tLength\ts1\nA\t1000\t400000.5\nB\t500\t599999.5\n")


def test_tpm_of_some_genes_and_fpkm_are_not_divided_by_length_again(tmp_path):
    # Coding genes have 93 % of all TPM; FPKM sum to less than TPM. One such sample is enough.
    for a, b in ((400000.5, 529999.5), (1500.25, 300.5)):
        with pytest.raises(
            InputError, match=f"sum to {a + b:,.0f} in 's2', as TPM and FPKM do, beside a column 'Length'"
        ):
            bulk(tmp_path / "c.tsv", f"gene\tLength\ts1\ts2\nA\t1000\t10\t{a}\nB\t500\t10\t{b}\n")


def test_estimated_counts_are_converted_by_length_and_noted(tmp_path):
    (tmp_path / "c.tsv").write_text("gene\tLength\ts1\nA\t1000\t1000000.5\nB\t500\t1000000.5\n")
    table, notes = read_bulk(tmp_path / "c.tsv")
    assert table["s1"].tolist() == pytest.approx([1e6 / 3, 2e6 / 3])
    assert notes == ["counts were converted to TPM by the column `Length`"]
    (tmp_path / "t.tsv").write_text("gene\ts1\nA\t400000.5\nB\t599999.5\n")
    assert read_bulk(tmp_path / "t.tsv")[1] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [("gene\ts\nA\t-1.5\n", "negative"), ("gene\ts\nA\tx\n", "numbers"), ("gene\ts\n", "without genes")],
)
def test_bulk_tables_that_are_none(tmp_path, text, word):
    with pytest.raises(InputError, match=word):
        bulk(tmp_path / "t.tsv", text)


def test_lengths_that_cannot_be_bases_are_refused(tmp_path):
    for lengths, words in (
        ((1.5, 0.3), "from 0.3 of 'B' on"),
        ((1000, 0), "from 0 of 'B' on"),
        ((3, 2), "a median of 2.5"),
    ):
        with pytest.raises(InputError, match=f"lengths in 'Length' (.|\\n)*{words}(.|\\n)*kilobases"):
            bulk(tmp_path / "c.tsv", f"gene\tLength\ts1\nA\t{lengths[0]}\t10\nB\t{lengths[1]}\t10\n")


def test_places_of_genes_are_no_samples_in_any_case(tmp_path):
    (tmp_path / "c.tsv").write_text(
        "gene\tchr\tSTART\tend\tStrand\tlength\ts1\nA\t1\t5\t9\t+\t1000\t10\nB\t1\t5\t9\t+\t500\t10\n"
    )
    table, notes = read_bulk(tmp_path / "c.tsv")
    assert table.columns.tolist() == ["s1"] and table["s1"].tolist() == pytest.approx([1e6 / 3, 2e6 / 3])
    assert notes[0] == "columns that are not samples: 'chr', 'START', 'end', 'Strand'"


def test_sums_far_below_a_million_are_noted(tmp_path, gene_frame):
    (tmp_path / "t.tsv").write_text("gene\ts1\ts2\nA\t600000.5\t200000.5\nB\t399999.5\t100000\n")
    log = []
    options = PseudobulkOptions("bulk", ("all",), min_cells=1)
    pseudobulk(tmp_path / "t.tsv", AtlasColumns(), gene_frame("AB"), options, log.append)
    (note,) = log
    assert note.startswith("NOTE 1 sample with a sum below 900,000, such as 300,000 of 's2': TPM of all genes sum to")


TPM = {
    "counts": ([[1000, 20, 300], [400, 50, 60]], "counts rather than TPM"),
    "logarithms": ([[4.5, 0.5, 9.1], [3.2, 1.5, 7.7]], "nothing above 9.1: it looks log-transformed"),
    "empty": ([[100.5, 2, 7], [0, 0, 0]], "no expression of any gene in 1 sample: 'cell1'"),
}


@pytest.mark.parametrize("kind", TPM)
def test_pseudobulk_alone_refuses_what_cannot_be_tpm(tmp_path, gene_frame, kind):
    values, words = TPM[kind]
    with pytest.raises(InputError, match=words):
        expression(tmp_path, atlas(values, {"kind": ["x", "x"]}, list("ABC")), gene_frame, ("all",), protocol="bulk")


def test_a_bulk_sample_of_zeros_is_named(tmp_path, gene_frame):
    options = PseudobulkOptions("bulk", ("all",), min_cells=1)
    for text in ("gene\tLength\ts1\ts2\nA\t1000\t5\t0\nB\t500\t7\t0\n", "gene\ts1\ts2\nA\t100.5\t0\nB\t7\t0\n"):
        (tmp_path / "t.tsv").write_text(text)
        with pytest.raises(InputError, match="no expression of any gene in 1 sample: 's2'"):
            pseudobulk(tmp_path / "t.tsv", AtlasColumns(), gene_frame("AB"), options, print)


def test_bulk_h5ad_may_have_levels(tmp_path, gene_frame):
    data = atlas([[100.5, 2], [300.5, 2], [50.5, 2]], {"kind": ["x", "x", "y"]}, ["A", "B"])
    levels, _ = expression(tmp_path, data, gene_frame, protocol="bulk", genes=["A", "B"])
    assert levels["kind"].values.loc["A"].tolist() == pytest.approx([np.log10(200.5), np.log10(50.5)])


@pytest.mark.slow
def test_the_demo_atlas(demo_expression):
    populations = read_table(demo_expression / "cell_type.populations.tsv", index="population")
    assert populations["cells"].to_dict() == {"early_troph": 1461, "late_troph": 3201, "ring": 1538, "schizont": 537}
    assert populations["noise_ceiling"].mean() == pytest.approx(0.95, abs=0.02)
    assert len(read_expression(demo_expression / "cell_type.tsv.gz")) == 5060
    assert len(read_table(demo_expression / "dropped_genes.tsv")) == 6

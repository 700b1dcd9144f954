"""Which cells are read, and what they are called: tables of annotations, conditions, donors, CELLxGENE's conventions."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from preflight_project import GENES, Project

from scxpresso.expression.annotations import annotate
from scxpresso.expression.atlas import Atlas, AtlasColumns
from scxpresso.expression.cell_filter import passing_cells
from scxpresso.expression.grouping import Grouping, donor_halves, donors_of, group_cells, with_donors
from scxpresso.expression.library import library_from_obs
from scxpresso.expression.pseudobulk import PseudobulkOptions, ceiling, log_expression, pseudobulk
from scxpresso.expression.sums import Sums  # noqa: F401  compiled once for all tests
from scxpresso.problems import InputError

OBS = pd.DataFrame(index=[f"AAAC{number}-1" for number in range(6)])


# ---- Annotations -----------------------------------------------------------------------------------------------------


def table(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


ROWS = "".join(f"{number},AAAC{number}-1,{'xy'[number % 2]},{number * 10}\n" for number in range(6))


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "labels.csv.gz"])
def test_columns_are_added_in_the_order_of_the_cells(tmp_path, name):
    text = "number,cell,kind,size\n" + "".join(reversed(ROWS.splitlines(keepends=True)))
    path = table(tmp_path, text.replace(",", "\t") if "tsv" in name else text, name)
    obs, rows, notes = annotate(OBS, path)
    assert obs["kind"].tolist() == list("xyxyxy") and obs["size"].tolist() == [0, 10, 20, 30, 40, 50]
    assert list(rows) == list(range(6)) and obs.index.equals(OBS.index)
    assert notes == ["6 of 6 cells are in the annotations, by their column 'cell'"]


def test_missing_cells_of_either_side_are_counted_and_named(tmp_path):
    path = table(tmp_path, "number,cell,kind,size\n" + "".join(ROWS.splitlines(keepends=True)[2:]) + "7,other,z,1\n")
    obs, rows, notes = annotate(OBS, path)
    assert list(rows) == [2, 3, 4, 5] and "z" not in set(obs["kind"])
    assert "2 cells excluded, not in the annotations: 'AAAC0-1', 'AAAC1-1'" in notes
    assert "1 cell of the annotations not in the counts: 'other'" in notes


def test_suffixes_quotes_and_names_of_rows_without_a_header(tmp_path):
    text = '"kind" "n"\n'.replace(" ", "\t") + "".join(f'"AAAC{number}"\t"a, ""b"""\t{number}\n' for number in range(6))
    obs, _, notes = annotate(OBS, table(tmp_path, text, "r.txt"))
    assert set(obs["kind"]) == {'a, "b"'} and obs["n"].dtype == np.int64
    assert notes == ["6 of 6 cells are in the annotations, by their column 'cell' (without the suffix '-1')"]


def test_types_of_columns(tmp_path):
    lines = ["cell,cluster,zeros,share,label,flag", "AAAC0-1,1,001,0.5,NA,True", "AAAC1-1,,002,,B cell,False"]
    obs, rows, _ = annotate(OBS, table(tmp_path, "\n".join(lines)))
    assert obs["cluster"].astype(str).tolist() == ["1", "<NA>"]  # a label '1', not '1.0'
    assert obs["zeros"].tolist() == ["001", "002"] and obs["label"].tolist() == ["NA", "B cell"]
    assert obs["share"].dtype == float and len(rows) == 2
    assert group_cells(obs, "cluster", 1).labels == ["1"]
    assert passing_cells(obs, "flag").tolist() == [True, False]


@pytest.mark.parametrize(
    "texts",
    [["1.1", "1.10", "1.2"], ["12.0", "12", "7"], ["1e2", "100", "100."], ["1", "-0", "0"], ["0.10", "0.2", "0.3"]],
)
def test_labels_that_look_like_numbers_stay_as_they_are(tmp_path, texts):
    lines = ["cell,cluster"] + [f"AAAC{number}-1,{text}" for number, text in enumerate(texts)]
    obs, _, _ = annotate(OBS, table(tmp_path, "\n".join([*lines, "AAAC3-1,NA"])))
    assert group_cells(obs, "cluster", 1).labels == sorted(texts)
    assert passing_cells(obs, "cluster < 1000").tolist() == [True, True, True, False]


def test_numbers_of_text_decide_conditions_and_libraries(tmp_path):
    lines = ["cell,share,cluster,total", "AAAC0-1,0.10,1.1,1e+05", "AAAC1-1,0.2,1.10,200.5", "AAAC2-1,3,1.2,7"]
    obs, _, _ = annotate(OBS, table(tmp_path, "\n".join(lines)))
    assert passing_cells(obs, "share >= 0.2").tolist() == [False, True, True]
    assert (
        passing_cells(obs, "share == 0.1").tolist()
        == passing_cells(obs, "share in [0.1]").tolist()
        == [True, False, False]
    )
    assert passing_cells(obs, "cluster == '1.10'").tolist() == [False, True, False]
    with pytest.raises(InputError, match=r"'cluster' has text, compared with 1\.1"):
        passing_cells(obs, "cluster == 1.1")
    assert library_from_obs(obs, "total").tolist() == [1e5, 200.5, 7]


def test_columns_of_obs_are_replaced(tmp_path):
    obs, _, notes = annotate(OBS.assign(kind="old", batch=1), table(tmp_path, "number,cell,kind,size\n" + ROWS))
    assert obs["kind"].tolist() == list("xyxyxy") and list(obs.columns) == ["batch", "number", "kind", "size"]
    assert notes[-1] == "columns of obs are replaced by those of the annotations: 'kind'"


TABLES = {
    "no cell": ("cell,kind\nB,x\n", "which has 'AAAC0-1', 'AAAC1-1', ", "its column 'cell' has 'B'"),
    "twice": ("cell,kind\nAAAC0-1,x\nAAAC0-1,y\n", "cells in its column 'cell' more than once: 'AAAC0-1'"),
    "ragged": ("cell,kind\nAAAC0-1,x\nAAAC1-1\n", "line 3: 1 cells, in the header 2"),
    "longer": ("cell,kind\nAAAC0-1,x\nAAAC1-1,x,y\n", "line 3: 3 cells, in the header 2"),
    "longer with quotes": ('cell,kind\nAAAC0-1,x\nAAAC1-1,"x",y\n', "lines that do not fit the header"),
    "header": ("cell,kind\n", "a header without rows"),
    "column twice": ("cell,kind,kind\nAAAC0-1,x,y\n", "columns more than once: 'kind'"),
    "one column": ("cell\nAAAC0-1\n", "a table of a single column"),
    "binary": ("\x00\x01\x02", "binary data"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_that_are_not_well(tmp_path, kind):
    text, *words = TABLES[kind]
    with pytest.raises(InputError) as raised:
        annotate(OBS, table(tmp_path, text))
    (problem,) = raised.value.problems
    assert problem.where == "column annotations" and problem.fix
    assert all(word in problem.found for word in words), problem.found


def test_the_same_row_twice_is_no_contradiction_and_cells_twice_are(tmp_path):
    path = table(tmp_path, "cell,kind\nAAAC0-1,x\nAAAC0-1,x\n")
    assert len(annotate(OBS, path)[0]) == 1
    with pytest.raises(InputError, match="cells of the counts more than once: 'AAAC0-1'"):
        annotate(pd.concat([OBS, OBS]), path)


# ---- Conditions ------------------------------------------------------------------------------------------------------

CELLS = pd.DataFrame(
    {
        "tissue": pd.Categorical(["lung", "heart", "lung", None, "it's"]),
        "is_primary_data": [True, True, False, True, False],
        "n genes": [100, 200, 300, 400, 500],
        "share": [0.1, np.nan, 0.3, 0.4, 0.5],
        "cluster": pd.array([1, 2, None, 1, 2], dtype="Int64"),
        "flag": ["TRUE", "false", None, "True", "FALSE"],
        "text": list("abcde"),
    }
)
CONDITIONS = {
    'is_primary_data & tissue == "lung"': "10000",
    "is_primary_data and tissue == 'lung' or text == 'e'": "10001",
    "~is_primary_data": "00101",
    "not (tissue in ['lung', 'heart'])": "00011",
    "tissue not in ('lung', 'heart')": "00011",
    "tissue != 'lung'": "01011",
    "tissue == ['lung', 'heart']": "11100",
    'tissue == "it\'s"': "00001",
    "`n genes` >= 300 | text == 'a'": "10111",
    "100 < `n genes` <= 300": "01100",
    "share > 0.2": "00111",
    "share > -1": "10111",
    "cluster == 1": "10010",
    "flag": "10010",
    "flag | is_primary_data == False": "10111",
    "'lung' == tissue": "10100",
    "share >= .4 && share <= 4e-1": "00010",
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(condition):
    assert "".join(map(str, passing_cells(CELLS, condition).astype(int))) == CONDITIONS[condition]


@pytest.mark.parametrize(
    "condition", [name for name in CONDITIONS if not any(x in name for x in ("flag", "&&", "cluster"))]
)
def test_conditions_are_those_of_pandas(condition):
    values = CELLS.assign(tissue=CELLS["tissue"].astype(object))
    expected = values.index.isin(values.query(condition, engine="python").index)
    np.testing.assert_array_equal(passing_cells(CELLS, condition), expected)


STAGES = pd.DataFrame(
    {"stage": pd.Categorical(["E9.5", "E10.5", None, "E8.5"], ["E8.5", "E9.5", "E10.5", "P0"], ordered=True)}
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    {
        "stage >= 'E9.5'": "1100",
        "stage < 'E10.5'": "1001",
        "stage < 'P0'": "1101",
        "'E9.5' < stage": "0100",
        "stage == 'E9.5'": "1000",
        "stage != 'E9.5'": "0111",
        "stage in ['E8.5', 'E10.5']": "0101",
        "stage not in ['E8.5']": "1110",
    }.items(),
)
def test_ordered_categories_have_their_order_as_in_pandas(condition, expected):
    assert "".join(map(str, passing_cells(STAGES, condition).astype(int))) == expected
    assert list(STAGES.query(condition).index) == [row for row, kept in enumerate(expected) if kept == "1"]


@pytest.mark.parametrize(
    ("condition", "words"),
    {
        "stage >= 'E9'": "no cell with 'E9' in 'stage'",
        "stage > 9": "'stage' has text, compared with 9",
        "stage == stage2": "no column 'stage2'",
    }.items(),
)
def test_places_that_an_order_does_not_have_are_refused(condition, words):
    with pytest.raises(InputError, match=words):
        passing_cells(STAGES, condition)


REFUSED = {
    "tisue == 'lung'": ("no column 'tisue' in obs", "did you mean 'tissue'?"),
    "tissue == 'lungs'": ("no cell with 'lungs' in 'tissue'", "did you mean 'lung'?"),
    "tissue in ['lung', 'liver']": ("no cell with 'liver' in 'tissue'",),
    "cluster == 7": ("no cell with 7 in 'cluster'",),
    "`n genes` == '100'": ("'n genes' has numbers, compared with '100'", "write a number"),
    "tissue > 3": ("'tissue' has text, compared with 3", "between quotation marks"),
    "tissue": ("'tissue' alone, which has 'lung'", "a column of true and false"),
    "tissue = 'lung'": ("cannot be parsed",),
    "tissue == 'lung": ("cannot be parsed", "quotation marks"),
    "`n genes > 3": ("cannot be parsed",),
    "share > 2": ("no cell meets the condition",),
    "1 == 1": ("neither is a column",),
    "True": ("neither a column, a literal nor a comparison",),
    "tissue in 'lung'": ("'in'", "a list"),
    "tissue == None": ("neither a column, a literal nor a comparison",),
    "share + 1 > 1": ("neither a column, a literal nor a comparison",),
    "tissue.str.len() > 1": ("neither a column, a literal nor a comparison",),
    "@x == 1": ("cannot be parsed",),
    "__import__('os').system('touch PWNED')": ("neither a column, a literal nor a comparison",),
    "tissue == f'{exit()}'": ("neither a column, a literal nor a comparison",),
    "(lambda: 1)() == share": ("neither a column, a literal nor a comparison",),
    "[tissue for tissue in share]": ("neither a column, a literal nor a comparison",),
    "(x := 1) == share": ("neither a column, a literal nor a comparison",),
    "share[0] == 1": ("neither a column, a literal nor a comparison",),
    "~" * 1500 + "is_primary_data": ("brackets",),
    "is_primary_data" * 200: ("3,000 characters",),
    "import os": ("cannot be parsed",),
}


@pytest.mark.parametrize("condition", REFUSED)
def test_conditions_that_are_refused(condition):
    with pytest.raises(InputError) as raised:
        passing_cells(CELLS, condition)
    (problem,) = raised.value.problems
    assert problem.where == "column cells"
    assert all(word in str(problem) for word in REFUSED[condition]), str(problem)


@pytest.mark.parametrize("layout", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, np.asarray])
def test_only_these_cells_are_read(tmp_path, gene_frame, layout):
    counts = np.random.default_rng(1).poisson(1.0, (90, 12)).astype(np.float32)
    obs = pd.DataFrame({"kind": ["x", "y", "z"] * 30, "keep": [True] * 50 + [False] * 40}, index=map(str, range(90)))
    data = anndata.AnnData(layout(counts), obs, pd.DataFrame(index=list("ABCDEFGHIJKL")))
    data.write_h5ad(tmp_path / "a.h5ad")
    chosen = data[(obs["kind"] != "z") & obs["keep"]].copy()
    chosen.write_h5ad(tmp_path / "b.h5ad")
    columns = AtlasColumns(cells="kind != 'z' & keep")
    with Atlas(tmp_path / "a.h5ad", columns) as atlas:
        whole = np.zeros(chosen.shape)
        for cells, genes, block in atlas.chunks(40):
            whole[cells, genes] += block.toarray()
        np.testing.assert_array_equal(whole, counts[(obs["kind"] != "z") & obs["keep"]])
        sample = atlas.sample(10)
        np.testing.assert_array_equal(sample.counts.toarray(), whole[sample.rows])
        assert list(sample.cells) == list(atlas.obs.index[sample.rows])
    options = PseudobulkOptions("10x", ("all", "kind"), min_cells=1)
    found, _ = pseudobulk(tmp_path / "a.h5ad", columns, gene_frame("ABCDEFGHIJ"), options, print)
    expected, _ = pseudobulk(tmp_path / "b.h5ad", AtlasColumns(), gene_frame("ABCDEFGHIJ"), options, print)
    for level in found:
        pd.testing.assert_frame_equal(found[level].values, expected[level].values, check_exact=True)
        pd.testing.assert_frame_equal(found[level].populations, expected[level].populations, check_exact=True)


# ---- Donors ----------------------------------------------------------------------------------------------------------


def test_donors_are_split_into_halves():
    grouping = Grouping("kind", ["x", "y", "z"], np.repeat([0, 1, 2, -1], 20).astype(np.int32), [])
    donors = pd.Series(["a", "b", "c", "d", "e"] * 4 + ["a"] * 10 + ["b"] * 5 + [None] * 5 + ["c"] * 20 + ["d"] * 20)
    restricted, number = with_donors(grouping, donors)
    assert number.tolist() == [5, 2, 1]
    assert (restricted.of_cell[35:] == -1).all()  # without a donor, of a single donor, in no population
    bits = donor_halves(restricted, donors, seed=1)
    for halving in range(10):
        half = (bits >> halving) & 1
        x = {donor: set(half[:20][donors[:20] == donor]) for donor in "abcde"}
        assert all(len(one) == 1 for one in x.values())
        assert sum(one == {1} for one in x.values()) == 2
        assert len(set(half[20:30])) == len(set(half[30:35])) == 1 and half[20] != half[30]
    assert len({tuple((bits[:5] >> halving) & 1) for halving in range(10)}) > 1


def test_donors_that_are_none():
    obs = pd.DataFrame({"donor_id": ["a", "unknown", "pooled", None, "b"], "mouse": list("12345")})
    assert donors_of(obs, None).tolist()[::4] == ["a", "b"] and donors_of(obs, None).isna().sum() == 3
    assert donors_of(obs, "mouse").notna().all() and donors_of(obs[["mouse"]], None) is None
    with pytest.raises(InputError, match=r"column donor_column: no column 'mause'.*\n.*\n.*did you mean 'mouse'"):
        donors_of(obs, "mause")


def test_ceilings_between_donors_by_hand(tmp_path, gene_frame):
    """Donors that differ: the ceiling between them is lower, and is that of the means of two halves."""
    rng = np.random.default_rng(1)
    genes = [f"G{number:03}" for number in range(200)]
    rate = rng.lognormal(1, 1, 200)
    of_donor = {donor: rate * rng.lognormal(0, 0.7, 200) for donor in ("a", "b")}
    donors = np.repeat(["a", "b"], 50)
    counts = rng.poisson([of_donor[donor] for donor in donors]).astype(np.float32)
    obs = pd.DataFrame({"donor_id": donors, "kind": "x"}, index=map(str, range(100)))
    anndata.AnnData(counts, obs, pd.DataFrame(index=genes)).write_h5ad(tmp_path / "a.h5ad")
    options = PseudobulkOptions("10x", ("kind",), min_cells=1)
    levels, _ = pseudobulk(tmp_path / "a.h5ad", AtlasColumns(), gene_frame(genes), options, print)
    row = levels["kind"].populations.iloc[0]
    scaled = counts / counts.sum(axis=1, keepdims=True) * 1e4
    halves = [log_expression(scaled[donors == donor].mean(axis=0), -4, 0)[:, None] for donor in ("a", "b")]
    assert row["donors"] == 2
    assert row["noise_ceiling_donors"] == pytest.approx(ceiling([halves[0]], [halves[1]])[0], abs=1e-6)
    assert row["noise_ceiling_donors"] < 0.97 < row["noise_ceiling"]
    obs["donor_id"] = "a"
    anndata.AnnData(counts, obs, pd.DataFrame(index=genes)).write_h5ad(tmp_path / "a.h5ad")
    levels, _ = pseudobulk(tmp_path / "a.h5ad", AtlasColumns(), gene_frame(genes), options, print)
    assert levels["kind"].populations["donors"].tolist() == [1]
    assert levels["kind"].populations["noise_ceiling_donors"].isna().all()


def test_donors_of_bulk_samples(tmp_path, gene_frame):
    rng = np.random.default_rng(1)
    genes = [f"G{number:03}" for number in range(100)]
    tpm = pd.DataFrame(
        rng.lognormal(1, 1, (100, 1)) * rng.lognormal(0, 0.3, (100, 6)), index=genes, columns=list("abcdef")
    )
    (tpm / tpm.sum() * 1e6).to_csv(tmp_path / "tpm.tsv", sep="\t")
    pd.DataFrame({"sample": list("abcdef"), "tissue": list("xxxxyy"), "mouse": list("112233")}).to_csv(
        tmp_path / "about.csv", index=False
    )
    columns = AtlasColumns(annotations=tmp_path / "about.csv", cells="mouse < 3")
    options = PseudobulkOptions("bulk", ("all", "tissue"), min_cells=1, donor_column="mouse")
    levels, _ = pseudobulk(tmp_path / "tpm.tsv", columns, gene_frame(genes), options, print)
    assert list(levels["tissue"].values.columns) == ["x"] and levels["all"].populations["cells"].tolist() == [4]
    assert levels["tissue"].populations["donors"].tolist() == [2]
    assert 0 < levels["tissue"].populations["noise_ceiling_donors"].iloc[0] < 1


# ---- In the checks, and CELLxGENE ------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


def test_checks_of_annotations_and_conditions(project):
    cells = [f"cell{number}" for number in range(40)]
    labels = pd.DataFrame({"cell": cells, "type": ["T", "B"] * 20, "person": list("abcd") * 10})
    labels.iloc[:36].to_csv(project.folder / "labels.csv", index=False)
    project.atlas |= {
        "annotations": "labels.csv", "cells": "person in ['a', 'b', 'c']", "levels": "all;type", "donor_column": "person",
    }  # fmt: skip
    project.write_sheets()
    notes = project.notes()
    assert "atlas tiny: 36 of 40 cells are in the annotations, by their column 'cell'" in notes
    assert "4 cells excluded, not in the annotations: 'cell36', 'cell37'" in notes
    assert "27 of 36 cells meet the condition in the column cells" in notes
    assert "noise ceilings are also estimated between 3 donors" in notes
    project.atlas |= {"cells": "persn == 'a'", "donor_column": "mouse"}
    project.write_sheets()
    report = project.check().report()
    assert report.startswith("2 problems to fix")
    assert "row 1 (line 2), column cells: no column 'persn' in obs" in report
    assert "row 1 (line 2), column donor_column: no column 'mouse' in obs" in report
    project.atlas |= {"cells": "", "donor_column": ""}
    project.write_sheets()
    (project.folder / "labels.csv").write_bytes(gzip.compress(b"x" * 1000)[:-20])
    project.problem("row 1 (line 2), column annotations: a gzip file that is cut short", "the level" if False else "")


def cellxgene(project, census=False):
    counts = np.random.default_rng(3).poisson(1.0, (40, 60)).astype(np.float32)
    obs = {
        "kind": ["B cell"] * 40, "is_primary_data": [True] * 30 + [False] * 10, "donor_id": list("abcd") * 10,
        "cell_type_ontology_term_id": ["CL:0000236"] * 40,
    }  # fmt: skip
    data = project.write_atlas(counts=np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4), obs=obs)
    data.var["feature_id"], data.var["feature_name"] = GENES, [f"NAME{number}" for number in range(60)]
    if census:
        data.var_names = [str(number) for number in range(60)]
        data.X = scipy.sparse.csr_matrix(counts)
    else:
        data.raw = anndata.AnnData(scipy.sparse.csr_matrix(counts), data.obs, data.var)
    data.write_h5ad(project.folder / "atlas.h5ad")
    return counts


def test_files_of_cellxgene(project, gene_frame):
    counts = cellxgene(project)
    notes = project.notes()
    assert "counts are read from raw/X, where CELLxGENE's schema has them, not from X" in notes
    assert "10 of 40 cells are also in another dataset (is_primary_data is false)" in notes
    assert "noise ceilings are also estimated between 4 donors" in notes
    with Atlas(project.folder / "atlas.h5ad") as atlas:
        np.testing.assert_array_equal(next(atlas.chunks())[2].toarray(), counts)
        assert atlas.matrices() == ["", "X"]
    project.atlas["cells"] = "is_primary_data"
    project.write_sheets()
    notes = project.notes()
    assert "30 of 40 cells meet the condition" in notes and "another dataset" not in notes
    project.atlas["layer"] = "X"
    project.write_sheets()
    project.problem("layer 'X': fractions", "leave the column layer empty, for raw/X")
    with Atlas(project.folder / "atlas.h5ad", AtlasColumns("X")) as atlas:
        assert atlas.matrix_name == "X"


def test_files_of_the_census(project):
    cellxgene(project, census=True)
    notes = project.notes()
    assert "genes are named by the column 'feature_id' of var, as its index has only numbers" in notes
    assert "60 by gene id" in notes

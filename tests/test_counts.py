"""What an atlas' numbers and names are: genes and their library, raw counts or not, odd labels, and files that cannot be read."""

import fcntl

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy
import scipy.sparse
from conftest import ROOT
from preflight_project import GENES, Project

from scxpresso.expression import atlas as atlas_module
from scxpresso.expression.atlas import Atlas, AtlasColumns, spread
from scxpresso.expression.features import not_genes, share_by_population
from scxpresso.expression.grouping import group_cells
from scxpresso.expression.highly_variable import highly_variable_genes
from scxpresso.expression.labels import excluded_labels, near_labels, suspicious_labels
from scxpresso.expression.pseudobulk import PseudobulkOptions, pseudobulk, read_bulk
from scxpresso.expression.raw_counts import Sample, by_likelihood, counts_fault
from scxpresso.problems import InputError
from scxpresso.spike_ins import spike_in_kind
from scxpresso.store import read_expression, read_table

pytestmark = pytest.mark.filterwarnings("ignore:Variable names are not unique", "ignore:Transforming to str index")

CASES = ROOT / "tests" / "data" / "cases" / "atlas"


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


@pytest.fixture
def case(tmp_path, schemas):
    """A project of the cases' genome, whose atlas is the case of this name."""

    def make(name: str, **cells) -> Project:
        made = Project(tmp_path, schemas, CASES)
        made.atlas |= {"counts": f"{name}.h5ad"} | cells
        made.genome |= {"fasta": "g.fa", "gtf": "g.gtf"}
        made.params |= {"folds": 2, "upstream": 300, "downstream": 300}
        made.write_sheets()
        return made

    return make


@pytest.fixture(scope="module")
def case_genes(tmp_path_factory, run_cli):
    folder = tmp_path_factory.mktemp("genes")
    made = run_cli(
        "extract_features.py", "--fasta", CASES / "g.fa", "--gtf", CASES / "g.gtf", "--upstream", 300,
        "--downstream", 300, "--outdir", folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder / "genes.tsv"


def by_hand(name: str, matrix=lambda data: data.X) -> pd.DataFrame:
    """log10 of the mean counts per 10,000 of the genes in each population, with anndata in memory."""
    data = anndata.read_h5ad(CASES / f"{name}.h5ad")
    counts = pd.DataFrame(np.asarray(matrix(data).todense()), data.obs_names, data.var_names).filter(like="ENSG")
    mean = (counts.div(counts.sum(axis=1), axis=0) * 1e4).groupby(data.obs["kind"].astype(str)).mean().T
    return np.log10(mean.where(mean > 0, 1e-4))


def expression(path, genes, **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Expression of the level `kind`, and dropped_genes.tsv."""
    layer, gene_column, log = options.pop("layer", None), options.pop("gene_column", None), options.pop("log", print)
    settings = PseudobulkOptions(
        options.pop("protocol", "10x"), options.pop("levels", ("kind",)), min_cells=1, **options
    )
    levels, dropped = pseudobulk(path, AtlasColumns(layer, gene_column), genes, settings, log)
    return levels[settings.levels[-1]].values, dropped


# ---- The cases -------------------------------------------------------------------------------------------------------

LEFT_OUT = {
    "12_multiome": ("300 × feature type 'Peaks'", "'B' 96.2%, 'A' 80.1%"),
    "14_htseq": ("5 × row of HTSeq's summary ('__no_feature', '__ambiguous', … (5 in all))", "'A' 83.6%, 'B' 34.2%"),
    "15_ERCC46": ("10 × spike-in (ERCC) ('ERCC.00002'", "'A' 57.6%, 'B' 12.2%"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("01_csr", {}), *((name, {}) for name in LEFT_OUT), ("09_layer_raw", {"layer": "raw"}), ("16_velo", {"layer": "matrix"})],
)  # fmt: skip
def test_cases_give_the_values_of_genes_alone(case_genes, name, options):
    log = []
    found, dropped = expression(CASES / f"{name}.h5ad", read_table(case_genes), log=log.append, **options)
    right = by_hand(name, lambda data: data.layers[options["layer"]] if options else data.X)
    found = found.rename(index=lambda gene: gene.split(".")[0])
    pd.testing.assert_frame_equal(found, right, check_names=False, check_dtype=False)
    if name in LEFT_OUT:
        assert all(words in "\n".join(log) for words in ("NOTE", *LEFT_OUT[name]))
        pd.testing.assert_frame_equal(right, by_hand("01_csr"))
        assert len(dropped) > 4 and (dropped["reason"] != "").all()


@pytest.mark.slow
def test_the_executable_takes_every_column_of_the_sheet(tmp_path, case_genes, run_cli):
    data = anndata.read_h5ad(CASES / "01_csr.h5ad")
    right = by_hand("01_csr")["A"]
    data.obs = pd.DataFrame({"kind": data.obs["kind"], "a 'total'": np.asarray(data.X.sum(axis=1)).ravel() * 2})
    data.write_h5ad(tmp_path / "a.h5ad")
    made = run_cli(
        "pseudobulk.py", "--counts", tmp_path / "a.h5ad", "--protocol", "10x", "--levels", "kind", "--genes", case_genes,
        "--library_column", "a 'total'", "--exclude", "B", "--outdir", tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    found = read_expression(tmp_path / "kind.tsv.gz")
    assert found.columns.tolist() == ["A"]
    np.testing.assert_allclose(found["A"], np.where(right > -4, right - np.log10(2), -4), atol=1e-4)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_cases_of_other_features_are_noted(case, name):
    notes = case(name).notes()
    assert all(words in notes for words in LEFT_OUT[name])
    assert "60 of 60 genes" in notes


def test_cases_of_layers(case):
    case("09_layer_raw").problem("log-normalised", "write 'raw' into the column layer")
    assert "60 of 60 genes" in case("09_layer_raw", layer="raw").notes()
    case("16_velo", layer="").problem("log-normalised", "write 'matrix' into the column layer")
    assert "holds, by its name, a part of the molecules alone" in case("16_velo", layer="spliced").notes()


def test_case_of_a_population_called_none(case):
    assert "level kind: these labels are populations like any other: 'None' (30 cells)" in case("17_none_text").notes()
    notes = case("17_none_text", exclude="None").notes()
    assert "population 'None' excluded, 30 cells (named in the column exclude)" in notes
    assert "like any other" not in notes


@pytest.mark.slow
def test_case_of_nan(case, case_genes, monkeypatch):
    genes = read_table(case_genes)
    with pytest.raises(InputError, match=r"NaN in cell 'x6', gene 'ENSG00000000010'"):
        expression(CASES / "18_nan.h5ad", genes)
    case("18_nan").problem("NaN in cell 'x", "gene 'ENSG0000000001")
    # Cells with NaN are few: where the sample of preflight has none of them, pseudobulk finds them.
    monkeypatch.setattr(atlas_module, "spread", lambda length, number: np.arange(5))
    assert case("18_nan").notes()


# ---- The library -----------------------------------------------------------------------------------------------------


def test_spike_ins_by_every_name():
    for name in ("ERCC-00002", "ERCC.00002", "ERCC_00002", "ercc-00002", "gSpikein_ERCC-00002", "hg38_ERCC-00002"):
        assert spike_in_kind(name) == "spike-in (ERCC)", name
    assert spike_in_kind("SIRV101") == spike_in_kind("gSpikein_SIRV1") == "spike-in (SIRV)"
    assert spike_in_kind("gSpikein_phiX174") == "spike-in"
    for gene in ("ERCC1", "ERCC6L2", "ERCC6L2-AS1", "ERCC1.2", "ERCC6-PGBD3", "XERCC-1", "ercc-1", "SIRT1"):
        assert spike_in_kind(gene) == "", gene


def test_names_that_no_gene_has():
    others = [
        "__no_feature", "N_unmapped", "N_noFeature", "chr1:100-200", "GL000194.1:5-90", "chrX-100-200", "CD3_TotalSeqB",
        "CD4:SK3|CD4|AHS0032|pAbO", "ADT_CD3", "CD3_adt", "Hashtag1", "HTO-2", "CMO301", "sgTP53-1", "sgRNA_7",
        "non-targeting_3", "ERCC-00002",
    ]  # fmt: skip
    genes = [
        "CD3E",
        "N",
        "HTT",
        "sgk1-2",
        "NKX2-1",
        "HLA-A",
        "AC004.1",
        "Prot1",
        "1-Mar",
        "TP53",
        "AT1G01010",
        "N_real",
    ]
    reasons = not_genes(
        pd.DataFrame(index=others + genes), [(name,) for name in others + genes], ["N_real", "ERCC-00002"]
    )
    assert (reasons[: len(others)] != "").all(), np.array(others)[reasons[: len(others)] == ""]
    assert (reasons[len(others) :] == "").all()


@pytest.mark.parametrize(
    ("column", "types", "genes"),
    [
        ("feature_types", ["Gene Expression", "Peaks", "Antibody Capture", "CRISPR Guide Capture", "Custom"], [0]),
        ("feature_types", ["Gene Expression", None, "Multiplexing Capture", "nan", ""], [0, 1, 3, 4]),
        ("feature_type", ["protein_coding", "lncRNA", "synthetic", "TEC", "protein_coding"], [0, 1, 3, 4]),
        ("feature_biotype", ["gene", "gene", "spike-in", "gene", "gene"], [0, 1, 3, 4]),
        ("feature_type", ["mRNA", "lnc_RNA", "gene", "ncRNA_gene", "Peaks"], [0, 1, 2, 3]),
        ("feature_types", ["Peaks", "Antibody Capture", "Peaks", "Peaks", "Peaks"], []),
        ("genome", ["GRCh38", "Peaks", "Peaks", "", ""], [0, 1, 2, 3, 4]),
    ],
)
def test_types_of_features(column, types, genes):
    names = list("ABCDE")
    reasons = not_genes(pd.DataFrame({column: types}, index=names), [(name,) for name in names], names)
    assert np.flatnonzero(reasons == "").tolist() == genes


def test_an_antibody_of_a_genes_name_does_not_hide_the_gene(tmp_path, gene_frame):
    var = pd.DataFrame(
        {"feature_types": ["Gene Expression"] * 2 + ["Antibody Capture"] * 2}, index=["A", "B", "B", "C"]
    )
    data = anndata.AnnData(np.array([[1.0, 3, 90, 7]] * 3), pd.DataFrame({"kind": ["x"] * 3}), var)
    data.write_h5ad(tmp_path / "a.h5ad")
    values, dropped = expression(tmp_path / "a.h5ad", gene_frame("ABC"))
    assert values["x"].to_dict() == pytest.approx({"A": np.log10(2500), "B": np.log10(7500)})
    assert dropped.to_numpy().tolist() == [[name, "feature type 'Antibody Capture'"] for name in "BC"]


def test_types_of_raw_are_those_of_var(tmp_path, gene_frame):
    data = anndata.AnnData(
        scipy.sparse.csr_matrix([[1.0, 3, 96]] * 3),
        pd.DataFrame({"kind": ["x"] * 3}),
        pd.DataFrame(index=["A", "B", "P"]),
    )
    data.raw = data.copy()
    data.var["feature_types"] = ["Gene Expression", "Gene Expression", "Peaks"]
    data.write_h5ad(tmp_path / "a.h5ad")
    values, _ = expression(tmp_path / "a.h5ad", gene_frame("AB"), layer="raw")
    assert values.loc["A", "x"] == pytest.approx(np.log10(2500))


def test_shares_of_values_that_are_no_counts_are_unknown():
    share = share_by_population(np.array([6.0, 1, 1]), np.array([2.0, np.nan, -3]), np.arange(3), list("ABC"))
    assert share == "'A' 25.0%, 'C' unknown, 'B' unknown"


def test_bulk_tables_and_h5ad_without_spike_ins(tmp_path, gene_frame):
    (tmp_path / "tpm.csv").write_text("gene,s1\nA,200000.5\nB,299999.5\nERCC-00002,500000\n")
    values, dropped = expression(tmp_path / "tpm.csv", gene_frame("AB"), protocol="bulk", levels=("all",))
    assert 10 ** values["all"].to_numpy() == pytest.approx([400_001, 599_999])
    assert dropped.to_numpy().tolist() == [["ERCC-00002", "spike-in (ERCC)"]]
    # Reads of 1,000 bases: 10, 30 and 60 without feature. TPM of the genes are 250,000 and 750,000.
    (tmp_path / "c.tsv").write_text("gene\tLength\ts1\nA\t1000\t10\nB\t1000\t30\n__no_feature\t1000\t60\n")
    values, _ = expression(tmp_path / "c.tsv", gene_frame("AB"), protocol="bulk", levels=("all",))
    assert 10 ** values["all"].to_numpy() == pytest.approx([250_000, 750_000])
    counts = np.array([[200_000.5, 299_999.5, 500_000]])
    data = anndata.AnnData(counts, pd.DataFrame({"kind": ["x"]}), pd.DataFrame(index=["A", "B", "SIRV1"]))
    data.write_h5ad(tmp_path / "a.h5ad")
    values, _ = expression(tmp_path / "a.h5ad", gene_frame("AB"), protocol="bulk")
    assert 10 ** values["x"].to_numpy() == pytest.approx([400_001, 599_999])


def test_bulk_values_that_are_none_are_named(tmp_path, gene_frame):
    (tmp_path / "t.tsv").write_text("gene\ts1\ts2\nA\t1.5\t2\nB\tinf\t2\n")
    with pytest.raises(InputError, match="inf of 'B' in 's1'"):
        read_bulk(tmp_path / "t.tsv")
    data = anndata.AnnData(
        np.array([[1.5, np.nan]]), pd.DataFrame({"kind": ["x"]}, ["s1"]), pd.DataFrame(index=["A", "B"])
    )
    data.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match="NaN in cell 's1', gene 'B'"):
        expression(tmp_path / "a.h5ad", gene_frame("AB"), protocol="bulk")


LAYOUTS = {"csr": scipy.sparse.csr_matrix, "csc": scipy.sparse.csc_matrix, "dense": lambda counts: counts.toarray()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["total_counts", "nCount_RNA", "n_counts", "nUMI"])
def test_a_matrix_that_lacks_genes(tmp_path, project, gene_frame, name, layout):
    project.params["folds"] = 5  # each of which holds out some of the 40 genes
    whole = project.write_atlas()
    right, _ = expression(project.folder / "atlas.h5ad", gene_frame(GENES))
    part = whole[:, :40].copy()
    part.X = LAYOUTS[layout](part.X)
    part.obs[name] = np.asarray(whole.X.sum(axis=1)).ravel()
    part.write_h5ad(project.folder / "atlas.h5ad")
    words = f"obs has larger totals than the matrix: '{name}' is 1.5", f"write '{name}' into the column library_column"
    project.problem("column counts, file 'atlas.h5ad'", *words)
    with pytest.raises(InputError, match="larger totals"):
        expression(project.folder / "atlas.h5ad", gene_frame(GENES))
    project.atlas["library_column"] = name
    project.write_sheets()
    assert f"counts are divided by '{name}' of obs" in project.notes()
    values, _ = expression(project.folder / "atlas.h5ad", gene_frame(GENES), library_column=name)
    pd.testing.assert_frame_equal(values, right.loc[values.index])


def test_a_wider_raw_is_noted(project):
    project.params["folds"] = 5  # each of which holds out some of the 40 genes
    whole = project.write_atlas()
    part = whole[:, :40].copy()
    part.raw = whole
    part.write_h5ad(project.folder / "atlas.h5ad")
    assert ".raw has 60 features and this matrix 40: libraries are sums of the latter" in project.notes()
    project.atlas["layer"] = "raw"
    project.write_sheets()
    assert ".raw has" not in project.notes()


@pytest.mark.slow
def test_highly_variable_genes_are_found_by_the_same_library(tmp_path, gene_frame):
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.lognormal(0, 1, 60) * rng.lognormal(0, 1, (200, 1))).astype(np.float32)
    whole = anndata.AnnData(scipy.sparse.csr_matrix(counts), pd.DataFrame({"total": counts.sum(axis=1)}))
    whole.var_names = GENES
    whole[:, :40].write_h5ad(tmp_path / "part.h5ad")
    scanpy.pp.normalize_total(whole, target_sum=1e4)
    scanpy.pp.log1p(whole)
    table = scanpy.pp.highly_variable_genes(whole[:, :40].copy(), n_top_genes=10, inplace=False)
    right = set(np.array(GENES[:40])[table["highly_variable"]])
    with Atlas(tmp_path / "part.h5ad") as atlas:
        assert set(highly_variable_genes(atlas, gene_frame(GENES), 10, 1, library_column="total")) == right


def test_totals_that_count_what_is_there_are_well(project):
    data = project.write_atlas(genes=[*GENES[:-10], *(f"ERCC-{number:05}" for number in range(10))])
    data.obs["total_counts"] = np.asarray(data.X.sum(axis=1)).ravel()
    data.write_h5ad(project.folder / "atlas.h5ad")
    assert "larger totals" not in project.notes()
    data.obs["total_counts"] *= 1.05
    data.write_h5ad(project.folder / "atlas.h5ad")
    assert "'total_counts' is 1.05 times the sum of the matrix in 100% of the cells" in project.notes()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("totals", ["no column 'totals' in obs", "did you mean 'total'?"]),
        ("kind", ["'B cell' in 'kind' of cell 'cell0'"]),
        ("missing", ["'nan' in 'missing' of cell 'cell0'"]),
        ("logged", ["'logged' is ", "whose genes sum to", "neither normalised nor log-transformed"]),
    ],
)
def test_library_columns_that_are_none(project, gene_frame, column, words):
    data = project.write_atlas()
    total = np.asarray(data.X.sum(axis=1)).ravel()
    data.obs = data.obs.assign(total=total, missing=np.nan, logged=np.log1p(total))
    data.write_h5ad(project.folder / "atlas.h5ad")
    project.atlas["library_column"] = column
    project.write_sheets()
    project.problem("atlases.csv, row 1 (line 2), column library_column", *words)
    with pytest.raises(InputError, match="column library_column"):
        expression(project.folder / "atlas.h5ad", gene_frame(GENES), library_column=column)


def test_bulk_samples_have_no_library_column(project, gene_frame):
    tpm = np.full((4, 60), 1e6 / 60)
    project.write_atlas(counts=tpm, obs={"kind": list("wxyz"), "total": [1e6] * 4})
    project.atlas |= {"protocol": "bulk", "library_column": "total"}
    project.write_sheets()
    project.problem("column library_column", "bulk samples")
    with pytest.raises(InputError, match="bulk samples"):
        expression(project.folder / "atlas.h5ad", gene_frame(GENES), protocol="bulk", library_column="total")


# ---- Raw counts or not -----------------------------------------------------------------------------------------------


def simulated(kind: str) -> np.ndarray:
    """Counts of 200 cells, deep or shallow, or of a panel of 60 genes, where genes and libraries differ; or all alike."""
    rng = np.random.default_rng(3)
    if kind == "alike":
        return rng.poisson(2.0, (60, 60)) + np.eye(60)
    genes, depth = {"deep": (800, 1.0), "shallow": (800, 0.2), "panel": (60, 5.0)}[kind]
    rates = rng.lognormal(-2, 1.7, genes) * depth * rng.lognormal(0, 0.4, (200, 1))
    return rng.poisson(rates).astype(np.float64) + np.eye(200, genes)


def per_cell(values: np.ndarray, total: float = 1e4) -> np.ndarray:
    return values / values.sum(axis=1, keepdims=True) * total


def fault(values: np.ndarray) -> str:
    matrix = scipy.sparse.csr_matrix(values.astype(np.float32))
    names = [
        np.array([f"{kind}{number}" for number in range(size)]) for kind, size in zip("cg", values.shape, strict=True)
    ]
    return counts_fault(Sample(matrix, *names, *map(np.arange, values.shape)))


def without_soup(counts: np.ndarray, share: float) -> np.ndarray:
    ambient = counts.sum(axis=0) / counts.sum()
    return np.clip(counts - share * counts.sum(axis=1, keepdims=True) * ambient, 0, None)


def alevin(counts: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(4)
    split = (rng.random(counts.shape) < 0.3) & (counts > 0)
    return counts - split * rng.choice([1 / 2, 1 / 3, 1 / 4], counts.shape)


def rsem(counts: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.round(
        np.where(rng.random(counts.shape) < 0.5, counts * rng.uniform(0.7, 1.2, counts.shape), counts) * 20, 2
    )


CORRECTIONS = {
    "none": lambda counts: counts,
    "SoupX, 1%": lambda counts: without_soup(counts, 0.01),
    "SoupX, 10%": lambda counts: without_soup(counts, 0.1),
    "SoupX, 40%": lambda counts: without_soup(counts, 0.4),
    "alevin": alevin,
    "RSEM": rsem,
    "of values": lambda counts: np.clip(counts - np.random.default_rng(4).uniform(0, 0.3, counts.shape), 0, None),
    "with background": lambda counts: counts + 0.1 * np.random.default_rng(4).random(counts.shape),
    "DecontX": lambda counts: counts * np.random.default_rng(4).uniform(0.3, 1, counts.shape),
}
TRANSFORMED = {
    "log(x + 1)": lambda counts: np.log1p(per_cell(counts)),
    "log(x + 1) ": lambda counts: np.log1p(per_cell(counts, np.median(counts.sum(axis=1)))),
    "log(x + 1)  ": np.log1p,
    "log2(x + 1)": lambda counts: np.log2(per_cell(counts) + 1),
    "log2(x + 1) ": lambda counts: np.log2(counts + 1),
    "log10(x + 1)": lambda counts: np.log10(counts + 1),
    "already normalised": per_cell,
    "square roots": lambda counts: np.sqrt(per_cell(counts)),
}


@pytest.mark.parametrize("kind", ["deep", "shallow", "panel", "alike"])
@pytest.mark.parametrize("correction", CORRECTIONS)
def test_corrected_counts_are_counts(kind, correction):
    assert fault(CORRECTIONS[correction](simulated(kind))) == ""


@pytest.mark.parametrize("kind", ["deep", "shallow", "panel", "alike"])
@pytest.mark.parametrize("transformation", TRANSFORMED)
def test_transformed_counts_are_none(kind, transformation):
    assert transformation.strip() in fault(TRANSFORMED[transformation](simulated(kind)))


@pytest.mark.parametrize("kind", ["deep", "shallow", "panel", "alike"])
def test_logarithms_of_corrected_counts_are_none(kind):
    corrected = without_soup(simulated(kind), 0.1)
    assert "log-normalised: log(x + 1) of counts scaled to 10,000 a cell" in fault(np.log1p(per_cell(corrected)))
    of_some_genes = np.log1p(per_cell(corrected))[:, ::2]
    assert "log-transformed, scaled or corrected" in fault(of_some_genes)


@pytest.mark.parametrize("kind", ["deep", "shallow", "panel", "alike"])
def test_scaled_values_are_none(kind):
    counts = simulated(kind)
    varies = counts[:, counts.std(axis=0) > 0]
    by_gene = varies / varies.max(axis=0)
    assert "log-transformed, scaled or corrected" in fault(by_gene)
    assert "negative values" in fault((varies - varies.mean(axis=0)) / varies.std(axis=0))


@pytest.mark.parametrize("others", ["raw counts", "corrected counts"])
@pytest.mark.parametrize("transformation", ["log(x + 1)", "already normalised"])
def test_odd_cells_are_named_with_their_share(transformation, others):
    counts = simulated("deep")
    values = counts.copy() if others == "raw counts" else without_soup(counts, 0.2)
    values[10:40] = TRANSFORMED[transformation](counts)[10:40]
    text = fault(values)
    assert text.startswith("15.0% of the sampled cells ('c10', 'c11', 'c12', … (30 in all)) have fractions"), text
    assert transformation in text and text.endswith(f"the others have {others}")


def test_a_sample_is_spread_and_always_the_same(tmp_path, monkeypatch):
    rows = spread(10_000, 400)
    assert len(rows) == 400 and (np.diff(rows) > 0).all() and len(set(np.diff(rows))) > 10
    assert (rows // 25 == np.arange(400)).all() and (rows == spread(10_000, 400)).all()
    assert spread(7, 400).tolist() == list(range(7)) and spread(0, 400).tolist() == []
    counts = np.random.default_rng(1).poisson(0.5, (900, 50)).astype(np.float32)
    for layout in LAYOUTS.values():
        data = anndata.AnnData(layout(scipy.sparse.csr_matrix(counts)))
        data.write_h5ad(tmp_path / "a.h5ad")
        with Atlas(tmp_path / "a.h5ad") as atlas:
            sample = atlas.sample()
            np.testing.assert_array_equal(sample.counts.toarray(), counts[spread(900, 400)])
            assert sample.whole_cells and sample.cells[3] == str(spread(900, 400)[3])
    monkeypatch.setattr(atlas_module, "MAX_SAMPLED_VALUES", 100)
    data.X = scipy.sparse.csc_matrix(counts)
    data.write_h5ad(tmp_path / "a.h5ad")
    with Atlas(tmp_path / "a.h5ad") as atlas:
        sample = atlas.sample(30)
    np.testing.assert_array_equal(sample.counts.toarray(), counts[spread(900, 30)][:, spread(50, 30)])
    assert not sample.whole_cells and sample.genes.tolist() == [str(gene) for gene in spread(50, 30)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "NaN"), (np.inf, "infinite"), (-3, "negative values (such as -3)")]
)
def test_pseudobulk_reads_every_value(tmp_path, gene_frame, monkeypatch, layout, value, words):
    counts = np.ones((50, 4))
    counts[37, 2] = value
    obs = pd.DataFrame({"kind": ["x"] * 50}, index=[f"cell{number}" for number in range(50)])
    data = anndata.AnnData(LAYOUTS[layout](scipy.sparse.csr_matrix(counts)), obs, pd.DataFrame(index=list("ABCD")))
    data.write_h5ad(tmp_path / "a.h5ad")
    chunks = Atlas.chunks
    monkeypatch.setattr(Atlas, "chunks", lambda atlas: chunks(atlas, values=60))
    with pytest.raises(InputError) as error:
        expression(tmp_path / "a.h5ad", gene_frame("ABCD"))
    assert words in str(error.value) and "in cell 'cell37', gene 'C'" in str(error.value)


def test_values_of_what_is_no_gene_do_not_matter(project, gene_frame):
    counts = np.random.default_rng(2).poisson(1.0, (40, 60)).astype(float)
    counts[:, -1] = np.linspace(-1, 1, 40)  # antibodies, scaled
    types = ["Gene Expression"] * 59 + ["Antibody Capture"]
    project.write_atlas(counts=counts, var={"feature_types": types})
    assert "feature type 'Antibody Capture'" in project.notes()
    values, _ = expression(project.folder / "atlas.h5ad", gene_frame(GENES))
    assert len(values) == 59


# ---- Which matrix ----------------------------------------------------------------------------------------------------


def test_suggestions_are_ranked(project):
    assert by_likelihood(["", "spliced", "umis", "unspliced", "ambiguous", "matrix", "raw", "counts"]) == [
        "counts", "raw", "matrix", "", "umis",
    ]  # fmt: skip
    counts = project.write_atlas().X
    logged = scipy.sparse.csr_matrix(np.log1p(per_cell(counts.toarray())))
    layers = {name: counts for name in ("ambiguous", "spliced", "unspliced")}
    data = project.write_atlas(counts=logged.toarray(), layers=layers)
    project.problem("'ambiguous', 'spliced', 'unspliced' hold a part of the molecules each, and their sum")
    for name in ("umis", "matrix", "counts"):  # each is named before those that were there
        data.layers[name] = counts
        data.write_h5ad(project.folder / "atlas.h5ad")
        project.problem(f"write '{name}' into the column layer")


def test_raw_is_the_one_that_holds_counts(project, gene_frame):
    counts = project.write_atlas().X
    logged = scipy.sparse.csr_matrix(np.log1p(per_cell(counts.toarray())))
    right, _ = expression(project.folder / "atlas.h5ad", gene_frame(GENES))
    for layer, raw, chosen in ((counts, logged, "layers/raw"), (logged, counts, "raw/X")):
        data = project.write_atlas(counts=logged.toarray(), layers={"raw": layer})
        data.raw = anndata.AnnData(raw, data.obs, data.var)
        data.write_h5ad(project.folder / "atlas.h5ad")
        project.atlas["layer"] = "raw"
        project.write_sheets()
        assert f"'raw' is {chosen} of the h5ad, which holds counts" in project.notes()
        for name in ("raw", chosen):
            pd.testing.assert_frame_equal(
                expression(project.folder / "atlas.h5ad", gene_frame(GENES), layer=name)[0], right
            )
    for matrix, words in ((counts, "both hold raw counts"), (logged, "neither holds raw counts")):
        data.layers["raw"] = matrix
        data.raw = anndata.AnnData(matrix, data.obs, data.var)
        data.write_h5ad(project.folder / "atlas.h5ad")
        project.problem("column layer", words, "write layers/raw for the layer, or raw/X for .raw")
        with pytest.raises(InputError, match=words):
            expression(project.folder / "atlas.h5ad", gene_frame(GENES), layer="raw")


# ---- Labels ----------------------------------------------------------------------------------------------------------


def test_labels_that_read_as_none():
    odd = ["nan", "None", "NA", "N/A", "<NA>", " ", "", "-", "?", "Unassigned", "not assigned", "unknown", "Doublets"]
    assert suspicious_labels([*odd, "NK", "Naive", "L2/3 IT", "CD4-", "γδ T"]) == odd


def test_labels_that_are_nearly_alike():
    pairs = [
        ["B cell", "B  cell"], ["T cell", "T_cell"], ["NK", "nk"], ["Mono", "Mono "], ["ILC", "\u0406LC"], ["T1", "Tl"],
        ["pDC", "pD\u0421"], ["Treg", "Tr\u200beg"],
    ]  # fmt: skip
    assert near_labels([label for pair in pairs for label in pair]) == pairs
    assert near_labels(["CD4", "CD4+", "CD4-", "CD8", "L2/3 IT", "L2/3 PT", "B1", "B2", "1", "10"]) == []


def test_odd_labels_are_noted_and_excluded(project, gene_frame):
    labels = ["B cell"] * 10 + ["b  cell"] * 10 + ["nan"] * 10 + ["x;y"] * 10
    project.write_atlas(obs={"kind": labels, "class": ["one"] * 30 + ["nan"] * 10})
    project.atlas |= {"levels": "class;kind"}
    project.write_sheets()
    notes = project.notes()
    assert "level kind: these labels are populations like any other: 'nan' (10 cells)" in notes
    assert "level kind: 'B cell', 'b  cell' differ by blanks, case or look-alike characters alone" in notes
    project.atlas |= {"exclude": "nan; x;y"}
    project.write_sheets()
    notes = project.notes()
    assert "like any other" not in notes
    assert "level kind: population 'x;y' excluded, 10 cells (named in the column exclude)" in notes
    assert "level class: population 'nan' excluded, 10 cells (named in the column exclude)" in notes
    values, _ = expression(project.folder / "atlas.h5ad", gene_frame(GENES), exclude="nan; x;y", levels=("all", "kind"))
    assert values.columns.tolist() == ["B cell", "b  cell"]
    project.atlas |= {"exclude": "nan;B cel"}
    project.write_sheets()
    project.problem("column exclude: 'B cel': no population of these levels", "did you mean 'B cell'?")
    project.atlas |= {"exclude": "nan;B cell;b  cell;x;y"}
    project.write_sheets()
    project.problem("no population of 'kind' is large enough: the column exclude names them all")


def test_cells_of_excluded_populations_stay_in_other_levels():
    obs = pd.DataFrame({"kind": ["a"] * 5 + ["b"] * 5, "class": ["x"] * 10})
    assert (
        group_cells(obs, "class", 1, ["b"]).cells.tolist() == group_cells(obs, "all", 1, ["b"]).cells.tolist() == [10]
    )
    grouping = group_cells(obs, "kind", 1, ["b"])
    assert grouping.labels == ["a"] and grouping.dropped[0]["reason"] == "named in the column exclude"


def test_excluded_labels_may_hold_semicolons_and_blanks():
    known = {"a;b", "c", " d ", "-e"}
    assert excluded_labels("a;b;c", known) == ["a;b", "c"]
    assert excluded_labels("-e; c ;d;", known) == ["-e", "c", " d "]


# ---- Files that cannot be read ---------------------------------------------------------------------------------------


def replaced(path, name: str, **options) -> None:
    """Put another dataset in the place of one, with its attributes."""
    with h5py.File(path, "a") as file:
        attributes = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, **options)
        file[name].attrs.update(attributes)


def compressed(path, name: str, number: int) -> None:
    """Say that a dataset is compressed by a filter that HDF5 has not."""
    with h5py.File(path, "a") as file:
        values, attributes = file[name][()], dict(file[name].attrs)
        del file[name]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk(values.shape)
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (3,))
        kind, space = h5py.h5t.py_create(values.dtype), h5py.h5s.create_simple(values.shape)
        h5py.h5d.create(file.id, name.encode(), kind, space, plan).write_direct_chunk((0,) * values.ndim, b"x" * 50)
        file[name].attrs.update(attributes)


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [("X/data", 32015, "zstd"), ("X/indptr", 32026, "blosc2"), ("obs/kind/codes", 32001, "blosc")],
)
def test_compression_by_a_plugin(project, gene_frame, name, number, words):
    data = project.write_atlas()
    data.obs["kind"] = data.obs["kind"].astype("category")
    data.write_h5ad(project.folder / "atlas.h5ad")
    compressed(project.folder / "atlas.h5ad", name, number)
    project.problem(f"is compressed with {words}, which the HDF5 library here cannot read", "compression='gzip'")
    with pytest.raises(InputError, match=words):
        expression(project.folder / "atlas.h5ad", gene_frame(GENES))


def test_x_that_is_null(project):
    counts = project.write_atlas().X
    data = project.write_atlas(layers={"spliced": counts, "umis": counts})
    replaced(project.folder / "atlas.h5ad", "layers/spliced/data", data=counts.data)
    with h5py.File(project.folder / "atlas.h5ad", "a") as file:
        del file["X"]
        file.create_dataset("X", data=h5py.Empty("f4")).attrs["encoding-type"] = "null"
    project.problem("'X' of the h5ad is null", "'spliced', 'umis'", "into the column layer, such as 'umis'")
    data.X = None
    data.write_h5ad(project.folder / "atlas.h5ad")
    project.problem("no 'X' in the h5ad", "into the column layer, such as 'umis'")
    project.atlas["layer"] = "umis"
    project.write_sheets()
    assert project.notes()


@pytest.mark.parametrize(
    ("kind", "words"), [("f2", "float16, which rounds counts above 2,048"), ("bool", "of type bool")]
)
def test_types_of_numbers_that_hold_no_counts(project, gene_frame, kind, words):
    counts = project.write_atlas().X
    replaced(project.folder / "atlas.h5ad", "X/data", data=counts.data.astype(kind))
    project.problem("'X' is ", words, "as float32")
    with pytest.raises(InputError, match=words):
        expression(project.folder / "atlas.h5ad", gene_frame(GENES))


def test_a_file_that_another_program_has_open(project):
    with open(project.folder / "atlas.h5ad", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        project.problem("column counts, file 'atlas.h5ad'", "another program has the file open for writing", "a copy")
    assert project.notes()

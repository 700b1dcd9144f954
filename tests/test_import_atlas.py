"""import_atlas.py: counts of any layout as an h5ad, and the row of the sheet."""

import csv
import gzip

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from preflight_project import Project
from test_layouts import (
    BARCODES,
    CELLS,
    COUNTS,
    GENES,
    IDS,
    NAMES,
    data_of,
    loom_of,
    tenx_folder_of,
    tenx_h5_of,
    zarr_of,
)

from scxpresso.expression import importing
from scxpresso.expression.atlas import Atlas, AtlasColumns
from scxpresso.expression.grouping import group_cells
from scxpresso.expression.importing import Source, gene_side, import_atlas
from scxpresso.layouts import count_table
from scxpresso.problems import InputError

TABLE = pd.DataFrame(COUNTS.T, index=IDS, columns=BARCODES)


def imported(tmp_path, sources, columns=None, ids=IDS, side=None):
    """Import sources; the h5ad, and what was logged."""
    log = []
    sources = [source if isinstance(source, Source) else Source(source) for source in sources]
    import_atlas(
        sources, tmp_path / "out.h5ad", columns or AtlasColumns(), gene_side(side, ids, NAMES[: len(ids)]), log.append
    )
    return anndata.read_h5ad(tmp_path / "out.h5ad"), "\n".join(log)


def r_table(path):
    """As R's write.table: quoted names, and none for the row names."""
    lines = [" ".join([f'"{name}"' for name in BARCODES]).replace(" ", "\t")]
    lines += ["\t".join([f'"{gene}"', *map(str, row)]) for gene, row in zip(IDS, COUNTS.T, strict=True)]
    path.write_text("\n".join(lines) + "\n")


def feature_counts(path):
    table = TABLE.rename_axis("Geneid").reset_index()
    for number, name in enumerate(["Chr", "Start", "End", "Strand", "Length"], start=1):
        table.insert(number, name, "1;1" if name != "Length" else 100)
    path.write_text("# Program:featureCounts v2\n" + table.to_csv(sep="\t", index=False))


TABLES = {
    "csv": lambda path: TABLE.to_csv(path),
    "tsv": lambda path: TABLE.to_csv(path, sep="\t"),
    "semicolons": lambda path: TABLE.to_csv(path, sep=";"),
    "gzip": lambda path: path.write_bytes(gzip.compress(TABLE.to_csv().encode())),
    "transposed": lambda path: TABLE.T.to_csv(path),
    "R": r_table,
    "featureCounts": feature_counts,
    "floats": lambda path: TABLE.astype(float).to_csv(path),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(count_table, "BLOCK", 500)
    TABLES[kind](tmp_path / "table.txt")
    data, log = imported(tmp_path, [tmp_path / "table.txt"])
    np.testing.assert_array_equal(data.X.toarray(), COUNTS)
    assert list(data.obs_names) == BARCODES and list(data.var_names) == IDS
    assert f"genes are in the {'columns' if kind == 'transposed' else 'rows'} of table.txt: 60 genes, 40 cells" in log


def test_the_side_of_the_genes(tmp_path):
    TABLE.to_csv(tmp_path / "table.csv")
    data, _ = imported(tmp_path, [tmp_path / "table.csv"], ids=[], side="columns")
    assert list(data.var_names) == BARCODES
    with pytest.raises(InputError, match="give --genes_in rows"):
        imported(tmp_path, [tmp_path / "table.csv"], ids=[])
    with pytest.raises(InputError, match=r"neither rows .* nor columns .* named as genes"):
        imported(tmp_path, [tmp_path / "table.csv"], ids=["mouse"] * 60)


SPOILT = {
    "text": (
        lambda text: text.replace(",", ",name,", 1).replace("\nENSG00000000001,", "\nENSG00000000001,x,"),
        "line 3, row 'ENSG00000000002': 41 cells, not 42",
    ),
    "word": (
        lambda text: text.replace(IDS[0] + ",", IDS[0] + ",many", 1),
        "row 'ENSG00000000001', column 'ACGT000-1': 'many",
    ),
    "empty": (
        lambda text: text.replace("\n" + IDS[1] + ",", "\n" + IDS[1] + ",,", 1),
        "line 3, row 'ENSG00000000002': 42 cells, not 41",
    ),
    "one column": (lambda text: "gene\nA\nB\n", "a header of"),
    "logs": (lambda text: np.log1p(TABLE / TABLE.sum() * 1e4).to_csv(), "log-normalised"),
    "twice": (lambda text: text.replace("ACGT001", "ACGT000", 1), "barcodes more than once: 'ACGT000-1'"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_tables_that_are_not_well(tmp_path, kind):
    spoil, words = SPOILT[kind]
    (tmp_path / "table.csv").write_text(spoil(TABLE.to_csv()))
    with pytest.raises(InputError) as raised:
        imported(tmp_path, [tmp_path / "table.csv"])
    assert len(raised.value.problems) == 1 and words in str(raised.value), str(raised.value)
    assert not (tmp_path / "out.h5ad").exists() and not list(tmp_path.glob(".partial*"))


def test_a_missing_count_is_named(tmp_path):
    table = TABLE.astype(object)
    table.iloc[3, 4] = None
    table.to_csv(tmp_path / "table.csv")
    with pytest.raises(InputError, match="row 'ENSG00000000004', column 'ACGT004-1': no number"):
        imported(tmp_path, [tmp_path / "table.csv"])


@pytest.mark.parametrize("layout", ["folder", "h5", "loom", "zarr", "zarr by genes", "h5ad by genes"])
def test_other_layouts(tmp_path, layout):
    made = {
        "folder": lambda: tenx_folder_of(tmp_path / "a"),
        "h5": lambda: tenx_h5_of(tmp_path / "a.h5"),
        "loom": lambda: loom_of(tmp_path / "a.loom"),
        "zarr": lambda: zarr_of(tmp_path / "a.zarr"),
        "zarr by genes": lambda: zarr_of(tmp_path / "a.zarr", matrix=scipy.sparse.csc_matrix),
        "h5ad by genes": lambda: data_of(scipy.sparse.csc_matrix).write_h5ad(tmp_path / "a.h5ad") or tmp_path / "a.h5ad",
    }[layout]()  # fmt: skip
    data, _ = imported(tmp_path, [made])
    assert scipy.sparse.isspmatrix_csr(data.X) or data.X.format == "csr"
    np.testing.assert_array_equal(data.X.toarray(), COUNTS)
    assert list(data.obs_names) == BARCODES and list(data.var_names) == IDS


def test_several_samples_with_annotations(tmp_path):
    tenx_folder_of(tmp_path / "a")
    order = np.random.default_rng(3).permutation(GENES)
    TABLE.iloc[order].to_csv(tmp_path / "b.csv")
    names = [f"{sample}_{barcode.removesuffix('-1')}" for sample in "AB" for barcode in BARCODES[1:]]
    labels = {"cell": names, "cell type": ["x", "y"] * (CELLS - 1), "cluster": ["", *range(1, len(names))]}
    pd.DataFrame(labels).to_csv(tmp_path / "labels.csv", index=False)
    sources = [Source.parse(f"A={tmp_path / 'a'}"), Source.parse(f"B={tmp_path / 'b.csv'}")]
    data, log = imported(tmp_path, sources, AtlasColumns(annotations=tmp_path / "labels.csv"))
    assert data.shape == (2 * (CELLS - 1), GENES)
    np.testing.assert_array_equal(data.X.toarray(), np.vstack([COUNTS[1:], COUNTS[1:]]))
    assert data.obs["sample"].tolist() == ["A"] * (CELLS - 1) + ["B"] * (CELLS - 1)
    assert data.obs["cell_type"].tolist() == labels["cell type"]
    assert data.obs["cluster"].astype(str).tolist()[:3] == ["<NA>", "1", "2"]
    assert "columns of obs are renamed: 'cell type' to 'cell_type'" in log
    assert "1 cell excluded, not in the annotations: 'A_ACGT000-1'" in log
    with pytest.raises(InputError, match="2 files, of which some have no name"):
        imported(tmp_path, [tmp_path / "a", tmp_path / "b.csv"])
    TABLE.iloc[1:].to_csv(tmp_path / "b.csv")
    with pytest.raises(InputError, match="other genes than in the first file: 'ENSG00000000001'"):
        imported(tmp_path, sources)


NOT_GENES = ["", "", "feature type 'Antibody Capture'", "spike-in (ERCC)"]


@pytest.mark.parametrize("column", ["feature_types", "feature_type"])
def test_what_marks_features_as_no_genes_is_kept(tmp_path, column):
    # .raw has no types, and the names in gene_column hide the spike-in.
    ids, names = ["G1", "G2", "CD4", "ERCC-00002"], ["a", "b", "c", "d"]
    types = ["Gene Expression", "Gene Expression", "Antibody Capture", "Gene Expression"]
    counts = scipy.sparse.csr_matrix(np.arange(8, dtype=np.float32).reshape(2, 4))
    data = anndata.AnnData(counts, pd.DataFrame(index=["c1", "c2"]), pd.DataFrame({"name": names}, index=ids))
    data.raw = data
    data.var[column] = types
    data.write_h5ad(tmp_path / "a.h5ad")
    columns = AtlasColumns(layer="raw", gene_column="name")
    out, _ = imported(tmp_path, [tmp_path / "a.h5ad"], columns, names)
    assert out.var[column].tolist() == types and out.var["name_in_source"].tolist() == ids
    with Atlas(tmp_path / "a.h5ad", columns) as source, Atlas(tmp_path / "out.h5ad") as written:
        assert list(source.not_genes([])) == list(written.not_genes([])) == NOT_GENES
        assert list(source.not_genes(ids)) == list(written.not_genes(ids)) == NOT_GENES


def test_types_that_only_a_later_file_has_are_kept(tmp_path):
    types = {"G1": "Gene Expression", "CD4": "Antibody Capture"}
    for name, order in {"A": ["G1", "CD4"], "B": ["CD4", "G1"]}.items():
        var = pd.DataFrame(index=order) if name == "A" else pd.DataFrame({"feature_types": types}).loc[order]
        counts = scipy.sparse.csr_matrix(np.ones((2, 2), dtype=np.float32))
        anndata.AnnData(counts, pd.DataFrame(index=["c1", "c2"]), var).write_h5ad(tmp_path / f"{name}.h5ad")
    out, _ = imported(tmp_path, [Source(tmp_path / f"{name}.h5ad", name) for name in "AB"])
    assert out.var["feature_types"].to_dict() == types


def test_whole_numbers_that_some_files_lack_stay_labels(tmp_path):
    for name in "AB":
        counts = scipy.sparse.csr_matrix(np.ones((2, 2), dtype=np.float32))
        obs = pd.DataFrame({"cluster": [1, 12]} if name == "A" else {}, index=["c1", "c2"])
        anndata.AnnData(counts, obs, pd.DataFrame(index=IDS[:2])).write_h5ad(tmp_path / f"{name}.h5ad")
    imported(tmp_path, [Source(tmp_path / f"{name}.h5ad", name) for name in "AB"])
    with Atlas(tmp_path / "out.h5ad") as written:
        assert group_cells(written.obs, "cluster", 1).labels == ["1", "12"]


def test_the_executable_prints_a_row_that_passes_the_checks(tmp_path, schemas, checked_files, run_cli):
    project = Project(tmp_path, schemas, checked_files)
    TABLE.to_csv(tmp_path / "counts.csv")
    pd.DataFrame({"kind": ["x", "y"] * (CELLS // 2)}, index=BARCODES).to_csv(tmp_path / "labels.csv")
    made = run_cli(
        "import_atlas.py", "counts.csv", "--annotations", "labels.csv", "--gtf", "genes.gtf", "--protocol", "smartseq2",
        "--genome", "g1", "--levels", "all;kind", "--output", "mine.h5ad", cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("atlas,counts,protocol,genome,levels\nmine,mine.h5ad,smartseq2,g1,all;kind\n")
    assert "columns that may be levels: kind (2 labels)" in made.stderr
    project.atlas = next(csv.DictReader(made.stdout.splitlines()))
    project.write_sheets()
    assert "60 of 60 genes" in project.notes()
    made = run_cli("import_atlas.py", "--help")
    assert "Lung-counts.csv.gz --annotations" in made.stdout


def test_the_file_is_compressed_and_read_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "HDF5_CHUNK", 64)
    data_of().write_h5ad(tmp_path / "a.h5ad")
    imported(tmp_path, [tmp_path / "a.h5ad"])
    with h5py.File(tmp_path / "out.h5ad") as file:
        assert file["X/data"].compression == "gzip" and file["X/data"].chunks == (64,)
    with Atlas(tmp_path / "out.h5ad") as atlas:
        assert len(list(atlas.chunks(100))) > 5

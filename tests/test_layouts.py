"""Layouts of counts: the same numbers from each, and one message for each that is not well."""

import gzip
import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse
from preflight_project import Project

from scxpresso.expression.atlas import Atlas, AtlasColumns
from scxpresso.expression.pseudobulk import PseudobulkOptions, pseudobulk
from scxpresso.layouts import tenx_folder
from scxpresso.layouts.opening import open_layout
from scxpresso.problems import InputError

CELLS, GENES = 40, 60
COUNTS = np.random.default_rng(1).poisson(0.7, (CELLS, GENES)) * np.arange(1, GENES + 1)
BARCODES = [f"ACGT{number:03}-1" for number in range(CELLS)]
IDS = [f"ENSG{number:011d}" for number in range(1, GENES + 1)]
NAMES = [f"NAME{number}" for number in range(GENES)]
TEXT = h5py.string_dtype()


def written(path, text: str) -> None:
    """Write text, gzipped if the name says so."""
    (path.write_bytes(gzip.compress(text.encode())) if path.suffix == ".gz" else path.write_text(text))


def market(matrix, field="integer", transform=lambda lines: lines) -> str:
    """A matrix in MatrixMarket format, entries in the order of the columns."""
    entries = scipy.sparse.coo_matrix(matrix)
    lines = [f"{row + 1} {column + 1} {value}" for row, column, value in zip(*scipy.sparse.find(entries), strict=True)]
    header = f"%%MatrixMarket matrix coordinate {field} general\n%a comment\n"
    return f"{header}{entries.shape[0]} {entries.shape[1]} {len(lines)}\n" + "\n".join(transform(lines)) + "\n"


def tenx_folder_of(
    folder, matrix=None, zipped=True, columns=3, genes="features.tsv", prefix="", barcodes=BARCODES, types=None
):
    """A folder as Cell Ranger writes it."""
    folder.mkdir(exist_ok=True)
    end = ".gz" if zipped else ""
    written(folder / f"{prefix}matrix.mtx{end}", matrix or market(COUNTS.T))
    written(folder / f"{prefix}barcodes.tsv{end}", "\n".join(barcodes) + "\n")
    features = zip(IDS, NAMES, types or ["Gene Expression"] * GENES, strict=True)
    written(folder / f"{prefix}{genes}{end}", "".join("\t".join(row[:columns]) + "\n" for row in features))
    return folder


def tenx_h5_of(path, version=3, counts=COUNTS, types=None):
    """A file as Cell Ranger writes it."""
    matrix = scipy.sparse.csr_matrix(counts.astype(np.int32))
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "GRCh38")
        for name, values in {
            "data": matrix.data,
            "indices": matrix.indices.astype(np.int64),
            "indptr": matrix.indptr,
        }.items():
            group[name] = values
        group["shape"] = np.array(matrix.shape[::-1], dtype=np.int32)
        group["barcodes"] = np.array(BARCODES, dtype="S")
        if version == 2:
            group["genes"], group["gene_names"] = np.array(IDS, dtype="S"), np.array(NAMES, dtype="S")
        else:
            types = types or ["Gene Expression"] * GENES
            for name, values in {"id": IDS, "name": NAMES, "feature_type": types, "genome": ["GRCh38"] * GENES}.items():
                group[f"features/{name}"] = np.array(values, dtype="S")
    return path


def loom_of(path):
    with h5py.File(path, "w") as file:
        file["matrix"] = COUNTS.T.astype(np.int32)
        file["layers/spliced"] = (COUNTS.T // 2).astype(np.int32)
        for name, values in {"row_attrs/Accession": IDS, "row_attrs/Gene": NAMES, "col_attrs/CellID": BARCODES}.items():
            file.create_dataset(name, data=np.array(values, dtype=object), dtype=TEXT)
        file["col_attrs/pca"] = np.zeros((CELLS, 2))
    return path


def data_of(matrix=scipy.sparse.csr_matrix) -> anndata.AnnData:
    obs = pd.DataFrame({"kind": pd.Categorical(["x", "y"] * (CELLS // 2))}, index=BARCODES)
    return anndata.AnnData(matrix(COUNTS.astype(np.float32)), obs, pd.DataFrame({"symbol": NAMES}, index=IDS))


def zarr_of(path, version=3, **options):
    with anndata.settings.override(zarr_write_format=version), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr 2 is old
        data_of(**options).write_zarr(path)
    return path


def h5mu_of(path, names=("rna", "prot")):
    """A MuData as mudata writes it: an AnnData per modality, and obs of all."""
    data = data_of()
    with h5py.File(path, "w") as file:
        for number, name in enumerate(names):
            part = data if number == 0 else anndata.AnnData(np.ones((CELLS, 2)), obs=pd.DataFrame(index=BARCODES))
            anndata.io.write_elem(file, f"mod/{name}", part)
        shared = pd.DataFrame({"tissue": ["lung"] * CELLS, "rna:kind": data.obs["kind"]}, index=BARCODES)
        anndata.io.write_elem(file, "obs", shared)
    return path


LAYOUTS = {
    "mtx": lambda folder: tenx_folder_of(folder / "a"),
    "plain mtx": lambda folder: tenx_folder_of(folder / "a", zipped=False),
    "Cell Ranger 2": lambda folder: tenx_folder_of(folder / "a", zipped=False, columns=2, genes="genes.tsv"),
    "ids only": lambda folder: tenx_folder_of(folder / "a", columns=1),
    "GEO": lambda folder: tenx_folder_of(folder / "a", prefix="GSM1_lung_"),
    "real": lambda folder: tenx_folder_of(folder / "a", market(COUNTS.T.astype(float), "real")),
    "sorted by genes": lambda folder: tenx_folder_of(folder / "a", market(COUNTS.T, transform=sorted)),
    "shuffled": lambda folder: tenx_folder_of(
        folder / "a", market(COUNTS.T, transform=lambda lines: list(np.random.default_rng(2).permutation(lines)))
    ),
    "transposed": lambda folder: tenx_folder_of(folder / "a", market(COUNTS)),
    "10x h5": lambda folder: tenx_h5_of(folder / "a.h5"),
    "10x h5 of Cell Ranger 2": lambda folder: tenx_h5_of(folder / "a.h5", 2),
    "10x h5 called h5ad": lambda folder: tenx_h5_of(folder / "a.h5ad"),
    "loom": lambda folder: loom_of(folder / "a.loom"),
    "zarr": lambda folder: zarr_of(folder / "a.zarr"),
    "zarr 2": lambda folder: zarr_of(folder / "a.zarr", 2),
    "zarr by genes": lambda folder: zarr_of(folder / "a.zarr", matrix=scipy.sparse.csc_matrix),
    "dense zarr": lambda folder: zarr_of(folder / "a.zarr", matrix=np.asarray),
    "h5mu": lambda folder: h5mu_of(folder / "a.h5mu"),
    "h5mu of one modality": lambda folder: h5mu_of(folder / "a.h5mu", ("expression",)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_same_counts(tmp_path, layout, monkeypatch):
    monkeypatch.setattr(tenx_folder, "BLOCK", 137)
    with Atlas(LAYOUTS[layout](tmp_path)) as atlas:
        assert atlas.shape == (CELLS, GENES)
        assert atlas.gene_ids == IDS and list(atlas.obs.index) == BARCODES
        whole = np.zeros((CELLS, GENES))
        for cells, genes, block in atlas.chunks(values=200):
            whole[cells, genes] += block.toarray()
        np.testing.assert_array_equal(whole, COUNTS)
        sample = atlas.sample(10)
        np.testing.assert_array_equal(sample.counts.toarray(), COUNTS[sample.rows])


def test_layouts_give_the_expression_of_an_h5ad(tmp_path, gene_frame):
    labels = pd.DataFrame({"kind": ["x", "y"] * (CELLS // 2)}, index=BARCODES)
    labels.to_csv(tmp_path / "labels.csv")
    data_of().write_h5ad(tmp_path / "a.h5ad")
    options = PseudobulkOptions("10x", ("all", "kind"), min_cells=1)
    right, _ = pseudobulk(tmp_path / "a.h5ad", AtlasColumns(), gene_frame(IDS), options, print)
    columns = AtlasColumns(annotations=tmp_path / "labels.csv")
    for path in (tenx_folder_of(tmp_path / "a"), tenx_h5_of(tmp_path / "a.h5"), loom_of(tmp_path / "a.loom")):
        found, _ = pseudobulk(path, columns, gene_frame(IDS), options, print)
        for level, expected in right.items():
            pd.testing.assert_frame_equal(found[level].values, expected.values, check_exact=True)
            pd.testing.assert_frame_equal(found[level].populations, expected.populations, check_exact=True)


def test_features_that_are_not_genes_are_not_in_the_library(tmp_path):
    types = ["Gene Expression"] * (GENES - 2) + ["Antibody Capture", "Peaks"]
    for path in (tenx_folder_of(tmp_path / "a", types=types), tenx_h5_of(tmp_path / "a.h5", types=types)):
        with Atlas(path) as atlas:
            reasons = atlas.not_genes(IDS)
            assert [reason for reason in reasons if reason] == [
                "feature type 'Antibody Capture'",
                "feature type 'Peaks'",
            ]


def test_layers_of_a_loom_and_modalities(tmp_path):
    with Atlas(loom_of(tmp_path / "a.loom"), AtlasColumns("spliced", "Gene")) as atlas:
        np.testing.assert_array_equal(next(atlas.chunks())[2].toarray(), COUNTS // 2)
        assert atlas.gene_ids == NAMES and "pca" not in atlas.obs
    with Atlas(h5mu_of(tmp_path / "a.h5mu")) as atlas:
        assert atlas.notes == ["genes are read from the modality 'rna'"]
        assert list(atlas.obs.columns) == ["kind", "tissue", "rna:kind"]
    with pytest.raises(InputError, match=r"modalities 'a', 'b'\n.*one called 'rna', 'gex'"):
        open_layout(h5mu_of(tmp_path / "b.h5mu", ("a", "b")))


def test_starsolo_and_kallisto(tmp_path):
    folder = tenx_folder_of(tmp_path / "star", zipped=False)
    (folder / "UniqueAndMult-EM.mtx").write_text("")
    with Atlas(folder) as atlas:
        assert atlas.shape == (CELLS, GENES)
    folder = tmp_path / "kb"
    folder.mkdir()
    written(folder / "cells_x_genes.mtx", market(COUNTS))
    written(folder / "cells_x_genes.barcodes.txt", "\n".join(BARCODES))
    written(folder / "cells_x_genes.genes.txt", "\n".join(IDS))
    written(folder / "cells_x_genes.genes.names.txt", "\n".join(NAMES))
    with Atlas(folder) as atlas:
        assert atlas.gene_ids == IDS
        assert atlas.notes == ["cells_x_genes.mtx is cells × features, the transpose of what Cell Ranger writes"]


# ---- What is not well ------------------------------------------------------------------------------------------------


def spoilt_folder(tmp_path, spoil):
    folder = tenx_folder_of(tmp_path / "a", zipped=False)
    spoil(folder)
    return folder


def rewritten(name, old, new, count=1):
    def spoil(folder):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, count))

    return spoil


def cut_gzip(folder):
    content = gzip.compress((folder / "matrix.mtx").read_bytes())
    (folder / "matrix.mtx").unlink()
    (folder / "matrix.mtx.gz").write_bytes(content[: len(content) // 2])


LAST = market(COUNTS.T).rstrip("\n").rsplit("\n", 1)[1]
FOLDERS = {
    "no barcodes": (lambda folder: (folder / "barcodes.tsv").unlink(), "a folder with no barcodes.tsv"),
    "no features": (lambda folder: (folder / "features.tsv").unlink(), "a folder with no features.tsv"),
    "two matrices": (
        lambda folder: (folder / "matrix.mtx.gz").write_bytes(b""),
        "several files that may be matrix.mtx: 'matrix.mtx', 'matrix.mtx.gz'",
    ),
    "a header": (
        lambda folder: written(folder / "features.tsv", "id\tname\ttype\n" + (folder / "features.tsv").read_text()),
        "61 features in features.tsv for a matrix of 60 rows",
    ),
    "other barcodes": (rewritten("barcodes.tsv", "ACGT000-1\n", ""), "39 barcodes in barcodes.tsv for a matrix of 40 columns"),
    "barcode twice": (rewritten("barcodes.tsv", "ACGT001", "ACGT000"), "barcodes more than once: 'ACGT000-1'"),
    "no matrix": (lambda folder: (folder / "matrix.mtx").write_text("a\tb\n"), "matrix.mtx: no header of MatrixMarket"),
    "pattern": (
        lambda folder: (folder / "matrix.mtx").write_text("%%MatrixMarket matrix coordinate pattern general\n60 40 0\n"),
        "a general matrix of pattern values in coordinate format",
    ),
    "dense": (
        lambda folder: (folder / "matrix.mtx").write_text("%%MatrixMarket matrix array real general\n60 40\n"),
        "a general matrix of real values in array format",
    ),
    "short": (rewritten("matrix.mtx", LAST + "\n", ""), "it may be cut short"),
    "word": (rewritten("matrix.mtx", LAST, "5 5 many"), ": '5 5 many'"),
    "fraction": (rewritten("matrix.mtx", LAST, "5 5 1.5"), ": '5 5 1.5'"),
    "two values": (rewritten("matrix.mtx", LAST, "5 5"), "matrix.mtx: line"),
    "outside": (rewritten("matrix.mtx", LAST, "61 5 1"), "an entry outside 60 × 40"),
    "gzip cut short": (cut_gzip, "matrix.mtx.gz: a gzip file that is cut short"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_that_are_not_well(tmp_path, kind):
    spoil, words = FOLDERS[kind]
    with pytest.raises(InputError) as raised:
        open_layout(spoilt_folder(tmp_path, spoil))
    assert len(raised.value.problems) == 1 and words in str(raised.value), str(raised.value)
    assert raised.value.problems[0].fix


def several_genomes(path):
    tenx_h5_of(path, 2)
    with h5py.File(path, "a") as file:
        file.copy("GRCh38", "mm10")


def molecules(path):
    with h5py.File(path, "w") as file:
        file["barcode_idx"] = [1, 2]


def other_barcodes(path):
    tenx_h5_of(path)
    with h5py.File(path, "a") as file:
        del file["matrix/barcodes"]
        file["matrix/barcodes"] = np.array(BARCODES[1:], dtype="S")


def index_outside(path):
    tenx_h5_of(path)
    with h5py.File(path, "a") as file:
        file["matrix/indices"][0] = GENES


def unknown(path):
    with h5py.File(path, "w") as file:
        file["assays/RNA"] = [1]


FILES = {
    "genomes": (several_genomes, "counts on several genomes: 'GRCh38', 'mm10'"),
    "molecules": (molecules, "molecule_info.h5 of Cell Ranger"),
    "barcodes": (other_barcodes, "39 barcodes for a matrix of 40 cells"),
    "unknown": (unknown, "an HDF5 file without 'obs', and with 'assays'"),
    "mtx": (lambda path: path.write_text(market(COUNTS)), "name its folder"),
    "table": (lambda path: path.write_text("gene,a\nx,1\n"), "import_atlas.py"),
    "empty folder": (lambda path: path.mkdir(), "neither a zarr nor a matrix.mtx"),
    "folder above": (
        lambda path: (path.mkdir(), tenx_folder_of(path / "filtered_feature_bc_matrix")),
        "name the folder inside it: 'filtered_feature_bc_matrix'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_files_that_have_no_layout(tmp_path, kind):
    spoil, words = FILES[kind]
    spoil(tmp_path / "a")
    with pytest.raises(InputError) as raised:
        open_layout(tmp_path / "a")
    assert len(raised.value.problems) == 1 and words in str(raised.value), str(raised.value)


def test_an_index_outside_the_matrix_is_not_read(tmp_path):
    index_outside(tmp_path / "a.h5")
    with Atlas(tmp_path / "a.h5") as atlas, pytest.raises(ValueError, match="an index of a gene outside 0 … 59"):
        list(atlas.chunks())


# ---- In the checks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


def test_checks_take_folders_and_name_what_is_inside(project):
    tenx_folder_of(project.folder / "mtx")
    project.atlas |= {"counts": "mtx", "levels": "all"}
    project.write_sheets()
    assert "60 of 60 genes" in project.notes()
    tenx_folder_of(project.folder / "mtx", market(np.log1p(COUNTS.T), "real"))
    project.problem("column counts, file 'mtx': X: fractions", "raw counts: whole numbers")
    (project.folder / "mtx" / "matrix.mtx.gz").write_bytes(gzip.compress(b"x"))
    project.problem("column counts, file 'mtx' (matrix.mtx.gz): no header of MatrixMarket")
    project.atlas |= {"counts": "atlas.zarr", "levels": "all;kind"}
    zarr_of(project.folder / "atlas.zarr")
    project.write_sheets()
    assert "60 of 60 genes" in project.notes()
    project.atlas |= {"counts": "a.h5", "levels": "all;kind"}
    tenx_h5_of(project.folder / "a.h5")
    project.write_sheets()
    project.problem("column levels: 'kind', but the file says nothing of its cells", "column annotations")
    project.atlas |= {"layer": "spliced", "levels": "all"}
    project.write_sheets()
    project.problem("column layer: no 'layers/spliced' in the 10x HDF5 file", "one of its matrices: 'X'")

"""Preflight: one test for each kind of problem, on a tiny genome and atlas; what is well passes without a word."""

import gzip
import itertools
import json
import re
import shutil
import subprocess
import sys

import anndata
import h5py
import numpy as np
import pandas as pd
import pysam
import pytest
import scipy.sparse
from conftest import ROOT
from jsonschema import Draft202012Validator
from preflight_project import FILE_COLUMNS, GENES, SCHEMAS, Project

from scxpresso.checks.params import default_of
from scxpresso.checks.preflight import preflight
from scxpresso.checks.sheets import PATHS
from scxpresso.expression.pseudobulk import PROTOCOLS
from scxpresso.genome.folds import METHODS
from scxpresso.identifiers import ID_PATTERN
from scxpresso.versions import PACKAGES, software_versions

pytestmark = pytest.mark.filterwarnings("ignore:Variable names are not unique")

RULES = {
    name: rule
    for group in SCHEMAS["nextflow_schema.json"]["$defs"].values()
    for name, rule in group["properties"].items()
}
# parameter: schema of its sheet
SHEET_SCHEMAS = dict(zip(FILE_COLUMNS, itertools.islice(SCHEMAS, 1, None), strict=True))
HOSTILE = [
    "; touch PWNED",
    "$(touch PWNED)",
    "`touch PWNED`",
    "a\nb",
    "a\x1b[31mb",
    "../up",
    "-rf",
    "é",
    "a b",
    "a'b",
    "x" * 65,
    "tiny\n",
    "tiny\u00a0",
    "all;\tkind",
]


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


# ---- What is well ----------------------------------------------------------------------------------------------------


def test_good_input_passes_and_says_what_was_decided(project):
    notes = project.notes()
    assert "atlas tiny: level kind: population 'rare' excluded, 5 cells (fewer than 10 cells)" in notes
    assert "atlas tiny: 60 of 60 genes are among the annotation's 60: 60 by gene id" in notes
    assert "genome g1: 60 genes with a coding region; the transcript of each is the one of the longest" in notes
    assert re.search(r"genome g1: \d+ windows reach over the end of a contig", notes)
    assert "--device: auto" in notes


@pytest.mark.slow
def test_the_demo_passes(demo, schemas):
    columns = [
        ("input", "counts", "atlas.h5ad"),
        ("genomes", "fasta", "genome.fa.gz"),
        ("genomes", "gtf", "genes.gtf.gz"),
    ]
    sources = [{"sheet": sheet, "value": name, "staged_path": name} for sheet, name in
               (("input", "atlases.csv"), ("genomes", "genomes.csv"))]  # fmt: skip
    sources += [
        {"sheet": sheet, "row": 1, "column": column, "value": name, "staged_path": name}
        for sheet, column, name in columns
    ]
    params = {"input": "atlases.csv", "genomes": "genomes.csv", "folds": "3", "help": "false"}
    found, _plan = preflight({"params": params, "genome": None, "sources": sources}, demo, schemas)
    assert found.report() == ""
    assert any("5,060 of 5,066 genes" in note["message"] for note in found.notes)


def test_single_genome_without_a_sheet(project):
    fasta, gtf = str(project.folder / "genome.fa"), str(project.folder / "genes.gtf")
    project.params |= {"genomes": None, "fasta": fasta, "gtf": gtf}
    assert "60 by gene id" in project.notes()
    (project.folder / "genome.fa").write_text("hello\n")
    report = project.problem("--fasta, file ", "text that starts with 'hello'")
    assert "row" not in report
    project.params["fasta"] = "nowhere.fa"
    project.problem("--fasta: no file 'nowhere.fa'", "the folder that you are in")


def of_case(project, folder, **files):
    """The project's genome and atlas become those of a case."""
    for name, file in files.items():
        shutil.copyfile(folder / file, project.folder / name.replace("_", "."))


@pytest.mark.parametrize(("ids", "gtf"), [("mstrg", "mstrg.gtf"), ("evm", "evm.gff3")])
def test_serial_ids_are_all_matched(cases, project, ids, gtf):
    of_case(project, cases / "annotation" / "serial_ids", genome_fa="g.fa", genes_gtf=gtf, atlas_h5ad=f"{ids}.h5ad")
    project.params |= {"folds": 100, "upstream": 300, "downstream": 300}
    assert "120 of 120 genes are among the annotation's 120: 120 by gene id" in project.notes()


def test_isoforms_of_a_canonical_list(cases, project):
    files = {
        "genome_fa": "g.fa",
        "genes_gtf": "g.gtf",
        "atlas_h5ad": "atlas.h5ad",
        "canonical_txt": "representative.txt",
    }
    project.genome["canonical"] = "canonical.txt"
    project.write_sheets()
    of_case(project, cases / "annotation" / "canonical_isoform_suffix", **files)
    assert "the transcript of each is in the canonical list (60)" in project.notes()


def test_canonical_lists_that_name_several_transcripts_of_a_gene(project):
    text = (project.folder / "genes.gtf").read_text()
    (project.folder / "genes.gtf").write_text(text + text.replace('.1"', '000.1"'))
    project.genome["canonical"] = "canonical.txt"
    project.write_sheets()
    rows = [f"ENST{number}{more}\t{flag}" for number in range(60) for more, flag in (("", "yes"), ("000", "no"))]
    write = (project.folder / "canonical.txt").write_text
    write("transcript\tis it\n" + "\n".join(rows) + "\nENST999\tno\n")
    notes = project.notes()
    assert (
        "the canonical list has several transcripts of 60 genes, such as 'ENST0.1', 'ENST0000.1' of ENSG00000000001"
        in notes
    )
    assert "columns of the canonical list that are not read: 'is it'" in notes
    assert "what is in the canonical list, but no transcript of the annotation: 'ENST999'" in notes
    write("transcript\tEnsembl Canonical\n" + "\n".join(rows))
    notes = project.notes()
    assert "of the canonical list, the rows are taken that its column 'Ensembl Canonical' marks" in notes
    assert "several transcripts" not in notes and "in the canonical list (60)" in notes
    write("transcript\tEnsembl Canonical\n" + "\n".join(rows).replace("yes", ""))
    project.problem("column canonical", "the column 'Ensembl Canonical' marks no transcript")


def test_canonical_and_ccres_of_a_genome(project):
    (project.folder / "canonical.txt").write_text("ENST3.9\nENST4\n")
    (project.folder / "ccres.bed").write_text("track x\n1\t10\t20\tname\n")
    project.genome |= {"canonical": "canonical.txt", "ccres": "ccres.bed"}
    project.write_sheets()
    assert "in the canonical list (2)" in project.notes()


def test_contigs_of_other_names_are_matched(project):
    project.write_genome(contigs=["1", "2"], annotated=["chr1", "chr2"])
    assert "2 contigs have other names in FASTA and annotation: chr1 is 1, chr2 is 2" in project.notes()


def test_genes_on_lost_contigs_are_noted(project):
    project.write_genome(annotated=["1", "2", "scaffold"])
    assert "20 genes are excluded: the FASTA lacks their contigs 'scaffold'" in project.notes()


def test_genes_by_name_through_gene_column_and_without_versions(project):
    project.write_atlas(genes=[f"g{n}" for n in range(60)], var={"symbol": [f"NAME{n}" for n in range(59)] + ["NAME0"]})
    project.atlas["gene_column"] = "symbol"
    project.write_sheets()
    notes = project.notes()
    assert "58 by gene name" in notes and "1 names are in symbol more than once and excluded: 'NAME0'" in notes
    project.write_atlas(genes=[f"{gene}.7" for gene in GENES])
    project.atlas.pop("gene_column")
    project.write_sheets()
    assert "60 by gene id without version" in project.notes()


def test_isoforms_in_an_atlas_are_no_versions(project):
    (project.folder / "genes.gtf").write_text((project.folder / "genes.gtf").read_text().replace("ENSG", "AT"))
    project.write_atlas(genes=[f"{gene.replace('ENSG', 'AT')}.1" for gene in GENES])
    project.problem("only 0 of 60 genes", "60 ids differ from the annotation's in the number behind the last dot")


@pytest.mark.parametrize("way", ["bom", "crlf", "blanks", "commas"])
def test_sheets_as_spreadsheets_write_them(project, way):
    for name in ("atlases.csv", "genomes.csv"):
        path = project.folder / name
        text = path.read_bytes().replace(b"\r\n", b"\n").decode()
        text = {
            "bom": "\ufeff" + text,
            "crlf": text.replace("\n", "\r\n"),
            "blanks": "\n" + text.replace(",", " , ") + "\n  \n,,\n",
            "commas": text.replace("\n", ",,\n"),
        }[way]
        path.write_bytes(text.encode())
    if way == "blanks":
        project.rows = lambda path: [project.atlas if "atlases" in str(path) else project.genome]
    assert "60 by gene id" in project.notes()


def test_free_text_may_hold_anything_that_is_printable(project):
    name = "naïve $(touch PWNED) `x` 'q' \"d\"; a/b".replace("/", "∕") + ".h5ad"
    counts = project.write_atlas().X
    project.write_atlas(name=name, layers={"$(touch PWNED) 'µ'": counts}, var={"; ls `x`": GENES})
    project.atlas |= {"counts": name, "layer": "$(touch PWNED) 'µ'", "gene_column": "; ls `x`"}
    project.write_sheets()
    assert "60 by gene id" in project.notes()


def test_bulk_table_and_bulk_h5ad(project):
    tpm = np.random.default_rng(3).gamma(1.0, 1.0, (60, 4))
    table = pd.DataFrame(tpm / tpm.sum(axis=0) * 1e6, index=GENES, columns=list("abcd"))
    table.to_csv(project.folder / "tpm.tsv", sep="\t")
    project.atlas |= {"counts": "tpm.tsv", "protocol": "bulk", "levels": "all"}
    project.params |= {"aggregation": "median", "pseudocount": "0.1"}
    project.write_sheets()
    assert "60 by gene id" in project.notes()
    project.atlas |= {"counts": "tpm.h5ad", "levels": "all;tissue", "min_cells": "1"}
    project.write_sheets()
    project.write_atlas(counts=table.to_numpy().T, obs={"tissue": list("wxyz")}, name="tpm.h5ad")
    assert "60 by gene id" in project.notes()
    project.atlas |= {"counts": "tpm.tsv"}
    project.write_sheets()
    project.problem("column levels", "'tissue'", "obs has no columns", "'all'")
    project.atlas |= {"levels": "all"}
    project.write_sheets()
    np.log2(table + 1).to_csv(project.folder / "tpm.tsv", sep="\t")
    project.problem("nothing above", "log-transformed", "TPM")
    (table * 3).round().assign(Length=1000).to_csv(project.folder / "tpm.tsv", sep="\t")
    assert "counts were converted to TPM by the column `Length`" in project.notes()


# ---- Parameters ------------------------------------------------------------------------------------------------------

PARAMS = {
    "unknown": ({"epoch": 3}, "--epoch: no such parameter", "did you mean '--epochs'?"),
    "kebab": ({"min-cells": 3, "minCells": 3}, "--min-cells: no such parameter", "did you mean '--min_cells'?"),
    "text": ({"folds": "ten"}, "--folds: 'ten'", "a whole number, at least 2"),
    "fraction": ({"folds": 2.5}, "--folds: '2.5'", "the default, 20"),
    "small": ({"folds": "1"}, "--folds: '1'", "at least 2"),
    "zero": ({"learning_rate": "0"}, "--learning_rate: '0'", "a number, above 0 and at most 1"),
    "choice": ({"fold_method": "Famly"}, "--fold_method: 'Famly'", "did you mean 'family'?"),
    "network": (
        {"network": "resnet"},
        "--network: an unknown network 'resnet'",
        "one of 'grammar', 'hybrid', 'scxpresso'",
    ),
    "twice": ({"network": "scxpresso,scxpresso"}, "--network: 'scxpresso' 2 times", "each network once"),
    "no value": ({"epochs": True}, "--epochs: no value", "a whole number"),
    "control": ({"outdir": "a\nb"}, r"--outdir: 'a\nb'", "a folder"),
    "window": (
        {"upstream": 100, "downstream": "100"},
        "--upstream and --downstream: a window of 200 bases",
        "at least 299",
    ),
    "folds": ({"folds": 100}, "--folds 100", "only 60 genes", "fewer folds"),
    "contigs": ({"fold_method": "chromosome"}, "only 2 contigs with genes", "--fold_method random"),
    "both": ({"fasta": "x.fa"}, "--genomes: given beside --fasta or --gtf", "profile"),
    "help": ({"help": "maybe"}, "--help: 'maybe'", "true or false"),
}


@pytest.mark.parametrize("kind", PARAMS)
def test_parameters(project, kind):
    params, *words = PARAMS[kind]
    project.params |= params
    project.problem(*words)


def test_missing_parameters(project):
    project.params = {"input": None, "genomes": None, "fasta": None}
    report = project.check().report()
    assert "--input: not given" in report and "--genomes: not given" in report and "2 problems" in report
    project.params = {"input": "here.csv", "fasta": "genome.fa"}
    report = project.check().report()
    assert "--input: no file 'here.csv'" in report and "--gtf: not given" in report


def test_values_may_come_as_text_or_numbers(project):
    project.params |= {"folds": "5", "learning_rate": "5e-4", "epochs": 3, "help": "false", "pseudocount": "0"}
    project.params |= {"config_profile_name": "a site's configuration"}
    assert project.notes()


# ---- Sheets ----------------------------------------------------------------------------------------------------------

CELLS = {
    "protocol": ("protocol", "10X", "column protocol: '10X'", "did you mean '10x'?"),
    "other protocol": ("protocol", "SMART-Seq2", "did you mean 'smartseq2'?"),
    "number": ("min_cells", "ten", "column min_cells: 'ten'", "a whole number, at least 1"),
    "floor": ("floor", "4", "column floor: '4'", "at most 0"),
    "decimal comma": ("floor", "-4,5", "column floor: '-4,5'", "decimal point"),
    "genome": ("genome", "G1.", "an unknown genome 'G1.'", "one of 'g1'", "did you mean 'g1'?"),
    "missing file": ("counts", "no such.h5ad", "no file 'no such.h5ad'", "the folder of the sheet"),
    "folder": ("counts", ".", "column counts, file '.': a folder with neither a zarr nor a matrix.mtx"),
    "address": ("counts", "https://x.org/a.h5ad", "nothing to read at 'https://x.org/a.h5ad'"),
    "level twice": ("levels", "kind;all;kind", "each only once"),
    "no level": ("levels", ";", "column levels: ';'"),
    "empty": ("levels", "", "column levels: an empty cell", "coarse to fine"),
    "unknown level": ("levels", "all;Knd", "no column 'Knd' in obs", "such as 'kind'", "did you mean 'kind'?"),
    "unsafe level": ("levels", "all;cell type", "column levels: 'cell type'", "rename the column of obs"),
    "layer": ("layer", "count", "column layer: no 'layers/count' in the h5ad", "'X'"),
    "gene column": ("gene_column", "symbol", "column gene_column: no column 'symbol' in var"),
    "control": ("gene_column", "a\tb", r"column gene_column: 'a\tb'", "control characters"),
    "control in a path": ("counts", "a\x1b]b", r"column counts: 'a\x1b]b'"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_cells(project, kind):
    column, cell, *words = CELLS[kind]
    project.atlas[column] = cell
    project.write_sheets()
    project.problem("atlases.csv, row 1 (line 2), column", *words)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_that_are_no_file_names_are_refused(project, text):
    for sheet, column in (("atlas", "atlas"), ("atlas", "levels"), ("genome", "genome")):
        spoilt = dict(getattr(project, sheet))
        setattr(project, sheet, spoilt | {column: text})
        project.write_sheets()
        report = project.check().report()
        assert "a name of at most 64 letters" in report
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", report), "control characters reach the terminal"
        setattr(project, sheet, spoilt)


SHEETS = {
    "empty": (b"", "atlases.csv: an empty file"),
    "header only": (b"atlas,counts,protocol,genome,levels\n", "a header without rows"),
    "semicolons": (b"atlas;counts;protocol;genome;levels\na;b;c;d;e\n", "semicolons between cells", "save it as"),
    "unknown column": (
        b"atlas,counts,protocol,genome,levels,minCells\ntiny,atlas.h5ad,10x,g1,all,1\n",
        "an unknown column 'minCells'", "did you mean 'min_cells'?",
    ),
    "missing column": (b"atlas,counts,protocol,genome\ntiny,atlas.h5ad,10x,g1\n", "no column 'levels'", "add it"),
    "column twice": (
        b"atlas,counts,protocol,genome,levels,levels\ntiny,atlas.h5ad,10x,g1,all,all\n",
        "the column 'levels' 2 times",
    ),
    "too many cells": (
        b"atlas,counts,protocol,genome,levels\ntiny,atlas.h5ad,10x,g1,all,kind\n",
        "row 1 (line 2): 6 cells", "5, as in the header",
    ),
    "quote": (b'atlas,counts,protocol,genome,levels\ntiny,"atlas.h5ad,10x,g1,all\n', "line 2: quotation marks"),
    "latin": (
        "atlas,counts,protocol,genome,levels\ntiny,données.h5ad,10x,g1,all\n".encode("latin-1"),
        "not UTF-8 in line 2",
    ),
    "excel": (b"PK\x03\x04\xff\x00", "a zip or Excel file", "save it as CSV"),
    "same name": (
        b"atlas,counts,protocol,genome,levels\ntiny,atlas.h5ad,10x,g1,all\n\ntiny,atlas.h5ad,10x,g1,kind\n",
        "row 2 (line 4), column atlas: 'tiny', as in row 1 (line 2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SHEETS)
def test_sheets(project, kind):
    content, *words = SHEETS[kind]
    (project.folder / "atlases.csv").write_bytes(content)
    project.problem(*words)


def test_all_problems_are_in_one_report(project):
    project.atlas |= {"atlas": "a b", "protocol": "10X", "levels": "all;knd", "min_cells": "-1", "genome": "g2"}
    project.genome["gtf"] = "nowhere.gtf"
    project.write_sheets()
    project.write_atlas(genes=[*GENES[:-1], GENES[0]])
    (project.folder / "genome.fa").write_bytes(b"")
    project.params |= {"folds": 0, "epoch": 1}
    report = project.check().report()
    for words in (
        "10 problems to fix before anything is run:", "--epoch", "--folds", "column atlas", "column protocol", "'knd'",
        "column min_cells", "unknown genome 'g2'", "no file 'nowhere.gtf'", "an empty file", "gene ids more than once",
    ):  # fmt: skip
        assert words in report, report


# ---- Genome files ----------------------------------------------------------------------------------------------------


def zipped(path):
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    return path.with_suffix(".gz")


@pytest.mark.parametrize("column", ["fasta", "gtf", "canonical", "ccres"])
def test_gzip_cut_short(project, column):
    path = project.folder / "whole"
    random = np.random.default_rng(4).integers(0, 9, 20_000)
    shutil.copy(project.folder / project.genome.get(column, "genes.gtf"), path)
    if column == "ccres":
        path.write_text("".join(f"1\t{n}\t{n + 1}\n" for n in random))
    whole = zipped(path).read_bytes()
    project.genome[column] = "cut.gz"
    (project.folder / "cut.gz").write_bytes(whole[: len(whole) // 2])
    project.write_sheets()
    project.problem(f"genomes.csv, row 1 (line 2), column {column}, file 'cut.gz': a gzip file that is cut short")
    (project.folder / "cut.gz").write_bytes(whole[: len(whole) // 2] + b"xxxxxxxx" + whole[len(whole) // 2 + 8 :])
    assert "a damaged gzip file" in project.check().report()


def test_bgzip_cut_between_blocks(project):
    path = str(project.folder / "genome.fa.gz")
    pysam.tabix_compress(str(project.folder / "genome.fa"), path)
    project.genome["fasta"] = "genome.fa.gz"
    project.write_sheets()
    assert project.notes()
    with open(path, "rb+") as file:
        file.truncate(file.seek(-28, 2))
    project.problem("bgzip file that is cut short")


FASTAS = {
    "protein": (">P1\nMKLVEFQPLI\n", "among the characters of 'P1'", "not that of its proteins"),
    "fastq": ("@read\nACGT\n+\nIIII\n", "a FASTQ file", "which starts with '>'"),
    "page": ("<!DOCTYPE html>\n", "a web page"),
    "blank": ("\n\n", "nothing"),
}


@pytest.mark.parametrize("kind", FASTAS)
def test_files_that_are_no_fasta(project, kind):
    content, *words = FASTAS[kind]
    (project.folder / "genome.fa").write_text(content)
    project.problem("column fasta, file 'genome.fa': ", *words)


def test_contig_twice(project):
    text = (project.folder / "genome.fa").read_text()
    (project.folder / "genome.fa").write_text(text + text)
    project.problem("contigs of the same name: '1', '2'")


def test_no_contig_in_common_shows_five_of_each(project):
    project.write_genome(contigs=[f"NC_{n}" for n in range(7)], annotated=[f"chr{n}" for n in range(1, 7)])
    project.problem(
        "column gtf: 60 of 60 genes", "'chr1', 'chr2', 'chr3', 'chr4', 'chr5', … (6 in all)", "'NC_4', … (7 in all)"
    )


def test_other_assembly(project):
    project.write_genome(length=30_000)
    project.problem("start beyond the end of their contig", "at 31,000 of 1 (30,000 bases)", "of one assembly")


ANNOTATIONS = {
    "no coding region": (
        lambda text: text.replace("\tCDS\t", "\texon\t"),
        "no gene with a coding region among 60",
        "CDS",
    ),
    "no table": (lambda text: "gene start end\n", "(the annotation, line 1): 'gene start end", "nine tab-separated"),
    "no ids": (lambda text: text.replace("transcript_id", "id"), "(the GTF, line 1): exon without"),
    "comments only": (lambda text: "# nothing\n", "no feature line"),
    "binary": (lambda text: "\x00\ud800", "cannot be read"),
}


@pytest.mark.parametrize("kind", ANNOTATIONS)
def test_annotations(project, kind):
    spoil, *words = ANNOTATIONS[kind]
    path = project.folder / "genes.gtf"
    path.write_text(spoil(path.read_text()), encoding="utf-8", errors="surrogatepass")
    project.problem("genomes.csv, row 1 (line 2), column gtf", *words)


def test_canonical_list_of_another_species(project):
    (project.folder / "canonical.txt").write_text("ENSMUST1\n")
    project.genome["canonical"] = "canonical.txt"
    project.write_sheets()
    project.problem("column canonical", "it has 'ENSMUST1', the annotation 'ENST0', 'ENST1'")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1\t20\tten", "'1\\t20\\tten'"), ("1 20 30", "'1 20 30'"), ("1\t30\t20", "'1\\t30\\t20'"),
        ("1\t20\t30\tname", "4 columns"),
    ],
)  # fmt: skip
def test_ccres_that_are_no_bed(project, line, words):
    (project.folder / "ccres.bed").write_text(f"track name=x\n1\t10\t20\n{line}\n")
    project.genome["ccres"] = "ccres.bed"
    project.write_sheets()
    project.problem(f"column ccres, file 'ccres.bed' (line 3): {words}")


# ---- Atlas files -----------------------------------------------------------------------------------------------------


def counts_of(cells=60, genes=60):
    random = np.random.default_rng(5)
    return random.poisson(random.gamma(0.5, 1.5, genes), (cells, genes)) + np.eye(cells, genes)


def normalised(counts):
    return counts / counts.sum(axis=1, keepdims=True) * 1e4


def with_value(value):
    counts = counts_of()
    counts[3, 3] = value
    return counts


COUNTS = {
    "negative": (with_value(-1), "negative values (such as -1)", "scaled (z-scores)"),
    "nan": (with_value(np.nan), "NaN"),
    "infinite": (with_value(np.inf), "infinite values"),
    "zeros": (np.zeros((20, 60)), "only zeros"),
    "normalised": (normalised(counts_of()), "already normalised: counts scaled to 10,000 a cell"),
    "log": (np.log1p(normalised(counts_of())), "log-normalised: log(x + 1) of counts scaled to 10,000 a cell"),
    "log2": (np.log2(normalised(counts_of()) + 1), "log-normalised: log2(x + 1) of counts scaled to 10,000"),
    "log of some genes": (np.log1p(normalised(counts_of(genes=200)))[:, :60], "log-normalised: log(x + 1) of counts"),
    "scaled": (np.random.default_rng(6).random((20, 60)), "none above", "log-transformed, scaled or corrected"),
}


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_values_that_are_no_raw_counts(project, kind, layout):
    values, *words = COUNTS[kind]
    if layout == "columns":
        words = [word.split(" scaled to")[0] for word in words]
    data = project.write_atlas(counts=values, obs={"kind": ["B cell"] * len(values)})
    if layout == "columns":
        data.X = scipy.sparse.csc_matrix(data.X)
        data.write_h5ad(project.folder / "atlas.h5ad")
    project.problem("column counts, file 'atlas.h5ad': X: ", "raw counts: whole numbers", *words)


def test_fractional_counts_of_quantifiers_pass(project):
    counts = counts_of() * np.random.default_rng(7).uniform(0.9, 1.1, (60, 60))
    counts[0, 0] = 345.6
    project.write_atlas(counts=counts)
    assert "X has fractions, as estimated counts have" in project.notes()


def test_another_matrix_with_counts_is_suggested(project):
    counts = scipy.sparse.csr_matrix(counts_of().astype(np.float32))
    logged = np.log1p(normalised(counts_of()))
    data = project.write_atlas(counts=logged, layers={"scaled": counts.astype(np.float32) * 0.3, "umis": counts})
    project.problem("write 'umis' into the column layer")
    data.layers.clear()
    data.raw = anndata.AnnData(counts, data.obs, data.var)
    data.write_h5ad(project.folder / "atlas.h5ad")
    project.problem("write 'raw' into the column layer")
    project.atlas["layer"] = "raw"
    project.write_sheets()
    assert project.notes()
    project.write_atlas(counts=counts_of(), layers={"logs": logged.astype(np.float32)})
    project.atlas["layer"] = "logs"
    project.write_sheets()
    project.problem("layer 'logs': ", "leave the column layer empty, for X")


def spoil_truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def spoil_without(name):
    def spoil(path):
        with h5py.File(path, "a") as file:
            del file[name]

    return spoil


def spoil_shape(path):
    with h5py.File(path, "a") as file:
        file["X"].attrs["shape"] = (41, 60)


H5ADS = {
    "text": (lambda path: path.write_text("a,b\n"), "text that starts with 'a,b'", "write_h5ad"),
    "gzip": (lambda path: path.write_bytes(gzip.compress(path.read_bytes())), "gzip of an HDF5 file", "gunzip"),
    "truncated": (spoil_truncated, "cut short"),
    "no obs": (spoil_without("obs"), "an HDF5 file without 'obs'", "Cell Ranger"),
    "no var": (spoil_without("var"), "an HDF5 file without 'var'"),
    "no X": (spoil_without("X"), "no 'X' in the h5ad"),
    "shape": (spoil_shape, "cannot be read", "41"),
    "no indices": (spoil_without("X/indices"), "cannot be read"),
}


@pytest.mark.parametrize("kind", H5ADS)
def test_files_that_are_no_h5ad(project, kind):
    spoil, *words = H5ADS[kind]
    spoil(project.folder / "atlas.h5ad")
    project.problem("atlases.csv, row 1 (line 2), column", *words)


def test_no_cells(project):
    project.write_atlas(counts=np.zeros((0, 60)), obs={"kind": pd.Series([], dtype=str)})
    project.atlas["levels"] = "all"
    project.write_sheets()
    project.problem("0 cells and 60 genes")


def test_a_file_that_may_not_be_read(project, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("scxpresso.damage.lacks_bgzf_end", lambda path: path.suffix == ".h5ad" and denied(path))
    project.problem("column counts, file 'atlas.h5ad': no permission to read it")


def test_gene_ids_twice(project):
    project.write_atlas(genes=[*GENES[:-1], GENES[0]], var={"ids": GENES})
    project.problem(f"gene ids more than once: '{GENES[0]}'", "write 'ids' into the column gene_column")


def test_few_genes_in_common_shows_five_of_each(project):
    names = GENES[:20] + [f"mouse{n}" for n in range(40)]
    project.write_atlas(genes=names)
    project.problem("only 20 of 60 genes", "'mouse0', 'mouse1', 'mouse10'", "… (40 in all)", f"'{GENES[20]}'")
    project.write_atlas(
        genes=[f"g{n}" for n in range(60)], var={"number": range(60), "symbol": [f"NAME{n}" for n in range(60)]}
    )
    project.problem("only 0 of 60 genes", "write 'symbol' into the column gene_column")


def test_a_panel_of_genes_is_enough_but_not_too_small_a_one(project):
    project.params["folds"] = 5
    project.write_atlas(genes=GENES[:30])
    assert "30 of 30 genes" in project.notes()
    project.write_atlas(genes=GENES[:12])
    project.problem("only 12 genes", "at least 20 to train on")


THREE = ("1", "2", "3")  # contigs with 20 genes each
OF_TWO = [gene for number, gene in enumerate(GENES) if number % 3 < 2]


def test_folds_that_hold_out_no_gene_of_an_atlas_or_few(project):
    project.write_genome(THREE, THREE)
    project.params |= {"folds": 3, "fold_method": "chromosome"}
    assert "fewer than 20 genes" not in project.notes()
    project.write_atlas(genes=[*OF_TWO, GENES[2], GENES[5]])
    notes = project.notes()
    assert "atlas tiny: --folds 3 --fold_method chromosome: 1 fold with fewer than 20 genes (fold: genes; " in notes
    assert ": 2); their correlations are noisy" in notes and "or --fold_method random" in notes
    project.write_atlas(genes=OF_TWO)
    project.problem(
        "--folds 3 --fold_method chromosome: 1 fold without a gene of atlas tiny", "at least one gene of the atlas",
        "or --fold_method random",
    )  # fmt: skip
    project.params["fold_method"] = "random"
    assert "3 folds with fewer than 20 genes" in project.notes()  # 40 genes


def test_folds_of_an_atlas_are_those_of_its_recipes(project):
    project.write_genome(THREE, THREE)
    project.write_atlas(genes=OF_TWO)
    project.params |= {"folds": 3, "recipes": str(project.folder / "recipes.csv")}
    for method, refused in {"family": False, "chromosome": True}.items():
        recipes = f"recipe,network,fold_method\na,hybrid,random\nb,hybrid,{method}\n"
        (project.folder / "recipes.csv").write_text(recipes)
        assert ("--fold_method chromosome: 1 fold without a gene" in project.check().report()) == refused


LEVELS = {
    "measurement": (np.arange(40) / 7, "'kind' has 40 values in 40 cells", "a column of labels"),
    "small": (["a", "b", "c", "d"] * 10, "no population of 'kind' is large enough", "'a', has 10 cells"),
    "unlabelled": ([None] * 40, "no cell has a label"),
    "control": (["T\tcell"] * 40, r"labels of 'kind' with control characters: 'T\tcell'"),
}


@pytest.mark.parametrize("kind", LEVELS)
def test_levels(project, kind):
    labels, *words = LEVELS[kind]
    project.write_atlas(obs={"kind": pd.Categorical(labels, ["x"]) if kind == "unlabelled" else labels})
    project.atlas["min_cells"] = "11"
    project.write_sheets()
    project.problem("column levels", *words)


def test_a_population_with_several_parents_is_listed_or_given_to_the_one_with_most_cells(project):
    fine = ["a"] * 20 + ["b"] * 20
    project.write_atlas(obs={"coarse": ["x"] * 23 + ["y"] * 17, "fine": fine, "split": ["c"] * 12 + ["d"] * 28})
    project.atlas["levels"] = "all;coarse;fine"
    project.write_sheets()
    project.problem(
        "row 1 (line 2), column levels: populations of 'fine' with cells in several of 'coarse': 'b (x: 3, y: 17)'",
        "or write majority into the column parents",
    )
    project.atlas["parents"] = "majority"
    project.write_sheets()
    assert "'b (x: 3, y: 17)'; the parent is the one with most cells (column parents)" in project.notes()
    project.atlas |= {"parents": "unique", "levels": "fine;all"}
    project.write_sheets()
    project.problem("populations of 'all' with cells in several of 'fine': 'all (a: 20, b: 20)'")
    project.atlas |= {"levels": "coarse;all;fine", "exclude": "y"}
    project.write_sheets()
    assert "several of" not in project.notes()


def test_levels_from_fine_to_coarse_are_told(project):
    project.write_atlas(obs={"fine": ["a", "b"] * 20, "coarse": ["x"] * 40})
    project.atlas["levels"] = "fine;coarse"
    project.write_sheets()
    project.problem(
        "populations of 'coarse' with cells in several of 'fine': 'x (a: 20, b: 20)'", "correct the labels or"
    )
    project.atlas["parents"] = "majority"
    project.write_sheets()
    assert "fine has 2 populations and coarse after it 1" in project.notes()


def test_a_tissue_of_a_single_row_is_noted(project):
    project.atlas["tissue"] = "lung"
    project.write_sheets()
    assert "no other row of its genome has the tissue lung" in project.notes()
    with open(project.folder / "atlases.csv", "a") as file:
        file.write("second,atlas.h5ad,10x,g1,all;kind,lung\n")
    assert "no other row" not in project.notes()


# ---- The sheet of populations ----------------------------------------------------------------------------------------


def with_populations(project, *lines):
    """Two atlases of the same cells, and a sheet of populations."""
    project.write_sheets()
    with open(project.folder / "atlases.csv", "a") as file:
        file.write("second,atlas.h5ad,10x,g1,all;kind\n")
    (project.folder / "populations.csv").write_text("\n".join(["atlas,level,population,name", *lines, ""]))
    project.params["populations"] = str(project.folder / "populations.csv")


def test_the_sheet_of_populations_is_planned_as_it_is(project):
    with_populations(project, "tiny,kind,B cell,B", "second,all,all,B")
    assert "only: nothing matches" not in project.notes()
    assert project.plan()["evaluation"]["populations"] == [
        {"atlas": "tiny", "level": "kind", "population": "B cell", "name": "B"},
        {"atlas": "second", "level": "all", "population": "all", "name": "B"},
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["third,kind,B cell,B"], ["row 1 (line 2), column atlas: 'third' is no atlas", "one of 'tiny', 'second'"]),
        (["tiny,knd,B cell,B"], ["column level: 'knd' is no level of the atlas tiny", "did you mean 'kind'?"]),
        (["tiny,kind,B cel,B"], ["column population: 'B cel' is no population", "did you mean 'B cell'?"]),
        (["tiny,kind,rare,B"], ["'rare' is no population of the level kind (or it is excluded)", "one of 'B cell'"]),
        (["tiny,kind,B cell,B", "tiny,kind,B cell,b"], ["row 2 (line 3), column population: 'B cell', as in row 1"]),
        (["tiny,kind,B cell,"], ["column name: an empty cell"]),
    ],
)
def test_faults_of_the_sheet_of_populations(project, lines, words):
    with_populations(project, *lines)
    project.problem(*words)


def test_names_that_match_nothing_are_noted(project):
    with_populations(project, "tiny,kind,B cell,plasma")
    assert "the name plasma is that of populations of one atlas only" in project.notes()
    with_populations(project, "tiny,all,all,B cell")  # the label of the second atlas
    assert "of one atlas only" not in project.notes()


# ---- Schemas, configuration and executable ---------------------------------------------------------------------------


def config_defaults():
    """Defaults of nextflow.config: those of its block, and those that the configuration itself reads before."""
    config = (ROOT / "nextflow.config").read_text()
    found = re.findall(r"^params\.(\w+)\s*= params\.\w+ \?: (.+)$", config, re.M)
    found += re.findall(r"^\s+(\w+)\s*=\s*(.+?)\s*$", re.search(r"\nparams \{\n(.*?)\n\}", config, re.S)[1], re.M)
    values = {name: None if value == "null" else json.loads(value.replace("'", '"')) for name, value in found}
    allowed = SCHEMAS["nextflow_schema.json"]["patternProperties"]
    return {name: value for name, value in values.items() if not any(re.search(rule, name) for rule in allowed)}


def test_schema_and_configuration_agree():
    assert {name: default_of(rule) for name, rule in RULES.items()} == config_defaults()
    assert all(rule["description"] and rule["help_text"] for rule in RULES.values())


def manifest(name):
    return re.search(rf"\nmanifest \{{.*?\n    {name}\s*= '(.*?)'\n", (ROOT / "nextflow.config").read_text(), re.S)[1]


def test_the_schema_keeps_the_rules_of_nf_core():
    """The rules of `nf-core pipelines schema lint`, which `make lint-schema` runs itself."""
    schema = SCHEMAS["nextflow_schema.json"]
    home = f"https://raw.githubusercontent.com/{manifest('name')}/main"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"{home}/nextflow_schema.json"
    assert schema["title"] == f"{manifest('name')} pipeline parameters"
    assert schema["description"] == manifest("description")
    assert [entry["$ref"] for entry in schema["allOf"]] == [f"#/$defs/{group}" for group in schema["$defs"]]
    names = [name for group in schema["$defs"].values() for name in group["properties"]]
    assert len(names) == len(set(names))
    assert "input" in schema["$defs"]["input_output_options"]["properties"]
    for name, rule in RULES.items():
        default = rule.get("default", "given")
        assert default not in (None, "", "null", "None") and default is not False, name
        if rule["type"] == "string":
            assert "enum" in rule or (rule["pattern"] and rule["errorMessage"]), name
    for name, sheet in SHEET_SCHEMAS.items():
        rule = RULES[name]
        assert (rule["format"], rule["mimetype"], rule["schema"]) == ("file-path", "text/csv", sheet)
        assert SCHEMAS[sheet]["$id"] == f"{home}/{sheet}"
        Draft202012Validator.check_schema(SCHEMAS[sheet])
        for column, value in SCHEMAS[sheet]["items"]["properties"].items():
            assert value.get("meta") == (None if value.get("format") in PATHS else [column]), (sheet, column)
    Draft202012Validator.check_schema(schema)


def test_profiles_set_only_known_parameters():
    for path in (ROOT / "conf").glob("*.config"):
        block = re.findall(r"\nparams \{\n(.*?)\n\}", path.read_text(), re.S)
        names = re.findall(r"^\s+(\w+)\s*=", "\n".join(block), re.M) + re.findall(
            r"^params\.(\w+)", path.read_text(), re.M
        )
        assert set(names) <= set(RULES), path


def test_schema_and_code_agree():
    from scxpresso.networks.registry import INPUTS, NETWORKS

    assert set(RULES["network"]["default"].split(",")) <= set(NETWORKS)
    assert RULES["inputs"]["enum"] == INPUTS and RULES["fold_method"]["enum"] == METHODS
    columns = {name: schema["items"]["properties"] for name, schema in SCHEMAS.items() if "items" in schema}
    assert columns["assets/schema_atlases.json"]["protocol"]["enum"] == PROTOCOLS
    for (name, schema), kind in zip(itertools.islice(SCHEMAS.items(), 1, None), FILE_COLUMNS, strict=True):
        assert schema["$defs"]["name"]["pattern"] == ID_PATTERN + r"(?!\n)"  # Python's $ allows a line break
        paths = [column for column, rule in columns[name].items() if rule.get("format") in PATHS]
        assert paths == FILE_COLUMNS[kind]
        assert all(rule["description"] and rule["help_text"] for rule in columns[name].values())


@pytest.mark.slow
def test_executable_writes_what_the_module_expects(project, run_cli):
    (project.folder / "request.json").write_text(json.dumps(project.request()))
    options = ("--request", project.folder / "request.json", "--schemas", project.schemas, "--outdir", project.folder)
    made = run_cli("preflight.py", *options)
    assert made.returncode == 0, made.stderr
    assert (project.folder / "problems.txt").read_text() == ""
    assert json.loads((project.folder / "preflight.json").read_text())["notes"]
    versions = json.loads((project.folder / "versions.json").read_text())
    assert versions == software_versions(project.request()["software"])
    assert {"python", "torch", "bedtools", "nf-scxpresso", "nextflow"} <= versions.keys()
    assert "container" not in versions

    (project.folder / "genome.fa").write_text("")
    made = run_cli("preflight.py", *options)
    report = (project.folder / "problems.txt").read_text()
    assert made.returncode == 1 and "an empty file" in report and made.stderr.endswith(report)


def test_packages_are_those_that_are_pinned():
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "containers/requirements.txt").read_text(), re.M)
    assert set(PACKAGES) <= set(pinned)


def test_help_imports_nothing_slow(run_cli):
    script = "import sys, preflight; sys.exit(bool({'numpy', 'pandas', 'torch'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT / "bin").returncode == 0
    assert "--schemas" in run_cli("preflight.py", "--help").stdout

"""The same gene models in the annotations of every source give the same genes.tsv, through preflight too."""

import io
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT
from dialects import DIALECTS, NAMELESS, codon, gene_models, pieces, write_genome
from preflight_project import Project

from scxpresso.genome.annotation import GENE_COLUMNS
from scxpresso.genome.features import extract_features
from scxpresso.store import write_table

UPSTREAM, DOWNSTREAM = 300, 200


def expected(models) -> pd.DataFrame:
    """The columns of genes.tsv that are not of the sequence, from the models themselves."""
    rows = []
    for model in models:
        isoform = model.isoforms[0]
        if not isoform.coding or model.chrom not in ("chr1", "chr2"):
            continue
        start, end = isoform.exons[0][0], isoform.exons[-1][1]
        orf = sum(last - first + 1 for first, last in pieces(isoform, model.strand, stop=False))
        stop = codon(isoform, model.strand, "stop")
        if model.strand == "+":
            tss, utr5, utr3 = start, isoform.coding[0] - start, end - pieces(isoform, "+", stop=False)[-1][1]
        else:
            tss, utr5, utr3 = end, end - isoform.coding[1], pieces(isoform, "-", stop=False)[0][0] - start
        assert sum(last - first + 1 for first, last in stop) == 3
        rows.append(
            [model.gene, model.gene, isoform.name, model.chrom, model.strand, tss, orf, utr5, utr3,
             end - start + 1 - orf - utr5 - utr3, len(isoform.exons) / orf * 1000, 0]
        )  # fmt: skip
    return pd.DataFrame(rows, columns=GENE_COLUMNS).sort_values("gene_id", ignore_index=True)


@pytest.fixture(scope="module")
def models():
    return gene_models()


@pytest.fixture(scope="module")
def fasta(tmp_path_factory, models):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    write_genome(path, models)
    return path


def table(fasta, folder, text) -> str:
    """genes.tsv of an annotation, extended features too."""
    (folder / "annotation").write_text(text)
    genome = extract_features(str(fasta), str(folder / "annotation"), (), UPSTREAM, DOWNSTREAM, extended=True)
    write_table(folder / "genes.tsv", genome.genes)
    return (folder / "genes.tsv").read_text()


@pytest.fixture(scope="module")
def reference(tmp_path_factory, fasta, models):
    return table(fasta, tmp_path_factory.mktemp("reference"), DIALECTS["gencode"](models))


def test_the_reference_is_what_the_models_say(reference, models):
    genes = pd.read_csv(io.StringIO(reference), sep="\t")
    pd.testing.assert_frame_equal(genes[GENE_COLUMNS], expected(models), rtol=1e-5)


def without_names(text) -> str:
    genes = pd.read_csv(io.StringIO(text), sep="\t", dtype=str)
    return genes.assign(gene_name="").to_csv(sep="\t", index=False)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_genes(dialect, fasta, tmp_path, models, reference):
    found = table(fasta, tmp_path, DIALECTS[dialect](models))
    if dialect in NAMELESS:
        assert without_names(found) == without_names(reference)
    else:
        assert found == reference


@pytest.mark.parametrize("dialect", DIALECTS)
def test_preflight_reads_every_dialect_alike(dialect, fasta, tmp_path, schemas, models):
    project = Project(tmp_path, schemas)
    shutil.copy(fasta, tmp_path / "genome.fa")
    (tmp_path / "genes.gtf").write_text(DIALECTS[dialect](models))
    project.write_atlas(genes=expected(models)["gene_id"])
    project.params |= {"upstream": UPSTREAM, "downstream": DOWNSTREAM}
    notes = project.notes()
    assert f"{len(expected(models))} genes with a coding region" in notes
    assert "genes are excluded" not in notes and ("at several places" in notes) == (dialect == "liftoff")


@pytest.mark.parametrize("dialect", ["refseq", "refseq_gff3"])
def test_the_executable_writes_the_same_table(dialect, fasta, tmp_path, models, reference):
    (tmp_path / "annotation").write_text(DIALECTS[dialect](models))
    command = [sys.executable, ROOT / "bin/extract_features.py", "--fasta", fasta, "--gtf", tmp_path / "annotation"]
    windows = ["--upstream", str(UPSTREAM), "--downstream", str(DOWNSTREAM), "--outdir", tmp_path]
    subprocess.run([*command, *windows], check=True, capture_output=True)
    assert (tmp_path / "genes.tsv").read_text() == reference
    dropped = pd.read_csv(tmp_path / "dropped_genes.tsv", sep="\t").set_index("gene")["reason"].to_dict()
    assert dropped == {
        "LEFT0": "chromosome Y", "LEFT1": "mitochondrion", "LEFT2": "plastid", "SILENT": "no coding region",
    }  # fmt: skip

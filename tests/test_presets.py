"""Sheets for the paper's data: they fit the schemas, and the commands beside them run on files of the same layout."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator

from scxpresso.checks.schemas import coerced
from scxpresso.expression.atlas import AtlasColumns
from scxpresso.expression.pseudobulk import read_bulk, read_samples

PRESETS = ROOT / "assets" / "presets"
README = (PRESETS / "README.md").read_text()
GENES = [f"Gene{number}" for number in range(30)]
RNG = np.random.default_rng(1)


@pytest.mark.parametrize("sheet", sorted(PRESETS.glob("*.csv")), ids=lambda path: path.stem)
def test_sheets_fit_their_schemas(sheet):
    kind = "genomes" if sheet.stem.endswith("genomes") else "atlases"
    schema = json.loads((ROOT / f"assets/schema_{kind}.json").read_text())
    rules = schema["items"]["properties"]
    rows = list(csv.DictReader(sheet.open()))
    values = [{column: coerced(cell, rules[column]) for column, cell in row.items() if cell} for row in rows]
    assert not list(Draft202012Validator(schema).iter_errors(values))
    assert f"`{sheet.name}`" in README
    if kind == "atlases":
        genomes = csv.DictReader((PRESETS / f"{sheet.stem.removesuffix('_bulk')}_genomes.csv").open())
        assert {row["genome"] for row in rows} == {row["genome"] for row in genomes}
        assert {row["floor"] for row in rows} == {"-5" if sheet.stem == "motor_cortex" else "-4"}


def block(section: str, language: str) -> str:
    return README.split(f"## {section}\n")[1].split(f"```{language}\n")[1].split("```")[0]


def run(script: str, folder: Path, *shell: str) -> None:
    path = f"{ROOT / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "bin"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*shell, script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def counts_of(cells: list[str]) -> pd.DataFrame:
    return pd.DataFrame(RNG.poisson(2, (len(GENES), len(cells))), index=GENES, columns=cells)


@pytest.mark.slow
def test_the_commands_for_tabula_muris(tmp_path):
    facs = counts_of([f"A{number}.MAA000.3_8_M.1.1" for number in range(12)])
    (tmp_path / "FACS").mkdir()
    facs.to_csv(tmp_path / "FACS" / "Lung-counts.csv")
    labels = pd.DataFrame({"cell_ontology_class": ["B cell", "T cell"] * 5, "mouse.id": "3_8_M", "tissue": "Lung"})
    labels.insert(0, "cell", facs.columns[:10])
    labels.to_csv(tmp_path / "annotations_facs.csv", index=False)
    cells = []
    for channel in ("10X_P7_8", "10X_P7_9"):
        folder = tmp_path / "droplet" / f"Lung-{channel}"
        folder.mkdir(parents=True)
        counts = counts_of([f"ACGT{number}" for number in range(8)])
        entries = [(row + 1, column + 1, counts.iloc[row, column]) for row in range(30) for column in range(8)]
        lines = "".join(f"{row} {column} {count}\n" for row, column, count in entries)
        header = "%%MatrixMarket matrix coordinate integer general\n%\n"
        (folder / "matrix.mtx").write_text(f"{header}30 8 {len(entries)}\n{lines}")
        (folder / "barcodes.tsv").write_text("".join(f"{barcode}-1\n" for barcode in counts))
        (folder / "genes.tsv").write_text("".join(f"{gene}\t{gene}\n" for gene in GENES))
        cells += [f"{channel}_{barcode}" for barcode in counts]
    about = {"cell": cells, "channel": "x", "mouse.id": "3-M-8", "cell_ontology_class": ["B cell", "NA"] * 8}
    pd.DataFrame(about).to_csv(tmp_path / "annotations_droplet.csv", index=False)
    script = re.sub(r"for name in .*; do", "for name in lung:Lung; do", block("Tabula Muris, cells", "bash"))
    printed = run(script, tmp_path, "bash", "-euc")
    rows = {row["atlas"]: row for row in csv.DictReader((PRESETS / "tabula_muris.csv").open())}
    for atlas in ("lung_facs", "lung_droplet"):
        row = rows[atlas]
        line = ",".join(row[column] for column in ("atlas", "counts", "protocol", "genome", "levels"))
        assert line in printed.splitlines()
        obs = anndata.read_h5ad(tmp_path / row["counts"]).obs
        assert {"cell_ontology_class", row["donor_column"]} <= set(obs)
        assert len(obs) == {"lung_facs": 10, "lung_droplet": 16}[atlas]


@pytest.mark.slow
def test_the_commands_for_bulk_and_motor_cortex(tmp_path):
    (tmp_path / "MM10-PLUS/genes").mkdir(parents=True)
    lines = []
    for number, gene in enumerate(GENES):
        about = f'gene_id "id{number}"; gene_name "{gene}"; transcript_id "t{number}";'
        for part, start, end in (("exon", 1000, 1099), ("exon", 1050, 1099 + number), ("CDS", 1010, 1069)):
            lines.append(f"1\tx\t{part}\t{start + 5000 * number}\t{end + 5000 * number}\t.\t+\t.\t{about}\n")
    (tmp_path / "MM10-PLUS/genes/genes.gtf").write_text("".join(lines))
    samples = [f"A{number}_384Bulk_Plate1_S{number}" for number in range(8)]
    counts = counts_of([f"{sample}.gencode.vM19" for sample in samples])
    counts.loc["__no_feature"] = 7
    name = "GSE132040_190214_A00111_0269_AHH3J3DSXX_190214_A00111_0270_BHHMFWDSXX.csv.gz"
    counts.rename_axis("gene").to_csv(tmp_path / name)
    sources = [f"{tissue}_{number}" for tissue in ("Lung", "Limb_Muscle", "Spleen", "Marrow") for number in (1, 12)]
    pd.DataFrame({"Sample name": samples, "source name": sources}).to_csv(
        tmp_path / "GSE132040_MACA_Bulk_metadata.csv.gz"
    )
    run(block("Tabula Muris, bulk", "python"), tmp_path, sys.executable, "-c")
    for row in csv.DictReader((PRESETS / "tabula_muris_bulk.csv").open()):
        table, _, _ = read_samples(tmp_path / row["counts"], AtlasColumns())
        assert table.shape == (30, 2) and table.sum().tolist() == pytest.approx([1e6, 1e6])
    lung = counts.iloc[:30, :2].div(np.arange(100, 130), axis=0)
    np.testing.assert_allclose(read_bulk(tmp_path / "lung_bulk.tsv")[0], lung / lung.sum() * 1e6)

    cells = counts_of([f"AAAC-LKTX_{number}" for number in range(10)]).T
    cells.rename_axis("sample_name").to_csv(tmp_path / "matrix.csv")
    labels = {"sample_name": cells.index, "class_label": "GABAergic", "subclass_label": ["Sst", "Pvalb"] * 5}
    pd.DataFrame(labels).assign(external_donor_name_label="H18").to_csv(tmp_path / "metadata.csv", index=False)
    printed = run(block("Motor cortex", "bash"), tmp_path, "bash", "-euc")
    (row,) = csv.DictReader((PRESETS / "motor_cortex.csv").open())
    assert ",".join(list(row.values())[:5]) in printed.splitlines()
    assert row["donor_column"] in anndata.read_h5ad(tmp_path / "motor_cortex.h5ad").obs

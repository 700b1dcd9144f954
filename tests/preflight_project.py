"""A project that is well, for the tests of preflight to spoil."""

import csv
import json
import shutil

import anndata
import numpy as np
import pandas as pd
import scipy.sparse
from conftest import ROOT

from scxpresso.checks.preflight import preflight

SCHEMAS = {name: json.loads((ROOT / name).read_text()) for name in (
    "nextflow_schema.json", "assets/schema_atlases.json", "assets/schema_genomes.json", "assets/schema_variants.json",
    "assets/schema_predict.json", "assets/schema_recipes.json", "assets/schema_populations.json",
    "assets/schema_external_predictions.json", "assets/schema_external_scores.json", "assets/schema_benchmark.json",
)}  # fmt: skip
FILE_COLUMNS = {
    "input": ["counts", "annotations"],
    "genomes": ["fasta", "gtf", "canonical", "ccres", "gene_features"],
    "variants": ["file"],
    "predict": ["fasta", "gtf", "canonical"],
    "recipes": [],
    "populations": [],
    "external_predictions": ["file"],
    "external_scores": ["file", "chain"],
    "benchmark": ["file"],
}
SINGLE_FILES = ["motifs", "saturate"]
GENES = [f"ENSG{number:011d}" for number in range(1, 61)]


class Project:
    """A folder with sheets and files that are all well, for a test to spoil; `check` hands them over as main.nf does."""

    def __init__(self, folder, schemas, files=None):
        self.folder, self.schemas = folder, schemas
        self.params = {
            "input": str(folder / "atlases.csv"),
            "genomes": str(folder / "genomes.csv"),
            "outdir": "results",
        }
        self.atlas = {"atlas": "tiny", "counts": "atlas.h5ad", "protocol": "10x", "genome": "g1", "levels": "all;kind"}
        self.genome = {"genome": "g1", "fasta": "genome.fa", "gtf": "genes.gtf"}
        self.models = {}  # model.json: the networks beside it
        self.write_sheets()
        if files:
            shutil.copytree(files, folder, dirs_exist_ok=True)
        else:
            self.write_genome()
            self.write_atlas()

    def write_sheets(self):
        for name, row in (("atlases.csv", self.atlas), ("genomes.csv", self.genome)):
            with open(self.folder / name, "w", newline="") as file:
                writer = csv.DictWriter(file, row)
                writer.writeheader()
                writer.writerow(row)

    def write_genome(self, contigs=("1", "2"), annotated=("1", "2"), length=70_000, name="genes.gtf", tag=""):
        bases = np.random.default_rng(1).choice(list("ACGT"), (len(contigs), length))
        starts = [1000 + number * 1000 for number in range(len(GENES))]
        for number, start in enumerate(starts):  # of coding regions, which an assembly is judged by
            row = bases[number % len(annotated)] if number % len(annotated) < len(contigs) else np.empty(0, dtype="U1")
            if start + 299 <= len(row):
                row[start - 1 : start + 2], row[start + 296 : start + 299] = list("ATG"), list("TAA")
        text = "".join(f">{contig}\n{''.join(row)}\n" for contig, row in zip(contigs, bases, strict=True))
        (self.folder / "genome.fa").write_text(text)
        lines = []
        for number, gene in enumerate(GENES):
            chrom, start = annotated[number % len(annotated)], starts[number]
            about = f'gene_id "{gene}"; transcript_id "ENST{number}.1"; gene_name "NAME{number}"; {tag}'
            lines += [f"{chrom}\tx\t{part}\t{start}\t{start + 299}\t.\t+\t.\t{about}\n" for part in ("exon", "CDS")]
        (self.folder / name).write_text("".join(lines))

    def write_atlas(self, counts=None, genes=GENES, obs=None, name="atlas.h5ad", **more):
        cells = len(counts) if counts is not None else 40
        random = np.random.default_rng(2)
        counts = random.poisson(1.0, (cells, len(genes))) if counts is None else counts
        obs = {"kind": ["B cell"] * (cells - 5) + ["rare"] * 5} if obs is None else obs
        frame = pd.DataFrame(obs, index=[f"cell{number}" for number in range(cells)])
        var = more.pop("var", None)
        var = pd.DataFrame(var or {}, index=list(genes))
        data = anndata.AnnData(scipy.sparse.csr_matrix(np.asarray(counts, dtype=np.float32)), frame, var, **more)
        data.write_h5ad(self.folder / name)
        return data

    def request(self) -> dict:
        sources = []
        folders = {("input", "counts")}

        def staged(name, *column):
            path = self.folder / name if name else None
            return name if path and (path.is_file() or (path.is_dir() and column in folders)) else None

        for sheet in FILE_COLUMNS:
            given = self.params.get(sheet)
            path = staged(given)
            sources.append({"sheet": sheet, "value": given, "staged_path": path, "folder": False})
            rows = self.rows(path) if path else []
            if sheet == "genomes" and not given:
                rows = [{column: self.params.get(column) for column in ("fasta", "gtf")}]
            if sheet == "genomes" and self.params.get("gene_features") and len(rows) == 1:
                rows[0].setdefault("gene_features", self.params["gene_features"])
            sources += [
                {"sheet": sheet, "row": number, "column": column, "value": row[column],
                 "staged_path": staged(row[column], sheet, column),
                 "folder": (self.folder / row[column]).is_dir()}
                for number, row in enumerate(rows, start=1) for column in FILE_COLUMNS[sheet] if row.get(column)
            ]  # fmt: skip
        for name in SINGLE_FILES:
            given = self.params.get(name)
            if name != "saturate" or staged(given):
                sources.append({"sheet": name, "value": given, "staged_path": staged(given), "folder": False})
        sources += [
            {
                "sheet": "models",
                "row": number,
                "value": name,
                "staged_path": name,
                "folder": False,
                "networks": networks,
            }
            for number, (name, networks) in enumerate(self.models.items(), start=1)
        ]
        return {
            "params": self.params,
            "genome": "g1",
            "sources": sources,
            "software": {"nextflow": "25.04.4", "container": None},
        }

    def rows(self, path):
        try:
            with open(self.folder / path, encoding="utf-8-sig", newline="") as file:
                return [row for row in csv.DictReader(file, skipinitialspace=True) if any(row.values())]
        except (UnicodeDecodeError, csv.Error):
            return []

    def check(self):
        return preflight(self.request(), self.folder, self.schemas)[0]

    def plan(self) -> dict:
        return preflight(self.request(), self.folder, self.schemas)[1]

    def notes(self) -> str:
        found = self.check()
        assert found.report() == ""
        return "\n".join(f"{note['where']}: {note['message']}" for note in found.notes)

    def problem(self, *words) -> str:
        """The report of the only problem, in which all the words are."""
        report = self.check().report()
        assert report.startswith("1 problem to fix"), report
        for word in words:
            assert word in report, report
        assert "expected:" in report and "to fix:" in report
        return report

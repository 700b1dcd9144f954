#!/usr/bin/env python3
"""Simulate the demo's variants, assets/demo/variants/, from its FASTA and annotation. None of them was observed.

Run it again if the demo genome changes; the same genome gives the same variants. Most lie near the TSS of a few genes.
"""

import csv
import io
import random
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))

DEMO = ROOT / "assets" / "demo"
SEED = 1
N_GENES, N_GWAS_GENES = 12, 5
UPSTREAM, DOWNSTREAM = 7000, 3500  # the pipeline's window
NEAR = range(-2000, 1001)  # tss_distance of most variants
VCF_HEADER = """\
##fileformat=VCFv4.3
##source=setup/simulate_variants.py: simulated, none of these variants was observed
##INFO=<ID=SIMULATED,Number=0,Type=Flag,Description="Made by a program">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""
VCF_COLUMNS = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "simulated_a", "simulated_b"]
GWAS_COLUMNS = [
    "DATE ADDED TO CATALOG", "STUDY", "DISEASE/TRAIT", "REGION", "CHR_ID", "CHR_POS", "MAPPED_GENE",
    "STRONGEST SNP-RISK ALLELE", "SNPS", "P-VALUE",
]  # fmt: skip


class Simulation:
    """Draw positions and alleles of a genome. sequences: by contig. genes: those that variants are drawn for."""

    def __init__(self, fasta: Path, gtf: Path):
        from scxpresso.genome.annotation import select_transcripts
        from scxpresso.genome.gene_models import read_annotation
        from scxpresso.genome.sequence import read_fasta

        self.random = random.Random(SEED)
        self.sequences = {name: bases.upper() for name, bases in read_fasta(str(fasta))}
        self.all_genes = select_transcripts(read_annotation(str(gtf)))[0]
        self.genes = self.spread_genes()
        self.taken: set[tuple[str, int]] = set()

    def windows_at(self, chrom: str, pos: int) -> int:
        """Count the genes whose window contains a position."""
        from scxpresso.genome.sequence import window_bounds

        bounds = (
            window_bounds(gene.tss, gene.strand, UPSTREAM, DOWNSTREAM) for gene in self.all_genes if gene.chrom == chrom
        )
        return sum(start < pos <= end for start, end in bounds)

    def crowd(self, gene) -> int:
        """Return the largest number of genes in whose windows a variant near this gene may lie."""
        ends = (gene.tss + distance for distance in (NEAR[0], NEAR[-1], -NEAR[0], -NEAR[-1]))
        return max(self.windows_at(gene.chrom, pos) for pos in (gene.tss, *ends))

    def spread_genes(self) -> list:
        """Choose genes on different contigs with few neighbours, so that scoring all variants needs few genes."""
        shuffled = self.random.sample(self.all_genes, len(self.all_genes))
        chosen = {}
        for gene in shuffled:
            inside = gene.tss > UPSTREAM and gene.tss + UPSTREAM < len(self.sequences[gene.chrom])
            if inside and gene.chrom not in chosen and self.crowd(gene) <= 2:
                chosen[gene.chrom] = gene
                if len(chosen) == N_GENES:
                    break
        return list(chosen.values())

    def free(self, chrom: str, pos: int, length: int) -> bool:
        """Whether a variant may change these bases: they are unambiguous, and not changed by another variant of the file."""
        spans = {(chrom, base) for base in range(pos, pos + length)}
        if spans & self.taken or not set("ACGT").issuperset(self.sequences[chrom][pos - 1 : pos - 1 + length]):
            return False
        self.taken |= spans
        return True

    def near(self, gene, length: int = 1) -> tuple[str, int, str]:
        """Draw contig, position and bases near a gene's TSS."""
        while True:
            distance = self.random.choice(NEAR)
            pos = gene.tss + distance if gene.strand == "+" else gene.tss - distance
            if self.free(gene.chrom, pos, length):
                return gene.chrom, pos, self.bases(gene.chrom, pos, length)

    def outside(self) -> tuple[str, int, str]:
        """Draw contig, position and base outside every gene's window."""
        while True:
            chrom = self.random.choice(sorted(self.sequences))
            pos = self.random.randint(1, len(self.sequences[chrom]))
            if not self.windows_at(chrom, pos) and self.free(chrom, pos, 1):
                return chrom, pos, self.bases(chrom, pos, 1)

    def bases(self, chrom: str, pos: int, length: int) -> str:
        return self.sequences[chrom][pos - 1 : pos - 1 + length]

    def other(self, base: str) -> str:
        return self.random.choice([alt for alt in "ACGT" if alt != base])

    def records(self) -> list[list]:
        """Draw the records of the VCF, sorted: contig, position, reference, alternatives."""
        records = []
        for number in range(120):
            chrom, pos, ref = self.near(self.genes[number % N_GENES])
            records.append([chrom, pos, ref, self.other(ref)])
        for gene in self.genes[:6]:
            chrom, pos, ref = self.near(gene)
            records.append([chrom, pos, ref, ",".join(alt for alt in "ACGT" if alt != ref)])
            chrom, pos, ref = self.near(gene, self.random.choice([2, 3]))
            records.append([chrom, pos, ref, "".join(map(self.other, ref))])
            chrom, pos, ref = self.near(gene)
            records.append([chrom, pos, ref, ref + "".join(self.random.choices("ACGT", k=self.random.randint(1, 12)))])
            chrom, pos, ref = self.near(gene, self.random.randint(2, 12))
            records.append([chrom, pos, ref, ref[0]])
        for _ in range(4):
            chrom, pos, ref = self.outside()
            records.append([chrom, pos, ref, self.other(ref)])
        chrom, pos, ref = self.near(self.genes[0])
        records.append([chrom, pos, ref, "<DEL>"])
        chrom, pos, ref = self.near(self.genes[1])
        records.append([chrom, pos, self.other(ref), ref])  # not what the FASTA has
        order = {name: number for number, name in enumerate(self.sequences)}
        return sorted(records, key=lambda record: (order[record[0]], record[1]))

    def vcf(self) -> str:
        contigs = "".join(f"##contig=<ID={name},length={len(bases)}>\n" for name, bases in self.sequences.items())
        lines = ["#" + "\t".join(VCF_COLUMNS)]
        for number, (chrom, pos, ref, alt) in enumerate(self.records(), start=1):
            alleles = range(alt.count(",") + 2)
            genotypes = ["|".join(map(str, self.random.choices(alleles, k=2))) for _ in range(2)]
            lines.append(
                "\t".join(map(str, [chrom, pos, f"sim{number}", ref, alt, ".", ".", "SIMULATED", "GT", *genotypes]))
            )
        return VCF_HEADER + contigs + "\n".join(lines) + "\n"

    def gwas(self) -> str:
        """Draw associations: most with one position, some with two, one repeated, one without position, one outside."""
        self.taken.clear()
        near = [self.near(self.genes[number % N_GWAS_GENES])[:2] for number in range(24)]
        outside = self.outside()[:2]
        number_of = {position: number for number, position in enumerate([*near, outside], start=1)}
        rows = [("", [position]) for position in near[:20]]
        rows += [("; ", near[20:22]), (" x ", near[22:24]), ("", near[:1]), ("", [outside])]
        text = io.StringIO()
        table = csv.writer(text, delimiter="\t", lineterminator="\n")
        table.writerow(GWAS_COLUMNS)
        for number, (joint, positions) in enumerate(rows, start=1):
            names = joint.join(f"simgwas{number_of[position]}" for position in positions)
            chroms, places = (joint.join(str(position[part]) for position in positions) for part in (0, 1))
            p = f"{self.random.randint(1, 9)}E-{self.random.randint(8, 30)}"
            table.writerow(
                ["", f"Simulated {number}", "simulated trait", "", chroms, places, "", f"{names}-?", names, p]
            )
        table.writerow(["", "Simulated 25", "simulated trait", "", "", "", "", "simgwas0-?", "simgwas0", "1E-9"])
        return text.getvalue()


@click.command(epilog="Example: .tools/venv/bin/python setup/simulate_variants.py")
@click.option(
    "--outdir",
    default=str(DEMO / "variants"),
    show_default=True,
    help="Folder for simulated.vcf.gz and simulated_gwas.tsv.",
)
def main(outdir):
    """Make the simulated variants of the demo."""
    import pysam

    simulation = Simulation(DEMO / "genome.fa.gz", DEMO / "genes.gtf.gz")
    folder = Path(outdir)
    folder.mkdir(parents=True, exist_ok=True)
    with pysam.BGZFile(str(folder / "simulated.vcf.gz"), "wb") as vcf:
        vcf.write(simulation.vcf().encode())
    (folder / "simulated_gwas.tsv").write_text(simulation.gwas())


if __name__ == "__main__":
    main()

"""Whether an annotation fits the assembly: genes with start and stop codons, written down rightly and wrongly."""

from dataclasses import dataclass

import numpy as np
import pytest
from preflight_project import Project

from scxpresso.genome.annotation import select_transcripts
from scxpresso.genome.assembly_fit import Fit, contigs_that_do_not_fit, measure_fit
from scxpresso.genome.gene_models import read_annotation

COMPLEMENT = str.maketrans("ACGT", "TGCA")
STOPS = ("TAA", "TAG", "TGA")
CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT" if a + b + c not in STOPS]


@dataclass
class Lines:
    """How an annotation writes the lines of a gene. start, end: bases that are added to the positions."""

    gff3: bool = False
    exons: bool = True
    start: int = 0
    end: int = 0
    flip: bool = False
    codons: bool = True  # in GTF
    partial: bool = False


class World:
    """A genome of genes of two coding exons on both strands, with UTRs; the stop codon is cut in two by the intron of some."""

    def __init__(self, genes=40, contigs=2, start="ATG", stop="TAA", codons=120):
        random = np.random.default_rng(1)
        self.models = []
        self.letters = {f"chr{n + 1}": random.choice(list("ACGT"), 3000 * max(genes, 40)) for n in range(contigs)}
        for number in range(genes):
            first = start if isinstance(start, str) else start[number % len(start)]
            coding = first + "".join(random.choice(CODONS, codons - 2)) + stop
            cut = len(coding) - 2 if number % 4 == 0 else 150
            chrom, begin = f"chr{number % contigs + 1}", 1500 + number // contigs * 3000
            exons = [(begin, begin + 100 + cut - 1), (begin + 600 + cut, begin + 600 + len(coding) + 50)]  # 0-based
            pieces, strand = [coding[:cut], coding[cut:]], "+-"[number % 2]
            places = [begin + 100, begin + 600 + cut]
            if strand == "-":  # mirrored within 2,500 bases
                end = begin + 2500
                exons = [(begin + end - b, begin + end - a) for a, b in reversed(exons)]
                places = [begin + end - place - len(piece) + 1 for place, piece in zip(places, pieces, strict=True)]
                pieces = [piece.translate(COMPLEMENT)[::-1] for piece in pieces]
            for place, piece in zip(places, pieces, strict=True):
                self.letters[chrom][place : place + len(piece)] = list(piece)
            cds = sorted((place, place + len(piece) - 1) for place, piece in zip(places, pieces, strict=True))
            self.models.append((f"G{number:03}", chrom, strand, exons, cds))

    def write_fasta(self, path):
        path.write_text("".join(f">{name}\n{''.join(letters)}\n" for name, letters in self.letters.items()))

    def write(self, path, how=lambda number: Lines()):
        """how: of each gene by its number."""
        rows, gff3 = [], how(0).gff3
        for number, (gene, chrom, strand, exons, cds) in enumerate(self.models):
            lines = how(number)
            if not gff3:
                cds = without_stop(cds, strand)
            shown = {"+": "-", "-": "+"}[strand] if lines.flip else strand
            about = f"Parent={gene}.t" if gff3 else f'gene_id "{gene}"; transcript_id "{gene}.t";'
            about += ' tag "cds_start_NF";' if lines.partial else ""
            if gff3:
                span = exons[0][0] + 1 + lines.start, exons[-1][1] + 1 + lines.end
                rows.append((chrom, "gene", *span, shown, ".", f"ID={gene}"))
                rows.append((chrom, "mRNA", *span, shown, ".", f"ID={gene}.t;Parent={gene}"))
            parts = [("exon", span) for span in exons if lines.exons] + [("CDS", span) for span in cds]
            if lines.codons and not gff3:
                first = cds[0][0] if strand == "+" else cds[-1][1] - 2
                parts.append(("start_codon", (first, first + 2)))
            rows += [(chrom, part, a + 1 + lines.start, b + 1 + lines.end, shown, ".", about) for part, (a, b) in parts]
        text = "".join(f"{c}\tx\t{p}\t{a}\t{b}\t.\t{s}\t{f}\t{t}\n" for c, p, a, b, s, f, t in rows)
        path.write_text(("##gff-version 3\n" if gff3 else "") + text)


def other_assembly(world):
    """Contigs of the same names, lengths and composition."""
    other, random = World(genes=0), np.random.default_rng(3)
    other.letters = {name: random.permutation(letters) for name, letters in world.letters.items()}
    return other


def without_stop(cds, strand):
    """The spans without the last three bases."""
    bases = [base for start, end in cds for base in range(start, end + 1)]
    bases = bases[:-3] if strand == "+" else bases[3:]
    kept = [[base for base in range(start, end + 1) if base in set(bases)] for start, end in cds]
    return [(part[0], part[-1]) for part in kept if part]


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


@pytest.fixture
def fit_of(tmp_path):
    def make(world, how=lambda number: Lines(), assembly=None):
        (assembly or world).write_fasta(tmp_path / "g.fa")
        world.write(tmp_path / "g", how)
        chosen, _ = select_transcripts(read_annotation(str(tmp_path / "g")))
        return measure_fit(str(tmp_path / "g.fa"), chosen, {name: name for name in world.letters})

    return make


@pytest.mark.parametrize("gff3", [False, True])
@pytest.mark.parametrize("exons", [False, True])
@pytest.mark.parametrize("stop", STOPS)
def test_a_good_annotation_fits_with_the_stop_codon_in_the_coding_region_or_behind_it(fit_of, gff3, exons, stop):
    if not gff3 and not exons:  # a stop codon cut by an intron cannot be found without exons
        return
    fit, by_contig = fit_of(World(stop=stop), lambda number: Lines(gff3=gff3, exons=exons))
    assert (fit.regions, fit.starts, fit.stops, fit.complete) == (40, 40, 40, 40)
    assert fit.fits and fit.correction is None and not contigs_that_do_not_fit(by_contig)
    assert [one.regions for one in by_contig.values()] == [20, 20]


FAULTS = {
    "0-based starts": (Lines(start=-1), "starts are one base too low"),
    "0-based positions": (Lines(start=-1, end=-1), "positions are one base too low"),
    "half-open ends": (Lines(end=1), "ends are one base too high"),
    "starts too high": (Lines(start=1), "starts are one base too high"),
    "positions too high": (Lines(start=1, end=1), "positions are one base too high"),
    "ends too low": (Lines(end=-1), "ends are one base too low"),
    "strand": (Lines(flip=True), "wrong strand"),
}


@pytest.mark.parametrize("gff3", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_cause_of_what_does_not_fit_is_found(fit_of, fault, gff3):
    lines, cause = FAULTS[fault]
    lines = Lines(gff3, True, lines.start, lines.end, lines.flip)
    fit, _ = fit_of(World(), lambda number: lines)
    assert fit.complete < 5 and not fit.fits  # a few by chance
    assert cause in fit.correction.cause


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_part_of_the_annotation_is_found(fit_of, fault):
    lines, cause = FAULTS[fault]
    fit, _ = fit_of(World(genes=100), lambda number: lines if number % 10 == 0 else Lines())
    assert fit.fits and cause in fit.correction.cause


def test_the_strand_is_lost(fit_of):
    fit, _ = fit_of(World(), lambda number: Lines(flip=number % 2 == 1))
    assert "wrong strand" in fit.correction.cause


def test_another_assembly(fit_of):
    fit, _ = fit_of(World(), assembly=other_assembly(World()))
    assert fit.complete < 3 and not fit.fits and fit.correction is None and fit.enough


@pytest.mark.slow
@pytest.mark.parametrize(("genes", "enough"), [(40, False), (240, True)])
def test_without_codon_lines_more_coding_regions_are_needed_to_tell(fit_of, genes, enough):
    world = World(genes)
    for lines in (Lines(codons=False), Lines(gff3=True)):
        fit, _ = fit_of(world, lambda number, lines=lines: lines, other_assembly(world))
        assert fit.regions == genes and not fit.fits and fit.correction is None and fit.enough == enough


def test_one_contig_of_another_assembly(fit_of):
    world = World(genes=60, contigs=3)
    world.letters["chr2"] = other_assembly(world).letters["chr2"]
    fit, by_contig = fit_of(world)
    assert fit.fits and fit.correction is None and contigs_that_do_not_fit(by_contig) == ["chr2"]


def test_starts_other_than_atg_in_less_than_half_fit(fit_of):
    fit, _ = fit_of(World(start=("ATG", "ATG", "GTG", "ATG", "TTG")))
    assert fit.complete == 24 and fit.fits and fit.correction is None


@pytest.mark.parametrize("ends", [{"start": "GCC"}, {"stop": "CCC"}])
def test_coding_regions_right_at_one_end_fit(fit_of, ends):
    fit, by_contig = fit_of(World(**ends, codons=40))  # too short to be seen as partial
    assert fit.complete < 5 and max(fit.starts, fit.stops) == fit.regions == 40
    assert fit.fits and fit.correction is None and not contigs_that_do_not_fit(by_contig)


def test_partial_gene_models_are_open(fit_of):
    fit, by_contig = fit_of(World(start=("GCC", "CTT", "ATG", "AAA", "GGG"), stop="CCC"))
    assert fit.complete < 4 and fit.open == fit.long == fit.regions == 40
    assert fit.fits and fit.correction is None and not contigs_that_do_not_fit(by_contig)


def test_coding_regions_called_incomplete_and_those_of_unknown_sequence_are_not_judged(fit_of):
    world = World()
    for gene in world.models[:10]:
        start, end = gene[4][0]
        world.letters[gene[1]][start : end + 1] = "N"
    fit, _ = fit_of(world, lambda number: Lines(partial=number >= 35))
    assert (fit.regions, fit.complete, fit.partial) == (25, 25, 5)


def test_lower_case_and_rna_letters_are_read(fit_of):
    world = World()
    world.letters = {name: np.char.lower(np.char.replace(letters, "T", "U")) for name, letters in world.letters.items()}
    assert fit_of(world)[0].complete == 40


def test_coding_regions_behind_the_end_of_a_contig_are_not_complete(fit_of):
    world = World()
    world.letters = {name: letters[:31_000] for name, letters in world.letters.items()}
    fit, _ = fit_of(world)
    assert fit.regions == 40 and 15 < fit.complete < 25


def test_nothing_to_judge():
    assert (
        Fit().correction is None and Fit().summary() == "0 of 0 coding regions start with ATG and end in a stop codon"
    )


@pytest.mark.slow
def test_the_demo_and_the_human_annotation_fit(demo, chr9):
    for folder, regions, complete in ((demo, 5387, 5386), (chr9, 8, 8)):
        chosen, _ = select_transcripts(read_annotation(str(folder / "genes.gtf.gz")))
        name_of = {transcript.chrom: transcript.chrom for transcript in chosen}
        fit, by_contig = measure_fit(str(folder / "genome.fa.gz"), chosen, name_of)
        assert (fit.regions, fit.complete) == (regions, complete)
        assert fit.fits and fit.correction is None and not contigs_that_do_not_fit(by_contig)


@pytest.mark.parametrize(
    ("fasta", "gtf", "words"),
    [
        ("g.fa", "good.gtf", []),
        (
            "g.fa",
            "zero_based.gtf",
            ["0 of 60 coding regions", "starts are one base too low", "60 more would", "add 1 to every start"],
        ),
        (
            "other_assembly.fa",
            "good.gtf",
            ["0 of 60 coding regions", "(2 start with ATG, 7 end in a stop codon)", "another assembly"],
        ),
    ],
)
def test_the_case(cases, project, fasta, gtf, words):
    folder = cases / "annotation" / "other_assembly"
    (project.folder / "genome.fa").write_bytes((folder / fasta).read_bytes())
    (project.folder / "genes.gtf").write_bytes((folder / gtf).read_bytes())
    (project.folder / "atlas.h5ad").write_bytes((folder / "atlas.h5ad").read_bytes())
    if words:
        project.problem("genomes.csv, row 1 (line 2), column gtf", *words)
    else:
        assert "genome g1: annotation and assembly fit: 60 of 60 coding regions" in project.notes()


@pytest.mark.parametrize("gtf", ["once.gtf", "twice.gtf", "once_no_stop.gtf", "twice_no_stop.gtf"])
def test_the_case_of_stop_codons_alone_passes(cases, project, gtf):
    folder = cases / "annotation" / "duplicated_lines"
    (project.folder / "genome.fa").write_bytes((folder / "g.fa").read_bytes())
    (project.folder / "genes.gtf").write_bytes((folder / gtf).read_bytes())
    project.write_atlas(genes=[f"ENSG{number:011d}" for number in range(60)])
    fits = "0 of 60 coding regions start with ATG and end in a stop codon (0 start with ATG, 60 end in a stop codon)"
    assert fits in project.notes()


def spoil(project, world, how=lambda number: Lines()):
    """The genome of a project becomes this one, and its atlas has its genes."""
    world.write_fasta(project.folder / "genome.fa")
    world.write(project.folder / "genes.gtf", how)
    genes = [gene for gene, *_ in world.models]
    project.write_atlas(genes=genes)
    project.params["folds"] = 2


def test_preflight_names_a_part_that_is_wrong(project):
    spoil(project, World(genes=100, contigs=10), lambda number: Lines(flip=number % 8 == 0))
    words = [
        "87 of 100 coding regions",
        "genes are on the wrong strand in a part of the annotation",
        "at one end at least",
    ]
    project.problem(*words, "column 7")


def test_preflight_names_contigs_of_another_assembly(project):
    world = World(genes=60, contigs=3)
    world.letters["chr2"] = other_assembly(world).letters["chr2"]
    spoil(project, world)
    project.problem("on some contigs few do: 'chr2 (0 of 20)'", "these are of another assembly")


@pytest.mark.slow
def test_preflight_names_the_cause_on_a_single_contig(project):
    spoil(project, World(genes=480, contigs=24), lambda number: Lines(start=-1) if number % 24 == 1 else Lines())
    project.problem("'chr2 (0 of 20)'", "starts are one base too low")


def test_preflight_doubts_few_genes_without_codon_lines(project):
    world = World()
    spoil(project, world, lambda number: Lines(gff3=True))
    other_assembly(world).write_fasta(project.folder / "genome.fa")
    assert (
        "is the annotation of another assembly? Without annotated start or stop codons, 200 coding" in project.notes()
    )
    spoil(project, world, lambda number: Lines(start=-1, gff3=True))  # a cause that is found is enough
    project.problem("starts are one base too low")


def test_preflight_accepts_partial_gene_models_with_a_note(project):
    spoil(project, World(start="GCC", stop="CCC"))
    assert "40 of 40 long ones have no stop codon within: partial gene models" in project.notes()


def test_preflight_says_what_it_cannot_judge(project):
    spoil(project, World(genes=50, start="GCC"), lambda number: Lines(partial=number >= 5))
    assert (
        "too few to tell whether annotation and assembly fit; 45 that the annotation calls incomplete"
        in project.notes()
    )


@pytest.mark.slow
def test_extract_features_warns_of_an_annotation_that_does_not_fit(cases, tmp_path, run_cli):
    folder = cases / "annotation" / "other_assembly"
    for gtf, warned in (("good.gtf", False), ("zero_based.gtf", True)):
        made = run_cli(
            "extract_features.py", "--fasta", folder / "g.fa", "--gtf", folder / gtf, "--upstream", 300,
            "--downstream", 300, "--outdir", tmp_path,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert ("WARNING the annotation does not fit the assembly: 0 of 60" in made.stderr) == warned

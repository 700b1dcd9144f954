"""Annotations as they come: structure from transcripts, one place for each, organelles, copies and tags; by hand and by cases."""

import gzip

import pytest
from conftest import ROOT
from preflight_project import Project
from test_annotation import gtf

from scxpresso.genome.annotation import CANONICAL_TAGS, canonical_tag, half_life_features, select_transcripts
from scxpresso.genome.annotation_lines import is_gff3
from scxpresso.genome.contigs import COPY, PRIMARY, UNPLACED, Region, describe_contigs
from scxpresso.genome.features import extract_features
from scxpresso.genome.gene_models import read_annotation
from scxpresso.genome.transcript import Transcript
from scxpresso.problems import InputError

CASES = ROOT / "tests/data/cases/annotation"
FEATURES = ["orf_length", "utr5_length", "utr3_length", "intron_length", "exon_junction_density"]


def case(folder, fasta, annotation):
    """genes.tsv of a case, by gene."""
    return extract_features(
        str(CASES / folder / fasta), str(CASES / folder / annotation), (), 300, 300
    ).genes.set_index("gene_id")


def gff3(path, *rows, header="##gff-version 3"):
    """rows: "contig feature start end strand attributes", with blanks between."""
    lines = [header] * bool(header)
    for row in rows:
        chrom, feature, start, end, strand, about = row.split(" ", 5)
        frame = "0" if feature == "CDS" else "."
        lines.append("\t".join([chrom, "t", feature, start, end, ".", strand, frame, about]))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def chosen(path, **more):
    """gene → transcript."""
    return {transcript.gene_id: transcript for transcript in select_transcripts(read_annotation(path), **more)[0]}


# --- the cases ---


def test_a_protein_is_no_transcript_of_its_gene():
    genes = case("tair_protein_parent", "g.fa", "genes.gff3")
    assert len(genes) == 30 and not genes.index.str.contains("Protein").any()
    assert genes.loc["AT1G00000", "tss"] == 2000 and genes.loc["AT1G00001", "tss"] == 5499


def test_exons_are_utr_and_coding_region_where_they_have_no_lines():
    genes = case("phytozome_no_exons", "g.fa", "gene.gff3")
    assert genes.iloc[0][["tss", "utr5_length", "utr3_length"]].tolist() == [2000, 400, 300]
    assert genes.iloc[0]["exon_junction_density"] == 5
    assert genes.equals(case("phytozome_no_exons", "g.fa", "gene_exons.gff3"))


def test_one_id_at_two_loci_or_on_two_strands_is_two_transcripts():
    genes = case("transcript_id_at_two_loci", "g.fa", "g.gtf")
    assert len(genes) == 62
    for gene in ("G_HLAB", "G_OPP"):
        assert genes.loc[gene, ["orf_length", "intron_length"]].tolist() == [600, 0]


@pytest.mark.parametrize("fasta", ["primary.fa", "with_alt.fa"])
def test_a_gene_is_taken_from_the_chromosome_before_an_alt_contig(fasta):
    genes = case("gene_on_alt_contig", fasta, "g.gtf")
    assert len(genes) == 61
    assert genes.loc["HLA-A", ["chrom", "tss", "transcript_id"]].tolist() == ["chr6", 100_000, "NM_002116.8"]


@pytest.mark.parametrize("kind", ["", "_no_stop"])
def test_a_line_that_is_listed_twice_counts_once(kind):
    genes = case("duplicated_lines", "g.fa", f"twice{kind}.gtf")
    assert (genes["orf_length"] == 300).all()
    assert genes["exon_junction_density"].round(2).unique().tolist() == [6.67]
    assert genes.equals(case("duplicated_lines", "g.fa", f"once{kind}.gtf"))


# --- parents and genes ---


def test_a_coding_region_whose_only_parent_is_a_protein_is_of_its_transcript(tmp_path):
    path = gff3(
        tmp_path / "a",
        "1 gene 100 900 - ID=G",
        "1 mRNA 100 900 - ID=T;Parent=G",
        "1 polypeptide 200 700 - ID=P;Derives_from=T",
        "1 exon 100 900 - Parent=T",
        "1 CDS 200 700 - Parent=P",
    )
    (transcript,) = read_annotation(path)
    assert (transcript.transcript_id, transcript.gene_id, transcript.tss) == ("T", "G", 900)
    assert transcript.cds == [(200, 700)]


@pytest.mark.parametrize(
    ("about", "gene"),
    [
        ("ID=T;geneID=G;gene_name=N", "G"),  # gffread
        ("ID=T;gene_id=G;locus_tag=L", "G"),
        ("ID=T;locus_tag=L;gene=S", "L"),
        ("ID=T;locus=RLOC_1;gene=S", "RLOC_1"),
        ("ID=T;gene=S", "S"),
        ("ID=rna-T;Parent=gene-S", "S"),
        ("ID=T", "T"),
    ],
)
def test_the_gene_of_a_transcript_without_a_gene_line(tmp_path, about, gene):
    name = about.split(";")[0].removeprefix("ID=")
    rows = [f"1 mRNA 100 900 + {about}", f"1 exon 100 900 + Parent={name}", f"1 CDS 200 700 + Parent={name}"]
    (transcript,) = read_annotation(gff3(tmp_path / "a", *rows))
    assert (transcript.gene_id, transcript.transcript_id, transcript.tss) == (gene, "T", 100)


def test_parts_tell_the_gene_where_neither_gene_nor_transcript_has_a_line(tmp_path):
    rows = ["1 exon 100 900 + Parent=T;gene_id=G", "1 CDS 200 700 + Parent=T;gene_id=G"]
    (transcript,) = read_annotation(gff3(tmp_path / "a", *rows))
    assert (transcript.gene_id, transcript.transcript_id, transcript.tss) == (
        "G",
        "T",
        100,
    )


def test_a_gtf_written_with_equals_signs_is_read(tmp_path):
    rows = [
        f"1 {part} 100 900 + gene_id=G;transcript_id=T;gene_name=N" for part in ("gene", "transcript", "exon", "CDS")
    ]
    (transcript,) = read_annotation(gff3(tmp_path / "a", *rows, header=""))
    assert (transcript.gene_id, transcript.transcript_id, transcript.gene_name) == ("G", "T", "N")


def test_parts_with_a_gene_only_are_one_transcript_unless_they_overlap(tmp_path):
    rows = ["1 CDS 100 199 + gene_id=G", "1 CDS 301 400 + gene_id=G"]
    (transcript,) = read_annotation(gff3(tmp_path / "a", *rows))
    assert (transcript.gene_id, transcript.orf_length) == ("G", 200)
    with pytest.raises(InputError, match="line 2: exons or coding regions of G without a parent"):
        read_annotation(gff3(tmp_path / "a", *rows, "1 CDS 150 220 + gene_id=G"))


def test_a_coding_region_that_nothing_names_is_refused(tmp_path):
    path = gff3(tmp_path / "a", "1 gene 1 90 + ID=G", "1 CDS 1 90 + product=x")
    with pytest.raises(InputError, match="line 3: CDS without a parent"):
        read_annotation(path)


def test_a_coding_region_listed_with_its_gene_goes_to_the_genes_transcript(tmp_path):
    path = gff3(
        tmp_path / "a",
        "1 gene 100 900 + ID=G",
        "1 mRNA 100 900 + ID=T;Parent=G",
        "1 exon 100 900 + Parent=T",
        "1 CDS 200 700 + Parent=G",
    )
    (transcript,) = read_annotation(path)
    assert (transcript.transcript_id, transcript.tss, transcript.orf_length) == ("T", 100, 501)


def test_the_transcripts_own_line_gives_its_ends_where_neither_exons_nor_utrs_have_lines(tmp_path):
    rows = ["1 mRNA 100 900 - ID=T", "1 CDS 200 300 - Parent=T", "1 CDS 500 700 - Parent=T"]
    (transcript,) = read_annotation(gff3(tmp_path / "a", *rows))
    assert transcript.exons == [(100, 300), (500, 900)] and transcript.tss == 900


# --- formats ---


def test_the_format_is_decided_by_most_of_the_first_lines(tmp_path):
    line = "1\tt\t{}\t1\t90\t.\t+\t.\t{}"
    gene = line.format("exon", 'gene_id "G"; transcript_id "T";')
    odd = line.format("repeat", "a=b")
    bare = line.format("gene", "g1")
    node = line.format("mRNA", "ID=T")
    for rows, wanted in (
        ([odd, gene, gene], False),
        ([gene, node, node], True),
        ([bare, gene], False),
        (["##gff-version 3", bare], True),
        (["##gff-version 2", bare], False),
        (["##gff-version 3", gene], False),  # the lines are what is read
        ([line.format("exon", 'note "x = y"; gene_id "G"; transcript_id "T"')], False),
    ):
        (tmp_path / "a").write_text("\n".join(rows) + "\n")
        assert is_gff3(str(tmp_path / "a")) == wanted, rows


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_marks_and_line_ends_do_not_matter(tmp_path, encoding, newline, zipped):
    rows = [("1", part, 1, 90, "+", "G", "T", "") for part in ("exon", "CDS")]
    gtf(tmp_path / "a", rows)
    text = (tmp_path / "a").read_text().replace("#!comment\n", "").replace("\n", newline)
    data = ("\ufeff" * (encoding == "utf-16-be") + text).encode(encoding)
    (tmp_path / "a").write_bytes(gzip.compress(data) if zipped else data)
    (transcript,) = read_annotation(str(tmp_path / "a"))
    assert (transcript.gene_id, transcript.cds) == ("G", [(1, 90)])


def test_a_line_that_ends_before_it_starts_is_named(tmp_path):
    rows = [("1", "exon", 1, 90, "+", "G", "T", ""), ("1", "CDS", 90, 1, "+", "G", "T", "")]
    with pytest.raises(InputError, match="line 3: CDS of 1 from 90 to 1"):
        read_annotation(gtf(tmp_path / "a", rows))
    with pytest.raises(InputError, match="line 2: exon that starts at 0"):
        read_annotation(gtf(tmp_path / "a", [("1", "exon", 0, 90, "+", "G", "T", "")]))


# --- places ---


def test_loci_of_one_id_are_told_apart_by_its_own_lines_by_codons_and_by_untranslated_exons(tmp_path):
    def row(part, start, end, strand="+"):
        return ("1", part, start, end, strand, "G", "T", "")

    no_utr = [row(part, start, start + 299) for start in (1000, 9000) for part in ("exon", "CDS")]
    lines = [row("transcript", 1000, 1299), row("transcript", 9000, 9299)]
    for more in (
        lines,
        [row("start_codon", 1000, 1002), row("start_codon", 9000, 9002)],
        [row("stop_codon", 1297, 1299)],
    ):
        found = read_annotation(gtf(tmp_path / "a", no_utr + more))
        assert [transcript.span for transcript in found] == [(1000, 1299), (9000, 9299)], more
    # On the − strand the codons are at the other ends.
    mirrored = [row(part, start, start + 299, "-") for start in (1000, 9000) for part in ("exon", "CDS")]
    found = read_annotation(gtf(tmp_path / "a", [*mirrored, row("stop_codon", 9000, 9002, "-")]))
    assert [transcript.span for transcript in found] == [(1000, 1299), (9000, 9299)]


def test_parts_beyond_the_lines_of_a_transcript_are_told_apart_without_these(tmp_path):
    loci = [("exon", 1000, 1999), ("CDS", 1200, 1499), ("exon", 9000, 9999), ("CDS", 9200, 9499)]
    for lines in ([("transcript", 1000, 1999)], [("transcript", 1000, 1999), ("transcript", 9001, 9999)]):
        rows = [("1", part, start, end, "+", "G", "T", "") for part, start, end in lines + loci]
        found = read_annotation(gtf(tmp_path / "a", rows))
        assert [transcript.span for transcript in found] == [(1000, 1999), (9000, 9999)]


def test_a_spliced_transcript_stays_one_whatever_its_introns(tmp_path):
    parts = [("exon", 100, 200), ("exon", 2_000_000, 2_000_200), ("CDS", 150, 200), ("CDS", 2_000_000, 2_000_100)]
    # One base of frameshift within an exon, and an exon that differs from the coding region by a few bases.
    parts += [("CDS", 2_000_102, 2_000_200), ("exon", 3_000_000, 3_000_100), ("CDS", 3_000_003, 3_000_050)]
    rows = [("1", part, start, end, "+", "G", "T", "") for part, start, end in parts]
    (transcript,) = read_annotation(gtf(tmp_path / "a", rows))
    assert len(transcript.exons) == 3 and len(transcript.cds) == 4


def test_exons_of_a_second_locus_go_with_its_coding_region(tmp_path):
    parts = [("exon", 100, 200), ("exon", 300, 500), ("exon", 600, 700), ("CDS", 150, 200), ("CDS", 300, 400)]
    parts += [("exon", 9000, 9100), ("exon", 9300, 9500), ("CDS", 9350, 9450)]
    rows = [("1", part, start, end, "+", "G", "T", "") for part, start, end in parts]
    first, second = read_annotation(gtf(tmp_path / "a", rows))
    assert first.exons == [(100, 200), (300, 500), (600, 700)] and second.exons == [(9000, 9100), (9300, 9500)]
    assert chosen(str(tmp_path / "a"))["G"] is not None
    assert half_life_features(second)["utr5_length"] == 350


def test_exons_without_a_strand_go_with_their_coding_region(tmp_path):
    rows = [("1", "exon", 100, 900, ".", "G", "T", ""), ("1", "CDS", 200, 499, "-", "G", "T", "")]
    (transcript,) = read_annotation(gtf(tmp_path / "a", rows))
    assert (transcript.strand, transcript.tss, transcript.orf_length) == ("-", 900, 300)


def test_an_extra_copy_of_a_lift_over_stands_behind_the_gene(tmp_path):
    rows = [("1", part, 100, 999, "+", "G", "T1", 'extra_copy_number "1"') for part in ("exon", "CDS")]
    rows += [("2", part, 100, 399, "+", "G", "T", 'extra_copy_number "0"') for part in ("exon", "CDS")]
    assert chosen(gtf(tmp_path / "a", rows))["G"].chrom == "2"


def test_trans_spliced_transcripts_stand_for_no_gene(tmp_path):
    marked = 'exception "trans-splicing"'
    rows = [("1", part, 100, 399, "+", "G", "T1", marked) for part in ("exon", "CDS")]
    rows += [("1", part, 900, 1199, "-", "G", "T1", marked) for part in ("exon", "CDS")]
    assert select_transcripts(read_annotation(gtf(tmp_path / "a", rows))) == ([], {"G": "trans-spliced"})
    rows += [("1", part, 100, 159, "+", "G", "T2", "") for part in ("exon", "CDS")]
    assert chosen(gtf(tmp_path / "a", rows))["G"].transcript_id == "T2"


def test_of_a_trans_spliced_transcript_without_a_mark_the_part_with_the_start_codon_is_taken(tmp_path):
    rows = [("1", part, 100, 399, "+", "G", "T", "") for part in ("exon", "CDS")]
    rows += [("1", part, 900, 999, "-", "G", "T", "") for part in ("exon", "CDS")]
    rows.append(("1", "start_codon", 997, 999, "-", "G", "T", ""))
    assert chosen(gtf(tmp_path / "a", rows))["G"].tss == 999


REGION = "C region 1 1000 + ID=C:1..1000;Is_circular=true;genome={};gbkey=Src"


@pytest.mark.parametrize("feature", ["region", "plasmid"])
def test_a_gene_over_the_origin_of_a_circular_contig_is_left_out(tmp_path, feature):
    rows = [REGION.format("plasmid").replace("region", feature)]
    for gene, start, end, strand in (("A", 100, 399, "+"), ("B", 900, 1100, "-"), ("D", 950, 49, "+")):
        rows += [f"C gene {start} {end} {strand} ID={gene}", f"C CDS {start} {end} {strand} ID=c{gene};Parent={gene}"]
    kept, dropped = select_transcripts(read_annotation(gff3(tmp_path / "a", *rows)))
    assert [transcript.gene_id for transcript in kept] == ["A"]
    assert dropped == dict.fromkeys("BD", "over the origin of a circular contig")


def test_a_line_over_the_origin_of_an_organelle_never_refuses_a_genome(tmp_path):
    # Maize's RefSeq has a trans-spliced mRNA from 691,776 to 267,232, of strand `?`.
    rows = ["1 gene 1 90 + ID=G", "1 CDS 1 90 + ID=c;Parent=G", "chrM mRNA 900 100 ? ID=T"]
    assert list(chosen(gff3(tmp_path / "a", *rows))) == ["G"]


def test_preflight_notes_what_is_left_out_for_its_place(schemas, tmp_path):
    project = Project(tmp_path, schemas)
    lines = (tmp_path / "genes.gtf").read_text()
    copy = lines.splitlines()[:2]
    alt = [line.replace("1\tx", "1_alt\tx", 1).replace("ENSG", "ENSGALT") for line in copy]
    moved = [line.replace("1\tx", "2\tx", 1) for line in copy]
    (tmp_path / "genes.gtf").write_text(lines + "\n".join(alt + moved) + "\n")
    fasta = tmp_path / "genome.fa"
    fasta.write_text(fasta.read_text() + ">1_alt\n" + "ACGT" * 20_000 + "\n")
    notes = project.notes()
    assert "1 genes are listed at several places, of which one is taken: 'ENSG00000000001'" in notes
    assert "1 genes are excluded, a copy on an ALT contig" in notes and "'ENSGALT00000000001'" in notes


# --- contigs ---


def on(path, *places):
    """A gene on several contigs: (contig, last coding base, gene, name)."""
    rows = [
        (chrom, part, 1, end, "+", gene, f"{gene}.{chrom}", f'gene_name "{name}"')
        for chrom, end, gene, name in places
        for part in ("exon", "CDS")
    ]
    return gtf(path, rows)


def test_contigs_of_the_fasta_come_first_then_chromosomes_then_more_genes(tmp_path):
    path = on(
        tmp_path / "a",
        ("chr1_alt", 300, "G", "N"),
        ("chr1", 90, "G", "N"),
        ("chr2", 200, "G", "N"),
        ("chr2", 90, "H", "M"),
    )
    assert chosen(path)["G"].chrom == "chr2"  # two genes there
    assert chosen(path, contigs=["chr1", "chr1_alt"])["G"].chrom == "chr1"
    assert chosen(path, contigs=["1_alt"])["G"].chrom == "chr1_alt"
    assert chosen(path, contigs=["X"])["G"].chrom == "chr2"  # on no contig of the FASTA: preflight says so


def test_a_gene_of_an_alt_contig_gives_way_to_one_of_its_name(tmp_path):
    path = on(tmp_path / "a", ("6", 90, "ENSG1", "HLA-A"), ("HSCHR6_MHC_COX_CTG1", 300, "ENSG2", "HLA-A"),
              ("6", 90, "ENSG3", "B"),
              ("HSCHR6_MHC_COX_CTG1", 90, "ENSG4", "ONLY"), ("6", 60, "ENSG5", "B"))  # fmt: skip
    kept, dropped = select_transcripts(read_annotation(path))
    assert [transcript.gene_id for transcript in kept] == ["ENSG1", "ENSG3", "ENSG4", "ENSG5"]
    assert list(dropped) == ["ENSG2"] and "a copy on an ALT contig" in dropped["ENSG2"]
    kept, dropped = select_transcripts(read_annotation(path), contigs=["HSCHR6_MHC_COX_CTG1"])
    assert "ENSG2" in [transcript.gene_id for transcript in kept]


def test_a_gene_of_a_scaffold_gives_way_where_its_id_says_that_it_is_a_copy(tmp_path):
    path = on(
        tmp_path / "a",
        ("NC_6.1", 90, "HLA-A", "HLA-A"),
        ("NT_1.1", 90, "HLA-A_1", "HLA-A"),
        ("NT_1.1", 90, "X", "HLA-A"),
    )
    kept, dropped = select_transcripts(read_annotation(path))
    assert [transcript.gene_id for transcript in kept] == ["HLA-A", "X"] and list(dropped) == ["HLA-A_1"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *[(name, "mitochondrion") for name in (
            "chrM", "M", "MT", "Mt", "chrMT", "MtDNA", "mt-DNA", "Mito", "chrmt", "mitochondrion", "dmel_mitochondrion_genome",
            "Pf3D7_MIT_v3", "mito_C_glabrata_CBS138", "Ca19-mtDNA", "NC_012920.1", "NC_005089.1", "J01415.2", "M76611",
        )],
        *[(name, "plastid") for name in ("Pt", "ChrC", "chloroplast", "NC_000932.1", "Pltd", "Pf3D7_API_v3", "PFC10_API_IRAB")],
        *[(name, "chromosome Y") for name in (
            "Y", "chrY", "chrY_KI270740v1_random", "Y_mapped_Scaffold_9_D1573", "NC_000024.10", "Chromosome_Y", "chrYHet",
        )],
        *[(name, "") for name in ("1", "chrX", "X", "chrW", "Chr1", "MTCYB", "cp12", "chrYfoo", "NC_000023.11", "C1")],
    ],
)  # fmt: skip
def test_organelles_and_y_by_name_and_accession(name, wanted):
    assert describe_contigs([name], {})[name].excluded == wanted


def test_lettered_chromosomes_are_no_organelles():
    contigs = describe_contigs(["A", "B", "C", "M", "mito"], {})
    assert [contigs[name].excluded for name in "ABCM"] == [""] * 4 and contigs["mito"].excluded == "mitochondrion"


def region(**attributes):
    return Region(1000, {name: [value] for name, value in attributes.items()})


def test_what_the_annotation_says_of_a_contig_goes_first(tmp_path):
    regions = {
        "NC_1.1": region(chromosome="1", genome="chromosome"),
        "NC_2.1": region(chromosome="Y", genome="chromosome"),
        "NW_3.1": region(chromosome="Y", genome="genomic", map="unlocalized"),
        "NC_4.1": region(genome="mitochondrion", Is_circular="true"),
        "NC_5.1": region(genome="chloroplast"),
        "NT_6.1": region(chromosome="6", genome="genomic", map="6p21.3"),
        "NT_7.1": region(chromosome="Unknown", genome="genomic"),
        "chrM": region(chromosome="M", genome="chromosome"),
        "GB": region(organelle="plastid:chloroplast"),
    }
    contigs = describe_contigs(list(regions), regions)
    assert {name: contig.excluded for name, contig in contigs.items() if contig.excluded} == {
        "NC_2.1": "chromosome Y", "NW_3.1": "chromosome Y", "NC_4.1": "mitochondrion", "NC_5.1": "plastid", "GB": "plastid",
    }  # fmt: skip
    assert contigs["NC_4.1"].circular == 1000
    levels = [contigs[name].level for name in ("NC_1.1", "NT_6.1", "NT_7.1")]
    assert levels == [PRIMARY, COPY, UNPLACED]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        *[(name, COPY) for name in ("chr6_GL000250v2_alt", "chr6_cox_hap2", "HG1_PATCH", "CHR_MMCHR11_CTG1")],
        *[(name, UNPLACED) for name in ("chr1_KI270706v1_random", "chrUn_GL000195v1", "GL000220.1", "KI270711.1")],
        *[(name, PRIMARY) for name in ("chr1", "2L", "Chr_patchwork", "scaffold_12", "happy1")],
    ],
)  # fmt: skip
def test_chromosomes_scaffolds_and_copies_by_name(name, level):
    assert describe_contigs([name, "chr1"], {})[name].level == level


# --- tags ---


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        *[(text, "MANE Select") for text in ("MANE Select", "MANE_Select", "mane-select", "basic; MANE Select")],
        *[(text, "Ensembl canonical") for text in ("Ensembl_canonical", "Ensembl canonical")],
        *[(text, "RefSeq Select") for text in ("RefSeq Select", "RefSeq_Select")],
        *[(text, "APPRIS principal") for text in ("appris_principal", "appris_principal_1", "APPRIS principal-2")],
        *[(text, None) for text in ("MANE_Plus_Clinical", "basic", "not MANE Select", "appris_alternative_1", "CCDS", "")],
    ],
)  # fmt: skip
def test_canonical_tags_however_they_are_written(text, tag):
    found = canonical_tag(Transcript("T", "G", "", "1", "+", tags=frozenset([text])))
    assert [*CANONICAL_TAGS, None][found] == tag


def test_tags_in_notes_and_their_order(tmp_path):
    def rows(transcript, end, more):
        return [("1", part, 1, end, "+", "G", transcript, more) for part in ("exon", "CDS")]

    wanted = [
        ("T1", 30, 'note "MANE Select"'), ("T2", 60, 'tag "Ensembl_canonical"'), ("T3", 90, 'tag "RefSeq Select"'),
        ("T4", 120, 'tag "appris_principal_1"'), ("T5", 150, ""),
    ]  # fmt: skip
    for number in range(len(wanted)):
        path = gtf(tmp_path / "a", [row for one in wanted[number:] for row in rows(*one)])
        assert chosen(path)["G"].transcript_id == wanted[number][0]


@pytest.mark.parametrize("text", ["tag MANE_Select", 'Tag "MANE Select"', 'Note "MANE Select"'])
def test_tags_without_quotes_and_in_capitals(tmp_path, text):
    rows = [("1", part, 1, end, "+", "G", name, more) for name, end, more in (("S", 30, text), ("L", 60, ""))
            for part in ("exon", "CDS")]  # fmt: skip
    assert chosen(gtf(tmp_path / "a", rows))["G"].transcript_id == "S"


def test_tags_of_gff3_stand_in_tag_and_note(tmp_path):
    for about in ("tag=RefSeq Select", "Note=RefSeq%20Select", "tag=basic,RefSeq_Select"):
        rows = [f"1 mRNA 1 90 + ID=S;gene=G;{about}", "1 exon 1 90 + Parent=S", "1 CDS 1 90 + Parent=S"]
        rows += ["1 mRNA 1 300 + ID=L;gene=G", "1 exon 1 300 + Parent=L", "1 CDS 1 300 + Parent=L"]
        assert chosen(gff3(tmp_path / "a", *rows))["G"].transcript_id == "S"


def test_versions_of_one_id_at_one_place_are_joined_and_noted(schemas, tmp_path):
    parts = [
        ("exon", 100, 200),
        ("exon", 100, 260),
        ("exon", 400, 500),
        ("CDS", 150, 200),
        ("CDS", 150, 205),
        ("CDS", 400, 450),
    ]
    (transcript,) = read_annotation(gtf(tmp_path / "a", [("1", *part, "+", "G", "T", "") for part in parts]))
    assert transcript.exons == [(100, 260), (400, 500)] and transcript.cds == [(150, 205), (400, 450)]
    project = Project(tmp_path, schemas)
    lines = (tmp_path / "genes.gtf").read_text()
    longer = lines.splitlines()[0].replace("\t1299\t", "\t1399\t")
    (tmp_path / "genes.gtf").write_text(lines + longer + "\n")
    assert "1 transcripts list exons or coding regions that overlap" in project.notes()


def test_utf_16_without_its_mark_is_refused_with_the_reason(schemas, tmp_path):
    project = Project(tmp_path, schemas)
    text = (tmp_path / "genes.gtf").read_text()
    (tmp_path / "genes.gtf").write_bytes(text.encode("utf-16-le"))
    project.problem("column gtf", "UTF-16")


def test_letters_of_another_encoding_are_refused_with_their_line(schemas, tmp_path):
    project = Project(tmp_path, schemas)
    text = (tmp_path / "genes.gtf").read_text().replace("NAME1", "NAMÉ1")
    (tmp_path / "genes.gtf").write_bytes(text.encode("latin-1"))
    project.problem("column gtf, file 'genes.gtf' (the annotation, line 3)", "bytes that are not UTF-8", "iconv")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.gtf", b"\xe9\n", "the annotation, line 1: bytes that are not UTF-8"),
        (
            "a.gtf",
            gzip.compress(b"# a comment\n" * 1000, mtime=0)[:-20],
            "the annotation: a gzip file that is cut short",
        ),
        ("a.gtf", b'1\tx\texon\t1\t9\t.\t+\t.\tgene_id "G"; transcript_id "T"\n', "(no coding region: 1)"),
        ("a.gtf", b'2\tx\tCDS\t1\t9\t.\t+\t0\tgene_id "G"; transcript_id "T"\n', "genes only on '2'"),
        ("list", b"\xe9\n", "the canonical list, line 1: bytes that are not UTF-8"),
        ("list", b"U\n", "WARNING the canonical list names no transcript"),
    ],
)
def test_the_executable_says_what_it_cannot_use(tmp_path, run_cli, name, content, words):
    (tmp_path / "g.fa").write_text(">1\n" + "ACGT" * 100 + "\n")
    (tmp_path / "a.gtf").write_text('1\tx\tCDS\t1\t9\t.\t+\t0\tgene_id "G"; transcript_id "T"\n')
    (tmp_path / "list").write_text("T\n")
    (tmp_path / name).write_bytes(content)
    files = ["--fasta", tmp_path / "g.fa", "--gtf", tmp_path / "a.gtf", "--canonical", tmp_path / "list"]
    made = run_cli("extract_features.py", *files, "--outdir", tmp_path)
    assert words in made.stderr and "Traceback" not in made.stderr
    assert made.returncode == ("WARNING" not in words)

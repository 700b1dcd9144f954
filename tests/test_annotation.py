"""Transcripts, their choice and their half-life features; by hand, and on a real Ensembl annotation."""

import gzip

import numpy as np
import pytest

from scxpresso.genome.annotation import (
    half_life_features,
    log_half_life,
    select_transcripts,
    trim_stop_codon,
)
from scxpresso.genome.annotation_lines import is_gff3
from scxpresso.genome.canonical import read_canonical
from scxpresso.genome.features import extract_features, mean_and_sd, scaled_half_life
from scxpresso.genome.gene_models import read_annotation
from scxpresso.problems import InputError


def gtf(path, rows):
    """rows: (chrom, part, start, end, strand, gene, transcript, further attributes)."""
    lines = [
        f'{chrom}\ttest\t{part}\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; transcript_id "{transcript}"; {more}'
        for chrom, part, start, end, strand, gene, transcript, more in rows
    ]
    path.write_text("\n".join(["#!comment", *lines]) + "\n")
    return str(path)


def spliced(strand, gene="G", transcript="T", more=""):
    """A gene with introns in UTR and CDS, 1-based: exons 101–200, 301–400, 501–700.

    On +: CDS 351–400 and 501–597, stop codon 598–600. On −: CDS 504–600 … mirrored below.
    """
    if strand == "+":
        parts = [("CDS", 351, 400), ("CDS", 501, 597), ("start_codon", 351, 353), ("stop_codon", 598, 600)]
    else:
        parts = [("CDS", 354, 400), ("CDS", 501, 600), ("start_codon", 598, 600), ("stop_codon", 351, 353)]
    exons = [("exon", 101, 200), ("exon", 301, 400), ("exon", 501, 700)]
    return [("1", part, start, end, strand, gene, transcript, more) for part, start, end in exons + parts]


def only(path):
    (transcript,), _ = select_transcripts(read_annotation(path))
    return transcript


def test_half_life_of_a_plus_gene_by_hand(tmp_path):
    transcript = only(gtf(tmp_path / "g", spliced("+")))
    assert transcript.tss == 101
    features = half_life_features(transcript)
    assert features["orf_length"] == 50 + 97
    assert features["utr5_length"] == 351 - 101  # introns in between included: 250 genomic bases, 150 spliced ones
    assert features["utr3_length"] == 700 - 597  # the stop codon falls on the 3′ side
    assert features["intron_length"] == 600 - 147 - 250 - 103
    assert features["exon_junction_density"] == pytest.approx(3 / 147 * 1000)


def test_half_life_of_a_minus_gene_by_hand(tmp_path):
    transcript = only(gtf(tmp_path / "g", spliced("-")))
    assert transcript.tss == 700
    features = half_life_features(transcript)
    assert features["orf_length"] == 47 + 100
    assert features["utr5_length"] == 700 - 600
    assert features["utr3_length"] == 354 - 101
    assert features["intron_length"] == 600 - 147 - 100 - 253


def test_a_gene_without_utrs_and_without_codon_lines(tmp_path):
    rows = [("1", part, 101, 400, "+", "G", "T", "") for part in ("exon", "CDS")]
    features = half_life_features(only(gtf(tmp_path / "g", rows)))
    assert features == {
        "orf_length": 300, "utr5_length": 0, "utr3_length": 0, "intron_length": 0,
        "exon_junction_density": pytest.approx(1 / 300 * 1000),
    }  # fmt: skip


def test_features_are_logged_with_a_tenth_added():
    assert log_half_life(np.array([0, 0.9, 99.9])) == pytest.approx([-1, 0, 2])


def test_the_longest_coding_region_wins_and_ties_go_to_the_smaller_id(tmp_path):
    rows = []
    for transcript, end in (("T3", 400), ("T2", 401), ("T1", 401)):
        rows += [("1", part, 101, end, "+", "G", transcript, "") for part in ("exon", "CDS")]
    assert only(gtf(tmp_path / "g", rows)).transcript_id == "T1"


@pytest.mark.parametrize("tag", ["Ensembl_canonical", "MANE_Select", "appris_principal_1"])
def test_the_annotations_own_canonical_tag_beats_length(tmp_path, tag):
    short = [
        ("1", part, 101, 130, "+", "G", "short", f'tag "basic"; tag "{tag}"; tag "CCDS"') for part in ("exon", "CDS")
    ]
    rows = [*spliced("+", transcript="long"), *short]
    assert only(gtf(tmp_path / "g", rows)).transcript_id == "short"


def test_a_canonical_list_beats_the_tag_whatever_the_version(tmp_path):
    rows = spliced("+", transcript="ENST1.2", more='tag "Ensembl_canonical"')
    rows += [("1", part, 101, 130, "+", "G", "ENST2.7", "") for part in ("exon", "CDS")]
    (tmp_path / "list.tsv").write_text("gene\ttranscript\nG\tENST2.3\n")
    transcripts = read_annotation(gtf(tmp_path / "g", rows))
    (chosen,), _ = select_transcripts(transcripts, read_canonical(str(tmp_path / "list.tsv"), transcripts).rank)
    assert chosen.transcript_id == "ENST2.7"


def test_what_the_paper_leaves_out_is_dropped_with_its_reason(tmp_path):
    coding = [
        ("ERCC-00002", "ERCC-00002"), ("chrY", "GY"), ("chrM", "GM"), ("MT", "GMT"), ("1", "zsGreen_transgene"),
        ("1", "KEPT"),
    ]  # fmt: skip
    rows = [(chrom, part, 1, 90, "+", gene, gene, "") for chrom, gene in coding for part in ("exon", "CDS")]
    rows += [("1", "exon", 1, 90, "+", "lncRNA", "lncRNA", "")]
    rows += [("1", part, 1, 90, "+", "dead", "dead", 'gene_biotype "pseudogene";') for part in ("exon", "CDS")]
    kept, dropped = select_transcripts(read_annotation(gtf(tmp_path / "g", rows)))
    assert [transcript.gene_id for transcript in kept] == ["KEPT"]
    assert dropped == {
        "ERCC-00002": "spike-in (ERCC)", "GM": "mitochondrion", "GMT": "mitochondrion", "GY": "chromosome Y",
        "dead": "pseudogene", "lncRNA": "no coding region", "zsGreen_transgene": "transgene",
    }  # fmt: skip


def test_a_gene_on_x_and_y_keeps_its_x_copy(tmp_path):
    rows = [(chrom, part, 1, 90, "+", "PAR", "T", "") for chrom in ("Y", "X") for part in ("exon", "CDS")]
    kept, dropped = select_transcripts(read_annotation(gtf(tmp_path / "g", rows)))
    assert [transcript.chrom for transcript in kept] == ["X"] and not dropped


def gff3(path):
    lines = [
        "##gff-version 3",
        "1\tt\tgene\t101\t700\t.\t+\t.\tID=gene:G;Name=NAME%201;gene_id=G",
        "1\tt\tmRNA\t101\t700\t.\t+\t.\tID=transcript:T;Parent=gene:G;tag=basic,Ensembl_canonical;transcript_id=T",
        *(f"1\tt\texon\t{start}\t{end}\t.\t+\t.\tParent=transcript:T" for start, end in ((101, 200), (301, 400), (501, 700))),
        "1\tt\tCDS\t351\t400\t.\t+\t0\tID=CDS:P;Parent=transcript:T",
        "1\tt\tCDS\t501\t600\t.\t+\t1\tID=CDS:P;Parent=transcript:T",
    ]  # fmt: skip
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return str(path)


def test_gff3_gives_what_the_gtf_of_the_same_gene_gives(tmp_path):
    path = gff3(tmp_path / "annotation.gff3.gz")
    assert is_gff3(path)
    transcript = only(path)
    assert (transcript.gene_id, transcript.gene_name, transcript.transcript_id) == ("G", "NAME 1", "T")
    contig = "A" * 597 + "TGA" + "A" * 100
    trim_stop_codon(transcript, contig, gff3=True)
    assert half_life_features(transcript) == half_life_features(only(gtf(tmp_path / "g", spliced("+"))))


def test_a_gff3_cds_that_ends_without_a_stop_codon_is_not_trimmed(tmp_path):
    transcript = only(gff3(tmp_path / "annotation.gff3.gz"))
    trim_stop_codon(transcript, "A" * 700, gff3=True)
    assert transcript.orf_length == 150


def test_a_stop_codon_inside_the_cds_is_cut_even_across_an_intron(tmp_path):
    rows = [("1", "exon", 1, 50, "-", "G", "T", ""), ("1", "exon", 61, 100, "-", "G", "T", "")]
    rows += [("1", "CDS", 50, 50, "-", "G", "T", ""), ("1", "CDS", 61, 100, "-", "G", "T", "")]
    rows += [("1", "stop_codon", 50, 50, "-", "G", "T", ""), ("1", "stop_codon", 61, 62, "-", "G", "T", "")]
    transcript = only(gtf(tmp_path / "g", rows))
    trim_stop_codon(transcript, None, gff3=False)
    assert transcript.cds == [(63, 100)]


@pytest.mark.parametrize("line", ["not an annotation\n", '1\tt\texon\tx\t9\t.\t+\t.\tgene_id "G"; transcript_id "T"\n'])
def test_a_line_that_is_no_annotation_is_named(tmp_path, line):
    (tmp_path / "g").write_text(line)
    with pytest.raises(InputError, match="line 1"):
        read_annotation(str(tmp_path / "g"))


def test_a_constant_feature_is_not_divided_by_zero():
    mean, sd = mean_and_sd(np.full((5000, 1), np.log10(3.1), dtype=np.float32))  # whose sums are not exact
    assert sd == 1 and np.float32(mean) == np.float32(np.log10(3.1))
    mean, sd = mean_and_sd(np.array([[0.1], [0.1 + 1e-17], [0.3 - 0.2], [0.1]]))
    assert sd.tolist() == [1.0] and mean == pytest.approx([0.1])
    assert (scaled_half_life(np.zeros((4, 5))) == 0).all()


def test_real_ensembl_genes_checked_by_hand(chr9):
    features = extract_features(str(chr9 / "genome.fa.gz"), str(chr9 / "genes.gtf.gz"), None, 7000, 3500)
    genes = features.genes.set_index("gene_name")
    columns = ["tss", "orf_length", "utr5_length", "utr3_length", "intron_length"]
    # FOXD4, −, one exon 116231–118204: CDS 116803–118119, stop codon 116800–116802.
    assert genes.loc["FOXD4", columns].tolist() == [118204, 1317, 85, 572, 0]
    # C9orf66, −, one exon 212824–215741: CDS 214512–215396.
    assert genes.loc["C9orf66", columns].tolist() == [215741, 885, 345, 1688, 0]
    # DMRT3, +, exons 976964–977455 and 990041–991731: CDS 977002–977455 and 990041–991002;
    # span 14768 − 1416 − 38 − 729 leaves 12585 of introns; 2 exons / 1416 × 1000.
    assert genes.loc["DMRT3", columns].tolist() == [976964, 1416, 38, 729, 12585]
    assert genes.loc["DMRT3", "exon_junction_density"] == pytest.approx(1.412429)
    # 23 genes, 8 of them coding.
    assert len(genes) == 8 and len(features.dropped) == 15
    assert set(features.dropped["reason"]) == {"no coding region"}


def test_real_windows_off_the_contigs_end_are_counted(chr9):
    features = extract_features(str(chr9 / "genome.fa.gz"), str(chr9 / "genes.gtf.gz"), None, 40_000, 40_000)
    genes = features.genes.set_index("gene_name")
    # WASHC1, −, TSS 29739: its window spans bases −10260 … 69739, of which 10261 lie before the first.
    assert genes.loc["WASHC1", "padded_bases"] == 10261
    # DMRT3, +, TSS 976964: its window ends at 1016963, 16963 bases after the last.
    assert genes.loc["DMRT3", "padded_bases"] == 16963
    assert genes.loc["DOCK8", "padded_bases"] == 0
    row = features.genes.index[features.genes["gene_name"] == "DMRT3"][0]
    assert (features.codes[row, -16963:] == 15).all() and features.codes[row, -16964] != 15


@pytest.mark.slow
def test_the_demo_genome_counts(demo_genome):
    from scxpresso.genome.feature_store import Features
    from scxpresso.store import read_table

    genes = read_table(demo_genome / "genes.tsv")
    assert len(genes) == 5387  # protein-coding genes of the GenBank annotation
    assert genes["gene_id"].is_monotonic_increasing
    assert (genes[["utr5_length", "utr3_length"]] == 0).all(axis=None)  # CDS-only annotation
    features = Features(demo_genome / "features.h5")
    assert features.codes.shape == (5387, 1500) and features.codes.dtype == np.uint8
    assert list(features.gene_id) == list(genes["gene_id"])
    # Without UTRs the TSS is the start codon: nearly every gene reads ATG there.
    atg = (features.region(np.arange(5387), 0, 3) == [1, 4, 8]).all(axis=1)
    assert atg.mean() > 0.99

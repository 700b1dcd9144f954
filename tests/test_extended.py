"""Extended annotation features: codons, base composition and neighbours, by hand and on a real annotation."""

import numpy as np
import pytest

from scxpresso.genome.extended import (
    EXTENDED,
    NEIGHBOURS,
    TES_KMERS,
    extended_features,
    gc_content,
    neighbourhood,
    transform_extended,
    utrs,
)
from scxpresso.genome.features import extract_features, mean_and_sd
from scxpresso.genome.sequence import encode
from scxpresso.genome.transcript import Transcript

#          1         11        21        31        41
CONTIG = "GGGGGCCCCCATGAAATTTTGTAAGTCCCAAATAGCGCGCGCGTTTTTTTTT"


def gene(strand="+", gene_id="g", exons=((6, 20), (26, 45)), cds=((11, 20), (26, 34))) -> Transcript:
    transcript = Transcript("t", gene_id, gene_id, "1", strand)
    transcript.exons, transcript.cds = list(exons), list(cds)
    return transcript


def lone(strand: str, start: int, end: int) -> Transcript:
    return gene(strand, f"at_{start}", [(start, end)], [(start, end)])


def test_codons_and_composition_of_a_spliced_gene_by_hand():
    row = extended_features(gene(), CONTIG, dict.fromkeys(NEIGHBOURS, 0.0))
    assert list(row) == EXTENDED
    # ATGAAATTTT + TCCCAAATA: ATG AAA TTT TTC CCA AAT, and one base over
    assert {name: row[name] for name in EXTENDED if name.startswith("codon_") and row[name]} == pytest.approx(
        {f"codon_{codon}": 1 / 6 for codon in ("ATG", "AAA", "TTT", "TTC", "CCA", "AAT")}
    )
    assert row["gc_orf"] == pytest.approx(4 / 19)
    assert row["gc_codon1"] == pytest.approx(1 / 7)  # A A T T C A A
    assert row["gc_utr5"] == 1.0 and row["gc_utr3"] == pytest.approx(9 / 11)
    # Behind the transcript's last base, 45, lie seven more: TTTTTTT.
    assert {name: row[name] for name in TES_KMERS if row[name]} == {"tes_TTT": 1.0}
    assert row["gc_surroundings"] == pytest.approx(gc_content(encode(CONTIG)))


def test_a_minus_gene_has_the_features_of_its_mirror_image():
    mirrored = CONTIG[::-1].translate(str.maketrans("ACGT", "TGCA"))
    length = len(CONTIG)
    plus = gene()
    minus = gene(
        "-",
        exons=[(length + 1 - end, length + 1 - start) for start, end in plus.exons],
        cds=[(length + 1 - end, length + 1 - start) for start, end in plus.cds],
    )
    others = [(1, 3), (47, 50)]
    plain = neighbourhood([plus, *(lone("+", *span) for span in others)], length)
    mirror = neighbourhood([minus, *(lone("-", length + 1 - end, length + 1 - start) for start, end in others)], length)
    assert plain["g"] == mirror["g"]
    assert plain["g"]["upstream_gap"] == 2 and plain["g"]["downstream_gap"] == 1
    assert extended_features(plus, CONTIG, plain["g"]) == extended_features(minus, mirrored, mirror["g"])


def test_a_first_codon_that_is_cut_short_does_not_shift_the_others():
    transcript = gene(exons=[(10, 16)], cds=[(10, 16)])  # C ATG AAA
    transcript.frames = {10: 1}
    row = extended_features(transcript, CONTIG, {})
    assert row["codon_ATG"] == row["codon_AAA"] == 0.5


def test_a_gene_without_utrs_or_known_bases_breaks_nothing():
    bare = gene(exons=[], cds=[(11, 16)])
    assert utrs(bare) == ([], [])
    row = extended_features(bare, "N" * 60, {})
    assert np.isnan(row["gc_utr5"]) and np.isnan(row["gc_orf"]) and row["codon_AAA"] == 0
    mean, sd = mean_and_sd(np.array([[1.0, np.nan, np.nan], [3.0, np.nan, 2.0]]))
    assert mean.tolist() == [2, 0, 2] and sd.tolist() == [1, 1, 1]


def test_a_gene_alone_on_its_contig_has_the_ends_for_neighbours():
    about = neighbourhood([gene()], 100)["g"]
    assert about["upstream_gap"] == 5 and about["downstream_gap"] == 55 and about["contig_end_distance"] == 5
    assert about["upstream_same_strand"] == about["downstream_same_strand"] == about["genes_within_10kb"] == 1


def test_overlapping_genes_are_no_neighbours():
    genes = [gene("+", "a", [(100, 500)]), gene("-", "b", [(400, 900)]), gene("-", "c", [(2000, 3000)])]
    about = neighbourhood(genes, 10_000)
    assert about["a"]["downstream_gap"] == 2000 - 500 - 1 and about["a"]["downstream_same_strand"] == 0
    assert about["b"]["upstream_gap"] == 1099 and about["b"]["upstream_same_strand"] == 1
    assert about["c"]["downstream_gap"] == 1099 and about["c"]["genes_within_10kb"] == 3


def test_networks_read_lengths_as_logarithms_and_keep_what_is_missing():
    raw = np.zeros((1, len(EXTENDED)))
    raw[0, EXTENDED.index("upstream_gap")] = 99
    raw[0, EXTENDED.index("upstream_same_strand")] = 1
    raw[0, EXTENDED.index("gc_utr5")] = np.nan
    read = dict(zip(EXTENDED, transform_extended(raw)[0], strict=True))
    assert read["upstream_gap"] == 2 and read["upstream_same_strand"] == 1 and np.isnan(read["gc_utr5"])
    assert raw[0, EXTENDED.index("upstream_gap")] == 99


def test_every_gene_of_a_real_annotation_has_them(chr9):
    genes = extract_features(
        str(chr9 / "genome.fa.gz"), str(chr9 / "genes.gtf.gz"), None, 7000, 3500, extended=True
    ).genes
    assert list(genes.columns[-len(EXTENDED) :]) == EXTENDED
    codons = genes[[name for name in EXTENDED if name.startswith("codon_")]]
    assert codons.sum(axis=1).to_numpy() == pytest.approx(1)
    assert (codons[["codon_TAA", "codon_TAG", "codon_TGA"]].to_numpy() < 0.05).all()  # in frame: no stop codon within
    assert genes[["gc_utr5", "gc_utr3"]].notna().to_numpy().all()
    assert (genes[NEIGHBOURS].to_numpy() >= 0).all()

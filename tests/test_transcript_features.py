"""Features of the spliced transcript: by hand on both strands, without UTRs, and on real annotations."""

from dataclasses import replace

import numpy as np
import pytest
from Bio.Seq import Seq

from scxpresso.genome.annotation import select_transcripts, trim_stop_codon
from scxpresso.genome.features import contig_names, extract_features
from scxpresso.genome.gene_models import read_annotation
from scxpresso.genome.protein_features import AMINO_ACIDS, PROTEIN, protein_features, translate
from scxpresso.genome.sequence import read_fasta
from scxpresso.genome.transcript import Transcript
from scxpresso.genome.transcript_features import (
    COMPOSITION,
    ELEMENTS,
    LOGARITHMIC,
    START,
    STOP,
    STRUCTURE,
    TRANSCRIPT,
    transcript_features,
    transform_transcript,
)

UTR5, UTR3 = "GATGTAACACC", "CATTTATTTACTGTACATAGAATAAACC"
#         1-5       6-16   17-22      23-32          33-38      39-41   42-69
CONTIG = "CCCCC" + UTR5 + "ATGGCT" + "GTAAGTTTAG" + "AAATGG" + "TGA" + UTR3 + "GGGGG"
GENE = Transcript("t", "g", "g", "1", "+", exons=[(6, 22), (33, 69)], cds=[(17, 22), (33, 38)])


def features(transcript=GENE, contig=CONTIG) -> dict[str, float]:
    return dict(zip(TRANSCRIPT, transcript_features(transcript, contig).tolist(), strict=True))


def known(row: dict[str, float], names: list[str]) -> dict[str, float]:
    """Those of the features that are not 0."""
    return {name: row[name] for name in names if row[name] != 0}


def by_hand() -> dict[str, float]:
    """The features of GENE that are not 0; its protein is MAKW."""
    kmers = {
        "utr5": ["GAT", "ATG", "TGT", "GTA", "TAA", "AAC", "ACA", "CAC", "ACC"],
        "intron1": ["GTA", "TAA", "AAG", "AGT", "GTT", "TTT", "TTA", "TAG"],
    }
    return {
        **{f"{prefix}_{residue}": 1 / 4 for prefix in ("aa", "aa30") for residue in "MAKW"},
        **{f"dipeptide_{pair}": 1 / 3 for pair in ("MA", "AK", "KW")},
        # 1.9 + 1.8 − 3.9 − 0.9, over a segment of 19 residues; no segment crosses a membrane
        **dict.fromkeys(("protein_max_hydropathy", "protein_start_hydropathy", "protein_end_hydropathy"), -1.1 / 19),
        **{"protein_before_segment": 4, "protein_longest_run": 1},
        **{"protein_charge": 1 / 4, "protein_max_charge": 1, "protein_min_charge": 1},
        **{f"utr5_{base}": UTR5.count(base) / 11 for base in "ACGT"},
        **{f"utr3_{base}": UTR3.count(base) / 28 for base in "ACGT"},
        **{f"intron1_{base}": share for base, share in {"A": 0.3, "G": 0.3, "T": 0.4}.items()},
        **{f"{region}_{kmer}": 1 / len(found) for region, found in kmers.items() for kmer in found},
        **{f"utr3_{UTR3[at : at + 3]}": UTR3.count(UTR3[at : at + 3]) / 26 for at in range(26)},
        **{"exons": 2, "coding_exons": 2, "first_exon_length": 17, "first_intron_length": 10},
        **{"longest_intron_length": 10, "utr5_spliced_length": 11, "utr3_spliced_length": 28},
        **{"spliced_length": 54, "genomic_length": 64, "upstream_atgs": 1, "uorfs": 1},
        **{"kozak_minus3_A": 1, "kozak_plus4_G": 1, "stop_TGA": 1, "after_stop_C": 1},
        **{
            "utr3_attta": 2,
            "utr3_attta_per_kb": 2 / 28 * 1000,
            "utr3_pumilio": 1,
            "utr3_pumilio_per_kb": 1 / 28 * 1000,
        },
        "polya_AATAAA": 1,
    }


def mirrored(transcript: Transcript, contig: str) -> tuple[Transcript, str]:
    """The same transcript on the other strand."""
    length = len(contig) + 1
    flipped = {
        name: sorted((length - end, length - start) for start, end in getattr(transcript, name))
        for name in ("exons", "cds")
    }
    return replace(transcript, strand="-", **flipped), str(Seq(contig).reverse_complement())


def test_a_spliced_gene_with_utrs_by_hand():
    assert len(set(TRANSCRIPT)) == len(TRANSCRIPT) == 697
    assert known(features(), TRANSCRIPT) == pytest.approx(by_hand())


def test_a_gene_on_the_minus_strand_has_the_features_of_its_mirror_image():
    split = replace(GENE, exons=[(6, 9), (12, 22), (33, 50), (55, 69)])
    for transcript in (GENE, split, replace(GENE, exons=[])):
        np.testing.assert_array_equal(
            transcript_features(transcript, CONTIG), transcript_features(*mirrored(transcript, CONTIG))
        )


def test_introns_of_utrs_are_counted_and_spliced_out():
    row = features(replace(GENE, exons=[(6, 9), (12, 22), (33, 50), (55, 69)]))
    assert (row["exons"], row["coding_exons"], row["utr5_introns"], row["utr3_introns"]) == (4, 2, 1, 1)
    assert (row["first_intron_length"], row["longest_intron_length"]) == (2, 10)
    assert (row["utr5_spliced_length"], row["utr3_spliced_length"]) == (9, 24)
    assert np.isnan(row["intron1_AAA"]) and row["intron1_A"] == row["intron1_T"] == 0.5  # TA


def test_the_stop_codon_is_told_apart_whether_or_not_the_annotation_counts_it_as_coding():
    np.testing.assert_array_equal(
        transcript_features(replace(GENE, cds=[(17, 22), (33, 41)]), CONTIG), transcript_features(GENE, CONTIG)
    )
    behind = features(replace(GENE, exons=[(6, 22), (33, 38)]))  # the transcript ends before its stop codon
    assert known(behind, STOP) == {"stop_TGA": 1, "after_stop_C": 1} and behind["utr3_spliced_length"] == 0


def test_an_incomplete_coding_region_has_neither_start_nor_stop():
    row = features(replace(GENE, cds=[(18, 22), (33, 37)], frames={18: 2}))  # TG GCT AAA TG
    assert known(row, PROTEIN[:20]) == {"aa_A": 0.5, "aa_K": 0.5}
    assert known(row, START[2:] + STOP) == {}
    assert row["utr3_spliced_length"] == 69 - 37


def test_without_utrs_shares_are_missing_and_lengths_are_0():
    row = features(Transcript("t", "g", "g", "1", "+", cds=[(17, 22), (33, 41)]))
    assert all(np.isnan(row[name]) for name in COMPOSITION if name.startswith("utr"))
    assert {name for name in ELEMENTS if np.isnan(row[name])} == {"utr3_attta_per_kb", "utr3_pumilio_per_kb"}
    assert row["utr5_spliced_length"] == row["utr3_spliced_length"] == row["upstream_atgs"] == row["utr3_attta"] == 0
    # The bases before the start codon and after the stop codon are those of the genome.
    assert row["kozak_minus3_A"] == row["after_stop_C"] == 1
    assert np.isfinite([row[name] for name in [*PROTEIN, *STRUCTURE, *START, *STOP]]).all()


def test_open_reading_frames_of_the_5_utr_are_counted_by_their_stop_codon():
    # ATG ATG TAA: one that starts twice. ATGA: TGA in another frame ends nothing, and the last ATG has no stop codon.
    row = features(contig=CONTIG.replace(UTR5, "ATGATGTAAAT"))
    assert (row["upstream_atgs"], row["uorfs"]) == (2, 1)
    row = features(contig=CONTIG.replace(UTR5, "CCTAACATGAC"))
    assert (row["upstream_atgs"], row["uorfs"]) == (1, 0)


def test_ambiguous_bases_count_for_nothing():
    row = features(contig="N" * len(CONTIG))
    assert all(np.isnan(row[name]) for name in [*PROTEIN[:440], *COMPOSITION])
    assert known(row, [*START, *STOP, *ELEMENTS]) == {}
    row = features(contig=CONTIG.replace("AAATGG", "AANTGG").replace("TGTACATA", "TGTANATA"))
    assert known(row, PROTEIN[:440]) == pytest.approx(
        {f"{prefix}_{residue}": 1 / 3 for prefix in ("aa", "aa30") for residue in "MAW"} | {"dipeptide_MA": 1}
    )
    assert row["utr3_pumilio"] == 1  # any base at that place


def test_networks_read_lengths_and_numbers_as_logarithms_and_keep_what_is_missing():
    raw = np.array([[99.0, 0.25, np.nan]])
    assert transform_transcript(raw, ["spliced_length", "utr3_A", "utr5_A"])[0, :2].tolist() == [2, 0.25]
    assert np.isnan(transform_transcript(raw, ["spliced_length", "utr3_A", "utr5_A"])[0, 2]) and raw[0, 0] == 99
    assert set(TRANSCRIPT) >= LOGARITHMIC


def real(folder, number: int) -> list[tuple[Transcript, str]]:
    """The first transcripts of an annotation that represent a gene, with their contigs."""
    fasta = str(folder / "genome.fa.gz")
    chosen, _ = select_transcripts(read_annotation(str(folder / "genes.gtf.gz")), {}, contig_names(fasta))
    contigs = {transcript.chrom for transcript in chosen[:number]}
    sequences = {name: contig for name, contig in read_fasta(fasta) if name in contigs}
    for transcript in chosen[:number]:
        trim_stop_codon(transcript, sequences[transcript.chrom], gff3=False)
    return [(transcript, sequences[transcript.chrom]) for transcript in chosen[:number]]


def protein(transcript: Transcript, contig: str) -> str:
    """The translation by Biopython, up to the stop codon."""
    bases = Seq("".join(contig[start - 1 : end] for start, end in sorted(transcript.cds)))
    return str((bases if transcript.strand == "+" else bases.reverse_complement()).translate(to_stop=True))


def test_human_genes_have_the_protein_of_their_translation_and_known_ends(chr9):
    genes = real(chr9, 8)
    for transcript, contig in genes:
        row, residues = features(transcript, contig), protein(transcript, contig)
        counts = {f"aa_{residue}": residues.count(residue) / len(residues) for residue in AMINO_ACIDS}
        assert known(row, PROTEIN[:20]) == pytest.approx(known(counts, list(counts)))
        first = {f"aa30_{residue}": residues[:30].count(residue) / 30 for residue in AMINO_ACIDS}
        assert known(row, PROTEIN[20:40]) == pytest.approx(known(first, list(first)))
        assert row["dipeptide_" + residues[:2]] >= 1 / (len(residues) - 1) - 1e-6
        assert sum(row[name] for name in STOP[:3]) == row["polya_AATAAA"] == 1
        assert row["spliced_length"] == pytest.approx(
            row["utr5_spliced_length"] + 3 * (len(residues) + 1) + row["utr3_spliced_length"]
        )
    values = np.array([transcript_features(*gene) for gene in genes])
    assert np.isfinite(values[:, [TRANSCRIPT.index("utr5_A"), TRANSCRIPT.index("utr3_AAA")]]).all()


def test_extraction_gives_them_in_the_order_of_the_genes_and_only_with_extended_features(chr9):
    files = str(chr9 / "genome.fa.gz"), str(chr9 / "genes.gtf.gz"), None, 1000, 500
    genome = extract_features(*files, extended=True)
    expected = {transcript.gene_id: transcript_features(transcript, contig) for transcript, contig in real(chr9, 8)}
    np.testing.assert_array_equal(genome.transcript_features, [expected[gene] for gene in genome.genes["gene_id"]])
    assert extract_features(*files).transcript_features is None


def test_genes_of_plasmodium_without_utrs_have_starts_and_stops(demo):
    values = np.array([transcript_features(*gene) for gene in real(demo, 200)])
    columns = {name: values[:, TRANSCRIPT.index(name)] for name in TRANSCRIPT}
    assert np.isnan(columns["utr5_A"]).all() and (columns["utr3_spliced_length"] == 0).all()
    assert sum(columns[name] for name in STOP[:3]).mean() > 0.95
    assert columns["kozak_minus3_A"].mean() > 0.5  # as is known of P. falciparum
    assert np.isfinite(values[:, [TRANSCRIPT.index(name) for name in [*PROTEIN, *STRUCTURE, *START, *STOP]]]).all()


# ---- Protein ---------------------------------------------------------------------------------------------------------


def of_protein(residues: str) -> dict[str, float]:
    return dict(zip(PROTEIN, protein_features(residues).tolist(), strict=True))


def test_membrane_segments_do_not_overlap_and_say_where_the_first_one_is():
    row = of_protein("D" * 50 + "L" * 40 + "D" * 25)
    # From 46 residues on, 15 of 19 leucines make 2.3 over a segment: (15 × 3.8 − 4 × 3.5) / 19.
    assert row["protein_segments"] == 2 and row["protein_before_segment"] == 45
    assert row["protein_max_hydropathy"] == pytest.approx(3.8)
    assert row["protein_start_hydropathy"] == pytest.approx((8 * 3.8 - 11 * 3.5) / 19)  # residues 40 to 58
    assert row["protein_longest_run"] == 50
    assert (row["protein_charge"], row["protein_min_charge"]) == pytest.approx((-75 / 115, -30))


def test_patterns_are_counted_per_100_residues():
    row = of_protein("NAS" + "NPS" + "CAAC" + "PAAP" + "KKARA" + "RSRS" + "GAAGAAG" + "KDEL")
    length = 34
    for name in ("glycosylation", "cxxc", "pxxp", "basic", "serine_arginine", "collagen"):
        assert row[f"protein_{name}"] == pytest.approx(100 / length), name
    assert row["protein_er_retention"] == 1 and row["protein_cysteine_rich"] == 0
    assert of_protein("CAAC" + "A" * 12 + "HAAAH")["protein_c2h2_fingers"] == 1
    assert of_protein("LDDLDDD" * 4)["protein_coiled_coil"] == 2


def test_a_protein_of_unknown_residues_has_no_shares():
    for residues in ("", "XXX"):
        row = of_protein(residues)
        assert all(np.isnan(row[name]) for name in ("aa_A", "protein_charge", "protein_max_hydropathy", "protein_cxxc"))
        assert row["protein_segments"] == row["protein_c2h2_fingers"] == 0
    assert translate(np.array([], dtype=np.uint8)) == ""

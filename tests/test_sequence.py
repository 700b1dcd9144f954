"""Codes, strands, windows off both ends, and k-mer counts."""

import gzip

import numpy as np
import pysam
import pytest

from scxpresso.genome.sequence import ONE_HOT, encode, kmer_counts, read_fasta, reverse_complement, window_codes
from scxpresso.problems import InputError

CONTIG = "ACGTACGGTTAACCNRYKMSWBDHVacgt"


def letters(codes):
    return "".join({1: "A", 2: "C", 4: "T", 8: "G", 15: "N"}.get(int(code), "?") for code in codes)


def test_one_hot_is_in_the_papers_channel_order_and_spreads_iupac_codes_evenly():
    rows = dict(zip("ACTGNRYKMSWBDHV", ONE_HOT[encode("ACTGNRYKMSWBDHV")].tolist(), strict=True))
    assert rows["A"] == [1, 0, 0, 0] and rows["C"] == [0, 1, 0, 0]
    assert rows["T"] == [0, 0, 1, 0] and rows["G"] == [0, 0, 0, 1]
    assert rows["N"] == [0.25] * 4
    assert rows["R"] == [0.5, 0, 0, 0.5]  # A or G
    assert rows["Y"] == [0, 0.5, 0.5, 0]  # C or T
    assert rows["K"] == [0, 0, 0.5, 0.5]  # G or T
    assert rows["M"] == [0.5, 0.5, 0, 0]  # A or C
    assert rows["B"] == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])  # not A


def test_soft_masked_bases_count_as_bases():
    assert (encode("acgtn") == encode("ACGTN")).all()


def test_the_reverse_complement_twice_is_the_sequence():
    codes = encode(CONTIG)
    assert letters(reverse_complement(encode("AACGT"))) == "ACGTT"
    assert (reverse_complement(reverse_complement(codes)) == codes).all()
    assert (reverse_complement(encode("RYKMSWBDHVN")) == encode("NBDHVWSKMRY")).all()


def test_a_window_on_either_strand_starts_upstream_of_its_tss():
    # TSS 5 is the A of ACGG (1-based); two bases before it, three from it on.
    codes, padded = window_codes(CONTIG, 5, "+", 2, 3)
    assert (letters(codes), padded) == ("GTACG", 0)
    # On − upstream is to the right: bases 7, 6 | 5, 4, 3 complemented: G C | A T G → C G | T A C
    codes, padded = window_codes(CONTIG, 5, "-", 2, 3)
    assert (letters(codes), padded) == ("CGTAC", 0)


def test_the_papers_indices_of_two_variants_of_CACNA1I():
    # chr22:39570753 +; rs7288455 at 39570542 is index 6789, rs5757730 at 39571425 is 7672 (DESIGN, section 2)
    tss, upstream = 39_570_753, 7000
    contig = "A" * 300
    offset = tss - 150  # a short stand-in for the chromosome, its TSS at base 150
    for position, index in ((39_570_542, 6789), (39_571_425, 7672)):
        assert upstream + position - tss == index
    codes, _ = window_codes(contig[:79] + "C" + contig[80:], tss - offset, "+", 100, 100)
    assert int(np.flatnonzero(codes == 2)[0]) == 100 + 80 - 150


@pytest.mark.parametrize("strand", "+-")
def test_windows_off_both_ends_are_padded_with_n_and_counted(strand):
    codes, padded = window_codes("ACGT", 2, strand, 5, 6)
    assert len(codes) == 11 and padded == 7
    inside = "NNNNACGTNNN" if strand == "+" else "NNNACGTNNNN"  # ACGT is its own reverse complement
    assert letters(codes) == inside


def test_a_window_beyond_the_contig_is_all_padding():
    codes, padded = window_codes("ACGT", 100, "+", 5, 5)
    assert padded == 10 and letters(codes) == "N" * 10


def test_a_letter_that_is_no_nucleotide_is_named():
    with pytest.raises(InputError, match="'E'"):
        window_codes("ACGEFG", 3, "+", 2, 3)


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip"])
def test_a_fasta_is_read_however_it_is_packed(tmp_path, kind):
    text = b">one some words\nACGT\nacgt\n>two\nNN\n"
    path = tmp_path / "genome with space.fa"
    if kind == "bgzip":
        with pysam.BGZFile(str(path), "w") as file:
            file.write(text)
    else:
        path.write_bytes(gzip.compress(text) if kind == "gzip" else text)
    assert list(read_fasta(path)) == [("one", "ACGTacgt"), ("two", "NN")]


def test_kmer_counts_by_hand_and_none_across_an_uncertain_base():
    counts = kmer_counts(np.stack([encode("AAAAA"), encode("AANAC")]), 2)
    assert counts.shape == (2, 16)
    assert counts[0, 0] == 4 and counts[0].sum() == 4
    assert counts[1, 0] == 1 and counts[1, 1] == 1 and counts[1].sum() == 2  # AA, AC
    assert kmer_counts(encode("AC")[None], 4).sum() == 0


def test_kmer_counts_of_random_sequence_equal_a_plain_count():
    rng = np.random.default_rng(1)
    sequence = "".join(rng.choice(list("ACTG"), 300))
    counts = kmer_counts(encode(sequence)[None], 4)[0]
    for kmer in ("AAAA", "ACTG", "GTCA", "GGGG"):
        index = sum("ACTG".index(base) * 4 ** (3 - place) for place, base in enumerate(kmer))
        assert counts[index] == sum(sequence.startswith(kmer, start) for start in range(297))

"""Motifs: files, scores and p-values by hand, both strands, what is planted is found, and what variants do."""

import gzip
import itertools
import re

import numpy as np
import pandas as pd
import pytest
from Bio import motifs as bio
from scipy.stats import kstest
from test_damage import write_damaged

from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.sequence import N_CODE, decode, encode, reverse_complement
from scxpresso.motifs.changes import write_motif_changes
from scxpresso.motifs.matching import match_motifs
from scxpresso.motifs.matrices import Motif, read_motifs
from scxpresso.motifs.scanning import NONE, Scanner, base_numbers, composition, count_bases, score_matrix, score_tail
from scxpresso.motifs.seqlets import find_seqlets
from scxpresso.problems import InputError
from scxpresso.saturation.effects_store import Effects, EffectsMetadata, rounded, write_effects
from scxpresso.store import read_table, write_table

EVEN = np.full(4, 0.25)
SKEWED = np.array([0.4, 0.1, 0.1, 0.4])
UPSTREAM = 700


def consensus(word, name="", sites=20):
    counts = np.array([[sites * (letter == base) for base in "ACGT"] for letter in word], dtype=float)
    return Motif(word, name or word, counts)


def random_codes(rng, count, length, probabilities=(0.25,) * 4):
    return rng.choice(encode("ACGT"), size=(count, length), p=probabilities).astype(np.uint8)


def as_meme(motifs):
    text = "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n\n"
    for motif in motifs:
        sites = int(motif.counts[0].sum())
        text += f"MOTIF {motif.motif} {motif.name}\n"
        text += f"letter-probability matrix: alength= 4 w= {len(motif.counts)} nsites= {sites} E= 0\n"
        text += "".join(" ".join(f"{value / sites:.9f}" for value in row) + "\n" for row in motif.counts) + "\n"
    return text


def as_jaspar(motifs):
    text = ""
    for motif in motifs:
        text += f">{motif.motif}\t{motif.name}\n"
        for base, row in zip("ACGT", motif.counts.T, strict=True):
            text += f"{base}  [ {' '.join(f'{value:g}' for value in row)} ]\n"
    return text


@pytest.fixture
def some_motifs():
    rng = np.random.default_rng(3)
    return [
        Motif(
            f"M{width}", f"name {width}: (a;b)", rng.multinomial(40, rng.dirichlet([0.3] * 4, size=width)).astype(float)
        )
        for width in (3, 6, 7, 12, 13)
    ]


def test_meme_and_jaspar_say_the_same_and_what_biopython_reads(tmp_path, some_motifs):
    (tmp_path / "a.meme").write_text(as_meme(some_motifs))
    (tmp_path / "b.any").write_text(as_jaspar(some_motifs))
    with gzip.open(tmp_path / "c.gz", "wt") as file:
        file.write(as_jaspar(some_motifs))
    for name in ("a.meme", "b.any", "c.gz"):
        found = read_motifs(tmp_path / name)
        assert [(motif.motif, motif.name) for motif in found] == [(motif.motif, motif.name) for motif in some_motifs]
        for motif, expected in zip(found, some_motifs, strict=True):
            np.testing.assert_allclose(motif.counts, expected.counts, atol=1e-6)
    for name, kind in (("a.meme", "minimal"), ("b.any", "jaspar")):
        with open(tmp_path / name) as file:
            for motif, expected in zip(bio.parse(file, kind), some_motifs, strict=True):
                np.testing.assert_array_equal([motif.counts[base] for base in "ACGT"], expected.counts.T)


def test_bare_matrices_and_optional_lines(tmp_path):
    (tmp_path / "TATA box.pfm").write_text("0 8 0\n0 0 1\n0 0 1\n8 0 6\n")
    (found,) = read_motifs(tmp_path / "TATA box.pfm")
    assert found.motif == "TATA" and found.counts.tolist() == [[0, 0, 0, 8], [8, 0, 0, 0], [0, 1, 1, 6]]
    (tmp_path / "rows.jaspar").write_text(">x\nT 1 0\nG 0 0\nC 0 0\nA 0 1\n")
    (found,) = read_motifs(tmp_path / "rows.jaspar")
    assert found.counts.tolist() == [[0, 0, 0, 20], [20, 0, 0, 0]]  # probabilities count as 20 sites
    (tmp_path / "short.meme").write_text(
        "MEME version 5.4.1\nMOTIF 1 a b\nletter-probability matrix:\n.5 .5 0 0\n0 0 0 1\n"
    )
    (found,) = read_motifs(tmp_path / "short.meme")
    assert found.name == "a b" and found.counts.tolist() == [[10, 10, 0, 0], [0, 0, 0, 20]]


@pytest.mark.parametrize("sites, expected", [("1e+05", 100_000), ("20.5", 20.5), ("0", 20), ("1E3 E= 1e-5", 1000)])
def test_numbers_of_sites_are_numbers_however_they_are_written(tmp_path, sites, expected):
    head = f"letter-probability matrix: alength= 4 w= 1 nsites= {sites}"
    (tmp_path / "a.meme").write_text(f"MEME version 4\nMOTIF a\n{head}\n.25 .25 .25 .25\n")
    (found,) = read_motifs(tmp_path / "a.meme")
    assert found.counts.tolist() == [[expected / 4] * 4]


@pytest.mark.parametrize(
    "rows, transposed",
    [
        ([[8, 1, 1, 0], [0, 9, 0, 1], [0, 0, 10, 0], [9, 0, 1, 0]], True),  # rows sum alike
        ([[0.9, 0.1, 0, 0], [0, 1, 0, 0], [0.3, 0.3, 0.3, 0.09], [0, 1, 0, 0]], True),  # but for rounding
        ([[8, 0, 0, 9], [1, 9, 0, 0], [1, 0, 10, 1], [0, 1, 0, 0]], False),  # columns do
        ([[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 0, 10], [0, 0, 10, 0]], False),  # both: rows are A, C, G and T
        ([[5, 1, 1, 2], [1, 9, 3, 1], [1, 2, 10, 1], [8, 1, 2, 7]], False),  # neither
    ],
)
def test_four_rows_of_four_numbers_are_positions_where_they_sum_alike(tmp_path, rows, transposed):
    text = "\n".join(" ".join(map(str, row)) for row in rows)
    for name, content in (("bare.pfm", text), ("headed.jaspar", f">m\n{text}")):
        (tmp_path / name).write_text(content + "\n")
        (found,) = read_motifs(tmp_path / name)
        expected = np.array(rows) if transposed else np.array(rows).T
        np.testing.assert_allclose(
            found.counts / found.counts.sum(axis=1)[:, None], expected / expected.sum(axis=1)[:, None]
        )
    (tmp_path / "named.jaspar").write_text(
        ">m\n" + "\n".join(f"{base} {row}" for base, row in zip("ACGT", text.split("\n"), strict=True))
    )
    (found,) = read_motifs(tmp_path / "named.jaspar")  # their letters say what the rows are
    assert found.counts[0].argmax() == np.array(rows)[:, 0].argmax()


MEME = "MEME version 4\nALPHABET= ACGT\nMOTIF good\nletter-probability matrix: w= 1\n1 0 0 0\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "it is empty"),
        ("<!DOCTYPE html>", "it starts with '<!DOCTYPE html>'"),
        ("MEME version 3\n", "MEME version 4 or later"),
        ("MEME version 4\nALPHABET= ACDEFGHIKLMNPQRSTVWY\n", "motifs of DNA"),
        ("MEME version 4\n", "no motif"),
        (MEME + "MOTIF bad\n", "motif 2 .'bad'.: it has no letter-probability matrix"),
        (MEME + "MOTIF bad\nletter-probability matrix: w= 3\n1 0 0 0\n0 x 1 0\n", "motif 2 .'bad'.: 1 rows of numbers"),
        (MEME + "MOTIF bad\nletter-probability matrix: w= 1\n1 0 0\n", "a row of 3 numbers"),
        (MEME + "MOTIF bad\nletter-probability matrix: nsites= many\n1 0 0 0\n", "`nsites= many`"),
        (MEME + "MOTIF bad\nletter-probability matrix: nsites= -1\n1 0 0 0\n", "`nsites= -1`"),
        (MEME + "MOTIF bad\nletter-probability matrix: w= 1\n1 1 0 0\n", "position 1 sums to 2"),
        (MEME + "MOTIF bad\nletter-probability matrix: w= 1\n1 nan 0 0\n", "position 1 sums to nan"),
        (MEME + "MOTIF bad\nletter-probability matrix: w= 1\n2 -1 0 0\n", "negative"),
        (MEME + "MOTIF\nletter-probability matrix: w= 1\n1 0 0 0\n", "motif 2 .''.: it has no name"),
        (MEME + "MOTIF good\nletter-probability matrix: w= 1\n1 0 0 0\n", "a motif of this name came before"),
        (">a\n1 2\n3 4\n5 6\n", "3 rows of numbers"),
        (">a\n1 2\n3 4\n5 6\n7 8 9\n", "rows of 2, 2, 2, 3 numbers"),
        (">a\nA [1 2]\nC [3 4]\nA [5 6]\nT [7 8]\n", "rows of ACAT"),
        (">a\n0 1\n0 1\n0 1\n0 1\n", "position 1 has only zeros"),
        (">a\nA [1 inf]\nC [3 4]\nG [5 6]\nT [7 8]\n", "not finite"),
        (">a\x1b[31m\nA [1]\n", "1 rows of numbers"),
    ],
)
def test_bad_files_are_one_clear_error(tmp_path, text, message):
    (tmp_path / "motifs.txt").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_motifs(tmp_path / "motifs.txt")
    assert "motifs.txt" in str(error.value) and "\x1b" not in str(error.value)


def test_every_bad_motif_is_named_at_once(tmp_path):
    (tmp_path / "m").write_text(">a\n1\n>b\n1\n1\n1\n1\n>c\nx\n")
    with pytest.raises(InputError) as error:
        read_motifs(tmp_path / "m")
    assert [re.search("'(.)'", problem.where)[1] for problem in error.value.problems] == ["a", "c"]
    (tmp_path / "binary.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    with pytest.raises(InputError, match="cannot be read"):
        read_motifs(tmp_path / "binary.gz")


def test_scores_and_p_values_by_hand():
    counts = np.array([[8, 0, 0, 0], [0, 4, 4, 0]], dtype=float)
    # (8 + 0.1·¼) / 8.1 / ¼ = 3.963, its log2 1.9866; likewise 1.9877 and 0.0123
    matrix = score_matrix(counts, EVEN)
    assert matrix.tolist() == [[199, -634, -634, -634], [-634, 99, 99, -634]]
    scanner = Scanner([Motif("m", "m", counts)], EVEN, 0.125)
    scores = np.array([298, 297, -435, -535, -1268, NONE])
    found = scanner.p_values(np.zeros(6, dtype=int), scores)
    # of 16 words two score 298 (AC, AG), two −435 (AA, AT), six −535 and six −1268
    np.testing.assert_allclose(found, [2 / 16, 2 / 16, 4 / 16, 10 / 16, 1, np.nan])
    assert scanner.threshold.tolist() == [-434]  # the lowest whole score that so few words reach
    assert score_matrix(consensus("A").counts, SKEWED)[0, 0] == round(100 * np.log2((20 + 0.04) / 20.1 / 0.4))


def test_p_values_are_those_of_all_words(some_motifs):
    for motif in some_motifs[:3]:
        matrix = score_matrix(motif.counts, SKEWED)
        lowest, tail = score_tail(matrix, SKEWED)
        words = np.array(list(itertools.product(range(4), repeat=len(matrix))))
        score = matrix[np.arange(len(matrix)), words].sum(axis=1)
        probability = SKEWED[words].prod(axis=1)
        for chosen in np.unique(score)[:: max(len(np.unique(score)) // 40, 1)]:
            assert tail[chosen - lowest] == pytest.approx(probability[score >= chosen].sum())
        assert tail[0] == pytest.approx(1)


def placements(scanner, motif, codes, background):
    """Every placement's better score and strand, the plain way; None where a base is ambiguous."""
    matrix = score_matrix(scanner.motifs[motif].counts, background)
    bases = base_numbers(codes)
    found = []
    for start in range(len(codes) - len(matrix) + 1):
        word = bases[start : start + len(matrix)]
        if (word == 4).any():
            found.append(None)
            continue
        own, other = (int(m[np.arange(len(m)), word].sum()) for m in (matrix, matrix[::-1, ::-1]))
        found.append((max(own, other), other > own))
    return found


def test_hits_are_the_placements_that_reach_the_threshold(some_motifs):
    codes = random_codes(np.random.default_rng(1), 1, 3000, SKEWED)[0]
    codes[[500, 1003]] = N_CODE
    codes[2000:2060] = encode("TA" * 30)
    scanner = Scanner([*some_motifs, consensus("TATATATA")], SKEWED, 0.004)
    assert (scanner.threshold < 10_000).sum() >= 5
    hits = scanner.hits(codes)
    assert len(hits.start) > 50
    for motif, width in enumerate(scanner.width):
        plain = placements(scanner, motif, codes, SKEWED)
        reaching = {start for start, best in enumerate(plain) if best and best[0] >= scanner.threshold[motif]}
        mine = hits.motif == motif
        assert set(hits.start[mine]) <= reaching
        assert (np.diff(hits.start[mine]) >= width).all()
        for start, score, reverse in zip(hits.start[mine], hits.score[mine], hits.reverse[mine], strict=True):
            assert plain[start] == (score, reverse)
        for start in reaching - set(hits.start[mine]):  # a better one covers it
            near = np.abs(hits.start[mine] - start) < width
            assert hits.score[mine][near].max() >= plain[start][0]
    p = scanner.p_values(hits.motif, hits.score)
    assert (p <= 0.004).all() and (p > 0).all()


def test_the_other_strand_has_the_same_hits_mirrored():
    codes = random_codes(np.random.default_rng(2), 1, 20_000)[0]
    scanner = Scanner([consensus("GATTACC"), consensus("GGGCA")], EVEN, 1e-3)
    hits, mirrored = scanner.hits(codes), scanner.hits(reverse_complement(codes))
    assert len(hits.start) > 20 and len(set(hits.reverse)) == 2
    turned = sorted(
        zip(mirrored.motif, 20_000 - mirrored.start - scanner.width[mirrored.motif], ~mirrored.reverse, strict=True)
    )
    assert turned == sorted(zip(hits.motif, hits.start, hits.reverse, strict=True))


def test_a_motif_too_short_for_the_threshold_is_said(some_motifs):
    scanner = Scanner([consensus("ACG"), consensus("ACGTACGA")], EVEN, 1e-4)
    assert [motif.motif for motif in scanner.unreachable()] == ["ACG"]
    said = []
    scanner.log_unreachable(said.append)
    assert said == ["WARNING motifs 'ACG': not even their best match has p ≤ 0.0001, so they have no hits"]
    assert len(scanner.hits(encode("ACG" * 9)).start) == 0


def test_background_is_the_same_on_both_strands():
    found = composition(count_bases(encode("AAAAAAAACNNRT" * 1000)))
    np.testing.assert_allclose(found, [0.45, 0.05, 0.05, 0.45], atol=1e-3)
    assert (composition(count_bases(encode("AAAA"))) > 0).all()


def store_effects(path, codes, effects, populations=("one", "two"), reads=None):
    length = codes.shape[1]
    about = EffectsMetadata(
        "atlas", "level", "network", "network", "genome", UPSTREAM, length - UPSTREAM, tuple(populations), reads
    )
    with write_effects(path, about, [f"g{row:03}" for row in range(len(codes))]) as writer:
        for row in range(len(codes)):
            writer.write(row, 1, codes[row], np.zeros(len(populations)), rounded(effects[row]))


@pytest.fixture
def planted(tmp_path, gene_frame):
    """effects.h5 of noise in which GATTACCA raises and CCCGGATA lowers expression in the first population only."""
    rng = np.random.default_rng(5)
    codes = random_codes(rng, 40, 1500)
    effects = rng.normal(0, 0.01, size=(40, 1500, 4, 2)).astype(np.float32)
    for row in range(40):
        for place, word, effect in ((100, "GATTACCA", -0.03), (900, "TGGTAATC", -0.03), (1200, "CCCGGATA", 0.03)):
            start = place + row * 5
            codes[row, start : start + 8] = encode(word)
            effects[row, start : start + 8, :, 0] += effect
        effects[row, np.arange(1500), base_numbers(codes[row])] = 0
    codes[3, 50:60] = N_CODE
    effects[3, 50:60] = 1  # of ambiguous bases made unambiguous: they count nowhere
    store_effects(tmp_path / "effects.h5", codes, effects)
    genes = gene_frame([f"g{row:03}" for row in range(40)], strand=["+", "-"] * 20)
    return tmp_path / "effects.h5", genes


def test_planted_motifs_are_found_with_their_sign_and_population(planted, tmp_path):
    effects, genes = planted
    motifs = [consensus("GATTACCA", 'up; "x"'), consensus("CCCGGATA"), consensus("ACGTTGCA"), consensus("ACG")]
    table = match_motifs(effects, genes, motifs, 1e-4, tmp_path / "seqlets.tsv.gz")
    table = table.set_index(["population", "motif"])
    assert len(table) == 8
    up, down = table.loc[("one", "GATTACCA")], table.loc[("one", "CCCGGATA")]
    assert up["hits"] >= 80 and up["genes"] == 40 and up["direction"] == "raises" and up["q_value"] < 1e-10
    assert up["importance"] == pytest.approx(8 * 0.03, rel=0.1) and abs(up["background_importance"]) < 0.03
    assert up["difference"] == pytest.approx(up["importance"] - up["background_importance"])
    assert down["direction"] == "lowers" and down["q_value"] < 1e-5 and down["importance"] < -0.2
    assert (table.loc["two", "p_value"].drop("ACG") > 0.005).all()
    none = table.loc[("one", "ACG")]
    assert none["hits"] == 0 and np.isnan([none["p_value"], none["q_value"], none["importance"]]).all()
    assert none["direction"] == ""

    seqlets = read_table(tmp_path / "seqlets.tsv.gz")
    own = seqlets[(seqlets["population"] == "one") & (seqlets["motif"] == "GATTACCA")]
    assert len(own) == up["seqlets_matched"] and len(own) >= 60 and (own["importance"] > 0.1).all()
    assert own["sequence"].str.contains("GATTACCA|TGGTAATC").mean() > 0.9 and set(own["motif_name"]) == {'up; "x"'}
    assert (seqlets["end"] - seqlets["start"] + 1 == seqlets["sequence"].str.len()).all()
    assert seqlets.loc[seqlets["motif"] == "", "p_value"].isna().all()
    with Effects(effects) as stored:
        windows = {gene: decode(codes) for gene, codes in zip(stored.gene_id, stored.codes[:], strict=True)}
    tss = genes.set_index("gene_id")["tss"]
    for row in seqlets.iloc[::97].itertuples():
        index = UPSTREAM + (row.start - tss[row.gene_id] if row.strand == "+" else tss[row.gene_id] - row.end)
        assert windows[row.gene_id][index : index + len(row.sequence)] == row.sequence
        assert row.tss_distance == index + (len(row.sequence) - 1) // 2 - UPSTREAM


def test_without_planted_motifs_p_is_uniform(tmp_path, gene_frame):
    rng = np.random.default_rng(7)
    codes = random_codes(rng, 30, 1500)
    effects = rng.standard_t(2, size=(30, 1500, 4, 1)).astype(np.float32) * 0.01
    effects += 0.05 * (np.arange(1500) > UPSTREAM)[None, :, None, None]  # the region alone must not matter
    store_effects(tmp_path / "effects.h5", codes, effects, ["all"])
    words = ["".join(rng.choice(list("ACGT"), size=6)) for _ in range(150)]
    motifs = [consensus(word) for word in dict.fromkeys(words)]
    table = match_motifs(
        tmp_path / "effects.h5", gene_frame([f"g{row:03}" for row in range(30)]), motifs, 1e-3, tmp_path / "s"
    )
    assert (table["hits"] > 5).all()
    assert kstest(table["p_value"], "uniform").pvalue > 0.01
    assert table["q_value"].min() > 0.05


def test_hits_in_what_the_network_does_not_read_count_for_nothing(tmp_path, gene_frame):
    """It reads 700 bases, all of which matter: a motif elsewhere, or with one base in it, is not important for that."""
    rng = np.random.default_rng(9)
    codes = random_codes(rng, 30, 1500)
    first, end = UPSTREAM - 520, UPSTREAM + 180
    effects = np.zeros((30, 1500, 4, 1), dtype=np.float32)
    effects[:, first:end] = rng.normal(-0.03, 0.01, size=(30, end - first, 4, 1))
    for row in range(30):
        for word, place in (("GATTACCA", first - 7), ("CCCGGATA", 1300), ("TTGCAACG", 650)):
            codes[row, place : place + 8] = encode(word)
        effects[row, np.arange(1500), base_numbers(codes[row])] = 0
    genes = gene_frame([f"g{row:03}" for row in range(30)])
    motifs = [consensus(word) for word in ("GATTACCA", "CCCGGATA", "TTGCAACG")]
    found = {}
    for name, reads in (("known", (first - UPSTREAM, end - UPSTREAM)), ("unknown", None)):
        store_effects(tmp_path / f"{name}.h5", codes, effects, ["all"], reads)
        with Effects(tmp_path / f"{name}.h5") as stored:
            assert stored.is_read().sum() == (700 if reads else 1500) and stored.about.reads == reads
        table = match_motifs(tmp_path / f"{name}.h5", genes, motifs, 1e-4, tmp_path / f"{name}.tsv.gz")
        found[name] = table.set_index("motif")
    assert (found["unknown"]["hits"] >= 30).all()
    assert found["unknown"].at["GATTACCA", "p_value"] < 1e-4  # what the fault looks like
    known = found["known"]
    assert known["hits"].tolist() == [0, 0, 30] and known["p_value"].isna().tolist() == [True, True, False]
    assert known.at["TTGCAACG", "p_value"] > 0.01
    assert known.at["TTGCAACG", "importance"] == pytest.approx(0.24, abs=0.02)
    for name in ("known", "unknown"):
        assert read_table(tmp_path / f"{name}.tsv.gz")["sequence"].str.contains("N").sum() == 0


def test_seqlets_by_hand():
    sums, unambiguous = np.zeros((400, 1)), np.ones(400, dtype=bool)
    sums[100:105], sums[108:110], sums[200:205] = 3.0, 3.0, -3.0
    sums[300] = 0.006  # smoothed to a fifth, 0.0004: below the floor
    found = find_seqlets(sums, unambiguous)
    # smoothed over five positions and more than the 99th percentile; 3 positions more on either side
    assert len(found.start) >= 1
    assert all(found.end - found.start >= 7)
    assert not any((found.start <= 300) & (found.end > 300))
    np.testing.assert_allclose(
        found.importance, [sums[a:b, 0].sum() / 3 for a, b in zip(found.start, found.end, strict=True)]
    )
    assert len(find_seqlets(np.zeros((50, 2)), np.ones(50, dtype=bool)).start) == 0
    assert len(find_seqlets(np.zeros((50, 2)), np.zeros(50, dtype=bool)).start) == 0


@pytest.fixture
def variants(tmp_path, gene_frame):
    """Features of a gene on each strand of one contig, and a function that writes scores and gives their changes."""
    rng = np.random.default_rng(11)
    contig = list(decode(random_codes(rng, 1, 4000)[0]))
    contig[999:1007] = "GATTACCA"  # positions 1,000 to 1,007
    contig[1199:1207] = "GATGACCA"
    contig[1299:1308] = "GATTTACCA"
    contig = "".join(contig)
    genes = gene_frame(["down", "up"], tss=[1500, 900], strand=["-", "+"])
    up = encode(contig[900 - 1 - UPSTREAM : 900 - 1 + 800])
    down = reverse_complement(encode(contig[1500 - 800 : 1500 + UPSTREAM]))
    half_life = np.ones((2, 5))
    write_features(tmp_path / "f.h5", ["down", "up"], np.stack([down, up]), half_life, half_life, UPSTREAM)
    features = Features(tmp_path / "f.h5")

    def changes(rows, word="GATTACCA"):
        columns = ["variant_id", "pos", "ref", "alt", "gene_id"]
        table = pd.DataFrame([row for row in rows for _ in range(2)], columns=columns)
        table["chrom"], table["effect"] = "1", 0.1
        table["population"] = ["NA", "b"] * len(rows)
        table.to_csv(tmp_path / "scores.tsv.gz", sep="\t", index=False)
        count = write_motif_changes(
            tmp_path / "scores.tsv.gz", features, genes, [consensus(word)], 1e-4, tmp_path / "changes.tsv.gz"
        )
        found = read_table(tmp_path / "changes.tsv.gz")
        assert len(found) == count
        return found

    return contig, changes


def test_variants_destroy_and_create_motifs(variants):
    _, changes = variants
    for gene in ("up", "down"):
        found = changes([("v1", 1003, "T", "G", gene), ("v2", 1203, "G", "T", gene)])
        assert found["variant_id"].tolist() == ["v1", "v2"] and set(found["gene_id"]) == {gene}
        assert found["start"].tolist() == [1000, 1200] and set(found["strand"]) == {"+"}
        lost, made = found.iloc[0], found.iloc[1]
        assert lost["ref_score"] == made["alt_score"] == pytest.approx(8 * 1.98, abs=0.5)
        assert lost["ref_p_value"] < 2e-5 and lost["alt_p_value"] > 1e-4
        assert lost["change"] < -5 and made["change"] > 5
        np.testing.assert_allclose(found["change"], found["alt_score"] - found["ref_score"], atol=1e-3)
    assert changes([("v1", 1003, "T", "G", "up")], "TGGTAATC").iloc[0]["strand"] == "-"


def test_mnvs_indels_and_haplotypes(variants):
    contig, changes = variants
    assert changes([("m", 1003, "TA", "GG", "up")])["start"].tolist() == [1000]
    # deleting one T of GATTTACCA makes the motif, wherever in the run it is written
    for pos, ref, alt in ((1301, "AT", "A"), (1303, "TT", "T")):
        (made,) = changes([("d", pos, ref, alt, "down")]).itertuples()
        assert made.start == 1300 and made.alt_p_value < 2e-5 < made.ref_p_value
    (lost,) = changes([("i", 1003, "T", "TGG", "up")]).itertuples()
    assert lost.start == 1000 and lost.change < 0
    beside = contig[997]  # an insertion two bases before the motif leaves it as it is
    assert len(changes([("n", 998, beside, beside + "C", "up")])) == 0
    (made,) = changes([("j", 1100, contig[1099], contig[1099] + "GATTACCA", "up")]).itertuples()
    assert made.alt_p_value < 2e-5
    assert len(changes([("a+b", "1003;1005", "T;C", "G;A", "up")])) == 0


def test_variants_outside_of_the_models_window_change_no_motif(variants):
    """Whose sequence is not known there: they are in the scores where another model's window is wider."""
    contig, changes = variants
    outside = [
        ("i", 3000, contig[2999], contig[2999] + "GATTACCA", "up"),
        ("m", 3000, contig[2999:3008], "GATTACCAT", "up"),
        ("d", 30, contig[29:41], contig[29], "down"),
    ]
    assert len(changes(outside)) == 0


def test_a_reference_of_another_genome_is_an_error(variants):
    _, changes = variants
    with pytest.raises(InputError, match="REF is not the sequence there: 'v1'"):
        changes([("v1", 1003, "C", "G", "up")])
    with pytest.raises(InputError, match="no 'other'"):
        changes([("v1", 1003, "T", "G", "other")])


def test_best_over_an_allele_is_the_best_placement(some_motifs):
    rng = np.random.default_rng(4)
    scanner = Scanner(some_motifs, SKEWED, 1e-4)
    flank = int(scanner.width.max()) - 1
    alleles = [random_codes(rng, 1, 2 * flank + length)[0] for length in (0, 1, 1, 3, 9)]
    alleles[2][flank + 2] = N_CODE
    alleles[4][flank] = N_CODE
    score, start, reverse = scanner.best_over([base_numbers(allele) for allele in alleles], flank)
    for number, allele in enumerate(alleles):
        for motif, width in enumerate(scanner.width):
            plain = placements(scanner, motif, allele, SKEWED)
            over = range(flank - width + 1, len(allele) - flank)
            best = max((plain[place][0] for place in over if plain[place]), default=NONE)
            assert score[number, motif] == best
            if best != NONE:
                assert plain[start[number, motif]] == (best, reverse[number, motif]) and start[number, motif] in over


@pytest.mark.slow
def test_executables_repeat_bit_for_bit(planted, tmp_path, run_cli):
    effects, genes = planted
    genes.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    motifs = [consensus("GATTACCA"), consensus("CCCGGATA")]
    (tmp_path / "m.meme").write_text(as_meme(motifs))
    done = run_cli(
        "match_motifs.py", "--effects", effects, "--genes", tmp_path / "genes.tsv", "--motifs", tmp_path / "m.meme",
        "--threads", 2, "--output", tmp_path / "a.tsv", "--seqlets", tmp_path / "a.gz",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    write_table(tmp_path / "b.tsv", match_motifs(effects, genes, motifs, 1e-4, tmp_path / "b.gz"))
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()

    with Effects(effects) as stored:
        codes = stored.codes[:]
    half_life = np.ones((40, 5))
    write_features(tmp_path / "f.h5", genes["gene_id"], codes, half_life, half_life, UPSTREAM)
    letter = decode(codes[0])[103]
    row = {"variant_id": "v", "chrom": "1", "pos": genes["tss"][0] + 103 - UPSTREAM, "ref": letter, "alt": "G"}
    pd.DataFrame([row | {"gene_id": "g000", "population": "one"}]).to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    done = run_cli(
        "motif_changes.py", "--scores", tmp_path / "s.tsv", "--features", tmp_path / "f.h5", "--genes",
        tmp_path / "genes.tsv", "--motifs", tmp_path / "m.meme", "--output", tmp_path / "changes.tsv.gz",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert read_table(tmp_path / "changes.tsv.gz")["motif"].tolist() == ["GATTACCA"]


def test_files_of_another_kind_are_an_error(planted, tmp_path):
    effects, genes = planted
    motifs = [consensus("GATTACCA")]
    with pytest.raises(InputError, match="no 'g039'"):
        match_motifs(effects, genes.iloc[:-1], motifs, 1e-4, tmp_path / "s.gz")
    genes.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match=r"no effects.h5"):
        match_motifs(tmp_path / "genes.tsv", genes, motifs, 1e-4, tmp_path / "s.gz")
    assert not (tmp_path / "s.gz").exists()
    half_life = np.ones((1, 5))
    write_features(tmp_path / "f.h5", ["g000"], encode("ACGT")[None], half_life, half_life, 2)
    features = Features(tmp_path / "f.h5")
    with pytest.raises(InputError, match="columns variant_id, chrom, pos"):
        write_motif_changes(tmp_path / "genes.tsv", features, genes, motifs, 1e-4, tmp_path / "c.gz")
    damaged = write_damaged(tmp_path / "scores.tsv.gz", "variant_id\tchrom\n" * 500)
    with pytest.raises(InputError, match="it cannot be read"):
        write_motif_changes(damaged, features, genes, motifs, 1e-4, tmp_path / "c.gz")


def test_the_demo_motifs_can_be_read(demo):
    assert [motif.motif for motif in read_motifs(demo / "motifs.meme")] == ["AP2-I", "AP2-Sp", "AP2-Z"]

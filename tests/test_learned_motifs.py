"""Learned motifs: networks made by hand, whose motif is known; as files, beside known ones, and what variants do to it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from Bio import motifs as bio
from scipy.stats import kstest
from test_grammar_motifs import UPSTREAM, random_codes, word

from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.sequence import decode, encode, reverse_complement, window_codes
from scxpresso.motifs.comparison import best_known
from scxpresso.motifs.learned import LEARNED_COLUMNS, learned_motifs, read_learned
from scxpresso.motifs.matrices import Motif, read_motifs, write_meme
from scxpresso.motifs.scanning import PER_BIT, composition, count_bases, score_matrix
from scxpresso.networks.grammar import Grammar, GrammarGeneInputs
from scxpresso.networks.learned_motifs import base_probabilities, group_motifs, motif_parts
from scxpresso.networks.model import Model
from scxpresso.networks.motif_part import LENGTH, MotifPart
from scxpresso.networks.single_task import SingleTaskNetworks
from scxpresso.networks.weights import NetworkMetadata, save_network
from scxpresso.store import read_table, write_rows, write_table
from scxpresso.training.motifs import EXACT, Matrices
from scxpresso.variants.score_table import SCORE_COLUMNS, ScorableVariant, read_rows
from scxpresso.variants.scoring import Scorer, score_variants

POPULATIONS = ("<b>one</b>", "two")
NAMES = ("utr5_length", "orf_length")
SD = 2.0, 0.5  # of the populations' expression
SITE, OTHER = "ATGACGTGGC", "CTTTATAA"  # each comes before its reverse complement in the alphabet
REGION = (-700, 100)
SOFT = (-1.5, 3.0)  # matrices that a mismatch costs little
DOWNSTREAM = 500
CPU = torch.device("cpu")
EVEN = np.full(4, 0.25)


def flipped(text: str) -> str:
    return decode(reverse_complement(encode(text)))


def part_of(words: list[str], weights, kind=EXACT) -> MotifPart:
    """Motifs that are words."""
    made = Matrices.of([word(text) for text in words], REGION, *kind)
    part = MotifPart(len(weights[0]), UPSTREAM)
    part.matrices, part.offsets = made.matrices(), made.offsets
    part.weights = torch.tensor(weights, dtype=torch.float32)
    part.regions = torch.tensor([REGION] * len(words))
    return part


def network(words: list[str], weights, populations: int = 2) -> Grammar:
    """A network that knows next to nothing but words."""
    made = Grammar(populations, UPSTREAM, "both", len(NAMES))
    made.expression.fit([0.0] * populations, SD[:populations])
    made.annotation.fit([0.0] * len(NAMES), [1.0] * len(NAMES))
    composition = GrammarGeneInputs(random_codes(60, 1), UPSTREAM, np.zeros((60, len(NAMES))), CPU).composition
    noise = np.random.default_rng(0).normal(0, 1e-6, size=(60, populations))
    made.smooth.fit(made.smooth.scale(composition, torch.zeros(60, len(NAMES)), NAMES), noise, 1)
    if words:
        made.motifs = part_of(words, weights)
    return made.eval()


# ---- Groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "site"), [(EXACT, SITE), (SOFT, SITE[:-2])])
def test_a_motif_is_one_on_both_strands_and_another_one_stays_apart(kind, site):
    words = [flipped(SITE), OTHER, SITE, flipped(OTHER), SITE[:-2]]
    groups = group_motifs(base_probabilities(part_of(words, [[1.0]] * 5, kind)))
    assert {tuple(group.members) for group in groups} == {(0, 2, 4), (1, 3)}
    assert {group.consensus for group in groups} == {site, OTHER}


def test_a_single_motif_none_and_one_that_says_nothing():
    (only,) = group_motifs(base_probabilities(part_of([OTHER], [[1.0]])))
    assert only.consensus == OTHER and only.probabilities.shape == (8, 4)
    assert group_motifs(np.empty((0, LENGTH, 4))) == []
    (vague,) = group_motifs(np.full((1, LENGTH, 4), 0.25))
    assert vague.consensus == "N" * LENGTH


def test_what_is_merged_is_the_mean():
    part = part_of([SITE, flipped(SITE)], [[1.0]] * 2, SOFT)
    part.matrices[1] *= 2
    (group,) = group_motifs(base_probabilities(part))
    one, two = (np.array([np.exp(0), *np.exp([-1.5 * times] * 3)]) for times in (1, 2))
    expected = (one / one.sum() + two / two.sum()) / 2
    np.testing.assert_allclose(group.probabilities.max(axis=1), expected[0], rtol=1e-6)


def test_networks_of_single_populations_have_the_motifs_of_each():
    about = NetworkMetadata("grammar", "both", UPSTREAM, DOWNSTREAM, POPULATIONS, NAMES, tasks="single")
    members = SingleTaskNetworks([network([SITE], [[1.0]], 1), network([OTHER, SITE], [[1.0], [2.0]], 1)])
    weights = [weights.tolist() for _, weights in motif_parts((members, about))]
    assert weights == [[[2.0, 0.0]], [[0.0, 2.0], [0.0, 4.0]]]


def test_a_network_without_motifs_has_none():
    about = NetworkMetadata("scxpresso", "both", UPSTREAM, DOWNSTREAM, POPULATIONS)
    assert motif_parts((about.build(), about)) == []


# ---- A model ---------------------------------------------------------------------------------------------------------


GENES = {"plus": (2000, "+"), "minus": (3500, "-"), "none": (5600, "+")}


class World:
    """A genome in which `plus` has SITE and `minus` all of it but a base, and a model of two folds and two replicates."""

    def __init__(self, folder):
        self.folder = folder
        letters = list(decode(random_codes(1, 11, 6500)[0]))
        letters[1800:1810] = SITE
        self.almost = SITE[:4] + "T" + SITE[5:]  # its fifth base is wrong
        letters[3600:3610] = flipped(self.almost)
        self.letters = "".join(letters)
        (folder / "genome.fa").write_text(f">chr1\n{self.letters}\n")
        ids = sorted(GENES)
        table = pd.DataFrame(
            {
                "gene_id": ids, "gene_name": ids, "transcript_id": ids, "chrom": "1",
                "strand": [GENES[gene][1] for gene in ids], "tss": [GENES[gene][0] for gene in ids],
            }
        )  # fmt: skip
        write_table(folder / "genes.tsv", table)
        codes = np.stack([window_codes(self.letters, *GENES[gene], UPSTREAM, DOWNSTREAM)[0] for gene in ids])
        half_life = np.ones((len(ids), 5))
        write_features(folder / "features.h5", ids, codes, half_life, half_life, UPSTREAM)
        about = NetworkMetadata("grammar", "both", UPSTREAM, DOWNSTREAM, POPULATIONS, tuple(self.features()))
        made = [
            network([SITE], [[1.0, -1.0]]), network([OTHER, flipped(SITE)], [[0.5, 0.0], [2.0, -1.0]]),
            network([SITE], [[3.0, -1.0]]), network([], []),
        ]  # fmt: skip
        files = ["fold_1/replicate_1", "fold_1/replicate_2", "fold_2/replicate_1", "fold_2/replicate_2"]
        files = [f"{name}.safetensors" for name in files]
        for one, name in zip(made, files, strict=True):
            save_network(folder / "model" / name, one, about)
        content = {
            "atlas": "a", "level": "l", "genome": "g", "network": "grammar", "inputs": "both", "upstream": UPSTREAM,
            "downstream": DOWNSTREAM, "populations": POPULATIONS, "annotation_features": about.annotation_features,
            "folds": {1: {"used": files[:2]}, 2: {"used": files[2:]}},
            "fold_of_gene": {"plus": 1, "minus": 2, "none": 1}, "gene_pearson": dict.fromkeys(GENES, 0.5),
        }  # fmt: skip
        (folder / "model" / "model.json").write_text(json.dumps(content))
        self.model = Model(folder / "model")

    @staticmethod
    def features() -> list[str]:
        return ["utr5_length", "orf_length"]

    def read(self):
        return read_learned(self.model, Features(self.folder / "features.h5"))

    def named(self, *variants: ScorableVariant, haplotypes: bool = False) -> list[str]:
        """What breaks or makes motifs, of one gene's variants."""
        genes = read_table(self.folder / "genes.tsv", index="gene_id")
        scorer = Scorer(self.model, Features(self.folder / "features.h5"), genes, CPU)
        (scores,) = score_variants(scorer, lambda: variants, str(self.folder / "genome.fa"), haplotypes)
        rows = [dict(zip(SCORE_COLUMNS, row, strict=True)) for row in scores.rows("s")]
        assert len(rows) == len(scores.alleles) * len(POPULATIONS)
        return [row["changed_motifs"] for row in rows[:: len(POPULATIONS)]]

    def variant(self, gene: str, pos: int, ref_length: int, alt: str, carriers: str = "") -> ScorableVariant:
        return ScorableVariant(
            f"v{pos}{alt}", "1", pos, self.letters[pos - 1 : pos - 1 + ref_length], alt, gene, carriers
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("learned"))


def test_motifs_of_folds_and_replicates_are_merged(world):
    motifs, table = learned_motifs(world.read(), POPULATIONS, EVEN)
    assert table.columns.tolist() == LEARNED_COLUMNS
    assert [motif.name for motif in motifs] == [SITE, OTHER]
    site, other = table[table["motif"] == "motif_1"], table[table["motif"] == "motif_2"]
    assert site["population"].tolist() == list(POPULATIONS)
    weights = np.array([[1, -1], [2, -1], [3, -1]]) * SD
    np.testing.assert_allclose(site["weight"], weights.mean(axis=0))
    np.testing.assert_allclose(site["weight_sd"], weights.std(axis=0))
    about = ["consensus", "networks", "total_networks", "region_start", "region_end", "genes_matched"]
    assert site[about].drop_duplicates().values.tolist() == [[SITE, 3, 4, -700, 99, 1]]
    assert other["networks"].tolist() == [1, 1] and other["weight"].tolist() == [1.0, 0.0]
    assert (table["known_motif"] == "").all() and table["known_p_value"].isna().all()


def test_the_file_of_motifs_is_what_biopython_reads_and_scores_as_the_network_does(world, tmp_path):
    part = part_of([SITE], [[1.0, 1.0]], SOFT)
    background = composition(np.array([40, 10, 10, 40]))
    learned = world.read()
    learned = type(learned)(
        base_probabilities(part), np.ones((1, 2)), np.array([[-700, 99]]), np.array([0]), np.ones((1, 500), bool), 1
    )
    (motif,), _ = learned_motifs(learned, POPULATIONS, background)
    write_meme(tmp_path / "motifs.meme", [motif], background)
    with open(tmp_path / "motifs.meme") as file:
        (read,) = bio.parse(file, "minimal")
    assert (read.length, read.num_occurrences) == (len(SITE), 500)
    (again,) = read_motifs(tmp_path / "motifs.meme")
    assert (again.motif, again.name) == ("motif_1", SITE)
    np.testing.assert_allclose(again.counts, motif.counts, atol=1e-3)
    rounded = np.array([read.counts[base] for base in "ACGT"]).T
    np.testing.assert_allclose(rounded, motif.counts, atol=1)
    # Differences of log odds are those of the matrix, in bits.
    scores = score_matrix(motif.counts, background) / PER_BIT
    bases = ["ACGT".index(base) for base in SITE]
    best = scores[np.arange(len(SITE)), bases]
    others = scores[np.arange(4) != np.array(bases)[:, None]].reshape(-1, 3)
    np.testing.assert_allclose(best[:, None] - others, 1.5 / np.log(2), atol=0.02)


def test_known_motifs_are_named(world):
    rng = np.random.default_rng(3)
    known = [Motif(f"M{number}", f"name {number}", rng.dirichlet([0.3] * 4, size=9)) for number in range(40)]
    counts = np.array([[18 * (base == own) + 1 for base in "ACGT"] for own in "TT" + flipped(SITE) + "A"], dtype=float)
    known.append(Motif("MA1", "CREB", counts))
    _, table = learned_motifs(world.read(), POPULATIONS, EVEN, known)
    site, other = (table[table["motif"] == name].iloc[0] for name in ("motif_1", "motif_2"))
    assert (site["known_motif"], site["known_motif_name"]) == ("MA1", "CREB")
    assert site["known_p_value"] < 1e-4 and site["known_q_value"] < 0.01
    assert other["known_q_value"] > 0.05


def test_the_p_value_of_an_alignment_by_hand():
    """A word is as improbable as it is that random columns of the known motifs, on both strands, spell it."""
    bases = ["ACGT".index(base) for base in "AACGA"]
    same = np.eye(4)[bases]
    (found,) = best_known([same], [Motif("all", "all", np.eye(4)), Motif("same", "same", same * 7)])
    share = np.array([1 + 3, 1 + 1, 1 + 1, 1])  # of A, C, G and T in the columns of both
    by_chance = np.prod(((share + share[::-1]) / (2 * share.sum()))[bases])
    alignments = 2 * 3  # of words of five, which share four bases at least
    assert found.known.motif == "same"
    assert found.p_value == pytest.approx(1 - (1 - by_chance) ** alignments)


def test_p_values_of_motifs_of_random_columns_are_not_too_small():
    rng = np.random.default_rng(1)
    known = [Motif(f"{n}", f"{n}", rng.dirichlet([0.3] * 4, size=rng.integers(5, 15))) for n in range(60)]
    columns = np.concatenate([motif.counts for motif in known])
    found = best_known([rng.permutation(columns)[:8] for _ in range(40)], known)
    smallest = [1 - (1 - match.p_value) ** len(known) for match in found]
    assert kstest(smallest, "uniform", alternative="greater").pvalue > 0.01 and min(smallest) < 0.2


def test_the_executable_writes_both_files(world, tmp_path, run_cli):
    write_meme(tmp_path / "known.meme", [Motif("K", "known", np.ones((8, 4)))], EVEN)
    done = run_cli(
        "learned_motifs.py", "--model", world.folder / "model", "--features", world.folder / "features.h5",
        "--motifs", tmp_path / "known.meme", "--output", tmp_path / "motifs.tsv", "--meme", tmp_path / "motifs.meme",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 motifs of 4 networks, of which 2 differ" in done.stderr
    table = read_table(tmp_path / "motifs.tsv")
    assert table.columns.tolist() == LEARNED_COLUMNS and table["known_motif"].unique().tolist() == ["K"]
    assert [motif.motif for motif in read_motifs(tmp_path / "motifs.meme")] == ["motif_1", "motif_2"]
    background = composition(count_bases(Features(world.folder / "features.h5").codes))
    assert f"A {background[0]:.4f} C" in (tmp_path / "motifs.meme").read_text()


# ---- Variants --------------------------------------------------------------------------------------------------------


def test_substitutions_break_and_make_motifs(world):
    breaks = world.variant("plus", 1805, 1, "T")
    beside = world.variant("plus", 1815, 1, "A" if world.letters[1814] != "A" else "C")
    assert world.named(breaks, beside) == [f"-{SITE}", ""]
    # The wrong base of `minus` is the fifth on the gene's strand; one of two networks knows the motif.
    assert world.letters[3605] == "A" and flipped(world.letters[3600:3610]) == world.almost
    makes = world.variant("minus", 3606, 1, "G" if SITE[4] == "C" else "C")
    assert world.named(makes) == [f"+{SITE}"]


def test_insertions_deletions_and_haplotypes_break_and_make_motifs(world):
    inside = world.variant("plus", 1804, 1, world.letters[1803] + "GG")
    deleted = world.variant("plus", 1800, 8, world.letters[1799])
    before = world.variant("plus", 1700, 1, world.letters[1699] + "ACGTTT")  # moves it, but breaks nothing
    assert world.named(before, deleted, inside) == ["", f"-{SITE}", f"-{SITE}"]
    new = world.variant("plus", 1600, 1, world.letters[1599] + OTHER)
    assert world.named(new) == [f"+{OTHER}"]
    both = [
        world.variant("plus", 1600, 1, world.letters[1599] + OTHER, "0"), world.variant("plus", 1805, 1, "T", "0")
    ]  # fmt: skip
    assert world.named(*both, haplotypes=True) == [f"+{OTHER}", f"-{SITE}", f"-{SITE};+{OTHER}"]


def test_the_same_sequence_and_what_is_not_read_change_nothing(world):
    same = world.variant("plus", 1805, 1, world.letters[1804])
    far = world.variant("plus", 1001, 1, "A" if world.letters[1000] != "A" else "C")
    assert world.named(far, same) == ["", ""]
    assert world.named(world.variant("none", 5400, 1, "A" if world.letters[5399] != "A" else "C")) == [""]


def test_tables_without_the_column_are_read(tmp_path):
    columns = [column for column in SCORE_COLUMNS if column != "changed_motifs"]
    write_rows(tmp_path / "scores.tsv", columns, [["x"] * len(columns)])
    (row,) = read_rows(tmp_path / "scores.tsv", SCORE_COLUMNS)
    assert row[SCORE_COLUMNS.index("changed_motifs")] == "" and row.count("x") == len(columns)

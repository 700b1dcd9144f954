"""The benchmarks of docs/evidence.md: the human data that they run on, and each number that they state, by hand."""

import accuracy
import anndata
import human_data
import mpra
import numpy as np
import pandas as pd
import pytest
import tissue_map
import torch
from conftest import ROOT

from scxpresso.genome.gene_models import read_annotation
from scxpresso.genome.sequence import N_CODE, decode, encode, read_fasta
from scxpresso.genome.transcript import Transcript
from scxpresso.networks.model import Model
from scxpresso.networks.prediction import predict

HUMAN = ROOT / "assets" / "human"

# ---- Human data ------------------------------------------------------------------------------------------------------


def transcript(strand: str) -> Transcript:
    return Transcript("t", "g", "", "1", strand, exons=[(20_001, 20_100), (30_001, 30_200)], cds=[(20_050, 30_060)])


@pytest.mark.parametrize(
    ("strand", "kept"),
    [
        # Window; exon and 4 bases; the last exon, 4 bases before it, and 500 bases after the end. The window of this gene
        # holds the first 1,000 bases of the intron.
        ("+", [(13_001, 23_500), (29_997, 30_700)]),
        # The TSS is the last base; the first intron ends at the first base of the last exon. Bases after the end come first.
        ("-", [(19_501, 20_104), (26_701, 37_200)]),
    ],
)
def test_bases_of_windows_exons_and_the_transcripts_end_are_kept(strand, kept):
    found = np.flatnonzero(human_data.kept_bases([transcript(strand)], 50_000)) + 1
    runs = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)
    assert [(run[0], run[-1]) for run in runs] == kept


def test_the_first_bases_of_a_first_intron_beyond_the_window_are_kept():
    far = Transcript("t", "g", "", "1", "+", exons=[(10_001, 20_000), (40_001, 40_100)], cds=[(10_001, 40_050)])
    kept = human_data.kept_bases([far], 50_000)
    assert kept[20_000:21_000].all() and not kept[21_000:39_996].any()


def test_windows_of_the_shipped_genome_are_of_its_genes_and_exons_are_known():
    transcripts = {one.chrom: [] for one in read_annotation(str(HUMAN / "genes.gtf.gz"))}
    for one in read_annotation(str(HUMAN / "genes.gtf.gz")):
        transcripts[one.chrom].append(one)
    known = 0
    for name, sequence in read_fasta(str(HUMAN / "genome.fa.gz")):
        bases = np.frombuffer(sequence.encode(), dtype=np.uint8) != ord("N")
        assert not bases[~human_data.kept_bases(transcripts[name], len(bases))].any()
        known += bases.sum()
    assert known == pytest.approx(12.3e6, rel=0.05)


def test_the_shipped_atlases_have_genes_of_the_annotation_and_totals_over_all_genes():
    names = {one.gene_name for one in read_annotation(str(HUMAN / "genes.gtf.gz"))}
    gtex, cells = (anndata.read_h5ad(HUMAN / f"{atlas}.h5ad") for atlas in ("gtex", "pbmc3k"))
    assert gtex.shape == (54, 917) and set(gtex.var_names) <= names
    assert cells.shape == (2638, 588) and set(cells.var_names) <= names
    assert cells.obs["total_counts"].to_list()[:2] == [2419, 4903]  # of all 13,714 genes
    assert (np.asarray(cells.X.sum(axis=1)).ravel() < cells.obs["total_counts"]).all()


def test_an_atlas_keeps_its_genes_and_the_totals_of_all(tmp_path):
    counts = np.array([[1, 0, 5], [2, 3, 0]], dtype=np.float32)
    anndata.AnnData(counts, var=pd.DataFrame(index=["AAA", "ZZZ", "BBB"])).write_h5ad(tmp_path / "all.h5ad")
    genes = pd.DataFrame({"gene_id": ["E1", "E2"], "gene_name": ["BBB", "AAA"]})
    assert human_data.write_atlas(tmp_path / "all.h5ad", genes, True, tmp_path / "small.h5ad") == (2, 2)
    small = anndata.read_h5ad(tmp_path / "small.h5ad")
    assert small.var_names.to_list() == ["AAA", "BBB"]
    assert small.X.toarray().tolist() == [[1, 5], [2, 0]]
    assert small.obs["total_counts"].to_list() == [6, 5]


# ---- Accuracy --------------------------------------------------------------------------------------------------------


def test_the_table_of_accuracy_has_one_row_per_network_and_the_ceiling_where_there_is_one():
    def summary(ceiling):
        rows = []
        for number, network in enumerate(accuracy.NAMES):
            rows += [("a", "cell_type", network, metric, 0.1 * number, 0.01) for metric in ("pearson", "specificity")]
            rows.append(("a", "cell_type", network, "pearson_minus_scxpresso", 0.05, 0.02))
            rows.append(("a", "cell_type", "scxpresso", f"pearson_minus_{network}", 0.3, 0.02))
        rows.append(("a", "cell_type", "hybrid", "ceiling", ceiling, np.nan))
        rows.append(("b", "cell_type", "hybrid", "pearson", 9, 9))
        table = pd.DataFrame(rows, columns=["atlas", "level", "recipe", "metric", "value", "sd"])
        return table.drop_duplicates(["atlas", "level", "recipe", "metric"])

    lines = list(accuracy.table(summary(0.96), "a"))
    assert len(lines) == 2 + len(accuracy.NAMES) + 1
    assert lines[2] == "| half-life features, ridge | 0.000 ± 0.010 | 0.000 ± 0.010 | -0.300 ± 0.020 |"
    assert lines[5] == "| published network | 0.300 ± 0.010 | 0.300 ± 0.010 |  |"
    assert lines[6] == "| hybrid network | 0.400 ± 0.010 | 0.400 ± 0.010 | +0.050 ± 0.020 |"
    assert lines[-1] == "| noise ceiling | 0.96 | | |"
    assert len(list(accuracy.table(summary(np.nan), "a"))) == len(lines) - 1


# ---- Saturation MPRA -------------------------------------------------------------------------------------------------

PLUS = mpra.Element("P", "P", "HepG2", "chr1", 99, 103, "+", 101, "ACGTT")
MINUS = PLUS._replace(strand="-")


def test_a_promoter_is_placed_at_its_tss_on_its_own_strand():
    # The TSS, base 101, is the third base: index 4 of a window with 4 bases before it.
    assert decode(mpra.placed(PLUS, 4, 4)) == "NNACGTTN"
    assert decode(mpra.placed(MINUS, 4, 4)) == "NNAACGTN"
    assert [mpra.window_index(PLUS, pos, 4) for pos in (99, 101, 103)] == [2, 4, 6]
    assert [mpra.window_index(MINUS, pos, 4) for pos in (99, 101, 103)] == [6, 4, 2]


def test_measured_substitutions_are_of_their_promoters():
    effects = pd.read_csv(mpra.DATA / "effects.tsv.gz", sep="\t")
    for element in mpra.read_elements():
        own = effects[effects["element"] == element.element]
        assert len(own) > 500 and len(element.sequence) == element.end - element.start + 1
        codes = mpra.placed(element, 7000, 3500)
        bases = decode(codes[[mpra.window_index(element, pos, 7000) for pos in own["pos"]]])
        assert bases == "".join(mpra.own_strand(own["ref"], element.strand))
        assert (codes != N_CODE).sum() == len(element.sequence)


def test_effects_are_those_of_the_mutated_windows(tiny_model):
    model = Model(tiny_model / "scxpresso")
    measured = pd.DataFrame({"pos": [99, 103], "ref": ["A", "T"], "alt": ["G", "C"]})
    found = mpra.predicted_effects(model, MINUS, measured)
    assert found.shape == (2, len(model.populations))
    annotation = np.full((3, len(model.annotation_features)), np.nan, dtype=np.float32)
    windows = np.repeat(mpra.placed(MINUS, model.upstream, model.downstream)[None], 3, axis=0)
    windows[1, model.upstream + 2], windows[2, model.upstream - 2] = encode("CG")
    predicted = predict(model.networks(None), windows, annotation, torch.device("cpu")).mean(axis=0)
    assert found == pytest.approx(predicted[1:] - predicted[0], abs=1e-5)


def test_reference_bases_that_are_not_the_sequences_are_refused(tiny_model):
    measured = pd.DataFrame({"pos": [99], "ref": ["C"], "alt": ["G"]})
    with pytest.raises(SystemExit, match="reference bases are not those"):
        mpra.predicted_effects(Model(tiny_model / "scxpresso"), PLUS, measured)


def measurements(effects: list[float], p_values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"log2_effect": effects, "p_value": p_values})


def test_scores_of_predicted_effects():
    # The first two matter; the third is small, and the fourth not significant.
    measured = measurements([1, -1, 0.2, 0.5], [1e-9, 1e-6, 1e-9, 1e-3])
    found = mpra.scores(np.array([0.3, -0.1, 0.2, 0.0]), measured)
    assert found["auroc"] == pytest.approx(3 / 4)  # 0.3 wins twice, 0.1 once
    assert found["r"] == pytest.approx(np.corrcoef([0.3, -0.1, 0.2, 0], [1, -1, 0.2, 0.5])[0, 1])
    assert np.isnan(mpra.scores(np.zeros(4), measured)["r"])


def test_the_highest_correlation_is_the_root_of_the_reliability():
    # p = 0.0455 is at 2 standard errors, which are 0.5, 0.5, 1 and 1; the variance of the effects is 2.5.
    p = 0.04550026
    assert mpra.highest_correlation(measurements([1, -1, 2, -2], [p] * 4)) == pytest.approx(
        np.sqrt(1 - (0.25 + 0.25 + 1 + 1) / 4 / 2.5), abs=1e-6
    )
    assert mpra.highest_correlation(measurements([1, -1], [0.5, 0.5])) == 0  # more error than variance
    assert mpra.highest_correlation(measurements([1, 0], [0, 1])) > 0.99  # p = 0: far below any error


def test_change_of_gc_content():
    measured = pd.DataFrame({"ref": ["A", "C", "G", "T"], "alt": ["G", "T", "C", "A"]})
    assert mpra.gc_change(measured).tolist() == [1, -1, 0, 0]


def test_the_map_of_tissues_has_means_over_folds_of_own_populations():
    keys = ["recipe", "model_population", "target_population", "fold", "pearson"]
    rows = [
        ("kmer", "q", "q", 1, 0.1),
        ("kmer", "q", "q", 2, 0.3),
        ("kmer", "p", "p", 1, 0.6),
        ("kmer", "q", "p", 1, 9),
    ]
    rows += [("hybrid", "q", "q", 1, 0.5), ("hybrid", "p", "p", 1, 0.7), ("other", "p", "p", 1, 9)]
    table = pd.DataFrame(rows, columns=keys)
    for side in ("model", "target"):
        table[f"{side}_atlas"], table[f"{side}_level"] = "a", "cell_type"
    found = tissue_map.correlations(pd.concat([table, table.assign(model_atlas="b", target_atlas="b", pearson=9)]), "a")
    assert found.index.to_list() == ["kmer", "hybrid"] and found.columns.to_list() == ["q", "p"]
    assert found.to_numpy() == pytest.approx(np.array([[0.2, 0.6], [0.5, 0.7]]))
    drawn = tissue_map.svg(found)
    assert drawn.count("<rect") == 1 + 4 and "0.20 (light) to 0.70 (dark)" in drawn
    assert drawn.index("hybrid network") < drawn.index("4-mers and half-life")  # the best is on top


def test_the_table_of_an_mpra_has_columns_by_promoter_and_a_mean():
    names = [one.element for one in mpra.read_elements()]
    table = pd.DataFrame(
        [{"element": name, "population": "mean", "model": "a", "r": 0.1 * number} for number, name in enumerate(names)]
        + [{"element": name, "population": "Liver", "model": "a", "r": 0.5} for name in names]
        + [{"element": name, "population": "mean", "model": "b", "r": np.nan} for name in names]
    )
    lines = list(mpra.pages(table, "r", {"a": "A", "b": "B"}))
    assert lines[0].startswith("| r | population | F9 (HepG2) | HBB (HEL 92.1.7) |")
    assert lines[2:] == [
        "| A | mean | 0.00 | 0.10 | 0.20 | 0.30 | 0.40 | 0.20 |",
        "| A | matching | 0.50 | 0.50 | 0.50 | 0.50 | 0.50 | 0.50 |",
    ]
    assert mpra.title("grammar of 230 genes") == "`grammar` of 230 genes"

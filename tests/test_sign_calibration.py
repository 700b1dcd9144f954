"""The probability that a sign is right: how it is fitted, read and written, by hand."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import sign_calibration
from conftest import ROOT
from sign_calibration import PRIOR, fitted_curve, judged, pages

from scxpresso.networks.registry import NETWORKS
from scxpresso.problems import InputError
from scxpresso.variants.gene_alleles import Allele
from scxpresso.variants.gene_scores import GeneScores
from scxpresso.variants.score_table import SCORE_COLUMNS
from scxpresso.variants.sign_probability import BACKGROUNDS, Curve, SignCalibration
from scxpresso.variants.windows import Edit

ASSET = ROOT / "assets" / "sign_calibration.json"
CURVE = Curve(np.array([0.01, 1.0]), np.array([0.9, 0.5]))


def test_probabilities_lie_on_a_line_in_the_logarithm_of_p():
    found = CURVE.at(np.array([1e-9, 0.01, 0.1, 1.0, np.nan]))
    np.testing.assert_allclose(found, [0.9, 0.9, 0.7, 0.5, np.nan])


def calibration(first: int = -600, **curves: Curve) -> SignCalibration:
    """Curves by background, where replicates agree; else, the probability is 0.55."""
    other = Curve(np.array([1.0]), np.array([0.55]))
    by_agreement = {
        (name, agrees): curve if agrees else other for name, curve in curves.items() for agrees in (True, False)
    }
    return SignCalibration(by_agreement, (first, 49))


def test_pooled_p_values_come_first_and_no_effect_has_no_sign():
    signs = calibration(p_value=Curve(np.array([0.1]), np.array([0.6])), pooled_p_value=CURVE)
    p_values = {"pooled_p_value": np.array([0.01, 0.01, np.nan, 0.01]), "p_value": np.ones(4)}
    found = signs.probability(np.array([-0.2, 0.2, 0.2, 0.0]), np.array([True, False, True, True]), p_values)
    np.testing.assert_allclose(found, [0.9, 0.55, 0.6, np.nan])


def test_every_network_is_calibrated():
    content = json.loads(ASSET.read_text())
    assert content["networks"].keys() == NETWORKS.keys()
    for network in NETWORKS:
        signs = SignCalibration.read(ASSET, network)
        reasons = [signs.reason_against(distance) for distance in (-601, -600, 49, 50)]
        assert reasons == ["distance not calibrated", "", "", "distance not calibrated"]
        assert signs.curves.keys() == {(name, agrees) for name in BACKGROUNDS for agrees in (True, False)}
        for curve in signs.curves.values():
            assert (np.diff(curve.p_value) > 0).all() and (np.diff(curve.probability) <= 0).all()
            assert curve.probability.min() >= 0.5 and curve.probability.max() < 1
    assert not SignCalibration.read(ASSET, "another").curves


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tss_distances": [0], "networks": {}}'])
def test_another_file_is_named(tmp_path, text):
    (tmp_path / "signs.json").write_text(text)
    with pytest.raises(InputError, match=r"signs\.json: no calibration of signs"):
        SignCalibration.read(tmp_path / "signs.json", "grammar")


def gene_scores(**changes) -> GeneScores:
    """Two alleles in two populations: the second has no effect in the second population."""
    allele = Allele("v", "1", "A", "C", (Edit.of(1, "A", "C", 101, "+"),))
    effect = np.array([[0.5, -0.5], [0.25, 0.0]])
    fields = dict.fromkeys(
        ("sd", "percentile", "specificity", "specificity_p_value", "pooled_specificity_p_value"), effect
    )
    made = GeneScores(
        gene_id="g", gene_name="", chrom="1", fold=1, gene_pearson=0.8, alleles=[allele, allele], populations=["a", "b"],
        scorable=np.array([True, True]), changed_motifs=["", ""], without_motifs=False, predicted_ref=np.zeros(2), effect=effect,
        sign_agreement=np.array([[1.0, 2 / 3], [1.0, 0.0]]), p_value=np.full((2, 2), 0.5),
        pooled_p_value=np.array([[0.01, 0.1], [1.0, 1.0]]), **fields,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def written(scores: GeneScores, *signs: SignCalibration) -> list[tuple[str, str]]:
    """sign_probability and abstain of the rows."""
    rows = [dict(zip(SCORE_COLUMNS, row, strict=True)) for row in scores.rows("s", *signs)]
    return [(row["sign_probability"], row["abstain"]) for row in rows]


def test_rows_have_the_probability_and_the_reasons_to_abstain():
    signs, far = (calibration(first, pooled_p_value=CURVE) for first in (-600, -99))
    none = ("", "no effect predicted")
    assert written(gene_scores(), signs) == [("0.9", ""), ("0.55", "replicates disagree"), ("0.5", ""), none]
    assert written(gene_scores(gene_pearson=0.2), far)[1:] == [
        ("0.55", "replicates disagree; gene badly predicted; distance not calibrated"),
        ("0.5", "gene badly predicted; distance not calibrated"), none,
    ]  # fmt: skip
    unknown = gene_scores(gene_pearson=float("nan"))
    assert written(unknown, signs)[0] == ("0.9", "gene not evaluated")
    assert written(gene_scores())[0] == ("", "network not calibrated")
    assert written(gene_scores(without_motifs=True), signs)[0] == ("0.9", "no motifs learned")
    unread = gene_scores(effect=np.zeros((2, 2)), scorable=np.array([False, True]))
    assert written(unread, signs) == [("", "base outside the region that networks read")] * 2 + [none] * 2


def test_a_curve_is_the_share_of_right_signs_shrunk_towards_a_half_and_never_rises():
    p_values = pd.Series([0.0005] * 100 + [0.3] * 50 + [0.4] * 50)
    right = pd.Series([True] * 94 + [False] * 6 + [True] * 30 + [False] * 70)
    curve = fitted_curve(p_values, right)
    np.testing.assert_allclose(curve.p_value, [0.0005, np.sqrt(0.3 * 0.4)])
    np.testing.assert_allclose(curve.probability, [(94 + PRIOR / 2) / (100 + PRIOR), 0.5])
    # The smaller p-values have more wrong signs: both intervals get what they have together.
    curve = fitted_curve(p_values, ~right)
    np.testing.assert_allclose(curve.probability, np.full(2, (76 + PRIOR) / (200 + 2 * PRIOR)).clip(0.5))


def pairs_of(kind: str, right: list[bool]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "network": "n", "kind": kind, "right": right, "effect": 1.0, "p_value": 0.01, "pooled_p_value": 0.01,
            "sign_agreement": [1.0] * (len(right) - 1) + [0.5], "gene_pearson": 0.8,
        }
    )  # fmt: skip


def test_each_kind_is_judged_by_the_others_and_the_tables_show_it():
    good, bad = [True] * 44, [False] * 44
    found = judged(pd.concat([pairs_of("exact", good), pairs_of("pairs", bad)]))
    of_kind = found.groupby("kind")["probability"].unique().map(list)
    # 43 pairs with replicates that agree, and one with others.
    assert of_kind["exact"] == [0.5]
    assert of_kind["pairs"] == [pytest.approx((n + PRIOR / 2) / (n + PRIOR)) for n in (43, 1)]
    lines = list(pages(found))
    assert "| `n` | all | 0.5 to 0.6 | 43 | 0.500 | 1.000 |" in lines
    assert "| `n` | pairs | all | 43 | 0.939 | 0.000 |" in lines
    assert "| `n` | replicates disagree | 2 | 0.536 | 0.500 |" in lines
    assert "| `n` | gene badly predicted | 0 |  |  |" in lines


def test_pairs_without_a_true_or_a_predicted_effect_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(sign_calibration, "folder_of", lambda *_: tmp_path)
    key = {"variant_id": list("abcd"), "gene_id": "g", "population": "p"}
    (tmp_path / "inputs" / "truth").mkdir(parents=True)
    (tmp_path / "variants" / "planted").mkdir(parents=True)
    one = sign_calibration.Run("exact", 60, 1, ("grammar",), (7000, 3500))
    for path, effects in (
        (tmp_path / "inputs/truth/effects.tsv.gz", [1, -1, 0, 1]),
        (one.scores("grammar"), [2, 2, 2, 0]),
    ):
        pd.DataFrame(key | {"effect": effects}).to_csv(path, sep="\t", index=False)
    found = sign_calibration.functional_pairs([one])
    assert found["variant_id"].tolist() == ["a", "b"] and found["right"].tolist() == [True, False]

"""Further targets: by hand, in training, in recipes, and what they gain for hardly detected genes."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from preflight_project import Project
from test_recipes import give_recipes, planned

from scxpresso.evaluation.fold_methods import read_recipe_folds
from scxpresso.evaluation.levels import Level
from scxpresso.evaluation.predictions import Predictions
from scxpresso.evaluation.targets import TARGET_COLUMNS, target_rows
from scxpresso.expression.grouping import Grouping
from scxpresso.expression.sums import Detections
from scxpresso.expression.targets import with_further
from scxpresso.genome.feature_store import Features
from scxpresso.networks.description import ModelDescription
from scxpresso.networks.model import Model
from scxpresso.problems import InputError
from scxpresso.store import read_expression, read_folds, write_json, write_table
from scxpresso.training.data import Recipe, training_data
from scxpresso.training.train import train_folds

COUNTS = np.array([[1, 0, 0, 8], [3, 1, 0, 0], [0, 2, 0, 2], [5, 0, 0, 5], [9, 9, 9, 9]])


def test_fractions_of_cells_by_hand():
    """Two cells of x, two of y, and one of neither."""
    detections = Detections(Grouping("kind", ["x", "y"], np.array([0, 0, 1, 1, -1]), []), 4)
    counts = scipy.sparse.csr_matrix(COUNTS)
    scale = np.ones(5)
    detections.add(slice(0, 3), slice(0, 4), counts[:3], scale[:3])  # by cells, then the rest by genes
    detections.add(slice(3, 5), slice(0, 1), counts[3:, :1].tocsr(), scale[3:])
    detections.add(slice(3, 5), slice(1, 4), counts[3:, 1:].tocsr(), scale[3:])
    expected = [[1, 0.5], [0.5, 0.5], [0, 0], [0.5, 1]]
    np.testing.assert_array_equal(detections.fraction(np.arange(4)), expected)
    np.testing.assert_array_equal(detections.fraction(np.array([3, 0])), [expected[3], expected[0]])


def test_a_count_stored_in_parts_is_one_detection_and_a_stored_zero_none():
    detections = Detections(Grouping("kind", ["x"], np.array([0]), []), 2)
    counts = scipy.sparse.csr_matrix((np.array([1.0, 2.0, 0.0]), np.array([0, 0, 1]), np.array([0, 3])), shape=(1, 2))
    detections.add(slice(0, 1), slice(0, 2), counts, np.array([2.0]))
    assert detections.fraction(np.arange(2)).tolist() == [[1], [0]] and counts.nnz == 3
    assert detections.total[:, :, 1].tolist() == [[36, 0]]


def frame(values, populations=("x", "y")):
    genes = pd.Index([f"g{number}" for number in range(len(values))], name="gene_id")
    return pd.DataFrame(values, index=genes, columns=list(populations), dtype=float)


def test_further_targets_are_outputs_of_the_same_genes_and_populations():
    further = {"fraction": frame([[0.1, 0.2], [0.3, 0.4]]), "dispersion": frame([[0, 1], [-1, np.nan]])}
    joined = with_further(frame([[1, 2], [3, 4]]), further)
    assert list(joined) == ["x", "y", "fraction: x", "fraction: y", "dispersion: x", "dispersion: y"]
    np.testing.assert_array_equal(joined, [[1, 2, 0.1, 0.2, 0, 1], [3, 4, 0.3, 0.4, -1, np.nan]])
    with pytest.raises(InputError, match=r"--fraction: other populations"):
        with_further(frame([[1, 2]]), {"fraction": frame([[1, 2]], ("x", "z"))})
    with pytest.raises(InputError, match=r"--dispersion: other genes"):
        with_further(frame([[1, 2]]), {"dispersion": frame([[1, 2], [3, 4]])})


def dispersions(counts, scale):
    """Of one population with all cells, from the sums that it has of them."""
    cells = len(scale)
    detections = Detections(Grouping("kind", ["x"], np.zeros(cells, dtype=int), []), counts.shape[1])
    detections.add(slice(0, cells), slice(0, counts.shape[1]), scipy.sparse.csr_matrix(counts), scale)
    total = (counts * scale[:, None]).sum(axis=0, keepdims=True)
    return detections.dispersion(np.arange(counts.shape[1]), total, scale).ravel()


def test_dispersions_by_hand():
    # Of 20 cells, half have 4 and half 0: mean 2, variance 80/19. As many 1 in each: less than Poisson. In 9 cells: unknown.
    counts = np.array([[4, 1, 1]] * 9 + [[4, 1, 0]] + [[0, 1, 0]] * 10, dtype=float)
    expected = [np.log10((80 / 19 - 2) / 4), -2, np.nan]
    np.testing.assert_allclose(dispersions(counts, np.ones(20)), expected)
    np.testing.assert_allclose(dispersions(counts, np.full(20, 3.0)), expected)  # whatever the unit


def test_dispersions_are_those_of_a_negative_binomial_at_any_library_size():
    rng = np.random.default_rng(1)
    alpha, depth = np.array([0.2, 1, 5]), rng.lognormal(0, 0.7, 40_000)
    rate = rng.gamma(1 / alpha, alpha, (len(depth), 3)) * depth[:, None]
    np.testing.assert_allclose(dispersions(rng.poisson(rate).astype(float), 1 / depth), np.log10(alpha), atol=0.1)


@pytest.mark.parametrize(
    ("network", "engine"), [("scxpresso", "auto"), ("scxpresso", "stacked"), ("hybrid", "auto"), ("grammar", "auto")]
)
def test_genes_whose_target_is_not_known_train_as_the_mean_of_the_others(network, engine, demo_genome, demo_expression):
    features, folds = Features(demo_genome / "features.h5"), read_folds(demo_genome / "folds.tsv")
    expression = read_expression(demo_expression / "cell_type.tsv.gz").iloc[::4, :2]
    expression.iloc[::3, 1] = np.nan
    recipe = Recipe(network=network, replicates=1, epochs=1)
    data = training_data(features, expression, folds, [1], recipe)
    fold = train_folds(data, recipe, torch.device("cpu"), engine)[1]
    assert np.isfinite([fold.history[0]["train_loss"], fold.history[0]["validation_loss"]]).all()
    scaling, train = fold.networks[0].expression, data.expression[data.splits[1].train]
    np.testing.assert_allclose(scaling.mean, np.nanmean(train, axis=0), rtol=1e-5)
    assert scaling.apply_to(torch.tensor([[0.0, np.nan]]))[0, 1] == 0


# ---- Evaluation ------------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(tmp_path):
    """Two folds of six genes in one population; the first three of each are hardly detected.

    `both` ranks these as they are, `alone` the other way round; both know the detected ones.
    """
    fraction = frame(np.array([[0.01, 0.02, 0.03, 0.5, 0.6, 0.0] * 2]).T, ["x"])
    observed = frame(np.array([[-3, -2, -1, 1, 2, -4] * 2]).T, ["x"])
    write_table(tmp_path / "kind.tsv.gz", observed.reset_index())
    write_table(tmp_path / "fraction/kind.tsv.gz", fraction.reset_index())
    dispersed = frame(np.array([[np.nan, 0, 1, 2, 3, np.nan] * 2]).T, ["x"])
    write_table(tmp_path / "dispersion/kind.tsv.gz", dispersed.reset_index())
    level = Level("a", "kind", "g", tmp_path, pd.DataFrame({"population": ["x"]}))
    fold = pd.Series(np.repeat([1, 2], 6), index=observed.index)
    reverse = frame(np.array([[-1, -2, -3, 1, 2, -4] * 2]).T, ["x"])
    models = [
        Predictions(
            level, "both", "scxpresso", observed, fold, [], {"fraction": 1 - fraction, "dispersion": dispersed}
        ),
        Predictions(level, "alone", "scxpresso", reverse, fold, []),
        Predictions(level, "other", "hybrid", observed, fold, []),
    ]
    recipes = [
        {"recipe": "both", "settings": {"network": "scxpresso", "targets": ["fraction"]}},
        {"recipe": "alone", "settings": {"network": "scxpresso", "targets": []}},
        {"recipe": "other", "settings": {"network": "hybrid", "targets": []}},
    ]
    folds = read_recipe_folds({"recipes": [one | {"fold_method": "random"} for one in recipes]})
    table = pd.DataFrame(target_rows(models, folds), columns=TARGET_COLUMNS)
    assert not list(target_rows(models[1:], folds))  # no recipe has further targets
    return table.set_index(["recipe", "target", "gene_set"]).sort_index()


def test_what_further_targets_gain_for_hardly_detected_genes(rows):
    mean = rows.loc[("both", "mean", "hardly_detected")]
    assert mean["n_genes"] == 6 and mean["other_recipe"] == "alone" and mean["n_folds"] == 2
    assert mean[["median_pearson", "other_median_pearson", "delta"]].tolist() == pytest.approx([1, -1, 2])
    assert mean["p_value"] == 0.25  # both folds of two: 2^-2
    every = rows.loc[("both", "mean", "all")]
    # Σxy of (−3, −2, −1, 1, 2, −4) and (−1, −2, −3, 1, 2, −4) about their means, −7/6: 31 − 49/6; of one alone: 35 − 49/6.
    assert every["n_genes"] == 12 and every["other_median_pearson"] == pytest.approx((31 - 49 / 6) / (35 - 49 / 6))


def test_further_targets_are_evaluated_where_they_are_known(rows):
    assert rows.loc[("both", "fraction", "all"), "median_pearson"] == pytest.approx(-1)
    assert rows.loc[("both", "fraction", "all"), "other_recipe"] == ""  # which has no fractions
    assert np.isnan(rows.loc[("both", "fraction", "all"), "delta"])
    assert set(rows.loc["alone"].index.get_level_values("target")) == {"mean"}
    dispersed = rows.loc[("both", "dispersion")]
    assert dispersed["n_genes"].to_dict() == {"all": 8, "hardly_detected": 4}  # those that are known
    assert dispersed["median_pearson"].tolist() == pytest.approx([1, 1])
    assert rows.loc[("other", "mean", "all"), "other_recipe"] == ""


# ---- Recipes ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, schemas, checked_files):
    return Project(tmp_path, schemas, checked_files)


BOTH = {"recipe": "both", "network": "scxpresso", "targets": "mean+fraction", "downstream_analyses": "no"}


def test_the_plan_names_further_targets_and_keeps_the_options_of_training(project):
    give_recipes(project, {"recipe": "alone", "network": "scxpresso"}, BOTH)
    alone, both = planned(project, "alone", "both")
    assert (alone["targets"], both["targets"]) == ([], ["fraction"]) and alone["training"] == both["training"]
    assert project.plan()["evaluated_only"] == ["both"]
    folds = read_recipe_folds(project.plan()["evaluation"])
    assert folds["both"] != folds["alone"] == folds["both"].of_the_mean == folds["alone"].of_the_mean


def test_further_targets_are_of_cells_and_shared_and_evaluated_only(project):
    give_recipes(project, BOTH | {"tasks": "single"})
    project.problem("column targets: 'mean+fraction' beside single-task networks", "write multi")
    give_recipes(project, BOTH | {"downstream_analyses": "yes"})
    project.problem("column targets: 'mean+fraction' in a recipe with downstream analyses", "write no")
    give_recipes(project, BOTH | {"targets": "fraction"})
    project.problem(
        "column targets: 'fraction'", "one of 'mean', 'mean+fraction', 'mean+dispersion', 'mean+fraction+dispersion'"
    )
    project.atlas |= {"protocol": "bulk", "levels": "all"}
    project.write_sheets()
    give_recipes(project, BOTH)
    assert "column targets: 'mean+fraction' for bulk samples ('tiny')" in project.check().report()


def test_models_with_further_targets_are_not_used_elsewhere(tmp_path, project):
    description = ModelDescription(
        atlas="tiny", level="kind", genome="g1", network="scxpresso", inputs="both", upstream=7000, downstream=3500,
        populations=["x"], annotation_features=[], folds={}, fold_of_gene={}, targets=["mean", "fraction"],
    )  # fmt: skip
    write_json(tmp_path / "model.json", asdict(description))
    with pytest.raises(InputError, match=r"trained on mean\+fraction"):
        Model(tmp_path)
    project.models["model.json"] = []
    project.params["models"] = "models"
    assert "model.json: a model that was trained on mean+fraction" in project.check().report()

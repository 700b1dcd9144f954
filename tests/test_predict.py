"""New sequences: windows of a FASTA, genes of another assembly, and which networks predict them."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch

from scxpresso.genome.feature_store import Features
from scxpresso.intervals import Intervals
from scxpresso.networks.model import Model
from scxpresso.networks.new_sequences import COLUMNS, Sequences, predict_sequences
from scxpresso.networks.prediction import predict
from scxpresso.problems import InputError
from scxpresso.store import read_table

LETTERS = np.array(list("?ACM TWYHGRSVKDBN".replace(" ", "")))


def letters_of(codes) -> str:
    """A window of codes as IUPAC letters."""
    return "".join(LETTERS[codes])


def test_letters_of_codes_are_the_codes(demo_genome):
    from scxpresso.genome.sequence import encode

    assert encode(letters_of(np.arange(1, 16))).tolist() == list(range(1, 16))


@pytest.fixture(scope="module")
def features(demo_genome) -> Features:
    return Features(demo_genome / "features.h5")


@pytest.fixture(scope="module", params=["scxpresso", "hybrid"])
def model(request, tiny_model) -> Model:
    return Model(tiny_model / request.param)


@pytest.mark.slow
def test_windows_named_after_a_gene_are_predicted_by_the_networks_that_held_it_out(
    model, features, demo_genome, tmp_path, run_cli
):
    known, new = features.gene_id[0], features.gene_id[-1]
    assert model.fold_of(known) == 1 and model.fold_of(new) is None
    rows = features.rows([known, new, known])
    names = [known, new, "a window"]
    fasta = tmp_path / "windows.fa"
    fasta.write_text(
        "".join(f">{name}\n{letters_of(features.codes[row])}\n" for name, row in zip(names, rows, strict=True))
    )
    made = run_cli(
        "predict.py", "--model", model.folder, "--windows", fasta, "--features", demo_genome / "features.h5",
        "--device", "cpu", "--output", tmp_path / "predicted.tsv.gz",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "3 sequences predicted, 1 of them by the networks for which their gene was held out" in made.stderr
    table = read_table(tmp_path / "predicted.tsv.gz")
    assert list(table) == COLUMNS
    assert table["sequence"].tolist() == np.repeat([known, new, "a"], 3).tolist()
    assert table["population"].tolist() == model.populations * 3
    assert table["annotation"].tolist() == ["own"] * 6 + ["mean"] * 3
    assert table["fold"].iloc[:3].tolist() == [1] * 3 and table["fold"].iloc[3:].isna().all()

    annotation = features.annotation(rows, model.annotation_features)
    for at, fold in ((0, 1), (1, None)):
        outputs = predict(model.networks(fold), features.codes[rows[at : at + 1]], annotation[at : at + 1])[:, 0]
        assert len(outputs) == (2 if fold else 4)
        mine = table.iloc[3 * at : 3 * at + 3]
        np.testing.assert_allclose(mine["predicted"], outputs.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(mine["sd"], outputs.std(axis=0), rtol=1e-4)


def test_intervals_of_networks_of_all_folds_are_in_units_of_one_folds_spread(model, features, monkeypatch):
    """As those of held-out genes are: networks of different folds differ by their genes, too."""
    intervals = Intervals(np.full(3, 0.5), np.array([[-1.0] * 3, [1.0] * 3, [-2.0] * 3, [2.0] * 3]))
    monkeypatch.setattr(model, "intervals", intervals)
    codes, annotation = features.codes[:2], features.annotation(np.arange(2), model.annotation_features)
    known = features.gene_id[0]
    table = predict_sequences(model, Sequences([known, "new"], codes, annotation), torch.device("cpu"))
    by_fold = [predict(model.networks(fold), codes, annotation).std(axis=0) for fold in (1, 2)]
    for name, expected in ((known, by_fold[0][0]), ("new", np.mean([sd[1] for sd in by_fold], axis=0))):
        mine = table[table["sequence"] == name]
        np.testing.assert_allclose((mine["upper_80"] - mine["lower_80"]) / 2, expected + 0.5, rtol=1e-4)
        np.testing.assert_allclose((mine["upper_95"] - mine["lower_95"]) / 4, expected + 0.5, rtol=1e-4)


def test_a_gene_of_another_release_is_held_out_too(tmp_path):
    described = dict.fromkeys(("atlas", "level", "genome", "network", "inputs"), "x")
    described |= {"upstream": 1, "downstream": 1, "populations": ["A"], "annotation_features": [], "folds": {}}
    folds = {"ENSG1.5": 1, "ENSG2": 2, "MSTRG.1": 3, "NM_1.1": 4, "NM_1.2": 5}
    (tmp_path / "model.json").write_text(json.dumps(described | {"fold_of_gene": folds}))
    model = Model(tmp_path)
    asked = ["ENSG1.5", "ENSG1.8", "ENSG1", "ENSG2.3", "MSTRG.1", "MSTRG.2", "MSTRG", "NM_1.2", "NM_1.3"]
    assert [model.fold_of(gene) for gene in asked] == [1, 1, 1, 2, 3, None, None, 5, None]


def test_unknown_annotation_is_read_as_the_mean_of_the_training_genes(model, features):
    networks = model.networks(1)
    codes, unknown = features.codes[:1], np.full((1, len(model.annotation_features)), np.nan, dtype=np.float32)
    mean = networks[0][0].annotation.mean.numpy()[None]
    np.testing.assert_allclose(predict(networks, codes, unknown), predict(networks, codes, mean), atol=1e-6)


@pytest.mark.slow
def test_genes_of_another_assembly_are_predicted_by_their_names(model, features, demo_genome, tmp_path, run_cli):
    made = run_cli(
        "predict.py", "--model", model.folder, "--features", demo_genome / "features.h5", "--device", "cpu",
        "--output", tmp_path / "predicted.tsv",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    table = read_table(tmp_path / "predicted.tsv")
    assert table["sequence"].tolist() == np.repeat(features.gene_id, 3).tolist()
    assert table["fold"].isna().sum() == 3 * 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no record"),
        (">short\nACGT\n", "bases long: 'short (4)'"),
        (">a\n{window}\n>a\n{window}\n", "records of the same name: 'a'"),
        (">bad\n{window}\n".replace("{window}", "Z{rest}"), "not nucleotides: 'bad (Z at base 1)'"),
    ],
)
def test_windows_that_do_not_fit_are_named(model, features, tmp_path, content, message):
    window = letters_of(features.codes[0])
    (tmp_path / "windows.fa").write_text(content.replace("{window}", window).replace("{rest}", window[1:]))
    with pytest.raises(InputError) as error:
        Sequences.of_windows(str(tmp_path / "windows.fa"), None, model)
    assert message in str(error.value)


def test_a_window_named_by_another_version_of_an_id_has_the_features_of_the_gene(model, features, tmp_path):
    window = letters_of(features.codes[0])
    released = copy.copy(features)
    released.gene_id = np.array(["ENSG00000100346.17", *features.gene_id[1:]], dtype=object)
    released._row = {gene: row for row, gene in enumerate(released.gene_id)}
    names = ["ENSG00000100346.17", "ENSG00000100346.9", "ENSG00000100346", "ENSG001003469"]
    (tmp_path / "windows.fa").write_text("".join(f">{name}\n{window}\n" for name in names))
    read = Sequences.of_windows(str(tmp_path / "windows.fa"), released, model)
    own = features.annotation(np.zeros(3, dtype=int), model.annotation_features)
    np.testing.assert_array_equal(read.annotation[:3], own)
    assert np.isnan(read.annotation[3]).all()


def test_longer_windows_are_cut_to_what_the_model_reads(model, features, tmp_path):
    window = letters_of(features.codes[0])
    (tmp_path / "exact.fa").write_text(f">a\n{window}\n")
    (tmp_path / "longer.fa").write_text(f">a\nACG{window}TT\n")
    exact = Sequences.of_windows(str(tmp_path / "exact.fa"), None, model)
    wider = (model.upstream + 3, model.downstream + 2)
    longer = Sequences.of_windows(str(tmp_path / "longer.fa"), None, model, wider)
    np.testing.assert_array_equal(longer.codes, exact.codes)
    with pytest.raises(InputError, match=f"{sum(wider):,} bases: {wider[0]:,} upstream"):
        Sequences.of_windows(str(tmp_path / "exact.fa"), None, model, wider)
    with pytest.raises(InputError, match=f"at least {model.upstream:,} and {model.downstream:,}"):
        Sequences.of_windows(str(tmp_path / "exact.fa"), None, model, (model.upstream - 1, model.downstream + 1))


def test_features_of_another_window_are_refused(model, features, tmp_path):
    other = Features.__new__(Features)
    other.upstream, other.downstream = features.upstream, features.downstream - 1
    with pytest.raises(InputError, match="extract features with --upstream 1000 --downstream 500"):
        Sequences.of_genes(other, model)


def test_a_model_is_checked_when_it_is_read(tiny_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model / "scxpresso", folder)
    description = json.loads((folder / "model.json").read_text())
    for spoilt, message in (
        ({"folds": {"1": {"used": ["../../secret.safetensors"]}}}, "outside its folder"),
        ({"populations": ["x"]}, "has other populations"),
    ):
        (folder / "model.json").write_text(json.dumps(description | spoilt))
        with pytest.raises(InputError, match=message):
            Model(folder).networks(1)
    for text, message in (("[]", "no description"), ("{", "no description"), ("{}", "no 'atlas' in it")):
        (folder / "model.json").write_text(text)
        with pytest.raises(InputError, match=message):
            Model(folder)
    (folder / "model.json").unlink()
    with pytest.raises(InputError, match=r"model\.json"):
        Model(folder)

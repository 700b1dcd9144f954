"""Files: whole or not there, the same bytes for the same rows, labels that look like numbers or like nothing."""

import numpy as np
import pandas as pd
import pytest

from scxpresso.genome.annotation import HALF_LIFE, log_half_life
from scxpresso.genome.extended import EXTENDED, transform_extended
from scxpresso.genome.feature_store import Features, write_features
from scxpresso.genome.transcript_features import TRANSCRIPT
from scxpresso.problems import InputError
from scxpresso.store import atomic_write, fold_of, read_table, write_rows, write_table


def test_a_file_is_whole_or_not_there(tmp_path):
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "new" / "table.tsv") as partial:
        partial.write_text("half")
        raise RuntimeError
    assert list((tmp_path / "new").iterdir()) == []
    with atomic_write(tmp_path / "new" / "table.tsv") as partial:
        partial.touch(0o600)
    assert (tmp_path / "new" / "table.tsv").stat().st_mode & 0o044  # others may read it, whatever the library thought


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
def test_tables_come_back_and_repeat_byte_for_byte(tmp_path, name):
    table = pd.DataFrame(
        {"population": ["NA", "1", "a\tb", "ü"], "cells": [1, 2, 3, 4], "noise_ceiling": [0.5, np.nan, 1 / 3, 0]}
    )
    contents = []
    for path in (tmp_path / f"other_{name}", tmp_path / name):  # whatever the file's name
        write_table(path, table)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    pd.testing.assert_frame_equal(read_table(tmp_path / name), table, rtol=1e-5)


@pytest.mark.parametrize("name", ["table.tsv", "table.tsv.gz"])
def test_rows_make_the_table_that_a_frame_makes(tmp_path, name):
    rows = [("a\tb", 1, "NA"), ('é\n"x"', 2, "")]
    columns = ["gene_id", "pos", "reason"]
    write_rows(tmp_path / f"rows_{name}", columns, iter(rows))
    write_table(tmp_path / f"frame_{name}", pd.DataFrame(rows, columns=columns))
    assert (tmp_path / f"rows_{name}").read_bytes() == (tmp_path / f"frame_{name}").read_bytes()
    back = read_table(tmp_path / f"rows_{name}", columns=["gene_id", "reason"])
    assert back.to_numpy().tolist() == [["a\tb", "NA"], ['é\n"x"', ""]]


def test_features_by_gene_and_by_place(tmp_path):
    codes = np.arange(30, dtype=np.uint8).reshape(3, 10) % 16
    half_life = np.ones((3, 5))
    write_features(tmp_path / "f.h5", ["a", "b", "c"], codes, half_life, half_life, upstream=6)
    features = Features(tmp_path / "f.h5")
    assert features.rows(["c", "a"]).tolist() == [2, 0]
    assert (features.upstream, features.downstream) == (6, 4)
    np.testing.assert_array_equal(features.region(np.array([1]), -2, 3), codes[[1], 4:9])
    np.testing.assert_array_equal(features.region(np.array([1]), -99, 99), codes[[1]])  # as far as the window reaches


def test_networks_read_the_same_features_beside_those_of_the_transcript(tmp_path):
    rng = np.random.default_rng(1)
    genes, codes = ["a", "b", "c"], np.ones((3, 10), dtype=np.uint8)
    half_life, extended, transcript = (rng.random((3, number)) for number in (5, len(EXTENDED), len(TRANSCRIPT)))
    extended[1, 70] = np.nan
    write_features(tmp_path / "former.h5", genes, codes, half_life, half_life, 6, extended)
    write_features(tmp_path / "f.h5", genes, codes, half_life, half_life, 6, extended, transcript.astype(np.float32))
    rows = np.array([2, 1])
    read = np.hstack([log_half_life(half_life[rows]), transform_extended(extended[rows])]).astype(np.float32)
    former, features = Features(tmp_path / "former.h5"), Features(tmp_path / "f.h5")
    for stored in (former, features):
        names = stored.annotation_features(["half_life", "extended"])
        assert names == (*HALF_LIFE, *EXTENDED)
        assert stored.annotation(rows, names).tobytes() == read.tobytes()  # NaN too
        assert stored.annotation(rows, names[7:3:-1]).tobytes() == read[:, 7:3:-1].tobytes()
    sets = ["half_life", "extended", "transcript"]
    assert former.annotation_features(sets) == (*HALF_LIFE, *EXTENDED)
    assert features.annotation_features(sets) == (*HALF_LIFE, *EXTENDED, *TRANSCRIPT)
    found = features.annotation(rows, ["utr3_A", "orf_length", "exons"])
    raw = transcript[:, [TRANSCRIPT.index("utr3_A"), TRANSCRIPT.index("exons")]][rows]
    np.testing.assert_allclose(found, np.stack([raw[:, 0], read[:, 0], np.log10(raw[:, 1] + 1)], axis=1), rtol=1e-6)
    with pytest.raises(InputError, match=r"no 'aa_A', 'exons'[^']*--features extended"):
        former.annotation(rows, ["aa_A", "orf_length", "exons"])


def test_a_table_is_read_as_text_and_as_numbers(tmp_path):
    """Numbers as pd.to_numeric reads them, to the last bit, and nothing else in a numeric column."""
    rng = np.random.default_rng(1)
    numbers = [f"{value:.17g}" for value in rng.normal(0, 1, 300) * 10.0 ** rng.integers(-30, 30, 300)]
    rows = [f"NA\t{number}\t{at}\t{at if at % 2 else ''}" for at, number in enumerate(numbers)]
    path = tmp_path / "table.tsv"
    path.write_text("\n".join(["gene_id\teffect\tpos\tcount", *rows]) + "\n")
    table = read_table(path)
    assert table["gene_id"].tolist() == ["NA"] * 300
    np.testing.assert_array_equal(table["effect"], pd.to_numeric(pd.Series(numbers)))
    assert table["pos"].dtype == np.int64 and np.isnan(table["count"]).sum() == 150
    path.write_text("gene_id\teffect\n")
    assert read_table(path).empty
    for wrong in ("True", "x", "1,5"):
        path.write_text(f"gene_id\teffect\na\t1\nb\t{wrong}\n")
        with pytest.raises(ValueError, match="Unable to parse string"):
            read_table(path)


def test_every_gene_has_a_fold_whatever_the_order():
    folds = pd.Series([1, 2, 3], index=["a", "b", "c"])
    assert fold_of(folds, pd.Index(["c", "a"])).tolist() == [3, 1]
    with pytest.raises(InputError, match="--folds: no fold for 2 of 3 genes: 'x', 'y'"):
        fold_of(folds, pd.Index(["x", "a", "y"]))

"""Files: whole or not there, the same bytes for the same rows, labels that look like numbers or like nothing."""

import numpy as np
import pandas as pd
import pytest

from scxpresso.genome.feature_store import Features, write_features
from scxpresso.store import atomic_write, read_table, write_rows, write_table


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

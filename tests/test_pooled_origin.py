"""Pooled effects that are kept beside a model are used for its networks only."""

import h5py
import pytest

from scxpresso.problems import InputError
from scxpresso.variants.pooled_origin import check_origin, record_origin


@pytest.fixture
def model(tmp_path):
    """The folder of a model of two networks, and pooled effects of theirs."""
    for fold in (1, 2):
        path = tmp_path / f"fold_{fold}" / "replicate_1.safetensors"
        path.parent.mkdir()
        path.write_bytes(bytes([fold]) * 10)
    with h5py.File(tmp_path / "pooled_effects.h5", "w"):
        pass
    return tmp_path


def test_pooled_effects_of_networks_that_changed_are_refused(model):
    path = model / "pooled_effects.h5"
    check_origin(path, model)  # says nothing of its networks, as if it was made by hand
    record_origin(path, model)
    check_origin(path, model)
    network = model / "fold_2" / "replicate_1.safetensors"
    before = network.read_bytes()
    network.write_bytes(before[:-1] + b"x")
    with pytest.raises(InputError, match=r"(?s)of other networks.*delete pooled_effects\.h5"):
        check_origin(path, model)
    network.write_bytes(before)
    check_origin(path, model)
    (model / "fold_2" / "replicate_2.safetensors").write_bytes(b"another")
    with pytest.raises(InputError, match="of other networks"):
        check_origin(path, model)


def test_a_file_that_cannot_be_read_is_left_to_its_reader(model, tmp_path):
    check_origin(tmp_path / "none.h5", model)

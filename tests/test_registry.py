"""The table of networks: what it refers to exists, and nothing else in the package knows a network by its name."""

import ast
import subprocess
import sys
from dataclasses import fields

import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file

from scxpresso.networks.published import ScXpresso
from scxpresso.networks.registry import NETWORKS, SHARED_OPTIONS, resolve, training_options
from scxpresso.networks.weights import NetworkMetadata, load_network, save_network

PACKAGE = ROOT / "bin" / "scxpresso"
# Layers of files that version 0.1 wrote, by their names of today.
FORMER_NAMES = {
    "scxpresso": {"annotation": "half_life"},
    "hybrid": {
        "trees": "boosting", "convolution": "filters", "batch_norm": "even", "bin_linear": "bins",
        "kmer_counts": "counts", "kmer_linear": "wide", "annotation_linear": "annotated",
    },
}  # fmt: skip


def references(entry) -> list[str]:
    values = [getattr(entry, field.name) for field in fields(entry)]
    return [value for value in values if isinstance(value, str) and ":" in value]


@pytest.mark.parametrize("network", NETWORKS)
def test_what_an_entry_refers_to_exists(network):
    entry = NETWORKS[network]
    assert entry.name == network
    assert all(callable(resolve(reference)) for reference in references(entry))
    # functions/scripts.nf reads references of this form.
    text = (PACKAGE / "networks" / "registry.py").read_text()
    assert all(f'"{reference}"' in text for reference in references(entry))
    assert set(entry.options) <= {"epochs", "batch_size", "learning_rate"}
    assert entry.annotation[0] == "half_life" and set(entry.annotation[1:]) <= {
        "extended",
        "transcript",
        "gene_features",
    }


def test_the_smallest_window_is_the_smallest_that_a_network_can_be_made_for():
    for network, entry in NETWORKS.items():
        NetworkMetadata(network, "both", entry.min_window - 1, 1, ("a",)).build()
    with pytest.raises(ValueError, match="too short"):
        ScXpresso(1, NETWORKS["scxpresso"].min_window - 1)


def test_options_are_those_that_train_fold_takes(run_cli):
    usage = run_cli("train_fold.py", "--help").stdout
    assert training_options("hybrid") == (*SHARED_OPTIONS, "annotation_features")
    assert all(f"--{option}" in usage for network in NETWORKS for option in training_options(network))


def test_the_table_is_read_without_libraries():
    script = (
        "import sys; sys.path.insert(0, 'bin'); from scxpresso.networks.registry import NETWORKS; "
        "sys.exit(bool({'torch', 'numpy', 'numba', 'sklearn'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_nothing_but_the_registry_and_a_networks_own_files_knows_a_network_by_its_name():
    own = {
        reference.partition(":")[0]
        for entry in NETWORKS.values()
        for reference in references(entry)
        if not reference.endswith(("CodeInputs", "plateau_training"))  # defaults, for any network
    }
    own |= {"scxpresso.networks.registry", "scxpresso.training.published"}
    own |= {f"scxpresso.saturation.published_{part}" for part in ("layers", "alleles")}
    defaults = {("training/data.py", "scxpresso")}
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(("scxpresso", *path.relative_to(PACKAGE).with_suffix("").parts))
        if module in own:
            continue
        tree = ast.parse(path.read_text())
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        names = {(str(path.relative_to(PACKAGE)), name) for name in NETWORKS if name in texts}
        assert names <= defaults, path
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        classes = {"scxpresso.networks.published", "scxpresso.networks.hybrid"}
        assert not imported & classes, path


@pytest.mark.parametrize("network", FORMER_NAMES)
def test_files_of_version_0_1_load_to_the_same_network(network, tmp_path):
    metadata = NetworkMetadata(network, "both", 300, 300, ("a", "b"))
    torch.manual_seed(1)
    weights = metadata.build().state_dict()
    for tensor in weights.values():
        if tensor.is_floating_point():
            tensor.normal_()
    written = metadata.build()
    written.load_state_dict(weights)
    save_network(tmp_path / "now.safetensors", written, metadata)
    header = {
        "scxpresso": f'{{"network": "{network}", "inputs": "both", "upstream": 300, "downstream": 300, '
        '"populations": ["a", "b"], "annotation_features": '
        '["orf_length", "utr5_length", "utr3_length", "intron_length", "exon_junction_density"]}'
    }
    former = {}
    for name, tensor in weights.items():
        layer, _, rest = name.partition(".")
        former[f"{FORMER_NAMES[network].get(layer, layer)}.{rest}"] = tensor.contiguous()
    assert former.keys() != weights.keys()
    save_file(former, tmp_path / "replicate_1.safetensors", metadata=header)
    loaded, said = load_network(tmp_path / "replicate_1.safetensors")
    assert said == load_network(tmp_path / "now.safetensors")[1] == metadata
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in weights.items())

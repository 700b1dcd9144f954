"""What runs on a GPU, without one: PyTorch's FakeTensorMode knows shapes and devices, and refuses to mix devices.

tests/test_gpu.py has the numbers, where there is a GPU.
"""

import numpy as np
import pytest
import torch
from test_saturation import about, published, window
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scxpresso.networks.forms import gene_inputs
from scxpresso.networks.hybrid import Hybrid
from scxpresso.networks.published_gpu import Stack
from scxpresso.saturation.incremental import incremental

CUDA = torch.device("cuda")
ARRAY = torch.ops.aten.lift_fresh.default  # becomes a tensor
UPSTREAM, WINDOW, POPULATIONS = 2100, 3200, 12
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")


class OnTheHost(TorchDispatchMode):
    """Lists the operations that computed something on the CPU."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        if operation != ARRAY and any(tensor.device.type == "cpu" for tensor in tensors):
            self.found.append(str(operation))
        return result


@pytest.fixture(params=[(kind, inputs) for kind in ("scxpresso", "hybrid") for inputs in ("both", "sequence")])
def networks(request):
    """Two networks, made before tensors are fake: PyTorch cannot move fake weights."""
    kind, inputs = request.param
    if kind == "scxpresso":
        return published(WINDOW, POPULATIONS, inputs)
    metadata = about("hybrid", inputs, UPSTREAM, WINDOW, POPULATIONS)
    return [(Hybrid(POPULATIONS, UPSTREAM, inputs).eval(), metadata) for _ in range(2)]


@pytest.fixture
def fake(networks):
    """Every tensor made is fake. Arrays become fake tensors on the CPU."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


def on_cuda(*shape, dtype=torch.float32):
    return torch.zeros(shape, dtype=dtype, device=CUDA)


def check(tensor, *shape):
    assert tensor.device.type == "cuda" and tensor.shape == shape


def test_expression_is_predicted_on_the_device_and_devices_do_not_mix(networks, fake):
    network = networks[0][0].to(CUDA)
    codes, annotation = on_cuda(7, WINDOW, dtype=torch.uint8), on_cuda(7, 5)
    with OnTheHost() as host:
        check(network(codes, annotation), 7, POPULATIONS)
    assert not host.found
    if network.inputs == "both":
        with pytest.raises(RuntimeError, match="same device"):
            network(codes, annotation.cpu())


@pytest.mark.parametrize("engine", ["plain", "auto"])
def test_genes_are_predicted_on_the_device(networks, fake, engine):
    network, metadata = networks[0]
    network.to(CUDA)
    codes, annotation = np.stack([window(WINDOW, seed) for seed in range(3)]), np.zeros((3, 5))
    genes = gene_inputs(metadata.network, metadata.inputs, codes, UPSTREAM, annotation, CUDA, engine)
    rows = torch.arange(3, device=CUDA)
    with OnTheHost() as host:
        if genes.stacked:
            stack = Stack([network, networks[1][0].to(CUDA)], genes.table)
            check(stack.forward(rows.expand(2, 3), genes.annotation.expand(2, 3, 5)), 2, 3, POPULATIONS)
        else:
            check(genes.predict(network, rows), 3, POPULATIONS)
    assert not host.found


def test_substitutions_are_evaluated_on_the_device(networks, fake, capsys):
    form = incremental(networks, CUDA)
    with OnTheHost() as host:
        expression, effects = form.on_device(on_cuda(WINDOW, dtype=torch.uint8), on_cuda(5), 20, WINDOW)
    check(expression, 2, POPULATIONS)
    check(effects, 2, WINDOW - 20, 4, POPULATIONS)
    assert not host.found and capsys.readouterr().err == ""

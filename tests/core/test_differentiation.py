"""Backpropagation against what PyTorch and JAX derive from the same forward pass."""

import itertools
import os

import numpy as np
import pytest

from bpnet import backends
from bpnet.core import costs, feedforward
from tests.core import oracles
from tests.core.oracles import ACTIVATIONS, BOUND, PAIRS

COMBINATIONS = [
    pytest.param(hidden, cost, id=f"{hidden}-{cost}")
    for hidden, cost in itertools.product(ACTIVATIONS, costs.COSTS)
]


def only_with(name):
    """Skip where the backends to test are named and this one is not."""
    named = os.environ.get("BPNET_TEST_BACKENDS", "installed")
    reason = f"BPNET_TEST_BACKENDS does not name {name}"
    return pytest.mark.skipif("installed" not in named and name not in named, reason=reason)


def mean_cost(case, parameters, x, y, xp):
    z, _ = feedforward.forward(case.layers, parameters, x, xp=xp)
    values = case.cost.value(z, y, case.layers[-1].activation, xp=xp)
    return costs.mean_cost(values, xp=xp)


def paired(arrays):
    return tuple(zip(arrays[::2], arrays[1::2], strict=True))


@only_with("torch")
@pytest.mark.parametrize(("hidden", "cost"), COMBINATIONS)
def test_torch_autograd_agrees(hidden, cost):
    torch = pytest.importorskip("torch")
    backend = backends.get("torch:cpu")
    for output in [output for name, output in PAIRS if name == cost]:
        case, _, _ = oracles.exact(hidden, output, cost)
        parameters, x, y = case.on(backend, "float64")
        leaves = [p.requires_grad_() for pair in parameters for p in pair]
        C = mean_cost(case, paired(leaves), x, y, backend.xp)
        desired = [backend.to_numpy(g) for g in torch.autograd.grad(C, leaves)]
        _, actual = oracles.gradients(backend, case, "float64")
        assert oracles.distance(actual, desired) < BOUND["float64"], output


@only_with("jax")
@pytest.mark.parametrize(("hidden", "cost"), COMBINATIONS)
def test_jax_grad_agrees(hidden, cost):
    jax = pytest.importorskip("jax")
    backend = backends.get("jax:cpu")
    for output in [output for name, output in PAIRS if name == cost]:
        case, _, _ = oracles.exact(hidden, output, cost)
        with backend.session("float64"):
            parameters, x, y = case.on(backend, "float64")
            leaves = [p for pair in parameters for p in pair]
            C = lambda arrays: mean_cost(case, paired(arrays), x, y, backend.xp)  # noqa: B023, E731
            desired = [np.asarray(g) for g in jax.grad(C)(leaves)]
        _, actual = oracles.gradients(backend, case, "float64")
        assert oracles.distance(actual, desired) < BOUND["float64"], output

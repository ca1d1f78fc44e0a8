"""The same run on every backend: same first weights, same batches, parameters equal to rounding."""

import numpy as np
import pytest

import bpnet
from bpnet.check import jobs
from bpnet.data import batches, draws

BOUNDS = {"float64": 1e-12, "float32": 1e-5}


def train_100_steps(backend, dtype, name):
    """Network and history after 100 steps: 10 epochs of 400 examples in batches of 40."""
    network = jobs.JOBS[name].network()
    return network, jobs.JOBS[name].train(network, backend, dtype)


_NUMPY = {}


def on_numpy(dtype, name):
    """The same run on NumPy, once."""
    key = (dtype, name)
    if key not in _NUMPY:
        _NUMPY[key] = train_100_steps("numpy", *key)
    return _NUMPY[key]


@pytest.mark.parametrize("name", jobs.JOBS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_100_steps_agree_with_numpy(backend, dtype, name):
    if dtype not in backend.dtypes():
        pytest.skip(f"{backend.spec} has no {dtype}")  # a limit of the device
    expected, expected_history = on_numpy(dtype, name)

    network, history = train_100_steps(backend, dtype, name)

    for actual, reference in zip(
        [*network.weights, *network.biases], [*expected.weights, *expected.biases], strict=True
    ):
        difference = np.linalg.norm(actual - reference) / np.linalg.norm(reference)
        assert difference <= BOUNDS[dtype]
    np.testing.assert_allclose(history["cost"], expected_history["cost"], rtol=1e-5)
    # where dropout leaves a row of zeros the outputs tie, and rounding decides
    np.testing.assert_allclose(history["accuracy"], expected_history["accuracy"], atol=0.02)


def test_training_moves_the_parameters_far():
    """What parity is measured against: the weights after 100 steps are not the first."""
    network, _ = on_numpy("float64", "SGD, tanh")
    first = jobs.JOBS["SGD, tanh"].network()
    for after, before in zip(network.weights, first.weights, strict=True):
        assert np.linalg.norm(after - before) > 0.02 * np.linalg.norm(before)


def test_first_weights_and_batches_are_bit_equal(backend):
    network = bpnet.Network([12, 16, 3], hidden="sigmoid", seed=7)
    with backend.session("float32"):
        moved = batches.on_device(network.parameters, backend=backend, dtype="float32")
        for pair, reference in zip(moved, network.parameters, strict=True):
            for array, host in zip(pair, reference, strict=True):
                assert np.array_equal(backend.to_numpy(array), host.astype(np.float32))
        order = draws.order(3, 5, 100)
        index = backend.asarray(order, dtype=backend.index_dtype)
        assert np.array_equal(backend.to_numpy(index), order)


def test_a_seed_fixes_weights_and_order():
    assert np.array_equal(draws.order(3, 5, 100), draws.order(3, 5, 100))
    assert not np.array_equal(draws.order(3, 5, 100), draws.order(3, 6, 100))
    assert not np.array_equal(draws.order(3, 5, 100), draws.order(4, 5, 100))
    one, two = (
        bpnet.Network([5, 4, 3], hidden="sigmoid", seed=1),
        bpnet.Network([5, 4, 3], hidden="sigmoid", seed=2),
    )
    assert not np.allclose(one.weights[0], two.weights[0])
    assert sorted(draws.order(1, 1, 50).tolist()) == list(range(50))

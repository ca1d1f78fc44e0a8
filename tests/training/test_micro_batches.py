"""A batch taken in parts is the same step."""

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError

RUNS = {
    "plain": {},
    "short last part": {"micro_batch": 7},
    "regularized": {"l2": 1.0, "l1": 0.1, "clip_norm": 0.5, "max_norm": 2.0},
    "weights": {"class_weight": {0: 3.0, 2: 0.0}},
    "dropout": {"dropout": 0.4},
}


def data(m=50):
    generator = np.random.default_rng(0)
    return generator.normal(size=(m, 6)), np.arange(m) % 3


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_same_step_in_parts(backend, options):
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    results = []
    for micro in (None, 8):
        net = bpnet.Network([6, 5, 3], hidden="sigmoid", seed=1)
        asked = {"micro_batch": micro, **(options if micro else {**options, "micro_batch": None})}
        history = bpnet.train(
            net, data(), epochs=2, batch_size=20, dtype=dtype, backend=backend, **asked
        )
        results.append((history, net))
    (whole, one), (parts, two) = results
    bound = 1e-11 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(whole["cost"], parts["cost"], rtol=bound)
    assert whole["accuracy"] == parts["accuracy"]
    for l in range(2):
        np.testing.assert_allclose(one.weights[l], two.weights[l], rtol=0, atol=100 * bound)


def test_larger_than_the_batch_is_the_batch():
    nets = [bpnet.Network([6, 5, 3], hidden="sigmoid", seed=1) for _ in range(2)]
    for net, micro in zip(nets, (None, 1000), strict=True):
        bpnet.train(net, data(), epochs=1, micro_batch=micro)
    np.testing.assert_array_equal(nets[0].weights[0], nets[1].weights[0])


@pytest.mark.parametrize("bad", [0, -3, 1.5, True])
def test_bad_sizes_are_refused(bad):
    with pytest.raises(InputError, match=r"micro_batch is .*; give a whole number of at least 1"):
        bpnet.train(bpnet.Network([6, 3]), data(), micro_batch=bad)

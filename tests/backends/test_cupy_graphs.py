"""A plan in a CUDA graph, rehearsed where a graph does again what was launched in a capture."""

import numpy as np
import pytest

from bpnet.backends import cupy_graphs
from bpnet.backends.trace import replay
from tests.backends import test_kernels
from tests.backends.test_kernels import CASES, gpu, trained, was_replayed  # noqa: F401


@pytest.fixture
def graphs(gpu, monkeypatch):  # noqa: F811
    monkeypatch.setattr(cupy_graphs, "ON", True)
    return gpu


@pytest.mark.parametrize("name", ["adam", "sgd", "dropout", "regularized", "float64"])
def test_a_run_in_graphs_is_the_run(graphs, name):
    actual, costs = trained("cupy", epochs=3, **CASES[name])
    assert was_replayed()
    assert graphs.graphs >= 3 * 10
    assert cupy_graphs.InGraph.captures
    assert graphs.races == []
    expected, desired = trained("numpy", epochs=3, **CASES[name])
    relative, absolute = test_kernels.BOUNDS[CASES[name].get("dtype", "float32")]
    np.testing.assert_allclose(costs, desired, rtol=1e-5)
    for one, other in zip(actual, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=relative, atol=absolute)


def test_where_nothing_is_captured_the_plan_is_followed_and_that_is_told(
    graphs, monkeypatch, caplog
):
    def refuse():
        raise NotImplementedError("no capture here")

    monkeypatch.setattr(graphs, "begin_capture", refuse)
    monkeypatch.setattr(graphs, "end_capture", lambda: None)
    actual, _ = trained("cupy", epochs=1)
    assert "can't capture a step (no capture here)" in caplog.text
    assert graphs.graphs == 0
    expected, _ = trained("numpy", epochs=1)
    for one, other in zip(actual, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_graphs_are_off_until_a_card_has_shown_that_they_gain(gpu):  # noqa: F811
    assert not cupy_graphs.ON
    trained("cupy", epochs=1)
    assert gpu.graphs == 0
    assert replay._functions

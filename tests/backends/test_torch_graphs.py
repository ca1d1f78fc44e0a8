"""Steps of PyTorch in a graph, where a function of the same memory stands for the graph.

A GPU's graph replays kernels that read and write the memory of the capture; the stand-in calls the
captured function again, on that memory. A test on a GPU, with ``STRICT``, is a step of ci/gpu.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import bpnet
from bpnet.core.activations import Elementwise

torch = pytest.importorskip("torch")

from bpnet.backends import torch_graphs  # noqa: E402

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(52, 6)).astype(np.float32)
Y = np.arange(52) % 4


@pytest.fixture
def graphs(monkeypatch):
    """Counts of captures and replays, on a processor."""
    seen = {"captures": 0, "replays": 0}

    def capture(body, device):
        seen["captures"] += 1
        for _ in range(3):  # before it is captured, and as it is
            body()

        def replay():
            seen["replays"] += 1
            body()

        return replay

    monkeypatch.setattr(torch_graphs, "capture", capture)
    monkeypatch.setattr(torch_graphs, "works_on", lambda device: True)
    monkeypatch.setattr(torch_graphs, "WORTH", 3)
    monkeypatch.setattr(torch_graphs, "STRICT", True)
    monkeypatch.setattr(torch_graphs, "_captured", {})
    return seen


def trained(compiled=None, hidden="relu", **options):
    net = bpnet.Network((6, 5, 4), hidden=hidden, seed=1)
    options = {"optimizer": "adam", **options}
    history = bpnet.train(net, (X, Y), epochs=4, batch_size=8, backend="torch:cpu",
                          compiled=compiled, **options)  # fmt: skip
    return net.weights, history["cost"]


CASES = {
    "adam": {}, "sgd": {"optimizer": "sgd", "schedule": "cosine"}, "dropout": {"dropout": 0.3},
    "weights": {"class_weight": "balanced"}, "validation": {"validation": (X[:40], Y[:40])},
    "float64": {"dtype": "float64"}, "parts": {"micro_batch": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_captured_run_is_the_run(graphs, name):
    actual, costs = trained(**CASES[name])
    assert graphs["captures"] >= 1
    assert graphs["replays"] >= 4 * 6
    graphs["replays"] = 0
    expected, desired = trained(compiled=False, **CASES[name])
    assert graphs["replays"] == 0
    np.testing.assert_allclose(costs, desired, rtol=1e-5)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_capture_serves_all_epochs(graphs):
    trained()
    assert graphs["captures"] == 1


def test_sets_of_networks_are_captured(graphs):
    actual = []
    for backend in ("torch:cpu", "numpy"):
        nets = [bpnet.Network((6, 5, 4), seed=i) for i in range(3)]
        bpnet.train(nets, (X, Y), epochs=2, batch_size=8, backend=backend, seed=[0, 1, 2],
                    dropout=[0.0, 0.1, 0.2])  # fmt: skip
        actual.append(nets)
    assert graphs["captures"] >= 1
    for one, other in zip(*actual, strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@dataclass(frozen=True)
class Mine(Elementwise):
    """May have a state."""

    def sigma(self, z, *, xp):
        return z * 0.5

    def prime(self, z, a, *, xp):
        return 0.5 * xp.ones_like(z)


class Pure(Mine):
    """Has none."""

    pure = True


def test_a_users_part_is_captured_if_it_says_that_it_is_pure(graphs, monkeypatch):
    trained(hidden=Pure())
    assert graphs["captures"] == 1
    with pytest.raises(TypeError, match="Mine"):
        trained(hidden=Mine())
    monkeypatch.setattr(torch_graphs, "STRICT", False)
    trained(hidden=Mine())
    assert graphs["captures"] == 1


@pytest.mark.parametrize("strict", [False, True])
def test_a_step_that_cant_be_captured_is_told_or_is_an_error(graphs, monkeypatch, caplog, strict):
    def refuse(body, device):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch_graphs, "capture", refuse)
    monkeypatch.setattr(torch_graphs, "STRICT", strict)
    if strict:
        with pytest.raises(RuntimeError, match="stream is capturing"):
            trained()
        return
    actual, _ = trained()
    said = [r.message for r in caplog.records if "can't capture" in r.message]
    assert len(said) == 1
    assert "stream is capturing" in said[0]
    expected, _ = trained(compiled=False)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_capture_that_gives_something_else_is_not_used(graphs, monkeypatch):
    usual = torch_graphs.capture

    def late(body, device):
        replay = usual(body, device)
        return lambda: (replay(), replay())

    monkeypatch.setattr(torch_graphs, "capture", late)
    with pytest.raises(RuntimeError, match="something else"):
        trained()

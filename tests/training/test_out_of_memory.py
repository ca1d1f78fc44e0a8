"""Memory that runs out: the same update in smaller parts, or a clear error."""

import logging

import numpy as np
import pytest

import bpnet
from bpnet.backends import jax
from bpnet.core import feedforward
from bpnet.errors import OutOfMemory

X = np.random.default_rng(0).normal(size=(40, 5))
Y = np.arange(40) % 3


def train(backend, norm=None, batch_size=16, **options):
    net = bpnet.Network([5, 6, 3], seed=1, norm=norm)
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    history = bpnet.train(
        net, (X, Y), epochs=2, batch_size=batch_size, dtype=dtype, backend=backend, **options
    )
    return net, history, 1e-6 if dtype == "float64" else 1e-4


def limit(monkeypatch, rows):
    """Let products of more than so many rows fail."""
    jax._compiled.cache_clear()  # what was compiled before would not fail
    product = feedforward.weighted_input

    def limited(W, b, a):
        if a.shape[-2] > rows:
            raise MemoryError
        return product(W, b, a)

    monkeypatch.setattr(feedforward, "weighted_input", limited)


@pytest.mark.parametrize("rows", [8, 3, 1])
def test_the_update_is_the_same(backend, monkeypatch, caplog, rows):
    want, costs, bound = train(backend)
    limit(monkeypatch, rows)
    with caplog.at_level(logging.WARNING, logger="bpnet"):
        net, history, _ = train(backend)
    np.testing.assert_allclose(history["cost"], costs["cost"], rtol=bound)
    assert history["accuracy"] == costs["accuracy"]
    for a, b in zip(net.weights, want.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=bound)
    assert "memory ran out with 16 examples at a time: going on with 8 of a batch" in caplog.text


@pytest.mark.parametrize("seed", range(4))
def test_failures_at_random_moments(backend, monkeypatch, seed):
    """Some products fail, whatever their size; 25 failures in each run where steps are slow."""
    if backend.name == "jax":
        pytest.skip("a compiled step fails as a whole, which the other test does")
    want, _, bound = train(backend, l2=1.0, dropout=0.2)
    draws = np.random.default_rng(seed)
    product, failures = feedforward.weighted_input, [0]

    def failing(W, b, a):
        if a.shape[-2] > 2 and draws.random() < 0.25 and failures[0] < 25:
            failures[0] += 1
            raise MemoryError
        return product(W, b, a)

    monkeypatch.setattr(feedforward, "weighted_input", failing)
    net, _, _ = train(backend, l2=1.0, dropout=0.2)
    assert failures[0] >= 1
    for a, b in zip(net.weights, want.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=bound)


def test_one_example_that_is_too_much(backend, monkeypatch):
    limit(monkeypatch, 0)
    with pytest.raises(OutOfMemory, match="memory ran out with one example at a time; use a small"):
        train(backend)


def test_batch_normalization_needs_its_batch(monkeypatch):
    limit(monkeypatch, 4)
    with pytest.raises(OutOfMemory, match="batch of 16, and batch normalization needs it whole"):
        train(bpnet.backends.get("numpy"), norm="batch")


def test_the_libraries_own_errors_are_told():
    torch = pytest.importorskip("torch")
    backend = bpnet.backends.get("torch:cpu")
    assert backend.out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert backend.out_of_memory(caught.value) or "storage" in str(caught.value).lower()
    assert not backend.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert bpnet.backends.get("numpy").out_of_memory(MemoryError())
    pytest.importorskip("jax")
    said = RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1000 bytes")
    assert bpnet.backends.get("jax:cpu").out_of_memory(said)

"""Memory that runs out: the same update in smaller parts, or a clear error."""

import itertools
import logging
import os

import numpy as np
import pytest

import bpnet
from bpnet.backends import jax
from bpnet.core import feedforward
from bpnet.errors import OutOfMemory

X = np.random.default_rng(0).normal(size=(40, 5))
Y = np.arange(40) % 3


def train(backend, norm=None, batch_size=16, epochs=2, **options):
    net = bpnet.Network([5, 6, 3], hidden="sigmoid", seed=1, norm=norm)
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    history = bpnet.train(
        net, (X, Y), epochs=epochs, batch_size=batch_size, dtype=dtype, backend=backend, **options
    )
    return net, history, 1e-6 if dtype == "float64" else 1e-4


def limit(monkeypatch, rows):
    """Let products of more than so many rows fail."""
    jax._compiled.cache_clear()  # what was compiled before would not fail
    product = feedforward.weighted_input

    def limited(W, b, a, *, xp):
        if a.shape[-2] > rows:
            raise MemoryError
        return product(W, b, a, xp=xp)

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


FEWER = dict.fromkeys((f"array_api_strict:{d}" for d in ("device1", "device2")), 20)
FEWER |= {
    "array_api_strict:no_float64": 20,
    "array_api_strict:no_x64": 20,
    "dpnp:cpu": 8,
    "jax:cpu": 8,
}
"""One device stands for its like, dpnp and jax are slow; BPNET_TEST_FAILURES=100 is for all."""


def failing(monkeypatch, backend, draws, failures):
    """Let products, or steps that are compiled as a whole, fail at random moments."""

    def spoil(call, enough):
        def spoiled(*arguments, **options):
            if enough(*arguments) and draws.random() < 0.3:
                failures.append(1)
                raise MemoryError
            return call(*arguments, **options)

        return spoiled

    if backend.name == "jax":
        usual = jax._compiled
        monkeypatch.setattr(jax, "_compiled", lambda *a: spoil(usual(*a), lambda *_: True))
    else:
        product = spoil(feedforward.weighted_input, lambda W, b, a: a.shape[-2] > 1)
        monkeypatch.setattr(feedforward, "weighted_input", product)


def test_a_hundred_failures_at_random_moments(backend, monkeypatch):
    """Each run ends with the same update, or with a clear error where one row was too much."""
    options = {"l2": 1.0, "dropout": 0.2, "epochs": 1}
    want, _, bound = train(backend, **options)
    failures, ended, refused = [], 0, 0
    enough = int(os.environ.get("BPNET_TEST_FAILURES", FEWER.get(backend.spec, 100)))
    for seed in itertools.count():
        with monkeypatch.context() as patch:
            failing(patch, backend, np.random.default_rng(seed), failures)
            try:
                net, _, _ = train(backend, **options)
            except OutOfMemory as error:
                assert "one example at a time" in str(error)  # noqa: PT017
                refused += 1
                continue
        ended += 1
        for a, b in zip(net.weights, want.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=bound)
        if len(failures) >= enough:
            break
    assert len(failures) >= enough
    assert ended >= 1
    assert refused == 0 or backend.name == "jax"


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

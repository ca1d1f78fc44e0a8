"""Frames, lists and sparse matrices train the network that arrays train."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import bpnet
from bpnet.data import host_rows
from bpnet.errors import InputError

X = np.random.default_rng(0).normal(size=(60, 4)) * (np.arange(240).reshape(60, 4) % 3 == 0)
Y = np.asarray(["yes", "no", "maybe"])[np.arange(60) % 3]


def trained(x, y, **options):
    net = bpnet.Network([4, 5, 3], hidden="sigmoid", seed=1)
    bpnet.train(net, (x, y), epochs=3, batch_size=16, dtype="float64", **options)
    return net


@pytest.fixture(scope="module")
def want():
    return trained(X, Y)


def assert_same(net, want):
    for a, b in zip(net.weights, want.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    assert net.classes.tolist() == want.classes.tolist()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library, want):
    frames = pytest.importorskip(library)
    columns = {f"c{i}": X[:, i] for i in range(4)}
    frame, labels = frames.DataFrame(columns), frames.Series(list(Y))
    net = trained(frame, labels)
    assert_same(net, want)
    assert net.classify(frame).tolist() == want.classify(X).tolist()


def test_lists(want):
    assert_same(trained(X.tolist(), Y.tolist()), want)


def test_sparse(want, backend):
    if "float64" not in backend.dtypes():
        pytest.skip("the bound is that of float64")
    assert_same(trained(csr_array(X), Y, backend=backend), want)
    np.testing.assert_allclose(want.predict(csr_array(X)), want.predict(X), atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}, {"class_weight": "balanced"}])
def test_sparse_that_stays_sparse(monkeypatch, options):
    want = trained(X, Y, validation=(X, Y), **options)
    monkeypatch.setattr(host_rows, "_DENSE", 100)
    monkeypatch.setattr(host_rows, "_BLOCK", 128)
    net = trained(csr_array(X), Y, validation=(csr_array(X), Y), **options)
    assert_same(net, want)
    np.testing.assert_allclose(net.predict(csr_array(X)), want.predict(X), atol=1e-10)


def test_sparse_that_is_not_finite_is_refused():
    bad = csr_array(np.where(X == 0, 0, np.nan))
    with pytest.raises(InputError, match=r"X has nan in row 0, column 0; give"):
        trained(bad, Y)

"""Arrays of any one library in, modules of the user's own, two libraries refused."""

import dataclasses
import types

import array_api_strict
import numpy as np
import pytest

import bpnet


def table(m=60):
    rng = np.random.default_rng(0)
    y = np.arange(m) % 3
    return (rng.normal(size=(m, 5)) + 2 * np.eye(3, 5)[y]).astype(np.float32), y


def trained(X, y, **options):
    net = bpnet.Network([5, 6, 3], hidden="sigmoid", seed=0)
    bpnet.train(net, (X, y), epochs=2, **options)
    return net


def test_arrays_of_the_backends_own_library_train_there(backend):
    X, y = table()
    moved, labels = bpnet.to_device((X, y), backend)
    seen = []

    class Look(bpnet.Callback):
        def on_train_begin(self, run):
            seen.append(run.backend)

    net = trained(moved, labels, callbacks=[Look()], backend="auto")
    expected = trained(X, y, backend=backend)

    if backend.name != "numpy":  # auto may take host arrays to a GPU
        assert seen == [backend.spec]
    np.testing.assert_allclose(net.weights[0], expected.weights[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        net.predict(moved), expected.predict(X, backend="numpy"), rtol=0, atol=1e-5
    )


def test_lists_train():
    X, y = table()
    net = trained(X.tolist(), y.tolist(), backend="numpy", dtype="float64")
    same = trained(X.astype(np.float64), y, backend="numpy", dtype="float64")
    assert np.array_equal(net.weights[0], same.weights[0])


def test_a_module_with_the_standards_functions_is_a_backend():
    """A module that bpnet has never heard of; its functions are array_api_strict's."""
    mylib = types.ModuleType("mylib")
    mylib.__dict__.update({k: getattr(array_api_strict, k) for k in array_api_strict.__all__})
    X, y = table()
    net = trained(X, y, backend=mylib)
    expected = trained(X, y, backend="numpy")
    np.testing.assert_allclose(net.weights[0], expected.weights[0], rtol=0, atol=1e-6)


def test_two_libraries_are_refused_with_the_call_that_mends_it():
    X, y = table()
    strict = bpnet.to_device(X, "array_api_strict")
    with pytest.raises(
        bpnet.ArrayMismatch, match=r"numpy.*array_api_strict|array_api_strict.*numpy"
    ) as caught:
        trained(strict, y)
    assert "bpnet.to_device" in str(caught.value)


def test_two_devices_are_refused():
    X, y = table()
    one = bpnet.to_device(X, "array_api_strict:device1")
    two = bpnet.to_device(y, "array_api_strict:device2")
    with pytest.raises(bpnet.ArrayMismatch, match=r"device1.*device2|device2.*device1"):
        trained(one, two)


def test_labels_in_text_go_with_arrays_of_any_library():
    """Only NumPy has text: the labels cannot follow X."""
    X, y = table()
    strict = bpnet.to_device(X, "array_api_strict")
    net = trained(strict, np.asarray(["ant", "bee", "cat"])[y])
    assert set(net.classify(X)) <= {"ant", "bee", "cat"}


def test_complex_inputs_of_another_library_are_refused():
    X, y = table()
    strict = bpnet.to_device(X + 1j, "array_api_strict")
    with pytest.raises(bpnet.InputError, match="real numbers"):
        trained(strict, y.tolist())


@dataclasses.dataclass
class Scaled:
    """A user's cost: not frozen, so without a hash."""

    factor: float

    def value(self, z, y, output):
        return self.factor * ((z - y) * (z - y))[..., 0]

    def delta(self, z, y, output):
        return 2 * self.factor * (z - y)


def test_a_users_cost_needs_no_hash_and_may_change(backend):
    X, _ = table()
    y, cost, results = X[:, :1], Scaled(0.1), []
    for factor in (0.1, 0.4):
        cost.factor = factor
        net = bpnet.Network([5, 1], output="identity", seed=0)
        sgd = bpnet.optimizers.SGD(0.05)
        options = {"optimizer": sgd, "epochs": 1, "batch_size": None, "backend": backend}
        bpnet.train(net, (X, y), cost=cost, **options)
        start = bpnet.Network([5, 1], output="identity", seed=0)
        results.append(net.weights[0] - start.weights[0])
    np.testing.assert_allclose(results[1], 4 * results[0], rtol=1e-4, atol=1e-7)

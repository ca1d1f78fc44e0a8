"""Faults planted into the mathematics, each caught by the check that should catch it."""

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends.numpy import NumPy
from bpnet.check import bits, cases, discipline, equations, gradients
from bpnet.check.watch import Call, Watch
from bpnet.core import activations, costs, feedforward, optimizers, random, regularizers, special
from tests import surface
from tests.namespaces import ReadOnly


def failing(rows):
    """Names of the rows that fail; what breaks down fails too."""
    return {row.name for row in rows if not row.passed}


@pytest.fixture
def numpy():
    return backends.get("numpy")


def test_a_numpy_call_in_core(numpy, monkeypatch):
    """Besides, test_architecture.py finds the import, and so does ruff."""
    monkeypatch.setattr(special, "positive_part", lambda z, *, xp: np.maximum(z, 0))
    with pytest.raises(TypeError):
        list(discipline.rows(numpy))
    strict = backends.get("array_api_strict:device1")
    with pytest.raises((TypeError, RuntimeError)):
        cases.gradients(strict, cases.small("relu", "sigmoid", "quadratic"), "float64")


def test_a_numpy_array_made_in_core(numpy, monkeypatch):
    both = costs.value_and_delta

    def host(cost, z, y, output, *, xp):
        return both(cost, xp.asarray(np.asarray(z)), y, output, xp=xp)

    monkeypatch.setattr(costs, "value_and_delta", host)
    assert "one copy an epoch, SGD, tanh" in failing(discipline.rows(numpy))


def test_a_float64_scalar_in_a_float32_run(numpy, monkeypatch):
    def update(self, p, g, slots, coefficients, *, xp):
        return p - g * np.float64(coefficients[0]), ()

    monkeypatch.setattr(optimizers.SGD, "update", update)
    actual = failing(discipline.rows(numpy))
    assert {"no foreign operand, SGD, tanh", "no other float dtype, SGD, tanh"} <= actual


def test_a_float64_array_in_a_float32_run(numpy, monkeypatch):
    def prime(self, z, a, *, xp):
        return xp.astype(1 - a * a, xp.float64)

    monkeypatch.setattr(activations.Tanh, "prime", prime)
    assert failing(discipline.rows(numpy)) == {"no other float dtype, SGD, tanh"}


def test_a_hidden_host_copy_in_the_loop(numpy, monkeypatch):
    mean_cost = costs.mean_cost

    def peeking(values, weights=None, total=None, *, xp):
        C = mean_cost(values, weights, total, xp=xp)
        if float(C) > 1e9:
            raise ArithmeticError
        return C

    monkeypatch.setattr(costs, "mean_cost", peeking)
    actual = failing(discipline.rows(numpy))
    assert actual == {"one copy an epoch, SGD, tanh", "one copy an epoch, Adam, relu"}


def test_a_write_to_an_argument(monkeypatch):
    case = cases.small("tanh", "sigmoid", "quadratic")
    cases.gradients(ReadOnly(), case, "float64")

    def weight_gradient(a, delta, *, xp):
        a *= 1.0
        return xp.matrix_transpose(a) @ delta

    monkeypatch.setattr(feedforward, "weight_gradient", weight_gradient)
    with pytest.raises(ValueError, match="read-only"):
        cases.gradients(ReadOnly(), case, "float64")


class Erf:
    """A user's activation, or one of ours, by a function that no standard has."""

    def sigma(self, z, *, xp):
        return xp.spacing(z)

    def backward(self, dC_da, z, a, *, xp):
        return xp.take(dC_da, xp.arange(z.shape[0]), axis=0, mode="clip")


def test_a_call_that_cupy_lacks(cupy):
    """A function and a keyword that NumPy has, and a shift of floats."""
    import array_api_compat.cupy as xp

    class Lenient(NumPy):
        xp = np

    watch = Watch(Lenient())
    a = watch.asarray(np.ones((2, 3), np.float32))
    Erf().backward(a, a, Erf().sigma(a, xp=watch), xp=watch)
    actual = surface.complaints(watch.calls, xp, cupy.ndarray)
    assert len(actual) == 2
    assert actual[0].startswith("function spacing (float32)")
    assert "has no spacing" in actual[0]
    assert actual[1].startswith("function take (float32, int64, number) axis= mode=")
    assert "unexpected keyword argument 'mode'" in actual[1]
    shift = Call("operator", "__ilshift__", ("float32", "number"), (), ("float32",), 2)
    (actual,) = surface.complaints([shift], xp, cupy.ndarray)
    assert "no loop of it" in actual


@pytest.mark.parametrize(
    ("sigma", "name"), [(activations.Tanh, "tanh"), (activations.SiLU, "silu")]
)
def test_a_wrong_sign_in_one_activations_derivative(numpy, monkeypatch, sigma, name):
    prime = sigma.prime
    wrong = lambda self, z, a, *, xp: 2 - prime(self, z, a, xp=xp)  # noqa: E731
    monkeypatch.setattr(sigma, "prime", wrong)
    gradients._by_differences.cache_clear()
    actual = failing(gradients.rows(numpy, "float64"))
    assert f"hidden layer {name}" in actual
    others = {f"hidden layer {other}" for other in activations.ACTIVATIONS if other != name}
    assert not others & actual


def test_a_missing_regularization_term(numpy, monkeypatch):
    missing = lambda parameters, gradients, l2, m: gradients  # noqa: E731
    monkeypatch.setattr(regularizers, "l2_gradient", missing)
    assert failing(equations.rows(numpy, "float64")) == {"(28) L2 gradient", "(29) L2 step"}


def test_a_mask_from_the_librarys_own_generator(numpy, monkeypatch):
    def keep_mask(key, n, steps, *, xp):
        source = np.random.default_rng(0)
        return source.uniform(size=(key.rows.shape[0], n)) >= steps / 65536

    monkeypatch.setattr(random, "keep_mask", keep_mask)
    actual = failing(bits.rows(numpy))
    assert actual == {"mask of layer 0, dropout 0.5", "mask of layer 2, dropout 0.25"}

"""The paper beside ``bpnet check``: its examples, numbers worked out by hand, and limits.

That each equation (1)-(29) holds on every backend is in tests/check/test_suite.py.
"""

import math

import numpy as np
import pytest

from bpnet.check.equations import IDENTITY, LAYERS, QUADRATIC, SIGMOID, Bench, X, Y
from bpnet.core import costs, descent, feedforward, special
from tests.core.oracles import BOUND


@pytest.fixture
def bench(backend):
    dtype = backend.dtypes()[0]
    with backend.session(dtype):
        yield Bench(backend, dtype)


def near(bench, actual, desired):
    actual, bound = bench.backend.to_numpy(actual), BOUND[bench.dtype]
    np.testing.assert_allclose(actual, np.asarray(desired, float), rtol=bound, atol=bound / 10)


def test_no_direction_of_length_1_falls_faster(bench):
    """(2), section 1.1; very small and large gradients are no exception."""
    far = {"float64": 1e200, "float32": 1e30}[bench.dtype]  # its square is out of range
    for scale in (1.0, 1 / far, far):
        gradient = bench.put([3.0 * scale, -4.0 * scale])
        near(bench, descent.steepest_descent(gradient), [-0.6, 0.8])
    gradient = bench.put([3.0, -4.0])
    best = float(descent.directional_derivative(gradient, descent.steepest_descent(gradient)))
    angles = [2 * math.pi * i / 64 for i in range(64)]
    circle = bench.put([[math.cos(t), math.sin(t)] for t in angles])
    slopes = descent.directional_derivative(bench.put([[3.0, -4.0]]), circle)
    assert best <= float(bench.xp.min(slopes)) + 1e-5
    assert best == pytest.approx(-5.0, rel=1e-6)


def test_each_step_on_a_paraboloid_halves_both_coordinates(bench):
    """Figure 1, C = x^2 + y^2, from two starts at once."""
    starts = [[2.0, 1.0], [-4.0, 8.0]]
    path = descent.gradient_descent(lambda w: 2 * w, bench.put(starts), eta=0.25, steps=5)
    assert len(path) == 6
    for t, w in enumerate(path):
        near(bench, w, [[c / 2**t for c in start] for start in starts])


def test_a_rate_that_is_too_large_misses_the_minimum():
    """Section 1.1: on C = x^2 each step multiplies x by 1 - 2 eta."""
    path = descent.gradient_descent(lambda w: 2 * w, np.asarray([1.0]), eta=1.25, steps=4)
    assert [float(w[0]) for w in path] == [1.0, -1.5, 2.25, -3.375, 5.0625]


@pytest.mark.parametrize(
    ("n", "r", "terms"), [(3, 2, 6), (100, 2, 5050), (10_000, 2, 50_005_000), (5, 1, 5), (2, 5, 6)]
)
def test_polynomial_terms(n, r, terms):
    """Section 2; the paper's 5,050 is for n = 100, its picture has 10,000 pixels."""
    assert special.polynomial_terms(n, r) == terms
    assert terms == math.factorial(n + r - 1) // (math.factorial(r) * math.factorial(n - 1))


def test_the_quadratic_cost_by_hand(bench):
    """(4), (5)."""
    z, y = [[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]], [[0.0, 2.0], [1.0, 1.0], [3.0, 0.0]]
    values = QUADRATIC.value(bench.put(z), bench.put(y), IDENTITY, xp=bench.xp)
    near(bench, values, [(1 + 0) / 2, (1 + 4) / 2, (0 + 0.25) / 2])
    near(bench, costs.mean_cost(values, xp=bench.xp), (1 + 0 + 1 + 4 + 0 + 0.25) / (2 * 3))


def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_examples(bench):
    """(6), by the network itself, one example at a time."""
    gradient = lambda x, y: feedforward.cost_and_gradients(  # noqa: E731
        LAYERS, bench.stored(), bench.put(x), bench.put(y), QUADRATIC, xp=bench.xp
    )[2]
    each = [gradient([x], [y]) for x, y in zip(X, Y, strict=True)]
    whole = gradient(X, Y)
    for l, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
        near(bench, whole[l][i], sum(bench.backend.to_numpy(g[l][i]) for g in each) / 3)
    delta = feedforward.batch_error(bench.put([[3.0], [6.0]]), xp=bench.xp)
    near(bench, delta, [[1.5], [3.0]])


def test_the_sigmoid_far_out(bench):
    """(8): the tail is no rounded zero, infinity has a limit, nan stays nan."""
    z = [-30.0, -1e38, -1000.0, 1000.0, 1e38, -math.inf, math.inf]
    a = bench.backend.to_numpy(SIGMOID.sigma(bench.put(z), xp=bench.xp))
    assert a[0] == pytest.approx(math.exp(-30), rel=BOUND[bench.dtype])
    assert a[1:].tolist() == [0, 0, 1, 1, 0, 1]
    a = bench.backend.to_numpy(SIGMOID.sigma(bench.put([math.nan, 0.0]), xp=bench.xp))
    assert np.isnan(a).tolist() == [True, False]


def test_sigma_is_of_the_whole_sum(bench):
    """(10), (12): 0.5 - 2 - 1 + 0.125 and 1.5 + 0.5 + 0.25 - 0.25, where the paper misprints."""
    z = feedforward.weighted_input(*bench.stored()[0], bench.put(X[:1]), xp=bench.xp)
    near(bench, z, [[-2.375, 2.0]])
    a = feedforward.activate(SIGMOID, z, xp=bench.xp)
    near(bench, a, [[1 / (1 + math.exp(2.375)), 1 / (1 + math.exp(-2.0))]])


def test_the_gradient_of_a_weight_is_by_the_neuron_below(bench):
    """(23) prints a_j under its sum; it is a_k."""
    a, delta = bench.put([[1.0, 2.0, 3.0]]), bench.put([[10.0, -1.0]])
    dW = feedforward.weight_gradient(a, delta, xp=bench.xp)
    near(bench, dW, [[10.0, -1.0], [20.0, -2.0], [30.0, -3.0]])


def test_the_limits_of_the_cross_entropy(bench):
    """(25): -ln a where y = 1, -ln(1 - a) where y = 0."""
    z, y = [[2.0], [2.0], [-1.0]], [[1.0], [0.0], [0.25]]
    a = [1 / (1 + math.exp(-v)) for (v,) in z]
    values = costs.CrossEntropy().value(bench.put(z), bench.put(y), SIGMOID, xp=bench.xp)
    mixed = -(0.25 * math.log(a[2]) + 0.75 * math.log(1 - a[2]))
    near(bench, values, [-math.log(a[0]), -math.log(1 - a[1]), mixed])


def test_a_saturated_neuron_learns_by_the_cross_entropy_alone(bench):
    """(26): sigma' cancels."""
    z, y = bench.put([[-40.0]]), bench.put([[1.0]])
    near(bench, costs.CrossEntropy().delta(z, y, SIGMOID, xp=bench.xp), [[-1.0]])
    near(bench, QUADRATIC.delta(z, y, SIGMOID, xp=bench.xp), [[0.0]])

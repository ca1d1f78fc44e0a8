"""The paper's equations (1)-(29), each on every backend.

What is expected comes from reference.py, from the definition (a derivative by differences) or
from arithmetic done by hand. Numbers are small, so that float32 is near enough on devices that
have no more.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from bpnet.core import (
    activations,
    costs,
    descent,
    feedforward,
    optimizers,
    regularizers,
    special,
)
from bpnet.core.layers import Dense
from tests import reference
from tests.core import oracles


@dataclass(frozen=True)
class Bench:
    """A backend with its best dtype, and lists in and out."""

    backend: Any

    @property
    def xp(self):
        return self.backend.xp

    @property
    def dtype(self):
        return self.backend.dtypes()[0]

    def put(self, numbers, copy=None):
        """An array on the backend; a copy for who may write to it."""
        return self.backend.asarray(np.asarray(numbers, dtype=float), dtype=self.dtype, copy=copy)

    def check(self, actual, desired):
        """Hold an array of the backend against lists."""
        desired = np.asarray(desired, dtype=float)
        actual = np.asarray(self.backend.to_numpy(actual), dtype=float)
        bound = oracles.BOUND[self.dtype]
        np.testing.assert_allclose(actual, desired, rtol=bound, atol=bound / 10)

    def differences(self, f, at):
        """df/d(at) of a scalar function of a list, by central differences in plain Python."""
        h = 1e-5
        moved = lambda j, s: [v + s * (i == j) for i, v in enumerate(at)]  # noqa: E731
        return [(f(moved(j, h)) - f(moved(j, -h))) / (2 * h) for j in range(len(at))]


@pytest.fixture
def bench(backend):
    with backend.session(backend.dtypes()[0]):
        yield Bench(backend)


SIGMOID, IDENTITY = activations.Sigmoid(), activations.Identity()

# One example through 3-2-2 sigmoid neurons, by the paper's letters; W as the paper writes it.
W2, B2 = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]], [0.1, -0.2]
W3, B3 = [[1.0, -2.0], [0.5, 0.75]], [0.3, -0.4]
X, Y = [1.0, 2.0, -0.5], [1.0, 0.0]
NETWORK = [(W2, B2, "sigmoid"), (W3, B3, "sigmoid")]
(Z2, Z3), (_, A2, A3) = reference.feedforward(NETWORK, X)
LAYERS = (Dense(3, 2, "sigmoid"), Dense(2, 2, "sigmoid"))
BATCH = [X, [0.5, -1.0, 1.0], [-2.0, 0.0, 1.5]]
WANTED = [Y, [0.0, 1.0], [1.0, 1.0]]


def transposed(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def stored(bench, copy=None):
    """The network as bpnet stores it: (n_in, n_out)."""
    return tuple((bench.put(transposed(W), copy), bench.put(b, copy)) for W, b, _ in NETWORK)


def cost_after(z2, cost="quadratic"):
    """C of the example as a function of z^2, for (15)."""
    a2 = reference.activate("sigmoid", z2)
    a3 = reference.activate("sigmoid", reference.weighted_input(W3, B3, a2))
    return reference.cost_of_example(cost, a3, Y)


def directional_derivative(bench):
    gradient = [[3.0, -4.0], [1.0, 2.0]]
    v = [[1.0, 0.0], [0.6, 0.8]]
    got = descent.directional_derivative(bench.put(gradient), bench.put(v))
    bench.check(got, [3.0, 0.6 + 1.6])


def steepest_descent(bench):
    """No direction of length 1 falls faster; very small and large gradients are no exception."""
    far = {"float64": 1e200, "float32": 1e30}[bench.dtype]  # its square is out of range
    for scale in (1.0, 1 / far, far):
        gradient = bench.put([3.0 * scale, -4.0 * scale])
        bench.check(descent.steepest_descent(gradient), [-0.6, 0.8])
    gradient = bench.put([3.0, -4.0])
    best = float(descent.directional_derivative(gradient, descent.steepest_descent(gradient)))
    angles = [2 * math.pi * i / 64 for i in range(64)]
    circle = bench.put([[math.cos(t), math.sin(t)] for t in angles])
    slopes = descent.directional_derivative(bench.put([[3.0, -4.0]]), circle)
    assert best <= float(bench.xp.min(slopes)) + 1e-5
    assert best == pytest.approx(-5.0, rel=1e-6)


def descend(bench):
    bench.check(descent.descend(bench.put([2.0, 1.0]), bench.put([4.0, 2.0]), 0.25), [1.0, 0.5])
    # Figure 1, C = x^2 + y^2, from two starts at once: each step halves both coordinates
    starts = [[2.0, 1.0], [-4.0, 8.0]]
    path = descent.gradient_descent(lambda w: 2 * w, bench.put(starts), eta=0.25, steps=5)
    assert len(path) == 6
    for t, w in enumerate(path):
        bench.check(w, [[c / 2**t for c in start] for start in starts])


def mean_squared_error(bench):
    """(4) over three examples, (9) with the activations of a network in place of y-hat."""
    z, y = [[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]], [[0.0, 2.0], [1.0, 1.0], [3.0, 0.0]]
    values = costs.Quadratic().value(bench.put(z), bench.put(y), IDENTITY, xp=bench.xp)
    bench.check(costs.mean_cost(values, xp=bench.xp), (1 + 0 + 1 + 4 + 0 + 0.25) / (2 * 3))
    z3, _ = feedforward.forward(LAYERS, stored(bench), bench.put(BATCH), xp=bench.xp)
    values = costs.Quadratic().value(z3, bench.put(WANTED), SIGMOID, xp=bench.xp)
    desired = reference.batch_cost(NETWORK, BATCH, WANTED, "quadratic")
    bench.check(costs.mean_cost(values, xp=bench.xp), desired)


def cost_of_one_example(bench):
    got = costs.Quadratic().value(bench.put([Z3]), bench.put([Y]), SIGMOID, xp=bench.xp)
    bench.check(got, [((A3[0] - 1) ** 2 + A3[1] ** 2) / 2])


def mean_of_gradients(bench):
    """The gradient of a batch is the mean of the gradients of its examples, taken one by one."""
    gradient = lambda x, y: feedforward.cost_and_gradients(  # noqa: E731
        LAYERS, stored(bench), bench.put(x), bench.put(y), costs.Quadratic(), xp=bench.xp
    )[2]
    each = [gradient([x], [y]) for x, y in zip(BATCH, WANTED, strict=True)]
    whole = gradient(BATCH, WANTED)
    for l in range(2):
        for i in range(2):
            parts = [bench.backend.to_numpy(g[l][i]) for g in each]
            bench.check(whole[l][i], sum(parts) / 3)
    delta = feedforward.batch_error(bench.put([[3.0], [6.0]], copy=True), xp=bench.xp)
    bench.check(delta, [[1.5], [3.0]])


def mini_batch_step(bench):
    """(7) from the sum over k examples; batch of one is stochastic, of all m batch descent."""
    for k in (1, 2, 3):
        parameters = stored(bench, copy=True)
        x, y = bench.put(BATCH[:k]), bench.put(WANTED[:k])
        _, _, gradients = feedforward.cost_and_gradients(
            LAYERS, parameters, x, y, costs.Quadratic(), xp=bench.xp
        )
        sgd = optimizers.SGD(learning_rate=0.5)
        state = optimizers.init(sgd, parameters, xp=bench.xp)
        moved, _ = optimizers.update(
            sgd, parameters, gradients, state, sgd.coefficients(1, 0.5), xp=bench.xp
        )
        each = [
            reference.backprop(NETWORK, x, y, "quadratic")
            for x, y in zip(BATCH[:k], WANTED[:k], strict=True)
        ]
        total = reference.combine(lambda *g: sum(g), *each)
        for (W, b), (W_0, b_0, _), (dW, db) in zip(moved, NETWORK, total, strict=True):
            bench.check(W, (np.asarray(W_0) - 0.5 / k * np.asarray(dW)).T)
            bench.check(b, np.asarray(b_0) - 0.5 / k * np.asarray(db))


def sigmoid(bench):
    z = [-30.0, -2.0, -0.5, 0.0, 0.5, 2.0, 30.0]
    a = SIGMOID.sigma(bench.put(z), xp=bench.xp)
    bench.check(a, [1 / (1 + math.exp(-v)) for v in z])
    small = bench.backend.to_numpy(a)[0]  # relative: the tail is no rounded zero
    assert small == pytest.approx(math.exp(-30), rel=oracles.BOUND[bench.dtype])
    far = bench.put([-1e38, -1000.0, 1000.0, 1e38, -math.inf, math.inf])
    bench.check(SIGMOID.sigma(far, xp=bench.xp), [0, 0, 1, 1, 0, 1])
    nothing = bench.backend.to_numpy(SIGMOID.sigma(bench.put([math.nan, 0.0]), xp=bench.xp))
    assert np.isnan(nothing).tolist() == [True, False]


def one_activation(bench):
    """(10), (11), (14): sigma of the whole sum (the paper prints (10) otherwise)."""
    z = feedforward.weighted_input(*stored(bench)[0], bench.put([X]), xp=bench.xp)
    a = feedforward.activate(SIGMOID, z, xp=bench.xp)
    a_1 = reference.sigmoid(sum(w * x for w, x in zip(W2[0], X, strict=True)) + B2[0])
    bench.check(a[0, 0], a_1)
    bench.check(a, [A2])
    output = feedforward.feedforward(LAYERS, stored(bench), bench.put(BATCH), xp=bench.xp)
    bench.check(output, [reference.feedforward(NETWORK, x)[1][-1] for x in BATCH])


def weighted_input(bench):
    """(12), (13): 0.5 - 2 - 1 + 0.1 and 1.5 + 0.5 + 0.25 - 0.2."""
    z = feedforward.weighted_input(*stored(bench)[0], bench.put([X]), xp=bench.xp)
    bench.check(z, [[-2.4, 2.05]])


def error_by_definition(bench):
    """(15): delta^l is dC/dz^l, by differences in z^2 and z^3."""
    y = bench.put([Y])
    delta3 = costs.Quadratic().delta(bench.put([Z3]), y, SIGMOID, xp=bench.xp)
    slope = lambda z: reference.cost_of_example("quadratic", reference.activate("sigmoid", z), Y)  # noqa: E731
    near(bench, delta3, bench.differences(slope, Z3))
    near(bench, hidden_delta(bench, delta3), bench.differences(cost_after, Z2))


def near(bench, actual, differences):
    actual = bench.backend.to_numpy(actual)[0]
    np.testing.assert_allclose(actual, differences, rtol=1e-5, atol=1e-7)


def hidden_delta(bench, delta3):
    dC_da = feedforward.propagate(stored(bench)[1][0], delta3, xp=bench.xp)
    z, a = bench.put([Z2]), bench.put([A2])
    return feedforward.hidden_error(SIGMOID, dC_da, z, a, xp=bench.xp)


def output_error(bench):
    """(16), (17): (a - y) sigma'(z), for each example on its own."""
    delta = costs.Quadratic().delta(bench.put([Z3, Z2]), bench.put([Y, Y]), SIGMOID, xp=bench.xp)
    rows = [
        [(a - y) * a * (1 - a) for a, y in zip(row, Y, strict=True)]
        for row in (A3, reference.activate("sigmoid", Z2))
    ]
    bench.check(delta, rows)


def hidden_error(bench):
    """(18)-(22): delta_j^2 = sum_k w_kj^3 delta_k^3 sigma'(z_j^2), neuron by neuron."""
    delta3 = [0.3, -0.7]
    by_hand = [sum(W3[k][j] * delta3[k] for k in range(2)) * A2[j] * (1 - A2[j]) for j in range(2)]
    bench.check(hidden_delta(bench, bench.put([delta3])), [by_hand])
    bench.check(
        hidden_delta(bench, bench.put([delta3])),
        [reference.hidden_error(W3, delta3, "sigmoid", Z2)],
    )


def next_weighted_input(bench):
    """(19), (20): dz_k^3/dz_j^2 = w_kj^3 sigma'(z_j^2), from one unit of error at neuron k."""
    for k in range(2):
        unit = [float(i == k) for i in range(2)]
        z_k = lambda z: reference.weighted_input(W3, B3, reference.activate("sigmoid", z))[k]  # noqa: B023, E731
        bench.check(
            hidden_delta(bench, bench.put([unit])),
            [[W3[k][j] * reference.sigmoid_prime(Z2[j]) for j in range(2)]],
        )
        near(bench, hidden_delta(bench, bench.put([unit])), bench.differences(z_k, Z2))


def bias_gradient(bench):
    delta = bench.put([[1.0, -2.0], [3.0, 0.5]])
    bench.check(feedforward.bias_gradient(delta, xp=bench.xp), [4.0, -1.5])
    by_differences(bench, 1)


def weight_gradient(bench):
    """dC/dw_jk = delta_j a_k: not the a_j that the paper prints under the sum of (23)."""
    a, delta = bench.put([[1.0, 2.0, 3.0]]), bench.put([[10.0, -1.0]])
    got = feedforward.weight_gradient(a, delta, xp=bench.xp)
    bench.check(got, [[10.0, -1.0], [20.0, -2.0], [30.0, -3.0]])
    by_differences(bench, 0)


def by_differences(bench, which):
    """dC/dW (0) or dC/db (1) of the first layer is how C changes with it, by definition."""
    *_, gradients = feedforward.cost_and_gradients(
        LAYERS, stored(bench), bench.put([X]), bench.put([Y]), costs.Quadratic(), xp=bench.xp
    )
    if which == 1:
        C = lambda b: cost_after(reference.weighted_input(W2, b, X))  # noqa: E731
        desired = bench.differences(C, B2)
    else:
        C = lambda w: cost_after(reference.weighted_input([w[:3], w[3:]], B2, X))  # noqa: E731
        desired = np.reshape(bench.differences(C, [*W2[0], *W2[1]]), (2, 3)).T
    actual = bench.backend.to_numpy(gradients[0][which])
    np.testing.assert_allclose(actual, desired, rtol=1e-4, atol=1e-6)


def cross_entropy(bench):
    """(25) with its two limits: -ln a where y = 1, -ln(1 - a) where y = 0."""
    cost = costs.CrossEntropy()
    z, y = [[2.0], [2.0], [-1.0]], [[1.0], [0.0], [0.25]]
    a = [reference.sigmoid(v) for (v,) in z]
    desired = [
        -math.log(a[0]),
        -math.log(1 - a[1]),
        -(0.25 * math.log(a[2]) + 0.75 * math.log(1 - a[2])),
    ]
    values = cost.value(bench.put(z), bench.put(y), SIGMOID, xp=bench.xp)
    bench.check(values, desired)
    bench.check(costs.mean_cost(values, xp=bench.xp), sum(desired) / 3)
    z3, _ = feedforward.forward(LAYERS, stored(bench), bench.put(BATCH), xp=bench.xp)
    values = cost.value(z3, bench.put(WANTED), SIGMOID, xp=bench.xp)
    bench.check(
        costs.mean_cost(values, xp=bench.xp), reference.batch_cost(NETWORK, BATCH, WANTED, "binary")
    )


def cross_entropy_error(bench):
    """(26): sigma' cancels, so a neuron that is wrong and saturated still learns."""
    cost, y = costs.CrossEntropy(), bench.put([Y])
    delta = cost.delta(bench.put([Z3]), y, SIGMOID, xp=bench.xp)
    bench.check(delta, [[A3[0] - 1, A3[1]]])
    bench.check(delta, [reference.output_error("binary", "sigmoid", Z3, A3, Y)])
    near(
        bench,
        delta,
        bench.differences(
            lambda z: reference.cost_of_example("binary", reference.activate("sigmoid", z), Y), Z3
        ),
    )
    saturated = bench.put([[-40.0]])
    one = bench.put([[1.0]])
    bench.check(cost.delta(saturated, one, SIGMOID, xp=bench.xp), [[-1.0]])
    bench.check(costs.Quadratic().delta(saturated, one, SIGMOID, xp=bench.xp), [[0.0]])


def regularized_cost(bench):
    squares = sum(w * w for W in (W2, W3) for row in W for w in row)  # 8.125 + 6.5625 - no biases
    got = regularizers.l2_cost(stored(bench), l2=0.5, m=20, xp=bench.xp)
    bench.check(got, 0.5 / 40 * squares)
    bench.check(got, reference.l2_term(NETWORK, 0.5, 20))


def regularized_step(bench):
    """(28), (29): weights shrink by 1 - eta alpha/m, biases follow dC/db alone."""
    eta, alpha, m = 0.5, 3.0, 20
    parameters = stored(bench, copy=True)
    *_, gradients = feedforward.cost_and_gradients(
        LAYERS, parameters, bench.put(BATCH), bench.put(WANTED), costs.CrossEntropy(), xp=bench.xp
    )
    slopes = regularizers.l2_gradient(parameters, gradients, alpha, m)
    sgd = optimizers.SGD(eta)
    state = optimizers.init(sgd, parameters, xp=bench.xp)
    moved, _ = optimizers.update(sgd, parameters, slopes, state, (eta,), xp=bench.xp)
    plain = reference.batch_gradients(NETWORK, BATCH, WANTED, "binary")
    desired = reference.step(NETWORK, plain, eta, alpha, m)
    for (W, b), (W_new, b_new, _), (_, db), (_, b_0, _) in zip(
        moved, desired, plain, NETWORK, strict=True
    ):
        bench.check(W, transposed(W_new))
        bench.check(b, b_new)
        bench.check(b, [b_j - eta * g for b_j, g in zip(b_0, db, strict=True)])


EQUATIONS = {
    1: directional_derivative,
    2: steepest_descent,
    3: descend,
    4: mean_squared_error,
    5: cost_of_one_example,
    6: mean_of_gradients,
    7: mini_batch_step,
    8: sigmoid,
    9: mean_squared_error,
    10: one_activation,
    11: one_activation,
    12: weighted_input,
    13: weighted_input,
    14: one_activation,
    15: error_by_definition,
    16: output_error,
    17: output_error,
    18: hidden_error,
    19: next_weighted_input,
    20: next_weighted_input,
    21: hidden_error,
    22: hidden_error,
    23: bias_gradient,
    24: weight_gradient,
    25: cross_entropy,
    26: cross_entropy_error,
    27: regularized_cost,
    28: regularized_step,
    29: regularized_step,
}


@pytest.mark.parametrize("equation", range(1, 30), ids="({})".format)
def test_equation(bench, equation):
    EQUATIONS[equation](bench)


@pytest.mark.parametrize(
    ("n", "r", "terms"), [(3, 2, 6), (100, 2, 5050), (10_000, 2, 50_005_000), (5, 1, 5), (2, 5, 6)]
)
def test_polynomial_terms(n, r, terms):
    """Section 2; the paper's 5,050 is for n = 100, its picture has 10,000 pixels."""
    assert special.polynomial_terms(n, r) == terms
    assert terms == math.factorial(n + r - 1) // (math.factorial(r) * math.factorial(n - 1))


def test_a_rate_that_is_too_large_misses_the_minimum():
    """Section 1.1: on C = x^2 each step multiplies x by 1 - 2 eta."""
    path = descent.gradient_descent(lambda w: 2 * w, np.asarray([1.0]), eta=1.25, steps=4)
    assert [float(w[0]) for w in path] == [1.0, -1.5, 2.25, -3.375, 5.0625]

"""The paper's equations (1)-(29) on a backend, beside the paper in plain Python.

What is expected comes from :mod:`bpnet.check.reference`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import Backend
from bpnet.check import reference
from bpnet.check.report import Row, difference, worst
from bpnet.core import activations, costs, descent, feedforward, optimizers, regularizers
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense

BOUNDS = {"float64": 1e-12, "float32": 1e-5}

Pairs = list[tuple[Array, Any]]

SIGMOID, IDENTITY, QUADRATIC = activations.Sigmoid(), activations.Identity(), costs.Quadratic()
LAYERS = (Dense(3, 2, SIGMOID), Dense(2, 2, SIGMOID))
ALPHA, ETA, M = 3.0, 0.5, 20

# three examples, and a network by the paper's letters; float32 holds all of it exactly
X = [[1.0, 2.0, -0.5], [0.5, -1.0, 1.0], [-2.0, 0.0, 1.5]]
Y = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
W2, b2 = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]], [0.125, -0.25]
W3, b3 = [[1.0, -2.0], [0.5, 0.75]], [0.25, -0.5]
NETWORK = ((W2, b2, "sigmoid"), (W3, b3, "sigmoid"))
Z2, Z3, A2, A3 = zip(
    *((*z, *a[1:]) for z, a in (reference.feedforward(NETWORK, x) for x in X)), strict=True
)
"""z^2, z^3, a^2 and a^3 of each example."""


@dataclass(frozen=True)
class Bench:
    """A backend and a dtype: numbers go there, and come back in float64."""

    backend: Backend
    dtype: str

    @property
    def xp(self) -> Namespace:
        """The backend's namespace."""
        return self.backend.xp

    def put(self, numbers: Any) -> Array:
        """Return an array of its own on the backend."""
        # a copy, because core may write to what is donated to it
        return self.backend.asarray(np.asarray(numbers, np.float64), dtype=self.dtype, copy=True)

    def stored(self) -> Any:
        """Return the network as bpnet stores it, ``((W, b), (W, b))``."""
        return tuple((self.put(np.transpose(W)), self.put(b)) for W, b, _ in NETWORK)

    def gradients(self, cost: Any, k: int = 3) -> Parameters:
        """Return the gradients of the first k examples' mean cost."""
        x, y = self.put(X[:k]), self.put(Y[:k])
        return feedforward.cost_and_gradients(LAYERS, self.stored(), x, y, cost, xp=self.xp)[2]

    def step(self, gradients: Parameters) -> Parameters:
        """Return the network after a step of gradient descent."""
        parameters, sgd = self.stored(), optimizers.SGD(ETA)
        state = optimizers.init(sgd, parameters, xp=self.xp)
        return optimizers.update(sgd, parameters, gradients, state, (ETA,), xp=self.xp)[0]

    def delta2(self, delta3: Any) -> Array:
        """Return the hidden error of the first example from an output error."""
        z2 = self.put(Z2[:1])
        dC_da = feedforward.propagate(self.stored()[1][0], self.put([delta3]), xp=self.xp)
        a2 = SIGMOID.sigma(z2, xp=self.xp)
        return feedforward.hidden_error(SIGMOID, dC_da, z2, a2, xp=self.xp)


def _pairs(computed: Parameters, expected: Any) -> Pairs:
    """Arrays of layers as bpnet stores them, beside the paper's ``(W, b, ...)`` of each."""
    return [
        (array, np.transpose(numbers))
        for arrays, layer in zip(computed, expected, strict=True)
        for array, numbers in zip(arrays, layer[:2], strict=True)
    ]


# Each equation: what bpnet computes, beside what is expected.


def _directional(bench: Bench) -> Pairs:
    w, v = [1.0, -2.0, 0.5], [0.5, 1.0, -2.0]
    gradient = reference.derivative(lambda x: sum(x_j**3 for x_j in x), w)
    slope = descent.directional_derivative(bench.put([3 * w_j**2 for w_j in w]), bench.put(v))
    return [(slope, reference.directional_derivative(gradient, v))]


def _steepest(bench: Bench) -> Pairs:
    g = [[3.0, -4.0], [0.25, 8.0]]
    return [(descent.steepest_descent(bench.put(g)), list(map(reference.steepest_descent, g)))]


def _descend(bench: Bench) -> Pairs:
    w, g = [2.0, 1.0], [4.0, -2.0]
    descended = descent.descend(bench.put(w), bench.put(g), 0.25)
    return [(descended, reference.descend(w, g, 0.25))]


def _mean_cost(bench: Bench) -> Pairs:
    # (4) is of outputs without sigma, (9) of a network's
    y_hat, y = np.asarray([x[:2] for x in X]), bench.put(Y)
    sigmoid = QUADRATIC.value(bench.put(Z3), y, SIGMOID, xp=bench.xp)
    linear = QUADRATIC.value(bench.put(y_hat), y, IDENTITY, xp=bench.xp)
    return [
        (costs.mean_cost(sigmoid, xp=bench.xp), reference.batch_cost(NETWORK, X, Y, "quadratic")),
        (costs.mean_cost(linear, xp=bench.xp), np.sum((y_hat - Y) ** 2) / (2 * 3)),
    ]


def _one_cost(bench: Bench) -> Pairs:
    values = QUADRATIC.value(bench.put(Z3), bench.put(Y), SIGMOID, xp=bench.xp)
    return [(values, _costs("quadratic"))]


def _costs(cost: str) -> list[float]:
    return [reference.cost_of_example(cost, a, y) for a, y in zip(A3, Y, strict=True)]


def _batch(bench: Bench) -> Pairs:
    return _pairs(bench.gradients(QUADRATIC), _gradients("quadratic"))


def _gradients(cost: str, k: int = 3) -> Any:
    return reference.batch_gradients(NETWORK, X[:k], Y[:k], cost)


def _mini_batch(bench: Bench) -> Pairs:
    pairs: Pairs = []
    # k = 1 is stochastic descent, k = 3 that of the whole batch
    for k in (1, 2, 3):
        moved = bench.step(bench.gradients(QUADRATIC, k))
        gradients = _gradients("quadratic", k)
        pairs += _pairs(moved, reference.step(NETWORK, gradients, ETA, 0.0, M))
    return pairs


def _sigmoid(bench: Bench) -> Pairs:
    # near 0 and in the tails; far is where e^(-z) would overflow
    z = [-30.0, -2.0, -0.5, 0.0, 0.5, 2.0, 30.0]
    far = [-1e30, -1000.0, 1000.0, 1e30]
    a, expected = SIGMOID.sigma(bench.put(z), xp=bench.xp), reference.activate("sigmoid", z)
    tail = (a[:1], expected[:1])  # by itself, or its relative error would be lost
    return [(a, expected), tail, (SIGMOID.sigma(bench.put(far), xp=bench.xp), [0, 0, 1, 1])]


def _activation(bench: Bench) -> Pairs:
    (W, b), _ = bench.stored()
    z = feedforward.weighted_input(W, b, bench.put(X), xp=bench.xp)
    a = feedforward.activate(SIGMOID, z, xp=bench.xp)
    output = feedforward.feedforward(LAYERS, bench.stored(), bench.put(X), xp=bench.xp)
    return [(a, A2), (output, A3)]


def _weighted_input(bench: Bench) -> Pairs:
    (W, b), _ = bench.stored()
    return [(feedforward.weighted_input(W, b, bench.put(X), xp=bench.xp), Z2)]


def _error(bench: Bench) -> Pairs:
    """(15): delta^l is dC/dz^l, by the definition of a derivative."""

    def cost_of_z3(z3: Any) -> Any:
        return reference.cost_of_example("quadratic", reference.activate("sigmoid", z3), Y[0])

    by_z3 = reference.derivative(cost_of_z3, Z3[0])
    by_z2 = reference.derivative(lambda z2: cost_of_z3(_z3_of(z2)), Z2[0])
    delta3 = QUADRATIC.delta(bench.put(Z3[:1]), bench.put(Y[:1]), SIGMOID, xp=bench.xp)
    return [(delta3, [by_z3]), (bench.delta2(by_z3), [by_z2])]


def _z3_of(z2: Any) -> Any:
    return reference.weighted_input(W3, b3, reference.activate("sigmoid", z2))


def _output_error(bench: Bench) -> Pairs:
    delta = QUADRATIC.delta(bench.put(Z3), bench.put(Y), SIGMOID, xp=bench.xp)
    return [(delta, _output_errors("quadratic"))]


def _output_errors(cost: str) -> Any:
    examples = zip(Z3, A3, Y, strict=True)
    return [reference.output_error(cost, "sigmoid", z, a, y) for z, a, y in examples]


def _hidden_error(bench: Bench) -> Pairs:
    delta3 = [0.25, -0.75]
    return [(bench.delta2(delta3), [reference.hidden_error(W3, delta3, "sigmoid", Z2[0])])]


def _next_layer(bench: Bench) -> Pairs:
    """(19), (20): dz_k^3/dz_j^2, from one unit of error at neuron k."""
    # an error of 1 at neuron k picks the derivatives of z_k^3 alone
    rows = [reference.derivative(lambda z2, k=k: _z3_of(z2)[k], Z2[0]) for k in (0, 1)]  # type: ignore[misc]
    return [(bench.delta2(unit), [row]) for unit, row in zip(np.eye(2), rows, strict=True)]


def _bias_gradient(bench: Bench) -> Pairs:
    delta = np.asarray([[1.0, -2.0], [3.0, 0.5]])
    summed = feedforward.bias_gradient(bench.put(delta), xp=bench.xp)
    return [(summed, delta[0] + delta[1]), *_batch(bench)[1::2]]


def _weight_gradient(bench: Bench) -> Pairs:
    a, delta = [[1.0, 2.0, 3.0]], [[10.0, -1.0]]
    one = feedforward.weight_gradient(bench.put(a), bench.put(delta), xp=bench.xp)
    expected: Any = np.transpose(reference.weight_gradient(delta[0], a[0]))
    return [(one, expected), *_batch(bench)[::2]]


def _cross_entropy(bench: Bench) -> Pairs:
    values = costs.CrossEntropy().value(bench.put(Z3), bench.put(Y), SIGMOID, xp=bench.xp)
    return [(values, _costs("binary"))]


def _cross_entropy_error(bench: Bench) -> Pairs:
    delta = costs.CrossEntropy().delta(bench.put(Z3), bench.put(Y), SIGMOID, xp=bench.xp)
    return [(delta, _output_errors("binary"))]


def _l2_cost(bench: Bench) -> Pairs:
    computed = regularizers.l2_cost(bench.stored(), ALPHA, M, xp=bench.xp)
    return [(computed, reference.l2_term(NETWORK, ALPHA, M))]


def _regularized(bench: Bench) -> Parameters:
    plain = bench.gradients(costs.CrossEntropy())
    return regularizers.l2_gradient(bench.stored(), plain, ALPHA, M)


def _l2_gradient(bench: Bench) -> Pairs:
    expected: Any = [
        (np.asarray(dW) + ALPHA / M * np.asarray(W), db)
        for (W, _, _), (dW, db) in zip(NETWORK, _gradients("binary"), strict=True)
    ]
    return _pairs(_regularized(bench), expected)


def _l2_step(bench: Bench) -> Pairs:
    """(29): weights shrink by 1 - eta alpha/m, biases follow dC/db alone."""
    expected = reference.step(NETWORK, _gradients("binary"), ETA, ALPHA, M)
    return _pairs(bench.step(_regularized(bench)), expected)


EQUATIONS: dict[int, tuple[str, Callable[[Bench], Pairs]]] = {
    1: ("directional derivative", _directional),
    2: ("steepest descent", _steepest),
    3: ("a step of descent", _descend),
    4: ("mean squared error", _mean_cost),
    5: ("cost of one example", _one_cost),
    6: ("gradient of a batch", _batch),
    7: ("step of a mini-batch", _mini_batch),
    8: ("sigmoid", _sigmoid),
    9: ("quadratic cost", _mean_cost),
    10: ("activation of a neuron", _activation),
    11: ("activation of a layer", _activation),
    12: ("weighted input", _weighted_input),
    13: ("weighted input of a layer", _weighted_input),
    14: ("activation from z", _activation),
    15: ("error of a neuron", _error),
    16: ("output error, by component", _output_error),
    17: ("output error", _output_error),
    18: ("error from the next layer", _hidden_error),
    19: ("next layer's z", _next_layer),
    20: ("its derivative", _next_layer),
    21: ("hidden error, by component", _hidden_error),
    22: ("hidden error", _hidden_error),
    23: ("gradient of b", _bias_gradient),
    24: ("gradient of W", _weight_gradient),
    25: ("cross-entropy", _cross_entropy),
    26: ("its output error", _cross_entropy_error),
    27: ("L2 cost", _l2_cost),
    28: ("L2 gradient", _l2_gradient),
    29: ("L2 step", _l2_step),
}
"""For each equation its name, and what gives pairs of computed and expected numbers."""


def rows(backend: Backend, dtype: str) -> Iterator[Row]:
    """Yield one row for each equation."""
    bench = Bench(backend, dtype)
    for number, (name, pairs_of) in EQUATIONS.items():
        with backend.session(dtype):
            errors = {
                str(i): difference(backend.to_numpy(computed), expected)
                for i, (computed, expected) in enumerate(pairs_of(bench))
            }
        yield Row("equations", f"({number}) {name}", dtype, worst(errors)[0], BOUNDS[dtype])

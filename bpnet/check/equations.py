"""The paper's equations (1)-(29) on a backend, against the paper in float64 NumPy.

What is wanted is written a second time in :mod:`bpnet.check.paper`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import Backend
from bpnet.check import paper
from bpnet.check.paper import W2, W3, X, Y, b2, b3
from bpnet.check.report import Row, difference, worst
from bpnet.core import activations, costs, descent, feedforward, optimizers, regularizers
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense

BOUNDS = {"float64": 1e-12, "float32": 1e-5}

Pairs = list[tuple[Array, Any]]

SIGMOID, IDENTITY, QUADRATIC = activations.Sigmoid(), activations.Identity(), costs.Quadratic()
LAYERS = (Dense(3, 2, SIGMOID), Dense(2, 2, SIGMOID))
ALPHA, ETA, M = 3.0, 0.5, 20


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
        return self.backend.asarray(np.asarray(numbers, np.float64), dtype=self.dtype, copy=True)

    def stored(self) -> Any:
        """Return the network as bpnet stores it, ``((W, b), (W, b))``."""
        return (self.put(W2.T), self.put(b2)), (self.put(W3.T), self.put(b3))

    def gradients(self, cost: Any, k: int = 3) -> Parameters:
        """Return the gradients of the first k examples' mean cost."""
        x, y = self.put(X[:k]), self.put(Y[:k])
        return feedforward.cost_and_gradients(LAYERS, self.stored(), x, y, cost, xp=self.xp)[2]

    def delta2(self, delta3: Any) -> Array:
        """Return the hidden error of the first example from an output error."""
        z2 = self.put([W2 @ X[0] + b2])
        dC_da = feedforward.propagate(self.stored()[1][0], self.put([delta3]), xp=self.xp)
        a2 = SIGMOID.sigma(z2, xp=self.xp)
        return feedforward.hidden_error(SIGMOID, dC_da, z2, a2, xp=self.xp)

    def output_z(self) -> Array:
        """Return z^3 of all examples."""
        return feedforward.forward(LAYERS, self.stored(), self.put(X), xp=self.xp)[0]


# Each equation: what bpnet computes, beside what is wanted.


def _directional(bench: Bench) -> Pairs:
    w, v = np.asarray([1.0, -2.0, 0.5]), np.asarray([0.5, 1.0, -2.0])
    along = paper.slope(lambda t: ((w + t * v) ** 3).sum(), 0.0)
    return [(descent.directional_derivative(bench.put(3 * w**2), bench.put(v)), along)]


def _steepest(bench: Bench) -> Pairs:
    g = np.asarray([[3.0, -4.0], [0.25, 8.0]])
    wanted = -g / np.linalg.norm(g, axis=1, keepdims=True)
    return [(descent.steepest_descent(bench.put(g)), wanted)]


def _descend(bench: Bench) -> Pairs:
    w, g = np.asarray([2.0, 1.0]), np.asarray([4.0, -2.0])
    return [(descent.descend(bench.put(w), bench.put(g), 0.25), w - 0.25 * g)]


def _mean_cost(bench: Bench) -> Pairs:
    z3, y = bench.output_z(), bench.put(Y)
    wanted = sum(paper.quadratic(paper.output(x)[1], y) for x, y in zip(X, Y, strict=True)) / 3
    network = costs.mean_cost(QUADRATIC.value(z3, y, SIGMOID, xp=bench.xp), xp=bench.xp)
    linear = QUADRATIC.value(bench.put(X[:, :2]), y, IDENTITY, xp=bench.xp)
    mean = ((X[:, :2] - Y) ** 2).sum() / (2 * 3)
    return [(network, wanted), (costs.mean_cost(linear, xp=bench.xp), mean)]


def _one_cost(bench: Bench) -> Pairs:
    values = QUADRATIC.value(bench.output_z(), bench.put(Y), SIGMOID, xp=bench.xp)
    return [(values, [paper.quadratic(paper.output(x)[1], y) for x, y in zip(X, Y, strict=True)])]


def _batch(bench: Bench) -> Pairs:
    found = [g for pair in bench.gradients(QUADRATIC) for g in pair]
    wanted = [g.T for g in paper.slopes(paper.quadratic)]
    return list(zip(found, wanted, strict=True))


def _mini_batch(bench: Bench) -> Pairs:
    pairs: Pairs = []
    sgd = optimizers.SGD(ETA)
    for k in (1, 2, 3):
        parameters = bench.stored()
        state = optimizers.init(sgd, parameters, xp=bench.xp)
        moved, _ = optimizers.update(
            sgd, parameters, bench.gradients(QUADRATIC, k), state, (ETA,), xp=bench.xp
        )
        wanted = [
            p - ETA * g
            for p, g in zip((W2, b2, W3, b3), paper.slopes(paper.quadratic, k), strict=True)
        ]
        found = [p for pair in moved for p in pair]
        pairs += [(p, w.T) for p, w in zip(found, wanted, strict=True)]
    return pairs


def _sigmoid(bench: Bench) -> Pairs:
    z = np.asarray([-30.0, -2.0, -0.5, 0.0, 0.5, 2.0, 30.0])
    far = [-1e30, -1000.0, 1000.0, 1e30]
    found = SIGMOID.sigma(bench.put(z), xp=bench.xp)
    tail = (found[:1], paper.sigma(z[:1]))  # by itself, or its relative error would be lost
    return [
        (found, paper.sigma(z)),
        tail,
        (SIGMOID.sigma(bench.put(far), xp=bench.xp), [0, 0, 1, 1]),
    ]


def _activation(bench: Bench) -> Pairs:
    (W, b), _ = bench.stored()
    z = feedforward.weighted_input(W, b, bench.put(X), xp=bench.xp)
    a = feedforward.activate(SIGMOID, z, xp=bench.xp)
    whole = feedforward.feedforward(LAYERS, bench.stored(), bench.put(X), xp=bench.xp)
    return [(a, [paper.sigma(W2 @ x + b2) for x in X]), (whole, [paper.output(x)[1] for x in X])]


def _weighted_input(bench: Bench) -> Pairs:
    (W, b), _ = bench.stored()
    z = feedforward.weighted_input(W, b, bench.put(X), xp=bench.xp)
    return [(z, [W2 @ x + b2 for x in X])]


def _error(bench: Bench) -> Pairs:
    """(15): delta^l is dC/dz^l."""
    z2, (z3, _) = W2 @ X[0] + b2, paper.output(X[0])
    by_z3 = paper.slope(lambda z: paper.quadratic(paper.sigma(z), Y[0]), z3)
    by_z2 = paper.slope(lambda z: paper.quadratic(paper.sigma(W3 @ paper.sigma(z) + b3), Y[0]), z2)
    delta3 = QUADRATIC.delta(bench.put([z3]), bench.put(Y[:1]), SIGMOID, xp=bench.xp)
    return [(delta3, [by_z3]), (bench.delta2(by_z3), [by_z2])]


def _output_error(bench: Bench) -> Pairs:
    delta = QUADRATIC.delta(bench.output_z(), bench.put(Y), SIGMOID, xp=bench.xp)
    a = np.asarray([paper.output(x)[1] for x in X])
    return [(delta, (a - Y) * a * (1 - a))]


def _hidden_error(bench: Bench) -> Pairs:
    delta3, a2 = np.asarray([0.25, -0.75]), paper.sigma(W2 @ X[0] + b2)
    return [(bench.delta2(delta3), [(W3.T @ delta3) * a2 * (1 - a2)])]


def _next_layer(bench: Bench) -> Pairs:
    """(19), (20): dz_k^3/dz_j^2, from one unit of error at neuron k."""
    z2 = W2 @ X[0] + b2
    pairs: Pairs = []
    for k, unit in enumerate(np.eye(2)):
        row = paper.slope(lambda z, k=k: (W3 @ paper.sigma(z) + b3)[k], z2)  # type: ignore[misc]
        pairs.append((bench.delta2(unit), [row]))
    return pairs


def _bias_gradient(bench: Bench) -> Pairs:
    delta = np.asarray([[1.0, -2.0], [3.0, 0.5]])
    summed = feedforward.bias_gradient(bench.put(delta), xp=bench.xp)
    found, wanted = bench.gradients(QUADRATIC), paper.slopes(paper.quadratic)
    return [(summed, delta[0] + delta[1]), (found[0][1], wanted[1]), (found[1][1], wanted[3])]


def _weight_gradient(bench: Bench) -> Pairs:
    a, delta = np.asarray([[1.0, 2.0, 3.0]]), np.asarray([[10.0, -1.0]])
    one = feedforward.weight_gradient(bench.put(a), bench.put(delta), xp=bench.xp)
    found, wanted = bench.gradients(QUADRATIC), paper.slopes(paper.quadratic)
    return [
        (one, np.outer(delta[0], a[0]).T),
        (found[0][0], wanted[0].T),
        (found[1][0], wanted[2].T),
    ]


def _cross_entropy(bench: Bench) -> Pairs:
    values = costs.CrossEntropy().value(bench.output_z(), bench.put(Y), SIGMOID, xp=bench.xp)
    return [
        (values, [paper.cross_entropy(paper.output(x)[1], y) for x, y in zip(X, Y, strict=True)])
    ]


def _cross_entropy_error(bench: Bench) -> Pairs:
    delta = costs.CrossEntropy().delta(bench.output_z(), bench.put(Y), SIGMOID, xp=bench.xp)
    return [(delta, [_slope_at_output(x, y) for x, y in zip(X, Y, strict=True)])]


def _slope_at_output(x: Any, y: Any) -> Any:
    return paper.slope(lambda z: paper.cross_entropy(paper.sigma(z), y), paper.output(x)[0])


def _l2_cost(bench: Bench) -> Pairs:
    found = regularizers.l2_cost(bench.stored(), ALPHA, M, xp=bench.xp)
    return [(found, ALPHA / (2 * M) * ((W2**2).sum() + (W3**2).sum()))]


def _l2_gradient(bench: Bench) -> Pairs:
    plain = bench.gradients(costs.CrossEntropy())
    found = regularizers.l2_gradient(bench.stored(), plain, ALPHA, M)
    dW2, db2, dW3, db3 = paper.slopes(paper.cross_entropy)
    wanted = [dW2 + ALPHA / M * W2, db2, dW3 + ALPHA / M * W3, db3]
    return [(g, w.T) for g, w in zip([g for pair in found for g in pair], wanted, strict=True)]


def _l2_step(bench: Bench) -> Pairs:
    """(29): weights shrink by 1 - eta alpha/m, biases follow dC/db alone."""
    parameters, sgd = bench.stored(), optimizers.SGD(ETA)
    plain = bench.gradients(costs.CrossEntropy())
    regular = regularizers.l2_gradient(parameters, plain, ALPHA, M)
    state = optimizers.init(sgd, parameters, xp=bench.xp)
    moved, _ = optimizers.update(sgd, parameters, regular, state, (ETA,), xp=bench.xp)
    dW2, db2, dW3, db3 = paper.slopes(paper.cross_entropy)
    keep = 1 - ETA * ALPHA / M
    wanted = [keep * W2 - ETA * dW2, b2 - ETA * db2, keep * W3 - ETA * dW3, b3 - ETA * db3]
    return [(p, w.T) for p, w in zip([p for pair in moved for p in pair], wanted, strict=True)]


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
"""For each equation its name, and what gives pairs of found and wanted."""


def rows(backend: Backend, dtype: str) -> Iterator[Row]:
    """One row for each equation."""
    bench = Bench(backend, dtype)
    for number, (name, pairs_of) in EQUATIONS.items():
        with backend.session(dtype):
            errors = {
                str(i): difference(backend.to_numpy(found), wanted)
                for i, (found, wanted) in enumerate(pairs_of(bench))
            }
        yield Row("equations", f"({number}) {name}", dtype, worst(errors)[0], BOUNDS[dtype])

"""Small cases with every activation and cost, and what their gradients must be."""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.core import activations, costs, feedforward
from bpnet.core.layers import Dense
from tests import reference
from tests.assertions import difference

ACTIVATIONS = tuple(activations.ACTIVATIONS)
PAIRS = (
    *itertools.product(("quadratic", "mae", "huber"), ACTIVATIONS),
    ("cross_entropy", "sigmoid"),
    ("cross_entropy", "softmax"),
    ("poisson", "exp"),
    ("hinge", "identity"),
    ("hinge", "tanh"),
)
"""Every cost with every output that it is defined for, as DESIGN and costs.py say."""

BOUND = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-2, "bfloat16": 1e-1}
"""How near gradients come to exact ones, relative to the norm of each array."""

_KINKED = {"relu", "leaky_relu", "elu", "selu"}
_MARGIN = 0.06  # wide enough for the steps of central differences and for bfloat16
_SIZES, _BATCH = (3, 4, 3), 4


@dataclass(frozen=True)
class Case:
    """A network with a batch; numbers that every dtype holds exactly.

    ``parameters`` are as bpnet stores them, ``((W, b), (W, b))`` with ``W`` of (n_in, n_out).
    """

    hidden: str
    output: str
    cost_name: str
    parameters: Any
    x: Any
    y: Any

    @property
    def layers(self):
        sizes = [W.shape for W, _ in self.parameters]
        return (
            *(Dense(*size, self.hidden) for size in sizes[:-1]),
            Dense(*sizes[-1], self.output),
        )

    @property
    def cost(self):
        return costs.get(self.cost_name, self.layers[-1].activation)

    def on(self, backend, dtype):
        """Parameters, x and y on a backend."""
        put = lambda a: backend.asarray(a, dtype=dtype)  # noqa: E731
        return tuple((put(W), put(b)) for W, b in self.parameters), put(self.x), put(self.y)

    def in_plain_python(self):
        """The network, X, Y and the name of the cost, as reference.py takes them."""
        names = [*[self.hidden] * (len(self.parameters) - 1), self.output]
        network = [
            (W.T.tolist(), b.tolist(), name)
            for (W, b), name in zip(self.parameters, names, strict=True)
        ]
        cost = reference.cost_name(self.cost_name, self.output)
        return network, self.x.tolist(), self.y.tolist(), cost


@cache
def case(hidden, output, cost):
    """First random case that is away from kinks and whose gradients all matter."""
    for seed in range(10_000):
        drawn = _draw(hidden, output, cost, np.random.default_rng(seed))
        if _is_clear(drawn) and min(map(np.linalg.norm, by_reference(drawn)[1])) > 0.02:
            return drawn
    raise AssertionError(f"no case for {hidden}, {output}, {cost}")


def _draw(hidden, output, cost, rng):
    shapes = list(itertools.pairwise(_SIZES))
    parameters = tuple(
        (_grid(rng.normal(0, n_in**-0.5, (n_in, n_out))), _grid(rng.normal(0, 0.5, n_out)))
        for n_in, n_out in shapes
    )
    x = _grid(rng.normal(0, 1, (_BATCH, _SIZES[0])))
    return Case(hidden, output, cost, parameters, x, wanted(cost, output, (_BATCH, 3), rng))


def _grid(a):
    """Rounded to 8 bits, which bfloat16 holds exactly."""
    return np.clip(np.round(64 * a), -256, 256) / 64


def wanted(cost, output, shape, rng):
    """Random y that suits a cost."""
    if cost == "cross_entropy" and output == "softmax":
        return rng.multinomial(64, [1 / shape[1]] * shape[1], shape[0]) / 64
    if cost == "cross_entropy":
        return rng.integers(0, 65, shape) / 64
    if cost == "hinge":
        return rng.integers(0, 2, shape).astype(float)
    if cost == "poisson":
        return rng.integers(0, 4, shape).astype(float)
    return _grid(rng.normal(0, 1.5, shape))


def _is_clear(case):
    """Whether no neuron and no residual is near a point where a derivative jumps."""
    network, X, Y, _ = case.in_plain_python()
    gaps = []
    for x, y in zip(X, Y, strict=True):
        z, a = reference.feedforward(network, x)
        for (_, _, name), z_l in zip(network, z, strict=True):
            gaps += z_l if name in _KINKED else []
        for a_j, y_j in zip(a[-1], y, strict=True):
            if case.cost_name == "mae":
                gaps.append(a_j - y_j)
            elif case.cost_name == "huber":
                gaps.append(abs(a_j - y_j) - reference.HUBER_THRESHOLD)
            elif case.cost_name == "hinge":
                gaps.append((2 * y_j - 1) * a_j - 1)
    return min(map(abs, gaps), default=1) > _MARGIN


def by_reference(case):
    """Cost and gradients by reference.py, shaped and ordered as :func:`gradients` gives them."""
    network, X, Y, name = case.in_plain_python()
    pairs = reference.batch_gradients(network, X, Y, name)
    gradients = [np.asarray(g).T for pair in pairs for g in pair]
    return reference.batch_cost(network, X, Y, name), gradients


@cache
def exact(hidden, output, cost):
    """The case and what reference.py says of it: ``(case, C, gradients)``."""
    found = case(hidden, output, cost)
    return found, *by_reference(found)


def gradients(backend, case, dtype):
    """Mean cost and gradients of one pass forward and back, as NumPy arrays."""
    with backend.session(dtype):
        parameters, x, y = case.on(backend, dtype)
        _, values, slopes = feedforward.cost_and_gradients(
            case.layers, parameters, x, y, case.cost, xp=backend.xp
        )
        C = costs.mean_cost(values, xp=backend.xp)
        slopes = [g for pair in slopes for g in pair]
        assert all(backends.of(g) == backend for g in slopes)
        assert all(g.dtype == backend.dtype(dtype) for g in slopes)
        return float(backend.to_numpy(C)), [backend.to_numpy(g) for g in slopes]


def mean_costs(backend, case, members):
    """Mean cost in float64 of many networks at once, ``(members,)``.

    ``members`` is shaped like the parameters with a leading axis.
    """
    with backend.session("float64"):
        _, x, y = case.on(backend, "float64")
        stacked = tuple(
            tuple(backend.asarray(p, dtype="float64") for p in pair) for pair in members
        )
        z, _ = feedforward.forward(case.layers, stacked, x, xp=backend.xp)
        values = case.cost.value(z, y, case.layers[-1].activation, xp=backend.xp)
        return backend.to_numpy(costs.mean_cost(values, xp=backend.xp))


def central_differences(backend, case, directions, h=2.0**-12):
    """Rate of change of the mean cost along each direction, ``(n,)``, to the order h^4.

    ``directions`` is shaped like the parameters with a leading axis of n. All 4n networks are
    computed at once, as members.
    """
    steps = np.asarray([2 * h, h, -h, -2 * h])
    weights = np.asarray([-1, 8, -8, 1]) / (12 * h)

    def moved(p, v):
        stack = p + np.multiply.outer(steps, v)
        return stack.reshape(-1, *p.shape)

    members = tuple(
        tuple(moved(p, v) for p, v in zip(*pairs, strict=True))
        for pairs in zip(case.parameters, directions, strict=True)
    )
    return weights @ mean_costs(backend, case, members).reshape(4, -1)


def every_axis(parameters):
    """One direction for each single parameter, in the order of the arrays."""
    arrays = [p for pair in parameters for p in pair]
    axes = np.split(
        np.eye(sum(p.size for p in arrays)), np.cumsum([p.size for p in arrays])[:-1], 1
    )
    shaped = [v.reshape(-1, *p.shape) for v, p in zip(axes, arrays, strict=True)]
    return tuple(zip(shaped[::2], shaped[1::2], strict=True))


def split(numbers, arrays):
    """Numbers cut and shaped like the arrays."""
    pieces = np.split(numbers, np.cumsum([a.size for a in arrays])[:-1])
    return [piece.reshape(a.shape) for piece, a in zip(pieces, arrays, strict=True)]


def distance(actual, desired):
    """Largest relative difference between the arrays of two lists."""
    return max(difference(a, d) for a, d in zip(actual, desired, strict=True))

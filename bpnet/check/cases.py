"""Small networks with every activation and cost, for the check of gradients."""

import itertools
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.backends.numpy import NumPy
from bpnet.core import activations, costs, feedforward, layers
from bpnet.core.feedforward import Parameters
from bpnet.core.random import Key, step_words
from bpnet.data import batches, draws

Host = np.ndarray[Any, Any]

ACTIVATIONS = tuple(activations.ACTIVATIONS)
PAIRS = tuple(
    (cost, output)
    for cost, kind in costs.COSTS.items()
    for output, sigma in activations.ACTIVATIONS.items()
    if issubclass(sigma, getattr(kind, "outputs", object))
)
"""Every cost with every output that it is defined for."""

# activations whose derivative jumps at 0, or bends there as elu's
_KINKED = {"relu", "leaky_relu", "elu", "selu"}
_MARGIN = 0.06  # wide enough for the steps of central differences and for bfloat16
_SIZES, _BATCH = (3, 4, 3), 4


@dataclass(frozen=True)
class Case:
    """A network with a batch."""

    hidden: str
    output: str
    cost_name: Any
    parameters: Any  # pairs of NumPy arrays as bpnet stores them, W of (n_in, n_out)
    x: Host  # examples, (batch, n_0)
    y: Host  # targets, (batch, n_L)
    dropout: float = 0.0  # rate after each hidden layer

    @property
    def layers(self) -> tuple[Any, ...]:
        """The layers of the parameters."""
        sizes = [W.shape[-2:] for W, _ in self.parameters]
        sigmas = [self.hidden] * (len(sizes) - 1) + [self.output]
        return tuple(
            layers.Dense(n_in, n_out, activations.get(sigma))
            for (n_in, n_out), sigma in zip(sizes, sigmas, strict=True)
        )

    @property
    def cost(self) -> Any:
        """The cost, checked against the output."""
        return costs.get(self.cost_name, self.layers[-1].activation)

    def on(self, backend: Backend, dtype: str) -> tuple[Parameters, Any, Any]:
        """Return parameters, x and y on a backend."""
        x, y = (backend.asarray(rows, dtype=dtype) for rows in (self.x, self.y))
        return batches.on_device(self.parameters, backend=backend, dtype=dtype), x, y

    def moved(self, parameters: Any) -> "Case":
        """Return the case with other parameters, which may have leading axes."""
        return replace(self, parameters=parameters)


def gradients(backend: Backend, case: Case, dtype: str) -> tuple[float, list[Host]]:
    """Mean cost of one pass forward and back, and dC/dW and dC/db of each layer."""
    with backend.session(dtype):
        parameters, x, y = case.on(backend, dtype)
        net, parameters, key = _with_dropout(backend, case, parameters)
        _, values, slopes = feedforward.cost_and_gradients(
            net, parameters, x, y, case.cost, xp=backend.xp, key=key
        )
        C = costs.mean_cost(values, xp=backend.xp)
        return float(backend.to_numpy(C)), [backend.to_numpy(g) for pair in slopes for g in pair]


def mean_costs(backend: Backend, case: Case) -> Host:
    """Mean cost in float64 of the networks along the leading axis of the parameters."""
    with backend.session("float64"):
        parameters, x, y = case.on(backend, "float64")
        net, parameters, key = _with_dropout(backend, case, parameters)
        z, _ = feedforward.forward(net, parameters, x, xp=backend.xp, key=key)
        values = case.cost.value(z, y, net[-1].activation, xp=backend.xp)
        host: Host = backend.to_numpy(costs.mean_cost(values, xp=backend.xp))
        return host


def _with_dropout(
    backend: Backend, case: Case, parameters: Parameters
) -> tuple[Any, Parameters, Key | None]:
    """Layers, their arrays and the key of the masks, None without dropout."""
    if not case.dropout:
        return case.layers, parameters, None
    net = layers.with_dropout(case.layers, case.dropout)
    arrays = iter(parameters)
    parameters = tuple(next(arrays) if layer.shapes else () for layer in net)
    rows = backend.asarray(np.arange(len(case.x), dtype=np.int32))
    # any fixed key, so that the mask is the same in every evaluation of the cost
    return net, parameters, Key(step_words(0, 4, 1), rows)


def central_differences(backend: Backend, case: Case, directions: Any, h: float = 2.0**-12) -> Host:
    """Rate of change of the mean cost along each direction, ``(n,)``, to the order h^4.

    ``directions`` is shaped like the parameters with a leading axis of n. All 4n networks are
    computed at once, as members.
    """
    # five points, of which the middle one has weight 0: errors of order h^2 cancel
    steps = np.asarray([2 * h, h, -h, -2 * h])
    weights = np.asarray([-1, 8, -8, 1]) / (12 * h)

    def moved(p: Host, v: Host) -> Host:
        stack: Host = p + np.multiply.outer(steps, v)
        return stack.reshape(-1, *p.shape)

    members = tuple(
        tuple(moved(p, v) for p, v in zip(*pairs, strict=True))
        for pairs in zip(case.parameters, directions, strict=True)
    )
    slopes: Host = weights @ mean_costs(backend, case.moved(members)).reshape(4, -1)
    return slopes


def every_axis(parameters: Any) -> Any:
    """One direction for each single parameter, in the order of the arrays."""
    arrays = [p for pair in parameters for p in pair]
    axes = np.split(
        np.eye(sum(p.size for p in arrays)), np.cumsum([p.size for p in arrays])[:-1], 1
    )
    shaped = [v.reshape(-1, *p.shape) for v, p in zip(axes, arrays, strict=True)]
    return tuple(zip(shaped[::2], shaped[1::2], strict=True))


def split(numbers: Host, arrays: Any) -> list[Host]:
    """Numbers cut and shaped like the arrays."""
    pieces = np.split(numbers, np.cumsum([a.size for a in arrays])[:-1])
    return [piece.reshape(a.shape) for piece, a in zip(pieces, arrays, strict=True)]


@cache
def small(hidden: str, output: str, cost: str, dropout: float = 0.0) -> Case:
    """3-4-3 network with 4 examples, away from kinks, whose gradients are all large enough.

    Every dtype holds its numbers exactly, and float16 can hold its gradients.
    """
    for seed in range(10_000):
        case = _draw(hidden, output, cost, dropout, draws.generator(seed, "check"))
        # a relative error of a tiny gradient would say nothing; float16 ends at 65504
        if _is_clear(case) and all(0.02 < np.linalg.norm(g) < 1e3 for g in _slopes(case)):
            return case
    msg = f"no case for {hidden}, {output}, {cost}"
    raise AssertionError(msg)


def large(hidden: str, output: str, cost: str) -> Case:
    """200-100-50-10 network with 32 examples, for random directions."""
    random = draws.generator(7, "check")
    parameters = tuple(
        (random.normal(0, n_in**-0.5, (n_in, n_out)), random.normal(0, 0.3, n_out))
        for n_in, n_out in itertools.pairwise((200, 100, 50, 10))
    )
    x, y = random.normal(0, 1, (32, 200)), targets(cost, output, (32, 10), random)
    return Case(hidden, output, cost, parameters, x, y)


def _draw(hidden: str, output: str, cost: str, dropout: float, random: Any) -> Case:
    parameters = tuple(
        (_grid(random.normal(0, n_in**-0.5, (n_in, n_out))), _grid(random.normal(0, 0.5, n_out)))
        for n_in, n_out in itertools.pairwise(_SIZES)
    )
    x = _grid(random.normal(0, 1, (_BATCH, _SIZES[0])))
    y = targets(cost, output, (_BATCH, _SIZES[-1]), random)
    return Case(hidden, output, cost, parameters, x, y, dropout)


def _grid(a: Host) -> Host:
    """Round to 8 bits, which bfloat16 holds exactly."""
    return np.asarray(np.clip(np.round(64 * a), -256, 256) / 64)


def targets(cost: str, output: str, shape: tuple[int, int], random: Any) -> Host:
    """Random y that suits a cost, numbers of few bits."""
    n = shape[1]
    if cost == "cross_entropy" and output == "softmax":
        # frequencies of 64 draws: rows sum to 1 exactly, in bfloat16 too
        return np.asarray(random.multinomial(64, [1 / n] * n, shape[0]) / 64)
    if cost == "cross_entropy":
        return np.asarray(random.integers(0, 65, shape) / 64)
    if cost == "hinge":
        return np.asarray(random.integers(0, 2, shape).astype(float))
    if cost == "poisson":
        return np.asarray(random.integers(0, 4, shape).astype(float))
    return _grid(random.normal(0, 1.5, shape))


def _slopes(case: Case) -> list[Host]:
    return gradients(NumPy(), case, "float64")[1]


def _is_clear(case: Case) -> bool:
    """Whether no neuron and no residual is near a point where a derivative jumps."""
    # the cases are the same for all backends, whichever is checked
    backend = NumPy()
    parameters, x, y = case.on(backend, "float64")
    net, parameters, key = _with_dropout(backend, case, parameters)
    z, caches = feedforward.forward(net, parameters, x, xp=backend.xp, key=key)
    a = net[-1].activation.sigma(z, xp=backend.xp)
    # the cache of a dense layer is (a of the layer below, z, a)
    gaps = [caches[0][1].ravel()] * (case.hidden in _KINKED) + [z] * (case.output in _KINKED)
    if case.cost_name == "mae":
        gaps.append(a - y)
    elif case.cost_name == "huber":
        gaps.append(np.abs(a - y) - case.cost.threshold)
    elif case.cost_name == "hinge":
        gaps.append((2 * y - 1) * a - 1)
    return all(np.abs(gap).min() > _MARGIN for gap in gaps)

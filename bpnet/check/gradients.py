"""Backpropagation against central differences of the cost.

The differences are taken in float64 on NumPy; the gradients come from the backend under test, in
each of its dtypes.
"""

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np

from bpnet.backends import Backend
from bpnet.backends.numpy import NumPy
from bpnet.check import cases
from bpnet.check.cases import Case, Host
from bpnet.check.report import Row, difference, worst
from bpnet.data import draws

BOUNDS = {"float64": 1e-7, "float32": 1e-5, "float16": 2e-2, "bfloat16": 1e-1}
"""Bounds on the relative difference; in float64 the error is that of the central differences."""

_LARGE = (
    ("sigmoid", "sigmoid", "quadratic"),
    ("tanh", "softmax", "cross_entropy"),
    ("gelu", "exp", "poisson"),
    ("softmax", "identity", "huber"),
)
_DIRECTIONS = 8


def rows(backend: Backend, dtype: str) -> Iterator[Row]:
    """Yield rows for every activation, cost and layer, and for larger networks along directions."""
    bound = BOUNDS[dtype]
    for hidden in cases.ACTIVATIONS:
        chosen = [("quadratic", "sigmoid"), ("cross_entropy", "softmax")]
        networks = {f"{c}, {o}": cases.small(hidden, o, c) for c, o in chosen}
        yield _row(backend, dtype, f"hidden layer {hidden}", networks, bound)
    # PAIRS are in the order of their costs, as groupby needs them
    for cost, pairs in itertools.groupby(cases.PAIRS, key=lambda pair: pair[0]):
        networks = {output: cases.small("tanh", output, cost) for _, output in pairs}
        yield _row(backend, dtype, f"cost {cost}, every output", networks, bound)
    networks = {"": cases.small("tanh", "softmax", "cross_entropy", 0.4)}
    yield _row(backend, dtype, "dropout layer", networks, bound)
    if dtype in ("float64", "float32"):
        for hidden, output, cost in _LARGE:
            case = cases.large(hidden, output, cost)
            name = f"200-100-50-10 {hidden}, {cost}"
            yield Row("gradients", name, dtype, _along(backend, dtype, case), bound)


def _row(backend: Backend, dtype: str, name: str, networks: dict[str, Case], bound: float) -> Row:
    errors = {label: _error(backend, dtype, case) for label, case in networks.items()}
    error, label = worst(errors)
    return Row("gradients", name, dtype, error, bound, label if len(networks) > 1 else "")


def _error(backend: Backend, dtype: str, case: Case) -> float:
    """Largest relative difference of the cost and of each array's gradient."""
    C, arrays = cases.gradients(backend, case, dtype)
    expected_C, slopes = _by_differences(case.hidden, case.output, case.cost_name, case.dropout)
    pairs = [(C, expected_C), *zip(arrays, cases.split(slopes, arrays), strict=True)]
    return worst({str(i): difference(*pair) for i, pair in enumerate(pairs)})[0]


@cache
def _by_differences(hidden: str, output: str, cost: str, dropout: float) -> tuple[float, Host]:
    case = cases.small(hidden, output, cost, dropout)
    # mean_costs takes several networks along a leading axis, of which this is one
    one = tuple(tuple(p[None] for p in pair) for pair in case.parameters)
    (C,) = cases.mean_costs(NumPy(), case.moved(one))
    directions = cases.every_axis(case.parameters)
    return float(C), cases.central_differences(NumPy(), case, directions)


def _along(backend: Backend, dtype: str, case: Case) -> float:
    """Relative difference of the slopes along random directions."""
    random = draws.generator(8, "check")
    directions = tuple(
        tuple(random.normal(0, 1, (_DIRECTIONS, *p.shape)) for p in pair)
        for pair in case.parameters
    )
    _, arrays = cases.gradients(backend, case, dtype)
    # the slope along v is the sum of v . gradient over all arrays, equation (1)
    along = sum(
        np.sum(v * g, axis=tuple(range(1, v.ndim)))
        for v, g in zip(itertools.chain(*directions), arrays, strict=True)
    )
    return difference(along, cases.central_differences(NumPy(), case, directions))

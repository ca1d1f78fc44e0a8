"""What the gradients of small cases must be, by the paper in plain Python."""

import itertools
from functools import cache

import numpy as np

from bpnet import backends
from bpnet.check import cases, reference
from bpnet.check.cases import Case, central_differences, every_axis, mean_costs, split, targets
from tests.assertions import difference

__all__ = ["Case", "central_differences", "every_axis", "mean_costs", "split", "targets"]

ACTIVATIONS = cases.ACTIVATIONS
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


def in_plain_python(case):
    """The network, X, Y and the name of the cost, as reference.py takes them."""
    names = [*[case.hidden] * (len(case.parameters) - 1), case.output]
    network = [
        (W.T.tolist(), b.tolist(), name)
        for (W, b), name in zip(case.parameters, names, strict=True)
    ]
    cost = reference.cost_name(case.cost_name, case.output)
    return network, case.x.tolist(), case.y.tolist(), cost


def by_reference(case):
    """Cost and gradients by reference.py, shaped and ordered as :func:`gradients` gives them."""
    network, X, Y, name = in_plain_python(case)
    pairs = reference.batch_gradients(network, X, Y, name)
    gradients = [np.asarray(g).T for pair in pairs for g in pair]
    return reference.batch_cost(network, X, Y, name), gradients


@cache
def exact(hidden, output, cost):
    """The case and what reference.py says of it: ``(case, C, gradients)``."""
    result = cases.small(hidden, output, cost)
    return result, *by_reference(result)


def gradients(backend, case, dtype):
    """Mean cost and gradients of one pass forward and back, which kept dtype and device."""
    with backend.session(dtype):
        fetching, expected = _Fetching(backend, []), backend.dtype(dtype)
        C, slopes = cases.gradients(fetching, case, dtype)
        assert len(fetching.fetched) == len(slopes) + 1
        for array in fetching.fetched:
            assert backends.of(array) == backend
            assert array.dtype == expected
        return C, slopes


class _Fetching:
    """A backend that keeps what was fetched from it."""

    def __init__(self, backend, fetched):
        self._backend = backend
        self.fetched = fetched

    def __getattr__(self, name):
        return getattr(self._backend, name)

    def to_numpy(self, a):
        self.fetched.append(a)
        return self._backend.to_numpy(a)


def distance(actual, desired):
    """Largest relative difference between the arrays of two lists."""
    return max(difference(a, d) for a, d in zip(actual, desired, strict=True))

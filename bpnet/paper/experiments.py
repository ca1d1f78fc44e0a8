"""The paper's experiments, computed with the library's own functions on any backend."""

import math
from collections.abc import Callable

from bpnet.backends import Backend
from bpnet.paper import formulas, learning
from bpnet.paper.lab import Lab, Results

EXPERIMENTS: dict[str, Callable[[Lab], Results]] = {
    "descents": formulas.descents,
    "directions": formulas.directions,
    "sigmoid": formulas.sigmoid,
    "network": formulas.network,
    "logarithms": formulas.logarithms,
    "saturation": learning.saturation,
    "spread": learning.spread,
    "decay": learning.decay,
}
"""Each experiment by its name, in the paper's order."""


def run(backend: Backend) -> dict[str, Results]:
    """Run all experiments on a backend."""
    lab = Lab(backend)
    # a library that has float64 switched off gets it for the experiments alone
    with backend.session(lab.dtype):
        return {name: experiment(lab) for name, experiment in EXPERIMENTS.items()}


def terms(pixels: int) -> int:
    """Count of products of two of ``pixels`` values, squares included: (n+r-1)!/(r!(n-1)!).

    Examples
    --------
    >>> terms(100 * 100)
    50005000
    """
    return math.comb(pixels + 1, 2)

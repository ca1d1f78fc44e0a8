"""``check_gradients``: backpropagation compared with difference quotients of the cost."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.arguments import checked
from bpnet.core.layers import Dense
from bpnet.data import draws
from bpnet.model.network import Network
from bpnet.training.declared import Strength
from bpnet.training.evaluation import gradients

Host = np.ndarray[Any, Any]

BOUND = 1e-5
"""Largest relative difference of a correct derivative; rounding alone stays far below."""

_STEPS = (1e-5, 1e-6)
"""Steps of the difference quotients: where one crosses a kink, as relu has, the other does not."""

_DIRECTIONS = 4
"""Random directions in which an array is moved."""
_FLOOR = 1e-4
"""Least slope, as a share of the cost, that a difference is divided by: below, rounding rules."""


@dataclass(frozen=True)
class GradientCheck:
    """Relative differences between derivatives and difference quotients.

    Parameters
    ----------
    differences : dict
        The largest difference of each part: the weights and biases of each layer, and each
        activation by itself.
    """

    differences: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether all derivatives are correct."""
        return not self.wrong

    @property
    def wrong(self) -> list[str]:
        """Names of the parts whose derivatives are wrong."""
        return [name for name, value in self.differences.items() if not value <= BOUND]

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        width = max(map(len, self.differences))
        lines = [
            f"{name:<{width}}  {value:7.1e}  {'wrong' if name in self.wrong else 'ok'}"
            for name, value in self.differences.items()
        ]
        # the activations are checked without the cost, which leaves the cost as the cause
        if self.wrong and all(name[0] in "Wb" for name in self.wrong):
            lines.append("each activation alone is right: look at the cost's delta")
        return "\n".join([f"relative differences, at most {BOUND:g}:", *lines])


@checked
def check_gradients(
    network: Network,
    X: Any,
    y: Any,
    *,
    cost: str | Any | None = None,
    l2: Strength = 0.0,
    backend: Any = None,
    device: Any = None,
) -> GradientCheck:
    """Compare backpropagation with difference quotients of the cost, in float64.

    The check tells whether the derivatives of an activation or a cost of your own are correct: it
    takes those of the network along random directions, and those of each activation by itself.

    Parameters
    ----------
    network : Network
        Network that is checked, and not changed; a small one is enough.
    X, y : array
        Examples and targets, as in :func:`bpnet.train`; some dozens are enough.
    cost, l2, backend, device
        As in :func:`bpnet.gradients`.

    Returns
    -------
    GradientCheck
        It prints as a table, and is true if all derivatives are correct.

    Examples
    --------
    >>> import bpnet
    >>> net = bpnet.Network([2, 3, 2], hidden="tanh", seed=0)
    >>> bool(bpnet.check_gradients(net, [[0.0, 1.0], [2.0, 3.0]], [0, 1]))
    True
    """

    def slopes(moved: Network) -> tuple[float, list[tuple[Host, Host]]]:
        return gradients(moved, X, y, cost=cost, l2=l2, backend=backend, device=device)

    random = draws.generator(0, "check")
    C, backpropagated = slopes(network)
    # setting an item replaces the copy's tuples of arrays, so the network keeps its own
    moved, differences = copy.copy(network), dict[str, float]()
    for l, pair in enumerate(backpropagated):
        for name, arrays, slope in zip("Wb", (moved.weights, moved.biases), pair, strict=True):
            p = np.asarray(arrays[l], np.float64)

            # the defaults bind the values of this turn of the loop
            def at(q: Host, arrays: Any = arrays, l: int = l) -> float:
                arrays[l] = q
                return slopes(moved)[0]

            worst = 0.0
            for _ in range(_DIRECTIONS):
                v = random.normal(size=p.shape)
                v /= np.linalg.norm(v)
                # the slope along v is the product of v and the gradient
                worst = max(worst, _difference(at, p, v, float(np.sum(v * slope)), C))
            arrays[l] = p
            differences[f"{name} of layer {l + 1}"] = worst
    for layer in network.layers:
        if isinstance(layer, Dense):
            differences[f"{type(layer.activation).__name__} alone"] = _alone(layer, random)
    return GradientCheck(differences)


def _alone(layer: Dense, random: Any) -> float:
    """Return the largest relative difference of an activation's product with its Jacobian."""
    sigma, xp, worst = layer.activation, backends.get("numpy").xp, 0.0
    for _ in range(_DIRECTIONS):
        z, v, up = (random.normal(size=(16, layer.n_out)) for _ in range(3))
        # backward may write to the error that it is given
        slope = float(np.sum(v * sigma.backward(up.copy(), z, sigma.sigma(z, xp=xp), xp=xp)))

        def at(q: Host, up: Host = up) -> float:
            return float(np.sum(up * sigma.sigma(q, xp=xp)))

        worst = max(worst, _difference(at, z, v, slope, float(np.sum(np.abs(up)))))
    return worst


def _difference(at: Callable[[Host], float], p: Host, v: Host, slope: float, C: float) -> float:
    """Return the relative difference of a slope and the nearer of its difference quotients."""
    quotients = [(at(p + h * v) - at(p - h * v)) / (2 * h) for h in _STEPS]
    far = [
        # tiny keeps 0 / 0 from being nan where slope, quotient and cost are all 0
        abs(slope - q) / max(abs(slope), abs(q), _FLOOR * abs(C), np.finfo(float).tiny)
        for q in quotients
    ]
    return float(np.nanmin(far)) if not np.isnan(far).all() else np.inf

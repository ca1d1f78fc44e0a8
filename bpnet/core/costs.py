"""Costs, each with the error of the output layer that follows from it.

``value`` and ``delta`` take ``z``, ``(..., batch, n)``, the weighted input of the output layer;
``y``, of the same shape, the targets; and ``output``, the activation of that layer. They are for
each example by itself, summed over outputs: the caller weights and averages. Both are computed from
``z``, never from logarithms of clipped probabilities.
"""

import inspect
from dataclasses import dataclass
from typing import Any, Protocol

from bpnet._typing import Array, Namespace
from bpnet.arguments import shown
from bpnet.core import activations, special
from bpnet.core.activations import Activation
from bpnet.core.lookup import by_name, check_number, table
from bpnet.errors import InputError
from bpnet.public import listing

__all__ = [
    "COSTS", "MAE", "Cost", "CrossEntropy", "Hinge", "Huber", "Poisson", "Quadratic", "get",
    "mean_cost", "value_and_delta",
]  # fmt: skip
__dir__ = listing(__all__)


class Cost(Protocol):
    """The interface of a cost."""

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return delta^L = dC/dz^L of each example, ``(..., batch, n)``."""


def mean_cost(
    values: Array, weights: Array | None = None, total: Any = None, *, xp: Namespace
) -> Array:
    """Cost of a set of examples: C = (1/m) sum_x C_x, or the mean with weights.

    Equations: (4), (9).

    Parameters
    ----------
    values : array, (..., m)
        C_x of each example, such as (5).
    weights : array, (..., m), optional
        Weights of the examples.
    total : float or array, (), optional
        Size or weight of the set that these examples are a part of; the default is theirs.

    Returns
    -------
    array, (...)
        The mean, or this part's share of it.

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> float(mean_cost(xp.asarray([1.0, 3.0]), xp=xp))
    2.0
    """
    if weights is None:
        return xp.sum(values, axis=-1) / (values.shape[-1] if total is None else total)
    total = xp.sum(weights, axis=-1) if total is None else total
    return xp.sum(values * weights, axis=-1) / special.or_one(total, xp=xp)


def value_and_delta(
    cost: Cost, z: Array, y: Array, output: Activation, *, xp: Namespace
) -> tuple[Array, Array]:
    """C, (..., batch), and delta^L, (..., batch, n), at once where the cost can share the work."""
    if hasattr(cost, "value_and_delta"):
        both: tuple[Array, Array] = cost.value_and_delta(z, y, output, xp=xp)
        return both
    return cost.value(z, y, output, xp=xp), cost.delta(z, y, output, xp=xp)


@dataclass(frozen=True)
class Quadratic:
    """Half the squared norm, C_x = 1/2 ||a^L - y||^2, for any output.

    Equations: (5), (16), (17).
    """

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        r = output.sigma(z, xp=xp) - y
        return 0.5 * xp.sum(r * r, axis=-1)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return (a^L - y) * sigma'(z^L): the paper's (17), which is for one example."""
        a = output.sigma(z, xp=xp)
        return output.backward(a - y, z, a, xp=xp)


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy: binary with sigmoid outputs, as in the paper, categorical with softmax.

    sigmoid: C_x = -sum_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)] = sum_j [softplus(z_j) - y_j z_j];
    softmax: C_x = -sum_j y_j ln a_j, with rows of ``y`` that sum to 1. In both sigma' cancels,
    delta^L = a^L - y (for one example, as all of the paper's (26)).

    Equations: (25), (26).
    """

    outputs = (activations.Sigmoid, activations.Softmax)

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        if isinstance(output, activations.Softmax):
            return self.value_and_delta(z, y, output, xp=xp)[0]
        # max(z,0) - y z, not softplus(z) - y z: the difference of two large numbers stays exact
        gap = special.positive_part(z, xp=xp) - y * z
        return xp.sum(gap + xp.log1p(xp.exp(-xp.abs(z))), axis=-1)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return a^L - y."""
        delta = output.sigma(z, xp=xp)
        delta -= y
        return delta

    def value_and_delta(
        self, z: Array, y: Array, output: Activation, *, xp: Namespace
    ) -> tuple[Array, Array]:
        """Return both; with softmax they share its exponentials."""
        if not isinstance(output, activations.Softmax):
            return self.value(z, y, output, xp=xp), self.delta(z, y, output, xp=xp)
        z = z - xp.max(z, axis=-1, keepdims=True)  # or ln sum and y z, both large, would cancel
        e = xp.exp(z)
        total = xp.sum(e, axis=-1, keepdims=True)
        delta = e / total
        delta -= y
        return xp.log(total)[..., 0] - xp.sum(y * z, axis=-1), delta


@dataclass(frozen=True)
class MAE:
    """Absolute error, C_x = sum_j |a_j - y_j|, for any output."""

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        return xp.sum(xp.abs(output.sigma(z, xp=xp) - y), axis=-1)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return sign(a - y) through the output's Jacobian."""
        a = output.sigma(z, xp=xp)
        return output.backward(xp.sign(a - y), z, a, xp=xp)


@dataclass(frozen=True)
class Huber:
    """Quadratic near zero, linear beyond ``threshold`` (Huber 1964), for any output.

    With r = a - y: r^2/2 where |r| <= t, else t (|r| - t/2), summed over outputs.

    Parameters
    ----------
    threshold : float
        Where the quadratic part ends, t > 0.
    """

    threshold: float = 1.0

    def __post_init__(self) -> None:
        message = "huber's threshold is {!r}; give a positive number"
        check_number(self, "threshold", message, lambda t: t > 0, float)

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        size = xp.abs(output.sigma(z, xp=xp) - y)
        # one product for both parts: r^2/2 where inside is |r|, t (|r| - t/2) where it is t
        inside = xp.clip(size, None, self.threshold)
        return xp.sum(inside * (size - 0.5 * inside), axis=-1)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return the residual, clipped at the threshold, through the output's Jacobian."""
        a = output.sigma(z, xp=xp)
        dC_da = xp.clip(a - y, -self.threshold, self.threshold)
        return output.backward(dC_da, z, a, xp=xp)


@dataclass(frozen=True)
class Poisson:
    """Half the Poisson deviance, C_x = sum_j [y ln(y/a) - y + a], for the output ``exp``.

    ``y`` is a count or a rate, 0 or more; the cost is 0 where a = y.
    """

    outputs = (activations.Exp,)

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        a = output.sigma(z, xp=xp)
        positive = xp.where(y > 0, y, xp.ones_like(y))  # y ln y is 0 at 0
        return xp.sum(y * xp.log(positive) - y * z - y + a, axis=-1)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return a - y: as with cross-entropy, sigma' cancels."""
        return output.sigma(z, xp=xp) - y


@dataclass(frozen=True)
class Hinge:
    """Hinge, C_x = sum_j max(0, 1 - t_j a_j) with t = 2y - 1, one output against the rest.

    For the outputs ``identity`` and ``tanh``; ``y`` is 0 or 1.
    """

    outputs = (activations.Identity, activations.Tanh)

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        margin = 1 - (2 * y - 1) * output.sigma(z, xp=xp)
        return xp.sum(xp.clip(margin, 0.0, None), axis=-1)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return -t where the margin is not kept, through the output's Jacobian."""
        a = output.sigma(z, xp=xp)
        t = 2 * y - 1
        inside = xp.astype(t * a < 1, z.dtype)
        return output.backward(-t * inside, z, a, xp=xp)


@dataclass(frozen=True, eq=False)
class UserCost:
    """A user's object with ``value(z, y, output)`` and ``delta(z, y, output)``.

    Two are never equal, so that a compiling backend does not reuse what it compiled for the same
    object before a change, and so that an object without a hash can be wrapped.
    """

    cost: Any
    takes_xp: bool  # whether its functions have the keyword xp

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return the user's ``value``, ``(..., batch)``."""
        C = self.cost.value(z, y, output, **({"xp": xp} if self.takes_xp else {}))
        return self._shaped(C, z.shape[:-1], "value", "one number an example")

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return the user's ``delta``, ``(..., batch, n)``."""
        delta = self.cost.delta(z, y, output, **({"xp": xp} if self.takes_xp else {}))
        return self._shaped(delta, z.shape, "delta", "like z")

    def _shaped(self, array: Array, shape: tuple[int, ...], name: str, meaning: str) -> Array:
        actual = getattr(array, "shape", None)
        if actual is None or tuple(actual) != tuple(shape):
            text = "no array" if actual is None else f"shape {tuple(actual)}"
            msg = f"{type(self.cost).__name__}.{name} gave {text}; give {tuple(shape)}, {meaning}"
            raise InputError(msg)
        return array


COSTS: dict[str, type[Cost]] = table({
    "quadratic": Quadratic, "cross_entropy": CrossEntropy, "mae": MAE, "huber": Huber,
    "poisson": Poisson, "hinge": Hinge,
})  # fmt: skip
"""Every cost by its name."""


def get(cost: str | Any, output: Activation) -> Cost:
    """Cost of a name or an object, checked against the output's activation.

    Raises
    ------
    InputError
        If the name is unknown, the object lacks ``value`` or ``delta``, or the cost is not
        defined for that output.

    Examples
    --------
    >>> get("cross-entropy", activations.Softmax())
    CrossEntropy()
    """
    chosen = named(cost)
    allowed = getattr(chosen, "outputs", None)
    if allowed is not None and not isinstance(output, allowed):
        msg = (
            f"cost {type(chosen).__name__} is not defined for the output {type(output).__name__}; "
            f"use {' or '.join(kind.__name__ for kind in allowed)} outputs or another cost"
        )
        raise InputError(msg)
    # a subclass of bpnet's own is a user's cost, too: it may have replaced value or delta
    if type(chosen) in COSTS.values():
        return chosen
    return UserCost(chosen, "xp" in inspect.signature(chosen.value).parameters)


def named(cost: str | Cost) -> Cost:
    """Cost of a name, or an object as it is, which must have ``value`` and ``delta``."""
    if isinstance(cost, str):
        return by_name("cost", COSTS, cost)()
    # a class has value and delta as well, but no object to call them on
    if isinstance(cost, type):
        msg = f"cost is the class {cost.__name__}; give an object of it, {cost.__name__}()"
        raise InputError(msg)
    if not all(callable(getattr(cost, name, None)) for name in ("value", "delta")):
        msg = f"cost is {shown(cost)}; give a name or an object with value and delta"
        raise InputError(msg)
    return cost

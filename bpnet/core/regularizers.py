"""Regularization by L2, L1, max-norm and clipping. Biases are never regularized.

Strengths and limits are numbers, or arrays, (members,), with one for each network of a stack.
"""

from typing import Any, NamedTuple

from bpnet._typing import Array, Namespace
from bpnet.core.feedforward import Parameters
from bpnet.core.special import beside


class Regularization(NamedTuple):
    """Strengths and limits of a step; 0 and None turn them off."""

    l2: Any = None  # the paper's alpha
    l1: Any = None
    max_norm: Any = None  # largest norm of the weights into one neuron
    clip_norm: Any = None  # largest norm of all gradients of a network


UNBOUND = Regularization(0.0, 0.0, 1e30, 1e30)
"""Values without an effect, for a network without regularization in a stack with it.

They are finite in float32, in which halves are regularized, too.
"""


def is_given(value: Any) -> bool:
    """Whether a strength or limit is on: a number that is not 0, or one for each member."""
    # an array counts as on: to read its values would make the host wait for the device
    return value is not None and (getattr(value, "ndim", 0) > 0 or bool(value != 0))


def penalized(
    C: Array, parameters: Parameters, gradients: Parameters, regularization: Regularization,
    m: Any, *, xp: Namespace,
) -> tuple[Array, Parameters]:  # fmt: skip
    """Return the cost, (...), and its gradients with L2 and L1, where these are given.

    The gradients are shaped like the parameters, and donated; ``m`` is as in :func:`l2_cost`.
    """
    l2, l1 = regularization[:2]
    if is_given(l2):
        C = C + l2_cost(parameters, l2, m, xp=xp)
        gradients = l2_gradient(parameters, gradients, l2, m)
    if is_given(l1):
        C = C + l1_cost(parameters, l1, m, xp=xp)
        gradients = l1_gradient(parameters, gradients, l1, m, xp=xp)
    return C, gradients


def l2_cost(parameters: Parameters, l2: float, m: Any, *, xp: Namespace) -> Array:
    """The L2 term of the cost, alpha/(2m) sum_w w^2, ``(...)``: C = C_0 + this.

    ``l2`` is the paper's alpha, and ``m`` the size of the training set, in mini-batches too; ``b``
    does not count.

    Equation: (27).

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> W, b = xp.asarray([[1.0, 2.0]]), xp.asarray([9.0, 9.0])
    >>> float(l2_cost(((W, b),), l2=0.5, m=10, xp=xp))
    0.125
    """
    squares = [xp.sum(W * W, axis=(-2, -1)) for W in _weights(parameters)]
    return sum(squares[1:], start=squares[0]) * (l2 / (2 * m))


def l2_gradient(parameters: Parameters, gradients: Parameters, l2: float, m: Any) -> Parameters:
    """Gradient of the regularized cost: dC/dw = dC_0/dw + (alpha/m) w, dC/db as it was.

    A descent step with it is the paper's: w <- (1 - eta alpha/m) w - eta dC_0/dw, and
    b <- b - eta dC/db. The gradients are donated; ``l2`` and ``m`` are as in :func:`l2_cost`.

    Equations: (28), (29).
    """
    n = _axes(parameters)
    return tuple(
        (g[0] + beside(l2 / m, p[0]) * p[0], *g[1:]) if _has_weights(p, n) else g
        for p, g in zip(parameters, gradients, strict=True)
    )


def l1_cost(parameters: Parameters, l1: float, m: Any, *, xp: Namespace) -> Array:
    """The L1 term of the cost, l1/m sum_w |w|, ``(...)``; arguments as in :func:`l2_cost`."""
    sizes = [xp.sum(xp.abs(W), axis=(-2, -1)) for W in _weights(parameters)]
    return sum(sizes[1:], start=sizes[0]) * (l1 / m)


def l1_gradient(
    parameters: Parameters, gradients: Parameters, l1: float, m: Any, *, xp: Namespace
) -> Parameters:
    """Gradient with L1: dC/dw = dC_0/dw + (l1/m) sign(w); the gradients are donated."""
    n = _axes(parameters)
    return tuple(
        (g[0] + beside(l1 / m, p[0]) * xp.sign(p[0]), *g[1:]) if _has_weights(p, n) else g
        for p, g in zip(parameters, gradients, strict=True)
    )


def max_norm(parameters: Parameters, limit: float, *, xp: Namespace) -> Parameters:
    """Parameters whose weights into one neuron have at most the length ``limit``.

    Longer columns of ``W``, (..., n_in, n_out), are scaled down to it (Srivastava et al. 2014); the
    parameters are donated.
    """
    n = _axes(parameters)
    return tuple((_short(p[0], limit, xp), *p[1:]) if _has_weights(p, n) else p for p in parameters)


def _axes(parameters: Parameters) -> int:
    """Axes of a ``W``, with those of members: one more than those of the last layer's ``b``."""
    return 1 + next(int(arrays[-1].ndim) for arrays in reversed(parameters) if arrays)


def _has_weights(arrays: tuple[Array, ...], axes: int) -> bool:
    """Whether the first array is a ``W``, which has so many axes, and no gamma."""
    return len(arrays) > 0 and arrays[0].ndim == axes


def _weights(parameters: Parameters) -> list[Array]:
    n = _axes(parameters)
    return [arrays[0] for arrays in parameters if _has_weights(arrays, n)]


def _short(W: Array, limit: Any, xp: Namespace) -> Array:
    W *= _shrink(xp.sqrt(xp.sum(W * W, axis=-2, keepdims=True)), beside(limit, W), xp)
    return W


def _shrink(length: Array, limit: float, xp: Namespace) -> Array:
    """Factor that scales a length down to the limit, 1 for a shorter length."""
    return limit / xp.where(length > limit, length, xp.zeros_like(length) + limit)


def clip(
    gradients: tuple[Array, ...], limit: Any, axes: int = 0, *, xp: Namespace
) -> tuple[Array, ...]:
    """Gradients scaled down to a total length of at most ``limit`` (Pascanu et al. 2013).

    The gradients are those of all parameters of a network, as :class:`bpnet.core.flat.Layout` packs
    them, and donated. The first ``axes`` axes, 0 or 1, are members, and ``limit`` is a number or
    has one for each member.
    """
    squares = [xp.sum(g * g, axis=tuple(range(axes, g.ndim))) for g in gradients]
    factor = _shrink(xp.sqrt(sum(squares[1:], start=squares[0])), limit, xp)
    return tuple(g * beside(factor, g) for g in gradients)

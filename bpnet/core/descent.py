"""Gradient descent on any function of any number of variables, section 1.1 of the paper."""

from collections.abc import Callable

from bpnet._typing import Array
from bpnet.core.namespace import namespace_of


def directional_derivative(gradient: Array, v: Array) -> Array:
    """Rate of change of C along v: the dot product of its gradient with v.

    It is the slope of C in the direction of v when v has length 1.

    Equation: (1).

    Parameters
    ----------
    gradient : array, (..., n)
        Of C at one point.
    v : array, (..., n)
        Direction.

    Returns
    -------
    array, (...)
        The directional derivative.

    Examples
    --------
    C = x^2 + y^2 at (1, 2), along the x axis:

    >>> import numpy as np
    >>> float(directional_derivative(np.asarray([2.0, 4.0]), np.asarray([1.0, 0.0])))
    2.0
    """
    return namespace_of(gradient, v).sum(gradient * v, axis=-1)


def steepest_descent(gradient: Array) -> Array:
    """Direction of length 1 in which C falls fastest: against the gradient.

    Equation: (2).

    Parameters
    ----------
    gradient : array, (..., n)
        Of C at one point, not zero.

    Returns
    -------
    array, (..., n)
        The v of length 1 that minimizes the directional derivative.

    Examples
    --------
    >>> import numpy as np
    >>> steepest_descent(np.asarray([3.0, -4.0]))
    array([-0.6,  0.8])
    """
    xp = namespace_of(gradient)
    size = xp.max(xp.abs(gradient), axis=-1, keepdims=True)
    scaled = gradient / size  # squares of very small or large numbers would be lost
    return -scaled / xp.sqrt(xp.sum(scaled * scaled, axis=-1, keepdims=True))


def descend(w: Array, gradient: Array, eta: float) -> Array:
    """One step of gradient descent, w <- w - eta * gradient.

    Equation: (3).

    Parameters
    ----------
    w : array, (..., n)
        Position.
    gradient : array, (..., n)
        Of C at w.
    eta : float
        Learning rate.

    Returns
    -------
    array, (..., n)
        The next position.
    """
    return w - eta * gradient


def gradient_descent(
    gradient: Callable[[Array], Array], w: Array, *, eta: float, steps: int
) -> list[Array]:
    """Path of gradient descent from ``w``.

    Parameters
    ----------
    gradient : callable
        From a position, (..., n), to the gradient of C there, (..., n).
    w : array, (..., n)
        Where to start; leading axes are starts of their own.
    eta : float
        Learning rate: too small is slow, too large overshoots.
    steps : int
        How many.

    Returns
    -------
    list of arrays, (..., n)
        The start and the position after each step.

    Examples
    --------
    C = x^2 + y^2, Figure 1 of the paper:

    >>> import numpy as np
    >>> path = gradient_descent(lambda w: 2 * w, np.asarray([2.0, 1.0]), eta=0.25, steps=2)
    >>> [w.tolist() for w in path]
    [[2.0, 1.0], [1.0, 0.5], [0.5, 0.25]]
    """
    path = [w]
    for _ in range(steps):
        path.append(descend(path[-1], gradient(path[-1]), eta))
    return path

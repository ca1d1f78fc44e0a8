"""How good the output is, counted on the arrays' own device."""

from typing import Literal

from bpnet._typing import Array, Namespace

Kind = Literal["class", "threshold"]
"""How a right answer is told: the largest output, or every output on its side of 0.5."""


def count_correct(
    z: Array, y: Array, kind: Kind, middle: float, *, xp: Namespace
) -> Array:
    """Number of examples whose class is right, in int32.

    Parameters
    ----------
    z : array, (..., batch, n)
        Weighted input of the output layer; sigma keeps its order.
    y : array of int, (..., batch), or array, (..., batch, n)
        Class numbers, or rows: one-hot for ``"class"``, 0 or 1 for ``"threshold"``.
    kind : {"class", "threshold"}
        By the largest output, or by every output on its side.
    middle : float
        The z at which the output says neither 0 nor 1.
    xp : namespace
        The arrays' namespace.

    Returns
    -------
    array of int32, (...)
        The count.
    """
    if kind == "class":
        wanted = y if y.ndim < z.ndim else xp.argmax(y, axis=-1)
        right = xp.argmax(z, axis=-1) == xp.astype(wanted, xp.int64)
    else:
        right = xp.all((z > middle) == (y > 0.5), axis=-1)
    return xp.sum(xp.astype(right, xp.int32), axis=-1, dtype=xp.int32)

"""Accuracy and R2, computed on the arrays' own device."""

from typing import Literal

from bpnet._typing import Array, Namespace
from bpnet.core import special
from bpnet.core.activations import Activation, Sigmoid, Softmax
from bpnet.core.namespace import namespace_of

Kind = Literal["class", "threshold"]
"""What makes a prediction correct: the largest output, or every output on its side of 0.5."""


def is_probability(output: Activation) -> bool:
    """Whether outputs are probabilities: a sigmoid's or a softmax's."""
    return isinstance(output, Sigmoid | Softmax)


def middle(output: Activation) -> float:
    """Threshold between the labels 0 and 1: a probability of 0.5, or else an output of 0."""
    return 0.5 if is_probability(output) else 0.0


def count_correct(
    z: Array, y: Array, classes: Array, kind: Kind, middle: float, real: Array | None = None,
    *, xp: Namespace,
) -> Array:  # fmt: skip
    """Number of examples whose class is right, in int32.

    Parameters
    ----------
    z : array, (..., batch, n)
        Weighted input of the output layer, or its output: sigma keeps the order.
    y : array of int, (..., batch), or array, (..., batch, n)
        Class numbers, or rows: one-hot for ``"class"``, 0 or 1 for ``"threshold"``.
    classes : array of int, (n,)
        0 to n - 1, in the integers that the device indexes with.
    kind : {"class", "threshold"}
        By the largest output, or by every output on its side of the threshold.
    middle : float
        Threshold between 0 and 1.
    real : array of bool, (..., batch), optional
        True for the rows that are examples; the others do not count.

    Returns
    -------
    array of int32, (...)
        The count.
    """
    if kind == "class":
        labels = y if y.ndim < z.ndim else special.argmax(y, classes, xp=xp)
        right = special.argmax(z, classes, xp=xp) == labels
    else:
        right = xp.all((z > middle) == (y > 0.5), axis=-1)
    if real is not None:
        right = xp.logical_and(right, real)
    # without a dtype the standard adds up in int64, which some devices lack
    return xp.sum(xp.astype(right, xp.int32), axis=-1, dtype=xp.int32)


def decide(a: Array, kind: Kind, middle: float, *, xp: Namespace) -> Array:
    """Class number of each example, (batch,), or its labels, (batch, n), in int64.

    The class is that of the largest output of ``a``, (batch, n); a label is 1 where an output is
    above the threshold ``middle``.
    """
    return xp.argmax(a, axis=1) if kind == "class" else xp.astype(a > middle, xp.int64)


def r2(a: Array, y: Array) -> float:
    """Share of the variance of ``y`` that ``a`` explains, the mean over outputs.

    R2 = 1 - sum (y - a)^2 / sum (y - mean y)^2; a target that does not vary counts 0, or 1 where
    the output equals it.

    Parameters
    ----------
    a, y : array, (m, n) or (m,)
        Outputs and targets, on the host or a device.

    Examples
    --------
    >>> import numpy as np
    >>> r2(np.asarray([[1.0], [2.0], [3.5]]), np.asarray([1.0, 2.0, 3.0]))
    0.875
    """
    xp = namespace_of(a, y)
    y = xp.reshape(y, a.shape)
    missed = xp.sum((y - a) ** 2, axis=0)
    spread = xp.sum((y - xp.mean(y, axis=0)) ** 2, axis=0)
    flat = spread == 0
    # the division is computed where a target does not vary, too, and must not be by 0
    share = 1 - missed / xp.where(flat, xp.ones_like(spread), spread)
    met = xp.where(missed == 0, xp.ones_like(share), xp.zeros_like(share))
    return float(xp.mean(xp.where(flat, met, share)))

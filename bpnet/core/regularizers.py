"""L2 regularization, also called weight decay. Biases are left out."""

from bpnet._typing import Array, Namespace
from bpnet.core.feedforward import Parameters


def l2_cost(parameters: Parameters, l2: float, m: int, *, xp: Namespace) -> Array:
    """What L2 adds to the cost: alpha/(2m) sum_w w^2, so that C = C_0 + this.

    Equation: (27).

    Parameters
    ----------
    parameters : tuple of tuples of arrays
        For each layer ``W``, (..., n_in, n_out), then ``b``, which does not count.
    l2 : float
        The paper's alpha.
    m : int
        Size of the training set, in mini-batches too.
    xp : namespace
        The arrays' namespace.

    Returns
    -------
    array, (...)
        The term to add.

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> W, b = xp.asarray([[1.0, 2.0]]), xp.asarray([9.0, 9.0])
    >>> float(l2_cost(((W, b),), l2=0.5, m=10, xp=xp))
    0.125
    """
    squares = [xp.sum(W * W, axis=(-2, -1)) for W, *_ in filter(None, parameters)]
    return sum(squares[1:], start=squares[0]) * (l2 / (2 * m))


def l2_gradient(parameters: Parameters, gradients: Parameters, l2: float, m: int) -> Parameters:
    """Gradient of the regularized cost: dC/dw = dC_0/dw + (alpha/m) w, dC/db as it was.

    A descent step with it is the paper's: w <- (1 - eta alpha/m) w - eta dC_0/dw, and
    b <- b - eta dC/db.

    Equations: (28), (29).

    Parameters
    ----------
    parameters, gradients : tuple of tuples of arrays
        Shaped alike; the gradients are donated.
    l2 : float
        The paper's alpha.
    m : int
        Size of the training set.

    Returns
    -------
    tuple of tuples of arrays
        The gradients of C.
    """
    return tuple(
        (g[0] + (l2 / m) * p[0], *g[1:]) if p else ()
        for p, g in zip(parameters, gradients, strict=True)
    )

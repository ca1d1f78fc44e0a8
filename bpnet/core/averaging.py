"""The mean of several networks' outputs, as the weighted input of one output layer."""

import math

from bpnet._typing import Array, Namespace
from bpnet.core import special
from bpnet.core.activations import Activation, Exp, Identity, Sigmoid, Softmax
from bpnet.errors import InputError


def mean_input(z: Array, output: Activation, *, xp: Namespace) -> Array:
    """Weighted input z with sigma(z) = (1/M) sum_k sigma(z_k), from which costs are computed.

    The mean of probabilities is computed from their logarithms, which do not underflow.

    Parameters
    ----------
    z : array, (M, ..., n)
        Weighted input of the output layer of each member.
    output : Activation
        sigma, whose inverse must exist.
    xp : namespace
        The array's namespace.

    Returns
    -------
    array, (..., n)
        z of the mean.

    Raises
    ------
    InputError
        If ``output`` has no inverse.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.log(np.asarray([[[0.9, 0.1]], [[0.5, 0.5]]]))
    >>> Softmax().sigma(mean_input(z, Softmax(), xp=np), xp=np)
    array([[0.7, 0.3]])
    """
    if isinstance(output, Identity):
        return xp.mean(z, axis=0)
    if isinstance(output, Softmax):
        # softmax takes logarithms of probabilities as z: it is unchanged by a constant in z
        return _log_mean_exp(z - special.logsumexp(z, xp=xp), xp=xp)
    if isinstance(output, Sigmoid):
        # ln a and ln(1 - a), whose difference is the z of a sigmoid
        log_p, log_q = (-special.softplus(sign * z, xp=xp) for sign in (-1, 1))
        return _log_mean_exp(log_p, xp=xp) - _log_mean_exp(log_q, xp=xp)
    if isinstance(output, Exp):
        return _log_mean_exp(z, xp=xp)
    msg = f"an ensemble's cost is of softmax, sigmoid, identity and exp outputs, not of {output!r}"
    raise InputError(f"{msg}; evaluate its networks one by one")


def _log_mean_exp(z: Array, *, xp: Namespace) -> Array:
    """Logarithm of the mean over the first axis of e^z."""
    return special.logsumexp(xp.moveaxis(z, 0, -1), xp=xp)[..., 0] - math.log(z.shape[0])

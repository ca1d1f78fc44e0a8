"""All arrays of a network as one vector, and back."""

import math

from bpnet._typing import Array, Namespace
from bpnet.core.feedforward import Parameters


def flatten(parameters: Parameters, xp: Namespace) -> Array:
    """Return the arrays' numbers one after the other, ``(n,)``."""
    return xp.concat([xp.reshape(a, (-1,)) for arrays in parameters for a in arrays])


def unflatten(w: Array, like: Parameters, xp: Namespace) -> Parameters:
    """Return arrays of the shapes of ``like`` that hold the first numbers of ``w``, (n,)."""
    at, out = 0, []
    for arrays in like:
        taken = []
        for a in arrays:
            n = math.prod(a.shape)
            taken.append(xp.reshape(w[at : at + n], a.shape))
            at += n
        out.append(tuple(taken))
    return tuple(out)

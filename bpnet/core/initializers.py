"""Initial weights: rules of scale and shape. The random numbers are drawn on the host.

An initializer turns standard draws into ``W``, ``(n_in, n_out)``, and ``b``, ``(n_out,)``.
``draw`` has ``normal(shape)``, mean 0 and variance 1, and ``uniform(shape)`` on [-1, 1).
"""

import inspect
import math
from dataclasses import dataclass
from typing import Literal, Protocol

from bpnet._typing import Array, Namespace
from bpnet.arguments import checked, shown
from bpnet.core import activations
from bpnet.core.activations import Activation
from bpnet.core.lookup import by_name, check_finite
from bpnet.errors import InputError
from bpnet.public import listing

__all__ = ["INITIALIZERS", "Draw", "Initializer", "Normal", "Orthogonal", "Scaled", "Zeros", "get"]
__dir__ = listing(__all__)


class Draw(Protocol):
    """The interface of a source of standard random numbers."""

    def normal(self, shape: tuple[int, ...]) -> Array:
        """Return normal numbers, mean 0 and variance 1."""

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Return uniform numbers on [-1, 1)."""


class Initializer(Protocol):
    """The interface of an initializer."""

    def __call__(self, draw: Draw, n_in: int, n_out: int, *, xp: Namespace) -> tuple[Array, Array]:
        """Return ``W``, ``(n_in, n_out)``, and ``b``, ``(n_out,)``."""


@checked
@dataclass(frozen=True)
class Scaled:
    """Variance gain / fan, biases zero: Glorot, He and LeCun.

    Parameters
    ----------
    gain : float
        1 (Glorot and Bengio 2010, LeCun et al. 1998) or 2 (He et al. 2015).
    fan : {"in", "mean"}
        n_in, or the mean of n_in and n_out.
    shape : {"normal", "uniform"}
        Of the distribution.
    """

    gain: float
    fan: Literal["in", "mean"]
    shape: Literal["normal", "uniform"]

    def __call__(self, draw: Draw, n_in: int, n_out: int, *, xp: Namespace) -> tuple[Array, Array]:
        """Return ``W``, ``(n_in, n_out)``, and ``b = 0``."""
        fan = n_in if self.fan == "in" else (n_in + n_out) / 2
        std = math.sqrt(self.gain / fan)
        # a draw tells library and dtype; it moves the random stream, which W then follows
        b = xp.zeros_like(draw.normal((n_out,)))
        if self.shape == "normal":
            return std * draw.normal((n_in, n_out)), b
        # the variance of a uniform number on [-1, 1) is 1/3
        return math.sqrt(3) * std * draw.uniform((n_in, n_out)), b


@dataclass(frozen=True)
class Normal:
    """Weights N(0, 1/n_in), biases N(0, 1): network2, whose notation the paper follows."""

    def __call__(self, draw: Draw, n_in: int, n_out: int, *, xp: Namespace) -> tuple[Array, Array]:
        """Return ``W``, ``(n_in, n_out)``, and ``b``."""
        W = draw.normal((n_in, n_out)) / math.sqrt(n_in)
        return W, draw.normal((n_out,))


@checked
@dataclass(frozen=True)
class Orthogonal:
    """Orthonormal rows or columns, biases zero (Saxe et al. 2014).

    Parameters
    ----------
    gain : float
        Length of the rows or columns.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self, "gain")

    def __call__(self, draw: Draw, n_in: int, n_out: int, *, xp: Namespace) -> tuple[Array, Array]:
        """Return ``W``, ``(n_in, n_out)``, and ``b = 0``."""
        # Q has orthonormal columns only if there are at least as many rows
        tall = draw.normal((max(n_in, n_out), min(n_in, n_out)))
        Q, R = xp.linalg.qr(tall)
        # the signs of R's diagonal make the draw uniform and the same for every LAPACK
        Q = Q * xp.sign(xp.linalg.diagonal(R))
        W = Q if n_in >= n_out else xp.matrix_transpose(Q)
        return self.gain * W, xp.zeros_like(draw.normal((n_out,)))


@dataclass(frozen=True)
class Zeros:
    """Weights and biases zero; every neuron of a layer then learns the same."""

    def __call__(self, draw: Draw, n_in: int, n_out: int, *, xp: Namespace) -> tuple[Array, Array]:
        """Return zeros."""
        return xp.zeros_like(draw.normal((n_in, n_out))), xp.zeros_like(draw.normal((n_out,)))


INITIALIZERS: dict[str, Initializer] = {
    "normal": Normal(),
    "glorot_normal": Scaled(1.0, "mean", "normal"),
    "glorot_uniform": Scaled(1.0, "mean", "uniform"),
    "he_normal": Scaled(2.0, "in", "normal"),
    "he_uniform": Scaled(2.0, "in", "uniform"),
    "lecun_normal": Scaled(1.0, "in", "normal"),
    "lecun_uniform": Scaled(1.0, "in", "uniform"),
    "orthogonal": Orthogonal(),
    "zeros": Zeros(),
    "glorot": Scaled(1.0, "mean", "uniform"),
    "he": Scaled(2.0, "in", "normal"),
    "lecun": Scaled(1.0, "in", "normal"),
}
"""Every initializer by its name; the last three are short names."""

# these are near 0 on one side, for which He's gain of 2 makes up
_RELU_LIKE = (
    activations.ReLU,
    activations.LeakyReLU,
    activations.ELU,
    activations.GELU,
    activations.SiLU,
    activations.Softplus,
)


def _takes_a_draw(init: Initializer) -> bool:
    """Whether an object can be called with the arguments of an initializer."""
    try:
        inspect.signature(init).bind(None, 1, 1, xp=None)
    # a user's object may raise anything when its signature is read
    except Exception:
        return False
    return True


def get(init: str | Initializer, activation: Activation) -> Initializer:
    """Initializer of a name or an object; ``"auto"`` takes the one that suits the activation.

    That is He's for relu and similar ones, LeCun's for selu, Glorot's for the others.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> get("auto", activations.ReLU())
    Scaled(gain=2.0, fan='in', shape='normal')
    """
    if not isinstance(init, str):
        if isinstance(init, type) or not _takes_a_draw(init):
            msg = f"init is {shown(init)}; give a name, an initializer or a list with (W, b) each"
            raise InputError(msg)
        return init
    if init == "auto":
        if isinstance(activation, activations.SELU):
            init = "lecun"
        else:
            init = "he" if isinstance(activation, _RELU_LIKE) else "glorot"
    return by_name("initializer", INITIALIZERS, init)

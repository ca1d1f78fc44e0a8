"""Activation functions sigma, each together with the product of an error with its Jacobian.

A new one is a frozen dataclass with ``sigma`` and ``prime`` (elementwise) or ``sigma`` and
``backward`` (any other), and a line in :data:`ACTIVATIONS`.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from bpnet._typing import Array, Namespace
from bpnet.arguments import shown
from bpnet.core import special
from bpnet.core.lookup import by_name, check_finite, table
from bpnet.errors import InputError
from bpnet.public import listing

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "SELU", "Activation", "Elementwise", "Exp", "Identity",
    "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh", "get",
]  # fmt: skip
__dir__ = listing(__all__)


class Activation(Protocol):
    """The interface of an activation function."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return a = sigma(z), ``(..., batch, n)`` like ``z``."""

    def backward(self, dC_da: Array, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return dC/dz, the product of dC/da, which is donated, with the Jacobian da/dz."""


class Elementwise:
    """An activation whose Jacobian is diagonal: dC/dz = dC/da * sigma'(z)."""

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return sigma'(z), from ``z`` or from ``a = sigma(z)``."""
        raise NotImplementedError

    def backward(self, dC_da: Array, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return dC/dz, ``(..., batch, n)``."""
        dC_da *= self.prime(z, a, xp=xp)
        return dC_da


@dataclass(frozen=True)
class Identity(Elementwise):
    """sigma(z) = z."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return ``z`` itself."""
        return z

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return ones."""
        return xp.ones_like(z)

    def backward(self, dC_da: Array, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return ``dC_da`` itself."""
        return dC_da


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """sigma(z) = 1 / (1 + e^(-z)), computed from e^(-|z|) so that nothing overflows.

    Equation: (8).

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> Sigmoid().sigma(xp.asarray([-1000.0, 0.0, 1000.0]), xp=xp)
    array([0. , 0.5, 1. ])
    """

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the sigmoid of ``z``."""
        e = xp.exp(-xp.abs(z))
        # for z < 0 the fraction is extended by e^z, because e^(-z) would overflow
        return xp.where(z < 0, e, xp.ones_like(e)) / (1 + e)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return sigma(z) (1 - sigma(z))."""
        return a * (1 - a)


@dataclass(frozen=True)
class Tanh(Elementwise):
    """sigma(z) = tanh(z)."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the hyperbolic tangent of ``z``."""
        return xp.tanh(z)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return 1 - tanh(z)^2."""
        return 1 - a * a


@dataclass(frozen=True)
class ReLU(Elementwise):
    """sigma(z) = max(z, 0); the derivative at 0 is taken as 0."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the positive part of ``z``."""
        return special.positive_part(z, xp=xp)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return 1 where ``z`` is positive, else 0."""
        return xp.astype(a > 0, z.dtype)


@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """sigma(z) = z where positive, slope * z elsewhere.

    Parameters
    ----------
    slope : float
        Slope on the negative side.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        check_finite(self, "slope")

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return ``z``, its negative part scaled by the slope."""
        return xp.where(z > 0, z, self.slope * z)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return 1 where ``z`` is positive, else the slope."""
        return self.slope + (1 - self.slope) * xp.astype(z > 0, z.dtype)


@dataclass(frozen=True)
class ELU(Elementwise):
    """sigma(z) = z where positive, alpha (e^z - 1) elsewhere (Clevert et al. 2015).

    Parameters
    ----------
    alpha : float
        The limit for large negative ``z`` is -alpha.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self, "alpha")

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the exponential linear unit of ``z``."""
        # where computes both sides, and e^z of a large positive z would overflow
        return xp.where(z > 0, z, self.alpha * xp.expm1(xp.clip(z, None, 0.0)))

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return 1 where ``z`` is positive, else alpha e^z = a + alpha."""
        return xp.where(z > 0, xp.ones_like(z), a + self.alpha)


# the paper prints four decimals of lambda and alpha, these are all that float64 holds
_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True)
class SELU(Elementwise):
    """sigma(z) = scale * ELU(z) with the constants of Klambauer et al. 2017.

    With LeCun's initial weights they keep mean 0 and variance 1 from layer to layer.
    """

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the scaled exponential linear unit of ``z``."""
        return _SELU_SCALE * ELU(_SELU_ALPHA).sigma(z, xp=xp)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return scale where ``z`` is positive, else scale alpha e^z."""
        # before its version of 2024.12 the standard's where takes no plain numbers
        constant = xp.ones_like(z) * _SELU_SCALE
        return xp.where(z > 0, constant, a + _SELU_SCALE * _SELU_ALPHA)


@dataclass(frozen=True)
class Softplus(Elementwise):
    """sigma(z) = ln(1 + e^z)."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the softplus of ``z``."""
        return special.softplus(z, xp=xp)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return the sigmoid of ``z``."""
        return Sigmoid().sigma(z, xp=xp)


@dataclass(frozen=True)
class GELU(Elementwise):
    """sigma(z) = z Phi(z), with the exact distribution function (Hendrycks and Gimpel 2016)."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the Gaussian error linear unit of ``z``."""
        # Phi is 0 below -100 in every dtype, and its product with -inf would be nan
        return xp.clip(z, -100.0, None) * special.normal_cdf(z, xp=xp)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return Phi(z) + z phi(z)."""
        # phi is 0 beyond 100 on both sides, and its product with an infinite z would be nan
        slope = xp.clip(z, -100.0, 100.0) * special.normal_pdf(z, xp=xp)
        return special.normal_cdf(z, xp=xp) + slope


@dataclass(frozen=True)
class SiLU(Elementwise):
    """sigma(z) = z / (1 + e^(-z)), also called swish (Elfwing et al. 2018)."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return ``z`` times its sigmoid."""
        # the sigmoid is 0 below -1e4 in every dtype, and its product with -inf would be nan
        return xp.clip(z, -1e4, None) * Sigmoid().sigma(z, xp=xp)

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return s (1 + z (1 - s)) with s the sigmoid of ``z``."""
        s = Sigmoid().sigma(z, xp=xp)
        # s or 1 - s is 0 at an infinite z, and their product would be nan
        return s * (1 + xp.clip(z, -1e4, 1e4) * (1 - s))


@dataclass(frozen=True)
class Exp(Elementwise):
    """sigma(z) = e^z, at most the largest number of the dtype; the output for ``poisson``."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return the exponential of ``z``."""
        # the logarithm may be rounded up in the dtype of z, and e^z would then overflow
        return xp.exp(xp.clip(z, None, math.log(float(xp.finfo(z.dtype).max)) * 0.999))

    def prime(self, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return e^z."""
        return a


@dataclass(frozen=True)
class Softmax:
    """sigma(z)_j = e^(z_j) / sum_k e^(z_k), over the last axis."""

    def sigma(self, z: Array, *, xp: Namespace) -> Array:
        """Return positive rows with sum 1."""
        # a constant cancels in the fraction: with the largest z at 0 no e^z overflows
        e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
        return e / xp.sum(e, axis=-1, keepdims=True)  # in place, PyTorch could not differentiate it

    def backward(self, dC_da: Array, z: Array, a: Array, *, xp: Namespace) -> Array:
        """Return dC/dz_j = a_j (dC/da_j - sum_k a_k dC/da_k)."""
        return a * (dC_da - xp.sum(a * dC_da, axis=-1, keepdims=True))


ACTIVATIONS: dict[str, type[Activation]] = table({
    "identity": Identity, "sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU,
    "leaky_relu": LeakyReLU, "elu": ELU, "selu": SELU, "softplus": Softplus, "gelu": GELU,
    "silu": SiLU, "exp": Exp, "softmax": Softmax,
})  # fmt: skip
"""Every activation by its name."""


def get(activation: str | Activation) -> Activation:
    """Activation of a name, with its default parameters; an object is returned as it is.

    Raises
    ------
    InputError
        If the name is unknown, or the object lacks ``sigma`` or ``backward``.

    Examples
    --------
    >>> get("leaky-relu")
    LeakyReLU(slope=0.01)
    """
    if isinstance(activation, str):
        return by_name("activation", ACTIVATIONS, activation)()
    methods = (getattr(activation, name, None) for name in ("sigma", "backward"))
    # a class has the methods as well, but no object to call them on
    if isinstance(activation, type) or not all(map(callable, methods)):
        msg = f"activation is {shown(activation)}; give a name or an object with sigma and backward"
        raise InputError(msg)
    return activation

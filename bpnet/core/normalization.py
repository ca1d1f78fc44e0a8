"""Normalization layers: values are scaled to mean 0 and variance 1, then by gamma and beta.

Both apply their activation afterwards, so a hidden layer is a dense one without activation, then
one of these. gamma and beta are learned. The last arrays of a layer with ``averages`` are averages
over the batches of training, which outside training replace the batch's own mean and variance.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from bpnet._typing import Array, Namespace
from bpnet.core import activations, special
from bpnet.core.activations import Activation
from bpnet.core.lookup import check_number
from bpnet.errors import InputError

Shapes = tuple[tuple[int, ...], ...]

_SMALLEST = 2.0**-126
"""Smallest normal number of float32, in which a normalization computes, or in float64."""


class _Normalization:
    """xhat = (x - mean) / sqrt(variance + epsilon), a = sigma(gamma xhat + beta)."""

    n: int
    activation: Activation
    epsilon: float
    axis: ClassVar[int]
    start: ClassVar[tuple[float, ...]]
    averages: ClassVar[int] = 0

    def __post_init__(self) -> None:
        message = "a normalization has n = {!r} values; give a whole number of at least 1"
        check_number(self, "n", message, lambda n: n >= 1, int)
        message = "epsilon of a normalization is {!r}; give a positive number, such as 1e-5"
        check_number(self, "epsilon", message, lambda e: _SMALLEST <= e <= 1 / _SMALLEST, float)
        object.__setattr__(self, "activation", activations.get(self.activation))

    @property
    def shapes(self) -> Shapes:
        """Shapes of gamma, beta, and the averages."""
        return ((self.n,),) * len(self.start)

    def _statistics(
        self, arrays: tuple[Array, ...], x: Array, xp: Namespace, *, training: bool
    ) -> tuple[Array, Array]:
        """Return mean and variance, of shapes that broadcast with ``x``."""
        mean = xp.mean(x, axis=self.axis, keepdims=True)
        # mean of squares less square of the mean would cancel
        return mean, xp.mean((x - mean) ** 2, axis=self.axis, keepdims=True)

    def forward(
        self, arrays: tuple[Array, ...], a: Array, *, xp: Namespace, key: Any = None
    ) -> tuple[Array, Any]:
        """Return sigma(gamma xhat + beta), ``(..., batch, n)``, and the cache."""
        # squares overflow float16, and long sums of halves lose their last terms
        dtype, wide = a.dtype, xp.float32 if special.is_half(a.dtype, xp) else a.dtype
        arrays = tuple(xp.astype(p, wide, copy=False) for p in arrays)
        x, training = xp.astype(a, wide, copy=False), key is not None
        mean, variance = self._statistics(arrays, x, xp, training=training)
        inverse = 1 / xp.sqrt(variance + self.epsilon)
        xhat = (x - mean) * inverse
        z = xp.astype(arrays[0][..., None, :] * xhat + arrays[1][..., None, :], dtype, copy=False)
        a_out = self.activation.sigma(z, xp=xp)
        return a_out, (xhat, inverse, z, a_out, (mean, variance) if training else None)

    def error(self, dC_da: Array, cache: Any, *, xp: Namespace) -> Array:
        """Return dC/dz of z = gamma xhat + beta, ``(..., batch, n)``."""
        return self.activation.backward(dC_da, cache[2], cache[3], xp=xp)

    def backward(
        self, arrays: tuple[Array, ...], cache: Any, delta: Array, below: bool, *, xp: Namespace
    ) -> tuple[tuple[Array, ...], Array | None]:
        """Return (dC/dgamma, dC/dbeta, the values that the averages follow) and dC/dx.

        With g = gamma delta, dC/dx = (g - mean g - xhat mean(g xhat)) / sqrt(variance + epsilon).
        """
        xhat, inverse, *_, statistics = cache
        dtype = delta.dtype
        delta = xp.astype(delta, xhat.dtype, copy=False)
        slopes = (xp.sum(delta * xhat, axis=-2), xp.sum(delta, axis=-2))
        if below:
            g = xp.astype(arrays[0], xhat.dtype, copy=False)[..., None, :] * delta
            # outside training mean and variance are constants, through which no error flows
            if statistics is not None or not self.averages:
                inner = xp.mean(g * xhat, axis=self.axis, keepdims=True)
                g = g - xp.mean(g, axis=self.axis, keepdims=True) - xhat * inner
            dx = xp.astype(g * inverse, dtype, copy=False)
        return (*slopes, *self._followed(arrays, statistics, xhat, xp)), dx if below else None

    def _followed(
        self, arrays: tuple[Array, ...], statistics: Any, xhat: Array, xp: Namespace
    ) -> tuple[Array, ...]:
        """Return the values towards which the averages move; none without averages."""
        return ()


@dataclass(frozen=True)
class LayerNorm(_Normalization):
    """Normalization of each example over its values (Ba et al. 2016).

    Parameters
    ----------
    n : int
        Values of an example.
    activation : str or Activation
        sigma, applied afterwards.
    epsilon : float
        Added to the variance.
    """

    n: int
    activation: Activation = field(default="identity")  # type: ignore[assignment]
    epsilon: float = 1e-5
    axis: ClassVar[int] = -1
    start: ClassVar[tuple[float, ...]] = (1.0, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n == 1:
            msg = "LayerNorm of one value has no variance, its output is always beta; leave it out"
            raise InputError(msg)


@dataclass(frozen=True)
class BatchNorm(_Normalization):
    """Normalization of each value over the batch (Ioffe and Szegedy 2015).

    In training mean and variance are those of the batch, in which the examples count alike,
    whatever their weights. Outside training they are averages over the batches of training, whose
    variance is k/(k-1) times the batch's own. A batch of one example, such as the last one of an
    epoch, has no variance: it updates the layers above, and not the averages. Training where every
    batch has one example is an error.

    A constant that the layers below add to all examples is subtracted with the mean, so that their
    biases are not updated (:func:`bpnet.core.layers.fixed`).

    Parameters
    ----------
    n : int
        Values of an example.
    activation : str or Activation
        sigma, applied afterwards.
    momentum : float
        Share of a batch in the averages, 0 < momentum <= 1.
    epsilon : float
        Added to the variance.
    """

    n: int
    activation: Activation = field(default="identity")  # type: ignore[assignment]
    momentum: float = 0.1
    epsilon: float = 1e-5
    axis: ClassVar[int] = -2
    # gamma, beta, and the averages of mean and variance, before training
    start: ClassVar[tuple[float, ...]] = (1.0, 0.0, 0.0, 1.0)
    averages: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        message = "momentum of BatchNorm is {!r}; give a number above 0 and up to 1"
        check_number(self, "momentum", message, lambda m: 0 < m <= 1, float)

    def _statistics(
        self, arrays: tuple[Array, ...], x: Array, xp: Namespace, *, training: bool
    ) -> tuple[Array, Array]:
        if training:
            return super()._statistics(arrays, x, xp, training=training)
        return arrays[2][..., None, :], arrays[3][..., None, :]

    def _followed(
        self, arrays: tuple[Array, ...], statistics: Any, xhat: Array, xp: Namespace
    ) -> tuple[Array, ...]:
        if statistics is None:
            return arrays[2:]
        mean, variance = (statistic[..., 0, :] for statistic in statistics)
        k = xhat.shape[-2]
        if k is None:  # in the standard, None is a length that is not known yet
            return _followed_if_several(arrays[2:], mean, variance, xhat, xp)
        return (mean, variance * (k / (k - 1))) if k > 1 else arrays[2:]


def _followed_if_several(
    averages: tuple[Array, ...], mean: Array, variance: Array, x: Array, xp: Namespace
) -> tuple[Array, ...]:
    """Values that the averages follow, in a graph that counts the examples of a batch itself."""
    # counted in the graph itself, as only there the length of a batch is known
    one = xp.ones_like(x[..., 0, :1])
    k = xp.sum(xp.ones_like(x[..., :1]), axis=-2)
    unbiased = variance * (k / xp.maximum(k - 1, one))
    return tuple(
        xp.where(k > 1, new, old) for new, old in zip((mean, unbiased), averages, strict=True)
    )


NORMS: dict[str, type[Any]] = {"batch": BatchNorm, "layer": LayerNorm}
"""Every normalization by its name."""

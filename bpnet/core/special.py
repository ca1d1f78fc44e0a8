"""Functions that the standard lacks: log-sum-exp, softplus, the normal distribution and others."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from array_api_compat import device

from bpnet._typing import Array, DType, Namespace

# Rational approximations of erf and erfc: W. J. Cody, "Rational Chebyshev approximations for
# the error function", Math. Comp. 23 (1969), 631-637; coefficients of his program CALERF.
# Highest power first; for |x| <= 0.46875, up to 4, and beyond.
_ERF_NUMERATOR = (
    1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
    3.20937758913846947e3,
)  # fmt: skip
_ERF_DENOMINATOR = (
    1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
    2.84423683343917062e3,
)  # fmt: skip
_ERFC_NUMERATOR = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
    1.23033935479799725e3,
)  # fmt: skip
_ERFC_DENOMINATOR = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
    1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
    1.23033935480374942e3,
)  # fmt: skip
_TAIL_NUMERATOR = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
    1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_TAIL_DENOMINATOR = (
    1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
    6.05183413124413191e-2, 2.33520497626869185e-3,
)  # fmt: skip


@lru_cache(maxsize=64)  # called several times a step; finfo costs as much as a small product
def is_half(dtype: DType, xp: Namespace) -> bool:
    """Whether a real floating dtype has fewer than 32 bits."""
    return bool(xp.finfo(dtype).bits < 32)


@lru_cache(maxsize=64)
def is_floating(dtype: DType, xp: Namespace) -> bool:
    """Whether a dtype is a real floating one."""
    return bool(xp.isdtype(dtype, "real floating"))


def accumulate(x: Array, *, axis: int | None, xp: Namespace) -> Array:
    """Sum over one axis, or all, of ``x``; halves are added up in float32."""
    # float16 ends at 65504, and bfloat16 can't add 1 to 256
    if is_half(x.dtype, xp):
        return xp.astype(xp.sum(xp.astype(x, xp.float32), axis=axis), x.dtype)
    return xp.sum(x, axis=axis)


def or_one(total: Array, *, xp: Namespace) -> Array:
    """The total, or 1 where it is 0: the sum of the weights of a batch may be 0."""
    return xp.where(total > 0, total, xp.ones_like(total))


def without_subnormals(a: Array, *, xp: Namespace) -> Array:
    """Zeros in place of numbers below the smallest normal one, of any shape.

    An operation with such a number takes a hundred cycles on many processors. A sum that decays by
    a factor a step, such as Adam's, ends at such a number and not at 0: a factor of 0.9 rounds four
    units in the last place to four.

    Examples
    --------
    >>> import numpy as np
    >>> without_subnormals(np.asarray([1e-39, -0.5, 0.0], np.float32), xp=np).tolist()
    [0.0, -0.5, 0.0]
    """
    return xp.where(xp.abs(a) < xp.finfo(a.dtype).smallest_normal, xp.zeros_like(a), a)


def beside(values: Any, array: Array) -> Any:
    """Return a number as it is, and an array, (members,), with axes to broadcast with ``array``."""
    if not getattr(values, "ndim", 0):
        return values
    return values[(..., *(None,) * (array.ndim - values.ndim))]


def _horner(coefficients: Sequence[float], x: Array) -> Array:
    # a new array, to which the first addition may write
    value = coefficients[0] * x
    for c in coefficients[1:-1]:
        value += c
        value = value * x
    return value + coefficients[-1]


def erfc(x: Array, *, xp: Namespace) -> Array:
    """Complementary error function, 1 - erf(x), of real numbers of at least 32 bits.

    The error is a few units in the last place for |x| < 4.

    Examples
    --------
    >>> import numpy as np
    >>> float(erfc(np.asarray(0.5), xp=np)).__round__(12)
    0.479500122187
    """
    # each branch is computed everywhere within its own range, and where chooses: no branch on data
    size = xp.abs(x)
    small = xp.clip(x, -0.46875, 0.46875)
    square = small * small
    inner = 1 - small * _horner(_ERF_NUMERATOR, square) / _horner(_ERF_DENOMINATOR, square)

    middle = xp.clip(size, 0.46875, 4.0)
    ratio = _horner(_ERFC_NUMERATOR, middle) / _horner(_ERFC_DENOMINATOR, middle)

    # beyond 30 the result is zero in float64 and x*x could overflow
    far = xp.clip(size, 4.0, 30.0)
    inverse = 1 / (far * far)
    tail = inverse * _horner(_TAIL_NUMERATOR, inverse) / _horner(_TAIL_DENOMINATOR, inverse)
    tail = (1 / math.sqrt(math.pi) - tail) / far

    far = xp.clip(size, 0.0, 30.0)
    outer = xp.exp(-far * far) * xp.where(size <= 4.0, ratio, tail)
    outer = xp.where(x < 0, 2 - outer, outer)
    return xp.where(size <= 0.46875, inner, outer)


def normal_cdf(z: Array, *, xp: Namespace) -> Array:
    """Distribution function of the standard normal, Phi(z) = erfc(-z / sqrt(2)) / 2.

    Halves are computed in float32: the polynomials of :func:`erfc` overflow float16.
    """
    if is_half(z.dtype, xp):
        wide = xp.astype(z, xp.float32)
        return xp.astype(normal_cdf(wide, xp=xp), z.dtype)
    return 0.5 * erfc(z * -math.sqrt(0.5), xp=xp)


def normal_pdf(z: Array, *, xp: Namespace) -> Array:
    """Density of the standard normal, phi(z) = exp(-z^2 / 2) / sqrt(2 pi)."""
    # beyond 100 the density is 0 in every dtype, and z * z could overflow
    z = xp.clip(z, -100.0, 100.0)
    return xp.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))


def positive_part(z: Array, *, xp: Namespace) -> Array:
    """max(z, 0), a new array; nan stays nan.

    Not ``clip``, which ``array_api_compat`` has to rebuild for NumPy, many times slower.
    """
    return xp.maximum(z, xp.zeros((), dtype=z.dtype, device=device(z)))


def softplus(z: Array, *, xp: Namespace) -> Array:
    """ln(1 + e^z) = max(z, 0) + ln(1 + e^(-|z|)), which cannot overflow."""
    return positive_part(z, xp=xp) + xp.log1p(xp.exp(-xp.abs(z)))


def logsumexp(z: Array, *, xp: Namespace) -> Array:
    """ln(sum_j e^(z_j)) over the last axis, which is kept with length 1; it can't overflow.

    Examples
    --------
    >>> import numpy as np
    >>> logsumexp(np.asarray([1000.0, 1000.0]), xp=np) - 1000
    array([0.69314718])
    """
    top = xp.max(z, axis=-1, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))  # inf - inf would be nan
    return top + xp.log(xp.sum(xp.exp(z - top), axis=-1, keepdims=True))


def argmax(z: Array, classes: Array, *, xp: Namespace) -> Array:
    """Number of the first largest value of each row of ``z``, (..., n), in the dtype of classes.

    ``classes`` are 0 to n - 1, in the integers that the device indexes with.

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> z = xp.asarray([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])
    >>> argmax(z, xp.arange(3), xp=xp).tolist()
    [1, 0]
    >>> argmax(z, xp.arange(3, dtype=xp.int32), xp=xp).tolist()
    [1, 0]
    """
    if hasattr(xp, "int64") and classes.dtype == xp.int64:
        return xp.argmax(z, axis=-1)
    # the standard's argmax may return int64, which this library or device lacks
    largest = z == xp.max(z, axis=-1, keepdims=True)
    beyond = xp.zeros_like(classes) + classes.shape[0]
    return xp.min(xp.where(largest, classes, beyond), axis=-1)


def one_hot(labels: Array, classes: Array, dtype: DType, *, xp: Namespace) -> Array:
    """Rows with a 1 at each label, ``(..., batch, n)``.

    The labels are class numbers, (..., batch), and ``classes`` 0 to n - 1, made once by the caller.

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> one_hot(xp.asarray([2, 0]), xp.arange(3), xp.float64, xp=xp)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    return xp.astype(labels[..., None] == classes, dtype)


def polynomial_terms(n: int, r: int) -> int:
    """Terms of degree ``r`` in ``n`` features: (n + r - 1)! / (r! (n - 1)!), section 2.

    The paper gives 5,050 for a picture of 100x100 pixels; that is the count for n = 100. The
    picture has n = 10,000 features:

    >>> polynomial_terms(10_000, 2)
    50005000
    >>> polynomial_terms(3, 2)
    6
    """
    return math.comb(n + r - 1, r)

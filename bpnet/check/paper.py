"""The paper's network in float64 NumPy, one example at a time and in its own orientation.

``W`` is (n_out, n_in). Every function takes complex numbers too: derivatives come from the complex
step, Im C(x + ih) / h, which is exact to rounding and knows nothing of backpropagation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

W2, b2 = np.asarray([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]]), np.asarray([0.125, -0.25])
W3, b3 = np.asarray([[1.0, -2.0], [0.5, 0.75]]), np.asarray([0.25, -0.5])
X = np.asarray([[1.0, 2.0, -0.5], [0.5, -1.0, 1.0], [-2.0, 0.0, 1.5]])
Y = np.asarray([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def sigma(z: Any) -> Any:
    """(8), the definition."""
    return 1 / (1 + np.exp(-z))


def output(x: Any, W2: Any = W2, b2: Any = b2) -> Any:
    """(11)-(14): z^3 and a^3."""
    z3 = W3 @ sigma(W2 @ x + b2) + b3
    return z3, sigma(z3)


def quadratic(a: Any, y: Any) -> Any:
    """(5), half the squared norm."""
    return ((a - y) ** 2).sum() / 2


def cross_entropy(a: Any, y: Any) -> Any:
    """(25), the cost of one example."""
    return -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum()


def slope(f: Callable[[Any], Any], at: Any) -> Any:
    """df/d(at) of a scalar function, by the complex step."""
    h, flat = 1e-30, np.asarray(at, complex).ravel()
    moved = (flat + 1j * h * axis for axis in np.eye(flat.size))
    return np.reshape([f(v.reshape(np.shape(at))).imag / h for v in moved], np.shape(at))


def slopes(cost: Any, k: int = 3) -> list[Any]:
    """Mean over k examples of dC/dW^2, dC/db^2, dC/dW^3 and dC/db^3, (6)."""
    each = [_slopes(cost, x, y) for x, y in zip(X[:k], Y[:k], strict=True)]
    return [sum(parts) / k for parts in zip(*each, strict=True)]


def _slopes(cost: Any, x: Any, y: Any) -> list[Any]:
    a2 = sigma(W2 @ x + b2)
    return [
        slope(lambda W: cost(output(x, W2=W)[1], y), W2),
        slope(lambda b: cost(output(x, b2=b)[1], y), b2),
        slope(lambda W: cost(sigma(W @ a2 + b3), y), W3),
        slope(lambda b: cost(sigma(W3 @ a2 + b), y), b3),
    ]
